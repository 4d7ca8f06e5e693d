"""The life of policies, built: the store of bundles, their stages, simulations, and the watch over what they do."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from vedette.access import (
    AccessExplainer,
    PolicyAdministrator,
    PolicyLife,
    PolicySimulations,
    PolicyStore,
    PolicyWatch,
)
from vedette.bus import BusConnection
from vedette.health import SignalService
from vedette.kernel import Clock, IdSource, OrganizationId
from vedette.ledger import Ledger
from vedette.messaging import DecisionReader
from vedette.operators import PeopleService
from vedette.registry import ClockGuard, GroupService
from vedette.store import Store
from vedette.trust import RecordSigner


@dataclass(frozen=True, slots=True, kw_only=True)
class PoliciesRoom:
    """Its services."""

    bundles: PolicyStore
    life: PolicyLife
    simulations: PolicySimulations
    watch: PolicyWatch
    explainer: AccessExplainer

    async def start(self) -> None:
        """Put into force what the store says, before any head is signed.

        Raises:
            PolicyBundleDamaged: A bundle in force is not what was signed.
        """
        await self.life.start()
        await self.simulations.start()

    async def run(self) -> None:
        """Do what goes on beside requests, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.life.follow_forever(), name="policies in force")
            group.create_task(self.simulations.run(), name="simulations")
            group.create_task(self.watch.run(), name="policy watch")


def build_policies_room(
    organization_id: OrganizationId,
    store: Store,
    ledger: Ledger,
    devices: BusConnection,
    *,
    administrator: PolicyAdministrator,
    signer: RecordSigner,
    groups: GroupService,
    people: PeopleService,
    signals: SignalService,
    guard: ClockGuard,
    clock: Clock,
    ids: IdSource,
) -> PoliciesRoom:
    """Build it.

    Args:
        organization_id: Whose policies.
        store: Open and migrated.
        ledger: Of the platform.
        devices: Connection of the account that may read DECISIONS.
        administrator: Names what is in force in every head.
        signer: The administrator's key.
        groups: Knows who is in a canary.
        people: Knows whether there is a second person.
        signals: Know the health of identities.
        guard: Holds what widens while the clock cannot be believed.
        clock: Source of time.
        ids: Source of ids.
    """

    async def count_people() -> int:
        found, _ = await people.list(organization_id, limit=10)
        return sum(1 for each in found if not each.person.is_disabled)

    decisions = DecisionReader(devices)
    bundles = PolicyStore(organization_id, store, ledger, signer, clock=clock)
    life = PolicyLife(
        organization_id,
        bundles,
        store,
        administrator,
        groups,
        guard=guard,
        clock=clock,
        count_people=count_people,
    )
    simulations = PolicySimulations(
        organization_id,
        bundles,
        store,
        decisions,
        groups,
        public_key=signer.public_key,
        clock=clock,
        ids=ids,
    )
    watch = PolicyWatch(
        organization_id,
        decisions,
        bundles=bundles,
        life=life,
        simulations=simulations,
        administrator=administrator,
        store=store,
        clock=clock,
    )
    explainer = AccessExplainer(organization_id, administrator, bundles, decisions, signals, store=store, clock=clock)
    return PoliciesRoom(bundles=bundles, life=life, simulations=simulations, watch=watch, explainer=explainer)
