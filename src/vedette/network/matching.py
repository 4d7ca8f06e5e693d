"""Assets that are registered devices: a device's session tells from which address it comes.

An address can be borrowed, so a match says no more than "probably this one"; a person's word outweighs it, and nothing
that is decided about access reads it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Final

import sqlalchemy as sa

from vedette.kernel import GenerationId, OrganizationId, Problem
from vedette.ledger import Event
from vedette.network import asset_repository as repository
from vedette.network.inventory import Inventory
from vedette.network.model import AssetSearch, ManagedBy, Management, NetworkAsset
from vedette.registry import Device, DeviceDeleted, find_connected_from, find_generations
from vedette.store import Store, Transaction

log = logging.getLogger(__name__)

_EVERY_S: Final = 60.0
_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class _Candidate:
    device: Device
    address: str


class DeviceMatching:
    """Matches assets with the devices that are connected from their addresses, once a minute.

    ``project`` must be registered with the ledger.
    """

    def __init__(self, organization_id: OrganizationId, store: Store) -> None:
        self._organization_id = organization_id
        self._store = store

    async def run(self) -> None:
        """Match, until cancelled."""
        while True:
            try:
                await self.match()
            except Problem as problem:
                log.warning("assets are not matched with devices", extra={"cause": problem.code})
            await asyncio.sleep(_EVERY_S)

    async def match(self) -> int:
        """Look at all assets once; return how many changed."""
        changed = 0
        after: str | None = ""
        while after is not None:
            found, after = await self._store.read(lambda connection, start=after: self._look(connection, start))  # type: ignore[misc] # the default is not inferred
            if found:
                changed += await self._store.write(lambda tx, found=found: self._save(tx, found))  # type: ignore[misc] # same
        return changed

    def match_in(self, tx: Transaction, assets: Iterable[NetworkAsset]) -> set[str]:
        """Match assets in a transaction of the caller's; return the ids of those that are registered devices."""
        listed = list(assets)
        changes = self._judge(tx.connection, listed)
        self._save(tx, changes)
        before = {asset.asset_id for asset in listed if asset.management is not None}
        return (before | {each for each, found in changes.items() if found}) - {
            each for each, found in changes.items() if found is None
        }

    def project(self, tx: Transaction, event: Event) -> None:
        """Take a device that is deleted off its assets, in the registry's own transaction."""
        if isinstance(event, DeviceDeleted):
            managed = repository.find_managed(tx.connection, event.organization_id, [event.generation_id])
            if managed:
                self._save(tx, dict.fromkeys((asset.asset_id for asset in managed), None))

    def _look(self, connection: sa.Connection, after: str) -> tuple[dict[str, Management | None], str | None]:
        """Return what changes among a page of assets, and where the next begins."""
        page = repository.list_assets(connection, self._organization_id, AssetSearch(), after=after, limit=_PAGE)
        changes = self._judge(connection, page)
        return changes, page[-1].asset_id if len(page) == _PAGE else None

    def _judge(self, connection: sa.Connection, assets: Iterable[NetworkAsset]) -> dict[str, Management | None]:
        """Return what changes among assets."""
        open_ones = [asset for asset in assets if not _is_by_person(asset)]
        addresses = {ip for asset in open_ones for ip in asset.ips if ip_address(ip).is_private}
        connected = find_connected_from(connection, self._organization_id, addresses)
        devices = find_generations(
            connection, self._organization_id, {each for found in connected.values() for each in found}
        )
        changes: dict[str, Management | None] = {}
        for asset in open_ones:
            candidates = list(_candidates(asset, connected, devices))
            if candidates:
                management = _judge(candidates)
                if management != asset.management:
                    changes[asset.asset_id] = management
        return changes

    def _save(self, tx: Transaction, changes: Mapping[str, Management | None]) -> int:
        inventory = Inventory(tx.connection, self._organization_id)
        inventory.load(changes)
        count = 0
        for asset_id, management in changes.items():
            head = inventory.head(asset_id)
            if head.asset_id == asset_id and (management is None or not _is_by_person(head)):
                inventory.put(replace(head, management=management))
                count += 1
        inventory.save()
        return count


def _is_by_person(asset: NetworkAsset) -> bool:
    return asset.management is not None and asset.management.by is ManagedBy.PERSON


def _candidates(
    asset: NetworkAsset, connected: Mapping[str, list[GenerationId]], devices: Mapping[GenerationId, Device]
) -> Iterable[_Candidate]:
    """Yield the devices that come from an asset's addresses; at another site the address is another's."""
    for ip in asset.ips:
        for generation_id in connected.get(ip, ()):
            device = devices.get(generation_id)
            if device is not None and device.deleted_at is None and device.site in {None, asset.site}:
                yield _Candidate(device, ip)


def _judge(candidates: list[_Candidate]) -> Management | None:
    """Return the device that an asset is; of several behind one address it is none in particular."""
    if len({each.device.generation_id for each in candidates}) > 1:
        return None
    device, address = candidates[0].device, candidates[0].address
    return Management(
        generation_id=device.generation_id,
        device_id=device.device_id,
        by=ManagedBy.ADDRESS,
        because=f"its session comes from {address}",
    )
