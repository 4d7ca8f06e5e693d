"""Totals and sequence numbers: nothing is counted twice, nothing taken is forgotten."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vedette.network.sequence import BEYOND_MAX, NOTHING, Taken, is_taken, note
from vedette.network.tally import BOOTS_MAX, Tallies, count_in, total


def test_batches_in_order_leave_nothing_beyond() -> None:
    taken = NOTHING
    for sequence in range(1, 100):
        taken, lost = note(taken, sequence)
        assert (taken, lost) == (Taken(sequence, ()), 0)


def test_a_gap_is_waited_for_and_given_up_at_last() -> None:
    taken, lost = note(NOTHING, 2)
    assert (taken, lost) == (Taken(0, (2,)), 0)
    assert note(taken, 1) == (Taken(2, ()), 0)
    for sequence in range(3, BEYOND_MAX + 2):
        taken, lost = note(taken, sequence)
    assert (len(taken.beyond), lost) == (BEYOND_MAX, 0)
    taken, lost = note(taken, BEYOND_MAX + 2)
    assert (taken, lost) == (Taken(BEYOND_MAX + 2, ()), 1)


@given(st.lists(st.integers(1, 60), min_size=1))
def test_whatever_was_taken_is_known_again(sequences: list[int]) -> None:
    taken = NOTHING
    for sequence in sequences:
        is_new = not is_taken(taken, sequence)
        taken, lost = note(taken, sequence)
        assert lost == 0
        assert is_taken(taken, sequence)
        assert is_new or sequence in sequences
    assert {each for each in range(1, 61) if is_taken(taken, each)} == set(sequences)


@given(st.lists(st.integers(1, 2**62), min_size=1, max_size=2 * BEYOND_MAX))
def test_far_apart_numbers_stay_bounded(sequences: list[int]) -> None:
    taken = NOTHING
    for sequence in sequences:
        taken, _ = note(taken, sequence)
        assert is_taken(taken, sequence)
    assert len(taken.beyond) <= BEYOND_MAX


def test_the_totals_of_boots_add_up() -> None:
    tallies: Tallies = {}
    for boot in range(BOOTS_MAX + 3):
        tallies = count_in(tallies, "one", f"boot-{boot}", [10, 1])
    assert total(tallies, 2) == (10 * (BOOTS_MAX + 3), BOOTS_MAX + 3)
    assert len(tallies["one"]["boots"]) == BOOTS_MAX


def test_sensors_that_see_the_same_are_not_added() -> None:
    tallies = count_in(count_in({}, "one", "a", [10]), "other", "b", [7])
    assert total(tallies, 1) == (10,)
    assert total({}, 2) == (0, 0)


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 2**62)), max_size=20))
def test_totals_come_out_alike_in_any_order_and_however_often(told: list[tuple[str, int]]) -> None:
    def count(records: list[tuple[str, int]]) -> tuple[int, ...]:
        tallies: Tallies = {}
        for boot, value in records:
            tallies = count_in(tallies, "one", boot, [value])
        return total(tallies, 1)

    assert count(told) == count(told[::-1]) == count(told + told)
