"""Maps of an inventory in a real database: kept while nothing changes, and right as soon as something did."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from identity_house import ACTOR
from network_house import HMI, PLC, PLC_MAC, NetworkHouse, asset, link, operation

from vedette.kernel import OrganizationId
from vedette.ledger import Actor
from vedette.network.map import AlertMark, MapNotReady, MapQuery, MapService
from vedette.network.map import service as map_service
from vedette.network.segmentation import (
    MemberRule,
    PlanBook,
    PlanEditor,
    PlanService,
    PlanState,
    SegmentInventory,
    Zone,
)

pytestmark = pytest.mark.anyio
WHOLE = MapQuery()
OUTSIDE = "203.0.113.80"


def service(house: NetworkHouse, marks: Mapping[str, AlertMark] | None = None) -> MapService:
    async def alerts_of(organization_id: OrganizationId) -> Mapping[str, AlertMark]:
        assert organization_id == house.organization_id
        return marks or {}

    return MapService(house.organization_id, house.store, alerts_of=alerts_of, clock=house.clock)


async def shown(maps: MapService, query: MapQuery = WHOLE) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode((await maps.get(query)).body)
    return found


def later(house: NetworkHouse) -> None:
    house.clock.advance(timedelta(seconds=5))  # type: ignore[attr-defined] # a ManualClock


async def told(house: NetworkHouse) -> None:
    sensor = await house.sensor()
    await house.tell(
        sensor,
        asset(PLC, PLC_MAC, name="plc", role="controller"),
        asset(HMI, number=2, name="panel", role="hmi"),
        link(),
        link(client=PLC, server=OUTSIDE, port=443, protocol="tls", is_external=True),
        link(client=HMI, server="224.0.0.5", port=5353, protocol="mdns", transport="udp"),
        operation(kind="write", service="write_single_register", times=4),
        operation(times=100),
    )


async def test_links_operations_and_who_is_outside_stand_on_the_map(house: NetworkHouse) -> None:
    await told(house)
    found = await shown(service(house))
    names = {node["node_id"]: node["name"] for node in found["nodes"]}
    edges = {(names[edge["source"]], names[edge["target"]]): edge for edge in found["edges"]}
    assert edges.keys() == {("panel", "plc"), ("plc", "Outside")}
    assert (edges["panel", "plc"]["controls"], edges["panel", "plc"]["packets"]) == (4, 10)
    assert edges["plc", "Outside"]["is_external"]
    assert found["links_to_groups"] == 1
    first_at = edges["panel", "plc"]["first_at"]
    assert first_at == "1970-01-01T00:00:01.000Z"


async def test_a_map_is_kept_until_the_inventory_changes(house: NetworkHouse) -> None:
    await told(house)
    maps = service(house)
    first = await maps.get(WHOLE)
    assert await maps.get(WHOLE) is first
    later(house)
    assert (await maps.get(WHOLE)).etag == first.etag
    sensor = await house.sensors.get(house.organization_id, "probe-1")
    await house.tell(sensor, asset("10.0.0.77", number=7))
    later(house)
    second = await maps.get(WHOLE)
    assert second.etag != first.etag
    before, after = (
        {node["node_id"]: (node["x"], node["y"]) for node in msgspec.json.decode(each.body)["nodes"]}
        for each in (first, second)
    )
    assert len(after) == len(before) + 1
    assert before.items() <= after.items()


async def test_what_only_an_old_capture_tells_is_on_the_map_before_long(house: NetworkHouse) -> None:
    await told(house)
    maps = service(house)
    assert {node["vendor"] for node in (await shown(maps))["nodes"]} == {""}
    sensor = await house.sensors.get(house.organization_id, "probe-1")
    await house.tell(sensor, asset(HMI, number=2, vendor="Ostwind"))
    house.clock.advance(timedelta(minutes=3))  # type: ignore[attr-defined] # a ManualClock
    assert "Ostwind" in {node["vendor"] for node in (await shown(maps))["nodes"]}


async def test_a_map_that_takes_long_is_answered_as_it_was_and_drawn_anew(
    house: NetworkHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    await told(house)
    maps = service(house)
    first = await maps.get(WHOLE)
    monkeypatch.setattr(map_service, "_CHEAP_S", -1.0)  # as if every map were large
    sensor = await house.sensors.get(house.organization_id, "probe-1")
    await house.tell(sensor, asset("10.0.0.77", number=7))
    later(house)
    stale = await maps.get(WHOLE)
    assert (stale.is_stale, stale.etag) == (True, first.etag)
    fresh = await maps.refresh(WHOLE)
    assert (fresh.is_stale, fresh.etag == first.etag) == (False, False)
    assert await maps.get(WHOLE) is fresh
    house.clock.advance(timedelta(hours=1))  # type: ignore[attr-defined] # a ManualClock
    assert not (await maps.get(WHOLE)).is_stale  # too old to be answered


async def test_many_who_ask_at_once_get_the_same_map_and_too_many_are_told_so(
    house: NetworkHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    await told(house)
    maps = service(house)
    found = await asyncio.gather(*(maps.get(WHOLE) for _ in range(8)))
    assert len({id(each) for each in found}) == 1
    later(house)
    monkeypatch.setattr(map_service, "WAITING_MAX", 2)
    outcomes = await asyncio.gather(
        *(maps.get(MapQuery(level=str(level))) for level in range(6)), return_exceptions=True
    )
    assert sum(isinstance(each, MapNotReady) for each in outcomes) == 4
    assert (await shown(maps, MapQuery(level="1")))["assets"] > 0


async def test_little_memory_is_kept_of_maps_that_nobody_looks_at(
    house: NetworkHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    await told(house)
    maps = service(house)
    first = await shown(maps)
    monkeypatch.setattr(map_service, "KEPT_MAX", 3)
    for number in range(10):
        await maps.get(MapQuery(since=number + 1))
    assert len(maps._kept) == 3
    maps._forget()
    assert (len(maps._kept), maps._kept_bytes) == (0, 0)
    assert await shown(maps) == first


async def test_merged_assets_are_one_node_and_ignored_ones_none(house: NetworkHouse) -> None:
    await told(house)
    plc, panel = await house.only(address=PLC), await house.only(address=HMI)
    sensor = await house.sensors.get(house.organization_id, "probe-1")
    await house.tell(sensor, asset("10.0.0.6", number=6, name="second port"), link(server="10.0.0.6"))
    second = await house.only(address="10.0.0.6")
    await house.assets_service.merge(house.organization_id, second.asset_id, plc.asset_id, actor=ACTOR)
    found = await shown(service(house, {second.asset_id: AlertMark(2, "low"), plc.asset_id: AlertMark(1, "high")}))
    node = next(each for each in found["nodes"] if each["asset_id"] == plc.asset_id)
    assert (node["alerts"], node["severity"], len(found["nodes"])) == (3, "high", 3)
    edge = next(each for each in found["edges"] if not each["is_external"])
    assert (edge["packets"], edge["pairs"], edge["is_alerting"]) == (20, 1, True)
    await house.assets_service.change(house.organization_id, panel.asset_id, {"state": "ignored"}, actor=ACTOR)
    without = await shown(service(house))
    assert panel.asset_id not in {each["node_id"] for each in without["nodes"]}
    assert [each["is_external"] for each in without["edges"]] == [True]


async def test_zones_of_the_plan_in_force_are_groups(house: NetworkHouse) -> None:
    await told(house)
    maps = service(house)
    assert (await shown(maps))["zones"] == []
    await _approve_zones(house)
    later(house)
    found = await shown(maps)
    assert [zone["name"] for zone in found["zones"]] == ["Cell"]
    assert {(each["kind"], each["name"]) for each in found["groups"]} >= {("zone", "Cell"), ("zone", "")}
    crossing = next(each for each in found["edges"] if not each["is_external"])
    assert crossing["crossing"] == "zone"


async def _approve_zones(house: NetworkHouse) -> None:
    book = PlanBook(house.store, house.ledger, clock=house.clock, ids=house.ids)
    plans = PlanService(book, SegmentInventory(house.reader), house.guard)
    person = Actor(kind="operator", id="per_1")
    zone = Zone(zone_id="", name="Cell", rules=(MemberRule(levels=("1",)),))
    await PlanEditor(book).add_zone(house.organization_id, zone, actor=person)
    draft = await plans.get(house.organization_id, PlanState.DRAFT)
    await plans.approve(house.organization_id, revision=draft.revision, actor=person, reason="agreed")
