from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor import AnomalyKind, Attribute, Direction, OpKind
from vedette.sensor.dissect import NO, SURE, Trial, profinet_cm, torture
from vedette.sensor.dissect.profinet_cm import ProfinetCm

INTERFACE = bytes.fromhex("0100a0de 976c d111 8271 00a02442df7d")


def call(kind: int, operation: int, body: bytes, *, number: int = 5) -> bytes:
    head = bytes((4, kind, 0x20, 0, 0x10, 0, 0, 0)) + bytes(16) + INTERFACE + b"\x11" * 16
    head += struct.pack("<IIIHHHHHBB", 0, 1, number, operation, 0xFFFF, 0xFFFF, len(body), 0, 0, 0)
    return head + body


def block(kind: int, content: bytes) -> bytes:
    return struct.pack(">HHH", kind, len(content) + 2, 0x0100) + content


def record(kind: int, index: int, *, slot: int = 1, sub: int = 1, length: int = 64) -> bytes:
    place = struct.pack(">HHHHI", slot, sub, 0, index, length)
    return block(kind, struct.pack(">H16sI", 1, bytes(16), 0) + place + bytes(24))


def asked(operation: int, blocks: bytes, *, number: int = 5) -> bytes:
    return call(0, operation, struct.pack("<IIIII", 9_999, len(blocks), 9_999, 0, len(blocks)) + blocks, number=number)


def answered(operation: int, blocks: bytes = b"", *, status: int = 0, number: int = 5) -> bytes:
    return call(2, operation, struct.pack("<IIIII", status, len(blocks), 0, 0, len(blocks)) + blocks, number=number)


def trial() -> Trial:
    return Trial(ProfinetCm, port=34_964, as_datagrams=True)


def test_a_relation_is_asked_for_by_a_named_controller() -> None:
    heard = trial()
    relation = struct.pack(">H16sH6s16sIHHH", 1, bytes(16), 1, b"\6" * 6, bytes(16), 0, 600, 0x8892, 6) + b"plc-01"
    heard.say(asked(0, block(0x0101, relation)))
    heard.answer(answered(0))
    connect, done = heard.sink.operations
    assert (connect.service, connect.kind, connect.area, connect.name) == (
        "connect", OpKind.SESSION, "relation", "plc-01",
    )  # fmt: skip
    assert (done.result, done.latency_ns, done.area) == ("ok", 1_000_000, "relation")
    assert {(each.address, each.attribute, each.value) for each in heard.sink.evidence} == {
        ("10.0.0.1", Attribute.NAME, "plc-01"), ("10.0.0.1", Attribute.ROLE, "controller"),
        ("10.0.0.2", Attribute.ROLE, "io_device"),
    }  # fmt: skip


def test_identification_is_read() -> None:
    identity = struct.pack(">H20s16sHcBBB", 0x002A, b"6ES7 155-6AU01-0BN0", b"S C-L1234567", 3, b"V", 4, 2, 1) + bytes(
        16
    )
    heard = trial()
    heard.say(asked(2, record(0x0009, 0xAFF0)))
    heard.answer(answered(2, record(0x8009, 0xAFF0) + block(0x0020, identity)))
    read, done = heard.sink.operations
    assert (read.kind, read.area, read.first, read.unit) == (OpKind.READ, "identification_0", 0xAFF0, "1.1")
    assert (done.direction, done.area, done.result) == (Direction.RESPONSE, "identification_0", "ok")
    assert {each.attribute: each.value for each in heard.sink.evidence} == {
        Attribute.PRODUCT_CODE: "6ES7 155-6AU01-0BN0", Attribute.SERIAL: "S C-L1234567", Attribute.HARDWARE: "3",
        Attribute.FIRMWARE: "V4.2.1",
    }  # fmt: skip


@pytest.mark.parametrize("index", [0x0001, 0x8071])
def test_a_record_is_written_whatever_it_holds(index: int) -> None:
    heard = trial()
    heard.say(asked(3, record(0x0008, index) + b"\1\2\3\4\1\1"))
    heard.answer(answered(3, status=0xDF80B000))
    written, refused = heard.sink.operations
    assert (written.kind, written.first) == (OpKind.WRITE, index)
    assert written.value == b"\1\2\3\4\1\1"
    assert refused.result == "error_df80b000"
    assert not heard.sink.anomalies


def test_the_end_of_parameters_and_faults() -> None:
    heard = trial()
    heard.say(asked(4, block(0x0110, bytes(26))))
    heard.answer(call(3, 4, bytes(4)))
    ended, failed = heard.sink.operations
    assert (ended.service, ended.area) == ("control", "parameters_end")
    assert failed.result == "fault"


def test_what_contradicts_itself_is_malformed() -> None:
    heard = trial()
    heard.say(asked(0, block(0x0101, bytes(60))[:-9]))
    heard.answer(call(2, 0, b"\0"))
    assert [each.kind for each in heard.sink.anomalies] == [AnomalyKind.MALFORMED, AnomalyKind.MALFORMED]


def test_checks() -> None:
    assert profinet_cm.check(asked(2, record(0x0009, 0xAFF0)), True) == SURE
    assert profinet_cm.check(bytes((4, 0)) + bytes(90), True) == NO


@given(st.binary(max_size=300), st.sampled_from([0, 2, 3]), st.integers(0, 5))
def test_hostile_content_raises_nothing(data: bytes, kind: int, operation: int) -> None:
    torture(ProfinetCm, call(kind, operation, data), as_datagrams=True)
    torture(ProfinetCm, asked(operation, record(0x0009, 0xAFF0) + data), as_datagrams=True)
