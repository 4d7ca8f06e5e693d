"""Alerts and what follows from them, built from the rooms below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from vedette.app.roles import AlertsRole
from vedette.health import SignalService
from vedette.incidents import (
    AlertIntake,
    AlertLimits,
    AlertService,
    AlertUpkeep,
    AssetAlerts,
    ExceptionService,
    PostureLoop,
    Retention,
    SensorSight,
    SliceStore,
    TicketService,
    ZoneAlarms,
)
from vedette.kernel import Clock, DeviceId, IdSource, OrganizationId
from vedette.ledger import Ledger
from vedette.network import SensorEntry
from vedette.pki import SecretBox
from vedette.protocols.sensor import AlertRecord
from vedette.registry import ClockGuard
from vedette.store import Store, Transaction


@dataclass(frozen=True, slots=True)
class IncidentRooms:
    """Its services; ``upkeep`` goes on beside requests."""

    organization_id: OrganizationId
    intake: AlertIntake
    alerts: AlertService
    asset_alerts: AssetAlerts
    exceptions: ExceptionService
    tickets: TicketService
    slices: SliceStore
    upkeep: AlertUpkeep
    zone_alarms: ZoneAlarms

    def hear(self, tx: Transaction, sensor: SensorEntry, records: Sequence[AlertRecord]) -> None:
        """Take the alerts of a batch in the transaction that takes its other records."""
        sight = SensorSight(generation_id=sensor.generation_id, device_id=DeviceId(sensor.device_id), site=sensor.site)
        self.intake.take_in(tx, self.organization_id, sight, records)


def build_incident_rooms(
    organization_id: OrganizationId,
    store: Store,
    ledger: Ledger,
    *,
    signals: SignalService,
    settings: AlertsRole,
    box: SecretBox,
    guard: ClockGuard,
    clock: Clock,
    ids: IdSource,
) -> IncidentRooms:
    """Build them, and have them follow the registry.

    Args:
        organization_id: Whose alerts these are.
        store: Open and migrated.
        ledger: Of the platform.
        signals: Hear of alerts about managed devices.
        settings: How many alerts are taken, and how long what is kept.
        box: Seals the packets behind alerts.
        guard: Whether the clock can be believed.
        clock: Source of time.
        ids: Source of ids.
    """
    posture = PostureLoop(signals)
    retention = Retention(
        alerts=timedelta(days=settings.keep_days),
        slices=timedelta(days=settings.packets_days),
        slice_bytes=settings.packets_mb * 1024 * 1024,
    )
    slices = SliceStore(store, ledger, box, clock=clock)
    alerts = AlertService(store, ledger, posture, clock=clock)
    ledger.project("alerts", alerts.project)
    intake = AlertIntake(
        store, ledger, posture, slices, limits=AlertLimits(per_hour=settings.per_sensor_hour), clock=clock, ids=ids
    )
    return IncidentRooms(
        organization_id,
        intake,
        alerts,
        AssetAlerts(store),
        ExceptionService(store, ledger, clock=clock, ids=ids),
        TicketService(store, ledger, clock=clock, ids=ids),
        slices,
        AlertUpkeep(organization_id, store, guard, retention=retention, clock=clock),
        ZoneAlarms(intake),
    )
