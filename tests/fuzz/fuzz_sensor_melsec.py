"""Fuzz the MELSEC communication protocol, binary and ASCII."""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import torture
from vedette.sensor.dissect.melsec import Melsec

SEEDS: Final = (
    bytes.fromhex("5000 00 ff ff03 00 0c00 1000 0104 0000 640000 a8 0200"),
    bytes.fromhex("d000 00 ff ff03 00 0600 0000 3412 0100"),
    bytes.fromhex("5400 0100 0000 00 ff ff03 00 1000 1000 0114 0100 050000 90 0300 1010"),
    bytes.fromhex("5000 00 ff ff03 00 0600 1000 0210 0000"),
    b"500000FF03FF000018001004010000D*0001000002",
    b"D00000FF03FF00000C000012340001",
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as a stream, as datagrams and as the content of a frame."""
    torture(Melsec, data)
    torture(Melsec, data, as_datagrams=True)
    torture(Melsec, bytes.fromhex("500000ffff0300") + len(data[:500]).to_bytes(2, "little") + data[:500])
