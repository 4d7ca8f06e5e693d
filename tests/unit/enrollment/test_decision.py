"""The rules of registration as a table of cases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from made_enrollment import NOW, ORGANIZATION
from made_enrollment import make_enrollment as enrollment

from vedette.enrollment import (
    Attestation,
    CredentialMode,
    EnrollmentKind,
    Registration,
    RegistrationReason,
    ReprovisionPolicy,
)
from vedette.enrollment.decision import Plan, Refusal, RegistrationFacts, Step, decide_registration
from vedette.kernel import DeviceId, EnrollmentId, GenerationId, RegistrationId
from vedette.pki import Certificate, RevocationReason
from vedette.registry import AccessVerdict, Authentication, AuthenticationType, Device, Origin
from vedette.trust import FailureMode, Lifecycle

GENERATION = GenerationId("dev_" + "0" * 26)
LEAF, ISSUED = "a" * 64, "b" * 64
LATER, PAST = NOW + timedelta(hours=1), NOW - timedelta(hours=1)


ONBOARDING = enrollment(credential=CredentialMode.ONBOARDING, onboarding_until=LATER)
RESET = enrollment(reprovision_policy=ReprovisionPolicy.RESET)
NEVER = enrollment(reprovision_policy=ReprovisionPolicy.NEVER)
KEYED = enrollment(
    attestation=Attestation.SYMMETRIC_KEY,
    authority_id=None,
    credential=CredentialMode.SYMMETRIC_KEY,
    symmetric_key_until=LATER,
)
INDIVIDUAL = enrollment(kind=EnrollmentKind.INDIVIDUAL, primary_sha256=LEAF)


def device(**changes: Any) -> Device:
    fields: dict[str, Any] = {
        "organization_id": ORGANIZATION,
        "generation_id": GENERATION,
        "device_id": DeviceId("pump-7"),
        "authentication": Authentication(),
        "is_enabled": True,
        "status_reason": "",
        "status_changed_at": NOW,
        "is_blocked": False,
        "lifecycle": Lifecycle.ONBOARDED,
        "lifecycle_changed_at": NOW,
        "device_class": "standard",
        "identity_class": "physical",
        "failure_mode": FailureMode.HOLD_LAST,
        "hold_s": 300,
        "site": None,
        "zone": None,
        "purdue_level": None,
        "tags": {},
        "origin": Origin(),
        "created_at": NOW,
        "updated_at": NOW,
        "last_connected_at": None,
        "revision": 1,
        **changes,
    }
    return Device(**fields)


def registration(**changes: Any) -> Registration:
    fields: dict[str, Any] = {
        "organization_id": ORGANIZATION,
        "registration_id": RegistrationId("pump-7"),
        "device_id": DeviceId("pump-7"),
        "generation_id": GENERATION,
        "enrollment_id": EnrollmentId("enr_" + "0" * 26),
        "onboarding_sha256": LEAF,
        "certificate_sha256": ISSUED,
        "operation_id": "4.op",
        "permit_until": None,
        "locked_at": None,
        "lock_reason": "",
        "created_at": NOW,
        "updated_at": NOW,
        "revision": 1,
        **changes,
    }
    return Registration(**fields)


def certificate(**changes: Any) -> Certificate:
    fields: dict[str, Any] = {
        "organization_id": ORGANIZATION,
        "sha256": ISSUED,
        "generation_id": GENERATION,
        "subject_name": "pump-7",
        "serial": "0" * 32,
        "authority_sha256": "c" * 64,
        "not_before": PAST,
        "not_after": LATER,
        "issued_at": NOW,
        "public_key_sha256": "d" * 64,
        "der": b"",
        **changes,
    }
    return Certificate(**fields)


def facts(**changes: Any) -> RegistrationFacts:
    fields: dict[str, Any] = {
        "enrollment": enrollment(),
        "registration": None,
        "device": None,
        "certificate": None,
        "is_frozen": False,
        "access": AccessVerdict(is_blocked=False),
        "leaf_sha256": LEAF,
        "has_csr": True,
        **changes,
    }
    return RegistrationFacts(**fields)


KNOWN: dict[str, Any] = {"registration": registration(), "device": device(), "certificate": certificate()}
ACTIVE: dict[str, Any] = {
    "registration": registration(),
    "device": device(lifecycle=Lifecycle.ACTIVE),
    "certificate": certificate(first_used_at=NOW),
}
BY_KEY: dict[str, Any] = {
    "enrollment": KEYED,
    "leaf_sha256": None,
    "has_csr": False,
    "registration": registration(onboarding_sha256=None, certificate_sha256=None),
    "device": device(lifecycle=Lifecycle.ACTIVE, authentication=Authentication(type=AuthenticationType.SYMMETRIC_KEY)),
}
OWN_KEY = "d" * 64
PERMIT = registration(permit_until=LATER)
LOCKED = registration(locked_at=PAST, lock_reason="revoked")

GRANTED: list[tuple[str, Plan, dict[str, Any]]] = [
    ("a new device", Plan(Step.CREATE), {}),
    ("one whose device was deleted", Plan(Step.CREATE), {"registration": registration(generation_id=None)}),
    ("a new one with its onboarding certificate", Plan(Step.CREATE), {"enrollment": ONBOARDING, "has_csr": False}),
    ("one that an operator made", Plan(Step.ONBOARD), {"device": device(lifecycle=Lifecycle.MADE)}),
    ("one that was shipped", Plan(Step.ONBOARD), {"device": device(lifecycle=Lifecycle.SHIPPED)}),
    ("a lost answer", Plan(Step.ONBOARD, ends_certificates=True), KNOWN),
    (
        "a lost answer to a lost answer",
        Plan(Step.ONBOARD, ends_certificates=True),
        {**KNOWN, "certificate": certificate(revoked_at=NOW, revocation_reason=RevocationReason.SUPERSEDED)},
    ),
    (
        "an active one, with a permit",
        Plan(Step.ONBOARD, ends_certificates=True),
        {**ACTIVE, "registration": PERMIT},
    ),
    (
        "a locked one, with a permit",
        Plan(Step.ONBOARD, ends_certificates=True),
        {**ACTIVE, "registration": registration(locked_at=PAST, permit_until=LATER)},
    ),
    (
        "another certificate, with a permit",
        Plan(Step.ONBOARD, ends_certificates=True),
        {**ACTIVE, "registration": PERMIT, "leaf_sha256": "e" * 64},
    ),
    (
        "the second pinned certificate",
        Plan(Step.ONBOARD, ends_certificates=True),
        {**KNOWN, "enrollment": INDIVIDUAL, "leaf_sha256": "e" * 64},
    ),
    (
        "every boot of a stock client",
        Plan(Step.REASSIGN),
        {
            "enrollment": ONBOARDING,
            "has_csr": False,
            "registration": registration(certificate_sha256=None),
            "device": device(
                lifecycle=Lifecycle.ACTIVE,
                authentication=Authentication(type=AuthenticationType.CERTIFICATE_AUTHORITY),
            ),
        },
    ),
]

GRANTED += [
    (
        "a lost answer, and its twin is set back",
        Plan(Step.ONBOARD, ends_certificates=True, resets_twin=True),
        {**KNOWN, "enrollment": RESET},
    ),
    (
        "one with a permit, and its twin is set back",
        Plan(Step.ONBOARD, ends_certificates=True, resets_twin=True),
        {**ACTIVE, "enrollment": RESET, "registration": PERMIT},
    ),
    ("a new one, whose twin needs no setting back", Plan(Step.CREATE), {"enrollment": RESET}),
    (
        "one that an operator made keeps the twin it was given",
        Plan(Step.ONBOARD),
        {"enrollment": RESET, "device": device(lifecycle=Lifecycle.MADE)},
    ),
    ("a new one, though assigned once for ever", Plan(Step.CREATE), {"enrollment": NEVER}),
    ("an active one is told its assignment", Plan(Step.RECALL), {**ACTIVE, "enrollment": NEVER, "has_csr": False}),
    (
        "one with the key of its certificate is told it again",
        Plan(Step.RECALL),
        {**ACTIVE, "enrollment": NEVER, "csr_key_sha256": OWN_KEY},
    ),
    (
        "one assigned for ever, with a permit",
        Plan(Step.ONBOARD, ends_certificates=True),
        {**ACTIVE, "enrollment": NEVER, "registration": PERMIT},
    ),
    (
        "one whose onboarding certificate opens the hub no more is still told its assignment",
        Plan(Step.RECALL),
        {
            **ACTIVE,
            "enrollment": enrollment(
                credential=CredentialMode.ONBOARDING,
                onboarding_until=PAST,
                reprovision_policy=ReprovisionPolicy.NEVER,
            ),
            "has_csr": False,
        },
    ),
    ("a new one with a symmetric key", Plan(Step.CREATE), {**BY_KEY, "registration": None, "device": None}),
    ("one with a symmetric key, at each boot", Plan(Step.REASSIGN), BY_KEY),
]

REFUSED: list[tuple[str, RegistrationReason, dict[str, Any]]] = [
    (
        "its enrollment is disabled",
        RegistrationReason.ENROLLMENT_DISABLED,
        {"enrollment": enrollment(is_enabled=False)},
    ),
    ("a list blocks it", RegistrationReason.BLOCKED, {"access": AccessVerdict(is_blocked=True, entry_id="ale_1")}),
    ("no allow entry names it", RegistrationReason.BLOCKED, {"access": AccessVerdict(is_blocked=True)}),
    ("its device is blocked", RegistrationReason.BLOCKED, {**KNOWN, "device": device(is_blocked=True)}),
    ("its device is disabled", RegistrationReason.DEVICE_DISABLED, {**KNOWN, "device": device(is_enabled=False)}),
    (
        "its device is quarantined",
        RegistrationReason.QUARANTINED,
        {**KNOWN, "device": device(lifecycle=Lifecycle.QUARANTINED)},
    ),
    ("its device is retired", RegistrationReason.RETIRED, {**KNOWN, "device": device(lifecycle=Lifecycle.RETIRED)}),
    (
        "retired, permit or not",
        RegistrationReason.RETIRED,
        {**KNOWN, "registration": PERMIT, "device": device(lifecycle=Lifecycle.RETIRED)},
    ),
    (
        "disabled, permit or not",
        RegistrationReason.DEVICE_DISABLED,
        {**KNOWN, "registration": PERMIT, "device": device(is_enabled=False)},
    ),
    ("its identity is frozen", RegistrationReason.FROZEN, {**KNOWN, "is_frozen": True}),
    ("it brings no CSR", RegistrationReason.CSR_MISSING, {"has_csr": False}),
    ("it brings one that is not wanted", RegistrationReason.CSR_NOT_WANTED, {"enrollment": ONBOARDING}),
    (
        "the time of onboarding certificates is over",
        RegistrationReason.ONBOARDING_ENDED,
        {
            "enrollment": enrollment(credential=CredentialMode.ONBOARDING, onboarding_until=NOW),
            "has_csr": False,
        },
    ),
    ("it is locked", RegistrationReason.LOCKED, {**KNOWN, "registration": LOCKED}),
    (
        "it is locked and its device deleted",
        RegistrationReason.LOCKED,
        {"registration": registration(locked_at=PAST, generation_id=None)},
    ),
    (
        "it is locked and its permit over",
        RegistrationReason.LOCKED,
        {**KNOWN, "registration": registration(locked_at=PAST, permit_until=NOW)},
    ),
    ("it is active", RegistrationReason.ALREADY_ACTIVE, ACTIVE),
    (
        "it is active and its certificate has ended",
        RegistrationReason.ALREADY_ACTIVE,
        {**ACTIVE, "certificate": certificate(first_used_at=PAST, not_after=PAST)},
    ),
    (
        "its certificate was used, though the device is not active",
        RegistrationReason.ALREADY_ACTIVE,
        {**KNOWN, "certificate": certificate(first_used_at=NOW)},
    ),
    (
        "its unused certificate was revoked for a reason",
        RegistrationReason.ALREADY_ACTIVE,
        {**KNOWN, "certificate": certificate(revoked_at=NOW, revocation_reason=RevocationReason.KEY_COMPROMISE)},
    ),
    ("nothing was ever issued", RegistrationReason.ALREADY_ACTIVE, {**KNOWN, "certificate": None}),
    (
        "its permit is over",
        RegistrationReason.ALREADY_ACTIVE,
        {**ACTIVE, "registration": registration(permit_until=NOW)},
    ),
    (
        "another certificate of the same name",
        RegistrationReason.ANOTHER_IDENTITY,
        {**KNOWN, "leaf_sha256": "e" * 64},
    ),
    (
        "the name of a device that never enrolled",
        RegistrationReason.ANOTHER_IDENTITY,
        {"device": device(lifecycle=Lifecycle.ACTIVE)},
    ),
    (
        "the name of a pinned device that waits",
        RegistrationReason.ANOTHER_IDENTITY,
        {
            "device": device(
                lifecycle=Lifecycle.MADE, authentication=Authentication(type=AuthenticationType.SELF_SIGNED)
            )
        },
    ),
    (
        "the name passed to another generation",
        RegistrationReason.ANOTHER_IDENTITY,
        {**KNOWN, "registration": registration(generation_id=GenerationId("dev_" + "1" * 26))},
    ),
    (
        "a name that differs in case only from that of a living device",
        RegistrationReason.ANOTHER_IDENTITY,
        {"registration": registration()},
    ),
    (
        "such a name, with the permit of the other",
        RegistrationReason.ANOTHER_IDENTITY,
        {"registration": PERMIT},
    ),
    (
        "such a name, though an operator made a device of it",
        RegistrationReason.ANOTHER_IDENTITY,
        {
            "registration": registration(),
            "device": device(generation_id=GenerationId("dev_" + "1" * 26), lifecycle=Lifecycle.MADE),
        },
    ),
    (
        "an operator has pinned another certificate meanwhile",
        RegistrationReason.ANOTHER_IDENTITY,
        {
            "enrollment": ONBOARDING,
            "has_csr": False,
            "registration": registration(certificate_sha256=None),
            "device": device(authentication=Authentication(type=AuthenticationType.SELF_SIGNED)),
        },
    ),
    (
        "an issued device that would fall back to its onboarding certificate",
        RegistrationReason.ALREADY_ACTIVE,
        {**ACTIVE, "enrollment": ONBOARDING, "has_csr": False},
    ),
    (
        "another certificate than the one it is assigned with for ever",
        RegistrationReason.NEVER_REPROVISIONED,
        {**ACTIVE, "enrollment": NEVER, "csr_key_sha256": "e" * 64},
    ),
    (
        "its only certificate has ended",
        RegistrationReason.NEVER_REPROVISIONED,
        {
            **ACTIVE,
            "enrollment": NEVER,
            "csr_key_sha256": OWN_KEY,
            "certificate": certificate(first_used_at=PAST, not_after=PAST),
        },
    ),
    (
        "it is locked, and not even told its assignment",
        RegistrationReason.LOCKED,
        {**ACTIVE, "enrollment": NEVER, "registration": LOCKED},
    ),
    (
        "another certificate asks for its assignment",
        RegistrationReason.ANOTHER_IDENTITY,
        {**ACTIVE, "enrollment": NEVER, "has_csr": False, "leaf_sha256": "e" * 64},
    ),
    ("a CSR where keys are handed on", RegistrationReason.CSR_NOT_WANTED, {**BY_KEY, "has_csr": True}),
    (
        "its symmetric keys have ended",
        RegistrationReason.SYMMETRIC_KEY_EXPIRED,
        {
            **BY_KEY,
            "enrollment": enrollment(
                attestation=Attestation.SYMMETRIC_KEY,
                credential=CredentialMode.SYMMETRIC_KEY,
                symmetric_key_until=NOW,
            ),
        },
    ),
    (
        "a group key for a device of another enrollment",
        RegistrationReason.ANOTHER_IDENTITY,
        {
            **BY_KEY,
            "registration": registration(
                onboarding_sha256=None, certificate_sha256=None, enrollment_id=EnrollmentId("enr_" + "1" * 26)
            ),
        },
    ),
    (
        "a group key for a device that has an onboarding certificate",
        RegistrationReason.ANOTHER_IDENTITY,
        {**BY_KEY, "registration": registration()},
    ),
    (
        "an individual key for a device that has an onboarding certificate",
        RegistrationReason.ANOTHER_IDENTITY,
        {
            **BY_KEY,
            "enrollment": enrollment(
                kind=EnrollmentKind.INDIVIDUAL,
                attestation=Attestation.SYMMETRIC_KEY,
                credential=CredentialMode.SYMMETRIC_KEY,
                symmetric_key_until=LATER,
            ),
            "registration": registration(),
        },
    ),
    (
        "the symmetric key of a device that holds a certificate",
        RegistrationReason.ALREADY_ACTIVE,
        {
            **BY_KEY,
            "registration": registration(onboarding_sha256=None),
            "device": device(lifecycle=Lifecycle.ACTIVE),
        },
    ),
]


@pytest.mark.parametrize(("case", "plan", "changes"), GRANTED)
def test_these_register(case: str, plan: Plan, changes: dict[str, Any]) -> None:
    assert decide_registration(facts(**changes), NOW) == plan


@pytest.mark.parametrize(("case", "reason", "changes"), REFUSED)
def test_these_do_not(case: str, reason: RegistrationReason, changes: dict[str, Any]) -> None:
    outcome = decide_registration(facts(**changes), NOW)
    assert isinstance(outcome, Refusal)
    assert outcome.reason is reason
    assert outcome.hint
