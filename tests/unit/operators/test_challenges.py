from __future__ import annotations

from datetime import timedelta

import pytest

from vedette.kernel import RandomIds
from vedette.operators.challenges import CHALLENGE_LIFETIME, PAYLOAD_MAX_BYTES, Challenges, end_of
from vedette.simulation import ManualClock

BROWSER = b"browser"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def challenges(clock: ManualClock) -> Challenges:
    return Challenges(b"k" * 32, clock=clock, ids=RandomIds(clock))


def test_a_challenge_brings_its_payload_back_to_the_browser_that_asked(challenges: Challenges) -> None:
    made = challenges.issue("register", BROWSER, b"per_1")
    assert challenges.open("register", BROWSER, made) == b"per_1"
    assert challenges.open("register", BROWSER, challenges.issue("register", BROWSER)) == b""


def test_no_two_are_the_same_and_each_has_the_entropy_that_the_standard_asks_for(challenges: Challenges) -> None:
    made = {challenges.issue("log in", BROWSER) for _ in range(100)}
    assert len({each[:16] for each in made}) == 100
    assert all(len(each) >= 16 for each in made)


@pytest.mark.parametrize(
    ("purpose", "binding"), [("log in", BROWSER), ("register", b"another"), ("registerb", b"rowser"), ("", b"")]
)
def test_one_for_another_purpose_or_browser_is_refused(challenges: Challenges, purpose: str, binding: bytes) -> None:
    made = challenges.issue("register", BROWSER)
    assert challenges.open(purpose, binding, made) is None


def test_one_of_another_key_is_refused(challenges: Challenges, clock: ManualClock) -> None:
    other = Challenges(b"o" * 32, clock=clock, ids=RandomIds(clock))
    assert other.open("log in", BROWSER, challenges.issue("log in", BROWSER)) is None


def test_a_changed_bit_anywhere_is_refused(challenges: Challenges) -> None:
    made = challenges.issue("register", BROWSER, b"per_1")
    for at in range(len(made) * 8):
        changed = bytearray(made)
        changed[at // 8] ^= 1 << at % 8
        assert challenges.open("register", BROWSER, bytes(changed)) is None


@pytest.mark.parametrize("length", [0, 1, 31, 32, 55, 56, 200])
def test_what_has_another_length_is_refused(challenges: Challenges, length: int) -> None:
    assert challenges.open("log in", BROWSER, bytes(length)) is None


def test_a_payload_at_the_limit_is_taken_and_one_above_is_not(challenges: Challenges) -> None:
    for length, expected in ((PAYLOAD_MAX_BYTES, bytes(PAYLOAD_MAX_BYTES)), (PAYLOAD_MAX_BYTES + 1, None)):
        assert challenges.open("x", BROWSER, challenges.issue("x", BROWSER, bytes(length))) == expected


def test_it_ends_after_five_minutes(challenges: Challenges, clock: ManualClock) -> None:
    made = challenges.issue("log in", BROWSER)
    assert end_of(made) == clock.now() + CHALLENGE_LIFETIME
    clock.advance(CHALLENGE_LIFETIME - timedelta(milliseconds=1))
    assert challenges.open("log in", BROWSER, made) == b""
    clock.advance(timedelta(milliseconds=1))
    assert challenges.open("log in", BROWSER, made) is None


def test_a_clock_set_back_revives_none(challenges: Challenges, clock: ManualClock) -> None:
    made = challenges.issue("log in", BROWSER)
    clock.jump(timedelta(seconds=-1))
    assert challenges.open("log in", BROWSER, made) is None
