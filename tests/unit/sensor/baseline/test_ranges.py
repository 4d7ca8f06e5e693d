"""Ranges behave as sets of numbers, within their bound."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor.baseline.ranges import Ranges

INTERVALS = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 20)), max_size=40)


@given(INTERVALS, st.integers(0, 320), st.integers(0, 5))
def test_ranges_cover_what_a_set_of_their_numbers_holds(parts: list[tuple[int, int]], first: int, more: int) -> None:
    numbers = {each for begin, size in parts for each in range(begin, begin + size + 1)}
    ranges = Ranges((begin, begin + size) for begin, size in parts)
    assert ranges.covers(first, first + more) == all(each in numbers for each in range(first, first + more + 1))
    intervals = ranges.intervals()
    assert all(after[0] > before[1] + 1 for before, after in pairwise(intervals))


@given(INTERVALS)
def test_at_their_bound_ranges_only_grow(parts: list[tuple[int, int]]) -> None:
    ranges = Ranges(limit=3)
    for begin, size in parts:
        ranges.add(begin, begin + size)
        assert len(ranges) <= 3
    assert all(ranges.covers(begin, begin + size) for begin, size in parts)


def test_at_the_bound_the_nearest_are_joined() -> None:
    ranges = Ranges([(0, 1), (10, 11), (14, 15)], limit=2)
    assert ranges.intervals() == [(0, 1), (10, 15)]
