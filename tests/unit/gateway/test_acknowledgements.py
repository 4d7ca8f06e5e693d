"""PUBACKs go out in order, whatever is answered first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vedette.gateway.acknowledgements import HeldAcknowledgements


def test_those_behind_a_held_one_wait_for_it() -> None:
    held = HeldAcknowledgements()
    held.hold(2)
    assert held.stored(1) == [1]
    assert held.stored(2) == []
    assert held.stored(3) == []
    assert not held.is_idle
    assert held.answered(2) == [2, 3]
    assert held.is_idle


def test_an_answer_before_its_turn_is_remembered() -> None:
    held = HeldAcknowledgements()
    held.hold(2)
    assert held.answered(2) == []
    assert held.is_idle
    assert held.stored(1) == [1]
    assert held.stored(2) == [2]


def test_one_packet_id_twice_waits_for_both_answers() -> None:
    held = HeldAcknowledgements()
    held.hold(7)
    held.hold(7)
    assert held.stored(7) == held.stored(7) == []
    assert held.answered(7) == []
    assert held.answered(7) == [7, 7]


@given(st.lists(st.booleans(), max_size=30), st.randoms(use_true_random=False))
def test_every_acknowledgement_goes_out_once_and_in_order(are_held: list[bool], chance: object) -> None:
    held = HeldAcknowledgements()
    given_out: list[int] = []
    waiting = [number for number, is_held in enumerate(are_held) if is_held]
    for number, is_held in enumerate(are_held):
        if is_held:
            held.hold(number)
    steps = [("stored", number) for number in range(len(are_held))]
    answers = [("answered", number) for number in waiting]
    chance.shuffle(answers)  # type: ignore[attr-defined] # hypothesis's random
    while steps or answers:
        source = steps if not answers or (steps and chance.random() < 0.5) else answers  # type: ignore[attr-defined]
        what, number = source.pop(0)
        given_out += held.stored(number) if what == "stored" else held.answered(number)
    assert given_out == list(range(len(are_held)))
    assert held.is_idle
