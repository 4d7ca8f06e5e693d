"""Registrations that an operator lets in: bound to what was shown, good once, kept across restarts."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from identity_house import ACTOR, Answer, IdentityHouse, RunningSigner, leaf_sha256, refused

from vedette.enrollment import (
    Approval,
    CredentialMode,
    EnrollmentClosed,
    PendingRegistration,
    PendingRegistrationChanged,
    PendingRegistrationNotFound,
    PendingState,
    WaitingLimits,
)
from vedette.enrollment.waiting import REPLACED_EVERY
from vedette.protocols.dps import encode_registration
from vedette.registry import NewDevice, ReasonMissing
from vedette.simulation import Factory, ManualClock, make_request
from vedette.store import Store
from vedette.trust import Lifecycle

REQUIRED: dict[str, Any] = {"approval": Approval.REQUIRED}


async def waiting(house: IdentityHouse, registration_id: str = "pump-7") -> PendingRegistration:
    return await house.approvals.get(house.organization_id, registration_id)


async def approve(house: IdentityHouse, registration_id: str = "pump-7") -> PendingRegistration:
    shown = await waiting(house, registration_id)
    return await house.approvals.approve(
        house.organization_id, registration_id, binding_sha256=shown.binding_sha256, actor=ACTOR, reason="ours"
    )


async def reject(house: IdentityHouse, registration_id: str = "pump-7") -> PendingRegistration:
    return await house.approvals.reject(house.organization_id, registration_id, actor=ACTOR, reason="not ours")


def is_put_off(answer: Answer) -> bool:
    assert answer.reply.reason is None
    return (answer.reply.status, answer.status) == (202, "assigning")


@pytest.mark.anyio
async def test_a_device_waits_until_an_operator_lets_it_in(house: IdentityHouse, factory: Factory) -> None:
    await house.open_group(factory, **REQUIRED)
    identity, csr = factory.make_device("pump-7"), make_request("pump-7")[1]
    first = await house.register_device(identity, "pump-7", csr=csr)
    assert is_put_off(first)
    assert first.reply.retry_after_s == 5
    operation_id = first.body["operationId"]
    assert is_put_off(await house.register_device(identity, "pump-7", operation_id=operation_id))
    assert await house.record("pump-7") is None
    await approve(house)
    answer = await house.register_device(identity, "pump-7", operation_id=operation_id)
    assert (answer.status, answer.state["deviceId"]) == ("assigned", "pump-7")
    assert answer.body["operationId"] == operation_id
    assert len(answer.chain) == 3
    assert (await house.devices.get(house.organization_id, "pump-7")).lifecycle is Lifecycle.ONBOARDED
    with pytest.raises(PendingRegistrationNotFound):
        await waiting(house)


@pytest.mark.anyio
async def test_an_operator_is_shown_all_that_a_decision_needs(
    house: IdentityHouse, factory: Factory, clock: ManualClock
) -> None:
    enrollment = await house.open_group(factory, **REQUIRED)
    identity, csr = factory.make_device("pump-7"), make_request("pump-7")[1]
    text = {"csr": base64.b64encode(csr).decode(), "model": "\x1b[2JX"}
    await house.register_device(identity, "pump-7", payload=text)
    ((shown,), following) = await house.approvals.list(house.organization_id, state=PendingState.PENDING)
    assert following is None
    assert (shown.registration_id, shown.device_id) == ("pump-7", "pump-7")
    assert shown.enrollment_id == enrollment.enrollment_id
    assert (shown.onboarding_sha256, shown.subject) == (leaf_sha256(identity), "CN=pump-7")
    assert "Acme" in shown.issuer
    assert shown.csr == csr
    assert shown.payload == '{"model":"\\u001b[2JX"}'
    assert (shown.gateway, shown.remote_address) == ("gateway-1", "127.0.0.1")
    assert (shown.requested_at, shown.expires_at) == (clock.now(), clock.now() + timedelta(hours=24))


@pytest.mark.anyio
async def test_each_step_is_on_record_with_who_took_it(house: IdentityHouse, factory: Factory) -> None:
    await house.open_group(factory, **REQUIRED)
    before = await house.ledger.size(house.organization_id)
    identity, csr = factory.make_device("pump-7"), make_request("pump-7")[1]
    await house.register_device(identity, "pump-7", csr=csr)
    await house.register_device(identity, "pump-7", csr=csr)
    shown = await approve(house)
    await approve(house)
    await house.register_device(identity, "pump-7", csr=csr)
    entries = await house.ledger.entries(house.organization_id, after=before)
    assert [(entry.action, entry.actor.kind) for entry in entries] == [
        ("enrollment.request_approval", "device"),
        ("enrollment.approve_registration", "operator"),
        ("registry.create_device", "device"),
        ("pki.issue_certificate", "device"),
        ("enrollment.register_device", "device"),
    ]
    assert entries[1].reason == "ours"
    assert entries[1].details["binding_sha256"] == shown.binding_sha256
    assert "ops" in entries[-1].reason


@pytest.mark.anyio
async def test_an_approval_is_for_the_key_that_was_shown(
    house: IdentityHouse, factory: Factory, clock: ManualClock
) -> None:
    await house.open_group(factory, **REQUIRED)
    identity = factory.make_device("pump-7")
    await house.enroll(identity, "pump-7")
    shown = await waiting(house)
    another = make_request("pump-7")[1]
    assert refused(await house.register_device(identity, "pump-7", csr=another)) == ("in_progress", 429, "429001")
    clock.advance(REPLACED_EVERY)
    assert is_put_off(await house.register_device(identity, "pump-7", csr=another))
    with pytest.raises(PendingRegistrationChanged):
        await house.approvals.approve(house.organization_id, "pump-7", binding_sha256=shown.binding_sha256, actor=ACTOR)
    await approve(house)
    clock.advance(REPLACED_EVERY)
    assert is_put_off(await house.enroll(identity, "pump-7"))
    assert (await waiting(house)).state is PendingState.PENDING
    assert await house.record("pump-7") is None


@pytest.mark.anyio
async def test_an_operation_belongs_to_the_certificate_that_began_it(house: IdentityHouse, factory: Factory) -> None:
    await house.open_group(factory, **REQUIRED)
    identity, other = factory.make_device("pump-7"), factory.make_device("pump-7")
    operation_id = (await house.enroll(identity, "pump-7")).body["operationId"]
    assert refused(await house.enroll(other, "pump-7")) == ("another_waits", 200, "failed")
    await approve(house)
    foreign = await house.register_device(other, "pump-7", operation_id=operation_id)
    assert refused(foreign) == ("unknown_operation", 404, "404001")
    assert await house.record("pump-7") is None


@pytest.mark.anyio
async def test_a_lost_answer_is_given_again_and_a_used_approval_is_used(house: IdentityHouse, factory: Factory) -> None:
    await house.open_group(factory, **REQUIRED)
    identity, csr = factory.make_device("pump-7"), make_request("pump-7")[1]
    operation_id = (await house.register_device(identity, "pump-7", csr=csr)).body["operationId"]
    await approve(house)
    first = await house.register_device(identity, "pump-7", operation_id=operation_id)
    again = await house.register_device(identity, "pump-7", operation_id=operation_id)
    assert again.chain == first.chain
    # The same request once more is the one that was approved; with another key it is another.
    assert (await house.register_device(identity, "pump-7", csr=csr)).status == "assigned"
    assert is_put_off(await house.enroll(identity, "pump-7"))
    await house.use("pump-7")
    assert (await house.enroll(identity, "pump-7")).reply.reason == "already_active"


@pytest.mark.anyio
async def test_a_rejected_device_is_told_so_until_an_operator_thinks_again(
    house: IdentityHouse, factory: Factory, clock: ManualClock
) -> None:
    await house.open_group(factory, **REQUIRED)
    identity, csr = factory.make_device("pump-7"), make_request("pump-7")[1]
    operation_id = (await house.register_device(identity, "pump-7", csr=csr)).body["operationId"]
    with pytest.raises(ReasonMissing):
        await house.approvals.reject(house.organization_id, "pump-7", actor=ACTOR, reason=" ")
    await reject(house)
    poll = await house.register_device(identity, "pump-7", operation_id=operation_id)
    assert refused(poll) == ("rejected", 200, "failed")
    assert "not ours" not in poll.state["errorMessage"]
    clock.advance(REPLACED_EVERY)
    assert refused(await house.enroll(identity, "pump-7")) == ("rejected", 200, "failed")
    await approve(house)
    assert (await house.register_device(identity, "pump-7", csr=csr)).status == "assigned"


@pytest.mark.anyio
async def test_an_approval_that_was_not_used_can_be_taken_back(house: IdentityHouse, factory: Factory) -> None:
    await house.open_group(factory, **REQUIRED)
    identity, csr = factory.make_device("pump-7"), make_request("pump-7")[1]
    await house.register_device(identity, "pump-7", csr=csr)
    await approve(house)
    await reject(house)
    assert refused(await house.register_device(identity, "pump-7", csr=csr)) == ("rejected", 200, "failed")


@pytest.mark.anyio
async def test_the_genuine_device_may_ask_after_the_wrong_one_was_rejected(
    house: IdentityHouse, factory: Factory
) -> None:
    await house.open_group(factory, **REQUIRED)
    wrong, genuine = factory.make_device("pump-7"), factory.make_device("pump-7")
    await house.enroll(wrong, "pump-7")
    await reject(house)
    assert is_put_off(await house.enroll(genuine, "pump-7"))
    assert (await waiting(house)).onboarding_sha256 == leaf_sha256(genuine)
    assert (await house.enroll(wrong, "pump-7")).reply.reason == "another_waits"


@pytest.mark.anyio
async def test_a_wait_ends_and_so_does_an_operators_word(
    house: IdentityHouse, factory: Factory, clock: ManualClock
) -> None:
    await house.open_group(factory, **REQUIRED, approval_timeout=timedelta(hours=2))
    identity, csr = factory.make_device("pump-7"), make_request("pump-7")[1]
    operation_id = (await house.register_device(identity, "pump-7", csr=csr)).body["operationId"]
    clock.advance(timedelta(hours=2))
    poll = await house.register_device(identity, "pump-7", operation_id=operation_id)
    assert refused(poll) == ("approval_expired", 200, "failed")
    with pytest.raises(PendingRegistrationNotFound):
        await approve(house)
    assert is_put_off(await house.register_device(identity, "pump-7", csr=csr))
    await approve(house)
    clock.advance(timedelta(hours=2))
    assert is_put_off(await house.register_device(identity, "pump-7", csr=csr))
    assert (await waiting(house)).state is PendingState.PENDING


@pytest.mark.anyio
async def test_an_approval_skips_no_other_check(house: IdentityHouse, factory: Factory) -> None:
    enrollment = await house.open_group(factory, **REQUIRED)
    identity, csr = factory.make_device("pump-7"), make_request("pump-7")[1]
    operation_id = (await house.register_device(identity, "pump-7", csr=csr)).body["operationId"]
    await approve(house)
    await house.enrollments.update(house.organization_id, enrollment.enrollment_id, {"is_enabled": False}, actor=ACTOR)
    poll = await house.register_device(identity, "pump-7", operation_id=operation_id)
    assert refused(poll) == ("enrollment_disabled", 200, "disabled")
    shown = await waiting(house)
    with pytest.raises(EnrollmentClosed):
        await house.approvals.approve(house.organization_id, "pump-7", binding_sha256=shown.binding_sha256, actor=ACTOR)


@pytest.mark.anyio
async def test_a_request_that_breaks_a_rule_is_refused_and_troubles_nobody(
    house: IdentityHouse, factory: Factory
) -> None:
    await house.open_group(factory, **REQUIRED)
    answer = await house.register_device(factory.make_device("pump-7"), "pump-7", csr=make_request("pump-8")[1])
    assert refused(answer) == ("csr_refused", 400, "400040")
    assert (await house.register_device(factory.make_device("pump-9"), "pump-9")).reply.reason == "csr_missing"
    assert await house.approvals.list(house.organization_id) == ([], None)


@pytest.mark.anyio
async def test_a_known_device_that_boots_needs_no_operator(
    house: IdentityHouse, factory: Factory, clock: ManualClock
) -> None:
    until = clock.now() + timedelta(days=2)
    await house.open_group(factory, **REQUIRED, credential=CredentialMode.ONBOARDING, onboarding_until=until)
    identity = factory.make_device("pump-7")
    assert is_put_off(await house.register_device(identity, "pump-7"))
    await approve(house)
    assert (await house.register_device(identity, "pump-7")).status == "assigned"
    await house.use("pump-7")
    assert (await house.register_device(identity, "pump-7")).status == "assigned"


@pytest.mark.anyio
async def test_what_was_approved_is_not_the_next_holder_of_the_name(
    house: IdentityHouse, factory: Factory, clock: ManualClock
) -> None:
    until = clock.now() + timedelta(days=2)
    await house.open_group(factory, **REQUIRED, credential=CredentialMode.ONBOARDING, onboarding_until=until)
    identity = factory.make_device("pump-7")
    assert is_put_off(await house.register_device(identity, "pump-7"))
    await approve(house)
    assert (await house.register_device(identity, "pump-7")).status == "assigned"
    await house.devices.delete(house.organization_id, "pump-7", actor=ACTOR)
    await house.devices.create(house.organization_id, NewDevice(device_id="pump-7"), actor=ACTOR)
    assert is_put_off(await house.register_device(identity, "pump-7"))


@pytest.mark.anyio
async def test_a_permit_opens_what_is_closed_and_an_operator_still_looks_at_the_key(
    house: IdentityHouse, factory: Factory
) -> None:
    await house.open_group(factory, **REQUIRED)
    identity, csr = factory.make_device("pump-7"), make_request("pump-7")[1]
    await house.register_device(identity, "pump-7", csr=csr)
    await approve(house)
    await house.register_device(identity, "pump-7", csr=csr)
    await house.use("pump-7")
    await house.locks.allow_reenrollment(house.organization_id, "pump-7", actor=ACTOR, reason="new board")
    fresh = make_request("pump-7")[1]
    assert is_put_off(await house.register_device(identity, "pump-7", csr=fresh))
    await approve(house)
    assert (await house.register_device(identity, "pump-7", csr=fresh)).status == "assigned"


@pytest.mark.anyio
async def test_deleting_an_enrollment_ends_all_waits_for_it(house: IdentityHouse, factory: Factory) -> None:
    enrollment = await house.open_group(factory, **REQUIRED)
    identity = factory.make_device("pump-7")
    operation_id = (await house.enroll(identity, "pump-7")).body["operationId"]
    await house.enrollments.delete(house.organization_id, enrollment.enrollment_id, actor=ACTOR, reason="done")
    assert await house.approvals.list(house.organization_id) == ([], None)
    poll = await house.register_device(identity, "pump-7", operation_id=operation_id)
    assert poll.reply.reason in {"no_enrollment", "chain_not_trusted"}


@pytest.fixture(params=[WaitingLimits(per_enrollment=2), WaitingLimits(altogether=2)], ids=["each", "all"])
async def small_house(
    request: pytest.FixtureRequest, store: Store, signer_process: RunningSigner, clock: ManualClock
) -> AsyncIterator[IdentityHouse]:
    opened = IdentityHouse(store, signer_process, clock, waiting=request.param)
    await opened.administrator.start()
    yield opened
    await opened.close()


@pytest.mark.anyio
async def test_as_many_wait_as_operators_can_look_at(
    small_house: IdentityHouse, factory: Factory, clock: ManualClock
) -> None:
    house = small_house
    await house.open_group(factory, **REQUIRED)
    for name in ("pump-1", "pump-2"):
        assert is_put_off(await house.enroll(factory.make_device(name), name))
        clock.advance(timedelta(seconds=1))
    full = await house.enroll(factory.make_device("pump-3"), "pump-3")
    assert refused(full) == ("too_many_pending", 429, "429001")
    assert full.reply.retry_after_s == 60
    page, following = await house.approvals.list(house.organization_id, limit=1)
    assert [each.registration_id for each in page] == ["pump-1"]
    assert following is not None
    page, following = await house.approvals.list(house.organization_id, limit=1, after=following)
    assert ([each.registration_id for each in page], following) == (["pump-2"], None)
    clock.advance(timedelta(hours=24))
    assert is_put_off(await house.enroll(factory.make_device("pump-3"), "pump-3"))


@pytest.mark.anyio
async def test_a_wait_outlives_a_restart_of_control(
    house: IdentityHouse, factory: Factory, signer_process: RunningSigner
) -> None:
    await house.open_group(factory, **REQUIRED)
    identity, csr = factory.make_device("pump-7"), make_request("pump-7")[1]
    operation_id = (await house.register_device(identity, "pump-7", csr=csr)).body["operationId"]
    await approve(house)
    again = IdentityHouse(house.store, signer_process, house.clock)
    await again.administrator.start()
    answer = await again.register_device(identity, "pump-7", operation_id=operation_id)
    assert answer.status == "assigned"
    await again.close()


@pytest.mark.anyio
async def test_a_device_is_told_to_ask_less_often_when_nobody_comes(
    house: IdentityHouse, factory: Factory, clock: ManualClock
) -> None:
    await house.open_group(factory, **REQUIRED)
    identity = factory.make_device("pump-7")
    operation_id = (await house.enroll(identity, "pump-7")).body["operationId"]
    pauses = []
    for _ in range(4):
        pauses.append((await house.register_device(identity, "pump-7", operation_id=operation_id)).reply.retry_after_s)
        clock.advance(timedelta(minutes=7))
    assert pauses == [5, 15, 15, 30]


@pytest.mark.anyio
async def test_who_waits_is_let_in_when_nobody_is_asked_any_more(house: IdentityHouse, factory: Factory) -> None:
    enrollment = await house.open_group(factory, **REQUIRED)
    identity, other = factory.make_device("pump-7"), factory.make_device("pump-8")
    operation_id = (await house.enroll(identity, "pump-7")).body["operationId"]
    rejected = (await house.enroll(other, "pump-8")).body["operationId"]
    await reject(house, "pump-8")
    await house.enrollments.update(
        house.organization_id, enrollment.enrollment_id, {"approval": "none"}, actor=ACTOR, reason="pilot is over"
    )
    answer = await house.register_device(identity, "pump-7", operation_id=operation_id)
    assert (answer.status, answer.body["operationId"]) == ("assigned", operation_id)
    with pytest.raises(PendingRegistrationNotFound):
        await waiting(house)
    poll = await house.register_device(other, "pump-8", operation_id=rejected)
    assert refused(poll) == ("rejected", 200, "failed")
    entries = await house.ledger.entries(house.organization_id, after=0)
    (change,) = [each for each in entries if each.action == "enrollment.update_enrollment"]
    assert change.details["let_in"] == 1


@pytest.mark.anyio
async def test_the_body_of_a_poll_counts_for_nothing(house: IdentityHouse, factory: Factory) -> None:
    await house.open_group(factory, **REQUIRED)
    identity = factory.make_device("pump-7")
    operation_id = (await house.enroll(identity, "pump-7")).body["operationId"]
    await approve(house)
    other = encode_registration("pump-7", csr=make_request("pump-7")[1], payload={"who": "me"})
    shown = (await house.approvals.get(house.organization_id, "pump-7")).csr_key_sha256
    answer = await house.register_device(identity, "pump-7", body=other, operation_id=operation_id)
    assert answer.status == "assigned"
    device = await house.devices.get(house.organization_id, "pump-7")
    (certificate,) = await house.certificates.list_of(house.organization_id, device.generation_id)
    assert certificate.public_key_sha256 == shown
