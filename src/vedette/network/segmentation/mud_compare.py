"""A maker's word about a device, and what it was seen to do."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Final

import msgspec

from vedette.network.segmentation.membership import parse_address
from vedette.network.segmentation.model import PORT_TRANSPORTS, Flow, Member
from vedette.network.segmentation.mud import Access, is_ip
from vedette.network.segmentation.mud_check import MudFile

_LOCAL: Final = frozenset({"local", "my-controller"})


class MudComparison(msgspec.Struct, frozen=True, kw_only=True):
    """How both fit.

    Attributes:
        declared: Links that the file allows.
        depends: Allowed if the peer is who the file means: a controller, a local network, of the same maker.
        undeclared: Links that the file does not allow.
        unused: Entries that nothing was seen of.
    """

    declared: int
    depends: int
    undeclared: tuple[Flow, ...]
    unused: tuple[Access, ...]
    not_understood: tuple[str, ...]


def compare_mud(file: MudFile, asset: Member, flows: Sequence[Flow]) -> MudComparison:
    """Compare a file with the links of a device."""
    declared = depends = 0
    undeclared: list[Flow] = []
    used: set[Access] = set()
    for flow in flows:
        if asset.asset_id not in {flow.client, flow.server} or not is_ip(flow):
            continue
        fitting = [access for access in file.accesses if _fits(access, asset, flow)]
        used.update(fitting)
        if any(not _depends(access) for access in fitting):
            declared += 1
        elif fitting:
            depends += 1
        else:
            undeclared.append(flow)
    return MudComparison(
        declared=declared,
        depends=depends,
        undeclared=tuple(undeclared),
        unused=tuple(access for access in file.accesses if access not in used),
        not_understood=file.not_understood,
    )


def _depends(access: Access) -> bool:
    return access.peer in _LOCAL or access.peer.startswith("controller:")


def _fits(access: Access, asset: Member, flow: Flow) -> bool:
    is_from = flow.client == asset.asset_id
    far = parse_address(flow.server_address if is_from else flow.client_address)
    port = flow.port if flow.transport in PORT_TRANSPORTS else 0
    if far is None or far.version != access.version or is_from is not access.is_from_device:
        return False
    return access.service.holds(flow.transport, port) and _means(access.peer, flow, far)


def _means(peer: str, flow: Flow, far: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    kind, _, value = peer.partition(":")
    if kind == "any":
        return True
    if kind == "dns":
        return flow.name.lower().rstrip(".") == value
    if kind == "net":
        network = ipaddress.ip_network(value, strict=False)
        return far.version == network.version and far in network
    return not flow.is_external
