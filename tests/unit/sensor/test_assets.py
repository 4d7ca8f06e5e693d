from __future__ import annotations

import struct
from pathlib import Path

import packets as build

from vedette.sensor import Attribute, Limits, Makers, Role, Sensor

READ = bytes.fromhex("0001 0000 0006 01 03 0001 0002")
ANSWER = bytes.fromhex("0001 0000 0007 01 03 04 0005 0006")


def arp(mac: str, ip: str, target: str = "10.0.0.99", *, code: int = 1) -> bytes:
    ends = build.mac(mac) + bytes(map(int, ip.split("."))) + bytes(6) + bytes(map(int, target.split(".")))
    return build.ethernet(
        struct.pack(">HHBBH", 1, 0x0800, 6, 4, code) + ends, 0x0806, source=mac, target=build.BROADCAST
    )


def look(*frames: bytes, makers: Makers | None = None) -> Sensor:
    sensor = Sensor(makers=makers or Makers(Path("/dev/null")))
    sensor.read(build.packets(frames))
    sensor.finish()
    return sensor


def test_both_ends_of_a_poll_are_assets_with_roles_and_services() -> None:
    sensor = look(*build.Talk(502).open().say(READ).answer(ANSWER).close().frames)
    master, controller = sensor.assets.find("10.0.0.1"), sensor.assets.find("10.0.0.2")
    assert master is not None
    assert controller is not None
    assert master.macs == {build.CLIENT_MAC}
    assert master.best(Attribute.ROLE) == Role.MASTER
    assert controller.best(Attribute.ROLE) == Role.CONTROLLER
    assert controller.best(Attribute.SERVICE) == "tcp/502 modbus"
    assert sensor.assets.find(build.SERVER_MAC) is controller


def test_a_router_swallows_nobody() -> None:
    frames = []
    for number in range(1, 6):
        talk = build.Talk(502, client=f"10.1.0.{number}", client_port=41_000 + number).open()
        frames += talk.say(READ).answer(ANSWER).frames
    sensor = look(*frames)
    behind = [sensor.assets.find(f"10.1.0.{number}") for number in range(1, 6)]
    assert len({asset.number for asset in behind if asset}) == 5
    assert all(asset is not None and not asset.macs for asset in behind)
    router = sensor.assets.find(build.CLIENT_MAC)
    assert router is not None
    assert router.best(Attribute.ROLE) == Role.ROUTER
    assert not router.ips
    controller = sensor.assets.find("10.0.0.2")
    assert controller is not None
    assert controller.macs == {build.SERVER_MAC}


def test_an_address_that_arp_binds_stays_with_a_router() -> None:
    frames = [arp(build.CLIENT_MAC, "10.0.0.254")]
    frames += [build.datagram(b"x", 9_999, source=f"10.1.0.{number}") for number in range(1, 6)]
    sensor = look(*frames)
    router = sensor.assets.find(build.CLIENT_MAC)
    assert router is not None
    assert router.ips == {"10.0.0.254"}
    assert sensor.assets.is_router(build.CLIENT_MAC)


def test_a_public_address_is_outside_and_no_asset() -> None:
    sensor = look(*build.Talk(443, server="93.184.216.34").open().say(b"x").answer(b"y").frames)
    assert sensor.assets.find("93.184.216.34") is None
    ((key, traffic),) = sensor.report.external()
    assert key[:2] == ("10.0.0.1", "93.184.216.34")
    assert traffic.flows == 1
    assert sensor.assets.is_router(build.SERVER_MAC)


def test_public_addresses_that_arp_binds_are_inside() -> None:
    frames = [arp(build.CLIENT_MAC, "141.0.0.1"), arp(build.SERVER_MAC, "141.0.0.2")]
    frames += build.Talk(502, client="141.0.0.1", server="141.0.0.2").open().say(READ).answer(ANSWER).frames
    sensor = look(*frames)
    assert not sensor.report.external()
    controller = sensor.assets.find("141.0.0.2")
    assert controller is not None
    assert controller.macs == {build.SERVER_MAC}


def test_who_never_answers_is_no_asset() -> None:
    frames = [build.datagram(b"probe", 9_999, target=f"10.0.0.{number}") for number in range(10, 60)]
    assert len(look(*frames).assets) == 1


def test_inventory_is_bounded() -> None:
    sensor = Sensor(makers=Makers(Path("/dev/null")), limits=Limits(max_assets=10))
    sensor.read(build.packets([arp(f"02:00:00:00:01:{n:02x}", f"10.0.1.{n}") for n in range(100)]))
    sensor.finish()
    assert len(sensor.assets) == 10
    assert sensor.assets.refused


def test_makers_are_told_by_the_longest_prefix(tmp_path: Path) -> None:
    path = tmp_path / "manuf"
    path.write_text(
        "# comment\n00:1B:1B         \tSiemens\tSiemens AG\n00:1B:C5:00:10/36\tOpenRB\tOpenRB.com\n"
        "00:55:DA:10/28   \tKoolPOS\tKoolPOS Inc.\nnonsense\n00:00\tShort\tShort\n"
    )
    makers = Makers(path)
    assert makers.maker_of("00:1b:1b:12:34:56") == "Siemens AG"
    assert makers.maker_of("00:1b:c5:00:1a:bc") == "OpenRB.com"
    assert makers.maker_of("00:55:da:1f:00:00") == "KoolPOS Inc."
    assert makers.maker_of("02:1b:1b:12:34:56") == ""
    assert makers.maker_of("00:ff:ff:12:34:56") == ""
    sensor = look(arp("00:1b:1b:00:00:01", "10.0.0.1"), makers=makers)
    asset = sensor.assets.find("10.0.0.1")
    assert asset is not None
    assert asset.best(Attribute.VENDOR) == "Siemens AG"


def test_facts_keep_what_contradicts_and_the_surest_is_shown() -> None:
    sensor = look(arp(build.CLIENT_MAC, "10.0.0.1"))
    asset = sensor.assets.find("10.0.0.1")
    assert asset is not None
    for number in range(20):
        asset.learn(Attribute.MODEL, f"model {number}", 40, "hint", number)
    asset.learn(Attribute.MODEL, "S7-1500", 95, "itself", 1)
    assert asset.best(Attribute.MODEL) == "S7-1500"
    assert len(asset.facts[Attribute.MODEL]) == 8
