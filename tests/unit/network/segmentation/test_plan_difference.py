"""What one version of a plan changes over another."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from segmented_plant import NOW

from vedette.network.segmentation import (
    ChangeKind,
    Conduit,
    ConduitChange,
    MemberRule,
    Plan,
    Service,
    Zone,
    ZoneKind,
    compare_plans,
)

MODBUS, WEB = Service("tcp", 502, 502), Service("tcp", 443, 443)
CELL = Zone(zone_id="zon_cell", name="Cell", level="1", members=("ast_plc", "ast_drive"))
HALL = Zone(zone_id="zon_hall", name="Hall", level="2", members=("ast_hmi",))
POLLS = Conduit(conduit_id="cdt_polls", source="zon_hall", target="zon_cell", services=(MODBUS,), operations=("read",))
PLAN = Plan(zones=(CELL, HALL), conduits=(POLLS,))


def _changed(**members: object) -> Conduit:
    whole = {name: getattr(POLLS, name) for name in POLLS.__struct_fields__} | members
    return Conduit(**whole)


def _conduits(old: Conduit, new: Conduit) -> tuple[ConduitChange, ...]:
    zones = PLAN.zones
    return compare_plans(Plan(zones=zones, conduits=(old,)), Plan(zones=zones, conduits=(new,))).conduits


def test_the_same_plan_changes_nothing() -> None:
    found = compare_plans(PLAN, PLAN)
    assert (found.zones, found.conduits, found.moves, found.wider) == ((), (), (), 0)


def test_a_first_plan_is_new_as_a_whole() -> None:
    found = compare_plans(Plan(), PLAN)
    assert {each.kind for each in found.zones} == {ChangeKind.ADDED}
    (conduit,) = found.conduits
    assert (conduit.source, conduit.target, conduit.changes) == ("Hall", "Cell", ("tcp/502 (read)",))
    assert (found.wider, found.moved) == (1, 3)


def test_a_fresh_proposal_with_new_ids_is_the_same_plan_under_its_names() -> None:
    renumbered = Plan(
        zones=(
            Zone(zone_id="zon_c2", name="cell", level="1", members=CELL.members),
            Zone(zone_id="zon_h2", name="Hall", level="2", members=HALL.members),
        ),
        conduits=(_changed(conduit_id="cdt_p2", source="zon_h2", target="zon_c2"),),
    )
    found = compare_plans(PLAN, renumbered)
    assert [each.changes for each in found.zones] == [("name: Cell → cell",)]
    assert (found.conduits, found.moves) == ((), ())


def test_what_is_said_of_a_zone_and_who_is_in_it_is_told() -> None:
    rule = MemberRule(networks=("10.1.0.0/16",), vendors=("Siemens",))
    cell = Zone(
        zone_id="zon_cell", name="Cell", level="0", kind=ZoneKind.MICRO, is_critical=True, rules=(rule,), members=()
    )
    hall = Zone(zone_id="zon_hall", name="Hall", level="2", members=("ast_hmi", "ast_plc"))
    found = compare_plans(PLAN, Plan(zones=(cell, hall), conduits=(POLLS,)))
    (zone,) = found.zones
    assert zone.changes == (
        "kind: zone → micro",
        "level: 1 → 0",
        "critical: no → yes",
        "takes vendors Siemens, networks 10.1.0.0/16",
    )
    assert {(each.asset_id, each.source, each.target) for each in found.moves} == {
        ("ast_drive", "Cell", ""),
        ("ast_plc", "Cell", "Hall"),
    }


def test_what_is_gone_allows_nothing_more() -> None:
    found = compare_plans(PLAN, Plan(zones=(CELL,)))
    assert [(each.name, each.kind) for each in found.zones] == [("Hall", ChangeKind.REMOVED)]
    assert [(each.source, each.kind, each.is_wider) for each in found.conduits] == [("Hall", ChangeKind.REMOVED, False)]


@pytest.mark.parametrize(
    ("members", "words", "is_wider"),
    [
        pytest.param({"services": (MODBUS, WEB)}, "allows tcp/443", True, id="one more service"),
        pytest.param({"services": (WEB,)}, "no longer allows tcp/502", True, id="another service"),
        pytest.param({"services": (Service("tcp", 500, 510),)}, "allows tcp/500-510", True, id="a range around it"),
        pytest.param({"operations": ()}, "operations: read → all", True, id="all operations"),
        pytest.param({"operations": ("read", "write")}, "operations: read → read, write", True, id="writing too"),
        pytest.param({"operations": ("identify",)}, "operations: read → identify", True, id="another operation"),
        pytest.param({"networks": ("10.0.0.0/8",)}, "outside: all → 10.0.0.0/8", False, id="fewer places outside"),
        pytest.param({"owner": "jo"}, "owner: none → jo", False, id="an owner"),
        pytest.param({"expires_at": NOW}, f"ends: never → {NOW.isoformat()}", False, id="an end"),
    ],
)
def test_a_change_of_a_conduit_tells_whether_it_may_allow_more(
    members: dict[str, object], words: str, *, is_wider: bool
) -> None:
    (found,) = _conduits(POLLS, _changed(**members))
    assert words in found.changes
    assert found.is_wider is is_wider


def test_a_later_end_is_wider_and_an_earlier_one_is_not() -> None:
    ends = _changed(expires_at=NOW)
    (later,) = _conduits(ends, _changed(expires_at=NOW + timedelta(days=1)))
    (never,) = _conduits(ends, POLLS)
    (earlier,) = _conduits(ends, _changed(expires_at=NOW - timedelta(days=1)))
    assert (later.is_wider, never.is_wider, earlier.is_wider) == (True, True, False)


def test_a_narrower_range_of_ports_is_no_wider() -> None:
    (found,) = _conduits(_changed(services=(Service("tcp", 500, 510),)), POLLS)
    assert (found.changes, found.is_wider) == (("no longer allows tcp/500-510",), False)


_PORTS = st.integers(1, 40)
_SERVICES = st.builds(
    lambda transport, first, length: Service(transport, first, first + length),
    st.sampled_from(["tcp", "udp"]),
    _PORTS,
    st.integers(0, 5),
)
_OPERATIONS = st.lists(st.sampled_from(["read", "write", "control"]), unique=True, max_size=3).map(tuple)


def _allowed(conduit: Conduit) -> set[tuple[str, int, str]]:
    operations = conduit.operations or ("read", "write", "control", "program")
    return {
        (transport, port, operation)
        for transport in ("tcp", "udp")
        for port in range(1, 50)
        if any(service.holds(transport, port) for service in conduit.services)
        for operation in operations
    }


@given(
    st.lists(_SERVICES, min_size=1, max_size=4).map(tuple),
    _OPERATIONS,
    st.lists(_SERVICES, min_size=1, max_size=4).map(tuple),
    _OPERATIONS,
)
def test_whatever_allows_more_is_called_wider(
    services: tuple[Service, ...],
    operations: tuple[str, ...],
    more: tuple[Service, ...],
    others: tuple[str, ...],
) -> None:
    old, new = _changed(services=services, operations=operations), _changed(services=more, operations=others)
    if not _allowed(new) <= _allowed(old):
        assert any(each.is_wider for each in _conduits(old, new))
