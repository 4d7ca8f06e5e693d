from __future__ import annotations

import pytest
from tests.unit.sensor.recognize.test_knowledge import device

from vedette.sensor import Assets, Attribute, Makers
from vedette.sensor.recognize import Recognizer, recognize
from vedette.sensor.recognize.known_clouds import CLOUDS, OF, cloud_of, kind_of
from vedette.sensor.recognize.known_paths import path_of
from vedette.sensor.recognize.words import general

FINGERPRINT = Attribute.FINGERPRINT


@pytest.mark.parametrize(
    ("name", "cloud"),
    [
        ("diagnostics.meethue.com", "diagnostics.meethue.com"),
        ("www.meethue.com", "meethue.com"),
        ("avs-alexa-14-na.amazon.com", "avs-alexa-#-na.amazon.com"),
        ("n-use1-devs.tplinkcloud.com.", "tplinkcloud.com"),
        ("a1b2c3.iot.eu-west-1.amazonaws.com", "iot.eu-west-#.amazonaws.com"),
        ("notmeethue.com", ""),
        ("com", ""),
        ("", ""),
        ("..", ""),
    ],
)
def test_a_name_belongs_to_the_narrowest_cloud_that_is_known(name: str, cloud: str) -> None:
    assert cloud_of(general(name)) == cloud


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/smartplug.cgi", "/smartplug.cgi"),
        ("/axis-cgi/mjpg/video.cgi?fps=5", "/axis-cgi/"),
        ("/ISAPI/System/deviceInfo", "/isapi/"),
        ("/", ""),
        ("/index.html", ""),
    ],
)
def test_pages_of_one_kind_of_device_are_known(path: str, expected: str) -> None:
    assert path_of(general(path)) == expected


def test_a_cloud_tells_type_and_vendor_where_nothing_else_does() -> None:
    found = recognize(device((FINGERPRINT, "cloud:tuyaus.com"), maker="Espressif Inc."))
    assert (found.type, found.vendor) == ("iot_device", "Tuya")
    assert "cloud tuyaus.com" in found.reasons


def test_who_looks_up_the_clouds_of_many_makers_is_none_of_their_devices() -> None:
    clouds = [(FINGERPRINT, f"cloud:{name}") for name in ("wyzecam.com", "ecobee.com", "tuyaus.com", "irobotapi.com")]
    assert recognize(device(*clouds)).type == "unknown"


@pytest.mark.parametrize(
    "told", [(Attribute.ROLE, "router"), (Attribute.SERVICE, "udp/53 dns")], ids=["routes", "names"]
)
def test_who_asks_for_others_is_not_what_they_are(told: tuple[Attribute, str]) -> None:
    found = recognize(device((FINGERPRINT, "cloud:bridge.meethue.com"), told))
    assert found.type != "hub"


def test_every_cloud_is_found_by_its_own_name() -> None:
    for hint in CLOUDS:
        assert OF in hint.word or cloud_of(hint.word[1:]), hint
        assert 1 <= hint.weight <= 99


def test_a_vendor_that_was_inferred_stands_before_the_maker_of_the_chip() -> None:
    assets = Assets(Makers())
    asset = assets._of_mac("5c:cf:7f:07:ae:fb", 1)
    assert asset is not None
    asset.learn(Attribute.VENDOR, "Espressif Inc.", 40, "MAC address", 1)
    asset.learn(FINGERPRINT, "cloud:tuyaus.com", 95, "dns", 1)
    Recognizer(assets).conclude()
    assert asset.best(Attribute.VENDOR) == "Tuya"
    assert "Espressif Inc." in asset.values(Attribute.VENDOR)


@pytest.mark.parametrize(("name", "model"), [("HS110", "HS110"), ("dcs-932l", "DCS-932L"), ("Bobs-iPhone", "")])
def test_devices_that_are_named_by_their_model_tell_it(name: str, model: str) -> None:
    assert recognize(device((Attribute.NAME, name))).model == model


def test_what_was_inferred_goes_when_it_no_longer_follows() -> None:
    assets = Assets(Makers())
    asset = assets._of_ip("10.0.0.9", 1)
    assert asset is not None
    recognizer = Recognizer(assets)
    asset.learn(Attribute.NAME, "HS110", 95, "dhcp", 1)
    recognizer.conclude()
    assert asset.values(Attribute.MODEL) == ["HS110"]
    asset.learn(Attribute.MODEL, "HS110(EU)", 95, "kasa", 2)
    recognizer.conclude()
    assert asset.values(Attribute.MODEL) == ["HS110(EU)"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("VS-cam.u011.immedia-semi.com", "cam"),
        ("camera.io.mi.com.", "camera"),
        ("scam.io.mi.com", ""),
        ("io.mi.com", ""),
    ],
)
def test_a_name_within_a_cloud_may_say_for_what_kind_of_device_it_is(name: str, kind: str) -> None:
    asked = general(name)
    assert kind_of(asked, cloud_of(asked)) == kind
