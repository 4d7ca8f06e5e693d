"""The rules of the tiers, as properties: who may raise a risk, who may lower it, and how far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.health import InvalidSignal, NewSignal, Position, Signal, appraise, check_signal, distance_m, merge_signal
from vedette.health.model import RANK, SPOOFABLE_LASTS_MAX
from vedette.health.risk import FINDINGS_MAX, is_news
from vedette.kernel import DeviceId, GenerationId, OrganizationId
from vedette.trust import Location, Provenance, RiskLevel

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def make(**changes: Any) -> Signal:
    fields: dict[str, Any] = {
        "organization_id": OrganizationId("org_" + "0" * 26),
        "signal_id": "sig_" + "0" * 26,
        "generation_id": GenerationId("dev_" + "0" * 26),
        "device_id": DeviceId("pump-7"),
        "module_id": None,
        "signal_class": "tamper",
        "source": "agent",
        "provenance": Provenance.OBSERVED,
        "level": RiskLevel.HIGH,
        "since": NOW,
        "observed_at": NOW,
        "ingested_at": NOW,
        "expires_at": None,
        "detail": {},
        **changes,
    }
    return Signal(**fields)


levels = st.sampled_from([RiskLevel.LOW, RiskLevel.MEDIUM, RiskLevel.HIGH])
moments = st.integers(-600, 0).map(lambda seconds: NOW + timedelta(seconds=seconds))
ends = st.one_of(st.none(), st.integers(-60, 600).map(lambda seconds: NOW + timedelta(seconds=seconds)))


@st.composite
def signals(draw: st.DrawFn, provenance: Provenance | None = None) -> Signal:
    at = draw(moments)
    return make(
        signal_class=draw(st.sampled_from(["tamper", "compliance", "malware"])),
        source=draw(st.sampled_from(["agent", "sensor"])),
        provenance=provenance or draw(st.sampled_from(list(Provenance))),
        level=draw(levels),
        since=at,
        observed_at=at,
        expires_at=draw(ends),
    )


def fold(told: Sequence[Signal]) -> list[Signal]:
    """Return what stands after signals came in one after the other."""
    standing: dict[object, Signal] = {}
    for each in told:
        standing[each.key] = merge_signal(standing.get(each.key), each, NOW)
    return list(standing.values())


def rank_at(told: Sequence[Signal], at: datetime) -> int:
    """Rank what stands; that nobody vouches any more for a device is no better than that they do."""
    return max(RANK[appraise(told, at).risk_level], RANK[RiskLevel.UNKNOWN])


@given(st.lists(signals(), max_size=8), signals(Provenance.SELF_REPORTED))
def test_a_self_report_never_raises_trust(told: list[Signal], report: Signal) -> None:
    before, after = fold(told), fold([*told, report])
    for later_s in (0, 30, 300, 3_600):
        at = NOW + timedelta(seconds=later_s)
        assert rank_at(after, at) >= rank_at(before, at)
        if appraise(before, at).risk_level is RiskLevel.UNKNOWN:
            assert appraise(after, at).risk_level is not RiskLevel.LOW


@given(st.lists(signals(), max_size=8), signals(Provenance.SPOOFABLE))
def test_a_spoofable_signal_never_raises_trust(told: list[Signal], heard: Signal) -> None:
    before, after = fold(told), fold([*told, heard])
    for later_s in (0, 30, 300, 3_600):
        at = NOW + timedelta(seconds=later_s)
        assert rank_at(after, at) >= rank_at(before, at)


@given(st.lists(signals(Provenance.SPOOFABLE), max_size=12))
def test_spoofable_signals_alone_never_reach_high(told: list[Signal]) -> None:
    found = appraise(fold(told), NOW)
    assert found.risk_level in {RiskLevel.UNKNOWN, RiskLevel.MEDIUM}
    findings = () if found.health is None else found.health.findings
    assert all(each.provenance is Provenance.SPOOFABLE for each in findings)


@given(st.lists(signals(), max_size=8), signals(Provenance.SPOOFABLE))
def test_a_spoofable_signal_never_hides_that_somebody_trusted_says_the_same(told: list[Signal], heard: Signal) -> None:
    before, after = appraise(fold(told), NOW), appraise(fold([*told, heard]), NOW)
    for each in () if before.health is None else before.health.findings:
        assert after.health is not None
        assert each in after.health.findings or each.provenance is Provenance.SPOOFABLE


@given(st.lists(signals(), max_size=8))
def test_the_order_of_findings_does_not_depend_on_the_order_of_signals(told: list[Signal]) -> None:
    standing = fold(told)
    assert appraise(standing, NOW).health == appraise(standing[::-1], NOW).health


@given(st.lists(signals(), max_size=8))
def test_a_score_sorts_as_the_levels_do(told: list[Signal]) -> None:
    found = appraise(fold(told), NOW)
    assert 0 <= found.risk_score <= 100
    assert (found.risk_level is RiskLevel.HIGH) is (found.risk_score >= 80)


def test_nobody_having_spoken_is_unknown_not_good() -> None:
    found = appraise([], NOW)
    assert found.health is None
    assert found.risk_level is RiskLevel.UNKNOWN


@pytest.mark.parametrize("provenance", [Provenance.ATTESTED, Provenance.OBSERVED])
def test_who_saw_it_may_say_that_it_is_over(provenance: Provenance) -> None:
    worse = make(provenance=provenance, observed_at=NOW - timedelta(seconds=5))
    better = make(provenance=provenance, level=RiskLevel.LOW)
    assert appraise([merge_signal(worse, better, NOW)], NOW).risk_level is RiskLevel.LOW


def test_a_late_word_does_not_undo_a_later_one() -> None:
    better = make(level=RiskLevel.LOW)
    late = make(level=RiskLevel.LOW, observed_at=NOW - timedelta(minutes=1))
    assert merge_signal(better, late, NOW) is better


def test_what_is_over_does_not_count() -> None:
    assert appraise([make(expires_at=NOW)], NOW).risk_level is RiskLevel.UNKNOWN


def test_a_condition_that_goes_on_keeps_its_beginning() -> None:
    first = make(since=NOW - timedelta(hours=1), observed_at=NOW - timedelta(hours=1))
    assert merge_signal(first, make(), NOW).since == NOW - timedelta(hours=1)


def test_findings_are_bounded_and_the_worst_stay() -> None:
    many = [make(signal_class=f"class-{n:02}", level=RiskLevel.MEDIUM) for n in range(FINDINGS_MAX + 5)]
    found = appraise([*many, make(signal_class="zz-worst")], NOW).health
    assert found is not None
    assert len(found.findings) == FINDINGS_MAX
    assert found.findings[-1].finding_class == "zz-worst"


# --- positions ------------------------------------------------------------------------------------------------------


def place(latitude: float, provenance: Provenance, **changes: Any) -> Signal:
    return make(
        signal_class="position",
        level=None,
        provenance=provenance,
        position=Position(latitude=latitude, longitude=0.0, accuracy_m=5.0),
        **changes,
    )


def test_a_position_that_was_observed_stands_before_a_later_self_report() -> None:
    observed = place(10.0, Provenance.OBSERVED, observed_at=NOW - timedelta(minutes=1))
    found = appraise([observed, place(20.0, Provenance.SELF_REPORTED)], NOW)
    assert found.location is not None
    assert (found.location.latitude, found.location.provenance) == (10.0, Provenance.OBSERVED)
    assert found.health is None


def test_distance_along_a_meridian() -> None:
    one = Position(latitude=0.0, longitude=0.0)
    assert distance_m(one, Position(latitude=1.0, longitude=0.0)) == pytest.approx(111_195, abs=1)
    assert distance_m(one, one) == 0


def test_a_step_aside_is_no_news_until_half_the_time_is_over() -> None:
    here = Location(latitude=10.0, longitude=0.0, accuracy_m=5.0, provenance=Provenance.OBSERVED)
    near = Location(latitude=10.0001, longitude=0.0, accuracy_m=5.0, provenance=Provenance.OBSERVED)
    far = Location(latitude=10.001, longitude=0.0, accuracy_m=5.0, provenance=Provenance.OBSERVED)
    until = NOW + timedelta(hours=1)
    assert not is_news(here, until, near, until + timedelta(seconds=5), NOW)
    assert is_news(here, until, far, until, NOW)
    assert is_news(here, NOW + timedelta(minutes=20), near, until, NOW)
    assert is_news(None, None, near, until, NOW)
    assert is_news(here, until, None, None, NOW)


# --- what is taken at all -------------------------------------------------------------------------------------------


def new(**changes: Any) -> NewSignal:
    fields = {"signal_class": "tamper", "provenance": Provenance.OBSERVED, "source": "agent", "device_id": "pump-7"}
    return NewSignal(**{**fields, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"signal_class": "Tamper"},
        {"signal_class": ""},
        {"source": ""},
        {"source": "a b"},
        {"level": RiskLevel.UNKNOWN},
        {"observed_at": NOW + timedelta(minutes=6)},
        {"observed_at": NOW - timedelta(days=31)},
        {"observed_at": datetime(2026, 11, 22)},  # noqa: DTZ001 - what is refused
        {"lasts": timedelta()},
        {"lasts": timedelta(days=366)},
        {"detail": {str(n): n for n in range(17)}},
        {"detail": {"a": "x" * 3_000}},
        {"detail": {"a": "\0"}},
        {"position": Position(latitude=0, longitude=0)},
        {"signal_class": "position"},
        {"signal_class": "position", "position": Position(latitude=90.1, longitude=0)},
        {"signal_class": "position", "position": Position(latitude=float("nan"), longitude=0)},
        {"signal_class": "position", "position": Position(latitude=0, longitude=0, accuracy_m=float("inf"))},
        {"signal_class": "position", "position": Position(latitude=0, longitude=0), "level": RiskLevel.HIGH},
    ],
)
def test_what_is_outside_its_limits_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidSignal):
        check_signal(new(**changes), NOW)


def test_a_class_says_how_bad_it_is() -> None:
    assert check_signal(new(), NOW).level is RiskLevel.HIGH
    assert check_signal(new(signal_class="something-else"), NOW).level is RiskLevel.MEDIUM


def test_spoofable_signals_do_not_last() -> None:
    heard = check_signal(new(provenance=Provenance.SPOOFABLE, lasts=timedelta(days=30)), NOW)
    assert heard.lasts == SPOOFABLE_LASTS_MAX


def test_an_attacker_gains_nothing_by_a_clock_ahead() -> None:
    ahead = check_signal(new(observed_at=NOW + timedelta(minutes=4)), NOW)
    assert ahead.observed_at == NOW


@given(signals(Provenance.SELF_REPORTED), ends)
def test_repeating_a_self_report_does_not_shorten_it(first: Signal, end: datetime | None) -> None:
    merged = merge_signal(first, replace(first, expires_at=end), NOW)
    for later_s in range(0, 601, 30):
        at = NOW + timedelta(seconds=later_s)
        assert merged.is_active(at) or not first.is_active(at)
