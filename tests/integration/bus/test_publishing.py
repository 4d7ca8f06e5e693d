"""Publishing into streams: nothing acknowledged is lost or doubled, and every message gets its answer in time."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from functools import partial

import pytest
from running_bus import RunningBus
from waiting import until

from vedette.bus import (
    BusConnection,
    BusRefused,
    BusTimeout,
    BusUnavailable,
    PayloadTooLarge,
    PublishAck,
    PublishRefused,
    PublishResult,
    StreamReader,
)
from vedette.bus.contract import DECISIONS_STREAM, TELEMETRY_STREAM

pytestmark = pytest.mark.anyio

SUBJECT = "telemetry.org_1.gateway-1"


async def test_second_copy_of_a_message_id_is_known_as_such(bus: RunningBus) -> None:
    gateway = await bus.connect("gateway-1")
    first, second = [await _store(gateway, b"x", msg_id="m1") for _ in range(2)]
    assert (first.sequence, first.is_duplicate) == (1, False)
    assert (second.sequence, second.is_duplicate) == (1, True)


async def test_killing_the_bus_again_and_again_loses_and_doubles_nothing(bus: RunningBus) -> None:
    gateway = await bus.connect("gateway-1")
    outcomes: dict[int, PublishResult] = {}
    kills_are_over = asyncio.Event()

    async def publish() -> int:
        number = 0
        while not kills_are_over.is_set():
            await until(lambda: gateway.unacknowledged < 64)  # the window of a busy gateway
            gateway.jetstream_publish(
                SUBJECT,
                b"%d" % number,
                stream=TELEMETRY_STREAM,
                msg_id=f"m{number}",
                deadline_s=30,
                on_done=partial(outcomes.__setitem__, number),
            )
            number += 1
        return number

    def has_duplicate() -> bool:
        return any(isinstance(outcome, PublishAck) and outcome.is_duplicate for outcome in outcomes.values())

    async def kill_and_start() -> None:
        """Kill at least five times, and until an acknowledgement was lost with the connection: only then it counts."""
        chance = random.Random(7)
        for number in range(30):
            if number >= 5 and has_duplicate():
                break
            await asyncio.sleep(chance.uniform(0.05, 0.25))
            generation, sent = gateway.connection_generation, len(outcomes) + gateway.unacknowledged
            await bus.kill()
            await bus.start()
            await until(partial(_is_back, gateway, generation))
            await until(partial(_are_at_least, outcomes, sent))  # none is kept waiting by one kill after the other
        kills_are_over.set()

    async with asyncio.timeout(300), asyncio.TaskGroup() as group:
        publishing = group.create_task(publish())
        group.create_task(kill_and_start())
    total = publishing.result()
    await until(lambda: not gateway.unacknowledged)
    assert gateway.connection_generation > 5
    assert Counter(type(outcome).__name__ for outcome in outcomes.values()) == {"PublishAck": total}
    stored = await _payloads(await bus.connect("control"))
    assert Counter(stored) == Counter(b"%d" % number for number in range(total))
    assert has_duplicate()


async def test_message_sent_while_the_bus_is_down_is_stored_after_its_return(bus: RunningBus) -> None:
    gateway = await bus.connect("gateway-1")
    await bus.kill()
    async with asyncio.TaskGroup() as group:
        stored = group.create_task(_store(gateway, b"patient", msg_id="m1", deadline_s=30))
        await asyncio.sleep(0.2)
        await bus.start()
    assert stored.result().sequence == 1


async def test_deadline_ends_the_waiting(bus: RunningBus) -> None:
    gateway = await bus.connect("gateway-1")
    bus.freeze()
    began_s = time.monotonic()
    with pytest.raises(BusTimeout):
        await _store(gateway, b"x", msg_id="m1", deadline_s=0.3)
    assert 0.3 <= time.monotonic() - began_s < 20.0
    assert gateway.unacknowledged == 0
    bus.thaw()
    late = await _store(gateway, b"x", msg_id="m1", deadline_s=30)
    assert late.is_duplicate, "the first copy was stored after its deadline; the same id finds it"


async def test_unacknowledged_messages_are_bounded_by_count_and_size(bus: RunningBus) -> None:
    for bounds in ({"max_unacknowledged": 10}, {"max_unacknowledged_bytes": 10_000}):
        gateway = await bus.connect("gateway-1", **bounds)
        bus.freeze()
        outcomes: list[PublishResult] = []
        taken = _publish_until_refused(gateway, outcomes)
        assert taken <= 10
        bus.thaw()
        await until(partial(_are_so_many, outcomes, taken))
        assert all(isinstance(outcome, PublishAck) for outcome in outcomes)


async def test_acknowledgement_of_another_stream_is_no_acknowledgement(bus: RunningBus) -> None:
    gateway = await bus.connect("gateway-1")
    with pytest.raises(PublishRefused):
        await gateway.jetstream_publish_wait(SUBJECT, b"x", stream=DECISIONS_STREAM, msg_id="m", deadline_s=30)


async def test_forbidden_publish_is_refused_without_waiting_for_the_deadline(bus: RunningBus) -> None:
    gateway = await bus.connect("gateway-1")
    began_s = time.monotonic()
    with pytest.raises(BusRefused):
        await gateway.jetstream_publish_wait(
            "telemetry.org_1.gateway-2", b"x", stream=TELEMETRY_STREAM, msg_id="m", deadline_s=30
        )
    assert time.monotonic() - began_s < 20


async def test_subject_without_a_stream_is_tried_until_the_deadline(bus: RunningBus) -> None:
    gateway = await bus.connect("gateway-1")
    began_s = time.monotonic()
    with pytest.raises(BusTimeout):
        await gateway.jetstream_publish_wait(
            "pep.status.org_1.gateway-1", b"x", stream=TELEMETRY_STREAM, msg_id="m", deadline_s=0.5
        )
    assert time.monotonic() - began_s >= 0.5


async def test_message_is_taken_at_the_payload_limit_and_refused_above(bus: RunningBus) -> None:
    gateway = await bus.connect("gateway-1")
    room = bus.settings.max_payload_bytes - len(b"NATS/1.0\r\nNats-Msg-Id: m\r\n\r\n")
    assert (await _store(gateway, b"x" * room, msg_id="m")).sequence == 1
    with pytest.raises(PayloadTooLarge):
        await _store(gateway, b"x" * (room + 1), msg_id="n")
    assert gateway.connection_generation == 1


async def test_callback_may_publish_again(bus: RunningBus) -> None:
    gateway = await bus.connect("gateway-1")
    done: asyncio.Future[PublishResult] = asyncio.get_running_loop().create_future()

    def again(_: PublishResult) -> None:
        gateway.jetstream_publish(
            SUBJECT, b"2", stream=TELEMETRY_STREAM, msg_id="2", deadline_s=30, on_done=done.set_result
        )

    gateway.jetstream_publish(SUBJECT, b"1", stream=TELEMETRY_STREAM, msg_id="1", deadline_s=30, on_done=again)
    assert await done == PublishAck(TELEMETRY_STREAM, 2)


async def _store(gateway: BusConnection, payload: bytes, *, msg_id: str, deadline_s: float = 30) -> PublishAck:
    return await gateway.jetstream_publish_wait(
        SUBJECT, payload, stream=TELEMETRY_STREAM, msg_id=msg_id, deadline_s=deadline_s
    )


async def _payloads(control: BusConnection) -> list[bytes]:
    reader = StreamReader(control, TELEMETRY_STREAM)
    found: list[bytes] = []
    while batch := await reader.next(limit=1000, wait_s=0):
        found += [message.payload for message in batch]
    await reader.close()
    return found


def _publish_until_refused(gateway: BusConnection, outcomes: list[PublishResult]) -> int:
    for number in range(100):
        try:
            gateway.jetstream_publish(
                SUBJECT,
                b"x" * 900,
                stream=TELEMETRY_STREAM,
                msg_id=f"{id(gateway)}-{number}",
                deadline_s=30,
                on_done=outcomes.append,
            )
        except BusUnavailable:
            return number
    raise AssertionError("there is no bound")


def _is_back(gateway: BusConnection, generation: int) -> bool:
    return gateway.is_connected and gateway.connection_generation > generation


def _are_at_least(outcomes: dict[int, PublishResult], count: int) -> bool:
    return len(outcomes) >= count


def _are_so_many(outcomes: list[PublishResult], count: int) -> bool:
    return len(outcomes) == count
