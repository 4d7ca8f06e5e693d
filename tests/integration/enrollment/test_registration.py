"""Devices register with their onboarding identity, against the real signer, on both databases."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from identity_house import ACTOR, HOSTNAME, ID_SCOPE, CredentialMode, IdentityHouse, leaf_sha256, refused

from vedette.bus.contract import RegisterDevice
from vedette.enrollment import EnrollmentKind, InitialDevice, NewEnrollment
from vedette.kernel import OrganizationId, RandomIds, SystemClock
from vedette.pki import AuthorityScope
from vedette.protocols.dps import encode_registration
from vedette.registry import AccessEffect, AccessKind
from vedette.simulation import Factory, ManualClock, make_request
from vedette.trust import Lifecycle, certificate_sha256

# --- what is granted ---------------------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_a_csr_in_the_registration_brings_an_operational_certificate_at_once(
    house: IdentityHouse, factory: Factory
) -> None:
    await house.open_group(factory)
    answer = await house.enroll(factory.make_device("pump-7"), "pump-7")
    assert (answer.reply.status, answer.status, answer.reply.reason) == (200, "assigned", None)
    assert answer.state["assignedHub"] == HOSTNAME
    assert answer.state["deviceId"] == "pump-7"
    assert answer.state["payload"] == {"issuedCertificateChain": answer.chain}
    leaf_der = base64.b64decode(answer.chain[0])
    assert x509.load_der_x509_certificate(leaf_der).subject.rfc4514_string() == "CN=pump-7"
    device = await house.devices.get(house.organization_id, "pump-7")
    assert device.lifecycle is Lifecycle.ONBOARDED
    record = await house.record("pump-7")
    assert record is not None
    assert record.credentials.value is not None
    assert [each.digest for each in record.credentials.value.certificates] == [certificate_sha256(leaf_der)]


@pytest.mark.anyio
async def test_a_csr_within_the_custom_payload_serves_as_well(house: IdentityHouse, factory: Factory) -> None:
    await house.open_group(factory)
    csr = base64.b64encode(make_request("pump-7")[1]).decode()
    body = encode_registration("pump-7", payload={"csr": csr, "model": "X"})
    answer = await house.register_device(factory.make_device("pump-7"), "pump-7", body=body)
    assert answer.status == "assigned"
    assert len(answer.state["payload"]["issuedCertificateChain"]) == 3


@pytest.mark.anyio
async def test_a_registration_is_one_transaction_with_its_ledger_entries(
    house: IdentityHouse, factory: Factory
) -> None:
    await house.open_group(factory)
    before = await house.ledger.size(house.organization_id)
    told = len(house.published)
    await house.enroll(factory.make_device("pump-7"), "pump-7")
    entries = await house.ledger.entries(house.organization_id, after=before)
    actions = ["registry.create_device", "pki.issue_certificate", "enrollment.register_device"]
    assert [entry.action for entry in entries] == actions
    assert {entry.actor.kind for entry in entries} == {"device"}
    assert len(house.published) == told + 1


@pytest.mark.anyio
async def test_a_pinned_certificate_registers_under_the_device_id_of_its_entry(
    house: IdentityHouse, factory: Factory
) -> None:
    identity = factory.make_device("SN-0001")
    initial = InitialDevice(site="north", zone="cell-1", purdue_level="2", tags={"line": 4})
    await house.pin(identity, "SN-0001", device_id="press-9", initial=initial)
    answer = await house.enroll(identity, "SN-0001")
    assert answer.state["deviceId"] == "press-9"
    device = await house.devices.get(house.organization_id, "press-9")
    assert (device.site, device.zone, device.purdue_level, device.tags) == ("north", "cell-1", "2", {"line": 4})
    assert device.origin.onboarding_sha256 == leaf_sha256(identity)


@pytest.mark.anyio
async def test_ids_are_compared_without_case_and_the_certificate_spells_the_name(
    house: IdentityHouse, factory: Factory
) -> None:
    await house.open_group(factory)
    body = encode_registration("pump-A1", csr=make_request("PUMP-A1")[1])
    answer = await house.register_device(factory.make_device("Pump-A1"), "PUMP-a1", body=body)
    assert answer.status == "assigned"
    assert answer.state["deviceId"] == "Pump-A1"
    assert answer.state["registrationId"] == "pump-a1"


# --- credential = onboarding -------------------------------------------------------------------------------------


async def open_onboarding_group(house: IdentityHouse, factory: Factory, clock: ManualClock) -> None:
    until = clock.now() + timedelta(days=2)
    await house.open_group(factory, credential=CredentialMode.ONBOARDING, onboarding_until=until)


@pytest.mark.anyio
async def test_an_enrollment_may_let_the_onboarding_certificate_open_the_hub_until_a_date(
    house: IdentityHouse, factory: Factory, clock: ManualClock
) -> None:
    await open_onboarding_group(house, factory, clock)
    identity = factory.make_device("cam-1")
    answer = await house.register_device(identity, "cam-1")
    assert answer.status == "assigned"
    assert not answer.chain
    record = await house.record("cam-1")
    assert record is not None
    assert record.credentials.value is not None
    (permitted,) = record.credentials.value.certificates
    assert (permitted.digest, permitted.origin) == (leaf_sha256(identity), "onboarding")
    assert permitted.permitted_until == clock.now() + timedelta(days=2)


@pytest.mark.anyio
async def test_a_stock_client_registers_at_every_boot_and_nothing_is_written(
    house: IdentityHouse, factory: Factory, clock: ManualClock
) -> None:
    await open_onboarding_group(house, factory, clock)
    identity = factory.make_device("cam-1")
    await house.register_device(identity, "cam-1")
    await house.use("cam-1")
    size = await house.ledger.size(house.organization_id)
    again = await house.register_device(identity, "cam-1")
    assert (again.status, again.state["deviceId"]) == ("assigned", "cam-1")
    assert await house.ledger.size(house.organization_id) == size
    assert (await house.devices.get(house.organization_id, "cam-1")).lifecycle is Lifecycle.ACTIVE


@pytest.mark.anyio
async def test_onboarding_certificates_stop_opening_the_hub_when_their_time_is_over(
    house: IdentityHouse, factory: Factory, clock: ManualClock
) -> None:
    await open_onboarding_group(house, factory, clock)
    clock.advance(timedelta(days=2))
    answer = await house.register_device(factory.make_device("cam-1"), "cam-1")
    assert refused(answer) == ("onboarding_ended", 200, "failed")


@pytest.mark.anyio
async def test_a_csr_is_refused_where_nothing_is_issued(
    house: IdentityHouse, factory: Factory, clock: ManualClock
) -> None:
    await open_onboarding_group(house, factory, clock)
    answer = await house.enroll(factory.make_device("cam-1"), "cam-1")
    assert refused(answer) == ("csr_not_wanted", 200, "failed")


@pytest.mark.anyio
async def test_a_poll_of_a_granted_operation_is_answered_and_of_any_other_not(
    house: IdentityHouse, factory: Factory, clock: ManualClock
) -> None:
    await open_onboarding_group(house, factory, clock)
    identity = factory.make_device("cam-1")
    operation_id = (await house.register_device(identity, "cam-1")).body["operationId"]
    poll = await house.register_device(identity, "cam-1", operation_id=operation_id)
    assert (poll.status, poll.body["operationId"]) == ("assigned", operation_id)
    foreign = await house.register_device(identity, "cam-1", operation_id="4.op_else")
    assert refused(foreign) == ("unknown_operation", 404, "404001")


# --- who is refused ----------------------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_without_a_csr_the_answer_says_how_to_send_one(house: IdentityHouse, factory: Factory) -> None:
    await house.open_group(factory)
    answer = await house.register_device(factory.make_device("pump-7"), "pump-7")
    assert refused(answer) == ("csr_missing", 200, "failed")
    assert answer.state["errorCode"] == 400004
    assert "csr" in answer.state["errorMessage"]


@pytest.mark.anyio
async def test_names_that_disagree_are_refused(house: IdentityHouse, factory: Factory) -> None:
    await house.open_group(factory)
    identity = factory.make_device("pump-7")
    other_body = encode_registration("pump-8", csr=make_request("pump-7")[1])
    for answer in (
        await house.enroll(identity, "pump-8"),
        await house.register_device(identity, "pump-7", body=other_body),
    ):
        assert refused(answer) == ("registration_id_mismatch", 400, "400004")
        assert answer.body["trackingId"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[1]", b'{"registrationId":"pump-7","csr":"%%%"}', b'{"registrationId":"pump-7","tpm":{}}']
)
async def test_bodies_that_are_not_the_contracts_are_refused(
    house: IdentityHouse, factory: Factory, body: bytes
) -> None:
    await house.open_group(factory)
    answer = await house.register_device(factory.make_device("pump-7"), "pump-7", body=body)
    assert refused(answer) == ("malformed_request", 400, "400004")


@pytest.mark.anyio
async def test_a_request_for_another_name_is_refused_and_leaves_nothing_behind(
    house: IdentityHouse, factory: Factory
) -> None:
    await house.open_group(factory)
    size = await house.ledger.size(house.organization_id)
    answer = await house.register_device(factory.make_device("pump-7"), "pump-7", csr=make_request("pump-8")[1])
    assert refused(answer) == ("csr_refused", 400, "400040")
    assert await house.record("pump-7") is None
    assert await house.ledger.size(house.organization_id) == size


@pytest.mark.anyio
async def test_another_id_scope_is_refused(house: IdentityHouse, factory: Factory) -> None:
    await house.open_group(factory)
    answer = await house.register_device(factory.make_device("pump-7"), "pump-7", id_scope="0ne0000ELSE")
    assert refused(answer) == ("wrong_id_scope", 401, "401002")


@pytest.mark.anyio
async def test_another_organization_is_refused(house: IdentityHouse, factory: Factory) -> None:
    await house.open_group(factory)
    identity = factory.make_device("pump-7")
    request = RegisterDevice(
        organization_id=OrganizationId(RandomIds(SystemClock()).new("org")),
        gateway="gateway-1",
        id_scope=ID_SCOPE,
        registration_id="pump-7",
        certificate_chain=[each.public_bytes(Encoding.DER) for each in identity.chain],
        body=encode_registration("pump-7"),
        remote_address="127.0.0.1",
    )
    assert (await house.registrations.register(request)).reason == "wrong_id_scope"


@pytest.mark.anyio
async def test_chains_that_lead_nowhere_are_refused(house: IdentityHouse, factory: Factory) -> None:
    await house.open_group(factory)
    stranger = Factory("Acme", SystemClock()).make_device("pump-7")
    assert refused(await house.enroll(stranger, "pump-7")) == ("chain_not_trusted", 401, "401002")
    leaf_alone = replace(factory.make_device("pump-7"), chain=factory.make_device("pump-7").chain[:1])
    assert (await house.enroll(leaf_alone, "pump-7")).reply.reason == "chain_not_trusted"
    expired = factory.make_device("pump-7", days=-1)
    answer = await house.enroll(expired, "pump-7")
    assert answer.reply.reason == "chain_not_trusted"
    assert "expired" in answer.body["message"]


@pytest.mark.anyio
async def test_no_certificate_and_too_many_are_refused(house: IdentityHouse, factory: Factory) -> None:
    await house.open_group(factory)
    identity = factory.make_device("pump-7")
    bare = replace(identity, chain=())
    assert (await house.enroll(bare, "pump-7")).reply.reason == "certificate_missing"
    long = replace(identity, chain=(*identity.chain, *(factory.line,) * 4))
    assert (await house.enroll(long, "pump-7")).reply.reason == "chain_not_trusted"


@pytest.mark.anyio
async def test_a_pinned_entry_is_asked_first_and_never_falls_through_to_the_group(
    house: IdentityHouse, factory: Factory
) -> None:
    await house.open_group(factory)
    pinned, other = factory.make_device("pump-7"), factory.make_device("pump-7")
    entry = await house.pin(pinned, "pump-7")
    assert refused(await house.enroll(other, "pump-7")) == ("certificate_not_pinned", 401, "401002")
    await house.enrollments.update(house.organization_id, entry.enrollment_id, {"is_enabled": False}, actor=ACTOR)
    assert refused(await house.enroll(pinned, "pump-7")) == ("enrollment_disabled", 200, "disabled")


@pytest.mark.anyio
async def test_a_pinned_certificate_registers_under_no_other_id(house: IdentityHouse, factory: Factory) -> None:
    await house.open_group(factory)
    identity = factory.make_device("pump-7")
    await house.pin(identity, "pump-8")
    assert (await house.enroll(identity, "pump-7")).reply.reason == "registration_id_mismatch"


@pytest.mark.anyio
async def test_an_expired_pinned_certificate_is_refused(house: IdentityHouse, factory: Factory) -> None:
    identity = factory.make_device("pump-7", days=-1)
    await house.pin(identity, "pump-7")
    assert refused(await house.enroll(identity, "pump-7")) == ("certificate_expired", 401, "401002")


async def group_of_line(house: IdentityHouse, factory: Factory, **changes: object) -> str:
    """Enroll the factory's production line on its own, below its root."""
    authority = await house.authorities.register(
        organization_id=house.organization_id,
        certificate=factory.line.public_bytes(Encoding.DER),
        name="line 1",
        scope=AuthorityScope(),
        actor=ACTOR,
    )
    assert authority.verification_code is not None
    proof = factory.make_device(authority.verification_code).chain[0]
    await house.authorities.verify(
        organization_id=house.organization_id,
        authority_id=authority.authority_id,
        proof=proof.public_bytes(Encoding.DER),
        actor=ACTOR,
    )
    fields = {"name": "line 1", "kind": EnrollmentKind.GROUP, "authority_id": authority.authority_id, **changes}
    new = NewEnrollment(**fields)  # type: ignore[arg-type] # the caller's fields
    return (await house.enrollments.create(house.organization_id, new, actor=ACTOR)).enrollment.enrollment_id


