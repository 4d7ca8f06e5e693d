from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor import AnomalyKind, Attribute, Direction, OpKind
from vedette.sensor.dissect import NO, SURE, Trial, mms, s7_log, torture
from vedette.sensor.dissect.mms import Mms
from vedette.sensor.dissect.s7comm import S7comm


def ber(tag: int, content: bytes) -> bytes:
    size = len(content)
    head = tag.to_bytes(1 if tag < 0x100 else 2, "big")
    return head + (bytes((size,)) if size < 128 else b"\x82" + size.to_bytes(2, "big")) + content


def packet(content: bytes) -> bytes:
    return struct.pack(">BBHBBB", 3, 0, len(content) + 7, 2, 0xF0, 0x80) + content


def unit(pdu: bytes) -> bytes:
    return packet(b"\1\0\1\0" + ber(0x61, ber(0x30, b"\2\1\3" + ber(0xA0, pdu))))


def item(domain: str, name: str) -> bytes:
    return ber(0x30, ber(0xA0, ber(0xA1, ber(0x1A, domain.encode()) + ber(0x1A, name.encode()))))


def asked(number: int, service: bytes) -> bytes:
    return unit(ber(0xA0, b"\2\1" + bytes((number,)) + service))


def answered(number: int, service: bytes) -> bytes:
    return unit(ber(0xA1, b"\2\1" + bytes((number,)) + service))


def read(number: int, *items: bytes) -> bytes:
    return asked(number, ber(0xA4, ber(0xA1, ber(0xA0, b"".join(items)))))


def write(number: int, items: bytes, data: bytes) -> bytes:
    return asked(number, ber(0xA5, ber(0xA0, items) + ber(0xA0, data)))


def test_items_are_read_and_each_answered() -> None:
    trial = Trial(Mms, port=102)
    trial.say(read(1, item("LD0", "MMXU1$MX$TotW"), item("LD0", "XCBR1$ST$Pos")))
    trial.answer(answered(1, ber(0xA4, ber(0xA1, bytes.fromhex("8705 0841200000 800103")))))
    first, second, value, refused = trial.sink.operations
    assert (first.service, first.kind, first.name) == ("read", OpKind.READ, "LD0/MMXU1$MX$TotW")
    assert second.name == "LD0/XCBR1$ST$Pos"
    assert (value.direction, value.name, value.value, value.result) == (Direction.RESPONSE, first.name, 10.0, "ok")
    assert (refused.name, refused.result, refused.latency_ns) == (second.name, "object_access_denied", 1_000_000)


def name(domain: str, own: str) -> bytes:
    return ber(0xA1, ber(0x1A, domain.encode()) + ber(0x1A, own.encode()))


def test_questions_about_names_tell_them_and_answers_what_is_listed() -> None:
    trial = Trial(Mms)
    trial.say(asked(1, ber(0xA1, ber(0xA0, b"\x80\1\0") + ber(0xA1, ber(0x81, b"LD0")))))
    trial.answer(answered(1, ber(0xA1, ber(0xA0, ber(0x1A, b"LLN0") + ber(0x1A, b"MMXU1")) + b"\x81\1\0")))
    trial.say(asked(2, ber(0xA6, ber(0xA0, name("LD0", "LLN0$BR$rcb")))))
    trial.say(asked(3, ber(0xAC, name("LD0", "LLN0$dsA"))))
    trial.answer(answered(3, ber(0xAC, b"\x80\1\0" + ber(0xA1, item("LD0", "A") + item("LD0", "B")))))
    trial.say(asked(4, ber(0xAB, name("LD0", "dsNew") + ber(0xA0, item("LD0", "A")))))
    trial.say(asked(5, ber(0xAD, b"\x80\1\0" + ber(0xA1, name("LD0", "dsOld")))))
    assert [(op.service, op.name, op.value) for op in trial.sink.operations] == [
        ("get_name_list", "LD0", None), ("get_name_list", "LD0", ("LLN0", "MMXU1")),
        ("get_variable_access_attributes", "LD0/LLN0$BR$rcb", None),
        ("get_named_variable_list_attributes", "LD0/LLN0$dsA", None),
        ("get_named_variable_list_attributes", "LD0/LLN0$dsA", ("LD0/A", "LD0/B")),
        ("define_named_variable_list", "LD0/dsNew", None), ("delete_named_variable_list", "LD0/dsOld", None),
    ]  # fmt: skip


