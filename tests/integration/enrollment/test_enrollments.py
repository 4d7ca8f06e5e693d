"""Enrollments on real databases: unique claims, revisions, cursors, and their record."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from identity_house import ACTOR, CredentialMode, IdentityHouse

from vedette.enrollment import (
    EnrollmentChangedMeanwhile,
    EnrollmentExists,
    EnrollmentKind,
    EnrollmentNotFound,
    InitialDevice,
    InvalidEnrollment,
    NewEnrollment,
    RegistrationNotFound,
)
from vedette.kernel import AuthorityId
from vedette.pki import AuthorityNotFound, AuthorityScope
from vedette.registry import ClockJumped, InvalidFilter, NewDevice, ReasonMissing
from vedette.simulation import Factory, ManualClock
from vedette.trust import FailureMode


@pytest.mark.anyio
async def test_an_enrollment_is_kept_with_all_its_properties(
    house: IdentityHouse, factory: Factory, clock: ManualClock
) -> None:
    initial = InitialDevice(
        device_class="plc",
        identity_class="virtual",
        failure_mode=FailureMode.ESSENTIAL,
        hold_s=10,
        site="north",
        zone="cell-1",
        purdue_level="1",
        tags={"a": {"b": [1, "x"]}},
    )
    created = await house.open_group(
        factory,
        id_pattern="pump-*",
        lifetime=timedelta(days=7),
        credential=CredentialMode.ONBOARDING,
        onboarding_until=clock.now() + timedelta(days=1),
        initial=initial,
    )
    assert await house.enrollments.get(house.organization_id, created.enrollment_id) == created
    entry = (await house.ledger.entries(house.organization_id, limit=1000))[-1]
    assert (entry.action, entry.target, entry.actor) == (
        "enrollment.create_enrollment",
        created.enrollment_id,
        ACTOR,
    )


@pytest.mark.anyio
async def test_an_authority_must_be_known_and_verified_before_a_group_relies_on_it(
    house: IdentityHouse, factory: Factory
) -> None:
    unknown = NewEnrollment(name="g", kind=EnrollmentKind.GROUP, authority_id=AuthorityId("ath_" + "0" * 26))
    with pytest.raises(AuthorityNotFound):
        await house.enrollments.create(house.organization_id, unknown, actor=ACTOR)
    authority = await house.authorities.register(
        organization_id=house.organization_id,
        certificate=factory.root.public_bytes(Encoding.DER),
        name="factory",
        scope=AuthorityScope(),
        actor=ACTOR,
    )
    unproved = NewEnrollment(name="g", kind=EnrollmentKind.GROUP, authority_id=authority.authority_id)
    with pytest.raises(InvalidEnrollment):
        await house.enrollments.create(house.organization_id, unproved, actor=ACTOR)


@pytest.mark.anyio
async def test_a_claim_belongs_to_one_enrollment(house: IdentityHouse, factory: Factory) -> None:
    group = await house.open_group(factory)
    first, second = factory.make_device("a"), factory.make_device("b")
    await house.pin(first, "a")
    again = NewEnrollment(name="other", kind=EnrollmentKind.GROUP, authority_id=group.authority_id)
    with pytest.raises(EnrollmentExists):
        await house.enrollments.create(house.organization_id, again, actor=ACTOR)
    for identity, registration_id, changes in (
        (second, "A", {"name": "same id"}),
        (first, "c", {"name": "same certificate"}),
        (second, "d", {"name": "same certificate in second place", "secondary_sha256": "f" * 64}),
        (second, "e", {"name": "line"}),
    ):
        if "second place" in changes["name"]:
            await house.pin(second, "z", secondary_sha256="f" * 64)
        with pytest.raises(EnrollmentExists):
            await house.pin(identity, registration_id, **changes)


@pytest.mark.anyio
async def test_a_patch_over_an_old_revision_is_refused_and_one_without_effect_counts_for_nothing(
    house: IdentityHouse, factory: Factory
) -> None:
    entry = await house.open_group(factory)
    update = house.enrollments.update
    changed = await update(house.organization_id, entry.enrollment_id, {"name": "line 2"}, actor=ACTOR, if_match=1)
    assert (changed.revision, changed.etag) == (2, '"2"')
    with pytest.raises(EnrollmentChangedMeanwhile):
        await update(house.organization_id, entry.enrollment_id, {"name": "x"}, actor=ACTOR, if_match=1)
    same = await update(house.organization_id, entry.enrollment_id, {"name": "line 2"}, actor=ACTOR)
    assert same.revision == 2
    with pytest.raises(EnrollmentChangedMeanwhile):
        await house.enrollments.delete(house.organization_id, entry.enrollment_id, actor=ACTOR, if_match=1)
    await house.enrollments.delete(house.organization_id, entry.enrollment_id, actor=ACTOR, if_match=2)
    with pytest.raises(EnrollmentNotFound):
        await house.enrollments.get(house.organization_id, entry.enrollment_id)


@pytest.mark.anyio
async def test_lists_go_by_cursor_and_kind(house: IdentityHouse, factory: Factory, clock: ManualClock) -> None:
    made = []
    for number in range(5):
        made.append((await house.pin(factory.make_device(f"d{number}"), f"d{number}")).enrollment_id)
        clock.advance(timedelta(milliseconds=1))
    await house.open_group(factory)
    individual = EnrollmentKind.INDIVIDUAL
    page, after = await house.enrollments.list(house.organization_id, limit=3, kind=individual)
    rest, end = await house.enrollments.list(house.organization_id, limit=3, after=after or "", kind=individual)
    assert [each.enrollment_id for each in [*page, *rest]] == made
    assert end is None
    for limit in (0, 1001):
        with pytest.raises(InvalidFilter):
            await house.enrollments.list(house.organization_id, limit=limit)


@pytest.mark.anyio
async def test_who_registered_through_an_enrollment_is_listed(house: IdentityHouse, factory: Factory) -> None:
    group = await house.open_group(factory)
    for name in ("pump-2", "pump-1", "pump-3"):
        await house.enroll(factory.make_device(name), name)
    page, after = await house.enrollments.registrations(house.organization_id, group.enrollment_id, limit=2)
    rest, _ = await house.enrollments.registrations(
        house.organization_id, group.enrollment_id, limit=2, after=after or ""
    )
    assert [each.registration_id for each in [*page, *rest]] == ["pump-1", "pump-2", "pump-3"]


@pytest.mark.anyio
async def test_a_jumped_clock_holds_what_widens_and_lets_disable(
    house: IdentityHouse, factory: Factory, clock: ManualClock
) -> None:
    entry = await house.open_group(factory)
    clock.jump(timedelta(hours=1))
    update = house.enrollments.update
    disabled = await update(house.organization_id, entry.enrollment_id, {"is_enabled": False}, actor=ACTOR)
    assert not disabled.is_enabled
    for widening in (
        update(house.organization_id, entry.enrollment_id, {"is_enabled": True}, actor=ACTOR),
        house.pin(factory.make_device("a"), "a"),
        house.locks.allow_reenrollment(house.organization_id, "pump-7", actor=ACTOR, reason="x"),
    ):
        with pytest.raises(ClockJumped):
            await widening
    await house.enrollments.delete(house.organization_id, entry.enrollment_id, actor=ACTOR)


@pytest.mark.anyio
async def test_a_permit_needs_a_device_a_reason_and_an_end(house: IdentityHouse) -> None:
    allow = house.locks.allow_reenrollment
    with pytest.raises(RegistrationNotFound):
        await allow(house.organization_id, "ghost", actor=ACTOR, reason="x")
    await house.devices.create(house.organization_id, NewDevice(device_id="pump-7"), actor=ACTOR)
    with pytest.raises(ReasonMissing):
        await allow(house.organization_id, "pump-7", actor=ACTOR, reason="")
    for odd in (timedelta(), timedelta(days=31)):
        with pytest.raises(InvalidEnrollment):
            await allow(house.organization_id, "pump-7", actor=ACTOR, reason="x", valid_for=odd)
    permitted = await allow(house.organization_id, "pump-7", actor=ACTOR, reason="x")
    assert permitted.permit_until == house.clock.now() + timedelta(hours=24)
    assert await house.locks.registration_of(house.organization_id, "pump-7") == permitted
    await house.devices.create(house.organization_id, NewDevice(device_id="a=b"), actor=ACTOR)
    with pytest.raises(InvalidEnrollment):
        await allow(house.organization_id, "a=b", actor=ACTOR, reason="x")
    await house.devices.create(house.organization_id, NewDevice(device_id="PUMP-7"), actor=ACTOR)
    with pytest.raises(InvalidEnrollment):
        await allow(house.organization_id, "PUMP-7", actor=ACTOR, reason="x")
