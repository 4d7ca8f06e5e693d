"""Alerts on real databases: kept once, counted again, hushed, authorized, judged by people."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from alert_house import SLICE, AlertHouse
from identity_house import ACTOR, RunningSigner
from response_house import ResponseHouse

from vedette.incidents import (
    AlertFilter,
    AlertNotFound,
    AlertState,
    AlertStep,
    Effect,
    InvalidPattern,
    NewException,
    NewTicket,
    Pattern,
    Retention,
    Severity,
    SliceNotFound,
    Verdict,
)
from vedette.kernel import SystemClock
from vedette.network import Criticality
from vedette.pki import SecretsUnreadable
from vedette.registry import ReasonMissing, RevisionMismatch
from vedette.simulation import ManualClock
from vedette.store import Store

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(SystemClock().now())


@pytest.fixture
async def house(store: Store, signer_process: RunningSigner, clock: ManualClock) -> AsyncIterator[AlertHouse]:
    opened = ResponseHouse(store, signer_process, clock)
    await opened.administrator.start()
    yield AlertHouse(opened, per_hour=50, retention=Retention(slice_bytes=3 * len(SLICE)))
    await opened.close()


def later(clock: ManualClock, **changes: float) -> int:
    clock.advance(timedelta(**changes))
    return int(clock.now().timestamp() * 1000)


def muting(clock: ManualClock, **changes: Any) -> NewException:
    fields: dict[str, Any] = {
        "pattern": Pattern(rules=("ot.controller_stop",), targets=("10.0.0.0/24",)),
        "effect": Effect.MUTE,
        "reason": "acceptance tests of line 4",
        "owner": "line 4",
        "ends_at": clock.now() + HOUR,
    }
    return NewException(**{**fields, **changes})


async def test_what_comes_twice_is_kept_once_and_what_goes_on_grows(house: AlertHouse, clock: ManualClock) -> None:
    record = house.record()
    assert (await house.hear(record)).raised == 1
    taken = await house.hear(record)
    assert (taken.raised, taken.repeated) == (0, 0)
    moment = later(clock, minutes=3)
    assert (await house.hear(house.record(times=7, last_at=moment))).repeated == 1
    assert (await house.hear(record)).repeated == 0, "an old copy takes nothing back"
    [alert] = await house.listed()
    assert (alert.times, alert.is_loud, alert.state) == (7, True, AlertState.OPEN)
    assert alert.last_at - alert.first_at >= timedelta(minutes=2)
    assert (await house.acts()) == ["incidents.raise_alert"]


async def test_texts_and_times_of_a_liar_are_kept_within_bounds(house: AlertHouse, clock: ManualClock) -> None:
    alert = await house.raised(
        title="nul\0here",
        severity="apocalyptic",
        engine="magic",
        technique="T1; DROP",
        first_at=0,
        last_at=2**48,
        times=2**62,
        detail={f"k{number}\0": 2**61 for number in range(200)},
    )
    assert "\0" not in alert.title
    assert alert.severity is Severity.MEDIUM
    assert (alert.technique, len(alert.detail)) == ("", 32)
    assert alert.last_at <= clock.now()


async def test_the_longest_of_everything_is_kept_on_both_databases(house: AlertHouse) -> None:
    wide = "\N{FACTORY}"
    longest = house.record(
        id=wide * 128,
        rule=wide * 128,
        title=wide * 512,
        source=wide * 64,
        target=wide * 64,
        protocol=wide * 128,
        key=wide * 512,
        detail={wide * 128: wide * 512, "number": -(2**63), "nothing": None},
    )
    assert (await house.hear(longest, longest)).raised == 1
    assert (await house.hear(longest)).repeated == 0
    assert (await house.listed(text=wide * 512))[0].detail["number"] == str(-(2**63))


async def test_a_sensor_that_floods_is_counted_in_one_alert(house: AlertHouse) -> None:
    records = [house.record(id=f"a-{number}") for number in range(80)]
    taken = await house.hear(*records)
    assert (taken.raised, taken.dropped) == (50, 30)
    await house.hear(house.record(id="one more"))
    [flood] = await house.listed(rule="vedette.alert_flood")
    assert (flood.times, flood.severity) == (31, Severity.HIGH)
    assert (await house.hear(house.record(id="a-1", times=9))).repeated == 1, "what is known still grows"


async def test_what_depends_on_an_asset_makes_its_alerts_graver(house: AlertHouse) -> None:
    end = await house.manage("10.0.0.2", "plc-2")
    house.known["10.0.0.2"] = type(end)(address="10.0.0.2", name="boiler", criticality=Criticality.CRITICAL)
    alert = await house.raised(severity="medium")
    assert (alert.raised_severity, alert.severity) == (Severity.MEDIUM, Severity.HIGH)
    assert alert.target.name == "boiler"


async def test_an_alert_is_acknowledged_closed_with_a_verdict_and_opened_again(house: AlertHouse) -> None:
    alert = await house.raised()
    mine = [alert.alert_id]
    [seen] = await house.alerts.acknowledge(house.organization_id, mine, actor=ACTOR)
    assert (seen.state, seen.revision, seen.changed_by) == (AlertState.ACKNOWLEDGED, 2, f"{ACTOR.kind}:{ACTOR.id}")
    with pytest.raises(RevisionMismatch):
        await house.alerts.close(
            house.organization_id, mine, verdict=Verdict.BENIGN, actor=ACTOR, reason="old page", revision=1
        )
    with pytest.raises(ReasonMissing):
        await house.alerts.close(house.organization_id, mine, verdict=Verdict.BENIGN, actor=ACTOR, reason=" ")
    [closed] = await house.alerts.close(
        house.organization_id, mine, verdict=Verdict.FALSE_POSITIVE, actor=ACTOR, reason="a test of ours"
    )
    assert (closed.state, closed.verdict, closed.reason) == (
        AlertState.CLOSED,
        Verdict.FALSE_POSITIVE,
        "a test of ours",
    )
    [again] = await house.alerts.reopen(house.organization_id, mine, actor=ACTOR, reason="it was not")
    assert (again.state, again.verdict) == (AlertState.OPEN, Verdict.NONE)
    assert (await house.acts())[1:] == [
        "incidents.acknowledge_alerts",
        "incidents.close_alerts",
        "incidents.reopen_alerts",
    ]
    with pytest.raises(AlertNotFound):
        await house.alerts.get(house.organization_id, "alr_" + "0" * 26)


async def test_a_real_one_that_goes_on_after_it_was_closed_opens_again(house: AlertHouse, clock: ManualClock) -> None:
    real, harmless = await house.raised(), await house.raised(id="a-2")
    for alert, verdict in ((real, Verdict.TRUE_POSITIVE), (harmless, Verdict.BENIGN)):
        await house.alerts.close(
            house.organization_id, [alert.alert_id], verdict=verdict, actor=ACTOR, reason="looked into"
        )
    moment = later(clock, minutes=1)
    await house.hear(house.record(times=2, last_at=moment), house.record(id="a-2", times=2, last_at=moment))
    assert {each.sensor_alert_id: each.state for each in await house.listed()} == {
        "a-1": AlertState.OPEN,
        "a-2": AlertState.CLOSED,
    }


async def test_a_merged_alert_counts_in_the_one_that_speaks_for_it(house: AlertHouse, clock: ManualClock) -> None:
    parent, child = await house.raised(severity="low", times=2), await house.raised(id="a-2", times=3)
    merged = await house.alerts.merge(
        house.organization_id, parent.alert_id, [child.alert_id], actor=ACTOR, reason="one scan"
    )
    assert (merged.times, merged.severity) == (5, Severity.HIGH)
    assert [each.alert_id for each in await house.listed(is_loud=True)] == [parent.alert_id]
    await house.hear(house.record(id="a-2", times=10, last_at=later(clock, minutes=1)))
    assert (await house.alerts.get(house.organization_id, parent.alert_id)).times == 12
    with pytest.raises(AlertStep):
        await house.alerts.reopen(house.organization_id, [child.alert_id], actor=ACTOR, reason="no")
    with pytest.raises(AlertStep):
        await house.alerts.merge(house.organization_id, parent.alert_id, [child.alert_id], actor=ACTOR, reason="twice")


async def test_an_exception_tells_beforehand_what_it_hides_and_hides_that_until_its_end(
    house: AlertHouse, clock: ManualClock
) -> None:
    await house.hear(
        house.record(),
        house.record(id="elsewhere", target="10.9.0.2"),
        house.record(id="grave", severity="critical"),
        house.record(id="other", rule="ot.program_download"),
    )
    new = muting(clock)
    preview = await house.exceptions.preview(house.organization_id, new, days=7)
    assert (preview.scanned, preview.hidden, preview.open_now, preview.is_complete) == (4, 1, 1, True)
    assert [each.sensor_alert_id for each in preview.samples] == ["a-1"]
    made, hushed = await house.exceptions.make(house.organization_id, new, actor=ACTOR)
    assert hushed == 1
    await house.hear(house.record(id="a-2", last_at=later(clock, minutes=1)))
    hidden = await house.listed(is_loud=False)
    assert [each.exception_id for each in hidden] == [made.exception_id] * 2
    assert (await house.exceptions.get(house.organization_id, made.exception_id)).matched == 2
    moment = later(clock, hours=2)
    await house.hear(house.record(id="a-2", times=4, last_at=moment), house.record(id="a-3", last_at=moment))
    loud = {each.sensor_alert_id for each in await house.listed(is_loud=True)}
    assert {"a-2", "a-3"} <= loud, "what goes on after the end is loud again"


async def test_an_exception_that_is_ended_hides_nothing_more(house: AlertHouse, clock: ManualClock) -> None:
    made, _ = await house.exceptions.make(house.organization_id, muting(clock), actor=ACTOR)
    ended = await house.exceptions.end(house.organization_id, made.exception_id, actor=ACTOR, reason="done")
    assert not ended.is_in_force(clock.now())
    assert (await house.raised()).is_loud
    found, following = await house.exceptions.search(house.organization_id, is_in_force=True)
    assert (found, following) == ([], None)
    assert (await house.acts())[:2] == ["incidents.make_exception", "incidents.end_exception"]


async def test_only_what_may_be_learned_is_learned(house: AlertHouse, clock: ManualClock) -> None:
    alert = await house.raised(engine="policy", is_learnable=True, key="stop")
    exact = Pattern(rules=(alert.rule,), sources=("10.0.0.9",), targets=("10.0.0.2",), keys=("stop",))
    new = muting(clock, effect=Effect.LEARN, pattern=exact, ends_at=None, learned_from=alert.alert_id)
    made, hushed = await house.exceptions.make(house.organization_id, new, actor=ACTOR)
    assert (made.ends_at, hushed) == (None, 1)
    assert not (await house.raised(id="a-2", key="stop")).is_loud
    assert (await house.raised(id="a-3", key="start")).is_loud
    malware = await house.raised(id="a-4", engine="malware", is_learnable=True)
    for wrong in (
        muting(clock, effect=Effect.LEARN, pattern=exact, ends_at=None),
        muting(clock, effect=Effect.LEARN, pattern=exact, ends_at=None, learned_from=malware.alert_id),
    ):
        with pytest.raises(InvalidPattern):
            await house.exceptions.make(house.organization_id, wrong, actor=ACTOR)


async def test_a_change_that_a_ticket_announces_is_kept_and_raised_to_nobody(
    house: AlertHouse, clock: ManualClock
) -> None:
    ticket = await house.tickets.open(
        house.organization_id,
        NewTicket(
            reference="CHG-1042",
            summary="new program for line 4",
            people=("R. Meyer",),
            pattern=Pattern(rules=("ot.*",), sources=("10.0.0.9",), targets=("10.0.0.0/24",)),
            begins_at=clock.now(),
            ends_at=clock.now() + HOUR,
        ),
        actor=ACTOR,
    )
    moment = later(clock, minutes=5)
    during = {"first_at": moment, "last_at": moment}
    await house.hear(
        house.record(**during),
        house.record(id="stranger", source="10.0.0.66", **during),
        house.record(id="malware", engine="malware", **during),
        house.record(id="before", first_at=moment - 600_000, last_at=moment),
    )
    by_name = {each.sensor_alert_id: each for each in await house.listed()}
    assert {name for name, alert in by_name.items() if alert.is_loud} == {"stranger", "malware", "before"}
    assert by_name["a-1"].ticket_id == ticket.ticket_id
    assert (await house.tickets.get(house.organization_id, ticket.ticket_id)).matched == 1
    await house.hear(house.record(first_at=moment, last_at=later(clock, hours=2), times=2))
    assert (await house.alerts.get(house.organization_id, by_name["a-1"].alert_id)).is_loud, "beyond its window"


async def test_a_ticket_that_ended_early_authorizes_nothing_more(house: AlertHouse, clock: ManualClock) -> None:
    announced = NewTicket(
        reference="CHG-7",
        summary="",
        pattern=Pattern(targets=("10.0.0.2",)),
        begins_at=clock.now(),
        ends_at=clock.now() + HOUR,
    )
    ticket = await house.tickets.open(house.organization_id, announced, actor=ACTOR)
    clock.advance(timedelta(seconds=60))
    await house.tickets.end(house.organization_id, ticket.ticket_id, actor=ACTOR, reason="done early")
    moment = later(clock, minutes=1)
    assert (await house.raised(first_at=moment, last_at=moment)).is_loud
    found, _ = await house.tickets.search(house.organization_id, is_over=True)
    assert [each.reference for each in found] == ["CHG-7"]


async def test_lists_are_filtered_and_read_page_by_page(house: AlertHouse) -> None:
    severities = ("low", "medium", "high", "critical")
    await house.hear(*(house.record(id=f"a-{n}", severity=severities[n % 4], rule=f"r.x{n}") for n in range(12)))
    first = await house.alerts.search(house.organization_id, AlertFilter(), limit=5)
    rest = await house.alerts.search(house.organization_id, AlertFilter(), after=first.next or "", limit=100)
    assert (len(first.items), len(rest.items), rest.next) == (5, 7, None)
    assert len(await house.listed(severity=Severity.HIGH)) == 6
    assert len(await house.listed(rule="r.x1*")) == 3
    assert len(await house.listed(text="STOPPED the")) == 12
    assert await house.listed(address="10.0.0.66") == []
    assert await house.listed(sensors=()) == []
    counts = await house.alerts.count(house.organization_id, AlertFilter())
    assert counts.open_by_severity == {"low": 3, "medium": 3, "high": 3, "critical": 3}
    assert counts.by_state == {"open": 12}
    assert counts.quiet == {"muted": 0, "authorized": 0, "merged": 0}


async def test_packets_are_sealed_and_who_reads_them_stands_in_the_ledger(house: AlertHouse) -> None:
    alert = await house.raised(evidence=SLICE)
    assert alert.slice_bytes == len(SLICE)
    found = await house.slices.read(house.organization_id, alert.alert_id, actor=ACTOR)
    assert found.capture == SLICE
    assert (await house.acts())[-1] == "incidents.read_slice"

    def raw(tx: Any) -> Any:
        return bytes(tx.connection.exec_driver_sql("select sealed from incidents_slices").scalar_one())

    sealed = await house.write(raw)
    assert SLICE[:64] not in sealed
    with pytest.raises(SecretsUnreadable):
        house.box.open(sealed, place="incidents_slices/another/alert")
    await house.hear(house.record(id="a-3", evidence=SLICE), house.record(id="a-3", times=2))
    assert next(each for each in await house.listed() if each.sensor_alert_id == "a-3").slice_bytes == len(SLICE)
    other = await house.raised(id="a-2", evidence=b"no capture at all")
    assert other.slice_bytes == 0
    with pytest.raises(SliceNotFound):
        await house.slices.read(house.organization_id, other.alert_id, actor=ACTOR)


async def test_packets_and_settled_alerts_leave_in_time(house: AlertHouse, clock: ManualClock) -> None:
    for number in range(5):
        await house.raised(id=f"a-{number}", evidence=SLICE)
        clock.advance(timedelta(seconds=1))
    await house.upkeep.sweep()
    kept = {each.sensor_alert_id for each in await house.listed() if each.slice_bytes}
    assert kept == {"a-2", "a-3", "a-4"}, "of too many bytes the oldest leave"
    [first, *_] = await house.listed()
    await house.alerts.close(
        house.organization_id, [first.alert_id], verdict=Verdict.BENIGN, actor=ACTOR, reason="done"
    )
    clock.advance(timedelta(days=31))
    await house.upkeep.sweep()
    assert not any(each.slice_bytes for each in await house.listed())
    clock.advance(timedelta(days=340))
    await house.upkeep.sweep()
    left = await house.listed()
    assert first.alert_id not in {each.alert_id for each in left}
    assert len(left) == 4, "what calls for somebody stays"
