"""Kept subscriptions on real databases: they outlive connection and process, and end with their identity."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from identity_house import ACTOR
from messaging_room import ORGANIZATION, MessagingRoom

from vedette.kernel import Clock, InvalidId
from vedette.messaging import IdentityNotFound, InvalidRequest, MessagingSettings, SessionIsElsewhere
from vedette.messaging.subscription_repository import kept
from vedette.simulation import ManualClock
from vedette.store import Store

ALL = {"devicebound": 1, "methods": 0, "twin_responses": 1}


async def found(room: MessagingRoom, generation_id: str, *, is_clean: bool = False) -> dict[str, int] | None:
    return await room.desk.subscriptions_for(ORGANIZATION, generation_id, is_clean=is_clean)


async def rows(room: MessagingRoom) -> list[Any]:
    return await room.store.read(lambda connection: list(connection.execute(sa.select(kept.c.updated_at))))


async def restarted(room: MessagingRoom, clock: Clock) -> MessagingRoom:
    return MessagingRoom(room.store, clock)


@pytest.mark.anyio
async def test_subscriptions_outlive_the_process(room: MessagingRoom, clock: ManualClock) -> None:
    pump = await room.create("pump-7")
    assert await found(room, pump) is None
    await room.keep(pump, ALL)
    assert await found(room, pump) == ALL
    again = await restarted(room, clock)
    assert await found(again, pump) == ALL
    await again.keep(pump, {"devicebound": 0})
    assert await found(again, pump) == {"devicebound": 0}


@pytest.mark.anyio
async def test_what_is_kept_already_is_not_written_again(room: MessagingRoom, clock: ManualClock) -> None:
    pump = await room.create("pump-7")
    await room.keep(pump, ALL)
    before = await rows(room)
    clock.advance(timedelta(hours=1))
    await room.keep(pump, ALL)
    await (await restarted(room, clock)).keep(pump, ALL)
    assert await rows(room) == before
    await room.keep(pump, {"methods": 0})
    assert await rows(room) != before


@pytest.mark.anyio
async def test_a_clean_session_discards_what_is_kept(room: MessagingRoom, clock: ManualClock) -> None:
    pump = await room.create("pump-7")
    await room.keep(pump, ALL)
    assert await found(room, pump, is_clean=True) is None
    assert await found(room, pump) is None
    assert not await rows(room)
    assert await found(await restarted(room, clock), pump) is None


@pytest.mark.anyio
async def test_a_session_that_ends_with_its_connection_is_the_last_to_be_given_what_is_kept(
    room: MessagingRoom,
) -> None:
    pump = await room.create("pump-7")
    await room.keep(pump, ALL)
    desk = room.desk
    assert await desk.subscriptions_for(ORGANIZATION, pump, is_clean=False, is_kept=False) == ALL
    assert await found(room, pump) is None
    assert not await rows(room)


@pytest.mark.anyio
async def test_changes_of_one_identity_happen_in_the_order_asked(room: MessagingRoom) -> None:
    pump = await room.create("pump-7")
    async with asyncio.TaskGroup() as group:
        group.create_task(room.keep(pump, ALL), name="keep")
        group.create_task(room.keep(pump, {}), name="forget")
    assert await found(room, pump) is None
    async with asyncio.TaskGroup() as group:
        group.create_task(room.keep(pump, ALL), name="keep")
        group.create_task(room.keep(pump, {}), name="forget")
        after = group.create_task(found(room, pump), name="open")
    assert after.result() is None


@pytest.mark.anyio
async def test_a_former_session_of_the_same_gateway_forgets_nothing_of_the_present_one(
    room: MessagingRoom, clock: ManualClock
) -> None:
    pump = await room.create("pump-7")
    former = room.ids.new("ses")
    await room.keep(pump, ALL)
    clock.advance(timedelta(milliseconds=1))  # ids of one millisecond are in no order
    room.open(pump)
    with pytest.raises(SessionIsElsewhere):
        await room.keep(pump, {}, session_id=former)
    assert await found(room, pump) == ALL


@pytest.mark.anyio
async def test_no_subscriptions_are_nothing_to_keep(room: MessagingRoom) -> None:
    pump = await room.create("pump-7")
    await room.keep(pump, {})
    assert not await rows(room)
    await room.keep(pump, ALL)
    await room.keep(pump, {})
    assert not await rows(room)
    assert await found(room, pump) is None


@pytest.mark.anyio
async def test_they_end_with_their_identity(room: MessagingRoom) -> None:
    pump = await room.create("pump-7")
    logger = await room.create_module("pump-7", "logger")
    valve = await room.create("valve-1")
    await room.keep(pump, ALL)
    await room.keep(logger, {"module_inputs": 1})
    await room.keep(valve, ALL)
    assert await found(room, logger) == {"module_inputs": 1}
    await room.delete("pump-7")
    assert await found(room, pump) is None
    assert await found(room, logger) is None
    await room.house.devices.retire(ORGANIZATION, "valve-1", actor=ACTOR, reason="worn out")
    assert not await rows(room)
    with pytest.raises(IdentityNotFound):
        await room.keep(pump, ALL)
    with pytest.raises(IdentityNotFound):
        await room.keep(logger, ALL)
    assert await found(room, await room.create("pump-7")) is None


@pytest.mark.anyio
async def test_a_gateway_that_lost_the_identity_changes_nothing(room: MessagingRoom) -> None:
    pump = await room.create("pump-7")
    await room.keep(pump, ALL)
    session_id = room.open(pump, gateway="gateway-2")
    with pytest.raises(SessionIsElsewhere):
        await room.keep(pump, {"methods": 0}, gateway="gateway-1")
    await room.keep(pump, {"methods": 0}, gateway="gateway-2", session_id=session_id)
    assert await found(room, pump) == {"methods": 0}


@pytest.mark.anyio
async def test_only_the_hubs_subscriptions_are_kept(room: MessagingRoom) -> None:
    pump = await room.create("pump-7")
    for subscriptions in ({"everything": 0}, {"methods": 2}, {"methods": -1}):
        with pytest.raises(InvalidRequest):
            await room.keep(pump, subscriptions)
    with pytest.raises(InvalidId):
        await room.keep("nobody", {"methods": 0})
    with pytest.raises(IdentityNotFound):
        await room.keep("dev_" + "0" * 26, {"methods": 0})


@pytest.mark.anyio
@pytest.mark.parametrize("cache_size", [0, 2])
async def test_what_is_remembered_is_bounded(store: Store, clock: ManualClock, cache_size: int) -> None:
    room = MessagingRoom(store, clock, settings=MessagingSettings(subscription_cache=cache_size))
    devices = [await room.create(f"pump-{number}") for number in range(4)]
    for device in devices:
        await room.keep(device, ALL)
    assert [await found(room, device) for device in devices] == [ALL] * 4
    assert len(room.desk.subscriptions._cache) == cache_size


@pytest.mark.anyio
async def test_reading_beside_writing_never_remembers_the_past(room: MessagingRoom) -> None:
    pump = await room.create("pump-7")
    for number in range(20):
        room.desk.subscriptions._cache.clear()
        wanted = {"methods": number % 2, "devicebound": 1 - number % 2}
        await asyncio.gather(found(room, pump), room.keep(pump, wanted), found(room, pump))
        assert await found(room, pump) == wanted
