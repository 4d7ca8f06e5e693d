"""What a lowered bound of telemetry does: the oldest goes, and nothing new is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from running_bus import MEBIBYTE, SMALL_STREAMS, RunningBus

from vedette.bus import (
    CONTROL_USER,
    MIGRATOR_EVENTS_USER,
    MIGRATOR_USER,
    BusConnection,
    JetStream,
    ReadFrom,
    StreamInfo,
    StreamReader,
    ensure_streams,
)
from vedette.bus.contract import TELEMETRY_STREAM, telemetry_subject

pytestmark = pytest.mark.anyio

SUBJECT = telemetry_subject("org_1", "gateway-1")
BATCH = 256 * 1024
WIDE = replace(SMALL_STREAMS, telemetry_bytes=32 * MEBIBYTE)
NARROW = replace(SMALL_STREAMS, telemetry_bytes=4 * MEBIBYTE)


class Gateway:
    """Stores numbered batches; each must be acknowledged."""

    def __init__(self, connection: BusConnection) -> None:
        self._connection = connection
        self.stored = 0

    async def store(self, count: int) -> None:
        for _ in range(count):
            number = self.stored
            await self._connection.jetstream_publish_wait(
                SUBJECT,
                number.to_bytes(4, "big") + bytes(BATCH),
                stream=TELEMETRY_STREAM,
                msg_id=f"batch-{number}",
                deadline_s=30,
            )
            self.stored += 1

    async def store_while(self, is_wanted: Callable[[], bool]) -> None:
        while is_wanted():
            await self.store(1)


async def kept(bus: RunningBus) -> tuple[StreamInfo, list[int]]:
    """Return the stream as it is, and the numbers of its batches."""
    control = await bus.connect(CONTROL_USER)
    info = await JetStream(control).stream_info(TELEMETRY_STREAM)
    assert info is not None
    reader = StreamReader(control, TELEMETRY_STREAM, start=ReadFrom())
    numbers: list[int] = []
    while found := await reader.next(wait_s=0):
        numbers += [int.from_bytes(message.payload[:4], "big") for message in found]
    await reader.close()
    return info, numbers


async def test_a_full_stream_drops_the_oldest_and_refuses_nothing(bus: RunningBus) -> None:
    devices, events = await bus.connect(MIGRATOR_USER), await bus.connect(MIGRATOR_EVENTS_USER)
    await ensure_streams(devices, events, NARROW)
    gateway = Gateway(await bus.connect("gateway-1"))
    await gateway.store(60)
    info, numbers = await kept(bus)
    assert info.state.bytes <= NARROW.telemetry_bytes
    assert 8 <= len(numbers) < 60
    assert numbers == list(range(60 - len(numbers), 60))


async def test_a_bound_lowered_at_the_next_start_drops_the_oldest_and_refuses_nothing(tmp_path: Path) -> None:
    running = RunningBus(tmp_path)
    try:
        await running.start_with_streams(WIDE)
        gateway = Gateway(await running.connect("gateway-1"))
        await gateway.store(60)
        assert (await kept(running))[1] == list(range(60))
        await running.kill()
        await running.start_with_streams(NARROW)
        info, numbers = await kept(running)
        assert info.config["max_bytes"] == NARROW.telemetry_bytes
        assert info.state.bytes <= NARROW.telemetry_bytes
        assert numbers == list(range(60 - len(numbers), 60))
        await gateway.store(40)
        info, numbers = await kept(running)
        assert info.state.bytes <= NARROW.telemetry_bytes
        assert numbers == list(range(100 - len(numbers), 100))
        assert len(numbers) >= 8
    finally:
        await running.close()


async def test_a_bound_lowered_under_load_refuses_nothing(bus: RunningBus) -> None:
    devices, events = await bus.connect(MIGRATOR_USER), await bus.connect(MIGRATOR_EVENTS_USER)
    await ensure_streams(devices, events, WIDE)
    gateway = Gateway(await bus.connect("gateway-1"))
    await gateway.store(60)
    is_lowered = asyncio.Event()
    async with asyncio.timeout(120), asyncio.TaskGroup() as group:
        group.create_task(gateway.store_while(lambda: not is_lowered.is_set()), name="load")
        await ensure_streams(devices, events, NARROW)
        is_lowered.set()
    await gateway.store(10)
    info, numbers = await kept(bus)
    assert info.state.bytes <= NARROW.telemetry_bytes
    assert numbers == list(range(gateway.stored - len(numbers), gateway.stored))
