"""MQTT and CoAP."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor import AnomalyKind, Attribute, Direction, OpKind
from vedette.sensor.dissect import NO, SURE, WEAK, Trial, coap, mqtt, torture
from vedette.sensor.dissect.coap import Coap
from vedette.sensor.dissect.mqtt import Mqtt


def text(content: str) -> bytes:
    return struct.pack(">H", len(content)) + content.encode()


def packet(head: int, body: bytes) -> bytes:
    size, length = len(body), b""
    while True:
        size, rest = size >> 7, size & 0x7F
        length += bytes((rest | (0x80 if size else 0),))
        if not size:
            return bytes((head,)) + length + body


def connect(client: str = "pump-7", *, version: int = 4, user: str = "", password: str = "") -> bytes:
    flags = (0x80 if user else 0) | (0x40 if password else 0)
    body = text("MQTT") + bytes((version, flags)) + b"\0\x3c" + (b"\0" if version == 5 else b"") + text(client)
    return packet(0x10, body + (text(user) if user else b"") + (text(password) if password else b""))


def publish(topic: str, content: bytes, *, number: int = 0) -> bytes:
    return packet(0x32 if number else 0x30, text(topic) + (struct.pack(">H", number) if number else b"") + content)


def kinds(trial: Trial) -> list[AnomalyKind]:
    return [each.kind for each in trial.sink.anomalies]


def test_mqtt_tells_client_user_and_broker_and_masks_the_password() -> None:
    trial = Trial(Mqtt, port=1883)
    trial.say(connect(user="plant", password="h0rsebattery"))
    trial.answer(b"\x20\2\0\5")
    assert kinds(trial) == [AnomalyKind.CLEAR_TEXT_CREDENTIAL, AnomalyKind.LOGIN_FAILED]
    assert [(op.service, op.name, op.result) for op in trial.sink.operations] == [
        ("connect", "pump-7", ""),
        ("connack", "", "not_authorized"),
    ]
    assert {(piece.address, piece.attribute, piece.value) for piece in trial.sink.evidence} == {
        ("10.0.0.1", Attribute.NAME, "pump-7"),
        ("10.0.0.1", Attribute.USER, "plant"),
        ("10.0.0.2", Attribute.ROLE, "broker"),
    }
    assert "h0rsebattery" not in repr((trial.sink.operations, trial.sink.evidence, trial.sink.anomalies))


STREAM = (
    connect()
    + packet(0x82, b"\0\1" + text("cmd/#") + b"\1" + text("cfg/+") + b"\0")
    + publish("plant/level", b"4.2", number=9)
    + publish("plant/image", bytes(40_000))
    + b"\xc0\0"
)


@given(st.integers(40, 9_000))
def test_topics_are_told_and_long_content_is_passed_over(size: int) -> None:
    trial = Trial(Mqtt)
    for start in range(0, len(STREAM), size):
        trial.say(STREAM[start : start + size])
    trial.answer(b"\x40\2\0\x09")
    assert [(op.service, op.name, op.value) for op in trial.sink.operations] == [
        ("connect", "pump-7", None),
        ("subscribe", "cmd/#", None),
        ("subscribe", "cfg/+", None),
        ("publish", "plant/level", 3),
        ("publish", "plant/image", 40_000),
        ("pingreq", "", None),
        ("puback", "plant/level", None),
    ]
    assert trial.sink.operations[3].kind is OpKind.REPORT
    assert trial.sink.operations[-1].result == "ok"
    assert not trial.unparsed.lost_place


def test_version_5_is_read_past_its_properties() -> None:
    trial = Trial(Mqtt)
    trial.say(connect(version=5))
    trial.say(packet(0x30, text("a/b") + b"\2\1\1" + b"xyz"))
    assert [(op.name, op.value) for op in trial.sink.operations] == [("pump-7", None), ("a/b", 3)]


def test_a_client_that_answers_and_a_broker_that_connects_are_noted() -> None:
    trial = Trial(Mqtt)
    trial.say(b"\x20\2\0\0")
    trial.answer(connect())
    assert kinds(trial) == [AnomalyKind.WRONG_DIRECTION] * 2


def test_the_check_wants_the_name() -> None:
    assert mqtt.check(connect(), True) == SURE
    assert mqtt.check(publish("a", b"b"), True) == mqtt.check(b"\x20\2\0\0", False) == WEAK
    assert mqtt.check(connect(), False) == mqtt.check(b"\x10\x0c\0\4HTTP", True) == NO


def option(delta: int, content: bytes) -> bytes:
    if delta < 13:
        return bytes((delta << 4 | len(content),)) + content
    return bytes((13 << 4 | len(content), delta - 13)) + content


def message(code: int, *options: bytes, kind: int = 0, number: int = 0x1234, content: bytes = b"") -> bytes:
    tail = b"\xff" + content if content else b""
    return bytes((0x40 | kind << 4 | 2, code)) + struct.pack(">H", number) + b"tk" + b"".join(options) + tail


PUT = message(3, option(11, b"lamp"), option(0, b"state"), option(4, b"token=1"), content=b"1")


def test_coap_names_method_and_path() -> None:
    trial = Trial(Coap)
    trial.say(PUT)
    trial.answer(message(0x44, kind=2))
    asked, answered = trial.sink.operations
    assert (asked.service, asked.kind, asked.name) == ("put", OpKind.WRITE, "/lamp/state?token=***")
    assert (answered.service, answered.name, answered.result) == ("put", "/lamp/state?token=***", "ok")
    assert (answered.direction, answered.latency_ns) == (Direction.RESPONSE, 1_000_000)


def test_observations_are_answered_again_and_again() -> None:
    trial = Trial(Coap)
    trial.say(message(1, option(6, b""), option(5, b"temp")))
    for _ in range(3):
        trial.answer(message(0x45, option(6, b"\1"), content=b"21"))
    assert [op.name for op in trial.sink.operations] == ["/temp"] * 4


@pytest.mark.parametrize(("code", "result"), [(0x84, "4.04"), (0xA0, "5.00"), (0x45, "ok")])
def test_results_are_the_standards(code: int, result: str) -> None:
    trial = Trial(Coap)
    trial.answer(message(code))
    assert trial.sink.operations[0].result == result


def test_discovery_is_an_identification() -> None:
    trial = Trial(Coap)
    trial.say(message(1, option(11, b".well-known"), option(0, b"core")))
    assert trial.sink.operations[0].kind is OpKind.IDENTIFY


@pytest.mark.parametrize(
    "content", [b"\x49\1\0\0" + bytes(9), b"\x40\1\0\0\xb5ab", b"\x40\1\0\0\xf0", b"\x40\1\0\0" + b"\x10a" * 65],
    ids=["token", "beyond", "reserved", "many"],
)  # fmt: skip
def test_contradictions_are_malformed(content: bytes) -> None:
    trial = Trial(Coap)
    trial.say(content)
    assert kinds(trial) == [AnomalyKind.MALFORMED]


def test_codes_that_nobody_defined_are_noted() -> None:
    trial = Trial(Coap)
    trial.say(message(31))
    trial.say(b"\x40\0\0\1")
    assert kinds(trial) == [AnomalyKind.ILLEGAL_FUNCTION]
    assert trial.sink.operations[1].service == "ping"


def test_the_check_wants_a_path() -> None:
    assert coap.check(PUT, True) == SURE
    assert coap.check(message(0x44), False) == WEAK
    assert coap.check(b"\x80" + PUT[1:], True) == NO


@given(st.binary(max_size=200))
def test_hostile_bytes_are_survived(content: bytes) -> None:
    for start in (b"", connect(), connect(version=5), b"\x10\x20\0\4MQTT\5\xff\0\0"):
        torture(Mqtt, start + content)
    torture(Coap, content)
    torture(Coap, PUT[:6] + content)
