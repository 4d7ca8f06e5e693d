"""Rule sets for nftables, one table a zone, in the very form in which ``nft list`` shows them again.

Nothing that a device, maker or person named reaches the text: only generated ids, addresses and numbers that were
parsed. What begins a connection is looked up on each packet, so a way that is taken away is shut for connections that
are open too; only answers pass by their connection's state.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from datetime import UTC
from typing import Final

import msgspec

from vedette.network.segmentation.errors import InvalidPlan
from vedette.network.segmentation.membership import Membership, routable_networks
from vedette.network.segmentation.model import (
    EXTERNAL,
    PORT_TRANSPORTS,
    Conduit,
    Plan,
    PlanStage,
    Service,
    Zone,
    ZoneKind,
)
from vedette.network.segmentation.spans import Network, join, span_of, to_networks

TABLE_PREFIX: Final = "vedette_"
_SAFE: Final = re.compile(r"[a-z]{3}_[0-9a-v]{26}|external")
_INTERFACE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,14}")
_FAMILIES: Final = ((4, "ip"), (6, "ip6"))
_LOG: Final = "limit rate 10/second burst 20 packets"
_ICMP: Final = {4: "icmp", 6: "ipv6-icmp"}


class CompiledZone(msgspec.Struct, frozen=True, kw_only=True):
    """The rule set of one zone.

    Attributes:
        table: Name of its table; the way back is to delete it.
        text: For ``nft -f``: replaces the table as a whole, at once, or not at all.
        uncovered: Asset ids without an IP address: no rule can mean them.
    """

    zone_id: str
    table: str
    stage: PlanStage
    text: str
    rules: int
    uncovered: tuple[str, ...]

    @property
    def rollback(self) -> str:
        """For ``nft -f``: takes the table away, also if it is not there."""
        return f"table inet {self.table}\ndelete table inet {self.table}\n"


def table_of(zone_id: str) -> str:
    """Return the name of a zone's table."""
    return f"{TABLE_PREFIX}{_safe(zone_id)}"


def compile_zone(plan: Plan, membership: Membership, zone: Zone, *, stage: PlanStage) -> CompiledZone:
    """Write the rule set of a zone, for a firewall that its traffic passes.

    Args:
        plan: That passed ``check_plan``.
        membership: Of the plan.
        zone: One of the plan.
        stage: ``monitor`` counts and logs what ``enforce`` drops.
    """
    inbound = [conduit for conduit in plan.conduits if conduit.target == zone.zone_id]
    outbound = [conduit for conduit in plan.conduits if conduit.source == zone.zone_id]
    table = table_of(zone.zone_id)
    body = [
        *_sets(membership, zone, inbound, outbound),
        *_base_chain(zone, stage),
        *_direction_chain("inbound", zone, inbound, stage),
        *_direction_chain("outbound", zone, outbound, stage),
        *_conduit_chains("from", inbound),
        *_conduit_chains("to", outbound),
    ]
    text = "\n".join([f"table inet {table}", f"delete table inet {table}", f"table inet {table} {{", *body, "}", ""])
    uncovered = tuple(
        member.asset_id for member in membership.members_of(zone.zone_id) if not routable_networks([member])
    )
    rules = sum(1 for line in body if line.startswith("\t\t") and " counter" in line)
    return CompiledZone(zone_id=zone.zone_id, table=table, stage=stage, text=text, rules=rules, uncovered=uncovered)


def compile_plan(plan: Plan, membership: Membership, *, stage: PlanStage) -> list[CompiledZone]:
    """Write the rule sets of all zones."""
    return [compile_zone(plan, membership, zone, stage=stage) for zone in plan.zones]


def _safe(identifier: str) -> str:
    """Return an id that may stand in rule text.

    Raises:
        InvalidPlan: It is none of ours.
    """
    if not _SAFE.fullmatch(identifier):
        raise InvalidPlan(f"{identifier[:40]!r} is no generated id")
    return identifier


def _peers(conduits: Sequence[Conduit], *, is_source: bool) -> list[str]:
    return list(dict.fromkeys(conduit.source if is_source else conduit.target for conduit in conduits))


def _sets(membership: Membership, zone: Zone, inbound: Sequence[Conduit], outbound: Sequence[Conduit]) -> list[str]:
    outside = [conduit for conduit in (*inbound, *outbound) if EXTERNAL in (conduit.source, conduit.target)]
    named = [network for conduit in outside for network in conduit.networks]
    known = membership.known_networks(site=zone.site, but=named) if outside else []
    mine = membership.networks_of(zone.zone_id, site=zone.site)
    ways = (("inbound", "from", _peers(inbound, is_source=True)), ("outbound", "to", _peers(outbound, is_source=False)))
    lines: list[str] = []
    for version, _ in _FAMILIES:
        lines += _block(f"set members{version}", version, [str_of(each) for each in mine if each.version == version])
        if outside:
            lines += _block(f"set known{version}", version, [str_of(each) for each in known if each.version == version])
        for name, chain, peers in ways:
            jumps = sorted(
                (int(network.network_address), f"{str_of(network)} : jump {chain}_{_safe(peer)}")
                for peer in peers
                if peer not in {EXTERNAL, zone.zone_id}
                for network in membership.networks_of(peer, site=zone.site)
                if network.version == version
            )
            lines += _block(f"map {name}{version}", version, [text for _, text in jumps])
    return lines


