"""Versions of the plan: proposed from what was seen, approved by a person, staged, and the way back."""

from __future__ import annotations

import asyncio

import msgspec

from vedette.kernel import OrganizationId
from vedette.ledger import Actor
from vedette.network.segmentation import repository
from vedette.network.segmentation.errors import PlanStateRefused
from vedette.network.segmentation.inventory import SegmentInventory
from vedette.network.segmentation.model import PlanStage, PlanState, PlanVersion, PlanVersionSummary, Proposal
from vedette.network.segmentation.plan_book import (
    PlanBook,
    name_of,
    require_person,
    require_plan,
    require_revision,
)
from vedette.network.segmentation.plan_check import check_plan
from vedette.network.segmentation.proposal import propose
from vedette.registry import ClockGuard, check_reason
from vedette.store import Transaction


class PlanService:
    """Proposes, approves and takes back plans.

    Args:
        book: Begins versions, and puts on record what becomes of them.
        inventory: What proposals are made from.
        guard: Holds what widens while the clock cannot be believed.
    """

    def __init__(self, book: PlanBook, inventory: SegmentInventory, guard: ClockGuard) -> None:
        self._book = book
        self._inventory = inventory
        self._guard = guard

    async def plans(
        self, organization_id: OrganizationId, *, before: int | None = None, limit: int = 100
    ) -> list[PlanVersionSummary]:
        """Return versions, the newest first."""
        return await self._book.store.read(
            lambda connection: repository.list_plans(connection, organization_id, before=before, limit=limit)
        )

    async def get(self, organization_id: OrganizationId, which: PlanState | int) -> PlanVersion:
        """Return a version by its number, the draft or the approved one.

        Raises:
            PlanNotFound: There is none.
        """
        return await self._book.store.read(lambda connection: require_plan(connection, organization_id, which))

    async def propose(
        self, organization_id: OrganizationId, *, actor: Actor, reason: str = "", is_replacing: bool = False
    ) -> PlanVersion:
        """Make a draft of what was observed; nothing counts before a person approves it.

        Args:
            organization_id: Whose.
            actor: Who asks.
            reason: Why; for the ledger.
            is_replacing: A draft that is there is thrown away.

        Raises:
            PlanStateRefused: There is a draft.
        """
        checked = check_reason(reason, is_required=False)
        members = await self._inventory.members(organization_id)
        flows = await self._inventory.flows(organization_id)
        proposal = await asyncio.to_thread(propose, members, flows, new_id=self._book.ids.new)
        await asyncio.to_thread(check_plan, proposal.plan)

        def change(tx: Transaction) -> PlanVersion:
            draft = repository.find_plan(tx.connection, organization_id, state=PlanState.DRAFT)
            if draft is not None and not is_replacing:
                raise PlanStateRefused(
                    f"version {draft.number} is a draft already",
                    hint="approve it, discard it, or propose with is_replacing (CLI: --replace)",
                )
            if draft is not None:
                repository.delete_plan(tx.connection, organization_id, draft.number)
            version = self._book.begin(tx.connection, organization_id, proposal, actor=actor, reason=checked)
            repository.save_plan(tx.connection, organization_id, version)
            details = {"links": len(flows), "assets": len(members), "left_out": len(proposal.left_out)}
            self._book.record(
                tx, organization_id, version, "propose_plan", actor=actor, reason=checked, details=details
            )
            return version

        return await self._book.store.write(change)

    async def discard(self, organization_id: OrganizationId, *, actor: Actor, reason: str = "") -> None:
        """Throw the draft away.

        Raises:
            PlanNotFound: There is none.
        """
        checked = check_reason(reason, is_required=False)

        def change(tx: Transaction) -> None:
            draft = require_plan(tx.connection, organization_id, PlanState.DRAFT)
            repository.delete_plan(tx.connection, organization_id, draft.number)
            self._book.record(tx, organization_id, draft, "discard_plan", actor=actor, reason=checked)

        await self._book.store.write(change)

    async def approve(
        self, organization_id: OrganizationId, *, revision: int, actor: Actor, reason: str
    ) -> PlanVersion:
        """Put the draft in force; its firewalls begin with monitoring.

        Args:
            organization_id: Whose.
            revision: Of the draft that was looked at.
            actor: A person.
            reason: Why.

        Raises:
            PlanNotFound: There is no draft.
            PlanChanged: It is at another revision.
            PlanStateRefused: Not a person asks.
            ReasonMissing: No reason is given.
            ClockJumped: The clock cannot be believed.
        """
        checked = check_reason(reason, is_required=True)
        require_person(actor)
        self._guard.check()

        def change(tx: Transaction) -> PlanVersion:
            draft = require_plan(tx.connection, organization_id, PlanState.DRAFT)
            require_revision(draft, revision)
            return self._put_in_force(tx, organization_id, draft, actor=actor, reason=checked)

        return await self._book.store.write(change)

    async def set_stage(
        self, organization_id: OrganizationId, stage: PlanStage, *, actor: Actor, reason: str
    ) -> PlanVersion:
        """Have the firewalls of the approved version enforce it, or only monitor.

        Raises:
            PlanNotFound: No version is approved.
            PlanStateRefused: Not a person asks.
            ReasonMissing: No reason is given.
        """
        checked = check_reason(reason, is_required=True)
        require_person(actor)

        def change(tx: Transaction) -> PlanVersion:
            approved = require_plan(tx.connection, organization_id, PlanState.APPROVED)
            changed = msgspec.structs.replace(
                approved,
                stage=stage,
                revision=approved.revision + 1,
                changed_at=self._book.clock.now(),
                changed_by=name_of(actor),
            )
            repository.save_plan(tx.connection, organization_id, changed)
            self._book.record(tx, organization_id, changed, "stage_plan", actor=actor, reason=checked)
            return changed

        return await self._book.store.write(change, restricting=stage is PlanStage.ENFORCE)

    async def roll_back(
        self, organization_id: OrganizationId, number: int, *, actor: Actor, reason: str
    ) -> PlanVersion:
        """Put an earlier version in force again, as a new one; its firewalls begin with monitoring.

        Raises:
            PlanNotFound: There is no such version.
            PlanStateRefused: It was never approved, it is in force, or not a person asks.
            ReasonMissing: No reason is given.
            ClockJumped: The clock cannot be believed.
        """
        checked = check_reason(reason, is_required=True)
        require_person(actor)
        self._guard.check()

        def change(tx: Transaction) -> PlanVersion:
            former = require_plan(tx.connection, organization_id, number)
            if former.state is not PlanState.SUPERSEDED:
                raise PlanStateRefused(f"version {number} is {former.state.value}, not superseded")
            copy = self._book.begin(
                tx.connection,
                organization_id,
                Proposal(plan=former.plan, left_out=former.left_out, notes=former.notes),
                actor=actor,
                reason=checked,
            )
            return self._put_in_force(tx, organization_id, copy, actor=actor, reason=checked)

        return await self._book.store.write(change)

    def _put_in_force(
        self, tx: Transaction, organization_id: OrganizationId, version: PlanVersion, *, actor: Actor, reason: str
    ) -> PlanVersion:
        repository.set_state(tx.connection, organization_id, PlanState.APPROVED, PlanState.SUPERSEDED)
        now = self._book.clock.now()
        approved = msgspec.structs.replace(
            version,
            state=PlanState.APPROVED,
            stage=PlanStage.MONITOR,
            revision=version.revision + 1,
            approved_at=now,
            approved_by=name_of(actor),
            changed_at=now,
            changed_by=name_of(actor),
            reason=reason,
        )
        repository.save_plan(tx.connection, organization_id, approved)
        repository.forget_violations(tx.connection, organization_id, but=approved.number)
        self._book.record(tx, organization_id, approved, "approve_plan", actor=actor, reason=reason, is_told=True)
        return approved
