"""What people and the registry add to what sensors see, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from identity_house import ACTOR
from network_house import HMI, HMI_MAC, PLC, PLC_MAC, NetworkHouse, asset, link

from vedette.kernel import GenerationId
from vedette.network import AssetState, ExternalVerdict, InvalidAsset, InventoryUpkeep, ManagedBy
from vedette.network.external_intake import NetworkOwner
from vedette.registry import PresenceChange
from vedette.simulation import ManualClock

pytestmark = pytest.mark.anyio

OUTSIDE = "203.0.113.80"


async def connect(house: NetworkHouse, generation_id: str, address: str) -> None:
    change = PresenceChange(
        generation_id=GenerationId(generation_id),
        is_connected=True,
        gateway="gateway-1",
        changed_at=house.clock.now(),
        remote_address=address,
    )
    await house.presence.note(house.organization_id, [change])


async def test_an_asset_that_a_device_connects_from_is_managed(house: NetworkHouse) -> None:
    sensor = await house.sensor()
    pump = await house.device("pump-7", site="north", purdue_level="2")
    await house.tell(sensor, asset(PLC, PLC_MAC), asset(HMI, number=2))
    await connect(house, pump.generation_id, PLC)
    assert await house.matching.match() == 1
    found = await house.only(is_managed=True)
    assert found.management is not None
    assert (found.management.device_id, found.management.by) == ("pump-7", ManagedBy.ADDRESS)
    assert found.level == "2"
    assert "pump-7" in found.level_because[0]
    assert await house.matching.match() == 0
    await house.devices.delete(house.organization_id, "pump-7", actor=ACTOR, reason="sold")
    assert await house.assets(is_managed=True) == []


async def test_an_address_that_several_come_from_or_at_another_site_proves_nothing(house: NetworkHouse) -> None:
    sensor = await house.sensor()
    one, other = await house.device("pump-1"), await house.device("pump-2")
    far = await house.device("pump-3", site="south")
    await house.tell(sensor, asset(PLC), asset(HMI, number=2))
    await connect(house, one.generation_id, PLC)
    await connect(house, far.generation_id, HMI)
    assert await house.matching.match() == 1
    await connect(house, other.generation_id, PLC)
    assert await house.matching.match() == 1
    assert await house.assets(is_managed=True) == []


async def test_what_a_person_says_outweighs_an_address(house: NetworkHouse) -> None:
    sensor = await house.sensor()
    pump, _ = await house.device("pump-7"), await house.device("pump-8")
    await house.tell(sensor, asset(PLC))
    found = await house.only()
    patch = {"device_id": "pump-8"}
    await house.assets_service.change(house.organization_id, found.asset_id, patch, actor=ACTOR)
    await connect(house, pump.generation_id, PLC)
    assert await house.matching.match() == 0
    management = (await house.only()).management
    assert management is not None
    assert (management.device_id, management.by) == ("pump-8", ManagedBy.PERSON)


async def test_an_unknown_device_raises_an_alarm_once_the_sensor_has_had_a_day(
    house: NetworkHouse, clock: ManualClock
) -> None:
    sensor = await house.sensor()
    pump = await house.device("pump-7")
    await house.tell(sensor, asset(PLC, PLC_MAC))
    assert house.alerts == []
    clock.advance(timedelta(days=1, minutes=1))
    await connect(house, pump.generation_id, "10.0.0.30")
    await house.tell(sensor, asset(PLC, PLC_MAC), asset("10.0.0.30", number=3))
    assert house.alerts == []
    await house.tell(sensor, asset(HMI, HMI_MAC, number=2, vendor="Shenzhen"))
    (raised,) = house.alerts
    assert (raised.rule, raised.source) == ("network.unknown_asset", HMI)
    assert "Shenzhen" in raised.title
    assert raised.detail["asset"] == (await house.only(address=HMI)).asset_id
    assert {each.state for each in await house.assets()} == {AssetState.NEW}


async def test_connections_to_the_outside_are_kept_by_name(house: NetworkHouse) -> None:
    class Book:
        def find(self, address: str) -> NetworkOwner | None:
            return NetworkOwner("NL", 64_500, "Example") if address == OUTSIDE else None

    house.intake._addresses = Book()
    sensor = await house.sensor()
    out = {"port": 443, "protocol": "tls", "is_external": True}
    await house.tell(sensor, asset(HMI), link(HMI, OUTSIDE, **out))
    ((unnamed,), _) = await house.externals.list(house.organization_id)
    assert (unnamed.name, unnamed.country, unnamed.asn) == ("", "NL", 64_500)
    await house.tell(sensor, link(HMI, OUTSIDE, name="Updates.Example.", **out))
    await house.tell(sensor, link(HMI, "203.0.113.81", name="updates.example", **out))
    await house.tell(sensor, link("198.51.100.9", HMI, port=22, protocol="ssh", is_external=True))
    found, _ = await house.externals.list(house.organization_id)
    by_name = {each.name or each.address: each for each in found}
    assert set(by_name) == {"updates.example", "198.51.100.9"}
    assert by_name["updates.example"].address == "203.0.113.81"
    assert by_name["198.51.100.9"].is_inbound
    assert by_name["198.51.100.9"].local == HMI
    asset_id = (await house.only()).asset_id
    assert {each.asset_id for each in found} == {asset_id}
    assert (await house.only()).level == ""  # known at the next word on the asset
    await house.tell(sensor, asset(HMI, at=5_000, name="hmi"))
    assert (await house.only()).level == "4"
    decided = await house.externals.decide(
        house.organization_id,
        by_name["updates.example"].external_id,
        ExternalVerdict.REFUSED,
        owner="",
        justification="no need",
        actor=ACTOR,
    )
    refused, _ = await house.externals.list(house.organization_id, verdict=ExternalVerdict.REFUSED, asset_id=asset_id)
    assert [each.external_id for each in refused] == [decided.external_id]


async def test_merged_assets_show_their_links_as_one_and_part_again(house: NetworkHouse) -> None:
    sensor = await house.sensor()
    await house.tell(sensor, asset(PLC, PLC_MAC), asset(HMI, number=2), asset("10.0.0.77", number=3))
    await house.tell(sensor, link(), link("10.0.0.77"))
    hmi, other = [await house.only(address=each) for each in (HMI, "10.0.0.77")]
    await house.assets_service.merge(house.organization_id, other.asset_id, hmi.asset_id, actor=ACTOR)
    assert {each.client_asset_id for each in await house.links()} == {hmi.asset_id}
    assert len(await house.links(asset_id=hmi.asset_id)) == 2
    await house.tell(sensor, asset("10.0.0.77", number=3, name="panel"))
    assert (await house.only(address=HMI)).name == "panel"
    await house.assets_service.part(house.organization_id, other.asset_id, actor=ACTOR)
    assert {each.client_asset_id for each in await house.links()} == {hmi.asset_id, other.asset_id}
    assert (await house.only(address=HMI)).name == ""
    assert (await house.only(address="10.0.0.77")).name == "panel"


async def test_a_snapshot_a_day_and_as_many_as_are_asked_for(house: NetworkHouse, clock: ManualClock) -> None:
    sensor = await house.sensor()
    assert await house.snapshots.take_daily() is None
    await house.tell(sensor, asset(PLC), link())
    clock.advance(timedelta(seconds=1))
    first = await house.snapshots.take_daily()
    assert first is not None
    assert (first.assets, first.links, first.taken_by) == (1, 1, "network")
    assert await house.snapshots.take_daily() is None
    clock.advance(timedelta(days=1, minutes=1))
    await house.tell(sensor, asset(HMI, number=2), link(port=503))
    clock.advance(timedelta(seconds=1))
    second = await house.snapshots.take(note="overhaul", actor=ACTOR)
    changes = await house.snapshots.changes(first.snapshot_id, until=second.snapshot_id)
    assert [each.values["ips"] for each in changes.comparison.added] == [HMI]
    assert [each.port for each in changes.links] == [503]
    elsewhere = await house.snapshots.changes(first.snapshot_id, sites=frozenset({"south"}))
    assert (elsewhere.comparison.added, elsewhere.links_count) == ((), 0)
    with pytest.raises(InvalidAsset):
        await house.snapshots.changes(second.snapshot_id, until=first.snapshot_id)


async def test_what_an_old_capture_tells_is_kept_from_the_day_it_came(house: NetworkHouse, clock: ManualClock) -> None:
    upkeep = InventoryUpkeep(house.organization_id, house.store, house.intake, house.guard, clock=clock)
    sensor = await house.sensor()
    at = int((clock.now() - timedelta(days=4_000)).timestamp() * 1000)
    await house.tell(sensor, asset(PLC, at=at), asset(HMI, number=2, at=at), link(first_at=at, last_at=at))
    assert await upkeep.forget() == 0
    assert len(await house.assets()) == 2
    assert len(await house.links()) == 1
    clock.advance(timedelta(days=31))
    assert await upkeep.forget() == 2


async def test_what_was_not_seen_for_long_and_nobody_named_is_forgotten(
    house: NetworkHouse, clock: ManualClock
) -> None:
    def now_ms() -> int:
        return int(clock.now().timestamp() * 1000)

    upkeep = InventoryUpkeep(house.organization_id, house.store, house.intake, house.guard, clock=clock)
    sensor = await house.sensor()
    at = now_ms()
    await house.tell(
        sensor, asset(PLC, at=at, serial="SC-7"), asset(HMI, number=2, at=at), link(first_at=at, last_at=at)
    )
    known = await house.only(address=HMI)
    await house.assets_service.acknowledge(house.organization_id, [known.asset_id], actor=ACTOR)
    assert await upkeep.forget() == 0
    clock.advance(timedelta(days=31))
    await house.tell(sensor, asset("10.0.0.99", number=9, at=now_ms() - 2_000))
    assert await upkeep.forget() == 1
    assert {each.ips for each in await house.assets()} == {(HMI,), ("10.0.0.99",)}
    (found,) = await house.links()
    assert (found.client_asset_id, found.server_asset_id) == (known.asset_id, "")
    await house.tell(sensor, asset(PLC, at=now_ms() - 2_000))
    assert (await house.only(address=PLC)).serial == ""
    clock.advance(timedelta(days=150))
    clock.jump(timedelta(hours=1))
    assert await upkeep.forget() == 0
    clock.jump(-timedelta(hours=1))
    assert await upkeep.forget() >= 1
    assert await house.links() == []
    assert [each.asset_id for each in await house.assets()] == [known.asset_id]