def test_one_structure_is_shown_whole() -> None:
    trial = Trial(Mms)
    trial.say(read(1, item("LD0", "XCBR1$ST$Pos")))
    trial.answer(answered(1, ber(0xA4, ber(0xA1, ber(0xA2, b"\x84\2\6\x80\x83\1\1")))))
    assert trial.sink.operations[1].value == ("10", True)


def test_writing_to_a_control_object_is_control_and_elsewhere_a_write() -> None:
    trial = Trial(Mms)
    trial.say(write(1, item("LD0", "XCBR1$CO$Pos$Oper"), ber(0xA2, b"\x83\1\1\x86\1\5")))
    trial.answer(answered(1, ber(0xA5, b"\x81\0")))
    trial.say(write(2, item("LD0", "LLN0$BR$brcb01$RptEna"), b"\x83\1\1"))
    trial.answer(answered(2, ber(0xA5, b"\x80\1\3")))
    operate, done, enable, refused = trial.sink.operations
    assert (operate.kind, operate.area, operate.value) == (OpKind.CONTROL, "control_object", (True, 5))
    assert (done.kind, done.result) == (OpKind.CONTROL, "ok")
    assert (enable.kind, enable.value) == (OpKind.WRITE, True)
    assert refused.result == "object_access_denied"


@pytest.mark.parametrize(
    ("service", "name", "kind", "area", "object_name"),
    [
        (ber(0xBF29, ber(0x80, b"main")), "stop", OpKind.CONTROL, "stop", "main"),
        (ber(0xBF1A, ber(0x80, b"prog")), "initiate_download_sequence", OpKind.PROGRAM, "download", "prog"),
        (ber(0xBF48, ber(0xA0, ber(0x19, b"a.cfg"))), "file_open", OpKind.FILE, "upload", "a.cfg"),
        (ber(0xBF4C, ber(0x19, b"a.cfg")), "file_delete", OpKind.FILE, "download", "a.cfg"),
    ],
)
def test_programs_files_and_stops_have_names(
    service: bytes, name: str, kind: OpKind, area: str, object_name: str
) -> None:
    trial = Trial(Mms)
    trial.say(asked(1, service))
    (op,) = trial.sink.operations
    assert (op.service, op.kind, op.area, op.name) == (name, kind, area, object_name)


def test_a_device_tells_what_it_is() -> None:
    trial = Trial(Mms)
    trial.say(asked(1, b"\x82\0"))
    trial.answer(answered(1, ber(0xA2, ber(0x80, b"Acme") + ber(0x81, b"Relay 7") + ber(0x82, b"2.1"))))
    assert {each.attribute: each.value for each in trial.sink.evidence} == {
        Attribute.VENDOR: "Acme", Attribute.MODEL: "Relay 7", Attribute.FIRMWARE: "2.1", Attribute.ROLE: "controller",
    }  # fmt: skip


def test_reports_errors_and_rejections() -> None:
    trial = Trial(Mms)
    trial.answer(
        unit(
            ber(
                0xA3, ber(0xA0, ber(0xA1, ber(0x80, b"RPT")) + ber(0xA0, b"\x8a\4rpt1\x83\1\1\x85\1\7\x85\1\1\x85\1\2"))
            )
        )
    )
    trial.say(read(1, item("LD0", "x")))
    trial.answer(unit(ber(0xA2, b"\x80\1\1" + ber(0xA2, ber(0xA0, b"\x87\1\2")))))
    trial.say(read(2, item("LD0", "y")))
    trial.answer(unit(ber(0xA4, b"\x80\1\2\x81\1\1")))
    report, _, failed, _, rejected = trial.sink.operations
    assert (report.kind, report.direction, report.name) == (OpKind.REPORT, Direction.REPORT, "RPT")
    assert report.value == ("rpt1", True, 7, 1, 2)
    assert (failed.service, failed.name, failed.result) == ("read", "LD0/x", "access_2")
    assert (rejected.name, rejected.result) == ("LD0/y", "rejected")


