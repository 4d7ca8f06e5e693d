"""Who is there: the stations of the demo's plant, one flat network as many an old hall has it."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

BROADCAST: Final = b"\xff" * 6


@dataclass(frozen=True, slots=True)
class Station:
    """Something with an address.

    Attributes:
        name: What it calls itself.
        ip: Four bytes.
        mac: Six bytes.
    """

    name: str
    ip: bytes
    mac: bytes

    @property
    def address(self) -> str:
        """The IP address as text."""
        return str(IPv4Address(self.ip))


def _station(name: str, ip: str, mac: str) -> Station:
    return Station(name, IPv4Address(ip).packed, bytes.fromhex(mac.replace(":", "")))


SWITCH: Final = _station("hall-switch", "10.20.0.2", "00:0e:8c:20:00:02")
ROUTER: Final = _station("hall-router", "10.20.0.1", "00:30:05:20:00:01")
SERVER: Final = _station("plant-server", "10.20.3.2", "00:1e:c9:20:03:02")
HISTORIAN: Final = _station("historian", "10.20.3.10", "00:1e:c9:20:03:10")
HMI_1: Final = _station("HMI-PRESS", "10.20.2.21", "18:66:da:20:02:21")
HMI_2: Final = _station("HMI-PAINT", "10.20.2.22", "18:66:da:20:02:22")
HMI_OLD: Final = _station("HMI-OVEN", "10.20.2.23", "00:14:22:20:02:23")
"""It runs a Windows that nobody supports any more."""
ENGINEERING: Final = _station("ENG-STATION", "10.20.2.30", "18:66:da:20:02:30")
"""The industrial PC that is also the demo's device ``edge-2``."""
PRESS: Final = _station("press-plc", "10.20.1.12", "28:63:36:20:01:12")
OVEN: Final = _station("oven-plc", "10.20.1.11", "02:4b:41:20:01:11")
"""Of an invented maker, about which there is an invented advisory."""
PAINT: Final = _station("paint-plc", "10.20.1.13", "00:1d:9c:20:01:13")
DRIVE_1: Final = _station("drive-1", "10.20.1.31", "00:1d:9c:20:01:31")
DRIVE_2: Final = _station("drive-2", "10.20.1.32", "00:1d:9c:20:01:32")
BUILDING: Final = _station("building", "10.20.5.10", "00:1e:c9:20:05:10")
AIR: Final = _station("air-handling", "10.20.5.11", "00:60:35:20:05:11")
LIGHT: Final = _station("light", "10.20.5.12", "00:60:35:20:05:12")
CAMERA: Final = _station("gate-camera", "10.20.6.11", "ac:cc:8e:20:06:11")
RECORDER: Final = _station("recorder", "10.20.6.10", "00:11:32:20:06:10")
LAPTOP: Final = _station("DESKTOP-7F3KQ", "10.20.2.77", "f8:75:a4:20:02:77")
"""Nobody knows it."""
CLOUD: Final = Station("cameras.example", IPv4Address("192.88.99.20").packed, ROUTER.mac)
"""Outside, behind the router; its addresses belong to nobody any more (RFC 7526)."""
STATIONS: Final = (
    SWITCH, ROUTER, SERVER, HISTORIAN, HMI_1, HMI_2, HMI_OLD, ENGINEERING, PRESS, OVEN, PAINT, DRIVE_1, DRIVE_2,
    BUILDING, AIR, LIGHT, CAMERA, RECORDER,
)  # fmt: skip
"""Who was always there."""
