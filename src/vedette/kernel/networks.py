"""Networks as CIDR: lists of addresses that may come, and which addresses everybody could reach."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

NETWORKS_MAX: Final = 256
NETWORK_MAX_CHARS: Final = 64
_MAPPED_BITS: Final = 96


class NetworkList:
    """Addresses that may come; an empty list holds every address.

    Args:
        networks: Each an address or CIDR without host bits, such as ``10.0.0.0/8`` or ``fd00::/8``.

    Raises:
        ValueError: One of them is none, or there are more than ``NETWORKS_MAX``.
    """

    def __init__(self, networks: Iterable[str]) -> None:
        texts = list(networks)
        if len(texts) > NETWORKS_MAX:
            raise ValueError(f"more than {NETWORKS_MAX} networks")
        found = [_unmapped(parse_network(text)) for text in texts]
        self._four = [each for each in found if isinstance(each, IPv4Network)]
        self._six = [each for each in found if isinstance(each, IPv6Network)]
        self.is_open = not found

    def holds(self, address: str) -> bool:
        """Tell whether an address may come; what is no address may not, unless everybody may."""
        if self.is_open:
            return True
        found = parse_address(address)
        if found is None:
            return False
        return any(found in each for each in (self._four if isinstance(found, IPv4Address) else self._six))


def parse_network(text: str) -> IPv4Network | IPv6Network:
    """Return a network.

    Raises:
        ValueError: It is none, or has host bits set.
    """
    if len(text) > NETWORK_MAX_CHARS or "%" in text:
        raise ValueError(f"{text[:NETWORK_MAX_CHARS]!r} is no network")
    return ip_network(text)


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return an address without its zone, an IPv4 one that was written as IPv6 as itself; ``None``: it is none."""
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (isinstance(found, IPv6Address) and found.ipv4_mapped) or found


def _unmapped(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    """Return a network of IPv4 addresses written as IPv6 as what it is."""
    first = isinstance(network, IPv6Network) and network.network_address.ipv4_mapped
    if not first or network.prefixlen < _MAPPED_BITS:
        return network
    return IPv4Network((int(first), network.prefixlen - _MAPPED_BITS))


def is_private_bind(text: str) -> bool:
    """Tell whether nobody outside could reach a listener at an address: every address at once could be any."""
    found = parse_address(text)
    if found is None or found.is_unspecified or found.is_multicast:
        return False
    # 100.64.0.0/10 lies behind a carrier's translation, and is what overlay networks use.
    is_shared = isinstance(found, IPv4Address) and found in IPv4Network("100.64.0.0/10")
    return found.is_loopback or found.is_link_local or found.is_private or is_shared
