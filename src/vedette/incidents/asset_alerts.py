"""How many open alerts assets have, for whoever lists assets."""

from __future__ import annotations

from vedette.incidents.asset_repository import count_open_by_asset, count_open_by_severity
from vedette.incidents.model import RANKS, Severity
from vedette.kernel import OrganizationId
from vedette.network.map import AlertMark
from vedette.store import Store


class AssetAlerts:
    """Counts the open alerts of assets."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def counts(self, organization_id: OrganizationId) -> dict[str, int]:
        """Return how many somebody is to look at, by asset as alerts name it; assets without any are left out."""
        return await self._store.read(lambda connection: count_open_by_asset(connection, organization_id))

    async def marks(self, organization_id: OrganizationId) -> dict[str, AlertMark]:
        """Return as ``counts`` does, with the gravest severity of each."""
        found = await self._store.read(lambda connection: count_open_by_severity(connection, organization_id))
        return {
            asset_id: AlertMark(sum(numbers.values()), max(numbers, key=lambda severity: RANKS[Severity(severity)]))
            for asset_id, numbers in found.items()
        }
