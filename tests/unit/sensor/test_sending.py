from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import packets as build
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.protocols.sensor import (
    AlertRecord,
    AssetRecord,
    Batch,
    LinkRecord,
    OperationRecord,
    Record,
    StatusRecord,
    read_batch,
    write_batch,
)
from vedette.sensor import Alert, Asset, Attribute, Fact, Sensor, Severity
from vedette.sensor import AlertEngine as Kind
from vedette.sensor.sending import Reporter
from vedette.sensor.sending_capture import Turns, make_sensor
from vedette.sensor.sending_frames import BadFrame, FramePipe, FrameReader, split, write_frames
from vedette.sensor.sending_records import alert_record, asset_record, with_buffer
from vedette.sensor.uplink_settings import BaselineSettings, PlatformSettings, SensorSettings

READ = bytes.fromhex("0001 0000 0006 01 03 0001 0002")
ANSWER = bytes.fromhex("0001 0000 0007 01 03 04 0005 0006")
REFUSAL = bytes.fromhex("0001 0000 0003 01 83 02")
SETTINGS = SensorSettings("s", PlatformSettings("h", "0ne", Path("root.pem")), baseline=BaselineSettings(is_on=False))
S = 1_000_000_000

Kind_ = TypeVar("Kind_", bound=Record)


def watching() -> tuple[Sensor, Reporter]:
    reporter = Reporter("boot_1")
    sensor = Sensor([lambda _assets, _raise: reporter], has_rules=False)
    reporter.attach(sensor)
    return sensor, reporter


def feed(sensor: Sensor, frames: Iterable[bytes], at_ns: int = build.START_NS) -> None:
    sensor.read((at_ns + number * 1_000_000, 1, frame, len(frame)) for number, frame in enumerate(frames))


def of(kind: type[Kind_], records: Iterable[Record]) -> list[Kind_]:
    return [record for record in records if isinstance(record, kind)]


def totals(reporter: Reporter) -> list[Record]:
    return [record for some in reporter.totals() for record in some]


def assets(reporter: Reporter) -> list[AssetRecord]:
    return of(AssetRecord, [record for some in reporter.assets() for record in some])


def test_an_asset_is_told_as_a_whole_when_it_changed_and_not_otherwise() -> None:
    sensor, reporter = watching()
    talk = build.Talk(502).open().say(READ).answer(ANSWER)
    feed(sensor, talk.frames)
    first = assets(reporter)
    assert [record.ips for record in first] == [("10.0.0.1",), ("10.0.0.2",)]
    assert "role" in {fact.attribute for fact in first[1].facts}
    assert assets(reporter) == []
    count = len(talk.frames)
    talk.say(READ).answer(ANSWER)
    feed(sensor, talk.frames[count:], build.START_NS + S)
    assert assets(reporter) == [], "the same once more is no news"
    asset = sensor.assets.find("10.0.0.2")
    assert asset is not None
    asset.learn(Attribute.MODEL, "X-1", 95, "test", build.START_NS + 2 * S)
    (changed,) = assets(reporter)
    assert changed.number == asset.number
    assert {fact.value for fact in changed.facts} >= {"X-1", "controller"}


def test_what_is_alive_is_told_again_after_some_minutes() -> None:
    sensor, reporter = watching()
    feed(sensor, build.Talk(502).open().say(READ).answer(ANSWER).frames)
    assets(reporter)
    asset = sensor.assets.find("10.0.0.2")
    assert asset is not None
    asset.last_ns += 301 * S
    (again,) = assets(reporter)
    assert again.last_at == asset.last_ns // 1_000_000


def test_links_grow_while_a_connection_lasts_and_count_nothing_twice() -> None:
    sensor, reporter = watching()
    talk = build.Talk(502).open().say(READ).answer(ANSWER)
    feed(sensor, talk.frames)
    (open_,) = of(LinkRecord, totals(reporter))
    assert (open_.client, open_.server, open_.transport, open_.port) == ("10.0.0.1", "10.0.0.2", "tcp", 502)
    assert (open_.protocol, open_.certainty, open_.flows, open_.packets) == ("modbus", "confirmed", 1, 5)
    assert totals(reporter) == []
    before = len(talk.frames)
    talk.say(READ).answer(ANSWER).close()
    feed(sensor, talk.frames[before:], build.START_NS + S)
    sensor.finish()
    (closed,) = of(LinkRecord, totals(reporter))
    assert (closed.flows, closed.packets) == (1, len(talk.frames))
    (traffic,) = sensor.report.links.values()
    assert (closed.packets, closed.bytes, closed.last_at) == (
        traffic.packets, traffic.bytes, traffic.last_ns // 1_000_000,
    )  # fmt: skip


