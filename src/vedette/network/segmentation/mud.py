"""Manufacturer usage descriptions (RFC 8520): what one device was seen to need, in the form that firewalls read."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from vedette.kernel import to_rfc3339
from vedette.network.segmentation.conduits import stays_local
from vedette.network.segmentation.membership import parse_address
from vedette.network.segmentation.model import PORT_TRANSPORTS, Flow, Member, Service, compress_services

ACES_MAX: Final = 1_000
_CACHE_HOURS: Final = 48
_SYSTEM_CHARS: Final = 60
_FEW: Final = 3
_PROTOCOLS: Final = {"tcp": 6, "udp": 17, "icmp": 1}
_ICMP6: Final = 58
# RFC 8520 §8.4: classes of controllers that everybody knows.
_KNOWN_CONTROLLERS: Final = {53: "urn:ietf:params:mud:dns", 123: "urn:ietf:params:mud:ntp"}
_HOST: Final = re.compile(
    r"(?=.{1,253}\Z)([A-Za-z0-9_]([A-Za-z0-9_\-]{0,61}[A-Za-z0-9_])?\.)+[A-Za-z][A-Za-z0-9\-]{0,62}"
)

Json = dict[str, Any]  # Any: JSON


class Access(msgspec.Struct, frozen=True, order=True):
    """One entry of a list: whom a device talks with, about what, and who begins.

    Attributes:
        peer: ``dns:NAME``, ``net:NETWORK``, ``controller:URI``, ``my-controller`` or ``local``.
        version: Of IP: 4 or 6.
        is_from_device: The device begins.
    """

    version: int
    is_from_device: bool
    peer: str
    service: Service


def write_mud(
    asset: Member,
    flows: Sequence[Flow],
    *,
    url: str,
    at: datetime,
    model: str = "",
    firmware: str = "",
    signature_url: str = "",
) -> bytes:
    """Return the MUD file of a device: default deny, and an entry for all it was seen to talk about.

    Args:
        asset: The device.
        flows: Links with the device at one end.
        url: Where the file will be found; https.
        at: When what it says last changed.
        model: As far as known.
        firmware: As far as known.
        signature_url: Where its signature will be found; empty: it has none.

    Source:
        RFC 8520 §3 (the module), §8 (DNS names), RFC 8519 (access lists).
    """
    accesses = sorted(find_accesses(asset, flows))[:ACES_MAX]
    lists = _access_lists(accesses)
    mud: Json = {
        "mud-version": 1,
        "mud-url": url,
        "last-update": to_rfc3339(at),
        "cache-validity": _CACHE_HOURS,
        "is-supported": True,
        "systeminfo": (" ".join(_plain(each) for each in (asset.vendor, model) if each) or "observed device")[
            :_SYSTEM_CHARS
        ],
    }
    if signature_url:
        mud["mud-signature"] = signature_url
    for name, value in (("mfg-name", asset.vendor), ("model-name", model), ("firmware-rev", firmware)):
        if value:
            mud[name] = _plain(value)
    for direction in ("from", "to"):
        names = [{"name": acl["name"]} for acl in lists if acl["name"].endswith(f"-{direction}-device")]
        if names:
            mud[f"{direction}-device-policy"] = {"access-lists": {"access-list": names}}
    document: Json = {"ietf-mud:mud": mud}
    if lists:
        document["ietf-access-control-list:acls"] = {"acl": lists}
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def find_accesses(asset: Member, flows: Sequence[Flow]) -> set[Access]:
    """Return what a device was seen to do, each peer in the widest word that still says something."""
    mine = [flow for flow in flows if asset.asset_id in {flow.client, flow.server} and is_ip(flow)]
    peers: dict[tuple[int, bool, str, int, str], set[str]] = defaultdict(set)
    found: set[Access] = set()
    for flow in mine:
        is_from = flow.client == asset.asset_id
        address = flow.server_address if is_from else flow.client_address
        version = 6 if ":" in address else 4
        port = flow.port if flow.transport in PORT_TRANSPORTS else 0
        if flow.is_external:
            name = flow.name.lower().rstrip(".")
            peer = f"dns:{name}" if _HOST.fullmatch(name) else f"net:{address}/{128 if version == 6 else 32}"  # noqa: PLR2004
            found.add(Access(version, is_from, peer, Service(flow.transport, port, port)))
        else:
            peers[version, is_from, flow.transport, port, flow.protocol].add(address)
    for (version, is_from, transport, port, _), addresses in peers.items():
        if is_from and port in _KNOWN_CONTROLLERS:
            peer = f"controller:{_KNOWN_CONTROLLERS[port]}"
        else:
            peer = "my-controller" if len(addresses) <= _FEW else "local"
        found.add(Access(version, is_from, peer, Service(transport, port, port)))
    return _compress(found)


def is_ip(flow: Flow) -> bool:
    """Tell whether MUD can speak of a link: over IP, to one device."""
    ends = (flow.client_address, flow.server_address)
    return (
        flow.transport in _PROTOCOLS and all(parse_address(end) is not None for end in ends) and not stays_local(flow)
    )


def _compress(accesses: set[Access]) -> set[Access]:
    """Put many dynamic ports of one peer together."""
    grouped: dict[tuple[int, bool, str], list[Service]] = defaultdict(list)
    for access in accesses:
        grouped[access.version, access.is_from_device, access.peer].append(access.service)
    return {Access(*ends, service) for ends, services in grouped.items() for service in compress_services(services)}


def _access_lists(accesses: Sequence[Access]) -> list[Json]:
    """Return four lists at most: for each version of IP what passes from the device, and what to it."""
    lists: list[Json] = []
    for version in (4, 6):
        mine = [access for access in accesses if access.version == version]
        for is_outgoing in (True, False):
            direction = "from" if is_outgoing else "to"
            aces = [_ace(number, access, is_outgoing=is_outgoing) for number, access in enumerate(mine)]
            if aces:
                name = f"mud-v{version}-{direction}-device"
                lists.append({"name": name, "type": f"ipv{version}-acl-type", "aces": {"ace": aces}})
    return lists


def _ace(number: int, access: Access, *, is_outgoing: bool) -> Json:
    """Return one entry; ``is_outgoing`` tells the direction of packets, the access who begins."""
    service, version = access.service, access.version
    far = "dst" if is_outgoing else "src"
    internet: Json = {
        "protocol": _ICMP6 if (service.transport, version) == ("icmp", 6) else _PROTOCOLS[service.transport]
    }
    matches: Json = {}
    kind, _, value = access.peer.partition(":")
    match kind:
        case "dns":
            internet[f"ietf-acldns:{far}-dnsname"] = value
        case "net":
            internet[f"{'destination' if is_outgoing else 'source'}-ipv{version}-network"] = value
        case "controller":
            matches["ietf-mud:mud"] = {"controller": value}
        case "my-controller":
            matches["ietf-mud:mud"] = {"my-controller": [None]}
        case _:
            matches["ietf-mud:mud"] = {"local-networks": [None]}
    matches[f"ipv{version}"] = internet
    if service.transport in {"tcp", "udp"}:
        # The service's port is at whoever did not begin.
        is_destination = access.is_from_device is is_outgoing
        layer: Json = {}
        if service.transport == "tcp":
            layer["ietf-mud:direction-initiated"] = "from-device" if access.is_from_device else "to-device"
        layer["destination-port" if is_destination else "source-port"] = _port(service)
        matches[service.transport] = layer
    return {
        "name": f"ent{number}-{'out' if is_outgoing else 'in'}",
        "matches": matches,
        "actions": {"forwarding": "accept"},
    }


def _port(service: Service) -> Json:
    if service.port_last > service.port:
        return {"lower-port": service.port, "upper-port": service.port_last}
    return {"operator": "eq", "port": service.port}


def _plain(text: str) -> str:
    return "".join(each for each in text if each.isprintable())[:128]
