"""What a plan must fulfil, and what a person is told before they approve it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from segmented_plant import NOW, counted_ids

from vedette.network.segmentation import (
    EXTERNAL,
    Conduit,
    InvalidPlan,
    MemberRule,
    Plan,
    Service,
    Weight,
    Zone,
    check_plan,
    find_flaws,
)
from vedette.network.segmentation.purdue import Crossing, judge_crossing
from vedette.network.segmentation.spans import join, without

ids = counted_ids()
LOW = Zone(zone_id=ids("zon"), name="cell", level="1", members=("ast_1",))
HIGH = Zone(zone_id=ids("zon"), name="office", level="4", members=("ast_2",))
CONDUIT = Conduit(
    conduit_id=ids("cdt"), source=HIGH.zone_id, target=LOW.zone_id, services=(Service("tcp", 502, 502),), owner="jo"
)


def _with_zone(**changes: Any) -> Plan:
    return Plan(zones=(msgspec.structs.replace(LOW, **changes), HIGH), conduits=(CONDUIT,))


def _with_conduit(**changes: Any) -> Plan:
    return Plan(zones=(LOW, HIGH), conduits=(msgspec.structs.replace(CONDUIT, **changes),))


BROKEN = {
    "a zone id that is none": _with_zone(zone_id="x; drop"),
    "no name": _with_zone(name=" "),
    "a name with a control character": _with_zone(name="a\x1b[2J"),
    "a name twice": _with_zone(name="OFFICE"),
    "a level that is none": _with_zone(level="6"),
    "a risk over a hundred": _with_zone(risk=101),
    "an interface with a quote": _with_zone(interface='e0" drop'),
    "a member twice": _with_zone(members=("ast_2",)),
    "a rule that says nothing": _with_zone(rules=(MemberRule(),)),
    "a rule with a bad network": _with_zone(rules=(MemberRule(networks=("10.0.0.0/33",)),)),
    "a rule with a zone index": _with_zone(rules=(MemberRule(networks=("fe80::1%eth0",)),)),
    "a rule with a bad level": _with_zone(rules=(MemberRule(levels=("x",)),)),
    "a conduit id that is none": _with_conduit(conduit_id="cdt"),
    "a conduit from nowhere": _with_conduit(source="zon_nowhere"),
    "a conduit outside only": _with_conduit(source=EXTERNAL, target=EXTERNAL),
    "a conduit without services": _with_conduit(services=()),
    "an unknown transport": _with_conduit(services=(Service("gre"),)),
    "a port beyond the last": _with_conduit(services=(Service("tcp", 65_536, 65_536),)),
    "a port below the first": _with_conduit(services=(Service("tcp", -1, -1),)),
    "a range upside down": _with_conduit(services=(Service("tcp", 9, 8),)),
    "ports of what has none": _with_conduit(services=(Service("icmp", 1, 1),)),
    "networks without an outside": _with_conduit(networks=("10.0.0.0/8",)),
    "a class that is no word": _with_conduit(operations=("read; drop",)),
    "a reason that is too long": _with_conduit(why="x" * 1025),
    "a conduit twice": Plan(zones=(LOW, HIGH), conduits=(CONDUIT, CONDUIT)),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_makes_no_sense_is_refused(name: str) -> None:
    with pytest.raises(InvalidPlan):
        check_plan(BROKEN[name])


def test_a_plan_that_holds_is_taken() -> None:
    check_plan(Plan(zones=(LOW, HIGH), conduits=(CONDUIT,)))
    check_plan(_with_conduit(target=EXTERNAL, networks=("198.51.100.0/24", "2001:db8::/32")))
    check_plan(Plan())


def _messages(plan: Plan) -> dict[str, Weight]:
    return {flaw.message.rpartition(": ")[2]: flaw.weight for flaw in find_flaws(plan, at=NOW)}


def test_a_way_past_the_dmz_is_serious_and_told_first() -> None:
    flaws = find_flaws(_with_conduit(owner=""), at=NOW)
    assert flaws[0].weight is Weight.SERIOUS
    assert "past the DMZ" in flaws[0].message
    assert "nobody is named as its owner" in flaws[-1].message


def test_a_riskier_zone_that_may_change_critical_assets_is_serious() -> None:
    plan = Plan(
        zones=(
            msgspec.structs.replace(LOW, is_critical=True),
            msgspec.structs.replace(HIGH, level="1", risk=60),
        ),
        conduits=(CONDUIT,),
    )
    assert _messages(plan)["it leads to critical assets, and may change them"] is Weight.SERIOUS
    reading = msgspec.structs.replace(plan, conduits=(msgspec.structs.replace(CONDUIT, operations=("read",)),))
    assert _messages(reading)["it leads to critical assets"] is Weight.NOTICE


def test_ends_wide_ranges_and_open_outsides_are_told() -> None:
    found = _messages(
        _with_conduit(target=EXTERNAL, expires_at=NOW - timedelta(days=1), services=(Service("tcp", 1, 2000),))
    )
    assert {"it has ended", "it opens a wide range of ports", "it is open to every address outside"} <= set(found)
    assert "cell has neither members nor rules" in _messages(_with_zone(members=()))


@pytest.mark.parametrize(
    ("one", "other", "crossing"),
    [
        ("1", "2", Crossing.NEAR),
        ("2", "2", Crossing.NEAR),
        ("3", "3.5", Crossing.NEAR),
        ("3.5", "4", Crossing.NEAR),
        ("1", "3", Crossing.SKIP),
        ("4", "0", Crossing.BORDER),
        ("3", "4", Crossing.BORDER),
        ("3.5", "5", Crossing.SKIP),
        ("", "4", Crossing.UNKNOWN),
    ],
)
def test_levels_border_on_each_other_or_not(one: str, other: str, crossing: Crossing) -> None:
    assert judge_crossing(one, other) is judge_crossing(other, one) is crossing


def test_spans_are_joined_and_taken_apart() -> None:
    assert join([(5, 9), (1, 2), (3, 4), (20, 21)]) == [(1, 9), (20, 21)]
    assert without((1, 30), [(0, 2), (5, 9), (20, 40)]) == [(3, 4), (10, 19)]
    assert without((5, 6), [(0, 9)]) == []
    assert without((5, 6), []) == [(5, 6)]
    assert without((5, 6), [(1, 2), (8, 9)]) == [(5, 6)]
