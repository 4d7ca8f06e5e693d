"""Who may register, and what then happens: the rules, on facts that somebody else read. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from vedette.enrollment.model import (
    CredentialMode,
    Enrollment,
    EnrollmentKind,
    Registration,
    ReprovisionPolicy,
)
from vedette.pki import Certificate, RevocationReason, Standing
from vedette.registry import AccessVerdict, AuthenticationType, Device
from vedette.trust import Lifecycle


class RegistrationReason(StrEnum):
    """Why a registration was refused, as the decision log and the refusal page name it."""

    WRONG_ID_SCOPE = "wrong_id_scope"
    MALFORMED_REQUEST = "malformed_request"
    REGISTRATION_ID_MISMATCH = "registration_id_mismatch"
    CERTIFICATE_MISSING = "certificate_missing"
    WRONG_ATTESTATION = "wrong_attestation"
    TOKEN_INVALID = "token_invalid"  # noqa: S105 - a word, no secret
    TOKEN_WRONG_SCOPE = "token_wrong_scope"  # noqa: S105 - a word, no secret
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - a word, no secret
    TOKEN_UNVERIFIED = "token_unverified"  # noqa: S105 - a word, no secret
    SYMMETRIC_KEYS_OFF = "symmetric_keys_off"
    SYMMETRIC_KEY_EXPIRED = "symmetric_key_expired"
    CERTIFICATE_NOT_PINNED = "certificate_not_pinned"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CHAIN_NOT_TRUSTED = "chain_not_trusted"
    AUTHORITY_DISABLED = "authority_disabled"
    OUT_OF_SCOPE = "out_of_scope"
    NO_ENROLLMENT = "no_enrollment"
    ENROLLMENT_DISABLED = "enrollment_disabled"
    BLOCKED = "blocked"
    LOCKED = "locked"
    DEVICE_DISABLED = "device_disabled"
    QUARANTINED = "quarantined"
    RETIRED = "retired"
    FROZEN = "frozen"
    ANOTHER_IDENTITY = "another_identity"
    ALREADY_ACTIVE = "already_active"
    NEVER_REPROVISIONED = "never_reprovisioned"
    ANOTHER_WAITS = "another_waits"
    REJECTED = "rejected"
    APPROVAL_EXPIRED = "approval_expired"
    TOO_MANY_PENDING = "too_many_pending"
    ONBOARDING_ENDED = "onboarding_ended"
    CSR_MISSING = "csr_missing"
    CSR_NOT_WANTED = "csr_not_wanted"
    CSR_REFUSED = "csr_refused"
    IN_PROGRESS = "in_progress"
    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"
    UNKNOWN_OPERATION = "unknown_operation"
    POLICY_DENIED = "policy_denied"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A registration that is refused, with what to do next; the device sees both texts."""

    reason: RegistrationReason
    detail: str
    hint: str = ""
    policies: tuple[str, ...] = ()
    bundle_sha256: str | None = None


class Step(StrEnum):
    """What a permitted registration does to the device; ``recall``: nothing, it is told what stands."""

    CREATE = "create"
    ONBOARD = "onboard"
    REASSIGN = "reassign"
    RECALL = "recall"


@dataclass(frozen=True, slots=True)
class Plan:
    """A registration that is permitted.

    Attributes:
        ends_certificates: Certificates the device holds are revoked: the new one takes their place.
        resets_twin: Its twin becomes the initial one.
    """

    step: Step
    ends_certificates: bool = False
    resets_twin: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationFacts:
    """All that bears on one registration.

    Attributes:
        certificate: The one last issued for this registration id, if any.
        is_frozen: Two parties were seen with the device's key.
        leaf_sha256: Of the onboarding certificate; ``None`` where a symmetric key is the proof.
        has_csr: The request brings one.
        csr_key_sha256: Of its public key; known where the enrollment asks an operator, or never issues anew.
    """

    enrollment: Enrollment
    registration: Registration | None
    device: Device | None
    certificate: Certificate | None
    is_frozen: bool
    access: AccessVerdict
    leaf_sha256: str | None
    has_csr: bool
    csr_key_sha256: str | None = None


_ALLOW: Final = "an operator must allow it: vedette device allow-reenrollment {device}"
# A certificate that we ended ourselves to make room for the next one says nothing against the device.
_HARMLESS: Final = frozenset({None, RevocationReason.SUPERSEDED})


def decide_registration(facts: RegistrationFacts, now: datetime) -> Plan | Refusal:
    """Decide a registration whose chain, names and enrollment have been found good."""
    refusal = _judge_lists(facts) or _judge_device(facts)
    if refusal is None and not _is_recall(facts, now):
        refusal = _judge_credential(facts, now)
    return refusal or _judge_again(facts, now)


