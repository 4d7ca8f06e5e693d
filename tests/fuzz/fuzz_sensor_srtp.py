"""Fuzz SRTP and GENISYS."""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import torture
from vedette.sensor.dissect.genisys import Genisys
from vedette.sensor.dissect.srtp import Srtp

_HEAD: Final = "0200 0100 0000 000000 01 000000000000 0001 000000000000000000000000 01 c0 00000000 100e0000 0101"
SEEDS: Final = (
    bytes(56),
    bytes.fromhex(_HEAD + "04 08 0000 0a00") + bytes(8),
    bytes.fromhex(_HEAD + "23 02") + bytes(12),
    bytes.fromhex("fb01f6"),
    bytes.fromhex("f20100a5f006e4b0f6"),
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as streams, and behind good headers."""
    torture(Srtp, data)
    torture(Genisys, data)
    torture(Srtp, (SEEDS[1][:31] + data[:25]).ljust(56, b"\0"))
    torture(Genisys, b"\xfc" + data[:500].replace(b"\xf6", b"") + b"\xf6")
