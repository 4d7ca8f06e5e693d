"""HART-IP and C37.118."""

from __future__ import annotations

import binascii
import functools
import operator
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor import AnomalyKind, Attribute, Direction, OpKind
from vedette.sensor.dissect import NO, SURE, Malformed, Trial, c37118, c37118_log, hart_ip, torture
from vedette.sensor.dissect.c37118 import C37118
from vedette.sensor.dissect.hart_ip import HartIp


def hart(message: int, content: bytes = b"", *, kind: int = 0, status: int = 0, number: int = 1) -> bytes:
    return struct.pack(">BBBBHH", 1, kind, message, status, number, len(content) + 8) + content


def field(command: int, data: bytes = b"", *, delimiter: int = 0x82, address: bytes = b"\x97\x41\1\2\3") -> bytes:
    frame = bytes((delimiter,)) + address + bytes((command, len(data))) + data
    return frame + bytes((functools.reduce(operator.xor, frame),))


def answered(command: int, data: bytes, code: int = 0, *, number: int = 1) -> bytes:
    return hart(3, field(command, bytes((code, 0)) + data, delimiter=0x86), kind=1, number=number)


def instruments() -> Trial:
    return Trial(HartIp, port=5094, as_datagrams=True)


def test_a_session_opens_and_variables_are_read() -> None:
    trial = instruments()
    trial.say(hart(0, b"\1\0\0\x75\x30"))
    trial.answer(hart(0, b"\1\0\0\x75\x30", kind=1))
    trial.say(hart(3, field(3), number=2))
    trial.answer(answered(3, bytes(24), number=2))
    opened, confirmed, asked, told = trial.sink.operations
    assert (opened.service, opened.kind, confirmed.result) == ("session_initiate", OpKind.SESSION, "ok")
    assert (asked.service, asked.kind, asked.unit) == ("read_dynamic_variables", OpKind.READ, "1741010203")
    assert (told.direction, told.result, told.latency_ns) == (Direction.RESPONSE, "ok", 1_000_000)


@pytest.mark.parametrize(
    ("command", "kind", "area"),
    [
        (42, OpKind.CONTROL, "reset"),
        (35, OpKind.WRITE, "range"),
        (6, OpKind.WRITE, "configuration"),
        (71, OpKind.CONTROL, "lock"),
        (48, OpKind.DIAGNOSE, ""),
    ],
)
def test_what_changes_an_instrument_is_told_apart(command: int, kind: OpKind, area: str) -> None:
    trial = instruments()
    trial.say(hart(3, field(command, b"\1\2")))
    trial.answer(answered(command, b"", 7))
    asked, refused = trial.sink.operations
    assert (asked.kind, asked.area) == (kind, area)
    assert refused.result == "in_write_protect_mode"


def test_an_instrument_tells_what_it_is() -> None:
    trial = instruments()
    trial.say(hart(3, field(0)))
    trial.answer(answered(0, bytes.fromhex("fe 1741 05 07 05 02 08 00 010203")))
    told = {each.attribute: each.value for each in trial.sink.evidence}
    assert told == {
        Attribute.DEVICE_TYPE: "HART 1741", Attribute.SERIAL: "010203", Attribute.FIRMWARE: "2",
        Attribute.UNIT: "1741010203", Attribute.ROLE: "gateway", Attribute.VENDOR: "Honeywell",
    }  # fmt: skip


def test_extended_commands_have_their_number_in_the_data() -> None:
    trial = instruments()
    trial.say(hart(3, field(31, b"\2\0")))
    trial.answer(answered(31, b"\2\0ab"))
    assert [op.service for op in trial.sink.operations] == ["read_country_code", "read_country_code"]
    assert not trial.sink.anomalies


def test_what_is_not_in_order_is_noted() -> None:
    trial = instruments()
    trial.say(hart(3, field(3)[:-1] + b"\xff"))
    trial.say(hart(3, b"\x80" + field(3)[1:], number=2))
    trial.say(hart(3, field(3), number=3))
    trial.answer(answered(0, bytes(12), number=3))
    trial.answer(hart(2, kind=15, status=3))
    assert [each.kind for each in trial.sink.anomalies] == [
        AnomalyKind.MALFORMED, AnomalyKind.MALFORMED, AnomalyKind.UNEXPECTED_RESPONSE,
    ]  # fmt: skip
    assert trial.sink.operations[-1].result == "error_3"


def test_checks_of_hart_ip() -> None:
    assert hart_ip.check(hart(0, b"\1\0\0\x75\x30"), True) == SURE
    assert hart_ip.check(hart(3, field(3)), True) == SURE
    assert hart_ip.check(hart(9), True) == NO
    with pytest.raises(Malformed):
        hart_ip.check(hart(3, field(3)[:-1] + b"\xff"), True)


def test_since_hart_7_the_maker_has_bytes_of_its_own() -> None:
    trial = instruments()
    trial.say(hart(3, field(0)))
    trial.answer(answered(0, bytes.fromhex("fe e1a1 05 07 05 02 08 00 010203 05 04 0001 00 0026 0026 01")))
    assert {each.value for each in trial.sink.evidence if each.attribute is Attribute.VENDOR} == {"Rosemount"}


