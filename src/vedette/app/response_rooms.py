"""Signals, alerts and what follows from them: health, quarantine and incidents, built from the rooms below."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from vedette.access import (
    BlastRadius,
    PolicyAdministrator,
    QuarantineService,
    ReceiverService,
    SigningKeys,
    StreamFeed,
    StreamService,
)
from vedette.app.incident_rooms import IncidentRooms, build_incident_rooms
from vedette.app.roles import AccessRole, AlertsRole
from vedette.health import SignalService, SignalUpkeep, TrafficWatch
from vedette.kernel import Clock, IdSource, OrganizationId
from vedette.ledger import Ledger
from vedette.pki import SecretBox
from vedette.registry import ClockGuard, Register
from vedette.store import Store


@dataclass(frozen=True, slots=True)
class ResponseRooms:
    """Its services, and what goes on beside requests."""

    signals: SignalService
    quarantines: QuarantineService
    signal_upkeep: SignalUpkeep
    streams: StreamService
    feed: StreamFeed
    receiver: ReceiverService
    traffic: TrafficWatch
    incidents: IncidentRooms

    async def run(self) -> None:
        """Do what goes on beside requests, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.signal_upkeep.run(), name="signal upkeep")
            group.create_task(self.feed.run(), name="security event streams")
            group.create_task(self.receiver.run(), name="transmitters")
            group.create_task(self.traffic.run(), name="traffic baselines")
            group.create_task(self.incidents.upkeep.run(), name="alert upkeep")


def build_response_rooms(
    organization_id: OrganizationId,
    store: Store,
    ledger: Ledger,
    register: Register,
    *,
    access: AccessRole,
    alerts: AlertsRole,
    administrator: PolicyAdministrator,
    secret: bytes,
    issuer: str,
    guard: ClockGuard,
    clock: Clock,
    ids: IdSource,
) -> ResponseRooms:
    """Build them, and have them follow the registry.

    Args:
        organization_id: Whose signals these are.
        store: Open and migrated.
        ledger: Of the platform.
        register: Moves devices along their lifecycle.
        access: How much quarantine may cut off at once.
        alerts: How many are taken, and how long what is kept.
        administrator: Composes records anew in the transaction of a signal.
        secret: Seals what other systems authorize us by, the key that signs security event tokens, and packets.
        issuer: Names us in those tokens: the URL of the API.
        guard: Whether the clock can be believed.
        clock: Source of time.
        ids: Source of ids.
    """
    signals = SignalService(store, ledger, guard, clock=clock, ids=ids)
    signals.on_posture(administrator.posture_changed)
    ledger.project("signals", signals.project)
    radius = BlastRadius(share=access.cut_percent / 100, floor=access.cut_always, per_source=access.cut_per_source)
    quarantines = QuarantineService(store, ledger, register, guard, radius=radius, clock=clock, ids=ids)
    ledger.project("quarantines", quarantines.project)
    box = SecretBox(secret, ids=ids)
    keys = SigningKeys(organization_id, store, box, clock=clock, ids=ids)
    streams = StreamService(
        organization_id, store, ledger, box, keys=keys, issuer=issuer.rstrip("/"), clock=clock, ids=ids
    )
    return ResponseRooms(
        signals,
        quarantines,
        SignalUpkeep(organization_id, signals),
        streams,
        StreamFeed(organization_id, store, ledger, streams, clock=clock),
        ReceiverService(organization_id, store, ledger, signals, box, clock=clock, ids=ids),
        TrafficWatch(organization_id, store, signals, clock=clock),
        build_incident_rooms(
            organization_id, store, ledger, signals=signals, settings=alerts, box=box, guard=guard, clock=clock, ids=ids
        ),
    )
