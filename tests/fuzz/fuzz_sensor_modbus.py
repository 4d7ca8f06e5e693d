"""Fuzz Modbus over TCP, over UDP and as RTU frames, and UMAS within."""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import torture
from vedette.sensor.dissect.modbus import Modbus
from vedette.sensor.dissect.modbus_rtu import ModbusRtu

SEEDS: Final = (
    bytes.fromhex("0001 0000 0006 01 03 0064 000a"),
    bytes.fromhex("0001 0000 0017 01 03 14 0001000200030004000500060007000800090 00a".replace(" ", "")),
    bytes.fromhex("0002 0000 0006 01 05 0001 ff00 0002 0000 0003 01 85 02"),
    bytes.fromhex("0003 0000 000b 01 10 0001 0002 04 000a 0102"),
    bytes.fromhex("0004 0000 000f 01 17 0003 0006 000e 0002 04 00ff 00ff"),
    bytes.fromhex("0005 0000 0005 01 2b 0e 01 00"),
    bytes.fromhex("0005 0000 0014 01 2b 0e 01 01 00 00 02 00 04 41434d45 01 02 5031"),
    bytes.fromhex("0006 0000 0005 01 5a 00 41 ff 0006 0000 0004 01 5a 00 fe"),
    bytes.fromhex("0007 0000 0006 01 08 0004 0000 0008 0000 0006 01 18 0001 0000"),
    bytes.fromhex("01 03 0000 0001 840a 01 03 02 0005 7847"),
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as every form of Modbus."""
    torture(Modbus, data)
    torture(Modbus, data, as_datagrams=True)
    torture(ModbusRtu, data)
