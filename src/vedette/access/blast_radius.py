"""How much may be cut off at once: what keeps automation, or a mistake, from becoming the outage.

A spent budget narrows instead of cutting; nothing here ever leaves a device as free as it was.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Literal

from vedette.access.quarantine_model import QuarantineMode
from vedette.access.quarantine_repository import QuarantineAct
from vedette.trust import FailureMode

WINDOW: Final = timedelta(hours=1)
GATEWAY_CLASS: Final = "gateway"
CRITICAL_CLASS: Final = "critical"
# 29 % of 100 are 29, whatever binary fractions make of it.
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class BlastRadius:
    """The budgets.

    Attributes:
        share: Part of the devices of a site, or of a group, that may be cut off within an hour.
        floor: So many may be in any case, however small site or group is.
        per_source: So many one source of automation may cut off within an hour.
    """

    share: float = 0.1
    floor: int = 3
    per_source: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What stands around a device that is to be cut off.

    Attributes:
        site_members: Devices of its site; 0: it has none.
        group_members: By group id.
        other_gateways: Connected gateways of its site, without it; ``None``: it is no connected gateway of a site.
        recent: Acts within ``WINDOW``.
    """

    generation_id: str
    device_class: str
    failure_mode: FailureMode
    site: str | None
    site_members: int
    group_members: Mapping[str, int] = field(default_factory=dict)
    other_gateways: int | None = None
    recent: Iterable[QuarantineAct] = ()


@dataclass(frozen=True, slots=True)
class Budget:
    """How much of one part of the fleet may be cut off within an hour, and was.

    Attributes:
        name: Of the site or source; the generated id of a group.
        members: Its devices; 0: a source has none.
        cut: Devices that were cut off, but for the one in question.
        most: How many may be.
    """

    part: Literal["source", "site", "group"]
    name: str
    members: int
    cut: int
    most: int

    @property
    def is_spent(self) -> bool:
        """Whether no further device may be cut off."""
        return self.cut >= self.most


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may be done.

    Attributes:
        because: Why it is less than what was asked for; empty: it is not.
        needs_second_person: Another person may approve what was asked for.
    """

    mode: QuarantineMode
    because: str = ""
    needs_second_person: bool = False


def judge(
    radius: BlastRadius,
    around: Surroundings,
    asked: QuarantineMode,
    source: str,
    *,
    is_person: bool,
    is_override: bool,
) -> Verdict:
    """Judge a quarantine that is asked for.

    Args:
        radius: The budgets.
        around: Where the device stands.
        asked: How deep.
        source: What asks.
        is_person: A person asks, not a program.
        is_override: The person knows that a budget is spent, and says why all the same.
    """
    if asked is not QuarantineMode.CUT:
        return Verdict(asked)
    if around.device_class == CRITICAL_CLASS:
        because = "a critical device is cut off with the word of a second person only"
        return Verdict(QuarantineMode.LIMITED, because, needs_second_person=True)
    if not is_person and around.failure_mode is FailureMode.ESSENTIAL:
        return Verdict(QuarantineMode.LIMITED, "automation does not cut off what is essential")
    because = "" if is_person and is_override else _spent(radius, around, source, is_person=is_person)
    return Verdict(QuarantineMode.LIMITED, because) if because else Verdict(asked)


def budgets_of(radius: BlastRadius, around: Surroundings, source: str, *, is_person: bool) -> list[Budget]:
    """Return the budgets that a cut of a device would count against; people have none of their own."""
    others = [each for each in around.recent if each.is_cut and each.generation_id != around.generation_id]
    found = []
    if not is_person:
        cut = len({each.generation_id for each in others if each.source == source})
        found.append(Budget("source", source, 0, cut, radius.per_source))
    if around.site is not None:
        cut = len({each.generation_id for each in others if each.site == around.site})
        found.append(Budget("site", around.site, around.site_members, cut, _most(radius, around.site_members)))
    for group_id, members in around.group_members.items():
        cut = len({each.generation_id for each in others if group_id in each.groups})
        found.append(Budget("group", group_id, members, cut, _most(radius, members)))
    return found


def _spent(radius: BlastRadius, around: Surroundings, source: str, *, is_person: bool) -> str:
    if around.other_gateways == 0:
        return f"it is the last connected gateway of {around.site}"
    for budget in budgets_of(radius, around, source, is_person=is_person):
        if budget.is_spent:
            return _told(budget)
    return ""


def _told(budget: Budget) -> str:
    if budget.part == "source":
        return f"{budget.name} has cut off {budget.most} devices within the hour"
    where = budget.name if budget.part == "site" else f"the group {budget.name}"
    return f"{budget.cut} of the {budget.members} devices of {where} were cut off within the hour"


def _most(radius: BlastRadius, members: int) -> int:
    return max(radius.floor, math.floor(radius.share * members + _ROUNDING))
