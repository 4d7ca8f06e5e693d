"""Groups on real databases: static and dynamic members, what they follow, and how they are computed."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from identity_house import ACTOR, IdentityHouse
from registry_house import RegistryHouse

from vedette.kernel import RandomIds
from vedette.registry import (
    AccessEffect,
    AccessKind,
    AccessListService,
    Authentication,
    AuthenticationType,
    Device,
    DeviceNotFound,
    GroupExists,
    GroupIsDynamic,
    GroupKind,
    GroupMembership,
    GroupNotFound,
    GroupState,
    InvalidGroup,
    InvalidQuery,
    NewDevice,
    NewGroup,
    RevisionMismatch,
    TooManyDevices,
    TooManyGroups,
    group_repository,
    groups_of,
    policy_groups_of,
)
from vedette.registry import group_computation as computation
from vedette.registry import group_membership as membership
from vedette.registry import group_service as service
from vedette.simulation import ManualClock
from vedette.trust import Lifecycle

pytestmark = pytest.mark.anyio

NORTH = "tags.site = 'north'"


async def group_ids(registry: RegistryHouse, device: Device) -> tuple[str, ...]:
    found = await registry.store.read(
        lambda connection: groups_of(connection, registry.organization_id, [device.generation_id])
    )
    return found.get(device.generation_id, ())


async def test_a_static_group_has_whom_it_was_given(registry: RegistryHouse) -> None:
    pump, valve = await registry.device("pump-7"), await registry.device("valve-1")
    group = await registry.group("pumps")
    assert (group.kind, group.state, group.condition, group.etag) == (GroupKind.STATIC, GroupState.READY, "", '"1"')
    added = await registry.groups.add(registry.organization_id, "pumps", ["pump-7", "valve-1"], actor=ACTOR)
    assert added.member_count == 2
    again = await registry.groups.add(registry.organization_id, group.group_id, ["pump-7"], actor=ACTOR)
    assert again.member_count == 2
    assert await registry.members() == ["pump-7", "valve-1"]
    assert await group_ids(registry, pump) == (group.group_id,)
    removed = await registry.groups.remove(registry.organization_id, "pumps", ["valve-1"], actor=ACTOR)
    assert removed.member_count == 1
    assert await group_ids(registry, valve) == ()
    stored = await registry.groups.get(registry.organization_id, "pumps")
    assert (stored.member_count, stored.revision) == (1, 1)


async def test_members_are_read_page_by_page_in_byte_order(registry: RegistryHouse) -> None:
    for name in ("b", "a", "B", "c"):
        await registry.device(name)
    await registry.group("all")
    await registry.groups.add(registry.organization_id, "all", ["b", "a", "B", "c"], actor=ACTOR)
    first, following = await registry.groups.members(registry.organization_id, "all", limit=3)
    assert ([each.device_id for each in first], following) == (["B", "a", "b"], "b")
    rest, following = await registry.groups.members(registry.organization_id, "all", after="b", limit=3)
    assert ([each.device_id for each in rest], following) == (["c"], None)


async def test_a_dynamic_group_holds_what_met_its_condition_before(registry: RegistryHouse) -> None:
    await registry.device("a", tags={"site": "north"})
    await registry.device("b", tags={"site": "south"})
    group = await registry.groups.create(
        registry.organization_id, NewGroup(name="north", condition=NORTH, description="up there"), actor=ACTOR
    )
    assert (group.kind, group.state) == (GroupKind.DYNAMIC, GroupState.COMPUTING)
    assert group.progress is not None
    assert (group.progress.examined, group.progress.total) == (0, 2)
    await registry.computation.work()
    done = await registry.groups.get(registry.organization_id, "north")
    assert (done.state, done.member_count, done.description) == (GroupState.READY, 1, "up there")
    assert await registry.members("north") == ["a"]


async def test_a_dynamic_group_follows_every_change_in_its_transaction(registry: RegistryHouse) -> None:
    changes: list[tuple[str, str, Any, dict[str, Any]]] = [
        ("tags", NORTH, {"tags": {"site": "north"}}, {"tags": {"site": "south"}}),
        ("a site", "site = 'north'", {"site": "north"}, {"site": None}),
        ("a class", "deviceClass = 'plc'", {"device_class": "plc"}, {"device_class": "hmi"}),
        ("a level", "purdueLevel IN ['1', '2']", {"purdue_level": "2"}, {"purdue_level": "3"}),
        (
            "credentials",
            "authenticationType = 'selfSigned'",
            {"authentication": {"type": "self_signed", "primary_thumbprint": "ab" * 32}},
            {"authentication": {"type": "issued"}},
        ),
    ]
    await registry.device("pump-7")
    for name, condition, into, out in changes:
        await registry.group(name, condition)
        assert await registry.members(name) == [], name
        await registry.devices.update(registry.organization_id, "pump-7", into, actor=ACTOR)
        assert await registry.members(name) == ["pump-7"], name
        await registry.devices.update(registry.organization_id, "pump-7", out, actor=ACTOR)
        assert await registry.members(name) == [], name


async def test_a_dynamic_group_follows_standing_and_lifecycle(registry: RegistryHouse) -> None:
    await registry.group("out", "status = 'disabled' OR lifecycle = 'quarantined' OR isBlocked")
    await registry.device("pump-7")
    await registry.devices.disable(registry.organization_id, "pump-7", actor=ACTOR, reason="worn")
    assert await registry.members("out") == ["pump-7"]
    await registry.devices.enable(registry.organization_id, "pump-7", actor=ACTOR)
    assert await registry.members("out") == []
    await registry.devices.move(
        registry.organization_id, "pump-7", Lifecycle.QUARANTINED, actor=ACTOR, reason="odd traffic"
    )
    assert await registry.members("out") == ["pump-7"]


async def test_a_dynamic_group_follows_the_access_lists(house: IdentityHouse, clock: ManualClock) -> None:
    ids = RandomIds(clock)
    members = GroupMembership(house.ledger)
    house.ledger.project("groups", members.project)
    work = computation.GroupComputation(house.store, members)
    groups = service.GroupService(
        house.store, house.ledger, members, house.guard, clock=clock, ids=ids, on_work=work.wake
    )
    await groups.create(house.organization_id, NewGroup(name="blocked", condition="isBlocked = true"), actor=ACTOR)
    await house.devices.create(house.organization_id, NewDevice(device_id="pump-7"), actor=ACTOR)
    lists: AccessListService = house.lists
    await lists.add(
        house.organization_id, AccessEffect.BLOCK, AccessKind.DEVICE_ID, "pump-7", actor=ACTOR, reason="stolen"
    )
    found, _ = await groups.members(house.organization_id, "blocked")
    assert [each.device_id for each in found] == ["pump-7"]
    record = await house.administrator.find("pump-7", None)
    assert record is not None
    assert record.placement.value is not None
    assert record.placement.value.groups == ((await groups.get(house.organization_id, "blocked")).group_id,)


async def test_a_dynamic_group_follows_desired_and_reported_properties(registry: RegistryHouse) -> None:
    device = await registry.device("pump-7")
    await registry.module("camera")
    await registry.group("behind", "properties.desired.firmware != properties.reported.firmware")
    await registry.patch(desired={"firmware": "2.0"})
    assert await registry.members("behind") == []
    await registry.report(device.generation_id, {"firmware": "1.0"})
    assert await registry.members("behind") == ["pump-7"]
    await registry.report(device.generation_id, {"firmware": "2.0"})
    assert await registry.members("behind") == []
    module = await registry.twin("pump-7", "camera")
    await registry.report(module.generation_id, {"firmware": "1.0"})
    assert await registry.members("behind") == []


@pytest.mark.parametrize("condition", ["properties.reported.role = 'admin'", "is_defined(properties)"])
async def test_no_device_reports_itself_into_what_policies_see(registry: RegistryHouse, condition: str) -> None:
    organization = registry.organization_id
    device = await registry.device("pump-7")
    group = await registry.group("admins", condition)
    static = await registry.group("pumps")
    await registry.groups.add(organization, "pumps", ["pump-7"], actor=ACTOR)
    before = len(await registry.acts())
    await registry.report(device.generation_id, {"role": "admin"})
    assert await registry.members("admins") == ["pump-7"]
    seen = await registry.store.read(
        lambda connection: policy_groups_of(connection, organization, [device.generation_id])
    )
    assert seen == {device.generation_id: (static.group_id,)}
    # Nor does it fill the ledger by changing its mind.
    assert len(await registry.acts()) == before
    assert [each.feeds_policies for each in (group, static)] == [False, True]
    with pytest.raises(InvalidGroup):
        await registry.groups.update(organization, "admins", {"condition": NORTH}, actor=ACTOR)


async def test_a_deleted_device_leaves_its_groups_and_its_namesake_inherits_none(registry: RegistryHouse) -> None:
    old = await registry.device("pump-7", tags={"site": "north"})
    await registry.group("north", NORTH)
    await registry.group("pumps")
    await registry.groups.add(registry.organization_id, "pumps", ["pump-7"], actor=ACTOR)
    assert len(await group_ids(registry, old)) == 2
    await registry.devices.delete(registry.organization_id, "pump-7", actor=ACTOR)
    assert await group_ids(registry, old) == ()
    await registry.device("pump-7", tags={"site": "north"})
    assert await registry.members("north") == ["pump-7"]
    assert await registry.members("pumps") == []
    counts = [each.member_count for each in (await registry.groups.list(registry.organization_id))[0]]
    assert counts == [1, 0]


async def test_a_change_that_is_rolled_back_changes_no_membership(registry: RegistryHouse) -> None:
    device = await registry.device("pump-7")
    await registry.group("north", NORTH)

    def change(tx: Any) -> None:
        registry.register.patch(tx, device, {"tags": {"site": "north"}}, actor=ACTOR)
        raise LookupError

    with pytest.raises(LookupError):
        await registry.store.write(change)
    assert await registry.members("north") == []


async def test_each_change_of_members_is_told_with_the_devices_it_concerns(registry: RegistryHouse) -> None:
    group = await registry.group("north", NORTH)
    device = await registry.device("pump-7", tags={"site": "north"})
    told = [event for event in await registry.events() if event.name == "registry.group_membership_changed"]
    assert [event.data["generation_ids"] for event in told] == [[device.generation_id]]
    assert told[0].data["group_ids"] == [group.group_id]
    acts = [act for act in await registry.acts() if act.action == "registry.change_group_membership"]
    assert [(act.target, act.details) for act in acts] == [
        (device.generation_id, {"entered": {group.group_id: 1}, "left": {}})
    ]


async def test_a_new_condition_is_computed_anew_in_windows(
    registry: RegistryHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(computation, "EXACT_WINDOW", 4)
    monkeypatch.setattr(computation, "INEXACT_WINDOW", 3)
    monkeypatch.setattr(computation, "CHANGES_MAX", 2)
    for number in range(10):
        await registry.device(f"d{number}", tags={"n": number, "even": number % 2 == 0})
    await registry.group("even", "tags.even")
    assert await registry.members("even") == ["d0", "d2", "d4", "d6", "d8"]
    changed = await registry.groups.update(
        registry.organization_id, "even", {"condition": "tags.n % 3 = 0"}, actor=ACTOR, if_match=1
    )
    assert (changed.revision, changed.state) == (2, GroupState.COMPUTING)
    await registry.computation.work()
    assert await registry.members("even") == ["d0", "d3", "d6", "d9"]
    group = await registry.groups.get(registry.organization_id, "even")
    assert (group.state, group.member_count) == (GroupState.READY, 4)


async def test_a_computation_that_was_interrupted_goes_on_where_it_was(
    registry: RegistryHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(computation, "EXACT_WINDOW", 2)
    for number in range(6):
        await registry.device(f"d{number}", tags={"site": "north"})
    await registry.groups.create(registry.organization_id, NewGroup(name="north", condition=NORTH), actor=ACTOR)
    writes = 0
    write = registry.store.write

    async def fail(fn: Any, *, restricting: bool = False) -> Any:
        nonlocal writes
        writes += 1
        if writes > 3:
            raise asyncio.CancelledError
        return await write(fn, restricting=restricting)

    monkeypatch.setattr(registry.store, "write", fail)
    with pytest.raises(asyncio.CancelledError):
        await registry.computation.work()
    monkeypatch.setattr(registry.store, "write", write)
    half = await registry.groups.get(registry.organization_id, "north")
    assert half.progress is not None
    assert (half.state, half.progress.examined, half.progress.total) == (GroupState.COMPUTING, 2, 6)
    assert half.member_count in {2, 3, 4}
    await computation.GroupComputation(registry.store, GroupMembership(registry.ledger)).work()
    assert len(await registry.members("north")) == 6


async def test_the_computation_runs_beside_changes(registry: RegistryHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(computation, "EXACT_WINDOW", 3)
    for number in range(12):
        await registry.device(f"d{number:02}", tags={"site": "north"})
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(registry.computation.run(), name="computation")
        await registry.groups.create(registry.organization_id, NewGroup(name="north", condition=NORTH), actor=ACTOR)
        for number in range(0, 12, 2):
            await registry.devices.update(
                registry.organization_id, f"d{number:02}", {"tags": {"site": "south"}}, actor=ACTOR
            )
            await registry.device(f"e{number:02}", tags={"site": "north"})
        async with asyncio.timeout(60):
            while (await registry.groups.get(registry.organization_id, "north")).state is not GroupState.READY:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        running.cancel()
    expected = [f"d{number:02}" for number in range(1, 12, 2)] + [f"e{number:02}" for number in range(0, 12, 2)]
    assert await registry.members("north") == expected


async def test_a_deleted_group_is_gone_at_once_and_its_members_follow(
    registry: RegistryHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(computation, "CHANGES_MAX", 2)
    devices = [await registry.device(f"d{number}", tags={"site": "north"}) for number in range(5)]
    old = await registry.group("north", NORTH)
    deleted = await registry.groups.delete(registry.organization_id, "north", actor=ACTOR, reason="moved")
    assert deleted.member_count == 5
    assert await group_ids(registry, devices[0]) == ()
    with pytest.raises(GroupNotFound):
        await registry.groups.get(registry.organization_id, old.group_id)
    await registry.group("north")
    assert await registry.members("north") == []
    told = [event for event in await registry.events() if event.data.get("group_ids") == [old.group_id]][-3:]
    told_of = {each for event in told for each in event.data["generation_ids"]}
    assert told_of == {device.generation_id for device in devices}
    act = next(act for act in await registry.acts() if act.action == "registry.delete_group")
    assert (act.reason, act.target_name, act.details["member_count"]) == ("moved", "north", 5)


async def test_groups_are_listed_by_name_and_found_by_name_or_id(registry: RegistryHouse) -> None:
    for name in ("b", "a", "C"):
        await registry.group(name)
    page, following = await registry.groups.list(registry.organization_id, limit=2)
    assert ([group.name for group in page], following) == (["C", "a"], "a")
    rest, following = await registry.groups.list(registry.organization_id, limit=2, after="a")
    assert ([group.name for group in rest], following) == (["b"], None)
    named, _ = await registry.groups.list(registry.organization_id, name="a")
    assert named == [await registry.groups.get(registry.organization_id, named[0].group_id)]
    assert (await registry.groups.list(registry.organization_id, name="nobody\0"))[0] == []


@pytest.mark.parametrize(
    ("case", "new", "error"),
    [
        ("no name", NewGroup(name=""), InvalidGroup),
        ("a name with a quote", NewGroup(name="a'b"), InvalidGroup),
        ("a name too long", NewGroup(name="x" * 129), InvalidGroup),
        ("a name like an id", NewGroup(name="grp_" + "0" * 26), InvalidGroup),
        ("an empty condition", NewGroup(name="a", condition=" "), InvalidGroup),
        ("a broken condition", NewGroup(name="a", condition="tags.site ="), InvalidQuery),
        ("an unknown field", NewGroup(name="a", condition="tag.site = 'x'"), InvalidQuery),
        ("presence", NewGroup(name="a", condition="connectionState = 'Connected'"), InvalidQuery),
        ("activity", NewGroup(name="a", condition="lastActivityTime < '2026-01-01'"), InvalidQuery),
        ("a version", NewGroup(name="a", condition="properties.reported.$version > 3"), InvalidQuery),
        ("other groups", NewGroup(name="a", condition="CONTAINS(groups, 'b')"), InvalidQuery),
        ("a long description", NewGroup(name="a", description="x" * 1025), InvalidGroup),
    ],
)
async def test_groups_that_cannot_be_are_refused(
    registry: RegistryHouse, case: str, new: NewGroup, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await registry.groups.create(registry.organization_id, new, actor=ACTOR)
    assert (await registry.groups.list(registry.organization_id))[0] == []


async def test_changes_that_cannot_be_are_refused(registry: RegistryHouse) -> None:
    await registry.device("pump-7")
    await registry.group("static")
    await registry.group("north", NORTH)
    organization = registry.organization_id
    with pytest.raises(GroupExists):
        await registry.groups.create(organization, NewGroup(name="north"), actor=ACTOR)
    with pytest.raises(GroupExists):
        await registry.groups.update(organization, "static", {"name": "north"}, actor=ACTOR)
    with pytest.raises(InvalidGroup):
        await registry.groups.update(organization, "static", {"condition": NORTH}, actor=ACTOR)
    with pytest.raises(InvalidGroup):
        await registry.groups.update(organization, "static", {"kind": "dynamic"}, actor=ACTOR)
    with pytest.raises(RevisionMismatch):
        await registry.groups.update(organization, "static", {"name": "other"}, actor=ACTOR, if_match=2)
    with pytest.raises(RevisionMismatch):
        await registry.groups.delete(organization, "static", actor=ACTOR, if_match=2)
    with pytest.raises(GroupIsDynamic):
        await registry.groups.add(organization, "north", ["pump-7"], actor=ACTOR)
    with pytest.raises(DeviceNotFound):
        await registry.groups.add(organization, "static", ["pump-7", "nobody"], actor=ACTOR)
    with pytest.raises(TooManyDevices):
        await registry.groups.add(organization, "static", [], actor=ACTOR)
    with pytest.raises(GroupNotFound):
        await registry.groups.members(organization, "nobody")
    assert await registry.members("static") == []


async def test_there_is_a_limit_to_groups(registry: RegistryHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "GROUPS_MAX", 3)
    monkeypatch.setattr(service, "DYNAMIC_MAX", 1)
    await registry.group("a", NORTH)
    with pytest.raises(TooManyGroups):
        await registry.group("b", NORTH)
    await registry.group("b")
    await registry.group("c")
    with pytest.raises(TooManyGroups):
        await registry.group("d")


async def test_an_update_that_changes_nothing_counts_for_nothing(registry: RegistryHouse) -> None:
    await registry.group("north", NORTH)
    before = len(await registry.acts())
    same = await registry.groups.update(registry.organization_id, "north", {"condition": NORTH}, actor=ACTOR)
    assert (same.revision, same.state) == (1, GroupState.READY)
    assert len(await registry.acts()) == before
    renamed = await registry.groups.update(
        registry.organization_id, "north", {"name": "nord", "description": "là-haut"}, actor=ACTOR
    )
    assert (renamed.name, renamed.description, renamed.revision, renamed.state) == (
        "nord",
        "là-haut",
        2,
        GroupState.READY,
    )


async def test_a_condition_this_release_does_not_understand_stops_no_device(
    registry: RegistryHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(membership.DynamicGroup, "make", lambda *_: SimpleNamespace(feeds_policies=True))
    await registry.groups.create(registry.organization_id, NewGroup(name="odd", condition="moon = 'full'"), actor=ACTOR)
    monkeypatch.undo()
    await registry.device("pump-7")
    await registry.computation.work()
    assert (await registry.groups.get(registry.organization_id, "odd")).state is GroupState.READY


async def test_without_dynamic_groups_an_event_costs_one_look_up(
    registry: RegistryHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("nobody asked for it")

    monkeypatch.setattr(membership, "find_generations", fail)
    monkeypatch.setattr(group_repository, "list_all", fail)
    authentication = Authentication(type=AuthenticationType.SELF_SIGNED, primary_thumbprint="ab" * 32)
    device = await registry.device("pump-7", authentication=authentication)
    await registry.report(device.generation_id, {"a": 1})
    await registry.devices.delete(registry.organization_id, "pump-7", actor=ACTOR)
