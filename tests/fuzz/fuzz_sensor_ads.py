"""Fuzz ADS over AMS/TCP."""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import torture
from vedette.sensor.dissect.ads import Ads

_ENDS: Final = "c0a801020101 5303 c0a801030101 8480"
SEEDS: Final = (
    bytes.fromhex(f"0000 2c000000 {_ENDS} 0200 0400 0c000000 00000000 01000000 20400000 04000000 02000000"),
    bytes.fromhex(f"0000 2a000000 {_ENDS} 0200 0500 0a000000 00000000 01000000 00000000 02000000 3412"),
    bytes.fromhex(f"0000 28000000 {_ENDS} 0500 0400 08000000 00000000 02000000 06000000 00000000"),
    bytes.fromhex(f"0000 20000000 {_ENDS} 0100 0400 00000000 00000000 03000000"),
    bytes.fromhex(f"0000 36000000 {_ENDS} 0900 0400 16000000 00000000 04000000 03f00000 00000000 04000000 06000000")
    + b"MAIN.x",
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as a stream, and as the content of a command."""
    torture(Ads, data)
    for command in (1, 2, 3, 5, 8, 9):
        head = bytes.fromhex(_ENDS) + bytes((command, 0, 4 | len(data) & 1, 0)) + len(data[:500]).to_bytes(4, "little")
        torture(Ads, b"\0\0" + (32 + len(data[:500])).to_bytes(4, "little") + head + bytes(8) + data[:500])
