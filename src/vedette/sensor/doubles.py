"""Frames that a mirror port delivers twice: once on their way in, once on their way out, perhaps in two VLANs."""

from __future__ import annotations

from typing import Final

WINDOW_NS: Final = 1_000_000
"""Mirrored doubles follow within microseconds; what is said again a millisecond later was said again."""


class Doubles:
    """Remembers what was seen within the last moments. TCP needs none: its sequence numbers tell.

    Args:
        window_ns: How long.
        max_entries: How many at most, in each of two halves of the window.
    """

    __slots__ = ("_began_ns", "_max_entries", "_new", "_old", "_window_ns", "seen")

    def __init__(self, window_ns: int = WINDOW_NS, max_entries: int = 4_096) -> None:
        self._window_ns: Final = window_ns
        self._max_entries: Final = max_entries
        self._new: dict[int, int] = {}
        self._old: dict[int, int] = {}
        self._began_ns = 0
        self.seen = 0

    def is_double(self, content: bytes, at_ns: int) -> bool:
        """Tell whether the same content came within the window, and remember it.

        Args:
            content: From the addresses of the innermost network layer on: what mirroring and routing leave as it is.
            at_ns: When it came.
        """
        new = self._new
        if not 0 <= at_ns - self._began_ns <= self._window_ns or len(new) >= self._max_entries:
            self._old = new
            new = self._new = {}
            self._began_ns = at_ns
        mark = hash(content)
        before_ns = new.get(mark)
        if before_ns is None:
            before_ns = self._old.get(mark)
        new[mark] = at_ns
        if before_ns is not None and 0 <= at_ns - before_ns <= self._window_ns:
            self.seen += 1
            return True
        return False
