"""Protocols of offices that are told by name alone, and bytes that industrial protocols must leave to them."""

from __future__ import annotations

import struct

import packets as build
import pytest

from vedette.sensor import Flow
from vedette.sensor.dissect import NO, SURE, WEAK, modbus
from vedette.sensor.dissect import it_identified as check
from vedette.sensor.engine import Engine
from vedette.sensor.listener import Listener

# As Windows writes it: every length takes four bytes.
SEARCH = bytes.fromhex("30840000002d 020103 638400000024") + b"\x04\x00" + bytes(34)
BIND = bytes.fromhex("300c 020101 6007 020103 0400 8000")
ASSOCIATE = struct.pack(">BBI", 1, 0, 205) + struct.pack(">H", 1) + bytes(203)


class Closed(Listener):
    def __init__(self) -> None:
        self.flows: list[Flow] = []

    def flow_closed(self, flow: Flow) -> None:
        self.flows.append(flow)


@pytest.mark.parametrize(
    ("function", "payload", "is_from_client", "verdict"),
    [
        (check.ldap, SEARCH, True, SURE),
        (check.ldap, BIND, True, SURE),
        (check.ldap, bytes.fromhex("302902010104067075626c6963"), True, NO),
        (check.kerberos, bytes.fromhex("6a81e1 3081de"), True, SURE),
        (check.kerberos, bytes.fromhex("6a81e1 0281de"), True, NO),
        (check.kerberos_tcp, bytes.fromhex("00000007 6a050000000030"), True, NO),
        (check.kerberos_tcp, bytes.fromhex("00000007 6a053003000000"), True, SURE),
        (check.netbios_names, bytes(12) + b"\x20" + b"CA" * 16 + b"\0" + bytes.fromhex("00200001"), True, SURE),
        (check.netbios_names, bytes(60), True, NO),
        (check.netbios_datagrams, bytes.fromhex("110a 1234 0a000001 008a") + bytes(60), True, SURE),
        (check.sip, b"OPTIONS sip:a@b SIP/2.0\r\nVia: x\r\n\r\n", True, SURE),
        (check.sip, b"SIP/2.0 200 OK\r\n", False, SURE),
        (check.sip, b"ACK nothing of the kind\r\n", True, NO),
        (check.syslog, b"<34>Oct 11 22:14:15 pump su: failed", True, WEAK),
        (check.syslog, b"<999>x", True, NO),
        (check.stun, bytes.fromhex("0001 0000 2112a442") + bytes(12), True, SURE),
        (check.quic, bytes.fromhex("c0 00000001 08") + bytes(8) + b"\0" + bytes(40), True, SURE),
        (check.quic, b"\x0d" + bytes(8) + b"Q046" + bytes(60), True, SURE),
        (check.quic, bytes.fromhex("c0 12345678 08") + bytes(60), True, NO),
        (check.dtls, bytes.fromhex("16 feff 0000 000000000000 0004 00000000"), True, SURE),
        (check.dtls, bytes.fromhex("16 feff 0000 000000000000 0009 00000000"), True, NO),
        (check.radius, bytes.fromhex("01 01 0014") + bytes(16), True, WEAK),
        (check.tds, bytes.fromhex("12 01 000a 0000 0000 0000"), True, WEAK),
        (check.postgresql, bytes.fromhex("00000008 00030000"), True, WEAK),
        (check.postgresql, b"R\0\0\0\x08\0\0\0\0", False, WEAK),
        (check.mysql, bytes.fromhex("02000000 0a35"), False, WEAK),
        (check.ike, bytes(8) + b"\1" * 8 + bytes.fromhex("21 20 22 08 00000000 0000001c"), True, NO),
        (check.ike, b"\1" * 16 + bytes.fromhex("21 20 22 08 00000000 0000001c"), True, WEAK),
        (check.slp, bytes.fromhex("02 01 000010") + bytes(11), True, WEAK),
        (check.rpc, struct.pack(">6I", 7, 0, 2, 100_000, 2, 3), True, SURE),
        (check.rpc, struct.pack(">3I", 7, 1, 0), False, WEAK),
        (check.rpc_tcp, struct.pack(">7I", 0x80000018, 7, 0, 2, 100_003, 3, 0), True, SURE),
        (check.dce_rpc, bytes.fromhex("05000b03 10000000 1800 0000 01000000") + bytes(8), True, SURE),
        (check.dce_rpc, bytes.fromhex("05000b03 10000000 9900 0000 01000000"), True, NO),
        (check.rtps, b"RTPS" + bytes.fromhex("0201 0101") + bytes(12), True, SURE),
        (check.tuya, bytes.fromhex("000055aa") + bytes(16) + bytes.fromhex("0000aa55"), True, SURE),
        (check.kasa, b"\xd0\xf2" + bytes(20), True, SURE),
        (check.kasa_tcp, struct.pack(">I", 22) + b"\xd0\xf2" + bytes(20), True, SURE),
        (check.bittorrent, b"\x13BitTorrent protocol" + bytes(48), True, SURE),
        (check.socks, b"\5\1\0", True, WEAK),
        (check.socks, b"\5\0", False, WEAK),
        (check.greeting(b"220 ", says=(b"EHLO",)), b"220 mail", False, WEAK),
        (check.greeting(b"220 ", says=(b"EHLO",)), b"GET /", True, NO),
    ],
)
def test_what_is_theirs_is_recognised(function: object, payload: bytes, *, is_from_client: bool, verdict: int) -> None:
    assert callable(function)
    assert function(payload, is_from_client) == verdict


@pytest.mark.parametrize("payload", [SEARCH, ASSOCIATE], ids=["ldap", "dicom"])
def test_a_length_in_the_same_place_makes_no_modbus(payload: bytes) -> None:
    assert modbus.check(payload, True) != SURE


@pytest.mark.parametrize(
    "data",
    [
        "03 0001 0002", "03 04 0005 0006", "83 02", "10 0001 0001 02 1234", "10 0001 0001", "2b 0e 01 00",
        "11", "0f 0000 0008 01 ff",
    ],
)  # fmt: skip
def test_modbus_is_known_on_any_port_by_the_length_of_its_functions(data: str) -> None:
    unit = b"\1" + bytes.fromhex(data)
    assert modbus.check(struct.pack(">HHH", 9, 0, len(unit)) + unit, True) == SURE


def test_ldap_on_its_port_is_named_ldap() -> None:
    talk = build.Talk(389).open().say(SEARCH).answer(SEARCH[:2] + SEARCH[2:9] + b"\x65" + SEARCH[10:])
    heard = Closed()
    engine = Engine([heard])
    engine.read(build.packets(talk.frames))
    engine.finish()
    assert [(flow.protocol, flow.certainty) for flow in heard.flows] == [("ldap", "confirmed")]
