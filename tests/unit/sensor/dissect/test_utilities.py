"""ROC Plus, BSAP and C12.22: oil, gas, water and electricity."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor import AnomalyKind, Attribute, Direction, OpKind
from vedette.sensor.dissect import NO, SURE, WEAK, Trial, bsap, bsap_log, bsap_serial, c1222, roc_plus, torture
from vedette.sensor.dissect.bsap import Bsap
from vedette.sensor.dissect.bsap_serial import BsapSerial
from vedette.sensor.dissect.c1222 import C1222
from vedette.sensor.dissect.modbus_rtu import crc16
from vedette.sensor.dissect.roc_plus import RocPlus


def roc(opcode: int, content: bytes = b"", *, is_answer: bool = False) -> bytes:
    ends = b"\3\1\1\2" if is_answer else b"\1\2\3\1"
    body = ends + bytes((opcode, len(content))) + content
    return body + crc16(body, 0).to_bytes(2, "little")


def test_parameters_of_a_flow_computer_are_read_and_set() -> None:
    trial = Trial(RocPlus, port=4000)
    trial.say(roc(167, b"\x3c\0\2\5"))
    trial.answer(roc(167, b"\x3c\0\2\5\1\2\3\4", is_answer=True))
    trial.say(roc(181, b"\1\x3c\0\5\x09"))
    trial.say(roc(180, b"\2\x3c\0\5\x3d\1\1"))
    asked, told, written, many = trial.sink.operations
    assert (asked.kind, asked.name, asked.first, asked.count, asked.unit) == (OpKind.READ, "60.0.5", 5, 2, "2.1")
    assert (told.direction, told.value, told.name, told.latency_ns) == (
        Direction.RESPONSE, b"\1\2\3\4", "60.0.5", 1_000_000,
    )  # fmt: skip
    assert (written.kind, written.name, written.value) == (OpKind.WRITE, "60.0.5", b"\x09")
    assert (many.count, many.name) == (2, "60.0.5,61.1.1")


def test_logins_errors_files_and_reports() -> None:
    trial = Trial(RocPlus)
    trial.say(roc(17, b"LOI\xe8\3\5"))
    trial.answer(roc(17, is_answer=True))
    trial.say(roc(203, b"\4flash.bin"))
    trial.answer(roc(255, b"\x3f\6", is_answer=True))
    trial.answer(roc(224, b"\1"))
    login, done, file, refused, report = trial.sink.operations
    assert (login.kind, login.name, done.result) == (OpKind.SESSION, "LOI", "ok")
    assert (file.kind, file.area) == (OpKind.FILE, "download")
    assert (refused.service, refused.result) == ("general_file_transfer", "logon_required")
    assert (report.kind, report.direction) == (OpKind.REPORT, Direction.REPORT)
    assert [each.kind for each in trial.sink.anomalies] == [AnomalyKind.CLEAR_TEXT_CREDENTIAL]
    assert {(each.attribute, each.value) for each in trial.sink.evidence} == {
        (Attribute.USER, "LOI"), (Attribute.ROLE, "outstation"),
    }  # fmt: skip


def test_checks_of_roc_plus() -> None:
    assert roc_plus.check(roc(7), True) == SURE
    assert roc_plus.check(roc(7)[:-1] + b"\0", True) == WEAK
    assert roc_plus.check(roc(7) + b"\0", True) == NO


@given(st.lists(st.integers(0, 255), min_size=1, max_size=6), st.integers(1, 7))
def test_however_a_stream_is_cut_the_operations_are_the_same(firsts: list[int], size: int) -> None:
    stream = b"".join(roc(167, bytes((60, 0, 1, first))) for first in firsts)
    trial = Trial(RocPlus)
    for start in range(0, len(stream), size):
        trial.say(stream[start : start + size])
    assert [op.first for op in trial.sink.operations] == firsts


def over_ip(function: int, body: bytes, *, sequence: int = 7, count: int = 1) -> bytes:
    head = struct.pack("<HHH", 14, count, function) + bytes(8)
    return head + (struct.pack("<IBI", len(body) + 9, 9, sequence) + body if count else b"")


def test_signals_are_read_and_written_by_name() -> None:
    trial = Trial(Bsap, port=1234, as_datagrams=True)
    trial.say(over_ip(6, b"\xa0\0\4\1\0TANK.LEVEL.\0"))
    trial.answer(over_ip(5, b"\0\0\0\0\x20\x41"))
    trial.say(over_ip(6, b"\xa0\0\x84TANK.LEVEL.\0\1", sequence=8))
    trial.say(over_ip(6, b"\xa1\0\1\1", sequence=9))
    read, told, written, reset = trial.sink.operations
    assert (read.kind, read.name, read.transaction) == (OpKind.READ, "TANK.LEVEL.", 7)
    assert (told.result, told.name, told.value) == ("ok", "TANK.LEVEL.", b"\0\0\x20\x41")
    assert (written.kind, written.name) == (OpKind.WRITE, "TANK.LEVEL.")
    assert (reset.kind, reset.area) == (OpKind.CONTROL, "reset")


def serial(body: bytes, *, checksum: bytes | None = None) -> bytes:
    escaped = body.replace(b"\x10", b"\x10\x10")
    if checksum is None:
        checksum = bsap_serial.checksum_of(escaped).to_bytes(2, "little")
    return b"\x10\2" + escaped + b"\x10\3" + checksum


def test_serial_frames_over_udp_are_read() -> None:
    trial = Trial(BsapSerial, port=1235, as_datagrams=True)
    question = bytes.fromhex("0110 a0 1008 03 00") + b"\4\1\x40\x0f\1@GV.AS3.\0@GV.DS1.\0"
    trial.say(serial(question))
    trial.answer(serial(bytes.fromhex("0010 03 1008 a0 00") + b"\0\1\x82\xdf"))
    trial.say(serial(b"\1\x11\x85\0"))
    asked, told, polled = trial.sink.operations
    assert (asked.service, asked.unit, asked.name) == ("read_signal_by_name", 1, "@GV.AS3.,@GV.DS1.")
    assert (asked.transaction, told.result, told.value) == (0x0810, "ok", b"\x82\xdf")
    assert (polled.service, polled.kind) == ("poll", OpKind.SESSION)
    (header_log, header), (log, row) = bsap_log.zeek(asked)
    assert (header_log, header["ser"], header["dfun"], header["sfun"]) == ("bsap_serial_header", 16, "RDB", "PEI_PC")
    assert (log, row["func_code"], row["variables"]) == (
        "bsap_serial_rdb", "READ_SIGNAL_BY_NAME", ["@GV.AS3.", "@GV.DS1."],
    )  # fmt: skip
    assert bsap_log.zeek(told)[1][1]["func_code"] == "RSP_READ_SIGNAL_BY_NAME"
    assert bsap_serial.check(serial(question), True) == SURE
    assert bsap_serial.check(serial(question, checksum=b"\0\0"), True) == NO


def test_a_global_serial_message_tells_the_node_and_a_wrong_checksum_is_noted() -> None:
    trial = Trial(BsapSerial, as_datagrams=True)
    trial.say(serial(b"\x81\1\x34\2\0\0\0" + bytes.fromhex("a0 0100 03 00") + b"\x84\1@X1.\0\5"))
    trial.say(serial(b"\1\1\xa0\1\0\3\0\4", checksum=b"\0\0"))
    (op,) = trial.sink.operations
    assert (op.unit, op.service, op.name) == (0x234, "write_signal_by_name", "@X1.")
    assert [each.kind for each in trial.sink.anomalies] == [AnomalyKind.BAD_CHECKSUM]


def test_polls_and_what_is_not_in_order() -> None:
    trial = Trial(Bsap, as_datagrams=True)
    trial.say(over_ip(0, b"", count=0))
    trial.answer(over_ip(5, b"\0\0"))
    trial.say(over_ip(6, b"\xa0\0\x77"))
    trial.say(b"\x0f\0" + bytes(20))
    assert trial.sink.operations[0].service == "poll"
    assert [each.kind for each in trial.sink.anomalies] == [
        AnomalyKind.UNEXPECTED_RESPONSE, AnomalyKind.ILLEGAL_FUNCTION, AnomalyKind.MALFORMED,
    ]  # fmt: skip
    assert bsap.check(over_ip(6, b"\xa0\0\4"), True) == SURE
    assert bsap.check(over_ip(0, b"", count=0), True) == WEAK
    assert bsap.check(b"hello, this is text", True) == NO


def ber(tag: int, content: bytes) -> bytes:
    return bytes((tag, len(content))) + content


def metered(services: bytes, *, calling: int = 1, called: int = 0, control: int = 0x80) -> bytes:
    parts = ber(0xA2, ber(0x06, bytes.fromhex("2b060104")))
    if called:
        parts += ber(0xA4, ber(0x02, bytes((called,))))
    parts += ber(0xA8, ber(0x02, bytes((calling,))))
    return ber(0x60, parts + ber(0xBE, ber(0x28, ber(0x81, bytes((control,)) + services))))


def service(content: bytes) -> bytes:
    return bytes((len(content),)) + content


def test_tables_of_a_meter_are_read_and_written() -> None:
    trial = Trial(C1222, port=1153)
    trial.say(metered(service(b"\x30\0\1") + service(b"\x40\0\x06\0\2ab")))
    trial.answer(metered(service(b"\0\0\2xy\0") + service(b"\3"), calling=9, called=1))
    read, write, told, refused = trial.sink.operations
    assert (read.service, read.kind, read.area, read.first, read.unit) == (
        "full_read", OpKind.READ, "table", 1, "1.3.6.1.4",
    )  # fmt: skip
    assert (write.kind, write.first) == (OpKind.WRITE, 6)
    assert (told.result, told.first, told.value) == ("ok", 1, b"xy\0")
    assert (refused.result, refused.first) == ("insufficient_security_clearance", 6)
    assert told.latency_ns == 1_000_000
    assert trial.sink.evidence[0].value == "meter"


@pytest.mark.parametrize(
    ("procedure", "name"), [(9, "remote_reset"), (21, "direct_load_control"), (99, "procedure_99")]
)
def test_a_procedure_that_is_initiated_is_control(procedure: int, name: str) -> None:
    trial = Trial(C1222)
    trial.say(metered(service(b"\x40\0\7\0\3" + struct.pack("<H", procedure) + b"\1")))
    (op,) = trial.sink.operations
    assert (op.kind, op.area, op.name) == (OpKind.CONTROL, "procedure", name)


def test_passwords_in_clear_ciphered_services_and_unknown_ones() -> None:
    trial = Trial(C1222)
    trial.say(metered(service(b"\x50\0\0Operator  ") + service(b"\x51" + b"x" * 20)))
    trial.say(metered(bytes(20), control=0x88))
    trial.say(metered(service(b"\x99")))
    assert [op.service for op in trial.sink.operations] == ["logon", "security", "ciphered", "service_99"]
    assert [each.kind for each in trial.sink.anomalies] == [
        AnomalyKind.CLEAR_TEXT_CREDENTIAL, AnomalyKind.ILLEGAL_FUNCTION,
    ]  # fmt: skip


def test_checks_of_c1222() -> None:
    assert c1222.check(metered(service(b"\x20")), True) == SURE
    assert c1222.check(metered(service(b"\x20")) + b"\0", True) == NO
    assert c1222.check(ber(0x60, ber(0xA1, b"x")), True) == NO


@given(st.binary(max_size=60), st.sampled_from([17, 166, 167, 180, 181, 203, 224, 255]))
def test_hostile_content_raises_nothing(data: bytes, opcode: int) -> None:
    torture(RocPlus, roc(opcode, data))
    torture(Bsap, over_ip(6, b"\xa0\0\4" + data), as_datagrams=True)
    torture(C1222, metered(data))
