"""Fuzz what Windows domains say, as the sensor reads it: remote procedure calls, pipes, Kerberos, LDAP, names."""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import torture
from vedette.sensor.dissect.dce_rpc import DceRpc
from vedette.sensor.dissect.kerberos import Kerberos
from vedette.sensor.dissect.ldap import Ldap
from vedette.sensor.dissect.netbios_names import NetbiosNames
from vedette.sensor.dissect.smb import Smb

_BIND: Final = bytes.fromhex(
    "05000b03 10000000 4800 0000 01000000 b810b810 00000000 01000000 00000100 81bb7a364498f135ad3298f038001003"
    "02000000 045d888aeb1cc9119fe808002b104860 02000000"
)  # fmt: skip
_CALL: Final = bytes.fromhex("05000003 10000000 3400 0000 02000000 1c000000 0000 0c00") + bytes.fromhex(
    "05000000 00000000 05000000 6500 7600 6900 6c00 0000 0000"
)
_WRITE: Final = (
    bytes.fromhex("fe534d42 4000 0000 00000000 0900 0100 00000000 00000000 0800000000000000").ljust(64, b"\0")
    + (bytes.fromhex("3100 7000") + len(_CALL).to_bytes(4, "little")).ljust(48, b"\0")
    + _CALL
)
SEEDS: Final = (
    _BIND,
    _CALL,
    len(_WRITE).to_bytes(4, "big") + _WRITE,
    bytes.fromhex(
        "6a 33 30 31 a103020105 a20302010a a425 3023 a00703050000000000 a1 0e 300c a003020101 a105 3003 1b0161"
    )
    + bytes.fromhex("a2 03 1b 01 50 a8 05 3003 020112"),
    bytes.fromhex("7e 11 300f a003020105 a10302011e a603020118"),
    bytes.fromhex("30 0e 020101 60 09 020103 0401 61 8001 62"),
    bytes.fromhex("30 07 020101 61 02 0a0131"),
    bytes.fromhex("0001 0110 0001 0000 0000 0000 20")
    + b"EBCACACACACACACACACACACACACACAAA"
    + bytes.fromhex("00 0020 0001"),
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as each of them."""
    torture(DceRpc, data)
    torture(Smb, data)
    torture(Kerberos, data)
    torture(Kerberos, data, as_datagrams=True)
    torture(Ldap, data)
    torture(NetbiosNames, data)
