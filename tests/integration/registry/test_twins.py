"""Twins on real databases: what a device reads and reports, what an operator wishes, and what of it is on record."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from identity_house import ACTOR
from registry_house import RegistryHouse

from vedette.kernel import GenerationId, OrganizationId, Problem
from vedette.registry import (
    ClockJumped,
    Device,
    DeviceNotFound,
    IdentityNotFound,
    InvalidTags,
    InvalidTwin,
    ModuleNotFound,
    NewDevice,
    RevisionMismatch,
    TwinTooLarge,
)
from vedette.simulation import ManualClock
from vedette.store import Transaction


@pytest.mark.anyio
async def test_a_new_device_has_an_empty_twin_at_version_one(registry: RegistryHouse) -> None:
    device = await registry.device(tags={"site": "north"})
    twin = await registry.twin()
    assert (twin.tags, twin.desired.document(), twin.reported.document()) == (
        {"site": "north"},
        {"$version": 1},
        {"$version": 1},
    )
    assert (twin.revision, twin.etag, twin.version, twin.updated_at) == (1, '"1"', 1, None)
    assert await registry.own(device.generation_id) == {"desired": {"$version": 1}, "reported": {"$version": 1}}


@pytest.mark.anyio
async def test_a_device_reports_and_each_report_counts_one_version(registry: RegistryHouse, clock: ManualClock) -> None:
    device = await registry.device()
    size = await registry.ledger.size(registry.organization_id)
    assert await registry.report(device.generation_id, {"net": {"ip": "10.0.0.7", "up": True}, "t": 1.5}) == 2
    clock.advance(timedelta(seconds=3))
    assert await registry.report(device.generation_id, {"net": {"up": None}, "list": [1, None, "é"]}) == 3
    assert await registry.report(device.generation_id, {}) == 4
    assert await registry.own(device.generation_id) == {
        "desired": {"$version": 1},
        "reported": {"net": {"ip": "10.0.0.7"}, "t": 1.5, "list": [1, None, "é"], "$version": 4},
    }
    twin = await registry.twin()
    assert twin.reported.metadata["t"]["$lastUpdated"] < twin.reported.metadata["net"]["$lastUpdated"]
    assert set(twin.reported.metadata["net"]) == {"$lastUpdated", "ip"}
    assert (twin.updated_at, twin.revision, twin.version) == (clock.now(), 1, 4)
    assert await registry.ledger.size(registry.organization_id) == size, "reports are no acts of a person"
    assert registry.changed == [device.generation_id] * 3


@pytest.mark.anyio
async def test_a_refused_report_leaves_nothing_behind(registry: RegistryHouse) -> None:
    device = await registry.device()
    await registry.report(device.generation_id, {"a": "x" * 4000})
    for patch in ({"b": 1, "$c": 2}, [1], {"b": {"c": 10**16}}):
        with pytest.raises(InvalidTwin):
            await registry.report(device.generation_id, patch)
    with pytest.raises(TwinTooLarge):
        await registry.report(device.generation_id, {f"k{number}": "x" * 4096 for number in range(8)})
    assert await registry.own(device.generation_id) == {
        "desired": {"$version": 1},
        "reported": {"a": "x" * 4000, "$version": 2},
    }


@pytest.mark.anyio
async def test_every_number_comes_back_as_it_was_sent_on_both_databases(registry: RegistryHouse) -> None:
    device = await registry.device()
    numbers: dict[str, Any] = {
        "integers": [4503599627370495, -4503599627370496, 0],
        "floats": [1e300, 1e16, -1e17, 5e15, 0.1, 1.0, 5e-324, 1.7976931348623157e308],
        "deep": {"float": 6.02214076e23},
    }
    await registry.report(device.generation_id, numbers)
    await registry.patch(desired=numbers)
    found = (await registry.twin()).reported.values
    assert repr(found["floats"]) == repr(numbers["floats"])
    assert (repr(found["integers"]), found["deep"]) == (repr(numbers["integers"]), numbers["deep"])
    twin = await registry.replace(desired=found)
    assert twin.desired.values == numbers, "what was read can be written again"


@pytest.mark.anyio
async def test_of_many_reports_at_once_none_is_lost_and_no_version_is_skipped(registry: RegistryHouse) -> None:
    device = await registry.device()
    versions, _ = await asyncio.gather(
        asyncio.gather(*(registry.report(device.generation_id, {f"k{number}": number}) for number in range(40))),
        asyncio.gather(*(registry.patch(desired={f"d{number}": number}) for number in range(20))),
    )
    assert sorted(versions) == list(range(2, 42))
    own = await registry.own(device.generation_id)
    assert own["reported"] == {**{f"k{number}": number for number in range(40)}, "$version": 41}
    assert own["desired"] == {**{f"d{number}": number for number in range(20)}, "$version": 21}
    assert [version for _, version, _ in registry.told] == list(range(2, 22)), "told in the order of commit"
    merged: dict[str, Any] = {}
    for _, _, patch in registry.told:
        merged |= patch
    assert merged == own["desired"]


@pytest.mark.anyio
async def test_desired_properties_are_told_to_the_device_and_on_record_without_their_values(
    registry: RegistryHouse,
) -> None:
    device = await registry.device()
    await registry.patch(desired={"wifi": {"key": "s3cret", "band": 5}, "mode": "auto"})
    twin = await registry.patch(desired={"wifi": {"band": None}, "gone": None})
    assert twin.desired.values == {"wifi": {"key": "s3cret"}, "mode": "auto"}
    assert (twin.desired.version, twin.revision, twin.version) == (3, 3, 3)
    assert twin.desired.metadata["mode"]["$lastUpdatedVersion"] == 2
    assert twin.desired.metadata["wifi"]["$lastUpdatedVersion"] == 3
    assert registry.told == [
        (device.generation_id, 2, {"wifi": {"key": "s3cret", "band": 5}, "mode": "auto", "$version": 2}),
        (device.generation_id, 3, {"wifi": {"band": None}, "gone": None, "$version": 3}),
    ]
    act = (await registry.acts())[-1]
    assert (act.action, act.target, act.target_name) == (
        "registry.patch_desired_properties",
        device.generation_id,
        "pump-7",
    )
    assert (act.details["version"], act.details["paths"]) == (3, ["wifi.band", "gone"])
    assert act.event is not None
    assert act.event.name == "registry.desired_properties_changed"
    assert "s3cret" not in json.dumps([entry.details for entry in await registry.acts()])
    assert "s3cret" not in json.dumps([event.data for event in await registry.events()])


@pytest.mark.anyio
async def test_tags_of_a_twin_are_the_tags_of_the_device(registry: RegistryHouse) -> None:
    await registry.device(tags={"site": "north", "line": 4})
    twin = await registry.patch(tags={"line": None, "hall": {"row": 2}})
    assert twin.tags == {"site": "north", "hall": {"row": 2}}
    assert (twin.revision, twin.desired.version) == (2, 1)
    device = await registry.devices.get(registry.organization_id, "pump-7")
    assert (device.tags, device.revision) == (twin.tags, 2)
    act = (await registry.acts())[-1]
    assert (act.action, act.details["changed"], act.details["tags"]["paths"]) == (
        "registry.update_device",
        ["tags"],
        ["line", "hall.row"],
    )
    twin = await registry.replace(tags={"a": 1})
    assert (twin.tags, registry.told) == ({"a": 1}, [])
    size = await registry.ledger.size(registry.organization_id)
    same = await registry.replace(tags={"a": 1})
    assert (same.revision, await registry.ledger.size(registry.organization_id)) == (twin.revision, size)
    assert (await registry.replace(tags={})).tags == {}


@pytest.mark.anyio
async def test_the_largest_tag_that_is_indexed_can_be_stored(registry: RegistryHouse) -> None:
    largest: list[Any] = [
        "".join(chr(0x4E00 + number * 97 % 20_000) for number in range(85)),
        [[] for _ in range(128)],
        {f"{number:x}": {} for number in range(100)},
        [None] * 64,
    ]
    for number, value in enumerate(largest):
        tags = {"site": value, "zone": value, "line": value, "environment": value}
        device = await registry.device(f"pump-{number}", tags=tags)
        assert device.tags == tags
        assert (await registry.module("camera", f"pump-{number}", tags=tags)).tags == tags


@pytest.mark.anyio
async def test_tags_and_desired_change_together_or_not_at_all(registry: RegistryHouse) -> None:
    await registry.device()
    cases: list[tuple[dict[str, Any], type[Problem]]] = [
        ({"tags": {"a": 1}, "desired": {"b.c": 1}}, InvalidTwin),
        ({"tags": {"$a": 1}, "desired": {"b": 1}}, InvalidTags),
    ]
    for changes, refusal in cases:
        with pytest.raises(refusal):
            await registry.patch(**changes)
        with pytest.raises(refusal):
            await registry.replace(**changes)
    twin = await registry.twin()
    assert (twin.tags, twin.desired.document(), registry.told) == ({}, {"$version": 1}, [])
    both = await registry.patch(tags={"a": 1}, desired={"b": 1})
    assert (both.tags, both.desired.document(), both.revision) == ({"a": 1}, {"b": 1, "$version": 2}, 3)


@pytest.mark.anyio
async def test_a_replacement_tells_the_device_what_is_gone(registry: RegistryHouse) -> None:
    device = await registry.device()
    await registry.patch(desired={"a": {"x": 1, "y": 2}, "b": 1, "c": [1]})
    twin = await registry.replace(desired={"a": {"y": 2, "z": 3}, "c": [2], "$version": 99, "$metadata": {}})
    assert twin.desired.document() == {"a": {"y": 2, "z": 3}, "c": [2], "$version": 3}
    assert registry.told[-1] == (
        device.generation_id,
        3,
        {"b": None, "a": {"x": None, "y": 2, "z": 3}, "c": [2], "$version": 3},
    )
    assert (await registry.acts())[-1].action == "registry.replace_desired_properties"
    emptied = await registry.replace(desired={})
    assert emptied.desired.document() == {"$version": 4}
    untouched = await registry.patch(desired={})
    assert untouched.desired.version == 4


@pytest.mark.anyio
async def test_a_change_over_an_old_revision_is_refused(registry: RegistryHouse) -> None:
    device = await registry.device()
    twin = await registry.patch(desired={"a": 1}, if_match=1)
    for change in (registry.patch, registry.replace):
        with pytest.raises(RevisionMismatch):
            await change(desired={"a": 2}, if_match=1)
    await registry.report(device.generation_id, {"a": 1})
    twin = await registry.patch(desired={"a": 2}, if_match=twin.revision)
    assert twin.desired.version == 3, "what the device reports is nobody's conflict"
    await registry.devices.update(registry.organization_id, "pump-7", {"tags": {"x": 1}}, actor=ACTOR)
    with pytest.raises(RevisionMismatch):
        await registry.patch(tags={"y": 1}, if_match=twin.revision)


@pytest.mark.anyio
async def test_a_module_has_a_twin_of_its_own(registry: RegistryHouse) -> None:
    device = await registry.device()
    module = await registry.module()
    twin = await registry.patch(module_id="camera", tags={"kind": "cam"}, desired={"fps": 25})
    assert (twin.generation_id, twin.module_id, twin.tags) == (module.generation_id, "camera", {"kind": "cam"})
    assert await registry.report(module.generation_id, {"fps": 24}) == 2
    assert await registry.own(module.generation_id) == {
        "desired": {"fps": 25, "$version": 2},
        "reported": {"fps": 24, "$version": 2},
    }
    assert await registry.own(device.generation_id) == {"desired": {"$version": 1}, "reported": {"$version": 1}}
    assert registry.told == [(module.generation_id, 2, {"fps": 25, "$version": 2})]
    assert (await registry.replace(module_id="camera", tags={})).tags == {}
    with pytest.raises(ModuleNotFound):
        await registry.patch(module_id="other", desired={"a": 1})


@pytest.mark.anyio
async def test_a_deleted_identity_reports_and_reads_nothing_and_its_name_begins_anew(registry: RegistryHouse) -> None:
    device = await registry.device()
    module = await registry.module()
    await registry.patch(desired={"a": 1})
    await registry.report(module.generation_id, {"a": 1})
    await registry.devices.delete(registry.organization_id, "pump-7", actor=ACTOR)
    for generation_id in (device.generation_id, module.generation_id, GenerationId("dev_never"), GenerationId("mod_x")):
        with pytest.raises(IdentityNotFound):
            await registry.report(generation_id, {"b": 1})
        with pytest.raises(IdentityNotFound):
            await registry.own(generation_id)
    with pytest.raises(DeviceNotFound):
        await registry.twin()
    again = await registry.device()
    assert await registry.own(again.generation_id) == {"desired": {"$version": 1}, "reported": {"$version": 1}}


@pytest.mark.anyio
async def test_an_organization_reads_its_own_twins_only(registry: RegistryHouse) -> None:
    device = await registry.device()
    other = OrganizationId("org_" + "1" * 26)
    with pytest.raises(IdentityNotFound):
        await registry.twins.read_own(other, device.generation_id)
    with pytest.raises(IdentityNotFound):
        await registry.twins.report(other, device.generation_id, b"{}")


@pytest.mark.anyio
async def test_a_device_is_created_with_its_first_desired_properties_in_one_transaction(
    registry: RegistryHouse,
) -> None:
    def create(tx: Transaction, name: str, desired: Any) -> Device:
        new = NewDevice(device_id=name, tags={"site": "north"})
        device = registry.register.create(tx, registry.organization_id, new, actor=ACTOR)
        registry.twins.initialise(tx, registry.organization_id, device.generation_id, desired)
        return device

    device = await registry.store.write(lambda tx: create(tx, "pump-7", {"a": {"b": 1, "c": None}}))
    own = await registry.own(device.generation_id)
    assert own == {"desired": {"a": {"b": 1}, "$version": 1}, "reported": {"$version": 1}}
    twin = await registry.patch(desired={"x": 1})
    assert (twin.desired.version, twin.desired.metadata["a"]["$lastUpdatedVersion"]) == (2, 1)
    with pytest.raises(InvalidTwin):
        await registry.store.write(lambda tx: create(tx, "pump-8", {"a.b": 1}))
    with pytest.raises(DeviceNotFound):
        await registry.twins.get(registry.organization_id, "pump-8")
    empty = await registry.store.write(lambda tx: create(tx, "pump-9", {}))
    assert (await registry.own(empty.generation_id))["desired"] == {"$version": 1}


@pytest.mark.anyio
async def test_a_twin_is_set_back_to_an_initial_one_and_its_versions_go_on(registry: RegistryHouse) -> None:
    device = await registry.device(tags={"old": 1})
    await registry.patch(desired={"a": 1, "b": 2})
    await registry.report(device.generation_id, {"r": 1})

    def reset(tx: Transaction) -> Device | None:
        found = registry.register.require(tx.connection, registry.organization_id, "pump-7")
        return registry.twins.reset(tx, found, tags={"site": "south"}, desired={"a": 3}, actor=ACTOR)

    changed = await registry.store.write(reset)
    assert changed is not None
    assert changed.tags == {"site": "south"}
    twin = await registry.twin()
    assert (twin.desired.document(), twin.reported.document()) == ({"a": 3, "$version": 3}, {"$version": 3})
    assert twin.tags == {"site": "south"}
    assert registry.told[-1] == (device.generation_id, 3, {"b": None, "a": 3, "$version": 3})
    acts = await registry.acts()
    assert "registry.reset_desired_properties" in {act.action for act in acts}
    assert await registry.store.write(reset) is None
    assert await registry.acts() == acts


@pytest.mark.anyio
async def test_tags_wait_for_a_clock_that_can_be_believed_and_reports_do_not(
    registry: RegistryHouse, clock: ManualClock
) -> None:
    device = await registry.device()
    clock.jump(timedelta(days=400))
    with pytest.raises(ClockJumped):
        await registry.patch(tags={"a": 1})
    assert await registry.report(device.generation_id, {"a": 1}) == 2
    assert (await registry.patch(desired={"a": 1})).desired.version == 2
