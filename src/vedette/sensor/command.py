"""``vedette sensor``, which also works where only the bare distribution is installed: ``python -m vedette.sensor``."""

from __future__ import annotations

import argparse
import gc
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Final

from vedette.kernel import Clock, Problem, SystemClock, escape_terminal, to_rfc3339
from vedette.sensor.capture import LiveCapture
from vedette.sensor.sensor import Sensor
from vedette.sensor.summary import as_document, as_tables

DONE: Final = 0
FAILED: Final = 1
_BATCH_TIMEOUT_S: Final = 0.2


def read_files(paths: Sequence[Path], *, is_json: bool = False, zeek: Path | None = None) -> int:
    """Read capture files as one, print the report; answer the exit code: 1 if a file was damaged.

    Raises:
        CaptureProblem: A file can't be opened, or is no capture.
    """
    spare_the_collector()
    sensor = Sensor(zeek=zeek)
    for path in paths:
        sensor.read_file(path)
    sensor.finish()
    _print(sensor, is_json=is_json)
    return FAILED if sensor.damages else DONE


def listen(
    interface: str,
    *,
    for_s: float | None = None,
    is_json: bool = False,
    zeek: Path | None = None,
    clock: Clock | None = None,
) -> int:
    """Listen until interrupted, or for some time, then print the report; alerts are printed as they come.

    Raises:
        CaptureProblem: No such interface, or no right to listen.
    """
    clock = clock or SystemClock()
    spare_the_collector()
    sensor = Sensor(zeek=zeek)
    told = 0
    stop = _Stop()
    with LiveCapture(interface) as capture, stop:
        _tell(f"Listening on {interface}; interrupt to see the report.")
        until_s = clock.monotonic_s() + for_s if for_s is not None else None
        while not stop.is_asked and (until_s is None or clock.monotonic_s() < until_s):
            before = sensor.engine.counters.packets
            sensor.read(capture.batch(_BATCH_TIMEOUT_S))
            if sensor.engine.counters.packets == before:
                sensor.engine.idle(int(clock.now().timestamp() * 1_000_000_000))
            for alert in sensor.report.alerts[told:]:
                _tell(f"{to_rfc3339(clock.now())}  {alert.severity}  {alert.title}")
            told = len(sensor.report.alerts)
        sensor.packets_dropped = capture.drops().dropped
    sensor.finish()
    _print(sensor, is_json=is_json)
    return DONE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line without the server's dependencies; return the exit code."""
    parser = argparse.ArgumentParser(prog="vedette sensor", description="See what has no agent; sends nothing.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    read = verbs.add_parser("read", help="read capture files: pcap, pcapng, also with gzip")
    read.add_argument("files", nargs="+", type=Path)
    run = verbs.add_parser("run", help="listen on an interface")
    run.add_argument("-i", "--interface", required=True)
    run.add_argument("--for", dest="for_s", type=float, help="seconds; until interrupted by default")
    for verb in (read, run):
        verb.add_argument("--output", choices=("table", "json"), default="table")
        verb.add_argument("--zeek", type=Path, metavar="DIRECTORY", help="write logs there as Zeek does")
    chosen = parser.parse_args(arguments)
    is_json = chosen.output == "json"
    try:
        if chosen.verb == "read":
            return read_files(chosen.files, is_json=is_json, zeek=chosen.zeek)
        return listen(chosen.interface, for_s=chosen.for_s, is_json=is_json, zeek=chosen.zeek)
    except Problem as problem:
        _tell(f"vedette sensor: {problem}")
        return FAILED


def spare_the_collector() -> None:
    """Let Python look for cycles less often: flows are cut loose by hand, and the search costs a tenth of the time."""
    gc.set_threshold(200_000, 50, 100)


class _Stop:
    """Ends the loop at the next chance when the process is interrupted or terminated."""

    def __init__(self) -> None:
        self.is_asked = False
        self._before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def __enter__(self) -> None:
        for number in self._before:
            signal.signal(number, self._ask)

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.is_asked = True


def _print(sensor: Sensor, *, is_json: bool) -> None:
    sys.stdout.write(json.dumps(as_document(sensor), indent=2) + "\n" if is_json else as_tables(sensor))
    sys.stdout.flush()


def _tell(text: str) -> None:
    sys.stderr.write(escape_terminal(text) + "\n")
    sys.stderr.flush()