def _judge_lists(facts: RegistrationFacts) -> Refusal | None:
    if not facts.enrollment.is_enabled:
        return Refusal(
            RegistrationReason.ENROLLMENT_DISABLED,
            f"the enrollment {facts.enrollment.name!r} is disabled",
            f"enable it: vedette enrollment enable {facts.enrollment.enrollment_id}",
        )
    if not facts.access.is_blocked:
        return None
    entry = facts.access.entry_id
    detail = f"entry {entry} of the block list" if entry else "an allow list is in force and does not name it"
    return Refusal(RegistrationReason.BLOCKED, f"the device is blocked: {detail}", "see: vedette access-list list")


def _judge_device(facts: RegistrationFacts) -> Refusal | None:
    device = facts.device
    if device is None:
        return None
    name = device.device_id
    checks = (
        (
            device.lifecycle is Lifecycle.RETIRED,
            RegistrationReason.RETIRED,
            f"device {name} is retired and does not return",
            "delete it and register it anew, if it must",
        ),
        (
            device.is_blocked,
            RegistrationReason.BLOCKED,
            f"device {name} is blocked by an access list",
            "see: vedette access-list list",
        ),
        (
            not device.is_enabled,
            RegistrationReason.DEVICE_DISABLED,
            f"device {name} is disabled",
            f"enable it first: vedette device enable {name}",
        ),
        (
            device.lifecycle is Lifecycle.QUARANTINED,
            RegistrationReason.QUARANTINED,
            f"device {name} is quarantined",
            f"see why: vedette device show {name}",
        ),
        (
            facts.is_frozen,
            RegistrationReason.FROZEN,
            f"device {name} is frozen: two parties were seen with one key",
            f"find the genuine one, then: vedette device delete {name} and vedette device allow-reenrollment {name}",
        ),
    )
    return next((Refusal(reason, detail, hint) for applies, reason, detail, hint in checks if applies), None)


def _judge_credential(facts: RegistrationFacts, now: datetime) -> Refusal | None:
    return _judge_key_end(facts.enrollment, now) or _judge_csr(facts) or _judge_onboarding_end(facts.enrollment, now)


def _judge_key_end(enrollment: Enrollment, now: datetime) -> Refusal | None:
    if enrollment.symmetric_key_until is not None and now >= enrollment.symmetric_key_until:
        return Refusal(
            RegistrationReason.SYMMETRIC_KEY_EXPIRED,
            f"the symmetric keys of the enrollment {enrollment.name!r} have ended",
            "extend symmetric_key_until, or better: give the device an onboarding certificate",
        )
    return None


def _judge_csr(facts: RegistrationFacts) -> Refusal | None:
    enrollment = facts.enrollment
    if enrollment.credential is CredentialMode.ISSUE:
        if facts.has_csr:
            return None
        return Refusal(
            RegistrationReason.CSR_MISSING,
            f"the enrollment {enrollment.name!r} issues an operational certificate and the request brings no CSR",
            'send base64 of the DER in "csr", or in "csr" of the custom payload',
        )
    if facts.has_csr:
        return Refusal(
            RegistrationReason.CSR_NOT_WANTED,
            f"the enrollment {enrollment.name!r} lets the onboarding credential be used and issues no certificate",
            "register without a CSR, or set credential = issue",
        )
    return None


def _judge_onboarding_end(enrollment: Enrollment, now: datetime) -> Refusal | None:
    if enrollment.credential is not CredentialMode.ONBOARDING:
        return None
    if enrollment.onboarding_until is None or now >= enrollment.onboarding_until:
        return Refusal(
            RegistrationReason.ONBOARDING_ENDED,
            f"the enrollment {enrollment.name!r} no longer lets onboarding certificates be used",
            "extend onboarding_until, or set credential = issue and send a CSR",
        )
    return None


def _judge_again(facts: RegistrationFacts, now: datetime) -> Plan | Refusal:
    """Decide a device that may be known already; a permit of an operator opens what is closed, once."""
    registration, device = facts.registration, facts.device
    holder = None if registration is None else registration.generation_id
    if registration is not None and holder is not None and (device is None or device.generation_id != holder):
        # Two names that differ in case only are one registration id: the second must not take it over from the first.
        return Refusal(
            RegistrationReason.ANOTHER_IDENTITY,
            f"the registration id {registration.registration_id} belongs to the device {registration.device_id}",
            f"give one of the two another name, or delete the other: vedette device delete {registration.device_id}",
        )
    has_permit = registration is not None and registration.is_permitted_again(now)
    if registration is not None and registration.locked_at is not None and not has_permit:
        return Refusal(
            RegistrationReason.LOCKED,
            f"the onboarding identity {registration.registration_id} is locked: {registration.lock_reason}",
            _ALLOW.format(device=registration.device_id),
        )
    if device is None:
        return Plan(Step.CREATE)
    resets = facts.enrollment.reprovision_policy is ReprovisionPolicy.RESET
    if has_permit:
        return Plan(Step.ONBOARD, ends_certificates=True, resets_twin=resets)
    if registration is None or holder is None:
        return _judge_prepared(device)
    outcome = _judge_same(facts, registration, device) or _judge_repeated(facts, device, now)
    return replace(outcome, resets_twin=resets) if isinstance(outcome, Plan) else outcome


