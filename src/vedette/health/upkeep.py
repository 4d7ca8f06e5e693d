"""Signals end in time: what is over is looked for each second."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from vedette.health.service import SignalService
from vedette.kernel import OrganizationId, Problem

log = logging.getLogger(__name__)

_INTERVAL_S: Final = 1.0
_BATCH: Final = 200
_PAUSE_S: Final = 0.02


class SignalUpkeep:
    """Ends the signals of one organization whose time is over.

    Args:
        organization_id: Whose they are.
        signals: Ends them.
    """

    def __init__(self, organization_id: OrganizationId, signals: SignalService) -> None:
        self._organization_id = organization_id
        self._signals = signals

    async def run(self) -> None:
        """Look each second, until cancelled."""
        while True:
            count = 0
            try:
                count = await self._signals.end_expired(self._organization_id, limit=_BATCH)
            except Problem as problem:
                log.warning("signals that are over still count", extra={"cause": problem.code})
            await asyncio.sleep(_INTERVAL_S if count < _BATCH else _PAUSE_S)
