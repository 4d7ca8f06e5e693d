"""Where assets stand: in bands of Purdue levels, in zones, in sites. Pure, and the same for the same assets.

An asset keeps its place when others come or go. A band has more cells than assets; a new one takes a free cell, and
only where a band is full it gets another row, for which the boxes below make room.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final, NamedTuple

from vedette.network.map.model import Spot
from vedette.registry import PURDUE_LEVELS

CELL_WIDTH: Final = 120
CELL_HEIGHT: Final = 72
PAD: Final = 24
HEADER: Final = 32
_BESIDE: Final = 1.6
"""How wide a row of boxes is, compared to its height."""
# From then on a band that has grown or shrunk is laid out anew, rather than be a strip or a desert.
_GROWN: Final = 2
_SHRUNK: Final = 4
_RANKS: Final = {level: rank for rank, level in enumerate(PURDUE_LEVELS)}
_UNKNOWN_RANK: Final = -1


class Place(NamedTuple):
    """The middle of a node, and the innermost box around it."""

    x: int
    y: int
    group_id: str


class Box(NamedTuple):
    """A box; ``kind`` is ``site``, ``area`` or ``level``, ``name`` the site, area or level."""

    group_id: str
    kind: str
    name: str
    site: str
    parent: str
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Band:
    """The cells of a level in an area: which asset has which, in how many columns."""

    columns: int
    capacity: int
    cells: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Shelf:
    """In which order boxes stand beside each other, and how wide a row of them is."""

    order: tuple[str, ...]
    width: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Places of nodes by key, boxes by id; ``bands`` and ``shelves`` are what the next layout goes on from."""

    places: Mapping[str, Place] = field(default_factory=dict)
    boxes: Mapping[str, Box] = field(default_factory=dict)
    bands: Mapping[str, Band] = field(default_factory=dict)
    shelves: Mapping[str, Shelf] = field(default_factory=dict)


EMPTY: Final = Layout()


def group_id_of(*parts: str) -> str:
    """Return the id of a box: names that people gave never stand in an id."""
    return "grp_" + blake2b("\0".join(parts).encode(), digest_size=9).hexdigest()


def outside_id_of(site: str) -> str:
    """Return the id of the node that stands for whoever is outside of a site."""
    return "out_" + blake2b(site.encode(), digest_size=9).hexdigest()


def step_up(count: int) -> int:
    """Return how many cells a band of so many assets gets: 4, 6, 8, 12, 16, 24 and so on, so that it seldom grows."""
    size = 4
    while size < count:
        size += size // 2 if size & (size - 1) == 0 else size // 3
    return size


class _Drawing:
    """Boxes and places of one layout, relative to the box around each until that is placed."""

    def __init__(self, previous: Layout) -> None:
        self.previous = previous
        self.places: dict[str, Place] = {}
        self.boxes: dict[str, Box] = {}
        self.bands: dict[str, Band] = {}
        self.shelves: dict[str, Shelf] = {}

    def shelve(self, key: str, sizes: Mapping[str, tuple[int, int]]) -> tuple[dict[str, tuple[int, int]], int, int]:
        """Place boxes row by row, in the order of ``sizes`` unless they had one before.

        Returns:
            The upper left corner of each; width and height of them all.
        """
        former = self.previous.shelves.get(key)
        order = [each for each in former.order if each in sizes] if former is not None else []
        known = set(order)
        order += [each for each in sizes if each not in known]
        area = sum((width + PAD) * (height + PAD) for width, height in sizes.values())
        widest = max((width for width, _ in sizes.values()), default=0)
        wanted = max(math.isqrt(int(area * _BESIDE)), widest)
        if former is not None and wanted <= former.width * 2 and widest <= former.width:
            wanted = former.width
        self.shelves[key] = Shelf(tuple(order), wanted)
        corners: dict[str, tuple[int, int]] = {}
        x = y = row = width = 0
        for each in order:
            size = sizes[each]
            if x and x + size[0] > wanted:
                x, y, row = 0, y + row + PAD, 0
            corners[each] = (x, y)
            width = max(width, x + size[0])
            x += size[0] + PAD
            row = max(row, size[1])
        return corners, width, y + row

    def band(self, group_id: str, keys: Sequence[str], columns: int) -> Band:
        """Give every asset of a band a cell: the one that it had, or the first that is free."""
        former = self.previous.bands.get(group_id)
        if former is not None and (
            columns > former.columns * _GROWN
            or (len(keys) * _SHRUNK < former.capacity and former.capacity > step_up(1))
        ):
            former = None
        wanted = set(keys)
        cells = {} if former is None else {key: cell for key, cell in former.cells.items() if key in wanted}
        columns = columns if former is None else former.columns
        capacity = step_up(len(keys)) if former is None else max(former.capacity, step_up(len(keys)))
        taken = set(cells.values())
        free = (cell for cell in range(capacity) if cell not in taken)
        for key in keys:
            if key not in cells:
                cells[key] = next(free)
        self.bands[group_id] = Band(columns, capacity, cells)
        return self.bands[group_id]


