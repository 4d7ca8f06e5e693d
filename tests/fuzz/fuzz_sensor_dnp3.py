"""Fuzz DNP3: frames, and what a frame with right checksums carries."""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import torture
from vedette.sensor.dissect.dnp3 import Dnp3, crc

SEEDS: Final = (
    bytes.fromhex("0564 05c0 0100 0004 e921"),
    bytes.fromhex("c0 c0 01 3c 02 06 1e 02 00 05 06"),
    bytes.fromhex("c0 c0 81 00 00 1e 02 00 05 06 01 1027 01 f0d8 01 02 00 00 01 81 01"),
    bytes.fromhex("c0 c0 05 0c 01 28 0100 0a00 41 01 f4010000 00000000 00"),
    bytes.fromhex("c0 c0 82 00 00 02 01 28 0200 0300 81 0900 01"),
    bytes.fromhex("c0 c0 19 46 03 5b 01 0400 01020304"),
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as a stream, and as the content of a frame."""
    torture(Dnp3, data)
    content = data[:250]
    frame = signed(b"\x05\x64" + bytes((len(content) + 5, 0xC4, 4, 0, 3, 0)))
    frame += b"".join(signed(content[start : start + 16]) for start in range(0, len(content), 16))
    torture(Dnp3, frame)
    torture(Dnp3, frame, as_datagrams=True)


def signed(block: bytes) -> bytes:
    """Return a block with its checksum."""
    return block + crc(block + b"\0\0").to_bytes(2, "little")
