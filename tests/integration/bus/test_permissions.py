"""What each process cannot do on the bus, tried with its own credentials.

The server answers a forbidden publish or subscription with an error and does nothing else, so each act is judged by
its effect as the server's own clients with other rights see it, and by the complaint that reached the offender.
"""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from running_bus import RunningBus

from vedette.bus import (
    BusConnection,
    BusConnectionSettings,
    BusRefused,
    BusTimeout,
    JetStream,
    Message,
    NoResponders,
    PublishRefused,
    ReadFrom,
    StreamReader,
    UserKey,
)
from vedette.bus.contract import (
    DECISIONS_STREAM,
    EVENTS_STREAM,
    GATEWAY_SERVICES,
    OPEN_SESSION,
    POSTURE_STREAM,
    TELEMETRY_STREAM,
)
from vedette.kernel import Problem, SystemClock

pytestmark = pytest.mark.anyio

ORGANIZATION = "org_0000000000000000000000000a"
DEVICE = "dev_0000000000000000000000000a"
RECORD = f"$KV.posture.{ORGANIZATION}.{DEVICE}"
STREAMS = (TELEMETRY_STREAM, DECISIONS_STREAM, EVENTS_STREAM, POSTURE_STREAM)
PROCESSES = ("gateway-1", "control", "control-events", "migrator", "migrator-events")

FORBIDDEN_TO_PUBLISH: dict[str, list[str]] = {
    "gateway-1": [
        RECORD,
        f"$KV.posture.{ORGANIZATION}.head",
        f"telemetry.{ORGANIZATION}.gateway-2",
        f"telemetry.{ORGANIZATION}",
        f"pep.status.{ORGANIZATION}.gateway-2",
        f"session.opened.{ORGANIZATION}.gateway-2",
        f"event.{ORGANIZATION}.registry.device_disabled",
        f"svc.registry.disable.{ORGANIZATION}",
        f"svc.access.open_session.{ORGANIZATION}.more",
        "_INBOX_gateway-2.x",
        "_INBOX_control.x",
        "$JS.API.INFO",
        "$JS.API.STREAM.NAMES",
        "$JS.API.STREAM.LIST",
        *(f"$JS.API.STREAM.INFO.{stream}" for stream in STREAMS),
        *(f"$JS.API.CONSUMER.CREATE.{stream}.c" for stream in STREAMS),
        *(f"$JS.API.CONSUMER.CREATE.{stream}" for stream in STREAMS),
        *(f"$JS.API.DIRECT.GET.{stream}" for stream in STREAMS),
        f"$JS.API.DIRECT.GET.{TELEMETRY_STREAM}.telemetry.{ORGANIZATION}.gateway-1",
        f"$JS.API.STREAM.MSG.GET.{POSTURE_STREAM}",
        f"$JS.ACK.{TELEMETRY_STREAM}.c.1.1.1.1.0",
    ],
    "control": [
        RECORD,
        f"telemetry.{ORGANIZATION}.gateway-1",
        f"pep.status.{ORGANIZATION}.gateway-1",
        f"{OPEN_SESSION}.{ORGANIZATION}",
        f"event.{ORGANIZATION}.registry.device_disabled",
        "_INBOX_gateway-1.x",
        "$JS.API.STREAM.NAMES",
        f"$JS.API.STREAM.INFO.{EVENTS_STREAM}",
        f"$JS.API.CONSUMER.CREATE.{EVENTS_STREAM}.c",
        f"$JS.API.DIRECT.GET.{POSTURE_STREAM}.{RECORD}",
    ],
    "control-events": [
        f"telemetry.{ORGANIZATION}.gateway-1",
        f"decision.{ORGANIZATION}.{DEVICE}.connect",
        f"$JS.API.STREAM.INFO.{TELEMETRY_STREAM}",
        f"$JS.API.CONSUMER.CREATE.{TELEMETRY_STREAM}.c",
        "_INBOX_gateway-1.x",
    ],
    "migrator": [
        RECORD,
        f"telemetry.{ORGANIZATION}.gateway-1",
        f"decision.{ORGANIZATION}.{DEVICE}.connect",
        f"$JS.API.STREAM.CREATE.{EVENTS_STREAM}",
        "$JS.API.STREAM.CREATE.OTHER",
        f"$JS.API.CONSUMER.CREATE.{TELEMETRY_STREAM}.c",
    ],
    "migrator-events": [
        RECORD,
        f"event.{ORGANIZATION}.registry.device_disabled",
        f"$JS.API.STREAM.CREATE.{TELEMETRY_STREAM}",
        f"$JS.API.CONSUMER.CREATE.{EVENTS_STREAM}.c",
    ],
}
# Nobody at all, the migrator included.
DESTRUCTIVE = [
    act.format(stream)
    for stream in STREAMS
    for act in (
        "$JS.API.STREAM.PURGE.{}",
        "$JS.API.STREAM.DELETE.{}",
        "$JS.API.STREAM.MSG.DELETE.{}",
        "$JS.API.STREAM.SNAPSHOT.{}",
        "$JS.API.STREAM.RESTORE.{}",
        "$JS.API.CONSUMER.DURABLE.CREATE.{}.c",
        "$JS.API.CONSUMER.PAUSE.{}.c",
    )
]
CREATION = [f"$JS.API.STREAM.{verb}.{stream}" for stream in STREAMS for verb in ("CREATE", "UPDATE")]

