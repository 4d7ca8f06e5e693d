from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor import AnomalyKind, Attribute, Direction, OpKind
from vedette.sensor.dissect import NO, SURE, Trial, dnp3, dnp3_log, torture
from vedette.sensor.dissect.dnp3 import Dnp3


def checksum(block: bytes) -> bytes:
    value = 0
    for byte in block:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA6BC if value & 1 else value >> 1
    return struct.pack("<H", value ^ 0xFFFF)


def link(content: bytes, *, is_master: bool = True, control: int = 0x44, outstation: int = 4, master: int = 3) -> bytes:
    there, back = (outstation, master) if is_master else (master, outstation)
    head = b"\x05\x64" + struct.pack("<BBHH", len(content) + 5, control | 0x80 * is_master, there, back)
    frame = head + checksum(head)
    for start in range(0, len(content), 16):
        block = content[start : start + 16]
        frame += block + checksum(block)
    return frame


def ask(application: str, sequence: int = 0) -> bytes:
    return link(bytes((0xC0, 0xC0 | sequence)) + bytes.fromhex(application))


def tell(application: str, *, sequence: int = 0, function: int = 0x81, iin: str = "0000") -> bytes:
    head = bytes((0xC0, 0xC0 | sequence, function)) + bytes.fromhex(iin)
    return link(head + bytes.fromhex(application), is_master=False)


def test_the_standards_frame_has_the_right_checksum() -> None:
    assert dnp3.crc(bytes.fromhex("0564 05c0 0100 0004 e921")) == 0


def test_reads_tell_objects_and_answers_values() -> None:
    trial = Trial(Dnp3, port=20_000)
    trial.say(ask("01 3c 02 06 3c 03 06 3c 04 06 1e 02 00 05 06"))
    trial.answer(tell("1e 02 00 05 06 01 1027 01 f0d8  01 02 00 00 01 81 01"))
    one, _, _, ranged, analog, binary = trial.sink.operations
    assert (one.service, one.kind, one.area, one.unit) == ("read", OpKind.READ, "class_data", 4)
    assert (ranged.area, ranged.first, ranged.count) == ("analog_input", 5, 2)
    assert (analog.service, analog.first, analog.value, analog.result) == ("response", 5, (10_000, -10_000), "ok")
    assert (binary.area, binary.value) == ("binary_input", (1, 0))
    assert analog.latency_ns == 1_000_000
    roles = {piece.address: piece.value for piece in trial.sink.evidence if piece.attribute is Attribute.ROLE}
    assert roles == {"10.0.0.1": "master", "10.0.0.2": "outstation"}


@pytest.mark.parametrize(
    ("application", "service", "kind", "area"),
    [
        ("0d", "cold_restart", OpKind.CONTROL, "restart"),
        ("0e", "warm_restart", OpKind.CONTROL, "restart"),
        ("12 5a 01 00 00 00", "stop_appl", OpKind.CONTROL, "application"),
        ("02 50 01 00 07 07 00", "write", OpKind.WRITE, "internal_indications"),
        ("02 32 01 07 01 0100 0000 0000", "write", OpKind.WRITE, "time_and_date"),
        ("15 3c 02 06", "disable_unsolicited", OpKind.SESSION, "class_data"),
        ("1f", "activate_config", OpKind.PROGRAM, "configuration"),
        ("17", "delay_measure", OpKind.DIAGNOSE, ""),
        ("07 14 00 06", "immed_freeze", OpKind.WRITE, "counter"),
    ],
)
def test_functions_have_the_right_class(application: str, service: str, kind: OpKind, area: str) -> None:
    trial = Trial(Dnp3)
    trial.say(ask(application))
    op = trial.sink.operations[0]
    assert (op.service, op.kind) == (service, kind)
    if service not in {"stop_appl", "immed_freeze"}:
        assert op.area == area
        assert not trial.sink.anomalies


