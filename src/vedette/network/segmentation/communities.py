"""Who talks with whom most: communities of a graph by modularity, the same for the same graph each time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

_SWEEPS_MAX: Final = 12
_ROUNDS_MAX: Final = 8
_LEAST_GAIN: Final = 1e-9

Neighbours = list[dict[int, float]]


def find_communities(count: int, edges: Iterable[tuple[int, int, float]], *, resolution: float = 1.0) -> list[int]:
    """Return the community of each node, numbered from 0 in the order of their first nodes.

    Args:
        count: How many nodes there are; nodes without an edge are communities of their own.
        edges: Pairs of nodes and a positive weight; pairs that come twice add up, loops are ignored.
        resolution: Over 1 gives more and smaller communities.

    Source:
        Blondel et al. 2008, "Fast unfolding of communities in large networks", with nodes visited in their order
        instead of by chance, and ties going to the lowest number.
    """
    graph: Neighbours = [{} for _ in range(count)]
    for one, other, weight in edges:
        if one != other:
            graph[one][other] = graph[one].get(other, 0.0) + weight
            graph[other][one] = graph[other].get(one, 0.0) + weight
    loops = [0.0] * count
    belongs = list(range(count))
    for _ in range(_ROUNDS_MAX):
        found, has_moved = _move_nodes(graph, loops, resolution)
        if not has_moved:
            break
        found = _renumber(found)
        belongs = [found[each] for each in belongs]
        graph, loops = _merge(graph, loops, found)
    return _renumber(belongs)


def _move_nodes(graph: Neighbours, loops: Sequence[float], resolution: float) -> tuple[list[int], bool]:
    """Move each node to the neighbour's community that gains most, until nothing gains."""
    count = len(graph)
    degrees = [sum(neighbours.values()) + loops[node] for node, neighbours in enumerate(graph)]
    total = sum(degrees)
    community = list(range(count))
    if not total:
        return community, False
    weights = list(degrees)
    has_moved = False
    waiting = list(range(count))
    for _ in range(_SWEEPS_MAX):
        touched: set[int] = set()
        for node in waiting:
            former = community[node]
            best = _best_community(
                graph[node], community, weights, former=former, degree=degrees[node], share=resolution / total
            )
            if best != former:
                weights[former] -= degrees[node]
                weights[best] += degrees[node]
                community[node] = best
                has_moved = True
                touched.update(each for each in graph[node] if community[each] != best)
        if not touched:
            break
        waiting = sorted(touched)
    return community, has_moved


def _best_community(
    neighbours: Mapping[int, float],
    community: Sequence[int],
    weights: Sequence[float],
    *,
    former: int,
    degree: float,
    share: float,
) -> int:
    towards: dict[int, float] = {former: 0.0}
    for other, weight in neighbours.items():
        its = community[other]
        towards[its] = towards.get(its, 0.0) + weight
    best, most = former, towards[former] - share * degree * (weights[former] - degree)
    for its, weight in towards.items():
        if its == former:
            continue
        gain = weight - share * degree * weights[its]
        if gain > most + _LEAST_GAIN or (gain > most - _LEAST_GAIN and best != former and its < best):
            best, most = its, gain
    return best


def _merge(graph: Neighbours, loops: Sequence[float], found: Sequence[int]) -> tuple[Neighbours, list[float]]:
    """Return the graph whose nodes are the communities."""
    count = max(found) + 1
    merged: Neighbours = [{} for _ in range(count)]
    inner = [0.0] * count
    for node, neighbours in enumerate(graph):
        its = found[node]
        inner[its] += loops[node]
        target = merged[its]
        for other, weight in neighbours.items():
            theirs = found[other]
            if theirs == its:
                inner[its] += weight
            else:
                target[theirs] = target.get(theirs, 0.0) + weight
    return merged, inner


def _renumber(found: Sequence[int]) -> list[int]:
    numbers: dict[int, int] = {}
    return [numbers.setdefault(each, len(numbers)) for each in found]
