"""The files of captures: one directory, readable by the platform alone. Everything here waits for the disk."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from vedette.network.captures.errors import CaptureNotFound

_ID: Final = re.compile(r"cap_[a-z0-9]{10,40}")
_SUFFIXES: Final = (".capture", ".report", ".report.new", ".batches")
_LENGTH_BYTES: Final = 4
_MODE: Final = 0o600


class CaptureFiles:
    """Captures, reports and what is on its way to the inventory, by the id of the capture.

    Args:
        directory: Made when something is first written.
    """

    def __init__(self, directory: Path) -> None:
        self._directory: Final = directory

    def free_bytes(self) -> int:
        """Return how much room the disk has."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return shutil.disk_usage(self._directory).free

    def write_part(self, capture_id: str, offset: int, part: bytes, *, is_last: bool) -> None:
        """Write a part of a capture where it belongs; the last one returns when all of it is on the disk.

        Raises:
            OSError: The disk is full, or fails.
        """
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = self._open(self._path(capture_id, ".capture"), os.O_RDWR | os.O_CREAT)
        try:
            os.ftruncate(descriptor, offset)
            view = memoryview(part)
            while view:
                written = os.pwrite(descriptor, view, offset)
                view, offset = view[written:], offset + written
            if is_last:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def received_bytes(self, capture_id: str) -> int:
        """Return how much of a capture is there."""
        try:
            return self._path(capture_id, ".capture").stat().st_size
        except FileNotFoundError:
            return 0

    def open_capture(self, capture_id: str) -> BinaryIO:
        """Open a capture for reading.

        Raises:
            CaptureNotFound: The file is not there any more.
        """
        return self._read(capture_id, ".capture")

    def open_report(self, capture_id: str) -> BinaryIO:
        """Open a report for reading.

        Raises:
            CaptureNotFound: There is none.
        """
        return self._read(capture_id, ".report")

    def begin(self, capture_id: str) -> Findings:
        """Return what takes an analysis; a former one that was not finished leaves nothing."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        report = self._open(self._path(capture_id, ".report.new"), flags)
        batches = self._open(self._path(capture_id, ".batches"), flags)
        return Findings(os.fdopen(report, "wb"), os.fdopen(batches, "wb"))

    def keep_report(self, capture_id: str) -> int:
        """Put a report where it is read; return its size."""
        path = self._path(capture_id, ".report")
        self._path(capture_id, ".report.new").replace(path)
        return path.stat().st_size

    def batches(self, capture_id: str) -> Iterator[bytes]:
        """Yield what an analysis has to tell the inventory."""
        with self._read(capture_id, ".batches") as file:
            while len(head := file.read(_LENGTH_BYTES)) == _LENGTH_BYTES:
                yield file.read(int.from_bytes(head, "big"))

    def remove_capture(self, capture_id: str) -> None:
        """Remove the capture, and what is left of an analysis; the report stays."""
        for suffix in (".capture", ".report.new", ".batches"):
            self._path(capture_id, suffix).unlink(missing_ok=True)

    def remove(self, capture_id: str) -> None:
        """Remove everything of a capture."""
        for suffix in _SUFFIXES:
            self._path(capture_id, suffix).unlink(missing_ok=True)

    def known(self) -> set[str]:
        """Return the captures of which there is a file."""
        if not self._directory.is_dir():
            return set()
        names = (path.name.partition(".")[0] for path in self._directory.iterdir())
        return {name for name in names if _ID.fullmatch(name)}

    def _path(self, capture_id: str, suffix: str) -> Path:
        if not _ID.fullmatch(capture_id):
            raise CaptureNotFound(f"there is no capture {capture_id[:80]!r}", hint="see them: vedette capture list")
        return self._directory / f"{capture_id}{suffix}"

    def _open(self, path: Path, flags: int) -> int:
        return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, _MODE)

    def _read(self, capture_id: str, suffix: str) -> BinaryIO:
        try:
            return os.fdopen(self._open(self._path(capture_id, suffix), os.O_RDONLY), "rb")
        except FileNotFoundError:
            what = "report" if suffix == ".report" else "file"
            raise CaptureNotFound(
                f"there is no {what} of this capture", hint="see its state: vedette capture show"
            ) from None


class Findings:
    """What an analysis finds, on its way to the disk."""

    def __init__(self, report: BinaryIO, batches: BinaryIO) -> None:
        self._report: Final = report
        self._batches: Final = batches
        self.report_bytes = 0
        self.batch_bytes = 0

    def add_report(self, part: bytes) -> None:
        """Take a part of the report."""
        self._report.write(part)
        self.report_bytes += len(part)

    def end_report(self, rest: bytes) -> None:
        """Put the rest of a report in the place of the last byte of what was taken."""
        self._report.seek(-1, os.SEEK_CUR)
        self._report.write(rest)

    def add_batch(self, batch: bytes) -> None:
        """Take what the inventory is to be told."""
        self._batches.write(len(batch).to_bytes(_LENGTH_BYTES, "big") + batch)
        self.batch_bytes += len(batch)

    def close(self) -> None:
        """Return when all of it is on the disk."""
        for file in (self._report, self._batches):
            with file:
                file.flush()
                os.fsync(file.fileno())
