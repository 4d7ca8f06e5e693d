"""What a plan must fulfil before it is kept, and what a person should know before they approve it."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from vedette.network.segmentation.errors import InvalidPlan
from vedette.network.segmentation.model import (
    CONDUITS_MAX,
    EXTERNAL,
    MEMBERS_MAX,
    NAME_CHARS_MAX,
    NETWORKS_MAX,
    PORT_TRANSPORTS,
    RULES_MAX,
    SERVICES_MAX,
    TEXT_CHARS_MAX,
    TRANSPORTS,
    ZONES_MAX,
    Conduit,
    MemberRule,
    Plan,
    Service,
    Zone,
)
from vedette.network.segmentation.purdue import EXTERNAL_LEVEL, Crossing, explain_crossing, judge_crossing
from vedette.registry import PURDUE_LEVELS

_ID: Final = re.compile(r"[a-z]{3}_[0-9a-v]{26}")
_INTERFACE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,14}")
_WORD: Final = re.compile(r"[a-z0-9][a-z0-9_.\-]{0,63}")
_PORT_MAX: Final = 65_535
_RISK_MAX: Final = 100
_OPERATIONS_MAX: Final = 32
_WIDE_PORTS: Final = 1_024
# Operations that change what a controller does.
_CHANGING: Final = frozenset({"write", "control", "program", "firmware"})


class Weight(StrEnum):
    """How much a flaw matters."""

    SERIOUS = "serious"
    NOTICE = "notice"


class Flaw(msgspec.Struct, frozen=True, kw_only=True):
    """What is questionable about a plan; ``about`` is the id of a zone or conduit."""

    about: str
    weight: Weight
    message: str


def check_plan(plan: Plan) -> None:
    """Check all that must hold.

    Raises:
        InvalidPlan: The first thing that does not.
    """
    _require(len(plan.zones) <= ZONES_MAX, f"a plan has at most {ZONES_MAX} zones")
    _require(len(plan.conduits) <= CONDUITS_MAX, f"a plan has at most {CONDUITS_MAX} conduits")
    _require(sum(len(zone.members) for zone in plan.zones) <= MEMBERS_MAX, f"at most {MEMBERS_MAX} members")
    for zone in plan.zones:
        _check_zone(zone)
    _no_doubles([zone.zone_id for zone in plan.zones], "zone id")
    _no_doubles([zone.name.casefold() for zone in plan.zones], "zone name")
    _no_doubles([member for zone in plan.zones for member in zone.members], "member")
    known = {zone.zone_id for zone in plan.zones}
    for conduit in plan.conduits:
        _check_conduit(conduit, known)
    _no_doubles([conduit.conduit_id for conduit in plan.conduits], "conduit id")


def _check_zone(zone: Zone) -> None:
    _require(bool(_ID.fullmatch(zone.zone_id)), f"{zone.zone_id[:40]!r} is no zone id")
    _require(0 < len(zone.name.strip()) <= NAME_CHARS_MAX, f"the name of a zone has 1 to {NAME_CHARS_MAX} characters")
    _require(zone.name.isprintable(), f"the zone name {zone.name!a} holds what cannot be printed")
    _require(zone.level in {"", *PURDUE_LEVELS}, f"a Purdue level is one of {', '.join(PURDUE_LEVELS)}")
    _require(0 <= zone.risk <= _RISK_MAX, "a risk is 0 to 100")
    _require(len(zone.site) <= NAME_CHARS_MAX, "the site's name is too long")
    _require(
        not zone.interface or bool(_INTERFACE.fullmatch(zone.interface)),
        "an interface is 1 to 15 of letters, digits, - _ and .",
    )
    _require(len(zone.rules) <= RULES_MAX, f"a zone has at most {RULES_MAX} rules")
    for rule in zone.rules:
        _check_rule(rule)


def _check_rule(rule: MemberRule) -> None:
    lists = (rule.sites, rule.levels, rule.roles, rule.vendors, rule.networks)
    _require(any(lists), "a rule that says nothing would take every asset", "name a site, level, role, vendor, network")
    _require(all(len(each) <= NETWORKS_MAX for each in lists), f"a rule has at most {NETWORKS_MAX} values of a kind")
    _require(all(len(text) <= NAME_CHARS_MAX for each in lists for text in each), "a value of a rule is too long")
    for level in rule.levels:
        _require(level in PURDUE_LEVELS, f"a Purdue level is one of {', '.join(PURDUE_LEVELS)}")
    for network in rule.networks:
        _check_network(network)


def _check_conduit(conduit: Conduit, known: set[str]) -> None:
    _require(bool(_ID.fullmatch(conduit.conduit_id)), f"{conduit.conduit_id[:40]!r} is no conduit id")
    for end in (conduit.source, conduit.target):
        _require(end == EXTERNAL or end in known, f"there is no zone {end[:40]!r}", "see them: vedette zone list")
    _require({conduit.source, conduit.target} != {EXTERNAL}, "a conduit begins or ends in a zone")
    _require(0 < len(conduit.services) <= SERVICES_MAX, f"a conduit has 1 to {SERVICES_MAX} services")
    for service in conduit.services:
        _check_service(service)
    _require(
        not conduit.networks or EXTERNAL in (conduit.source, conduit.target),
        "networks say where the external end is; this conduit has none",
    )
    _require(len(conduit.networks) <= NETWORKS_MAX, f"a conduit has at most {NETWORKS_MAX} networks")
    for network in conduit.networks:
        _check_network(network)
    _require(len(conduit.operations) <= _OPERATIONS_MAX, f"at most {_OPERATIONS_MAX} operation classes")
    for operation in conduit.operations:
        _require(bool(_WORD.fullmatch(operation)), f"{operation[:40]!r} is no class of operations")
    for text in (conduit.owner, conduit.why):
        _require(len(text) <= TEXT_CHARS_MAX, f"owner and reason have at most {TEXT_CHARS_MAX} characters")


def _check_service(service: Service) -> None:
    _require(service.transport in TRANSPORTS, f"a service is one of {', '.join(sorted(TRANSPORTS))}")
    if service.transport not in PORT_TRANSPORTS:
        _require(service.port == service.port_last == 0, f"{service.transport} has no ports")
        return
    last = max(service.port, service.port_last)
    _require(0 <= service.port <= last <= _PORT_MAX, "a port is 0 to 65535")
    _require(service.port_last in {0, last}, f"the range of ports {service.port}-{service.port_last} is upside down")
    _require(len(service.protocol) <= NAME_CHARS_MAX, "the name of a protocol is too long")


def _check_network(network: str) -> None:
    try:
        found = ipaddress.ip_network(network, strict=False)
    except ValueError as error:
        raise InvalidPlan(f"{network[:64]!r} is no network", hint="write 10.1.2.0/24") from error
    if "%" in network or found.is_multicast:
        raise InvalidPlan(f"{network[:64]!r} is no network that a zone can hold")


def _no_doubles(values: list[str], what: str) -> None:
    double = next((value for value, times in Counter(values).items() if times > 1), None)
    _require(double is None, f"the {what} {str(double)[:80]!r} is there twice")


def _require(holds: bool, detail: str, hint: str = "") -> None:  # noqa: FBT001  # the claim itself
    if not holds:
        raise InvalidPlan(detail, hint=hint)


def find_flaws(plan: Plan, *, at: datetime) -> list[Flaw]:
    """Return what is questionable, the serious first: ways past levels, into what is critical, without owner or end."""
    zones = {zone.zone_id: zone for zone in plan.zones}
    flaws = [flaw for conduit in plan.conduits for flaw in _flaws_of(conduit, zones, at)]
    flaws += [
        Flaw(about=zone.zone_id, weight=Weight.NOTICE, message=f"{zone.name} has neither members nor rules")
        for zone in plan.zones
        if not zone.members and not zone.rules
    ]
    flaws.sort(key=lambda flaw: flaw.weight is not Weight.SERIOUS)
    return flaws


def _flaws_of(conduit: Conduit, zones: dict[str, Zone], at: datetime) -> list[Flaw]:
    source, target = zones.get(conduit.source), zones.get(conduit.target)
    from_level = source.level if source else EXTERNAL_LEVEL
    to_level = target.level if target else EXTERNAL_LEVEL
    way = f"from {source.name if source else EXTERNAL} to {target.name if target else EXTERNAL}"
    found: list[Flaw] = []

    def tell(weight: Weight, message: str) -> None:
        found.append(Flaw(about=conduit.conduit_id, weight=weight, message=f"{way}: {message}"))

    crossing = judge_crossing(from_level, to_level)
    if crossing is Crossing.BORDER:
        tell(Weight.SERIOUS, explain_crossing(from_level, to_level))
    elif crossing is Crossing.SKIP:
        tell(Weight.NOTICE, explain_crossing(from_level, to_level))
    if target and target.is_critical and (source is None or not source.is_critical):
        may_change = not conduit.operations or bool(_CHANGING & set(conduit.operations))
        weight = Weight.SERIOUS if may_change and (source is None or source.risk > target.risk) else Weight.NOTICE
        tell(weight, f"it leads to critical assets{', and may change them' if may_change else ''}")
    if any(max(each.port, each.port_last) - each.port >= _WIDE_PORTS for each in conduit.services):
        tell(Weight.NOTICE, "it opens a wide range of ports")
    if not conduit.owner:
        tell(Weight.NOTICE, "nobody is named as its owner")
    if conduit.expires_at is not None and conduit.expires_at <= at:
        tell(Weight.NOTICE, "it has ended")
    if EXTERNAL in (conduit.source, conduit.target) and not conduit.networks:
        tell(Weight.NOTICE, "it is open to every address outside")
    return found
