"""Modules on real databases: names, limits, what ends with a device, and what is on record."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from identity_house import ACTOR
from registry_house import RegistryHouse

from vedette.kernel import InvalidId
from vedette.registry import (
    MODULES_MAX,
    Authentication,
    AuthenticationType,
    ClockJumped,
    DeviceNotFound,
    InvalidModule,
    Module,
    ModuleExists,
    ModuleNotFound,
    RevisionMismatch,
    TooManyModules,
    find_module_by_name,
    find_module_generations,
    find_modules_of,
)
from vedette.simulation import ManualClock, make_request


@pytest.mark.anyio
async def test_a_module_is_kept_with_all_its_properties(registry: RegistryHouse) -> None:
    owner = await registry.device("gate")
    pinned = Authentication(
        type=AuthenticationType.SELF_SIGNED, primary_thumbprint="AB" * 32, secondary_thumbprint="cd" * 20
    )
    created = await registry.module(
        "camera",
        "gate",
        authentication=pinned,
        is_enabled=False,
        managed_by="line team",
        tags={"a": {"b": [1, 1.5, True]}},
    )
    assert created == await registry.modules.get(registry.organization_id, "gate", "camera")
    assert created.device_generation_id == owner.generation_id
    assert created.generation_id.startswith("mod_")
    assert created.authentication.primary_thumbprint == "ab" * 32
    entry = (await registry.acts())[-1]
    assert (entry.action, entry.target, entry.target_name) == (
        "registry.create_module",
        created.generation_id,
        "gate/camera",
    )
    assert entry.event is not None
    assert entry.event.name == "registry.module_registered"
    event = (await registry.events())[-1]
    assert (event.subject, event.data["device_generation_id"]) == (created.generation_id, owner.generation_id)


@pytest.mark.anyio
async def test_a_name_is_taken_on_its_own_device_only_and_free_again_when_its_module_is_deleted(
    registry: RegistryHouse,
) -> None:
    await registry.device("gate")
    await registry.device("other")
    old = await registry.module("camera", "gate", tags={"a": 1})
    with pytest.raises(ModuleExists):
        await registry.module("camera", "gate")
    assert (await registry.module("camera", "other")).generation_id != old.generation_id
    await registry.module("Camera", "gate")
    await registry.modules.delete(registry.organization_id, "gate", "camera", actor=ACTOR, reason="scrapped")
    with pytest.raises(ModuleNotFound):
        await registry.modules.get(registry.organization_id, "gate", "camera")
    new = await registry.module("camera", "gate")
    assert (new.generation_id != old.generation_id, new.tags) == (True, {})
    assert [module.module_id for module in await registry.modules.list(registry.organization_id, "gate")] == [
        "Camera",
        "camera",
    ]


@pytest.mark.anyio
async def test_modules_belong_to_devices_that_exist(registry: RegistryHouse) -> None:
    with pytest.raises(DeviceNotFound):
        await registry.module("camera", "gate")
    with pytest.raises(DeviceNotFound):
        await registry.modules.list(registry.organization_id, "gate")
    await registry.device("gate")
    with pytest.raises(InvalidId):
        await registry.module("a/b", "gate")
    with pytest.raises(ModuleNotFound):
        await registry.modules.get(registry.organization_id, "gate", "none")
    with pytest.raises(ModuleNotFound):
        await registry.modules.delete(registry.organization_id, "gate", "none", actor=ACTOR)


@pytest.mark.anyio
async def test_a_device_has_fifty_modules_at_most(registry: RegistryHouse) -> None:
    await registry.device("gate")
    for number in range(MODULES_MAX):
        await registry.module(f"m{number:02}", "gate")
    with pytest.raises(TooManyModules):
        await registry.module("one-more", "gate")
    await registry.modules.delete(registry.organization_id, "gate", "m00", actor=ACTOR)
    await registry.module("one-more", "gate")
    assert len(await registry.modules.list(registry.organization_id, "gate")) == MODULES_MAX


@pytest.mark.anyio
async def test_a_patch_is_on_record_and_one_without_effect_counts_for_nothing(registry: RegistryHouse) -> None:
    await registry.device("gate")
    await registry.module("camera", "gate", tags={"a": 1})

    async def patch(changes: dict[str, object], **options: Any) -> Module:
        return await registry.modules.patch(registry.organization_id, "gate", "camera", changes, actor=ACTOR, **options)

    changed = await patch({"tags": {"b": 2}, "is_enabled": False}, if_match=1, reason="it misbehaves")
    assert (changed.revision, changed.tags, changed.is_enabled) == (2, {"a": 1, "b": 2}, False)
    entry = (await registry.acts())[-1]
    assert (entry.action, entry.reason) == ("registry.update_module", "it misbehaves")
    assert entry.details["changed"] == ["tags", "is_enabled"]
    assert (entry.details["is_enabled"], entry.details["tags"]["paths"]) == (False, ["b"])
    with pytest.raises(RevisionMismatch):
        await patch({"managed_by": "x"}, if_match=1)
    with pytest.raises(RevisionMismatch):
        await registry.modules.delete(registry.organization_id, "gate", "camera", actor=ACTOR, if_match=1)
    with pytest.raises(InvalidModule):
        await patch({"module_id": "x"})
    size = await registry.ledger.size(registry.organization_id)
    same = await patch({"tags": {"b": 2}})
    assert (same.revision, await registry.ledger.size(registry.organization_id)) == (2, size)


@pytest.mark.anyio
async def test_only_disabling_goes_on_while_the_clock_cannot_be_believed(
    registry: RegistryHouse, clock: ManualClock
) -> None:
    await registry.device("gate")
    await registry.module("camera", "gate")
    clock.jump(timedelta(days=400))
    with pytest.raises(ClockJumped):
        await registry.module("other", "gate")
    changes: list[dict[str, object]] = [{"is_enabled": True}, {"tags": {}}, {"is_enabled": False, "managed_by": "x"}]
    for patch in changes:
        with pytest.raises(ClockJumped):
            await registry.modules.patch(registry.organization_id, "gate", "camera", patch, actor=ACTOR)
    disabled = await registry.modules.patch(
        registry.organization_id, "gate", "camera", {"is_enabled": False}, actor=ACTOR
    )
    assert not disabled.is_enabled
    await registry.modules.delete(registry.organization_id, "gate", "camera", actor=ACTOR)


@pytest.mark.anyio
async def test_what_ends_a_device_ends_its_modules(registry: RegistryHouse) -> None:
    owner = await registry.device("gate")
    kept = await registry.device("kept")
    ended = [await registry.module(name, "gate") for name in ("a", "b")]
    other = await registry.module("a", "kept")
    await registry.devices.delete(registry.organization_id, "gate", actor=ACTOR, reason="sold")

    def read(connection: Any) -> Any:
        generations = [owner.generation_id, kept.generation_id]
        living = find_modules_of(connection, registry.organization_id, generations)
        every = find_module_generations(
            connection, registry.organization_id, [m.generation_id for m in (*ended, other)]
        )
        return living, every, find_module_by_name(connection, registry.organization_id, "gate", "a")

    living, every, by_name = await registry.store.read(read)
    assert (living, by_name) == ([other], None)
    assert [every[module.generation_id].deleted_at is not None for module in ended] == [True, True]
    assert every[other.generation_id] == other
    assert [event.name for event in (await registry.events())[-3:]] == [
        "registry.device_deleted",
        "registry.module_deleted",
        "registry.module_deleted",
    ]
    again = await registry.device("gate")
    assert await registry.modules.list(registry.organization_id, "gate") == []
    assert (await registry.module("a", "gate")).device_generation_id == again.generation_id


@pytest.mark.anyio
@pytest.mark.parametrize("end", ["delete", "delete the device", "retire the device"])
async def test_the_certificates_of_a_module_end_with_it_and_with_its_device(registry: RegistryHouse, end: str) -> None:
    await registry.device("gate")
    module = await registry.module("camera", "gate")
    await registry.certificates.issue(
        organization_id=registry.organization_id,
        generation_id=module.generation_id,
        subject_name=module.full_name,
        csr=make_request(module.full_name)[1],
        actor=ACTOR,
    )
    organization_id = registry.organization_id
    if end == "delete":
        await registry.modules.delete(organization_id, "gate", "camera", actor=ACTOR)
    elif end == "delete the device":
        await registry.devices.delete(organization_id, "gate", actor=ACTOR)
    else:
        await registry.devices.retire(organization_id, "gate", actor=ACTOR, reason="end of life")
        assert (await registry.modules.get(organization_id, "gate", "camera")).is_enabled
    (certificate,) = await registry.certificates.list_of(organization_id, module.generation_id)
    assert certificate.revoked_at is not None


@pytest.mark.anyio
async def test_modules_remember_when_they_connected(registry: RegistryHouse, clock: ManualClock) -> None:
    owner = await registry.device("gate")
    module = await registry.module("camera", "gate")
    both = [owner.generation_id, module.generation_id]
    await registry.store.write(lambda tx: registry.register.note_connected(tx, registry.organization_id, both))
    found = await registry.modules.get(registry.organization_id, "gate", "camera")
    assert (found.last_connected_at, found.revision) == (clock.now(), 1)
    assert (await registry.devices.get(registry.organization_id, "gate")).last_connected_at == clock.now()
