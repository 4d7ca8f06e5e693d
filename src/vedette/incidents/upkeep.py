"""What is kept leaves in time: slices after weeks, alerts that nobody has to look at after a year."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from vedette.incidents import alert_repository, slice_repository
from vedette.kernel import Clock, OrganizationId, Problem
from vedette.registry import ClockGuard
from vedette.store import Store, Transaction

log = logging.getLogger(__name__)

_INTERVAL_S: Final = 300.0
_BATCH: Final = 200
_PAUSE_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long what is kept.

    Attributes:
        alerts: After they were last seen; those that call for somebody stay.
        slices: After they came.
        slice_bytes: Of all slices together; beyond it the oldest leave.
    """

    alerts: timedelta = timedelta(days=365)
    slices: timedelta = timedelta(days=30)
    slice_bytes: int = 512 * 1024 * 1024


class AlertUpkeep:
    """Takes away what is kept no longer; waits while the clock cannot be believed.

    Args:
        organization_id: Whose alerts they are.
        store: Where they are.
        guard: Whether the clock can be believed.
        retention: How long what is kept.
        clock: Source of time.
    """

    def __init__(
        self,
        organization_id: OrganizationId,
        store: Store,
        guard: ClockGuard,
        *,
        retention: Retention = Retention(),
        clock: Clock,
    ) -> None:
        self._organization_id = organization_id
        self._store = store
        self._guard = guard
        self._retention = retention
        self._clock = clock

    async def run(self) -> None:
        """Look every five minutes, until cancelled."""
        while True:
            count = 0
            try:
                count = await self.sweep()
            except Problem as problem:
                log.warning("alerts are kept longer than they should be", extra={"cause": problem.code})
            await asyncio.sleep(_INTERVAL_S if count < _BATCH else _PAUSE_S)

    async def sweep(self) -> int:
        """Take away some of what is over; return how much that was."""
        if self._guard.read().is_held:
            return 0
        now, kept, mine = self._clock.now(), self._retention, self._organization_id

        def take_away(tx: Transaction) -> int:
            gone = slice_repository.list_beyond(
                tx.connection, mine, kept_before=now - kept.slices, max_bytes=kept.slice_bytes, limit=_BATCH
            )
            slice_repository.delete(tx.connection, mine, gone)
            alert_repository.clear_slices(tx.connection, mine, gone)
            old = alert_repository.list_old(tx.connection, mine, now - kept.alerts, _BATCH)
            slice_repository.delete(tx.connection, mine, old)
            alert_repository.delete(tx.connection, mine, old)
            return max(len(gone), len(old))

        return await self._store.write(take_away)
