from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor import AnomalyKind, Attribute, Direction, OpKind
from vedette.sensor.dissect import NO, SURE, WEAK, Trial, fins, torture
from vedette.sensor.dissect.fins import Fins


def frame(command: int, content: bytes = b"", *, sid: int = 1, is_answer: bool = False) -> bytes:
    ends = (0, 2, 0, 0, 1, 0) if is_answer else (0, 1, 0, 0, 2, 0)
    return struct.pack(">10BH", 0xC0 if is_answer else 0x80, 0, 2, *ends, sid, command) + content


def over_tcp(content: bytes, command: int = 2, error: int = 0) -> bytes:
    return b"FINS" + struct.pack(">III", len(content) + 8, command, error) + content


def datagrams() -> Trial:
    return Trial(Fins, port=9600, as_datagrams=True)


def test_words_are_read_and_their_values_come_back() -> None:
    trial = datagrams()
    trial.say(frame(0x0101, bytes.fromhex("82 0064 00 0002")))
    trial.answer(frame(0x0101, bytes.fromhex("0000 1234 0001"), is_answer=True))
    asked, answered = trial.sink.operations
    assert (asked.service, asked.kind, asked.area, asked.first, asked.count) == (
        "memory_area_read", OpKind.READ, "data_memory", 100, 2,
    )  # fmt: skip
    assert (asked.unit, asked.direction) == ("0.1.0", Direction.REQUEST)
    assert (answered.value, answered.result, answered.latency_ns, answered.first) == ((0x1234, 1), "ok", 1_000_000, 100)
    assert answered.unit == asked.unit


def test_a_bit_is_written_by_its_place() -> None:
    trial = datagrams()
    trial.say(frame(0x0102, bytes.fromhex("30 0005 07 0001 01")))
    (op,) = trial.sink.operations
    assert (op.kind, op.area, op.name, op.value) == (OpKind.WRITE, "cio", "5.07", (1,))


def test_a_fill_has_one_value_for_many_words() -> None:
    trial = datagrams()
    trial.say(frame(0x0103, bytes.fromhex("82 0000 00 0100 ffff")))
    (op,) = trial.sink.operations
    assert (op.count, op.value) == (256, (0xFFFF,))


@pytest.mark.parametrize(
    ("command", "content", "kind", "area", "name"),
    [
        (0x0401, b"\xff\xff\x04", OpKind.CONTROL, "run", "run"),
        (0x0401, b"\xff\xff\x02", OpKind.CONTROL, "run", "monitor"),
        (0x0402, b"", OpKind.CONTROL, "stop", ""),
        (0x0306, bytes(8), OpKind.PROGRAM, "upload", ""),
        (0x0307, bytes(8), OpKind.PROGRAM, "download", ""),
        (0x2301, bytes(8), OpKind.WRITE, "forces", ""),
    ],
)
def test_what_stops_and_programs_is_told_apart(
    command: int, content: bytes, kind: OpKind, area: str, name: str
) -> None:
    trial = datagrams()
    trial.say(frame(command, content))
    (op,) = trial.sink.operations
    assert (op.kind, op.area, op.name) == (kind, area, name)
    roles = [each.value for each in trial.sink.evidence if each.attribute is Attribute.ROLE]
    assert roles == (["engineering_station"] if kind is not OpKind.WRITE else [])


def test_a_controller_tells_what_it_is_and_what_it_does() -> None:
    trial = datagrams()
    trial.say(frame(0x0501, b"\0"))
    trial.answer(frame(0x0501, b"\0\0" + b"CJ2M-CPU33".ljust(20) + b"02.01".ljust(20, b"\0"), is_answer=True))
    trial.say(frame(0x0601, sid=2))
    trial.answer(frame(0x0601, b"\0\0\1\4" + bytes(20), sid=2, is_answer=True))
    told = {each.attribute: each.value for each in trial.sink.evidence}
    assert told == {
        Attribute.VENDOR: "OMRON", Attribute.MODEL: "CJ2M-CPU33", Attribute.FIRMWARE: "02.01",
        Attribute.ROLE: "controller", Attribute.MODE: "run",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("code", "result"),
    [(0x1103, "address_range_error"), (0x9143, "address_range_error"), (0x0040, "ok"), (0x7F01, "end_code_7f01")],
)
def test_end_codes_have_names(code: int, result: str) -> None:
    trial = datagrams()
    trial.say(frame(0x0102, bytes.fromhex("82 ffff 00 0001 0000")))
    trial.answer(frame(0x0102, code.to_bytes(2, "big"), is_answer=True))
    assert trial.sink.operations[1].result == result


def test_tcp_begins_with_addresses_and_carries_frames() -> None:
    trial = Trial(Fins, port=9600)
    trial.say(over_tcp(bytes(4), 0))
    trial.answer(over_tcp(bytes(8), 1))
    trial.say(over_tcp(frame(0x0402)))
    trial.answer(over_tcp(b"", 3, 0x21))
    assert [(op.service, op.result) for op in trial.sink.operations] == [
        ("node_address_request", ""), ("node_address_response", "ok"), ("stop", ""), ("error_notification", "error_33"),
    ]  # fmt: skip


def test_what_is_not_in_order_is_noted() -> None:
    trial = datagrams()
    trial.say(frame(0x7777))
    trial.say(frame(0x0102, bytes.fromhex("82 0000 00 0004 0001"), sid=2))
    trial.say(frame(0x0101, bytes.fromhex("82 0000 00 0004"), sid=3))
    trial.answer(frame(0x0402, b"\0\0", sid=3, is_answer=True))
    trial.say(b"\x9e" + frame(0x0402)[1:])
    assert [each.kind for each in trial.sink.anomalies] == [
        AnomalyKind.ILLEGAL_FUNCTION, AnomalyKind.MALFORMED, AnomalyKind.UNEXPECTED_RESPONSE, AnomalyKind.MALFORMED,
    ]  # fmt: skip


def test_checks() -> None:
    assert fins.check(over_tcp(bytes(4), 0), True) == SURE
    assert fins.check(b"FINISHED, thank you", True) == NO
    assert fins.check_frame(frame(0x0101, bytes(6)), True) == WEAK
    assert fins.check_frame(frame(0x7777), True) == NO


@given(st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=6), st.integers(1, 11))
def test_however_a_stream_is_cut_the_operations_are_the_same(words: list[int], size: int) -> None:
    stream = b"".join(
        over_tcp(frame(0x0101, struct.pack(">BHBH", 0x82, word, 0, 1), sid=number)) for number, word in enumerate(words)
    )
    trial = Trial(Fins)
    for start in range(0, len(stream), size):
        trial.say(stream[start : start + size])
    assert [op.first for op in trial.sink.operations] == words


@given(st.binary(max_size=200), st.sampled_from([0x0101, 0x0102, 0x0104, 0x0401, 0x0501]))
def test_hostile_content_raises_nothing(data: bytes, command: int) -> None:
    torture(Fins, frame(command, data), as_datagrams=True)
    torture(Fins, frame(command, data, is_answer=True), as_datagrams=True)
