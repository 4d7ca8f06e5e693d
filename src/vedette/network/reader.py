"""Reading the inventory: pages for people, whole scans for those who reckon with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from datetime import date
from typing import Final, TypeVar

import sqlalchemy as sa

from vedette.kernel import OrganizationId
from vedette.network import asset_repository, link_repository, protocol_repository
from vedette.network.errors import AssetNotFound
from vedette.network.model import (
    AssetCounts,
    AssetFact,
    AssetPage,
    AssetSearch,
    LinkPage,
    LinkSearch,
    NetworkAsset,
    NetworkLink,
    NetworkOperation,
    OperationPage,
)
from vedette.network.protocol_repository import SeenProtocol
from vedette.store import Store

PAGE_MAX: Final = 1_000
VALUES_MAX: Final = 200
_SCAN: Final = 1_000
_EVERYTHING: Final = AssetSearch()
_ALL_LINKS: Final = LinkSearch()

T = TypeVar("T")


class NetworkReader:
    """Reads assets, links and operations of one platform; it changes nothing."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def asset(self, organization_id: OrganizationId, asset_id: str) -> NetworkAsset:
        """Return one asset; the one that it was merged into, where it was.

        Raises:
            AssetNotFound: There is none.
        """
        return await self._store.read(lambda connection: require_asset(connection, organization_id, asset_id))

    async def assets(
        self,
        organization_id: OrganizationId,
        search: AssetSearch = _EVERYTHING,
        *,
        after: str = "",
        limit: int = 100,
    ) -> AssetPage:
        """Return a page of assets, by id."""
        found = await self._store.read(
            lambda connection: asset_repository.list_assets(
                connection, organization_id, search, after=after, limit=limit + 1
            )
        )
        return AssetPage(found[:limit], found[limit - 1].asset_id if len(found) > limit else None)

    async def count(self, organization_id: OrganizationId, search: AssetSearch = _EVERYTHING) -> int:
        """Return how many assets fit."""
        return await self._store.read(
            lambda connection: asset_repository.count_assets(connection, organization_id, search)
        )

    async def counts(
        self, organization_id: OrganizationId, search: AssetSearch = _EVERYTHING, *, today: date
    ) -> AssetCounts:
        """Return how many assets fit, of what kinds, and with which values."""
        return await self._store.read(
            lambda connection: asset_repository.count_by(
                connection, organization_id, search, today=today, most=VALUES_MAX
            )
        )

    async def facts(self, organization_id: OrganizationId, asset_ids: Collection[str]) -> dict[str, list[AssetFact]]:
        """Return all that is known of assets, merged ones included: by asset and attribute, the surest first."""

        def read(connection: sa.Connection) -> dict[str, list[AssetFact]]:
            return read_facts(connection, organization_id, asset_ids)

        return await self._store.read(read)

    async def protocols(
        self, organization_id: OrganizationId, *, sites: frozenset[str] | None = None
    ) -> list[SeenProtocol]:
        """Return the protocols that were seen, those on most links first."""
        found = await self._store.read(
            lambda connection: protocol_repository.count_protocols(connection, organization_id, sites=sites)
        )
        return sorted(found.values(), key=lambda each: (-each.links, each.protocol))

    async def links(
        self, organization_id: OrganizationId, search: LinkSearch = _ALL_LINKS, *, after: str = "", limit: int = 100
    ) -> LinkPage:
        """Return a page of links, by id."""

        def read(connection: sa.Connection) -> list[NetworkLink]:
            merged = asset_repository.merged_assets(connection, organization_id)
            parts = [search.asset_id, *(part for part, into in merged.items() if into == search.asset_id)]
            return link_repository.list_links(
                connection, organization_id, search, parts=parts, merged=merged, after=after, limit=limit + 1
            )

        found = await self._store.read(read)
        return LinkPage(found[:limit], found[limit - 1].link_id if len(found) > limit else None)

    async def operations(
        self, organization_id: OrganizationId, search: LinkSearch = _ALL_LINKS, *, after: str = "", limit: int = 100
    ) -> OperationPage:
        """Return a page of operations, by id."""

        def read(connection: sa.Connection) -> list[NetworkOperation]:
            merged = asset_repository.merged_assets(connection, organization_id)
            parts = [search.asset_id, *(part for part, into in merged.items() if into == search.asset_id)]
            return link_repository.list_operations(
                connection, organization_id, search, parts=parts, merged=merged, after=after, limit=limit + 1
            )

        found = await self._store.read(read)
        return OperationPage(found[:limit], found[limit - 1].operation_id if len(found) > limit else None)

    async def every_asset(
        self, organization_id: OrganizationId, search: AssetSearch = _EVERYTHING
    ) -> AsyncIterator[list[NetworkAsset]]:
        """Yield all assets that fit, a thousand at a time; what changes meanwhile may be seen or not."""
        after: str | None = ""
        while after is not None:
            page = await self.assets(organization_id, search, after=after, limit=_SCAN)
            yield page.items
            after = page.next

    async def every_link(
        self, organization_id: OrganizationId, search: LinkSearch = _ALL_LINKS
    ) -> AsyncIterator[list[NetworkLink]]:
        """Yield all links that fit, a thousand at a time."""
        after: str | None = ""
        while after is not None:
            page = await self.links(organization_id, search, after=after, limit=_SCAN)
            yield page.items
            after = page.next

    async def every_operation(
        self, organization_id: OrganizationId, search: LinkSearch = _ALL_LINKS
    ) -> AsyncIterator[list[NetworkOperation]]:
        """Yield all operations that fit, a thousand at a time."""
        after: str | None = ""
        while after is not None:
            page = await self.operations(organization_id, search, after=after, limit=_SCAN)
            yield page.items
            after = page.next

    async def read(self, fn: Callable[[sa.Connection], T]) -> T:
        """Run several of this room's functions on one snapshot."""
        return await self._store.read(fn)


