"""The Purdue level of an asset, with its reasons. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from vedette.network.model import AssetFact

_OF_ROLE: Final = {
    "io_device": "0",
    "drive": "0",
    "meter": "0",
    "controller": "1",
    "outstation": "1",
    "protection_relay": "1",
    "building_controller": "1",
    "hmi": "2",
    "master": "2",
    "engineering_station": "2",
    "historian": "3",
    "workstation": "4",
    "printer": "4",
    "mobile": "4",
}
"""A role's level as IEC 62443-1-1's reference model has it; roles that stand at any level are left out."""
_ENTERPRISE: Final = "4"
_PLANT: Final = frozenset({"0", "1", "2", "3"})
_SURE: Final = 40


def judge_role(facts: Sequence[AssetFact]) -> tuple[str, str]:
    """Return the surest role that facts tell of, and why; both empty without any.

    An asset with several takes the one that decides most: who programs controllers also polls them.
    """
    told = [fact for fact in facts if fact.attribute == "role"]
    if not told:
        return "", ""
    best = max(told, key=lambda fact: (fact.confidence, fact.value == "engineering_station", fact.last_at, fact.value))
    return best.value, f"{best.source} ({best.confidence} %)"[:512]


def judge_level(role: str, role_because: str, *, has_outside: bool) -> tuple[str, tuple[str, ...]]:
    """Return the level of an asset, and why; empty if nothing tells.

    Args:
        role: What it is there for; empty: unknown.
        role_because: How that is known.
        has_outside: Whether it talks with the outside.
    """
    level = _OF_ROLE.get(role, "")
    if level:
        reasons = [f"its role is {role.replace('_', ' ')}: {role_because}"]
        if has_outside and level in _PLANT:
            reasons.append(f"although it talks with the outside, which nothing at level {level} should")
        return level, tuple(reasons)
    if has_outside:
        return _ENTERPRISE, ("it talks with the outside, and nothing tells of a role in the plant",)
    return "", ()
