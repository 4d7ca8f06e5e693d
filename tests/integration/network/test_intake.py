"""Batches of sensors on real databases: what becomes of them, and what never does."""

from __future__ import annotations

import pytest
from identity_house import ACTOR
from network_house import HMI, HMI_MAC, PLC, PLC_MAC, NetworkHouse, alert, asset, fact, link, operation

from vedette.network import AssetState, IntakeLimits, LinkSearch, Outcome, SensorState, find_by_addresses
from vedette.protocols.sensor import Batch, StatusRecord, write_batch

pytestmark = pytest.mark.anyio


async def test_a_batch_becomes_assets_links_and_operations(house: NetworkHouse) -> None:
    sensor = await house.sensor()
    told = asset(PLC, PLC_MAC, vendor="Siemens", model="S7-1200", serial="SC-1234", role="controller", name="plc")
    status = StatusRecord(at=5_000, interface="eth1", packets=77, alerts_held_back=3, held_back_by={"exc_1": 3})
    records = (link(), operation(), told, asset(HMI, HMI_MAC), alert(), status)
    assert await house.tell(sensor, *records) is Outcome.TAKEN
    plc = await house.only(address=PLC)
    assert (plc.name, plc.vendor, plc.model, plc.serial, plc.site) == ("plc", "Siemens", "S7-1200", "SC-1234", "north")
    assert (plc.ips, plc.macs, plc.state) == ((PLC,), (PLC_MAC,), AssetState.NEW)
    assert (plc.role, plc.level) == ("controller", "1")
    assert plc.level_because
    assert plc.management is None
    (found,) = await house.links()
    hmi = await house.only(address=HMI_MAC)
    assert (found.client_asset_id, found.server_asset_id) == (hmi.asset_id, plc.asset_id)
    assert (found.flows, found.packets, found.bytes) == (1, 10, 1_000)
    (done,) = (await house.reader.operations(house.organization_id, LinkSearch(kind="read"))).items
    assert (done.server_asset_id, done.times, done.service) == (plc.asset_id, 5, "read_holding_registers")
    assert [each.id for each in house.alerts] == ["a-1"]
    heard = await house.sensors.get(house.organization_id, "probe-1")
    assert heard.report is not None
    assert (heard.report.packets, heard.report.interface, heard.batches) == (77, "eth1", 1)
    assert await house.sensors.held_back(house.organization_id) == {"exc_1": 3}


async def test_only_registered_sensors_are_heard(house: NetworkHouse) -> None:
    sensor = await house.sensor()
    stranger = await house.device("pump-7", tags={"vedette": {"sensor": True}})
    body = write_batch(Batch(boot="boot-1", sequence=1, records=(asset(PLC),)))
    assert await house.intake.take(house.organization_id, stranger.generation_id, body) is Outcome.IGNORED
    await house.sensors.retire(house.organization_id, "probe-1", reason="sold", actor=ACTOR)
    assert await house.tell(sensor, asset(PLC)) is Outcome.IGNORED
    assert await house.assets() == []
    await house.sensors.register(house.organization_id, "probe-1", site="north", note="", actor=ACTOR)
    assert await house.tell(sensor, asset(PLC)) is Outcome.TAKEN


async def test_a_batch_that_comes_twice_changes_nothing(house: NetworkHouse) -> None:
    sensor = await house.sensor()
    records = (asset(PLC, PLC_MAC), link(), operation(), alert())
    assert await house.tell(sensor, *records, sequence=1) is Outcome.TAKEN
    before = (await house.assets(), await house.links())
    assert await house.tell(sensor, *records, sequence=1) is Outcome.REPEATED
    assert (await house.assets(), await house.links()) == before
    assert len(house.alerts) == 1
    assert (await house.sensors.get(house.organization_id, "probe-1")).repeated == 1


async def test_totals_of_boots_add_up_and_those_of_sensors_do_not(house: NetworkHouse) -> None:
    one, other = await house.sensor(), await house.sensor("probe-2")
    await house.tell(one, link(flows=3, packets=30, bytes=300))
    await house.tell(one, link(flows=5, packets=50, bytes=500))
    await house.tell(one, link(flows=4, packets=40, bytes=400))  # came late
    await house.tell(one, link(flows=2, packets=20, bytes=200), boot="boot-2")
    await house.tell(other, link(flows=6, packets=60, bytes=600))
    (found,) = await house.links()
    assert (found.flows, found.packets, found.bytes) == (7, 70, 700)


