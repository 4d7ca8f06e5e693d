from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor import AnomalyKind, Attribute, Direction, OpKind
from vedette.sensor.dissect import NO, SURE, Trial, ads, torture
from vedette.sensor.dissect.ads import Ads

PLC = bytes((192, 168, 1, 2, 1, 1))
CLIENT = bytes((192, 168, 1, 3, 1, 1))


def packet(
    command: int, content: bytes = b"", *, number: int = 1, port: int = 851, is_answer: bool = False, error: int = 0
) -> bytes:
    ends = (CLIENT, 32_900, PLC, port) if is_answer else (PLC, port, CLIENT, 32_900)
    head = struct.pack("<6sH6sHHHIII", *ends, command, 5 if is_answer else 4, len(content), error, number)
    return struct.pack("<HI", 0, len(head) + len(content)) + head + content


def place(group: int, offset: int, size: int) -> bytes:
    return struct.pack("<III", group, offset, size)


def data(content: bytes, result: int = 0) -> bytes:
    return struct.pack("<II", result, len(content)) + content


def test_memory_is_read_and_written() -> None:
    trial = Trial(Ads, port=48_898)
    trial.say(packet(2, place(0x4020, 4, 2)))
    trial.answer(packet(2, data(b"\x34\x12"), is_answer=True))
    trial.say(packet(3, place(0x4020, 4, 2) + b"\1\0", number=2))
    trial.answer(packet(3, struct.pack("<I", 0x704), number=2, is_answer=True))
    read, value, write, refused = trial.sink.operations
    assert (read.service, read.kind, read.area, read.first, read.count) == ("read", OpKind.READ, "memory", 4, 2)
    assert read.unit == value.unit == "192.168.1.2.1.1:851"
    assert (value.value, value.result, value.latency_ns, value.area) == (b"\x34\x12", "ok", 1_000_000, "memory")
    assert (write.kind, write.value) == (OpKind.WRITE, b"\1\0")
    assert (refused.direction, refused.result) == (Direction.RESPONSE, "reading_writing_not_permitted")


def test_a_handle_keeps_the_name_of_its_symbol() -> None:
    trial = Trial(Ads)
    trial.say(packet(9, place(0xF003, 0, 4) + struct.pack("<I", 10) + b"MAIN.level"))
    trial.answer(packet(9, data(struct.pack("<I", 77)), is_answer=True))
    trial.say(packet(3, place(0xF005, 77, 2) + b"\1\0", number=2))
    asked, _, written = trial.sink.operations
    assert (asked.area, asked.name, asked.kind) == ("symbol_handle_by_name", "MAIN.level", OpKind.READ)
    assert (written.kind, written.name) == (OpKind.WRITE, "MAIN.level")


@pytest.mark.parametrize(("state", "area"), [(6, "stop"), (5, "run"), (2, "reset"), (16, "reconfig")])
def test_a_change_of_state_is_control(state: int, area: str) -> None:
    trial = Trial(Ads)
    trial.say(packet(5, struct.pack("<HHI", state, 0, 0)))
    (op,) = trial.sink.operations
    assert (op.kind, op.area, op.name) == (OpKind.CONTROL, area, "plc_1")
    assert trial.sink.evidence[0].value == "engineering_station"


def test_files_and_processes_belong_to_the_system_service_alone() -> None:
    trial = Trial(Ads)
    trial.say(packet(9, place(0x78, 0, 4) + struct.pack("<I", 6) + b"a.exe\0", port=10_000))
    trial.say(packet(3, place(0x1F4, 0, 4) + bytes(4), port=10_000, number=2))
    trial.say(packet(3, place(0x78, 0, 4) + bytes(4), number=3))
    file, process, other = trial.sink.operations
    assert (file.kind, file.area, file.name) == (OpKind.FILE, "file_open", "a.exe")
    assert (process.kind, process.area) == (OpKind.CONTROL, "start_process")
    assert (other.kind, other.area) == (OpKind.WRITE, "group_78")


def test_a_controller_tells_what_it_is_and_does() -> None:
    trial = Trial(Ads)
    trial.say(packet(1))
    trial.answer(packet(1, struct.pack("<IBBH16s", 0, 3, 1, 4024, b"Plc30 App"), is_answer=True))
    trial.say(packet(4, number=2))
    trial.answer(packet(4, struct.pack("<IHH", 0, 5, 0), number=2, is_answer=True))
    told = {each.attribute: each.value for each in trial.sink.evidence}
    assert told == {
        Attribute.VENDOR: "Beckhoff", Attribute.SOFTWARE: "Plc30 App", Attribute.FIRMWARE: "3.1.4024",
        Attribute.ROLE: "controller", Attribute.MODE: "run",
    }  # fmt: skip


def test_notifications_are_reports() -> None:
    trial = Trial(Ads)
    trial.answer(packet(8, bytes(20)))
    (op,) = trial.sink.operations
    assert (op.kind, op.direction) == (OpKind.REPORT, Direction.REPORT)


def test_what_is_not_in_order_is_noted() -> None:
    trial = Trial(Ads)
    trial.say(packet(77))
    trial.say(packet(3, place(0x4020, 0, 9) + b"\1", number=2))
    trial.say(packet(2, place(0x4020, 0, 9), number=3))
    trial.answer(packet(4, bytes(8), number=3, is_answer=True))
    assert [each.kind for each in trial.sink.anomalies] == [
        AnomalyKind.ILLEGAL_FUNCTION, AnomalyKind.MALFORMED, AnomalyKind.UNEXPECTED_RESPONSE,
    ]  # fmt: skip


def test_checks() -> None:
    assert ads.check(packet(2, place(0x4020, 0, 2)), True) == SURE
    assert ads.check(packet(2, place(0x4020, 0, 2))[:-1] + b"\0", True) == SURE
    assert ads.check(packet(77), True) == NO
    assert ads.check(bytes(60), True) == NO


@given(st.lists(st.integers(0, 0xFFFFFFFF), min_size=1, max_size=6), st.integers(1, 23))
def test_however_a_stream_is_cut_the_operations_are_the_same(offsets: list[int], size: int) -> None:
    stream = b"".join(packet(2, place(0x4020, offset, 2), number=number) for number, offset in enumerate(offsets))
    trial = Trial(Ads)
    for start in range(0, len(stream), size):
        trial.say(stream[start : start + size])
    assert [op.first for op in trial.sink.operations] == offsets


@given(st.binary(max_size=200), st.sampled_from([1, 2, 3, 4, 5, 6, 8, 9]))
def test_hostile_content_raises_nothing(content: bytes, command: int) -> None:
    torture(Ads, packet(command, content))
    torture(Ads, packet(command, content) + packet(command, content, is_answer=True))
