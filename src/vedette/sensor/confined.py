"""The process that reads one capture from a stranger: it can do nothing else, and dies of nothing that others need.

The capture comes as standard input, the answer goes to standard output in frames: a letter, a length (4 bytes,
big-endian) and a body. ``P`` how far it is, ``B`` a batch as a sensor would send it, ``R`` a part of the report, ``A``
what some assets are, ``E`` the end with a summary, ``F`` why there is none.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, Final

import msgspec

from vedette.kernel import Clock, Problem, SystemClock
from vedette.protocols.sensor import Batch, Record, write_batch
from vedette.sensor.alerts import Alert
from vedette.sensor.baseline import Settings as BaselineSettings
from vedette.sensor.capture import CaptureFile
from vedette.sensor.command import spare_the_collector
from vedette.sensor.confinement import confine
from vedette.sensor.evidence import PacketRing
from vedette.sensor.sending import Reporter
from vedette.sensor.sending_capture import resident_bytes, version
from vedette.sensor.sending_frames import split
from vedette.sensor.sensor import Sensor
from vedette.sensor.summary import as_document

PART_BYTES: Final = 256 * 1024
PROGRESS, BATCH, REPORT, ASSETS, END, FAILURE = b"P", b"B", b"R", b"A", b"E", b"F"
LISTED_MAX: Final = {
    "assets": 10_000,
    "links": 10_000,
    "external_connections": 5_000,
    "operations": 5_000,
    "alerts": 5_000,
    "anomalies": 1_000,
    "protocols": 1_000,
}
ALERTS_MAX: Final = 10_000
_LARGEST_FIRST: Final = frozenset({"links", "external_connections"})
_PRODUCT: Final = ("vendor", "model", "product_code", "firmware", "software")
_ASSETS_TOGETHER: Final = 50
_FACTS_TOGETHER: Final = 8
_TURN_PACKETS: Final = 20_000
_TELL_EVERY_S: Final = 0.5
_NICENESS: Final = 10
_TEXT_CHARS: Final = 300


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """What the process is told, as JSON in its only argument.

    Attributes:
        name: Of the capture, as the boot of its batches.
        unpacked_bytes: Most that is read of it, decompressed.
        learn_for_s: How long what is usual is learned.
        must_tell: Whether batches are wanted beside the report.
        parent_pid: Who started it.
    """

    name: str
    memory_bytes: int
    cpu_s: int
    unpacked_bytes: int
    learn_for_s: float
    must_tell: bool
    parent_pid: int


class Answers:
    """Writes frames; waits while nobody reads."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: Final = descriptor

    def send(self, kind: bytes, body: bytes) -> None:
        """Write one."""
        view = memoryview(kind + len(body).to_bytes(4, "big") + body)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def tell(self, kind: bytes, **facts: object) -> None:
        """Write one that holds JSON."""
        self.send(kind, msgspec.json.encode(facts))


class _Source:
    """Standard input, counted and hashed while it is read."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: Final = descriptor
        self._digest: Final = hashlib.sha256()
        self.read_bytes = 0

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes; empty at the end."""
        found = os.read(self._descriptor, size if size >= 0 else PART_BYTES)
        self.read_bytes += len(found)
        self._digest.update(found)
        return found

    def finish(self) -> str:
        """Read what is left, and return the SHA-256 of everything."""
        while self.read():
            pass
        return self._digest.hexdigest()


