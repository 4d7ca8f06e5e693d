"""Fuzz what devices announce to neighbours beside mDNS: NetBIOS, WS-Discovery, TP-Link's smart-home protocol."""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import torture
from vedette.sensor.dissect.kasa import Kasa
from vedette.sensor.dissect.netbios_datagrams import NetbiosDatagrams
from vedette.sensor.dissect.netbios_names import NetbiosNames
from vedette.sensor.dissect.ws_discovery import WsDiscovery

_NAME: Final = b"\x20" + b"EIENEJCNDE" + b"CA" * 10 + b"AA\0"

SEEDS: Final = (
    bytes.fromhex("0007 2910 0001 0000 0000 0001") + _NAME
    + bytes.fromhex("0020 0001 c00c 0020 0001 000493e0 0006 0000 00000000"),
    bytes.fromhex("0007 8400 0000 0001 0000 0000") + _NAME + bytes.fromhex("0021 0001 00000000 0041 01") + bytes(64),
    bytes.fromhex("1102 0001 0a000001 008a 0000 0000") + _NAME + _NAME
    + b"\xffSMB%\\MAILSLOT\\BROWSE\0\x01" + bytes(40),
    b"<ProbeMatch><d:Types>dn:NetworkVideoTransmitter</d:Types><d:Scopes>onvif://www.onvif.org/name/a </d:Scopes>",
    bytes.fromhex("0000000f d0f281f88bff9af7d5ef94b6 c5a0 d48b"),
)  # fmt: skip


def fuzz_one(data: bytes) -> None:
    """Read the bytes as each of them."""
    torture(Kasa, data)
    for dissector in (NetbiosNames, NetbiosDatagrams, WsDiscovery, Kasa):
        torture(dissector, data, as_datagrams=True)
