"""What all connections share: the wall clock read once for what arrives together."""

from __future__ import annotations

from datetime import timedelta

from vedette.gateway.reception import Moments
from vedette.simulation import ManualClock


def wall_ms(clock: ManualClock) -> int:
    return int(clock.now().timestamp() * 1000)


def test_a_moment_is_never_further_from_the_wall_clock_than_a_millisecond() -> None:
    clock = ManualClock()
    moments = Moments(clock)
    for microseconds in (0, 300, 300, 300, 300, 1_000, 1, 5_000, 999):
        clock.advance(timedelta(microseconds=microseconds))
        assert 0 <= wall_ms(clock) - moments.at(clock.monotonic_s()) <= 1


def test_a_monotonic_time_from_before_is_no_reason_to_keep_an_old_moment() -> None:
    clock = ManualClock()
    moments = Moments(clock)
    clock.advance(timedelta(seconds=5))
    moments.at(clock.monotonic_s())
    earlier_s = clock.monotonic_s() - 1
    clock.advance(timedelta(seconds=5))
    assert moments.at(earlier_s) == wall_ms(clock)
