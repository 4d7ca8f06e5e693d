"""The connection against a real server."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable
from functools import partial
from typing import Any

import nats
import pytest
from running_bus import RunningBus, free_port
from waiting import until

from vedette.bus import (
    BusConnection,
    BusConnectionSettings,
    BusTimeout,
    BusUnavailable,
    Message,
    NoResponders,
    PayloadTooLarge,
    encode_headers,
)
from vedette.kernel import SystemClock

pytestmark = pytest.mark.anyio

POSTURE = "$KV.posture.org_1.dev_1"


async def test_message_with_headers_reaches_every_subscriber_and_one_of_a_queue_group(bus: RunningBus) -> None:
    sender, first, second = await bus.connect("gateway-1"), await bus.connect("control"), await bus.connect("control")
    heard: list[tuple[str, Message]] = []
    for name, connection in (("first", first), ("second", second)):
        connection.subscribe("pep.status.*.*", partial(_note, heard, name))
        connection.subscribe("svc.>", lambda message: heard.append(("queue", message)), queue="control")
        await connection.flush()
    sender.publish("pep.status.org_1.gateway-1", b"\x00\r\n\xff", headers=encode_headers({"Hop": "1"}))
    sender.publish("svc.access.changes.org_1", b"one of you", reply="_INBOX_gateway-1.x")
    await sender.flush()
    await asyncio.gather(first.flush(), second.flush())
    assert sorted(name for name, _ in heard) == ["first", "queue", "second"]
    status = next(message for name, message in heard if name == "first")
    assert (status.payload, status.header("hop")) == (b"\x00\r\n\xff", "1")


async def test_a_connection_may_leave_what_it_says_itself_to_others(bus: RunningBus) -> None:
    talker, other = await bus.connect("gateway-1", hears_itself=False), await bus.connect("gateway-2")
    heard: list[tuple[str, bytes]] = []
    for name, connection in (("talker", talker), ("other", other)):
        connection.subscribe("session.opened.org_1.*", partial(_note_payload, heard, name))
        await connection.flush()
    for number, connection in enumerate((talker, other), 1):
        connection.publish(f"session.opened.org_1.gateway-{number}", b"%d" % number)
        await connection.flush()
    await talker.flush()
    await other.flush()
    assert sorted(heard) == [("other", b"1"), ("other", b"2"), ("talker", b"2")]


async def test_another_implementation_understands_us_and_we_it(bus: RunningBus) -> None:
    ours = await bus.connect("gateway-1")
    key = bus.keys["control"]
    theirs = await nats.connect(bus.url, nkeys_seed_str=key.seed, inbox_prefix=b"_INBOX_control")
    heard: list[bytes] = []

    async def answer(message: Any) -> None:  # Any: the library has no types
        heard.append(message.data)
        await message.respond(b"answer")

    await theirs.subscribe("svc.>", cb=answer)
    await theirs.flush()
    # The library connects anew by itself where the machine is slow, and then subscribes a moment later.
    await until(lambda: theirs.is_connected)
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(NoResponders):
                assert await ours.request("svc.access.changes.org_1", b"question", timeout_s=30) == b"answer"
                break
            await asyncio.sleep(0.1)
    assert heard == [b"question"]
    await theirs.close()


async def test_nobody_there_silence_and_a_late_answer_are_told_apart(bus: RunningBus) -> None:
    gateway, control = await bus.connect("gateway-1"), await bus.connect("control")
    with pytest.raises(NoResponders):
        await gateway.request("svc.access.changes.org_1", b"", timeout_s=30)
    asked: asyncio.Queue[Message] = asyncio.Queue()
    control.subscribe("svc.>", asked.put_nowait)
    await control.flush()
    with pytest.raises(BusTimeout):
        await gateway.request("svc.access.changes.org_1", b"", timeout_s=0.05)
    control.publish((await asked.get()).reply, b"late")
    await control.flush()
    await gateway.flush()
    assert gateway.is_connected


async def test_request_under_way_fails_at_once_when_the_bus_dies(bus: RunningBus) -> None:
    gateway, control = await bus.connect("gateway-1"), await bus.connect("control")
    control.subscribe("svc.>", lambda _: None)
    await control.flush()
    began_s = time.monotonic()
    async with asyncio.TaskGroup() as group:
        request = group.create_task(_outcome(gateway.request("svc.access.changes.org_1", b"", timeout_s=30)))
        await asyncio.sleep(0.05)
        await bus.kill()
    assert isinstance(request.result(), BusUnavailable)
    assert time.monotonic() - began_s < 25
    with pytest.raises(BusUnavailable):
        gateway.publish("pep.status.org_1.gateway-1", b"")
    with pytest.raises(BusUnavailable):
        await gateway.request("svc.access.changes.org_1", b"", timeout_s=30)


async def test_restart_of_the_bus_leaves_no_subscription_deaf(bus: RunningBus) -> None:
    gateway, events = await bus.connect("gateway-1"), await bus.connect("control-events")
    changes: asyncio.Queue[bytes] = asyncio.Queue()
    states: list[bool] = []
    gateway.on_state(states.append)
    gateway.subscribe("$KV.posture.org_1.*", lambda message: changes.put_nowait(message.payload))
    for number in range(3):
        await bus.kill()
        await bus.start()
        generation, began_s = gateway.connection_generation, time.monotonic()
        await until(lambda: gateway.is_connected and events.is_connected)
        back_s = time.monotonic() - began_s
        await gateway.flush(timeout_s=30)  # the server has its subscriptions from now on
        record = b"record %d" % number
        await events.jetstream_publish_wait(POSTURE, record, stream="KV_posture", msg_id=f"r{number}", deadline_s=30)
        async with asyncio.timeout(30):
            assert await changes.get() == record
        assert back_s < 30.0
        assert gateway.connection_generation >= generation
    assert states == [False, True] * 3


async def test_subscription_made_while_the_bus_is_down_hears_after_its_return(bus: RunningBus) -> None:
    gateway, events = await bus.connect("gateway-1"), await bus.connect("control-events")
    ended = gateway.subscribe("session.opened.*.*", lambda _: None)
    await bus.kill()
    await until(lambda: not gateway.is_connected)
    changes: asyncio.Queue[bytes] = asyncio.Queue()
    gateway.subscribe("$KV.posture.org_1.*", lambda message: changes.put_nowait(message.payload))
    ended.unsubscribe()
    await bus.start()
    await until(lambda: gateway.is_connected)
    await gateway.flush()
    await events.jetstream_publish_wait(POSTURE, b"seen", stream="KV_posture", msg_id="r", deadline_s=30)
    async with asyncio.timeout(30):
        assert await changes.get() == b"seen"


async def test_frozen_bus_is_noticed_and_left(bus: RunningBus) -> None:
    gateway = await bus.connect("gateway-1", ping_interval_s=0.5, ping_timeout_s=5.0, connect_timeout_s=5.0)
    lost: asyncio.Queue[bool] = asyncio.Queue()
    gateway.on_state(lost.put_nowait)
    bus.freeze()
    async with asyncio.timeout(30):
        assert await lost.get() is False
    with pytest.raises(BusUnavailable):
        await gateway.flush()
    bus.thaw()
    async with asyncio.timeout(30):
        assert await lost.get() is True
    await gateway.flush()


async def test_what_waits_to_be_written_is_bounded(bus: RunningBus) -> None:
    bound = 1_000_000
    gateway = await bus.connect("gateway-1", max_pending_bytes=bound)
    bus.freeze()
    with pytest.raises(BusUnavailable):
        await _flood(gateway)
    assert gateway._link is not None
    assert gateway._link.pending_bytes <= bound
    bus.thaw()
    await gateway.flush(timeout_s=30)
    gateway.publish("pep.status.org_1.gateway-1", b"again")


async def test_requests_are_bounded(bus: RunningBus) -> None:
    gateway, control = await bus.connect("gateway-1", max_requests=2), await bus.connect("control")
    control.subscribe("svc.>", lambda _: None)
    await control.flush()
    outcomes = await asyncio.gather(
        *(_outcome(gateway.request("svc.access.changes.org_1", b"", timeout_s=0.2)) for _ in range(3))
    )
    assert [type(outcome) for outcome in outcomes] == [BusTimeout, BusTimeout, BusUnavailable]


async def test_payload_is_taken_at_the_limit_and_refused_above(bus: RunningBus) -> None:
    gateway, control = await bus.connect("gateway-1"), await bus.connect("control")
    heard: asyncio.Queue[int] = asyncio.Queue()
    control.subscribe("pep.status.*.*", lambda message: heard.put_nowait(len(message.payload)))
    await control.flush()
    limit = gateway.server_info.max_payload
    assert limit == bus.settings.max_payload_bytes
    gateway.publish("pep.status.org_1.gateway-1", b"x" * limit)
    assert await heard.get() == limit
    with pytest.raises(PayloadTooLarge):
        gateway.publish("pep.status.org_1.gateway-1", b"x" * (limit + 1))
    headers = encode_headers({"A": "b"})
    rest = limit - len(b"NATS/1.0\r\nA: b\r\n\r\n")
    gateway.publish("pep.status.org_1.gateway-1", b"x" * rest, headers=headers)
    assert await heard.get() == rest
    with pytest.raises(PayloadTooLarge):
        gateway.publish("pep.status.org_1.gateway-1", b"x" * (rest + 1), headers=headers)
    await gateway.flush()
    assert gateway.connection_generation == 1


async def test_slow_reader_is_cut_by_the_server_disturbs_nobody_and_comes_back(bus: RunningBus) -> None:
    slow, good, events = [await bus.connect(name) for name in ("gateway-1", "gateway-2", "control-events")]
    heard = {"slow": 0, "good": 0}

    def count(name: str) -> None:
        heard[name] += 1

    slow.subscribe("$KV.posture.>", lambda _: count("slow"))
    good.subscribe("$KV.posture.>", lambda _: count("good"))
    await asyncio.gather(slow.flush(), good.flush())
    assert slow._link is not None
    assert slow._link._transport is not None
    slow._link._transport.pause_reading()
    longest_s, sent = 0.0, 0
    for number in range(80):  # 40 MB: more than the server holds back for one reader
        began_s = time.monotonic()
        events.publish(f"$KV.posture.org_1.dev_{number % 8}", b"x" * 500_000)
        await events.flush(timeout_s=30)
        longest_s = max(longest_s, time.monotonic() - began_s)
        sent += 1
    await until(lambda: "Slow Consumer" in bus.log_text())
    await until(lambda: heard["good"] == sent)
    slow._link._transport.resume_reading()
    await until(lambda: slow.connection_generation == 2)
    await slow.flush()
    before = heard["slow"]
    events.publish(POSTURE, b"after")
    await until(lambda: heard["slow"] > before)
    assert good.connection_generation == 1
    assert longest_s < 15.0


async def test_mistake_of_one_callback_ends_nobody(bus: RunningBus, caplog: pytest.LogCaptureFixture) -> None:
    gateway, control = await bus.connect("gateway-1"), await bus.connect("control")
    heard: list[bytes] = []

    def stumble(_: Message) -> None:
        raise LookupError("a mistake")

    control.subscribe("pep.status.*.*", stumble)
    control.subscribe("pep.status.org_1.*", lambda message: heard.append(message.payload))
    await control.flush()
    gateway.publish("pep.status.org_1.gateway-1", b"1")
    await gateway.flush()
    await control.flush()
    assert heard == [b"1"]
    assert any("listener failed" in record.message for record in caplog.records)


async def test_next_server_of_the_list_is_used(bus: RunningBus) -> None:
    dead = f"nats://127.0.0.1:{free_port()}"
    connection = await bus.connect("control", urls=(dead, bus.url))
    await connection.flush()


async def test_no_server_is_said_within_the_time_given() -> None:
    settings = BusConnectionSettings(name="control", urls=(f"nats://127.0.0.1:{free_port()}",), first_connect_s=0.3)
    began_s = time.monotonic()
    with pytest.raises(BusUnavailable):
        await BusConnection.connect(settings, clock=SystemClock())
    assert time.monotonic() - began_s < 20.0


async def test_server_that_says_nothing_or_nonsense_is_left(anyio_backend: str) -> None:
    async def nonsense(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async def silence(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    for behaviour in (nonsense, silence):
        server = await asyncio.start_server(behaviour, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        settings = BusConnectionSettings(
            name="control", urls=(f"nats://127.0.0.1:{port}",), first_connect_s=0.5, connect_timeout_s=0.2
        )
        with pytest.raises(BusUnavailable):
            await BusConnection.connect(settings, clock=SystemClock())
        server.close()


async def test_drain_waits_for_what_is_unacknowledged_and_close_does_not(bus: RunningBus) -> None:
    outcomes: list[object] = []
    for how in ("drain", "close"):
        gateway = await bus.connect("gateway-1")
        gateway.jetstream_publish(
            "telemetry.org_1.gateway-1", b"x", stream="TELEMETRY", msg_id=how, deadline_s=30, on_done=outcomes.append
        )
        await (gateway.drain(timeout_s=30) if how == "drain" else gateway.close())
        with pytest.raises(BusUnavailable):
            gateway.publish("pep.status.org_1.gateway-1", b"")
    assert [type(outcome).__name__ for outcome in outcomes] == ["PublishAck", "BusUnavailable"]


def _note_payload(heard: list[tuple[str, bytes]], name: str, message: Message) -> None:
    heard.append((name, message.payload))


def _note(heard: list[tuple[str, Message]], name: str, message: Message) -> None:
    heard.append((name, message))


async def _flood(gateway: BusConnection) -> None:
    for _ in range(200):  # far more than the socket's buffers take
        for _ in range(10):
            gateway.publish("pep.status.org_1.gateway-1", b"x" * 50_000)
        await asyncio.sleep(0)


async def _outcome(request: Awaitable[bytes]) -> object:
    try:
        return await request
    except (BusUnavailable, BusTimeout) as problem:
        return problem
