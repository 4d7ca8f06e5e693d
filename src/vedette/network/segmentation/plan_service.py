"""Versions of the plan: a draft that people edit, an approved one that counts, and the way back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import msgspec
import sqlalchemy as sa

from vedette.kernel import Clock, IdSource, OrganizationId
from vedette.ledger import Actor, Entry, Ledger
from vedette.network.segmentation import repository
from vedette.network.segmentation.errors import (
    ConduitNotFound,
    PlanChanged,
    PlanNotFound,
    PlanStateRefused,
    ZoneNotFound,
)
from vedette.network.segmentation.events import PlanApproved
from vedette.network.segmentation.inventory import SegmentInventory
from vedette.network.segmentation.model import (
    Conduit,
    Plan,
    PlanState,
    PlanVersion,
    PlanVersionSummary,
    Proposal,
    Stage,
    Zone,
)
from vedette.network.segmentation.plan_check import check_plan
from vedette.network.segmentation.proposal import propose
from vedette.registry import ClockGuard, check_reason
from vedette.store import Store, Transaction

log = logging.getLogger(__name__)

Edit = Callable[[Plan], Plan]


class PlanService:
    """Proposes, edits, approves and takes back plans.

    Args:
        store: Where they are kept.
        ledger: Every change is on record there.
        inventory: What proposals are made from.
        guard: Holds what widens while the clock cannot be believed.
        clock: Source of time.
        ids: Source of ids.
    """

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        inventory: SegmentInventory,
        guard: ClockGuard,
        *,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._inventory = inventory
        self._guard = guard
        self._clock = clock
        self._ids = ids

    async def plans(
        self, organization_id: OrganizationId, *, before: int | None = None, limit: int = 100
    ) -> list[PlanVersionSummary]:
        """Return versions, the newest first."""
        return await self._store.read(
            lambda connection: repository.list_plans(connection, organization_id, before=before, limit=limit)
        )

    async def get(self, organization_id: OrganizationId, which: PlanState | int) -> PlanVersion:
        """Return a version by its number, the draft or the approved one.

        Raises:
            PlanNotFound: There is none.
        """
        return await self._store.read(lambda connection: _require_plan(connection, organization_id, which))

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
        proposal = await asyncio.to_thread(propose, members, flows, new_id=self._ids.new)
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
            version = self._begin(tx.connection, organization_id, proposal, actor=actor, reason=checked)
            repository.save_plan(tx.connection, organization_id, version)
            details = {"links": len(flows), "assets": len(members), "left_out": len(proposal.left_out)}
            self._record(tx, organization_id, version, "propose_plan", actor=actor, reason=checked, details=details)
            return version

        return await self._store.write(change)

    async def save_zone(
        self, organization_id: OrganizationId, zone: Zone, *, actor: Actor, revision: int | None = None
    ) -> PlanVersion:
        """Put a zone into the draft, over one of the same id; a draft is begun from the approved version if need be.

        Raises:
            InvalidPlan: The plan would break a rule.
            PlanChanged: The draft is at another revision.
        """

        def edit(plan: Plan) -> Plan:
            zones = [each for each in plan.zones if each.zone_id != zone.zone_id]
            index = next((n for n, each in enumerate(plan.zones) if each.zone_id == zone.zone_id), len(zones))
            zones.insert(index, zone)
            return msgspec.structs.replace(plan, zones=tuple(zones))

        return await self._edit(
            organization_id, edit, "change_zone", zone.zone_id, zone.name, actor=actor, revision=revision
        )

    async def remove_zone(
        self, organization_id: OrganizationId, zone_id: str, *, actor: Actor, revision: int | None = None
    ) -> PlanVersion:
        """Take a zone, and the conduits that begin or end there, out of the draft.

        Raises:
            ZoneNotFound: The draft has none of that id.
            PlanChanged: The draft is at another revision.
        """

        def edit(plan: Plan) -> Plan:
            require_zone(plan, zone_id)
            return msgspec.structs.replace(
                plan,
                zones=tuple(zone for zone in plan.zones if zone.zone_id != zone_id),
                conduits=tuple(each for each in plan.conduits if zone_id not in {each.source, each.target}),
            )

        return await self._edit(organization_id, edit, "remove_zone", zone_id, "", actor=actor, revision=revision)

    async def move_members(
        self,
        organization_id: OrganizationId,
        zone_id: str,
        asset_ids: tuple[str, ...],
        *,
        actor: Actor,
        revision: int | None = None,
    ) -> PlanVersion:
        """Put assets into a zone of the draft by hand, out of any other that named them.

        Raises:
            ZoneNotFound: The draft has none of that id.
            InvalidPlan: There would be too many members.
            PlanChanged: The draft is at another revision.
        """
        moved = dict.fromkeys(asset_ids)

        def edit(plan: Plan) -> Plan:
            require_zone(plan, zone_id)
            zones = []
            for zone in plan.zones:
                kept = tuple(member for member in zone.members if member not in moved)
                members = (*kept, *moved) if zone.zone_id == zone_id else kept
                zones.append(msgspec.structs.replace(zone, members=members))
            return msgspec.structs.replace(plan, zones=tuple(zones))

        return await self._edit(organization_id, edit, "move_members", zone_id, "", actor=actor, revision=revision)

    async def save_conduit(
        self, organization_id: OrganizationId, conduit: Conduit, *, actor: Actor, revision: int | None = None
    ) -> PlanVersion:
        """Put a conduit into the draft, over one of the same id.

        Raises:
            InvalidPlan: The plan would break a rule.
            PlanChanged: The draft is at another revision.
        """

        def edit(plan: Plan) -> Plan:
            conduits = [each for each in plan.conduits if each.conduit_id != conduit.conduit_id]
            return msgspec.structs.replace(plan, conduits=(*conduits, conduit))

        return await self._edit(
            organization_id, edit, "change_conduit", conduit.conduit_id, "", actor=actor, revision=revision
        )

    async def remove_conduit(
        self, organization_id: OrganizationId, conduit_id: str, *, actor: Actor, revision: int | None = None
    ) -> PlanVersion:
        """Take a conduit out of the draft.

        Raises:
            ConduitNotFound: The draft has none of that id.
            PlanChanged: The draft is at another revision.
        """

        def edit(plan: Plan) -> Plan:
            require_conduit(plan, conduit_id)
            kept = tuple(each for each in plan.conduits if each.conduit_id != conduit_id)
            return msgspec.structs.replace(plan, conduits=kept)

        return await self._edit(organization_id, edit, "remove_conduit", conduit_id, "", actor=actor, revision=revision)

    async def discard(self, organization_id: OrganizationId, *, actor: Actor, reason: str = "") -> None:
        """Throw the draft away.

        Raises:
            PlanNotFound: There is none.
        """
        checked = check_reason(reason, is_required=False)

        def change(tx: Transaction) -> None:
            draft = _require_plan(tx.connection, organization_id, PlanState.DRAFT)
            repository.delete_plan(tx.connection, organization_id, draft.number)
            self._record(tx, organization_id, draft, "discard_plan", actor=actor, reason=checked)

        await self._store.write(change)

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
        _require_person(actor)
        self._guard.check()

        def change(tx: Transaction) -> PlanVersion:
            draft = _require_plan(tx.connection, organization_id, PlanState.DRAFT)
            _require_revision(draft, revision)
            return self._put_in_force(tx, organization_id, draft, actor=actor, reason=checked)

        return await self._store.write(change)

    async def set_stage(
        self, organization_id: OrganizationId, stage: Stage, *, actor: Actor, reason: str
    ) -> PlanVersion:
        """Have the firewalls of the approved version enforce it, or only monitor.

        Raises:
            PlanNotFound: No version is approved.
            PlanStateRefused: Not a person asks.
            ReasonMissing: No reason is given.
        """
        checked = check_reason(reason, is_required=True)
        _require_person(actor)

        def change(tx: Transaction) -> PlanVersion:
            approved = _require_plan(tx.connection, organization_id, PlanState.APPROVED)
            changed = msgspec.structs.replace(
                approved,
                stage=stage,
                revision=approved.revision + 1,
                changed_at=self._clock.now(),
                changed_by=_name_of(actor),
            )
            repository.save_plan(tx.connection, organization_id, changed)
            self._record(tx, organization_id, changed, "stage_plan", actor=actor, reason=checked)
            return changed

        return await self._store.write(change, restricting=stage is Stage.ENFORCE)

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
        _require_person(actor)
        self._guard.check()

        def change(tx: Transaction) -> PlanVersion:
            former = _require_plan(tx.connection, organization_id, number)
            if former.state is not PlanState.SUPERSEDED:
                raise PlanStateRefused(f"version {number} is {former.state.value}, not superseded")
            copy = self._begin(
                tx.connection,
                organization_id,
                Proposal(plan=former.plan, left_out=former.left_out, notes=former.notes),
                actor=actor,
                reason=checked,
            )
            return self._put_in_force(tx, organization_id, copy, actor=actor, reason=checked)

        return await self._store.write(change)

    async def _edit(
        self,
        organization_id: OrganizationId,
        edit: Edit,
        action: str,
        target: str,
        target_name: str,
        *,
        actor: Actor,
        revision: int | None,
    ) -> PlanVersion:
        def change(tx: Transaction) -> PlanVersion:
            draft = repository.find_plan(tx.connection, organization_id, state=PlanState.DRAFT)
            if draft is None:
                approved = repository.find_plan(tx.connection, organization_id, state=PlanState.APPROVED)
                plan = approved.plan if approved is not None else Plan()
                draft = self._begin(tx.connection, organization_id, Proposal(plan=plan), actor=actor, reason="")
            elif revision is not None:
                _require_revision(draft, revision)
            plan = edit(draft.plan)
            check_plan(plan)
            changed = msgspec.structs.replace(
                draft,
                plan=plan,
                revision=draft.revision + 1,
                changed_at=self._clock.now(),
                changed_by=_name_of(actor),
            )
            repository.save_plan(tx.connection, organization_id, changed)
            self._ledger.append(
                tx,
                Entry(
                    organization_id=organization_id,
                    actor=actor,
                    action=f"network.{action}",
                    target=target,
                    target_name=target_name,
                    details={"version": changed.number, "revision": changed.revision},
                ),
            )
            return changed

        return await self._store.write(change)

    def _begin(
        self,
        connection: sa.Connection,
        organization_id: OrganizationId,
        proposal: Proposal,
        *,
        actor: Actor,
        reason: str,
    ) -> PlanVersion:
        approved = repository.find_plan(connection, organization_id, state=PlanState.APPROVED)
        now = self._clock.now()
        return PlanVersion(
            number=repository.newest_number(connection, organization_id) + 1,
            state=PlanState.DRAFT,
            stage=Stage.MONITOR,
            plan=proposal.plan,
            base=approved.number if approved is not None else 0,
            left_out=proposal.left_out,
            notes=proposal.notes,
            created_at=now,
            created_by=_name_of(actor),
            changed_at=now,
            changed_by=_name_of(actor),
            reason=reason,
        )

    def _put_in_force(
        self, tx: Transaction, organization_id: OrganizationId, version: PlanVersion, *, actor: Actor, reason: str
    ) -> PlanVersion:
        repository.set_state(tx.connection, organization_id, PlanState.APPROVED, PlanState.SUPERSEDED)
        now = self._clock.now()
        approved = msgspec.structs.replace(
            version,
            state=PlanState.APPROVED,
            stage=Stage.MONITOR,
            revision=version.revision + 1,
            approved_at=now,
            approved_by=_name_of(actor),
            changed_at=now,
            changed_by=_name_of(actor),
            reason=reason,
        )
        repository.save_plan(tx.connection, organization_id, approved)
        repository.forget_violations(tx.connection, organization_id, but=approved.number)
        self._record(tx, organization_id, approved, "approve_plan", actor=actor, reason=reason, is_told=True)
        return approved

    def _record(
        self,
        tx: Transaction,
        organization_id: OrganizationId,
        version: PlanVersion,
        action: str,
        *,
        actor: Actor,
        reason: str,
        details: dict[str, Any] | None = None,  # Any: JSON
        is_told: bool = False,
    ) -> None:
        told = PlanApproved(
            organization_id=organization_id,
            number=version.number,
            base=version.base,
            zones=len(version.plan.zones),
            conduits=len(version.plan.conduits),
            stage=version.stage.value,
        )
        entry = Entry(
            organization_id=organization_id,
            actor=actor,
            action=f"network.{action}",
            target=f"plan_{version.number}",
            reason=reason,
            details={
                "version": told.number,
                "revision": version.revision,
                "base": told.base,
                "zones": told.zones,
                "conduits": told.conduits,
                "stage": told.stage,
            }
            | (details or {}),
        )
        self._ledger.append(tx, entry, event=told if is_told else None)


def require_zone(plan: Plan, zone_id: str) -> Zone:
    """Return a zone of a plan.

    Raises:
        ZoneNotFound: There is none of that id.
    """
    zone = plan.zone(zone_id)
    if zone is None:
        raise ZoneNotFound(f"the plan has no zone {zone_id[:64]!r}", hint="see them: vedette zone list")
    return zone


def require_conduit(plan: Plan, conduit_id: str) -> Conduit:
    """Return a conduit of a plan.

    Raises:
        ConduitNotFound: There is none of that id.
    """
    conduit = plan.conduit(conduit_id)
    if conduit is None:
        raise ConduitNotFound(f"the plan has no conduit {conduit_id[:64]!r}", hint="see them: vedette conduit list")
    return conduit


def _require_plan(connection: sa.Connection, organization_id: OrganizationId, which: PlanState | int) -> PlanVersion:
    if isinstance(which, PlanState):
        found = repository.find_plan(connection, organization_id, state=which)
        missing = f"there is no {which.value} plan"
    else:
        found = repository.find_plan(connection, organization_id, number=which)
        missing = f"there is no version {which}"
    if found is None:
        raise PlanNotFound(missing, hint="make one: vedette zone propose")
    return found


def _require_revision(version: PlanVersion, revision: int) -> None:
    if version.revision != revision:
        raise PlanChanged(
            f"version {version.number} is at revision {version.revision}, not {revision}",
            hint="look at it again: vedette zone list --plan draft",
        )


def _require_person(actor: Actor) -> None:
    """Check that a person acts: programs and rules never open a way between zones."""
    if actor.kind != "operator":
        raise PlanStateRefused("only a person puts a plan in force, or changes its stage")


def _name_of(actor: Actor) -> str:
    return f"{actor.kind}:{actor.id}"
