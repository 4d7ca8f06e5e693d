"""Plans of zones on real databases: from what sensors told to a draft, an approval, drift, and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from identity_house import ACTOR
from network_house import NetworkHouse, asset, link, operation

from vedette.app.segmentation_room import SegmentationRoom, build_segmentation_room
from vedette.health import SignalService
from vedette.health.advisories import AdvisoryService
from vedette.kernel import RandomIds
from vedette.ledger import Actor
from vedette.network import SensorEntry
from vedette.network.exposure import Exposure, ExposureAssessor, ExposureService, ExposureSignals
from vedette.network.exposure.repository import save_exposures
from vedette.network.segmentation import (
    Conduit,
    Flow,
    FlowVerdict,
    InvalidPlan,
    MemberRule,
    PlanChanged,
    PlanNotFound,
    PlanStage,
    PlanState,
    PlanStateRefused,
    Service,
    Zone,
    ZoneKind,
    ZoneNotFound,
    read_mud,
)
from vedette.protocols.sensor import LinkRecord
from vedette.registry import ClockJumped
from vedette.simulation import ManualClock

pytestmark = pytest.mark.anyio

PLC, HMI, OFFICE = "10.0.1.5", "10.0.2.9", "10.0.4.7"
ROBOT = Actor("service", "token")


def _room(house: NetworkHouse, clock: ManualClock, exposure: ExposureService | None = None) -> SegmentationRoom:
    return build_segmentation_room(
        house.organization_id,
        house.store,
        house.ledger,
        house.reader,
        guard=house.guard,
        url="http://localhost:8480/",
        on_violated=lambda *_: None,
        clock=clock,
        ids=RandomIds(clock),
        exposure=exposure,
    )


def _link(clock: ManualClock, client: str, server: str, port: int = 502) -> LinkRecord:
    at = int(clock.now().timestamp() * 1000)
    return link(client, server, port=port, first_at=at, last_at=at)


async def _learn(house: NetworkHouse, clock: ManualClock) -> SensorEntry:
    sensor = await house.sensor()
    at = int(clock.now().timestamp() * 1000)
    records = [asset(address, at=at, number=n) for n, address in enumerate((PLC, HMI, OFFICE))]
    await house.tell(sensor, *records, _link(clock, HMI, PLC), operation(HMI, PLC, kind="read"))
    return sensor


async def _draw(room: SegmentationRoom, house: NetworkHouse) -> tuple[Zone, Zone, Zone]:
    """Draw three zones by their networks, and a conduit that reads."""
    zones = []
    for name, network, level in (("cell", PLC, "1"), ("control", HMI, "2"), ("office", OFFICE, "4")):
        rule = MemberRule(networks=(f"{network}/32",))
        _, zone = await room.segments.editor.add_zone(
            house.organization_id, Zone(zone_id="", name=name, level=level, rules=(rule,)), actor=ACTOR
        )
        zones.append(zone)
    cell, control, office = zones
    conduit = Conduit(
        conduit_id="",
        source=control.zone_id,
        target=cell.zone_id,
        services=(Service("tcp", 502, 502),),
        operations=("read",),
    )
    await room.segments.editor.add_conduit(house.organization_id, conduit, actor=ACTOR)
    return cell, control, office


async def _approve(room: SegmentationRoom, house: NetworkHouse) -> int:
    draft = await room.segments.plans.get(house.organization_id, PlanState.DRAFT)
    approved = await room.segments.plans.approve(
        house.organization_id, revision=draft.revision, actor=ACTOR, reason="walked the line"
    )
    return approved.number


async def test_a_proposal_is_a_draft_that_a_person_approves(house: NetworkHouse, clock: ManualClock) -> None:
    await _learn(house, clock)
    room = _room(house, clock)
    plans, org = room.segments.plans, house.organization_id
    draft = await plans.propose(org, actor=ROBOT)
    assert sum(len(zone.members) for zone in draft.plan.zones) == 3
    with pytest.raises(PlanNotFound):
        await plans.get(org, PlanState.APPROVED)
    with pytest.raises(PlanStateRefused):
        await plans.propose(org, actor=ACTOR)
    again = await plans.propose(org, actor=ACTOR, is_replacing=True)
    with pytest.raises(PlanStateRefused):
        await plans.approve(org, revision=again.revision, actor=ROBOT, reason="because")
    with pytest.raises(PlanChanged):
        await plans.approve(org, revision=again.revision + 1, actor=ACTOR, reason="because")
    approved = await plans.approve(org, revision=again.revision, actor=ACTOR, reason="because")
    assert (approved.state, approved.stage) == (PlanState.APPROVED, PlanStage.MONITOR)
    actions = [entry.action for entry in await house.ledger.entries(org, limit=1000)]
    assert actions[-3:] == ["network.propose_plan", "network.propose_plan", "network.approve_plan"]
    assert [event.name for event in await house.ledger.events(org, limit=1000)][-1] == "network.plan_approved"


async def test_a_drawn_plan_is_replayed_enforced_and_rolled_back(house: NetworkHouse, clock: ManualClock) -> None:
    await _learn(house, clock)
    room = _room(house, clock)
    plans, org = room.segments.plans, house.organization_id
    cell, control, office = await _draw(room, house)
    attack = [
        Flow(client_address=OFFICE, server_address=PLC, port=502),
        Flow(client_address=HMI, server_address=PLC, port=502, operations=("write",)),
    ]
    outcome = await room.segments.replay(org, PlanState.DRAFT, attack=attack)
    assert (outcome.learned.links, outcome.learned.blocked_links) == (1, 0)
    assert [each.verdict for each in outcome.attack] == [FlowVerdict.BLOCKED, FlowVerdict.OPERATION]
    first = await _approve(room, house)
    assert [step.zone_id for step in await room.segments.attack_paths(org, first, control.zone_id)] == [cell.zone_id]
    assert await room.segments.attack_paths(org, first, office.zone_id) == ()
    await plans.set_stage(org, PlanStage.ENFORCE, actor=ACTOR, reason="monitored for a week")
    compiled = await room.segments.compile(org, PlanState.APPROVED, cell.zone_id)
    assert compiled.stage is PlanStage.ENFORCE
    assert (await room.segments.verify(org, cell.zone_id, compiled.text)).is_applied
    assert not (await room.segments.verify(org, cell.zone_id, "")).is_applied
    await room.segments.editor.remove_zone(org, office.zone_id, actor=ACTOR)
    second = await _approve(room, house)
    assert (await plans.get(org, PlanState.APPROVED)).stage is PlanStage.MONITOR
    with pytest.raises(ZoneNotFound):
        await room.segments.compile(org, PlanState.APPROVED, office.zone_id)
    with pytest.raises(PlanStateRefused):
        await plans.roll_back(org, second, actor=ACTOR, reason="x")
    back = await plans.roll_back(org, first, actor=ACTOR, reason="the office is needed")
    assert [zone.name for zone in back.plan.zones] == ["cell", "control", "office"]
    summaries = await plans.plans(org)
    assert [each.state.value for each in summaries] == ["approved", "superseded", "superseded"]


async def test_new_traffic_across_zones_is_drift_once(house: NetworkHouse, clock: ManualClock) -> None:
    sensor = await _learn(house, clock)
    room = _room(house, clock)
    await _draw(room, house)
    clock.advance(timedelta(minutes=5))
    await _approve(room, house)
    assert await room.drift.look() == 0
    assert await room.drift.violations() == []
    clock.advance(timedelta(minutes=10))
    await house.tell(sensor, _link(clock, OFFICE, PLC))
    assert await room.drift.look() == 1
    assert await room.drift.look() == 0
    (violation,) = await room.drift.violations()
    assert (violation.client_address, violation.server_address, violation.port) == (OFFICE, PLC, 502)
    assert violation.verdict is FlowVerdict.BLOCKED
    assert "past the DMZ" in violation.reason
    events = await house.ledger.events(house.organization_id, limit=1000)
    assert events[-1].name == "network.zones_violated"
    assert events[-1].data["violations"] == [violation.violation_id]
    clock.advance(timedelta(hours=2))
    later = int(clock.now().timestamp() * 1000)
    await house.tell(sensor, link(OFFICE, PLC, flows=9, first_at=1_000, last_at=later))
    assert await room.drift.look() == 0
    (violation,) = await room.drift.violations()
    assert violation.flows == 9
    assert violation.last_at == datetime.fromtimestamp(later / 1000, UTC)


async def test_what_an_approval_left_out_and_goes_on_is_drift_within_a_minute(
    house: NetworkHouse, clock: ManualClock
) -> None:
    sensor = await _learn(house, clock)
    await house.tell(sensor, _link(clock, OFFICE, PLC))
    room = _room(house, clock)
    await _draw(room, house)
    clock.advance(timedelta(minutes=5))
    await _approve(room, house)
    assert await room.drift.look() == 0
    clock.advance(timedelta(seconds=61))
    later = int(clock.now().timestamp() * 1000)
    await house.tell(sensor, link(OFFICE, PLC, flows=9, first_at=1_000, last_at=later))
    assert await room.drift.look() == 1


async def test_edits_say_which_revision_they_saw(house: NetworkHouse, clock: ManualClock) -> None:
    room = _room(house, clock)
    org, editor = house.organization_id, room.segments.editor
    version, zone = await editor.add_zone(org, Zone(zone_id="", name="cell"), actor=ACTOR)
    version, changed = await editor.change_zone(
        org, zone.zone_id, {"name": "cell 1"}, actor=ACTOR, revision=version.revision
    )
    assert changed.name == "cell 1"
    with pytest.raises(PlanChanged):
        await editor.remove_zone(org, zone.zone_id, actor=ACTOR, revision=version.revision - 1)
    with pytest.raises(InvalidPlan):
        await editor.change_zone(org, zone.zone_id, {"level": "9"}, actor=ACTOR)
    moved = await editor.move_members(org, zone.zone_id, ("ast_1", "ast_2", "ast_1"), actor=ACTOR)
    assert moved.plan.zones[0].members == ("ast_1", "ast_2")
    await room.segments.plans.discard(org, actor=ACTOR)
    with pytest.raises(PlanNotFound):
        await room.segments.plans.get(org, PlanState.DRAFT)


async def test_a_jumped_clock_holds_what_widens_not_what_restricts(house: NetworkHouse, clock: ManualClock) -> None:
    room = _room(house, clock)
    await _draw(room, house)
    await _approve(room, house)
    await _draw_more(room, house)
    clock.jump(timedelta(days=30))
    with pytest.raises(ClockJumped):
        await _approve(room, house)
    await room.segments.plans.set_stage(house.organization_id, PlanStage.ENFORCE, actor=ACTOR, reason="monitored")


async def _draw_more(room: SegmentationRoom, house: NetworkHouse) -> None:
    await room.segments.editor.add_zone(house.organization_id, Zone(zone_id="", name="more"), actor=ACTOR)


async def test_an_asset_has_a_mud_file_of_what_it_does(house: NetworkHouse, clock: ManualClock) -> None:
    await _learn(house, clock)
    room = _room(house, clock)
    plc = await house.only(address=PLC)
    document = await room.segments.write_mud(house.organization_id, plc.asset_id)
    file = read_mud(document)
    assert file.url == f"https://localhost:8480/v1/mud-files/{plc.asset_id}"
    assert len(file.accesses) == 1
    compared = await room.segments.compare_mud(house.organization_id, plc.asset_id, document)
    assert (compared.undeclared, compared.unused) == ((), ())
    silent = msgspec.json.decode(document)
    del silent["ietf-mud:mud"]["to-device-policy"], silent["ietf-mud:mud"]["from-device-policy"]
    compared = await room.segments.compare_mud(house.organization_id, plc.asset_id, msgspec.json.encode(silent))
    assert [each.client_address for each in compared.undeclared] == [HMI]


async def test_what_is_proven_vulnerable_gets_a_zone_of_its_own(house: NetworkHouse, clock: ManualClock) -> None:
    await _learn(house, clock)
    plc, hmi = await house.only(address=PLC), await house.only(address=HMI)
    now = clock.now()
    weak = Exposure(asset_id=plc.asset_id, site="north", asset_name="", proven=2, priority=81, assessed_at=now)
    maybe = Exposure(asset_id=hmi.asset_id, site="north", asset_name="", maybe=9, priority=99, assessed_at=now)
    await house.store.write(lambda tx: save_exposures(tx.connection, house.organization_id, [weak, maybe]))
    advisories = AdvisoryService(house.store, house.ledger, clock=clock)
    signals = SignalService(house.store, house.ledger, house.guard, clock=clock, ids=house.ids)
    told = ExposureSignals(house.organization_id, house.store, signals, clock=clock)
    assessor = ExposureAssessor(house.organization_id, house.store, house.reader, advisories, told, clock=clock)
    exposure = ExposureService(house.store, house.ledger, advisories, assessor, clock=clock)
    draft = await _room(house, clock, exposure).segments.plans.propose(house.organization_id, actor=ACTOR)
    zone_of = {member: zone for zone in draft.plan.zones for member in zone.members}
    assert zone_of[plc.asset_id].kind is ZoneKind.MICRO
    assert "risk 81: 2 vulnerabilities that its version proves" in zone_of[plc.asset_id].reasons
    assert (zone_of[hmi.asset_id].kind, zone_of[hmi.asset_id].risk) == (ZoneKind.ZONE, 60)
