"""One event is one alert whichever rule tells first, and what one doer does belongs together: on real databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from alert_house import AlertHouse
from identity_house import ACTOR, RunningSigner
from response_house import ResponseHouse

from vedette.incidents import AlertFilter, AlertState, AlertStep, GroupedBy, Severity, Verdict, ZoneAlarms
from vedette.kernel import SystemClock
from vedette.network.segmentation import FlowVerdict, Plan, PlanStage, PlanState, PlanVersion, Violation, Zone
from vedette.network.segmentation.repository import save_plan
from vedette.simulation import ManualClock
from vedette.store import Store

pytestmark = pytest.mark.anyio

STATION, CONTROLLER, OTHER = "10.0.0.66", "10.0.0.2", "10.0.0.3"
NEW = {"rule": "baseline.new_asset", "severity": "low", "engine": "policy", "target": "", "technique": ""}
UNKNOWN = {"rule": "network.unknown_asset", "severity": "medium", "engine": "policy", "target": "", "technique": ""}
WRITER = {"rule": "ot.new_writer", "severity": "high", "engine": "policy", "technique": "T0855"}
LEARNED = {"rule": "baseline.new_writer", "severity": "high", "engine": "policy", "technique": "T0855"}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(SystemClock().now())


@pytest.fixture
async def house(store: Store, signer_process: RunningSigner, clock: ManualClock) -> AsyncIterator[AlertHouse]:
    opened = ResponseHouse(store, signer_process, clock)
    await opened.administrator.start()
    yield AlertHouse(opened)
    await opened.close()


@pytest.mark.parametrize(("first", "second"), [(NEW, UNKNOWN), (UNKNOWN, NEW), (WRITER, LEARNED), (LEARNED, WRITER)])
async def test_one_event_told_by_two_rules_is_one_alert_with_further_evidence(
    house: AlertHouse, clock: ManualClock, first: dict[str, Any], second: dict[str, Any]
) -> None:
    await house.hear(house.record(id="a", source=STATION, **first))
    clock.advance(timedelta(seconds=40))
    await house.hear(house.record(id="b", source=STATION, **second))
    [alert] = await house.listed(is_loud=True)
    assert (alert.rule, alert.times) == (first["rule"], 1)
    graver = max((first, second), key=lambda each: list(Severity).index(Severity(each["severity"])))
    assert alert.severity == graver["severity"]
    assert alert.history[-1].act == "join"
    [evidence] = await house.listed(merged_into=alert.alert_id)
    assert (evidence.rule, evidence.incident_id) == (second["rule"], alert.incident_id)
    assert [each.by for each in evidence.history] == ["system:incidents"]
    clock.advance(timedelta(seconds=40))
    await house.hear(house.record(id="a", source=STATION, times=5, **first))
    await house.hear(house.record(id="b", source=STATION, times=7, **second))
    [alert] = await house.listed(is_loud=True)
    assert alert.times == 7, "both count the same"


async def test_what_is_not_the_same_event_stays_by_itself(house: AlertHouse, clock: ManualClock) -> None:
    await house.hear(house.record(id="a", source=STATION, **WRITER))
    await house.hear(house.record(id="b", source=STATION, **{**LEARNED, "target": OTHER}))
    clock.advance(timedelta(minutes=10))
    await house.hear(house.record(id="c", source=STATION, **LEARNED))
    await house.hear(house.record(id="d", source="10.0.0.67", **NEW))
    assert len(await house.listed(is_loud=True)) == 4


async def test_an_event_that_was_judged_is_raised_anew_by_the_other_rule(house: AlertHouse) -> None:
    first = await house.raised(id="a", source=STATION, **NEW)
    await house.alerts.close(
        house.organization_id, [first.alert_id], verdict=Verdict.BENIGN, actor=ACTOR, reason="a new printer"
    )
    await house.hear(house.record(id="b", source=STATION, **UNKNOWN))
    [alert] = await house.listed(states=(AlertState.OPEN,))
    assert (alert.rule, alert.merged_into) == ("network.unknown_asset", "")


async def test_a_takeover_is_one_incident_with_its_parts_in_their_order(house: AlertHouse, clock: ManualClock) -> None:
    steps = (
        NEW,
        {"rule": "scan.address", "engine": "anomaly", "severity": "medium", "target": "", "technique": "T0846"},
        {"rule": "ot.program_download", "severity": "critical", "technique": "T0843"},
        {"rule": "ot.controller_stop", "severity": "critical", "technique": "T0858"},
    )
    for number, step in enumerate(steps):
        clock.advance(timedelta(minutes=4))
        await house.hear(house.record(id=f"s-{number}", source=STATION, **step))
    await house.hear(house.record(id="other", source="10.0.0.9", rule="login.failed", severity="medium"))
    [takeover, other] = await house.alerts.groups(house.organization_id, _everything(), GroupedBy.INCIDENT)
    assert takeover.rules == ("baseline.new_asset", "scan.address", "ot.program_download", "ot.controller_stop")
    assert (takeover.count, takeover.open, takeover.severity, takeover.name) == (4, 4, Severity.CRITICAL, STATION)
    assert other.rules == ("login.failed",)
    assert len(await house.listed(incident_id=takeover.key)) == 4
    clock.advance(timedelta(hours=2))
    later = await house.raised(id="late", source=STATION, rule="scan.port", severity="low")
    assert later.incident_id not in {"", takeover.key}
    by_rule = await house.alerts.groups(house.organization_id, _everything(), GroupedBy.RULE, limit=2)
    assert [each.severity for each in by_rule] == [Severity.CRITICAL, Severity.CRITICAL]


async def test_the_gravest_come_first_page_by_page(house: AlertHouse, clock: ManualClock) -> None:
    for number, severity in enumerate(("low", "critical", "medium", "critical", "low")):
        clock.advance(timedelta(seconds=1))
        await house.hear(house.record(id=f"g-{number}", source=f"10.0.1.{number}", severity=severity))
    seen: list[str] = []
    after = ""
    while True:
        page = await house.alerts.search(house.organization_id, _everything(), after=after, limit=2, by_severity=True)
        seen += [f"{each.severity} {each.sensor_alert_id}" for each in page.items]
        if page.next is None:
            break
        after = page.next
    assert seen == ["critical g-3", "critical g-1", "medium g-2", "low g-4", "low g-0"]


async def test_a_merged_alert_speaks_for_itself_again(house: AlertHouse) -> None:
    parent = await house.raised(id="p", times=3)
    child = await house.raised(id="c", times=2, source="10.0.0.70")
    mine = house.organization_id
    merged = await house.alerts.merge(mine, parent.alert_id, [child.alert_id], actor=ACTOR, reason="one scan")
    assert merged.times == 5
    done = await house.alerts.unmerge(mine, child.alert_id, actor=ACTOR, reason="it was another")
    assert (done.is_loud, done.merged_into, done.times) == (True, "", 2)
    left = await house.alerts.get(mine, parent.alert_id)
    assert left.times == 3
    assert [(each.act, each.other_id) for each in left.history] == [
        ("merge", child.alert_id),
        ("unmerge", child.alert_id),
    ]
    with pytest.raises(AlertStep):
        await house.alerts.unmerge(mine, child.alert_id, actor=ACTOR, reason="twice")
    assert "incidents.unmerge_alerts" in await house.acts()


async def test_traffic_that_the_plan_does_not_allow_is_an_alert_and_a_signal(
    house: AlertHouse, clock: ManualClock
) -> None:
    await house.manage(STATION, "station-1")
    alarms = ZoneAlarms(house.intake)
    mine = house.organization_id
    now = clock.now()
    plan = Plan(zones=(Zone(zone_id="control", name="press hall, cell 2"),))
    version = PlanVersion(
        number=1, state=PlanState.APPROVED, stage=PlanStage.MONITOR, plan=plan, created_at=now, created_by="Ada",
        changed_at=now, changed_by="Ada",
    )  # fmt: skip
    await house.write(lambda tx: save_plan(tx.connection, mine, version))
    await house.write(lambda tx: alarms.hear(tx, mine, [_violation(clock, "read"), _violation(clock, "write", 102)]))
    [alert] = await house.listed()
    assert (alert.rule, alert.severity, alert.technique) == ("network.zones_violated", Severity.HIGH, "T0855")
    assert (alert.times, alert.source.device_id, alert.signaled_at is not None) == (2, "station-1", True)
    # Zones are called as people called them; one that the plan has no more keeps its id.
    assert "in zone office talks with" in alert.title
    assert "in zone press hall, cell 2" in alert.title
    await house.write(lambda tx: alarms.hear(tx, mine, [_violation(clock, "read", 44818)]))
    [again] = await house.listed()
    assert (again.alert_id, again.times) == (alert.alert_id, 3)


def _everything() -> AlertFilter:

    return AlertFilter()


def _violation(clock: ManualClock, operation: str, port: int = 502) -> Violation:
    now = clock.now()
    return Violation(
        violation_id=f"vio_{port}",
        number=1,
        verdict=FlowVerdict.BLOCKED,
        source="office",
        target="control",
        client="",
        server="",
        client_address=STATION,
        server_address=CONTROLLER,
        transport="tcp",
        port=port,
        protocol="modbus",
        operations=(operation,),
        reason="no conduit from office to control",
        flows=3,
        first_at=now,
        last_at=now,
        found_at=now,
    )
