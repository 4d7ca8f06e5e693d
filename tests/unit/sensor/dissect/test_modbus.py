from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor import AnomalyKind, Attribute, Direction, Flow, OpKind, OtOp
from vedette.sensor.dissect import NO, SURE, WEAK, Trial, modbus, modbus_log, modbus_rtu
from vedette.sensor.dissect.modbus import Modbus
from vedette.sensor.dissect.modbus_rtu import ModbusRtu, crc16


def mbap(pdu: str | bytes, *, transaction: int = 1, unit: int = 1) -> bytes:
    body = bytes.fromhex(pdu) if isinstance(pdu, str) else pdu
    return struct.pack(">HHHB", transaction, 0, len(body) + 1, unit) + body


def rtu(body: str) -> bytes:
    frame = bytes.fromhex(body)
    return frame + struct.pack("<H", crc16(frame))


def test_read_of_holding_registers_tells_what_was_asked_and_answered() -> None:
    trial = Trial(Modbus, port=502)
    trial.say(mbap("03 006b 0003", transaction=7, unit=17))
    trial.answer(mbap("03 06 022b 0000 0064", transaction=7, unit=17))
    asked, answered = trial.sink.operations
    assert (asked.service, asked.kind, asked.direction) == ("read_holding_registers", OpKind.READ, Direction.REQUEST)
    assert (asked.unit, asked.area, asked.first, asked.count) == (17, "holding_register", 107, 3)
    assert (answered.direction, answered.first, answered.count) == (Direction.RESPONSE, 107, 3)
    assert answered.value == (555, 0, 100)
    assert answered.result == "ok"
    assert answered.latency_ns == 1_000_000
    assert not trial.sink.anomalies


def test_coils_are_as_many_as_were_asked() -> None:
    trial = Trial(Modbus, port=502)
    trial.say(mbap("01 0013 0013"))
    trial.answer(mbap("01 03 cd6b05"))
    assert trial.sink.operations[1].value == (1, 0, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1, 0, 1, 1, 0, 1, 0, 1)


@pytest.mark.parametrize(
    ("pdu", "service", "first", "count", "value"),
    [
        ("05 00ac ff00", "write_single_coil", 172, 1, 1),
        ("06 0001 0003", "write_single_register", 1, 1, 3),
        ("0f 0013 000a 02 cd01", "write_multiple_coils", 19, 10, (1, 0, 1, 1, 0, 0, 1, 1, 1, 0)),
        ("10 0001 0002 04 000a 0102", "write_multiple_registers", 1, 2, (10, 258)),
        ("16 0004 00f2 0025", "mask_write_register", 4, 1, (0xF2, 0x25)),
        ("17 0003 0006 000e 0003 06 00ff 00ff 00ff", "read_write_multiple_registers", 3, 6, (255, 255, 255)),
    ],
)
def test_writes_tell_object_and_value(pdu: str, service: str, first: int, count: int, value: object) -> None:
    trial = Trial(Modbus)
    trial.say(mbap(pdu))
    (op,) = trial.sink.operations
    assert (op.service, op.kind, op.first, op.count, op.value) == (service, OpKind.WRITE, first, count, value)


def test_an_exception_names_the_error_and_the_object_asked_for() -> None:
    trial = Trial(Modbus)
    trial.say(mbap("03 0258 000a"))
    trial.answer(mbap("83 02"))
    answered = trial.sink.operations[1]
    assert (answered.result, answered.first, answered.count) == ("illegal_data_address", 600, 10)


def test_device_identification_becomes_evidence_once() -> None:
    trial = Trial(Modbus)
    answer = mbap(bytes.fromhex("2b0e01010000 03 00 04 41434d45 01 02 5031 02 03") + b"1.2")
    for _ in range(3):
        trial.say(mbap("2b 0e 01 00"))
        trial.answer(answer)
    told = {piece.attribute: piece.value for piece in trial.sink.evidence}
    assert told[Attribute.VENDOR] == "ACME"
    assert told[Attribute.PRODUCT_CODE] == "P1"
    assert told[Attribute.FIRMWARE] == "1.2"
    assert [piece.attribute for piece in trial.sink.evidence].count(Attribute.VENDOR) == 1
    assert trial.sink.operations[0].kind is OpKind.IDENTIFY


def test_umas_stop_is_control_and_download_goes_to_the_controller() -> None:
    trial = Trial(Modbus)
    trial.say(mbap("5a 00 41 ff"))
    trial.answer(mbap("5a 00 fe"))
    trial.say(mbap("5a 00 30 0001"))
    stop, done, load = trial.sink.operations
    assert (stop.protocol, stop.service, stop.kind) == ("umas", "stop_plc", OpKind.CONTROL)
    assert (done.service, done.result) == ("stop_plc", "ok")
    assert (load.kind, load.area) == (OpKind.PROGRAM, "download")


