"""A known device registers again: its twin kept, set back, or only its assignment told; and what it is given first."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from identity_house import ACTOR, CredentialMode, IdentityHouse, leaf_sha256, refused

from vedette.enrollment import InitialDevice, ReprovisionPolicy
from vedette.kernel import GenerationId
from vedette.registry import Twin
from vedette.simulation import Factory, ManualClock, make_request

INITIAL = InitialDevice(tags={"line": "A"}, desired={"interval_s": 10, "limits": {"high": 4}})


async def open_boot_group(house: IdentityHouse, factory: Factory, **changes: Any) -> None:
    """Let devices register at each boot, with the certificate they have."""
    until = house.clock.now() + timedelta(days=2)
    await house.open_group(factory, credential=CredentialMode.ONBOARDING, onboarding_until=until, **changes)


async def twin(house: IdentityHouse, device_id: str = "pump-7") -> Twin:
    return await house.twins.get(house.organization_id, device_id)


async def work(house: IdentityHouse) -> GenerationId:
    """Change the twin as a running device and its operator do."""
    device = await house.devices.get(house.organization_id, "pump-7")
    await house.twins.report(device.organization_id, device.generation_id, b'{"firmware":"2.1"}')
    wish = {"interval_s": 60, "extra": True}
    await house.twins.patch(house.organization_id, "pump-7", tags={"owner": "red"}, desired=wish, actor=ACTOR)
    return device.generation_id


@pytest.mark.anyio
async def test_a_new_device_gets_its_initial_twin_in_the_act_that_creates_it(
    house: IdentityHouse, factory: Factory
) -> None:
    await house.open_group(factory, initial=INITIAL)
    before = await house.ledger.size(house.organization_id)
    answer = await house.enroll(factory.make_device("pump-7"), "pump-7")
    assert answer.state["substatus"] == "initialAssignment"
    made = await twin(house)
    assert made.desired.document() == {"interval_s": 10, "limits": {"high": 4}, "$version": 1}
    assert made.tags == {"line": "A"}
    assert await house.ledger.size(house.organization_id) == before + 3


@pytest.mark.anyio
async def test_keep_leaves_the_twin_alone(house: IdentityHouse, factory: Factory) -> None:
    await open_boot_group(house, factory, initial=INITIAL)
    identity = factory.make_device("pump-7")
    await house.register_device(identity, "pump-7")
    await work(house)
    before = await twin(house)
    answer = await house.register_device(identity, "pump-7")
    assert answer.state["substatus"] == "deviceDataMigrated"
    assert await twin(house) == before


@pytest.mark.anyio
async def test_reset_sets_the_twin_back_to_the_initial_one(house: IdentityHouse, factory: Factory) -> None:
    await open_boot_group(house, factory, initial=INITIAL, reprovision_policy=ReprovisionPolicy.RESET)
    identity = factory.make_device("pump-7")
    await house.register_device(identity, "pump-7")
    generation_id = await work(house)
    answer = await house.register_device(identity, "pump-7")
    assert answer.state["substatus"] == "deviceDataReset"
    after = await twin(house)
    assert after.generation_id == generation_id
    assert after.desired.values == INITIAL.desired
    assert after.reported.values == {}
    assert after.tags == {"line": "A"}
    assert (after.desired.version, after.reported.version) == (3, 3)


@pytest.mark.anyio
async def test_reset_of_what_is_as_it_was_writes_nothing(house: IdentityHouse, factory: Factory) -> None:
    await open_boot_group(house, factory, initial=INITIAL, reprovision_policy=ReprovisionPolicy.RESET)
    identity = factory.make_device("pump-7")
    await house.register_device(identity, "pump-7")
    size, before = await house.ledger.size(house.organization_id), await twin(house)
    answer = await house.register_device(identity, "pump-7")
    assert (answer.status, answer.state["substatus"]) == ("assigned", "deviceDataReset")
    assert await house.ledger.size(house.organization_id) == size
    assert await twin(house) == before


@pytest.mark.anyio
async def test_reset_waits_for_a_permit_where_certificates_are_issued(house: IdentityHouse, factory: Factory) -> None:
    await house.open_group(factory, initial=INITIAL, reprovision_policy=ReprovisionPolicy.RESET)
    identity = factory.make_device("pump-7")
    await house.enroll(identity, "pump-7")
    await house.use("pump-7")
    await work(house)
    before = await twin(house)
    assert refused(await house.enroll(identity, "pump-7")) == ("already_active", 200, "failed")
    assert await twin(house) == before
    await house.locks.allow_reenrollment(house.organization_id, "pump-7", actor=ACTOR, reason="new board")
    answer = await house.enroll(identity, "pump-7")
    assert answer.state["substatus"] == "deviceDataReset"
    assert (await twin(house)).desired.values == INITIAL.desired


@pytest.mark.anyio
async def test_never_tells_the_assignment_and_changes_nothing(
    house: IdentityHouse, factory: Factory, clock: ManualClock
) -> None:
    await open_boot_group(house, factory, initial=INITIAL, reprovision_policy=ReprovisionPolicy.NEVER)
    identity = factory.make_device("pump-7")
    await house.register_device(identity, "pump-7")
    await work(house)
    size, before = await house.ledger.size(house.organization_id), await twin(house)
    clock.advance(timedelta(days=3))
    answer = await house.register_device(identity, "pump-7")
    assert (answer.status, answer.state["substatus"]) == ("assigned", "reprovisionedToInitialAssignment")
    assert answer.state["deviceId"] == "pump-7"
    assert await house.ledger.size(house.organization_id) == size
    assert await twin(house) == before


@pytest.mark.anyio
async def test_never_hands_out_the_certificate_on_record_and_no_other(house: IdentityHouse, factory: Factory) -> None:
    await house.open_group(factory, reprovision_policy=ReprovisionPolicy.NEVER)
    identity, csr = factory.make_device("pump-7"), make_request("pump-7")[1]
    first = await house.register_device(identity, "pump-7", csr=csr)
    assert first.state["substatus"] == "initialAssignment"
    # Its answer was lost: the certificate is of use to the holder of its key alone.
    for answer in (
        await house.register_device(identity, "pump-7", csr=csr),
        await house.register_device(identity, "pump-7"),
    ):
        assert answer.state["substatus"] == "reprovisionedToInitialAssignment"
        assert answer.chain == first.chain
    assert refused(await house.enroll(identity, "pump-7")) == ("never_reprovisioned", 200, "failed")
    await house.use("pump-7")
    assert (await house.register_device(identity, "pump-7")).chain == first.chain
    device = await house.devices.get(house.organization_id, "pump-7")
    assert len(await house.certificates.list_of(house.organization_id, device.generation_id)) == 1


@pytest.mark.anyio
async def test_never_tells_a_locked_or_disabled_device_nothing(house: IdentityHouse, factory: Factory) -> None:
    await house.open_group(factory, reprovision_policy=ReprovisionPolicy.NEVER)
    identity = factory.make_device("pump-7")
    await house.enroll(identity, "pump-7")
    await house.devices.disable(house.organization_id, "pump-7", actor=ACTOR, reason="stolen")
    answer = await house.register_device(identity, "pump-7")
    assert refused(answer) == ("device_disabled", 200, "disabled")
    assert "assignedHub" not in answer.state


@pytest.mark.anyio
async def test_a_devices_own_words_are_kept_with_its_registration(house: IdentityHouse, factory: Factory) -> None:
    enrollment = await house.open_group(factory, payload={"wifi": {"ssid": "plant"}})
    csr = make_request("pump-7")[1]
    told = {"model": "X", "modules": [1, None]}
    answer = await house.register_device(factory.make_device("pump-7"), "pump-7", csr=csr, payload=told)
    assert answer.state["payload"]["wifi"] == {"ssid": "plant"}
    assert answer.state["payload"]["issuedCertificateChain"] == answer.chain
    ((kept,), _) = await house.enrollments.registrations(house.organization_id, enrollment.enrollment_id)
    assert json.loads(kept.payload) == told
    assert kept.payload_bytes == len(kept.payload)


@pytest.mark.anyio
@pytest.mark.parametrize(("length", "is_kept"), [(8_190, True), (8_191, False)])
async def test_words_beyond_a_limit_are_counted_and_not_kept(
    house: IdentityHouse, factory: Factory, length: int, *, is_kept: bool
) -> None:
    enrollment = await house.open_group(factory)
    csr = make_request("pump-7")[1]
    await house.register_device(factory.make_device("pump-7"), "pump-7", csr=csr, payload="x" * length)
    ((kept,), _) = await house.enrollments.registrations(house.organization_id, enrollment.enrollment_id)
    assert (len(kept.payload), kept.payload_bytes) == (length + 2 if is_kept else 0, length + 2)


@pytest.mark.anyio
async def test_another_certificate_of_the_name_learns_nothing(house: IdentityHouse, factory: Factory) -> None:
    await house.open_group(factory, reprovision_policy=ReprovisionPolicy.NEVER)
    identity = factory.make_device("pump-7")
    await house.enroll(identity, "pump-7")
    other = factory.make_device("pump-7")
    assert leaf_sha256(other) != leaf_sha256(identity)
    assert refused(await house.register_device(other, "pump-7")) == ("another_identity", 200, "failed")
