"""Protocols that are told by name alone: what is theirs is recognised, in the directions that they speak."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor.dissect import NO, PROTOCOLS, SURE, WEAK, Protocol, Trial, torture
from vedette.sensor.dissect import identified as check
from vedette.sensor.dissect.identified_catalogue import IDENTIFIED_PROTOCOLS
from vedette.sensor.dissect.vnc import Vnc

PTP = struct.pack(">BBH", 0x0B, 2, 64) + bytes(60)
ASSOCIATION = b"\1\0" + struct.pack(">IH", 68, 1) + bytes(66)


@pytest.mark.parametrize(
    ("function", "payload", "is_from_client", "verdict"),
    [
        (check.codesys, bytes.fromhex("e8170100 14000000") + bytes(12), True, SURE),
        (check.codesys, bytes.fromhex("e8170100 ffffffff"), True, NO),
        (check.codesys_v2, bytes.fromhex("bbbb 01000000 01"), True, WEAK),
        (check.fox, b"fox a 1 -1 fox hello\n{\n", True, SURE),
        (check.fox, b"fox and hound", True, NO),
        (check.tristation, bytes.fromhex("0100 0000 1234"), True, WEAK),
        (check.tristation, bytes.fromhex("0100 0900 1234"), True, NO),
        (check.powerlink, b"\1" + bytes(45), True, SURE),
        (check.ptp, PTP, True, SURE),
        (check.ptp, PTP[:40], True, NO),
        (check.dlms, bytes.fromhex("0001 0010 0001 0003 c00100"), True, SURE),
        (check.dlms, bytes.fromhex("0001 0010 0001 0004 c00100"), True, NO),
        (check.lontalk, struct.pack(">HBB", 20, 1, 1) + bytes(16), True, WEAK),
        (check.fl_net, b"FACN" + bytes(60), True, SURE),
        (check.egd, b"\x0d\x01" + bytes(30), True, WEAK),
        (check.pc_worx, b"\x01\x01\x00\x1a" + bytes(22), True, WEAK),
        (check.pc_worx, b"\x81\x01\x00\x14" + bytes(16), False, WEAK),
        (check.pc_worx, b"\x81\x01\x00\x14" + bytes(16), True, NO),
        (check.proconos, b"\xcc\x01\x00\x0b" + bytes(12), True, WEAK),
        (check.crimson, b"\x00\x04\x03\x00\x01\x2b", True, WEAK),
        (check.moxa, bytes.fromhex("0100000800000000"), True, SURE),
        (check.moxa, bytes.fromhex("81000018") + bytes(20), False, SURE),
        (check.amqp, b"AMQP\x00\x00\x09\x01", True, SURE),
        (check.amqp, b"\x01" + bytes(10) + b"\xce", False, WEAK),
        (check.xmpp, b"<?xml version='1.0'?><stream:stream xmlns='jabber:client'", True, SURE),
        (check.rtsp, b"DESCRIBE rtsp://10.0.0.2/1 RTSP/1.0\r\nCSeq: 1\r\n\r\n", True, SURE),
        (check.rtsp, b"RTSP/1.0 401 Unauthorized\r\n", False, SURE),
        (check.rtsp, b"OPTIONS / HTTP/1.1\r\n", True, NO),
        (check.ws_discovery, b"<Envelope x='http://schemas.xmlsoap.org/ws/2005/04/discovery'>", True, SURE),
        (check.dicom, ASSOCIATION, True, SURE),
        (check.dicom, b"\2" + ASSOCIATION[1:], False, SURE),
        (check.dicom, ASSOCIATION[:-1], True, NO),
        (check.hl7, b"\x0bMSH|^~\\&|", True, SURE),
        (check.vnc, b"RFB 003.008\n", False, SURE),
        (check.opcua_pubsub, b"\xf1" + bytes(10), True, SURE),
    ],
)
def test_what_is_theirs_is_recognised(function: object, payload: bytes, *, is_from_client: bool, verdict: int) -> None:
    assert callable(function)
    assert function(payload, is_from_client) == verdict


def names(*, is_read: bool) -> set[str]:
    families = {"ot", "iot"}
    return {each.name for each in PROTOCOLS if each.family in families and (each.dissector is not None) is is_read}


def test_thirty_protocols_of_plants_and_things_are_told_and_sixteen_read() -> None:
    assert len(names(is_read=True) | names(is_read=False)) >= 30
    assert len(names(is_read=True)) >= 16


@pytest.mark.parametrize("protocol", IDENTIFIED_PROTOCOLS, ids=lambda each: f"{each.name}-{each.transport}")
def test_nobody_else_reads_them(protocol: Protocol) -> None:
    assert protocol.dissector is None
    readers = [each for each in PROTOCOLS if each.name == protocol.name and each.dissector is not None]
    assert not readers


def test_vnc_tells_its_version_once_and_nothing_of_its_pictures() -> None:
    trial = Trial(Vnc, port=5_900)
    for piece in (b"RFB 003", b".008\n", bytes(9_000)):
        trial.answer(piece)
        trial.say(piece)
    assert [(op.service, op.value, op.result) for op in trial.sink.operations] == [
        ("connect", "003.008", "ok"), ("connect", "003.008", ""),
    ]  # fmt: skip
    assert not trial.unparsed.lost_place


@given(st.binary(max_size=200))
def test_no_bytes_make_vnc_raise(data: bytes) -> None:
    torture(Vnc, data)
    torture(Vnc, b"RFB 003.008\n" + data)