def grid(kind: int, content: bytes, station: int = 7) -> bytes:
    frame = struct.pack(">BBHHII", 0xAA, kind << 4 | 1, len(content) + 16, station, 100, 0) + content
    return frame + binascii.crc_hqx(frame, 0xFFFF).to_bytes(2, "big")


def configuration(*names: bytes) -> bytes:
    stations = b"".join(
        name.ljust(16) + struct.pack(">HHHHH", 7, 0, 1, 0, 1) + b"x" * 16 * 17 + bytes(4 + 4 + 4) for name in names
    )
    return struct.pack(">IH", 1_000_000, len(names)) + stations + b"\0\x32"


@pytest.mark.parametrize(
    ("command", "service", "kind", "area"),
    [(1, "data_off", OpKind.CONTROL, "stop"), (2, "data_on", OpKind.CONTROL, "run"),
     (5, "send_configuration_2", OpKind.IDENTIFY, ""), (99, "command_99", OpKind.OTHER, "")],
)  # fmt: skip
def test_commands_to_a_phasor_unit(command: int, service: str, kind: OpKind, area: str) -> None:
    trial = Trial(C37118, port=4712)
    trial.say(grid(4, struct.pack(">H", command)))
    (op,) = trial.sink.operations
    assert (op.service, op.kind, op.area, op.unit, op.direction) == (service, kind, area, 7, Direction.REQUEST)
    assert trial.sink.evidence[0].value == "master"


def test_a_configuration_names_the_stations_and_data_is_a_report() -> None:
    trial = Trial(C37118)
    trial.answer(grid(3, configuration(b"NORTH", b"SOUTH")))
    trial.answer(grid(0, bytes(20)))
    named, data = trial.sink.operations
    assert (named.service, named.name, named.result) == ("configuration_2", "NORTH,SOUTH", "ok")
    assert (data.kind, data.direction, data.area) == (OpKind.REPORT, Direction.REPORT, "measurement")
    assert {each.attribute: each.value for each in trial.sink.evidence} == {
        Attribute.NAME: "NORTH", Attribute.ROLE: "outstation",
    }  # fmt: skip


def station(name: bytes, kind: int, units: tuple[int, ...] = (), *, analogs: int = 0, digitals: int = 0) -> bytes:
    """A station of configuration 2: phasors of these units, analog and digital channels."""
    channels = len(units) + analogs + 16 * digitals
    named = b"".join(f"CH{number}".encode().ljust(16) for number in range(channels))
    counts = struct.pack(">HHHHH", 241, kind, len(units), analogs, digitals)
    scales = struct.pack(f">{len(units)}I", *units) + bytes(4 * (analogs + digitals))
    return name.ljust(16) + counts + named + scales + struct.pack(">HH", 1, 5)


def stream(*stations: bytes) -> bytes:
    return grid(3, struct.pack(">IH", 1_000_000, len(stations)) + b"".join(stations) + struct.pack(">h", 50))


def test_data_is_read_as_its_configuration_says() -> None:
    trial = Trial(C37118)
    trial.answer(stream(station(b"PMU1", 15, (0,), analogs=1, digitals=1), station(b"PMU2", 0, (100_000,))))
    first = struct.pack(">HfffffH", 0x2000, 100.5, -1.5, 50.01, 0.25, 7.5, 3)
    second = struct.pack(">Hhhhh", 0x8041, 300, -200, -20, 150)
    trial.answer(grid(0, first + second))
    _, one, two = trial.sink.operations
    assert (one.name, one.first, one.unit) == ("PMU1", 241, 7)
    assert one.value == pytest.approx((100.5, -1.5, 50.01, 0.25, 7.5, 3))
    assert two.value == pytest.approx((300.0, -200.0, 49.98, 1.5))
    (_, frame), (_, detailed) = c37118_log.zeek(one)
    assert (frame["pmu_count_expected"], frame["frame_size"]) == (2, 16 + len(first + second))
    assert (detailed["est_polar_magnitude"], detailed["est_rectangular_real"]) == ([100.5], [0.0])
    assert (detailed["pmu_sync_error"], detailed["digital"], detailed["analog_data"]) == (True, (3,), (7.5,))
    ((log, other),) = c37118_log.zeek(two)
    assert (log, other["pmu_idx"]) == ("synchrophasor_data_detail", 1)
    assert (other["freq_dev_mhz"], other["rocof"]) == (-20, 150)
    assert other["est_rectangular_imaginary"] == pytest.approx([-200.0])
    assert (other["data_error_indicator"], other["trigger_reason"], other["pmu_time_quality"]) == (2, 1, 1)


def test_data_of_another_length_than_configured_has_no_values() -> None:
    trial = Trial(C37118)
    trial.answer(stream(station(b"PMU1", 15, (0,))))
    trial.answer(grid(0, bytes(30)))
    assert trial.sink.operations[1].value is None
    assert not trial.sink.anomalies


