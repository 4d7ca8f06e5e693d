"""Who may register again, who is locked out, and what happens at the same time."""

from __future__ import annotations

import asyncio
import base64
import threading
from datetime import timedelta

import pytest
from identity_house import ACTOR, Answer, CredentialMode, IdentityHouse, refused

from vedette.pki import RevocationReason
from vedette.registry import AccessEffect, AccessKind, Authentication, AuthenticationType, NewDevice
from vedette.simulation import Factory, ManualClock
from vedette.trust import Lifecycle, certificate_sha256


@pytest.mark.anyio
async def test_a_lost_answer_is_asked_for_again_and_the_unused_certificate_ends(
    house: IdentityHouse, factory: Factory
) -> None:
    await house.open_group(factory)
    identity = factory.make_device("pump-7")
    first = await house.enroll(identity, "pump-7")
    again = await house.enroll(identity, "pump-7")
    assert again.status == "assigned"
    lost, good = (certificate_sha256(base64.b64decode(each.chain[0])) for each in (first, again))
    assert (await house.certificates.get(house.organization_id, lost)).revoked_at is not None
    record = await house.record("pump-7")
    assert record is not None
    assert record.credentials.value is not None
    assert [each.digest for each in record.credentials.value.certificates] == [good]
    third = await house.enroll(identity, "pump-7")
    assert third.status == "assigned"


@pytest.mark.anyio
async def test_a_device_that_an_operator_announced_is_onboarded_and_keeps_its_properties(
    house: IdentityHouse, factory: Factory
) -> None:
    await house.open_group(factory)
    announced = NewDevice(device_id="pump-7", site="south", lifecycle=Lifecycle.SHIPPED)
    created = await house.devices.create(house.organization_id, announced, actor=ACTOR)
    answer = await house.enroll(factory.make_device("pump-7"), "pump-7")
    assert answer.status == "assigned"
    device = await house.devices.get(house.organization_id, "pump-7")
    assert (device.generation_id, device.site, device.lifecycle) == (
        created.generation_id,
        "south",
        Lifecycle.ONBOARDED,
    )


@pytest.mark.anyio
async def test_an_operator_allows_one_more_enrollment_and_the_old_certificate_ends_with_it(
    house: IdentityHouse, factory: Factory
) -> None:
    await house.open_group(factory)
    identity = factory.make_device("pump-7")
    await house.enroll(identity, "pump-7")
    await house.use("pump-7")
    assert refused(await house.enroll(identity, "pump-7")) == ("already_active", 200, "failed")
    await house.locks.allow_reenrollment(house.organization_id, "pump-7", actor=ACTOR, reason="new board")
    assert (await house.enroll(identity, "pump-7")).status == "assigned"
    device = await house.devices.get(house.organization_id, "pump-7")
    assert device.lifecycle is Lifecycle.ONBOARDED
    held = await house.certificates.list_of(house.organization_id, device.generation_id)
    assert [each.revocation_reason for each in held] == [None, RevocationReason.SUPERSEDED]
    await house.use("pump-7")
    assert (await house.enroll(identity, "pump-7")).reply.reason == "already_active"


@pytest.mark.anyio
async def test_a_permit_to_enroll_again_ends_by_itself(
    house: IdentityHouse, factory: Factory, clock: ManualClock
) -> None:
    await house.open_group(factory)
    identity = factory.make_device("pump-7")
    await house.enroll(identity, "pump-7")
    await house.use("pump-7")
    hour = timedelta(hours=1)
    await house.locks.allow_reenrollment(house.organization_id, "pump-7", actor=ACTOR, reason="swap", valid_for=hour)
    clock.advance(hour)
    assert (await house.enroll(identity, "pump-7")).reply.reason == "already_active"


@pytest.mark.anyio
async def test_a_second_certificate_of_the_same_name_cannot_take_a_device_over(
    house: IdentityHouse, factory: Factory
) -> None:
    await house.open_group(factory)
    await house.enroll(factory.make_device("pump-7"), "pump-7")
    answer = await house.enroll(factory.make_device("pump-7"), "pump-7")
    assert refused(answer) == ("another_identity", 200, "failed")


