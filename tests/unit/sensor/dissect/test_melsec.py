from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor import AnomalyKind, Attribute, Direction, OpKind
from vedette.sensor.dissect import NO, SURE, WEAK, Trial, melsec, torture
from vedette.sensor.dissect.melsec import Melsec


def frame(content: bytes, *, is_answer: bool = False, serial: int | None = None, station: int = 0xFF) -> bytes:
    mark = {(False, False): 0x50, (True, False): 0xD0, (False, True): 0x54, (True, True): 0xD4}
    head = bytes((mark[is_answer, serial is not None], 0))
    if serial is not None:
        head += struct.pack("<HH", serial, 0)
    return head + struct.pack("<BBHBH", 0, station, 0x3FF, 0, len(content)) + content


def ask(command: int, content: bytes = b"", sub: int = 0, *, serial: int | None = None) -> bytes:
    return frame(struct.pack("<HHH", 16, command, sub) + content, serial=serial)


def answer(content: bytes = b"", code: int = 0, *, serial: int | None = None) -> bytes:
    return frame(struct.pack("<H", code) + content, is_answer=True, serial=serial)


def test_words_are_read_and_their_values_come_back() -> None:
    trial = Trial(Melsec, port=5007)
    trial.say(ask(0x0401, bytes.fromhex("640000 a8 0200")))
    trial.answer(answer(bytes.fromhex("3412 0100")))
    asked, answered = trial.sink.operations
    assert (asked.service, asked.kind, asked.area, asked.first, asked.count, asked.name) == (
        "batch_read", OpKind.READ, "D", 100, 2, "D100",
    )  # fmt: skip
    assert (asked.unit, asked.transaction) == ("0.255.03ff.0", None)
    assert (answered.direction, answered.value, answered.result) == (Direction.RESPONSE, (0x1234, 1), "ok")
    assert (answered.name, answered.latency_ns) == ("D100", 1_000_000)


def test_bits_are_written_in_halves_of_bytes_and_named_as_they_are_on_the_terminal() -> None:
    trial = Trial(Melsec)
    trial.say(ask(0x1401, bytes.fromhex("1f0000 9d 0300 1010"), 1))
    (op,) = trial.sink.operations
    assert (op.kind, op.name, op.count, op.value) == (OpKind.WRITE, "Y1F", 3, (1, 0, 1))


def test_serial_numbers_match_answers_in_any_order() -> None:
    trial = Trial(Melsec)
    trial.say(ask(0x0401, bytes.fromhex("000000 a8 0100"), serial=1))
    trial.say(ask(0x0401, bytes.fromhex("010000 b4 0100"), serial=2))
    trial.answer(answer(b"\1\0", serial=2))
    trial.answer(answer(b"\2\0", serial=1))
    assert [(op.transaction, op.name, op.value) for op in trial.sink.operations[2:]] == [
        (2, "W1", (1,)),
        (1, "D0", (2,)),
    ]


def test_wide_devices_of_newer_controllers() -> None:
    trial = Trial(Melsec)
    trial.say(ask(0x0401, bytes.fromhex("00000100 a800 0100"), 2))
    (op,) = trial.sink.operations
    assert (op.name, op.first, op.count) == ("D65536", 65_536, 1)


def test_text_frames_say_the_same() -> None:
    trial = Trial(Melsec)
    trial.say(b"500000FF03FF000018001004010000D*0001000002")
    trial.answer(b"D00000FF03FF00000C000012340001")
    trial.say(b"500000FF03FF00001B001014010001Y*00001F0003101")
    asked, answered, written = trial.sink.operations
    assert (asked.name, asked.count) == ("D100", 2)
    assert (answered.value, answered.result) == ((0x1234, 1), "ok")
    assert (written.name, written.value) == ("Y1F", (1, 0, 1))


@pytest.mark.parametrize(
    ("command", "content", "area", "name"),
    [
        (0x1001, bytes.fromhex("0100 0000"), "run", "not_forced"),
        (0x1001, bytes.fromhex("0300 0000"), "run", "forced"),
        (0x1002, bytes.fromhex("0100"), "stop", ""),
        (0x1006, bytes.fromhex("0100"), "reset", ""),
    ],
)
def test_what_stops_a_controller_is_control(command: int, content: bytes, area: str, name: str) -> None:
    trial = Trial(Melsec)
    trial.say(ask(command, content))
    (op,) = trial.sink.operations
    assert (op.kind, op.area, op.name) == (OpKind.CONTROL, area, name)
    assert trial.sink.evidence[0].value == "engineering_station"


def test_a_controller_tells_its_model() -> None:
    trial = Trial(Melsec)
    trial.say(ask(0x0101))
    trial.answer(answer(b"Q03UDECPU".ljust(16) + b"\x68\2"))
    told = {each.attribute: each.value for each in trial.sink.evidence}
    assert told == {
        Attribute.VENDOR: "Mitsubishi Electric", Attribute.MODEL: "Q03UDECPU", Attribute.ROLE: "controller",
    }  # fmt: skip


@pytest.mark.parametrize(("code", "result"), [(0xC201, "locked_by_remote_password"), (0xC0FF, "end_code_c0ff")])
def test_end_codes_have_names(code: int, result: str) -> None:
    trial = Trial(Melsec)
    trial.say(ask(0x1002, b"\1\0"))
    trial.answer(answer(bytes(9), code))
    assert trial.sink.operations[1].result == result


def test_what_is_not_in_order_is_noted() -> None:
    trial = Trial(Melsec)
    trial.say(ask(0x7777))
    trial.answer(answer())
    trial.answer(answer())
    trial.say(ask(0x1401, bytes.fromhex("000000 a8 0900 0000")))
    assert [each.kind for each in trial.sink.anomalies] == [
        AnomalyKind.ILLEGAL_FUNCTION, AnomalyKind.UNEXPECTED_RESPONSE, AnomalyKind.MALFORMED,
    ]  # fmt: skip


def test_checks() -> None:
    assert melsec.check(ask(0x0401, bytes(6)), True) == SURE
    assert melsec.check(b"500000FF03FF000018001004010000D*0001000002", True) == SURE
    assert melsec.check(ask(0x0401, bytes(6)) + b"\0", True) == NO
    assert melsec.check(bytes.fromhex("5000 00 01 e003 00 0600 1000 0104 0000"), True) == WEAK
    assert melsec.check(b"5000 euros, and no more", True) == NO


@given(st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=6), st.integers(1, 11))
def test_however_a_stream_is_cut_the_operations_are_the_same(firsts: list[int], size: int) -> None:
    stream = b"".join(ask(0x0401, first.to_bytes(3, "little") + b"\xa8\1\0") for first in firsts)
    trial = Trial(Melsec)
    for start in range(0, len(stream), size):
        trial.say(stream[start : start + size])
    assert [op.first for op in trial.sink.operations] == firsts


@given(st.binary(max_size=200), st.sampled_from([0x0401, 0x1401, 0x0101, 0x1001]), st.integers(0, 3))
def test_hostile_content_raises_nothing(data: bytes, command: int, sub: int) -> None:
    torture(Melsec, ask(command, data, sub))
    torture(Melsec, ask(command, data, sub) + answer(data))
