"""Where assets stand: nobody on another, everybody in their box, and nobody moves without need."""

from __future__ import annotations

import time
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.network.map.layout import CELL_HEIGHT, CELL_WIDTH, Box, Layout, lay_out, outside_id_of, step_up
from vedette.network.map.model import Spot
from vedette.registry import PURDUE_LEVELS

SITES = st.sampled_from(("north", "south", ""))
AREAS = st.sampled_from(("zon_1", "zon_2", ""))
LEVELS = st.sampled_from((*PURDUE_LEVELS, ""))
KEYS = st.integers(0, 10_000).map(lambda number: f"ast_{number:05}")
SPOTS = st.lists(
    st.builds(
        lambda key, site, area, level: Spot(key=key, site=site, area=area, level=level), KEYS, SITES, AREAS, LEVELS
    ),
    max_size=60,
    unique_by=lambda spot: spot.key,
)
MODES = st.tuples(st.booleans(), st.booleans())


def spot(number: int, level: str = "1", site: str = "north", area: str = "") -> Spot:
    return Spot(key=f"ast_{number:05}", site=site, area=area, level=level)


def laid(spots: list[Spot], previous: Layout | None = None, mode: tuple[bool, bool] = (True, True)) -> Layout:
    return lay_out(spots, has_areas=mode[0], has_levels=mode[1], previous=previous or Layout())


def is_inside(inner: Box, outer: Box) -> bool:
    return (
        outer.x <= inner.x
        and outer.y <= inner.y
        and inner.x + inner.width <= outer.x + outer.width
        and inner.y + inner.height <= outer.y + outer.height
    )


def overlap(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


@given(SPOTS, MODES)
def test_nobody_stands_on_another_and_all_stand_in_their_box(spots: list[Spot], mode: tuple[bool, bool]) -> None:
    layout = laid(spots, mode=mode)
    places = [layout.places[each.key] for each in spots]
    outsides = [layout.places[outside_id_of(site)] for site in {each.site for each in spots}]
    for index, one in enumerate([*places, *outsides]):
        for other in [*places, *outsides][index + 1 :]:
            assert abs(one.x - other.x) >= CELL_WIDTH or abs(one.y - other.y) >= CELL_HEIGHT // 2
    for place in places:
        box = layout.boxes[place.group_id]
        node = Box("", "", "", "", "", place.x - CELL_WIDTH // 2, place.y - CELL_HEIGHT // 2, CELL_WIDTH, CELL_HEIGHT)
        assert is_inside(node, box)


@given(SPOTS, MODES)
def test_boxes_lie_in_the_one_around_them_and_beside_each_other(spots: list[Spot], mode: tuple[bool, bool]) -> None:
    boxes = laid(spots, mode=mode).boxes
    for box in boxes.values():
        assert not box.parent or is_inside(box, boxes[box.parent])
    for box in boxes.values():
        beside = [each for each in boxes.values() if each.parent == box.parent and each is not box]
        assert not any(overlap(box, each) for each in beside)


@given(SPOTS, MODES)
def test_the_same_assets_stand_at_the_same_places_in_whatever_order_they_come(
    spots: list[Spot], mode: tuple[bool, bool]
) -> None:
    assert laid(spots, mode=mode) == laid(spots[::-1], mode=mode)


@given(SPOTS, st.integers(20_000, 30_000), SITES, AREAS, LEVELS)
def test_a_new_asset_moves_nobody_within_a_band_and_nobody_at_all_where_there_is_room(
    spots: list[Spot], number: int, site: str, area: str, level: str
) -> None:
    before = laid(spots)
    new = spot(number, level, site, area)
    after = laid([*spots, new], before)
    for each in spots:
        was, now = before.places[each.key], after.places[each.key]
        old, moved = before.boxes[was.group_id], after.boxes[now.group_id]
        assert (was.x - old.x, was.y - old.y) == (now.x - moved.x, now.y - moved.y)
    band = before.bands.get(after.places[new.key].group_id)
    if band is not None and len(band.cells) < band.capacity:
        assert {each.key: before.places[each.key] for each in spots} == {
            each.key: after.places[each.key] for each in spots
        }


@given(SPOTS, st.data())
def test_who_goes_leaves_a_gap_and_who_comes_back_finds_a_place(spots: list[Spot], data: st.DataObject) -> None:
    before = laid(spots)
    gone = data.draw(st.sets(st.sampled_from(spots), max_size=2)) if spots else set()
    left = [each for each in spots if each not in gone]
    after = laid(left, before)
    kept = [each for each in left if after.bands[after.places[each.key].group_id].columns]
    for each in kept:
        group_id = after.places[each.key].group_id
        if after.bands[group_id].capacity == before.bands[group_id].capacity:
            assert after.bands[group_id].cells[each.key] == before.bands[group_id].cells[each.key]
    assert laid(spots, after).places.keys() == before.places.keys()


@settings(max_examples=30)
@given(st.lists(SPOTS, min_size=2, max_size=5))
def test_after_any_history_nobody_stands_on_another(history: list[list[Spot]]) -> None:
    layout = Layout()
    for spots in history:
        layout = laid(spots, layout)
        places = [layout.places[each.key][:2] for each in spots]
        assert len(set(places)) == len(spots)


def test_higher_levels_stand_above_lower_ones_and_the_unknown_below_all() -> None:
    layout = laid([spot(number, level) for number, level in enumerate(("", *PURDUE_LEVELS))])
    heights = [layout.places[f"ast_{number:05}"].y for number in (7, 6, 5, 4, 3, 2, 1, 0)]
    assert all(upper < lower for upper, lower in pairwise(heights))


def test_a_site_that_begins_with_few_assets_does_not_stay_a_narrow_strip() -> None:
    layout = laid([spot(number) for number in range(3)])
    layout = laid([spot(number) for number in range(1_000)], layout)
    site = next(box for box in layout.boxes.values() if box.kind == "site")
    assert site.height < 3 * site.width


def test_cells_grow_in_steps_by_half_at_most() -> None:
    steps = sorted({step_up(count) for count in range(1, 5_000)})
    assert steps[:7] == [4, 6, 8, 12, 16, 24, 32]
    assert all(step_up(count) >= count for count in range(1, 5_000))
    assert all(later <= earlier * 1.5 for earlier, later in pairwise(steps))


def test_five_thousand_assets_are_laid_out_at_once() -> None:
    spots = [spot(number, str(number % 5), f"site-{number % 3}", f"zon_{number % 40}") for number in range(5_000)]
    begun = time.process_time()
    laid(spots)
    # About 30 ms of one core on the machine that this was written on.
    assert time.process_time() - begun < 1.0
