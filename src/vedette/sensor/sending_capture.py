"""The process that listens, apart from the one that sends: ``python -m vedette.sensor.sending_capture``.

It never waits for the network or the disk. Records go to its standard output; its standard input tells it to tell
everything anew (``R``), and ends with the process that reads.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from vedette.kernel import Clock, Problem, SystemClock, escape_terminal
from vedette.protocols.sensor import Record
from vedette.sensor.baseline import Settings as BaselineOptions
from vedette.sensor.capture import open_source, source_name
from vedette.sensor.command import spare_the_collector
from vedette.sensor.evidence import PacketRing
from vedette.sensor.held_back import FILE_NAME, HoldingBack
from vedette.sensor.recognize import open_model
from vedette.sensor.rules import RULES
from vedette.sensor.rules import read_settings as read_rules
from vedette.sensor.sending import Reporter
from vedette.sensor.sending_frames import FramePipe
from vedette.sensor.sensor import Sensor
from vedette.sensor.uplink_settings import SensorSettings, read_settings

DONE: Final = 0
FAILED: Final = 1
TELL_ANEW: Final = b"R"
ALERTS_EVERY_S: Final = 5.0
ASSETS_EVERY_S: Final = 5.0
TOTALS_EVERY_S: Final = 30.0
STATUS_EVERY_S: Final = 10.0
_BATCH_TIMEOUT_S: Final = 0.1
_LAST_WORDS_S: Final = 5.0


def make_sensor(
    settings: SensorSettings,
    interface: str,
    boot: str,
    *,
    ring: PacketRing | None = None,
    holding: HoldingBack | None = None,
) -> tuple[Sensor, Reporter]:
    """Return a sensor with its rules and its baseline, and the reporter that listens to it.

    Args:
        settings: Of the sensor.
        interface: Whose usual traffic is learned; each has a state of its own.
        boot: Names this run.
        ring: Alerts carry packets out of it.
        holding: Tells which alerts stay here.

    Raises:
        RulesProblem: The file of rules can't be used.
        BaselineProblem: What was learned can't be read.
        InvalidModel: The file of types is no model.
    """
    rules = read_rules(settings.rules, RULES) if settings.rules is not None else None
    reporter = Reporter(
        boot,
        (lambda _alert: b"") if ring is None else ring.slice_of,
        (lambda _alert: None) if holding is None else holding.held_by,
    )
    learning = settings.baseline
    baseline = BaselineOptions(
        learn_for_s=learning.learn_for_s,
        is_enforced=learning.is_enforced,
        path=settings.state / f"baseline-{source_name(interface)}.state",
    )
    sensor = Sensor(
        [lambda _assets, _raise: reporter],
        rules=rules,
        baseline=baseline if learning.is_on else None,
        types=open_model(settings.types) if settings.types is not None else None,
    )
    reporter.attach(sensor)
    return sensor, reporter


class Turns:
    """What is told when; called between two looks at the wire, and does little each time.

    Args:
        sensor: Whose findings.
        reporter: Attached to it.
        pipe: Where records go.
        clock: For intervals and the time of a status.
        interface: Named in each status.
    """

    def __init__(self, sensor: Sensor, reporter: Reporter, pipe: FramePipe, clock: Clock, interface: str) -> None:
        self._sensor: Final = sensor
        self._reporter: Final = reporter
        self._pipe: Final = pipe
        self._clock: Final = clock
        self._interface: Final = interface
        now_s = clock.monotonic_s()
        self._next_s = {
            "alerts": now_s + ALERTS_EVERY_S,
            "assets": now_s + 1.0,
            "totals": now_s + 2.0,
            "status": now_s,
        }
        self._underway: Iterator[list[Record]] = iter(())
        self._lost_before = 0

    def take(self) -> None:
        """Tell what is due.

        Raises:
            BrokenPipeError: Nobody reads any more.
        """
        reporter, pipe = self._reporter, self._pipe
        if self._sensor.report.alerts:
            pipe.send(reporter.raised())
        for records in self._underway:
            pipe.send(records)
            return
        now_s = self._clock.monotonic_s()
        if self._is_due("status", STATUS_EVERY_S, now_s):
            pipe.send([self.status()])
            if pipe.lost > self._lost_before and pipe.flush():
                self._lost_before = pipe.lost
                reporter.forget_what_was_told()
        elif self._is_due("assets", ASSETS_EVERY_S, now_s):
            self._underway = reporter.assets()
        elif self._is_due("totals", TOTALS_EVERY_S, now_s):
            self._underway = reporter.totals()
        elif self._is_due("alerts", ALERTS_EVERY_S, now_s):
            pipe.send(reporter.repeated(self._now_ns()))
        else:
            pipe.flush()

    def tell_all(self) -> None:
        """Tell everything that is not told yet.

        Raises:
            BrokenPipeError: Nobody reads any more.
        """
        reporter, pipe = self._reporter, self._pipe
        pipe.send(reporter.raised())
        pipe.send(reporter.repeated(self._now_ns()))
        for slices in (self._underway, reporter.assets(), reporter.totals()):
            for records in slices:
                pipe.send(records)
                pipe.drain(_LAST_WORDS_S)
        pipe.send([self.status()])

    def status(self) -> Record:
        """Return how the sensor fares."""
        return self._reporter.status(
            at_ms=self._now_ns() // 1_000_000,
            interface=self._interface,
            version=version(),
            resident_bytes=resident_bytes(),
            lost=self._pipe.lost,
        )

    def _is_due(self, what: str, every_s: float, now_s: float) -> bool:
        if now_s < self._next_s[what]:
            return False
        self._next_s[what] = now_s + every_s
        return True

    def _now_ns(self) -> int:
        return int(self._clock.now().timestamp() * 1_000) * 1_000_000


def version() -> str:
    """Return which vedette this is; empty if it was not installed."""
    from importlib import metadata  # noqa: PLC0415 - takes a while to load

    try:
        return metadata.version("vedette")
    except metadata.PackageNotFoundError:
        return ""


def resident_bytes() -> int:
    """Return the memory that this process holds; 0 if the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


