"""Fuzz GOOSE and sampled values."""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import torture
from vedette.sensor.dissect.goose import Goose, SampledValues

SEEDS: Final = (
    bytes.fromhex(
        "0001 0048 0000 0000 613e 8009 4c442f4c4c4e3024 61 810207d0 82035344 31 8303676f31 8408 0000000000000000"
        "850101 860100 870100 880101 890100 8a0102 ab08 830101 8703 080000"
    ),
    bytes.fromhex(
        "4000 0035 0000 0000 602b 800101 a226 3024 8004 4d553031 82020001 830400000001 850101 8710"
        "00000001 00000000 00000002 00000000"
    ),
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as what follows the EtherType, and as elements within it."""
    for dissector, tag in ((Goose, 0x61), (SampledValues, 0x60)):
        torture(dissector, data, as_datagrams=True)
        inner = data[:200]
        body = bytes((tag, 0x81, len(inner))) + inner
        torture(dissector, b"\0\1" + (len(body) + 8).to_bytes(2, "big") + bytes(4) + body, as_datagrams=True)