async def test_batches_out_of_order_are_all_taken(house: NetworkHouse) -> None:
    sensor = await house.sensor()
    for sequence in (3, 1, 2, 900):
        assert await house.tell(sensor, link(port=sequence), sequence=sequence) is Outcome.TAKEN
    assert await house.tell(sensor, link(port=9), sequence=2) is Outcome.REPEATED
    assert {each.port for each in await house.links()} == {1, 2, 3, 900}


async def test_a_hostile_batch_is_counted_and_the_next_is_taken(house: NetworkHouse) -> None:
    sensor = await house.sensor()
    for body in (b"", b"\xff" * 100, b"\x85", b"x" * 200_000):
        told = await house.intake.take(house.organization_id, sensor.generation_id, body)
        assert told is Outcome.REFUSED
    odd = asset(PLC, name="a\0b\u202e' OR 1=1 --", vendor="\0")
    far = link(first_at=2**48, last_at=2**48, flows=2**62, packets=2**62, bytes=2**62, name="\0")
    assert await house.tell(sensor, odd, asset("not an address"), far, link(client="…")) is Outcome.TAKEN
    assert await house.tell(sensor, far, boot="b\0") is Outcome.TAKEN
    heard = await house.sensors.get(house.organization_id, "probe-1")
    assert heard.refused == 4 + 2
    assert heard.refused_because
    (only,) = await house.assets()
    assert (only.name, only.vendor) == ("ab\u202e' OR 1=1 --", "")
    (found,) = await house.links()
    assert found.last_at <= house.clock.now()
    assert found.flows == 2**62


async def test_a_listener_that_fails_refuses_its_batch_and_no_other(house: NetworkHouse) -> None:
    sensor = await house.sensor()

    def fail(*_: object) -> None:
        raise ValueError("not this one")

    house.intake.on_alerts(fail)
    assert await house.tell(sensor, asset(PLC), alert()) is Outcome.REFUSED
    assert await house.tell(sensor, asset(HMI)) is Outcome.TAKEN
    assert [each.ips for each in await house.assets()] == [(HMI,)]


async def test_an_address_becomes_the_device_whose_mac_address_proves_it(house: NetworkHouse) -> None:
    sensor = await house.sensor()
    await house.tell(sensor, asset(PLC, model="S7"), link())
    by_address = await house.only(address=PLC)
    await house.tell(sensor, asset(PLC, PLC_MAC))
    assert (await house.only()).asset_id == by_address.asset_id
    # Two that were told apart before one turned out to be the other.
    await house.tell(sensor, asset(HMI, name="hmi"), asset(HMI_MAC, vendor="Dell"))
    assert len(await house.assets()) == 3
    await house.tell(sensor, asset(HMI, HMI_MAC))
    joined = await house.only(address=HMI)
    assert (joined.name, joined.vendor) == ("hmi", "Dell")
    assert len(joined.merged) == 1
    assert joined == await house.only(address=HMI_MAC)


async def test_an_address_that_moves_takes_no_history_along(house: NetworkHouse) -> None:
    sensor = await house.sensor()
    await house.tell(sensor, asset(PLC, PLC_MAC, serial="AB12CD"), link(), operation())
    await house.tell(sensor, asset(PLC, HMI_MAC), link(), operation())
    first, second = await house.only(address=PLC_MAC), await house.only(address=HMI_MAC)
    assert (first.ips, second.ips) == ((), (PLC,))
    assert (first.serial, second.serial) == ("AB12CD", "")
    assert {each.server_asset_id for each in await house.links()} == {first.asset_id, second.asset_id}


