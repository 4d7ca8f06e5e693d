from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor import AnomalyKind, Attribute, Direction, OpKind
from vedette.sensor.dissect import NO, SURE, WEAK, Trial, srtp, torture
from vedette.sensor.dissect.srtp import Srtp


def message(kind: int, body: bytes, *, sort: int = 0xC0, number: int = 1, text: bytes = b"", start: int = 42) -> bytes:
    head = bytearray(56)
    struct.pack_into("<HHH", head, 0, kind, number, len(text))
    head[30], head[31] = number, sort
    head[start : start + len(body)] = body
    return bytes(head[:56]) + text


def ask(service: int, rest: bytes = b"", *, number: int = 1) -> bytes:
    return message(2, bytes((service,)) + rest, number=number)


def place(segment: int, first: int, count: int) -> bytes:
    return struct.pack("<BHH", segment, first, count)


def test_registers_are_read_in_the_header_or_behind_it() -> None:
    trial = Trial(Srtp, port=18_245)
    trial.say(ask(0x04, place(0x08, 9, 2)))
    trial.answer(message(3, b"\0\0" + struct.pack("<HH", 7, 0x1234), sort=0xD4))
    trial.say(ask(0x04, place(0x08, 0, 5), number=2))
    trial.answer(message(3, b"", sort=0x94, number=2, text=struct.pack("<5H", 1, 2, 3, 4, 5)))
    asked, short, _, long = trial.sink.operations
    assert (asked.service, asked.kind, asked.area, asked.first, asked.count, asked.name) == (
        "read_system_memory", OpKind.READ, "R", 9, 2, "R10",
    )  # fmt: skip
    assert (short.value, short.result, short.latency_ns) == ((7, 0x1234), "ok", 1_000_000)
    assert (long.direction, long.value) == (Direction.RESPONSE, (1, 2, 3, 4, 5))


def test_a_long_write_has_its_service_further_on() -> None:
    trial = Trial(Srtp)
    trial.say(message(2, b"\7" + place(0x0C, 0, 4), sort=0x80, start=50, text=bytes(range(8))))
    (op,) = trial.sink.operations
    assert (op.service, op.kind, op.name, op.value) == ("write_system_memory", OpKind.WRITE, "AQ1", bytes(range(8)))


@pytest.mark.parametrize(
    ("service", "rest", "kind", "area"),
    [
        (0x23, b"\2", OpKind.CONTROL, "stop"),
        (0x23, b"\0", OpKind.CONTROL, "run"),
        (0x3F, b"", OpKind.PROGRAM, "upload"),
        (0x40, b"", OpKind.PROGRAM, "download"),
        (0x44, bytes(5), OpKind.WRITE, "forces"),
        (0x20, b"", OpKind.SESSION, "programmer"),
    ],
)
def test_what_stops_and_programs_is_told_apart(service: int, rest: bytes, kind: OpKind, area: str) -> None:
    trial = Trial(Srtp)
    trial.say(ask(service, rest))
    (op,) = trial.sink.operations
    assert (op.kind, op.area) == (kind, area)
    assert bool(trial.sink.evidence) is (kind in {OpKind.CONTROL, OpKind.PROGRAM})


def test_connections_errors_and_what_answers() -> None:
    trial = Trial(Srtp)
    trial.say(bytes(56))
    trial.answer(b"\1" + bytes(55))
    trial.say(ask(0x43))
    trial.answer(message(3, b"\0\0PLC1", sort=0xD4))
    trial.say(ask(0x07, place(0x08, 0, 1), number=2))
    trial.answer(message(3, b"\5\1", sort=0xD1, number=2))
    results = [(op.service, op.result) for op in trial.sink.operations]
    assert results[:2] == [("connect", ""), ("connect", "ok")]
    assert results[-1] == ("write_system_memory", "error_05_01")
    assert {each.attribute: each.value for each in trial.sink.evidence} == {
        Attribute.NAME: "PLC1", Attribute.VENDOR: "GE", Attribute.ROLE: "controller",
    }  # fmt: skip


def test_what_is_not_in_order_is_noted() -> None:
    trial = Trial(Srtp)
    trial.say(ask(0x77))
    trial.answer(message(3, b"", sort=0xD4, number=9))
    trial.say(message(2, b"", sort=0x11))
    assert [each.kind for each in trial.sink.anomalies] == [
        AnomalyKind.ILLEGAL_FUNCTION, AnomalyKind.UNEXPECTED_RESPONSE, AnomalyKind.ILLEGAL_FUNCTION,
    ]  # fmt: skip


def test_checks() -> None:
    assert srtp.check(ask(0x04, place(0x08, 0, 1)), True) == SURE
    assert srtp.check(bytes(56), True) == WEAK
    assert srtp.check(bytes(55), True) == NO
    assert srtp.check(ask(0x04) + b"\0", True) == NO


@given(st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=6), st.integers(1, 23))
def test_however_a_stream_is_cut_the_operations_are_the_same(firsts: list[int], size: int) -> None:
    stream = b"".join(ask(0x04, place(0x08, first, 1), number=number) for number, first in enumerate(firsts))
    trial = Trial(Srtp)
    for start in range(0, len(stream), size):
        trial.say(stream[start : start + size])
    assert [op.first for op in trial.sink.operations] == firsts


@given(st.binary(max_size=60), st.sampled_from([0xC0, 0x80, 0xD4, 0x94, 0xD1]), st.integers(2, 3))
def test_hostile_content_raises_nothing(data: bytes, sort: int, kind: int) -> None:
    torture(Srtp, message(kind, data[:14], sort=sort, text=data))
