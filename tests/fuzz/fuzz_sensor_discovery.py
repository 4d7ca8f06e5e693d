"""Fuzz what devices announce or answer about themselves: SSDP, LLDP, CDP, SNMP."""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import torture
from vedette.sensor.dissect.cdp import Cdp
from vedette.sensor.dissect.lldp import Lldp
from vedette.sensor.dissect.snmp import Snmp
from vedette.sensor.dissect.ssdp import Ssdp

SEEDS: Final = (
    b"NOTIFY * HTTP/1.1\r\nNT: urn:a:device:Basic:1\r\nNTS: ssdp:alive\r\nServer: Linux/3 UPnP/1.0 x\r\nUSN: u\r\n\r\n",
    bytes.fromhex(
        "0207 04 020000000099 0405 0547692f31 0602 0078 0a02 7331 0e04 00040004 100c 05010a000063020000000100"
    ),
    bytes.fromhex("fe08 0012bb06 56312e32 0000"),
    bytes.fromhex("02b40000 0001 0007 737732 0002 0011 00000001 0101cc0004 0a000064 0004 0008 00000028 0006 0006 6363"),
    bytes.fromhex("3029 020101 0406 7075626c6963 a01c 020163 020100 020100 3011 300f 060b 2b06010201020201070a00 0500"),
    bytes.fromhex("3026 020100 0401 61 a41e 0606 2b0601040109 4004 0a000007 020104 020100 430105 3008 3006 0602 2b06"),
    bytes.fromhex(
        "3030 020103 300e 020137 020300ffe3 040103 020103 0410 300e 0404 80000009 020101 020102 0400 04000400 0409 9a9a"
    ),
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as each of them."""
    for dissector in (Ssdp, Lldp, Cdp, Snmp):
        torture(dissector, data)
