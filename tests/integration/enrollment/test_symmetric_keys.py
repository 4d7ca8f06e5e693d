"""Devices that register with a symmetric key: off by default, ending, and no more than the key is good for."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import timedelta
from typing import Any

import pytest
from identity_house import ACTOR, HOSTNAME, ID_SCOPE, CredentialMode, IdentityHouse, refused

from vedette.enrollment import (
    Approval,
    Attestation,
    CreatedEnrollment,
    EnrollmentKind,
    InvalidEnrollment,
    NewEnrollment,
)
from vedette.pki import InvalidSymmetricKey, KeySlot, RevocationReason, SymmetricKeysOff
from vedette.protocols.hub import build_sas_token
from vedette.registry import AuthenticationType
from vedette.simulation import Factory, ManualClock, make_request
from vedette.trust import Lifecycle

OURS = b"k" * 32


async def open_keyed(
    house: IdentityHouse, kind: EnrollmentKind = EnrollmentKind.GROUP, **changes: Any
) -> CreatedEnrollment:
    fields = {
        "name": f"legacy {kind}",
        "kind": kind,
        "attestation": Attestation.SYMMETRIC_KEY,
        "symmetric_key_until": house.clock.now() + timedelta(days=30),
        "registration_id": "meter-1" if kind is EnrollmentKind.INDIVIDUAL else None,
        **changes,
    }
    values = fields.pop("key_values", None)
    return await house.enrollments.create(
        house.organization_id, NewEnrollment(**fields), actor=ACTOR, key_values=values
    )


def key_of(created: CreatedEnrollment, slot: KeySlot = KeySlot.PRIMARY) -> bytes:
    assert created.keys is not None
    new = created.keys.in_slot(slot)
    assert new is not None
    return new.value


def derived(key: bytes, registration_id: str) -> bytes:
    return hmac.digest(key, registration_id.encode(), hashlib.sha256)


def token(house: IdentityHouse, key: bytes, registration_id: str, **changes: Any) -> str:
    scope = changes.get("id_scope", ID_SCOPE)
    valid_for = changes.get("valid_for", timedelta(hours=1))
    until = int((house.clock.now() + valid_for).timestamp())
    policy = changes.get("policy_name", "")
    return build_sas_token(f"{scope}/registrations/{registration_id}", key, until, policy_name=policy)


# --- what is granted ---------------------------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.parametrize("slot", KeySlot)
async def test_a_device_with_a_symmetric_key_gets_a_certificate_for_its_csr(
    keyed_house: IdentityHouse, slot: KeySlot
) -> None:
    created = await open_keyed(keyed_house, EnrollmentKind.INDIVIDUAL)
    password = token(keyed_house, key_of(created, slot), "meter-1", policy_name="registration")
    csr = make_request("meter-1")[1]
    answer = await keyed_house.register_device(None, "meter-1", csr=csr, password=password)
    assert (answer.status, answer.state["deviceId"], len(answer.chain)) == ("assigned", "meter-1", 3)
    assert answer.state["symmetricKey"] == {}
    device = await keyed_house.devices.get(keyed_house.organization_id, "meter-1")
    assert device.authentication.type is AuthenticationType.ISSUED
    assert device.origin.onboarding_sha256 is None
    record = await keyed_house.record("meter-1")
    assert record is not None
    assert record.credentials.value is not None
    assert len(record.credentials.value.certificates) == 1
    assert record.credentials.value.keys == ()


@pytest.mark.anyio
@pytest.mark.parametrize("spelling", ["meter-9", "Meter-9"])
async def test_a_device_of_a_group_proves_the_key_derived_from_its_name(
    keyed_house: IdentityHouse, spelling: str
) -> None:
    created = await open_keyed(keyed_house)
    await open_keyed(keyed_house, name="another")
    password = token(keyed_house, derived(key_of(created), spelling), spelling)
    answer = await keyed_house.register_device(None, spelling, csr=make_request("meter-9")[1], password=password)
    assert (answer.status, answer.state["deviceId"]) == ("assigned", "meter-9")
    assert answer.state["symmetricKey"] == {"enrollmentGroupId": created.enrollment.enrollment_id}


@pytest.mark.anyio
@pytest.mark.parametrize("kind", EnrollmentKind)
async def test_a_device_may_go_on_with_its_key_at_the_hub(keyed_house: IdentityHouse, kind: EnrollmentKind) -> None:
    house = keyed_house
    created = await open_keyed(house, kind, credential=CredentialMode.SYMMETRIC_KEY)
    key = key_of(created) if kind is EnrollmentKind.INDIVIDUAL else derived(key_of(created), "meter-1")
    answer = await house.register_device(None, "meter-1", password=token(house, key, "meter-1"))
    assert (answer.status, answer.chain) == ("assigned", [])
    device = await house.devices.get(house.organization_id, "meter-1")
    assert device.authentication.type is AuthenticationType.SYMMETRIC_KEY
    assert device.lifecycle is Lifecycle.ONBOARDED
    record = await house.record("meter-1")
    assert record is not None
    assert record.credentials.value is not None
    permitted = record.credentials.value.keys
    assert len(permitted) == 2
    assert {each.permitted_until for each in permitted} == {created.enrollment.symmetric_key_until}
    until = int(house.clock.now().timestamp()) + 600
    proof = await house.keys.verify_token(
        house.organization_id,
        permitted,
        build_sas_token(f"{HOSTNAME}/devices/meter-1", key, until).encode(),
        owner_id=device.generation_id,
        device_id="meter-1",
        module_id=None,
        now=house.clock.now(),
    )
    assert getattr(proof, "key_id", proof) in {each.key_id for each in permitted}


@pytest.mark.anyio
async def test_a_device_that_registers_at_each_boot_writes_nothing(keyed_house: IdentityHouse) -> None:
    house = keyed_house
    created = await open_keyed(house, credential=CredentialMode.SYMMETRIC_KEY)
    key = derived(key_of(created), "meter-1")
    await house.register_device(None, "meter-1", password=token(house, key, "meter-1"))
    await house.use("meter-1")
    size = await house.ledger.size(house.organization_id)
    again = await house.register_device(None, "meter-1", password=token(house, key, "meter-1"))
    assert (again.status, again.state["substatus"]) == ("assigned", "deviceDataMigrated")
    assert await house.ledger.size(house.organization_id) == size


@pytest.mark.anyio
async def test_a_rotated_key_reaches_the_device_when_it_registers(keyed_house: IdentityHouse) -> None:
    house = keyed_house
    created = await open_keyed(house, credential=CredentialMode.SYMMETRIC_KEY)
    enrollment_id = created.enrollment.enrollment_id
    old = derived(key_of(created), "meter-1")
    await house.register_device(None, "meter-1", password=token(house, old, "meter-1"))
    device = await house.devices.get(house.organization_id, "meter-1")
    held = await house.keys.list_of(house.organization_id, [device.generation_id])
    new = await house.enrollments.rotate_key(house.organization_id, enrollment_id, KeySlot.PRIMARY, actor=ACTOR)
    refusal = await house.register_device(None, "meter-1", password=token(house, old, "meter-1"))
    assert refused(refusal) == ("token_invalid", 401, "401002")
    assert await house.keys.list_of(house.organization_id, [device.generation_id]) == held
    fresh = token(house, derived(new.value, "meter-1"), "meter-1")
    assert (await house.register_device(None, "meter-1", password=fresh)).status == "assigned"
    now_held = {key.slot: key.key_id for key in await house.keys.list_of(house.organization_id, [device.generation_id])}
    before = {key.slot: key.key_id for key in held}
    assert now_held[KeySlot.SECONDARY] == before[KeySlot.SECONDARY]
    assert now_held[KeySlot.PRIMARY] != before[KeySlot.PRIMARY]


@pytest.mark.anyio
async def test_who_holds_a_key_that_an_operator_replaced_does_not_bring_it_back(keyed_house: IdentityHouse) -> None:
    house = keyed_house
    created = await open_keyed(house, credential=CredentialMode.SYMMETRIC_KEY)
    key = derived(key_of(created), "meter-1")
    await house.register_device(None, "meter-1", password=token(house, key, "meter-1"))
    await house.use("meter-1")
    new = await house.devices.rotate_key(house.organization_id, "meter-1", KeySlot.PRIMARY, actor=ACTOR)
    held = {each.key_id for each in await house.devices.keys_of(house.organization_id, "meter-1")}
    assert (await house.register_device(None, "meter-1", password=token(house, key, "meter-1"))).status == "assigned"
    assert {each.key_id for each in await house.devices.keys_of(house.organization_id, "meter-1")} == held
    assert new.key.key_id in held
    # The operator's word opens it again.
    await house.locks.allow_reenrollment(house.organization_id, "meter-1", actor=ACTOR, reason="reset to factory")
    assert (await house.register_device(None, "meter-1", password=token(house, key, "meter-1"))).status == "assigned"
    keys = await house.devices.keys_of(house.organization_id, "meter-1")
    assert new.key.key_id not in {each.key_id for each in keys}


@pytest.mark.anyio
async def test_a_revoked_device_loses_its_keys_and_may_not_register(keyed_house: IdentityHouse) -> None:
    house = keyed_house
    created = await open_keyed(house, credential=CredentialMode.SYMMETRIC_KEY)
    password = token(house, derived(key_of(created), "meter-1"), "meter-1")
    await house.register_device(None, "meter-1", password=password)
    revoked = await house.devices.revoke(
        house.organization_id, "meter-1", reason=RevocationReason.KEY_COMPROMISE, actor=ACTOR
    )
    assert (revoked.certificates, revoked.symmetric_keys) == (0, 2)
    record = await house.record("meter-1")
    assert record is not None
    assert record.credentials.value is not None
    assert record.credentials.value.keys == ()
    assert refused(await house.register_device(None, "meter-1", password=password)) == ("locked", 200, "disabled")


@pytest.mark.anyio
async def test_keys_that_devices_hold_already_can_be_brought_along(keyed_house: IdentityHouse) -> None:
    created = await open_keyed(keyed_house, key_values={KeySlot.PRIMARY: OURS})
    assert key_of(created) == OURS
    assert key_of(created, KeySlot.SECONDARY) != OURS
    keys = await keyed_house.enrollments.keys_of(keyed_house.organization_id, [created.enrollment.enrollment_id])
    assert [(key.slot, key.is_imported) for key in keys] == [(KeySlot.PRIMARY, True), (KeySlot.SECONDARY, False)]
    password = token(keyed_house, derived(OURS, "meter-1"), "meter-1")
    csr = make_request("meter-1")[1]
    assert (await keyed_house.register_device(None, "meter-1", csr=csr, password=password)).status == "assigned"


@pytest.mark.anyio
async def test_an_operator_may_be_asked_before_a_symmetric_key_is_believed(keyed_house: IdentityHouse) -> None:
    house = keyed_house
    created = await open_keyed(house, approval=Approval.REQUIRED)
    password = token(house, derived(key_of(created), "meter-1"), "meter-1")
    first = await house.register_device(None, "meter-1", csr=make_request("meter-1")[1], password=password)
    assert (first.reply.status, first.status) == (202, "assigning")
    shown = await house.approvals.get(house.organization_id, "meter-1")
    assert (shown.attestation, shown.onboarding_sha256, shown.subject) == (Attestation.SYMMETRIC_KEY, None, "")
    operation_id = first.body["operationId"]
    stranger = token(house, OURS, "meter-1")
    stolen = await house.register_device(None, "meter-1", password=stranger, operation_id=operation_id)
    assert refused(stolen) == ("token_invalid", 401, "401002")
    await house.approvals.approve(house.organization_id, "meter-1", binding_sha256=shown.binding_sha256, actor=ACTOR)
    stolen = await house.register_device(None, "meter-1", password=stranger, operation_id=operation_id)
    assert refused(stolen) == ("token_invalid", 401, "401002")
    answer = await house.register_device(None, "meter-1", password=password, operation_id=operation_id)
    assert (answer.status, len(answer.chain)) == ("assigned", 3)


# --- who is refused ----------------------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_nothing_of_it_is_possible_where_it_is_off(house: IdentityHouse) -> None:
    with pytest.raises(SymmetricKeysOff):
        await open_keyed(house)
    answer = await house.register_device(None, "meter-1", password=token(house, OURS, "meter-1"))
    assert refused(answer) == ("symmetric_keys_off", 401, "401002")


@pytest.mark.anyio
async def test_switching_it_off_refuses_those_that_were_let_in(
    keyed_house: IdentityHouse, house: IdentityHouse
) -> None:
    created = await open_keyed(keyed_house)
    password = token(keyed_house, derived(key_of(created), "meter-1"), "meter-1")
    answer = await house.register_device(None, "meter-1", csr=make_request("meter-1")[1], password=password)
    assert refused(answer) == ("symmetric_keys_off", 401, "401002")


CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("another key", "token_invalid", {"key": OURS}),
    ("the group's own key", "token_invalid", {"key": "group"}),
    ("the key of another name", "token_invalid", {"key_for": "meter-2"}),
    ("a token for another name", "token_wrong_scope", {"named": "meter-2"}),
    ("a token for another id scope", "token_wrong_scope", {"id_scope": "0ne0000ELSE"}),
    ("an expired token", "token_expired", {"valid_for": -timedelta(minutes=6)}),
    ("a policy's token", "token_invalid", {"policy_name": "iothubowner"}),
    ("a name outside the pattern", "no_enrollment", {"name": "pump-1"}),
]


@pytest.mark.anyio
@pytest.mark.parametrize(("case", "reason", "changes"), CASES, ids=[case for case, _, _ in CASES])
async def test_these_tokens_let_nobody_in(
    keyed_house: IdentityHouse, case: str, reason: str, changes: dict[str, Any]
) -> None:
    created = await open_keyed(keyed_house, id_pattern="meter-*")
    given = dict(changes)
    name = given.pop("name", "meter-1")
    key = given.pop("key", derived(key_of(created), given.pop("key_for", name)))
    key = key_of(created) if key == "group" else key
    password = token(keyed_house, key, given.pop("named", name), **given)
    answer = await keyed_house.register_device(None, name, csr=make_request(name)[1], password=password)
    assert refused(answer) == (reason, 401, "401002")
    assert await keyed_house.record(name) is None


@pytest.mark.anyio
@pytest.mark.parametrize("password", ["SharedAccessSignature ", "SharedAccessSignature sr=a&sig=b&se=c", "x" * 3000])
async def test_what_is_no_token_is_refused(keyed_house: IdentityHouse, password: str) -> None:
    await open_keyed(keyed_house)
    answer = await keyed_house.register_device(None, "meter-1", password=password)
    assert answer.reply.reason in {"token_invalid", "certificate_missing"}


@pytest.mark.anyio
async def test_a_token_does_not_stand_in_for_a_certificate_nor_the_reverse(
    keyed_house: IdentityHouse, factory: Factory
) -> None:
    house = keyed_house
    await house.pin(factory.make_device("pump-7"), "pump-7")
    created = await open_keyed(house)
    await open_keyed(house, EnrollmentKind.INDIVIDUAL)
    password = token(house, derived(key_of(created), "pump-7"), "pump-7")
    by_token = await house.register_device(None, "pump-7", csr=make_request("pump-7")[1], password=password)
    assert refused(by_token) == ("wrong_attestation", 401, "401002")
    by_certificate = await house.enroll(factory.make_device("meter-1"), "meter-1")
    assert refused(by_certificate) == ("wrong_attestation", 401, "401002")


@pytest.mark.anyio
async def test_an_individual_entry_is_asked_first_and_blocks_the_groups_key(keyed_house: IdentityHouse) -> None:
    group = await open_keyed(keyed_house)
    await open_keyed(keyed_house, EnrollmentKind.INDIVIDUAL)
    password = token(keyed_house, derived(key_of(group), "meter-1"), "meter-1")
    answer = await keyed_house.register_device(None, "meter-1", csr=make_request("meter-1")[1], password=password)
    assert refused(answer) == ("token_invalid", 401, "401002")


@pytest.mark.anyio
async def test_a_disabled_enrollment_blocks_and_says_so_to_its_own_only(keyed_house: IdentityHouse) -> None:
    house = keyed_house
    created = await open_keyed(house)
    enrollment_id = created.enrollment.enrollment_id
    await house.enrollments.update(house.organization_id, enrollment_id, {"is_enabled": False}, actor=ACTOR)
    csr = make_request("meter-1")[1]
    own = token(house, derived(key_of(created), "meter-1"), "meter-1")
    answer = await house.register_device(None, "meter-1", csr=csr, password=own)
    assert refused(answer) == ("enrollment_disabled", 200, "disabled")
    other = await house.register_device(None, "meter-1", csr=csr, password=token(house, OURS, "meter-1"))
    assert refused(other) == ("token_invalid", 401, "401002")


@pytest.mark.anyio
async def test_keys_end_with_their_enrollment_and_by_themselves(keyed_house: IdentityHouse, clock: ManualClock) -> None:
    house = keyed_house
    created = await open_keyed(house)
    key = derived(key_of(created), "meter-1")
    csr = make_request("meter-1")[1]
    clock.advance(timedelta(days=30))
    answer = await house.register_device(None, "meter-1", csr=csr, password=token(house, key, "meter-1"))
    assert refused(answer) == ("symmetric_key_expired", 401, "401002")
    longer = {"symmetric_key_until": clock.now() + timedelta(days=200)}
    await house.enrollments.update(house.organization_id, created.enrollment.enrollment_id, longer, actor=ACTOR)
    clock.advance(timedelta(days=61))
    answer = await house.register_device(None, "meter-1", csr=csr, password=token(house, key, "meter-1"))
    assert refused(answer) == ("symmetric_key_expired", 401, "401002")
    assert "rotate-key" in answer.body["message"]


@pytest.mark.anyio
async def test_whoever_knows_a_group_key_takes_over_no_device_that_holds_a_certificate(
    keyed_house: IdentityHouse, factory: Factory
) -> None:
    house = keyed_house
    await house.open_group(factory)
    await house.enroll(factory.make_device("pump-7"), "pump-7")
    created = await open_keyed(house)
    password = token(house, derived(key_of(created), "pump-7"), "pump-7")
    answer = await house.register_device(None, "pump-7", csr=make_request("pump-7")[1], password=password)
    assert refused(answer) == ("another_identity", 200, "failed")
    await open_keyed(house, EnrollmentKind.INDIVIDUAL)
    device = await house.devices.get(house.organization_id, "pump-7")
    assert device.authentication.type is AuthenticationType.ISSUED


@pytest.mark.anyio
async def test_a_deleted_enrollment_leaves_no_key_behind(keyed_house: IdentityHouse) -> None:
    house = keyed_house
    created = await open_keyed(house)
    enrollment_id = created.enrollment.enrollment_id
    await house.enrollments.delete(house.organization_id, enrollment_id, actor=ACTOR, reason="done")
    assert await house.enrollments.keys_of(house.organization_id, [enrollment_id]) == []
    password = token(house, derived(key_of(created), "meter-1"), "meter-1")
    answer = await house.register_device(None, "meter-1", csr=make_request("meter-1")[1], password=password)
    assert refused(answer) == ("no_enrollment", 401, "401002")


@pytest.mark.anyio
async def test_no_key_stands_in_the_ledger_or_in_an_answer(keyed_house: IdentityHouse) -> None:
    house = keyed_house
    created = await open_keyed(house, credential=CredentialMode.SYMMETRIC_KEY)
    key = derived(key_of(created), "meter-1")
    answer = await house.register_device(None, "meter-1", password=token(house, key, "meter-1"))
    entries = await house.ledger.entries(house.organization_id, after=0)
    written = repr(entries) + repr(created) + answer.reply.body.decode()
    for secret in (key_of(created), key):
        assert base64.b64encode(secret).decode() not in written
        assert repr(secret)[2:-1] not in written


# --- what operators may make of it -------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_groups_by_key_are_few_since_each_key_is_tried(keyed_house: IdentityHouse) -> None:
    for number in range(20):
        await open_keyed(keyed_house, name=f"group {number}")
    with pytest.raises(InvalidEnrollment):
        await open_keyed(keyed_house, name="one more")
    await open_keyed(keyed_house, EnrollmentKind.INDIVIDUAL)


@pytest.mark.anyio
async def test_keys_must_be_long_and_belong_to_a_keyed_enrollment(keyed_house: IdentityHouse, factory: Factory) -> None:
    house = keyed_house
    with pytest.raises(InvalidSymmetricKey):
        await open_keyed(house, key_values={KeySlot.PRIMARY: b"short"})
    enrollment = await house.open_group(factory)
    with pytest.raises(InvalidEnrollment):
        await house.enrollments.rotate_key(
            house.organization_id, enrollment.enrollment_id, KeySlot.PRIMARY, actor=ACTOR
        )
    new = NewEnrollment(name="x", kind=EnrollmentKind.GROUP, authority_id=enrollment.authority_id)
    with pytest.raises(InvalidEnrollment):
        await house.enrollments.create(house.organization_id, new, actor=ACTOR, key_values={KeySlot.PRIMARY: OURS})
