from __future__ import annotations

import pytest

from vedette.sensor import CERTAIN, POSSIBLE, PROBABLE, Asset, AssetEvidence, Assets, Attribute, Makers
from vedette.sensor.assets import MAX_FACTS
from vedette.sensor.recognize import Recognizer, recognize, support_of
from vedette.sensor.recognize.known_building import BUILDING
from vedette.sensor.recognize.known_consumer import CONSUMER

Told = tuple[Attribute, str]
MDNS, NAME, SOFTWARE = Attribute.FINGERPRINT, Attribute.NAME, Attribute.SOFTWARE


def device(*told: Told, maker: str = "") -> Asset:
    asset = Asset(1, 0, 0, ips={"10.0.0.9"})
    for attribute, value in told:
        asset.learn(attribute, value, CERTAIN, "test", 1)
    if maker:
        asset.learn(Attribute.VENDOR, maker, POSSIBLE, "MAC address", 1)
    return asset


@pytest.mark.parametrize(
    ("told", "maker", "expected", "vendor"),
    [
        ([(MDNS, "mdns:_hue._tcp"), (NAME, "Philips-hue")], "", "hub", "Signify"),
        ([(MDNS, "mdns:_axis-video._tcp")], "Axis Communications AB", "camera", "Axis"),
        ([(MDNS, "mdns:_hap._tcp"), (NAME, "LIFX Bulb 1")], "", "light", "LIFX"),
        ([(MDNS, "mdns:_ipp._tcp"), (Attribute.MODEL, "HP OfficeJet 3830")], "", "printer", "HP"),
        ([(MDNS, "ssdp:urn:Belkin:device:controllee:1")], "", "smart_plug", "Belkin"),
        ([(MDNS, "ssdp_server:Linux/3.14 UPnP/1.0 IpBridge/1.56.0")], "", "hub", "Signify"),
        ([(MDNS, "dhcp_vendor:Cisco Systems, Inc. IP Phone CP-7942G")], "", "voip_phone", "Cisco"),
        ([(MDNS, "dhcp_vendor:android-dhcp-13"), (NAME, "Galaxy-S22")], "", "phone", "Samsung"),
        ([(Attribute.ROLE, "controller"), (Attribute.MODEL, "1756-L61/B LOGIX5561")], "", "controller",
         "Rockwell Automation"),
        ([(Attribute.SERVICE, "udp/47808 bacnet"), (Attribute.ROLE, "building_controller")], "", "building_controller",
         ""),
        ([(NAME, "nest-thermostat-12")], "Nest Labs Inc.", "thermostat", "Google Nest"),
        ([(SOFTWARE, "Mozilla/5.0 (SMART-TV; Linux; Tizen 5.0)")], "", "television", ""),
    ],
)  # fmt: skip
def test_what_devices_announce_tells_their_type(told: list[Told], maker: str, expected: str, vendor: str) -> None:
    found = recognize(device(*told, maker=maker))
    assert (found.type, found.confidence >= 50) == (expected, True)
    assert found.reasons
    if vendor:
        assert found.vendor == vendor


@pytest.mark.parametrize(
    "told",
    [[], [(NAME, "kitchen")], [(MDNS, "mdns:_raop._tcp")], [(MDNS, "mdns:_axis-video._tcp"), (MDNS, "mdns:_ipp._tcp")]],
    ids=["nothing", "a name", "one weak hint", "a contradiction"],
)
def test_too_little_or_a_contradiction_is_unknown(told: list[Told]) -> None:
    assert recognize(device(*told)).type == "unknown"


def test_what_was_inferred_is_never_evidence() -> None:
    asset = device()
    asset.learn(Attribute.DEVICE_TYPE, "Programmable Logic Controller", CERTAIN, "recognized: itself", 1)
    assert recognize(asset).type == "unknown"