class Reading:
    """Reads one capture and answers.

    Args:
        orders: What is wanted.
        answers: Where it goes.
        clock: For how often progress is told.
    """

    def __init__(self, orders: Orders, answers: Answers, clock: Clock) -> None:
        self._orders: Final = orders
        self._answers: Final = answers
        self._clock: Final = clock
        self._ring: Final = PacketRing()
        self._reporter: Final = Reporter(orders.name, self._ring.slice_of)
        self._sensor: Final = Sensor(
            [lambda _assets, _raise: self._reporter] if orders.must_tell else [],
            baseline=BaselineSettings(learn_for_s=orders.learn_for_s),
        )
        if orders.must_tell:
            self._reporter.attach(self._sensor)
        self._alerts: Final[list[Alert]] = []
        self._source: Final = _Source(0)
        self._sequence = 0
        self._told_s = clock.monotonic_s()

    def run(self) -> None:
        """Read everything, then tell the report and the end.

        Raises:
            CaptureProblem: It is no capture.
        """
        sensor = self._sensor
        capture = CaptureFile(self._source, max_bytes=self._orders.unpacked_bytes)  # type: ignore[arg-type] # all it does is read
        packets = iter(capture)
        watched = self._ring.watch(packets) if self._orders.must_tell else packets
        while True:
            before = sensor.engine.counters.packets
            sensor.read(islice(watched, _TURN_PACKETS))
            if self._orders.must_tell:
                self._tell_batches(self._raised())
            self._tell_progress()
            if sensor.engine.counters.packets == before:
                break
        sensor.packets_dropped = capture.packets_dropped
        sensor.finish()
        if self._orders.must_tell:
            self._tell_batches(self._records())
            sensor.report.alerts.extend(self._alerts)
        sha256 = self._source.finish()
        self._tell_progress(is_due=True)
        document = bounded(as_document(sensor))
        document["capture"] |= {"sha256": sha256, "damage": capture.damage, "file_bytes": self._source.read_bytes}
        document["capture"].pop("damaged_files", None)
        report = msgspec.json.encode(document)
        for start in range(0, len(report), PART_BYTES):
            self._answers.send(REPORT, report[start : start + PART_BYTES])
        assets = [identity_of(asset) for asset in document["assets"]]
        for start in range(0, len(assets), _ASSETS_TOGETHER):
            self._answers.send(ASSETS, msgspec.json.encode(assets[start : start + _ASSETS_TOGETHER]))
        self._answers.tell(END, **summary_of(document))

    def _records(self) -> Iterator[Record]:
        reporter = self._reporter
        yield from self._raised()
        yield from reporter.repeated(self._sensor.engine.counters.last_ns)
        yield from chain.from_iterable(reporter.assets())
        yield from chain.from_iterable(reporter.totals())
        yield reporter.status(
            at_ms=int(self._clock.now().timestamp() * 1_000),
            interface="capture",
            version=version(),
            resident_bytes=resident_bytes(),
            lost=0,
        )

    def _raised(self) -> Iterator[Record]:
        """Yield alerts as records; whoever sends them takes them out of the report, where they are wanted too."""
        self._alerts.extend(self._sensor.report.alerts[: ALERTS_MAX - len(self._alerts)])
        yield from self._reporter.raised()

    def _tell_batches(self, records: Iterable[Record]) -> None:
        for group, _ in split(records):
            self._sequence += 1
            batch = Batch(boot=self._orders.name, sequence=self._sequence, records=tuple(group))
            self._answers.send(BATCH, write_batch(batch))

    def _tell_progress(self, *, is_due: bool = False) -> None:
        now_s = self._clock.monotonic_s()
        if is_due or now_s - self._told_s >= _TELL_EVERY_S:
            self._told_s = now_s
            counters = self._sensor.engine.counters
            self._answers.tell(PROGRESS, read_bytes=self._source.read_bytes, packets=counters.packets)


def bounded(document: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """Return a report whose lists have a limit each; what was left out is counted in it."""
    left_out = {}
    for name, most in LISTED_MAX.items():
        listed = document[name]
        if name in _LARGEST_FIRST:
            listed = sorted(listed, key=lambda each: -each["bytes"])
        if len(listed) > most:
            left_out[name] = len(listed) - most
        document[name] = listed[:most]
    document["left_out"] = left_out
    return document


def identity_of(asset: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """Return what tells which product an asset is."""
    told = asset["attributes"]
    return {
        "number": asset["number"],
        "address": next(iter((*asset["ip_addresses"], *asset["mac_addresses"])), ""),
        "name": next((fact["value"] for fact in told.get("name", ())), "")[:_TEXT_CHARS],
        "facts": [
            {"attribute": name, "value": fact["value"], "confidence": fact["confidence"], "source": fact["source"]}
            for name in _PRODUCT
            for fact in told.get(name, ())[:_FACTS_TOGETHER]
        ],
    }


def summary_of(document: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """Return what is known of a capture without its report."""
    severities: dict[str, int] = {}
    for alert in document["alerts"]:
        severities[alert["severity"]] = severities.get(alert["severity"], 0) + 1
    left_out = document["left_out"]
    counted = {name: len(document[name]) + left_out.get(name, 0) for name in LISTED_MAX}
    return {"capture": document["capture"], "counts": counted, "severities": severities}


def main(arguments: Sequence[str] | None = None) -> int:
    """Give up what is not needed, then read; return the exit code."""
    (told,) = sys.argv[1:] if arguments is None else arguments
    orders = msgspec.json.decode(told, type=Orders)
    os.nice(_NICENESS)
    # Frames have the pipe for themselves: whatever else is printed goes with the errors.
    answers = Answers(os.dup(1))
    os.dup2(2, 1)
    spare_the_collector()
    try:
        reading = Reading(orders, answers, SystemClock())
        confine(memory_bytes=orders.memory_bytes, cpu_s=orders.cpu_s, parent_pid=orders.parent_pid)
        reading.run()
    except Problem as problem:
        answers.tell(FAILURE, code=problem.code, detail=problem.detail[:_TEXT_CHARS], hint=problem.hint[:_TEXT_CHARS])
        return 1
    except MemoryError:
        answers.tell(
            FAILURE,
            code="sensor.out_of_memory",
            detail=f"the analysis needs more than {orders.memory_bytes >> 20} MB",
            hint="split the capture, or raise captures.memory_mb",
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