@pytest.mark.anyio
async def test_the_group_of_the_nearest_authority_decides(house: IdentityHouse, factory: Factory) -> None:
    await house.open_group(factory)
    line = await group_of_line(house, factory)
    assert (await house.enroll(factory.make_device("pump-7"), "pump-7")).state["x509"] == {"enrollmentGroupId": line}
    await house.enrollments.update(house.organization_id, line, {"is_enabled": False}, actor=ACTOR)
    answer = await house.enroll(factory.make_device("pump-8"), "pump-8")
    assert refused(answer) == ("enrollment_disabled", 200, "disabled")
    await house.enrollments.delete(house.organization_id, line, actor=ACTOR)
    assert (await house.enroll(factory.make_device("pump-8"), "pump-8")).status == "assigned"


@pytest.mark.anyio
async def test_a_disabled_authority_within_the_chain_blocks_although_the_root_has_a_group(
    house: IdentityHouse, factory: Factory
) -> None:
    await house.open_group(factory)
    line = await group_of_line(house, factory)
    authority_id = (await house.enrollments.get(house.organization_id, line)).authority_id
    assert authority_id is not None
    await house.enrollments.delete(house.organization_id, line, actor=ACTOR)
    await house.authorities.disable(
        organization_id=house.organization_id, authority_id=authority_id, actor=ACTOR, reason="key stolen"
    )
    answer = await house.enroll(factory.make_device("pump-7"), "pump-7")
    assert refused(answer) == ("authority_disabled", 401, "401002")