def _is_recall(facts: RegistrationFacts, now: datetime) -> bool:
    """Tell whether the device is known and told its assignment only: then it needs nothing to be issued for."""
    registration = facts.registration
    return (
        facts.enrollment.reprovision_policy is ReprovisionPolicy.NEVER
        and facts.device is not None
        and registration is not None
        and registration.generation_id is not None
        and not registration.is_permitted_again(now)
    )


def _judge_same(facts: RegistrationFacts, registration: Registration, device: Device) -> Refusal | None:
    """Check that whoever asks is the one that registered."""
    if device.authentication.type is AuthenticationType.SELF_SIGNED:
        return Refusal(
            RegistrationReason.ANOTHER_IDENTITY,
            f"device {device.device_id} is known by a certificate that an operator pinned meanwhile",
            _ALLOW.format(device=device.device_id),
        )
    is_same = registration.onboarding_sha256 == facts.leaf_sha256
    if facts.leaf_sha256 is None:
        # One group key covers many names: the key of another enrollment is another's word for this one.
        is_same = is_same and registration.enrollment_id == facts.enrollment.enrollment_id
    # An operator pinned both certificates of an individual enrollment; a group's devices have one for life.
    if not is_same and (facts.leaf_sha256 is None or facts.enrollment.kind is not EnrollmentKind.INDIVIDUAL):
        return Refusal(
            RegistrationReason.ANOTHER_IDENTITY,
            f"device {device.device_id} registered with another onboarding identity",
            _ALLOW.format(device=device.device_id),
        )
    return None


def _judge_repeated(facts: RegistrationFacts, device: Device, now: datetime) -> Plan | Refusal:
    if facts.enrollment.reprovision_policy is ReprovisionPolicy.NEVER:
        return _judge_recall(facts, device, now)
    if facts.enrollment.credential is CredentialMode.ISSUE:
        return _judge_issue_again(facts, device)
    return _judge_onboarding_again(device)


def _judge_recall(facts: RegistrationFacts, device: Device, now: datetime) -> Plan | Refusal:
    """Tell a device its assignment, and hand out the certificate on record again, which serves its own key alone."""
    certificate = facts.certificate
    is_its_own = (
        certificate is not None
        and certificate.public_key_sha256 == facts.csr_key_sha256
        and certificate.standing(now) is Standing.PERMITTED
    )
    if facts.has_csr and not is_its_own:
        return Refusal(
            RegistrationReason.NEVER_REPROVISIONED,
            f"device {device.device_id} is enrolled, and {facts.enrollment.name!r} never issues it another certificate",
            _ALLOW.format(device=device.device_id),
        )
    return Plan(Step.RECALL)


def _judge_prepared(device: Device) -> Plan | Refusal:
    """Decide a device that an operator created: it may be waiting for its first registration."""
    is_waiting = device.lifecycle in {Lifecycle.MADE, Lifecycle.SHIPPED}
    if is_waiting and device.authentication.type is not AuthenticationType.SELF_SIGNED:
        return Plan(Step.ONBOARD)
    return Refusal(
        RegistrationReason.ANOTHER_IDENTITY,
        f"the name {device.device_id} belongs to a device that did not come from this enrollment",
        _ALLOW.format(device=device.device_id),
    )


def _judge_onboarding_again(device: Device) -> Plan | Refusal:
    if device.authentication.type is AuthenticationType.ISSUED and device.lifecycle is Lifecycle.ACTIVE:
        return _already_active(device)
    return Plan(Step.REASSIGN)


def _judge_issue_again(facts: RegistrationFacts, device: Device) -> Plan | Refusal:
    """Let a registration be repeated whose reply was lost: its certificate was never used."""
    certificate = facts.certificate
    is_unused = (
        certificate is not None and certificate.first_used_at is None and certificate.revocation_reason in _HARMLESS
    )
    if device.lifecycle is Lifecycle.ONBOARDED and is_unused:
        return Plan(Step.ONBOARD, ends_certificates=True)
    return _already_active(device)


def _already_active(device: Device) -> Refusal:
    return Refusal(
        RegistrationReason.ALREADY_ACTIVE,
        f"device {device.device_id} is active and holds an operational certificate; it renews with that one",
        _ALLOW.format(device=device.device_id),
    )
