"""Fuzz KNXnet/IP."""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import torture
from vedette.sensor.dissect.knx import Knx

SEEDS: Final = (
    bytes.fromhex("0610 0420 0015 04010000 11 00 bce0 0000 0901 01 0081"),
    bytes.fromhex("0610 0530 0013 29 00 bce0 1101 0901 03 0080 0c1a"),
    bytes.fromhex("0610 0206 0014 0100 0801c0a8010a0e57 04041101"),
    bytes.fromhex("0610 0310 0011 04010000 fc 000b 01 34 1001"),
    bytes.fromhex("0610 0204 003c 36010200110100000001e0001702e000170c0001020304054b4e58") + bytes(26),
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as a stream, as datagrams, and as what a tunnel carries."""
    torture(Knx, data)
    torture(Knx, data, as_datagrams=True)
    inner = data[:400]
    for code in (b"\x04\x20", b"\x05\x30", b"\x02\x04"):
        torture(Knx, b"\x06\x10" + code + (len(inner) + 10).to_bytes(2, "big") + b"\4\1\0\0" + inner, as_datagrams=True)