def test_a_configuration_of_version_3_tells_names_of_any_length() -> None:
    trial = Trial(C37118)
    body = bytes((4,)) + b"EAST" + struct.pack(">H", 9) + bytes(16) + struct.pack(">HHHH", 1, 1, 0, 0)
    body += bytes((2,)) + b"VA" + bytes(4) + struct.pack(">ff", 0.5, 0) + bytes(21) + struct.pack(">HH", 0, 1)
    trial.answer(grid(5, struct.pack(">HIH", 0, 1_000_000, 1) + body + struct.pack(">h", 25)))
    trial.answer(grid(0, struct.pack(">HHhhh", 0, 1_000, 10_000, 0, 0)))
    told, data = trial.sink.operations
    assert (told.name, data.name) == ("EAST", "EAST")
    assert data.value == pytest.approx((500.0, 1.0, 60.0, 0.0))
    assert not trial.sink.anomalies


def test_logs_of_commands_and_configurations() -> None:
    trial = Trial(C37118)
    trial.say(grid(4, b"\0\2"))
    trial.answer(stream(station(b"PMU1", 15, (0, 0), digitals=1)))
    ((log, command),) = c37118_log.zeek(trial.sink.operations[0])
    assert (log, command["command"], command["frame_size"]) == ("synchrophasor_cmd", "Data on", 18)
    (_, summary), (_, described) = c37118_log.zeek(trial.sink.operations[1])
    assert (summary["frame_type"], summary["data_rate"], summary["pmu_count_actual"]) == ("CFG2", 50, 1)
    assert (described["station_name"], described["phnam"], described["dgnmr"]) == ("PMU1", ["CH0", "CH1"], 1)
    assert (described["phasor_shape"], described["fnom"], described["cfgcnt"]) == (True, 1, 5)
    assert summary["cfg_frame_id"] == described["cfg_frame_id"]


def test_wrong_checksums_and_counts_are_noted() -> None:
    trial = Trial(C37118)
    trial.answer(grid(0, bytes(20))[:-1] + b"\0")
    trial.answer(grid(3, struct.pack(">IH", 1, 9) + bytes(40)))
    assert [each.kind for each in trial.sink.anomalies] == [AnomalyKind.BAD_CHECKSUM, AnomalyKind.MALFORMED]


def test_checks_of_c37118() -> None:
    assert c37118.check(grid(4, b"\0\2"), True) == SURE
    assert c37118.check(grid(4, b"\0\2")[:-1] + b"\0", True) == NO
    assert c37118.check(bytes(40), True) == NO


@given(st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=6), st.integers(1, 11))
def test_however_a_stream_is_cut_the_operations_are_the_same(stations: list[int], size: int) -> None:
    stream = b"".join(grid(4, b"\0\2", station) for station in stations)
    trial = Trial(C37118)
    for start in range(0, len(stream), size):
        trial.say(stream[start : start + size])
    assert [op.unit for op in trial.sink.operations] == stations


@given(st.binary(max_size=120), st.integers(0, 5))
def test_hostile_content_raises_nothing(data: bytes, kind: int) -> None:
    torture(C37118, grid(kind, data))
    torture(HartIp, hart(3, field(kind * 10, data[:100]), kind=1), as_datagrams=True)


@pytest.mark.parametrize(
    ("command", "data", "name", "value"),
    [
        (1, struct.pack(">Bf", 32, 21.5), "", 21.5),
        (2, struct.pack(">ff", 4.5, 25.0), "", (4.5, 25.0)),
        (3, struct.pack(">fBfBf", 4.0, 32, 1.0, 33, 2.0), "", (4.0, 1.0, 2.0)),
        (9, b"\0" + struct.pack(">BBBfB", 0, 64, 32, 7.25, 0xC0), "", (7.25,)),
        (33, struct.pack(">BBf", 0, 32, 3.5), "", (3.5,)),
        (12, bytes.fromhex("0420c4") * 8, "", "ABCD" * 8),
        (13, bytes.fromhex("0420c40420c4") + bytes.fromhex("0420c4") * 4 + b"\1\2\3", "ABCDABCD", "ABCD" * 4),
        (14, bytes.fromhex("000102 20") + struct.pack(">fff", 100.0, -50.0, 1.0), "", (258, 100.0, -50.0, 1.0)),
        (15, bytes.fromhex("000020") + struct.pack(">fff", 100.0, 0.0, 0.5), "", (100.0, 0.0, 0.5)),
        (16, bytes.fromhex("000102"), "", 258),
        (20, b"TT-101".ljust(32, b"\0"), "TT-101", None),
        (48, b"\1\2", "", b"\1\2"),
    ],
)
def test_answers_of_instruments_tell_what_was_measured(command: int, data: bytes, name: str, value: object) -> None:
    trial = Trial(HartIp, port=5094)
    trial.say(hart(3, field(command)))
    trial.answer(answered(command, data))
    assert [(op.name, op.value, op.result) for op in trial.sink.operations][1] == (name, value, "ok")


def test_an_instrument_that_refuses_tells_no_value() -> None:
    trial = Trial(HartIp, port=5094)
    trial.say(hart(3, field(1)))
    trial.answer(answered(1, b"", code=64))
    assert [(op.value, op.result) for op in trial.sink.operations][1] == (None, "command_not_implemented")