@pytest.mark.anyio
async def test_a_factory_cannot_take_over_a_device_that_an_operator_pinned(
    house: IdentityHouse, factory: Factory
) -> None:
    await house.open_group(factory)
    pinned = Authentication(type=AuthenticationType.SELF_SIGNED, primary_thumbprint="a" * 64)
    await house.devices.create(house.organization_id, NewDevice(device_id="plc-1", authentication=pinned), actor=ACTOR)
    assert (await house.enroll(factory.make_device("plc-1"), "plc-1")).reply.reason == "another_identity"
    await house.locks.allow_reenrollment(house.organization_id, "plc-1", actor=ACTOR, reason="migrate")
    assert (await house.enroll(factory.make_device("plc-1"), "plc-1")).status == "assigned"
    device = await house.devices.get(house.organization_id, "plc-1")
    assert device.authentication == Authentication(type=AuthenticationType.ISSUED)


@pytest.mark.anyio
async def test_what_keeps_a_device_out_keeps_its_onboarding_identity_out(
    house: IdentityHouse, factory: Factory
) -> None:
    await house.open_group(factory)
    identity = factory.make_device("pump-7")
    await house.enroll(identity, "pump-7")
    organization_id, devices = house.organization_id, house.devices
    await devices.disable(organization_id, "pump-7", actor=ACTOR, reason="lost")
    assert refused(await house.enroll(identity, "pump-7")) == ("device_disabled", 200, "disabled")
    await devices.enable(organization_id, "pump-7", actor=ACTOR)
    await devices.move(organization_id, "pump-7", Lifecycle.QUARANTINED, actor=ACTOR, reason="odd")
    assert refused(await house.enroll(identity, "pump-7")) == ("quarantined", 200, "disabled")
    await devices.retire(organization_id, "pump-7", actor=ACTOR, reason="scrapped")
    assert refused(await house.enroll(identity, "pump-7")) == ("retired", 200, "disabled")


@pytest.mark.anyio
@pytest.mark.parametrize("reason", RevocationReason)
async def test_revoking_a_device_locks_its_onboarding_identity_until_an_operator_allows_it(
    house: IdentityHouse, factory: Factory, reason: RevocationReason
) -> None:
    await house.open_group(factory)
    identity = factory.make_device("pump-7")
    await house.enroll(identity, "pump-7")
    device = await house.devices.get(house.organization_id, "pump-7")
    await house.certificates.revoke_all(
        organization_id=house.organization_id,
        generation_id=device.generation_id,
        reason=reason,
        actor=ACTOR,
    )
    answer = await house.enroll(identity, "pump-7")
    assert refused(answer) == ("locked", 200, "disabled")
    assert "allow-reenrollment pump-7" in answer.state["errorMessage"]
    await house.locks.allow_reenrollment(house.organization_id, "pump-7", actor=ACTOR, reason="new key")
    assert (await house.enroll(identity, "pump-7")).status == "assigned"


@pytest.mark.anyio
async def test_revoking_a_device_that_uses_its_onboarding_certificate_keeps_it_out(
    house: IdentityHouse, factory: Factory
) -> None:
    until = house.clock.now() + timedelta(days=1)
    await house.open_group(factory, credential=CredentialMode.ONBOARDING, onboarding_until=until)
    identity = factory.make_device("pump-7")
    assert (await house.register_device(identity, "pump-7")).status == "assigned"
    revoked = await house.devices.revoke(
        house.organization_id, "pump-7", reason=RevocationReason.KEY_COMPROMISE, actor=ACTOR, comment="found on a forum"
    )
    assert not revoked.device.is_enabled
    record = await house.record("pump-7")
    assert record is not None
    assert record.registration.value is not None
    assert not record.registration.value.is_enabled
    await house.devices.enable(house.organization_id, "pump-7", actor=ACTOR)
    assert refused(await house.register_device(identity, "pump-7")) == ("locked", 200, "disabled")


