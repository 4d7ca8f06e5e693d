"""The record of method calls under load: one commit for many, and each caller with an outcome of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from identity_house import ACTOR
from messaging_room import ORGANIZATION, MessagingRoom, open_store
from waiting import until

from vedette.bus.contract import MethodAnswered
from vedette.messaging import DeviceNotOnline, MethodResult
from vedette.registry import DeviceNotFound
from vedette.simulation import ManualClock
from vedette.store import StoreUnavailable

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def running(room: MessagingRoom) -> AsyncIterator[asyncio.Task[None]]:
    """Keep the journal running as control does."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(room.desk.methods.run(), name="journal")
        await asyncio.sleep(0)
        yield task
        task.cancel()


async def invoke(room: MessagingRoom, device_id: str = "pump-7") -> MethodResult | Exception:
    try:
        return await room.desk.methods.invoke(ORGANIZATION, device_id, None, "start", b"{}", actor=ACTOR)
    except (DeviceNotOnline, DeviceNotFound, StoreUnavailable) as problem:
        return problem


async def methods_on_record(room: MessagingRoom) -> list[str]:
    entries = await room.ledger.entries(ORGANIZATION, limit=1000)
    return [each.action for each in entries if each.action.endswith("_method")]


async def has_outcomes(room: MessagingRoom, count: int) -> bool:
    return (await methods_on_record(room)).count("messaging.finish_method") == count


async def test_calls_of_a_moment_share_commits_and_each_is_answered_for_itself(room: MessagingRoom) -> None:
    sessions = []
    for number in range(12):
        pump = await room.create(f"pump-{number}")
        sessions.append((pump, room.ids.new("ses"), 1))
    room.settle(*sessions)
    async with running(room), asyncio.TaskGroup() as group:
        calls = [group.create_task(invoke(room, f"pump-{number}"), name="call") for number in range(12)]
        unknown = group.create_task(invoke(room, "nobody"), name="call")
        await until(lambda: len(room.bus.calls()) == 12)
        # On record before any device heard of it.
        assert (await methods_on_record(room)).count("messaging.invoke_method") == 12
        for call in room.bus.calls():
            status = int(call.generation_id[-4:], 36) % 500
            room.desk.on_uplink("gateway-1", MethodAnswered(call_id=call.call_id, status=status, payload=b"{}"))
        await asyncio.gather(*calls, unknown)
        for _ in range(1000):
            if await has_outcomes(room, 12):
                break
            await asyncio.sleep(0.02)
    expected = [int(generation[-4:], 36) % 500 for generation, _, _ in sessions]
    assert [call.result() for call in calls] == [MethodResult(status, b"{}") for status in expected]
    assert isinstance(unknown.result(), DeviceNotFound)
    entries = await room.ledger.entries(ORGANIZATION, limit=1000)
    begun = {each.details["call_id"] for each in entries if each.action == "messaging.invoke_method"}
    ended = {each.details["call_id"] for each in entries if each.action == "messaging.finish_method"}
    assert begun == ended
    assert len(begun) == 12


async def test_who_goes_away_takes_nobody_else_along(room: MessagingRoom) -> None:
    for number in range(4):
        await room.create(f"pump-{number}")
    room.settle()
    async with running(room), asyncio.TaskGroup() as group:
        calls = [group.create_task(invoke(room, f"pump-{number}"), name="call") for number in range(4)]
        await asyncio.sleep(0.002)
        calls[1].cancel()
        with suppress(asyncio.CancelledError):
            await calls[1]
    assert [type(call.result()) for number, call in enumerate(calls) if number != 1] == [DeviceNotOnline] * 3
    assert room.desk.methods.under_way == 0


async def test_outcomes_that_wait_are_written_when_control_ends(room: MessagingRoom) -> None:
    await room.create("pump-7")
    room.settle()
    async with running(room):
        assert isinstance(await invoke(room), DeviceNotOnline)
    assert await methods_on_record(room) == ["messaging.invoke_method", "messaging.finish_method"]


async def test_a_database_that_is_away_refuses_calls_and_gets_outcomes_later(tmp_path: Any, clock: ManualClock) -> None:
    store = await open_store(tmp_path, clock)
    room = MessagingRoom(store, clock)
    await room.create("pump-7")
    room.settle()
    assert isinstance(await invoke(room), DeviceNotOnline)
    await store.close()
    assert not await room.desk.methods._journal.flush()
    async with running(room):
        refused = await asyncio.gather(*(invoke(room) for _ in range(5)))
    assert [type(each) for each in refused] == [StoreUnavailable] * 5
    reopened = await open_store(tmp_path, clock)
    room.desk.methods._journal._store = reopened
    await room.desk.methods.flush()
    again = MessagingRoom(reopened, clock)
    assert await methods_on_record(again) == ["messaging.invoke_method", "messaging.finish_method"]
    await reopened.close()