FORBIDDEN_TO_SUBSCRIBE: dict[str, list[str]] = {
    "gateway-1": [
        ">",
        "*",
        "*.>",
        "_INBOX_gateway-2.>",
        "_INBOX_control.>",
        "telemetry.>",
        f"telemetry.{ORGANIZATION}.gateway-1",
        "decision.>",
        "event.>",
        "pep.status.>",
        "svc.>",
        f"{OPEN_SESSION}.*",
        "$KV.>",
        "$JS.>",
        "$JS.API.>",
        "$JS.EVENT.>",
        "$SYS.>",
        "session.>",
    ],
    "control": [">", "_INBOX_gateway-1.>", "telemetry.>", "$JS.>", "$SYS.>", "event.>"],
    "control-events": [">", "_INBOX_control.>", "telemetry.>", "svc.>", "$JS.>", "$SYS.>"],
    "migrator": [">", "_INBOX_control.>", "telemetry.>", "$KV.posture.>", "svc.>", "$SYS.>"],
    "migrator-events": [">", "event.>", "$KV.posture.>", "$SYS.>"],
}


@pytest.mark.parametrize("process", PROCESSES)
async def test_process_is_refused_every_publish_outside_its_rights(bus: RunningBus, process: str) -> None:
    offender = await bus.connect(process)
    forbidden = FORBIDDEN_TO_PUBLISH[process] + DESTRUCTIVE
    if process not in {"migrator", "migrator-events"}:
        forbidden = forbidden + CREATION
    outcomes = await asyncio.gather(*(_try(offender, subject) for subject in forbidden))
    allowed = [subject for subject, outcome in zip(forbidden, outcomes, strict=True) if outcome is not BusRefused]
    assert not allowed


@pytest.mark.parametrize("process", PROCESSES)
async def test_process_is_refused_every_subscription_outside_its_rights(bus: RunningBus, process: str) -> None:
    offender = await bus.connect(process)
    subscriptions = [offender.subscribe(subject, lambda _: None) for subject in FORBIDDEN_TO_SUBSCRIBE[process]]
    subscriptions += [
        offender.subscribe(subject, lambda _: None, queue="control") for subject in FORBIDDEN_TO_SUBSCRIBE[process]
    ]
    await offender.flush()
    assert [each.subject for each in subscriptions if not each.is_refused] == []


async def test_unknown_key_and_no_key_are_refused(bus: RunningBus) -> None:
    for seed in (UserKey.generate().seed, None):
        settings = BusConnectionSettings(name="gateway-1", urls=(bus.url,), seed=seed)
        with pytest.raises(BusRefused):
            await BusConnection.connect(settings, clock=SystemClock())


async def test_name_does_not_matter_only_the_key_does(bus: RunningBus) -> None:
    settings = BusConnectionSettings(name="control", urls=(bus.url,), seed=bus.keys["gateway-1"].seed)
    liar = await BusConnection.connect(settings, clock=SystemClock())
    try:
        assert await _try(liar, f"$JS.API.STREAM.INFO.{TELEMETRY_STREAM}") is BusRefused
        overhears = liar.subscribe("_INBOX_control.>", lambda _: None)
        await liar.flush()
        assert overhears.is_refused
    finally:
        await liar.close()


async def test_gateway_can_do_its_work(bus: RunningBus) -> None:
    gateway, other, control, events = await asyncio.gather(
        *(bus.connect(name) for name in ("gateway-1", "gateway-2", "control", "control-events"))
    )
    heard: dict[str, list[Message]] = {"control": [], "other": [], "posture": []}
    control.subscribe("pep.status.*.*", heard["control"].append)
    other.subscribe("session.opened.*.*", heard["other"].append)
    gateway.subscribe(f"$KV.posture.{ORGANIZATION}.*", heard["posture"].append)
    control.subscribe("svc.>", lambda message: control.publish(message.reply, b"done"), queue="control")
    await asyncio.gather(*(each.flush() for each in (gateway, other, control)))

    for stream, subject in {
        TELEMETRY_STREAM: f"telemetry.{ORGANIZATION}.gateway-1",
        DECISIONS_STREAM: f"decision.{ORGANIZATION}.unknown.refuse",
    }.items():
        ack = await gateway.jetstream_publish_wait(subject, b"x", stream=stream, msg_id="m", deadline_s=30)
        assert ack.sequence == 1
    gateway.publish(f"pep.status.{ORGANIZATION}.gateway-1", b"status")
    gateway.publish(f"session.opened.{ORGANIZATION}.gateway-1", b"opened")
    for service in GATEWAY_SERVICES:
        assert await gateway.request(f"{service}.{ORGANIZATION}", b"", timeout_s=30) == b"done"
    await events.jetstream_publish_wait(RECORD, b"signed", stream=POSTURE_STREAM, msg_id="r1", deadline_s=30)
    await asyncio.gather(*(each.flush() for each in (gateway, other, control)))
    assert [message.payload for message in heard["control"]] == [b"status"]
    assert [message.payload for message in heard["other"]] == [b"opened"]
    assert [message.payload for message in heard["posture"]] == [b"signed"]
    found = await JetStream(gateway).direct_get_last(POSTURE_STREAM, RECORD)
    assert found is not None
    assert found.payload == b"signed"


