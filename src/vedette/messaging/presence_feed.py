"""Who came and who went, on its way to the registry: in batches, the last word of each identity wins."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final, Protocol

from vedette.kernel import GenerationId, OrganizationId, Problem
from vedette.registry import PresenceChange

log = logging.getLogger(__name__)

FLUSH_EVERY_S: Final = 1.0
BATCH: Final = 1_000
_DELETED_MAX: Final = 10_000
NOT_REPORTED: Final = "not_reported"


class PresenceRecords(Protocol):
    """Where presence is kept; ``vedette.registry.PresenceService`` is one."""

    async def note(self, organization_id: OrganizationId, changes: Sequence[PresenceChange]) -> None:
        """Store a batch of changes."""
        ...

    async def keep_only(
        self, organization_id: OrganizationId, connected: Collection[GenerationId], *, reason: str
    ) -> int:
        """Mark everything as gone that is not among those known to be connected; return how many."""
        ...


class PresenceFeed:
    """Collects changes and writes them each second; what cannot be written waits, one change for each identity.

    Args:
        organization_id: Whose identities.
        records: Where presence is kept.
    """

    def __init__(self, organization_id: OrganizationId, records: PresenceRecords) -> None:
        self._organization_id = organization_id
        self._records = records
        self._pending: dict[GenerationId, PresenceChange] = {}
        self._survivors: Collection[GenerationId] | None = None
        self._deleted: OrderedDict[GenerationId, None] = OrderedDict()

    @property
    def pending(self) -> int:
        """How many identities wait to be written."""
        return len(self._pending)

    def note(self, change: PresenceChange) -> None:
        """Have a change written with the next batch."""
        if change.generation_id in self._deleted:
            return
        earlier = self._pending.pop(change.generation_id, None)
        if earlier is not None:
            change = replace(
                change,
                remote_address=change.remote_address or earlier.remote_address,
                protocol=change.protocol or earlier.protocol,
                client=change.client or earlier.client,
            )
        self._pending[change.generation_id] = change

    def forget(self, generation_id: GenerationId) -> None:
        """Write nothing more of an identity that is deleted; its session has yet to end."""
        self._pending.pop(generation_id, None)
        self._deleted[generation_id] = None
        if len(self._deleted) > _DELETED_MAX:
            self._deleted.popitem(last=False)

    def keep_only(self, connected: Collection[GenerationId]) -> None:
        """Have all others marked as gone with the next batch; ``connected`` is looked at then, and may change."""
        self._survivors = connected

    async def run(self, *, every_s: float = FLUSH_EVERY_S) -> None:
        """Write each second until cancelled."""
        while True:
            await asyncio.sleep(every_s)
            try:
                await self.flush()
            except Problem as problem:
                log.warning("presence is not written yet", extra={"cause": problem.code, "pending": self.pending})

    async def flush(self) -> None:
        """Write what waits.

        Raises:
            Problem: It could not be written, and waits on.
        """
        if self._survivors is not None:
            count = await self._records.keep_only(self._organization_id, self._survivors, reason=NOT_REPORTED)
            self._survivors = None
            if count:
                log.info("identities went away unseen", extra={"count": count})
        for _ in range(-(-len(self._pending) // BATCH)):
            batch = list(islice(self._pending.values(), BATCH))
            await self._records.note(self._organization_id, batch)
            for change in batch:
                if self._pending.get(change.generation_id) is change:
                    del self._pending[change.generation_id]
