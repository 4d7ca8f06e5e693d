"""Fuzz ARP."""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import torture
from vedette.sensor.dissect.arp import Arp

SEEDS: Final = (
    bytes.fromhex("0001 0800 06 04 0001 020000000001 0a000001 000000000000 0a000002"),
    bytes.fromhex("0001 0800 06 04 0002 020000000001 0a000001 020000000002 0a000002").ljust(46, b"\0"),
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as ARP."""
    torture(Arp, data)
