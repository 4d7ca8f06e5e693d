"""Devices on real databases: names, generations, revisions, lists, bulk changes and their record."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from identity_house import ACTOR, IdentityHouse

from vedette.registry import (
    Authentication,
    AuthenticationType,
    ClockJumped,
    Device,
    DeviceExists,
    DeviceFilter,
    DeviceNotFound,
    InvalidFilter,
    NewDevice,
    ReasonMissing,
    RevisionMismatch,
    TooManyDevices,
    TransitionNotAllowed,
)
from vedette.simulation import ManualClock
from vedette.trust import Lifecycle


async def create(house: IdentityHouse, name: str, **changes: Any) -> Device:
    return await house.devices.create(house.organization_id, NewDevice(device_id=name, **changes), actor=ACTOR)


async def last_entry(house: IdentityHouse) -> Any:
    entries = await house.ledger.entries(house.organization_id, limit=1000)
    return entries[-1]


@pytest.mark.anyio
async def test_a_device_is_kept_with_all_its_properties(house: IdentityHouse) -> None:
    pinned = Authentication(
        type=AuthenticationType.SELF_SIGNED, primary_thumbprint="AB" * 32, secondary_thumbprint="cd" * 20
    )
    created = await create(
        house,
        "plc-1",
        authentication=pinned,
        site="north",
        zone="cell-1",
        purdue_level="3.5",
        device_class="plc",
        identity_class="virtual",
        hold_s=0,
        tags={"line": {"number": 4}, "é": ["x", 1.5, True]},
    )
    assert await house.devices.get(house.organization_id, "plc-1") == created
    assert created.authentication.primary_thumbprint == "ab" * 32
    assert (created.revision, created.etag, created.lifecycle) == (1, '"1"', Lifecycle.ONBOARDED)
    entry = await last_entry(house)
    assert (entry.action, entry.target, entry.target_name) == ("registry.create_device", created.generation_id, "plc-1")


@pytest.mark.anyio
async def test_a_name_is_taken_until_its_device_is_deleted_and_the_next_inherits_nothing(house: IdentityHouse) -> None:
    old = await create(house, "pump-7", site="north", tags={"a": 1})
    with pytest.raises(DeviceExists):
        await create(house, "pump-7")
    await house.devices.delete(house.organization_id, "pump-7", actor=ACTOR, reason="scrapped")
    with pytest.raises(DeviceNotFound):
        await house.devices.get(house.organization_id, "pump-7")
    new = await create(house, "pump-7")
    assert new.generation_id != old.generation_id
    assert (new.site, new.tags, new.revision) == (None, {}, 1)
    former = await house.devices.get_generation(house.organization_id, old.generation_id)
    assert former.deleted_at is not None


@pytest.mark.anyio
async def test_names_differ_by_case(house: IdentityHouse) -> None:
    lower, upper = await create(house, "pump"), await create(house, "Pump")
    assert lower.generation_id != upper.generation_id


@pytest.mark.anyio
async def test_an_organization_sees_its_own_devices_only(house: IdentityHouse) -> None:
    await create(house, "pump-7")
    other = type(house.organization_id)("org_" + "1" * 26)
    with pytest.raises(DeviceNotFound):
        await house.devices.get(other, "pump-7")
    assert (await house.devices.list(other)).items == []


@pytest.mark.anyio
async def test_lists_go_by_cursor_in_byte_order_on_both_databases(house: IdentityHouse) -> None:
    names = ["B", "a", "A-1", "a.b", "a-b", "_x", "%41", "$s", "~"[:0] + "z'"]
    for name in names:
        await create(house, name)
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        page = await house.devices.list(house.organization_id, after=after, limit=2)
        seen += [device.device_id for device in page.items]
        after = page.next
    assert seen == sorted(names)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("case", "matching", "expected"),
    [
        ("everything", DeviceFilter(), {"a", "b", "c"}),
        ("a site", DeviceFilter(site="north"), {"a", "b"}),
        ("a site and a zone", DeviceFilter(site="north", zone="cell-1"), {"a"}),
        ("disabled ones", DeviceFilter(is_enabled=False), {"b"}),
        ("a lifecycle", DeviceFilter(lifecycle=Lifecycle.SHIPPED), {"c"}),
        ("a tag", DeviceFilter(tags={"line": "press"}), {"a"}),
        ("a nested tag", DeviceFilter(tags={"rack.number": 4}), {"b"}),
        ("a tag of another type", DeviceFilter(tags={"rack.number": "4"}), set()),
        ("nobody", DeviceFilter(site="south", is_enabled=False), set()),
    ],
)
async def test_lists_are_filtered(house: IdentityHouse, case: str, matching: DeviceFilter, expected: set[str]) -> None:
    await create(house, "a", site="north", zone="cell-1", tags={"line": "press"})
    await create(house, "b", site="north", is_enabled=False, tags={"rack": {"number": 4}})
    await create(house, "c", site="south", lifecycle=Lifecycle.SHIPPED)
    page = await house.devices.list(house.organization_id, matching=matching)
    assert {device.device_id for device in page.items} == expected


@pytest.mark.anyio
@pytest.mark.parametrize(
    "arguments",
    [
        {"limit": 0},
        {"limit": 1001},
        {"after": "x" * 129},
        {"after": "\0"},
        {"matching": DeviceFilter(tags={"a'b": 1})},
        {"matching": DeviceFilter(tags={"": 1})},
        {"matching": DeviceFilter(tags={".".join("abcdefghij"): 1})},
    ],
)
async def test_lists_that_cannot_be_asked_for_are_refused(house: IdentityHouse, arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidFilter):
        await house.devices.list(house.organization_id, **arguments)


@pytest.mark.anyio
async def test_a_patch_over_an_old_revision_is_refused_and_one_without_effect_counts_for_nothing(
    house: IdentityHouse,
) -> None:
    await create(house, "pump-7", tags={"a": 1})
    update = house.devices.update
    changed = await update(house.organization_id, "pump-7", {"tags": {"b": 2}}, actor=ACTOR, if_match=1)
    assert (changed.revision, changed.tags) == (2, {"a": 1, "b": 2})
    with pytest.raises(RevisionMismatch):
        await update(house.organization_id, "pump-7", {"site": "x"}, actor=ACTOR, if_match=1)
    size = await house.ledger.size(house.organization_id)
    same = await update(house.organization_id, "pump-7", {"tags": {"b": 2}}, actor=ACTOR)
    assert (same.revision, await house.ledger.size(house.organization_id)) == (2, size)


@pytest.mark.anyio
async def test_of_many_changes_at_once_none_is_lost(house: IdentityHouse) -> None:
    await create(house, "pump-7")
    patches = [{"tags": {f"k{number}": number}} for number in range(20)]
    await asyncio.gather(
        *(house.devices.update(house.organization_id, "pump-7", patch, actor=ACTOR) for patch in patches)
    )
    device = await house.devices.get(house.organization_id, "pump-7")
    assert (len(device.tags), device.revision) == (20, 21)


@pytest.mark.anyio
async def test_disabling_needs_a_reason_and_is_on_record_with_it(house: IdentityHouse) -> None:
    await create(house, "pump-7")
    with pytest.raises(ReasonMissing):
        await house.devices.disable(house.organization_id, "pump-7", actor=ACTOR, reason=" ")
    device = await house.devices.disable(house.organization_id, "pump-7", actor=ACTOR, reason="stolen")
    assert (device.is_enabled, device.status_reason, device.revision) == (False, "stolen", 2)
    entry = await last_entry(house)
    assert (entry.action, entry.reason, entry.actor) == ("registry.disable_device", "stolen", ACTOR)
    again = await house.devices.disable(house.organization_id, "pump-7", actor=ACTOR, reason="again")
    assert again.revision == 2
    enabled = await house.devices.enable(house.organization_id, "pump-7", actor=ACTOR)
    assert (enabled.is_enabled, enabled.revision) == (True, 3)
    assert await house.devices.get(house.organization_id, "pump-7") == enabled


@pytest.mark.anyio
async def test_a_thousand_devices_change_in_one_transaction(house: IdentityHouse) -> None:
    names = [f"d{number:04}" for number in range(1000)]
    for start in range(0, 1000, 100):
        await asyncio.gather(*(create(house, name) for name in names[start : start + 100]))
    told = len(house.published)
    await house.devices.disable(house.organization_id, "d0000", actor=ACTOR, reason="first")
    result = await house.devices.set_enabled_many(
        house.organization_id, [*names[:998], "ghost", "d0001"], is_enabled=False, actor=ACTOR, reason="recall"
    )
    assert (len(result.changed), result.unchanged, result.unknown) == (997, ("d0000",), ("ghost",))
    assert len(house.published) == told + 998
    disabled = await house.devices.list(house.organization_id, limit=1000, matching=DeviceFilter(is_enabled=False))
    assert len(disabled.items) == 998
    with pytest.raises(TooManyDevices):
        await house.devices.set_enabled_many(
            house.organization_id, [*names, "one-more"], is_enabled=True, actor=ACTOR, reason=""
        )


@pytest.mark.anyio
async def test_every_step_of_a_life_is_on_record(house: IdentityHouse) -> None:
    device = await create(house, "pump-7")
    for target, reason in [
        (Lifecycle.SHIPPED, ""),
        (Lifecycle.ONBOARDED, ""),
        (Lifecycle.ACTIVE, ""),
        (Lifecycle.QUARANTINED, "odd traffic"),
        (Lifecycle.ACTIVE, "cleaned"),
        (Lifecycle.RETIRED, "end of life"),
    ]:
        moved = await house.devices.move(house.organization_id, "pump-7", target, actor=ACTOR, reason=reason)
        assert moved.lifecycle is target
    with pytest.raises(TransitionNotAllowed):
        await house.devices.move(house.organization_id, "pump-7", Lifecycle.ACTIVE, actor=ACTOR)
    history = await house.devices.credential_history(house.organization_id, "pump-7")
    assert history.device.generation_id == device.generation_id
    assert [act.details.get("current") for act in history.acts[1:]] == [
        "shipped",
        "onboarded",
        "active",
        "quarantined",
        "active",
        "retired",
    ]


@pytest.mark.anyio
async def test_first_use_makes_an_onboarded_device_active_and_no_other(house: IdentityHouse) -> None:
    pinned = Authentication(type=AuthenticationType.SELF_SIGNED, primary_thumbprint="a" * 64)
    onboarded, made = await create(house, "a", authentication=pinned), await create(house, "b")
    await house.devices.mark_active(house.organization_id, [onboarded.generation_id, made.generation_id])
    page = await house.devices.list(house.organization_id)
    assert [device.lifecycle for device in page.items] == [Lifecycle.ACTIVE, Lifecycle.MADE]


@pytest.mark.anyio
async def test_connections_are_noted_coarsely_and_change_no_revision(house: IdentityHouse, clock: ManualClock) -> None:
    device = await create(house, "pump-7")

    async def connect() -> Device:
        await house.store.write(
            lambda tx: house.register.note_connected(tx, house.organization_id, [device.generation_id])
        )
        return await house.devices.get(house.organization_id, "pump-7")

    first = await connect()
    clock.advance(timedelta(minutes=9))
    assert (await connect()).last_connected_at == first.last_connected_at
    clock.advance(timedelta(minutes=2))
    later = await connect()
    assert later.last_connected_at == clock.now()
    assert later.revision == 1
    patched = await house.devices.update(house.organization_id, "pump-7", {"site": "x"}, actor=ACTOR, if_match=1)
    assert (await house.devices.get(house.organization_id, "pump-7")).last_connected_at == later.last_connected_at
    assert patched.revision == 2


@pytest.mark.anyio
async def test_a_jumped_clock_holds_what_widens_and_nothing_that_restricts(
    house: IdentityHouse, clock: ManualClock
) -> None:
    await create(house, "pump-7")
    clock.jump(timedelta(days=-3))
    with pytest.raises(ClockJumped):
        await create(house, "pump-8")
    await house.devices.disable(house.organization_id, "pump-7", actor=ACTOR, reason="now")
    for widening in (
        house.devices.enable(house.organization_id, "pump-7", actor=ACTOR),
        house.devices.update(house.organization_id, "pump-7", {"site": "x"}, actor=ACTOR),
        house.devices.set_enabled_many(house.organization_id, ["pump-7"], is_enabled=True, actor=ACTOR, reason=""),
    ):
        with pytest.raises(ClockJumped):
            await widening
    await house.devices.delete(house.organization_id, "pump-7", actor=ACTOR)
