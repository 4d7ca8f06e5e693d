"""Forgetting what was not seen for long, so that whoever floods a network with addresses fills nothing for ever."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta
from typing import Final

from vedette.kernel import Clock, OrganizationId, Problem
from vedette.network import asset_repository, external_repository, link_repository
from vedette.network.intake import SensorIntake
from vedette.network.link_repository import links, operations
from vedette.registry import ClockGuard
from vedette.store import Store, Transaction

log = logging.getLogger(__name__)

ASSETS_KEPT: Final = timedelta(days=30)
TALK_KEPT: Final = timedelta(days=180)
_EVERY_S: Final = 3_600.0
_AT_ONCE: Final = 100


class InventoryUpkeep:
    """Forgets what was not seen for long; never while the clock cannot be believed.

    Assets go after 30 days, if nobody ever acknowledged or described them; links, operations and connections to the
    outside after 180 days, unless somebody decided about them. What an old capture tells counts from the day it came.

    Args:
        organization_id: Whose inventory.
        store: Where it is kept.
        intake: Counts what there is room for.
        guard: Whether the clock can be believed.
        clock: Source of time.
    """

    def __init__(
        self, organization_id: OrganizationId, store: Store, intake: SensorIntake, guard: ClockGuard, *, clock: Clock
    ) -> None:
        self._organization_id = organization_id
        self._store = store
        self._intake = intake
        self._guard = guard
        self._clock = clock

    async def run(self) -> None:
        """Look each hour, until cancelled."""
        while True:
            try:
                await self.forget()
            except Problem as problem:
                log.warning("what was not seen for long is kept", extra={"cause": problem.code})
            await asyncio.sleep(_EVERY_S)

    async def forget(self) -> int:
        """Forget what is due, a little at a time; return how much it was."""
        if self._guard.read().is_held:
            return 0
        now = self._clock.now()
        total = 0
        for forget in (self._forget_assets, self._forget_talk):
            count = _AT_ONCE
            while count >= _AT_ONCE:
                count = await self._store.write(lambda tx, forget=forget: forget(tx, now))  # type: ignore[misc] # the default is not inferred
                total += count
        if total:
            self._intake.count_again(self._organization_id)
        return total

    def _forget_assets(self, tx: Transaction, now: datetime) -> int:
        stale = asset_repository.list_stale(tx.connection, self._organization_id, now - ASSETS_KEPT, _AT_ONCE)
        parts = [part for asset in stale for part in (asset.asset_id, *asset.merged)]
        if parts:
            asset_repository.delete_assets(tx.connection, self._organization_id, parts)
            external_repository.delete_of_assets(tx.connection, self._organization_id, parts)
            for table in (links, operations):
                link_repository.leave_ends(tx.connection, table, self._organization_id, parts)
        return len(stale)

    def _forget_talk(self, tx: Transaction, now: datetime) -> int:
        before = now - TALK_KEPT
        return max(
            external_repository.delete_stale(tx.connection, self._organization_id, before, _AT_ONCE),
            *(
                link_repository.delete_stale(tx.connection, table, self._organization_id, before, _AT_ONCE)
                for table in (links, operations)
            ),
        )
