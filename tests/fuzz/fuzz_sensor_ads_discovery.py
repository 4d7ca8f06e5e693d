"""Fuzz searches for Beckhoff's controllers."""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import torture
from vedette.sensor.dissect.ads_discovery import AdsDiscovery

_HEAD: Final = "03661471 00000000"
SEEDS: Final = (
    bytes.fromhex(f"{_HEAD} 01000000 050102030101 1027 00000000"),
    bytes.fromhex(f"{_HEAD} 01000080 050102030101 1027 02000000 0500 0300 433100 0300 0400 0301b80f"),
    bytes.fromhex(f"{_HEAD} 06000000 050102030101 1027 03000000 0c00 0200 4100 0d00 0200 5500 0200 0200 3100"),
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as a datagram, and as the items of one."""
    torture(AdsDiscovery, data, as_datagrams=True)
    torture(AdsDiscovery, SEEDS[1][:20] + (data[0] if data else 0).to_bytes(4, "little") + data, as_datagrams=True)
