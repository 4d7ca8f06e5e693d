"""What all connections share: the wall clock read once for what arrives together, and a place for their work."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from vedette.gateway.listener import start_guarded
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


@pytest.mark.anyio
async def test_nothing_is_begun_in_a_gateway_that_stops() -> None:
    done: list[str] = []

    async def work(name: str) -> None:
        done.append(name)

    async with asyncio.TaskGroup() as tasks:
        start_guarded(tasks, work("while it runs"), "first")
    start_guarded(tasks, work("afterwards"), "second")
    await asyncio.sleep(0)
    assert done == ["while it runs"]
