"""The inventory of networks, built: who is heard as a sensor, what becomes of what they send, and who may ask."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from vedette.bus import BusConnection
from vedette.health import SignalService
from vedette.health.advisories import AdvisoryService
from vedette.kernel import Clock, IdSource, OrganizationId
from vedette.ledger import Ledger
from vedette.network import (
    AssetService,
    DeviceMatching,
    ExternalService,
    InventoryUpkeep,
    NetworkReader,
    OnAlerts,
    SensorFeed,
    SensorIntake,
    SensorService,
    SnapshotService,
    UnknownAssets,
)
from vedette.network.exposure import ExposureAssessor, ExposureService, ExposureSignals
from vedette.registry import ClockGuard
from vedette.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRoom:
    """Its services, and what goes on beside requests."""

    sensors: SensorService
    intake: SensorIntake
    feed: SensorFeed
    reader: NetworkReader
    assets: AssetService
    externals: ExternalService
    snapshots: SnapshotService
    matching: DeviceMatching
    upkeep: InventoryUpkeep
    advisories: AdvisoryService
    assessor: ExposureAssessor
    exposure: ExposureService

    async def run(self) -> None:
        """Do what goes on beside requests, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.feed.run(), name="sensors")
            group.create_task(self.matching.run(), name="assets and devices")
            group.create_task(self.snapshots.run(), name="snapshots of the inventory")
            group.create_task(self.upkeep.run(), name="upkeep of the inventory")
            group.create_task(self.assessor.run(), name="vulnerabilities of assets")


def build_network_room(
    organization_id: OrganizationId,
    store: Store,
    ledger: Ledger,
    devices: BusConnection,
    *,
    on_alerts: OnAlerts,
    signals: SignalService,
    guard: ClockGuard,
    clock: Clock,
    ids: IdSource,
) -> NetworkRoom:
    """Build it, and have it follow the registry.

    Args:
        organization_id: Whose networks these are.
        store: Open and migrated.
        ledger: Of the platform.
        devices: Connection of the account that may read what devices sent.
        on_alerts: Told of the alerts in a batch, in the transaction that takes it.
        signals: Told of managed devices with proven vulnerabilities.
        guard: Whether the clock can be believed.
        clock: Source of time.
        ids: Source of ids.
    """
    sensors = SensorService(store, ledger, clock=clock)
    ledger.project("sensors", sensors.project)
    matching = DeviceMatching(organization_id, store)
    ledger.project("managed assets", matching.project)
    intake = SensorIntake(store, ledger, clock=clock, ids=ids)
    intake.on_alerts(on_alerts)
    intake.on_appeared(UnknownAssets(matching, on_alerts, clock=clock).hear)
    reader = NetworkReader(store)
    advisories = AdvisoryService(store, ledger, clock=clock)
    told = ExposureSignals(organization_id, store, signals, clock=clock)
    assessor = ExposureAssessor(organization_id, store, reader, advisories, told, clock=clock)
    return NetworkRoom(
        sensors=sensors,
        intake=intake,
        feed=SensorFeed(organization_id, devices, store, sensors, intake, clock=clock),
        reader=reader,
        assets=AssetService(store, ledger, clock=clock, ids=ids),
        externals=ExternalService(store, ledger, clock=clock),
        snapshots=SnapshotService(organization_id, store, ledger, clock=clock, ids=ids),
        matching=matching,
        upkeep=InventoryUpkeep(organization_id, store, intake, guard, clock=clock),
        advisories=advisories,
        assessor=assessor,
        exposure=ExposureService(store, ledger, advisories, assessor, clock=clock),
    )
