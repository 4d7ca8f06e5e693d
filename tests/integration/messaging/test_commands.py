"""Command queues on real databases: in order, bounded, delivered until acknowledged, told of when asked for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from identity_house import ACTOR
from messaging_room import GATEWAY, ORGANIZATION, MessagingRoom

from vedette.bus.contract import CommandsReady, CompleteCommands, TakeCommands
from vedette.kernel import InvalidId, Problem
from vedette.messaging import (
    Ack,
    CommandQueueFull,
    CommandTooLarge,
    DeviceIsRetired,
    InvalidCommand,
    InvalidRequest,
    ModuleHasNoQueue,
    NewCommand,
    Outcome,
    UnknownOrganization,
)
from vedette.registry import DeviceNotFound
from vedette.simulation import ManualClock

HOUR = timedelta(hours=1)


async def outcomes(room: MessagingRoom) -> list[tuple[str, Outcome]]:
    page = await room.desk.feedback.list(ORGANIZATION)
    return [(each.message_id, each.outcome) for each in page.items]


@pytest.mark.anyio
async def test_a_command_is_taken_in_order_and_leaves_when_acknowledged(room: MessagingRoom) -> None:
    pump = await room.create("pump-7")
    session = room.open(pump)
    sent = [await room.send("pump-7", f"{number}".encode(), message_id=f"m{number}") for number in range(3)]
    assert [command.sequence for command in sent] == [1, 2, 3]
    taken = await room.take(pump, session)
    assert [command.body for command in taken.commands] == [b"0", b"1", b"2"]
    assert [command.delivery_count for command in taken.commands] == [1, 1, 1]
    assert [command.packet_id for command in taken.commands] == [1, 2, 3]
    assert not taken.more
    assert not (await room.take(pump, session, after=3)).commands
    await room.complete((pump, 2))
    assert [command.sequence for command in await room.desk.commands.list(ORGANIZATION, "pump-7")] == [1, 3]
    await room.complete((pump, 1), (pump, 2), (pump, 3))
    assert not await room.desk.commands.list(ORGANIZATION, "pump-7")


@pytest.mark.anyio
async def test_the_device_gets_what_the_sender_gave(room: MessagingRoom, clock: ManualClock) -> None:
    pump = await room.create("pump-7")
    command = await room.send(
        "pump-7",
        b"\x00\xff",
        message_id="m1",
        correlation_id="c1",
        user_id="u1",
        content_type="text/plain",
        content_encoding="utf-8",
        properties={"p1": "a b", "z": ""},
        ack=Ack.FULL,
        time_to_live=timedelta(minutes=5),
    )
    assert command.expires_at - command.enqueued_at == timedelta(minutes=5)
    (taken,) = (await room.take(pump, room.open(pump))).commands
    assert list(taken.system)[:3] == ["mid", "to", "exp"]
    assert taken.system["mid"] == "m1"
    assert taken.system["to"] == "/devices/pump-7/messages/devicebound"
    assert {key: taken.system[key] for key in ("cid", "uid", "ct", "ce")} == {
        "cid": "c1",
        "uid": "u1",
        "ct": "text/plain",
        "ce": "utf-8",
    }
    assert taken.properties == {"iothub-ack": "full", "p1": "a b", "z": ""}
    assert taken.body == b"\x00\xff"


@pytest.mark.anyio
async def test_a_command_without_message_id_goes_by_its_own_id(room: MessagingRoom) -> None:
    pump = await room.create("pump-7")
    command = await room.send("pump-7", b"")
    assert command.message_id == command.command_id
    (taken,) = (await room.take(pump, room.open(pump))).commands
    assert taken.system["mid"] == command.command_id
    assert taken.properties == {}


@pytest.mark.anyio
async def test_the_record_tells_of_a_command_and_never_of_its_body(room: MessagingRoom) -> None:
    await room.create("pump-7")
    command = await room.send("pump-7", b"the secret plan", message_id="m1")
    (entry,) = [each for each in await room.ledger.entries(ORGANIZATION) if each.action == "messaging.send_command"]
    assert entry.actor == ACTOR
    assert entry.target == command.generation_id
    assert entry.details["message_id"] == "m1"
    assert entry.details["size_bytes"] == len(b"the secret plan") + len("m1")
    assert len(entry.details["body_sha256"]) == 64
    assert "secret plan" not in str(entry)
    assert await room.events() == ["messaging.command_queued"]


@pytest.mark.anyio
async def test_the_next_session_takes_again_what_a_dead_one_left(room: MessagingRoom) -> None:
    pump = await room.create("pump-7")
    await room.send("pump-7", b"1")
    await room.send("pump-7", b"2")
    first = room.open(pump)
    await room.take(pump, first, limit=1)
    second = room.open(pump)
    again = await room.take(pump, second)
    assert [(each.body, each.delivery_count) for each in again.commands] == [(b"1", 2), (b"2", 1)]
    assert [each.packet_id for each in again.commands] == [1, 2]


@pytest.mark.anyio
async def test_asking_again_in_one_session_is_no_further_delivery(room: MessagingRoom) -> None:
    pump = await room.create("pump-7")
    await room.send("pump-7")
    session = room.open(pump)
    for _ in range(20):  # the answers were lost on the bus
        (taken,) = (await room.take(pump, session)).commands
        assert taken.delivery_count == 1


@pytest.mark.anyio
async def test_a_command_is_given_up_after_its_last_delivery(room: MessagingRoom) -> None:
    pump = await room.create("pump-7")
    await room.send("pump-7", message_id="m1", ack=Ack.FULL)
    await room.send("pump-7", message_id="m2", ack=Ack.POSITIVE)
    for number in range(10):
        taken = await room.take(pump, room.open(pump))
        assert [each.delivery_count for each in taken.commands] == [number + 1, number + 1]
    assert not (await room.take(pump, room.open(pump))).commands
    assert await outcomes(room) == [("m1", Outcome.DELIVERY_COUNT_EXCEEDED)]
    assert not await room.desk.commands.list(ORGANIZATION, "pump-7")


@pytest.mark.anyio
async def test_a_page_holds_what_one_message_of_the_bus_carries(room: MessagingRoom) -> None:
    pump = await room.create("pump-7")
    for _ in range(12):
        await room.send("pump-7", b"x" * 65_000)
    session = room.open(pump)
    first = await room.take(pump, session)
    assert first.more
    assert sum(len(each.body) for each in first.commands) <= 700_000
    assert len(first.commands) == 10
    rest = await room.take(pump, session, after=first.commands[-1].sequence)
    assert [each.sequence for each in rest.commands] == [11, 12]
    assert not rest.more
    small = await room.take(pump, room.open(pump), limit=2)
    assert small.more
    assert len(small.commands) == 2


@pytest.mark.anyio
async def test_a_full_queue_refuses_and_numbers_are_never_used_twice(room: MessagingRoom) -> None:
    pump = await room.create("pump-7")
    for _ in range(50):
        await room.send("pump-7")
    with pytest.raises(CommandQueueFull) as refused:
        await room.send("pump-7")
    assert (refused.value.status, refused.value.contract_code) == (403, 403_004)
    assert await room.desk.commands.purge(ORGANIZATION, "pump-7", actor=ACTOR, reason="test") == 50
    assert (await room.send("pump-7")).sequence == 51
    session = room.open(pump)
    assert [each.sequence for each in (await room.take(pump, session)).commands] == [51]


@pytest.mark.anyio
async def test_what_has_expired_makes_room_and_is_never_delivered(room: MessagingRoom, clock: ManualClock) -> None:
    pump = await room.create("pump-7")
    for number in range(50):
        await room.send("pump-7", message_id=f"m{number}", ack=Ack.NEGATIVE, time_to_live=timedelta(minutes=1))
    clock.advance(timedelta(minutes=1))
    await room.send("pump-7", b"fresh", ack=Ack.NEGATIVE)
    assert len(await outcomes(room)) == 50
    assert {outcome for _, outcome in await outcomes(room)} == {Outcome.EXPIRED}
    (taken,) = (await room.take(pump, room.open(pump))).commands
    assert taken.body == b"fresh"
    clock.advance(HOUR)
    assert not await room.desk.commands.list(ORGANIZATION, "pump-7")
    assert not (await room.take(pump, room.open(pump))).commands
    assert len(await outcomes(room)) == 51


@pytest.mark.anyio
async def test_the_sweep_ends_what_has_expired(room: MessagingRoom, clock: ManualClock) -> None:
    await room.create("pump-7")
    await room.create("pump-8")
    await room.send("pump-7", message_id="m1", ack=Ack.FULL)
    await room.send("pump-8", message_id="m2", ack=Ack.POSITIVE, time_to_live=2 * HOUR)
    assert await room.desk._upkeep.sweep() == 0
    clock.advance(HOUR)
    assert await room.desk._upkeep.sweep() == 1
    clock.advance(HOUR)
    assert await room.desk._upkeep.sweep() == 1
    assert await outcomes(room) == [("m1", Outcome.EXPIRED)]


@pytest.mark.anyio
async def test_a_clock_that_jumped_expires_nothing_and_delivers_nothing_late(
    room: MessagingRoom, clock: ManualClock
) -> None:
    pump = await room.create("pump-7")
    await room.send("pump-7", message_id="m1", ack=Ack.FULL)
    clock.jump(timedelta(days=30))
    assert await room.desk._upkeep.sweep() == 0
    assert not (await room.take(pump, room.open(pump))).commands
    clock.jump(-timedelta(days=30))
    (taken,) = (await room.take(pump, room.open(pump))).commands
    assert taken.delivery_count == 1
    assert not await outcomes(room)


@pytest.mark.anyio
async def test_feedback_comes_as_it_was_asked_for(room: MessagingRoom) -> None:
    pump = await room.create("pump-7")
    for ack in Ack:
        await room.send("pump-7", message_id=f"ok-{ack}", ack=ack)
    taken = await room.take(pump, room.open(pump))
    await room.complete(*[(pump, each.sequence) for each in taken.commands])
    for ack in Ack:
        await room.send("pump-7", message_id=f"purged-{ack}", ack=ack)
    assert await room.desk.commands.purge(ORGANIZATION, "pump-7", actor=ACTOR) == 4
    assert await outcomes(room) == [
        ("ok-positive", Outcome.SUCCESS),
        ("ok-full", Outcome.SUCCESS),
        ("purged-negative", Outcome.PURGED),
        ("purged-full", Outcome.PURGED),
    ]


@pytest.mark.anyio
async def test_acknowledging_again_changes_nothing(room: MessagingRoom) -> None:
    pump = await room.create("pump-7")
    await room.send("pump-7", message_id="m1", ack=Ack.FULL)
    await room.complete((pump, 1))  # nobody has taken it: that cannot be
    assert len(await room.desk.commands.list(ORGANIZATION, "pump-7")) == 1
    await room.take(pump, room.open(pump))
    for _ in range(3):
        await room.complete((pump, 1), (pump, 9))
    assert await outcomes(room) == [("m1", Outcome.SUCCESS)]


@pytest.mark.anyio
async def test_a_gateway_that_lost_the_device_gets_nothing(room: MessagingRoom, clock: ManualClock) -> None:
    pump = await room.create("pump-7")
    await room.send("pump-7")
    first = room.open(pump, gateway="gateway-1")
    clock.advance(timedelta(seconds=1))
    second = room.open(pump, gateway="gateway-2")
    assert not (await room.take(pump, first, gateway="gateway-1")).commands
    assert (await room.take(pump, second, gateway="gateway-2")).commands[0].delivery_count == 1


@pytest.mark.anyio
async def test_a_name_that_is_given_again_inherits_nothing(room: MessagingRoom) -> None:
    former = await room.create("pump-7")
    await room.send("pump-7", message_id="m1", ack=Ack.FULL)
    await room.take(former, room.open(former))
    await room.delete("pump-7")
    assert await outcomes(room) == [("m1", Outcome.PURGED)]
    present = await room.create("pump-7")
    assert present != former
    assert (await room.send("pump-7", b"new")).sequence == 1
    await room.complete((former, 1))
    (taken,) = (await room.take(present, room.open(present))).commands
    assert (taken.body, taken.delivery_count) == (b"new", 1)


@pytest.mark.anyio
async def test_a_retired_device_is_sent_nothing(room: MessagingRoom) -> None:
    await room.create("pump-7")
    await room.send("pump-7", message_id="m1", ack=Ack.NEGATIVE)
    await room.house.devices.retire(ORGANIZATION, "pump-7", actor=ACTOR, reason="worn out")
    assert await outcomes(room) == [("m1", Outcome.PURGED)]
    with pytest.raises(DeviceIsRetired):
        await room.send("pump-7")


@pytest.mark.anyio
async def test_a_disabled_device_gets_its_commands_when_it_is_enabled(room: MessagingRoom) -> None:
    pump = await room.create("pump-7")
    await room.house.devices.disable(ORGANIZATION, "pump-7", actor=ACTOR, reason="test")
    await room.send("pump-7", b"wait")
    await room.house.devices.enable(ORGANIZATION, "pump-7", actor=ACTOR)
    assert [each.body for each in (await room.take(pump, room.open(pump))).commands] == [b"wait"]


@pytest.mark.anyio
async def test_gateways_are_nudged_after_the_commit(room: MessagingRoom) -> None:
    pump, meter = await room.create("pump-7"), await room.create("meter-1")
    room.settle((pump, room.ids.new("ses"), 1))
    room.bus.said.clear()
    await room.send("pump-7")
    await room.send("meter-1")
    assert room.bus.said == [(GATEWAY, CommandsReady(generation_id=pump))]
    assert meter


@pytest.mark.anyio
async def test_while_it_is_not_known_who_is_connected_every_gateway_is_nudged(room: MessagingRoom) -> None:
    pump = await room.create("pump-7")
    await room.send("pump-7")
    assert room.bus.said == [(GATEWAY, CommandsReady(generation_id=pump))]


@pytest.mark.anyio
async def test_what_a_session_has_not_taken_is_nudged_about_again(room: MessagingRoom) -> None:
    pump, meter, valve = [await room.create(name) for name in ("pump-7", "meter-1", "valve-1")]
    for name in ("pump-7", "meter-1", "valve-1"):
        await room.send(name)
    taking, deaf = room.open(pump), room.open(meter)
    await room.take(pump, taking)
    await room.take(meter, room.ids.new("ses"))  # a session that is dead by now
    room.bus.said.clear()
    assert await room.desk._upkeep.nudge_again() == 1
    assert room.bus.said == [(GATEWAY, CommandsReady(generation_id=meter))]
    assert deaf
    assert valve


OVER_A_LIMIT: list[tuple[type[Problem], dict[str, Any]]] = [
    (CommandTooLarge, {"body": b"x" * 65_537}),
    (CommandTooLarge, {"body": b"x" * 65_535, "properties": {"k": "v"}}),
    (CommandTooLarge, {"properties": {"k": "\u20ac" * 2000}}),
    (InvalidCommand, {"properties": {f"k{number}": "" for number in range(65)}}),
    (InvalidCommand, {"properties": {"": "v"}}),
    (InvalidCommand, {"properties": {"$.mid": "v"}}),
    (InvalidCommand, {"properties": {"IoTHub-ack": "v"}}),
    (InvalidCommand, {"properties": {"k" * 129: "v"}}),
    (InvalidCommand, {"properties": {"k": "a\0b"}}),
    (InvalidCommand, {"properties": {"k": "\ud800"}}),
    (InvalidCommand, {"message_id": "m" * 129}),
    (InvalidCommand, {"message_id": ""}),
    (InvalidCommand, {"content_type": "a\nb"}),
    (InvalidCommand, {"time_to_live": timedelta(0)}),
    (InvalidCommand, {"time_to_live": timedelta(hours=48, seconds=1)}),
]


@pytest.mark.anyio
async def test_what_is_over_a_limit_is_refused(room: MessagingRoom) -> None:
    await room.create("pump-7")
    for problem, changes in OVER_A_LIMIT:
        with pytest.raises(problem):
            await room.send("pump-7", **{"body": b"", **changes})
    assert not await room.acts()


@pytest.mark.anyio
async def test_limits_are_reached_exactly(room: MessagingRoom) -> None:
    await room.create("pump-7")
    await room.send("pump-7", b"x" * 65_536, time_to_live=timedelta(hours=48))
    properties = {f"{number:064}" * 2: "v" for number in range(64)}
    command = await room.send("pump-7", b"", properties=properties, message_id="m" * 128, time_to_live=timedelta(0, 1))
    assert command.size_bytes == 64 * 129 + 128


@pytest.mark.anyio
async def test_only_devices_that_exist_have_queues(room: MessagingRoom) -> None:
    with pytest.raises(DeviceNotFound):
        await room.send("nobody")
    await room.create("pump-7")
    await room.create_module("pump-7", "logger")
    for module_id in ("logger", "no-such"):
        with pytest.raises(ModuleHasNoQueue):
            await room.desk.commands.send(ORGANIZATION, "pump-7", module_id, NewCommand(body=b""), actor=ACTOR)


@pytest.mark.anyio
async def test_requests_of_gateways_are_checked(room: MessagingRoom) -> None:
    pump, session = await room.create("pump-7"), room.ids.new("ses")
    request = TakeCommands(
        organization_id=ORGANIZATION, gateway=GATEWAY, generation_id=pump, session_id=session, after_sequence=0
    )
    with pytest.raises(InvalidId):
        await room.take("../../etc", session)
    with pytest.raises(InvalidId):
        await room.take(pump, "\0")
    with pytest.raises(InvalidRequest):
        await room.take(pump, session, after=-1)
    with pytest.raises(InvalidRequest):
        await room.take(pump, session, limit=0)
    with pytest.raises(InvalidRequest):
        await room.complete((pump, 2**63))
    with pytest.raises(InvalidRequest):
        await room.complete(*[(pump, number) for number in range(1, 5_002)])
    with pytest.raises(InvalidId):
        await room.complete(("nobody", 1))
    other = "org_" + "0" * 26
    with pytest.raises(UnknownOrganization):
        await room.ask(msgspec.structs.replace(request, organization_id=other))
    with pytest.raises(UnknownOrganization):
        await room.ask(CompleteCommands(organization_id=other, gateway=GATEWAY, completed=[]))
