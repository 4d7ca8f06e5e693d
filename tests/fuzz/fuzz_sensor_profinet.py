"""Fuzz PROFINET DCP and RT."""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import torture
from vedette.sensor.dissect.profinet import Profinet

SEEDS: Final = (
    bytes.fromhex("fefe 05 00 00000001 0001 0004 ffff0000"),
    bytes.fromhex("feff 05 01 00000001 0000 0014 0202 0006 0000 706c6331 0203 0006 0000 002a010d"),
    bytes.fromhex("fefd 04 00 00000002 0000 000a 0202 0006 0001 70756d70"),
    bytes.fromhex("fefd 04 00 00000003 0000 0006 0506 0002 0004"),
    bytes.fromhex("8001 0000000000000000000000000000 00013500"),
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as what follows the EtherType."""
    torture(Profinet, data, as_datagrams=True)