def test_diagnostics_that_silence_a_device_are_control() -> None:
    trial = Trial(Modbus)
    trial.say(mbap("08 0004 0000"))
    (op,) = trial.sink.operations
    assert (op.service, op.kind) == ("force_listen_only_mode", OpKind.CONTROL)


@pytest.mark.parametrize(
    ("pdu", "is_from_client", "kind"),
    [
        ("00 0000", True, AnomalyKind.ILLEGAL_FUNCTION),
        ("83 02", True, AnomalyKind.WRONG_DIRECTION),
        ("03 0000 0000", True, AnomalyKind.ILLEGAL_VALUE),
        ("03 0000 007e", True, AnomalyKind.ILLEGAL_VALUE),
        ("03 fff0 0020", True, AnomalyKind.ILLEGAL_VALUE),
        ("03 06 0001", False, AnomalyKind.MALFORMED),
        ("10 0001 0004 04 0001 0002", True, AnomalyKind.MALFORMED),
        ("03 0000 0001 ff", True, AnomalyKind.MALFORMED),
    ],
)
def test_what_the_standard_forbids_is_noted(pdu: str, *, is_from_client: bool, kind: AnomalyKind) -> None:
    trial = Trial(Modbus)
    trial.say(mbap(pdu), is_from_client=is_from_client)
    assert [anomaly.kind for anomaly in trial.sink.anomalies] == [kind]


def test_the_most_registers_allowed_pass() -> None:
    trial = Trial(Modbus)
    trial.say(mbap("03 0000 007d"))
    assert not trial.sink.anomalies


def test_an_answer_to_another_question_is_noted() -> None:
    trial = Trial(Modbus)
    trial.say(mbap("03 0000 0001"))
    trial.answer(mbap("04 02 0001"))
    assert [anomaly.kind for anomaly in trial.sink.anomalies] == [AnomalyKind.UNEXPECTED_RESPONSE]


@given(st.lists(st.integers(1, 200), min_size=1, max_size=8), st.integers(1, 13))
def test_however_a_stream_is_cut_the_operations_are_the_same(firsts: list[int], size: int) -> None:
    stream = b"".join(mbap(struct.pack(">BHH", 3, first, 5), transaction=first) for first in firsts)
    trial = Trial(Modbus)
    for start in range(0, len(stream), size):
        trial.say(stream[start : start + size])
    assert [op.first for op in trial.sink.operations] == firsts


def test_after_a_gap_reading_goes_on_with_the_next_segment() -> None:
    trial = Trial(Modbus)
    whole = mbap("03 0001 0001")
    trial.say(whole[:5])
    trial.lose(100)
    trial.say(b"\xff" * 20)
    trial.say(mbap("03 0002 0001"))
    assert [op.first for op in trial.sink.operations] == [2]
    assert trial.unparsed.skipped_bytes == 25
    assert trial.unparsed.resynced == 1


def test_unanswered_questions_are_forgotten() -> None:
    trial = Trial(Modbus)
    for transaction in range(5_000):
        trial.say(mbap("03 0000 0001", transaction=transaction))
    assert isinstance(trial.dissector, Modbus)
    assert len(trial.dissector._asked) == 64


def test_rtu_over_tcp_is_read_by_length_and_checksum() -> None:
    trial = Trial(ModbusRtu)
    trial.say(rtu("11 03 006b 0003") + rtu("11 06 0001 0003"))
    trial.answer(rtu("11 03 06 ae41 5652 4340"))
    trial.answer(rtu("11 06 0001 0003"))
    assert [op.service for op in trial.sink.operations] == [
        "read_holding_registers",
        "write_single_register",
        "read_holding_registers",
        "write_single_register",
    ]
    assert crc16(bytes.fromhex("010300000001840a")) == 0


def test_checks_know_modbus_from_other_bytes() -> None:
    assert modbus.check(mbap("03 0000 0001"), True) == SURE
    assert modbus.check(mbap("41 0000 0001"), True) == WEAK
    assert modbus.check(b"GET / HTTP/1.1\r\n\r\n", True) == NO
    assert modbus_rtu.check(rtu("01 03 0000 0001"), True) == SURE
    assert modbus_rtu.check(mbap("03 0000 0001"), True) == NO


def rows_of(op: OtOp) -> dict[str, dict[str, object]]:
    return dict(modbus_log.zeek(op))


def exchange(request: str, response: str) -> tuple[OtOp, OtOp]:
    trial = Trial(Modbus)
    trial.say(mbap(request, transaction=9))
    trial.answer(mbap(response, transaction=9))
    asked, answered = trial.sink.operations
    return asked, answered


