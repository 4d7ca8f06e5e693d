"""Fuzz the way of a capture file through the whole sensor: container, link, network, transport, dissection."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Final

from vedette.sensor import CaptureFile, CaptureProblem, Makers, Sensor, as_document, as_tables

_ETHERNET: Final = bytes.fromhex("0200000000020200000000010800")
_TCP: Final = bytes.fromhex(
    "4500003400010000400600000a0000010a000002 9c4001f6000003e90000232950182000 0000 0000 000100000006010300010002"
)
_UDP: Final = bytes.fromhex("4500002800010000401100000a0000010a000002 9c4001f600140000 000100000006010300010002")
_V6: Final = bytes.fromhex(
    "6000000000143a40fd000000000000000000000000000001fd000000000000000000000000000002 8000000000010001"
)
_GRE: Final = bytes.fromhex(
    "45000060000100004 02f00000a0000010a000002 100088be00000001 0000000000000000".replace(" ", "")
)
_ARP: Final = bytes.fromhex("ffffffffffff0200000000010806 0001080006040001 0200000000010a000001 0000000000000a000002")

_PACKETS: Final = (
    _ETHERNET + _TCP,
    _ETHERNET[:12] + bytes.fromhex("8100000788a80008") + b"\x08\x00" + _UDP,
    _ETHERNET[:12] + b"\x86\xdd" + _V6,
    _ETHERNET + _GRE + _ETHERNET + _TCP,
    _ETHERNET + _UDP[:6] + b"\x20\x00" + _UDP[8:],
    _ARP,
)


def _pcap(link: int) -> bytes:
    records = b"".join(struct.pack("<IIII", 1, 0, len(each), len(each)) + each for each in _PACKETS)
    return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, link) + records


def _block(kind: int, body: bytes) -> bytes:
    body += b"\0" * (-len(body) % 4)
    length = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + length + body + length


def _pcapng() -> bytes:
    options = struct.pack("<HHB3x", 9, 1, 9) + struct.pack("<HHq", 14, 8, 5) + bytes(4)
    content = _block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    content += _block(1, struct.pack("<HHI", 1, 0, 0) + options)
    for each in _PACKETS:
        content += _block(6, struct.pack("<IIIII", 0, 1, 2, len(each), len(each)) + each)
    return content + _block(5, struct.pack("<III", 0, 0, 0) + struct.pack("<HHQ", 5, 8, 3))


SEEDS: Final = (_pcap(1), _pcapng(), _pcap(113), _pcap(101), _pcap(276), _pcap(0))

_NOBODY: Final = Makers(Path("/dev/null"))


def fuzz_one(data: bytes) -> None:
    """Read the bytes as a capture; whatever it holds, the report can be written."""
    sensor = Sensor(makers=_NOBODY)
    try:
        sensor.read(CaptureFile(io.BytesIO(data), max_bytes=1_000_000))
    except CaptureProblem:
        return
    sensor.finish()
    assert sensor.engine.reassembly.waiting_bytes == 0
    assert len(sensor.engine.table) == 0
    as_document(sensor)
    as_tables(sensor)
