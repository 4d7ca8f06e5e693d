"""Places of strangers: counts, slots, deadlines, and who gives way."""

from __future__ import annotations

from vedette.gateway import TlsSettings
from vedette.gateway.admission import (
    ADDRESS_NOT_ALLOWED,
    GAVE_WAY,
    HANDSHAKE_TIMEOUT,
    IDENTIFY_TIMEOUT,
    TOO_FAST,
    TOO_MANY_CONNECTIONS,
    TOO_MANY_OF_SOURCE,
    TOO_MANY_UNIDENTIFIED,
    TOO_MANY_WAITING,
    Admission,
)


class Stranger:
    """A connection that notes what it is told."""

    def __init__(self, source: str = "192.0.2.1") -> None:
        self.source = source
        self.remote_address = source
        self.has_slot = False
        self.reason = ""

    def start_handshake(self) -> None:
        self.has_slot = True

    def turn_away(self, reason: str) -> None:
        self.reason = reason


def enter(admission: Admission, count: int, now_s: float = 0) -> list[Stranger]:
    strangers = [Stranger(f"192.0.2.{number}") for number in range(count)]
    assert [admission.enter(stranger, now_s) for stranger in strangers] == [None] * count
    return strangers


def test_only_listed_networks_may_connect_and_the_refused_take_no_place() -> None:
    admission = Admission(TlsSettings(allowed_networks=("192.0.2.0/25",), max_connections=1))
    assert admission.enter(Stranger("192.0.2.200"), 0) == ADDRESS_NOT_ALLOWED
    assert admission.enter(Stranger("192.0.2.7"), 0) is None


def test_connections_are_bounded_at_their_limit() -> None:
    admission = Admission(TlsSettings(max_connections=3))
    strangers = enter(admission, 3)
    assert admission.enter(Stranger(), 0) == TOO_MANY_CONNECTIONS
    admission.leave(strangers[0], 0)
    assert admission.enter(Stranger(), 0) is None


def test_one_source_is_bounded_and_others_are_not() -> None:
    admission = Admission(TlsSettings(max_connections_per_source=2, connects_burst_per_source=3))
    first = Stranger("a")
    assert admission.enter(first, 0) is None
    assert admission.enter(Stranger("a"), 0) is None
    assert admission.enter(Stranger("a"), 0) == TOO_MANY_OF_SOURCE
    admission.leave(first, 0)
    assert admission.enter(Stranger("a"), 0) is None
    assert admission.enter(Stranger("b"), 0) is None


def test_a_source_that_connects_too_fast_is_refused() -> None:
    admission = Admission(TlsSettings(connects_burst_per_source=2, connects_per_source_s=1))
    assert [admission.enter(Stranger("a"), 0) for _ in range(3)] == [None, None, TOO_FAST]
    assert admission.enter(Stranger("a"), 1.5) is None


def test_handshakes_wait_in_turn_for_a_slot() -> None:
    admission = Admission(TlsSettings(max_handshakes=2, max_waiting=2))
    strangers = enter(admission, 5)
    reasons = [admission.request_handshake(stranger, 0) for stranger in strangers]
    assert reasons == [None, None, None, None, TOO_MANY_WAITING]
    assert [stranger.has_slot for stranger in strangers] == [True, True, False, False, False]
    admission.end_handshake(strangers[0], 0)
    assert strangers[2].has_slot
    admission.leave(strangers[3], 0)
    admission.leave(strangers[1], 0)
    assert not strangers[3].has_slot
    assert (admission.handshakes, admission.waiting) == (1, 0)


def test_a_stuck_handshake_gives_way_only_under_pressure() -> None:
    admission = Admission(TlsSettings(max_handshakes=1, pressed_handshake_s=2))
    stuck, other = enter(admission, 2)
    admission.request_handshake(stuck, 0)
    admission.sweep(5)
    assert stuck.reason == ""
    admission.request_handshake(other, 1)
    admission.sweep(1.5)
    assert (stuck.reason, other.has_slot) == ("", False)
    admission.sweep(2.5)
    assert (stuck.reason, other.has_slot) == (GAVE_WAY, True)


