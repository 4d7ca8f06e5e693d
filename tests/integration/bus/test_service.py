"""Typed requests and who answers them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest
from running_bus import RunningBus
from waiting import until

from vedette.bus import (
    BusConnection,
    Endpoint,
    JetStream,
    Message,
    NoResponders,
    RemoteProblem,
    RemoteProtocolError,
    Server,
)
from vedette.bus.contract import OPEN_SESSION, POSTURE_CHANGES, TELEMETRY_STREAM, PostureChanges, PostureChangesReply
from vedette.kernel import Problem, SystemClock

pytestmark = pytest.mark.anyio

QUESTION = PostureChanges(organization_id="org_1", gateway="gateway-1", epoch=1, after_sequence=7)
Handler = Callable[[PostureChanges], Awaitable[PostureChangesReply]]


class Closed(Problem):
    """A problem of some room."""

    code = "test.closed"
    status = 409


async def test_request_is_answered_with_the_type_it_names(bus: RunningBus) -> None:
    gateway = await bus.connect("gateway-1")
    async with _serving(bus, _echo):
        reply = await gateway.call(POSTURE_CHANGES, QUESTION, PostureChangesReply, timeout_s=30)
    assert reply == PostureChangesReply(records=[b"7"], head=b"org_1")


async def test_problem_of_the_handler_reaches_the_asker(bus: RunningBus) -> None:
    async def refuse(_: PostureChanges) -> PostureChangesReply:
        raise Closed("the shop is closed", hint="come tomorrow")

    gateway = await bus.connect("gateway-1")
    async with _serving(bus, refuse):
        with pytest.raises(RemoteProblem) as refused:
            await gateway.call(POSTURE_CHANGES, QUESTION, PostureChangesReply, timeout_s=30)
    problem = refused.value
    assert (problem.remote_code, problem.remote_status) == ("test.closed", 409)
    assert (problem.detail, problem.hint) == ("the shop is closed", "come tomorrow")


async def test_mistake_of_the_handler_is_told_without_its_words(
    bus: RunningBus, caplog: pytest.LogCaptureFixture
) -> None:
    async def stumble(_: PostureChanges) -> PostureChangesReply:
        raise LookupError("a secret")

    gateway = await bus.connect("gateway-1")
    async with _serving(bus, stumble):
        with pytest.raises(RemoteProblem) as refused:
            await gateway.call(POSTURE_CHANGES, QUESTION, PostureChangesReply, timeout_s=30)
        assert refused.value.remote_code == "bus.internal"
        assert "secret" not in str(refused.value)
        with pytest.raises(RemoteProblem):
            await gateway.call(POSTURE_CHANGES, QUESTION, PostureChangesReply, timeout_s=30)
    assert any(record.exc_info for record in caplog.records)


async def test_slow_handler_is_given_up(bus: RunningBus) -> None:
    async def sleep(_: PostureChanges) -> PostureChangesReply:
        await asyncio.sleep(60)
        raise AssertionError

    gateway = await bus.connect("gateway-1")
    async with _serving(bus, sleep, timeout_s=0.1):
        with pytest.raises(RemoteProblem) as refused:
            await gateway.call(POSTURE_CHANGES, QUESTION, PostureChangesReply, timeout_s=30)
    assert refused.value.remote_code == "bus.handler_timeout"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        msgspec.msgpack.encode({"organization_id": "org_1"}),
        msgspec.msgpack.encode({"organization_id": "org_1", "gateway": 1, "epoch": 1, "after_sequence": 1}),
        b"\x81\xaforganization_id\xa2\xff\xfe",
        b"\x91" * 100_000,
        msgspec.msgpack.encode(msgspec.structs.replace(QUESTION, organization_id="org_2")),
    ],
    ids=[
        "empty",
        "no message pack",
        "fields missing",
        "wrong type",
        "not UTF-8",
        "too deep",
        "of another organization",
    ],
)
async def test_request_that_is_none_is_refused_and_the_server_lives(bus: RunningBus, body: bytes) -> None:
    gateway = await bus.connect("gateway-1")
    async with _serving(bus, _echo):
        reply = msgspec.msgpack.decode(await gateway.request(f"{POSTURE_CHANGES}.org_1", body, timeout_s=30))
        assert reply["problem"]["code"] == "bus.invalid_request"
        await gateway.call(POSTURE_CHANGES, QUESTION, PostureChangesReply, timeout_s=30)


async def test_more_requests_than_the_backlog_holds_are_refused_at_once(bus: RunningBus) -> None:
    may_end, begun = asyncio.Event(), []

    async def wait(request: PostureChanges) -> PostureChangesReply:
        begun.append(request)
        await may_end.wait()
        return await _echo(request)

    gateway = await bus.connect("gateway-1")
    async with _serving(bus, wait, workers=2, backlog=3), asyncio.TaskGroup() as group:
        calls = [group.create_task(_code(gateway)) for _ in range(2)]
        await until(lambda: len(begun) == 2)
        calls += [group.create_task(_code(gateway)) for _ in range(7)]
        await until(lambda: sum(call.done() for call in calls) == 4)
        may_end.set()
    assert sorted(call.result() for call in calls) == ["bus.busy"] * 4 + ["ok"] * 5


async def test_reply_goes_to_inboxes_only(bus: RunningBus) -> None:
    """Otherwise a gateway could have control, with control's rights, publish anywhere: a purge is one message."""
    gateway, control = await bus.connect("gateway-1"), await bus.connect("control")
    calls: list[PostureChanges] = []

    async def note(request: PostureChanges) -> PostureChangesReply:
        calls.append(request)
        return await _echo(request)

    await gateway.jetstream_publish_wait(
        "telemetry.org_1.gateway-1", b"kept", stream=TELEMETRY_STREAM, msg_id="1", deadline_s=30
    )
    heard: list[Message] = []
    control.subscribe("pep.status.*.*", heard.append)
    await control.flush()
    body = msgspec.msgpack.encode(QUESTION)
    async with _serving(bus, note):
        for reply in ("", "$JS.API.STREAM.PURGE.TELEMETRY", "telemetry.org_1.gateway-2", "pep.status.org_1.gateway-2"):
            gateway.publish(f"{POSTURE_CHANGES}.org_1", body, reply=reply)
        await gateway.call(POSTURE_CHANGES, QUESTION, PostureChangesReply, timeout_s=30)
    await control.flush()
    info = await JetStream(control).stream_info(TELEMETRY_STREAM)
    assert info is not None
    assert (info.state.messages, info.state.last_seq) == (1, 1)
    assert heard == []
    assert len(calls) == 1


