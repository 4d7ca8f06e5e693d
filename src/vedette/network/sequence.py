"""Which batches of a boot were taken: each counts once, in whatever order they come. Pure."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Final, NamedTuple

BEYOND_MAX: Final = 256


class Taken(NamedTuple):
    """What has been taken: all up to ``through``, and those of ``beyond``, which come after a gap."""

    through: int
    beyond: tuple[int, ...]


NOTHING: Final = Taken(0, ())


def is_taken(taken: Taken, sequence: int) -> bool:
    """Tell whether a batch was taken before."""
    place = bisect_left(taken.beyond, sequence)
    return sequence <= taken.through or (place < len(taken.beyond) and taken.beyond[place] == sequence)


def note(taken: Taken, sequence: int) -> tuple[Taken, int]:
    """Return what has been taken with one more batch, and how many were given up.

    A gap is waited for until ``BEYOND_MAX`` batches came after it: a sensor gives the oldest up when its disk is full.
    """
    if is_taken(taken, sequence):
        return taken, 0
    through, beyond, lost = taken.through, list(taken.beyond), 0
    if taken == NOTHING:
        # Long before, nobody listened to this sensor yet: that is no loss.
        through = max(0, sequence - 1 - BEYOND_MAX)
    insort(beyond, sequence)
    while beyond and (beyond[0] == through + 1 or len(beyond) > BEYOND_MAX):
        first = beyond.pop(0)
        lost += first - through - 1
        through = first
    return Taken(through, tuple(beyond)), lost
