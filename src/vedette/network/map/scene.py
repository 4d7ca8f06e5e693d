"""A map, drawn from a picture of the inventory as a query asks. Pure."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from vedette.kernel import to_rfc3339
from vedette.network.map.choice import Chosen, choose, find_closed
from vedette.network.map.layout import Box, Layout, group_id_of, outside_id_of
from vedette.network.map.model import (
    EDGES_MAX,
    PROTOCOLS_SHOWN_MAX,
    SEVERITIES,
    Crossing,
    Grouping,
    MapAsset,
    MapEdge,
    MapGroup,
    MapNode,
    MapProtocol,
    MapQuery,
    NetworkMap,
)
from vedette.network.map.picture import Picture, lay_out_by
from vedette.network.map.strands import Weight
from vedette.network.segmentation.purdue import Crossing as LevelCrossing
from vedette.network.segmentation.purdue import judge_crossing

_RANKS: Final = {severity: rank for rank, severity in enumerate(SEVERITIES)}
_WRONG: Final = frozenset({LevelCrossing.SKIP, LevelCrossing.BORDER})
_LATEST: Final = 253_402_300_799


def draw(picture: Picture, query: MapQuery) -> NetworkMap:
    """Return a map."""
    chosen = choose(picture, query)
    layout = _layout_for(picture, query, chosen)
    scene = _Scene(picture, query, chosen, layout)
    groups = scene.groups()
    edges, left_out = scene.edges()
    summary = picture.summarize(query.sites)
    spoken = sorted(summary.speakers.items(), key=lambda each: (-each[1], each[0]))
    sites = sorted({asset.site for asset in picture.assets} | set(picture.outsides))
    unseen = picture.links_to_groups.items()
    return NetworkMap(
        grouping=query.grouping,
        nodes=scene.nodes(),
        edges=edges,
        groups=groups,
        assets=sum(place < len(picture.assets) for place in chosen.places),
        closed=len(scene.closed),
        limit=query.limit,
        edges_left_out=left_out,
        links_to_groups=sum(links for site, links in unseen if query.sites is None or site in query.sites),
        protocols=tuple(MapProtocol(name=name, pairs=pairs) for name, pairs in spoken if name),
        sites=tuple(site for site in sites if query.sites is None or site in query.sites),
        zones=picture.zones_of(query.sites),
        first_at=_moment(summary.first_at) if summary.last_at else "",
        last_at=_moment(summary.last_at) if summary.last_at else "",
    )


def _layout_for(picture: Picture, query: MapQuery, chosen: Chosen) -> Layout:
    if not query.focus:
        return picture.layout(query.grouping)
    # A few of many would lie far apart where they usually stand.
    return lay_out_by(query.grouping, [picture.spot(place, query.grouping) for place in sorted(chosen.places)])


class _Scene:
    """One map while it is drawn."""

    def __init__(self, picture: Picture, query: MapQuery, chosen: Chosen, layout: Layout) -> None:
        self._picture = picture
        self._query = query
        self._chosen = chosen
        self._layout = layout
        self._zone_names = {zone.zone_id: zone.name for zone in picture.zones}
        count = len(picture.assets)
        self._keys = {
            place: picture.assets[place].asset_id if place < count else outside_id_of(picture.outsides[place - count])
            for place in chosen.places
        }
        # Without a plan of zones there are no areas, and no boxes around nothing.
        self._has_areas = any(box.kind == "area" and box.name for box in layout.boxes.values())
        self.closed = find_closed(layout, query, self._keys.values(), has_areas=self._has_areas)
        self._shown_as = {place: self._display(key) for place, key in self._keys.items()}

    def _display(self, key: str) -> str:
        """Return what an asset is shown as: itself, or the closed group that it stands in."""
        group_id = self._layout.places[key].group_id
        if group_id in self.closed:
            return group_id
        parent = self._layout.boxes[group_id].parent
        return parent if parent in self.closed else key

    def nodes(self) -> tuple[MapNode, ...]:
        """Return what is shown one by one."""
        peers: dict[int, int] = {}
        outside: set[int] = set()
        for pair, weight in self._chosen.weights.items():
            for place in pair:
                peers[place] = peers.get(place, 0) + 1
            if weight.is_external:
                outside.update(pair)
        shown = [place for place, key in sorted(self._keys.items()) if self._shown_as[place] == key]
        return tuple(self._node(place, peers.get(place, 0), is_outside=place in outside) for place in shown)

    def _node(self, place: int, peers: int, *, is_outside: bool) -> MapNode:
        key = self._keys[place]
        x, y, group_id = self._layout.places[key]
        if place >= len(self._picture.assets):
            site = self._picture.site_of(place)
            asset = MapAsset(asset_id="", site=site, name="Outside")
        else:
            asset = self._picture.assets[place]
        return MapNode(
            node_id=key,
            asset_id=asset.asset_id,
            group_id=group_id,
            x=x,
            y=y,
            name=asset.name,
            address=asset.address,
            vendor=asset.vendor,
            role=asset.role,
            level=asset.level,
            zone=self._zone_names.get(asset.zone, ""),
            site=asset.site,
            device_id=asset.device_id,
            is_managed=bool(asset.device_id),
            is_new=asset.is_new,
            is_talking_outside=is_outside,
            criticality=asset.criticality,
            alerts=asset.alerts,
            severity=asset.severity,
            proven=asset.proven,
            maybe=asset.maybe,
            priority=asset.priority,
            peers=peers,
        )

    def groups(self) -> tuple[MapGroup, ...]:
        """Return the boxes that something shown stands in, outer ones first."""
        counts: dict[str, list[int]] = {}
        for place, key in self._keys.items():
            asset = self._picture.assets[place] if place < len(self._picture.assets) else None
            group_id = self._layout.places[key].group_id
            while group_id:
                found = counts.setdefault(group_id, [0, 0, 0])
                if asset is not None:
                    found[0] += 1
                    found[1] += asset.alerts
                    found[2] = max(found[2], _RANKS[asset.severity])
                group_id = self._layout.boxes[group_id].parent
        hidden = set() if self._has_areas else {"area"}
        if self._query.grouping is Grouping.SITE:
            hidden.add("level")
        found_groups = []
        for box in self._layout.boxes.values():
            if box.group_id not in counts or box.parent in self.closed:
                continue
            if box.kind in hidden and box.group_id not in self.closed:
                continue
            assets, alerts, rank = counts[box.group_id]
            found_groups.append(
                MapGroup(
                    group_id=box.group_id,
                    kind=self._kind_of(box),
                    name=self._name_of(box),
                    parent=self._parent_of(box),
                    x=box.x,
                    y=box.y,
                    width=box.width,
                    height=box.height,
                    is_closed=box.group_id in self.closed,
                    assets=assets,
                    alerts=alerts,
                    severity=SEVERITIES[rank],
                )
            )
        return tuple(found_groups)

    def _parent_of(self, box: Box) -> str:
        """Return the group around a box that is told of: a site, where there are no areas."""
        return group_id_of("site", box.site) if box.kind == "level" and not self._has_areas else box.parent

    def _kind_of(self, box: Box) -> str:
        if box.kind == "level" and self._query.grouping is Grouping.SITE:
            return "site"
        return self._query.grouping.value if box.kind == "area" else box.kind

    def _name_of(self, box: Box) -> str:
        if box.kind == "level" and self._query.grouping is Grouping.SITE:
            return box.site
        return self._zone_names.get(box.name, box.name) if box.kind == "area" else box.name

    def edges(self) -> tuple[tuple[MapEdge, ...], int]:
        """Return what is said between what is shown, what matters most first; and how many edges were left out."""
        merged: dict[tuple[str, str], _Line] = {}
        for (one, other), weight in self._chosen.weights.items():
            a, b = self._shown_as[one], self._shown_as[other]
            if a == b:
                continue
            is_turned = a > b
            line = merged.get((b, a) if is_turned else (a, b))
            if line is None:
                line = merged[(b, a) if is_turned else (a, b)] = _Line()
            line.weight.add(weight, is_turned=is_turned)
            line.note(self._crossing(one, other), is_alerting=self._alerts(one) or self._alerts(other))
        ranked = sorted(merged.items(), key=lambda each: (*each[1].rank, each[0]))
        protocols = self._picture.strands.protocols
        shown = tuple(_edge(ends, line, protocols) for ends, line in ranked[:EDGES_MAX])
        return shown, max(len(ranked) - EDGES_MAX, 0)

    def _alerts(self, place: int) -> bool:
        return place < len(self._picture.assets) and self._picture.assets[place].alerts > 0

    def _crossing(self, one: int, other: int) -> Crossing:
        assets = self._picture.assets
        if one >= len(assets) or other >= len(assets):
            return Crossing.NONE
        first, second = assets[one], assets[other]
        if first.level != second.level and judge_crossing(first.level, second.level) in _WRONG:
            return Crossing.LEVEL
        if self._zone_names and first.zone != second.zone:
            return Crossing.ZONE
        return Crossing.NONE


class _Line:
    """All that goes between two ends on the map."""

    __slots__ = ("crossing", "is_alerting", "weight")

    def __init__(self) -> None:
        self.weight = Weight()
        self.crossing = Crossing.NONE
        self.is_alerting = False

    def note(self, crossing: Crossing, *, is_alerting: bool) -> None:
        """Take what one pair of assets passes."""
        if crossing is Crossing.LEVEL or (crossing is Crossing.ZONE and self.crossing is Crossing.NONE):
            self.crossing = crossing
        self.is_alerting = self.is_alerting or is_alerting

    @property
    def rank(self) -> tuple[bool, bool, bool, bool, int]:
        """The lower, the more it matters."""
        weight = self.weight
        return (
            not self.is_alerting,
            self.crossing is not Crossing.LEVEL,
            not weight.is_external,
            not weight.controls,
            -weight.bytes,
        )


def _edge(ends: tuple[str, str], line: _Line, protocols: Mapping[int, str] | list[str]) -> MapEdge:
    weight = line.weight
    is_forward = weight.forward * 2 >= weight.packets
    said = sorted(weight.said, key=lambda number: (-weight.said[number], protocols[number]))
    return MapEdge(
        source=ends[0] if is_forward else ends[1],
        target=ends[1] if is_forward else ends[0],
        is_two_way=0 < weight.forward < weight.packets,
        protocols=tuple(protocols[number] for number in said[:PROTOCOLS_SHOWN_MAX]),
        packets=weight.packets,
        bytes=weight.bytes,
        first_at=_moment(weight.first_at),
        last_at=_moment(weight.last_at),
        is_external=weight.is_external,
        controls=weight.controls,
        crossing=line.crossing,
        is_alerting=line.is_alerting,
        pairs=weight.pairs,
    )


@functools.lru_cache(maxsize=65_536)
def _moment(seconds: int) -> str:
    return to_rfc3339(datetime.fromtimestamp(min(max(seconds, 0), _LATEST), UTC))
