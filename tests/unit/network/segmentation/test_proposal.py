"""Zones and conduits that are proposed from what was seen."""

from __future__ import annotations

import msgspec
import pytest
from segmented_plant import (
    FLOWS,
    HISTORIAN,
    HMI_A,
    MEMBERS,
    NOW,
    OFFICE,
    PLCS,
    PROXY,
    counted_ids,
    flow,
    member,
    outside,
)

from vedette.network.segmentation import (
    EXTERNAL,
    Flow,
    FlowVerdict,
    Member,
    Membership,
    Proposal,
    Service,
    ZoneKind,
    check_plan,
    propose,
    replay,
)


def _propose(members: list[Member], flows: list[Flow]) -> Proposal:
    return propose(members, flows, new_id=counted_ids())


def _zone_of(proposal: Proposal, asset: Member) -> str:
    return next(zone.zone_id for zone in proposal.plan.zones if asset.asset_id in zone.members)


def test_cells_that_talk_among_themselves_become_zones_by_level() -> None:
    proposal = _propose(MEMBERS, FLOWS)
    check_plan(proposal.plan)
    cell_a = {_zone_of(proposal, plc) for plc in PLCS[:3]}
    cell_b = {_zone_of(proposal, plc) for plc in PLCS[3:]}
    assert len(cell_a) == len(cell_b) == 1
    assert cell_a != cell_b
    assert _zone_of(proposal, HMI_A) not in cell_a
    levels = {zone.level for zone in proposal.plan.zones}
    assert levels == {"1", "2", "3", "3.5", "4"}
    assert all(zone.reasons for zone in proposal.plan.zones)


def test_what_was_seen_between_zones_becomes_conduits_with_services_and_operations() -> None:
    proposal = _propose(MEMBERS, FLOWS)
    (conduit,) = (
        each
        for each in proposal.plan.conduits
        if (each.source, each.target) == (_zone_of(proposal, HMI_A), _zone_of(proposal, PLCS[0]))
    )
    assert conduit.services == (Service("tcp", 502, 502, "modbus"),)
    assert conduit.operations == ("read", "write")
    assert conduit.links == 3


def test_ways_past_the_dmz_are_left_to_a_person() -> None:
    proposal = _propose(MEMBERS, FLOWS)
    left_out = {(each.source, each.target): each.reason for each in proposal.left_out}
    assert (_zone_of(proposal, OFFICE), _zone_of(proposal, PLCS[0])) in left_out
    assert (_zone_of(proposal, PLCS[1]), EXTERNAL) in left_out
    assert "past the DMZ" in left_out[_zone_of(proposal, OFFICE), _zone_of(proposal, PLCS[0])]
    (external,) = (each for each in proposal.plan.conduits if each.target == EXTERNAL)
    assert external.source == _zone_of(proposal, PROXY)
    assert external.networks == ("198.51.100.7",)


def test_the_proposal_lets_pass_all_that_was_seen_but_what_it_left_out() -> None:
    proposal = _propose(MEMBERS, FLOWS)
    outcome = replay(proposal.plan, Membership(proposal.plan, MEMBERS), FLOWS, at=NOW)
    assert outcome.blocked_links == sum(each.links for each in proposal.left_out) == 2
    assert outcome.links == len(FLOWS)
    assert outcome.unused == ()
    assert {each.flow.client for each in outcome.shown} == {OFFICE.asset_id, PLCS[1].asset_id}
    assert outcome.counts[FlowVerdict.BLOCKED] == 2


def test_an_exposed_asset_gets_a_zone_of_its_own_and_says_why() -> None:
    risky = msgspec.structs.replace(PLCS[2], risk=85, risk_reason="Windows XP gets no updates any more")
    proposal = _propose([*PLCS[:2], risky, *MEMBERS[3:]], FLOWS)
    zone = next(zone for zone in proposal.plan.zones if risky.asset_id in zone.members)
    assert zone.members == (risky.asset_id,)
    assert zone.kind is ZoneKind.MICRO
    assert any("Windows XP" in reason for reason in zone.reasons)


def test_critical_assets_stand_apart_and_conduits_to_them_say_so() -> None:
    vital = msgspec.structs.replace(PLCS[0], is_critical=True)
    proposal = _propose([vital, *MEMBERS[1:]], FLOWS)
    zone = next(zone for zone in proposal.plan.zones if vital.asset_id in zone.members)
    assert zone.is_critical
    assert zone.members == (vital.asset_id,)
    (conduit,) = (each for each in proposal.plan.conduits if each.target == zone.zone_id)
    assert any("critical" in reason for reason in conduit.reasons)


def test_a_server_that_all_ask_for_names_does_not_join_the_cells() -> None:
    dns = member("dns", "10.0.3.53", "3")
    lookups = [flow(each, dns, 53, "dns", flows=9000) for each in MEMBERS]
    proposal = _propose([*MEMBERS, dns], [*FLOWS, *lookups])
    zone = next(zone for zone in proposal.plan.zones if dns.asset_id in zone.members)
    assert zone.members == (dns.asset_id,)
    assert "shared services" in zone.name
    assert _zone_of(proposal, PLCS[0]) != _zone_of(proposal, PLCS[5])


