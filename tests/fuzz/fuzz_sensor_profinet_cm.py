"""Fuzz PROFINET context management."""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import torture
from vedette.sensor.dissect.profinet_cm import ProfinetCm

_HEAD: Final = (
    "dea00000 6c97 11d1 8271 000000000000 0100a0de 976c d111 8271 00a02442df7d" + "11" * 16 + "00000000 01000000 "
)


def _packet(kind: int, operation: int, body: bytes) -> bytes:
    head = bytes.fromhex(f"04{kind:02x}2000 100000 00" + _HEAD + "05000000" + f"{operation:02x}00 ffff ffff")
    return head + len(body).to_bytes(2, "little") + bytes(4) + body


_PLACE: Final = bytes(20) + bytes.fromhex("0000 0001 0000 aff0 00000040") + bytes(24)
SEEDS: Final = (
    _packet(0, 2, bytes(20) + bytes.fromhex("0009 003c 0100 0001") + _PLACE),
    _packet(2, 2, bytes(20) + bytes.fromhex("0020 0038 0100 002a") + b"6ES7 511-1AK02-0AB0 S C-L1234567" + bytes(30)),
    _packet(0, 0, bytes(20) + bytes.fromhex("0101 0040 0100") + bytes(50) + b"\0\x06plc-01" + bytes(10)),
    _packet(0, 4, bytes(20) + bytes.fromhex("0110 001c 0100") + bytes(26)),
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as datagrams, and as the content of calls."""
    torture(ProfinetCm, data, as_datagrams=True)
    for kind, operation in ((0, 0), (0, 2), (0, 3), (2, 2), (3, 0)):
        torture(ProfinetCm, _packet(kind, operation, data[:1_000]), as_datagrams=True)