def lay_out(spots: Iterable[Spot], *, has_areas: bool, has_levels: bool, previous: Layout = EMPTY) -> Layout:
    """Return where everything stands.

    Args:
        spots: What is to be placed, each key once.
        has_areas: Whether areas are boxes of their own.
        has_levels: Whether levels are bands of their own.
        previous: The layout before, whose places are kept.
    """
    drawing = _Drawing(previous)
    tree: dict[str, dict[str, dict[str, list[str]]]] = {}
    for spot in sorted(spots, key=lambda each: each.key):
        areas = tree.setdefault(spot.site, {})
        if not spot.is_outside:
            area = spot.area if has_areas else ""
            areas.setdefault(area, {}).setdefault(spot.level if has_levels else "", []).append(spot.key)
    sizes = {
        site: _site(drawing, site, tree[site], has_areas=has_areas, has_levels=has_levels) for site in sorted(tree)
    }
    corners, _, _ = drawing.shelve("", sizes)
    moved = {group_id_of("site", site): corner for site, corner in corners.items()}
    return _settle(drawing, moved)


def _site(
    drawing: _Drawing, site: str, areas: Mapping[str, Mapping[str, list[str]]], *, has_areas: bool, has_levels: bool
) -> tuple[int, int]:
    own = group_id_of("site", site)
    ordered = sorted(areas, key=lambda area: (-_rank_of(areas[area]), not area, area))
    sizes = {
        area: _area(drawing, site, area, areas[area], has_areas=has_areas, has_levels=has_levels) for area in ordered
    }
    corners, width, height = drawing.shelve(own, sizes)
    # Whoever is outside stands on top, in a strip that is there whether anybody is or not.
    top = HEADER + CELL_HEIGHT
    for area, (x, y) in corners.items():
        _move(drawing, group_id_of("area", site, area), PAD + x, top + y)
    size = (max(width, CELL_WIDTH) + 2 * PAD, top + height + PAD)
    drawing.boxes[own] = Box(own, "site", site, site, "", 0, 0, *size)
    drawing.places[outside_id_of(site)] = Place(PAD + CELL_WIDTH // 2, HEADER + CELL_HEIGHT // 2 - PAD // 2, own)
    return size


def _area(
    drawing: _Drawing, site: str, area: str, levels: Mapping[str, list[str]], *, has_areas: bool, has_levels: bool
) -> tuple[int, int]:
    own = group_id_of("area", site, area)
    cells = sum(step_up(len(keys)) for keys in levels.values())
    columns = max(step_up(math.isqrt(cells)), 4)
    inner, head = (PAD // 2, HEADER) if has_areas else (0, 0)
    y, width = head, 0
    for level in sorted(levels, key=_rank, reverse=True):
        group_id = group_id_of("level", site, area, level)
        band = drawing.band(group_id, levels[level], columns)
        title = HEADER if has_levels else 0
        rows = -(-band.capacity // band.columns)
        across = min(band.columns, band.capacity) * CELL_WIDTH
        for key, cell in band.cells.items():
            row, column = divmod(cell, band.columns)
            drawing.places[key] = Place(
                inner + column * CELL_WIDTH + CELL_WIDTH // 2,
                y + title + row * CELL_HEIGHT + CELL_HEIGHT // 2,
                group_id,
            )
        drawing.boxes[group_id] = Box(group_id, "level", level, site, own, inner, y, across, title + rows * CELL_HEIGHT)
        y += title + rows * CELL_HEIGHT + (PAD // 2 if has_levels else 0)
        width = max(width, across)
    size = (width + 2 * inner, y + inner)
    drawing.boxes[own] = Box(own, "area", area, site, group_id_of("site", site), 0, 0, *size)
    return size


def _move(drawing: _Drawing, group_id: str, x: int, y: int) -> None:
    drawing.boxes[group_id] = drawing.boxes[group_id]._replace(x=x, y=y)


def _settle(drawing: _Drawing, sites: Mapping[str, tuple[int, int]]) -> Layout:
    """Turn places that are relative to the box around into places on the map."""
    boxes: dict[str, Box] = {}
    for group_id, (x, y) in sites.items():
        boxes[group_id] = drawing.boxes[group_id]._replace(x=x, y=y)
    for kind in ("area", "level"):
        for box in drawing.boxes.values():
            if box.kind == kind:
                around = boxes[box.parent]
                boxes[box.group_id] = box._replace(x=around.x + box.x, y=around.y + box.y)
    places: dict[str, Place] = {}
    for key, place in drawing.places.items():
        box = boxes[place.group_id]
        around = boxes[box.parent] if box.kind == "level" else box
        places[key] = Place(around.x + place.x, around.y + place.y, place.group_id)
    return Layout(places, boxes, drawing.bands, drawing.shelves)


def _rank(level: str) -> int:
    return _RANKS.get(level, _UNKNOWN_RANK)


def _rank_of(levels: Mapping[str, list[str]]) -> int:
    return max((_rank(level) for level in levels), default=_UNKNOWN_RANK)