def test_a_question_and_its_answer_are_one_row_of_the_detailed_log() -> None:
    asked, answered = exchange("03 0258 0002", "03 04 00aa 00bb")
    assert set(rows_of(asked)) == {"modbus"}
    row = rows_of(answered)["modbus_detailed"]
    assert (row["address"], row["quantity"], row["tid"], row["matched"]) == (600, 2, 9, True)
    assert (row["func"], row["response_values"], row["ts"]) == (
        "READ_HOLDING_REGISTERS", [170, 187], asked.at_ns / 1e9,
    )  # fmt: skip
    assert "request_values" not in row


def test_zeek_rows_tell_exceptions() -> None:
    _, answered = exchange("03 0258 000a", "83 02")
    rows = rows_of(answered)
    assert (rows["modbus"]["func"], rows["modbus"]["exception"]) == (
        "READ_HOLDING_REGISTERS_EXCEPTION", "ILLEGAL_DATA_ADDRESS",
    )  # fmt: skip
    assert rows["modbus_detailed"]["func"] == "READ_HOLDING_REGISTERS"
    assert rows["modbus_detailed"]["exception_code"] == "ILLEGAL_DATA_ADDRESS"


@pytest.mark.parametrize(
    ("request_pdu", "response_pdu", "values"),
    [
        ("05 0001 ff00", "05 0001 ff00", ([1], [1])),
        ("06 0001 abcd", "06 0001 abcd", ([0xABCD], [0xABCD])),
        ("0f 0001 0004 01 09", "0f 0001 0004", ([1, 0, 0, 1], None)),
        ("10 0001 0002 04 00aa 00bb", "10 0001 0002", ([170, 187], None)),
    ],
)
def test_a_row_of_a_write_has_what_was_written(request_pdu: str, response_pdu: str, values: tuple[object, ...]) -> None:
    _, answered = exchange(request_pdu, response_pdu)
    row = rows_of(answered)["modbus_detailed"]
    assert (row.get("request_values"), row.get("response_values")) == values


def test_functions_with_a_log_of_their_own_are_linked_with_the_detailed_one() -> None:
    asked, answered = exchange("17 0001 0001 0002 0001 02 00ff", "17 02 00aa")
    question = rows_of(asked)["modbus_read_write_multiple_registers"]
    answer = rows_of(answered)
    both = answer["modbus_read_write_multiple_registers"]
    assert (question["write_start_address"], question["write_registers"], question["read_quantity"]) == (2, [255], 1)
    assert (both["read_registers"], both["request_response"]) == ([170], "RESPONSE")
    links = {each["modbus_detailed_link_id"] for each in (question, both, answer["modbus_detailed"])}
    assert len(links) == 1
    masked, _ = exchange("16 000a dead 0000", "16 000a dead 0000")
    mask = rows_of(masked)["modbus_mask_write_register"]
    assert (mask["address"], mask["and_mask"], mask["or_mask"]) == (10, 0xDEAD, 0)


def test_device_identification_has_a_row_for_each_object() -> None:
    asked, answered = exchange("2b 0e 01 00", "2b 0e 01 01 00 00 02 00 04 41636d65 01 02 5031")
    (_, question) = modbus_log.zeek(asked)[1]
    objects = [row for log, row in modbus_log.zeek(answered) if log == "modbus_read_device_identification"]
    assert question["object_id"] == "Basic Device Identification"
    assert [(row["object_id"], row["object_value"]) for row in objects] == [
        ("VendorName", "Acme"), ("ProductCode", "P1"),
    ]  # fmt: skip
    assert objects[0]["conformity_level"] == "Basic Identification (Stream)"
    assert rows_of(answered)["modbus_detailed"]["mei_type"] == "Read Device Identification"


def test_functions_have_zeeks_names() -> None:
    _, diagnosed = exchange("08 0002 0000", "08 0002 0000")
    row = rows_of(diagnosed)["modbus_detailed"]
    assert (row["func"], row["request_subfunction_code"]) == ("DIAGNOSTICS", "Return Diagnostic Register")
    asked, _ = exchange("11", "11 02 41ff")
    assert rows_of(asked)["modbus_detailed"] == {"tid": 9, "unit": 1, "func": "REPORT_SLAVE_ID"}


def test_a_flow_is_confirmed_by_both_directions() -> None:
    flow = Flow(None, "tcp", "10.0.0.1", 40_000, "10.0.0.2", 502)
    flow.protocol = "modbus"
    assert flow.certainty == "guess"
    trial = Trial(Modbus)
    assert trial.streams is not None
    trial.flow.protocol = "modbus"
    trial.say(mbap("03 0000 0001"))
    trial.streams.prove()
    assert trial.flow.certainty == "likely"
    trial.answer(mbap("03 02 0001"))
    trial.streams.prove()
    assert trial.flow.certainty == "confirmed"
