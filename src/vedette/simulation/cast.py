"""Who plays in the demo: five kinds of devices, and two that something is wrong with."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Part(StrEnum):
    """How a device came to be registered, and what it shows.

    ``enrolled``: by itself, with a factory certificate. ``legacy``: by an operator, with a symmetric key.
    ``expired``: by an operator, with a certificate that has ended since; let it enroll, and it is well.
    """

    ENROLLED = "enrolled"
    LEGACY = "legacy"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Role:
    """One device of the demo.

    Attributes:
        measure: What it measures.
        modules: Workloads on it, each with an identity of its own.
    """

    name: str
    measure: str
    part: Part = Part.ENROLLED
    modules: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The name without its number."""
        return self.name.rpartition("-")[0]

    @property
    def arrives(self) -> bool:
        """Whether it is let in."""
        return self.part is not Part.EXPIRED


_MEASURES: Final = {"pump": "pressure", "boiler": "temperature", "meter": "power"}
_EDGE_MODULES: Final = ("camera", "counter")
_FIRST: Final = (
    Role("pump-1", "pressure"),
    Role("boiler-1", "temperature"),
    Role("meter-1", "power"),
    Role("edge-1", "load", modules=_EDGE_MODULES),
    Role("hvac-1", "humidity", Part.LEGACY),
    Role("door-1", "opened", Part.EXPIRED),
    Role("edge-2", "load", modules=_EDGE_MODULES),
    Role("hvac-2", "humidity", Part.LEGACY),
)
COPIED: Final = "pump-1"


def cast(count: int) -> list[Role]:
    """Return so many devices: one of each kind first, then more pumps, boilers and meters."""
    roles = list(_FIRST)
    numbers = Counter(role.kind for role in roles)
    for kind, measure in itertools.cycle(_MEASURES.items()):
        if len(roles) >= count:
            return roles[:count]
        numbers[kind] += 1
        roles.append(Role(f"{kind}-{numbers[kind]}", measure))
    raise AssertionError("a cycle does not end")
