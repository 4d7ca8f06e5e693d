"""The life of policies without a platform: bundles, stages and simulations over records that a test writes itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from posture import make_record, section

from vedette.access import (
    PolicyAdministrator,
    PolicyLife,
    PolicySimulations,
    PolicyStore,
    SimulationReport,
    read_policy_hash,
)
from vedette.access import repository as records
from vedette.kernel import DeviceId, GenerationId, OrganizationId, RandomIds, SystemClock
from vedette.ledger import Actor, Ledger
from vedette.messaging import DecisionReader
from vedette.registry import ClockGuard, GroupComputation, GroupMembership, GroupService
from vedette.store import Store
from vedette.trust import Health, Placement, PolicyBundle, PostureRecord, RecordSigner, RiskLevel, default_bundle

ANNA, BERT, HOST = (
    Actor("operator", "per_anna", "Anna"),
    Actor("operator", "per_bert", "Bert"),
    Actor("operator", "host"),
)
FORBID = """
@id("no-telemetry-in-the-south")
@owner("test")
@why("a test")
@guidance("none")
forbid (principal, action == Action::"{action}", resource is Hub)
when {{ principal has site && principal.site == "south" }};
"""


def bundle(more: str, **changes: Any) -> PolicyBundle:
    shipped = default_bundle()
    return PolicyBundle(shipped.schema_text, shipped.policies_text + more, **{"cases_text": "", **changes})


def laxer() -> PolicyBundle:
    """Make a bundle that leaves devices at high risk all they had."""
    shipped = default_bundle()
    text = shipped.policies_text.replace('principal.riskLevel == "high"', 'principal.riskLevel == "highest"')
    return PolicyBundle(shipped.schema_text, text, {}, "")


def stricter(action: str = "connect") -> PolicyBundle:
    return bundle(FORBID.format(action=action))


@dataclass
class House:
    organization_id: OrganizationId
    store: Store
    ledger: Ledger
    administrator: PolicyAdministrator
    signer: RecordSigner
    groups: GroupService
    bundles: PolicyStore
    life: PolicyLife
    simulations: PolicySimulations
    people: list[int] = field(default_factory=lambda: [2])

    async def simulate(self, reference: str) -> SimulationReport:
        begun = await self.simulations.ask(reference, actor=ANNA)
        for _ in range(2_400):
            simulated, report = await self.simulations.get(begun.simulation_id)
            if simulated.state != "running":
                assert simulated.state == "done", simulated.cause
                assert report is not None
                return report
            await asyncio.sleep(0.05)
        raise AssertionError("the simulation does not end")

    async def actions(self) -> list[str]:
        return [entry.action for entry in await self.ledger.entries(self.organization_id, limit=1000)]

    async def add_fleet(self, north: int, south: int, risk: RiskLevel = RiskLevel.LOW) -> list[PostureRecord]:
        """Write the records of devices at two sites."""
        ids = RandomIds(SystemClock())
        rows, fleet = [], []
        for number in range(north + south):
            site = "north" if number < north else "south"
            record = make_record(
                organization_id=self.organization_id,
                generation_id=GenerationId(ids.new("dev")),
                device_id=DeviceId(f"{site}-{number}"),
                sequence=number + 1,
                health=section("health", Health(risk_level=risk)),
                placement=section("registry", Placement(site=site, groups=("grp_a",) if number % 2 else ())),
            )
            fleet.append(record)
            rows.append(
                records.NewRecord(
                    organization_id=self.organization_id,
                    generation_id=record.generation_id,
                    device_id=record.device_id,
                    module_id="",
                    sequence=record.sequence,
                    is_deleted=False,
                    signed=self.signer.sign_record(record),
                )
            )
        await self.store.write(lambda tx: records.save_records(tx.connection, rows, replaced=()))
        return fleet


@asynccontextmanager
async def open_policy_house(
    store: Store,
    decisions: DecisionReader | None = None,
    *,
    organization_id: OrganizationId | None = None,
    signer: RecordSigner | None = None,
) -> AsyncIterator[House]:
    """Open a house with the shipped policies in force.

    Args:
        store: Fresh and migrated.
        decisions: The log to replay; none: every session is assumed.
        organization_id: Of a house that was open before.
        signer: The same.
    """
    clock = SystemClock()
    ids = RandomIds(clock)
    organization_id = organization_id or OrganizationId(ids.new("org"))
    ledger = Ledger(store, clock=clock, ids=ids)
    signer = signer or RecordSigner(Ed25519PrivateKey.generate())
    membership = GroupMembership(ledger)
    guard = ClockGuard(clock)
    computation = GroupComputation(store, membership)
    groups = GroupService(store, ledger, membership, guard, clock=clock, ids=ids, on_work=computation.wake)
    administrator = PolicyAdministrator(
        organization_id,
        store,
        signer,
        None,  # type: ignore[arg-type] # composes nothing here
        clock=clock,
        policy_hash=await read_policy_hash(store, organization_id),
    )
    await administrator.start()
    bundles = PolicyStore(organization_id, store, ledger, signer, clock=clock)
    people = [2]

    async def count_people() -> int:
        return people[0]

    life = PolicyLife(
        organization_id, bundles, store, administrator, groups, guard=guard, clock=clock, count_people=count_people
    )
    simulations = PolicySimulations(
        organization_id, bundles, store, decisions, groups, public_key=signer.public_key, clock=clock, ids=ids
    )
    await life.start()
    await simulations.start()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(simulations.run(), name="simulations")
        yield House(organization_id, store, ledger, administrator, signer, groups, bundles, life, simulations, people)
        running.cancel()