def test_sites_never_share_a_zone() -> None:
    south = [msgspec.structs.replace(each, asset_id=f"{each.asset_id}s", site="south") for each in PLCS]
    proposal = _propose([*MEMBERS, *south], FLOWS)
    site_of = {each.asset_id: each.site for each in [*MEMBERS, *south]}
    for zone in proposal.plan.zones:
        assert {site_of[asset_id] for asset_id in zone.members} == {zone.site}


def test_what_has_no_level_is_told_of() -> None:
    proposal = _propose([msgspec.structs.replace(HISTORIAN, level="")], [])
    assert "1 of 1 assets have no Purdue level" in proposal.notes[0]


def test_the_order_of_what_was_seen_does_not_matter() -> None:
    forth, back = _propose(MEMBERS, FLOWS), _propose(MEMBERS[::-1], FLOWS[::-1])
    assert [zone.members for zone in forth.plan.zones] == [zone.members for zone in back.plan.zones]
    assert {each.services for each in forth.plan.conduits} == {each.services for each in back.plan.conduits}


def test_broadcast_and_frames_beneath_ip_open_no_conduit() -> None:
    shout = msgspec.structs.replace(flow(PLCS[0], OFFICE, 67, "dhcp"), server_address="255.255.255.255")
    frame = msgspec.structs.replace(flow(PLCS[0], OFFICE, 0, "goose"), transport="ethernet")
    proposal = _propose(MEMBERS, [shout, frame])
    assert proposal.plan.conduits == ()
    assert proposal.left_out == ()


@pytest.mark.parametrize(
    ("address", "is_local"),
    [("10.0.1.255", True), ("10.0.1.63", True), ("10.0.255.255", True), ("10.0.9.255", False), ("8.8.8.255", False)],
    ids=["its subnet", "a smaller one", "a larger one", "another subnet", "outside"],
)
def test_what_is_shouted_to_a_subnet_is_no_traffic_with_the_outside(address: str, *, is_local: bool) -> None:
    shout = msgspec.structs.replace(
        flow(PLCS[0], OFFICE, 47808, "bacnet"),
        server="",
        client_address="10.0.1.5",
        server_address=address,
        transport="udp",
    )
    proposal = _propose(MEMBERS, [shout])
    assert (proposal.plan.conduits == () and proposal.left_out == ()) is is_local
    membership = Membership(proposal.plan, MEMBERS)
    told = replay(proposal.plan, membership, [shout], at=NOW)
    assert (told.counts["local"] == 1) is is_local


@pytest.mark.parametrize(
    ("address", "verdict"),
    [("ff:ff:ff:ff:ff:ff", "local"), ("01:80:c2:00:00:0e", "local"), ("00:1d:9c:20:01:13", "layer2")],
    ids=["broadcast", "multicast", "to one"],
)
def test_frames_for_everybody_break_no_plan(address: str, verdict: str) -> None:
    proposal = _propose(MEMBERS, FLOWS)
    frame = msgspec.structs.replace(
        flow(PLCS[0], HMI_A, 0, "arp"), transport="ethernet", server="", server_address=address
    )
    told = replay(proposal.plan, Membership(proposal.plan, MEMBERS), [frame], at=NOW)
    assert told.counts[verdict] == 1


def test_what_assets_with_open_alerts_ask_for_is_marked() -> None:
    suspect = msgspec.structs.replace(HMI_A, has_alerts=True)
    proposal = _propose([suspect if each is HMI_A else each for each in MEMBERS], FLOWS)
    marked = [conduit for conduit in proposal.plan.conduits if any("open alerts" in why for why in conduit.reasons)]
    assert marked
    assert {conduit.source for conduit in marked} == {_zone_of(proposal, HMI_A)}
    assert any("open alerts" in note for note in proposal.notes)
    assert not any("open alerts" in note for note in _propose(MEMBERS, FLOWS).notes)


def test_many_dynamic_ports_become_one_range() -> None:
    calls = [flow(HISTORIAN, PROXY, port, "dcerpc") for port in range(50_000, 50_040)]
    (conduit,) = _propose(MEMBERS, calls).plan.conduits
    assert conduit.services == (Service("tcp", 50_000, 50_039, "dynamic"),)


def test_an_outside_address_that_asks_in_is_left_to_a_person() -> None:
    inbound = msgspec.structs.replace(
        outside(PLCS[0], "203.0.113.1", 502),
        client="",
        client_address="203.0.113.1",
        server=PLCS[0].asset_id,
        server_address=PLCS[0].addresses[0],
    )
    proposal = _propose(MEMBERS, [inbound])
    assert proposal.plan.conduits == ()
    assert proposal.left_out[0].source == EXTERNAL
