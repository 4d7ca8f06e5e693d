"""Zones and conduits proposed from what was observed: who talks with whom, on which level, at what risk."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from vedette.network.segmentation.communities import find_communities
from vedette.network.segmentation.conduits import propose_conduits
from vedette.network.segmentation.model import (
    ZONES_MAX,
    Flow,
    Member,
    Plan,
    Proposal,
    Zone,
    ZoneKind,
)

RISK_EXPOSED: Final = 70
_MICRO_MAX: Final = 200
# Levels whose cells are kept apart however small they are; above them what is small is put together.
_CELL_LEVELS: Final = frozenset({"0", "1", "2"})
_SMALL: Final = 3
_HUB_SHARE: Final = 0.3
_HUB_LEAST: Final = 8
_HUB_SERVED: Final = 0.6
# DNS, DHCP, Kerberos, NTP, NetBIOS, SNMP traps, LDAP, syslog: what everybody asks, and what says nothing of a process.
_INFRASTRUCTURE: Final = frozenset({53, 67, 88, 123, 137, 138, 162, 389, 514, 636, 3268, 5353, 5355})

NewId = Callable[[str], str]


class _Key(NamedTuple):
    """What the members of one zone have in common."""

    site: str
    level: str
    community: int
    class_: str


_SHARED: Final = -1
_QUIET: Final = -2
_GENERAL: Final = -3


def propose(members: Sequence[Member], flows: Sequence[Flow], *, new_id: NewId) -> Proposal:
    """Propose zones and the conduits between them; the same input gives the same proposal but for the ids.

    Each site is divided by its communities of observed traffic, each community by Purdue level; exposed assets get a
    zone each, critical ones a zone apart. What passes by a level of the plant, or past the DMZ, is left to a person.

    Args:
        members: Every known asset.
        flows: Every known link.
        new_id: Makes ids from a prefix.
    """
    ordered = sorted(members, key=lambda each: (each.site, each.addresses, each.asset_id))
    talk = [flow for flow in flows if flow.client and flow.server and flow.client != flow.server]
    shared = _find_shared(ordered, talk)
    communities = _divide(ordered, talk, shared)
    keys = _assign(ordered, communities, shared)
    notes: list[str] = []
    zones, zone_of = _make_zones(ordered, keys, new_id, notes)
    alerting = {member.asset_id for member in members if member.has_alerts}
    if alerting:
        notes.append(
            f"{len(alerting)} assets have open alerts, and an attacker was seen too: look at the conduits that say so"
        )
    conduits, left_out = propose_conduits(zones, zone_of, flows, new_id=new_id, alerting=alerting)
    return Proposal(
        plan=Plan(zones=tuple(zones), conduits=tuple(conduits)), left_out=tuple(left_out), notes=tuple(notes)
    )


def _find_shared(members: Sequence[Member], flows: Sequence[Flow]) -> dict[str, str]:
    """Return the servers that much of a site asks for infrastructure, with the reason; they would join everything."""
    site_of = {member.asset_id: member.site for member in members}
    sizes = Counter(site_of.values())
    clients: dict[str, set[str]] = defaultdict(set)
    peers: dict[str, set[str]] = defaultdict(set)
    for flow in flows:
        peers[flow.client].add(flow.server)
        peers[flow.server].add(flow.client)
        if flow.port in _INFRASTRUCTURE:
            clients[flow.server].add(flow.client)
    shared: dict[str, str] = {}
    for server, asking in clients.items():
        least = max(_HUB_LEAST, _HUB_SHARE * sizes.get(site_of.get(server, ""), 0))
        if server in site_of and len(asking) >= least and len(asking) >= _HUB_SERVED * len(peers[server]):
            shared[server] = f"{len(asking)} assets ask it for name, time or sign-in services"
    return shared


def _divide(members: Sequence[Member], flows: Sequence[Flow], shared: Mapping[str, str]) -> dict[str, int]:
    """Return the community of each asset that talks within its site."""
    number_of = {member.asset_id: number for number, member in enumerate(members)}
    site_of = [member.site for member in members]
    weights: dict[tuple[int, int], float] = defaultdict(float)
    for flow in flows:
        one, other = number_of.get(flow.client), number_of.get(flow.server)
        if one is None or other is None or flow.client in shared or flow.server in shared:
            continue
        if site_of[one] == site_of[other]:
            # The logarithm: one bulk transfer must not outweigh many small exchanges.
            weights[min(one, other), max(one, other)] += math.log2(1 + max(flow.flows, 1))
    edges = [(one, other, weight) for (one, other), weight in sorted(weights.items())]
    found = find_communities(len(members), edges)
    talks = {node for edge in edges for node in edge[:2]}
    return {members[node].asset_id: found[node] for node in talks}


def _assign(members: Sequence[Member], communities: Mapping[str, int], shared: Mapping[str, str]) -> dict[str, _Key]:
    keys: dict[str, _Key] = {}
    exposed = 0
    for member in members:
        class_ = "critical" if member.is_critical else ""
        community = communities.get(member.asset_id, _QUIET)
        if member.asset_id in shared:
            community = _SHARED
        elif member.risk >= RISK_EXPOSED and exposed < _MICRO_MAX:
            exposed += 1
            class_ = f"exposed {member.asset_id}"
        keys[member.asset_id] = _Key(member.site, member.level, community, class_)
    sizes = Counter(keys.values())
    for asset_id, key in keys.items():
        if key.level not in _CELL_LEVELS and key.community >= 0 and not key.class_ and sizes[key] < _SMALL:
            keys[asset_id] = key._replace(community=_GENERAL)
    return keys


def _make_zones(
    members: Sequence[Member], keys: Mapping[str, _Key], new_id: NewId, notes: list[str]
) -> tuple[list[Zone], dict[str, Zone]]:
    groups: dict[_Key, list[Member]] = defaultdict(list)
    for member in members:
        groups[keys[member.asset_id]].append(member)
    ordered = sorted(
        groups.items(), key=lambda item: (item[0].site, item[0].level, -len(item[1]), item[1][0].addresses)
    )
    if len(ordered) > ZONES_MAX:
        notes.append(
            f"{len(ordered)} groups were found; the smallest were put together to stay below {ZONES_MAX} zones"
        )
        ordered = _fold(ordered)
    cells: dict[tuple[str, int], int] = {}
    zones: list[Zone] = []
    zone_of: dict[str, Zone] = {}
    for key, group in ordered:
        if key.community >= 0:
            cell = cells.setdefault((key.site, key.community), sum(1 for each in cells if each[0] == key.site) + 1)
        else:
            cell = 0
        zone = _make_zone(key, group, cell, new_id)
        zones.append(zone)
        zone_of.update((member.asset_id, zone) for member in group)
    unknown = sum(1 for member in members if not member.level)
    if unknown:
        notes.append(f"{unknown} of {len(members)} assets have no Purdue level yet: give them one, and propose again")
    return zones, zone_of


def _fold(ordered: list[tuple[_Key, list[Member]]]) -> list[tuple[_Key, list[Member]]]:
    """Put the smallest groups of each site and level together."""
    by_size = sorted(ordered, key=lambda item: -len(item[1]))
    keep = ZONES_MAX - 1 - len({(key.site, key.level) for key, _ in ordered})
    keep = max(keep, 0)
    rest: dict[_Key, list[Member]] = defaultdict(list)
    for key, group in by_size[keep:]:
        rest[_Key(key.site, key.level, _GENERAL, "")].extend(group)
    kept: dict[_Key, list[Member]] = {key: list(group) for key, group in by_size[:keep]}
    for key, group in rest.items():
        kept.setdefault(key, []).extend(group)
    return sorted(kept.items(), key=lambda item: (item[0].site, item[0].level, -len(item[1])))[:ZONES_MAX]


def _make_zone(key: _Key, group: Sequence[Member], cell: int, new_id: NewId) -> Zone:
    worst = max(group, key=lambda member: member.risk)
    level = f"level {key.level}" if key.level else "no level"
    reasons: list[str] = []
    if key.community == _SHARED:
        name = f"{level} shared services"
        reasons.append("much of the site asks these for name, time or sign-in services")
    elif key.community == _QUIET:
        name = f"{level} quiet"
        reasons.append("no traffic of these with other assets of the site was seen")
    elif key.community == _GENERAL:
        name = f"{level} general"
        reasons.append("these talk with others of the site in groups too small for a zone each")
    else:
        name = f"cell {cell} {level}"
        reasons.append(
            f"these {len(group)} talk with each other, or with the same others, more than with the rest"
            if len(group) > 1
            else "it talks with no others of its level more than with the rest"
        )
    if key.level:
        told = Counter(member.level_reason for member in group if member.level_reason)
        why = ": " + "; ".join(f"{reason} ({times})" for reason, times in told.most_common(3)) if told else ""
        reasons.append(f"Purdue level {key.level}{why}"[:500])
    kind = ZoneKind.ZONE
    if key.class_ == "critical":
        name += " critical"
        reasons.append("critical assets stand apart, so that nothing less protected shares a zone with them")
    elif key.class_:
        kind = ZoneKind.MICRO
        name += f" exposed {worst.addresses[0] if worst.addresses else worst.asset_id}"
        reasons.append(f"risk {worst.risk}: {worst.risk_reason or 'above what a shared zone may hold'}"[:500])
    return Zone(
        zone_id=new_id("zon"),
        name=f"{key.site} {name}".strip()[:128],
        kind=kind,
        site=key.site,
        level=key.level,
        members=tuple(sorted(member.asset_id for member in group)),
        risk=worst.risk,
        is_critical=any(member.is_critical for member in group),
        reasons=tuple(reasons),
    )
