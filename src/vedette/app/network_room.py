"""The inventory of networks, built: who is heard as a sensor, what becomes of what they send, and who may ask."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from vedette.app.captures_room import build_captures_room
from vedette.app.roles import CapturesRole
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
from vedette.network.addresses import AddressListService
from vedette.network.captures import CaptureService
from vedette.network.exposure import ExposureAssessor, ExposureService, ExposureSignals
from vedette.network.map import AlertsOf, MapService
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
    addresses: AddressListService
    matching: DeviceMatching
    upkeep: InventoryUpkeep
    advisories: AdvisoryService
    assessor: ExposureAssessor
    exposure: ExposureService
    maps: MapService
    captures: CaptureService

    async def run(self) -> None:
        """Do what goes on beside requests, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.feed.run(), name="sensors")
            group.create_task(self.addresses.run(), name="owners of addresses")
            group.create_task(self.matching.run(), name="assets and devices")
            group.create_task(self.snapshots.run(), name="snapshots of the inventory")
            group.create_task(self.upkeep.run(), name="upkeep of the inventory")
            group.create_task(self.assessor.run(), name="vulnerabilities of assets")
            group.create_task(self.captures.run(), name="captures")


def build_network_room(
    organization_id: OrganizationId,
    store: Store,
    ledger: Ledger,
    devices: BusConnection,
    *,
    on_alerts: OnAlerts,
    alerts_of: AlertsOf,
    signals: SignalService,
    signal_score: float,
    guard: ClockGuard,
    captures: CapturesRole,
    captures_directory: Path,
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
        alerts_of: Tells which assets have open alerts.
        signals: Told of managed devices with proven vulnerabilities.
        signal_score: Base score from which they are told of.
        guard: Whether the clock can be believed.
        captures: What uploaded captures may take.
        captures_directory: Where they are.
        clock: Source of time.
        ids: Source of ids.
    """
    sensors = SensorService(store, ledger, clock=clock)
    ledger.project("sensors", sensors.project)
    matching = DeviceMatching(organization_id, store)
    ledger.project("managed assets", matching.project)
    addresses = AddressListService(organization_id, store, ledger, clock=clock, ids=ids)
    intake = SensorIntake(store, ledger, clock=clock, ids=ids, addresses=addresses)
    intake.on_alerts(on_alerts)
    intake.on_appeared(UnknownAssets(matching, on_alerts, clock=clock).hear)
    reader = NetworkReader(store)
    advisories = AdvisoryService(store, ledger, clock=clock)
    told = ExposureSignals(organization_id, store, signals, score_from=signal_score, clock=clock)
    assessor = ExposureAssessor(organization_id, store, reader, advisories, told, clock=clock)
    return NetworkRoom(
        sensors=sensors,
        intake=intake,
        feed=SensorFeed(organization_id, devices, store, sensors, intake, clock=clock),
        reader=reader,
        assets=AssetService(store, ledger, clock=clock, ids=ids),
        externals=ExternalService(store, ledger, clock=clock),
        snapshots=SnapshotService(organization_id, store, ledger, clock=clock, ids=ids),
        addresses=addresses,
        matching=matching,
        upkeep=InventoryUpkeep(organization_id, store, intake, guard, clock=clock),
        advisories=advisories,
        assessor=assessor,
        exposure=ExposureService(store, ledger, advisories, assessor, clock=clock),
        maps=MapService(organization_id, store, alerts_of=alerts_of, clock=clock),
        captures=build_captures_room(
            organization_id,
            store,
            ledger,
            intake,
            captures,
            advisories=advisories,
            directory=captures_directory,
            clock=clock,
            ids=ids,
        ),
    )
