"""What a device is told: the provisioning contract's bodies for outcomes and refusals. Pure."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from vedette.bus.contract import RegistrationReply
from vedette.enrollment.decision import Plan, Refusal, RegistrationReason, Step
from vedette.enrollment.model import Attestation, Enrollment, EnrollmentKind
from vedette.enrollment.properties import CHAIN_MEMBER
from vedette.kernel import RegistrationId, to_rfc3339
from vedette.protocols.dps import (
    ErrorBody,
    RegistrationOperation,
    RegistrationState,
    RegistrationStatus,
    RegistrationSubstatus,
    SymmetricKeyResult,
    X509Result,
    encode_body,
)

RETRY_AFTER_S: Final = 3
_THROTTLED_RETRY_AFTER_S: Final = 60


@dataclass(frozen=True, slots=True)
class _Form:
    """How a refusal travels.

    Attributes:
        status: Of the answer; 200 carries a failed or disabled operation, as the contract has it.
        error_code: The contract's number.
    """

    status: int
    error_code: int
    operation: RegistrationStatus | None = None
    retry_after_s: int | None = None


_UNAUTHORIZED: Final = _Form(401, 401002)
_DISABLED: Final = _Form(200, 403012, RegistrationStatus.DISABLED)
_FAILED: Final = _Form(200, 400004, RegistrationStatus.FAILED)
_CONFLICT: Final = _Form(200, 409001, RegistrationStatus.FAILED)

FORMS: Final[dict[RegistrationReason, _Form]] = {
    RegistrationReason.WRONG_ID_SCOPE: _UNAUTHORIZED,
    RegistrationReason.MALFORMED_REQUEST: _Form(400, 400004),
    RegistrationReason.REGISTRATION_ID_MISMATCH: _Form(400, 400004),
    RegistrationReason.CERTIFICATE_MISSING: _UNAUTHORIZED,
    RegistrationReason.WRONG_ATTESTATION: _UNAUTHORIZED,
    RegistrationReason.TOKEN_INVALID: _UNAUTHORIZED,
    RegistrationReason.TOKEN_WRONG_SCOPE: _UNAUTHORIZED,
    RegistrationReason.TOKEN_EXPIRED: _UNAUTHORIZED,
    RegistrationReason.TOKEN_UNVERIFIED: _Form(503, 503001, retry_after_s=RETRY_AFTER_S),
    RegistrationReason.SYMMETRIC_KEYS_OFF: _UNAUTHORIZED,
    RegistrationReason.SYMMETRIC_KEY_EXPIRED: _UNAUTHORIZED,
    RegistrationReason.CERTIFICATE_NOT_PINNED: _UNAUTHORIZED,
    RegistrationReason.CERTIFICATE_EXPIRED: _UNAUTHORIZED,
    RegistrationReason.CHAIN_NOT_TRUSTED: _UNAUTHORIZED,
    RegistrationReason.AUTHORITY_DISABLED: _UNAUTHORIZED,
    RegistrationReason.OUT_OF_SCOPE: _UNAUTHORIZED,
    RegistrationReason.NO_ENROLLMENT: _UNAUTHORIZED,
    RegistrationReason.ENROLLMENT_DISABLED: _DISABLED,
    RegistrationReason.BLOCKED: _DISABLED,
    RegistrationReason.LOCKED: _DISABLED,
    RegistrationReason.DEVICE_DISABLED: _DISABLED,
    RegistrationReason.QUARANTINED: _DISABLED,
    RegistrationReason.RETIRED: _DISABLED,
    RegistrationReason.FROZEN: _DISABLED,
    RegistrationReason.POLICY_DENIED: _DISABLED,
    RegistrationReason.ANOTHER_IDENTITY: _CONFLICT,
    RegistrationReason.ALREADY_ACTIVE: _CONFLICT,
    RegistrationReason.NEVER_REPROVISIONED: _CONFLICT,
    RegistrationReason.ANOTHER_WAITS: _CONFLICT,
    RegistrationReason.REJECTED: _FAILED,
    RegistrationReason.APPROVAL_EXPIRED: _FAILED,
    RegistrationReason.ONBOARDING_ENDED: _FAILED,
    RegistrationReason.CSR_MISSING: _FAILED,
    RegistrationReason.CSR_NOT_WANTED: _FAILED,
    RegistrationReason.CSR_REFUSED: _Form(400, 400040),
    RegistrationReason.IN_PROGRESS: _Form(429, 429001, retry_after_s=RETRY_AFTER_S),
    RegistrationReason.TOO_MANY_PENDING: _Form(429, 429001, retry_after_s=_THROTTLED_RETRY_AFTER_S),
    RegistrationReason.THROTTLED: _Form(429, 429001, retry_after_s=_THROTTLED_RETRY_AFTER_S),
    RegistrationReason.UNAVAILABLE: _Form(503, 503001, retry_after_s=RETRY_AFTER_S),
    RegistrationReason.UNKNOWN_OPERATION: _Form(404, 404001),
}


def refuse(refusal: Refusal, registration_id: str, *, tracking_id: str, now: datetime) -> RegistrationReply:
    """Return the answer to a registration that is refused; the device reads why, and what would help."""
    form = FORMS[refusal.reason]
    message = f"{refusal.detail}; {refusal.hint}" if refusal.hint else refusal.detail
    body: RegistrationOperation | ErrorBody
    if form.operation is None:
        body = ErrorBody(
            error_code=form.error_code, tracking_id=tracking_id, message=message, timestamp_utc=to_rfc3339(now)
        )
    else:
        body = RegistrationOperation(
            operation_id=tracking_id,
            status=form.operation,
            registration_state=RegistrationState(
                registration_id=registration_id,
                status=form.operation,
                error_code=form.error_code,
                error_message=f"{message} (tracking id {tracking_id})",
                last_updated_date_time_utc=to_rfc3339(now),
            ),
        )
    return RegistrationReply(
        status=form.status,
        body=encode_body(body),
        retry_after_s=form.retry_after_s,
        reason=refusal.reason.value,
        detail=refusal.detail,
        hint=refusal.hint,
        policies=refusal.policies,
        bundle_sha256=refusal.bundle_sha256,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A registration that was granted.

    Attributes:
        chain: DER of the operational certificate and its issuers; empty where the onboarding credential is used.
    """

    operation_id: str
    registration_id: RegistrationId
    device_id: str
    hostname: str
    created_at: datetime
    updated_at: datetime
    etag: str
    plan: Plan
    enrollment: Enrollment
    chain: tuple[bytes, ...] = ()


