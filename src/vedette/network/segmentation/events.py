"""What segmentation tells: facts, past tense."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class PlanApproved(msgspec.Struct, frozen=True, kw_only=True):
    """A version of the plan of zones and conduits is in force."""

    name: ClassVar[str] = "network.plan_approved"
    version: ClassVar[int] = 1

    organization_id: str
    number: int
    base: int
    zones: int
    conduits: int
    stage: str
    generation_id: str = ""


class ZonesViolated(msgspec.Struct, frozen=True, kw_only=True):
    """Traffic between zones was seen that the approved plan does not allow, and that was not known before.

    Attributes:
        violations: Their ids, at most 100.
        total: How many there are.
    """

    name: ClassVar[str] = "network.zones_violated"
    version: ClassVar[int] = 1

    organization_id: str
    number: int
    violations: tuple[str, ...]
    total: int
    generation_id: str = ""
