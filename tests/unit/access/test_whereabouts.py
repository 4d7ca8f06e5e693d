"""Where an identity is and was last, as control tells a gateway that opens a session for it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from vedette.access import Whereabouts
from vedette.bus.contract import SessionClosed, SessionOpened
from vedette.kernel import GenerationId
from vedette.messaging import SessionDirectory
from vedette.messaging.settings import DirectorySettings
from vedette.simulation import ManualClock, SequentialIds
from vedette.trust import OtherSession

PUMP = GenerationId(SequentialIds().new("dev"))
NOW_MS = 1_767_225_600_000


class Scene:
    """A directory whose clock is set by hand, and the whereabouts made of it."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.directory = SessionDirectory(DirectorySettings(), lambda _change: None, clock=self.clock)
        self.whereabouts = Whereabouts(self.directory, self.clock)

    def open(self, session_id: str, address: str) -> None:
        opened = SessionOpened(generation_id=PUMP, session_id=session_id, opened_at_ms=NOW_MS, remote_address=address)
        self.directory.opened("gateway-1", opened)

    def close(self, session_id: str) -> None:
        closed = SessionClosed(generation_id=PUMP, session_id=session_id, reason="x", closed_at_ms=NOW_MS)
        self.directory.closed("gateway-1", closed)


def test_a_live_session_elsewhere_is_told() -> None:
    it = Scene()
    assert it.whereabouts.other_session(PUMP, "192.0.2.1") is None
    it.open("s1", "192.0.2.1")
    assert it.whereabouts.other_session(PUMP, "192.0.2.1") is None
    elsewhere = it.whereabouts.other_session(PUMP, "198.51.100.9")
    assert elsewhere == OtherSession(remote_address="192.0.2.1", is_live=True)


def test_the_place_last_left_is_told_with_the_time_since() -> None:
    it = Scene()
    it.open("s1", "192.0.2.1")
    it.close("s1")
    it.clock.advance(timedelta(seconds=90))
    it.open("s2", "198.51.100.9")
    it.close("s2")
    left = OtherSession(remote_address="192.0.2.1", is_live=False, seen_s=90)
    assert it.whereabouts.other_session(PUMP, "198.51.100.9") == left


@pytest.mark.parametrize(
    ("former", "present", "is_other"),
    [
        ("2001:db8::1", "2001:db8::2", False),
        ("2001:db8::1", "2001:db8:1::1", True),
        ("::ffff:192.0.2.1", "192.0.2.1", False),
        ("", "192.0.2.1", False),
    ],
)
def test_a_host_that_changes_its_ipv6_address_has_not_moved(former: str, present: str, *, is_other: bool) -> None:
    it = Scene()
    it.open("s1", former)
    assert (it.whereabouts.other_session(PUMP, present) is not None) is is_other
