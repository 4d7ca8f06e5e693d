"""Traffic that is unusual for a device becomes a signal about it, and what was learned outlives a restart."""

from __future__ import annotations

from datetime import timedelta

import pytest
from response_house import ResponseHouse

from vedette.bus.contract import TrafficCount, TrafficCounts
from vedette.health import TrafficWatch
from vedette.health.baseline import LEARNED_MINUTES, STREAK
from vedette.simulation import ManualClock
from vedette.trust import RiskLevel

pytestmark = pytest.mark.anyio


def watch_of(house: ResponseHouse) -> TrafficWatch:
    return TrafficWatch(house.organization_id, house.store, house.signals, clock=house.clock)


async def minute(watch: TrafficWatch, clock: ManualClock, generation_id: str, messages: int) -> int:
    clock.advance(timedelta(minutes=1))
    now = int(clock.now().timestamp()) // 60
    return await watch.compare(TrafficCounts(minute=now, counts=[TrafficCount(generation_id, messages, 100)]))


async def test_unusual_traffic_raises_the_risk_for_a_while(house: ResponseHouse, clock: ManualClock) -> None:
    device = await house.active()
    watch = watch_of(house)
    for _ in range(LEARNED_MINUTES + 1):
        assert await minute(watch, clock, device.generation_id, 20) == 0
    await watch.save()
    again = watch_of(house)
    await again._load()
    for _ in range(STREAK):
        found = await minute(again, clock, device.generation_id, 9_000)
    assert found == 1
    health = (await house.record()).health.value
    assert health is not None
    assert health.risk_level is RiskLevel.MEDIUM
    assert (health.findings[0].finding_class, health.findings[0].source) == ("traffic-anomaly", "traffic-baseline")
    report = await house.signals.report(house.organization_id, "pump-7")
    assert report.signals[0].detail["messages"]["seen"] == 9_000
    clock.advance(timedelta(minutes=15))
    await house.signals.end_expired(house.organization_id)
    assert (await house.record()).health.value is None


async def test_counts_of_nobody_and_of_another_time_are_borne(house: ResponseHouse, clock: ManualClock) -> None:
    watch = watch_of(house)
    now = int(clock.now().timestamp()) // 60
    ghost = TrafficCount("dev_" + "0" * 26, 10**12, 10**18)
    for when in (now, now - 100, now + 100, -1):
        assert await watch.compare(TrafficCounts(minute=when, counts=[ghost, TrafficCount("nonsense", 1, 1)])) == 0
    await watch.save()