async def test_answer_too_large_for_the_bus_is_a_problem(bus: RunningBus) -> None:
    async def pour(_: PostureChanges) -> PostureChangesReply:
        return PostureChangesReply(records=[b"x" * bus.settings.max_payload_bytes], head=b"")

    gateway = await bus.connect("gateway-1")
    async with _serving(bus, pour):
        with pytest.raises(RemoteProblem) as refused:
            await gateway.call(POSTURE_CHANGES, QUESTION, PostureChangesReply, timeout_s=30)
    assert refused.value.remote_code == "bus.payload_too_large"


async def test_answer_that_cannot_be_read_is_an_error(bus: RunningBus) -> None:
    gateway, control = await bus.connect("gateway-1"), await bus.connect("control")
    answers = iter([b"\xc1", b"\x80", msgspec.msgpack.encode({"ok": {"records": 1}})])
    control.subscribe("svc.>", lambda message: control.publish(message.reply, next(answers)), queue="control")
    await control.flush()
    for _ in range(3):
        with pytest.raises(RemoteProtocolError):
            await gateway.call(POSTURE_CHANGES, QUESTION, PostureChangesReply, timeout_s=30)


async def test_each_request_is_answered_once_and_by_those_who_still_serve(bus: RunningBus) -> None:
    calls: list[int] = []

    def counting(number: int) -> Handler:
        async def count(request: PostureChanges) -> PostureChangesReply:
            calls.append(number)
            return await _echo(request)

        return count

    gateway = await bus.connect("gateway-1")
    async with _serving(bus, counting(1)):
        async with _serving(bus, counting(2)):
            for _ in range(40):
                await gateway.call(POSTURE_CHANGES, QUESTION, PostureChangesReply, timeout_s=30)
            assert set(calls) == {1, 2}
            assert len(calls) == 40
        calls.clear()
        for _ in range(10):
            await gateway.call(POSTURE_CHANGES, QUESTION, PostureChangesReply, timeout_s=30)
        assert calls == [1] * 10
    with pytest.raises(NoResponders):
        await gateway.call(POSTURE_CHANGES, QUESTION, PostureChangesReply, timeout_s=30)


async def test_restart_of_the_bus_leaves_the_service_answering(bus: RunningBus) -> None:
    gateway = await bus.connect("gateway-1")
    async with _serving(bus, _echo) as control:
        await bus.kill()
        await bus.start()
        await until(lambda: gateway.is_connected and control.is_connected)
        await control.flush()
        await gateway.call(POSTURE_CHANGES, QUESTION, PostureChangesReply, timeout_s=30)


async def _echo(request: PostureChanges) -> PostureChangesReply:
    return PostureChangesReply(records=[b"%d" % request.after_sequence], head=request.organization_id.encode())


async def _code(gateway: BusConnection) -> str:
    try:
        await gateway.call(POSTURE_CHANGES, QUESTION, PostureChangesReply, timeout_s=30)
    except RemoteProblem as problem:
        return problem.remote_code
    return "ok"


@asynccontextmanager
async def _serving(
    bus: RunningBus, handler: Handler, *, workers: int = 4, backlog: int = 64, timeout_s: float = 30.0
) -> AsyncIterator[BusConnection]:
    control = await bus.connect("control")
    endpoints = [Endpoint(POSTURE_CHANGES, PostureChanges, handler), Endpoint(OPEN_SESSION, PostureChanges, handler)]
    server = Server(control, endpoints, clock=SystemClock(), workers=workers, backlog=backlog, timeout_s=timeout_s)
    async with asyncio.TaskGroup() as group:
        group.create_task(server.run())
        await asyncio.sleep(0)
        await control.flush()
        yield control
        server.stop()
