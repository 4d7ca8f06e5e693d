"""NTP, ICMP and neighbour discovery."""

from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor import AnomalyKind, Attribute, Direction, OpKind
from vedette.sensor.dissect import NO, SURE, WEAK, Trial, ntp, torture
from vedette.sensor.dissect.icmp import Icmp, Icmp6
from vedette.sensor.dissect.ntp import Ntp


def time(mode: int, *, version: int = 4, stratum: int = 2, reference: bytes = b"\x0a\0\0\x07") -> bytes:
    return struct.pack(">BBbbII4s", version << 3 | mode, stratum, 6, -20, 65_536, 32_768, reference) + bytes(32)


def kinds(trial: Trial) -> list[AnomalyKind]:
    return [each.kind for each in trial.sink.anomalies]


def test_ntp_asks_and_answers() -> None:
    trial = Trial(Ntp, port=123)
    trial.say(time(3))
    trial.answer(time(4))
    asked, answered = trial.sink.operations
    assert (asked.service, answered.service, answered.first, answered.latency_ns) == ("client", "server", 2, 1_000_000)
    assert answered.detail is not None
    assert answered.detail["ref_id"] == "10.0.0.7"
    assert answered.detail["root_delay"] == 1.0
    assert {(piece.address, piece.value) for piece in trial.sink.evidence} == {("10.0.0.2", "server")}


def test_a_primary_clock_has_a_name() -> None:
    trial = Trial(Ntp)
    trial.answer(time(4, stratum=1, reference=b"GPS\0"))
    detail = trial.sink.operations[0].detail
    assert detail is not None
    assert detail["ref_id"] == "GPS"


@pytest.mark.parametrize(
    ("message", "count"),
    [(time(3, stratum=16), 0), (time(3, stratum=17), 1), (time(3, version=5), 1), (time(0), 1), (time(3)[:47], 1)],
)
def test_what_the_standard_forbids_is_noted(message: bytes, count: int) -> None:
    trial = Trial(Ntp)
    trial.say(message)
    assert len(kinds(trial)) == count


def test_queries_that_flood_have_a_name() -> None:
    trial = Trial(Ntp)
    trial.say(bytes((0x17, 0, 3, 42)) + bytes(4))
    trial.say(bytes((0x16, 2)) + bytes(10))
    assert [(op.service, op.kind) for op in trial.sink.operations] == [
        ("monlist", OpKind.DIAGNOSE),
        ("control", OpKind.DIAGNOSE),
    ]


def test_the_check_knows_lengths_and_modes() -> None:
    assert ntp.check(time(3), True) == ntp.check(time(4), False) == SURE
    assert ntp.check(time(3) + bytes(12), True) == WEAK
    assert ntp.check(time(3), False) == ntp.check(time(3)[:40], True) == NO


def echo(code: int, sequence: int) -> bytes:
    return struct.pack(">BBHHH", code, 0, 0, 1, sequence) + bytes(32)


def test_an_echo_is_answered() -> None:
    trial = Trial(Icmp)
    trial.say(echo(8, 7))
    trial.answer(echo(0, 7))
    trial.answer(echo(0, 9))
    assert [(op.service, op.direction, op.transaction, op.latency_ns) for op in trial.sink.operations] == [
        ("echo_request", Direction.REQUEST, 7, None),
        ("echo_reply", Direction.RESPONSE, 7, 1_000_000),
        ("echo_reply", Direction.RESPONSE, 9, None),
    ]


def test_a_redirect_names_the_way_it_wants() -> None:
    trial = Trial(Icmp)
    trial.answer(b"\5\1\0\0" + socket.inet_aton("10.0.0.66") + bytes(28))
    (op,) = trial.sink.operations
    assert (op.service, op.kind, op.name) == ("redirect", OpKind.CONTROL, "10.0.0.66")


def test_types_that_nobody_defined_are_noted() -> None:
    for dissector, code in ((Icmp, 99), (Icmp6, 50)):
        trial = Trial(dissector)
        trial.say(bytes((code, 0)) + bytes(6))
        assert kinds(trial) == [AnomalyKind.ILLEGAL_FUNCTION]


TARGET = socket.inet_pton(socket.AF_INET6, "fe80::7")
LINK = b"\2\1" + bytes.fromhex("020000000077")


def test_a_neighbour_binds_its_address() -> None:
    trial = Trial(Icmp6)
    trial.answer(b"\x88\0\0\0\xe0\0\0\0" + TARGET + LINK)
    assert {(piece.address, piece.attribute, piece.value) for piece in trial.sink.evidence} == {
        ("fe80::7", Attribute.MAC, "02:00:00:00:00:77"),
        ("fe80::7", Attribute.ROLE, "router"),
    }
    assert trial.sink.operations[0].name == "fe80::7"


def test_a_router_that_offers_a_way_out_is_one() -> None:
    trial = Trial(Icmp6)
    trial.answer(b"\x86\0\0\0\x40\0\x07\x08" + bytes(8) + b"\1" + LINK[1:])
    assert {piece.attribute for piece in trial.sink.evidence} == {Attribute.MAC, Attribute.ROLE}
    other = Trial(Icmp6)
    other.answer(b"\x86\0\0\0\x40\0\0\0" + bytes(8))
    assert not other.sink.evidence


@pytest.mark.parametrize("message", [b"\x87\0\0\0" + bytes(10), b"\x87" + bytes(23) + b"\1\0", b"\x86" + bytes(9)])
def test_neighbours_that_break_off_are_malformed(message: bytes) -> None:
    trial = Trial(Icmp6)
    trial.say(message)
    assert kinds(trial) == [AnomalyKind.MALFORMED]


@given(st.binary(max_size=100))
def test_hostile_bytes_are_survived(content: bytes) -> None:
    torture(Ntp, content)
    torture(Icmp, content)
    for code in (134, 135, 136):
        torture(Icmp6, bytes((code,)) + content)
