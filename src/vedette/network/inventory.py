"""Assets as one transaction sees and changes them: groups of what was merged, and what they come to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from vedette.kernel import GenerationId, OrganizationId
from vedette.network import asset_repository as repository
from vedette.network.external_repository import assets_with_externals
from vedette.network.identity import Key
from vedette.network.model import AssetFact, NetworkAsset
from vedette.network.summary import summarize
from vedette.registry import find_generations

_SENSORS_MAX: Final = 64


class Inventory:
    """Loads assets with all that was merged with them, and writes what changed.

    Identifiers and facts are written before ``save``, which reads them to sum up.

    Args:
        connection: Of a write transaction.
        organization_id: Whose.
    """

    def __init__(self, connection: sa.Connection, organization_id: OrganizationId) -> None:
        self._connection = connection
        self._organization_id = organization_id
        self._assets: dict[str, NetworkAsset] = {}
        self._into: dict[str, str] = {}
        self._is_dirty: dict[str, None] = {}
        self._to_write: dict[str, None] = {}

    def load(self, asset_ids: Iterable[str]) -> None:
        """Make assets known, each with its whole group."""
        wanted = set(asset_ids) - self._assets.keys() - {""}
        while wanted:
            found = repository.find_assets(self._connection, self._organization_id, wanted)
            for asset_id, (asset, into) in found.items():
                self._assets[asset_id], self._into[asset_id] = asset, into
            heads = {into for _, into in found.values() if into}
            parts = {part for asset, _ in found.values() for part in asset.merged}
            wanted = (heads | parts) - self._assets.keys() - (wanted - found.keys())

    def __contains__(self, asset_id: str) -> bool:
        """Tell whether an asset is known."""
        return asset_id in self._assets

    def head(self, asset_id: str) -> NetworkAsset:
        """Return the asset that stands for a group."""
        return self._assets[self._into[asset_id] or asset_id]

    def group(self, asset_id: str) -> tuple[str, ...]:
        """Return the ids of a group, its head first."""
        head = self.head(asset_id)
        return (head.asset_id, *head.merged)

    def add(self, asset: NetworkAsset) -> None:
        """Add a new asset."""
        self._assets[asset.asset_id], self._into[asset.asset_id] = asset, ""
        self.touch(asset.asset_id)

    def put(self, asset: NetworkAsset) -> None:
        """Change an asset; what its group comes to is summed up again."""
        self._assets[asset.asset_id] = asset
        self.touch(asset.asset_id)

    def touch(self, asset_id: str) -> None:
        """Have the group of an asset summed up and written."""
        self._is_dirty[self.head(asset_id).asset_id] = None

    def see(self, asset_id: str, sensor: GenerationId, first_at: datetime, last_at: datetime) -> None:
        """Note that a sensor saw an asset."""
        head = self.head(asset_id)
        sensors = head.sensors
        if sensor not in sensors and len(sensors) < _SENSORS_MAX:
            sensors = (*sensors, sensor)
        self.put(
            replace(
                head,
                sensors=sensors,
                first_at=min(head.first_at, first_at),
                last_at=max(head.last_at, last_at),
            )
        )

    def merge(self, asset_id: str, into: str) -> None:
        """Make an asset, and what was merged into it, a part of another."""
        source, target = self.head(asset_id), self.head(into)
        if source.asset_id == target.asset_id:
            return
        moved = (source.asset_id, *source.merged)
        for part in moved:
            self._into[part] = target.asset_id
            self._to_write[part] = None
        self._assets[source.asset_id] = replace(source, merged=())
        self._is_dirty.pop(source.asset_id, None)
        self.put(
            replace(
                target,
                merged=tuple(sorted({*target.merged, *moved})),
                sensors=tuple(dict.fromkeys((*target.sensors, *source.sensors)))[:_SENSORS_MAX],
                first_at=min(target.first_at, source.first_at),
                last_at=max(target.last_at, source.last_at),
                management=target.management or source.management,
            )
        )

    def part(self, asset_id: str) -> None:
        """Undo a merge: an asset stands for itself again."""
        head = self.head(asset_id)
        self._into[asset_id] = ""
        self.put(replace(head, merged=tuple(each for each in head.merged if each != asset_id)))
        self.touch(asset_id)

    def save(self) -> list[NetworkAsset]:
        """Write what changed; return the heads that did, as they stand now."""
        heads = [self._assets[asset_id] for asset_id in self._is_dirty if not self._into[asset_id]]
        groups = {head.asset_id: (head.asset_id, *head.merged) for head in heads}
        everyone = [part for parts in groups.values() for part in parts]
        keys = repository.identifiers_of(self._connection, self._organization_id, everyone)
        facts = repository.facts_of(self._connection, self._organization_id, everyone)
        outside = assets_with_externals(self._connection, self._organization_id, everyone)
        levels = self._registered_levels(heads)
        for head in heads:
            parts = groups[head.asset_id]
            own: list[Key] = [key for part in parts for key in keys.get(part, ())]
            told: list[AssetFact] = [fact for part in parts for fact in facts.get(part, {}).values()]
            level = levels.get(head.management.generation_id, "") if head.management is not None else ""
            self._assets[head.asset_id] = summarize(
                head, told, own, has_outside=not outside.isdisjoint(parts), registered_level=level
            )
        written = dict.fromkeys((*self._to_write, *(head.asset_id for head in heads)))
        repository.save_assets(self._connection, [(self._assets[each], self._into[each]) for each in written])
        self._is_dirty.clear()
        self._to_write.clear()
        return [self._assets[head.asset_id] for head in heads]

    def _registered_levels(self, heads: Iterable[NetworkAsset]) -> Mapping[str, str]:
        wanted = {head.management.generation_id for head in heads if head.management is not None}
        devices = find_generations(self._connection, self._organization_id, wanted) if wanted else {}
        return {each: device.purdue_level or "" for each, device in devices.items() if device.deleted_at is None}
