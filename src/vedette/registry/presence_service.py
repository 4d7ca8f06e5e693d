"""Keeps who is connected, in batches and off the record."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from vedette.kernel import Clock, GenerationId, OrganizationId
from vedette.registry import presence_repository as repository
from vedette.registry.errors import InvalidFilter
from vedette.registry.presence import Presence, PresenceChange, condense
from vedette.store import Store

PAGE_MAX: Final = 1000
_CHUNK: Final = 500
_CURSOR_MAX_CHARS: Final = 64


class PresenceService:
    """Stores what the session directory learns; reads it for lists, views and queries."""

    def __init__(self, store: Store, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def note(self, organization_id: OrganizationId, changes: Sequence[PresenceChange]) -> None:
        """Store a batch of changes in the order they happened; of several of one identity the last counts."""
        condensed = condense(changes)
        if condensed:
            await self._store.write(lambda tx: repository.save(tx.connection, organization_id, condensed))

    async def get(self, organization_id: OrganizationId, generation_id: GenerationId) -> Presence | None:
        """Return what is known of an identity's connection; ``None`` if it never connected."""
        found = await self.get_many(organization_id, [generation_id])
        return found.get(generation_id)

    async def get_many(
        self, organization_id: OrganizationId, generation_ids: Collection[GenerationId]
    ) -> dict[GenerationId, Presence]:
        """Return what is known of up to 1000 identities; those that never connected are left out.

        Raises:
            InvalidFilter: More are asked for.
        """
        if len(generation_ids) > PAGE_MAX:
            raise InvalidFilter(f"ask for at most {PAGE_MAX} identities at once", limit=PAGE_MAX)
        if not generation_ids:
            return {}
        return await self._store.read(
            lambda connection: repository.presence_of(connection, organization_id, generation_ids)
        )

    async def list_connected(
        self, organization_id: OrganizationId, *, after: str = "", limit: int = 100
    ) -> list[Presence]:
        """Return identities that are connected, by generation, after a generation.

        Raises:
            InvalidFilter: ``limit`` is outside 1 to 1000, or ``after`` is no generation.
        """
        if not 1 <= limit <= PAGE_MAX or len(after) > _CURSOR_MAX_CHARS or "\0" in after:
            raise InvalidFilter(f"limit is 1 to {PAGE_MAX}, after is a generation id", limit=PAGE_MAX)
        return await self._store.read(
            lambda connection: repository.list_connected(connection, organization_id, after=after, limit=limit)
        )

    async def count_connected(self, organization_id: OrganizationId) -> int:
        """Return how many identities are connected."""
        return await self._store.read(lambda connection: repository.count_connected(connection, organization_id))

    async def reset(self, organization_id: OrganizationId, gateway: str, *, reason: str) -> int:
        """Mark everything connected at a gateway as gone, since the gateway is; return how many."""
        return await self._store.write(
            lambda tx: repository.leave_gateway(
                tx.connection, organization_id, gateway, self._clock.now(), reason=reason
            )
        )

    async def keep_only(
        self, organization_id: OrganizationId, connected: Collection[GenerationId], *, reason: str
    ) -> int:
        """Mark everything as gone that is not among those known to be connected; return how many.

        What control calls after a start, once it has learnt who is there.
        """
        stored = await self._store.read(lambda connection: repository.connected_ids(connection, organization_id))
        gone = sorted(stored.difference(connected))
        for start in range(0, len(gone), _CHUNK):
            chunk = gone[start : start + _CHUNK]
            await self._leave(organization_id, chunk, reason)
        return len(gone)

    async def _leave(self, organization_id: str, generation_ids: Sequence[str], reason: str) -> None:
        await self._store.write(
            lambda tx: repository.leave(
                tx.connection, organization_id, generation_ids, self._clock.now(), reason=reason
            )
        )
