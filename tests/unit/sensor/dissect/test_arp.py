from __future__ import annotations

import pytest

from vedette.sensor import AnomalyKind, Attribute, Direction
from vedette.sensor.dissect import NO, SURE, Trial, arp
from vedette.sensor.dissect.arp import Arp

HEAD = "0001 0800 06 04"
SENDER, TARGET = "020000000001", "000000000000"


def trial() -> Trial:
    made = Trial(Arp)
    made.flow.client = "02:00:00:00:00:01"
    made.flow.server = "ff:ff:ff:ff:ff:ff"
    return made


def frame(code: int, sender_ip: str, target_ip: str, sender: str = SENDER) -> bytes:
    return bytes.fromhex(f"{HEAD} {code:04x} {sender} {sender_ip} {TARGET} {target_ip}").ljust(46, b"\0")


@pytest.mark.parametrize(
    ("code", "sender_ip", "target_ip", "service", "direction"),
    [
        (1, "0a000001", "0a000002", "request", Direction.REQUEST),
        (2, "0a000001", "0a000002", "reply", Direction.RESPONSE),
        (1, "0a000001", "0a000001", "announcement", Direction.REPORT),
        (1, "00000000", "0a000001", "probe", Direction.REQUEST),
    ],
)
def test_messages_are_told_apart(code: int, sender_ip: str, target_ip: str, service: str, direction: Direction) -> None:
    said = trial()
    said.say(frame(code, sender_ip, target_ip))
    (op,) = said.sink.operations
    assert (op.service, op.direction) == (service, direction)


def test_a_sender_binds_its_address_once() -> None:
    said = trial()
    for _ in range(3):
        said.say(frame(1, "0a000001", "0a000002"))
    (piece,) = said.sink.evidence
    assert (piece.address, piece.attribute, piece.value) == ("10.0.0.1", Attribute.MAC, "02:00:00:00:00:01")


def test_a_probe_binds_nothing() -> None:
    said = trial()
    said.say(frame(1, "00000000", "0a000001"))
    assert not said.sink.evidence


def test_who_speaks_for_another_is_noted() -> None:
    said = trial()
    said.say(frame(2, "0a000001", "0a000002", sender="020000000066"))
    assert [anomaly.kind for anomaly in said.sink.anomalies] == [AnomalyKind.ILLEGAL_VALUE]


def test_a_short_or_odd_message_is_noted() -> None:
    said = trial()
    said.say(frame(1, "0a000001", "0a000002")[:20])
    said.say(frame(9, "0a000001", "0a000002"))
    assert [anomaly.kind for anomaly in said.sink.anomalies] == [AnomalyKind.MALFORMED, AnomalyKind.ILLEGAL_VALUE]


def test_claims_are_bounded() -> None:
    said = trial()
    for number in range(2_000):
        said.say(frame(1, f"0a00{number:04x}", "0a000002"))
    assert isinstance(said.dissector, Arp)
    assert len(said.dissector._claimed) <= 256


def test_other_hardware_is_left_alone() -> None:
    assert arp.check(frame(1, "0a000001", "0a000002"), True) == SURE
    assert arp.check(bytes(28), True) == NO
