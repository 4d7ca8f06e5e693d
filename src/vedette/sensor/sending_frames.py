"""From the process that listens to the one that sends: records in frames over a pipe, which never makes it wait."""

from __future__ import annotations

import os
import select
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from vedette.protocols.sensor import Record

FRAME_BYTES_MAX: Final = 176 * 1024
"""Less than a batch, which a frame becomes."""
_FRAME_RECORDS_MAX: Final = 2_000
_PENDING_BYTES_MAX: Final = 16 * 1024 * 1024
_LENGTH_BYTES: Final = 4
_MAX_ERRORS_CHARS: Final = 200

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(list[Record])


class BadFrame(ValueError):  # noqa: N818 - what came, not what went wrong
    """The bytes of a frame are none."""


def split(records: Iterable[Record]) -> Iterator[tuple[list[Record], list[bytes]]]:
    """Yield records in groups that fit a batch, with what each becomes when written."""
    group: list[Record] = []
    pieces: list[bytes] = []
    size = 0
    for record in records:
        piece = _encoder.encode(record)
        if group and (size + len(piece) > FRAME_BYTES_MAX or len(group) >= _FRAME_RECORDS_MAX):
            yield group, pieces
            group, pieces, size = [], [], 0
        group.append(record)
        pieces.append(piece)
        size += len(piece)
    if group:
        yield group, pieces


def write_frames(records: Iterable[Record]) -> list[tuple[bytes, int]]:
    """Return records as frames, each with how many it holds."""
    return [(_frame(pieces), len(pieces)) for _, pieces in split(records)]


def _frame(pieces: list[bytes]) -> bytes:
    body = b"\xdd" + len(pieces).to_bytes(4, "big") + b"".join(pieces)  # MessagePack: an array of 32 bits' length
    return len(body).to_bytes(_LENGTH_BYTES, "big") + body


class FrameReader:
    """Puts frames together from what a pipe delivers."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[list[Record]]:
        """Return the records of each frame that is complete.

        Raises:
            BadFrame: What came is none; nothing can be read after it.
        """
        buffer = self._buffer
        buffer += data
        frames: list[list[Record]] = []
        while len(buffer) >= _LENGTH_BYTES:
            end = _LENGTH_BYTES + int.from_bytes(buffer[:_LENGTH_BYTES], "big")
            if end > FRAME_BYTES_MAX + 64:
                raise BadFrame(f"a frame of {end} bytes")
            if len(buffer) < end:
                break
            try:
                frames.append(_decoder.decode(buffer[_LENGTH_BYTES:end]))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                raise BadFrame(str(error)[:_MAX_ERRORS_CHARS]) from None
            del buffer[:end]
        return frames


class FramePipe:
    """The writing end; when the reader is slow, frames wait in memory, and then are dropped and counted.

    Args:
        file: Descriptor of the pipe.
    """

    def __init__(self, file: int) -> None:
        os.set_blocking(file, False)
        self._file: Final = file
        self._pending: Final[deque[tuple[bytes, int]]] = deque()
        self._pending_bytes = 0
        self.lost = 0
        """Records that were dropped."""

    def send(self, records: Iterable[Record]) -> None:
        """Write records as far as the pipe takes them, and keep the rest.

        Raises:
            BrokenPipeError: Nobody reads any more.
        """
        for frame, held in write_frames(records):
            if self._pending_bytes + len(frame) > _PENDING_BYTES_MAX:
                self.lost += held
            else:
                self._pending.append((frame, held))
                self._pending_bytes += len(frame)
        self.flush()

    def flush(self) -> bool:
        """Write what waits, as far as the pipe takes it; answer whether nothing waits any more.

        Raises:
            BrokenPipeError: Nobody reads any more.
        """
        while self._pending:
            frame, held = self._pending.popleft()
            try:
                written = os.write(self._file, frame)
            except BlockingIOError:
                written = 0
            self._pending_bytes -= written
            if written < len(frame):
                self._pending.appendleft((frame[written:], held))
                return False
        return True

    def drain(self, timeout_s: float) -> bool:
        """Wait until everything is written; answer whether it was.

        Raises:
            BrokenPipeError: Nobody reads any more.
        """
        turns = max(1, int(timeout_s / 0.1))
        for _ in range(turns):
            if self.flush():
                return True
            select.select([], [self._file], [], 0.1)
        return self.flush()
