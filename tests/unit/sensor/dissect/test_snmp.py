from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor import AnomalyKind, Attribute, Direction, OpKind
from vedette.sensor.dissect import NO, SURE, Trial, snmp, torture
from vedette.sensor.dissect.snmp import Snmp

DESCRIPTION, NAME, OBJECT = "2b06010201010100", "2b06010201010500", "2b06010201010200"


def tlv(tag: int, content: bytes) -> bytes:
    size = len(content)
    return bytes((tag,)) + (bytes((size,)) if size < 128 else b"\x82" + size.to_bytes(2, "big")) + content


def number(value: int) -> bytes:
    return tlv(2, value.to_bytes((value.bit_length() // 8) + 1, "big"))


def binding(name: str, value: bytes = b"\5\0") -> bytes:
    return tlv(0x30, tlv(6, bytes.fromhex(name)) + value)


def pdu(tag: int, *bindings: bytes, error: int = 0, request: int = 99) -> bytes:
    return tlv(tag, number(request) + number(error) + number(0) + tlv(0x30, b"".join(bindings)))


def message(inner: bytes, *, version: int = 1, community: bytes = b"s3cr3t") -> bytes:
    return tlv(0x30, number(version) + tlv(4, community) + inner)


def test_the_system_group_tells_who_answers() -> None:
    trial = Trial(Snmp, port=161)
    trial.say(message(pdu(0xA0, binding(DESCRIPTION), binding(NAME))))
    siemens = tlv(6, bytes.fromhex("2b06010401a0642301"))
    trial.answer(
        message(pdu(0xA2, binding(DESCRIPTION, tlv(4, b"SCALANCE X208")), binding(NAME, tlv(4, b"sw-7")),
                    binding(OBJECT, siemens)))
    )  # fmt: skip
    assert {(piece.attribute, piece.value) for piece in trial.sink.evidence} == {
        (Attribute.DESCRIPTION, "SCALANCE X208"),
        (Attribute.NAME, "sw-7"),
        (Attribute.VENDOR, "Siemens"),
        (Attribute.FINGERPRINT, "snmp:1.3.6.1.4.1.4196.35.1"),
    }
    asked, answered = trial.sink.operations
    assert (asked.service, asked.name, asked.count) == ("get", "1.3.6.1.2.1.1.1.0", 2)
    assert (answered.service, answered.direction, answered.result) == ("get", Direction.RESPONSE, "ok")
    assert answered.value == ("SCALANCE X208", "sw-7", "1.3.6.1.4.1.4196.35.1")


@pytest.mark.parametrize(("community", "count"), [(b"s3cr3t", 1), (b"public", 2), (b"private", 2)])
def test_a_community_is_noted_once_and_never_kept(community: bytes, count: int) -> None:
    trial = Trial(Snmp)
    for _ in range(3):
        trial.say(message(pdu(0xA1, binding(NAME)), community=community))
    assert len(trial.sink.anomalies) == count
    assert community.decode() not in repr((trial.sink.operations, trial.sink.anomalies, trial.sink.evidence))
    assert trial.sink.operations[0].detail == {"version": "2c", "community": "***"}


def test_a_set_is_a_write_with_its_value() -> None:
    trial = Trial(Snmp)
    trial.say(message(pdu(0xA3, binding("2b06010201020201070a", number(2)))))
    trial.answer(message(pdu(0xA2, binding("2b06010201020201070a", number(2)), error=17)))
    asked, answered = trial.sink.operations
    assert (asked.kind, asked.value) == (OpKind.WRITE, (2,))
    assert (answered.service, answered.kind, answered.result) == ("set", OpKind.WRITE, "not_writable")


def test_a_trap_of_version_1_is_read() -> None:
    trial = Trial(Snmp)
    inner = tlv(6, bytes.fromhex("2b0601040109")) + tlv(0x40, bytes((10, 0, 0, 7))) + number(4) + number(0)
    trial.say(message(tlv(0xA4, inner + tlv(0x43, b"\5") + tlv(0x30, binding(NAME, tlv(4, b"a")))), version=0))
    (op,) = trial.sink.operations
    assert (op.service, op.name, op.value) == ("trap", "1.3.6.1.4.1.9", (4, "a"))
    assert AnomalyKind.LOGIN_FAILED in {each.kind for each in trial.sink.anomalies}


def version_3(flags: int, inner: bytes, user: bytes = b"operator") -> bytes:
    head = tlv(0x30, number(55) + number(65_507) + tlv(4, bytes((flags,))) + number(3))
    engine = bytes.fromhex("800000090300aabbccddee")
    security = tlv(0x30, tlv(4, engine) + number(1) + number(2) + tlv(4, user) + tlv(4, b"") + tlv(4, b""))
    return tlv(0x30, number(3) + head + tlv(4, security) + inner)


def test_version_3_tells_user_and_maker() -> None:
    trial = Trial(Snmp)
    scoped = tlv(0x30, tlv(4, b"e") + tlv(4, b"") + pdu(0xA0, binding(NAME)))
    trial.say(version_3(0, scoped))
    trial.answer(version_3(3, tlv(4, b"\x9a" * 40)))
    assert [op.service for op in trial.sink.operations] == ["get", "encrypted"]
    assert {(piece.address, piece.value) for piece in trial.sink.evidence} == {
        ("10.0.0.1", "operator"),
        ("10.0.0.2", "Cisco"),
    }
    assert not trial.sink.anomalies


@pytest.mark.parametrize(
    "content",
    [b"\x31\0", b"\x30\x85" + bytes(9), message(pdu(0xA0, binding(NAME)))[:-4], message(b"\xa0\x03\x02\x01")],
    ids=["no sequence", "long length", "cut", "beyond"],
)
def test_contradictions_are_malformed(content: bytes) -> None:
    trial = Trial(Snmp)
    trial.say(content)
    assert AnomalyKind.MALFORMED in {each.kind for each in trial.sink.anomalies}


def test_an_unknown_operation_is_noted() -> None:
    trial = Trial(Snmp)
    trial.answer(message(pdu(0xAA, binding(NAME))))
    assert [each.kind for each in trial.sink.anomalies] == [AnomalyKind.ILLEGAL_FUNCTION]


def test_the_check_wants_the_whole_envelope() -> None:
    good = message(pdu(0xA0, binding(NAME)))
    assert snmp.check(good, True) == snmp.check(version_3(0, b""), True) == SURE
    assert snmp.check(good, False) == snmp.check(good + b"\0", True) == NO


@given(st.binary(max_size=120))
def test_hostile_bytes_are_survived(content: bytes) -> None:
    torture(Snmp, content)
    torture(Snmp, message(content))
    torture(Snmp, version_3(0, content))
    torture(Snmp, message(pdu(0xA2, content)))