def test_every_hint_is_written_as_it_is_compared() -> None:
    for hint in (*CONSUMER, *BUILDING):
        assert hint.word == hint.word.lower(), hint
        assert 1 <= hint.weight <= 99
        assert hint.word.strip("^")


def test_an_inference_follows_what_is_known_with_its_reasons() -> None:
    assets = Assets(Makers(None))
    recognizer = Recognizer(assets)
    seen = [AssetEvidence(1, "10.0.0.9", Attribute.NAME, "shellyplug-s-12ab34", CERTAIN, "dhcp")]
    assets.evidence(seen)
    recognizer.evidence(seen)
    recognizer.tick(1)
    (asset,) = assets.all()
    assert asset.best(Attribute.TYPE) == "smart_plug"
    (fact,) = asset.facts[Attribute.TYPE]
    assert fact.source.startswith("recognized: name shellyplug")
    asset.learn(Attribute.FINGERPRINT, "mdns:_axis-video._tcp", CERTAIN, "mdns", 2)
    recognizer.conclude()
    assert Attribute.TYPE not in asset.facts


@pytest.mark.parametrize(
    ("attribute", "value", "system", "until"),
    [
        (Attribute.OPERATING_SYSTEM, "Windows XP (5.1.2600)", "Windows XP", "2014-04-08"),
        (Attribute.OPERATING_SYSTEM, "Windows 5.1", "Windows XP", "2014-04-08"),
        (Attribute.OPERATING_SYSTEM, "Windows XP (5.1)", "Windows XP", "2014-04-08"),
        (Attribute.OPERATING_SYSTEM, "Windows NT 4.0 (4.0)", "Windows NT 4.0", "2004-12-31"),
        (Attribute.OPERATING_SYSTEM, "Windows Server 2003 3790 Service Pack 2", "Windows Server 2003", "2015-07-14"),
        (Attribute.OPERATING_SYSTEM, "Windows 7 or Server 2008 R2 (6.1.7601)", "Windows 7 or Server 2008 R2",
         "2020-01-14"),
        (SOFTWARE, "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.0)", "Windows 2000", "2010-07-13"),
        (SOFTWARE, "Microsoft-IIS/6.0", "Windows Server 2003", "2015-07-14"),
        (Attribute.FINGERPRINT, "dhcp_vendor:MSFT 98", "Windows 98 or Me", "2006-07-11"),
        (SOFTWARE, "Mozilla/4.0 (compatible; MSIE 4.01; Windows CE; PPC)", "Windows CE", "2018-04-10"),
        (Attribute.FINGERPRINT, "ssdp_server:Linux/2.6.18 UPnP/1.0 x", "Linux 2.6", "2016-03-12"),
    ],
)  # fmt: skip
def test_old_systems_are_named_with_the_end_of_their_support(
    attribute: Attribute, value: str, system: str, until: str
) -> None:
    (found,) = support_of(device((attribute, value)))
    assert (found.system, found.until) == (system, until)
    assert value[:20] in found.source


@pytest.mark.parametrize("value", ["Windows 10 or Server 2016 (10.0.14393)", "Windows", "Linux", "Samba 4.9.5"])
def test_systems_of_unknown_age_are_not_called_old(value: str) -> None:
    assert support_of(device((Attribute.OPERATING_SYSTEM, value))) == []


def test_fingerprints_of_one_kind_leave_room_for_others() -> None:
    asset = device()
    asset.learn(Attribute.FINGERPRINT, "dhcp:1,3,6", PROBABLE, "dhcp", 1)
    for number in range(40):
        asset.learn(Attribute.FINGERPRINT, f"mdns:_service{number}._tcp", CERTAIN, "mdns", 2)
        asset.learn(Attribute.FINGERPRINT, f"ja4:{number}", CERTAIN, "tls", 2)
    values = asset.values(Attribute.FINGERPRINT)
    assert "dhcp:1,3,6" in values
    assert sum(value.startswith("mdns:") for value in values) == 40
    assert sum(value.startswith("ja4:") for value in values) == MAX_FACTS
