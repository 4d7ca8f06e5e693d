"""What a device usually does in a minute, and when it does something else. Pure.

Source:
    Exponentially weighted mean and variance: T. Finch, "Incremental calculation of weighted mean and variance" (2009),
    §9.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec

# A minute counts for about the hundred after it.
ALPHA: Final = 0.01
LEARNED_MINUTES: Final = 60
SIGMAS: Final = 6.0
FACTOR: Final = 4.0
STREAK: Final = 3
_CAP: Final = 1e15
# Below these nothing is unusual, however quiet a device was.
FLOORS: Final = {"messages": 60.0, "size_bytes": 65_536.0, "requests": 60.0, "refused": 20.0}


class Usual(msgspec.Struct, array_like=True):
    """Of one measure: mean and variance of a minute."""

    mean: float = 0.0
    variance: float = 0.0

    def limit(self, floor: float) -> float:
        """Return what is unusual to exceed."""
        return max(floor, FACTOR * self.mean, self.mean + SIGMAS * math.sqrt(self.variance))

    def learn(self, value: float, alpha: float) -> None:
        """Take a minute into account."""
        value = min(value, _CAP)
        change = alpha * (value - self.mean)
        self.variance = (1 - alpha) * (self.variance + change * (value - self.mean))
        self.mean += change


class Baseline(msgspec.Struct, array_like=True):
    """What one identity usually does.

    Attributes:
        minutes: How many were learned from.
        latest: Unix time in minutes of the last one.
        streak: How many unusual minutes came one after the other.
    """

    minutes: int = 0
    latest: int = 0
    streak: int = 0
    measures: dict[str, Usual] = {}

    def take(self, minute: int, values: dict[str, int]) -> tuple[str, ...]:
        """Learn from a minute; return what was unusual in it, once it has gone on for ``STREAK`` minutes.

        An unusual minute is learned from slowly, so that whoever attacks for an hour has not become the usual.

        Args:
            minute: Unix time in minutes; one that was taken already, or an older one, tells nothing.
            values: By measure, each one of ``FLOORS``.
        """
        if minute <= self.latest:
            return ()
        gap = minute - self.latest - 1
        self.latest = minute
        is_learned = self.minutes >= LEARNED_MINUTES
        unusual = []
        for name, floor in FLOORS.items():
            value = float(max(0, values.get(name, 0)))
            usual = self.measures.setdefault(name, Usual())
            limit = usual.limit(floor)
            is_unusual = is_learned and value > limit
            if is_unusual:
                unusual.append(name)
                value = limit
            # The first minutes are a plain mean: a single one would else be the usual for hours.
            alpha = max(ALPHA, 1 / (self.minutes + 1))
            usual.learn(value, ALPHA / 10 if is_unusual else alpha)
        self.minutes += 1
        self.streak = (self.streak + 1 if gap == 0 else 1) if unusual else 0
        return tuple(unusual) if self.streak >= STREAK else ()