async def test_the_same_address_at_another_site_is_somebody_else(house: NetworkHouse) -> None:
    north, south = await house.sensor(), await house.sensor("probe-2", "south")
    await house.tell(north, asset(PLC, PLC_MAC, name="north"))
    await house.tell(south, asset(PLC, PLC_MAC, name="south"))
    assert {each.site: each.name for each in await house.assets()} == {"north": "north", "south": "south"}

    found = await house.store.read(
        lambda connection: find_by_addresses(connection, house.organization_id, "south", [PLC, HMI])
    )
    assert {address: each.name for address, each in found.items()} == {PLC: "south"}


async def test_two_sensors_of_a_site_see_one_asset(house: NetworkHouse) -> None:
    one, other = await house.sensor(), await house.sensor("probe-2")
    await house.tell(one, asset(PLC, PLC_MAC, name="plc"))
    await house.tell(other, asset(PLC, model="S7"))  # behind a router: no MAC address
    found = await house.only()
    assert (found.name, found.model) == ("plc", "S7")
    assert set(found.sensors) == {one.generation_id, other.generation_id}


async def test_a_link_finds_its_asset_later(house: NetworkHouse) -> None:
    sensor = await house.sensor()
    await house.tell(sensor, link())
    (before,) = await house.links()
    assert (before.client_asset_id, before.server_asset_id) == ("", "")
    await house.tell(sensor, asset(PLC, PLC_MAC), link(flows=2))
    (after,) = await house.links()
    assert after.link_id == before.link_id
    assert (after.server_asset_id, after.flows) == ((await house.only()).asset_id, 2)


async def test_of_contradicting_facts_the_surest_and_latest_counts(house: NetworkHouse) -> None:
    sensor = await house.sensor()
    await house.tell(sensor, asset(PLC, firmware="V1.0"))
    await house.tell(sensor, asset(PLC, at=9_000, firmware="V2.0"))
    guess = asset(PLC)
    guess = type(guess)(
        number=1, ips=guess.ips, first_at=1, last_at=2, facts=(fact("firmware", "V9", confidence=40, at=99_000),)
    )
    await house.tell(sensor, guess)
    found = await house.only()
    assert found.firmware == "V2.0"
    facts = (await house.reader.facts(house.organization_id, [found.asset_id]))[found.asset_id]
    assert [(each.value, each.confidence) for each in facts] == [("V2.0", 95), ("V1.0", 95), ("V9", 40)]


async def test_assets_that_nobody_knows_are_told(house: NetworkHouse) -> None:
    sensor = await house.sensor()
    appeared: list[str] = []
    house.intake.on_appeared(lambda tx, who, assets: appeared.extend(each.asset_id for each in assets))
    await house.tell(sensor, asset(PLC, PLC_MAC, name="plc"), asset(HMI, number=2))
    await house.tell(sensor, asset(PLC, PLC_MAC, firmware="V2"))
    assert set(appeared) == {each.asset_id for each in await house.assets()}
    events = await house.ledger.events(house.organization_id, limit=1000)
    (event,) = [each for each in events if each.name == "network.assets_appeared"]
    assert (event.data["count"], set(event.data["labels"])) == (2, {"plc", HMI})


async def test_a_deleted_device_is_no_sensor_any_more(house: NetworkHouse) -> None:
    sensor = await house.sensor()
    await house.devices.delete(house.organization_id, "probe-1", actor=ACTOR, reason="sold")
    assert await house.tell(sensor, asset(PLC)) is Outcome.IGNORED
    found = await house.sensors.get(house.organization_id, "probe-1")
    assert found.state is SensorState.RETIRED


async def test_a_full_inventory_refuses_and_says_so(house: NetworkHouse) -> None:
    house.intake._limits = IntakeLimits(assets=3, links=2, operations=1, externals=1)
    sensor = await house.sensor()
    many = [asset(f"10.0.0.{index}", number=index) for index in range(1, 9)]
    away = [link(HMI, f"8.8.8.{index}", port=443, is_external=True) for index in range(1, 5)]
    assert await house.tell(sensor, *many, *away, operation(), operation(kind="write")) is Outcome.TAKEN
    assert await house.tell(sensor, *many) is Outcome.TAKEN
    assert len(await house.assets()) == 3
    assert len(await house.links()) == 2
    heard = await house.sensors.get(house.organization_id, "probe-1")
    assert heard.refused == 5 + 2 + 3 + 1 + 5
