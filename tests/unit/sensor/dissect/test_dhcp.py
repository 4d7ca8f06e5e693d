from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor import AnomalyKind, Attribute, Direction
from vedette.sensor.dissect import NO, SURE, Trial, dhcp, dhcp6, torture
from vedette.sensor.dissect.dhcp import Dhcp
from vedette.sensor.dissect.dhcp6 import Dhcp6

NOWHERE = "0.0.0.0"  # noqa: S104
MAC = "02:00:00:00:00:11"


def option(code: int, content: bytes) -> bytes:
    return bytes((code, len(content))) + content


def message(kind: int, *options: bytes, operation: int = 1, held: str = NOWHERE, given: str = NOWHERE) -> bytes:
    head = struct.pack(">BBBBIHH", operation, 1, 6, 0, 0xCAFE, 0, 0)
    addresses = socket.inet_aton(held) + socket.inet_aton(given) + bytes(8)
    hardware = bytes.fromhex(MAC.replace(":", "")).ljust(16, b"\0")
    tail = option(53, bytes((kind,))) + b"".join(options) + b"\xff"
    return (head + addresses + hardware + bytes(192) + b"\x63\x82\x53\x63" + tail).ljust(300, b"\0")


DISCOVER = message(
    1,
    option(12, b"EWS-01"),
    option(60, b"MSFT 5.0"),
    option(55, bytes((1, 3, 6, 15))),
    option(50, socket.inet_aton("10.0.0.50")),
)
ACK = message(
    5,
    option(54, socket.inet_aton("10.0.0.2")),
    option(51, struct.pack(">I", 3600)),
    option(3, socket.inet_aton("10.0.0.254")),
    option(15, b"plant.example"),
    operation=2,
    given="10.0.0.50",
)


def test_who_asks_tells_its_name_maker_and_habits() -> None:
    trial = Trial(Dhcp)
    trial.say(DISCOVER)
    assert {(piece.address, piece.attribute, piece.value) for piece in trial.sink.evidence} == {
        (MAC, Attribute.NAME, "EWS-01"),
        (MAC, Attribute.FINGERPRINT, "dhcp_vendor:MSFT 5.0"),
        (MAC, Attribute.FINGERPRINT, "dhcp:1,3,6,15"),
        (MAC, Attribute.OPERATING_SYSTEM, "Windows"),
    }
    (op,) = trial.sink.operations
    assert (op.service, op.unit, op.name, op.value, op.direction) == (
        "discover", MAC, "EWS-01", "10.0.0.50", Direction.REQUEST,
    )  # fmt: skip


def test_a_lease_binds_its_address() -> None:
    trial = Trial(Dhcp)
    trial.say(message(3))
    trial.answer(ACK)
    told = {(piece.address, piece.attribute, piece.value) for piece in trial.sink.evidence}
    assert told >= {
        ("10.0.0.50", Attribute.MAC, MAC),
        ("10.0.0.254", Attribute.ROLE, "router"),
        ("10.0.0.50", Attribute.DOMAIN, "plant.example"),
        ("10.0.0.2", Attribute.ROLE, "server"),
    }
    op = trial.sink.operations[1]
    assert (op.service, op.count, op.value, op.result, op.latency_ns) == ("ack", 3600, "10.0.0.50", "ok", 1_000_000)
    assert op.detail is not None
    assert op.detail["assigned_addr"] == "10.0.0.50"
    assert op.detail["lease_time"] == 3600.0


@pytest.mark.parametrize(
    ("full", "expected"), [(b"\0\0\0hmi.example", "hmi.example"), (b"\4\0\0\3hmi\7example\0", "hmi.example")]
)
def test_a_fully_qualified_name_goes_first(full: bytes, expected: str) -> None:
    trial = Trial(Dhcp)
    trial.say(message(3, option(12, b"hmi"), option(81, full)))
    assert trial.sink.operations[0].name == expected


def test_a_client_that_offers_is_noted() -> None:
    trial = Trial(Dhcp)
    trial.say(message(2, operation=1))
    assert [each.kind for each in trial.sink.anomalies] == [AnomalyKind.WRONG_DIRECTION]