@pytest.mark.anyio
async def test_an_authority_vouches_only_within_its_scope_and_the_groups_pattern(
    house: IdentityHouse, factory: Factory
) -> None:
    authority = await house.trust_factory(factory, pattern="pump-*")
    new = NewEnrollment(name="line", kind=EnrollmentKind.GROUP, authority_id=authority.authority_id, id_pattern="*-7")
    await house.enrollments.create(house.organization_id, new, actor=ACTOR)
    assert (await house.enroll(factory.make_device("pump-7"), "pump-7")).status == "assigned"
    for name in ("valve-7", "pump-8"):
        answer = await house.enroll(factory.make_device(name), name)
        assert refused(answer) == ("out_of_scope", 401, "401002")


@pytest.mark.anyio
@pytest.mark.parametrize("kind", list(AccessKind))
async def test_the_block_list_refuses_by_every_kind(house: IdentityHouse, factory: Factory, kind: AccessKind) -> None:
    enrollment = await house.open_group(factory)
    identity = factory.make_device("pump-7")
    value = {
        AccessKind.DEVICE_ID: "pump-7",
        AccessKind.DEVICE_ID_PREFIX: "pump-*",
        AccessKind.CERTIFICATE: leaf_sha256(identity),
        AccessKind.AUTHORITY: str(enrollment.authority_id),
        AccessKind.ENROLLMENT: enrollment.enrollment_id,
    }[kind]
    entry = await house.lists.add(
        house.organization_id, AccessEffect.BLOCK, kind, value, actor=ACTOR, reason="stolen lot"
    )
    answer = await house.enroll(identity, "pump-7")
    assert refused(answer) == ("blocked", 200, "disabled")
    assert entry.entry_id in answer.state["errorMessage"]
    await house.lists.remove(house.organization_id, entry.entry_id, actor=ACTOR, reason="found")
    assert (await house.enroll(identity, "pump-7")).status == "assigned"


