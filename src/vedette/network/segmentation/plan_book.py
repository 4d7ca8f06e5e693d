"""What every change of a plan needs: the version it is about, the next number, and the ledger."""

from __future__ import annotations

from typing import Any

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
from vedette.network.segmentation.model import Conduit, Plan, PlanStage, PlanState, PlanVersion, Proposal, Zone
from vedette.store import Store, Transaction


class PlanBook:
    """Begins versions, and puts on record what becomes of them.

    Attributes:
        store: Where they are kept.
        ledger: Every change is on record there.
        clock: Source of time.
        ids: Source of ids.
    """

    def __init__(self, store: Store, ledger: Ledger, *, clock: Clock, ids: IdSource) -> None:
        self.store = store
        self.ledger = ledger
        self.clock = clock
        self.ids = ids

    def begin(
        self,
        connection: sa.Connection,
        organization_id: OrganizationId,
        proposal: Proposal,
        *,
        actor: Actor,
        reason: str,
    ) -> PlanVersion:
        """Return a new draft; it is not kept yet."""
        approved = repository.find_plan(connection, organization_id, state=PlanState.APPROVED)
        now = self.clock.now()
        return PlanVersion(
            number=repository.newest_number(connection, organization_id) + 1,
            state=PlanState.DRAFT,
            stage=PlanStage.MONITOR,
            plan=proposal.plan,
            base=approved.number if approved is not None else 0,
            left_out=proposal.left_out,
            notes=proposal.notes,
            created_at=now,
            created_by=name_of(actor),
            changed_at=now,
            changed_by=name_of(actor),
            reason=reason,
        )

    def record(
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
        """Write an act on a version into the ledger; ``is_told``: publish that it is in force."""
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
        self.ledger.append(tx, entry, event=told if is_told else None)


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


def require_plan(connection: sa.Connection, organization_id: OrganizationId, which: PlanState | int) -> PlanVersion:
    """Return a version by its number, the draft or the approved one.

    Raises:
        PlanNotFound: There is none.
    """
    if isinstance(which, PlanState):
        found = repository.find_plan(connection, organization_id, state=which)
        missing = f"there is no {which.value} plan"
    else:
        found = repository.find_plan(connection, organization_id, number=which)
        missing = f"there is no version {which}"
    if found is None:
        raise PlanNotFound(missing, hint="make one: vedette zone propose")
    return found


def require_revision(version: PlanVersion, revision: int) -> None:
    """Check that a version is as it was when somebody looked at it.

    Raises:
        PlanChanged: It is not.
    """
    if version.revision != revision:
        raise PlanChanged(
            f"version {version.number} is at revision {version.revision}, not {revision}",
            hint="look at it again: vedette zone list --plan draft",
        )


def require_person(actor: Actor) -> None:
    """Check that a person acts: programs and rules never open a way between zones.

    Raises:
        PlanStateRefused: Something else does.
    """
    if actor.kind != "operator":
        raise PlanStateRefused("only a person puts a plan in force, or changes its stage")


def name_of(actor: Actor) -> str:
    """Return how a version names who acted."""
    return f"{actor.kind}:{actor.id}"
