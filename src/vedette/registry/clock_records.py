"""The time on record, which the clock must not stand before, and an operator's word that the clock is right."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from vedette.kernel import OrganizationId, to_rfc3339
from vedette.ledger import Actor, Entry, EntryFilter, Ledger, Record
from vedette.registry.clock_guard import ClockGuard
from vedette.registry.model import check_reason
from vedette.store import Store

ACCEPTED: Final = "registry.accept_clock"
_LOOK_BACK: Final = 1000


async def observe_records(guard: ClockGuard, ledger: Ledger, organization_id: OrganizationId) -> None:
    """Hold the clock against the ledger at start: the latest of its last thousand times, since one was accepted."""
    size = await ledger.size(organization_id)
    after = max(0, size - _LOOK_BACK)
    accepted = await ledger.entries(
        organization_id, after=after, limit=_LOOK_BACK, matching=EntryFilter(action=ACCEPTED)
    )
    if accepted:
        after = accepted[-1].position - 1
    recent = await ledger.entries(organization_id, after=after, limit=_LOOK_BACK)
    if recent:
        guard.observe(max(_moment(record) for record in recent))


async def accept_clock(
    guard: ClockGuard, store: Store, ledger: Ledger, organization_id: OrganizationId, *, actor: Actor, reason: str
) -> bool:
    """Believe the clock as it stands, on an operator's word; what widens access works again.

    Returns:
        Whether it was held; otherwise there was nothing to do, and nothing is put on record.

    Raises:
        ReasonMissing: No reason is given.
    """
    checked = check_reason(reason, is_required=True)
    reading = guard.read()
    if not reading.is_held:
        return False
    entry = Entry(
        organization_id=organization_id,
        actor=actor,
        action=ACCEPTED,
        target=organization_id,
        reason=checked,
        details={
            "clock": to_rfc3339(reading.at),
            "expected": to_rfc3339(reading.expected),
            "drift_s": round(reading.drift.total_seconds(), 3),
        },
    )
    await store.write(lambda tx: ledger.append(tx, entry))
    guard.accept()
    return True


def _moment(record: Record) -> datetime:
    return datetime.fromisoformat(record.at)
