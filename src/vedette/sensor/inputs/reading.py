"""Logs in place of packets: which reader, to the end or as they grow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vedette.sensor.inputs.eve import EveReader
from vedette.sensor.inputs.feed import LogFeed
from vedette.sensor.inputs.files import LineCounts, LogProblem, Tail, lines_of, log_files, log_name, read_lines, record
from vedette.sensor.inputs.rows import read_row
from vedette.sensor.inputs.zeek import ZeekReader

if TYPE_CHECKING:
    from vedette.sensor.sensor import Sensor

ZEEK: Final = "zeek"
EVE: Final = "eve"
_LOOKS: Final = 20
_TAILS_MAX: Final = 256


class LogInput:
    """Reads logs for a sensor.

    Args:
        sensor: Whose listeners hear what they hold.
        paths: Files, or folders of them.
        form: ``zeek`` or ``eve``; empty: the first records tell.

    Raises:
        LogProblem: A path is not there, there is no log, or it is of neither form.
    """

    def __init__(self, sensor: Sensor, paths: Sequence[Path], form: str = "") -> None:
        self.counts: Final = LineCounts()
        self._sensor: Final = sensor
        self._paths: Final = list(paths)
        self._feed: Final = LogFeed(sensor)
        files = log_files(paths)
        form = form or form_of(files)
        logs = frozenset(map(log_name, files))
        self._reader: Final = ZeekReader(self._feed, logs) if form == ZEEK else EveReader(self._feed)
        self._tails: Final[dict[Path, Tail]] = {}
        self._files: Final = files

    def read(self) -> None:
        """Read all that is there, and close what is open."""
        for line in read_lines(self._files, self._reader.time_of, self.counts):
            self._reader.read(line)
        self.finish()

    def follow(self, must_go_on: Callable[[], bool]) -> None:
        """Read what is there and what is added, until told to stop; asked after each round, which may wait."""
        while True:
            for name, line in self._added():
                found = record(line, name, self._reader.time_of, self.counts)
                if found is not None:
                    self._reader.read(found)
            self._feed.drain()
            self._note()
            if not must_go_on():
                break
        for tail in self._tails.values():
            tail.close()
        self.finish()

    def finish(self) -> None:
        """Close every flow, and tell the sensor what could not be understood."""
        self._feed.finish()
        self._note()

    def _added(self) -> Iterator[tuple[str, bytes]]:
        """Yield the new lines of plain files; compressed ones are rotated away and were read before."""
        for path in log_files(self._paths) if any(path.exists() for path in self._paths) else ():
            if path.suffix != ".gz" and path not in self._tails and len(self._tails) < _TAILS_MAX:
                self._tails[path] = Tail(path, self.counts)
        for path in list(self._tails):
            name = log_name(path) or path.stem.lower()
            for line in self._tails[path].lines():
                yield name, line
            if not path.exists():
                self._tails.pop(path).close()

    def _note(self) -> None:
        self._sensor.not_read.update(
            log_lines=self.counts.lines,
            log_lines_not_understood=self.counts.not_understood + self._reader.not_understood,
            log_rows_skipped=self._reader.skipped,
            log_flows_forgotten=self._feed.flows_forgotten,
        )
        self._sensor.damages.update(self.counts.damaged_files)


def form_of(files: Sequence[Path]) -> str:
    """Return whose log the first records are.

    Raises:
        LogProblem: Neither Zeek's JSON nor Suricata's EVE.
    """
    counts = LineCounts()
    is_tabbed = False
    for path in files[:_LOOKS]:
        for number, line in enumerate(lines_of(path, counts)):
            row = read_row(line)
            if row is not None and "event_type" in row.fields and "timestamp" in row.fields:
                return EVE
            if row is not None and "ts" in row.fields:
                return ZEEK
            is_tabbed |= line.startswith(b"#separator")
            if number >= _LOOKS:
                break
    if is_tabbed:
        raise LogProblem("these are Zeek's logs with tabs", hint="let Zeek write JSON: @load policy/tuning/json-logs")
    raise LogProblem("these are neither Zeek's JSON logs nor Suricata's EVE", hint="give conn.log's folder or eve.json")
