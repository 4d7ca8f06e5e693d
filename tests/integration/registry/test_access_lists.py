"""Access lists on real databases: who is blocked follows every change of a list, without asking every device."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from identity_house import ACTOR, IdentityHouse

from vedette.registry import (
    AccessEffect,
    AccessKind,
    AccessListEntry,
    AccessListEntryExists,
    AccessListEntryNotFound,
    AccessListFull,
    Authentication,
    AuthenticationType,
    ClockJumped,
    InvalidAccessListEntry,
    NewDevice,
    ReasonMissing,
)
from vedette.registry import access_list_service as lists_module
from vedette.registry.access_list_repository import states
from vedette.simulation import ManualClock
from vedette.store import StoreUnavailable

ALLOW, BLOCK = AccessEffect.ALLOW, AccessEffect.BLOCK


async def create(house: IdentityHouse, name: str, **changes: Any) -> None:
    await house.devices.create(house.organization_id, NewDevice(device_id=name, **changes), actor=ACTOR)


async def add(house: IdentityHouse, effect: AccessEffect, kind: AccessKind, value: str) -> AccessListEntry:
    return await house.lists.add(house.organization_id, effect, kind, value, actor=ACTOR, reason="test")


async def remove(house: IdentityHouse, entry: AccessListEntry) -> None:
    await house.lists.remove(house.organization_id, entry.entry_id, actor=ACTOR, reason="test")


async def is_told_as_blocked(house: IdentityHouse, name: str) -> bool:
    record = await house.record(name)
    assert record is not None
    assert record.registration.value is not None
    return record.registration.value.is_blocked


async def blocked(house: IdentityHouse) -> set[str]:
    """Return who is blocked, as the registry and as the posture records say."""
    page = await house.devices.list(house.organization_id, limit=1000)
    found: set[str] = {device.device_id for device in page.items if device.is_blocked}
    for device in page.items:
        assert await is_told_as_blocked(house, device.device_id) is device.is_blocked
    return found


@pytest.mark.anyio
async def test_a_block_reaches_its_devices_and_is_lifted_with_its_entry(house: IdentityHouse) -> None:
    for name in ("pump-1", "pump-2", "valve-1"):
        await create(house, name)
    one = await add(house, BLOCK, AccessKind.DEVICE_ID, "pump-1")
    assert await blocked(house) == {"pump-1"}
    many = await add(house, BLOCK, AccessKind.DEVICE_ID_PREFIX, "pump-*")
    assert await blocked(house) == {"pump-1", "pump-2"}
    await remove(house, many)
    assert await blocked(house) == {"pump-1"}
    await remove(house, one)
    assert await blocked(house) == set()


@pytest.mark.anyio
@pytest.mark.parametrize("which", ["primary_thumbprint", "secondary_thumbprint"])
async def test_a_blocked_certificate_blocks_the_device_that_is_pinned_to_it(house: IdentityHouse, which: str) -> None:
    thumbprints: dict[str, Any] = {"primary_thumbprint": "a" * 64, which: "b" * 64}
    await create(house, "plc-1", authentication=Authentication(type=AuthenticationType.SELF_SIGNED, **thumbprints))
    await add(house, BLOCK, AccessKind.CERTIFICATE, "b" * 64)
    assert await blocked(house) == {"plc-1"}
    await house.devices.update(house.organization_id, "plc-1", {"authentication": {which: "c" * 64}}, actor=ACTOR)
    assert await blocked(house) == set()


@pytest.mark.anyio
async def test_the_first_allow_entry_shuts_everyone_else_out_and_the_last_lets_them_in_again(
    house: IdentityHouse,
) -> None:
    for name in ("a", "b", "c"):
        await create(house, name)
    first = await add(house, ALLOW, AccessKind.DEVICE_ID, "a")
    assert await blocked(house) == {"b", "c"}
    second = await add(house, ALLOW, AccessKind.DEVICE_ID, "b")
    assert await blocked(house) == {"c"}
    await create(house, "d")
    assert await blocked(house) == {"c", "d"}
    await remove(house, first)
    assert await blocked(house) == {"a", "c", "d"}
    await remove(house, second)
    assert await blocked(house) == set()


@pytest.mark.anyio
async def test_block_wins_over_allow(house: IdentityHouse) -> None:
    await create(house, "a")
    await add(house, ALLOW, AccessKind.DEVICE_ID, "a")
    await add(house, BLOCK, AccessKind.DEVICE_ID_PREFIX, "a")
    assert await blocked(house) == {"a"}


@pytest.mark.anyio
async def test_more_devices_than_one_chunk_are_all_reached(
    house: IdentityHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists_module, "CHUNK", 3)
    names = {f"pump-{number}" for number in range(10)}
    await asyncio.gather(*(create(house, name) for name in names))
    entry = await add(house, BLOCK, AccessKind.DEVICE_ID_PREFIX, "pump-")
    assert await blocked(house) == names
    await remove(house, entry)
    assert await blocked(house) == set()


@pytest.mark.anyio
async def test_what_a_crash_left_half_applied_is_finished_at_the_next_start(
    house: IdentityHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists_module, "CHUNK", 2)
    for number in range(5):
        await create(house, f"pump-{number}")

    class Crash(Exception):  # noqa: N818 - not an error of ours
        pass

    judge, judged = house.lists._judge, 0

    def crash_at_the_second(*arguments: Any) -> None:
        nonlocal judged
        judged += 1
        if judged > 1:
            raise Crash
        judge(*arguments)

    monkeypatch.setattr(house.lists, "_judge", crash_at_the_second)
    with pytest.raises(Crash):
        await add(house, BLOCK, AccessKind.DEVICE_ID_PREFIX, "pump-")
    assert len(await blocked(house)) == 2
    monkeypatch.setattr(house.lists, "_judge", judge)
    await house.lists.resume()
    assert len(await blocked(house)) == 5
    waiting = await house.store.read(lambda c: c.execute(sa.select(states.c.unapplied)).scalars().all())
    assert list(waiting) == [0]


@pytest.mark.anyio
async def test_what_a_failing_database_left_half_applied_is_finished_without_a_restart(
    house: IdentityHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    await create(house, "pump-1")
    judge, is_away = house.lists._judge, True

    def judge_when_back(*arguments: Any) -> None:
        if is_away:
            raise StoreUnavailable("the database did not answer")
        judge(*arguments)

    monkeypatch.setattr(house.lists, "_judge", judge_when_back)
    with pytest.raises(StoreUnavailable):
        await add(house, BLOCK, AccessKind.DEVICE_ID, "pump-1")
    async with asyncio.TaskGroup() as group:
        resuming = group.create_task(house.lists.resume_forever(every_s=0.01))
        await asyncio.sleep(0.05)
        assert await blocked(house) == set()
        is_away = False
        async with asyncio.timeout(60):
            # The record: it is told after the device is stored.
            while not await is_told_as_blocked(house, "pump-1"):  # noqa: ASYNC110 - another task does it
                await asyncio.sleep(0.01)
        resuming.cancel()
    assert await blocked(house) == {"pump-1"}


@pytest.mark.anyio
async def test_entries_are_listed_by_cursor_with_who_made_them_and_why(
    house: IdentityHouse, clock: ManualClock
) -> None:
    made = []
    for number in range(5):
        made.append(await add(house, BLOCK, AccessKind.DEVICE_ID, f"d{number}"))
        clock.advance(timedelta(milliseconds=1))
    page, after = await house.lists.list(house.organization_id, limit=3)
    rest, end = await house.lists.list(house.organization_id, limit=3, after=after or "")
    assert [*page, *rest] == made
    assert end is None
    assert (made[0].reason, made[0].created_by) == ("test", "operator:ops")
    assert (await house.lists.list(house.organization_id, effect=ALLOW))[0] == []


@pytest.mark.anyio
async def test_entries_that_make_no_sense_are_refused(house: IdentityHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    await add(house, BLOCK, AccessKind.DEVICE_ID, "a")
    with pytest.raises(AccessListEntryExists):
        await add(house, BLOCK, AccessKind.DEVICE_ID, "a")
    with pytest.raises(InvalidAccessListEntry):
        await add(house, BLOCK, AccessKind.CERTIFICATE, "zz")
    with pytest.raises(AccessListEntryNotFound):
        await house.lists.remove(house.organization_id, "ale_none", actor=ACTOR, reason="x")
    with pytest.raises(ReasonMissing):
        await house.lists.add(house.organization_id, BLOCK, AccessKind.DEVICE_ID, "b", actor=ACTOR, reason="")
    monkeypatch.setattr(lists_module, "ENTRIES_MAX", 2)
    await add(house, BLOCK, AccessKind.DEVICE_ID, "b")
    with pytest.raises(AccessListFull):
        await add(house, BLOCK, AccessKind.DEVICE_ID, "c")


@pytest.mark.anyio
async def test_a_jumped_clock_holds_what_widens_and_lets_block(house: IdentityHouse, clock: ManualClock) -> None:
    await create(house, "a")
    entry = await add(house, BLOCK, AccessKind.DEVICE_ID, "b")
    clock.jump(timedelta(hours=-1))
    await add(house, BLOCK, AccessKind.DEVICE_ID, "a")
    assert await blocked(house) == {"a"}
    with pytest.raises(ClockJumped):
        await add(house, ALLOW, AccessKind.DEVICE_ID, "a")
    with pytest.raises(ClockJumped):
        await remove(house, entry)