def test_controls_tell_point_operation_and_outcome() -> None:
    trial = Trial(Dnp3)
    block = "0c 01 28 0100 0a00 41 01 f4010000 00000000 "
    trial.say(ask("03 " + block + "00"))
    trial.answer(tell(block + "06"))
    trial.say(ask("05 29 02 17 01 07 e803 00", 1))
    select, refused, analog = trial.sink.operations
    assert (select.service, select.kind, select.area, select.first) == (
        "select",
        OpKind.CONTROL,
        "binary_output_command",
        10,
    )
    assert select.value == "close_pulse_on"
    assert select.detail is not None
    assert (select.detail["execute_count"], select.detail["on_time"]) == (1, 500)
    assert (refused.kind, refused.result, refused.first) == (OpKind.CONTROL, "hardware_error", 10)
    assert (analog.area, analog.first, analog.value) == ("analog_output_command", 7, 1_000)


def test_events_carry_their_indexes() -> None:
    trial = Trial(Dnp3)
    trial.answer(tell("02 01 28 0200 0300 81 0900 01  20 05 17 01 02 01 0000c841", function=0x82))
    binary, analog = trial.sink.operations
    assert (binary.kind, binary.direction, binary.value) == (OpKind.REPORT, Direction.REPORT, (1, 0))
    assert binary.detail is not None
    assert binary.detail["indexes"] == (3, 9)
    assert (analog.first, analog.value) == (2, (25.0,))


def test_indications_tell_errors_and_reserved_bits() -> None:
    trial = Trial(Dnp3)
    trial.say(ask("01 1e 09 06"))
    trial.answer(tell("", iin="8002"))
    trial.answer(tell("", iin="0040"))
    assert trial.sink.operations[1].result == "object_unknown"
    assert trial.sink.operations[1].detail == {"iin": 0x8002, "fc_request": "read"}
    assert [each.kind for each in trial.sink.anomalies] == [AnomalyKind.ILLEGAL_VALUE]


def test_device_attributes_become_evidence() -> None:
    trial = Trial(Dnp3)
    trial.say(ask("01 00 fc 00 00 00"))
    trial.answer(tell("00 fc 00 00 00 01 04" + b"ACME".hex()))
    assert (Attribute.VENDOR, "ACME") in [(piece.attribute, piece.value) for piece in trial.sink.evidence]


def test_files_have_names() -> None:
    name = b"/cfg/app.bin"
    content = struct.pack("<HH6xHIIHHH", 26, len(name), 0, 0, 0, 2, 512, 1) + name
    trial = Trial(Dnp3)
    trial.say(ask("19 46 03 5b 01" + struct.pack("<H", len(content)).hex() + content.hex()))
    (op,) = trial.sink.operations
    assert (op.service, op.kind, op.name) == ("open_file", OpKind.FILE, "/cfg/app.bin")


def test_segments_are_put_together() -> None:
    application = bytes.fromhex("c0 01 3c 02 06 3c 03 06 3c 04 06")
    trial = Trial(Dnp3)
    trial.say(link(b"\x40" + application[:5]) + link(b"\x81" + application[5:]))
    assert [op.area for op in trial.sink.operations] == ["class_data"] * 3


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        (ask("46"), AnomalyKind.ILLEGAL_FUNCTION),
        (ask("81 0000"), AnomalyKind.WRONG_DIRECTION),
        (ask("05 0c 01 28 ff00 0a00 41 01"), AnomalyKind.MALFORMED),
        (ask("01 01 02 00 09 03"), AnomalyKind.MALFORMED),
        (ask("0d")[:-1] + b"\xff", AnomalyKind.BAD_CHECKSUM),
    ],
)
def test_what_the_standard_forbids_is_noted(frame: bytes, kind: AnomalyKind) -> None:
    trial = Trial(Dnp3)
    trial.say(frame)
    assert [each.kind for each in trial.sink.anomalies] == [kind]


def test_link_services() -> None:
    trial = Trial(Dnp3)
    trial.say(link(b"", control=0x49))
    trial.answer(link(b"", control=0x0B, is_master=False))
    assert [op.service for op in trial.sink.operations] == ["request_link_status", "link_status"]


def test_the_place_is_found_again_by_the_mark() -> None:
    trial = Trial(Dnp3)
    trial.lose(7)
    trial.say(b"\xff\xff\x05" + ask("0d"))
    assert [op.service for op in trial.sink.operations] == ["cold_restart"]


@given(st.lists(st.integers(0, 15), min_size=1, max_size=5), st.integers(1, 17))
def test_however_a_stream_is_cut_the_operations_are_the_same(sequences: list[int], size: int) -> None:
    stream = b"".join(ask("01 1e 02 00 05 06", sequence) for sequence in sequences)
    trial = Trial(Dnp3)
    for start in range(0, len(stream), size):
        trial.say(stream[start : start + size])
    assert [op.transaction for op in trial.sink.operations] == sequences