def test_operations_are_totals_with_their_failures() -> None:
    sensor, reporter = watching()
    talk = build.Talk(502).open()
    for number in range(10):
        talk.say(READ).answer(REFUSAL if number == 3 else ANSWER)
    feed(sensor, talk.frames)
    (operation,) = of(OperationRecord, totals(reporter))
    assert (operation.protocol, operation.service, operation.kind) == ("modbus", "read_holding_registers", "read")
    assert (operation.area, operation.unit, operation.times, operation.failures) == ("holding_register", "1", 10, 1)


def test_a_server_is_called_what_it_was_looked_up_as() -> None:
    sensor, reporter = watching()
    request = b"GET / HTTP/1.1\r\nHost: updates.example\r\n\r\n"
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    feed(sensor, build.Talk(80, server="93.184.216.34").open().say(request).answer(answer).close().frames)
    sensor.finish()
    (link,) = of(LinkRecord, totals(reporter))
    assert (link.name, link.is_external) == ("updates.example", True)


def raised(sensor: Sensor, at_s: int = 0, **changes: object) -> Alert:
    alert = Alert(at_s * S, "ot.stop", Severity.HIGH, "stopped")
    for name, value in changes.items():
        setattr(alert, name, value)
    sensor.report.raise_alert(alert)
    return alert


def test_an_alert_is_told_at_once_and_again_when_it_goes_on() -> None:
    sensor, reporter = watching()
    alert = raised(sensor, 1, source="10.0.0.1", engine=Kind.OPERATIONAL, detail={"unit": 1})
    (told,) = of(AlertRecord, reporter.raised())
    assert (told.id, told.times, told.engine, told.detail) == ("boot_1.1", 1, "operational", {"unit": 1})
    assert reporter.raised() == reporter.repeated(2 * S) == []
    alert.times, alert.last_ns = 5, 3 * S
    (again,) = of(AlertRecord, reporter.repeated(4 * S))
    assert (again.id, again.times, again.last_at) == ("boot_1.1", 5, 3_000)
    assert reporter.repeated(5 * S) == []


def test_alerts_do_not_heap_up_however_long_it_runs() -> None:
    sensor, reporter = watching()
    for number in range(20_000):
        raised(sensor, number)
        reporter.raised()
    assert sensor.report.alerts == []
    assert sensor.report.not_counted == 0
    assert len(reporter._alerts) <= 4_096
    reporter.repeated((20_000 + 7_200) * S)
    assert len(reporter._alerts) == 0


def test_what_was_lost_is_told_anew() -> None:
    sensor, reporter = watching()
    feed(sensor, build.Talk(502).open().say(READ).answer(ANSWER).frames)
    before = assets(reporter), totals(reporter)
    reporter.forget_what_was_told()
    assert (assets(reporter), totals(reporter)) == before


def test_a_status_tells_of_the_buffer_too() -> None:
    sensor, reporter = watching()
    feed(sensor, build.Talk(502).open().frames)
    status = reporter.status(at_ms=7, interface="eth1", version="1", resident_bytes=5, lost=2)
    told = with_buffer(status, lost=3, waiting=9)
    assert isinstance(told, StatusRecord)
    assert (told.packets, told.records_lost, told.records_waiting) == (3, 5, 9)


TEXTS = st.text(max_size=700) | st.text(st.characters(categories=["Cs", "Cc", "L"]), max_size=40)


@settings(max_examples=200, deadline=None)
@given(
    st.sets(TEXTS, max_size=80),
    st.lists(st.tuples(st.sampled_from(Attribute), TEXTS, st.integers(-5, 300), st.integers()), max_size=20),
    st.lists(TEXTS, min_size=7, max_size=7),
    st.dictionaries(TEXTS, TEXTS | st.integers() | st.none(), max_size=80),
    st.tuples(st.integers(), st.integers(-5, 2**70)),
)
def test_whatever_the_wire_said_becomes_a_batch_that_is_read(
    ips: set[str],
    facts: list[tuple[Attribute, str, int, int]],
    texts: list[str],
    detail: dict[str, str | int | None],
    numbers: tuple[int, int],
) -> None:
    at_ns, times = numbers
    asset = Asset(1, at_ns, at_ns, ips=ips, macs=ips)
    for attribute, value, confidence, when_ns in facts:
        asset.facts.setdefault(attribute, []).append(Fact(value, confidence, value, when_ns, when_ns, times))
    alert = Alert(
        at_ns, texts[0], Severity.LOW, texts[1], source=texts[2], target=texts[3], protocol=texts[4],
        technique=texts[5], key=texts[6], detail=detail, times=times,
    )  # fmt: skip
    records = (asset_record(asset), alert_record(alert, "b.1", b"x" * 200_000))
    batch = Batch(boot="b", sequence=1, records=records)
    assert read_batch(write_batch(batch)) == batch


