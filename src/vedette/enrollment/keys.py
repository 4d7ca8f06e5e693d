"""Symmetric keys in an enrollment: a token verified, and keys handed on to the device that registered with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from vedette.enrollment.applicant import Applicant
from vedette.enrollment.decision import Refusal, RegistrationReason
from vedette.enrollment.model import CredentialMode, Enrollment, EnrollmentKind
from vedette.kernel import OrganizationId
from vedette.ledger import Actor
from vedette.pki.records import SymmetricKeyService, named_registration
from vedette.registry import Device
from vedette.store import Transaction
from vedette.trust import Reason, TokenProof

_ROTATE: Final = "give it another key: vedette enrollment rotate-key {enrollment}"
_REFUSALS: Final[dict[Reason, tuple[RegistrationReason, str, str]]] = {
    Reason.TOKEN_INVALID: (
        RegistrationReason.TOKEN_INVALID,
        "no key of an enrollment signed the token",
        "compare the device's key with its enrollment's, and how a group's device derives it",
    ),
    Reason.TOKEN_WRONG_SCOPE: (
        RegistrationReason.TOKEN_WRONG_SCOPE,
        "the token names another registration, or another id scope",
        "the token must name {idScope}/registrations/{registrationId}",
    ),
    Reason.TOKEN_EXPIRED: (
        RegistrationReason.TOKEN_EXPIRED,
        "the token has expired",
        "check the clocks of device and server",
    ),
    Reason.SYMMETRIC_KEY_EXPIRED: (
        RegistrationReason.SYMMETRIC_KEY_EXPIRED,
        "the key of the enrollment {name!r} has ended",
        _ROTATE,
    ),
    Reason.SYMMETRIC_KEY_NOT_PERMITTED: (
        RegistrationReason.SYMMETRIC_KEY_EXPIRED,
        "the enrollment {name!r} has no key",
        _ROTATE,
    ),
    Reason.SYMMETRIC_KEYS_OFF: (
        RegistrationReason.SYMMETRIC_KEYS_OFF,
        "symmetric keys are not accepted here",
        "prefer certificates; for legacy devices: pki.symmetric_keys = true",
    ),
}


class EnrollmentKeys:
    """What the keys of enrollments are good for."""

    def __init__(self, organization_id: OrganizationId, id_scope: str, keys: SymmetricKeyService) -> None:
        self._organization_id = organization_id
        self._id_scope = id_scope
        self._keys = keys

    @property
    def is_enabled(self) -> bool:
        """Whether symmetric keys are accepted at all."""
        return self._keys.is_enabled

    def find_signer(
        self, connection: sa.Connection, candidates: Sequence[Enrollment], applicant: Applicant, now: datetime
    ) -> Enrollment | Refusal:
        """Return the enrollment whose key made an applicant's token; a group's devices do not say which it is."""
        refusal = explain(Reason.TOKEN_INVALID, None)
        for enrollment in candidates:
            found = self._keys.verify_registration_token(
                connection,
                self._organization_id,
                enrollment.enrollment_id,
                applicant.token,
                id_scope=self._id_scope,
                registration_id=applicant.registration_id,
                now=now,
                is_group=enrollment.kind is EnrollmentKind.GROUP,
            )
            if isinstance(found, TokenProof):
                return enrollment
            if found not in {Reason.TOKEN_INVALID, Reason.SYMMETRIC_KEY_NOT_PERMITTED}:
                return explain(found, enrollment)
        return refusal

    def hand_on(
        self,
        tx: Transaction,
        enrollment: Enrollment,
        applicant: Applicant,
        device: Device,
        actor: Actor,
        *,
        is_anew: bool,
    ) -> bool:
        """Give a device the keys of its enrollment, where it goes on with them; returns whether it has others now.

        A key that an operator put in the place of one of them stays until the device is let in anew: whoever holds the
        former key may not bring it back.
        """
        connection, organization_id = tx.connection, self._organization_id
        if enrollment.credential is not CredentialMode.SYMMETRIC_KEY:
            return False
        is_group = enrollment.kind is EnrollmentKind.GROUP
        values = self._keys.values_for_device(
            connection,
            organization_id,
            enrollment.enrollment_id,
            registration_id=named_registration(applicant.token, applicant.registration_id) if is_group else None,
        )
        until = enrollment.symmetric_key_until
        if until is not None:
            values = {
                slot: replace(value, expires_at=min(until, value.expires_at or until)) for slot, value in values.items()
            }
        held = self._keys.list_in(connection, organization_id, [device.generation_id])
        if not is_anew:
            kept = {key.slot for key in held if key.enrollment_id is None}
            values = {slot: value for slot, value in values.items() if slot not in kept}
        given = self._keys.store_for(
            tx, organization_id, device.generation_id, values, owner_name=device.device_id, actor=actor
        )
        return not {each.key.key_id for each in given.keys} <= {key.key_id for key in held}


def explain(reason: Reason, enrollment: Enrollment | None) -> Refusal:
    """Return why a token does not let a device register."""
    if reason not in _REFUSALS:
        return Refusal(RegistrationReason.TOKEN_UNVERIFIED, "the token cannot be verified now", "see: vedette status")
    code, detail, hint = _REFUSALS[reason]
    name = "" if enrollment is None else enrollment.name
    enrollment_id = "" if enrollment is None else enrollment.enrollment_id
    return Refusal(code, detail.replace("{name!r}", repr(name)), hint.replace("{enrollment}", enrollment_id))
