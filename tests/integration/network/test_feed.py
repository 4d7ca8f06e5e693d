"""From the telemetry stream of a real bus into the inventory: in order, from where it was, by registration alone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa
from identity_house import ACTOR
from network_house import HMI, PLC, NetworkHouse, asset
from running_bus import RunningBus

from vedette.bus import CONTROL_USER, BusConnection
from vedette.bus.contract import TELEMETRY_STREAM, TelemetryBatch, TelemetryRecord, TelemetrySession, telemetry_subject
from vedette.network import SensorFeed, sensor_repository
from vedette.protocols.sensor import CONTENT_TYPE, Batch, Record, write_batch

pytestmark = pytest.mark.anyio


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[RunningBus]:
    running = RunningBus(tmp_path / "bus")
    await running.start_with_streams()
    try:
        yield running
    finally:
        await running.close()


class Stream:
    """What gateways store, and a feed that reads it."""

    def __init__(self, house: NetworkHouse, control: BusConnection, gateway: BusConnection) -> None:
        self.house, self.control, self.gateway = house, control, gateway
        self._count = 0

    async def store(
        self, generation_id: str, *records: Record, sequence: int, content_type: str = CONTENT_TYPE
    ) -> None:
        body = write_batch(Batch(boot="boot-1", sequence=sequence, records=records))
        session = TelemetrySession(generation_id, "probe", None, "{}", None)
        record = TelemetryRecord(0, 0, 1, {"ct": content_type}, {}, body)
        stored = msgspec.msgpack.encode(TelemetryBatch(1, "gateway-1", [session], [record]))
        await self.put(stored)

    async def put(self, payload: bytes) -> None:
        """Store bytes as a gateway does."""
        self._count += 1
        await self.gateway.jetstream_publish_wait(
            telemetry_subject(self.house.organization_id, "gateway-1"),
            payload,
            stream=TELEMETRY_STREAM,
            msg_id=f"m{self._count}",
            deadline_s=30,
        )

    @contextlib.asynccontextmanager
    async def feed(self) -> AsyncIterator[SensorFeed]:
        house = self.house
        feed = SensorFeed(
            house.organization_id, self.control, house.store, house.sensors, house.intake, clock=house.clock
        )
        async with asyncio.TaskGroup() as group:
            running = group.create_task(feed.run(), name="feed")
            yield feed
            running.cancel()

    async def ips(self, count: int) -> set[str]:
        """Wait until so many assets stand in the inventory; return their addresses."""
        async with asyncio.timeout(60):
            while len(found := await self.house.assets()) < count:  # noqa: ASYNC110 - a database tells nobody
                await asyncio.sleep(0.02)
        return {each.ips[0] for each in found}

    async def is_noted(self) -> None:
        """Wait until the feed has written down how far it read: what it took since would be taken again."""
        house = self.house

        def read(connection: sa.Connection) -> int | None:
            return sensor_repository.read_position(connection, house.organization_id, TELEMETRY_STREAM)

        async with asyncio.timeout(60):
            while await house.store.read(read) is None:  # noqa: ASYNC110 - a database tells nobody
                await asyncio.sleep(0.02)


@pytest.fixture
async def stream(house: NetworkHouse, bus: RunningBus) -> Stream:
    return Stream(house, await bus.connect(CONTROL_USER), await bus.connect("gateway-1"))


async def test_batches_are_taken_from_the_moment_a_sensor_is_registered(stream: Stream) -> None:
    house = stream.house
    first, stranger = await house.sensor(), await house.device("pump-7")
    async with stream.feed() as feed:
        await stream.store(stranger.generation_id, asset("10.0.0.66"), sequence=1)
        await stream.store(first.generation_id, asset("10.0.0.67"), sequence=7, content_type="application/json")
        await stream.store(first.generation_id, asset(PLC), sequence=1)
        assert await stream.ips(1) == {PLC}
        assert feed.ignored == 1
        late = await house.sensor("probe-2", "south")
        await stream.store(late.generation_id, asset(HMI), sequence=1)
        assert await stream.ips(2) == {PLC, HMI}
        await house.sensors.retire(house.organization_id, "probe-2", reason="sold", actor=ACTOR)
        await stream.store(late.generation_id, asset("10.0.0.68"), sequence=2)
        await stream.store(first.generation_id, asset("10.0.0.69"), sequence=2)
        assert await stream.ips(3) == {PLC, HMI, "10.0.0.69"}


async def test_reading_goes_on_where_it_was_and_hostile_bytes_stop_nothing(stream: Stream) -> None:
    house = stream.house
    sensor = await house.sensor()
    async with stream.feed():
        await stream.store(sensor.generation_id, asset(PLC), sequence=1)
        await stream.ips(1)
        await stream.is_noted()
    await stream.put(b"\xff no telemetry")
    await stream.store(sensor.generation_id, asset(PLC), sequence=1)  # resent
    await stream.store(sensor.generation_id, asset(HMI), sequence=2)
    async with stream.feed():
        assert await stream.ips(2) == {PLC, HMI}
    heard = await house.sensors.get(house.organization_id, "probe-1")
    assert (heard.batches, heard.repeated, heard.lost) == (2, 1, 0)
