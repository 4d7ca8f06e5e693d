"""What closes an onboarding identity, and the operator's act that opens it once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from vedette.enrollment import repository
from vedette.enrollment.errors import InvalidEnrollment, RegistrationNotFound
from vedette.enrollment.events import ReenrollmentAllowed, RegistrationLocked
from vedette.enrollment.model import Registration
from vedette.kernel import Clock, DeviceId, IdSource, InvalidId, OrganizationId, parse_registration_id, to_rfc3339
from vedette.ledger import Actor, Entry, Event, Ledger
from vedette.pki import (
    AuthorityDisabled,
    AuthorityHubTrustChanged,
    AuthorityVerified,
    CertificateRevoked,
    IdentityFrozen,
)
from vedette.registry import ClockGuard, Device, DeviceDeleted, DeviceRevoked, check_reason, find_by_name
from vedette.store import Store, Transaction

PERMIT_DEFAULT: Final = timedelta(hours=24)
PERMIT_MAX: Final = timedelta(days=30)
_SYSTEM: Final = Actor("system", "enrollment")


class RegistrationLocks:
    """Locks the onboarding identity of a device that was revoked, frozen or deleted in bad standing, and unlocks it.

    ``project`` must be registered with the ledger, so that a lock is in force from the same commit as its cause.
    """

    def __init__(self, store: Store, ledger: Ledger, guard: ClockGuard, *, clock: Clock, ids: IdSource) -> None:
        self._store = store
        self._ledger = ledger
        self._guard = guard
        self._clock = clock
        self._ids = ids

    def project(self, tx: Transaction, event: Event) -> None:
        """Follow registry and PKI in their own transaction."""
        match event:
            case DeviceDeleted():
                self._release(tx, event)
            case CertificateRevoked() if not event.is_consequence:
                self._lock(tx, event, f"a certificate of the device was revoked ({event.reason})")
            case DeviceRevoked():
                self._lock(tx, event, f"the device was revoked ({event.reason})")
            case IdentityFrozen():
                self._lock(tx, event, "two parties were seen with the device's key")
            case AuthorityVerified() | AuthorityDisabled() | AuthorityHubTrustChanged():
                repository.advance(tx.connection, event.organization_id, self._ids.new("op"))
            case _:
                pass

    async def allow_reenrollment(
        self,
        organization_id: OrganizationId,
        device_id: str,
        *,
        actor: Actor,
        reason: str,
        valid_for: timedelta = PERMIT_DEFAULT,
    ) -> Registration:
        """Let the onboarding identity of a device register once more, until the permit ends.

        What the device holds stays good until it does; then it is revoked. A deleted device's name may be given too.

        Raises:
            RegistrationNotFound: No device of that name exists or has registered.
            InvalidEnrollment: ``valid_for`` is over 30 days, or the name cannot be a registration id.
            ReasonMissing: No reason is given.
            ClockJumped: The clock cannot be believed.
        """
        checked = check_reason(reason, is_required=True)
        if not timedelta() < valid_for <= PERMIT_MAX:
            raise InvalidEnrollment(f"a permit lasts at most {PERMIT_MAX.days} days")
        self._guard.check()

        def permit(tx: Transaction) -> Registration:
            registration, is_new = self._find(tx, organization_id, device_id)
            now = self._clock.now()
            permitted = replace(
                registration, permit_until=now + valid_for, updated_at=now, revision=registration.revision + 1
            )
            repository.save_registration(tx.connection, permitted, is_new=is_new)
            until = to_rfc3339(now + valid_for)
            event = ReenrollmentAllowed(
                organization_id=organization_id,
                generation_id=permitted.generation_id or "",
                registration_id=permitted.registration_id,
                permit_until=until,
                device_id=permitted.device_id,
            )
            self._record(tx, permitted, "enrollment.allow_reenrollment", event, actor=actor, reason=checked)
            return permitted

        return await self._store.write(permit)

    async def registration_of(self, organization_id: OrganizationId, device_id: str) -> Registration | None:
        """Return what is known of how a device registered; the latest of its name."""
        found = await self._store.read(
            lambda connection: repository.find_registrations_named(connection, organization_id, device_id)
        )
        return found[0] if found else None

    def _find(self, tx: Transaction, organization_id: OrganizationId, device_id: str) -> tuple[Registration, bool]:
        device = find_by_name(tx.connection, organization_id, device_id)
        registration = None
        if device is not None:
            registration = repository.find_registration_of(tx.connection, organization_id, device.generation_id)
        if registration is None:
            named = repository.find_registrations_named(tx.connection, organization_id, device_id)
            registration = next((each for each in named if each.generation_id is None), None)
        if registration is not None:
            return registration, False
        if device is None:
            raise RegistrationNotFound(
                f"no device {device_id[:160]!r} exists or has registered", hint="see: vedette device list"
            )
        return self._first(tx, device)

    def _first(self, tx: Transaction, device: Device) -> tuple[Registration, bool]:
        """Begin the registration of a device that never registered: an operator created it."""
        try:
            registration_id = parse_registration_id(device.device_id)
        except InvalidId as error:
            raise InvalidEnrollment(error.detail, hint="this device cannot register by that name") from error
        taken, _ = repository.find_registration(tx.connection, device.organization_id, registration_id)
        if taken is not None:
            raise InvalidEnrollment(
                f"the registration id {registration_id} belongs to the device {taken.device_id}",
                hint="ids that differ in case only are one registration id",
            )
        now = self._clock.now()
        first = Registration(
            organization_id=device.organization_id,
            registration_id=registration_id,
            device_id=DeviceId(device.device_id),
            generation_id=device.generation_id,
            enrollment_id=None,
            onboarding_sha256=None,
            certificate_sha256=None,
            operation_id="",
            permit_until=None,
            locked_at=None,
            lock_reason="",
            created_at=now,
            updated_at=now,
            revision=0,
        )
        return first, True

    def _release(self, tx: Transaction, event: DeviceDeleted) -> None:
        """Part a registration from a deleted device; one from which something had been taken stays closed."""
        registration = repository.find_registration_of(tx.connection, event.organization_id, event.generation_id)
        if registration is None:
            return
        # What was approved was this generation: the next holder of the name is looked at anew.
        parted = replace(registration, generation_id=None, permit_until=None, approved_binding=None)
        if registration.locked_at is None and not event.was_in_good_standing:
            self._close(tx, parted, event.generation_id, "the device was deleted while it was kept out")
            return
        self._save(tx, parted)

    def _lock(self, tx: Transaction, event: CertificateRevoked | DeviceRevoked | IdentityFrozen, reason: str) -> None:
        registration = repository.find_registration_of(tx.connection, event.organization_id, event.generation_id)
        # A permit that was given before ends with it.
        if registration is not None and (registration.locked_at is None or registration.permit_until is not None):
            self._close(tx, replace(registration, permit_until=None), event.generation_id, reason)

    def _close(self, tx: Transaction, registration: Registration, generation_id: str, reason: str) -> None:
        closed = replace(registration, locked_at=self._clock.now(), lock_reason=reason)
        self._save(tx, closed)
        event = RegistrationLocked(
            organization_id=closed.organization_id,
            generation_id=generation_id,
            registration_id=closed.registration_id,
            reason=reason,
        )
        self._record(tx, closed, "enrollment.lock_registration", event, actor=_SYSTEM, reason=reason)

    def _save(self, tx: Transaction, registration: Registration) -> None:
        written = replace(registration, updated_at=self._clock.now(), revision=registration.revision + 1)
        repository.save_registration(tx.connection, written, is_new=False)

    def _record(
        self, tx: Transaction, registration: Registration, action: str, event: Event, *, actor: Actor, reason: str
    ) -> None:
        entry = Entry(
            organization_id=registration.organization_id,
            actor=actor,
            action=action,
            target=event.generation_id,
            target_name=registration.device_id,
            reason=reason,
            details={"registration_id": registration.registration_id},
        )
        self._ledger.append(tx, entry, event=event)
