"""Records of decisions: counted, bounded, and never in anybody's way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from vedette.bus import BusUnavailable, PublishAck, PublishResult
from vedette.bus.contract import DecisionRecord
from vedette.gateway import DecisionSettings
from vedette.gateway.peer import CertificateFacts
from vedette.gateway.refusals import DecisionLog
from vedette.simulation import ManualClock, SequentialIds

FACTS = CertificateFacts(
    sha256="aa",
    sha1="bb",
    not_after=datetime(2027, 1, 1, tzinfo=UTC),
    subject="CN=pump\u202e7",
    issuer="CN=maker",
    serial="1f",
)


class Stream:
    """A stream that acknowledges when told to."""

    def __init__(self, *, acknowledges: bool = True) -> None:
        self.records: list[DecisionRecord] = []
        self.subjects: list[str] = []
        self.waiting: list[Callable[[PublishResult], None]] = []
        self.acknowledges = acknowledges

    def jetstream_publish(
        self,
        subject: str | bytes,
        payload: bytes,
        *,
        stream: str,
        msg_id: str,
        deadline_s: float,
        on_done: Callable[[PublishResult], None],
        may_wait: bool,
    ) -> None:
        assert (stream, deadline_s, may_wait) == ("DECISIONS", 20.0, True)
        record = msgspec.msgpack.decode(payload, type=DecisionRecord)
        assert record.decision_id == msg_id
        self.records.append(record)
        self.subjects.append(str(subject))
        if self.acknowledges:
            on_done(PublishAck("DECISIONS", len(self.records)))
        else:
            self.waiting.append(on_done)


def new_log(stream: Stream, clock: ManualClock, **options: float) -> DecisionLog:
    return DecisionLog(
        bus=stream,
        organization_id="org_1",
        gateway="gateway-1",
        settings=DecisionSettings(**options),  # type: ignore[arg-type] # the dataclass's fields
        clock=clock,
        ids=SequentialIds(),
    )


def test_a_record_says_what_failed_on_which_certificate_and_what_to_do() -> None:
    stream = Stream()
    new_log(stream, ManualClock()).record(
        "refuse", "wrong_host", detail="no", device_id="pump-7", remote_address="192.0.2.1", certificate=FACTS
    )
    (record,) = stream.records
    assert stream.subjects == ["decision.org_1.unknown.refuse"]
    assert (record.effect, record.reason, record.detail, record.repeated) == ("deny", "wrong_host", "no", 1)
    assert record.hint == "the user name names another host than this platform's server.hostname"
    assert record.certificate_subject == "CN=pump\u202e7"
    assert (record.certificate_issuer, record.certificate_serial) == ("CN=maker", "1f")
    assert record.certificate_not_after == "2027-01-01T00:00:00.000Z"


def test_equal_refusals_of_a_stranger_become_two_records_the_first_and_the_count() -> None:
    stream, clock = Stream(), ManualClock()
    decisions = new_log(stream, clock)
    for _ in range(1000):
        decisions.record("refuse", "tls_handshake_failed", remote_address="192.0.2.1")
    assert [record.repeated for record in stream.records] == [1]
    clock.advance(timedelta(seconds=61))
    decisions.sweep()
    assert [record.repeated for record in stream.records] == [1, 999]


def test_many_sources_are_bounded_in_rate_and_in_memory_and_all_are_counted() -> None:
    stream, clock = Stream(), ManualClock()
    decisions = new_log(stream, clock, unknown_per_s=20, max_entries=100)
    for number in range(5000):
        decisions.record("refuse", "tls_handshake_failed", remote_address=f"192.0.{number // 250}.{number % 250}")
    assert len(stream.records) == 20
    assert len(decisions._stranger_windows) == 100
    clock.advance(timedelta(seconds=61))
    decisions.sweep()
    assert len(stream.records) == 20 + 100 + 1
    assert sum(record.repeated for record in stream.records) == 5000
    assert max(record.repeated for record in stream.records) == 4880


def test_a_known_device_is_recorded_each_time_and_then_counted() -> None:
    stream, clock = Stream(), ManualClock()
    decisions = new_log(stream, clock, burst=3)
    for _ in range(10):
        decisions.record("connect", "permitted", is_permitted=True, generation_id="dev_1")
    assert [record.repeated for record in stream.records] == [1, 1, 1]
    clock.advance(timedelta(seconds=61))
    decisions.sweep()
    assert [record.repeated for record in stream.records] == [1, 1, 1, 7]
    assert {record.effect for record in stream.records} == {"allow"}
    assert set(stream.subjects) == {"decision.org_1.dev_1.connect"}


def test_a_stranger_who_names_a_device_has_no_more_room_than_a_stranger() -> None:
    stream, clock = Stream(), ManualClock()
    decisions = new_log(stream, clock)
    for number in range(100):
        facts = CertificateFacts(sha256=str(number), sha1="")
        decisions.record(
            "refuse",
            "certificate_not_permitted",
            generation_id="dev_1",
            is_proven=False,
            remote_address="192.0.2.1",
            certificate=facts,
        )
    assert len(stream.records) == 1
    assert stream.subjects == ["decision.org_1.dev_1.refuse"]


def test_while_the_bus_is_slow_the_oldest_of_strangers_go_first() -> None:
    stream, clock = Stream(acknowledges=False), ManualClock()
    decisions = new_log(stream, clock, max_queued=10, unknown_per_s=1000)
    for number in range(300):
        decisions.record("refuse", "wrong_host", remote_address=f"192.0.2.{number}")
    assert len(stream.records) == 256
    for number in range(10):
        decisions.record("cut", "disabled", generation_id=f"dev_{number}")
    assert decisions.dropped == 44
    while stream.waiting:
        stream.waiting.pop(0)(PublishAck("DECISIONS", 1))
    assert [record.kind for record in stream.records[256:]] == ["cut"] * 10


def test_a_bus_that_is_away_costs_strangers_records_and_known_ones_wait() -> None:
    class Absent(Stream):
        is_away = True

        def jetstream_publish(self, *arguments: Any, **options: Any) -> None:  # as the real one
            if self.is_away:
                raise BusUnavailable("away")
            super().jetstream_publish(*arguments, **options)

    stream = Absent()
    decisions = new_log(stream, ManualClock())
    decisions.record("refuse", "wrong_host", remote_address="192.0.2.1")
    decisions.record("cut", "disabled", generation_id="dev_1")
    assert decisions.dropped == 1
    stream.is_away = False
    decisions.sweep()
    assert [record.kind for record in stream.records] == ["cut"]


def test_closing_writes_every_count() -> None:
    stream = Stream()
    decisions = new_log(stream, ManualClock())
    for _ in range(5):
        decisions.record("refuse", "wrong_host", remote_address="192.0.2.1")
    decisions.close()
    assert [record.repeated for record in stream.records] == [1, 4]


def test_text_from_outside_is_cut_to_its_bound() -> None:
    stream = Stream()
    new_log(stream, ManualClock()).record("refuse", "x" * 3, detail="d" * 9999, device_id="i" * 9999)
    assert (len(stream.records[0].detail), len(stream.records[0].device_id)) == (512, 512)
