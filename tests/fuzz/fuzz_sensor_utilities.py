"""Fuzz ROC Plus, BSAP and C12.22."""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import torture
from vedette.sensor.dissect.bsap import Bsap
from vedette.sensor.dissect.bsap_serial import BsapSerial, checksum_of
from vedette.sensor.dissect.c1222 import C1222
from vedette.sensor.dissect.roc_plus import RocPlus

SEEDS: Final = (
    bytes.fromhex("0102 0301 a7 04 3c 00 02 05 0000"),
    bytes.fromhex("0102 0301 b4 07 02 3c0005 3d0101 0000"),
    bytes.fromhex("0e00 0100 0600") + bytes(8) + bytes.fromhex("14000000 09 01000000 a0 00 04") + b"TANK.LEVEL.\0",
    bytes.fromhex("0e00 0100 0500") + bytes(8) + bytes.fromhex("10000000 09 01000000 00 00 0102030405"),
    bytes.fromhex("0110 a0 1008 03 00 04 01 40 0f 01 4047562e4153332e00"),
    bytes.fromhex("601f a206 0604 2b060104 a803 020107 be10 280e 810c 80 03300001 0450000000 00"),
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as streams and datagrams, and behind good headers."""
    for dissector in (RocPlus, C1222):
        torture(dissector, data)
        torture(dissector, data, as_datagrams=True)
    torture(Bsap, data, as_datagrams=True)
    torture(BsapSerial, data, as_datagrams=True)
    framed = data[:200].replace(b"\x10", b"\x10\x10")
    torture(BsapSerial, b"\x10\2" + framed + b"\x10\3" + checksum_of(framed).to_bytes(2, "little"), as_datagrams=True)
    torture(Bsap, SEEDS[2][:26] + data[:400], as_datagrams=True)
    inner = data[:100]
    services = b"\x80" + inner
    wrapped = bytes((0x28, len(services) + 2, 0x81, len(services))) + services
    body = b"\xa8\x03\x02\x01\x07\xbe" + bytes((len(wrapped),)) + wrapped
    torture(C1222, b"\x60\x81" + bytes((len(body),)) + body)
    for opcode in (17, 166, 167, 180, 181, 203, 255):
        torture(RocPlus, bytes((1, 2, 3, 1, opcode, len(inner))) + inner + b"\0\0")
