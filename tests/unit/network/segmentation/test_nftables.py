"""The text of rule sets: what stands in it, what never does, and how it is compared with what a firewall holds."""

from __future__ import annotations

import ipaddress
import re
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from segmented_plant import FLOWS, MEMBERS, NOW, PLCS, counted_ids

from vedette.network.segmentation import (
    EXTERNAL,
    Conduit,
    InvalidPlan,
    Member,
    MemberRule,
    Membership,
    Plan,
    PlanStage,
    Service,
    Zone,
    compare_applied,
    compile_plan,
    compile_zone,
    propose,
)

PLAN = propose(MEMBERS, FLOWS, new_id=counted_ids()).plan
ids = counted_ids()
NEAR, FAR = ids("zon"), ids("zon")
# All that may stand in a rule set: words of nft, our ids, numbers and addresses.
ALLOWED = re.compile(r'[\w \t\n{}@:;.,/"=!<\-]*')


def _pair(**values: object) -> Plan:
    conduit = Conduit(
        **{  # type: ignore[arg-type] # fields by name
            "conduit_id": ids("cdt"),
            "source": NEAR,
            "target": FAR,
            "services": (Service("tcp", 502, 502),),
            **values,
        }
    )
    near = Zone(zone_id=NEAR, name="near", rules=(MemberRule(networks=("10.1.0.0/16",)),))
    far = Zone(zone_id=FAR, name="far", rules=(MemberRule(networks=("10.2.0.0/16", "fd00:2::/64")),))
    return Plan(zones=(near, far), conduits=(conduit,))


def _compile(
    plan: Plan, zone_id: str, members: list[Member] | None = None, stage: PlanStage = PlanStage.ENFORCE
) -> str:
    zone = plan.zone(zone_id)
    assert zone is not None
    return compile_zone(plan, Membership(plan, members or []), zone, stage=stage).text


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_name_of_anybody_reaches_the_rules(name: str, owner: str) -> None:
    hostile = [msgspec.structs.replace(each, name=name, vendor=owner, role=name) for each in MEMBERS]
    zones = tuple(msgspec.structs.replace(zone, name=f"{name}{n}") for n, zone in enumerate(PLAN.zones))
    conduits = tuple(msgspec.structs.replace(each, owner=owner, why=name, reasons=(name,)) for each in PLAN.conduits)
    renamed = Plan(zones=zones, conduits=conduits)
    membership = Membership(renamed, hostile)
    named = [each.text for each in compile_plan(renamed, membership, stage=PlanStage.ENFORCE)]
    plain = [each.text for each in compile_plan(PLAN, Membership(PLAN, MEMBERS), stage=PlanStage.ENFORCE)]
    assert named == plain


def test_the_text_holds_nothing_but_words_ids_numbers_and_addresses() -> None:
    for compiled in compile_plan(PLAN, Membership(PLAN, MEMBERS), stage=PlanStage.MONITOR):
        assert ALLOWED.fullmatch(compiled.text)


@pytest.mark.parametrize("field", ["zone_id", "interface"])
def test_what_is_no_id_and_no_interface_is_refused(field: str) -> None:
    zone = msgspec.structs.replace(PLAN.zones[0], **{field: 'x"; drop'})
    with pytest.raises(InvalidPlan):
        compile_zone(PLAN, Membership(PLAN, MEMBERS), zone, stage=PlanStage.ENFORCE)


def test_the_last_word_is_drop_when_enforced_and_accept_when_monitored() -> None:
    plan = _pair()
    enforced, monitored = _compile(plan, FAR), _compile(plan, FAR, stage=PlanStage.MONITOR)
    assert 'counter drop comment "refused in"' in enforced
    assert " drop" not in monitored
    assert 'counter accept comment "would be refused in"' in monitored


def test_a_conduit_opens_its_ports_from_its_source_only() -> None:
    plan = _pair(services=(Service("tcp", 502, 502), Service("tcp", 500, 510), Service("udp", 69, 69), Service("icmp")))
    text = _compile(plan, FAR)
    assert f"10.1.0.0/16 : jump from_{NEAR}" in text
    assert "tcp dport 500-510 counter accept" in text
    assert "udp dport 69 counter accept" in text
    assert "meta l4proto { icmp, ipv6-icmp } counter accept" in text
    assert f"jump to_{NEAR}" not in text