@pytest.mark.anyio
async def test_revoking_again_ends_a_permit_that_was_given_meanwhile(house: IdentityHouse, factory: Factory) -> None:
    await house.open_group(factory)
    identity = factory.make_device("pump-7")
    await house.enroll(identity, "pump-7")
    reason = RevocationReason.KEY_COMPROMISE
    await house.devices.revoke(house.organization_id, "pump-7", reason=reason, actor=ACTOR)
    await house.locks.allow_reenrollment(house.organization_id, "pump-7", actor=ACTOR, reason="new key")
    await house.devices.revoke(house.organization_id, "pump-7", reason=reason, actor=ACTOR)
    assert refused(await house.enroll(identity, "pump-7")) == ("locked", 200, "disabled")


@pytest.mark.anyio
async def test_a_device_deleted_in_good_standing_may_come_back_as_a_new_generation(
    house: IdentityHouse, factory: Factory
) -> None:
    await house.open_group(factory)
    identity = factory.make_device("pump-7")
    await house.enroll(identity, "pump-7")
    old = await house.devices.delete(house.organization_id, "pump-7", actor=ACTOR)
    assert (await house.enroll(identity, "pump-7")).status == "assigned"
    new = await house.devices.get(house.organization_id, "pump-7")
    assert new.generation_id != old.generation_id
    held = await house.certificates.list_of(house.organization_id, new.generation_id)
    assert [each.revoked_at for each in held] == [None]
    former = await house.certificates.list_of(house.organization_id, old.generation_id)
    assert [each.revocation_reason for each in former] == [RevocationReason.CESSATION_OF_OPERATION]


@pytest.mark.anyio
async def test_a_device_deleted_while_it_was_kept_out_stays_out(house: IdentityHouse, factory: Factory) -> None:
    await house.open_group(factory)
    identity = factory.make_device("pump-7")
    await house.enroll(identity, "pump-7")
    await house.devices.disable(house.organization_id, "pump-7", actor=ACTOR, reason="stolen")
    await house.devices.delete(house.organization_id, "pump-7", actor=ACTOR)
    assert refused(await house.enroll(identity, "pump-7")) == ("locked", 200, "disabled")
    await house.locks.allow_reenrollment(house.organization_id, "pump-7", actor=ACTOR, reason="found again")
    assert (await house.enroll(identity, "pump-7")).status == "assigned"


# --- at the same time --------------------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_of_two_registrations_at_once_one_wins_and_the_other_is_told_to_try_again(
    house: IdentityHouse, factory: Factory
) -> None:
    await house.open_group(factory)
    identity = factory.make_device("pump-7")
    # Nothing is written before the others have been answered: whoever comes after the first is done is not at once.
    are_answered = threading.Event()
    held = asyncio.ensure_future(house.store.write(lambda _: are_answered.wait(25)))
    answers: list[Answer] = []
    for each in asyncio.as_completed([house.enroll(identity, "pump-7") for _ in range(4)]):
        answers.append(await each)
        if len(answers) == 3:
            are_answered.set()
    assert await held
    assert sorted(answer.reply.reason or "" for answer in answers) == ["", *["in_progress"] * 3]
    assert {answer.reply.retry_after_s for answer in answers} == {None, 3}
    device = await house.devices.get(house.organization_id, "pump-7")
    assert len(await house.certificates.list_of(house.organization_id, device.generation_id)) == 1


@pytest.mark.anyio
async def test_a_block_that_comes_between_decision_and_commit_is_obeyed(house: IdentityHouse, factory: Factory) -> None:
    await house.open_group(factory)
    identities = {name: factory.make_device(name) for name in (f"pump-{number}" for number in range(8))}
    block = house.lists.add(
        house.organization_id, AccessEffect.BLOCK, AccessKind.DEVICE_ID_PREFIX, "pump-", actor=ACTOR, reason="stop"
    )
    answers = await asyncio.gather(*(house.enroll(each, name) for name, each in identities.items()), block)
    for answer in answers[:-1]:
        assert isinstance(answer, Answer)
        if answer.status == "assigned":
            device = await house.devices.get(house.organization_id, answer.state["deviceId"])
            assert device.is_blocked
        else:
            assert answer.reply.reason == "blocked"
