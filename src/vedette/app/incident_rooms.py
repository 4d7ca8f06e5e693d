"""Alerts and what follows from them, built from the rooms below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vedette.health import SignalService
from vedette.incidents import (
    AlertIntake,
    AlertService,
    AlertUpkeep,
    ExceptionService,
    PostureLoop,
    SensorSight,
    SliceStore,
    TicketService,
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
    exceptions: ExceptionService
    tickets: TicketService
    slices: SliceStore
    upkeep: AlertUpkeep

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
        box: Seals the packets behind alerts.
        guard: Whether the clock can be believed.
        clock: Source of time.
        ids: Source of ids.
    """
    posture = PostureLoop(signals)
    slices = SliceStore(store, ledger, box, clock=clock)
    alerts = AlertService(store, ledger, posture, clock=clock)
    ledger.project("alerts", alerts.project)
    return IncidentRooms(
        organization_id,
        AlertIntake(store, ledger, posture, slices, clock=clock, ids=ids),
        alerts,
        ExceptionService(store, ledger, clock=clock, ids=ids),
        TicketService(store, ledger, clock=clock, ids=ids),
        slices,
        AlertUpkeep(organization_id, store, guard, clock=clock),
    )
