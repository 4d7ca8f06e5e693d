"""Fuzz EtherCAT."""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import torture
from vedette.sensor.dissect.ethercat import Ethercat

SEEDS: Final = (
    bytes.fromhex("0e10 0c01 00000001 0200 0000 abcd 0300"),
    bytes.fromhex("0e10 0501 e903 2001 0200 0000 0400 0000"),
    bytes.fromhex("1c10 0501 e903 0010 1000 0000 0a00 0000 0003 0020 2f 0060 00 01000000 0000"),
    bytes.fromhex("1c10 0501 e903 0010 1000 0000 0a00 0000 0004 0200 00000000 666d2e62 0000"),
    bytes.fromhex("1c10 0701 0000 3001 0280 0000 0000 0000 0c02 00000001 0200 0000 abcd 0000"),
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as what follows the EtherType, and as the content of a mailbox."""
    torture(Ethercat, data, as_datagrams=True)
    inner = data[:400]
    body = bytes.fromhex("0501e9030010") + len(inner).to_bytes(2, "little") + b"\0\0" + inner + b"\1\0"
    torture(Ethercat, (0x1000 | len(body)).to_bytes(2, "little") + body, as_datagrams=True)