def str_of(network: Network) -> str:
    """Write a network as ``nft list`` does: a single address without its length."""
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def _block(head: str, version: int, elements: Sequence[str]) -> list[str]:
    kind = f"type ipv{version}_addr{' : verdict' if head.startswith('map ') else ''}"
    lines = [f"\t{head} {{", f"\t\t{kind}", "\t\tflags interval"]
    if elements:
        lines.append(f"\t\telements = {{ {', '.join(elements)} }}")
    return [*lines, "\t}", ""]


def _base_chain(zone: Zone, stage: PlanStage) -> list[str]:
    lines = ["\tchain forward {", "\t\ttype filter hook forward priority filter; policy accept;"]
    if zone.interface:
        if not _INTERFACE.fullmatch(zone.interface):
            raise InvalidPlan(f"{zone.interface[:20]!r} is no interface")
        verdict = "counter drop" if stage is PlanStage.ENFORCE else "counter"
        lines += [
            f'\t\tiifname != "{zone.interface}" {family} saddr @members{version} {verdict} comment "spoofed"'
            for version, family in _FAMILIES
        ]
    for version, family in _FAMILIES:
        lines.append(f"\t\t{family} daddr @members{version} jump inbound")
        lines.append(f"\t\t{family} saddr @members{version} jump outbound")
    return [*lines, "\t}", ""]


def _direction_chain(name: str, zone: Zone, conduits: Sequence[Conduit], stage: PlanStage) -> list[str]:
    is_inbound = name == "inbound"
    near, chain = ("saddr", "from") if is_inbound else ("daddr", "to")
    lines = [f"\tchain {name} {{"]
    if zone.kind is not ZoneKind.MICRO:
        lines += [f"\t\t{family} {near} @members{version} accept" for version, family in _FAMILIES]
    lines.append("\t\tct direction reply ct state established,related counter accept")
    peers = _peers(conduits, is_source=is_inbound)
    lines += [f"\t\t{family} {near} vmap @{name}{version}" for version, family in _FAMILIES]
    if zone.zone_id in peers:
        lines += [
            f"\t\t{family} {near} @members{version} jump {chain}_{_safe(zone.zone_id)}" for version, family in _FAMILIES
        ]
    if EXTERNAL in peers:
        lines += [f"\t\t{family} {near} != @known{version} jump {chain}_external" for version, family in _FAMILIES]
    what = "refused" if stage is PlanStage.ENFORCE else "would be refused"
    short = "in" if is_inbound else "out"
    lines.append(f'\t\t{_LOG} log prefix "vedette {_safe(zone.zone_id)} {short}: "')
    lines.append(f'\t\tcounter {"drop" if stage is PlanStage.ENFORCE else "accept"} comment "{what} {short}"')
    return [*lines, "\t}", ""]


def _conduit_chains(direction: str, conduits: Sequence[Conduit]) -> list[str]:
    lines: list[str] = []
    for peer in _peers(conduits, is_source=direction == "from"):
        lines.append(f"\tchain {direction}_{_safe(peer)} {{")
        for conduit in conduits:
            if (conduit.source if direction == "from" else conduit.target) == peer:
                lines += _rules(conduit, "saddr" if direction == "from" else "daddr")
        lines += ["\t}", ""]
    return lines


def _rules(conduit: Conduit, far: str) -> list[str]:
    """Return the rules of one conduit: for each transport, and each family where addresses are named."""
    ends = ""
    if conduit.expires_at is not None:
        ends = f'meta time < "{conduit.expires_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}" '
    wheres = [("", 0)]
    if conduit.networks:
        ranges = ((version, family, _address_ranges(conduit.networks, version)) for version, family in _FAMILIES)
        wheres = [(f"{family} {far} {_one_or_set(found)} ", version) for version, family, found in ranges if found]
    comment = f'comment "{_safe(conduit.conduit_id)}"'
    return [
        f"\t\t{ends}{where}{match} counter accept {comment}"
        for where, version in wheres
        for match in _matches(conduit.services, version)
    ]


def _matches(services: Sequence[Service], version: int) -> list[str]:
    found: list[str] = []
    for transport in sorted({service.transport for service in services}):
        if transport in PORT_TRANSPORTS:
            found.append(f"{transport} dport {_one_or_set(_port_ranges(services, transport))}")
        else:
            protocols = [_ICMP[version]] if version else list(_ICMP.values())
            found.append(f"meta l4proto {_one_or_set(protocols)}")
    return found


def _port_ranges(services: Sequence[Service], transport: str) -> list[str]:
    """Return ports and ranges in order, joined where they overlap or touch, as nft joins them."""
    spans = join((each.port, max(each.port, each.port_last)) for each in services if each.transport == transport)
    return [str(first) if first == last else f"{first}-{last}" for first, last in spans]


def _address_ranges(networks: Sequence[str], version: int) -> list[str]:
    """Return the networks of one version of IP in order, joined as nft joins those of a set without a name."""
    parsed = [ipaddress.ip_network(network, strict=False) for network in networks]
    found: list[str] = []
    for span in join(span_of(each) for each in parsed if each.version == version):
        parts = to_networks([span], version)
        found.append(str_of(parts[0]) if len(parts) == 1 else f"{parts[0][0]}-{parts[-1][-1]}")
    return found


def _one_or_set(values: Sequence[str]) -> str:
    return values[0] if len(values) == 1 else f"{{ {', '.join(values)} }}"
