"""What a word in an announcement says of the device that announces it: vocabulary of the knowledge base."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Told(StrEnum):
    """Where a word stands."""

    MAKER = "maker"
    """Of the network interface, by its MAC address."""
    VENDOR = "vendor"
    """As the device says itself."""
    MODEL = "model"
    NAME = "name"
    """Names that a device has, in mDNS, DHCP or DNS."""
    MDNS = "mdns"
    """Services that it announces: ``_hap._tcp``."""
    SSDP = "ssdp"
    """Kinds of UPnP devices and services."""
    SSDP_SERVER = "ssdp_server"
    DHCP_CLASS = "dhcp_class"
    DHCP_OPTIONS = "dhcp_options"
    SOFTWARE = "software"
    """User agents, servers of HTTP and SSH, greetings."""
    SYSTEM = "system"
    DESCRIPTION = "description"
    """SNMP, LLDP and HTTP realms."""
    DEVICE_TYPE = "device_type"
    ROLE = "role"
    SERVICE = "service"
    """``tcp/554 rtsp``."""
    CLOUD = "cloud"
    """Of a maker, that it looks up."""
    PATH = "path"
    """That its web server has."""
    MAC = "mac"
    """What its MAC address is: ``private``."""


class Hint(NamedTuple):
    """A word and what it speaks for."""

    told: Told
    word: str
    """In lower case; anywhere in the text, or at its beginning if it starts with ``^``."""
    type: str
    """Empty: it names a vendor only."""
    weight: int
    """1 to 99: how often, of a hundred devices that say this, it is such a device."""
    vendor: str = ""
