from __future__ import annotations

import struct
from pathlib import Path

import packets as build

from vedette.sensor import Attribute, Makers, Sensor

MAC = "00:17:88:01:02:03"
LINK_LOCAL = "fe80::217:88ff:fe01:203"
PRIVATE = "da:a1:19:00:00:01"


def name(text: str) -> bytes:
    return b"".join(bytes((len(label),)) + label.encode() for label in text.split(".")) + b"\0"


def announcement() -> bytes:
    target = name("Kitchen._hue._tcp.local")
    record = name("_hue._tcp.local") + struct.pack(">HHIH", 12, 1, 120, len(target)) + target
    return struct.pack(">HHHHHH", 0, 0x8400, 0, 1, 0, 0) + record


def frame(source_mac: str, source: str, payload: bytes) -> bytes:
    packet = build.ipv6(build.udp(payload, 5353, 5353), 17, source, "ff02::fb")
    return build.ethernet(packet, 0x86DD, source=source_mac, target="33:33:00:00:00:fb")


def test_a_device_that_only_speaks_ipv6_is_known_by_mac_address_and_announcements(tmp_path: Path) -> None:
    makers = tmp_path / "manuf"
    makers.write_text("00:17:88\tPhilipsL\tPhilips Lighting BV\n", encoding="utf-8")
    sensor = Sensor(makers=Makers(makers))
    sensor.read(build.packets([frame(MAC, LINK_LOCAL, announcement())]))
    sensor.finish()
    (asset,) = sensor.assets.all()
    assert (asset.macs, asset.ips) == ({MAC}, {LINK_LOCAL})
    assert (asset.best(Attribute.TYPE), asset.best(Attribute.VENDOR)) == ("hub", "Signify")
    assert "Philips Lighting BV" in asset.values(Attribute.VENDOR)


def test_a_private_address_is_called_so_and_has_no_maker(tmp_path: Path) -> None:
    makers = tmp_path / "manuf"
    makers.write_text("DA:A1:19\tGoogle\tGoogle, Inc.\n", encoding="utf-8")
    sensor = Sensor(makers=Makers(makers))
    sensor.read(build.packets([frame(PRIVATE, "fe80::1", announcement())]))
    sensor.finish()
    (asset,) = sensor.assets.all()
    assert "mac:private address" in asset.values(Attribute.FINGERPRINT)
    assert "Google, Inc." not in asset.values(Attribute.VENDOR)


def test_a_routed_ipv6_address_tells_the_maker_it_was_made_from(tmp_path: Path) -> None:
    makers = tmp_path / "manuf"
    makers.write_text("00:17:88\tPhilipsL\tPhilips Lighting BV\n", encoding="utf-8")
    sensor = Sensor(makers=Makers(makers))
    asset = sensor.assets._of_ip("fd00::217:88ff:fe01:203", 1)
    assert asset is not None
    assert asset.best(Attribute.VENDOR) == "Philips Lighting BV"
