"""What a map shows of a small plant under each filter, and what is closed where there is too much."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.network.map.model import Crossing, Grouping, MapAsset, MapNode, MapQuery, MapZone, NetworkMap
from vedette.network.map.picture import Picture, subnet_of
from vedette.network.map.scene import draw
from vedette.network.map.strands import Strand, Strands

PLC, HMI, OFFICE, SOUTH, LONELY = range(5)
OUTSIDE = 5
ASSETS = (
    MapAsset(asset_id="ast_plc", site="north", name="press", level="1", zone="zon_cell", alerts=2, severity="high"),
    MapAsset(asset_id="ast_hmi", site="north", name="panel", level="2", zone="zon_cell"),
    MapAsset(asset_id="ast_office", site="north", name="desk", level="4", zone="zon_office"),
    MapAsset(asset_id="ast_south", site="south", name="pump", level="1"),
    MapAsset(asset_id="ast_lonely", site="north", name="lamp"),
)
ZONES = (MapZone(zone_id="zon_cell", name="Cell 1"), MapZone(zone_id="zon_office", name="Office"))


ASSETS_WITHOUT_ZONES = tuple(MapAsset(asset_id=each.asset_id, site=each.site, level=each.level) for each in ASSETS)


def strand(client: int, server: int, protocol: str = "modbus", packets: int = 10, at: int = 1_000) -> Strand:
    return Strand(client, server, protocol, packets, packets * 100, at, at + 100, OUTSIDE in {client, server})


STRANDS = (
    strand(HMI, PLC, at=1_000),
    strand(PLC, HMI, "opcua", 3, at=2_000),
    strand(OFFICE, PLC, "http", 5, at=3_000),
    strand(OFFICE, OUTSIDE, "tls", 50, at=4_000),
)


def picture(strands: Iterable[Strand] = STRANDS, assets: Iterable[MapAsset] = ASSETS) -> Picture:
    controls = {(HMI, PLC): 7}
    return Picture(
        tuple(assets), ["north"], Strands(strands, controls), zones=ZONES, links_to_groups={"north": 3, "south": 4}
    )


def drawn(**query: object) -> NetworkMap:
    return draw(picture(), MapQuery(**query))  # type: ignore[arg-type] # each test names its own members


def names(found: NetworkMap) -> set[str]:
    return {node.name for node in found.nodes}


def test_every_asset_stands_on_the_map_and_whoever_is_outside_on_top() -> None:
    found = drawn()
    assert names(found) == {"press", "panel", "desk", "pump", "lamp", "Outside"}
    assert (found.assets, found.closed, found.edges_left_out, found.links_to_groups) == (5, 0, 0, 7)
    assert found.sites == ("north", "south")
    assert [(each.name, each.pairs) for each in found.protocols] == [
        ("http", 1),
        ("modbus", 1),
        ("opcua", 1),
        ("tls", 1),
    ]
    assert (found.first_at, found.last_at) == ("1970-01-01T00:16:40.000Z", "1970-01-01T01:08:20.000Z")


def test_an_edge_tells_what_a_pair_says_in_both_directions() -> None:
    edge = next(each for each in drawn().edges if each.controls)
    assert (edge.source, edge.target, edge.is_two_way) == ("ast_hmi", "ast_plc", True)
    assert (edge.protocols, edge.packets, edge.bytes, edge.controls) == (("modbus", "opcua"), 13, 1_300, 7)
    assert (edge.first_at, edge.last_at) == ("1970-01-01T00:16:40.000Z", "1970-01-01T00:35:00.000Z")
    assert edge.is_alerting
    assert edge.crossing is Crossing.NONE


def test_edges_past_a_level_between_zones_and_to_the_outside_are_marked() -> None:
    by_ends = {frozenset((each.source, each.target)): each for each in drawn().edges}
    past = by_ends[frozenset(("ast_office", "ast_plc"))]
    assert past.crossing is Crossing.LEVEL
    outside = next(each for ends, each in by_ends.items() if any(end.startswith("out_") for end in ends))
    assert outside.is_external
    assert outside.crossing is Crossing.NONE
    zones = draw(picture(assets=[_at_level_2(each) for each in ASSETS]), MapQuery())
    assert {each.crossing for each in zones.edges} == {Crossing.NONE, Crossing.ZONE}


@pytest.mark.parametrize(
    ("query", "shown", "edges"),
    [
        ({"sites": frozenset({"south"})}, {"pump"}, 0),
        ({"sites": frozenset()}, set(), 0),
        ({"protocol": "modbus"}, {"press", "panel"}, 1),
        ({"protocol": "unheard"}, set(), 0),
        ({"since": 2_101}, {"press", "desk", "Outside"}, 2),
        ({"until": 2_000}, {"press", "panel"}, 1),
        ({"is_alerting": True}, {"press", "panel", "desk"}, 2),
        ({"zone": "zon_office"}, {"desk", "press", "Outside"}, 2),
        ({"level": "2"}, {"panel", "press"}, 1),
        ({"focus": "ast_hmi"}, {"panel", "press"}, 1),
        ({"focus": "ast_hmi", "hops": 2}, {"panel", "press", "desk"}, 2),
        ({"focus": "ast_hmi", "sites": frozenset({"south"})}, set(), 0),
        ({"focus": "ast_gone"}, set(), 0),
    ],
    ids=lambda each: str(sorted(each)) if isinstance(each, set) else str(each),
)
def test_a_filter_leaves_what_fits_and_whom_that_talks_with(
    query: dict[str, object], shown: set[str], edges: int
) -> None:
    found = drawn(**query)
    assert names(found) == shown
    assert len(found.edges) == edges


def test_who_may_see_one_site_hears_nothing_of_another() -> None:
    found = drawn(sites=frozenset({"south"}))
    assert (found.sites, found.protocols, found.zones, found.links_to_groups) == (("south",), (), (), 4)
    assert (found.first_at, found.last_at) == ("", "")
    assert {group.name for group in found.groups if group.kind == "site"} == {"south"}


def test_filters_move_nobody() -> None:
    whole = {node.node_id: (node.x, node.y) for node in drawn().nodes}
    for query in ({"protocol": "modbus"}, {"is_alerting": True}, {"sites": frozenset({"south"})}, {"level": "2"}):
        assert {node.node_id: (node.x, node.y) for node in drawn(**query).nodes}.items() <= whole.items()


def test_boxes_are_named_and_counted_as_the_grouping_says() -> None:
    by_zone = {(each.kind, each.name): each for each in drawn().groups}
    assert by_zone["zone", "Cell 1"].assets == 2
    assert (by_zone["zone", "Cell 1"].alerts, by_zone["zone", "Cell 1"].severity) == (2, "high")
    assert ("zone", "") in by_zone
    assert {each.kind for each in drawn(grouping=Grouping.LEVEL).groups} == {"site", "level"}
    assert {each.kind for each in drawn(grouping=Grouping.SITE).groups} == {"site"}


def test_beyond_the_limit_groups_are_closed_and_edges_end_at_them() -> None:
    found = drawn(limit=2)
    closed = {each.group_id: each for each in found.groups if each.is_closed}
    assert names(found) == {"Outside"}
    assert sum(each.assets for each in closed.values()) == 5
    ends = {end for edge in found.edges for end in (edge.source, edge.target)}
    assert ends <= closed.keys() | {node.node_id for node in found.nodes}
    assert len(found.edges) == 2  # what is said within a closed group is not drawn


def test_an_opened_group_shows_its_assets_where_they_stood_all_the_time() -> None:
    closed = drawn(limit=2)
    cell = next(each for each in closed.groups if each.name == "Cell 1")
    opened = drawn(limit=2, opened=(cell.group_id,))
    assert names(opened) == {"press", "panel", "Outside"}
    where = {node.node_id: (node.x, node.y) for node in drawn().nodes}
    assert {node.node_id: (node.x, node.y) for node in opened.nodes}.items() <= where.items()


def test_an_opened_group_that_is_too_large_shows_its_levels() -> None:
    found = drawn(limit=1, opened=tuple(each.group_id for each in drawn().groups if each.name == "Cell 1"))
    cell = next(each for each in found.groups if each.name == "Cell 1")
    bands = [each for each in found.groups if each.parent == cell.group_id]
    assert not cell.is_closed
    assert [(each.kind, each.is_closed, each.assets) for each in bands] == [("level", True, 1), ("level", True, 1)]


def test_without_zones_levels_are_closed_and_opened() -> None:
    found = drawn(grouping=Grouping.LEVEL, is_closed=True)
    closed = {(each.kind, each.name): each for each in found.groups if each.is_closed}
    assert {kind for kind, _ in closed} == {"level"}
    north = next(each for each in found.groups if each.is_closed and each.name == "4")
    assert names(drawn(grouping=Grouping.LEVEL, is_closed=True, opened=(north.group_id,))) == {"desk", "Outside"}
    unplanned = draw(Picture(ASSETS_WITHOUT_ZONES, ["north"], Strands(STRANDS, {})), MapQuery())
    assert {each.kind for each in unplanned.groups} == {"site", "level"}
    for each in (*found.groups, *unplanned.groups, *drawn().groups):
        whole = (*found.groups, *unplanned.groups, *drawn().groups)
        assert (each.parent in {group.group_id for group in whole}) == (each.kind != "site")
    sites = drawn(grouping=Grouping.SITE, is_closed=True)
    assert {(each.kind, each.name) for each in sites.groups if each.is_closed} == {("site", "north"), ("site", "south")}


def test_groups_can_be_closed_however_few_assets_there_are() -> None:
    assert names(drawn(is_closed=True)) == {"Outside"}


def test_an_unknown_group_that_is_to_be_opened_changes_nothing() -> None:
    assert drawn(limit=2, opened=("grp_unknown",)) == drawn(limit=2)


@pytest.mark.parametrize(
    ("addresses", "subnet"),
    [
        (("10.1.2.3",), "10.1.2.0/24"),
        (("nonsense", "2001:db8::1"), "2001:db8::/64"),
        ((), ""),
    ],
)
def test_the_first_ip_address_tells_the_subnet(addresses: tuple[str, ...], subnet: str) -> None:
    assert subnet_of(addresses) == subnet


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.sampled_from("abc"), st.integers(1, 9)), max_size=30),
    st.integers(1, 6),
    st.sampled_from(Grouping),
)
def test_nothing_that_is_said_is_lost_or_counted_twice(
    told: list[tuple[int, int, str, int]], limit: int, grouping: Grouping
) -> None:
    strands = [
        strand(client, server, protocol, packets) for client, server, protocol, packets in told if client != server
    ]
    found = draw(picture(strands), MapQuery(limit=limit, grouping=grouping, is_closed=False))
    if not found.closed:
        assert sum(edge.packets for edge in found.edges) == sum(each.packets for each in strands)
    ends = [frozenset((edge.source, edge.target)) for edge in found.edges]
    assert len(set(ends)) == len(ends)
    known = {node.node_id for node in found.nodes} | {group.group_id for group in found.groups if group.is_closed}
    assert all(end <= known for end in ends)
    assert all((one.x, one.y) != (other.x, other.y) for one, other in combinations(found.nodes, 2))


def _at_level_2(asset: MapAsset) -> MapAsset:
    return MapAsset(asset_id=asset.asset_id, site=asset.site, name=asset.name, level="2", zone=asset.zone)


def test_nodes_tell_what_matters_about_an_asset() -> None:
    node: MapNode = next(each for each in drawn().nodes if each.name == "press")
    assert (node.zone, node.level, node.alerts, node.severity, node.peers) == ("Cell 1", "1", 2, "high", 2)
    assert not node.is_talking_outside
