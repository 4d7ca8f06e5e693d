"""Fuzz MQTT, CoAP, NTP and ICMP as the sensor reads them."""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import torture
from vedette.sensor.dissect.coap import Coap
from vedette.sensor.dissect.icmp import Icmp, Icmp6
from vedette.sensor.dissect.mqtt import Mqtt
from vedette.sensor.dissect.ntp import Ntp

SEEDS: Final = (
    bytes.fromhex("1016 0004 4d515454 04 c2 003c 0001 61 0001 62 0003 636465 20020005"),
    bytes.fromhex("1010 0004 4d515454 05 02 003c 00 0003 616263 3008 0001 61 020101 7878"),
    bytes.fromhex("8209 0001 0004 612f2362 01 3207 0001 61 0009 7878 40020009 c000"),
    bytes.fromhex("42 03 1234 746b b4 6c616d70 05 7374617465 ff 31"),
    bytes.fromhex("62 45 1234 746b 61 01 ff 3231"),
    bytes.fromhex("24 02 06 ec 00010000 00008000 0a000007").ljust(48, b"\0"),
    bytes.fromhex("17 00 03 2a 00000000"),
    bytes.fromhex("08 00 0000 0001 0007") + bytes(24),
    bytes.fromhex("88 00 0000 e0000000 fe800000000000000000000000000007 0201 020000000077"),
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as each of them."""
    for dissector in (Mqtt, Coap, Ntp, Icmp, Icmp6):
        torture(dissector, data)
