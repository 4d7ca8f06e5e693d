"""Fuzz HART-IP and C37.118."""

from __future__ import annotations

import binascii
from typing import Final

from vedette.sensor.dissect import torture
from vedette.sensor.dissect.c37118 import C37118
from vedette.sensor.dissect.hart_ip import HartIp

SEEDS: Final = (
    bytes.fromhex("01 00 00 00 0001 000d 01 00007530"),
    bytes.fromhex("01 00 03 00 0002 000d 02 80 00 00 82"),
    bytes.fromhex("01 01 03 00 0002 001b 06 80 00 0e 0000 fe 1741 05 07 05 02 08 00 010203 c3"),
    bytes.fromhex("aa41 0012 0007 00000001 00000000 0002 ce00"),
    bytes.fromhex("aa01 0018 0007 00000001 00000000 0000 0000 0000 0000"),
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as streams and datagrams, and as the content of frames whose checksums are right."""
    for dissector in (HartIp, C37118):
        torture(dissector, data)
        torture(dissector, data, as_datagrams=True)
    inner = data[:500]
    for kind in (1, 0x11, 0x21, 0x31, 0x41, 0x51):
        frame = bytes((0xAA, kind)) + (len(inner) + 4 + 2).to_bytes(2, "big") + inner
        torture(C37118, frame + binascii.crc_hqx(frame, 0xFFFF).to_bytes(2, "big"), as_datagrams=True)
    checksum = 0
    for byte in inner:
        checksum ^= byte
    content = inner + bytes((checksum,))
    for kind in (0, 1, 2):
        head = bytes((1, kind, 3, 0, 0, 1)) + (len(content) + 8).to_bytes(2, "big")
        torture(HartIp, head + content, as_datagrams=True)
