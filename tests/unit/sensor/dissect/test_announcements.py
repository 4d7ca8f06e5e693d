from __future__ import annotations

import json
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor import Attribute
from vedette.sensor.dissect import PROTOCOLS, Trial, torture
from vedette.sensor.dissect.kasa import Kasa, clear
from vedette.sensor.dissect.netbios_datagrams import NetbiosDatagrams
from vedette.sensor.dissect.netbios_names import NetbiosNames
from vedette.sensor.dissect.ws_discovery import WsDiscovery

Told = set[tuple[Attribute, str]]


def told(trial: Trial, address: str) -> Told:
    return {(piece.attribute, piece.value) for piece in trial.sink.evidence if piece.address == address}


def encoded(name: str, suffix: int) -> bytes:
    raw = name.encode().ljust(15) + bytes((suffix,))
    return b"\x20" + bytes(0x41 + half for byte in raw for half in (byte >> 4, byte & 15)) + b"\0"


def registration(name: str, suffix: int, *, is_group: bool) -> bytes:
    flags = 0x8000 if is_group else 0
    return (
        struct.pack(">HHHHHH", 7, 0x2910, 1, 0, 0, 1)
        + encoded(name, suffix)
        + struct.pack(">HHH", 0x20, 1, 0xC00C)
        + struct.pack(">HHIHHI", 0x20, 1, 300_000, 6, flags, 0x0A000001)
    )


def status(names: list[tuple[str, int, int]], mac: str) -> bytes:
    rows = b"".join(name.encode().ljust(15) + struct.pack(">BH", suffix, flags) for name, suffix, flags in names)
    content = bytes((len(names),)) + rows + bytes.fromhex(mac.replace(":", "")) + bytes(40)
    return (
        struct.pack(">HHHHHH", 7, 0x8400, 0, 1, 0, 0)
        + encoded("*", 0)
        + struct.pack(">HHIH", 0x21, 1, 0, len(content))
        + content
    )


def announcement(name: str, major: int, minor: int, kind: int, comment: str) -> bytes:
    browser = (
        struct.pack("<BBI", 1, 0, 60_000)
        + name.encode().ljust(16, b"\0")
        + struct.pack("<BBIHH", major, minor, kind, 0x010F, 0xAA55)
        + comment.encode()
        + b"\0"
    )
    head = bytes.fromhex("1102 0001 0a000001 008a 0000 0000")
    return head + encoded(name, 0x20) + encoded("PLANT", 0x1D) + b"\xffSMB\x25" + b"\\MAILSLOT\\BROWSE\0" + browser


def test_who_registers_a_netbios_name_has_it() -> None:
    trial = Trial(NetbiosNames, port=137)
    trial.say(registration("HMI-4", 0x00, is_group=False))
    trial.say(registration("PLANT", 0x00, is_group=True))
    assert told(trial, "10.0.0.1") == {(Attribute.NAME, "HMI-4"), (Attribute.DOMAIN, "PLANT")}


def test_a_netbios_status_tells_names_workgroup_and_mac_address() -> None:
    trial = Trial(NetbiosNames, port=137)
    trial.answer(status([("SRV", 0x20, 0x0400), ("PLANT", 0x00, 0x8400), ("SRV", 0x03, 0x0400)], "00:0c:29:01:02:03"))
    assert told(trial, "10.0.0.2") == {
        (Attribute.NAME, "SRV"),
        (Attribute.DOMAIN, "PLANT"),
        (Attribute.MAC, "00:0c:29:01:02:03"),
    }


def test_who_only_asks_for_a_netbios_name_is_not_called_so() -> None:
    trial = Trial(NetbiosNames, port=137)
    trial.say(struct.pack(">HHHHHH", 7, 0x0110, 1, 0, 0, 0) + encoded("OTHER", 0x20) + struct.pack(">HH", 0x20, 1))
    assert not trial.sink.evidence


@pytest.mark.parametrize(
    ("major", "minor", "kind", "expected"),
    [
        (5, 1, 0x1003, (Attribute.OPERATING_SYSTEM, "Windows XP (5.1)")),
        (4, 9, 0x9A03, (Attribute.SOFTWARE, "Samba")),
    ],
    ids=["Windows", "Samba"],
)
def test_a_browser_announcement_tells_name_and_system(
    major: int, minor: int, kind: int, expected: tuple[Attribute, str]
) -> None:
    trial = Trial(NetbiosDatagrams, port=138)
    trial.say(announcement("HMI-4", major, minor, kind, "Line 4"))
    found = told(trial, "10.0.0.1")
    assert {(Attribute.NAME, "HMI-4"), (Attribute.DESCRIPTION, "Line 4"), expected} <= found


