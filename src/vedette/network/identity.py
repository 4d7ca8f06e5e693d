"""What identifies an asset: MAC addresses, IP addresses at a site, serial numbers. Pure.

Nothing here crosses sites: at another site the same address is somebody else's, or somebody who lies.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Literal

IdentifierKind = Literal["ip", "mac", "serial"]
Key = tuple[str, str]
"""Kind and value."""

SERIAL_CONFIDENCE: Final = 90
_MAC: Final = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
# Shared by routers that stand in for each other: VRRP (RFC 9568 §7.3), HSRP, CARP.
_VIRTUAL: Final = ("00:00:5e:00:01:", "00:00:5e:00:02:", "00:00:0c:07:ac:", "00:00:0c:9f:f")
_NOBODY: Final = frozenset({"00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"})
_SERIAL_MIN_CHARS: Final = 4
_NO_SERIALS: Final = frozenset({"none", "null", "unknown", "default", "serial", "n/a"})


def clean(text: str) -> str:
    """Drop what neither database stores."""
    return text.replace("\0", "") if "\0" in text else text


def parse_ip(text: str) -> str:
    """Return an IP address as it is written shortest; empty if it is none, or nobody's own."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    if address.is_multicast or address.is_unspecified or str(address) == "255.255.255.255":
        return ""
    return str(getattr(address, "ipv4_mapped", None) or address)


def parse_mac(text: str) -> str:
    """Return a MAC address in lower case with colons; empty if it is none, or of a group."""
    lowered = text.lower().replace("-", ":")
    if not _MAC.fullmatch(lowered) or lowered in _NOBODY or int(lowered[:2], 16) & 1:
        return ""
    return lowered


def is_address_of_group(text: str) -> bool:
    """Tell whether an address means many: multicast or broadcast."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return bool(_MAC.fullmatch(text.lower())) and bool(int(text[:2], 16) & 1)
    return address.is_multicast or str(address) == "255.255.255.255"


def identifies(mac: str) -> bool:
    """Tell whether a MAC address is one device's: those that routers hand to each other are not."""
    return not mac.startswith(_VIRTUAL)


def serial_key(vendor: str, serial: str) -> Key | None:
    """Return what a serial number identifies by; None for one that many devices might carry."""
    compact = clean(serial).strip().lower()
    maker = clean(vendor).strip().lower()
    if len(compact) < _SERIAL_MIN_CHARS or not maker or compact in _NO_SERIALS or len(set(compact)) == 1:
        return None
    return "serial", f"{maker[:200]} {compact[:300]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What one record tells of who it is about, cleaned."""

    ips: tuple[str, ...]
    macs: tuple[str, ...]
    serial: Key | None = None

    @property
    def keys(self) -> tuple[Key, ...]:
        """All that it identifies by."""
        found: list[Key] = [("mac", mac) for mac in self.macs if identifies(mac)]
        found += [("ip", ip) for ip in self.ips]
        return (*found, *(() if self.serial is None else (self.serial,)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """Who a sighting is about.

    Attributes:
        asset_id: Who; empty: somebody new.
        binds: Keys that are this asset's from now on.
        absorbs: Assets known by an address alone, which turn out to be this one.
    """

    asset_id: str
    binds: tuple[Key, ...]
    absorbs: tuple[str, ...] = ()


def resolve(
    sighting: Sighting,
    owners: Mapping[Key, tuple[str, bool]],
    has_mac: Mapping[str, bool],
) -> Resolution:
    """Decide who a sighting is about.

    A MAC address decides first; of several assets, the oldest. An IP address decides where no MAC address speaks
    against it. A serial number decides only where one side has no MAC address: else it would join whoever copies it.

    Args:
        sighting: What was told.
        owners: Whose each key is at this site, and whether a person said so.
        has_mac: Of each owner, whether a MAC address identifies it.
    """
    keys = sighting.keys
    mac_keys = [key for key in keys if key[0] == "mac"]
    ip_keys = [key for key in keys if key[0] == "ip"]
    asset_id = _oldest(owners[key][0] for key in mac_keys if key in owners)
    if not asset_id:
        of_ips = (owners[key] for key in ip_keys if key in owners)
        asset_id = _oldest(owner for owner, is_pinned in of_ips if not mac_keys or is_pinned or not has_mac[owner])
    if not asset_id and sighting.serial in owners and sighting.serial is not None:
        owner = owners[sighting.serial][0]
        asset_id = owner if not mac_keys or not has_mac[owner] else ""
    binds: list[Key] = []
    absorbs: dict[str, None] = {}
    for key in keys:
        owner, is_pinned = owners.get(key, ("", False))
        if not owner:
            binds.append(key)
        elif owner != asset_id and key[0] == "ip" and mac_keys and not is_pinned:
            binds.append(key)
            if not has_mac[owner]:
                absorbs[owner] = None
    return Resolution(asset_id=asset_id, binds=tuple(binds), absorbs=tuple(absorbs))


def sighting_of(ips: Sequence[str], macs: Sequence[str], *, vendor: str = "", serial: str = "") -> Sighting:
    """Return what a record tells of who it is about; what is no address is left out."""
    return Sighting(
        ips=tuple(dict.fromkeys(found for ip in ips if (found := parse_ip(ip)))),
        macs=tuple(dict.fromkeys(found for mac in macs if (found := parse_mac(mac)))),
        serial=serial_key(vendor, serial) if serial else None,
    )


def _oldest(asset_ids: Iterable[str]) -> str:
    return min(asset_ids, default="")
