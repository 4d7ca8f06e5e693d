"""What a plan does with traffic, and how far an attacker comes."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from segmented_plant import HISTORIAN, HMI_A, MEMBERS, NOW, OFFICE, PLCS, PROXY, counted_ids, flow, outside

from vedette.network.segmentation import (
    EXTERNAL,
    UNASSIGNED,
    Conduit,
    Flow,
    FlowVerdict,
    Judge,
    MemberRule,
    Membership,
    Plan,
    Service,
    Zone,
    ZoneKind,
    find_attack_paths,
    replay,
)

ids = counted_ids()
CELL = Zone(zone_id=ids("zon"), name="cell", level="1", members=tuple(plc.asset_id for plc in PLCS))
CONTROL = Zone(zone_id=ids("zon"), name="control", level="2", rules=(MemberRule(levels=("2",)),))
OPERATIONS = Zone(zone_id=ids("zon"), name="operations", level="3", rules=(MemberRule(networks=("10.0.3.0/24",)),))
DMZ = Zone(zone_id=ids("zon"), name="dmz", level="3.5", members=(PROXY.asset_id,), kind=ZoneKind.MICRO)
WRITE = Conduit(
    conduit_id=ids("cdt"),
    source=CONTROL.zone_id,
    target=CELL.zone_id,
    services=(Service("tcp", 502, 502),),
    operations=("read",),
)
PULL = Conduit(
    conduit_id=ids("cdt"),
    source=OPERATIONS.zone_id,
    target=CONTROL.zone_id,
    services=(Service("tcp", 4840, 4850),),
    expires_at=NOW + timedelta(days=1),
)
UPDATES = Conduit(
    conduit_id=ids("cdt"),
    source=DMZ.zone_id,
    target=EXTERNAL,
    services=(Service("tcp", 443, 443),),
    networks=("198.51.100.0/24",),
)
PLAN = Plan(zones=(CELL, CONTROL, OPERATIONS, DMZ), conduits=(WRITE, PULL, UPDATES))
MEMBERSHIP = Membership(PLAN, MEMBERS)

CASES = {
    "inside a zone": (flow(PLCS[0], PLCS[1], 502, "modbus", "write"), FlowVerdict.INSIDE),
    "through a conduit": (flow(HMI_A, PLCS[0], 502, "modbus", "read"), FlowVerdict.CONDUIT),
    "an operation that the conduit lacks": (flow(HMI_A, PLCS[0], 502, "modbus", "write"), FlowVerdict.OPERATION),
    "another port": (flow(HMI_A, PLCS[0], 102, "s7comm", "read"), FlowVerdict.BLOCKED),
    "the other way": (flow(PLCS[0], HMI_A, 502, "modbus", "read"), FlowVerdict.BLOCKED),
    "the end of a range": (flow(HISTORIAN, HMI_A, 4850, "opcua"), FlowVerdict.CONDUIT),
    "behind a range": (flow(HISTORIAN, HMI_A, 4851, "opcua"), FlowVerdict.BLOCKED),
    "no conduit at all": (flow(HISTORIAN, PLCS[0], 502, "modbus"), FlowVerdict.BLOCKED),
    "an asset in no zone": (flow(OFFICE, PLCS[0], 502, "modbus"), FlowVerdict.BLOCKED),
    "outside, where it may": (outside(PROXY, "198.51.100.7", 443), FlowVerdict.CONDUIT),
    "outside, elsewhere": (outside(PROXY, "203.0.113.7", 443), FlowVerdict.BLOCKED),
    "beneath IP": (msgspec.structs.replace(flow(HMI_A, PLCS[0], 0, "goose"), transport="ethernet"), FlowVerdict.LAYER2),
    "broadcast": (
        msgspec.structs.replace(flow(HMI_A, PLCS[0], 67, ""), server_address="224.0.0.251"),
        FlowVerdict.LOCAL,
    ),
    "a stranger of a zone's network": (
        Flow(client_address="10.0.3.77", server_address="10.0.2.1", port=4840),
        FlowVerdict.CONDUIT,
    ),
    "strangers among themselves": (Flow(client_address="10.9.9.9", server_address="8.8.8.8"), FlowVerdict.OUTSIDE),
    "from the internet": (Flow(client_address="8.8.8.8", server_address="10.0.1.1", port=502), FlowVerdict.BLOCKED),
}


@pytest.mark.parametrize("name", CASES)
def test_a_flow_is_judged(name: str) -> None:
    seen, verdict = CASES[name]
    judged = Judge(PLAN, MEMBERSHIP, at=NOW).judge(seen)
    assert judged.verdict is verdict
    assert bool(judged.reason) is (verdict in {FlowVerdict.BLOCKED, FlowVerdict.OPERATION, FlowVerdict.LAYER2})


def test_members_of_a_micro_zone_are_held_apart() -> None:
    twin = msgspec.structs.replace(PROXY, asset_id="ast_twin", addresses=("10.0.35.2",))
    zone = msgspec.structs.replace(DMZ, members=(PROXY.asset_id, twin.asset_id))
    plan = Plan(zones=(zone,))
    judged = Judge(plan, Membership(plan, [PROXY, twin]), at=NOW).judge(flow(PROXY, twin, 22, "ssh"))
    assert judged.verdict is FlowVerdict.BLOCKED


def test_a_conduit_that_has_ended_allows_nothing() -> None:
    later = NOW + timedelta(days=1)
    judged = Judge(PLAN, MEMBERSHIP, at=later).judge(flow(HISTORIAN, HMI_A, 4840, "opcua"))
    assert judged.verdict is FlowVerdict.BLOCKED
    assert "has ended" in judged.reason


def test_who_skips_levels_is_named() -> None:
    judged = Judge(PLAN, MEMBERSHIP, at=NOW).judge(flow(HISTORIAN, PLCS[0], 502, "modbus"))
    assert "level 3 and level 1 talk past level 2" in judged.reason


def test_a_replay_counts_links_and_flows_and_shows_the_busiest_first() -> None:
    flows = [seen for seen, _ in CASES.values()]
    outcome = replay(PLAN, MEMBERSHIP, flows, at=NOW)
    blocked = [seen for seen, verdict in CASES.values() if verdict is FlowVerdict.BLOCKED]
    assert outcome.links == len(flows)
    assert outcome.blocked_links == len(blocked)
    assert outcome.blocked_flows == sum(each.flows for each in blocked)
    assert sum(outcome.counts.values()) == len(flows)
    assert [each.flow.flows for each in outcome.shown] == sorted(each.flow.flows for each in outcome.shown)[::-1]


def test_an_attacker_outside_reaches_no_zone() -> None:
    assert find_attack_paths(PLAN, EXTERNAL, at=NOW) == ()


def test_an_attacker_in_operations_reaches_the_cell_only_over_control() -> None:
    steps = find_attack_paths(PLAN, OPERATIONS.zone_id, at=NOW)
    assert [step.zone_id for step in steps] == [CONTROL.zone_id, CELL.zone_id]
    assert steps[1].path == (OPERATIONS.zone_id, CONTROL.zone_id, CELL.zone_id)
    assert find_attack_paths(PLAN, OPERATIONS.zone_id, at=NOW + timedelta(days=2)) == ()
    assert find_attack_paths(PLAN, CELL.zone_id, at=NOW) == ()


def test_hands_go_before_rules_and_strangers_are_unassigned() -> None:
    assert MEMBERSHIP.zone_of(PLCS[0].asset_id) == CELL.zone_id
    assert MEMBERSHIP.zone_of(HMI_A.asset_id) == CONTROL.zone_id
    assert MEMBERSHIP.zone_of("", "10.0.3.200") == OPERATIONS.zone_id
    assert MEMBERSHIP.zone_of(OFFICE.asset_id) == UNASSIGNED
    assert MEMBERSHIP.zone_of("", "10.77.0.1") == UNASSIGNED
    assert MEMBERSHIP.zone_of("", "8.8.8.8") == EXTERNAL
    assert [each.asset_id for each in MEMBERSHIP.unassigned] == [OFFICE.asset_id]
