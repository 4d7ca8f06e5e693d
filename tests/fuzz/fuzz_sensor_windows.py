"""Fuzz SMB with NTLM, and RDP, as the sensor reads them."""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import torture
from vedette.sensor.dissect.rdp import Rdp
from vedette.sensor.dissect.smb import Smb

_HEAD: Final = bytes.fromhex("fe534d42 4000 0000 160000c0 0100 0100 01000000 00000000 0100000000000000").ljust(
    64, b"\0"
)
_CHALLENGE: Final = (
    b"NTLMSSP\0"
    + bytes.fromhex("02000000 0000 0000 38000000 01000002").ljust(32, b"\0")
    + bytes.fromhex("0c00 0c00 38000000 0601b11d 0000000f 0100 0400 41004200 00000000")
)
_SETUP: Final = bytes.fromhex("ff534d42 73 00000000 80 0080").ljust(32, b"\0") + bytes.fromhex(
    "03 ff0000000000 0e00 00 5700 6900 6e00 0000 4100 0000"
)


def _framed(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


SEEDS: Final = (
    _framed(_HEAD + bytes(8) + _CHALLENGE),
    _framed(_SETUP),
    _framed(_HEAD[:12] + b"\3" + _HEAD[13:16] + b"\0" + _HEAD[17:] + bytes.fromhex("0900 0000 4800 0400 41004200")),
    bytes.fromhex("0300002a 25 e0 0000 0000 00") + b"Cookie: mstshash=a\r\n" + bytes.fromhex("01000800 03000000"),
    bytes.fromhex("03000013 0e d0 0000 1234 00 02000800 02000000"),
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as both."""
    torture(Smb, data)
    torture(Rdp, data)
