"""Searches for Beckhoff's controllers, and routes that are added to them."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor import AnomalyKind, Attribute, Direction, OpKind
from vedette.sensor.dissect import NO, SURE, Trial, ads_discovery, torture
from vedette.sensor.dissect.ads_discovery import AdsDiscovery


def message(service: int, *items: tuple[int, bytes], count: int | None = None) -> bytes:
    head = struct.pack("<4sII6sHI", ads_discovery.MAGIC, 7, service, b"\5\1\2\3\1\1", 10_000, count or len(items))
    return head + b"".join(struct.pack("<HH", kind, len(data)) + data for kind, data in items)


def trial() -> Trial:
    return Trial(AdsDiscovery, port=48_899, as_datagrams=True)


def test_a_controller_that_is_found_tells_who_it_is() -> None:
    system = struct.pack("<IIIII", 276, 6, 0, 0, 3) + bytes(256)
    heard = trial()
    heard.say(message(1))
    heard.answer(message(0x8000_0001, (5, b"CX-1234\0"), (3, bytes((3, 1)) + struct.pack("<H", 4024)), (4, system)))
    asked, answered = heard.sink.operations
    assert (asked.service, asked.kind, asked.direction) == ("identify", OpKind.IDENTIFY, Direction.REQUEST)
    assert (answered.name, answered.result, answered.latency_ns) == ("CX-1234", "ok", 1_000_000)
    told = {each.attribute: each.value for each in heard.sink.evidence}
    assert told == {
        Attribute.NAME: "CX-1234", Attribute.VENDOR: "Beckhoff", Attribute.SOFTWARE: "TwinCAT 3.1.4024",
        Attribute.ROLE: "controller", Attribute.OPERATING_SYSTEM: "Windows CE 6.0",
    }  # fmt: skip


def test_a_route_that_is_added_tells_name_user_and_that_the_password_is_readable() -> None:
    heard = trial()
    heard.say(message(6, (12, b"LAPTOP\0"), (7, bytes(6)), (13, b"Administrator\0"), (2, b"1\0")))
    heard.answer(message(0x8000_0006, (1, struct.pack("<I", 0x704))))
    asked, answered = heard.sink.operations
    assert (asked.service, asked.kind, asked.area, asked.name) == ("add_route", OpKind.WRITE, "route", "LAPTOP")
    assert answered.result == "error_704"
    assert [each.kind for each in heard.sink.anomalies] == [AnomalyKind.CLEAR_TEXT_CREDENTIAL]
    assert "Administrator" in {each.value for each in heard.sink.evidence}
    assert not any(each.value == "\x31" for each in heard.sink.evidence)


def test_contradictions_are_malformed() -> None:
    heard = trial()
    heard.say(message(1, count=33))
    heard.say(message(6, (2, b"1\0"))[:-1])
    assert [each.kind for each in heard.sink.anomalies] == [AnomalyKind.MALFORMED] * 2
    assert not heard.sink.operations


def test_checks() -> None:
    assert ads_discovery.check(message(1), True) == SURE
    assert ads_discovery.check(message(99), True) == NO
    assert ads_discovery.check(b"\0" * 40, True) == NO


@given(st.binary(max_size=200), st.sampled_from([1, 6, 0x8000_0001, 0x8000_0006]), st.integers(0, 40))
def test_hostile_content_raises_nothing(data: bytes, service: int, count: int) -> None:
    torture(AdsDiscovery, message(service, count=count) + data, as_datagrams=True)
