"""What one version of the plan changes over another, in words that a person can approve. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from vedette.network.segmentation.model import (
    EXTERNAL,
    PORT_TRANSPORTS,
    UNASSIGNED,
    Conduit,
    MemberRule,
    Plan,
    Service,
    Zone,
)

CHANGES_MAX: Final = 1_000
_SAID: Final = ("name", "kind", "site", "level", "risk", "is_critical", "interface")


class ChangeKind(StrEnum):
    """What becomes of a zone or a conduit."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class ZoneChange(msgspec.Struct, frozen=True, kw_only=True):
    """A zone that is not as it was; ``was`` is its id in the other version, empty if it is new."""

    zone_id: str
    name: str
    kind: ChangeKind
    was: str = ""
    changes: tuple[str, ...] = ()


class ConduitChange(msgspec.Struct, frozen=True, kw_only=True):
    """A conduit that is not as it was.

    Attributes:
        source: What its zone is called.
        is_wider: It may allow what nothing allowed before.
    """

    conduit_id: str
    source: str
    target: str
    kind: ChangeKind
    is_wider: bool = False
    changes: tuple[str, ...] = ()


class MemberMove(msgspec.Struct, frozen=True, kw_only=True):
    """An asset that is named by another zone than before; a name is empty where none names it."""

    asset_id: str
    source: str
    target: str


class PlanDifference(msgspec.Struct, frozen=True, kw_only=True):
    """All of it; each list holds at most ``CHANGES_MAX``, the numbers count everything."""

    zones: tuple[ZoneChange, ...] = ()
    conduits: tuple[ConduitChange, ...] = ()
    moves: tuple[MemberMove, ...] = ()
    zone_changes: int = 0
    conduit_changes: int = 0
    moved: int = 0
    wider: int = 0


def compare_plans(old: Plan, new: Plan) -> PlanDifference:
    """Return what ``new`` changes over ``old``.

    A zone is the same under its id, or else under its name: a fresh proposal gives new ids. A conduit is the same under
    its id, or else when it is the only one between the same two zones.
    """
    known = _same_zones(old, new)
    zones = _zone_changes(old, new, known)
    conduits = _conduit_changes(old, new, known)
    moves = _moves(old, new, known)
    return PlanDifference(
        zones=tuple(zones[:CHANGES_MAX]),
        conduits=tuple(conduits[:CHANGES_MAX]),
        moves=tuple(moves[:CHANGES_MAX]),
        zone_changes=len(zones),
        conduit_changes=len(conduits),
        moved=len(moves),
        wider=sum(each.is_wider for each in conduits),
    )


def _same_zones(old: Plan, new: Plan) -> dict[str, str]:
    """Return old id → new id."""
    ids = {zone.zone_id for zone in new.zones}
    same = {zone.zone_id: zone.zone_id for zone in old.zones if zone.zone_id in ids}
    by_name = {zone.name.casefold(): zone.zone_id for zone in new.zones if zone.zone_id not in same}
    for zone in old.zones:
        found = by_name.get(zone.name.casefold())
        if zone.zone_id not in same and found is not None:
            same[zone.zone_id] = found
    return same


def _zone_changes(old: Plan, new: Plan, known: dict[str, str]) -> list[ZoneChange]:
    before = {known[zone.zone_id]: zone for zone in old.zones if zone.zone_id in known}
    found: list[ZoneChange] = []
    for zone in new.zones:
        was = before.get(zone.zone_id)
        if was is None:
            found.append(ZoneChange(zone_id=zone.zone_id, name=zone.name, kind=ChangeKind.ADDED))
        elif changes := _zone_words(was, zone):
            found.append(
                ZoneChange(
                    zone_id=zone.zone_id, name=zone.name, kind=ChangeKind.CHANGED, was=was.zone_id, changes=changes
                )
            )
    gone = [zone for zone in old.zones if zone.zone_id not in known]
    return found + [
        ZoneChange(zone_id=zone.zone_id, name=zone.name, kind=ChangeKind.REMOVED, was=zone.zone_id) for zone in gone
    ]


def _zone_words(was: Zone, now: Zone) -> tuple[str, ...]:
    words = [
        f"{name.removeprefix('is_')}: {_shown(getattr(was, name))} → {_shown(getattr(now, name))}"
        for name in _SAID
        if getattr(was, name) != getattr(now, name)
    ]
    words += [f"no longer takes {_rule(rule)}" for rule in was.rules if rule not in now.rules]
    words += [f"takes {_rule(rule)}" for rule in now.rules if rule not in was.rules]
    return tuple(words)


