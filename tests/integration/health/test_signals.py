"""Signals on real databases: what they come to stands in the posture record when the call returns."""

from __future__ import annotations

from datetime import timedelta

import pytest
from identity_house import ACTOR
from response_house import ResponseHouse

from vedette.health import InvalidSignal, Position, SignalNotFound, TooManySignals
from vedette.health.repository import HISTORY_MAX
from vedette.health.service import SIGNALS_MAX
from vedette.registry import ClockJumped, DeviceNotFound, ModuleNotFound
from vedette.simulation import ManualClock
from vedette.trust import Provenance, RiskLevel

pytestmark = pytest.mark.anyio


async def test_a_signal_is_in_the_record_before_the_call_returns(house: ResponseHouse) -> None:
    await house.active()
    assert (await house.record()).health.value is None
    done = await house.tell()
    assert (done.is_applied, done.risk_level, done.previous_risk_level) == (True, RiskLevel.HIGH, RiskLevel.UNKNOWN)
    health = house.published[-1].health
    assert health.value is not None
    assert health.owner == "health"
    assert health.value.risk_level is RiskLevel.HIGH
    (finding,) = health.value.findings
    assert (finding.finding_class, finding.provenance, finding.source) == ("tamper", Provenance.OBSERVED, "sensor")
    assert (await house.record()) == house.published[-1]


async def test_a_signal_that_tells_nothing_new_makes_no_record(house: ResponseHouse) -> None:
    await house.active()
    await house.tell()
    count, acts = len(house.published), len(await house.acts())
    assert (await house.tell()).is_applied
    assert len(house.published) == count
    assert len(await house.acts()) == acts


async def test_a_change_of_posture_is_an_act_on_record_and_an_event(house: ResponseHouse) -> None:
    await house.active()
    await house.tell()
    (act,) = [each for each in await house.acts() if each.action == "health.change_posture"]
    assert act.details["risk_level"] == "high"
    (event,) = [each for each in await house.events() if each.name == "health.posture_changed"]
    assert (event.data["added"], event.data["previous_risk_level"]) == (["tamper"], "unknown")


async def test_spoofable_signals_stop_at_medium(house: ResponseHouse) -> None:
    await house.active()
    for source in ("zeek", "netflow", "arp"):
        done = await house.tell(source=source, provenance=Provenance.SPOOFABLE, level=RiskLevel.HIGH)
    assert done.risk_level is RiskLevel.MEDIUM


async def test_a_self_report_takes_nothing_back(house: ResponseHouse, clock: ManualClock) -> None:
    await house.active()
    await house.tell(provenance=Provenance.SELF_REPORTED, source="agent")
    clock.advance(timedelta(seconds=1))
    done = await house.tell(provenance=Provenance.SELF_REPORTED, source="agent", level=RiskLevel.LOW)
    assert not done.is_applied
    assert done.risk_level is RiskLevel.HIGH
    history, _ = await house.signals.history(house.organization_id, "pump-7", None)
    assert [each.level for each in history] == [RiskLevel.LOW, RiskLevel.HIGH]


async def test_a_signal_ends_in_time_unless_the_clock_jumped(house: ResponseHouse, clock: ManualClock) -> None:
    await house.active()
    await house.tell(lasts=timedelta(minutes=5))
    clock.jump(timedelta(hours=1))
    assert await house.signals.end_expired(house.organization_id) == 0
    clock.jump(-timedelta(hours=1))
    assert await house.signals.end_expired(house.organization_id) == 0
    clock.advance(timedelta(minutes=5))
    assert await house.signals.end_expired(house.organization_id) == 1
    assert house.published[-1].health.value is None
    assert (await house.signals.report(house.organization_id, "pump-7")).signals == ()


async def test_nothing_gets_better_while_the_clock_cannot_be_believed(house: ResponseHouse, clock: ManualClock) -> None:
    await house.active()
    await house.tell()
    clock.jump(timedelta(hours=3))
    with pytest.raises(ClockJumped):
        await house.tell(level=RiskLevel.LOW)
    assert (await house.tell(signal_class="malware")).risk_level is RiskLevel.HIGH


async def test_a_person_withdraws_a_signal_with_a_reason(house: ResponseHouse) -> None:
    await house.active()
    signal = (await house.tell()).signal
    report = await house.signals.withdraw(
        house.organization_id, "pump-7", None, signal.signal_id, actor=ACTOR, reason="the lid was opened by us"
    )
    assert report.appraisal.risk_level is RiskLevel.UNKNOWN
    assert house.published[-1].health.value is None
    with pytest.raises(SignalNotFound):
        await house.signals.withdraw(
            house.organization_id, "pump-7", None, signal.signal_id, actor=ACTOR, reason="again"
        )


