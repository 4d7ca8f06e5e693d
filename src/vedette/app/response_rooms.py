"""Signals and what follows from them: health and quarantine, built from the rooms below."""

from __future__ import annotations

from dataclasses import dataclass

from vedette.access import PolicyAdministrator, QuarantineService
from vedette.health import SignalService, SignalUpkeep
from vedette.kernel import Clock, IdSource, OrganizationId
from vedette.ledger import Ledger
from vedette.registry import ClockGuard, Register
from vedette.store import Store


@dataclass(frozen=True, slots=True)
class ResponseRooms:
    """Its services, and what goes on beside requests."""

    signals: SignalService
    quarantines: QuarantineService
    signal_upkeep: SignalUpkeep


def build_response_rooms(
    organization_id: OrganizationId,
    store: Store,
    ledger: Ledger,
    register: Register,
    *,
    administrator: PolicyAdministrator,
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
        administrator: Composes records anew in the transaction of a signal.
        guard: Whether the clock can be believed.
        clock: Source of time.
        ids: Source of ids.
    """
    signals = SignalService(store, ledger, guard, clock=clock, ids=ids)
    signals.on_posture(administrator.posture_changed)
    ledger.project("signals", signals.project)
    quarantines = QuarantineService(store, ledger, register, guard, clock=clock, ids=ids)
    ledger.project("quarantines", quarantines.project)
    return ResponseRooms(signals, quarantines, SignalUpkeep(organization_id, signals))
