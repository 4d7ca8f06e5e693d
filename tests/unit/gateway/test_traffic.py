"""What identities do, counted minute by minute and told once."""

from __future__ import annotations

from datetime import timedelta

from vedette.bus.contract import TrafficCount, TrafficCounts
from vedette.gateway.traffic import COUNTS_PER_PART, Tally, TrafficMeter
from vedette.simulation import ManualClock


def count(tally: Tally, size_bytes: int) -> None:
    tally.messages += 1
    tally.size_bytes += size_bytes


def test_a_minute_is_told_once_it_is_over() -> None:
    clock, told = ManualClock(), list[TrafficCounts]()
    meter = TrafficMeter(told.append, clock)
    minute = int(clock.now().timestamp()) // 60
    count(meter.tally("dev_1"), 10)
    count(meter.tally("dev_1"), 5)
    meter.request("dev_1")
    meter.refused("dev_2")
    meter.sweep()
    assert told == []
    clock.advance(timedelta(seconds=60))
    meter.sweep()
    counts = [TrafficCount("dev_1", 2, 15, 1, 0), TrafficCount("dev_2", 0, 0, 0, 1)]
    assert told == [TrafficCounts(minute=minute, counts=counts)]
    clock.advance(timedelta(seconds=60))
    meter.sweep()
    assert len(told) == 1


def test_a_busy_minute_is_told_in_parts() -> None:
    clock, told = ManualClock(), list[TrafficCounts]()
    meter = TrafficMeter(told.append, clock)
    for number in range(COUNTS_PER_PART + 1):
        count(meter.tally(f"dev_{number}"), 1)
    clock.advance(timedelta(seconds=60))
    meter.sweep()
    assert [len(each.counts) for each in told] == [COUNTS_PER_PART, 1]


def test_a_tally_that_is_over_is_replaced_by_one_that_is_told() -> None:
    clock, told = ManualClock(), list[TrafficCounts]()
    meter = TrafficMeter(told.append, clock)
    first = meter.tally("dev_1")
    count(first, 10)
    clock.advance(timedelta(seconds=60))
    meter.sweep()
    assert first.is_over
    second = meter.tally("dev_1")
    count(second, 7)
    clock.advance(timedelta(seconds=60))
    meter.sweep()
    assert [each.counts for each in told] == [[TrafficCount("dev_1", 1, 10, 0, 0)], [TrafficCount("dev_1", 1, 7, 0, 0)]]
