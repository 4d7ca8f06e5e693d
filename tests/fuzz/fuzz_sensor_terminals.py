"""Fuzz SSH, Telnet, FTP, TFTP and VNC as the sensor reads them."""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import torture
from vedette.sensor.dissect.ftp import Ftp
from vedette.sensor.dissect.ssh import Ssh
from vedette.sensor.dissect.telnet import Telnet
from vedette.sensor.dissect.tftp import Tftp
from vedette.sensor.dissect.vnc import Vnc

SEEDS: Final = (
    b"RFB 003.008\n\x01\x01",
    b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
    b"220 ready\r\nUSER admin\r\nPASS admin\r\nSTOR a.bin\r\n530 no\r\n",
    b"\0\1firmware.bin\0octet\0blksize\x001428\0",
    b"\xff\xfd\x18\xff\xfa\x18\0vt100\xff\xf0login: Password: root\r\0xc3511\r\nLogin incorrect\r\n",
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as each of them."""
    for dissector in (Ssh, Ftp, Tftp, Telnet, Vnc):
        torture(dissector, data)
