"""Fuzz BACnet/IP."""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import torture
from vedette.sensor.dissect.bacnet import Bacnet

SEEDS: Final = (
    bytes.fromhex("810b000c 0100 1008 0903 1903"),
    bytes.fromhex("810a0011 0100 0005010c 0c00000005 1955"),
    bytes.fromhex("810a0018 0100 30010c 0c00000005 1955 3e 4442900000 3f"),
    bytes.fromhex("810a001d 0100 30f10e 0c00000010 1e 2955 4e 4442900000 4f 1f"),
    bytes.fromhex("810a000c 0100 00050314 0901"),
    bytes.fromhex("810a000d 0100 50010c 9101 911f"),
    bytes.fromhex("810a0016 0100 3c5e00040c 0c020000fe 194c 3e c4020000"),
    bytes.fromhex("810a000d 0100 385e01040c fe3f"),
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as a datagram, as what one carries, and as segments of an answer."""
    torture(Bacnet, data, as_datagrams=True)
    content = data[:1_000]
    torture(Bacnet, b"\x81\x0a" + (len(content) + 6).to_bytes(2, "big") + b"\1\0" + content, as_datagrams=True)
