"""The migrator's step, and reading streams in order."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from running_bus import MEBIBYTE, SMALL_STREAMS, RunningBus
from waiting import until

from vedette.bus import (
    MIGRATOR_EVENTS_USER,
    MIGRATOR_USER,
    BusConnection,
    BusTimeout,
    BusUnavailable,
    DurableReader,
    JetStream,
    JetStreamError,
    ReadFrom,
    StoredMessage,
    StreamReader,
    ensure_streams,
)
from vedette.bus.contract import (
    DECISIONS_STREAM,
    EVENTS_STREAM,
    POSTURE_STREAM,
    TELEMETRY_STREAM,
    decision_subject,
    telemetry_subject,
)

pytestmark = pytest.mark.anyio

SUBJECT = telemetry_subject("org_1", "gateway-1")


async def test_migration_can_be_repeated_and_changes_what_is_kept(bus: RunningBus) -> None:
    devices, control = await bus.connect(MIGRATOR_USER), await bus.connect(MIGRATOR_EVENTS_USER)
    gateway = await bus.connect("gateway-1")
    await _store(gateway, 0, 3)
    await ensure_streams(devices, control, SMALL_STREAMS)
    await ensure_streams(devices, control, replace(SMALL_STREAMS, telemetry_age=timedelta(days=14)))
    info = await JetStream(devices).stream_info(TELEMETRY_STREAM)
    assert info is not None
    assert info.config["max_age"] == 14 * 86_400 * 1_000_000_000
    assert info.config["max_bytes"] == SMALL_STREAMS.telemetry_bytes
    assert info.state.messages == 3


async def test_streams_keep_what_was_decided(bus: RunningBus) -> None:
    devices, control = JetStream(await bus.connect("control")), JetStream(await bus.connect("control-events"))
    found = {}
    for jetstream, name in (
        (devices, TELEMETRY_STREAM),
        (devices, DECISIONS_STREAM),
        (control, EVENTS_STREAM),
        (control, POSTURE_STREAM),
    ):
        info = await jetstream.stream_info(name)
        assert info is not None
        days = info.config["max_age"] / 86_400e9
        found[name] = (info.config["discard"], days, info.config["storage"], info.config["duplicate_window"] / 1e9)
    assert found == {
        TELEMETRY_STREAM: ("old", 7, "file", 60),
        DECISIONS_STREAM: ("old", 30, "file", 60),
        EVENTS_STREAM: ("old", 30, "file", 60),
        POSTURE_STREAM: ("new", 0, "file", 60),
    }


async def test_bucket_keeps_the_last_value_of_each_key(bus: RunningBus) -> None:
    events = await bus.connect("control-events")
    for key, value in (("dev_1", b"1"), ("dev_2", b"2"), ("dev_1", b"3")):
        await events.jetstream_publish_wait(
            f"$KV.posture.org_1.{key}", value, stream=POSTURE_STREAM, msg_id=value.decode(), deadline_s=30
        )
    jetstream = JetStream(events)
    last = await jetstream.direct_get_last(POSTURE_STREAM, "$KV.posture.org_1.dev_1")
    assert last is not None
    assert (last.payload, last.sequence) == (b"3", 3)
    assert abs((last.stored_at - datetime.now(UTC)).total_seconds()) < 60
    assert await jetstream.direct_get_last(POSTURE_STREAM, "$KV.posture.org_1.dev_9") is None
    info = await jetstream.stream_info(POSTURE_STREAM)
    assert info is not None
    assert info.state.messages == 2


async def test_full_bucket_refuses_and_keeps_what_it_has(tmp_path_factory: pytest.TempPathFactory) -> None:
    running = RunningBus(tmp_path_factory.mktemp("bus"))
    try:
        await running.start_with_streams(replace(SMALL_STREAMS, posture_bytes=10_000))
        events = await running.connect("control-events")
        outcomes = [
            await _outcome(events, f"$KV.posture.org_1.dev_{number}", b"x" * 1_000, POSTURE_STREAM)
            for number in range(20)
        ]
        assert outcomes[0] == "PublishAck"
        assert outcomes[-1] == "PublishRefused"
        assert await JetStream(events).direct_get_last(POSTURE_STREAM, "$KV.posture.org_1.dev_0") is not None
    finally:
        await running.close()


async def test_lowered_bounds_take_effect_at_the_next_start(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("bus")
    for telemetry_bytes in (512 * MEBIBYTE, 10 * MEBIBYTE):
        running = RunningBus(folder)
        try:
            await running.start_with_streams(replace(SMALL_STREAMS, telemetry_bytes=telemetry_bytes))
            info = await JetStream(await running.connect("control")).stream_info(TELEMETRY_STREAM)
            assert info is not None
            assert info.config["max_bytes"] == telemetry_bytes
        finally:
            await running.close()


async def test_missing_stream_is_said(bus: RunningBus) -> None:
    devices = await bus.connect(MIGRATOR_USER)
    with pytest.raises(JetStreamError):
        await JetStream(devices).api(f"STREAM.UPDATE.{TELEMETRY_STREAM}", {"name": "OTHER"})


async def test_history_is_read_whole_and_in_order(bus: RunningBus) -> None:
    gateway, control = await bus.connect("gateway-1"), await bus.connect("control")
    await _store(gateway, 0, 250)
    reader = StreamReader(control, TELEMETRY_STREAM)
    found: list[StoredMessage] = []
    while batch := await reader.next(limit=40, wait_s=0):
        assert len(batch) <= 40
        found += batch
    assert [message.payload for message in found] == [b"%d" % number for number in range(250)]
    assert [message.sequence for message in found] == list(range(1, 251))
    assert found[-1].pending == 0
    assert found[0].subject == SUBJECT
    await reader.close()


async def test_reading_begins_where_it_is_told_to(bus: RunningBus) -> None:
    gateway, control = await bus.connect("gateway-1"), await bus.connect("control")
    await _store(gateway, 0, 5)
    await asyncio.sleep(0.02)
    middle = datetime.now(UTC)
    await asyncio.sleep(0.02)
    await _store(gateway, 5, 10)
    for start, first in ((ReadFrom(after_sequence=3), b"3"), (ReadFrom(since=middle), b"5"), (ReadFrom(), b"0")):
        reader = StreamReader(control, TELEMETRY_STREAM, start=start)
        assert (await reader.next(wait_s=0))[0].payload == first
        await reader.close()
    reader = StreamReader(control, TELEMETRY_STREAM, start=ReadFrom(new_only=True))
    assert await reader.next(wait_s=0.05) == []
    await _store(gateway, 10, 11)
    assert [message.payload for message in await reader.next(wait_s=30)] == [b"10"]
    await reader.close()


async def test_only_what_the_filters_name_is_read(bus: RunningBus) -> None:
    gateway, control = await bus.connect("gateway-1"), await bus.connect("control")
    for device in ("dev_1", "dev_2", "dev_3"):
        await gateway.jetstream_publish_wait(
            decision_subject("org_1", device, "connect"), b"x", stream=DECISIONS_STREAM, msg_id=device, deadline_s=30
        )
    for filters, expected in (
        (["decision.org_1.dev_2.*"], ["dev_2"]),
        (["decision.org_1.dev_1.*", "decision.org_1.dev_3.*"], ["dev_1", "dev_3"]),
        ([], ["dev_1", "dev_2", "dev_3"]),
    ):
        reader = StreamReader(control, DECISIONS_STREAM, filters=filters)
        assert [message.subject.split(".")[2] for message in await _read(reader, len(expected))] == expected
        await reader.close()


async def test_new_message_wakes_a_waiting_reader_at_once(bus: RunningBus) -> None:
    gateway, control = await bus.connect("gateway-1"), await bus.connect("control")
    reader = StreamReader(control, TELEMETRY_STREAM)
    assert await reader.next(wait_s=0) == []
    async with asyncio.timeout(30.0), asyncio.TaskGroup() as group:
        waiting = group.create_task(reader.next(wait_s=60))
        await asyncio.sleep(0.1)
        await _store(gateway, 0, 1)
    assert [message.payload for message in waiting.result()] == [b"0"]
    await reader.close()


async def test_idle_reader_outlives_its_waiting_time_and_the_heartbeats(bus: RunningBus) -> None:
    gateway, control = await bus.connect("gateway-1"), await bus.connect("control")
    reader = StreamReader(control, TELEMETRY_STREAM)
    assert await reader.next(wait_s=2.2) == []
    await _store(gateway, 0, 1)
    assert len(await reader.next(wait_s=30)) == 1
    await reader.close()


@pytest.mark.parametrize("start", [ReadFrom(), ReadFrom(new_only=True)], ids=["from the beginning", "new only"])
async def test_restart_of_the_bus_neither_skips_nor_repeats(bus: RunningBus, start: ReadFrom) -> None:
    gateway, control = await bus.connect("gateway-1"), await bus.connect("control")
    reader = StreamReader(control, TELEMETRY_STREAM, start=start)
    assert await reader.next(wait_s=0) == []
    for round_number in range(3):
        first = round_number * 20
        await _store(gateway, first, first + 10)
        found = await _read(reader, 5)  # the rest of the batch is under way when the bus dies
        await bus.kill()
        await bus.start()
        await until(lambda: gateway.is_connected and control.is_connected)
        await _store(gateway, first + 10, first + 20)
        found += await _read(reader, 15)
        assert [message.payload for message in found] == [b"%d" % number for number in range(first, first + 20)]
    await reader.close()


async def test_lost_consumer_is_made_anew(bus: RunningBus) -> None:
    gateway, control = await bus.connect("gateway-1"), await bus.connect("control")
    await _store(gateway, 0, 10)
    reader = StreamReader(control, TELEMETRY_STREAM)
    found = await _read(reader, 10)
    await JetStream(control).api(f"CONSUMER.DELETE.{TELEMETRY_STREAM}.{reader._consumer}")
    await _store(gateway, 10, 20)
    found += await _read(reader, 10)
    assert [message.payload for message in found] == [b"%d" % number for number in range(20)]
    await reader.close()


async def test_closed_reader_leaves_no_consumer(bus: RunningBus) -> None:
    control = await bus.connect("control")
    reader = StreamReader(control, TELEMETRY_STREAM)
    await reader.next(wait_s=0)
    consumer = reader._consumer
    await reader.close()
    with pytest.raises(JetStreamError):
        await JetStream(control).consumer_info(TELEMETRY_STREAM, consumer)


async def test_durable_reader_gets_each_message_until_it_acknowledges(bus: RunningBus) -> None:
    gateway, control = await bus.connect("gateway-1"), await bus.connect("control")
    await _store(gateway, 0, 6)
    reader = DurableReader(control, TELEMETRY_STREAM, durable="archive")
    for message in (await _read(reader, 6))[:4]:
        reader.acknowledge(message)
    await _wait_pending(control, 2)
    await _store(gateway, 6, 8)
    assert [message.payload for message in await _read(reader, 2)] == [b"6", b"7"]
    reader.close()
    again = DurableReader(control, TELEMETRY_STREAM, durable="archive")
    await _store(gateway, 8, 9)
    assert [message.payload for message in await _read(again, 1)] == [b"8"]
    again.close()


async def test_durable_reader_continues_after_a_restart(bus: RunningBus) -> None:
    gateway, control = await bus.connect("gateway-1"), await bus.connect("control")
    await _store(gateway, 0, 4)
    reader = DurableReader(control, TELEMETRY_STREAM, durable="archive")
    for message in await _read(reader, 4):
        reader.acknowledge(message)
    await _wait_pending(control, 0)
    await asyncio.sleep(4.0)  # the server writes what a consumer acknowledged a little later
    await bus.kill()
    await bus.start()
    await until(lambda: gateway.is_connected and control.is_connected)
    await _store(gateway, 4, 6)
    assert [message.payload for message in await _read(reader, 2)] == [b"4", b"5"]
    reader.close()


@pytest.mark.parametrize("limit", [0, 1001])
async def test_batch_size_is_bounded(bus: RunningBus, limit: int) -> None:
    reader = StreamReader(await bus.connect("control"), TELEMETRY_STREAM)
    with pytest.raises(ValueError, match="limit is 1 to 1000"):
        await reader.next(limit=limit)
    await reader.close()


async def _store(gateway: BusConnection, first: int, last: int) -> None:
    for number in range(first, last):
        await gateway.jetstream_publish_wait(
            SUBJECT, b"%d" % number, stream=TELEMETRY_STREAM, msg_id=f"m{number}", deadline_s=30
        )


async def _wait_pending(control: BusConnection, count: int) -> None:
    """Wait until the server, which takes acknowledgements in its own time, waits for so many."""
    async with asyncio.timeout(30):
        while True:
            info = await JetStream(control).consumer_info(TELEMETRY_STREAM, "archive")
            if info.num_ack_pending == count:
                return
            await asyncio.sleep(0.02)


async def _outcome(connection: BusConnection, subject: str, payload: bytes, stream: str) -> str:
    outcomes: list[object] = []
    connection.jetstream_publish(
        subject, payload, stream=stream, msg_id=subject, deadline_s=30, on_done=outcomes.append
    )
    await until(lambda: bool(outcomes))
    return type(outcomes[0]).__name__


async def _read(reader: StreamReader | DurableReader, count: int) -> list[StoredMessage]:
    """Read so many, and go on after an interruption as a caller does."""
    found: list[StoredMessage] = []
    async with asyncio.timeout(60):
        while len(found) < count:
            try:
                found += await reader.next(limit=count - len(found), wait_s=0.5)
            except (BusUnavailable, BusTimeout):
                await asyncio.sleep(0.02)
    return found
