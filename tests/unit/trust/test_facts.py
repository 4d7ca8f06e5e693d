"""What policies may read of place and time: circles, networks, hours in the site's own time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from posture import NOW, make_record, section

from vedette.trust import (
    Location,
    Placement,
    PolicyBundle,
    PolicyEngine,
    Provenance,
    SessionFacts,
    Site,
    SiteMap,
    default_bundle,
    device_schema,
)
from vedette.trust.facts import is_within_hours

BERLIN = Site(latitude=52.52, longitude=13.405, radius_m=1_000, time_zone="Europe/Berlin", networks=("10.1.0.0/16",))
PARIS = Site(latitude=48.8566, longitude=2.3522, radius_m=1_000, networks=("10.2.0.0/16", "2001:db8:2::/48"))
MAP = SiteMap({"berlin": BERLIN, "paris": PARIS, "cloud": Site()})
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
FACTS = SessionFacts("issued", "TLSv1.3", "10.1.0.7", key_algorithm="EC", key_bits=256)


def at(latitude: float, longitude: float, accuracy_m: float = 10) -> Location:
    return Location(latitude=latitude, longitude=longitude, accuracy_m=accuracy_m, provenance=Provenance.OBSERVED)


def test_distance_from_a_site_is_counted_from_its_edge() -> None:
    assert MAP.place_facts("berlin", at(52.52, 13.405), "10.1.0.7")["metresFromSite"] == 0
    assert MAP.place_facts("berlin", at(52.5285, 13.405), "10.1.0.7")["metresFromSite"] == 0
    # Berlin to Paris: 877.5 km between the centres.
    assert MAP.place_facts("berlin", at(48.8566, 2.3522), "")["metresFromSite"] == pytest.approx(876_500, rel=0.002)


@given(latitude=st.floats(-90, 90), longitude=st.floats(-180, 180))
def test_no_place_on_earth_is_farther_than_half_around_it(latitude: float, longitude: float) -> None:
    metres = MAP.place_facts("berlin", at(latitude, longitude), "")["metresFromSite"]
    assert 0 <= int(metres) <= 20_016_000


@pytest.mark.parametrize(
    "nonsense",
    [at(float("nan"), 0), at(91, 0), at(0, 181), at(0, 0, float("inf")), at(0, 0, -1), at(0, 0, float("nan"))],
)
def test_a_position_that_is_none_is_unknown(nonsense: Location) -> None:
    assert MAP.place_facts("berlin", nonsense, "10.1.0.7") == {"isSiteNetwork": True}


@pytest.mark.parametrize(
    ("address", "is_own", "is_plausible"),
    [
        ("10.1.0.7", True, True),
        ("10.2.0.7", False, False),
        ("::ffff:10.1.0.7", True, True),
        ("2001:db8:2::1", False, False),
        ("192.0.2.7", False, None),
        ("nonsense", False, None),
    ],
)
def test_an_address_speaks_for_a_site(address: str, *, is_own: bool, is_plausible: bool | None) -> None:
    facts = MAP.place_facts("berlin", at(52.52, 13.405), address)
    assert facts["isSiteNetwork"] is is_own
    assert facts.get("isPositionPlausible") is is_plausible


def test_what_a_site_does_not_declare_is_unknown() -> None:
    assert MAP.place_facts("cloud", None, "10.1.0.7") == {}
    assert MAP.place_facts("cloud", at(0, 0), "192.0.2.1").keys() == {"positionAccuracy", "positionProvenance"}
    assert MAP.place_facts(None, None, "10.1.0.7") == {}
    assert MAP.place_facts("nowhere", None, "10.1.0.7") == {}


@pytest.mark.parametrize(
    ("hours", "day", "time", "expected"),
    [
        ("08:00-18:00", 0, "08:00", True),
        ("08:00-18:00", 0, "17:59", True),
        ("08:00-18:00", 0, "18:00", False),
        ("08:00-18:00", 0, "07:59", False),
        ("22:00-06:00", 0, "23:00", True),
        ("22:00-06:00", 0, "05:59", True),
        ("22:00-06:00", 0, "06:00", False),
        ("00:00-24:00", 0, "23:59", True),
        ("1-5 08:00-18:00", 5, "12:00", False),
        ("1-5 08:00-18:00", 4, "12:00", True),
        ("6 08:00-18:00", 5, "12:00", True),
        ("6-1 08:00-18:00", 0, "12:00", True),
        ("6-1 08:00-18:00", 1, "12:00", False),
        ("5 22:00-06:00", 5, "05:00", True),  # Saturday's small hours are Friday's shift
        ("5 22:00-06:00", 4, "05:00", False),
        ("7 22:00-06:00", 0, "05:00", True),
        ("", 0, "12:00", None),
        ("always", 0, "12:00", None),
        ("25:00-26:00", 0, "12:00", None),
        ("08:00-08:00", 0, "08:00", None),
        ("08:00-24:01", 0, "12:00", None),
        ("0-5 08:00-18:00", 0, "12:00", None),
        ("08:00-18:00\n", 0, "12:00", None),
    ],
)
def test_hours_are_read_as_written_or_not_at_all(hours: str, day: int, time: str, *, expected: bool | None) -> None:
    hour, minute = map(int, time.split(":"))
    assert is_within_hours(hours, MONDAY + timedelta(days=day, hours=hour, minutes=minute)) is expected


@given(st.text(max_size=40))
def test_any_text_as_hours_is_taken(text: str) -> None:
    assert is_within_hours(text, MONDAY) in {True, False, None}


def test_hours_are_those_of_the_site() -> None:
    engine = PolicyEngine(PolicyBundle(device_schema(), default_bundle().policies_text, {"berlin": BERLIN}))
    placement = Placement(site="berlin", tags={"policy.hours": "08:00-18:00"})
    record = make_record(placement=section("registry", placement))
    early, late = MONDAY + timedelta(hours=7, minutes=30), MONDAY + timedelta(hours=17, minutes=30)
    assert engine.decide(record, early, "connect", FACTS).is_permitted  # 08:30 in Berlin
    assert not engine.decide(record, late, "connect", FACTS).is_permitted  # 18:30
    assert engine.context(record, early, FACTS)["localMinute"] == 8 * 60 + 30
    assert engine.context(record, early, FACTS)["localWeekday"] == 1
    assert engine.is_time_bound(record, NOW)
    assert not engine.is_time_bound(make_record(), NOW)


def test_summer_time_is_the_sites() -> None:
    july = datetime(2026, 7, 6, 6, 30, tzinfo=UTC)
    assert MAP.local_time("berlin", july).hour == 8
    assert MAP.local_time("cloud", july).hour == MAP.local_time(None, july).hour == 6


def test_a_policy_that_reads_the_time_is_asked_again_and_remembered_within_the_minute() -> None:
    text = '@id("n") permit (principal, action == Action::"connect", resource) when { context has localMinute && context.localMinute < 600 };'  # noqa: E501 - one policy
    engine = PolicyEngine(PolicyBundle(device_schema(), text))
    record = make_record()
    before = engine.decide(record, MONDAY + timedelta(hours=9, minutes=59), "connect", FACTS)
    assert before.is_permitted
    assert engine.decide(record, MONDAY + timedelta(hours=9, minutes=59, seconds=59), "connect", FACTS) is before
    assert not engine.decide(record, MONDAY + timedelta(hours=10), "connect", FACTS).is_permitted
    assert engine.is_time_bound(record, NOW)


def test_credentials_age_in_whole_hours() -> None:
    facts = FACTS._replace(credential_since=NOW - timedelta(hours=49, minutes=59))
    assert facts.age_hours(NOW) == 49
    assert facts.age_hours(NOW - timedelta(days=9)) == 0
    assert FACTS.age_hours(NOW) is None
