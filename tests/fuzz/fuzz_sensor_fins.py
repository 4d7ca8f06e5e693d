"""Fuzz FINS over UDP and TCP."""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import torture
from vedette.sensor.dissect.fins import Fins

SEEDS: Final = (
    bytes.fromhex("80000200010000020001 0101 82 0064 00 0002"),
    bytes.fromhex("c0000200020000010001 0101 0000 00010002"),
    bytes.fromhex("80000200010000020002 0102 82 0064 00 0001 1234"),
    bytes.fromhex("80000200010000020003 0501 00"),
    bytes.fromhex("46494e53 00000010 00000002 00000000 8000020001000002"),
    bytes.fromhex("46494e53 0000000c 00000000 00000000 00000000"),
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as a stream and as datagrams."""
    torture(Fins, data)
    torture(Fins, data, as_datagrams=True)
    torture(Fins, b"FINS" + (len(data[:500]) + 8).to_bytes(4, "big") + b"\0\0\0\2\0\0\0\0" + data[:500])