@pytest.mark.anyio
async def test_an_allow_list_in_force_refuses_whom_it_does_not_name(house: IdentityHouse, factory: Factory) -> None:
    await house.open_group(factory)
    await house.lists.add(
        house.organization_id, AccessEffect.ALLOW, AccessKind.DEVICE_ID, "pump-7", actor=ACTOR, reason="pilot"
    )
    assert (await house.enroll(factory.make_device("pump-7"), "pump-7")).status == "assigned"
    assert (await house.enroll(factory.make_device("pump-8"), "pump-8")).reply.reason == "blocked"


@pytest.mark.anyio
async def test_a_signer_that_does_not_answer_is_told_as_try_again(house: IdentityHouse, factory: Factory) -> None:
    await house.open_group(factory)
    house.signer._path = house.signer._path.with_name("absent.sock")
    house.signer._deadline_s = 0.1
    answer = await house.enroll(factory.make_device("pump-7"), "pump-7")
    assert refused(answer) == ("unavailable", 503, "503001")
    assert answer.reply.retry_after_s == 3


@pytest.mark.anyio
async def test_nothing_is_enrolled_while_the_clock_cannot_be_believed(
    house: IdentityHouse, factory: Factory, clock: ManualClock
) -> None:
    await house.open_group(factory)
    clock.jump(timedelta(hours=-1))
    answer = await house.enroll(factory.make_device("pump-7"), "pump-7")
    assert refused(answer) == ("unavailable", 503, "503001")