async def test_a_module_shares_the_risk_of_its_device_but_not_the_reverse(house: ResponseHouse) -> None:
    await house.active()
    await house.module("camera")
    await house.tell(module_id="camera", signal_class="malware")
    assert (await house.record()).health.value is None
    await house.tell(signal_class="compliance")
    module = (await house.record(module="camera")).health.value
    assert module is not None
    assert [each.finding_class for each in module.findings] == ["compliance", "malware"]
    assert module.risk_level is RiskLevel.HIGH
    device = (await house.record()).health.value
    assert device is not None
    assert device.risk_level is RiskLevel.MEDIUM


async def test_a_position_is_in_the_record_until_its_time_is_over(house: ResponseHouse, clock: ManualClock) -> None:
    await house.active()
    where = Position(latitude=47.37, longitude=8.54, accuracy_m=5.0)
    await house.tell(signal_class="position", position=where, lasts=timedelta(minutes=10))
    location = (await house.record()).location
    assert location is not None
    assert location.value is not None
    assert (location.value.latitude, location.value.longitude) == (47.37, 8.54)
    assert location.expires_at == clock.now() + timedelta(minutes=10)
    count = len(house.published)
    clock.advance(timedelta(minutes=1))
    await house.tell(signal_class="position", position=where, lasts=timedelta(minutes=10))
    assert len(house.published) == count
    clock.advance(timedelta(minutes=5))
    await house.tell(signal_class="position", position=where, lasts=timedelta(minutes=10))
    assert len(house.published) == count + 1
    clock.advance(timedelta(minutes=10))
    await house.signals.end_expired(house.organization_id)
    gone = (await house.record()).location
    assert gone is not None
    assert gone.value is None


async def test_signals_are_bounded_and_the_weighty_ones_stay(house: ResponseHouse) -> None:
    await house.active()
    await house.tell()
    for number in range(SIGNALS_MAX - 1):
        await house.tell(source=f"zeek-{number}", provenance=Provenance.SPOOFABLE, level=RiskLevel.MEDIUM)
    with pytest.raises(TooManySignals):
        await house.tell(source="zeek-more", provenance=Provenance.SPOOFABLE, level=RiskLevel.MEDIUM)
    await house.tell(signal_class="malware")
    report = await house.signals.report(house.organization_id, "pump-7")
    assert len(report.signals) == SIGNALS_MAX
    assert [each.signal_class for each in report.signals if each.provenance is Provenance.OBSERVED] == [
        "malware",
        "tamper",
    ]


async def test_the_history_is_bounded(house: ResponseHouse) -> None:
    await house.active()
    for _ in range(HISTORY_MAX + 3):
        await house.tell()
    found, following = await house.signals.history(house.organization_id, "pump-7", None, limit=1000)
    assert (len(found), following) == (HISTORY_MAX, None)


async def test_a_deleted_device_leaves_nothing_to_its_namesake(house: ResponseHouse) -> None:
    await house.active()
    await house.tell()
    await house.devices.delete(house.organization_id, "pump-7", actor=ACTOR, reason="sold")
    await house.active()
    assert (await house.record()).health.value is None
    report = await house.signals.report(house.organization_id, "pump-7")
    assert report.signals == ()


async def test_a_signal_about_nobody_is_refused(house: ResponseHouse) -> None:
    with pytest.raises(DeviceNotFound):
        await house.tell("ghost")
    with pytest.raises(InvalidSignal):
        await house.tell(device_id=None)
    await house.active()
    with pytest.raises(ModuleNotFound):
        await house.tell(module_id="ghost")


async def test_hops_are_stamped_from_the_signal_on(house: ResponseHouse, clock: ManualClock) -> None:
    await house.active()
    observed_at = clock.now() - timedelta(seconds=2)
    done = await house.tell(observed_at=observed_at)
    hops = house.administrator.hops.latest_of(done.signal.generation_id)
    assert hops is not None
    assert hops.sequence == house.published[-1].sequence
    assert (hops.stamps.cause, hops.stamps.observed_at) == (done.signal.signal_id, observed_at)
    assert hops.stamps.ingested_ns <= hops.decided_ns <= hops.sent_ns


async def test_the_risky_are_listed(house: ResponseHouse) -> None:
    for name in ("pump-1", "pump-2", "pump-3"):
        await house.active(name)
    await house.tell("pump-1")
    await house.tell("pump-3")
    first, following = await house.signals.list(house.organization_id, risk_level=RiskLevel.HIGH, limit=1)
    rest, end = await house.signals.list(house.organization_id, risk_level=RiskLevel.HIGH, after=following or "")
    assert sorted(each.device_id for each in (*first, *rest)) == ["pump-1", "pump-3"]
    assert len(first) == 1
    assert end is None