def test_a_camera_says_over_ws_discovery_what_it_is() -> None:
    trial = Trial(WsDiscovery, port=3702)
    trial.answer(
        b'<s:Envelope xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><d:ProbeMatches><d:ProbeMatch>'
        b"<d:Types>dn:NetworkVideoTransmitter tds:Device</d:Types><d:Scopes>onvif://www.onvif.org/type/ptz "
        b"onvif://www.onvif.org/hardware/DS-2CD2032-I onvif://www.onvif.org/name/Gate%20North "
        b"onvif://www.onvif.org/location/country/china onvif://www.onvif.org/MAC/44:19:B6:00:11:22</d:Scopes>"
    )
    found = told(trial, "10.0.0.2")
    assert {
        (Attribute.FINGERPRINT, "wsd:NetworkVideoTransmitter"),
        (Attribute.MODEL, "DS-2CD2032-I"),
        (Attribute.NAME, "Gate North"),
        (Attribute.MAC, "44:19:b6:00:11:22"),
    } <= found


def test_who_looks_for_cameras_is_none() -> None:
    trial = Trial(WsDiscovery, port=3702)
    trial.say(
        b'<e:Envelope xmlns:w="http://schemas.xmlsoap.org/ws/2005/04/discovery"><w:Probe>'
        b"<w:Types>dn:NetworkVideoTransmitter</w:Types></w:Probe>"
    )
    assert not trial.sink.evidence


def hidden(content: bytes) -> bytes:
    key, found = 171, bytearray()
    for byte in content:
        key ^= byte
        found.append(key)
    return bytes(found)


@pytest.mark.parametrize("is_stream", [True, False], ids=["TCP", "UDP"])
def test_a_plug_says_model_name_and_firmware(is_stream: bool) -> None:  # noqa: FBT001 - a parameter
    facts = {
        "model": "HS110(EU)", "alias": "Fan", "sw_ver": "1.2.5", "hw_ver": "1.0", "mac": "50:C7:BF:00:FC:A3",
        "type": "IOT.SMARTPLUGSWITCH", "relay_state": 1,
    }  # fmt: skip
    said = hidden(json.dumps({"system": {"get_sysinfo": facts}}).encode())
    trial = Trial(Kasa, port=9999, as_datagrams=not is_stream)
    trial.answer(struct.pack(">I", len(said)) + said if is_stream else said)
    assert told(trial, "10.0.0.2") == {
        (Attribute.VENDOR, "TP-Link"),
        (Attribute.MODEL, "HS110(EU)"),
        (Attribute.NAME, "Fan"),
        (Attribute.FIRMWARE, "1.2.5"),
        (Attribute.HARDWARE, "1.0"),
        (Attribute.DEVICE_TYPE, "IOT.SMARTPLUGSWITCH"),
        (Attribute.MAC, "50:c7:bf:00:fc:a3"),
    }


@given(st.binary(max_size=200))
def test_what_was_hidden_becomes_clear(content: bytes) -> None:
    assert clear(hidden(content)) == content


def _kasa(content: bytes) -> None:
    torture(Kasa, struct.pack(">I", len(content)) + hidden(content))


@pytest.mark.parametrize(
    "read",
    [
        lambda data: torture(NetbiosNames, data, as_datagrams=True),
        lambda data: torture(NetbiosDatagrams, data, as_datagrams=True),
        lambda data: torture(WsDiscovery, data, as_datagrams=True),
        _kasa,
    ],
    ids=["names", "datagrams", "ws-discovery", "kasa"],
)
@given(data=st.binary(max_size=200), at=st.integers(0, 60))
def test_hostile_announcements_are_read_or_refused(read: Callable[[bytes], None], data: bytes, at: int) -> None:
    read(data)
    read(registration("A", 0, is_group=False)[:at] + data)
    read(b"ProbeMatch <Scopes>onvif://www.onvif.org/" + data + b"</Scopes>")


def test_each_of_them_is_in_the_catalogue() -> None:
    read = {protocol.dissector for protocol in PROTOCOLS}
    assert {NetbiosNames, NetbiosDatagrams, WsDiscovery, Kasa} <= read
