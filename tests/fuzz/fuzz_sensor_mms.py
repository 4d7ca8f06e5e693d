"""Fuzz MMS over ISO's layers."""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import torture
from vedette.sensor.dissect.mms import Mms

SEEDS: Final = (
    bytes.fromhex(
        "a024 020101 a41f a11d a01b 3019 a017 a115 1a03 4c4430 1a0e 58434252312443 4f24506f73244f".replace(" ", "")
    ),
    bytes.fromhex("a10a 020101 a405 a103 830101"),
    bytes.fromhex("a107 020102 a502 8100"),
    bytes.fromhex("a005 020103 8200"),
    bytes.fromhex("a219 800104 a214 a012 870103"),
    bytes.fromhex("a315 a013 a10b 8009 4c4430 2f7270743031 a004 830101 85"),
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as a stream, and as a unit of MMS within all its envelopes."""
    torture(Mms, data)
    unit = data[:100]
    inner = b"\x02\x01\x03\xa0" + bytes((len(unit),)) + unit
    data_list = b"\x30" + bytes((len(inner),)) + inner
    content = b"\x01\x00\x01\x00\x61" + bytes((len(data_list),)) + data_list
    torture(Mms, b"\x03\0" + (len(content) + 7).to_bytes(2, "big") + b"\x02\xf0\x80" + content)
