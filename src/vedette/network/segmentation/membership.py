"""Which zone an asset or an address is in, under a plan."""

from __future__ import annotations

import functools
import ipaddress
from bisect import insort
from collections.abc import Iterable, Sequence
from typing import Final

from vedette.network.segmentation.model import EXTERNAL, UNASSIGNED, Member, MemberRule, Plan, Zone, ZoneKind
from vedette.network.segmentation.spans import Network, Span, join, span_of, to_networks, without

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# RFC 1918, 3927, 6598, 4193, 4291, and this host: never outside.
_PRIVATE: Final = tuple(
    ipaddress.ip_network(each)
    for each in (
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
)


class _Compiled:
    """A rule whose networks are parsed."""

    def __init__(self, zone: Zone, rule: MemberRule) -> None:
        self.zone = zone
        self.rule = rule
        self.networks = tuple(ipaddress.ip_network(network, strict=False) for network in rule.networks)

    def takes(self, member: Member) -> bool:
        rule = self.rule
        if rule.sites and member.site not in rule.sites:
            return False
        if rule.levels and member.level not in rule.levels:
            return False
        if rule.roles and member.role not in rule.roles:
            return False
        if rule.vendors and member.vendor not in rule.vendors:
            return False
        return not self.networks or any(_lies_in(address, self.networks) for address in member.addresses)


class Membership:
    """Where assets and addresses belong; made once for a plan and the assets of a moment.

    An asset that a zone names is there; any other is in the first zone of the plan with a rule that holds.

    Args:
        plan: Whose networks are well-formed (``check_plan``).
        members: Every known asset.
    """

    def __init__(self, plan: Plan, members: Iterable[Member]) -> None:
        by_hand = {asset_id: zone.zone_id for zone in plan.zones for asset_id in zone.members}
        rules = [_Compiled(zone, rule) for zone in plan.zones for rule in zone.rules]
        self._zones = {zone.zone_id: zone for zone in plan.zones}
        self._networks = [
            (each.networks, each.zone.zone_id) for each in rules if each.networks and _is_of_networks_alone(each.rule)
        ]
        self._zone_of: dict[str, str] = {}
        self._address_zone: dict[str, str] = {}
        self._of_zone: dict[str, list[Member]] = {zone.zone_id: [] for zone in plan.zones}
        self._unassigned: list[Member] = []
        self._strangers: dict[str, str] = {}
        self._views: dict[str, dict[str, list[Network]]] = {}
        for member in members:
            zone_id = by_hand.get(member.asset_id, "")
            if not zone_id:
                zone_id = next((each.zone.zone_id for each in rules if each.takes(member)), "")
            self._zone_of[member.asset_id] = zone_id or UNASSIGNED
            (self._of_zone[zone_id] if zone_id else self._unassigned).append(member)
            for address in member.addresses:
                self._address_zone.setdefault(address, zone_id or UNASSIGNED)

    @property
    def unassigned(self) -> Sequence[Member]:
        """Assets that no zone holds."""
        return self._unassigned

    def members_of(self, zone_id: str) -> Sequence[Member]:
        """Return the assets of a zone."""
        return self._of_zone.get(zone_id, ())

    def zone_of(self, asset_id: str, address: str = "", *, is_external: bool = False) -> str:
        """Return the zone of an asset, or of an address that no asset has."""
        found = self._zone_of.get(asset_id) if asset_id else None
        return found or self.zone_of_address(address, is_external=is_external)

    def zone_of_address(self, address: str, *, is_external: bool = False) -> str:
        """Return the zone of an address: an asset's, a network's, or none."""
        known = self._address_zone.get(address)
        if known is None:
            known = self._strangers.get(address)
            if known is None:
                known = self._strangers[address] = self._find_network(address)
        if known:
            return known
        return EXTERNAL if is_external or _is_global(address) else UNASSIGNED

    def _find_network(self, address: str) -> str:
        """Return the first zone that takes an address by a network alone; empty: none does."""
        return next((zone_id for networks, zone_id in self._networks if _lies_in(address, networks)), "")

    def holds_apart(self, zone_id: str) -> bool:
        """Tell whether members of a zone may not talk to each other either."""
        zone = self._zones.get(zone_id)
        return zone is not None and zone.kind is ZoneKind.MICRO

    def networks_of(self, zone_id: str, *, site: str = "") -> list[Network]:
        """Return the addresses of a zone as the fewest networks, IPv4 first; no address is in two zones.

        Args:
            zone_id: The zone.
            site: From where: of addresses that several sites use, its own zones have them.
        """
        if site not in self._views:
            self._views[site] = self._divide(site)
        return self._views[site][zone_id]

    def known_networks(self, *, site: str = "", but: Iterable[str] = ()) -> list[Network]:
        """Return all addresses that do not count as outside: of zones, of other assets, and private ones.

        Args:
            site: From where.
            but: Networks that count as outside all the same, as far as no zone has them.
        """
        zones = [network for zone_id in self._zones for network in self.networks_of(zone_id, site=site)]
        others = [*_PRIVATE, *routable_networks(self._unassigned)]
        found: list[Network] = []
        for version in (4, 6):
            named = join(span_of(each) for each in _parse_networks(but) if each.version == version)
            spans = [span_of(each) for each in zones if each.version == version]
            for each in others:
                if each.version == version:
                    spans.extend(without(span_of(each), named))
            found.extend(to_networks(spans, version))
        return found

    def _divide(self, site: str) -> dict[str, list[Network]]:
        """Give each address to one zone: those of assets first, then networks of rules in the order of the plan."""
        near = [zone_id for zone_id, zone in self._zones.items() if zone.site in {site, ""}]
        ordered = list(dict.fromkeys([*near, *self._zones]))
        spans: dict[tuple[str, int], list[Span]] = {}
        for version in (4, 6):
            taken: dict[int, str] = {}
            for zone_id in ordered:
                for network in routable_networks(self._of_zone[zone_id]):
                    if network.version == version:
                        taken.setdefault(int(network.network_address), zone_id)
            for address, zone_id in taken.items():
                spans.setdefault((zone_id, version), []).append((address, address))
            gone = join((address, address) for address in taken)
            for zone_id in ordered:
                for network in (each for networks, its in self._networks if its == zone_id for each in networks):
                    if network.version == version:
                        left = without(span_of(network), gone)
                        spans.setdefault((zone_id, version), []).extend(left)
                        for span in left:
                            insort(gone, span)
        return {
            zone_id: [
                network for version in (4, 6) for network in to_networks(spans.get((zone_id, version), ()), version)
            ]
            for zone_id in self._zones
        }


def routable_networks(members: Iterable[Member]) -> list[Network]:
    """Return the addresses of assets that packets can be sent to over a router."""
    found: list[Network] = []
    for member in members:
        for address in member.addresses:
            parsed = parse_address(address)
            if parsed is not None and not (parsed.is_multicast or parsed.is_unspecified or parsed.is_link_local):
                found.append(ipaddress.ip_network(parsed))
    return found


def _parse_networks(texts: Iterable[str]) -> list[Network]:
    return [ipaddress.ip_network(text, strict=False) for text in texts]


@functools.lru_cache(maxsize=65_536)
def parse_address(text: str) -> Address | None:
    """Return an IP address, IPv4 written as IPv6 as IPv4; None for what is none, such as a MAC address."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return found.ipv4_mapped
        if found.scope_id is not None:
            return None
    return found


def lies_in(address: str, networks: Iterable[str]) -> bool:
    """Tell whether an address is in one of some networks."""
    return _lies_in(address, [ipaddress.ip_network(network, strict=False) for network in networks])


def _is_of_networks_alone(rule: MemberRule) -> bool:
    return not (rule.sites or rule.levels or rule.roles or rule.vendors)


def _lies_in(address: str, networks: Sequence[Network]) -> bool:
    parsed = parse_address(address)
    return parsed is not None and any(parsed.version == network.version and parsed in network for network in networks)


def _is_global(address: str) -> bool:
    parsed = parse_address(address)
    return parsed is not None and parsed.is_global