def test_a_conduit_with_an_end_stops_by_the_firewalls_own_clock() -> None:
    text = _compile(_pair(expires_at=NOW + timedelta(days=1)), FAR)
    assert 'meta time < "2026-11-24 10:00:00" tcp dport 502 counter accept' in text


def test_outside_means_no_zone_and_no_private_address_but_those_that_are_named() -> None:
    plan = _pair(target=EXTERNAL, networks=("192.168.7.0/24", "198.51.100.7"))
    text = _compile(plan, NEAR)
    assert "ip daddr != @known4 jump to_external" in text
    assert "ip daddr { 192.168.7.0/24, 198.51.100.7 } tcp dport 502 counter accept" in text
    known = re.search(r"set known4 \{.*?elements = \{ (.*?) \}", text, re.DOTALL)
    assert known is not None
    assert "10.0.0.0/8" in known[1]
    assert "192.168.7.0/24" not in known[1]
    assert "192.168.6.0/24" in known[1]


def test_an_asset_in_another_zone_is_taken_out_of_a_network() -> None:
    plan = _pair()
    guest = Member(asset_id="ast_guest", addresses=("10.2.0.9",))
    moved = msgspec.structs.replace(
        plan, zones=(msgspec.structs.replace(plan.zones[0], members=("ast_guest",)), plan.zones[1])
    )
    membership = Membership(moved, [guest])
    address = ipaddress.ip_network("10.2.0.9/32")
    assert address in membership.networks_of(NEAR)
    assert not any(each.version == address.version and each.overlaps(address) for each in membership.networks_of(FAR))
    assert sum(each.num_addresses for each in membership.networks_of(FAR) if each.version == address.version) == 65_535


def test_two_sites_may_use_the_same_addresses() -> None:
    plan = _pair()
    zones = (
        msgspec.structs.replace(plan.zones[0], site="north", members=("ast_n",), rules=()),
        msgspec.structs.replace(plan.zones[1], site="south", members=("ast_s",), rules=()),
    )
    members = [
        Member(asset_id="ast_n", site="north", addresses=("192.168.0.10",)),
        Member(asset_id="ast_s", site="south", addresses=("192.168.0.10",)),
    ]
    membership = Membership(Plan(zones=zones), members)
    assert membership.networks_of(NEAR, site="north") == membership.networks_of(FAR, site="south")
    assert membership.networks_of(FAR, site="north") == []


def test_assets_without_an_ip_address_are_told_of() -> None:
    frame = Member(asset_id="ast_frame", addresses=())
    zone = Zone(zone_id=ids("zon"), name="io", members=("ast_frame",))
    plan = Plan(zones=(zone,))
    assert compile_zone(plan, Membership(plan, [frame]), zone, stage=PlanStage.ENFORCE).uncovered == ("ast_frame",)


def test_a_listing_is_compared_without_counters_handles_and_line_breaks() -> None:
    text = _compile(PLAN, PLAN.zones[0].zone_id, MEMBERS)
    held = "\n".join(text.splitlines()[2:])
    held = re.sub(r"counter ", "counter packets 7 bytes 420 ", held).replace(", ", ",\n\t\t\t     ", 3)
    assert compare_applied(text, held) == []


def test_what_a_firewall_lacks_and_has_beyond_is_told() -> None:
    text = _compile(_pair(), FAR)
    held = text.replace("tcp dport 502", "tcp dport { 22, 502 }")
    difference = compare_applied(text, held)
    assert [line[0] for line in difference] == ["-", "+"]
    assert "22" in difference[1]
    assert all(line.startswith("-") for line in compare_applied(text, ""))


def test_plcs_are_written_as_the_fewest_networks() -> None:
    zone = Zone(zone_id=ids("zon"), name="cell", members=tuple(plc.asset_id for plc in PLCS))
    plan = Plan(zones=(zone,))
    found = [str(each) for each in Membership(plan, PLCS).networks_of(zone.zone_id)]
    assert found == ["10.0.1.1/32", "10.0.1.2/31", "10.0.1.4/31", "10.0.1.6/32"]
