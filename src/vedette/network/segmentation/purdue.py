"""The Purdue model: which levels border on each other, and what a conduit between two others skips."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from vedette.registry import PURDUE_LEVELS

# What lies beyond the border counts as the highest level.
EXTERNAL_LEVEL: Final = PURDUE_LEVELS[-1]
_RANKS: Final = {level: rank for rank, level in enumerate(PURDUE_LEVELS)}
_DMZ: Final = _RANKS["3.5"]


class Crossing(StrEnum):
    """How two levels stand to each other."""

    NEAR = "near"
    """The same level, or bordering ones."""
    SKIP = "skip"
    """A level of the plant between both is passed by."""
    BORDER = "border"
    """Plant and enterprise, or the internet, talk past the DMZ between them."""
    UNKNOWN = "unknown"


def judge_crossing(one: str, other: str) -> Crossing:
    """Tell how two levels stand to each other, whoever begins to talk.

    Source:
        ISA-95 / IEC 62443 reference model; NIST SP 800-82r3 §5 (a DMZ between plant and enterprise, no way past it).
    """
    if one not in _RANKS or other not in _RANKS:
        return Crossing.UNKNOWN
    low, high = sorted((_RANKS[one], _RANKS[other]))
    if low < _DMZ < high:
        return Crossing.BORDER
    return Crossing.SKIP if high - low > 1 else Crossing.NEAR


def name_skipped(one: str, other: str) -> str:
    """Name the levels between two, for a reason: ``2, 3``."""
    low, high = sorted((_RANKS[one], _RANKS[other]))
    return ", ".join(PURDUE_LEVELS[low + 1 : high])


def explain_crossing(one: str, other: str) -> str:
    """Say in words what is wrong between two levels; empty if nothing is."""
    match judge_crossing(one, other):
        case Crossing.SKIP:
            return f"level {one} and level {other} talk past level {name_skipped(one, other)}"
        case Crossing.BORDER:
            return f"level {one} and level {other} talk past the DMZ (level 3.5)"
    return ""
