"""Fuzz IEC 60870-5-104."""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import torture
from vedette.sensor.dissect.iec104 import Iec104

SEEDS: Final = (
    bytes.fromhex("6804 07000000 6804 0b000000 6804 01000200"),
    bytes.fromhex("680e 0000 0000 64 01 06 00 0300 000000 14"),
    bytes.fromhex("680e 0000 0000 2d 01 06 00 0300 010000 81"),
    bytes.fromhex("681a 0000 0000 0d 02 03 00 0300 010000 00002041 00 050000 0000a041 00"),
    bytes.fromhex("6810 0000 0000 01 83 14 00 0300 0a0000 010001"),
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as a stream, and as the content of one unit."""
    torture(Iec104, data)
    torture(Iec104, bytes((0x68, len(data[:240]) + 4, 0, 0, 0, 0)) + data[:240])