async def test_gateway_cannot_make_the_server_overwrite_a_record_by_a_reply_subject(bus: RunningBus) -> None:
    """NATS does not check reply subjects; the posture stream stands in another account for this reason."""
    gateway, events = await bus.connect("gateway-1"), await bus.connect("control-events")
    other = f"$KV.posture.{ORGANIZATION}.other"
    for subject in (RECORD, other):
        await events.jetstream_publish_wait(
            subject, subject.encode(), stream=POSTURE_STREAM, msg_id=subject, deadline_s=30
        )
    gateway.publish(f"telemetry.{ORGANIZATION}.gateway-1", b"x", reply=RECORD)
    gateway.publish(f"$JS.API.DIRECT.GET.{POSTURE_STREAM}.{other}", b"", reply=RECORD)
    await gateway.flush()
    await asyncio.sleep(0.2)
    kept = await JetStream(events).direct_get_last(POSTURE_STREAM, RECORD)
    assert kept is not None
    assert kept.payload == RECORD.encode()
    info = await JetStream(events).stream_info(POSTURE_STREAM)
    assert info is not None
    assert info.state.last_seq == 2


@pytest.mark.parametrize("stream", STREAMS)
async def test_stream_itself_denies_deletion_whoever_asks(bus: RunningBus, stream: str) -> None:
    user = "control" if stream in {TELEMETRY_STREAM, DECISIONS_STREAM} else "control-events"
    info = await JetStream(await bus.connect(user)).stream_info(stream)
    assert info is not None
    assert info.config["deny_delete"] is True
    assert info.config["deny_purge"] is True
    assert info.config["allow_rollup_hdrs"] is False


async def test_rollup_header_does_not_erase_what_a_stream_holds(bus: RunningBus) -> None:
    events = await bus.connect("control-events")
    await events.jetstream_publish_wait(RECORD, b"1", stream=POSTURE_STREAM, msg_id="1", deadline_s=30)
    with pytest.raises(PublishRefused):
        await events.jetstream_publish_wait(
            f"$KV.posture.{ORGANIZATION}.x",
            b"",
            stream=POSTURE_STREAM,
            msg_id="2",
            deadline_s=30,
            headers=b"Nats-Rollup: all\r\n",
        )
    assert await JetStream(events).direct_get_last(POSTURE_STREAM, RECORD) is not None


async def test_gateway_cannot_read_telemetry_by_a_consumer_that_control_made(bus: RunningBus) -> None:
    gateway, control = await bus.connect("gateway-1"), await bus.connect("control")
    reader = StreamReader(control, TELEMETRY_STREAM, start=ReadFrom())
    assert await reader.next(wait_s=0) == []
    consumers = f"$JS.API.CONSUMER.MSG.NEXT.{TELEMETRY_STREAM}.{reader._consumer}"
    assert await _try(gateway, consumers) is BusRefused
    await reader.close()


async def test_reply_right_of_control_ends_with_the_request(bus: RunningBus) -> None:
    gateway, control = await bus.connect("gateway-1"), await bus.connect("control")
    asked: asyncio.Queue[Message] = asyncio.Queue()
    control.subscribe("svc.>", asked.put_nowait, queue="control")
    await control.flush()
    async with asyncio.TaskGroup() as group:
        request = group.create_task(gateway.request(f"{OPEN_SESSION}.{ORGANIZATION}", b"", timeout_s=30))
        reply = (await asked.get()).reply
        control.publish(reply, b"first")
        assert await request == b"first"
    assert await _try(control, reply) is BusRefused


async def _try(offender: BusConnection, subject: str) -> type[Problem] | bytes:
    """Ask there, and return what came of it; the server's refusal is told apart from its silence."""
    try:
        return await offender.request(subject, msgspec.json.encode({}), timeout_s=30)
    except (BusRefused, BusTimeout, NoResponders) as problem:
        return type(problem)
