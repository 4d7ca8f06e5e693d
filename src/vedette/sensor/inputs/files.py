"""Lines of log files: compressed or not, in the order of their times, rotated ones included, never more than a bound.

Zeek writes a connection when it ends and times it by its beginning, so the lines of a file are not in order, and those
of several files even less. Each file is read through a buffer that gives out the oldest line first.
"""

from __future__ import annotations

import gzip
import heapq
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from vedette.kernel import Problem
from vedette.sensor.inputs.rows import LINE_BYTES_MAX, Row, read_row

FILES_MAX: Final = 20_000
OPEN_MAX: Final = 256
_BUFFER_BYTES: Final = 64 * 1024 * 1024
_MIN_BUFFER_BYTES: Final = 256 * 1024
_GZIP: Final = b"\x1f\x8b"
# conn.log, conn.12:00:00-13:00:00.log.gz, 2026-01-01/conn.08:00:00-09:00:00.log, eve.json, eve-2026-01-01.json.1.gz
_NAME: Final = re.compile(
    r"(?P<name>[a-z][a-z0-9_]{0,63})(?:[.\-][0-9:.\-_tTzZ]+)?\.(?:log|json)(?:[.\-][0-9\-]+)?(?:\.gz)?"
)
_SUFFIXES: Final = (".log", ".json", ".gz")

TimeOf = Callable[[Row], int | None]


class LogProblem(Problem):
    """Logs that can't be read at all."""

    code = "sensor.log"


class Line(NamedTuple):
    """A record, where it stood and when it was."""

    at_ns: int
    log: str
    """``conn``, ``eve``: the file's name without date and ending."""
    row: Row


class LineCounts:
    """What was read, and what of it could not be understood."""

    def __init__(self) -> None:
        self.lines = 0
        self.not_understood = 0
        """No JSON object, without a time, or too long."""
        self.damaged_files: Final[dict[str, str]] = {}


def log_name(path: Path) -> str:
    """Return which log a file is a part of; empty if its name is none."""
    found = _NAME.fullmatch(path.name.lower())
    return found["name"] if found else ""


def log_files(paths: Sequence[Path]) -> list[Path]:
    """Return files, and the logs in folders and their subfolders, oldest first.

    Raises:
        LogProblem: A path is not there, or there is no log.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = (each for each in path.rglob("*") if each.suffix in _SUFFIXES or each.suffix[1:].isdigit())
            found += [each for each in inside if each.is_file() and log_name(each)]
        elif path.is_file():
            found.append(path)
        else:
            raise LogProblem(f"{path} is not there", hint="give a folder of logs, or a log")
    if not found:
        raise LogProblem("no logs in there", hint="give the folder with conn.log, or eve.json")
    return sorted(set(found), key=lambda path: (path.stat().st_mtime_ns, str(path)))[:FILES_MAX]


def read_lines(paths: Sequence[Path], time_of: TimeOf, counts: LineCounts) -> Iterator[Line]:
    """Yield the records of files in the order of their times, as far as a bounded buffer can order them."""
    share = max(_BUFFER_BYTES // max(min(len(paths), OPEN_MAX), 1), _MIN_BUFFER_BYTES)
    by_log: dict[str, list[Path]] = {}
    for path in paths:
        by_log.setdefault(log_name(path) or path.stem.lower(), []).append(path)
    streams = [_ordered(name, parts, time_of, counts, share) for name, parts in sorted(by_log.items())[:OPEN_MAX]]
    yield from heapq.merge(*streams, key=lambda line: line.at_ns)


def lines_of(path: Path, counts: LineCounts) -> Iterator[bytes]:
    """Yield the lines of a file; what is longer than a record can be is counted and left out."""
    try:
        with path.open("rb") as raw:
            is_packed = raw.read(2) == _GZIP
            raw.seek(0)
            yield from _bounded(gzip.GzipFile(fileobj=raw) if is_packed else raw, counts)
    except (OSError, EOFError, zlib.error) as error:
        counts.damaged_files[str(path)] = str(error) or type(error).__name__


class Tail:
    """Follows a file that grows: gives its new lines, and starts anew when it was rotated.

    Args:
        path: May not be there yet.
        counts: Where lines are counted.
    """

    def __init__(self, path: Path, counts: LineCounts) -> None:
        self._path: Final = path
        self._counts: Final = counts
        self._file: BinaryIO | None = None
        self._number = 0
        self._rest = b""
        self._is_skipping = False

    def lines(self) -> Iterator[bytes]:
        """Yield whole lines that were added since the last time."""
        try:
            state = self._path.stat()
        except OSError:
            state = None
        if self._file is not None and (state is None or state.st_ino != self._number):
            yield from self._added()  # the end of what was moved away
            self.close()
        if self._file is None and state is not None:
            try:
                self._file = self._path.open("rb")
            except OSError as error:
                self._counts.damaged_files[str(self._path)] = str(error)
                return
            self._number = state.st_ino
        elif self._file is not None and state is not None and state.st_size < self._file.tell():
            self._file.seek(0)
            self._rest = b""
        yield from self._added()

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._rest = b""
        self._is_skipping = False

    def _added(self) -> Iterator[bytes]:
        while self._file is not None and (piece := self._file.read(LINE_BYTES_MAX)):
            lines = (self._rest + piece).split(b"\n")
            self._rest = lines.pop()
            for line in lines:
                if self._is_skipping:
                    self._is_skipping = False
                    continue
                self._counts.lines += 1
                yield line
            if len(self._rest) > LINE_BYTES_MAX:
                self._rest = b""
                if not self._is_skipping:
                    self._is_skipping = True
                    self._counts.lines += 1
                    self._counts.not_understood += 1


def record(line: bytes, name: str, time_of: TimeOf, counts: LineCounts) -> Line | None:
    """Read a line; None, counted, if it is no record with a time."""
    if not line.strip() or line.startswith(b"#"):
        return None
    row = read_row(line)
    at_ns = time_of(row) if row is not None else None
    if row is None or at_ns is None:
        counts.not_understood += 1
        return None
    return Line(at_ns, name, row)


def _bounded(file: BinaryIO | gzip.GzipFile, counts: LineCounts) -> Iterator[bytes]:
    is_rest = False
    while line := file.readline(LINE_BYTES_MAX + 1):
        is_whole = line.endswith(b"\n")
        if is_rest or len(line) > LINE_BYTES_MAX:
            if not is_rest:
                counts.lines += 1
                counts.not_understood += 1
            is_rest = not is_whole
            continue
        counts.lines += 1
        yield line


def _ordered(name: str, paths: list[Path], time_of: TimeOf, counts: LineCounts, limit_bytes: int) -> Iterator[Line]:
    """Yield the records of one log, oldest first within what the buffer holds."""
    held: list[tuple[int, int, bytes]] = []
    size = number = 0
    for path in paths:
        for line in lines_of(path, counts):
            found = record(line, name, time_of, counts)
            if found is None:
                continue
            number += 1
            size += len(line)
            heapq.heappush(held, (found.at_ns, number, line))
            while size > limit_bytes:
                oldest = heapq.heappop(held)
                size -= len(oldest[2])
                yield from _again(oldest, name)
    while held:
        yield from _again(heapq.heappop(held), name)


def _again(held: tuple[int, int, bytes], name: str) -> Iterator[Line]:
    """Read once more what was held as bytes: a record takes ten times the memory of its line."""
    row = read_row(held[2])
    if row is not None:
        yield Line(held[0], name, row)