def test_checks() -> None:
    assert dnp3.check(ask("0d"), True) == SURE
    assert dnp3.check(b"\x05\x64" + bytes(20), True) == NO


def test_zeek_rows() -> None:
    trial = Trial(Dnp3)
    block = "0c 01 28 0200 0a00 41 01 f4010000 00000000 00 0b00 a2 02 00000000 f4010000 "
    trial.say(ask("05 " + block + "00"))
    trial.answer(tell(block + "03"))
    asked, also_asked, done, also_done = (dnp3_log.zeek(op) for op in trial.sink.operations)
    ((log, control),) = asked
    assert (log, control["index_number"], control["on_time"]) == ("dnp3_control", 10, 500)
    assert (control["trip_control_code"], control["operation_type"], control["clear_bit"]) == (
        "Close", "Pulse On", False,
    )  # fmt: skip
    assert "status_code" not in control
    ((_, other),) = also_asked
    assert (other["trip_control_code"], other["operation_type"], other["clear_bit"]) == ("Trip", "Pulse Off", True)
    assert [name for name, _ in done] == ["dnp3", "dnp3_control"]
    assert done[0][1] == {"fc_reply": "RESPONSE", "iin": 0, "fc_request": "DIRECT_OPERATE"}
    assert [columns["status_code"] for _, columns in (done[1], also_done[0])] == ["Success", "Format Error"]


@pytest.mark.parametrize(
    ("group", "variation", "name"),
    [
        (1, 1, "Single-bit Binary Input"), (1, 2, "Binary Input With Status"), (1, 0, "Binary Input Default Variation"),
        (2, 2, "Binary Input Change With Time"), (4, 3, "Double-bit Input Change With Relative Time"),
        (10, 2, "Binary Output Status"), (20, 5, "32-Bit Counter Without Flag"),
        (21, 10, "16-Bit Frozen Counter Without Flag"),
        (22, 5, "32-Bit Counter Change Event with Time"), (30, 2, "16-Bit Analog Input"),
        (30, 4, "16-Bit Analog Input Without Flag"), (32, 7, "32-Bit Analog Change Event w/ Time"),
        (40, 2, "16-Bit Analog Output Status"), (41, 1, "32-Bit Analog Output Block"), (60, 1, "Class 0 Data"),
        (60, 4, "Class 3 Data"), (12, 1, "Control Relay Output Block"), (200, 9, "Group 200 Variation 9"),
    ],
)  # fmt: skip
def test_objects_have_names(group: int, variation: int, name: str) -> None:
    assert dnp3_log.object_type(group, variation) == name


def test_flags_and_times_of_objects_are_told() -> None:
    trial = Trial(Dnp3)
    trial.answer(tell("02 02 28 0100 0300 81 10d2486e8b01", function=0x82))
    trial.answer(tell("20 07 28 0100 0200 03 0000c841 10d2486e8b01", function=0x82))
    trial.answer(tell("01 02 00 00 01 81 01  1e 02 00 00 00 21 1700", function=0x82))
    trial.answer(tell("21 03 28 0100 0500 01 ffffffff 10d2486e8b01  14 04 00 00 00 41 0700", function=0x82))
    change, analog, inputs, offline, frozen, delta = trial.sink.operations
    assert (change.value, change.detail and change.detail["times"]) == ((1,), (1_698_362_348_048,))
    assert (analog.value, analog.detail and analog.detail["flags"]) == ((25.0,), (3,))
    assert (inputs.value, "flags" in (inputs.detail or {})) == ((1, 0), False)
    assert (offline.value, offline.detail and offline.detail["flags"]) == ((23,), (0x21,))
    assert (frozen.value, delta.value, delta.detail and delta.detail["flags"]) == ((-1,), (7,), (0x41,))


@given(st.binary(max_size=240))
def test_hostile_content_raises_nothing(data: bytes) -> None:
    torture(Dnp3, link(b"\xc0" + data))
    torture(Dnp3, link(b"\xc0\xc0\x81\0\0" + data, is_master=False), as_datagrams=True)
