"""What a device usually does: learned, exceeded, and not taught by whoever attacks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vedette.health.baseline import FLOORS, LEARNED_MINUTES, STREAK, Baseline

USUAL = {"messages": 30, "size_bytes": 3_000, "requests": 2, "refused": 0}


def learned(minutes: int = 2 * LEARNED_MINUTES) -> Baseline:
    baseline = Baseline(measures={})
    for minute in range(1, minutes + 1):
        assert baseline.take(minute, {**USUAL, "messages": 30 + minute % 5}) == ()
    return baseline


def test_what_is_usual_is_no_news() -> None:
    assert abs(learned().measures["messages"].mean - 32) < 1


def test_an_excess_that_goes_on_is_told_and_names_the_measure() -> None:
    baseline = learned()
    begin = baseline.latest + 1
    found = [baseline.take(begin + n, {**USUAL, "messages": 3_000}) for n in range(STREAK + 1)]
    assert found == [(), (), ("messages",), ("messages",)]


def test_a_single_burst_is_not_told() -> None:
    baseline = learned()
    for n in range(10):
        unusual = {**USUAL, "messages": 3_000 if n % 2 else 30}
        assert baseline.take(baseline.latest + 1, unusual) == ()


def test_whoever_is_new_is_learned_from_first() -> None:
    baseline = Baseline(measures={})
    for minute in range(1, LEARNED_MINUTES + 1):
        assert baseline.take(minute, {**USUAL, "messages": 100_000 if minute > 50 else 1}) == ()


def test_an_attack_does_not_become_the_usual_within_the_hour() -> None:
    baseline = learned()
    told = [baseline.take(baseline.latest + 1, {**USUAL, "messages": 3_000}) for _ in range(60)]
    assert all(told[STREAK - 1 :])


def test_a_quiet_device_may_say_a_little_more() -> None:
    baseline = Baseline(measures={})
    for minute in range(1, 200):
        baseline.take(minute, {})
    assert all(baseline.take(200 + n, {name: int(floor) for name, floor in FLOORS.items()}) == () for n in range(10))


def test_a_minute_counts_once_and_an_old_one_not_at_all() -> None:
    baseline = learned()
    minutes, latest = baseline.minutes, baseline.latest
    assert baseline.take(latest, {"messages": 10**9}) == ()
    assert baseline.take(latest - 50, {"messages": 10**9}) == ()
    assert baseline.minutes == minutes


@given(
    st.lists(
        st.tuples(st.integers(-10, 10_000), st.dictionaries(st.sampled_from(list(FLOORS)), st.integers())), max_size=50
    )
)
def test_any_counts_are_taken(told: list[tuple[int, dict[str, int]]]) -> None:
    baseline = Baseline(measures={})
    for minute, values in told:
        baseline.take(minute, values)
    assert all(usual.mean >= 0 and usual.variance >= 0 for usual in baseline.measures.values())
