"""Rule sets of zones, loaded into a real firewall between real networks, and tried with real connections."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from routed_plant import RoutedPlant, routed_plant
from running_platform import wait_for

from vedette.kernel import RandomIds, SystemClock
from vedette.network.segmentation import (
    EXTERNAL,
    Conduit,
    Flow,
    FlowVerdict,
    Judge,
    Member,
    MemberRule,
    Membership,
    Plan,
    PlanStage,
    Service,
    Zone,
    ZoneKind,
    compare_applied,
    compile_plan,
    compile_zone,
)

Call = tuple[str, str, str, int]
HOSTS = {
    "plc": "10.77.1.10",
    "hmi": "10.77.2.10",
    "office": "10.77.4.10",
    "stranger": "10.77.9.10",
    "internet": "198.51.100.10",
}
IDS = RandomIds(SystemClock())
MEMBERS = [Member(asset_id=f"ast_{name}", addresses=(HOSTS[name],)) for name in ("plc", "hmi", "office", "stranger")]
CELL, CONTROL, OFFICE = (
    Zone(zone_id=IDS.new("zon"), name=name, members=(f"ast_{member}",))
    for name, member in (("cell", "plc"), ("control", "hmi"), ("office", "office"))
)


def _conduit(source: str, target: str, *services: Service, **values: object) -> Conduit:
    return Conduit(conduit_id=IDS.new("cdt"), source=source, target=target, services=services, **values)  # type: ignore[arg-type] # fields by name


POLL = _conduit(CONTROL.zone_id, CELL.zone_id, Service("tcp", 502, 510), Service("udp", 69, 69))
OUT = _conduit(OFFICE.zone_id, EXTERNAL, Service("tcp", 443, 443), networks=("198.51.100.0/28",))
PLAN = Plan(zones=(CELL, CONTROL, OFFICE), conduits=(POLL, OUT))
MEMBERSHIP = Membership(PLAN, MEMBERS)
ASKED = [
    (source, transport, target, port)
    for source in HOSTS
    for target in HOSTS
    for transport, port in (("tcp", 502), ("tcp", 443), ("udp", 69))
    if source != target
]


@pytest.fixture(scope="module")
def plant() -> Iterator[RoutedPlant]:
    if os.geteuid() != 0 or shutil.which("nft") is None or shutil.which("ip") is None:
        pytest.skip("needs root, nftables and iproute2")
    made = subprocess.run(["ip", "netns", "add", f"vd{os.getpid()}-probe"], check=False, capture_output=True)
    if made.returncode != 0:
        pytest.skip("network namespaces cannot be made here")
    subprocess.run(["ip", "netns", "del", f"vd{os.getpid()}-probe"], check=True)
    with routed_plant(HOSTS) as opened:
        for host in HOSTS:
            opened.listen(host, 69, 443, 502)
        yield opened


def _load(plant: RoutedPlant, plan: Plan, stage: PlanStage) -> None:
    for compiled in compile_plan(plan, Membership(plan, MEMBERS), stage=stage):
        plant.load(compiled.text)


@pytest.fixture(autouse=True)
def _flushed(plant: RoutedPlant) -> None:
    plant.inside("fw", "nft", "flush", "ruleset")


def _answers(plant: RoutedPlant, *, silent: Collection[Call] = ()) -> dict[Call, bool]:
    """Try every connection; those of which silence is expected are not waited for."""
    found: dict[Call, bool] = {}
    for source in HOSTS:
        mine = [each for each in ASKED if each[0] == source]
        quiet = [each[1:] for each in mine if each in silent]
        found.update(zip(mine, plant.ask(source, *(each[1:] for each in mine), silent=quiet), strict=True))
    return found


def _is_shut(plant: RoutedPlant, source: str) -> bool:
    call = ("tcp", "plc", 502)
    return plant.ask(source, call, silent=[call]) == [False]


def _judged() -> dict[Call, bool]:
    judge = Judge(PLAN, MEMBERSHIP, at=datetime.now(UTC))
    assets = {member.addresses[0]: member.asset_id for member in MEMBERS}
    found = {}
    for source, transport, target, port in ASKED:
        here, there = HOSTS[source], HOSTS[target]
        flow = Flow(
            client=assets.get(here, ""),
            server=assets.get(there, ""),
            client_address=here,
            server_address=there,
            transport=transport,
            port=port,
            is_external="internet" in {source, target},
        )
        found[source, transport, target, port] = judge.judge(flow).verdict is not FlowVerdict.BLOCKED
    return found


def test_the_firewall_does_to_every_connection_what_the_replay_says(plant: RoutedPlant) -> None:
    assert all(_answers(plant).values())
    _load(plant, PLAN, PlanStage.ENFORCE)
    judged = _judged()
    answers = _answers(plant, silent=[each for each, is_allowed in judged.items() if not is_allowed])
    assert answers == judged
    assert answers["hmi", "tcp", "plc", 502]
    assert answers["office", "tcp", "internet", 443]
    assert not any(answers[each] for each in answers if each[0] == "internet" and each[2] in {"plc", "hmi", "office"})


def test_monitoring_counts_what_enforcing_would_drop_and_drops_nothing(plant: RoutedPlant) -> None:
    _load(plant, PLAN, PlanStage.MONITOR)
    table = f"vedette_{CELL.zone_id}"
    assert plant.ask("office", ("tcp", "plc", 502)) == [True]
    counted = plant.counters(table)
    assert counted["would be refused in"] > 0
    assert counted[POLL.conduit_id] == 0
    assert plant.ask("hmi", ("tcp", "plc", 502)) == [True]
    assert plant.counters(table)[POLL.conduit_id] > 0


def test_what_the_firewall_holds_is_what_was_compiled_until_somebody_changes_it(plant: RoutedPlant) -> None:
    for compiled in compile_plan(PLAN, MEMBERSHIP, stage=PlanStage.ENFORCE):
        plant.load(compiled.text)
        plant.ask("hmi", ("tcp", "plc", 502))
        assert compare_applied(compiled.text, plant.listing(compiled.table)) == []
    compiled = compile_zone(PLAN, MEMBERSHIP, CELL, stage=PlanStage.ENFORCE)
    plant.inside("fw", "nft", "insert", "rule", "inet", compiled.table, "inbound", "accept")
    assert compare_applied(compiled.text, plant.listing(compiled.table)) == ["+accept"]


def test_every_form_of_a_rule_is_listed_as_it_was_written(plant: RoutedPlant) -> None:
    crowd = [Member(asset_id=f"ast_{n}", addresses=(f"10.88.{n // 7}.{n}", f"fd00:88::{n:x}")) for n in range(120)]
    near = Zone(zone_id=IDS.new("zon"), name="near", rules=(MemberRule(networks=("10.88.0.0/16", "fd00:88::/64")),))
    far = Zone(
        zone_id=IDS.new("zon"),
        name="far",
        kind=ZoneKind.MICRO,
        interface="e1.10",
        members=tuple(each.asset_id for each in crowd),
    )
    whole = Zone(zone_id=IDS.new("zon"), name="whole", rules=(MemberRule(networks=("0.0.0.0/0", "::/0")),))
    named = ("198.51.100.0/24", "198.51.101.1", "198.51.101.2/31", "198.51.101.4", "2001:db8::/32", "10.99.0.0/16")
    soon = SystemClock().now() + timedelta(days=3)
    conduits = (
        _conduit(near.zone_id, far.zone_id, Service("tcp", 0, 65_535), Service("udp"), Service("sctp", 1, 1)),
        _conduit(far.zone_id, far.zone_id, Service("tcp", 22, 22), Service("icmp")),
        _conduit(near.zone_id, EXTERNAL, Service("tcp", 443, 443), Service("icmp"), networks=named, expires_at=soon),
        _conduit(EXTERNAL, far.zone_id, Service("tcp", 80, 81), Service("tcp", 82, 82), Service("tcp", 84, 84)),
        _conduit(whole.zone_id, near.zone_id, Service("udp", 53, 53)),
    )
    plan = Plan(zones=(near, far, whole), conduits=conduits)
    for stage in PlanStage:
        for compiled in compile_plan(plan, Membership(plan, crowd), stage=stage):
            plant.load(compiled.text)
            assert compare_applied(compiled.text, plant.listing(compiled.table)) == []


def test_a_rule_set_is_rolled_back_at_once(plant: RoutedPlant) -> None:
    compiled = compile_zone(PLAN, MEMBERSHIP, CELL, stage=PlanStage.ENFORCE)
    plant.load(compiled.text)
    assert _is_shut(plant, "office")
    plant.load(compiled.rollback)
    assert plant.ask("office", ("tcp", "plc", 502)) == [True]
    plant.load(compiled.rollback)


def test_a_connection_that_is_open_ends_with_its_conduit(plant: RoutedPlant) -> None:
    _load(plant, PLAN, PlanStage.ENFORCE)
    held = plant.hold("hmi", "plc", 502)
    assert held.stdin is not None
    assert held.stdout is not None
    held.stdin.write("30\n")
    held.stdin.flush()
    assert held.stdout.readline().strip() == "open"
    _load(plant, msgspec.structs.replace(PLAN, conduits=(OUT,)), PlanStage.ENFORCE)
    held.stdin.write("0.6\n")
    held.stdin.flush()
    assert held.stdout.readline().strip() == "silent"


def test_a_conduit_that_has_ended_is_shut_without_anybody_doing_anything(plant: RoutedPlant) -> None:
    now = SystemClock().now()
    past, soon = (msgspec.structs.replace(POLL, expires_at=now + timedelta(days=days)) for days in (-1, 1))
    _load(plant, msgspec.structs.replace(PLAN, conduits=(soon,)), PlanStage.ENFORCE)
    assert plant.ask("hmi", ("tcp", "plc", 502)) == [True]
    _load(plant, msgspec.structs.replace(PLAN, conduits=(past,)), PlanStage.ENFORCE)
    assert _is_shut(plant, "hmi")
    compiled = compile_zone(msgspec.structs.replace(PLAN, conduits=(past,)), MEMBERSHIP, CELL, stage=PlanStage.ENFORCE)
    assert compare_applied(compiled.text, plant.listing(compiled.table)) == []


def test_an_address_that_comes_from_the_wrong_side_is_dropped(plant: RoutedPlant) -> None:
    zone = msgspec.structs.replace(CONTROL, interface="e1")
    plan = msgspec.structs.replace(PLAN, zones=(CELL, zone, OFFICE))
    _load(plant, plan, PlanStage.ENFORCE)
    assert plant.ask("hmi", ("udp", "plc", 69)) == [True]
    plant.inside("office", "ip", "addr", "add", f"{HOSTS['hmi']}/32", "dev", "lo")
    try:
        script = (
            "import socket, sys; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); "
            "s.bind((sys.argv[1], 0)); s.sendto(b'x', (sys.argv[2], 69))"
        )
        plant.inside("office", sys.executable, "-c", script, HOSTS["hmi"], HOSTS["plc"])
        wait_for(lambda: plant.counters(f"vedette_{zone.zone_id}")["spoofed"], "the packet arrives and is counted")
    finally:
        plant.inside("office", "ip", "addr", "del", f"{HOSTS['hmi']}/32", "dev", "lo")
