"""Registrations that wait for an operator, as the device sees it: entered, polled, fetched once.

What an operator approves is bound to the proof of identity and to the key of the request, so that nothing else can be
carried out in its name.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from cryptography import x509

from vedette.enrollment import pending_repository as repository
from vedette.enrollment.applicant import Applicant
from vedette.enrollment.decision import Refusal, RegistrationFacts, RegistrationReason
from vedette.enrollment.events import RegistrationPending
from vedette.enrollment.facts import Admission
from vedette.enrollment.model import PendingRegistration, PendingState
from vedette.kernel import Clock, IdSource, OrganizationId, to_rfc3339
from vedette.ledger import Actor, Entry, Ledger
from vedette.store import Store, Transaction

# A device that makes a new key for each attempt must not fill the ledger.
REPLACED_EVERY: Final = timedelta(minutes=1)
# An expired one is kept for so long, so that the device learns what became of it.
KEPT_AFTER_EXPIRY: Final = timedelta(days=1)
_NAME_MAX_CHARS: Final = 512
_PATIENCE: Final = ((timedelta(minutes=2), 5), (timedelta(minutes=15), 15))
_LONGEST_S: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingLimits:
    """How many registrations may wait for an operator."""

    per_enrollment: int = 1_000
    altogether: int = 5_000


class WaitingRoom:
    """Keeps registrations until an operator has decided and the device has fetched the answer."""

    def __init__(
        self,
        organization_id: OrganizationId,
        store: Store,
        ledger: Ledger,
        *,
        limits: WaitingLimits,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._organization_id = organization_id
        self._limits = limits
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._ids = ids

    async def enter(
        self, applicant: Applicant, admission: Admission, facts: RegistrationFacts
    ) -> PendingRegistration | Refusal:
        """Return what waits for this very request, entered now unless it does already."""
        found = await self._find(applicant)
        outcome = self._recognize(found, applicant, admission, facts)
        if outcome is not None:
            return outcome
        return await self._store.write(lambda tx: self._enter(tx, applicant, admission, facts))

    async def poll(self, applicant: Applicant, operation_id: str) -> PendingRegistration | None:
        """Return what waits under an operation of this applicant's; a token is still to be verified."""
        found = await self._find(applicant)
        if found is None or found.operation_id != operation_id:
            return None
        is_its_own = found.onboarding_sha256 == applicant.leaf_sha256 and found.attestation is applicant.attestation
        return found if is_its_own else None

    def take(self, tx: Transaction, waiting: PendingRegistration) -> bool:
        """Use an approval up; returns whether it still stood."""
        found = repository.find_pending(tx.connection, self._organization_id, waiting.registration_id)
        if found is None or found.binding_sha256 != waiting.binding_sha256:
            return False
        if found.state is not PendingState.APPROVED or found.has_expired(self._clock.now()):
            return False
        repository.delete_pending(tx.connection, self._organization_id, waiting.registration_id)
        return True

    def retry_after_s(self, waiting: PendingRegistration) -> int:
        """Return when the device should ask again: soon at first, later when nobody seems to be there."""
        waited = self._clock.now() - waiting.requested_at
        return next((pause_s for within, pause_s in _PATIENCE if waited < within), _LONGEST_S)

    async def _find(self, applicant: Applicant) -> PendingRegistration | None:
        registration_id = applicant.registration_id
        return await self._store.read(
            lambda connection: repository.find_pending(connection, self._organization_id, registration_id)
        )

    def _recognize(
        self, found: PendingRegistration | None, applicant: Applicant, admission: Admission, facts: RegistrationFacts
    ) -> PendingRegistration | Refusal | None:
        """Return the request if it waits already, why it may not enter, or ``None``: it may."""
        now = self._clock.now()
        if found is None or found.has_expired(now):
            return None
        enrollment_id = admission.enrollment.enrollment_id
        if found.binding_sha256 == applicant.binding_sha256(enrollment_id, facts.csr_key_sha256):
            return found
        is_same = found.onboarding_sha256 == applicant.leaf_sha256 and found.attestation is applicant.attestation
        if found.state is PendingState.REJECTED:
            return rejected(found) if is_same else None
        if not is_same:
            return Refusal(
                RegistrationReason.ANOTHER_WAITS,
                f"a device with another onboarding identity waits for approval as {applicant.registration_id}",
                f"find the genuine one: vedette enrollment pending; vedette enrollment reject {found.registration_id}",
            )
        if now - found.requested_at < REPLACED_EVERY:
            return Refusal(
                RegistrationReason.IN_PROGRESS,
                f"another request of {applicant.registration_id} was entered a moment ago",
                "try again in a minute, or send the same request",
            )
        return None

    def _enter(
        self, tx: Transaction, applicant: Applicant, admission: Admission, facts: RegistrationFacts
    ) -> PendingRegistration | Refusal:
        now = self._clock.now()
        repository.delete_expired(tx.connection, self._organization_id, now - KEPT_AFTER_EXPIRY)
        former = repository.find_pending(tx.connection, self._organization_id, applicant.registration_id)
        outcome = self._recognize(former, applicant, admission, facts)
        if outcome is not None:
            return outcome
        enrollment = admission.enrollment
        mine, everyone = repository.count_waiting(tx.connection, self._organization_id, enrollment.enrollment_id, now)
        if mine >= self._limits.per_enrollment or everyone >= self._limits.altogether:
            return Refusal(
                RegistrationReason.TOO_MANY_PENDING,
                f"{mine} registrations wait for approval through {enrollment.name!r}, {everyone} altogether",
                "decide them: vedette enrollment pending",
            )
        waiting = self._compose(applicant, admission, facts)
        repository.save_pending(tx.connection, waiting, is_new=former is None)
        self._record(tx, waiting)
        return waiting

    def _compose(self, applicant: Applicant, admission: Admission, facts: RegistrationFacts) -> PendingRegistration:
        now = self._clock.now()
        enrollment = admission.enrollment
        subject, issuer, serial = "", "", ""
        if applicant.chain:
            leaf = x509.load_der_x509_certificate(applicant.chain[0])
            subject, issuer = leaf.subject.rfc4514_string(), leaf.issuer.rfc4514_string()
            serial = f"{leaf.serial_number:x}"
        return PendingRegistration(
            organization_id=self._organization_id,
            registration_id=applicant.registration_id,
            device_id=admission.device_id,
            enrollment_id=enrollment.enrollment_id,
            operation_id=f"4.{self._ids.new('op')}",
            attestation=applicant.attestation,
            binding_sha256=applicant.binding_sha256(enrollment.enrollment_id, facts.csr_key_sha256),
            onboarding_sha256=applicant.leaf_sha256,
            subject=_storable(subject),
            issuer=_storable(issuer),
            serial=serial[:64],
            not_before=applicant.not_before,
            not_after=applicant.not_after,
            csr=applicant.csr,
            csr_key_sha256=facts.csr_key_sha256,
            payload=applicant.payload,
            payload_bytes=applicant.payload_bytes,
            gateway=applicant.gateway[:128],
            remote_address=applicant.remote_address[:128],
            requested_at=now,
            expires_at=now + enrollment.approval_timeout,
        )

    def _record(self, tx: Transaction, waiting: PendingRegistration) -> None:
        event = RegistrationPending(
            organization_id=waiting.organization_id,
            registration_id=waiting.registration_id,
            enrollment_id=waiting.enrollment_id,
            binding_sha256=waiting.binding_sha256,
            expires_at=to_rfc3339(waiting.expires_at),
        )
        entry = Entry(
            organization_id=waiting.organization_id,
            actor=Actor("device", waiting.registration_id),
            action="enrollment.request_approval",
            target=waiting.operation_id.removeprefix("4."),
            target_name=waiting.registration_id,
            details={
                "enrollment_id": waiting.enrollment_id,
                "device_id": waiting.device_id,
                "binding_sha256": waiting.binding_sha256,
                "onboarding_sha256": waiting.onboarding_sha256,
                "csr_key_sha256": waiting.csr_key_sha256,
                "remote_address": waiting.remote_address,
            },
        )
        self._ledger.append(tx, entry, event=event)


def rejected(waiting: PendingRegistration) -> Refusal:
    """Return what a device is told whose registration an operator rejected; the operator's words stay in the ledger."""
    return Refusal(
        RegistrationReason.REJECTED,
        f"an operator rejected the registration of {waiting.registration_id}",
        "ask the operator; who rejected it can still approve it: vedette enrollment approve",
    )


def expired(waiting: PendingRegistration) -> Refusal:
    """Return what a device is told for whom nobody decided in time."""
    return Refusal(
        RegistrationReason.APPROVAL_EXPIRED,
        f"no operator let {waiting.registration_id} in by {waiting.expires_at:%Y-%m-%d %H:%M}Z",
        "register again, and have it approved: vedette enrollment pending",
    )


def _storable(name: str) -> str:
    """Return a name of a certificate as text that every database takes, cut to a length for people."""
    return name.replace("\0", "�").encode("utf-8", "replace").decode()[:_NAME_MAX_CHARS]
