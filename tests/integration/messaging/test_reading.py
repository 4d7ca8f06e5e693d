"""Reading what gateways stored, with control's own credentials, from a real server."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import msgspec
import pytest
from running_bus import RunningBus

from vedette.bus import CONTROL_USER, BusConnection
from vedette.bus.contract import (
    DECISIONS_STREAM,
    TELEMETRY_STREAM,
    DecisionRecord,
    TelemetryBatch,
    TelemetryRecord,
    TelemetrySession,
    decision_subject,
    telemetry_subject,
)
from vedette.kernel import InvalidId
from vedette.messaging import DecisionReader, InvalidCursor, TelemetryMessage, TelemetryReader
from vedette.simulation import SequentialIds

IDS = SequentialIds()
ORGANIZATION = IDS.new("org")
PUMP, METER = IDS.new("dev"), IDS.new("dev")
START_MS = 1_700_000_000_000


async def store(gateway: BusConnection, number: int, *bodies: bytes, generation_id: str = PUMP) -> None:
    session = TelemetrySession(generation_id, "pump-7", None, "{}", None)
    records = [TelemetryRecord(0, START_MS + number * 1000, 1, {}, {}, body) for body in bodies]
    await gateway.jetstream_publish_wait(
        telemetry_subject(ORGANIZATION, "gateway-1"),
        msgspec.msgpack.encode(TelemetryBatch(1, "gateway-1", [session], records)),
        stream=TELEMETRY_STREAM,
        msg_id=f"batch-{number}",
        deadline_s=30,
    )


async def decide(
    gateway: BusConnection, number: int, kind: str, *, generation_id: str | None = PUMP, reason: str = "permitted"
) -> None:
    record = DecisionRecord(
        decision_id=f"evt-{number}",
        organization_id=ORGANIZATION,
        decided_at="2026-01-01T00:00:00.000Z",
        gateway="gateway-1",
        kind=kind,
        effect="deny",
        reason=reason,
        generation_id=generation_id,
        remote_address="192.0.2.1",
    )
    await gateway.jetstream_publish_wait(
        decision_subject(ORGANIZATION, generation_id, kind),
        msgspec.msgpack.encode(record),
        stream=DECISIONS_STREAM,
        msg_id=record.decision_id,
        deadline_s=30,
    )


async def readers(bus: RunningBus) -> tuple[TelemetryReader, DecisionReader]:
    control = await bus.connect(CONTROL_USER)
    return TelemetryReader(control), DecisionReader(control)


@pytest.mark.anyio
async def test_pages_follow_each_other_without_gap_or_repetition(bus: RunningBus) -> None:
    gateway = await bus.connect("gateway-1")
    for number in range(5):
        await store(gateway, number, *[f"{number}.{index}".encode() for index in range(4)])
    telemetry, _ = await readers(bus)
    seen: list[bytes] = []
    after: str | None = None
    while True:
        page = await telemetry.list_messages(ORGANIZATION, after=after, limit=3)
        seen += [message.body for message in page.items]
        after = page.next
        if after is None:
            break
    assert seen == [f"{number}.{index}".encode() for number in range(5) for index in range(4)]


@pytest.mark.anyio
async def test_history_of_one_device_within_times(bus: RunningBus) -> None:
    gateway = await bus.connect("gateway-1")
    for number in range(6):
        await store(gateway, number, b"p%d" % number, generation_id=PUMP if number % 2 else METER)
    telemetry, _ = await readers(bus)
    page = await telemetry.list_messages(
        ORGANIZATION, generation_ids={PUMP}, until=datetime.fromtimestamp(START_MS / 1000 + 5, UTC)
    )
    assert [message.body for message in page.items] == [b"p1", b"p3"]
    assert page.next is None
    elsewhere = await telemetry.list_messages(IDS.new("org"))
    assert (elsewhere.items, elsewhere.next) == ([], None)
    with pytest.raises(InvalidCursor):
        await telemetry.list_messages(ORGANIZATION, after="yesterday")


@pytest.mark.anyio
async def test_a_tail_begins_now_and_outlives_a_restart_of_the_bus(bus: RunningBus) -> None:
    gateway = await bus.connect("gateway-1")
    await store(gateway, 0, b"before")
    telemetry, _ = await readers(bus)
    seen: list[TelemetryMessage] = []
    has_begun = asyncio.Event()

    def note(message: TelemetryMessage | None) -> None:
        if message is not None:
            seen.append(message)

    async def follow() -> None:
        has_begun.set()
        async for message in telemetry.tail(ORGANIZATION):
            note(message)

    following = asyncio.create_task(follow())
    try:
        await has_begun.wait()
        number = 0
        async with asyncio.timeout(60):
            while not seen:
                number += 1
                await store(gateway, number, b"during")
                await asyncio.sleep(0.01)
        await bus.kill()
        await bus.start()
        before = len(seen)
        async with asyncio.timeout(60):
            while len(seen) == before:
                number += 1
                await store(gateway, number, b"after")
                await asyncio.sleep(0.05)
    finally:
        following.cancel()
        await asyncio.wait({following})
    assert {message.body for message in seen} == {b"during", b"after"}
    assert len({message.cursor for message in seen}) == len(seen)


@pytest.mark.anyio
async def test_a_tail_goes_on_behind_a_cursor(bus: RunningBus) -> None:
    gateway = await bus.connect("gateway-1")
    await store(gateway, 0, b"a", b"b", b"c")
    telemetry, _ = await readers(bus)
    first = (await telemetry.list_messages(ORGANIZATION, limit=1)).items[0]
    found = []
    async for message in telemetry.tail(ORGANIZATION, after=first.cursor):
        assert message is not None
        found.append(message.body)
        if len(found) == 2:
            break
    assert found == [b"b", b"c"]


@pytest.mark.anyio
async def test_a_tail_that_gathers_skips_nothing_and_goes_on_after_each_pause(bus: RunningBus) -> None:
    gateway = await bus.connect("gateway-1")
    for number in range(5):
        await decide(gateway, number, "connect")
    _, decisions = await readers(bus)
    since = datetime.fromtimestamp(START_MS / 1000, UTC)
    found: list[str] = []
    async for decision in decisions.tail(ORGANIZATION, kinds=("connect",), since=since, gather_s=0.02):
        assert decision is not None
        found.append(decision.record.decision_id)
        if len(found) == 5:
            await decide(gateway, 5, "refuse")
            await decide(gateway, 6, "connect")
        if len(found) == 6:
            await asyncio.sleep(0.1)
            await decide(gateway, 7, "connect")
        if len(found) == 7:
            break
    assert found == [f"evt-{number}" for number in (0, 1, 2, 3, 4, 6, 7)]


@pytest.mark.anyio
async def test_decisions_come_newest_first_and_page_by_page(bus: RunningBus) -> None:
    gateway = await bus.connect("gateway-1")
    for number in range(30):
        await decide(gateway, number, "refuse" if number % 3 else "connect", generation_id=PUMP if number % 2 else None)
    _, decisions = await readers(bus)
    seen: list[str] = []
    after: str | None = None
    while True:
        page = await decisions.list_decisions(ORGANIZATION, generation_id=PUMP, after=after, limit=4)
        seen += [decision.record.decision_id for decision in page.items]
        after = page.next
        if after is None:
            break
    assert seen == [f"evt-{number}" for number in range(29, 0, -2)]
    refusals = await decisions.list_decisions(ORGANIZATION, kinds=("refuse",), limit=5)
    assert [one.record.decision_id for one in refusals.items] == ["evt-29", "evt-28", "evt-26", "evt-25", "evt-23"]
    unknown = await decisions.list_decisions(ORGANIZATION, generation_id="unknown", kinds=("connect",))
    assert [one.record.decision_id for one in unknown.items] == ["evt-24", "evt-18", "evt-12", "evt-6", "evt-0"]


@pytest.mark.anyio
async def test_rare_decisions_are_found_far_behind(bus: RunningBus) -> None:
    gateway = await bus.connect("gateway-1")
    await decide(gateway, 0, "cut", generation_id=METER, reason="disabled")
    async with asyncio.TaskGroup() as group:
        for number in range(1, 1500):
            group.create_task(decide(gateway, number, "connect"))
    _, decisions = await readers(bus)
    page = await decisions.list_decisions(ORGANIZATION, generation_id=METER)
    assert [one.record.reason for one in page.items] == ["disabled"]
    assert page.next is None
    by_reason = await decisions.list_decisions(ORGANIZATION, reason="disabled", limit=1)
    assert [one.record.decision_id for one in by_reason.items] == ["evt-0"]


@pytest.mark.anyio
async def test_no_filter_can_break_out_of_its_subject(bus: RunningBus) -> None:
    _, decisions = await readers(bus)
    for hostile in ("*", ">", "dev_1.>", "dev_1\r\n"):
        with pytest.raises(InvalidId):
            await decisions.list_decisions(ORGANIZATION, generation_id=hostile)
