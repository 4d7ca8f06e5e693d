"""Fuzz OPC UA binary."""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import torture
from vedette.sensor.dissect.opcua import OpcUa

_ASKED: Final = bytes(18) + b"\xff\xff\xff\xff" + bytes(7)

SEEDS: Final = (
    b"HELF\x2a\0\0\0" + bytes(20) + b"\x0a\0\0\0opc.tcp://",
    b"\1\0\x77\2" + _ASKED + bytes(12) + b"\1\0\0\0\3\2\0\1\0\0\0A\x0d\0\0\0\xff\xff\xff\xff\0\0\xff\xff\xff\xff",
    b"\1\0\xa1\2" + _ASKED + b"\1\0\0\0\3\2\0\1\0\0\0A\x0d\0\0\0\xff\xff\xff\xff\1\6\1\0\0\0",
    b"\1\0\x7a\2" + bytes(16) + b"\0" + bytes(7) + b"\1\0\0\0\1\x8b\2\0\0\0" + bytes(16),
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as a stream, and as what a message carries."""
    torture(OpcUa, data)
    torture(OpcUa, b"MSGF" + (len(data) + 24).to_bytes(4, "little") + bytes(16) + data)