def test_an_asset_of_a_hostile_network_still_fits() -> None:
    asset = Asset(1, 0, 0)
    for attribute in Attribute:
        asset.facts[attribute] = [
            Fact("\U0001f480" * 600, number % 100, "\U0001f480" * 200, 0, 0) for number in range(64)
        ]
    record = asset_record(asset)
    assert record.facts
    assert record.facts[0].confidence == 63
    write_batch(Batch(boot="b", sequence=1, records=(record,)))


def test_frames_are_read_however_a_pipe_cuts_them() -> None:
    records: list[Record] = [StatusRecord(at=number, interface="x" * (number % 90)) for number in range(5_000)]
    data = b"".join(frame for frame, _ in write_frames(records))
    assert sum(held for _, held in write_frames(records)) == 5_000
    assert [record for group, _ in split(records) for record in group] == records
    reader, found, chance, position = FrameReader(), [], random.Random(1), 0
    while position < len(data):
        step = chance.randrange(1, 30_000)
        found += [record for group in reader.feed(data[position : position + step]) for record in group]
        position += step
    assert found == records


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_what_is_no_frame_is_noticed(data: bytes) -> None:
    reader = FrameReader()
    try:
        reader.feed(data)
    except BadFrame:
        return
    assert len(data) < 4 or int.from_bytes(data[:4], "big") <= 200_000


def test_a_pipe_that_nobody_reads_makes_nobody_wait_and_losses_are_counted() -> None:
    reading, writing = os.pipe()
    try:
        pipe = FramePipe(writing)
        alert = AlertRecord(
            id="a", rule="r", engine="policy", severity="low", title="t", first_at=1, last_at=1, evidence=bytes(90_000)
        )
        for _ in range(300):
            pipe.send([alert])
        assert 0 < pipe.lost < 200
        assert not pipe.flush()
        reader, taken = FrameReader(), 0
        while not pipe.flush():
            taken += sum(len(group) for group in reader.feed(os.read(reading, 65_536)))
        os.set_blocking(reading, False)
        while True:
            try:
                taken += sum(len(group) for group in reader.feed(os.read(reading, 65_536)))
            except BlockingIOError:
                break
        assert taken + pipe.lost == 300
        os.close(reading)
        reading = -1
        with pytest.raises(BrokenPipeError):
            pipe.send([alert])
    finally:
        os.close(writing)
        if reading >= 0:
            os.close(reading)


class StandingClock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.at_s = 100.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(build.START_NS / S + self.at_s, UTC)

    def monotonic_s(self) -> float:
        return self.at_s


def test_everything_is_told_in_its_turn() -> None:
    reading, writing = os.pipe()
    try:
        pipe, clock, reader = FramePipe(writing), StandingClock(), FrameReader()
        os.set_blocking(reading, False)
        sensor, reporter = make_sensor(SETTINGS, "eth1", "boot_1")
        turns = Turns(sensor, reporter, pipe, clock, "eth1")
        feed(sensor, build.Talk(502).open().say(READ).answer(ANSWER).frames)

        def heard(for_s: float) -> list[str]:
            found: list[str] = []
            end_s = clock.at_s + for_s
            while clock.at_s < end_s:
                clock.at_s += 0.1
                turns.take()
            with contextlib.suppress(BlockingIOError):
                found += [type(record).__name__ for group in reader.feed(os.read(reading, 65_536)) for record in group]
            return found

        assert heard(0.2) == ["StatusRecord"]
        assert sorted(set(heard(3))) == ["AssetRecord", "LinkRecord", "OperationRecord"]
        raised(sensor)
        assert heard(0.1) == ["AlertRecord"]
        assert heard(10) == ["StatusRecord"]
        reporter.forget_what_was_told()
        assert sorted(set(heard(40))) == ["AssetRecord", "LinkRecord", "OperationRecord", "StatusRecord"]
        turns.tell_all()
        assert heard(0.1)[-1] == "StatusRecord"
    finally:
        os.close(writing)
        os.close(reading)


def test_memory_of_flows_that_ended_is_free() -> None:
    sensor, reporter = watching()
    for number in range(200):
        talk = build.Talk(502, client_port=20_000 + number).open().say(READ).answer(ANSWER).close()
        feed(sensor, talk.frames, build.START_NS + number * 100 * S)
        totals(reporter)
    sensor.finish()
    assert reporter._memos == {}
    assert reporter._memos_count == 0
    assert reporter._counted == {}
    reporter.forget_what_was_told()
    (link,) = of(LinkRecord, totals(reporter))
    assert link.flows == 200
