"""Fuzz what gives devices their names and addresses: DNS, mDNS, LLMNR, DHCP."""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import torture
from vedette.sensor.dissect.dhcp import Dhcp
from vedette.sensor.dissect.dhcp6 import Dhcp6
from vedette.sensor.dissect.dns import Dns, Llmnr
from vedette.sensor.dissect.mdns import Mdns

_DHCP: Final = bytes.fromhex("01010600 0000cafe 00000000".ljust(8)) + bytes(16) + bytes.fromhex("0200000000110000")

SEEDS: Final = (
    bytes.fromhex("0007 0100 0001 0000 0000 0000 04 706c6331 07 6578616d706c65 00 0001 0001"),
    bytes.fromhex("0007 8180 0001 0001 0000 0000 04 706c6331 00 0001 0001 c00c 0001 0001 0000003c 0004 0a000009"),
    bytes.fromhex("0000 8400 0000 0001 0000 0000 04 5f686170 04 5f746370 00 0010 8001 0000003c 0006 05 6d643d4131"),
    bytes.fromhex("0000 8400 0000 0001 0000 0000 01 61 00 0021 8001 0000003c 0009 0000 0000 1f90 c00c 00"),
    _DHCP.ljust(236, b"\0")
    + bytes.fromhex("63825363 350101 0c03484d49 3c084d53465420352e30 37020103 51060400000161 00 ff"),
    bytes.fromhex("01000007 0001 000e 0001000112345678020000000011 0006 0004 00170018 0027 0006 0003686d6900"),
    bytes.fromhex("07000007 0003 0028 0000000000000000 00000000 0005 0018") + bytes(24),
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as each of them."""
    torture(Dns, data)
    for dissector in (Dns, Llmnr, Mdns, Dhcp, Dhcp6):
        torture(dissector, data, as_datagrams=True)