def _shown(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else (str(value) or "none")


def _rule(rule: MemberRule) -> str:
    said = {name: getattr(rule, name) for name in rule.__struct_fields__}
    return ", ".join(f"{name} {' or '.join(values)}" for name, values in said.items() if values)


def _conduit_changes(old: Plan, new: Plan, known: dict[str, str]) -> list[ConduitChange]:
    names = _names(old) | _names(new)
    pairs = _same_conduits(old, new, known)
    before = {pairs[each.conduit_id]: each for each in old.conduits if each.conduit_id in pairs}

    def tell(conduit: Conduit, kind: ChangeKind, changes: Iterable[str], *, is_wider: bool) -> ConduitChange:
        return ConduitChange(
            conduit_id=conduit.conduit_id,
            source=names.get(conduit.source, conduit.source),
            target=names.get(conduit.target, conduit.target),
            kind=kind,
            is_wider=is_wider,
            changes=tuple(changes),
        )

    found = []
    for conduit in new.conduits:
        was = before.get(conduit.conduit_id)
        if was is None:
            found.append(tell(conduit, ChangeKind.ADDED, [_allows(conduit)], is_wider=True))
            continue
        changes, is_wider = _conduit_words(was, conduit)
        if changes:
            found.append(tell(conduit, ChangeKind.CHANGED, changes, is_wider=is_wider))
    gone = [each for each in old.conduits if each.conduit_id not in pairs]
    return found + [tell(each, ChangeKind.REMOVED, [_allows(each)], is_wider=False) for each in gone]


def _same_conduits(old: Plan, new: Plan, known: dict[str, str]) -> dict[str, str]:
    """Return old id → new id."""
    ids = {conduit.conduit_id for conduit in new.conduits}
    same = {each.conduit_id: each.conduit_id for each in old.conduits if each.conduit_id in ids}
    free = {(each.source, each.target): each.conduit_id for each in new.conduits if each.conduit_id not in same}
    count = Counter((each.source, each.target) for each in new.conduits if each.conduit_id not in same)
    for each in old.conduits:
        ends = (known.get(each.source, each.source), known.get(each.target, each.target))
        if each.conduit_id not in same and count[ends] == 1 and ends in free:
            same[each.conduit_id] = free.pop(ends)
    return same


def _conduit_words(was: Conduit, now: Conduit) -> tuple[list[str], bool]:
    """Return what changed, and whether it may allow more."""
    words: list[str] = []
    more = [each for each in now.services if not any(_covers(one, each) for one in was.services)]
    fewer = [each for each in was.services if not any(_covers(one, each) for one in now.services)]
    words += [f"allows {each}" for each in more] + [f"no longer allows {each}" for each in fewer]
    is_wider = bool(more)
    # An empty list of operations, or of networks, stands for all of them.
    for name, what in (("operations", "operations"), ("networks", "outside")):
        before, after = frozenset(getattr(was, name)), frozenset(getattr(now, name))
        if before != after:
            words.append(f"{what}: {_list(before)} → {_list(after)}")
            is_wider |= bool(before) and (not after or not after <= before)
    if was.expires_at != now.expires_at:
        words.append(f"ends: {_moment(was.expires_at)} → {_moment(now.expires_at)}")
        is_wider |= was.expires_at is not None and (now.expires_at is None or now.expires_at > was.expires_at)
    words += [
        f"{name}: {getattr(was, name) or 'none'} → {getattr(now, name) or 'none'}"
        for name in ("owner", "why")
        if getattr(was, name) != getattr(now, name)
    ]
    return words, is_wider


def _covers(wide: Service, narrow: Service) -> bool:
    if wide.transport != narrow.transport:
        return False
    if wide.transport not in PORT_TRANSPORTS:
        return True
    first, last = narrow.port, max(narrow.port, narrow.port_last)
    return wide.port <= first and last <= max(wide.port, wide.port_last)


def _allows(conduit: Conduit) -> str:
    services = ", ".join(str(each) for each in conduit.services[:16]) + (", …" if len(conduit.services) > 16 else "")  # noqa: PLR2004 - of a line
    return f"{services} ({_list(frozenset(conduit.operations))})"


def _list(values: frozenset[str]) -> str:
    return ", ".join(sorted(values)) or "all"


def _moment(value: datetime | None) -> str:
    return "never" if value is None else value.isoformat()


def _moves(old: Plan, new: Plan, known: dict[str, str]) -> list[MemberMove]:
    names = _names(old) | _names(new)
    before = {asset: zone.zone_id for zone in old.zones for asset in zone.members}
    after = {asset: zone.zone_id for zone in new.zones for asset in zone.members}
    moves = []
    for asset in sorted(before.keys() | after.keys()):
        source, target = before.get(asset, ""), after.get(asset, "")
        if known.get(source, source) != target:
            moves.append(MemberMove(asset_id=asset, source=names.get(source, source), target=names.get(target, target)))
    return moves


def _names(plan: Plan) -> dict[str, str]:
    return {zone.zone_id: zone.name for zone in plan.zones} | {EXTERNAL: EXTERNAL, UNASSIGNED: UNASSIGNED}
