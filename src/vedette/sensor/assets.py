"""Who is there: addresses become assets, evidence becomes attributes, and a router's MAC address swallows nobody.

An address that ARP binds to a MAC address belongs to it. One that is only seen behind a MAC address may belong to it,
until that turns out to carry the packets of many: then it is a router, and those behind it have no MAC address here.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from typing import Final

import msgspec

from vedette.sensor.flows import Flow, Side
from vedette.sensor.listener import Listener
from vedette.sensor.model import CERTAIN, POSSIBLE, PROBABLE, AssetEvidence, Attribute, Role
from vedette.sensor.oui import Makers, is_private, mac_within

MAX_FACTS: Final = 8
MAX_SERVICES: Final = 64
MAX_FINGERPRINTS: Final = 96
"""Of all kinds; of one kind, ``MAX_FACTS``, and of services that are announced over mDNS as many as of services."""
_MAX_UNPROVEN: Final = 2
_MAX_UNPROVEN_IN_ALL: Final = 8
_NEVER_ROUTED: Final = ("169.254.", "fe80:")
_MAX_PROVEN: Final = 8
_GROUPS: Final = 224
_NOBODY: Final = frozenset({"", "0.0.0.0", "::", "00:00:00:00:00:00"})  # noqa: S104 - an address, not a binding


class Fact(msgspec.Struct):
    """One value of one attribute: who says so, how sure, since when and when last."""

    value: str
    confidence: int
    source: str
    first_ns: int
    last_ns: int
    times: int = 1


class Asset(msgspec.Struct, dict=False):
    """One device as far as it is known; ``facts`` keeps what was said, also what contradicts."""

    number: int
    first_ns: int
    last_ns: int
    ips: set[str] = msgspec.field(default_factory=set)
    macs: set[str] = msgspec.field(default_factory=set)
    facts: dict[Attribute, list[Fact]] = msgspec.field(default_factory=dict)

    def best(self, attribute: Attribute) -> str:
        """Return the value that is most sure, the latest among equals; empty if nothing is known."""
        found = self.facts.get(attribute)
        return max(found, key=lambda fact: (fact.confidence, fact.last_ns)).value if found else ""

    def values(self, attribute: Attribute) -> list[str]:
        """Return every value, most sure first."""
        found = sorted(self.facts.get(attribute, ()), key=lambda fact: (-fact.confidence, fact.first_ns))
        return [fact.value for fact in found]

    def learn(self, attribute: Attribute, value: str, confidence: int, source: str, at_ns: int) -> None:
        """Add a fact, or strengthen the one that says the same."""
        self.last_ns = max(self.last_ns, at_ns)
        facts = self.facts.setdefault(attribute, [])
        for fact in facts:
            if fact.value == value:
                fact.last_ns = max(fact.last_ns, at_ns)
                fact.times += 1
                if confidence > fact.confidence:
                    fact.confidence, fact.source = confidence, source
                return
        if (rivals := _rivals(facts, attribute, value)) is not None:
            weakest = min(rivals, key=lambda fact: (fact.confidence, fact.last_ns))
            if weakest.confidence > confidence:
                return
            facts.remove(weakest)
        facts.append(Fact(value, confidence, source, at_ns, at_ns))


def _rivals(facts: list[Fact], attribute: Attribute, value: str) -> list[Fact] | None:
    """Return those of which one must leave for another value; None while there is room.

    Fingerprints of one kind do not crowd out those of another: a device announces dozens of mDNS services, and has one
    list of DHCP options.
    """
    if len(facts) < MAX_FACTS:
        return None
    if attribute is Attribute.SERVICE:
        return facts if len(facts) >= MAX_SERVICES else None
    if attribute is not Attribute.FINGERPRINT:
        return facts
    kind = value.partition(":")[0] + ":"
    same = [fact for fact in facts if fact.value.startswith(kind)]
    if len(same) >= (MAX_SERVICES if kind == "mdns:" else MAX_FACTS):
        return same
    return facts if len(facts) >= MAX_FINGERPRINTS else None


class _Station:
    """What a MAC address was seen to carry."""

    __slots__ = ("is_router", "proven", "unproven")

    def __init__(self) -> None:
        self.proven: set[str] = set()
        self.unproven: set[str] = set()
        self.is_router = False


class Assets(Listener):
    """Keeps the inventory.

    Args:
        makers: Tells makers from MAC addresses.
        max_assets: No more are made; ``refused`` counts what would have been one.
    """

    __slots__ = ("_all", "_by_ip", "_by_mac", "_max_assets", "_next", "_stations", "makers", "refused")

    def __init__(self, makers: Makers | None = None, *, max_assets: int = 20_000) -> None:
        self.makers: Final = makers if makers is not None else Makers()
        self._max_assets: Final = max_assets
        self._all: Final[dict[int, Asset]] = {}
        self._by_ip: Final[dict[str, Asset]] = {}
        self._by_mac: Final[dict[str, Asset]] = {}
        self._stations: Final[OrderedDict[str, _Station]] = OrderedDict()
        self._next = 1
        self.refused = 0

    def __len__(self) -> int:
        return len(self._all)

    def all(self) -> list[Asset]:
        """Return every asset, in the order of appearance."""
        return list(self._all.values())

    def find(self, address: str) -> Asset | None:
        """Return the asset of an IP or MAC address."""
        return self._by_ip.get(address) or self._by_mac.get(address)

    def is_router(self, mac: str) -> bool:
        """Tell whether a MAC address carries the packets of others."""
        station = self._stations.get(mac)
        return station is not None and station.is_router

    def is_inside(self, ip: str) -> bool:
        """Tell whether an address belongs to this network: private, link-local, or bound by ARP."""
        asset = self._by_ip.get(ip)
        return (asset is not None and bool(asset.macs)) or not is_public(ip)

    def side_heard(self, side: Side, at_ns: int) -> None:
        """Hear the first packet of an endpoint."""
        flow = side.flow
        mac = side.mac.hex(":") if len(side.mac) == 6 else ""
        if flow.transport == "ethernet":
            self._of_mac(mac, at_ns)
            return
        address = flow.client if side.is_client else flow.server
        if not _may_be_asset(address):
            return
        if mac in _NOBODY or not self._may_own(mac, address, at_ns):
            if not is_public(address):
                self._of_ip(address, at_ns)
        else:
            self._bind(address, mac, at_ns)

    def evidence(self, evidence: list[AssetEvidence]) -> None:
        """Hear what messages tell of assets."""
        for piece in evidence:
            address = piece.address
            if _is_mac(address):
                asset = self._of_mac(address, piece.at_ns)
            elif not _may_be_asset(address):
                continue
            else:
                if piece.attribute is Attribute.MAC and _is_mac(piece.value):
                    self._prove(address, piece.value, piece.at_ns)
                asset = self._by_ip.get(address)
                if asset is None and not is_public(address):
                    asset = self._of_ip(address, piece.at_ns)
            if asset is not None:
                asset.learn(piece.attribute, piece.value, piece.confidence, piece.source, piece.at_ns)

    def flow_closed(self, flow: Flow) -> None:
        """Learn what service the server offered."""
        if flow.from_server.payload_bytes and flow.transport in {"tcp", "udp"}:
            asset = self._by_ip.get(flow.server)
            if asset is not None and (flow.protocol or flow.transport == "tcp"):
                service = f"{flow.transport}/{flow.server_port} {flow.protocol or 'unknown'}"
                confidence = {"confirmed": CERTAIN, "likely": PROBABLE}.get(flow.certainty, POSSIBLE)
                asset.learn(Attribute.SERVICE, service, confidence, "flow", flow.last_ns)

    def _may_own(self, mac: str, ip: str, at_ns: int) -> bool:
        """Tell whether an address may belong to a MAC address that sent for it; find routers by the way."""
        if int(mac[:2], 16) & 1:
            return False
        station = self._station(mac)
        if ip in station.proven or ip.startswith(_NEVER_ROUTED):
            return True
        if station.is_router:
            return False
        other = self._by_ip.get(ip)
        if other is not None and other.macs and mac not in other.macs:
            return False  # somebody else's, as ARP or its own packets said
        station.unproven.add(ip)
        # Several IPv6 addresses are usual for one interface.
        count = sum(1 for each in station.unproven if ":" not in each)
        if is_public(ip) or count > _MAX_UNPROVEN or len(station.unproven) > _MAX_UNPROVEN_IN_ALL:
            self._make_router(mac, station, at_ns)
            return False
        return not is_public(ip)

    def _station(self, mac: str) -> _Station:
        station = self._stations.get(mac)
        if station is None:
            if len(self._stations) >= self._max_assets:
                self._stations.popitem(last=False)
            station = self._stations[mac] = _Station()
        return station

    def _make_router(self, mac: str, station: _Station, at_ns: int) -> None:
        """Take the addresses away that only seemed to be its own."""
        station.is_router = True
        asset = self._by_mac.get(mac)
        if asset is None:
            return
        for ip in station.unproven & asset.ips:
            asset.ips.discard(ip)
            del self._by_ip[ip]
            if not is_public(ip):
                self._of_ip(ip, at_ns)
        station.unproven.clear()
        asset.learn(Attribute.ROLE, Role.ROUTER, PROBABLE, "carries packets of many", at_ns)

    def _prove(self, ip: str, mac: str, at_ns: int) -> None:
        """Bind an address as its owner, or who says to be, announced it."""
        station = self._station(mac)
        station.unproven.discard(ip)
        if len(station.proven) < _MAX_PROVEN:
            station.proven.add(ip)
            self._bind(ip, mac, at_ns)
        elif not station.is_router:
            self._make_router(mac, station, at_ns)

    def _bind(self, ip: str, mac: str, at_ns: int) -> None:
        holder, owner = self._by_ip.get(ip), self._of_mac(mac, at_ns)
        if owner is None or holder is owner:
            return
        if holder is not None:
            holder.ips.discard(ip)
            if not holder.macs and not holder.ips:
                self._merge(holder, owner)
        owner.ips.add(ip)
        owner.last_ns = max(owner.last_ns, at_ns)
        self._by_ip[ip] = owner

    def _merge(self, from_: Asset, into: Asset) -> None:
        into.first_ns = min(into.first_ns, from_.first_ns)
        for attribute, facts in from_.facts.items():
            for fact in facts:
                into.learn(attribute, fact.value, fact.confidence, fact.source, fact.last_ns)
        del self._all[from_.number]

    def _of_ip(self, ip: str, at_ns: int) -> Asset | None:
        asset = self._by_ip.get(ip)
        if asset is None and (asset := self._new(at_ns)) is not None:
            asset.ips.add(ip)
            self._by_ip[ip] = asset
            if ":" in ip and (mac := mac_within(ip)) and (maker := self.makers.maker_of(mac)):
                asset.learn(Attribute.VENDOR, maker, POSSIBLE, "IPv6 address", at_ns)
        return asset

    def _of_mac(self, mac: str, at_ns: int) -> Asset | None:
        asset = self._by_mac.get(mac)
        if (
            asset is None
            and mac not in _NOBODY
            and not int(mac[:2], 16) & 1
            and (asset := self._new(at_ns)) is not None
        ):
            asset.macs.add(mac)
            self._by_mac[mac] = asset
            if maker := self.makers.maker_of(mac):
                asset.learn(Attribute.VENDOR, maker, POSSIBLE, "MAC address", at_ns)
            elif is_private(mac):
                asset.learn(Attribute.FINGERPRINT, "mac:private address", CERTAIN, "MAC address", at_ns)
        return asset

    def _new(self, at_ns: int) -> Asset | None:
        if len(self._all) >= self._max_assets:
            self.refused += 1
            return None
        asset = self._all[self._next] = Asset(self._next, at_ns, at_ns)
        self._next += 1
        return asset


def is_public(ip: str) -> bool:
    """Tell whether an address belongs to the Internet; group addresses do not."""
    if ip.startswith(("10.", "192.168.", "169.254.", "fe80:")):
        return False
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return False
    return address.is_global and not address.is_multicast


def _may_be_asset(ip: str) -> bool:
    """Tell whether an address can be one device's."""
    if ip in _NOBODY or ip.startswith("ff") or ip == "255.255.255.255":
        return False
    first, dot, _ = ip.partition(".")
    return not (dot and first.isdecimal() and int(first) >= _GROUPS)


def _is_mac(address: str) -> bool:
    return len(address) == 17 and address[2] == ":" and address[5] == ":"
