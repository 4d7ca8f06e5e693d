from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from vedette.kernel import SystemClock, to_rfc3339
from vedette.simulation import ManualClock


def test_the_system_clock_is_aware_and_its_monotonic_time_does_not_run_back() -> None:
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert clock.monotonic_s() <= clock.monotonic_s()


def test_sleep_of_the_machine_counts() -> None:
    before_s = time.clock_gettime(time.CLOCK_BOOTTIME)
    told_s = SystemClock().monotonic_s()
    assert before_s <= told_s <= time.clock_gettime(time.CLOCK_BOOTTIME)


def test_times_are_written_in_utc_with_milliseconds() -> None:
    moment = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    assert to_rfc3339(moment) == "2026-11-22T10:00:00.123Z"


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        to_rfc3339(datetime(2026, 1, 1))  # noqa: DTZ001 - the point of the test


def test_a_jump_moves_the_wall_alone() -> None:
    clock = ManualClock()
    wall, monotonic = clock.now(), clock.monotonic_s()
    clock.jump(timedelta(days=-1))
    assert clock.now() < wall
    assert clock.monotonic_s() == monotonic
