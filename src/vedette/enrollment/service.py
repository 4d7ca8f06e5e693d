"""The use cases of enrollments: create, read, change, delete; every change is on record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import sqlalchemy as sa

from vedette.enrollment import repository
from vedette.enrollment.errors import (
    EnrollmentChangedMeanwhile,
    EnrollmentExists,
    EnrollmentNotFound,
    InvalidEnrollment,
)
from vedette.enrollment.events import EnrollmentChanged, EnrollmentCreated, EnrollmentDeleted
from vedette.enrollment.model import Approval, Attestation, Enrollment, EnrollmentKind, NewEnrollment, Registration
from vedette.enrollment.pending_repository import approve_pending_of, delete_pending_of
from vedette.enrollment.properties import check_new_enrollment, patch_enrollment
from vedette.kernel import AuthorityId, Clock, DeviceId, EnrollmentId, IdSource, OrganizationId, RegistrationId
from vedette.ledger import Actor, Entry, Event, Ledger
from vedette.pki import AuthorityState, KeySlot, NewKey, NewKeys, SymmetricKey
from vedette.pki.records import OnboardingAuthorityService, SymmetricKeyService
from vedette.registry import ClockGuard, InvalidFilter, check_reason
from vedette.store import Store, Transaction

PAGE_MAX: Final = 1000
# A device does not say which group it is of: each key that might be its own is tried.
KEYED_GROUPS_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class CreatedEnrollment:
    """An enrollment just made, and its symmetric keys if it has any: shown now, and never again."""

    enrollment: Enrollment
    keys: NewKeys | None = None


class EnrollmentService:
    """Creates, reads, changes and ends enrollments of an organization."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        authorities: OnboardingAuthorityService,
        guard: ClockGuard,
        *,
        keys: SymmetricKeyService,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._authorities = authorities
        self._guard = guard
        self._keys = keys
        self._clock = clock
        self._ids = ids

    async def create(
        self,
        organization_id: OrganizationId,
        new: NewEnrollment,
        *,
        actor: Actor,
        key_values: Mapping[KeySlot, bytes] | None = None,
    ) -> CreatedEnrollment:
        """Let devices register: one by its certificate or key, or all that an authority or a key covers.

        Args:
            organization_id: Whose devices.
            new: What is asked for.
            actor: Who asks.
            key_values: Symmetric keys that were made elsewhere; those of empty slots are made here.

        Raises:
            InvalidEnrollment: A property is missing, misplaced or outside its limits, or the authority not verified.
            InvalidDevice: An initial property is outside its limits.
            SymmetricKeysOff: It asks for symmetric keys, and they are not accepted here.
            InvalidSymmetricKey: A given key is too short or too long.
            AuthorityNotFound: There is no such authority.
            EnrollmentExists: Name, registration id, certificate or authority belong to another enrollment.
            ClockJumped: The clock cannot be believed.
        """
        self._guard.check()
        asked = check_new_enrollment(new, self._clock.now())
        has_keys = asked.attestation is Attestation.SYMMETRIC_KEY
        if has_keys:
            self._keys.check_enabled()
        elif key_values:
            raise InvalidEnrollment("keys go with attestation = symmetric_key")
        if asked.authority_id is not None:
            await self._check_authority(organization_id, asked.authority_id)
        enrollment = self._compose(organization_id, asked)

        def insert(tx: Transaction) -> CreatedEnrollment:
            self._check_unique(tx.connection, enrollment)
            self._check_room(tx.connection, enrollment)
            repository.insert_enrollment(tx.connection, enrollment)
            self._record_creation(tx, enrollment, actor)
            if not has_keys:
                return CreatedEnrollment(enrollment)
            keys = self._keys.create_for(
                tx,
                organization_id,
                enrollment.enrollment_id,
                owner_name=enrollment.name,
                actor=actor,
                given=key_values,
            )
            return CreatedEnrollment(enrollment, keys)

        return await self._store.write(insert)

    async def rotate_key(
        self,
        organization_id: OrganizationId,
        enrollment_id: str,
        slot: KeySlot,
        *,
        actor: Actor,
        value: bytes | None = None,
    ) -> NewKey:
        """Replace one of an enrollment's two symmetric keys; devices that registered with it keep what they have.

        Raises:
            EnrollmentNotFound: There is none of that id.
            InvalidEnrollment: It has no symmetric keys.
            SymmetricKeysOff: They are not accepted here.
            InvalidSymmetricKey: The value is too short or too long, or the one that is to be replaced.
            ClockJumped: The clock cannot be believed.
        """
        self._guard.check()

        def rotate(tx: Transaction) -> NewKey:
            enrollment = _require(tx.connection, organization_id, enrollment_id)
            if enrollment.attestation is not Attestation.SYMMETRIC_KEY:
                raise InvalidEnrollment(f"the enrollment {enrollment.name!r} has no symmetric keys")
            new = self._keys.rotate(
                tx, organization_id, enrollment_id, slot, owner_name=enrollment.name, actor=actor, value=value
            )
            repository.advance(tx.connection, organization_id, self._ids.new("op"))
            return new

        return await self._store.write(rotate)

    async def keys_of(self, organization_id: OrganizationId, enrollment_ids: Sequence[str]) -> Sequence[SymmetricKey]:
        """Return what keys enrollments have and when they end, without their values."""
        return await self._keys.list_of(organization_id, list(enrollment_ids)) if enrollment_ids else []

    async def get(self, organization_id: OrganizationId, enrollment_id: str) -> Enrollment:
        """Return one enrollment.

        Raises:
            EnrollmentNotFound: There is none of that id.
        """
        return await self._store.read(lambda connection: _require(connection, organization_id, enrollment_id))

    async def names_of(self, organization_id: OrganizationId, enrollment_ids: Sequence[str]) -> dict[str, str]:
        """Return what people call enrollments, by id; those that are gone are left out."""
        return await self._store.read(
            lambda connection: repository.find_names(connection, organization_id, enrollment_ids)
        )

    async def list(
        self,
        organization_id: OrganizationId,
        *,
        after: str = "",
        limit: int = 100,
        kind: EnrollmentKind | None = None,
    ) -> tuple[Sequence[Enrollment], str | None]:
        """Return enrollments in the order they were made, and what to pass as ``after`` next.

        Raises:
            InvalidFilter: ``limit`` is outside 1 to 1000.
        """
        check_page(limit, after)
        found = await self._store.read(
            lambda connection: repository.list_enrollments(
                connection, organization_id, after=after, limit=limit + 1, kind=kind
            )
        )
        page = found[:limit]
        return page, page[-1].enrollment_id if len(found) > limit else None

    async def registrations(
        self, organization_id: OrganizationId, enrollment_id: str, *, after: str = "", limit: int = 100
    ) -> tuple[Sequence[Registration], str | None]:
        """Return who registered through an enrollment, by registration id, and what to pass as ``after`` next.

        Raises:
            InvalidFilter: ``limit`` is outside 1 to 1000.
        """
        check_page(limit, after)
        found = await self._store.read(
            lambda connection: repository.list_registrations(
                connection, organization_id, enrollment_id, after=after, limit=limit + 1
            )
        )
        page = found[:limit]
        return page, page[-1].registration_id if len(found) > limit else None

    async def update(
        self,
        organization_id: OrganizationId,
        enrollment_id: str,
        patch: Mapping[str, object],
        *,
        actor: Actor,
        reason: str = "",
        if_match: int | None = None,
    ) -> Enrollment:
        """Change properties by a merge patch (RFC 7396); disabling alone works in every degraded state.

        Raises:
            EnrollmentNotFound: There is none of that id.
            EnrollmentChangedMeanwhile: It has changed since ``if_match``.
            InvalidEnrollment: A property is unknown, fixed, or outside its limits.
            EnrollmentExists: The new name or certificate belongs to another enrollment.
            ClockJumped: It may widen access while the clock cannot be believed.
        """
        checked = check_reason(reason)
        restricting = dict(patch) == {"is_enabled": False}
        if not restricting:
            self._guard.check()

        def change(tx: Transaction) -> Enrollment:
            current = _require(tx.connection, organization_id, enrollment_id, if_match=if_match)
            now = self._clock.now()
            patched = patch_enrollment(current, patch, now)
            names = tuple(
                name for name in Enrollment.__dataclass_fields__ if getattr(patched, name) != getattr(current, name)
            )
            if not names:
                return current
            changed = replace(patched, updated_at=now, revision=current.revision + 1)
            self._check_unique(tx.connection, changed)
            repository.update_enrollment(tx.connection, changed)
            let_in = 0
            if "approval" in names and changed.approval is Approval.NONE:
                # Who waited was let in by whoever decided not to be asked.
                let_in = approve_pending_of(
                    tx.connection, organization_id, enrollment_id, now=now, by=name_actor(actor), reason=checked
                )
            event = EnrollmentChanged(organization_id=organization_id, enrollment_id=enrollment_id, changed=names)
            details = {
                "changed": list(names),
                "is_enabled": changed.is_enabled,
                "credential": changed.credential.value,
                "approval": changed.approval.value,
                "let_in": let_in,
            }
            self._record(
                tx, changed, "enrollment.update_enrollment", event, actor=actor, details=details, reason=checked
            )
            return changed

        return await self._store.write(change, restricting=restricting)

    async def delete(
        self,
        organization_id: OrganizationId,
        enrollment_id: str,
        *,
        actor: Actor,
        reason: str = "",
        if_match: int | None = None,
    ) -> Enrollment:
        """End an enrollment; devices that registered through it keep what they have.

        Raises:
            EnrollmentNotFound: There is none of that id.
            EnrollmentChangedMeanwhile: It has changed since ``if_match``.
        """
        checked = check_reason(reason)

        def remove(tx: Transaction) -> Enrollment:
            enrollment = _require(tx.connection, organization_id, enrollment_id, if_match=if_match)
            repository.delete_enrollment(tx.connection, enrollment)
            delete_pending_of(tx.connection, organization_id, enrollment_id)
            event = EnrollmentDeleted(organization_id=organization_id, enrollment_id=enrollment_id)
            self._record(tx, enrollment, "enrollment.delete_enrollment", event, actor=actor, reason=checked)
            self._keys.revoke(
                tx, organization_id, enrollment_id, owner_name=enrollment.name, actor=actor, reason=checked
            )
            return enrollment

        return await self._store.write(remove, restricting=True)

    def _compose(self, organization_id: OrganizationId, asked: NewEnrollment) -> Enrollment:
        now = self._clock.now()
        names = asked.__dataclass_fields__.keys() - {"registration_id", "device_id"}
        return Enrollment(
            organization_id=organization_id,
            enrollment_id=EnrollmentId(self._ids.new("enr")),
            registration_id=None if asked.registration_id is None else RegistrationId(asked.registration_id),
            device_id=None if asked.device_id is None else DeviceId(asked.device_id),
            created_at=now,
            updated_at=now,
            revision=1,
            **{name: getattr(asked, name) for name in names},
        )

    def _check_room(self, connection: sa.Connection, enrollment: Enrollment) -> None:
        if enrollment.attestation is Attestation.X509 or enrollment.kind is EnrollmentKind.INDIVIDUAL:
            return
        count = repository.count_keyed_groups(connection, enrollment.organization_id)
        if count >= KEYED_GROUPS_MAX:
            raise InvalidEnrollment(
                f"there are {count} group enrollments with symmetric keys already, which is the limit",
                hint="prefer certificates, or delete one: vedette enrollment list",
            )

    def _record_creation(self, tx: Transaction, enrollment: Enrollment, actor: Actor) -> None:
        event = EnrollmentCreated(
            organization_id=enrollment.organization_id,
            enrollment_id=enrollment.enrollment_id,
            kind=enrollment.kind.value,
            credential=enrollment.credential.value,
        )
        details = {
            "kind": enrollment.kind.value,
            "attestation": enrollment.attestation.value,
            "credential": enrollment.credential.value,
            "approval": enrollment.approval.value,
            "reprovision_policy": enrollment.reprovision_policy.value,
            "authority_id": enrollment.authority_id,
            "primary_sha256": enrollment.primary_sha256,
            "id_pattern": enrollment.id_pattern,
        }
        self._record(tx, enrollment, "enrollment.create_enrollment", event, actor=actor, details=details)

    async def _check_authority(self, organization_id: OrganizationId, authority_id: AuthorityId) -> None:
        authority = await self._authorities.get(organization_id, authority_id)
        if authority.state is not AuthorityState.VERIFIED:
            raise InvalidEnrollment(
                f"the authority {authority.name!r} is {authority.state}, so it vouches for nobody",
                hint=f"prove possession of its key first: vedette authority verify {authority_id}",
            )
        if authority.is_hub_trusted:
            raise InvalidEnrollment(
                f"the authority {authority.name!r} vouches at the hub, so it enrolls nobody",
                hint="register another authority for enrollment",
            )

    def _check_unique(self, connection: sa.Connection, enrollment: Enrollment) -> None:
        others = repository.find_like(connection, enrollment)
        if others:
            raise EnrollmentExists(
                f"the enrollment {others[0].name!r} has the same name, registration id, certificate or authority",
                hint=f"see it: vedette enrollment show {others[0].enrollment_id}",
            )

    def _record(
        self,
        tx: Transaction,
        enrollment: Enrollment,
        action: str,
        event: Event,
        *,
        actor: Actor,
        reason: str = "",
        details: dict[str, Any] | None = None,  # Any: JSON values
    ) -> None:
        repository.advance(tx.connection, enrollment.organization_id, self._ids.new("op"))
        entry = Entry(
            organization_id=enrollment.organization_id,
            actor=actor,
            action=action,
            target=enrollment.enrollment_id,
            target_name=enrollment.name,
            reason=reason,
            details=details or {},
        )
        self._ledger.append(tx, entry, event=event)


def _require(
    connection: sa.Connection, organization_id: str, enrollment_id: str, *, if_match: int | None = None
) -> Enrollment:
    enrollment = repository.find_enrollment(connection, organization_id, enrollment_id)
    if enrollment is None:
        raise EnrollmentNotFound(
            f"there is no enrollment {enrollment_id[:64]!r}", hint="see them: vedette enrollment list"
        )
    if if_match is not None and if_match != enrollment.revision:
        raise EnrollmentChangedMeanwhile(
            f"the enrollment is at revision {enrollment.revision}, not {if_match}", hint="read it again, then change it"
        )
    return enrollment


def name_actor(actor: Actor) -> str:
    """Return who decided, as it stands beside what was decided."""
    return f"{actor.kind}:{actor.id}"[:256]


def check_page(limit: int, after: str) -> None:
    """Check what a list is asked for.

    Raises:
        InvalidFilter: ``limit`` is outside 1 to 1000, or ``after`` cannot have come from a page.
    """
    if not 1 <= limit <= PAGE_MAX or "\0" in after:
        raise InvalidFilter(f"limit is 1 to {PAGE_MAX}", limit=PAGE_MAX)
