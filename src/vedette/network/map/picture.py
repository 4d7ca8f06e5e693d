"""The inventory at one moment, as maps are drawn from it. Pure."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Mapping, Sequence
from typing import Final

from vedette.network.map.layout import EMPTY, Layout, lay_out, outside_id_of
from vedette.network.map.model import Grouping, MapAsset, MapZone, Spot
from vedette.network.map.strands import Pair, Strands, Summary, Weight

_GATHERED_MAX: Final = 2
_BITS: Final = {4: 24, 6: 64}


class Picture:
    """Assets, what they say, and where they stand under each grouping.

    Args:
        assets: All that are shown.
        outsides: Sites where somebody talks with the outside.
        strands: What is said; places count assets first, then ``outsides``.
        zones: Those of the plan in force.
        links_to_groups: How many links are not drawn, by site.
        previous: The picture before; what stood somewhere stays there.
    """

    def __init__(
        self,
        assets: Sequence[MapAsset],
        outsides: Sequence[str],
        strands: Strands,
        *,
        zones: Sequence[MapZone] = (),
        links_to_groups: Mapping[str, int] | None = None,
        previous: Picture | None = None,
    ) -> None:
        self.assets = tuple(assets)
        self.outsides = tuple(outsides)
        self.strands = strands
        self.zones = tuple(zones)
        self.links_to_groups = dict(links_to_groups or {})
        self.places = {asset.asset_id: place for place, asset in enumerate(self.assets)}
        self._previous: Mapping[Grouping, Layout] = {} if previous is None else previous.layouts
        self.layouts: dict[Grouping, Layout] = {}
        self._gathered: dict[tuple[str, int, int], dict[Pair, Weight]] = {}
        self._summary: Summary | None = None
        self._lock = threading.Lock()

    def layout(self, grouping: Grouping) -> Layout:
        """Return where everything stands."""
        with self._lock:
            if grouping not in self.layouts:
                spots = [self.spot(place, grouping) for place in range(len(self.assets) + len(self.outsides))]
                former = self._previous.get(grouping, EMPTY)
                self.layouts[grouping] = lay_out_by(grouping, spots, former)
            return self.layouts[grouping]

    def keep_layouts(self) -> None:
        """Lay out what the picture before had laid out: whoever comes next goes on from there."""
        for grouping in self._previous:
            self.layout(grouping)
        self._previous = {}

    def forget_links(self) -> None:
        """Keep only where everything stands: what comes next is read anew."""
        with self._lock:
            self.strands = Strands((), {})
            self._gathered.clear()
            self._summary = None

    def gather(self, protocol: str, since: int, until: int) -> dict[Pair, Weight]:
        """Return what is said, by pair of places; the last few answers are kept."""
        key = (protocol, since, until)
        with self._lock:
            if key not in self._gathered:
                while len(self._gathered) >= _GATHERED_MAX:
                    self._gathered.pop(next(iter(self._gathered)))
                self._gathered[key] = self.strands.gather(protocol=protocol, since=since, until=until)
            return self._gathered[key]

    def summarize(self, sites: frozenset[str] | None) -> Summary:
        """Return what there is to filter by at some sites; None: at all."""
        if sites is not None:
            return self.strands.summarize(self.places_at(sites))
        with self._lock:
            if self._summary is None:
                self._summary = self.strands.summarize()
            return self._summary

    def zones_of(self, sites: frozenset[str] | None) -> tuple[MapZone, ...]:
        """Return the zones that assets at some sites are in."""
        held = {asset.zone for asset in self.assets if sites is None or asset.site in sites}
        return tuple(zone for zone in self.zones if zone.zone_id in held)

    def spot(self, place: int, grouping: Grouping) -> Spot:
        """Return what stands on the map at a place among all."""
        if place >= len(self.assets):
            site = self.outsides[place - len(self.assets)]
            return Spot(key=outside_id_of(site), site=site, is_outside=True)
        asset = self.assets[place]
        area = {Grouping.ZONE: asset.zone, Grouping.SUBNET: asset.subnet}.get(grouping, "")
        return Spot(key=asset.asset_id, site=asset.site, area=area, level=asset.level)

    def places_at(self, sites: frozenset[str]) -> set[int]:
        """Return the places of all that stands at some sites."""
        return {place for place in range(len(self.assets) + len(self.outsides)) if self.site_of(place) in sites}

    def site_of(self, place: int) -> str:
        """Return the site of an asset, or of whoever is outside of one."""
        count = len(self.assets)
        return self.assets[place].site if place < count else self.outsides[place - count]


def lay_out_by(grouping: Grouping, spots: Sequence[Spot], previous: Layout = EMPTY) -> Layout:
    """Return where everything stands under a grouping."""
    return lay_out(
        spots,
        has_areas=grouping in {Grouping.ZONE, Grouping.SUBNET},
        has_levels=grouping is not Grouping.SITE,
        previous=previous,
    )


def subnet_of(addresses: Sequence[str]) -> str:
    """Return the network that the first IP address is in; empty without one."""
    for address in addresses:
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            continue
        return str(ipaddress.ip_network((found, _BITS[found.version]), strict=False))
    return ""
