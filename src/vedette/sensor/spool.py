"""What waits to be sent, on disk: a bounded queue that survives the process, the machine, and a long time alone.

Invariants: an entry counts as kept once it is synced; entries come out in the order in which they went in; one leaves
when the platform took it, or, when the spool is full, as the oldest, and is counted as lost. What is read back may be
torn or damaged: it is noticed, and what stands before it and in other segments is sent.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final

import msgspec

from vedette.kernel import Problem
from vedette.sensor.spool_segment import (
    ENTRY_BYTES_MAX,
    HEAD_BYTES,
    MAGIC,
    read_cursor,
    read_entry,
    read_segment,
    write_cursor,
    write_entry,
)

log = logging.getLogger(__name__)

_SEGMENT_BYTES: Final = 4 * 1024 * 1024
_SHARE: Final = 8
_SUFFIX: Final = ".spool"
_CURSOR_NAME: Final = "cursor"
_CURSOR_EVERY: Final = 16
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class SpoolProblem(Problem):
    """The folder of the buffer can't be used."""

    code: ClassVar[str] = "sensor.spool"


class Kept(msgspec.Struct, frozen=True):
    """An entry that waits."""

    segment: int
    start: int
    end: int
    records: int
    payload: bytes


class _Segment(msgspec.Struct):
    size: int
    records: int = 0
    taken: int = 0
    """Records of it that the platform took."""