def test_a_refusal_is_an_error() -> None:
    trial = Trial(Dhcp)
    trial.answer(message(6, option(56, b"not yours"), operation=2))
    assert trial.sink.operations[0].result == "error"


def test_an_option_beyond_the_end_is_malformed() -> None:
    trial = Trial(Dhcp)
    trial.say(message(1)[:240] + b"\x35\x01\x01\x0c\xf0abc")
    assert [each.kind for each in trial.sink.anomalies] == [AnomalyKind.MALFORMED]


def option6(code: int, content: bytes) -> bytes:
    return struct.pack(">HH", code, len(content)) + content


DUID = option6(1, b"\0\1\0\1\x12\x34\x56\x78" + bytes.fromhex("020000000011"))
SOLICIT = (
    b"\1\0\0\7" + DUID + option6(6, b"\0\x17\0\x18") + option6(39, b"\0\3hmi\0") +
    option6(16, struct.pack(">IH", 311, 8) + b"MSFT 5.0")
)  # fmt: skip
LEASE = option6(5, socket.inet_pton(socket.AF_INET6, "fd00::50") + struct.pack(">II", 1, 2))
REPLY6 = b"\7\0\0\7" + DUID + option6(3, bytes(12) + LEASE)


def test_dhcpv6_tells_the_same() -> None:
    trial = Trial(Dhcp6)
    trial.say(SOLICIT)
    trial.answer(REPLY6)
    assert {(piece.attribute, piece.value) for piece in trial.sink.evidence} >= {
        (Attribute.NAME, "hmi"),
        (Attribute.FINGERPRINT, "dhcpv6:23,24"),
        (Attribute.OPERATING_SYSTEM, "Windows"),
    }
    asked, answered = trial.sink.operations
    assert (asked.service, asked.unit) == ("solicit", MAC)
    assert (answered.service, answered.value, answered.result) == ("reply", "fd00::50", "ok")


def test_a_relayed_message_is_its_clients() -> None:
    trial = Trial(Dhcp6)
    envelope = b"\x0c\0" + bytes(16) + socket.inet_pton(socket.AF_INET6, "fe80::5")
    trial.say(envelope + option6(9, SOLICIT))
    assert trial.sink.operations[0].service == "solicit"
    assert {piece.address for piece in trial.sink.evidence} == {"fe80::5"}


def test_refusals_of_dhcpv6_have_names() -> None:
    trial = Trial(Dhcp6)
    trial.answer(b"\7\0\0\7" + DUID + option6(3, bytes(12) + option6(13, b"\0\2none")))
    assert trial.sink.operations[0].result == "no_addrs_avail"


def test_checks_know_their_own() -> None:
    assert dhcp.check(DISCOVER, True) == dhcp6.check(SOLICIT, True) == SURE
    assert dhcp.check(SOLICIT.ljust(300), True) == dhcp6.check(b"\x63" + SOLICIT, True) == NO


@given(st.binary(max_size=200))
def test_hostile_bytes_are_survived(content: bytes) -> None:
    torture(Dhcp, DISCOVER[:240] + content)
    torture(Dhcp6, SOLICIT[:4] + content)
    torture(Dhcp6, b"\x0c\0" + bytes(32) + option6(9, content))


@pytest.mark.parametrize(
    ("asked", "system"),
    [
        ((1, 3, 6, 15, 31, 33, 43, 44, 46, 47, 119, 121, 249, 252), "Windows"),
        ((1, 121, 3, 6, 15, 108, 114, 119, 252), "Apple iOS"),
        ((1, 3, 6, 15, 26, 28, 51, 58, 59, 43), "Android"),
    ],
)
def test_what_a_system_asks_for_hints_at_it(asked: tuple[int, ...], system: str) -> None:
    trial = Trial(Dhcp)
    trial.say(message(1, option(55, bytes(asked))))
    (found,) = [piece for piece in trial.sink.evidence if piece.attribute is Attribute.OPERATING_SYSTEM]
    assert (found.value, found.source) == (system, "dhcp options")
    assert found.confidence < 50
