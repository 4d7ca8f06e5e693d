"""What a device is told: the provisioning contract's bodies for outcomes and refusals. Pure."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from vedette.bus.contract import RegistrationReply
from vedette.enrollment.decision import Refusal, RegistrationReason
from vedette.kernel import RegistrationId, to_rfc3339
from vedette.protocols.dps import (
    ErrorBody,
    RegistrationOperation,
    RegistrationState,
    RegistrationStatus,
    RegistrationSubstatus,
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
    RegistrationReason.ANOTHER_IDENTITY: _CONFLICT,
    RegistrationReason.ALREADY_ACTIVE: _CONFLICT,
    RegistrationReason.ONBOARDING_ENDED: _FAILED,
    RegistrationReason.CSR_MISSING: _FAILED,
    RegistrationReason.CSR_NOT_WANTED: _FAILED,
    RegistrationReason.CSR_REFUSED: _Form(400, 400040),
    RegistrationReason.IN_PROGRESS: _Form(429, 429001, retry_after_s=RETRY_AFTER_S),
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
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A registration that was granted.

    Attributes:
        chain: DER of the operational certificate and its issuers; empty where the onboarding one is used.
        is_first: The device was created just now.
        enrollment_group_id: ``None`` for an individual enrollment.
    """

    operation_id: str
    registration_id: RegistrationId
    device_id: str
    hostname: str
    created_at: datetime
    updated_at: datetime
    etag: str
    chain: tuple[bytes, ...] = ()
    is_first: bool = True
    enrollment_group_id: str | None = None


def assign(assignment: Assignment) -> RegistrationReply:
    """Return the answer to a registration that is granted: the chain stands in the state and in its payload.

    Released SDKs hand on ``payload`` and drop fields they do not know, so the chain is in both.
    """
    chain = tuple(base64.b64encode(der).decode("ascii") for der in assignment.chain) or None
    payload: dict[str, Any] | None = None if chain is None else {"issuedCertificateChain": chain}  # Any: JSON
    substatus = (
        RegistrationSubstatus.INITIAL_ASSIGNMENT if assignment.is_first else RegistrationSubstatus.DEVICE_DATA_MIGRATED
    )
    state = RegistrationState(
        registration_id=assignment.registration_id,
        status=RegistrationStatus.ASSIGNED,
        assigned_hub=assignment.hostname,
        device_id=assignment.device_id,
        substatus=substatus,
        created_date_time_utc=to_rfc3339(assignment.created_at),
        last_updated_date_time_utc=to_rfc3339(assignment.updated_at),
        etag=assignment.etag,
        payload=payload,
        x509=X509Result(enrollment_group_id=assignment.enrollment_group_id),
        issued_certificate_chain=chain,
    )
    operation = RegistrationOperation(
        operation_id=assignment.operation_id, status=RegistrationStatus.ASSIGNED, registration_state=state
    )
    return RegistrationReply(status=200, body=encode_body(operation))