def test_the_silent_give_way_and_those_who_wait_for_us_do_not() -> None:
    admission = Admission(TlsSettings(max_unidentified=3, pressed_handshake_s=2, max_handshakes=1))
    silent, busy, waiting = enter(admission, 3)
    admission.request_handshake(busy, 0)
    admission.request_handshake(waiting, 0)
    assert admission.enter(Stranger(), 1) == TOO_MANY_UNIDENTIFIED
    assert admission.enter(Stranger(), 2.5) is None
    assert (silent.reason, busy.reason, waiting.reason) == (GAVE_WAY, "", "")
    assert admission.enter(Stranger(), 2.6) == TOO_MANY_UNIDENTIFIED


def test_deadlines_end_the_handshake_and_the_wait_for_an_identity() -> None:
    admission = Admission(TlsSettings(handshake_timeout_s=10, identify_timeout_s=5))
    slow, mute, known = enter(admission, 3)
    for stranger in (mute, known):
        admission.request_handshake(stranger, 0)
        admission.end_handshake(stranger, 1)
    admission.identify(known)
    admission.sweep(6.1)
    assert (slow.reason, mute.reason, known.reason) == ("", IDENTIFY_TIMEOUT, "")
    admission.sweep(10.1)
    assert slow.reason == HANDSHAKE_TIMEOUT
    for stranger in (slow, mute, known):
        admission.leave(stranger, 11)
    assert admission.connections == 0


def test_a_crowded_house_takes_places_from_the_source_with_most() -> None:
    admission = Admission(TlsSettings(max_unidentified=4))
    crowd = [Stranger("crowd") for _ in range(4)]
    assert [admission.enter(each, 0) for each in crowd] == [None] * 4
    assert admission.enter(Stranger("crowd"), 0) == TOO_MANY_UNIDENTIFIED
    assert admission.enter(Stranger("a"), 0) is None
    assert admission.enter(Stranger("b"), 0) is None
    assert [each.reason for each in crowd] == ["", "", GAVE_WAY, GAVE_WAY]
    assert admission.enter(Stranger("a"), 0) == TOO_MANY_UNIDENTIFIED


def test_those_who_shook_hands_and_say_nothing_give_way_like_others() -> None:
    admission = Admission(TlsSettings(max_unidentified=2))
    crowd = [Stranger("crowd"), Stranger("crowd")]
    for each in crowd:
        admission.enter(each, 0)
        admission.request_handshake(each, 0)
        admission.end_handshake(each, 0)
    assert admission.enter(Stranger("a"), 0) is None
    assert [each.reason for each in crowd] == ["", GAVE_WAY]


def test_sources_are_served_in_turn_however_many_wait_of_one() -> None:
    admission = Admission(TlsSettings(max_handshakes=1, max_waiting=4))
    guests = [Stranger("crowd") for _ in range(5)] + [Stranger("a")]
    for guest in guests:
        assert admission.enter(guest, 0) is None
    first, *crowd = guests[:5]
    assert [admission.request_handshake(guest, 0) for guest in guests[:5]] == [None] * 5
    assert admission.request_handshake(guests[5], 0) is None, "the crowd gives way to the other source"
    assert [guest.reason for guest in crowd] == ["", "", "", GAVE_WAY]
    admission.end_handshake(first, 0)
    assert crowd[0].has_slot
    admission.end_handshake(crowd[0], 0)
    assert guests[5].has_slot
    assert not crowd[1].has_slot


def test_what_left_is_forgotten_everywhere() -> None:
    admission = Admission(TlsSettings(max_handshakes=1))
    guests = [Stranger("crowd") for _ in range(3)]
    for guest in guests:
        admission.enter(guest, 0)
        admission.request_handshake(guest, 0)
    for guest in reversed(guests):
        admission.leave(guest, 1)
    assert (admission.connections, admission.handshakes, admission.waiting) == (0, 0, 0)
    assert admission._strangers == {}
    assert admission._waiting == {}
