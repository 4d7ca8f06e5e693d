"""Fuzz slices: whatever a frame holds, its headers end within it, and the slice is a capture file."""

from __future__ import annotations

from typing import Final

from vedette.sensor.alerts import Alert, Severity
from vedette.sensor.capture import PcapngParser
from vedette.sensor.evidence import PacketRing, header_bytes

_LINKS: Final = (0, 1, 12, 14, 101, 108, 113, 228, 229, 276, 9999)
_MACS: Final = bytes.fromhex("020000000002 020000000001")
_IPV4: Final = bytes.fromhex("4500003c000100004006000a0a0000090a000002")
SEEDS: Final = (
    _MACS + b"\x08\x00" + _IPV4 + bytes.fromhex("c3500066000000010000000050180200") + b"payload",
    _MACS + b"\x81\x00\x00\x07\x08\x00" + _IPV4[:9] + b"\x11" + _IPV4[10:] + bytes(8) + b"payload",
    _MACS + b"\x86\xdd" + bytes.fromhex("6000000000102c40") + bytes(32) + bytes(8) + b"payload",
    _MACS + b"\x08\x06" + bytes(28),
)


def fuzz_one(data: bytes) -> None:
    """Watch the bytes as a frame of each link, and cut them out again."""
    for link in _LINKS:
        assert 0 <= header_bytes(link, data) <= len(data)
    ring = PacketRing(max_bytes=64 * 1024)
    list(ring.watch([(1, link, data, len(data)) for link in _LINKS]))
    alert = Alert(at_ns=1, rule="r", severity=Severity.LOW, title="t", source="10.0.0.9", target="10.0.0.2")
    capture = ring.slice_of(alert)
    if capture:
        parser = PcapngParser()
        assert list(parser.packets(capture))
        parser.finish()
        assert not parser.damage
