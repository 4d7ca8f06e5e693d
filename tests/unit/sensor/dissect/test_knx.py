from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor import AnomalyKind, Attribute, Direction, OpKind
from vedette.sensor.dissect import NO, SURE, Trial, knx, torture
from vedette.sensor.dissect.knx import Knx


def message(code: int, content: bytes) -> bytes:
    return struct.pack(">BBHH", 6, 0x10, code, len(content) + 6) + content


def bus(application: bytes, *, kind: int = 0x11, target: int = 0x0901, is_group: bool = True) -> bytes:
    control = 0xE0 if is_group else 0x60
    return struct.pack(">BBBBHHB", kind, 0, 0xBC, control, 0x1101, target, len(application) - 1) + application


def tunnelled(frame: bytes, sequence: int = 5) -> bytes:
    return message(0x0420, bytes((4, 1, sequence, 0)) + frame)


def trial() -> Trial:
    return Trial(Knx, port=3671, as_datagrams=True)


def test_a_group_is_switched_and_confirmed() -> None:
    heard = trial()
    heard.say(tunnelled(bus(b"\0\x81")))
    heard.answer(tunnelled(bus(b"\0\x81", kind=0x2E)))
    asked, done = heard.sink.operations
    assert (asked.service, asked.kind, asked.name, asked.value) == ("group_value_write", OpKind.WRITE, "1/1/1", 1)
    assert (asked.unit, asked.area, asked.transaction) == ("1.1.1", "group", 5)
    assert (done.direction, done.result, done.latency_ns) == (Direction.RESPONSE, "ok", 1_000_000)


def test_longer_values_stand_behind_the_service() -> None:
    heard = trial()
    heard.say(message(0x0530, bus(b"\0\x80\x0c\x1a", kind=0x29)))
    (op,) = heard.sink.operations
    assert (op.direction, op.kind, op.value) == (Direction.REPORT, OpKind.WRITE, b"\x0c\x1a")


@pytest.mark.parametrize(
    ("application", "service", "kind", "area"),
    [
        (b"\3\x80", "restart", OpKind.CONTROL, "restart"),
        (b"\2\x81\1\0\xff", "memory_write", OpKind.PROGRAM, "download"),
        (b"\0\xc0\x11\x02", "individual_address_write", OpKind.PROGRAM, "download"),
        (b"\3\xd7\0\1\x10\1\0", "property_value_write", OpKind.WRITE, "device"),
        (b"\3\xd1\0\xff\xff\xff\xff", "authorize_request", OpKind.SESSION, "device"),
        (b"\x80", "transport_control", OpKind.SESSION, "device"),
    ],
)
def test_tools_program_and_restart_devices(application: bytes, service: str, kind: OpKind, area: str) -> None:
    heard = trial()
    heard.say(tunnelled(bus(application, is_group=False, target=0x1102)))
    (op,) = heard.sink.operations
    assert (op.service, op.kind, op.area, op.name) == (service, kind, area, "1.1.2")
    roles = [each.value for each in heard.sink.evidence]
    assert roles == (["engineering_station"] if kind in {OpKind.PROGRAM, OpKind.CONTROL} else [])


def test_an_interface_describes_itself() -> None:
    block = struct.pack(
        ">BBBBHH6s4s6s30s", 54, 1, 2, 0, 0x1101, 0, b"\0\1\2\3\4\5", bytes(4), b"\6" * 6, b"KNX IP Router"
    )
    heard = trial()
    heard.say(message(0x0203, bytes(8)))
    heard.answer(message(0x0204, block + b"\4\2\2\1"))
    told = {each.attribute: each.value for each in heard.sink.evidence}
    assert told == {
        Attribute.UNIT: "1.1.1", Attribute.SERIAL: "000102030405", Attribute.MAC: "06:06:06:06:06:06",
        Attribute.MODEL: "KNX IP Router", Attribute.ROLE: "gateway",
    }  # fmt: skip


def test_refused_connections_say_why() -> None:
    heard = trial()
    heard.say(message(0x0205, bytes(20)))
    heard.answer(message(0x0206, b"\0\x24"))
    asked, refused = heard.sink.operations
    assert (asked.kind, refused.result) == (OpKind.SESSION, "no_more_connections")


def test_what_is_not_in_order_is_noted() -> None:
    heard = trial()
    heard.say(message(0x7777, b""))
    heard.say(tunnelled(bus(b"\0\x80\1\2")[:-1]))
    heard.say(message(0x0204, bytes(4))[:-1])
    assert [each.kind for each in heard.sink.anomalies] == [
        AnomalyKind.ILLEGAL_FUNCTION, AnomalyKind.MALFORMED, AnomalyKind.MALFORMED,
    ]  # fmt: skip


def test_checks() -> None:
    assert knx.check(tunnelled(bus(b"\0\x81")), True) == SURE
    assert knx.check(message(0x7777, b""), True) == NO
    assert knx.check(tunnelled(bus(b"\0\x81")) + b"\0", True) == NO


@given(st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=6), st.integers(1, 11))
def test_however_a_stream_is_cut_the_operations_are_the_same(targets: list[int], size: int) -> None:
    stream = b"".join(tunnelled(bus(b"\0\x81", target=target)) for target in targets)
    heard = Trial(Knx)
    for start in range(0, len(stream), size):
        heard.say(stream[start : start + size])
    assert [op.first for op in heard.sink.operations] == targets


@given(st.binary(max_size=120), st.sampled_from([0x0204, 0x0206, 0x0310, 0x0420, 0x0421, 0x0530]))
def test_hostile_content_raises_nothing(data: bytes, code: int) -> None:
    torture(Knx, message(code, data), as_datagrams=True)
    torture(Knx, message(code, b"\4\1\0\0\x11\0" + data))
