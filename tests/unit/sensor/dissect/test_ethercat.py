from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor import AnomalyKind, Attribute, Direction, OpKind
from vedette.sensor.dissect import NO, SURE, Trial, ethercat, torture
from vedette.sensor.dissect.ethercat import Ethercat


def one(
    command: int, device: int, place: int, data: bytes, *, counter: int = 0, more: bool = False, index: int = 1
) -> bytes:
    size = len(data) | (0x8000 if more else 0)
    return struct.pack("<BBHHHH", command, index, device, place, size, 0) + data + struct.pack("<H", counter)


def frame(*datagrams: bytes) -> bytes:
    body = b"".join(datagrams)
    return struct.pack("<H", len(body) | 0x1000) + body


def mailbox(kind: int, content: bytes) -> bytes:
    return struct.pack("<HHBB", len(content), 0, 0, 0x10 | kind) + content


def trial() -> Trial:
    return Trial(Ethercat, port=0x88A4, as_datagrams=True)


def test_cyclic_data_is_a_report() -> None:
    heard = trial()
    heard.say(frame(one(12, 0, 0x0100, bytes(6), counter=3)))
    (op,) = heard.sink.operations
    assert (op.service, op.kind, op.direction) == ("lrw", OpKind.REPORT, Direction.REPORT)
    assert (op.area, op.first, op.count, op.detail) == ("process_data", 0x0100_0000, 6, {"working_counter": 3})
    assert {each.value for each in heard.sink.evidence if each.attribute is Attribute.ROLE} == {
        "controller", "io_device",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("state", "name"), [(1, "init"), (3, "bootstrap"), (8, "operational"), (0x12, "pre_operational"), (7, "state_7")]
)
def test_a_change_of_state_is_control(state: int, name: str) -> None:
    heard = trial()
    heard.say(frame(one(5, 1001, 0x0120, bytes((state, 0)))))
    (op,) = heard.sink.operations
    assert (op.kind, op.area, op.name, op.unit) == (OpKind.CONTROL, "state", name, 1001)


def test_several_datagrams_are_several_operations() -> None:
    heard = trial()
    heard.say(
        frame(
            one(7, 0, 0x0130, bytes(2), counter=2, more=True), one(5, 1001, 0x0500, bytes(4), more=True),
            one(5, 1001, 0x0040, b"R", index=9),
        )
    )  # fmt: skip
    status, eeprom, reset = heard.sink.operations
    assert (status.kind, status.area, status.direction, status.result) == (
        OpKind.READ, "al_status", Direction.RESPONSE, "ok",
    )  # fmt: skip
    assert (eeprom.kind, eeprom.area) == (OpKind.FIRMWARE, "eeprom")
    assert (reset.kind, reset.area, reset.transaction) == (OpKind.CONTROL, "reset", 9)


def test_the_mailbox_tells_objects_and_files() -> None:
    heard = trial()
    heard.say(frame(one(5, 1001, 0x1000, mailbox(3, struct.pack("<HBHB", 0x2000, 0x2F, 0x6060, 1) + bytes(4)))))
    heard.say(frame(one(5, 1001, 0x1000, mailbox(4, b"\2\0" + bytes(4) + b"drive.bin"))))
    written, file = heard.sink.operations
    assert (written.service, written.kind, written.name) == ("sdo_download", OpKind.WRITE, "0x6060:01")
    assert (file.service, file.kind, file.area, file.name) == ("foe_write", OpKind.FIRMWARE, "download", "drive.bin")


def test_what_contradicts_itself_is_malformed() -> None:
    heard = trial()
    heard.say(frame(one(5, 1, 0x0120, b"\1\0"))[:-3])
    heard.say(frame(one(5, 1, 0x0120, b"\1\0")[:6] + b"\xff\7" + bytes(6)))
    assert [each.kind for each in heard.sink.anomalies] == [AnomalyKind.MALFORMED, AnomalyKind.MALFORMED]


def test_other_types_of_frames_are_named() -> None:
    heard = trial()
    heard.say(b"\x10\x40" + bytes(40))
    assert [op.service for op in heard.sink.operations] == ["frame_type_4"]


def test_checks() -> None:
    assert ethercat.check(frame(one(12, 0, 0, bytes(6))), True) == SURE
    assert ethercat.check(b"\x10\x40" + bytes(40), True) == NO
    assert ethercat.check(frame(one(99, 0, 0, bytes(6))), True) == NO


@given(st.binary(max_size=200), st.sampled_from([1, 2, 5, 7, 12]), st.sampled_from([0x120, 0x500, 0x1000]))
def test_hostile_content_raises_nothing(data: bytes, command: int, place: int) -> None:
    torture(Ethercat, frame(one(command, 1, place, data)), as_datagrams=True)
    torture(Ethercat, frame(one(command, 1, place, mailbox(3, data))), as_datagrams=True)
