"""Conditions of place, time, key and risk: live sessions are narrowed or cut at once, on record, and told why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from gateway_site import Site
from mqtt_device import MqttDevice
from waiting import until

from vedette.gateway import GatewaySettings, SessionSettings
from vedette.protocols import mqtt
from vedette.protocols.mqtt import ReasonCode
from vedette.trust import (
    Health,
    Location,
    OtherSession,
    PolicyBundle,
    PostureRecord,
    Provenance,
    Quarantine,
    RiskLevel,
    Section,
    default_bundle,
)
from vedette.trust import Site as Place

pytestmark = pytest.mark.anyio

SHIPPED = default_bundle()
NORTH = Place(latitude=48.0, longitude=8.0, radius_m=500.0, networks=("127.0.0.0/8",))
EVENTS = "devices/pump-7/messages/events/"
MOVED_JUST_NOW = """
@id("moved-just-now")
@owner("test")
@why("a test")
@guidance("wait a minute")
forbid (principal, action == Action::"sendTelemetry", resource)
when { context has secondsSinceOtherLocation && context.secondsSinceOtherLocation < 60 };
"""
NO_TWIN = """
@id("no-twin") @owner("test") @why("a test") @guidance("none")
forbid (principal, action == Action::"readTwin", resource);
"""


def with_policies(more: str = "", **sites: Place) -> PolicyBundle:
    return PolicyBundle(SHIPPED.schema_text, SHIPPED.policies_text + more, dict(sites))


def section(owner: str, value: Any) -> Section[Any]:  # Any: each section has a type of its own
    return Section(owner=owner, revision=2, observed_at=datetime.now(UTC), value=value)


def change(site: Site, record: PostureRecord, **sections: Any) -> PostureRecord:
    latest = site.control.records[(record.device_id, record.module_id)]
    owners = {name: section(name, value) for name, value in sections.items()}
    return site.control.change(msgspec.structs.replace(latest, **owners))


def tag(site: Site, record: PostureRecord, **tags: str) -> PostureRecord:
    latest = site.control.records[(record.device_id, record.module_id)].placement.value
    assert latest is not None
    named = {name.replace("_", "."): value for name, value in tags.items()}
    return change(site, record, placement=msgspec.structs.replace(latest, site="north", tags=named))


async def connect_v5(site: Site) -> tuple[MqttDevice, PostureRecord]:
    credential, record = site.new_device("pump-7")
    device = await site.open(credential)
    device.mqtt.connect(
        mqtt.Connect(
            client_id="pump-7",
            clean_session=True,
            keep_alive_s=60,
            user_name="localhost/pump-7/?api-version=2021-04-12",
            protocol_level=mqtt.MQTT_5,
        )
    )
    await device.flush()
    event = await device.next_event()
    assert isinstance(event, mqtt.Connack)
    assert event.return_code == 0
    return device, record


async def enforced(site: Site) -> None:
    """Wait until the gateway has applied every change, by its own word."""
    statuses = site.control.statuses
    await until(lambda: bool(statuses) and statuses[-1].sequence == site.control.sequence)


async def test_raised_risk_narrows_a_live_session_and_the_client_is_told(site: Site) -> None:
    await site.start_gateway()
    device, record = await connect_v5(site)
    await device.subscribe(("devices/pump-7/messages/devicebound/#", 1))
    await device.telemetry("pump-7", b"before")
    change(site, record, health=Health(risk_level=RiskLevel.HIGH))
    await enforced(site)
    site.control.hub.send(record.generation_id, b"open the valve")
    assert await device.has_nothing()
    device.mqtt.publish(EVENTS, b"after", qos=1)
    await device.flush()
    puback = await device.next_event()
    assert isinstance(puback, mqtt.Puback)
    assert (puback.reason_code, puback.reason_string) == (
        ReasonCode.NOT_AUTHORIZED,
        "policy_denied: a policy does not allow it",
    )
    assert (await device.ask("$iothub/twin/GET/?$rid=1")).topic == "$iothub/twin/res/200/?$rid=1"
    assert [each.body for each in await site.stored()] == [b"before"]
    told = await site.wait_denials("sendTelemetry", "receiveCommand")
    assert told["sendTelemetry"].detail == "permitted until now"
    assert all(told[each].policies == ["high-risk-is-a-limited-zone"] for each in ("sendTelemetry", "receiveCommand"))
    change(site, record, health=Health(risk_level=RiskLevel.LOW))
    assert (await device.next_command()).payload == b"open the valve"
    await device.telemetry("pump-7", b"again")
    await device.close()


async def test_decision_carries_what_it_rested_on(site: Site) -> None:
    await site.start_gateway()
    device, record = await site.connected("pump-7")
    decided = await site.wait_decision("connect", "permitted")
    assert decided.facts["keyAlgorithm"] == "EC"
    assert decided.facts["tlsVersion"] == "TLSv1.3"
    assert decided.facts["protocol"] == "mqtt"
    assert decided.facts["credentialAgeHours"] == 1
    assert str(decided.facts["cipher"]).startswith("TLS_")
    assert decided.slice_sha256 is not None
    assert decided.bundle_sha256 == SHIPPED.sha256
    assert decided.sequence == record.sequence
    await device.close()


async def test_311_client_that_sends_what_it_may_not_is_closed_after_a_while(site: Site) -> None:
    site.settings = GatewaySettings(session=SessionSettings(denied_grace_s=6.0))
    await site.start_gateway()
    device, record = await site.connected("pump-7")
    change(site, record, quarantine=Quarantine(is_quarantined=True, reason="odd"))
    await enforced(site)
    device.mqtt.publish(EVENTS, b"x", qos=1)
    device.mqtt.publish(EVENTS, b"y", qos=0)
    await device.flush()
    answer = await device.ask("$iothub/twin/GET/?$rid=1")
    assert answer.topic == "$iothub/twin/res/200/?$rid=1"
    await device.wait_closed()
    assert await site.stored() == []
    told = await site.wait_denials("sendTelemetry")
    assert told["sendTelemetry"].policies == ["quarantine-is-a-limited-zone"]
    assert await (await site.open(site.credentials["pump-7"])).connect("pump-7") == 0


async def test_quarantine_that_cuts_ends_the_session(site: Site) -> None:
    await site.start_gateway()
    device, record = await site.connected("pump-7")
    change(site, record, quarantine=Quarantine(is_quarantined=True, reason="stolen", mode="cut"))
    await device.wait_closed()
    assert (await site.wait_decision("cut", "quarantined")).hint
    assert await (await site.open(site.credentials["pump-7"])).connect("pump-7") == 3


async def test_outside_its_geofence_a_device_is_narrowed(site: Site) -> None:
    site.control.enforce(with_policies(north=NORTH))
    await site.start_gateway()
    device, record = await connect_v5(site)
    record = tag(site, record, policy_geofence="true")
    here = Location(latitude=48.001, longitude=8.0, accuracy_m=20, provenance=Provenance.OBSERVED)
    change(site, record, location=here)
    await enforced(site)
    await device.telemetry("pump-7", b"here")
    change(site, record, location=msgspec.structs.replace(here, latitude=49.0))
    await enforced(site)
    device.mqtt.publish(EVENTS, b"there", qos=1)
    await device.flush()
    puback = await device.next_event()
    assert isinstance(puback, mqtt.Puback)
    assert puback.reason_code == ReasonCode.NOT_AUTHORIZED
    refused = await site.wait_decision("refuse", "policy_denied")
    assert refused.policies == ["geofence"]
    assert refused.facts["metresFromSite"] == pytest.approx(110_700, rel=0.01)
    assert refused.facts["isPositionPlausible"] is False
    await device.close()


async def test_outside_its_hours_a_live_session_is_cut_at_the_turn_of_the_minute(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vedette.gateway import process

    monkeypatch.setattr(process, "_MINUTE_MS", 1_000)
    site.control.enforce(with_policies(north=Place(time_zone="Asia/Kolkata")))
    await site.start_gateway()
    device, record = await site.connected("pump-7")
    soon = datetime.now(UTC) + timedelta(minutes=10)
    begin, end = soon - timedelta(hours=1), soon
    offset = timedelta(hours=5, minutes=30)
    tag(site, record, policy_hours=f"{begin + offset:%H:%M}-{end + offset:%H:%M}")
    await enforced(site)
    await device.telemetry("pump-7", b"within")
    tag(site, record, policy_hours=f"{soon + offset:%H:%M}-{soon + 2 * offset:%H:%M}")
    await device.wait_closed()
    cut = await site.wait_decision("cut", "policy_denied")
    assert cut.facts["isWithinHours"] is False
    assert cut.policies == ["working-hours"]


async def test_critical_device_is_not_let_in_at_a_second_place(site: Site) -> None:
    site.control.on_other = lambda _: OtherSession(remote_address="198.51.100.7", is_live=True)
    await site.start_gateway()
    credential, record = site.new_device("pump-7")
    device = await site.open(credential)
    assert await device.connect("pump-7") == 0
    await device.close()
    tag(site, record, policy_unique="true")
    assert await (await site.open(credential)).connect("pump-7") == 3
    refused = await site.wait_decision("refuse", "policy_denied")
    assert refused.policies == ["critical-devices-have-one-place"]
    assert refused.facts["isSecondLocation"] is True
    assert refused.facts["secondsSinceOtherLocation"] == 0


async def test_a_session_that_took_the_place_of_another_is_at_no_second_place(site: Site) -> None:
    site.control.on_other = lambda _: OtherSession(remote_address="198.51.100.7", is_live=True)
    await site.start_gateway()
    credential, record = site.new_device("pump-7")
    device = await site.open(credential)
    assert await device.connect("pump-7") == 0
    tag(site, record, policy_unique="true")
    await enforced(site)
    await device.telemetry("pump-7", b"still here")
    strict = with_policies(MOVED_JUST_NOW)
    site.control.enforce(strict)
    refused = await site.wait_decision("refuse", "policy_denied")
    assert (refused.action, refused.policies) == ("sendTelemetry", ["moved-just-now"])
    assert refused.facts["isSecondLocation"] is False
    assert 0 <= int(refused.facts["secondsSinceOtherLocation"]) < 60


async def test_other_policies_come_into_force_on_live_sessions(site: Site) -> None:
    await site.start_gateway()
    device, _ = await site.connected("pump-7")
    assert (await device.ask("$iothub/twin/GET/?$rid=1")).topic == "$iothub/twin/res/200/?$rid=1"
    strict = with_policies(NO_TWIN)
    site.control.enforce(strict)
    refused = await site.wait_decision("refuse", "policy_denied")
    assert (refused.action, refused.policies, refused.bundle_sha256) == ("readTwin", ["no-twin"], strict.sha256)
    assert (await device.ask("$iothub/twin/GET/?$rid=2")).topic == "$iothub/twin/res/401/?$rid=2"
    await device.close()
    kept = site.folder / "gateway-1" / "policies" / "manifest.json"
    await until(kept.exists)
    await site.stop_gateway()
    site.control.fetches.clear()
    await site.start_gateway()
    again = await site.open(site.credentials["pump-7"])
    assert await again.connect("pump-7") == 0
    assert (await again.ask("$iothub/twin/GET/?$rid=3")).topic == "$iothub/twin/res/401/?$rid=3"
    assert site.control.fetches == []


async def test_policies_that_are_not_those_the_head_names_are_not_enforced(site: Site) -> None:
    await site.start_gateway()
    credential, _ = site.new_device("pump-7")
    strict, lax = with_policies(NO_TWIN), with_policies("// lax")
    site.control.enforce(strict)
    site.control.bundles[strict.sha256] = lax
    await until(lambda: bool(site.control.fetches))
    device = await site.open(credential)
    assert await device.connect("pump-7") == 3
    await site.wait_decision("refuse", "stale_posture")
    site.control.bundles[strict.sha256] = strict
    await site.wait_fresh()
    assert await (await site.open(credential)).connect("pump-7") == 0


async def test_canary_decides_for_its_group_and_a_shadow_for_nobody(site: Site) -> None:
    await site.start_gateway()
    canary, shadow = with_policies(NO_TWIN), with_policies(NO_TWIN.replace("readTwin", "sendTelemetry"))
    stages = {"canary": canary.sha256, "canary_group": "grp_ring", "shadow": shadow.sha256}
    site.control.enforce(SHIPPED, canary, shadow, **stages)
    await until(lambda: len(site.control.fetches) > 1)
    await site.wait_fresh()
    device, record = await site.connected("pump-7")
    assert (await device.ask("$iothub/twin/GET/?$rid=1")).topic == "$iothub/twin/res/200/?$rid=1"
    await device.telemetry("pump-7", b"x")
    differing = await site.wait_decision("shadow", "permitted")
    assert (differing.action, differing.effect, differing.shadow) == ("sendTelemetry", "allow", "deny")
    placement = record.placement.value
    assert placement is not None
    change(site, record, placement=msgspec.structs.replace(placement, groups=("grp_ring",)))
    await enforced(site)
    assert (await device.ask("$iothub/twin/GET/?$rid=2")).topic == "$iothub/twin/res/401/?$rid=2"
    assert (await site.wait_decision("refuse", "policy_denied")).bundle_sha256 == canary.sha256
    await device.close()


async def test_device_bound_to_its_sites_networks_connects_from_nowhere_else(site: Site) -> None:
    away = Place(networks=("198.51.100.0/24",))
    site.control.enforce(with_policies(north=NORTH, south=away))
    await site.start_gateway()
    credential, record = site.new_device("pump-7")
    tag(site, record, policy_network="site")
    device = await site.open(credential)
    assert await device.connect("pump-7") == 0
    placement = site.control.records[("pump-7", None)].placement.value
    assert placement is not None
    change(site, record, placement=msgspec.structs.replace(placement, site="south"))
    await device.wait_closed()
    cut = await site.wait_decision("cut", "policy_denied")
    assert (cut.policies, cut.facts["isSiteNetwork"]) == (["site-networks"], False)
    assert await (await site.open(credential)).connect("pump-7") == 3
