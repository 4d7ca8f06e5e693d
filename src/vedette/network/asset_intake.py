"""Records of assets, taken into the inventory."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from vedette.kernel import IdSource
from vedette.network import asset_repository as repository
from vedette.network.identity import SERIAL_CONFIDENCE, Key, Sighting, clean, resolve, sighting_of
from vedette.network.inventory import Inventory
from vedette.network.model import AssetFact, AssetState, NetworkAsset, SensorEntry, moment_of
from vedette.network.summary import merge_fact, superfluous
from vedette.protocols.sensor import AssetRecord, FactRecord


@dataclass(slots=True)
class AssetsTaken:
    """What became of records of assets.

    Attributes:
        appeared: Those that are new, as they stand now.
        changed: All that changed.
        refused: Records that tell of nobody, or came when there was no room.
    """

    appeared: list[NetworkAsset]
    changed: list[NetworkAsset]
    refused: int = 0


class AssetIntake:
    """Takes what one sensor tells of assets, in one transaction.

    Args:
        connection: Of the write transaction.
        sensor: Who tells.
        ids: Of new assets.
        now: When it is told: nothing was seen later.
        room: How many new assets there is room for.
    """

    def __init__(
        self, connection: sa.Connection, sensor: SensorEntry, *, ids: IdSource, now: datetime, room: int
    ) -> None:
        self._connection = connection
        self._sensor = sensor
        self._organization_id = sensor.organization_id
        self._ids = ids
        self._now = now
        self._room = room
        self._inventory = Inventory(connection, sensor.organization_id)
        self._owners: dict[Key, tuple[str, bool]] = {}
        self._has_mac: dict[str, bool] = {}

    def take(self, records: Sequence[AssetRecord]) -> AssetsTaken:
        """Take records; the same again changes nothing."""
        sightings = [(record, _sighting(record)) for record in records]
        known = [(record, sighting) for record, sighting in sightings if sighting.keys]
        self._load([sighting for _, sighting in known])
        taken = AssetsTaken([], [], refused=len(sightings) - len(known))
        new: list[str] = []
        told: dict[str, list[FactRecord]] = {}
        bound: dict[Key, str] = {}
        for record, sighting in known:
            asset_id = self._settle(record, sighting, new, bound)
            if asset_id:
                told.setdefault(asset_id, []).extend(record.facts)
            else:
                taken.refused += 1
        self._save_identifiers(bound)
        self._save_facts(told)
        taken.changed = self._inventory.save()
        taken.appeared = [asset for asset in taken.changed if asset.asset_id in set(new)]
        return taken

    def _load(self, sightings: Sequence[Sighting]) -> None:
        values = {value for sighting in sightings for _, value in sighting.keys}
        self._owners = repository.find_identifiers(self._connection, self._organization_id, self._sensor.site, values)
        self._inventory.load(owner for owner, _ in self._owners.values())
        self._owners = {key: whose for key, whose in self._owners.items() if whose[0] in self._inventory}
        owners = {owner for owner, _ in self._owners.values()}
        groups = {owner: self._inventory.group(owner) for owner in owners}
        parts = {part for group in groups.values() for part in group}
        keys = repository.identifiers_of(self._connection, self._organization_id, parts)
        for owner, group in groups.items():
            self._has_mac[owner] = any(kind == "mac" for part in group for kind, _ in keys.get(part, ()))

    def _settle(self, record: AssetRecord, sighting: Sighting, new: list[str], bound: dict[Key, str]) -> str:
        found = resolve(sighting, self._owners, self._has_mac)
        first_at, last_at = self._when(record.first_at), self._when(record.last_at)
        asset_id = found.asset_id
        if not asset_id:
            if self._room <= 0:
                return ""
            self._room -= 1
            asset_id = self._add(first_at, last_at)
            new.append(asset_id)
        for key in found.binds:
            former, _ = self._owners.get(key, ("", False))
            if former:
                self._inventory.touch(former)
            self._owners[key] = (asset_id, False)
            bound[key] = asset_id
        is_by_mac = any(kind == "mac" for kind, _ in found.binds)
        self._has_mac[asset_id] = self._has_mac.get(asset_id, False) or is_by_mac
        for absorbed in found.absorbs:
            self._inventory.merge(absorbed, asset_id)
            if absorbed in new:
                new.remove(absorbed)
        self._inventory.see(asset_id, self._sensor.generation_id, first_at, max(first_at, last_at))
        return asset_id

    def _add(self, first_at: datetime, last_at: datetime) -> str:
        asset = NetworkAsset(
            organization_id=self._organization_id,
            asset_id=self._ids.new("ast"),
            site=self._sensor.site,
            state=AssetState.NEW,
            first_at=first_at,
            last_at=max(first_at, last_at),
            created_at=self._now,
        )
        self._inventory.add(asset)
        return asset.asset_id

    def _save_identifiers(self, bound: dict[Key, str]) -> None:
        repository.save_identifiers(
            self._connection,
            [
                {
                    "organization_id": self._organization_id,
                    "site": self._sensor.site,
                    "kind": kind,
                    "value": value,
                    "asset_id": asset_id,
                    "is_pinned": False,
                    "last_at": self._now,
                }
                for (kind, value), asset_id in bound.items()
            ],
        )

    def _save_facts(self, told: dict[str, list[FactRecord]]) -> None:
        known = repository.facts_of(self._connection, self._organization_id, told)
        changed: dict[tuple[str, str], AssetFact] = {}
        for asset_id, records in told.items():
            facts = known.get(asset_id, {})
            for record in records:
                fact = self._fact(asset_id, record)
                if not fact.value or not fact.attribute:
                    continue
                fact_id = _fact_id(fact)
                merged = merge_fact(facts.get(fact_id), fact)
                if merged != facts.get(fact_id):
                    facts[fact_id] = changed[asset_id, fact_id] = merged
            if gone := superfluous(facts):
                repository.delete_facts(self._connection, self._organization_id, asset_id, gone)
                for fact_id in gone:
                    changed.pop((asset_id, fact_id), None)
        repository.save_facts(self._connection, self._organization_id, changed)

    def _fact(self, asset_id: str, record: FactRecord) -> AssetFact:
        first_at = self._when(record.first_at)
        return AssetFact(
            asset_id=asset_id,
            attribute=clean(record.attribute),
            value=clean(record.value),
            confidence=record.confidence,
            source=clean(record.source),
            first_at=first_at,
            last_at=max(first_at, self._when(record.last_at)),
            times=record.times,
            sensor=self._sensor.generation_id,
        )

    def _when(self, milliseconds: int) -> datetime:
        return min(moment_of(milliseconds), self._now)


def _sighting(record: AssetRecord) -> Sighting:
    vendor = _surest(record.facts, "vendor", 0)
    serial = _surest(record.facts, "serial", SERIAL_CONFIDENCE)
    return sighting_of(record.ips, record.macs, vendor=vendor, serial=serial)


def _surest(facts: Sequence[FactRecord], attribute: str, at_least: int) -> str:
    told = [fact for fact in facts if fact.attribute == attribute and fact.confidence >= at_least]
    return max(told, key=lambda fact: (fact.confidence, fact.last_at)).value if told else ""


def _fact_id(fact: AssetFact) -> str:
    text = f"{fact.attribute}\0{fact.value}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]
