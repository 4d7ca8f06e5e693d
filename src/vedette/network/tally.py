"""Totals that sensors tell: summed over the boots of one, never over sensors that see the same. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

BOOTS_MAX: Final = 4
SENSORS_MAX: Final = 64
_COUNT_MAX: Final = 2**62

Tallies = dict[str, dict[str, Any]]
"""By sensor: ``boots``, the latest as ``[boot, count, …]``, and ``before``, the sum of older ones. As JSON."""


def count_in(tallies: Tallies, sensor: str, boot: str, counts: Sequence[int]) -> Tallies:
    """Return tallies with the totals of a boot; telling them twice, or older ones later, changes nothing."""
    own = tallies.get(sensor) or {"before": [0] * len(counts), "boots": []}
    if sensor not in tallies and len(tallies) >= SENSORS_MAX:
        return tallies
    boots = [list(each) for each in own["boots"]]
    before = list(own["before"])
    for each in boots:
        if each[0] == boot:
            each[1:] = [max(known, told) for known, told in zip(each[1:], counts, strict=True)]
            break
    else:
        boots.append([boot, *counts])
    while len(boots) > BOOTS_MAX:
        before = [_capped(known + told) for known, told in zip(before, boots.pop(0)[1:], strict=True)]
    return tallies | {sensor: {"before": before, "boots": boots}}


def total(tallies: Tallies, width: int) -> tuple[int, ...]:
    """Return the sums over the boots of the sensor that saw most, for each count."""
    sums = [
        [sum(column) for column in zip(own["before"], *(each[1:] for each in own["boots"]), strict=True)]
        for own in tallies.values()
    ]
    return tuple(_capped(max(column)) for column in zip(*sums, strict=True)) if sums else (0,) * width


def _capped(count: int) -> int:
    return min(count, _COUNT_MAX)
