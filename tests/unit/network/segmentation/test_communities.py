"""Communities of a graph."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from vedette.network.segmentation.communities import find_communities


def _clique(nodes: range) -> list[tuple[int, int, float]]:
    return [(one, other, 1.0) for one, other in itertools.combinations(nodes, 2)]


def test_two_groups_with_one_bridge_are_two_communities() -> None:
    edges = [*_clique(range(5)), *_clique(range(5, 10)), (4, 5, 1.0)]
    assert find_communities(10, edges) == [0] * 5 + [1] * 5


def test_nodes_without_an_edge_are_alone() -> None:
    assert find_communities(3, []) == [0, 1, 2]
    assert find_communities(0, []) == []


def test_weights_decide_where_a_node_belongs() -> None:
    edges = [*_clique(range(4)), *_clique(range(5, 9)), (4, 0, 0.5), (4, 5, 9.0)]
    found = find_communities(9, edges)
    assert found[4] == found[5] != found[0]


@given(st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19), st.floats(0.1, 100)), max_size=80))
def test_every_node_has_one_community_and_the_same_each_time(edges: list[tuple[int, int, float]]) -> None:
    found = find_communities(20, edges)
    assert len(found) == 20
    assert set(found) == set(range(max(found) + 1))
    assert found == find_communities(20, edges)


@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=40))
def test_a_community_never_joins_what_no_edge_joins(pairs: list[tuple[int, int]]) -> None:
    found = find_communities(12, [(one, other, 1.0) for one, other in pairs])
    component = list(range(12))
    for _ in range(12):
        for one, other in pairs:
            component[one] = component[other] = min(component[one], component[other])
    for one, other in itertools.combinations(range(12), 2):
        if found[one] == found[other]:
            assert component[one] == component[other]