class _Orders:
    """What the parent says: to tell everything anew, or, by leaving, to end."""

    def __init__(self) -> None:
        self.is_over = False
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's interrupt: the parent heeds it, and tells us
        signal.signal(signal.SIGTERM, lambda _number, _frame: self._end())

    def _end(self) -> None:
        self.is_over = True

    def is_to_tell_anew(self) -> bool:
        """Look whether something was said."""
        ready, _, _ = select.select([0], [], [], 0)
        if not ready:
            return False
        said = os.read(0, 64)
        self.is_over = self.is_over or not said
        return TELL_ANEW in said


def listen_and_tell(
    settings: SensorSettings, interface: str, boot: str, clock: Clock, pipe: FramePipe, *, descriptor: int = 0
) -> None:
    """Listen until told to end, or until a capture that is written ends.

    Raises:
        CaptureProblem: No such interface, or no right to listen; or what is written is no capture.
        BrokenPipeError: Nobody reads any more.
    """
    spare_the_collector()
    ring = PacketRing() if settings.has_evidence else None
    holding = HoldingBack(settings.state / FILE_NAME)
    holding.look()
    sensor, reporter = make_sensor(settings, interface, boot, ring=ring, holding=holding)
    orders = _Orders()
    with open_source(interface, clock, descriptor=descriptor) as capture:
        turns = Turns(sensor, reporter, pipe, clock, source_name(interface))
        while not (orders.is_over or capture.is_over):
            before = sensor.engine.counters.packets
            heard = capture.batch(_BATCH_TIMEOUT_S)
            sensor.read(heard if ring is None else ring.watch(heard))
            if sensor.engine.counters.packets == before:
                now_ns = capture.now_ns(clock)
                if now_ns:
                    sensor.engine.idle(now_ns)
            sensor.packets_dropped = capture.drops().dropped
            if orders.is_to_tell_anew():
                reporter.forget_what_was_told()
            holding.look()
            turns.take()
    if capture.damage:
        sys.stderr.write(escape_terminal(f"vedette sensor: {interface}: {capture.damage}") + "\n")
    try:
        sensor.finish()
    finally:
        turns.tell_all()
        pipe.drain(_LAST_WORDS_S)


def main(arguments: Sequence[str]) -> int:
    """Run the process: path of the settings, interface, boot, descriptor of what is written; return the exit code."""
    path, interface, boot, descriptor = arguments
    # Frames have the pipe for themselves: whatever else writes to standard output is shown with the errors.
    pipe = FramePipe(os.dup(1))
    os.dup2(2, 1)
    try:
        listen_and_tell(read_settings(Path(path)), interface, boot, SystemClock(), pipe, descriptor=int(descriptor))
    except Problem as problem:
        sys.stderr.write(escape_terminal(f"vedette sensor: {problem}") + "\n")
        return FAILED
    except BrokenPipeError:
        return FAILED
    return DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
