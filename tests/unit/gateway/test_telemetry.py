"""Group commit: what is in a batch, when it is sent, and who hears of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vedette.bus import BusTimeout, BusUnavailable, PublishAck, PublishResult
from vedette.bus.contract import TelemetryBatch, TelemetryRecord, TelemetrySession
from vedette.gateway import TelemetrySettings
from vedette.gateway.telemetry import _RECORD_BYTES, TelemetryWriter, stored_bytes
from vedette.protocols import RemoteProtocolError
from vedette.protocols.hub import BagLimits, parse_bag
from vedette.simulation import ManualClock

pytestmark = pytest.mark.anyio


class Stream:
    """A stream that acknowledges when told to."""

    def __init__(self) -> None:
        self.batches: list[TelemetryBatch] = []
        self.sizes: list[int] = []
        self.ids: list[str] = []
        self.waiting: list[Callable[[PublishResult], None]] = []
        self.is_full = False

    def jetstream_publish(
        self,
        subject: str | bytes,
        payload: bytes,
        *,
        stream: str,
        msg_id: str,
        deadline_s: float,
        on_done: Callable[[PublishResult], None],
    ) -> None:
        if self.is_full:
            raise BusUnavailable("full")
        assert (subject, stream, deadline_s) == (b"telemetry.org_1.gateway-1", "TELEMETRY", 15.0)
        self.batches.append(msgspec.msgpack.decode(payload, type=TelemetryBatch))
        self.sizes.append(len(payload))
        self.ids.append(msg_id)
        self.waiting.append(on_done)

    def acknowledge(self) -> None:
        self.waiting.pop(0)(PublishAck("TELEMETRY", 1))

    def bodies(self) -> list[list[bytes]]:
        return [[record.body for record in batch.records] for batch in self.batches]


class Device:
    """A session that notes what it is told."""

    def __init__(self, name: str = "pump-7") -> None:
        self.inflight_bytes = 0
        self.stamps = TelemetrySession(f"dev_{name}", name, None, "{}", None)
        self.acknowledged: list[int] = []
        self.flushes = 0
        self.lost = 0
        self.resumed = 0

    def stored(self, packet_id: int) -> None:
        self.acknowledged.append(packet_id)

    def flush(self) -> None:
        self.flushes += 1

    def not_stored(self) -> None:
        self.lost += 1

    def resume(self) -> None:
        self.resumed += 1


def new_writer(stream: Stream, **options: float) -> TelemetryWriter:
    return TelemetryWriter(
        bus=stream,
        organization_id="org_1",
        gateway="gateway-1",
        boot_id="boot",
        settings=TelemetrySettings(**options),  # type: ignore[arg-type] # the dataclass's fields
        clock=ManualClock(),
        loop=asyncio.get_running_loop(),
    )


def send(writer: TelemetryWriter, device: Device, body: bytes, packet_id: int = 0) -> bool:
    return writer.append(
        device,
        body,
        qos=1 if packet_id else 0,
        packet_id=packet_id,
        properties=({"mid": "1"}, {}),
        properties_bytes=9,
        enqueued_at_ms=1_700_000_000_000,
    )


async def turn() -> None:
    await asyncio.sleep(0)


async def test_all_messages_of_one_turn_are_one_batch_and_acknowledged_after_it_is_stored() -> None:
    stream, pump, fan = Stream(), Device("pump"), Device("fan")
    writer = new_writer(stream)
    for number in (1, 2):
        send(writer, pump, b"p%d" % number, packet_id=number)
    send(writer, fan, b"f", packet_id=9)
    send(writer, fan, b"unconfirmed")
    assert stream.batches == []
    await turn()
    assert stream.bodies() == [[b"p1", b"p2", b"f", b"unconfirmed"]]
    assert [session.device_id for session in stream.batches[0].sessions] == ["pump", "fan"]
    assert [record.session for record in stream.batches[0].records] == [0, 0, 1, 1]
    assert pump.acknowledged == []
    stream.acknowledge()
    assert (pump.acknowledged, fan.acknowledged) == ([1, 2], [9])
    assert (pump.flushes, fan.flushes) == (1, 1)
    assert (writer.pending_bytes, pump.inflight_bytes, writer.stored_messages) == (0, 0, 4)


async def test_the_next_batch_gathers_until_the_one_under_way_is_stored() -> None:
    stream, pump = Stream(), Device()
    writer = new_writer(stream, tick_s=10)
    send(writer, pump, b"1", packet_id=1)
    await turn()
    for number in (2, 3):
        send(writer, pump, b"%d" % number, packet_id=number)
        await turn()
    assert stream.bodies() == [[b"1"]]
    stream.acknowledge()
    assert stream.bodies() == [[b"1"], [b"2", b"3"]]
    assert len(set(stream.ids)) == 2


async def test_a_tick_sends_even_while_another_batch_is_under_way_up_to_their_number() -> None:
    stream, pump = Stream(), Device()
    writer = new_writer(stream, tick_s=0.001, max_batches=2)
    for number in (1, 2, 3):
        send(writer, pump, b"%d" % number, packet_id=number)
        await asyncio.sleep(0.01)
    assert stream.bodies() == [[b"1"], [b"2"]]
    stream.acknowledge()
    assert stream.bodies() == [[b"1"], [b"2"], [b"3"]]


async def test_no_batch_is_larger_than_its_limit_but_for_one_large_message() -> None:
    stream, pump = Stream(), Device()
    writer = new_writer(stream, max_batch_bytes=10_000, max_batches=100)
    for number in range(1, 101):
        send(writer, pump, b"x" * 900, packet_id=number)
    send(writer, pump, b"y" * 50_000, packet_id=101)
    await turn()
    assert max(stream.sizes[:-1]) <= 10_000
    assert [len(bodies) for bodies in stream.bodies()] == [10] * 10 + [1]
    while stream.waiting:
        stream.acknowledge()
    assert pump.acknowledged == list(range(1, 102))


async def test_what_is_not_stored_in_time_is_not_acknowledged() -> None:
    stream, pump, fan = Stream(), Device("pump"), Device("fan")
    writer = new_writer(stream)
    send(writer, pump, b"1", packet_id=1)
    send(writer, fan, b"unconfirmed")
    await turn()
    stream.waiting.pop()(BusTimeout("late"))
    assert (pump.lost, pump.acknowledged, fan.lost) == (1, [], 0)
    assert (writer.lost_messages, writer.pending_bytes) == (2, 0)


async def test_a_bus_that_takes_nothing_loses_the_batch_at_once() -> None:
    stream, pump = Stream(), Device()
    stream.is_full = True
    writer = new_writer(stream)
    send(writer, pump, b"1", packet_id=1)
    await turn()
    assert (pump.lost, writer.pending_bytes) == (1, 0)


async def test_memory_is_bounded_by_pausing_who_sends() -> None:
    stream, pump = Stream(), Device()
    writer = new_writer(stream, max_bytes=1_000)
    assert send(writer, pump, b"x" * 500, packet_id=1)
    assert not send(writer, pump, b"x" * 500, packet_id=2)
    await turn()
    assert pump.resumed == 0
    stream.acknowledge()
    assert pump.resumed == 1


async def test_a_session_that_has_ended_is_not_resumed() -> None:
    stream, pump = Stream(), Device()
    writer = new_writer(stream, max_bytes=100)
    send(writer, pump, b"x" * 500, packet_id=1)
    writer.forget(pump)
    await turn()
    stream.acknowledge()
    assert pump.resumed == 0


async def test_flushing_waits_until_all_is_stored() -> None:
    stream, pump = Stream(), Device()
    writer = new_writer(stream, max_batches=1, tick_s=10)
    await writer.flush()
    send(writer, pump, b"1", packet_id=1)
    await turn()
    send(writer, pump, b"2", packet_id=2)
    flushing = asyncio.create_task(writer.flush())
    await turn()
    stream.acknowledge()
    await turn()
    assert not flushing.done()
    stream.acknowledge()
    await flushing
    assert pump.acknowledged == [1, 2]


@given(bag=st.text(max_size=200))
@example(bag="a=" + "\N{GRINNING FACE}" * 4_000)
@example(bag="&".join(f"%F0%9F%98%80{number}" for number in range(128)))
@example(bag="&".join(f"k{number}" for number in range(128)))
def test_what_properties_take_up_is_never_underestimated(bag: str) -> None:
    try:
        parsed = parse_bag(bag, BagLimits())
    except RemoteProtocolError:
        return
    record = TelemetryRecord(1, 1_700_000_000_000, 1, dict(parsed.system), dict(parsed.application), b"")
    assert len(msgspec.msgpack.encode(record)) <= stored_bytes(parsed) + _RECORD_BYTES


async def test_another_message_is_acknowledged_in_turn_with_telemetry() -> None:
    stream, pump, fan = Stream(), Device("pump"), Device("fan")
    writer = new_writer(stream)
    writer.acknowledge(pump, 1)
    assert pump.acknowledged == [1]
    send(writer, pump, b"2", packet_id=2)
    writer.acknowledge(pump, 3)
    send(writer, pump, b"4", packet_id=4)
    writer.acknowledge(fan, 1)
    assert (pump.acknowledged, fan.acknowledged) == ([1], [1])
    await turn()
    writer.acknowledge(pump, 5)
    stream.acknowledge()
    assert pump.acknowledged == [1, 2, 3, 4, 5]
    writer.acknowledge(pump, 6)
    assert pump.acknowledged[-1] == 6


async def test_batches_stored_out_of_turn_are_acknowledged_in_turn_and_hold_up_nobody_else() -> None:
    stream, pump, fan = Stream(), Device("pump"), Device("fan")
    writer = new_writer(stream, tick_s=0)
    for number in (1, 2, 3):
        send(writer, pump, b"%d" % number, packet_id=number)
        send(writer, fan, b"f") if number == 1 else None
        await asyncio.sleep(0.005)
    send(writer, Device("valve"), b"v", packet_id=7)
    assert len(stream.waiting) == 3
    stream.waiting[2](PublishAck("TELEMETRY", 3))
    stream.waiting[1](PublishAck("TELEMETRY", 2))
    assert pump.acknowledged == []
    writer.acknowledge(fan, 9)
    stream.waiting[0](PublishAck("TELEMETRY", 1))
    assert (pump.acknowledged, fan.acknowledged) == ([1, 2, 3], [9])


async def test_only_whoever_has_older_messages_under_way_waits() -> None:
    stream, pump, fan = Stream(), Device("pump"), Device("fan")
    writer = new_writer(stream, tick_s=0)
    send(writer, pump, b"1", packet_id=1)
    await asyncio.sleep(0.005)
    send(writer, pump, b"2", packet_id=2)
    send(writer, fan, b"f", packet_id=5)
    await asyncio.sleep(0.005)
    stream.waiting[1](PublishAck("TELEMETRY", 2))
    assert (pump.acknowledged, fan.acknowledged) == ([], [5])
    stream.waiting[0](BusTimeout("lost"))
    # The connection is closed, and the device sends both again: what came second is not acknowledged alone.
    assert (pump.acknowledged, pump.lost) == ([], 1)


async def test_a_batch_that_is_lost_before_an_older_one_is_stored_acknowledges_nothing() -> None:
    stream, pump = Stream(), Device("pump")
    writer = new_writer(stream, tick_s=0)
    for number in (1, 2):
        send(writer, pump, b"%d" % number, packet_id=number)
        await asyncio.sleep(0.005)
    stream.waiting[1](BusTimeout("lost"))
    assert (pump.acknowledged, pump.lost) == ([], 1)
    stream.waiting[0](PublishAck("TELEMETRY", 1))
    assert pump.acknowledged == [1]


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("telemetry"), st.integers(0, 2)),
            st.tuples(st.just("request"), st.integers(0, 2)),
            st.tuples(st.just("stored"), st.integers(0, 5)),
            st.tuples(st.just("turn"), st.just(0)),
        ),
        max_size=40,
    )
)
def test_each_devices_messages_are_acknowledged_once_and_in_order(steps: list[tuple[str, int]]) -> None:
    async def run() -> None:
        stream, devices = Stream(), [Device(str(number)) for number in range(3)]
        sent = [0, 0, 0]
        writer = new_writer(stream, tick_s=0, max_batch_bytes=400)
        for step, number in steps:
            if step == "turn":
                await turn()
            elif step == "stored":
                if stream.waiting:
                    stream.waiting.pop(number % len(stream.waiting))(PublishAck("TELEMETRY", 1))
            else:
                sent[number] += 1
                if step == "request":
                    writer.acknowledge(devices[number], sent[number])
                else:
                    send(writer, devices[number], b"x" * 100, packet_id=sent[number])
            for device in devices:
                assert device.acknowledged == list(range(1, len(device.acknowledged) + 1))
        flushing = asyncio.ensure_future(writer.flush())
        while not flushing.done():
            await turn()
            while stream.waiting:
                stream.acknowledge()
        assert [len(device.acknowledged) for device in devices] == sent

    asyncio.run(run())
