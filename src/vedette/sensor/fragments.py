"""IP fragments put together again, with bounds on how many, how large and how long.

Source:
    RFC 791 §3.2; RFC 8200 §4.5; RFC 5722 (an IPv6 datagram with overlapping fragments is dropped whole).
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

MAX_DATAGRAM_BYTES: Final = 65_535
_MAX_PIECES: Final = 64
_TIMEOUT_NS: Final = 30 * 1_000_000_000


class _Partial:
    __slots__ = ("began_ns", "pieces", "size", "total")

    def __init__(self, at_ns: int) -> None:
        self.began_ns = at_ns
        self.pieces: dict[int, bytes] = {}
        self.size = 0
        self.total: int | None = None


class Fragments:
    """Keeps fragments until their datagram is whole.

    Args:
        max_datagrams: Unfinished ones at most; the oldest is dropped for a new one.
        max_bytes: In all of them together.
    """

    __slots__ = ("_held_bytes", "_max_bytes", "_max_datagrams", "_partials", "dropped")

    def __init__(self, max_datagrams: int = 1_024, max_bytes: int = 8 * 1024 * 1024) -> None:
        self._max_datagrams: Final = max_datagrams
        self._max_bytes: Final = max_bytes
        self._partials: dict[Hashable, _Partial] = {}
        self._held_bytes = 0
        self.dropped = 0

    @property
    def held_bytes(self) -> int:
        """How many bytes wait for the rest of their datagram."""
        return self._held_bytes

    def add(self, key: Hashable, offset: int, piece: bytes, at_ns: int, *, is_last: bool) -> bytes | None:
        """Add a fragment; return the datagram's payload if it is whole now.

        Args:
            key: Addresses, protocol and identification.
            offset: In bytes.
            piece: Its content.
            at_ns: When it came.
            is_last: Whether no more fragments follow behind this one.
        """
        partial = self._partials.get(key)
        if partial is not None and at_ns - partial.began_ns > _TIMEOUT_NS:
            self._drop(key)
            partial = None
        if partial is None:
            while self._partials and (
                len(self._partials) >= self._max_datagrams or self._held_bytes + len(piece) > self._max_bytes
            ):
                self._drop(next(iter(self._partials)))
            partial = self._partials[key] = _Partial(at_ns)
        end = offset + len(piece)
        if offset in partial.pieces:
            return None
        if end > MAX_DATAGRAM_BYTES or len(partial.pieces) >= _MAX_PIECES or not piece:
            self._drop(key)
            return None
        partial.pieces[offset] = piece
        partial.size += len(piece)
        self._held_bytes += len(piece)
        if is_last:
            partial.total = end
        if partial.total is None or partial.size < partial.total:
            return None
        return self._whole(key, partial)

    def _whole(self, key: Hashable, partial: _Partial) -> bytes | None:
        content = bytearray()
        for offset in sorted(partial.pieces):
            if offset != len(content):
                # A hole or an overlap: what either side made of it can't be known.
                self._drop(key)
                return None
            content += partial.pieces[offset]
        del self._partials[key]
        self._held_bytes -= partial.size
        return bytes(content) if len(content) == partial.total else None

    def _drop(self, key: Hashable) -> None:
        partial = self._partials.pop(key)
        self._held_bytes -= partial.size
        self.dropped += 1