def assign(assignment: Assignment) -> RegistrationReply:
    """Return the answer to a registration that is granted.

    Released SDKs hand on ``payload`` and drop fields they do not know, so the chain is in both; in the payload it
    stands beside the members of the enrollment's own.
    """
    enrollment = assignment.enrollment
    chain = tuple(base64.b64encode(der).decode("ascii") for der in assignment.chain) or None
    payload: dict[str, Any] = dict(enrollment.payload or {})  # Any: JSON
    if chain is not None:
        payload[CHAIN_MEMBER] = chain
    group_id = enrollment.enrollment_id if enrollment.kind is EnrollmentKind.GROUP else None
    is_x509 = enrollment.attestation is Attestation.X509
    state = RegistrationState(
        registration_id=assignment.registration_id,
        status=RegistrationStatus.ASSIGNED,
        assigned_hub=assignment.hostname,
        device_id=assignment.device_id,
        substatus=_substatus(assignment.plan),
        created_date_time_utc=to_rfc3339(assignment.created_at),
        last_updated_date_time_utc=to_rfc3339(assignment.updated_at),
        etag=assignment.etag,
        payload=payload or None,
        x509=X509Result(enrollment_group_id=group_id) if is_x509 else None,
        symmetric_key=None if is_x509 else SymmetricKeyResult(enrollment_group_id=group_id),
        issued_certificate_chain=chain,
    )
    operation = RegistrationOperation(
        operation_id=assignment.operation_id, status=RegistrationStatus.ASSIGNED, registration_state=state
    )
    return RegistrationReply(status=200, body=encode_body(operation))


def ask_again(operation_id: str, retry_after_s: int) -> RegistrationReply:
    """Return the answer to a registration that waits for an operator: the device is to ask again, and when."""
    operation = RegistrationOperation(operation_id=operation_id, status=RegistrationStatus.ASSIGNING)
    return RegistrationReply(status=202, body=encode_body(operation), retry_after_s=retry_after_s)


def _substatus(plan: Plan) -> RegistrationSubstatus:
    if plan.step is Step.CREATE:
        return RegistrationSubstatus.INITIAL_ASSIGNMENT
    if plan.step is Step.RECALL:
        return RegistrationSubstatus.REPROVISIONED_TO_INITIAL_ASSIGNMENT
    return RegistrationSubstatus.DEVICE_DATA_RESET if plan.resets_twin else RegistrationSubstatus.DEVICE_DATA_MIGRATED
