"""Policies decide who enrolls, by what the enrollment makes of a device and by how it comes."""

from __future__ import annotations

import pytest
from identity_house import ACTOR, Answer, IdentityHouse

from vedette.enrollment import InitialDevice
from vedette.registry import DeviceNotFound
from vedette.simulation import Factory

pytestmark = pytest.mark.anyio

NOT_AT_NORTH = """
@id("north-is-full")
@owner("plant")
@why("No more devices at north.")
@guidance("Ask the plant.")
forbid (principal, action == Action::"enroll", resource)
when { principal has site && principal.site == "north" };
"""
NOT_BY_THIS_ENROLLMENT = """
@id("that-enrollment-is-closed")
@owner("plant")
@why("Its devices go elsewhere.")
@guidance("Use another enrollment.")
forbid (principal, action == Action::"enroll", resource)
when {{ principal.groups.contains("{enrollment_id}") && context.credential == "onboarding" }};
"""


def denied_by(answer: Answer) -> tuple[str, ...]:
    """Return the policies that refused a registration."""
    assert answer.reply.reason == "policy_denied", answer.body
    assert answer.body["status"] == "disabled"
    return answer.reply.policies


async def test_a_site_that_is_closed_by_policy_takes_no_new_device(house: IdentityHouse, factory: Factory) -> None:
    sha256 = house.policies.add(NOT_AT_NORTH)
    await house.open_group(factory, initial=InitialDevice(site="north"))
    answer = await house.enroll(factory.make_device("pump-7"), "pump-7")
    assert denied_by(answer) == ("north-is-full",)
    assert answer.reply.bundle_sha256 == sha256
    assert "north-is-full" in answer.state["errorMessage"]
    assert answer.chain == []
    with pytest.raises(DeviceNotFound):
        await house.devices.get(house.organization_id, "pump-7")


async def test_policies_know_the_enrollment_and_the_proof(house: IdentityHouse, factory: Factory) -> None:
    enrollment = await house.open_group(factory)
    assert (await house.enroll(factory.make_device("pump-1"), "pump-1")).status == "assigned"
    house.policies.add(NOT_BY_THIS_ENROLLMENT.format(enrollment_id=enrollment.enrollment_id))
    assert denied_by(await house.enroll(factory.make_device("pump-2"), "pump-2")) == ("that-enrollment-is-closed",)


async def test_what_was_said_of_one_newcomer_holds_for_those_alike_only(house: IdentityHouse, factory: Factory) -> None:
    house.policies.add(NOT_AT_NORTH)
    enrollment = await house.open_group(factory, initial=InitialDevice(site="south"))
    for name in ("pump-1", "pump-2"):
        assert (await house.enroll(factory.make_device(name), name)).status == "assigned"
    await house.enrollments.update(
        house.organization_id, enrollment.enrollment_id, {"initial": {"site": "north"}}, actor=ACTOR
    )
    for name in ("pump-3", "pump-4"):
        assert denied_by(await house.enroll(factory.make_device(name), name)) == ("north-is-full",)


async def test_a_connection_that_nobody_vouches_for_is_denied(house: IdentityHouse, factory: Factory) -> None:
    await house.open_group(factory)
    house.tls_version = ""
    assert denied_by(await house.enroll(factory.make_device("pump-7"), "pump-7")) == ("tls-1.2-at-least",)
    house.tls_version = "TLSv1.2"
    assert (await house.enroll(factory.make_device("pump-7"), "pump-7")).status == "assigned"
