from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor import AnomalyKind, Direction, OpKind
from vedette.sensor.dissect import NO, SURE, WEAK, Trial, iec104, torture
from vedette.sensor.dissect.iec104 import Iec104


def apdu(content: str | bytes, *, sent: int = 0, received: int = 0) -> bytes:
    raw = bytes.fromhex(content) if isinstance(content, str) else content
    return struct.pack("<BBHH", 0x68, len(raw) + 4, sent << 1, received << 1) + raw


def u_format(control: int) -> bytes:
    return bytes((0x68, 4, control, 0, 0, 0))


@pytest.mark.parametrize(
    ("content", "service", "kind", "area", "first", "value"),
    [
        ("2d 01 06 00 0300 d20400 81", "c_sc_na_1", OpKind.CONTROL, "single_command", 1_234, 1),
        ("2e 01 06 00 0300 d20400 02", "c_dc_na_1", OpKind.CONTROL, "double_command", 1_234, 2),
        ("3a 01 06 00 0300 010000 00 00000000000000", "c_sc_ta_1", OpKind.CONTROL, "single_command", 1, 0),
        ("32 01 06 00 0300 010001 00002041 00", "c_se_nc_1", OpKind.WRITE, "setpoint_float", 65_537, 10.0),
        ("64 01 06 00 0300 000000 14", "c_ic_na_1", OpKind.READ, "interrogation", 0, 20),
        ("65 01 06 00 0300 000000 05", "c_ci_na_1", OpKind.READ, "counter_interrogation", 0, 5),
        (
            "67 01 06 00 0300 000000 00112233445566",
            "c_cs_na_1",
            OpKind.WRITE,
            "clock",
            0,
            bytes.fromhex("00112233445566"),
        ),
        ("69 01 06 00 0300 000000 01", "c_rp_na_1", OpKind.CONTROL, "reset_process", 0, 1),
        ("71 01 06 00 0300 010000 03", "p_ac_na_1", OpKind.WRITE, "parameter_activation", 1, 3),
    ],
)
def test_commands_have_the_right_class(
    *, content: str, service: str, kind: OpKind, area: str, first: int, value: object
) -> None:
    trial = Trial(Iec104, port=2_404)
    trial.say(apdu(content))
    (op,) = trial.sink.operations
    assert (op.service, op.kind, op.area, op.first, op.value) == (service, kind, area, first, value)
    assert (op.direction, op.unit) == (Direction.REQUEST, 3)
    assert not trial.sink.anomalies


def test_confirmations_tell_outcome_and_latency() -> None:
    trial = Trial(Iec104)
    trial.say(apdu("2d 01 06 00 0300 010000 81"))
    trial.answer(apdu("2d 01 47 00 0300 010000 81"))
    trial.say(apdu("2d 01 06 00 0900 010000 81"))
    trial.answer(apdu("2d 01 6e 00 0900 010000 81"))
    _, refused, _, unknown = trial.sink.operations
    assert (refused.direction, refused.result, refused.latency_ns) == (Direction.RESPONSE, "negative", 1_000_000)
    assert unknown.result == "unknown_common_address"


def test_values_come_alone_in_a_row_and_interrogated() -> None:
    trial = Trial(Iec104)
    trial.answer(apdu("0d 02 03 00 0300 010000 00002041 00 050000 0000a041 00"))
    trial.answer(apdu("01 83 14 00 0300 0a0000 01 00 01"))
    trial.answer(apdu("24 01 03 00 0300 010000 00002041 00 00000000000000"))
    floats, points, timed = trial.sink.operations
    assert (floats.service, floats.kind, floats.value) == ("m_me_nc_1", OpKind.REPORT, (10.0, 20.0))
    assert floats.detail is not None
    assert floats.detail["ioas"] == (1, 5)
    assert (points.kind, points.direction, points.value, points.count) == (
        OpKind.READ,
        Direction.RESPONSE,
        (1, 0, 1),
        3,
    )
    assert (timed.service, timed.value) == ("m_me_tf_1", 10.0)


def test_unnumbered_and_supervisory_frames() -> None:
    trial = Trial(Iec104)
    trial.say(u_format(0x07))
    trial.answer(u_format(0x0B))
    trial.say(bytes.fromhex("6804 0100 0200"))
    assert [op.service for op in trial.sink.operations] == ["startdt_act", "startdt_con", "s_format"]


@pytest.mark.parametrize(
    ("frame", "is_from_client", "kind"),
    [
        (apdu("7f 01 06 00 0300 010000"), True, None),
        (apdu("80 01 06 00 0300 010000"), True, AnomalyKind.ILLEGAL_FUNCTION),
        (apdu("2d 01 30 00 0300 010000 01"), True, AnomalyKind.ILLEGAL_VALUE),
        (apdu("2d 01 06 00 0000 010000 01"), True, AnomalyKind.ILLEGAL_VALUE),
        (apdu("2d 01 06 00 0300 000000 01"), True, AnomalyKind.ILLEGAL_VALUE),
        (apdu("01 01 03 00 0300 010000 01"), True, AnomalyKind.WRONG_DIRECTION),
        (apdu("0d 09 03 00 0300 010000 00002041 00"), False, AnomalyKind.MALFORMED),
        (u_format(0xFF), True, AnomalyKind.ILLEGAL_FUNCTION),
    ],
)
def test_what_the_standard_forbids_is_noted(frame: bytes, *, is_from_client: bool, kind: AnomalyKind | None) -> None:
    trial = Trial(Iec104)
    trial.say(frame, is_from_client=is_from_client)
    assert [each.kind for each in trial.sink.anomalies] == ([] if kind is None else [kind])


@given(st.lists(st.integers(1, 60_000), min_size=1, max_size=6), st.integers(1, 11))
def test_however_a_stream_is_cut_the_operations_are_the_same(objects: list[int], size: int) -> None:
    stream = b"".join(apdu(bytes.fromhex("2d 01 06 00 0300") + each.to_bytes(3, "little") + b"\1") for each in objects)
    trial = Trial(Iec104)
    for start in range(0, len(stream), size):
        trial.say(stream[start : start + size])
    assert [op.first for op in trial.sink.operations] == objects


def test_checks() -> None:
    assert iec104.check(apdu("2d 01 06 00 0300 010000 01"), True) == SURE
    assert iec104.check(u_format(0x07), True) == WEAK
    assert iec104.check(u_format(0x05), True) == NO
    assert iec104.check(b"hello, world: not this one", True) == NO


def test_zeek_row() -> None:
    trial = Trial(Iec104)
    trial.say(apdu("2d 01 06 00 0300 010000 01"))
    ((log, row),) = iec104.zeek(trial.sink.operations[0])
    assert (log, row["type"], row["cot"], row["common_address"]) == ("iec104", "c_sc_na_1", "activation", 3)


@given(st.binary(max_size=245))
def test_hostile_content_raises_nothing(data: bytes) -> None:
    torture(Iec104, apdu(data))
