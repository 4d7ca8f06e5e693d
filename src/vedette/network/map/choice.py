"""Which nodes a map shows, and which groups are closed because not all can be. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from vedette.network.map.layout import Layout
from vedette.network.map.model import MapQuery
from vedette.network.map.picture import Picture
from vedette.network.map.strands import Pair, Weight

_NONE: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is shown.

    Attributes:
        places: Of all nodes that fit, those in closed groups too.
        weights: What they say to each other.
    """

    places: frozenset[int]
    weights: Mapping[Pair, Weight]


def choose(picture: Picture, query: MapQuery) -> Chosen:
    """Return which nodes and pairs fit.

    Where the query names a zone, a level or alerts, those whom such assets talk with are shown too: else nothing would
    be left of what they say.
    """
    weights = picture.gather(query.protocol, query.since, query.until)
    if query.sites is not None:
        seen = picture.places_at(query.sites)
        weights = {pair: weight for pair, weight in weights.items() if pair[0] in seen and pair[1] in seen}
    if query.focus:
        places = _around(picture, query, weights)
    elif query.zone or query.level or query.is_alerting:
        wanted = _wanted(picture, query)
        weights = {pair: weight for pair, weight in weights.items() if not wanted.isdisjoint(pair)}
        places = wanted.union(*weights) if weights else wanted
    elif query.protocol or query.since or query.until:
        places = set().union(*weights)
    else:
        places = {place for place in range(len(picture.assets)) if _is_seen(picture, query, place)}
        places.update(place for pair in weights for place in pair if place >= len(picture.assets))
    if query.focus:
        weights = {pair: weight for pair, weight in weights.items() if pair[0] in places and pair[1] in places}
    return Chosen(frozenset(places), weights)


def find_closed(layout: Layout, query: MapQuery, shown: Iterable[str], *, has_areas: bool) -> frozenset[str]:
    """Return the ids of the groups that are closed, given the keys of all that fit.

    Areas are closed where there are more nodes than the limit. One that is opened shows its assets, or the bands of its
    levels where even those are too many. Without areas the bands are closed.
    """
    of_band: dict[str, int] = {}
    for key in shown:
        group_id = layout.places[key].group_id
        if layout.boxes[group_id].kind == "level":
            of_band[group_id] = of_band.get(group_id, 0) + 1
    total = sum(of_band.values())
    if total <= query.limit and not query.is_closed:
        return _NONE
    bands: dict[str, list[str]] = {}
    for group_id in of_band:
        bands.setdefault(layout.boxes[group_id].parent, []).append(group_id)
    wanted = list(dict.fromkeys(_area_of(layout, each) for each in query.opened if each in layout.boxes))
    left = query.limit
    closed: set[str] = set()
    for area in (*wanted, *(each for each in bands if each not in wanted)):
        mine = bands.get(area, [])
        size = sum(of_band[each] for each in mine)
        if has_areas and area not in wanted:
            closed.add(area)
        elif has_areas and size <= left:
            left -= size
        else:
            for band in mine:
                if band in query.opened and of_band[band] <= left:
                    left -= of_band[band]
                else:
                    closed.add(band)
    return frozenset(closed)


def _area_of(layout: Layout, group_id: str) -> str:
    box = layout.boxes[group_id]
    return box.parent if box.kind == "level" else group_id


def _is_seen(picture: Picture, query: MapQuery, place: int) -> bool:
    return query.sites is None or picture.site_of(place) in query.sites


def _wanted(picture: Picture, query: MapQuery) -> set[int]:
    return {
        place
        for place, asset in enumerate(picture.assets)
        if _is_seen(picture, query, place)
        and (not query.zone or asset.zone == query.zone)
        and (not query.level or asset.level == query.level)
        and (not query.is_alerting or asset.alerts)
    }


def _around(picture: Picture, query: MapQuery, weights: Mapping[Pair, Weight]) -> set[int]:
    """Return an asset and whom it reaches in so many steps, the nearest first where they are too many."""
    start = picture.places.get(query.focus)
    if start is None or not _is_seen(picture, query, start):
        return set()
    peers: dict[int, list[int]] = {}
    for one, other in weights:
        peers.setdefault(one, []).append(other)
        peers.setdefault(other, []).append(one)
    found = {start: 0}
    waiting = deque([start])
    while waiting and len(found) < query.limit:
        place = waiting.popleft()
        # Whoever is outside is no way from one asset to another.
        if found[place] >= query.hops or place >= len(picture.assets):
            continue
        for peer in sorted(peers.get(place, ())):
            if peer not in found and len(found) < query.limit:
                found[peer] = found[place] + 1
                waiting.append(peer)
    return set(found)
