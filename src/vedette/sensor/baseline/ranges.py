"""Address ranges as merged intervals."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Final

_MAX_INTERVALS: Final = 128


class Ranges:
    """A set of whole numbers, kept as intervals that neither touch nor overlap.

    Args:
        intervals: First and last number of each.
        limit: Beyond so many, those that are nearest to each other are joined.
    """

    __slots__ = ("_limit", "firsts", "lasts")

    def __init__(self, intervals: Iterable[tuple[int, int]] = (), *, limit: int = _MAX_INTERVALS) -> None:
        self.firsts: Final[list[int]] = []
        self.lasts: Final[list[int]] = []
        self._limit: Final = limit
        for first, last in intervals:
            self.add(first, last)

    def __len__(self) -> int:
        return len(self.firsts)

    def covers(self, first: int, last: int) -> bool:
        """Tell whether all of an interval is within."""
        at = bisect_right(self.firsts, first) - 1
        return at >= 0 and last <= self.lasts[at]

    def add(self, first: int, last: int) -> None:
        """Add an interval."""
        if last < first:
            first, last = last, first
        firsts, lasts = self.firsts, self.lasts
        begin = bisect_right(firsts, first) - 1
        if begin < 0 or lasts[begin] < first - 1:
            begin += 1
        end = begin
        while end < len(firsts) and firsts[end] <= last + 1:
            first, last = min(first, firsts[end]), max(last, lasts[end])
            end += 1
        firsts[begin:end] = [first]
        lasts[begin:end] = [last]
        if len(firsts) > self._limit:
            self._join_nearest()

    def intervals(self) -> list[tuple[int, int]]:
        """Return the intervals in order."""
        return list(zip(self.firsts, self.lasts, strict=True))

    def _join_nearest(self) -> None:
        firsts, lasts = self.firsts, self.lasts
        at = min(range(len(firsts) - 1), key=lambda each: firsts[each + 1] - lasts[each])
        lasts[at : at + 2] = [lasts[at + 1]]
        del firsts[at + 1]
