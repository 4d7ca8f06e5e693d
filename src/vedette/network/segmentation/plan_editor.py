"""Changes of the draft: zones, their members, conduits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from vedette.kernel import OrganizationId
from vedette.ledger import Actor, Entry
from vedette.network.segmentation import repository
from vedette.network.segmentation.model import Conduit, Plan, PlanState, PlanVersion, Proposal, Zone
from vedette.network.segmentation.plan_book import (
    PlanBook,
    name_of,
    require_conduit,
    require_revision,
    require_zone,
)
from vedette.network.segmentation.plan_check import check_plan
from vedette.store import Transaction

Edit = Callable[[Plan], Plan]


class PlanEditor:
    """Edits the draft; one is begun from the approved version if there is none."""

    def __init__(self, book: PlanBook) -> None:
        self._book = book

    async def add_zone(
        self, organization_id: OrganizationId, zone: Zone, *, actor: Actor, revision: int | None = None
    ) -> tuple[PlanVersion, Zone]:
        """Put a new zone into the draft, under an id of its own; a draft is begun from the approved version if need be.

        Raises:
            InvalidPlan: The plan would break a rule.
            PlanChanged: The draft is at another revision.
        """
        added = msgspec.structs.replace(zone, zone_id=self._book.ids.new("zon"))

        def edit(plan: Plan) -> Plan:
            return msgspec.structs.replace(plan, zones=(*plan.zones, added))

        version = await self._edit(
            organization_id, edit, "add_zone", added.zone_id, added.name, actor=actor, revision=revision
        )
        return version, added

    async def change_zone(
        self,
        organization_id: OrganizationId,
        zone_id: str,
        changes: Mapping[str, Any],  # Any: values of the fields of a zone
        *,
        actor: Actor,
        revision: int | None = None,
    ) -> tuple[PlanVersion, Zone]:
        """Change fields of a zone of the draft.

        Raises:
            ZoneNotFound: The draft has none of that id.
            InvalidPlan: The plan would break a rule.
            PlanChanged: The draft is at another revision.
        """

        def edit(plan: Plan) -> Plan:
            require_zone(plan, zone_id)
            zones = (
                msgspec.structs.replace(zone, **changes) if zone.zone_id == zone_id else zone for zone in plan.zones
            )
            return msgspec.structs.replace(plan, zones=tuple(zones))

        version = await self._edit(organization_id, edit, "change_zone", zone_id, "", actor=actor, revision=revision)
        return version, require_zone(version.plan, zone_id)

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

    async def add_conduit(
        self, organization_id: OrganizationId, conduit: Conduit, *, actor: Actor, revision: int | None = None
    ) -> tuple[PlanVersion, Conduit]:
        """Put a new conduit into the draft, under an id of its own.

        Raises:
            InvalidPlan: The plan would break a rule.
            PlanChanged: The draft is at another revision.
        """
        added = msgspec.structs.replace(conduit, conduit_id=self._book.ids.new("cdt"))

        def edit(plan: Plan) -> Plan:
            return msgspec.structs.replace(plan, conduits=(*plan.conduits, added))

        version = await self._edit(
            organization_id, edit, "add_conduit", added.conduit_id, "", actor=actor, revision=revision
        )
        return version, added

    async def change_conduit(
        self,
        organization_id: OrganizationId,
        conduit_id: str,
        changes: Mapping[str, Any],  # Any: values of the fields of a conduit
        *,
        actor: Actor,
        revision: int | None = None,
    ) -> tuple[PlanVersion, Conduit]:
        """Change fields of a conduit of the draft.

        Raises:
            ConduitNotFound: The draft has none of that id.
            InvalidPlan: The plan would break a rule.
            PlanChanged: The draft is at another revision.
        """

        def edit(plan: Plan) -> Plan:
            require_conduit(plan, conduit_id)
            conduits = (
                msgspec.structs.replace(each, **changes) if each.conduit_id == conduit_id else each
                for each in plan.conduits
            )
            return msgspec.structs.replace(plan, conduits=tuple(conduits))

        version = await self._edit(
            organization_id, edit, "change_conduit", conduit_id, "", actor=actor, revision=revision
        )
        return version, require_conduit(version.plan, conduit_id)

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
                if revision is not None and approved is not None:
                    require_revision(approved, revision)
                plan = approved.plan if approved is not None else Plan()
                draft = self._book.begin(tx.connection, organization_id, Proposal(plan=plan), actor=actor, reason="")
            elif revision is not None:
                require_revision(draft, revision)
            plan = edit(draft.plan)
            check_plan(plan)
            changed = msgspec.structs.replace(
                draft,
                plan=plan,
                revision=draft.revision + 1,
                changed_at=self._book.clock.now(),
                changed_by=name_of(actor),
            )
            repository.save_plan(tx.connection, organization_id, changed)
            self._book.ledger.append(
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

        return await self._book.store.write(change)
