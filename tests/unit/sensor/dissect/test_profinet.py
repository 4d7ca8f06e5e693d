from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor import AnomalyKind, Attribute, Direction, OpKind
from vedette.sensor.dissect import NO, SURE, Trial, profinet, torture
from vedette.sensor.dissect.profinet import Profinet


def block(option: int, sub: int, content: bytes = b"", *, info: int | None = None) -> bytes:
    raw = (b"" if info is None else struct.pack(">H", info)) + content
    return struct.pack(">BBH", option, sub, len(raw)) + raw + b"\0" * (len(raw) & 1)


def dcp(frame: int, service: int, kind: int, content: bytes, transaction: int = 1) -> bytes:
    return struct.pack(">HBBIHH", frame, service, kind, transaction, 1, len(content)) + content


def trial() -> Trial:
    return Trial(Profinet, port=0x8892, as_datagrams=True)


def test_identify_tells_name_vendor_role_and_address() -> None:
    heard = trial()
    heard.say(dcp(0xFEFE, 5, 0, block(255, 255)))
    heard.answer(
        dcp(
            0xFEFF, 5, 1,
            block(2, 1, b"S7-1200", info=0) + block(2, 2, b"plc-1", info=0) + block(2, 3, b"\0\x2a\1\x0d", info=0)
            + block(2, 4, b"\2\0", info=0) + block(1, 2, bytes((10, 0, 0, 2, 255, 255, 255, 0, 0, 0, 0, 0)), info=1),
        )
    )  # fmt: skip
    asked, answered = heard.sink.operations
    assert (asked.service, asked.kind, asked.name) == ("identify", OpKind.IDENTIFY, "all")
    assert (answered.direction, answered.result, answered.latency_ns) == (Direction.RESPONSE, "ok", 1_000_000)
    told = {piece.attribute: piece.value for piece in heard.sink.evidence}
    assert told == {
        Attribute.MODEL: "S7-1200", Attribute.NAME: "plc-1", Attribute.VENDOR: "Siemens",
        Attribute.PRODUCT_CODE: "002a:010d", Attribute.ROLE: "controller", Attribute.IP: "10.0.0.2",
    }  # fmt: skip


def test_a_new_name_is_a_write() -> None:
    heard = trial()
    heard.say(dcp(0xFEFD, 4, 0, block(2, 2, b"pump", info=1)))
    heard.answer(dcp(0xFEFD, 4, 1, block(5, 4, b"\2\2\5")))
    asked, refused = heard.sink.operations
    assert (asked.kind, asked.name, asked.value) == (OpKind.WRITE, "name_of_station", ("pump",))
    assert (refused.result, refused.name) == ("set_not_possible_by_local_reasons", "name_of_station")


@pytest.mark.parametrize("sub", [5, 6])
def test_a_reset_to_factory_settings_is_control(sub: int) -> None:
    heard = trial()
    heard.say(dcp(0xFEFD, 4, 0, block(5, sub, info=4)))
    (op,) = heard.sink.operations
    assert (op.kind, op.area) == (OpKind.CONTROL, "reset_to_factory")
    assert heard.sink.evidence[0].value == "engineering_station"


def test_cyclic_data_and_alarms_are_reports() -> None:
    heard = trial()
    heard.say(b"\x80\x01" + bytes(40) + b"\0\1\x35\0")
    heard.say(b"\xfe\x01" + bytes(20))
    data, alarm = heard.sink.operations
    assert (data.service, data.kind, data.first, data.count) == ("cyclic_data", OpKind.REPORT, 0x8001, 40)
    assert (alarm.service, alarm.kind) == ("alarm_low", OpKind.REPORT)
    assert heard.flow.protocol == "profinet_rt"


def test_what_the_standard_forbids_is_noted() -> None:
    heard = trial()
    heard.say(dcp(0xFEFD, 4, 0, block(2, 2, b"pump", info=1))[:-3])
    heard.say(dcp(0xFEFD, 9, 0, b""))
    heard.say(dcp(0xFEFF, 5, 1, b"\2\2\0\x40abc"))
    assert [each.kind for each in heard.sink.anomalies] == [
        AnomalyKind.MALFORMED, AnomalyKind.ILLEGAL_FUNCTION, AnomalyKind.MALFORMED,
    ]  # fmt: skip


def test_checks_and_zeek_row() -> None:
    assert profinet.check(dcp(0xFEFE, 5, 0, block(255, 255)), True) == SURE
    assert profinet.check(bytes(20), True) == NO
    heard = trial()
    heard.say(dcp(0xFEFE, 5, 0, block(255, 255)))
    ((log, row),) = profinet.zeek(heard.sink.operations[0])
    assert (log, row["service"], row["options"]) == ("profinet_dcp", "identify", "all")


@given(st.binary(max_size=200), st.sampled_from([3, 4, 5, 6]), st.integers(0, 5))
def test_hostile_content_raises_nothing(data: bytes, service: int, kind: int) -> None:
    torture(Profinet, dcp(0xFEFD, service, kind, data), as_datagrams=True)
