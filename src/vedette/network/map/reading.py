"""From the tables to a picture: everything in one snapshot of the database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import sqlalchemy as sa

from vedette.kernel import OrganizationId
from vedette.network import asset_repository
from vedette.network.map import map_repository
from vedette.network.map.model import SEVERITIES, MapAsset, MapZone
from vedette.network.map.picture import Picture, subnet_of
from vedette.network.map.strands import Pair, Strand, Strands
from vedette.network.model import AssetSearch, AssetState, NetworkAsset
from vedette.network.segmentation.inventory import to_member
from vedette.network.segmentation.membership import Membership
from vedette.network.segmentation.model import UNASSIGNED, PlanState, PlanVersion
from vedette.network.segmentation.repository import find_plan

ASSETS_MAX: Final = 50_000


class AlertMark(NamedTuple):
    """The open alerts of an asset: how many, and how grave the gravest is."""

    alerts: int
    severity: str

    def join(self, other: AlertMark) -> AlertMark:
        """Return what this and another come to."""
        graver = max(self.severity, other.severity, key=SEVERITIES.index)
        return AlertMark(self.alerts + other.alerts, graver)


def read_picture(
    connection: sa.Connection,
    organization_id: OrganizationId,
    marks: Mapping[str, AlertMark],
    previous: Picture | None = None,
) -> Picture:
    """Return the inventory as it is now.

    Args:
        connection: Of a reader.
        organization_id: Whose.
        marks: Open alerts, by asset; ids of merged assets too.
        previous: The picture before.
    """
    merged = asset_repository.merged_assets(connection, organization_id)
    found = asset_repository.list_assets(
        connection, organization_id, AssetSearch(with_ignored=False), after="", limit=ASSETS_MAX
    )
    version = find_plan(connection, organization_id, state=PlanState.APPROVED)
    exposures = map_repository.read_exposures(connection, organization_id)
    zone_of = _zones_of(version, found)
    alerts = _merge_marks(marks, merged)
    assets = [_to_asset(each, zone_of, alerts, exposures.get(each.asset_id, (0, 0, 0))) for each in found]
    threads = _Threads(assets, merged)
    strands = Strands(
        threads.spin(map_repository.read_strands(connection, organization_id)),
        threads.controls(map_repository.read_controls(connection, organization_id)),
    )
    zones = () if version is None else version.plan.zones
    return Picture(
        assets,
        threads.outsides,
        strands,
        zones=[MapZone(zone_id=zone.zone_id, name=zone.name) for zone in zones],
        links_to_groups=threads.to_groups,
        previous=previous,
    )


class _Threads:
    """Turns rows of links into strands between places; who is outside gets places behind all assets."""

    def __init__(self, assets: Sequence[MapAsset], merged: Mapping[str, str]) -> None:
        self.outsides: list[str] = []
        self.to_groups: dict[str, int] = {}
        self._places = {asset.asset_id: place for place, asset in enumerate(assets)}
        for part, into in merged.items():
            if into in self._places:
                self._places[part] = self._places[into]
        self._sites = [asset.site for asset in assets]
        self._outside_of: dict[str, int] = {}
        self._count = len(assets)

    def spin(self, rows: Iterator[map_repository.StrandRow]) -> Iterator[Strand]:
        """Yield the strands of assets that are shown."""
        for site, client_id, server_id, protocol, is_external, packets, size, first, last in rows:
            client, server = self._places.get(client_id, -1), self._places.get(server_id, -1)
            if client < 0 and server < 0:
                continue
            if client < 0 or server < 0:
                if not is_external:
                    if not (client_id and server_id):
                        self.to_groups[site] = self.to_groups.get(site, 0) + 1
                    continue
                # An asset stands at its own site, wherever the sensor that saw the link listens.
                outside = self._outside(self._sites[max(client, server)])
                client, server = (outside, server) if client < 0 else (client, outside)
            if client != server:
                yield Strand(client, server, protocol, packets, size, first, last, bool(is_external))

    def controls(self, rows: Sequence[tuple[str, str, int]]) -> dict[Pair, int]:
        """Return how many operations that change something each asked of whom."""
        found: dict[Pair, int] = {}
        for client_id, server_id, times in rows:
            pair = (self._places.get(client_id, -1), self._places.get(server_id, -1))
            if min(pair) >= 0:
                found[pair] = found.get(pair, 0) + times
        return found

    def _outside(self, site: str) -> int:
        place = self._outside_of.get(site)
        if place is None:
            place = self._outside_of[site] = self._count + len(self.outsides)
            self.outsides.append(site)
        return place


def _zones_of(version: PlanVersion | None, found: Sequence[NetworkAsset]) -> Mapping[str, str]:
    if version is None:
        return {}
    membership = Membership(version.plan, [to_member(asset, None) for asset in found])
    zones = {asset.asset_id: membership.zone_of(asset.asset_id) for asset in found}
    return {asset_id: zone for asset_id, zone in zones.items() if zone != UNASSIGNED}


def _merge_marks(marks: Mapping[str, AlertMark], merged: Mapping[str, str]) -> dict[str, AlertMark]:
    found: dict[str, AlertMark] = {}
    for asset_id, mark in marks.items():
        head = merged.get(asset_id, asset_id)
        other = found.get(head)
        found[head] = mark if other is None else mark.join(other)
    return found


def _to_asset(
    asset: NetworkAsset, zone_of: Mapping[str, str], alerts: Mapping[str, AlertMark], exposure: tuple[int, int, int]
) -> MapAsset:
    mark = alerts.get(asset.asset_id, AlertMark(0, ""))
    proven, maybe, priority = exposure
    return MapAsset(
        asset_id=asset.asset_id,
        site=asset.site,
        name=asset.name,
        address=next(iter(asset.addresses), ""),
        vendor=asset.vendor,
        role=asset.role,
        level=asset.level,
        zone=zone_of.get(asset.asset_id, ""),
        subnet=subnet_of(asset.ips),
        device_id="" if asset.management is None else asset.management.device_id,
        is_new=asset.state is AssetState.NEW,
        criticality=asset.criticality,
        alerts=mark.alerts,
        severity=mark.severity,
        proven=proven,
        maybe=maybe,
        priority=priority,
    )
