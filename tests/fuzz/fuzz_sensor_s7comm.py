"""Fuzz S7comm and S7comm-plus, in TPKT and COTP."""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import torture
from vedette.sensor.dissect.s7comm import S7comm

SEEDS: Final = (
    bytes.fromhex("03000016 11e0000000010 0c0010ac1020100c2020102".replace(" ", "")),
    bytes.fromhex("0300001f 02f080 32 01 0000 0001 000e 0000 04 01 120a10040002000584000050"),
    bytes.fromhex("0300001d 02f080 32 03 0000 0001 0002 0008 0000 04 01 ff040020000afff6"),
    bytes.fromhex("03000021 02f080 32 01 0000 0002 0010 0000 29 0000000000 09 505f50524f4752414d"),
    bytes.fromhex("03000021 02f080 32 07 0000 0003 0008 0008 0001120411440100 ff09000400110000"),
    bytes.fromhex("03000024 02f080 32 01 0000 0004 0012 0000 1a 00 0100 00000000 09 5f3038303030303150 00"),
    bytes.fromhex("03000023 02f080 72 02 0018 31 0000 04f2 0000 0001 000003a0 34 00000034 01 9077 00 08 01"),
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as a stream, and as what one packet carries."""
    torture(S7comm, data)
    torture(S7comm, b"\x03\0" + (len(data[:500]) + 7).to_bytes(2, "big") + b"\x02\xf0\x80" + data[:500])