class Spool:
    """A queue of payloads in a folder; every call may block on the disk, and any thread may make it.

    Args:
        folder: Made if it is not there; nobody else may write into it.
        max_bytes: The oldest entries leave before it takes more than this.
        segment_bytes: Entries leave by segments of about this size.

    Raises:
        SpoolProblem: The folder can't be made or read.
    """

    def __init__(self, folder: Path, *, max_bytes: int, segment_bytes: int = _SEGMENT_BYTES) -> None:
        self._folder: Final = folder
        self._max_bytes: Final = max_bytes
        self._segment_bytes: Final = min(segment_bytes, max_bytes // _SHARE)
        self._lock: Final = threading.Lock()
        self._segments: Final[dict[int, _Segment]] = {}
        self._file: int | None = None
        self._read_at = (0, 0)
        self._taken_at = (0, 0)
        self._bytes = 0
        self._waiting = 0
        self._takes = 0
        self._newest = 0
        """The highest number that a segment ever had."""
        self.lost = 0
        """Records that had to leave since it was opened, or could not be read back."""
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._load()
        except OSError as error:
            raise SpoolProblem(f"{folder}: {error.strerror}", hint="the sensor needs a folder of its own") from None

    @property
    def waiting(self) -> int:
        """How many records wait to be taken."""
        return self._waiting

    @property
    def size_bytes(self) -> int:
        """How much it takes on disk."""
        return self._bytes

    @property
    def max_bytes(self) -> int:
        """How much it may take."""
        return self._max_bytes

    def append(self, entries: Sequence[tuple[bytes, int]]) -> None:
        """Keep payloads, each with the number of its records; when this returns, they are on disk.

        A disk that is full counts as a full spool: the oldest leave.

        Raises:
            SpoolProblem: The disk did not take them all: none is kept, all count as lost.
        """
        with self._lock:
            may_drop = len(self._segments)
            while True:
                number = max(self._segments, default=0)
                before = msgspec.structs.replace(self._segments.get(number, _Segment(0)))
                try:
                    self._write_all(entries)
                except OSError as error:
                    self._undo(number, before)
                    if error.errno in _FULL and may_drop > 0 and len(self._segments) > 1:
                        may_drop -= 1
                        self._drop_oldest()
                        continue
                    self.lost += sum(records for _, records in entries)
                    raise SpoolProblem(f"{self._folder}: {error.strerror}", hint="is the disk full?") from None
                return

    def read(self, max_entries: int) -> list[Kept]:
        """Return the next entries that were not read yet, in order; empty if there are none."""
        found: list[Kept] = []
        with self._lock:
            while len(found) < max_entries:
                kept = self._read_next()
                if kept is None:
                    break
                found.append(kept)
        return found

    def rewind(self) -> None:
        """Read again from the first entry that was not taken."""
        with self._lock:
            self._read_at = self._taken_at

    def take(self, kept: Sequence[Kept]) -> None:
        """Note that the platform took entries, given in the order in which they were read."""
        with self._lock:
            for each in kept:
                segment = self._segments.get(each.segment)
                if segment is None:  # it had to leave while it was on its way: it is not lost after all
                    self.lost -= each.records
                elif (each.segment, each.start) >= self._taken_at:
                    segment.taken += each.records
                    self._waiting -= each.records
                    self._taken_at = (each.segment, each.end)
            self._leave_behind()
            self._takes += 1
            if not self._takes % _CURSOR_EVERY:
                self._write_cursor()

    def close(self) -> None:
        """Note where it stands, and let go of the files."""
        with self._lock:
            self._write_cursor()
            self._close_file()

    def _load(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._taken_at = read_cursor((self._folder / _CURSOR_NAME).read_bytes())
        numbers = sorted(self._numbers())
        self._newest = max(numbers, default=0)
        for number in numbers:
            path = self._path(number)
            if number < self._taken_at[0]:
                path.unlink()
                continue
            reading = read_segment(path.read_bytes())
            if not reading.is_whole:
                log.warning("a part of the buffer was torn and is left out", extra={"segment": str(path)})
            segment = _Segment(path.stat().st_size)
            for entry in reading.entries:
                segment.records += entry.records
                if (number, entry.start) < self._taken_at:
                    segment.taken += entry.records
            self._segments[number] = segment
            self._bytes += segment.size
            self._waiting += segment.records - segment.taken
        self._read_at = self._taken_at
        self._leave_behind()

    def _numbers(self) -> list[int]:
        return [int(path.stem) for path in self._folder.glob(f"*{_SUFFIX}") if path.stem.isdecimal()]

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:020d}{_SUFFIX}"

    def _write_all(self, entries: Sequence[tuple[bytes, int]]) -> None:
        for payload, records in entries:
            self._write(write_entry(payload, records), records, len(payload))
        if self._file is not None:
            os.fdatasync(self._file)

    def _write(self, data: bytes, records: int, payload_bytes: int) -> None:
        if payload_bytes > ENTRY_BYTES_MAX:
            raise ValueError(f"an entry of {payload_bytes} bytes; {ENTRY_BYTES_MAX} is the most")
        current = max(self._segments, default=0)
        if self._file is None or self._segments[current].size + len(data) > self._segment_bytes:
            current = self._begin()
        while self._bytes + len(data) > self._max_bytes and len(self._segments) > 1:
            self._drop_oldest()
        assert self._file is not None  # noqa: S101 - begun above
        view = memoryview(data)
        while view:
            view = view[os.write(self._file, view) :]
        segment = self._segments[current]
        segment.size += len(data)
        segment.records += records
        self._bytes += len(data)
        self._waiting += records

    def _begin(self) -> int:
        """Begin a segment; the one before is synced, so that no later one is kept without it."""
        if self._file is not None:
            os.fdatasync(self._file)
            self._close_file()
        number = self._newest = max(self._newest, self._taken_at[0]) + 1
        self._file = os.open(self._path(number), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._segments[number] = _Segment(0)
        os.write(self._file, MAGIC)
        self._segments[number].size = len(MAGIC)
        self._bytes += len(MAGIC)
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return number

    def _undo(self, number: int, before: _Segment) -> None:
        """Take back what an append wrote that did not end well; ``number`` was the current segment before it."""
        self._close_file()
        for each in [each for each in self._segments if each > number]:
            gone = self._segments.pop(each)
            self._bytes -= gone.size
            self._waiting -= gone.records
            self._remove(each)
        segment = self._segments.get(number)
        if segment is not None:
            self._bytes -= segment.size - before.size
            self._waiting -= segment.records - before.records
            segment.size, segment.records = before.size, before.records
            with contextlib.suppress(OSError):
                os.truncate(self._path(number), before.size)

    def _read_next(self) -> Kept | None:
        number, offset = self._read_at
        for each in sorted(self._segments):
            if each < number:
                continue
            start = max(offset if each == number else 0, len(MAGIC))
            if start < self._segments[each].size and (kept := self._read_at_place(each, start)) is not None:
                self._read_at = (each, kept.end)
                return kept
        return None

    def _read_at_place(self, number: int, start: int) -> Kept | None:
        try:
            with self._path(number).open("rb") as file:
                file.seek(start)
                head = file.read(HEAD_BYTES)
                data = head + file.read(min(int.from_bytes(head[:4], "big"), ENTRY_BYTES_MAX))
        except OSError:
            return None
        entry = read_entry(data, 0)
        if entry is None:
            return None
        return Kept(number, start, start + entry.end, entry.records, entry.payload)

    def _drop_oldest(self) -> None:
        number = min(self._segments)
        gone = self._segments.pop(number)
        self._bytes -= gone.size
        self._waiting -= gone.records - gone.taken
        self.lost += gone.records - gone.taken
        self._remove(number)
        following = (min(self._segments), 0)
        self._taken_at = max(self._taken_at, following)
        self._read_at = max(self._read_at, following)

    def _leave_behind(self) -> None:
        """Remove segments of which nothing waits any more, but never the one that is written to."""
        for number in sorted(self._segments)[:-1]:
            segment = self._segments[number]
            left = segment.records - segment.taken
            if left and number >= self._taken_at[0]:
                break
            del self._segments[number]
            self._bytes -= segment.size
            self._waiting -= left
            self.lost += left  # later ones were taken: these could not be read back
            following = (min(self._segments), 0)
            self._taken_at, self._read_at = max(self._taken_at, following), max(self._read_at, following)
            self._write_cursor()
            self._remove(number)

    def _remove(self, number: int) -> None:
        """Delete a segment's file; one that can't be goes when the spool is opened next, by the cursor."""
        with contextlib.suppress(OSError):
            self._path(number).unlink(missing_ok=True)

    def _write_cursor(self) -> None:
        """Note what was taken; not synced: if it is lost, that is sent once more, and changes nothing there."""
        path = self._folder / _CURSOR_NAME
        fresh = path.with_suffix(".new")
        with contextlib.suppress(OSError):
            fresh.write_bytes(write_cursor(*self._taken_at))
            fresh.replace(path)

    def _close_file(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
