"""Presence on real databases: batches, what is kept of who left, and gateways that are gone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from vedette.kernel import GenerationId, OrganizationId, SystemClock
from vedette.registry import InvalidFilter, Presence, PresenceChange, PresenceService, presence_of
from vedette.simulation import ManualClock
from vedette.store import Store

ORGANIZATION = OrganizationId("org_" + "0" * 26)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(SystemClock().now())


@pytest.fixture
def service(store: Store, clock: ManualClock) -> PresenceService:
    return PresenceService(store, clock=clock)


def change(clock: ManualClock, generation: str, *, is_connected: bool = True, **values: Any) -> PresenceChange:
    given = {"gateway": "gateway-1", "changed_at": clock.now(), **values}
    return PresenceChange(generation_id=GenerationId(generation), is_connected=is_connected, **given)


@pytest.mark.anyio
async def test_who_left_is_remembered_with_where_it_was(service: PresenceService, clock: ManualClock) -> None:
    assert await service.get(ORGANIZATION, GenerationId("dev_1")) is None
    came = change(clock, "dev_1", remote_address="10.0.0.7:4711", protocol="MQTT 5.0", client="pump")
    await service.note(ORGANIZATION, [came])
    assert await service.get(ORGANIZATION, GenerationId("dev_1")) == Presence(
        generation_id=GenerationId("dev_1"),
        is_connected=True,
        gateway="gateway-1",
        changed_at=clock.now(),
        reason="",
        remote_address="10.0.0.7:4711",
        protocol="MQTT 5.0",
        client="pump",
    )
    clock.advance(timedelta(seconds=2))
    await service.note(ORGANIZATION, [change(clock, "dev_1", is_connected=False, reason="keep_alive")])
    left = await service.get(ORGANIZATION, GenerationId("dev_1"))
    assert left is not None
    assert (left.is_connected, left.reason, left.changed_at) == (False, "keep_alive", clock.now())
    assert (left.remote_address, left.protocol, left.client) == ("10.0.0.7:4711", "MQTT 5.0", "pump")
    await service.note(ORGANIZATION, [change(clock, "dev_1", gateway="gateway-2", remote_address="10.0.0.8:1")])
    back = await service.get(ORGANIZATION, GenerationId("dev_1"))
    assert back is not None
    assert (back.is_connected, back.reason, back.gateway, back.remote_address) == (
        True,
        "",
        "gateway-2",
        "10.0.0.8:1",
    )


@pytest.mark.anyio
async def test_who_left_after_it_was_deleted_leaves_nothing(service: PresenceService, clock: ManualClock) -> None:
    gone = change(clock, "dev_1", is_connected=False, reason="cut")
    await service.note(ORGANIZATION, [gone])
    assert await service.get(ORGANIZATION, GenerationId("dev_1")) is None
    await service.note(ORGANIZATION, [change(clock, "dev_1", remote_address="10.0.0.7:4711"), gone])
    short = await service.get(ORGANIZATION, GenerationId("dev_1"))
    assert short is not None
    assert (short.is_connected, short.reason, short.remote_address) == (False, "cut", "10.0.0.7:4711")


@pytest.mark.anyio
async def test_large_batches_with_several_changes_of_one_identity_are_stored(
    service: PresenceService, clock: ManualClock
) -> None:
    await service.note(ORGANIZATION, [])
    batch = [change(clock, f"dev_{number:04}") for number in range(2000)]
    batch += [change(clock, f"dev_{number:04}", is_connected=False, reason="closed") for number in range(0, 2000, 2)]
    batch += [change(clock, "dev_0000", client="a\0\ud800é" + "x" * 400)]
    await service.note(ORGANIZATION, batch)
    assert await service.count_connected(ORGANIZATION) == 1001
    page = await service.list_connected(ORGANIZATION, limit=3)
    assert [found.generation_id for found in page] == ["dev_0000", "dev_0001", "dev_0003"]
    assert page[0].client.startswith("a?éx")
    following = await service.list_connected(ORGANIZATION, after=page[-1].generation_id, limit=1)
    assert [found.generation_id for found in following] == ["dev_0005"]


@pytest.mark.anyio
async def test_a_gateway_that_is_gone_takes_its_own_with_it(
    service: PresenceService, clock: ManualClock, store: Store
) -> None:
    other = OrganizationId("org_" + "1" * 26)
    await service.note(ORGANIZATION, [change(clock, "dev_1"), change(clock, "dev_2", gateway="gateway-2")])
    await service.note(ORGANIZATION, [change(clock, "dev_3")])
    await service.note(ORGANIZATION, [change(clock, "dev_3", is_connected=False, reason="closed")])
    await service.note(other, [change(clock, "dev_1")])
    clock.advance(timedelta(seconds=9))
    assert await service.reset(ORGANIZATION, "gateway-1", reason="gateway_lost") == 1
    names = [GenerationId(f"dev_{number}") for number in (1, 2, 3, 4)]
    found = await store.read(lambda connection: presence_of(connection, ORGANIZATION, names))
    assert {name: (each.is_connected, each.reason) for name, each in found.items()} == {
        "dev_1": (False, "gateway_lost"),
        "dev_2": (True, ""),
        "dev_3": (False, "closed"),
    }
    assert found[names[0]].changed_at == clock.now()
    assert found[names[2]].changed_at < clock.now()
    assert await service.count_connected(other) == 1


@pytest.mark.anyio
async def test_after_a_start_only_who_is_known_to_be_there_stays(service: PresenceService, clock: ManualClock) -> None:
    await service.note(ORGANIZATION, [change(clock, f"dev_{number:04}") for number in range(1200)])
    there = {GenerationId(f"dev_{number:04}") for number in range(0, 1200, 100)} | {GenerationId("dev_new")}
    assert await service.keep_only(ORGANIZATION, there, reason="control_restarted") == 1188
    left = await service.list_connected(ORGANIZATION, limit=1000)
    assert {found.generation_id for found in left} == there - {"dev_new"}
    gone = await service.get(ORGANIZATION, GenerationId("dev_0001"))
    assert gone is not None
    assert (gone.is_connected, gone.reason) == (False, "control_restarted")


@pytest.mark.anyio
async def test_lists_that_cannot_be_asked_for_are_refused(service: PresenceService) -> None:
    cases: list[dict[str, Any]] = [{"limit": 0}, {"limit": 1001}, {"after": "x" * 65}, {"after": "\0"}]
    for arguments in cases:
        with pytest.raises(InvalidFilter):
            await service.list_connected(ORGANIZATION, **arguments)
    with pytest.raises(InvalidFilter):
        await service.get_many(ORGANIZATION, [GenerationId(f"dev_{number}") for number in range(1001)])
    assert await service.get_many(ORGANIZATION, []) == {}
