"""SSDP, LLDP and CDP: what devices announce without being asked for it."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor import AnomalyKind, Attribute, Direction
from vedette.sensor.dissect import NO, SURE, Trial, cdp, lldp, ssdp, torture
from vedette.sensor.dissect.cdp import Cdp
from vedette.sensor.dissect.lldp import Lldp
from vedette.sensor.dissect.ssdp import Ssdp

NOTIFY = (
    b"NOTIFY * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\nNT: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n"
    b"NTS: ssdp:alive\r\nLocation: http://10.0.0.1/d.xml\r\nServer: Linux/3.14 UPnP/1.0 miniupnpd/2.1\r\n"
    b"USN: uuid:1\r\n\r\n"
)


def told(trial: Trial) -> set[tuple[str, str, str]]:
    return {(piece.address, piece.attribute, piece.value) for piece in trial.sink.evidence}


def test_ssdp_tells_type_and_software() -> None:
    trial = Trial(Ssdp)
    trial.say(NOTIFY)
    assert told(trial) >= {
        ("10.0.0.1", Attribute.DEVICE_TYPE, "InternetGatewayDevice"),
        ("10.0.0.1", Attribute.ROLE, "router"),
        ("10.0.0.1", Attribute.OPERATING_SYSTEM, "Linux 3.14"),
        ("10.0.0.1", Attribute.SOFTWARE, "Linux/3.14 UPnP/1.0 miniupnpd/2.1"),
    }
    (op,) = trial.sink.operations
    assert (op.service, op.direction, op.value) == ("notify", Direction.REPORT, "http://10.0.0.1/d.xml")


@pytest.mark.parametrize(
    ("message", "service", "direction"),
    [
        (b"M-SEARCH * HTTP/1.1\r\nST: ssdp:all\r\nMAN: x\r\n\r\n", "m_search", Direction.REQUEST),
        (NOTIFY.replace(b"alive", b"byebye"), "byebye", Direction.REPORT),
        (b"HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nUSN: uuid:2\r\n\r\n", "response", Direction.RESPONSE),
    ],
)
def test_ssdp_messages_are_told_apart(message: bytes, service: str, direction: Direction) -> None:
    trial = Trial(Ssdp)
    trial.say(message)
    assert [(op.service, op.direction) for op in trial.sink.operations] == [(service, direction)]
    assert ssdp.check(message, True) == SURE


def test_a_goodbye_tells_nothing() -> None:
    trial = Trial(Ssdp)
    trial.say(NOTIFY.replace(b"alive", b"byebye"))
    assert not trial.sink.evidence


def field(kind: int, content: bytes) -> bytes:
    return struct.pack(">H", kind << 9 | len(content)) + content


LLDP = (
    field(1, b"\4" + bytes.fromhex("020000000099")) + field(2, b"\5Gi0/1") + field(3, b"\0\x78")
    + field(5, b"sw-north-1") + field(6, b"Hirschmann RS20") + field(7, b"\0\4\0\4")
    + field(8, b"\5\1\x0a\0\0\x63\2\0\0\0\1\0") + field(127, b"\0\x12\xbb\x06V1.2")
    + field(127, b"\0\x12\xbb\x08SN77") + field(127, b"\0\x0e\xcf\5" + bytes(6)) + field(0, b"")
)  # fmt: skip


def test_lldp_tells_what_a_switch_is() -> None:
    trial = Trial(Lldp)
    trial.flow.client = "02:00:00:00:00:99"
    trial.say(LLDP.ljust(200, b"\0"))
    assert told(trial) >= {
        ("02:00:00:00:00:99", Attribute.NAME, "sw-north-1"),
        ("02:00:00:00:00:99", Attribute.DESCRIPTION, "Hirschmann RS20"),
        ("02:00:00:00:00:99", Attribute.ROLE, "switch"),
        ("02:00:00:00:00:99", Attribute.FIRMWARE, "V1.2"),
        ("02:00:00:00:00:99", Attribute.SERIAL, "SN77"),
        ("10.0.0.99", Attribute.MAC, "02:00:00:00:00:99"),
    }
    (op,) = trial.sink.operations
    assert (op.name, op.value) == ("Gi0/1", "sw-north-1")
    assert op.detail is not None
    assert op.detail["ttl_s"] == 120


def item(kind: int, content: bytes) -> bytes:
    return struct.pack(">HH", kind, len(content) + 4) + content


ADDRESSES = struct.pack(">I", 1) + b"\1\1\xcc\0\4\x0a\0\0\x64"
CDP = (
    b"\2\xb4\0\0" + item(1, b"sw2.plant") + item(2, ADDRESSES) + item(3, b"FastEthernet0/3")
    + item(4, struct.pack(">I", 0x28)) + item(5, b"Cisco IOS Software, C2960, Version 12.2(55)SE, RELEASE\nmore")
    + item(6, b"cisco WS-C2960-24") + item(10, b"\0\x14")
)  # fmt: skip


def test_cdp_tells_model_firmware_and_port() -> None:
    trial = Trial(Cdp)
    trial.say(CDP + bytes(9))
    assert told(trial) >= {
        ("10.0.0.1", Attribute.NAME, "sw2.plant"),
        ("10.0.0.1", Attribute.MODEL, "cisco WS-C2960-24"),
        ("10.0.0.1", Attribute.VENDOR, "Cisco"),
        ("10.0.0.1", Attribute.FIRMWARE, "12.2(55)SE"),
        ("10.0.0.1", Attribute.ROLE, "switch"),
        ("10.0.0.1", Attribute.IP, "10.0.0.100"),
    }
    (op,) = trial.sink.operations
    assert op.name == "FastEthernet0/3"
    assert op.detail is not None
    assert op.detail["native_vlan"] == 20


def test_lengths_beyond_the_end_are_malformed() -> None:
    for dissector, content in ((Lldp, LLDP[:20]), (Cdp, CDP[:24]), (Ssdp, b"GET / HTTP/1.1\r\n\r\n")):
        trial = Trial(dissector)
        trial.say(content)
        assert [each.kind for each in trial.sink.anomalies] == [AnomalyKind.MALFORMED]


def test_checks_know_their_own() -> None:
    assert lldp.check(LLDP, True) == cdp.check(CDP, True) == SURE
    assert lldp.check(CDP[1:], True) == cdp.check(LLDP[1:], True) == ssdp.check(b"GET / HTTP/1.1", True) == NO


@given(st.binary(max_size=200))
def test_hostile_bytes_are_survived(content: bytes) -> None:
    torture(Ssdp, NOTIFY[:60] + content)
    for size in (4, 22, 60):
        torture(Lldp, LLDP[:size] + content)
        torture(Cdp, CDP[:size] + content)
