from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor import AnomalyKind, Attribute, Direction, OpKind
from vedette.sensor.dissect import SURE, Malformed, Trial, goose, torture
from vedette.sensor.dissect.goose import Goose, SampledValues


def ber(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes((size,)) if size < 128 else bytes((0x82,)) + size.to_bytes(2, "big")
    return bytes((tag,)) + length + content


def number(value: int, size: int = 1) -> bytes:
    return value.to_bytes(size, "big")


def enveloped(pdu: bytes, *, reserved: int = 0) -> bytes:
    return struct.pack(">HHHH", 0x0001, len(pdu) + 8, reserved, 0) + pdu


def message(state: int = 1, sequence: int = 0, data: bytes = b"\x83\1\1", *, simulated: bool = False) -> bytes:
    return enveloped(
        ber(
            0x61,
            ber(0x80, b"RELAY1LD0/LLN0$GO$trip") + ber(0x81, number(2_000, 2)) + ber(0x82, b"RELAY1LD0/LLN0$ds")
            + ber(0x83, b"trip") + ber(0x84, bytes(8)) + ber(0x85, number(state)) + ber(0x86, number(sequence))
            + ber(0x87, number(int(simulated))) + ber(0x88, number(3)) + ber(0x89, b"\0") + ber(0x8A, b"\1")
            + ber(0xAB, data),
        )
    )  # fmt: skip


def nested(depth: int) -> bytes:
    return ber(0xA2, nested(depth - 1)) if depth else b""


def trial() -> Trial:
    return Trial(Goose, port=0x88B8, as_datagrams=True)


def test_a_publication_tells_its_block_state_and_values() -> None:
    heard = trial()
    heard.say(message(data=bytes.fromhex("830100 87050841200000 8403 06 9040 a206 8501ff 860105")))
    (op,) = heard.sink.operations
    assert (op.protocol, op.kind, op.direction, op.unit) == ("goose", OpKind.REPORT, Direction.REPORT, 1)
    assert (op.name, op.area, op.first, op.transaction) == ("RELAY1LD0/LLN0$GO$trip", "state", 1, 0)
    assert op.value == (False, 10.0, "1001000001", -1, 5)
    assert op.detail is not None
    assert (op.detail["conf_rev"], op.detail["go_id"], op.detail["simulation"]) == (3, "trip", False)
    assert {each.attribute: each.value for each in heard.sink.evidence} == {
        Attribute.ROLE: "protection_relay", Attribute.NAME: "RELAY1LD0",
    }  # fmt: skip


def test_a_change_of_state_is_told_from_its_repetitions() -> None:
    heard = trial()
    for state, sequence in ((1, 0), (1, 1), (2, 0), (2, 1)):
        heard.say(message(state, sequence))
    assert [op.area for op in heard.sink.operations] == ["state", "state", "state_change", "state"]
    assert not heard.sink.anomalies


@pytest.mark.parametrize(("first", "second"), [((9, 0), (5, 0)), ((9, 7), (9, 3))])
def test_numbers_that_go_back_are_noted(first: tuple[int, int], second: tuple[int, int]) -> None:
    heard = trial()
    heard.say(message(*first))
    heard.say(message(*second))
    assert [each.kind for each in heard.sink.anomalies] == [AnomalyKind.ILLEGAL_VALUE]


def test_a_relay_that_starts_again_is_no_anomaly() -> None:
    heard = trial()
    heard.say(message(9, 5))
    heard.say(message(1, 0))
    assert not heard.sink.anomalies


def test_simulated_messages_say_so() -> None:
    heard = trial()
    heard.say(message(simulated=True))
    heard.say(message(sequence=1)[:4] + b"\x80\0" + message(sequence=1)[6:])
    assert [op.detail and op.detail["simulation"] for op in heard.sink.operations] == [True, True]


def sample(count: int) -> bytes:
    unit = ber(
        0x30,
        ber(0x80, b"MU01") + ber(0x82, number(count, 2)) + ber(0x83, number(1, 4)) + ber(0x85, b"\2")
        + ber(0x87, bytes(64)),
    )  # fmt: skip
    return enveloped(ber(0x60, ber(0x80, b"\1") + ber(0xA2, unit)))


def test_sampled_values_are_one_record_for_a_frame() -> None:
    heard = Trial(SampledValues, port=0x88BA, as_datagrams=True)
    for count in (7, 8):
        heard.say(sample(count))
    assert [(op.name, op.count, op.transaction) for op in heard.sink.operations] == [("MU01", 1, 7), ("MU01", 1, 8)]
    assert [each.value for each in heard.sink.evidence] == ["io_device"]


@pytest.mark.parametrize(
    "payload",
    [
        message()[:-3],
        b"\0\1\0\7" + bytes(20),
        enveloped(ber(0x61, ber(0x80, b"x"))),
        enveloped(ber(0x62, b"")),
        message(data=b"\x84\2\x09\0"),
        message(data=nested(10)),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_malformed(payload: bytes) -> None:
    heard = trial()
    heard.say(payload)
    assert [each.kind for each in heard.sink.anomalies] == [AnomalyKind.MALFORMED]


def test_checks() -> None:
    assert goose.check(message(), True) == SURE
    assert goose.check_sv(sample(1), True) == SURE
    with pytest.raises(Malformed):
        goose.check(sample(1), True)


@given(st.binary(max_size=120))
def test_hostile_content_raises_nothing(data: bytes) -> None:
    torture(Goose, enveloped(ber(0x61, data)), as_datagrams=True)
    torture(Goose, message(data=data), as_datagrams=True)
    torture(SampledValues, enveloped(ber(0x60, data)), as_datagrams=True)
