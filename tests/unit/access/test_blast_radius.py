"""How much may be cut off at once: a spent budget narrows, and never leaves a device as free as it was."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.access import BlastRadius, QuarantineMode
from vedette.access.blast_radius import Budget, Surroundings, budgets_of, judge
from vedette.access.quarantine_model import FREEDOM
from vedette.access.quarantine_repository import QuarantineAct
from vedette.trust import FailureMode

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CUT = QuarantineMode.CUT
LIMITED = QuarantineMode.LIMITED


def around(**changes: Any) -> Surroundings:
    fields: dict[str, Any] = {
        "generation_id": "dev_x",
        "device_class": "standard",
        "failure_mode": FailureMode.HOLD_LAST,
        "site": "north",
        "site_members": 100,
        **changes,
    }
    return Surroundings(**fields)


def cuts(count: int, **changes: Any) -> list[QuarantineAct]:
    fields = {"source": "rule-1", "site": "north", "groups": (), "is_cut": True, **changes}
    return [QuarantineAct(act_id=f"qac_{n}", generation_id=f"dev_{n}", at=NOW, **fields) for n in range(count)]


def ask(mode: QuarantineMode = CUT, *, person: bool = False, override: bool = False, **changes: Any) -> QuarantineMode:
    surroundings = around(**changes)
    return judge(BlastRadius(), surroundings, mode, "rule-1", is_person=person, is_override=override).mode


def test_within_every_budget_what_is_asked_for_is_done() -> None:
    assert ask(recent=cuts(9)) is CUT


def test_a_tenth_of_a_site_within_the_hour_is_enough() -> None:
    assert ask(recent=cuts(10)) is LIMITED
    assert ask(recent=cuts(10), person=True) is LIMITED


def test_a_person_may_go_beyond_a_budget_and_a_program_may_not() -> None:
    assert ask(recent=cuts(10), person=True, override=True) is CUT
    assert ask(recent=cuts(10), override=True) is LIMITED


def test_a_small_site_may_lose_three() -> None:
    assert ask(recent=cuts(2), site_members=4) is CUT
    assert ask(recent=cuts(3), site_members=4) is LIMITED


def test_groups_have_budgets_too() -> None:
    recent = cuts(10, site="south", groups=("grp_a",))
    assert ask(recent=recent, group_members={"grp_a": 100}) is LIMITED
    assert ask(recent=recent, group_members={"grp_b": 100}) is CUT


def test_a_source_of_automation_has_a_budget() -> None:
    recent = cuts(20, site="south")
    assert ask(recent=recent, site_members=1_000_000) is LIMITED
    assert ask(recent=cuts(20, site="south", source="rule-2"), site_members=1_000_000) is CUT


def test_the_last_gateway_of_a_site_is_not_cut() -> None:
    assert ask(other_gateways=0) is LIMITED
    assert ask(other_gateways=1) is CUT
    assert ask(other_gateways=0, person=True) is LIMITED
    assert ask(other_gateways=0, person=True, override=True) is CUT


def test_budgets_say_how_much_is_spent() -> None:
    recent = cuts(4, groups=("grp_a",))
    surroundings = around(recent=recent, group_members={"grp_a": 20})
    found = budgets_of(BlastRadius(), surroundings, "rule-1", is_person=False)
    assert found == [
        Budget("source", "rule-1", 0, 4, 20),
        Budget("site", "north", 100, 4, 10),
        Budget("group", "grp_a", 20, 4, 3),
    ]
    assert [each.is_spent for each in found] == [False, False, True]
    assert budgets_of(BlastRadius(), surroundings, "operator:x", is_person=True) == found[1:]


def test_what_is_essential_is_cut_by_people_only() -> None:
    assert ask(failure_mode=FailureMode.ESSENTIAL) is LIMITED
    assert ask(failure_mode=FailureMode.ESSENTIAL, person=True) is CUT


@pytest.mark.parametrize("override", [False, True])
def test_a_critical_device_takes_a_second_person_whatever_the_first_says(*, override: bool) -> None:
    verdict = judge(
        BlastRadius(), around(device_class="critical"), CUT, "operator", is_person=True, is_override=override
    )
    assert verdict.mode is LIMITED
    assert verdict.needs_second_person


@pytest.mark.parametrize(("count", "expected"), [(28, CUT), (29, LIMITED)])
def test_a_share_is_counted_without_binary_fractions(count: int, expected: QuarantineMode) -> None:
    radius = BlastRadius(share=29 / 100, floor=0)
    surroundings = around(recent=cuts(count), site_members=100)
    assert judge(radius, surroundings, CUT, "operator", is_person=True, is_override=False).mode is expected


def test_narrowing_is_never_refused() -> None:
    assert ask(LIMITED, recent=cuts(100), device_class="critical", other_gateways=0) is LIMITED


@given(
    mode=st.sampled_from([LIMITED, CUT]),
    count=st.integers(0, 40),
    person=st.booleans(),
    override=st.booleans(),
    device_class=st.sampled_from(["standard", "critical", "gateway"]),
    failure_mode=st.sampled_from(list(FailureMode)),
    other_gateways=st.one_of(st.none(), st.integers(0, 2)),
    site_members=st.integers(0, 1_000),
)
def test_whatever_is_spent_the_device_is_narrowed_at_least(
    mode: QuarantineMode, count: int, *, person: bool, override: bool, **changes: Any
) -> None:
    surroundings = around(recent=cuts(count), **changes)
    verdict = judge(BlastRadius(), surroundings, mode, "rule-1", is_person=person, is_override=override)
    assert FREEDOM[verdict.mode] <= FREEDOM[LIMITED]
    assert bool(verdict.because) is (verdict.mode is not mode)
