"""The clock guard: jumps hold what widens, drift does not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from vedette.registry import ClockGuard, ClockJumped
from vedette.registry.clock_guard import JUMP_LIMIT
from vedette.simulation import ManualClock

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("direction", [1, -1])
def test_a_jump_beyond_the_limit_holds_and_one_at_the_limit_does_not(direction: int) -> None:
    clock = ManualClock()
    guard = ClockGuard(clock)
    clock.jump(direction * JUMP_LIMIT)
    guard.check()
    clock.jump(direction * (JUMP_LIMIT + SECOND))
    with pytest.raises(ClockJumped):
        guard.check()


def test_the_hold_ends_when_the_clock_is_set_right() -> None:
    clock = ManualClock()
    guard = ClockGuard(clock)
    clock.jump(timedelta(days=-1))
    with pytest.raises(ClockJumped):
        guard.check()
    clock.advance(timedelta(hours=1))
    clock.jump(timedelta(days=1))
    guard.check()


def test_an_operator_may_accept_the_clock_as_it_stands() -> None:
    clock = ManualClock()
    guard = ClockGuard(clock)
    clock.jump(timedelta(days=400))
    with pytest.raises(ClockJumped):
        guard.check()
    guard.accept()
    guard.check()


def test_a_time_on_record_is_the_floor_after_a_restart() -> None:
    clock = ManualClock()
    recorded = clock.now() + timedelta(days=30)
    guard = ClockGuard(clock)
    guard.observe(recorded)
    with pytest.raises(ClockJumped) as caught:
        guard.check()
    assert "behind" in caught.value.detail
    clock.jump(timedelta(days=30))
    guard.check()


def test_small_corrections_are_followed_for_ever() -> None:
    clock = ManualClock()
    guard = ClockGuard(clock)
    for _ in range(100):
        clock.advance(timedelta(hours=1))
        clock.jump(timedelta(seconds=10))
        guard.check()


def test_an_older_time_on_record_changes_nothing() -> None:
    clock = ManualClock()
    guard = ClockGuard(clock)
    guard.observe(clock.now() - timedelta(days=1))
    guard.check()