def test_sessions_open() -> None:
    trial = Trial(Mms)
    trial.say(packet(b"\x0d\x20" + bytes(20) + bytes.fromhex("060528ca220201") + bytes(5)))
    trial.answer(packet(b"\x0e\x20" + bytes(30)))
    assert [(op.service, op.kind, op.result) for op in trial.sink.operations] == [
        ("initiate", OpKind.SESSION, ""), ("initiate", OpKind.SESSION, "ok"),
    ]  # fmt: skip


def test_what_is_not_in_order_is_noted() -> None:
    trial = Trial(Mms)
    trial.say(asked(1, ber(0xBF7E, b"")))
    trial.answer(answered(1, ber(0xA4, ber(0xA1, b"\x83\1\1"))))
    trial.say(unit(ber(0xA0, b"\2\x41\1")))
    assert [each.kind for each in trial.sink.anomalies] == [
        AnomalyKind.ILLEGAL_FUNCTION, AnomalyKind.UNEXPECTED_RESPONSE, AnomalyKind.MALFORMED,
    ]  # fmt: skip


def test_checks_and_zeek_row() -> None:
    assert mms.check(read(1, item("LD0", "x")), True) == SURE
    assert mms.check(packet(b"\x0d\x20" + bytes.fromhex("060528ca220201")), True) == SURE
    assert mms.check(packet(b"\x32\1" + bytes(20)), True) == NO
    assert mms.check(packet(b"\1\0\1\0" + ber(0x61, ber(0x30, b"\2\1\1" + ber(0xA0, b"x")))), True) == NO
    trial = Trial(Mms)
    trial.say(read(1, item("LD0", "x")))
    ((log, row),) = mms.zeek(trial.sink.operations[0])
    assert (log, row["service"], row["object"], row["invoke_id"]) == ("mms", "read", "LD0/x", 1)


@given(st.lists(st.text("abc$", min_size=1, max_size=20), min_size=1, max_size=5), st.integers(1, 17))
def test_however_a_stream_is_cut_the_operations_are_the_same(names: list[str], size: int) -> None:
    stream = b"".join(read(number, item("LD0", name)) for number, name in enumerate(names))
    trial = Trial(Mms)
    for start in range(0, len(stream), size):
        trial.say(stream[start : start + size])
    assert [op.name for op in trial.sink.operations] == [f"LD0/{name}" for name in names]


@given(st.binary(max_size=200), st.sampled_from([0xA0, 0xA1, 0xA2, 0xA3, 0xA4]))
def test_hostile_content_raises_nothing(data: bytes, tag: int) -> None:
    torture(Mms, unit(ber(tag, b"\2\1\1" + data)))
    torture(Mms, read(1, item("LD0", "x")) + unit(ber(tag, b"\2\1\1\xa4" + bytes((len(data) & 127,)) + data)))


def test_mms_behind_selectors_of_a_controller_is_read() -> None:
    confirm = bytes.fromhex("0300 0016 11 d0 0000 0001 00 c0010a c1020100 c2020102")
    trial = Trial(S7comm, port=102)
    trial.answer(confirm)
    trial.say(packet(b"\x0d\x05\x00"))
    trial.say(read(1, item("LD0", "MMXU1$MX$TotW")))
    assert [(op.protocol, op.service) for op in trial.sink.operations] == [("mms", "initiate"), ("mms", "read")]
    assert not trial.sink.anomalies
    ((log, row),) = s7_log.zeek(trial.sink.operations[1])
    assert (log, row["object"]) == ("mms", "LD0/MMXU1$MX$TotW")


def test_mms_straight_over_cotp_is_read() -> None:
    trial = Trial(S7comm, port=102)
    trial.say(packet(ber(0xA8, bytes.fromhex("80020fff"))))
    trial.answer(packet(ber(0xA9, b"")))
    trial.say(packet(ber(0xA0, b"\2\1\1" + ber(0xA4, ber(0xA1, ber(0xA0, item("LD0", "XCBR1$ST$Pos")))))))
    assert [(op.service, op.direction, op.name) for op in trial.sink.operations] == [
        ("initiate", Direction.REQUEST, ""), ("initiate", Direction.RESPONSE, ""),
        ("read", Direction.REQUEST, "LD0/XCBR1$ST$Pos"),
    ]  # fmt: skip
    assert not mms.is_one(b"\xa0\x01\x02\x00")
