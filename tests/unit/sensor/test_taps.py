"""Listeners that look into payloads get those they asked for, before whoever reads them, and no others."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import packets as build

from vedette.sensor import Assets, Listener, Makers, RaiseAlert, Sensor, Side

READ = bytes.fromhex("0001 0000 0006 01 03 0001 0002")
WEB = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Looks(Listener):
    """Notes what it is given."""

    reads: ClassVar[frozenset[str]] = frozenset({"http", ""})

    def __init__(self) -> None:
        self.heard: list[tuple[str, bytes]] = []

    def payload_heard(self, side: Side, payload: bytes, at_ns: int) -> None:
        assert at_ns
        self.heard.append((side.flow.protocol, payload))


def heard_of(frames: list[bytes]) -> tuple[Looks, Sensor]:
    looks = Looks()

    def make(_assets: Assets, _raise_alert: RaiseAlert) -> Listener:
        return looks

    sensor = Sensor([make], has_rules=False, makers=Makers(Path("/dev/null")))
    sensor.read(build.packets(frames))
    sensor.finish()
    return looks, sensor


def test_payloads_of_a_protocol_that_was_asked_for_are_heard_and_still_read() -> None:
    looks, sensor = heard_of(build.Talk(80).open().say(WEB).say(WEB).frames)
    assert [payload for _, payload in looks.heard].count(WEB) >= 2
    assert sensor.report.operations_count == 2


def test_of_other_protocols_only_what_came_before_they_were_known_is_heard() -> None:
    looks, sensor = heard_of(build.Talk(502).open().say(READ).say(READ).say(READ).frames)
    assert looks.heard == [("", READ)]
    assert sensor.report.operations_count == 3


def test_a_conversation_that_nobody_understands_is_heard_to_its_end() -> None:
    pieces = [bytes((number,)) * 300 for number in range(1, 9)]
    talk = build.Talk(9_999).open()
    for piece in pieces:
        talk.say(piece)
    looks, _ = heard_of(talk.frames)
    assert [payload for _, payload in looks.heard] == pieces
