"""Fuzz EtherNet/IP, CIP and PCCC."""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import torture
from vedette.sensor.dissect.enip import Enip, EnipIo

_HEAD: Final = bytes(4) + b"\0\0\2\0\0\0\0\0"

SEEDS: Final = (
    bytes.fromhex("6300 0000 00000000 00000000 0000000000000000 00000000"),
    bytes.fromhex("6f00 1800 07000000 00000000 0100000000000000 00000000 00000000 0000 0200 0000 0000 b200 0800")
    + bytes.fromhex("0e03 2001 2401 3007"),
    bytes.fromhex("6f00 1e00 07000000 00000000 0100000000000000 00000000 00000000 0000 0200 0000 0000 b200 0e00")
    + bytes.fromhex("4c04 9105 53706565 6400 0100 0000"),
    bytes.fromhex("6f00 2400 07000000 00000000 0100000000000000 00000000 00000000 0000 0200 0000 0000 b200 1400")
    + bytes.fromhex("4b02 2067 2401 07 0100 12345678 0f 00 0100 80 01"),
    bytes.fromhex("0200 0280 0800 55aa0000 09000000 b100 0400 01000200"),
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as a stream, as a datagram, and as a message within."""
    torture(Enip, data)
    torture(Enip, data, as_datagrams=True)
    torture(EnipIo, data, as_datagrams=True)
    body = _HEAD + b"\xb2\0" + len(data[:500]).to_bytes(2, "little") + data[:500]
    torture(Enip, b"\x6f\0" + len(body).to_bytes(2, "little") + bytes(20) + body)
