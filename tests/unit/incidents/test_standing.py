"""Patterns, exceptions and tickets: what they match, and what they may never hide."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_alert import NOW, ORGANIZATION, alert

from vedette.incidents import (
    AlertException,
    AlertState,
    Effect,
    End,
    Engine,
    InvalidPattern,
    Matcher,
    Pattern,
    Quiet,
    Severity,
    Ticket,
    check_pattern,
    pattern_of,
    severity_of,
)
from vedette.incidents.model import read_moment
from vedette.incidents.standing import check_exception, check_ticket
from vedette.network import Criticality

HOUR = timedelta(hours=1)
STOP = Pattern(rules=("ot.controller_stop",))


def exception(pattern: Pattern = STOP, **changes: Any) -> AlertException:
    fields: dict[str, Any] = {
        "organization_id": ORGANIZATION,
        "exception_id": "exc_1",
        "effect": Effect.MUTE,
        "pattern": pattern,
        "reason": "tests",
        "owner": "line 4",
        "created_at": NOW,
        "created_by": "operator:host",
        "ends_at": NOW + HOUR,
    }
    return AlertException(**{**fields, **changes})


def ticket(pattern: Pattern, **changes: Any) -> Ticket:
    fields: dict[str, Any] = {
        "organization_id": ORGANIZATION,
        "ticket_id": "tkt_1",
        "reference": "CHG-1",
        "summary": "",
        "people": (),
        "pattern": pattern,
        "begins_at": NOW,
        "ends_at": NOW + HOUR,
        "created_at": NOW,
        "created_by": "operator:host",
    }
    return Ticket(**{**fields, **changes})


@pytest.mark.parametrize(
    ("name", "pattern", "expected"),
    [
        ("nothing said", Pattern(), True),
        ("its rule", STOP, True),
        ("all of its kind", Pattern(rules=("ot.*",)), True),
        ("another rule", Pattern(rules=("ot.controller_start",)), False),
        ("a rule that only begins so", Pattern(rules=("ot.controller",)), False),
        ("its source", Pattern(sources=("10.0.0.9",)), True),
        ("its source as target", Pattern(targets=("10.0.0.9",)), False),
        ("the network of its target", Pattern(targets=("10.0.0.0/24",)), True),
        ("another network", Pattern(targets=("10.0.1.0/24",)), False),
        ("one of several", Pattern(sources=("10.9.9.9", "10.0.0.9")), True),
        ("its key", Pattern(keys=("stop",)), True),
        ("another key", Pattern(keys=("start",)), False),
        ("another site", Pattern(sites=("south",)), False),
        ("all of it", pattern_of(alert()), True),
    ],
)
def test_a_pattern_matches_what_it_names(name: str, pattern: Pattern, expected: bool) -> None:  # noqa: FBT001 - a case
    assert Matcher(pattern).matches(alert()) is expected, name


def test_an_address_that_is_no_ip_matches_itself_only() -> None:
    lied = alert(source=End(address="not an address"), target=End(address="02:00:00:00:00:01"))
    assert not Matcher(Pattern(sources=("0.0.0.0/0",))).matches(lied)
    assert Matcher(Pattern(targets=("02:00:00:00:00:01",))).matches(lied)
    assert not Matcher(Pattern(sources=("::/0",))).matches(alert(source=End()))


def test_addresses_are_brought_into_one_form() -> None:
    found = check_pattern(
        Pattern(sources=("10.0.0.9/24", " 10.0.0.9"), targets=("02-AA-00-00-00-01", "FE80::0001", "fe80::1"))
    )
    assert found.sources == ("10.0.0.0/24", "10.0.0.9")
    assert found.targets == ("02:aa:00:00:00:01", "fe80::1")


@pytest.mark.parametrize(
    "pattern",
    [
        Pattern(rules=("OT stop",)),
        Pattern(rules=("ot.*.stop*",)),
        Pattern(sources=("10.0.0",)),
        Pattern(sources=("10.0.0.0/99",)),
        Pattern(keys=("",)),
        Pattern(sites=("nul\0",)),
        Pattern(keys=("k",) * 65),
    ],
)
def test_a_pattern_that_cannot_be_is_refused(pattern: Pattern) -> None:
    with pytest.raises(InvalidPattern):
        check_pattern(pattern)


@given(st.text(max_size=100), st.text(max_size=100))
def test_no_text_breaks_a_pattern_or_its_matching(one: str, other: str) -> None:
    told = alert(rule=one, key=other, source=End(address=one), target=End(address=other))
    for pattern in (pattern_of(told), Pattern(rules=(one,)), Pattern(sources=(one,)), Pattern(keys=(other,))):
        try:
            checked = check_pattern(pattern)
        except InvalidPattern:
            continue
        Matcher(checked).matches(told)


@pytest.mark.parametrize(
    ("name", "pattern", "changes"),
    [
        ("nothing", Pattern(), {}),
        ("one end only", Pattern(targets=("10.0.0.2",)), {}),
        ("a key only", Pattern(keys=("stop",)), {}),
        ("every rule", Pattern(rules=("*",)), {}),
        ("without an end date", STOP, {"ends_at": None}),
        ("an end that is past", STOP, {"ends_at": NOW}),
        ("an end that is too far", STOP, {"ends_at": NOW + timedelta(days=400)}),
        ("learned with an end date", pattern_of(alert()), {"effect": Effect.LEARN}),
        ("learned from nothing", pattern_of(alert()), {"effect": Effect.LEARN, "ends_at": None, "learnable": None}),
        (
            "learned from what may not be",
            pattern_of(alert()),
            {"effect": Effect.LEARN, "ends_at": None, "learnable": alert(is_learnable=False)},
        ),
        (
            "learned from what it does not match",
            pattern_of(alert()),
            {"effect": Effect.LEARN, "ends_at": None, "learnable": alert(rule="ot.other")},
        ),
        (
            "a network learned",
            Pattern(rules=STOP.rules, targets=("10.0.0.0/8",)),
            {"effect": Effect.LEARN, "ends_at": None},
        ),
    ],
)
def test_an_exception_that_hides_too_much_is_refused(name: str, pattern: Pattern, changes: dict[str, Any]) -> None:
    fields = {"effect": Effect.MUTE, "ends_at": NOW + HOUR, "learnable": alert(), **changes}
    with pytest.raises(InvalidPattern):
        check_exception(pattern, fields["effect"], fields["ends_at"], learnable=fields["learnable"], now=NOW)
    assert name


def test_what_is_learned_hides_the_same_again_and_nothing_else() -> None:
    found = check_exception(pattern_of(alert()), Effect.LEARN, None, learnable=alert(), now=NOW)
    learned = exception(found, effect=Effect.LEARN, ends_at=None)
    assert learned.is_in_force(NOW + timedelta(days=4_000))
    assert learned.hides(alert())
    assert not learned.hides(alert(key="start"))
    assert not learned.hides(alert(source=End(address="10.0.0.66")))


def test_graver_alerts_and_malware_stay_loud() -> None:
    wide = exception(Pattern(rules=("ot.*",)))
    assert wide.hides(alert())
    assert not wide.hides(alert(severity=Severity.CRITICAL))
    assert not wide.hides(alert(engine=Engine.MALWARE))
    assert exception(hides_up_to=Severity.CRITICAL).hides(alert(severity=Severity.CRITICAL))
    assert exception().hides(alert(engine=Engine.MALWARE)), "by the very name of its rule"


def test_a_ticket_authorizes_what_lies_within_its_window() -> None:
    change = ticket(Pattern(targets=("10.0.0.2",)))
    during = alert(first_at=NOW + HOUR / 2, last_at=NOW + HOUR / 2)
    assert change.authorizes(during)
    assert change.authorizes(replace(during, last_at=NOW + HOUR))
    assert not change.authorizes(replace(during, last_at=NOW + 2 * HOUR))
    assert not change.authorizes(replace(during, first_at=NOW - HOUR))
    assert not change.authorizes(replace(during, engine=Engine.MALWARE))
    ended = replace(change, ended_at=NOW + HOUR / 4)
    assert not ended.authorizes(during)
    states = [change.state(NOW - HOUR), change.state(NOW), change.state(NOW + HOUR), ended.state(NOW)]
    assert states == ["planned", "running", "over", "over"]


@pytest.mark.parametrize(
    ("name", "pattern", "begins_at", "ends_at"),
    [
        ("no asset", STOP, NOW, NOW + HOUR),
        ("ends before it begins", Pattern(targets=("10.0.0.2",)), NOW + HOUR, NOW),
        ("over already", Pattern(targets=("10.0.0.2",)), NOW - 2 * HOUR, NOW - HOUR),
        ("begins in the past", Pattern(targets=("10.0.0.2",)), NOW - HOUR, NOW + HOUR),
        ("too long", Pattern(targets=("10.0.0.2",)), NOW, NOW + timedelta(days=100)),
    ],
)
def test_a_ticket_that_would_excuse_anything_is_refused(
    name: str, pattern: Pattern, begins_at: datetime, ends_at: datetime
) -> None:
    with pytest.raises(InvalidPattern):
        check_ticket(pattern, begins_at, ends_at, now=NOW)
    assert name


def test_a_ticket_comes_before_an_exception() -> None:
    quiet = Quiet([exception()], [ticket(Pattern(targets=("10.0.0.2",)))])
    assert quiet.ticket_for(alert()) is not None
    assert quiet.exception_for(alert()) is not None
    assert Quiet().ticket_for(alert()) is None


@pytest.mark.parametrize(
    ("raised", "engine", "source", "target", "expected"),
    [
        (Severity.MEDIUM, Engine.ANOMALY, Criticality.NORMAL, Criticality.NORMAL, Severity.MEDIUM),
        (Severity.MEDIUM, Engine.ANOMALY, Criticality.NORMAL, Criticality.CRITICAL, Severity.HIGH),
        (Severity.MEDIUM, Engine.ANOMALY, Criticality.HIGH, Criticality.LOW, Severity.HIGH),
        (Severity.CRITICAL, Engine.ANOMALY, Criticality.CRITICAL, Criticality.CRITICAL, Severity.CRITICAL),
        (Severity.MEDIUM, Engine.ANOMALY, Criticality.LOW, Criticality.LOW, Severity.LOW),
        (Severity.MEDIUM, Engine.MALWARE, Criticality.LOW, Criticality.LOW, Severity.MEDIUM),
        (Severity.INFORMATIONAL, Engine.POLICY, Criticality.LOW, Criticality.LOW, Severity.INFORMATIONAL),
    ],
)
def test_severity_minds_what_depends_on_the_assets(
    raised: Severity, engine: Engine, source: Criticality, target: Criticality, expected: Severity
) -> None:
    ends = End(address="10.0.0.9", criticality=source), End(address="10.0.0.2", criticality=target)
    assert severity_of(raised, engine, *ends) is expected


@given(st.integers(min_value=0, max_value=2**48))
def test_no_clock_of_a_sensor_puts_an_alert_into_the_future(millis: int) -> None:
    assert read_moment(millis, NOW) <= NOW


def test_an_alert_that_is_closed_stays_what_it_is() -> None:
    assert alert(state=AlertState.CLOSED).etag == '"1"'
    assert alert().managed_ends == ()
