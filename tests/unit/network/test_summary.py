"""What facts come to: one value each, a role, a level with its reasons; and what differs between two days."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from vedette.kernel import GenerationId, OrganizationId
from vedette.network import AssetFact, AssetState, ManagedBy, Management, NetworkAsset
from vedette.network.level import judge_level, judge_role
from vedette.network.model import moment_of
from vedette.network.snapshot import compare, picture_of, read_body, write_body
from vedette.network.summary import FACTS_MAX, SERVICES_MAX, merge_fact, summarize, superfluous

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ASSET = NetworkAsset(
    organization_id=OrganizationId("org"),
    asset_id="ast_1",
    site="north",
    state=AssetState.NEW,
    first_at=NOW,
    last_at=NOW,
    created_at=NOW,
)


def fact(attribute: str, value: str, confidence: int = 95, minutes: int = 0) -> AssetFact:
    return AssetFact(
        asset_id="ast_1",
        attribute=attribute,
        value=value,
        confidence=confidence,
        source="modbus",
        first_at=NOW,
        last_at=NOW + timedelta(minutes=minutes),
        times=1,
        sensor=GenerationId("dev_1"),
    )


def test_the_surest_value_counts_and_the_latest_among_equals() -> None:
    told = [fact("model", "guess", 40, 9), fact("model", "old"), fact("model", "new", minutes=1)]
    found = summarize(ASSET, told, [("ip", "10.0.0.5"), ("mac", "00:1b:1b:00:00:05")], has_outside=False)
    assert (found.model, found.ips, found.macs) == ("new", ("10.0.0.5",), ("00:1b:1b:00:00:05",))


def test_a_value_that_is_withdrawn_is_gone() -> None:
    known = summarize(ASSET, [fact("model", "S7"), fact("role", "controller")], [], has_outside=False)
    assert (known.model, known.level) == ("S7", "1")
    gone = summarize(known, [], [], has_outside=False)
    assert (gone.model, gone.role, gone.level, gone.level_because) == ("", "", "", ())


def test_what_a_person_said_stays() -> None:
    said = replace(ASSET, role="gateway", is_role_set=True, level="3.5", is_level_set=True)
    found = summarize(said, [fact("role", "controller")], [], has_outside=True)
    assert (found.role, found.level) == ("gateway", "3.5")


def test_the_registry_knows_the_level_of_its_own_devices() -> None:
    management = Management(
        generation_id=GenerationId("dev_7"), device_id="pump-7", by=ManagedBy.ADDRESS, because="its session"
    )
    managed = replace(ASSET, management=management)
    found = summarize(managed, [fact("role", "controller")], [], has_outside=False, registered_level="2")
    assert found.level == "2"
    assert "pump-7" in found.level_because[0]


@pytest.mark.parametrize(
    ("role", "has_outside", "level", "reasons"),
    [
        ("controller", False, "1", 1),
        ("controller", True, "1", 2),
        ("io_device", False, "0", 1),
        ("hmi", False, "2", 1),
        ("historian", False, "3", 1),
        ("workstation", True, "4", 1),
        ("camera", False, "", 0),
        ("", True, "4", 1),
        ("", False, "", 0),
    ],
)
def test_a_level_comes_with_its_reasons(role: str, has_outside: bool, level: str, reasons: int) -> None:  # noqa: FBT001 - a row
    found, because = judge_level(role, "modbus (95 %)", has_outside=has_outside)
    assert (found, len(because)) == (level, reasons)


def test_who_programs_controllers_is_more_than_a_master() -> None:
    role, because = judge_role([fact("role", "master", 75), fact("role", "engineering_station", 75)])
    assert role == "engineering_station"
    assert "75 %" in because


def test_a_fact_that_is_told_twice_stays_the_same() -> None:
    told = replace(fact("model", "S7", 40), times=3)
    joined = merge_fact(told, replace(fact("model", "S7", 95, minutes=2), times=2))
    assert (joined.confidence, joined.times, joined.last_at) == (95, 3, NOW + timedelta(minutes=2))
    assert merge_fact(joined, told) == joined


def test_the_least_sure_facts_go_when_there_are_too_many() -> None:
    facts = {f"{index}": fact("name", f"n{index}", minutes=index) for index in range(FACTS_MAX + 2)}
    facts |= {"sure": fact("name", "sure", 99)}
    facts |= {f"s{index}": fact("service", f"s{index}") for index in range(SERVICES_MAX)}
    assert set(superfluous(facts)) == {"0", "1", "2"}


def test_two_pictures_tell_what_differs() -> None:
    before = {"ast_1": picture_of(replace(ASSET, firmware="V1", ips=("10.0.0.5",))), "ast_2": picture_of(ASSET)}
    after = {"ast_1": picture_of(replace(ASSET, firmware="V2", ips=("10.0.0.5",))), "ast_3": picture_of(ASSET)}
    assert read_body(write_body(before.values())).keys() == {"ast_1"}
    found = compare(before, after)
    assert [each.asset_id for each in found.added] == [ASSET.asset_id]
    assert len(found.removed) == 1
    (changed,) = found.changed
    assert (changed.label, changed.attribute, changed.before, changed.after) == ("10.0.0.5", "firmware", "V1", "V2")


def test_a_time_of_a_sensor_is_cut_to_the_calendar() -> None:
    assert moment_of(0) == datetime(1970, 1, 1, tzinfo=UTC)
    assert moment_of(2**48).year == 9999