def require_asset(connection: sa.Connection, organization_id: str, asset_id: str) -> NetworkAsset:
    """Return one asset; the one that it was merged into, where it was.

    Raises:
        AssetNotFound: There is none.
    """
    found = asset_repository.find_assets(connection, organization_id, [asset_id]).get(asset_id)
    if found is not None and found[1]:
        found = asset_repository.find_assets(connection, organization_id, [found[1]]).get(found[1])
    if found is None:
        raise AssetNotFound(f"there is no asset {asset_id[:80]!r}", hint="see them: vedette asset list")
    return found[0]


def find_by_addresses(
    connection: sa.Connection, organization_id: str, site: str, addresses: Collection[str]
) -> dict[str, NetworkAsset]:
    """Return the assets that hold IP or MAC addresses at a site, by address; to be used in any transaction."""
    owners = asset_repository.find_identifiers(connection, organization_id, site, addresses)
    assets = asset_repository.find_assets(connection, organization_id, (owner for owner, _ in owners.values()))
    merged = {into for _, into in assets.values() if into}
    heads = asset_repository.find_assets(connection, organization_id, merged)
    found: dict[str, NetworkAsset] = {}
    for (kind, value), (owner, _) in owners.items():
        if kind == "serial" or owner not in assets:
            continue
        asset, into = assets[owner]
        found[value] = heads[into][0] if into in heads else asset
    return found


def find_managed_assets(
    connection: sa.Connection, organization_id: str, generation_ids: Collection[str]
) -> list[NetworkAsset]:
    """Return the assets that are these registered devices; to be used in any transaction."""
    return asset_repository.find_managed(connection, organization_id, list(generation_ids))


def read_facts(
    connection: sa.Connection, organization_id: str, asset_ids: Collection[str]
) -> dict[str, list[AssetFact]]:
    """Return all that is known of assets, merged ones included: by asset and attribute, the surest first."""
    heads = asset_repository.find_assets(connection, organization_id, asset_ids)
    owner_of = {part: head for head, (asset, _) in heads.items() for part in (head, *asset.merged)}
    found: dict[str, list[AssetFact]] = {head: [] for head in heads}
    for part, facts in asset_repository.facts_of(connection, organization_id, owner_of).items():
        found[owner_of[part]].extend(facts.values())
    for facts_of_one in found.values():
        facts_of_one.sort(key=lambda fact: (fact.attribute, -fact.confidence, -fact.last_at.timestamp(), fact.value))
    return found
