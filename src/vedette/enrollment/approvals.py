"""Registrations that wait for an operator, as the operator sees them: listed, approved, rejected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import sqlalchemy as sa

from vedette.enrollment import pending_repository as repository
from vedette.enrollment.errors import (
    EnrollmentClosed,
    PendingRegistrationChanged,
    PendingRegistrationNotFound,
)
from vedette.enrollment.events import RegistrationApproved, RegistrationRejected
from vedette.enrollment.model import APPROVAL_TIMEOUT, PendingRegistration, PendingState
from vedette.enrollment.repository import find_enrollment
from vedette.enrollment.service import check_page, name_actor
from vedette.kernel import Clock, OrganizationId
from vedette.ledger import Actor, Entry, Ledger
from vedette.registry import ClockGuard, check_reason
from vedette.store import Store, Transaction


class RegistrationApprovals:
    """Shows registrations that wait, and keeps what operators say of them."""

    def __init__(self, store: Store, ledger: Ledger, guard: ClockGuard, *, clock: Clock) -> None:
        self._store = store
        self._ledger = ledger
        self._guard = guard
        self._clock = clock

    async def list(
        self,
        organization_id: OrganizationId,
        *,
        state: PendingState | None = None,
        enrollment_id: str | None = None,
        after: str = "",
        limit: int = 100,
    ) -> tuple[Sequence[PendingRegistration], str | None]:
        """Return registrations that wait or that devices have not fetched yet, oldest first, and the next ``after``.

        Raises:
            InvalidFilter: ``limit`` is outside 1 to 1000.
        """
        check_page(limit, after)
        now = self._clock.now()
        found = await self._store.read(
            lambda connection: repository.list_pending(
                connection,
                organization_id,
                state=state,
                enrollment_id=enrollment_id,
                after=after,
                limit=limit + 1,
                now=now,
            )
        )
        page = found[:limit]
        return page, page[-1].operation_id if len(found) > limit else None

    async def get(self, organization_id: OrganizationId, registration_id: str) -> PendingRegistration:
        """Return what waits under a registration id.

        Raises:
            PendingRegistrationNotFound: Nothing does.
        """
        return await self._store.read(lambda connection: self._require(connection, organization_id, registration_id))

    async def approve(
        self,
        organization_id: OrganizationId,
        registration_id: str,
        *,
        binding_sha256: str,
        actor: Actor,
        reason: str = "",
    ) -> PendingRegistration:
        """Let a device in that was looked at: every other check is made once more when it fetches its answer.

        Args:
            organization_id: Whose device.
            registration_id: As listed.
            binding_sha256: As listed: what was looked at, and nothing else, is approved.
            actor: Who says so.
            reason: Why.

        Raises:
            PendingRegistrationNotFound: Nothing waits under that id.
            PendingRegistrationChanged: Something else waits under it by now.
            EnrollmentClosed: Its enrollment is gone or disabled.
            ClockJumped: The clock cannot be believed.
        """
        self._guard.check()
        checked = check_reason(reason)

        def permit(tx: Transaction) -> PendingRegistration:
            waiting = self._expect(tx.connection, organization_id, registration_id, binding_sha256)
            enrollment = find_enrollment(tx.connection, organization_id, waiting.enrollment_id)
            if enrollment is None or not enrollment.is_enabled:
                raise EnrollmentClosed(
                    f"the enrollment of {waiting.registration_id} is disabled or gone",
                    hint=f"enable it first: vedette enrollment enable {waiting.enrollment_id}",
                )
            if waiting.state is PendingState.APPROVED:
                return waiting
            decided = self._decide(waiting, PendingState.APPROVED, enrollment.approval_timeout, actor, checked)
            event = RegistrationApproved(
                organization_id=organization_id,
                registration_id=decided.registration_id,
                enrollment_id=decided.enrollment_id,
                binding_sha256=decided.binding_sha256,
            )
            repository.save_pending(tx.connection, decided, is_new=False)
            self._ledger.append(tx, _entry(decided, actor, "enrollment.approve_registration"), event=event)
            return decided

        return await self._store.write(permit)

    async def reject(
        self,
        organization_id: OrganizationId,
        registration_id: str,
        *,
        binding_sha256: str | None = None,
        actor: Actor,
        reason: str,
    ) -> PendingRegistration:
        """Keep a device out, or take an approval back that was not used yet; works in every degraded state.

        Args:
            organization_id: Whose device.
            registration_id: As listed.
            binding_sha256: As listed; ``None`` rejects whatever waits.
            actor: Who says so.
            reason: Why.

        Raises:
            PendingRegistrationNotFound: Nothing waits under that id.
            PendingRegistrationChanged: Something else waits under it by now.
            ReasonMissing: No reason is given.
        """
        checked = check_reason(reason, is_required=True)

        def keep_out(tx: Transaction) -> PendingRegistration:
            waiting = self._expect(tx.connection, organization_id, registration_id, binding_sha256)
            if waiting.state is PendingState.REJECTED:
                return waiting
            decided = self._decide(waiting, PendingState.REJECTED, APPROVAL_TIMEOUT, actor, checked)
            event = RegistrationRejected(
                organization_id=organization_id,
                registration_id=decided.registration_id,
                enrollment_id=decided.enrollment_id,
                binding_sha256=decided.binding_sha256,
            )
            repository.save_pending(tx.connection, decided, is_new=False)
            self._ledger.append(tx, _entry(decided, actor, "enrollment.reject_registration"), event=event)
            return decided

        return await self._store.write(keep_out, restricting=True)

    def _require(self, connection: sa.Connection, organization_id: str, registration_id: str) -> PendingRegistration:
        waiting = repository.find_pending(connection, organization_id, registration_id.lower()[:128])
        if waiting is None or waiting.has_expired(self._clock.now()):
            raise PendingRegistrationNotFound(
                f"no registration of {registration_id[:128]!r} waits", hint="see them: vedette enrollment pending"
            )
        return waiting

    def _expect(
        self, connection: sa.Connection, organization_id: str, registration_id: str, binding_sha256: str | None
    ) -> PendingRegistration:
        waiting = self._require(connection, organization_id, registration_id)
        if binding_sha256 is not None and binding_sha256.lower() != waiting.binding_sha256:
            raise PendingRegistrationChanged(
                f"another request waits as {waiting.registration_id} by now", hint="look at it, then decide"
            )
        return waiting

    def _decide(
        self, waiting: PendingRegistration, state: PendingState, valid_for: timedelta, actor: Actor, reason: str
    ) -> PendingRegistration:
        now = self._clock.now()
        return replace(
            waiting,
            state=state,
            decided_at=now,
            decided_by=name_actor(actor),
            reason=reason,
            expires_at=now + valid_for,
        )


def _entry(decided: PendingRegistration, actor: Actor, action: str) -> Entry:
    return Entry(
        organization_id=decided.organization_id,
        actor=actor,
        action=action,
        target=decided.operation_id.removeprefix("4."),
        target_name=decided.registration_id,
        reason=decided.reason,
        details={
            "enrollment_id": decided.enrollment_id,
            "device_id": decided.device_id,
            "binding_sha256": decided.binding_sha256,
            "onboarding_sha256": decided.onboarding_sha256,
            "csr_key_sha256": decided.csr_key_sha256,
        },
    )
