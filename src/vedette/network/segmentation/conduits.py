"""Conduits proposed from observed traffic between zones, and what of it is better left to a person."""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from vedette.network.segmentation.membership import parse_address
from vedette.network.segmentation.model import (
    EXTERNAL,
    NETWORKS_MAX,
    PORT_TRANSPORTS,
    SERVICES_MAX,
    TRANSPORTS,
    Conduit,
    Flow,
    LeftOut,
    Service,
    Zone,
    compress_services,
)
from vedette.network.segmentation.purdue import EXTERNAL_LEVEL, Crossing, explain_crossing, judge_crossing

_MAC: Final = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_NETWORKS_NAMED: Final = 16
_BROADCAST_ONES: Final = 5
"""Of a subnet for 30 hosts; of smaller ones, an address that is silent may as well be a host's."""
# From here on assets may be asked for, or ask, what is outside.
_OUTSIDE_LEVELS: Final = frozenset({"3.5", "4", "5"})


@dataclass(slots=True)
class _Seen:
    """What was seen to pass from one zone to another."""

    services: dict[tuple[str, int], str] = field(default_factory=dict)
    """Transport and port → protocol, as far as known."""
    operations: set[str] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    pairs: set[tuple[str, str]] = field(default_factory=set)
    has_unclassed: bool = False
    links: int = 0
    flows: int = 0
    alerting: int = 0
    """Links whose client has open alerts."""


@functools.lru_cache(maxsize=65_536)
def is_local(address: str) -> bool:
    """Tell whether an address never passes a router: broadcast, multicast of the link, or no address at all."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        # IEEE 802: the lowest bit of the first octet says that a frame is for many.
        return _MAC.fullmatch(address) is not None and bool(int(address[:2], 16) & 1)
    return found.is_multicast or found.is_unspecified or found.is_link_local or address == "255.255.255.255"


def stays_local(flow: Flow) -> bool:
    """Tell whether a link never passes a router: also what is shouted to a subnet, whose size nobody has said."""
    if is_local(flow.server_address):
        return True
    if flow.server or flow.transport != "udp":
        return False
    client, server = parse_address(flow.client_address), parse_address(flow.server_address)
    if not (isinstance(client, ipaddress.IPv4Address) and isinstance(server, ipaddress.IPv4Address)):
        return False
    if not server.is_private:
        return False
    # The last address of a subnet ends in ones, and whoever shouts there is in it.
    ones = (~int(server) & int(server) + 1).bit_length() - 1
    return ones >= _BROADCAST_ONES and int(client) >> ones == int(server) >> ones


def propose_conduits(
    zones: Sequence[Zone],
    zone_of: Mapping[str, Zone],
    flows: Sequence[Flow],
    *,
    new_id: Callable[[str], str],
    alerting: Collection[str] = (),
) -> tuple[list[Conduit], list[LeftOut]]:
    """Return a conduit for each pair of zones that was seen to talk, and what is left out with the reason.

    Args:
        zones: In their order.
        zone_of: Asset id → its zone.
        flows: What was seen.
        new_id: Makes ids from a prefix.
        alerting: Assets with open alerts: what they ask for is marked.
    """
    seen = _collect(zone_of, flows, alerting)
    levels = {zone.zone_id: zone.level for zone in zones} | {EXTERNAL: EXTERNAL_LEVEL}
    critical = {zone.zone_id for zone in zones if zone.is_critical}
    rank = {zone.zone_id: number for number, zone in enumerate(zones)} | {EXTERNAL: len(zones)}
    conduits: list[Conduit] = []
    left_out: list[LeftOut] = []
    for (source, target), what in sorted(seen.items(), key=lambda item: (rank[item[0][0]], rank[item[0][1]])):
        single = [Service(transport, port, port, protocol) for (transport, port), protocol in what.services.items()]
        services = tuple(compress_services(single)[:SERVICES_MAX])
        refused = _why_not(source, target, levels)
        if refused:
            left_out.append(LeftOut(source=source, target=target, services=services, links=what.links, reason=refused))
        else:
            conduits.append(
                _make(source, target, services, what, levels=levels, is_critical=target in critical, new_id=new_id)
            )
    return conduits, left_out


def _collect(
    zone_of: Mapping[str, Zone], flows: Sequence[Flow], alerting: Collection[str]
) -> dict[tuple[str, str], _Seen]:
    seen: dict[tuple[str, str], _Seen] = {}
    for flow in flows:
        client, server = zone_of.get(flow.client), zone_of.get(flow.server)
        source = client.zone_id if client else EXTERNAL
        target = server.zone_id if server else EXTERNAL
        if source == target or flow.transport not in TRANSPORTS or stays_local(flow):
            continue
        what = seen.setdefault((source, target), _Seen())
        service = (flow.transport, flow.port if flow.transport in PORT_TRANSPORTS else 0)
        what.services[service] = max(what.services.get(service, ""), flow.protocol)
        what.operations.update(flow.operations)
        what.has_unclassed |= not flow.operations
        what.pairs.add((flow.client_address, flow.server_address))
        what.links += 1
        what.alerting += flow.client in alerting
        what.flows += flow.flows
        far = flow.server_address if target == EXTERNAL else flow.client_address if source == EXTERNAL else ""
        if far:
            what.addresses.add(far)
            if flow.name:
                what.names.add(flow.name)
    return seen


def _why_not(source: str, target: str, levels: Mapping[str, str]) -> str:
    """Say why a conduit is not proposed though traffic was seen; empty if it is."""
    if EXTERNAL in (source, target):
        inner = levels[target if source == EXTERNAL else source]
        if inner in _OUTSIDE_LEVELS:
            return ""
        return f"{f'level {inner}' if inner else 'an asset without a level'} talks with addresses outside, past the DMZ"
    if judge_crossing(levels[source], levels[target]) is Crossing.BORDER:
        return explain_crossing(levels[source], levels[target])
    return ""


def _make(
    source: str,
    target: str,
    services: tuple[Service, ...],
    what: _Seen,
    *,
    levels: Mapping[str, str],
    is_critical: bool,
    new_id: Callable[[str], str],
) -> Conduit:
    reasons = [f"{what.links} links of {len(what.pairs)} pairs were seen, {what.flows} flows"]
    crossing = explain_crossing(levels[source], levels[target])
    if crossing:
        reasons.append(f"look at it: {crossing}")
    if what.alerting:
        reasons.append(f"look at it: {what.alerting} of them are of assets with open alerts")
    if is_critical:
        reasons.append("look at it: it leads to critical assets")
    if what.names:
        reasons.append(f"names: {', '.join(sorted(what.names)[:8])}"[:500])
    is_outside = EXTERNAL in (source, target)
    networks = tuple(sorted(what.addresses)) if is_outside and len(what.addresses) <= _NETWORKS_NAMED else ()
    return Conduit(
        conduit_id=new_id("cdt"),
        source=source,
        target=target,
        services=services,
        # A link of which no operation is known says nothing of what its service is used for.
        operations=() if what.has_unclassed else tuple(sorted(what.operations)),
        networks=networks[:NETWORKS_MAX],
        why="observed",
        links=what.links,
        reasons=tuple(reasons),
    )
