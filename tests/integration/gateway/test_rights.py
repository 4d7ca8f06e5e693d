"""Each kind of operation is decided by policy; a device goes on with what it may."""

from __future__ import annotations

import json

import msgspec
import pytest
import stand_in_control
from gateway_site import Site
from waiting import until

from vedette.bus.contract import MethodFailed
from vedette.gateway import policies
from vedette.trust import PolicyBundle, PolicyManifest, PostureRecord, default_bundle

pytestmark = pytest.mark.anyio

FORBIDDEN = """
@id("north-is-read-only")
@owner("test")
@why("a test")
@guidance("SI-14")
forbid (
  principal,
  action in [
    Action::"readTwin", Action::"reportProperties", Action::"receiveCommand", Action::"receiveMethod"
  ],
  resource
) when { principal has site && principal.site == "north" };
"""


SHIPPED = default_bundle()


def restrict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the policy above into force."""
    bundle = PolicyBundle(SHIPPED.schema_text, SHIPPED.policies_text + FORBIDDEN)
    monkeypatch.setattr(policies, "default_bundle", lambda: bundle)
    monkeypatch.setattr(stand_in_control, "POLICY_HASH", PolicyManifest(bundle.sha256).sha256)


def move(site: Site, record: PostureRecord, where: str) -> PostureRecord:
    """Move a device to another site."""
    value = record.placement.value
    assert value is not None
    section = msgspec.structs.replace(record.placement, value=msgspec.structs.replace(value, site=where))
    return site.control.change(msgspec.structs.replace(record, placement=section))


async def test_what_policy_denies_is_refused_one_by_one_and_telemetry_goes_on(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    restrict(monkeypatch)
    await site.start_gateway()
    credential, record = site.new_device("pump-7")
    record = move(site, record, "north")
    device = await site.open(credential)
    assert await device.connect("pump-7") == 0
    await device.subscribe(
        ("devices/pump-7/messages/devicebound/#", 1),
        ("$iothub/methods/POST/#", 0),
        ("$iothub/twin/PATCH/properties/desired/#", 0),
    )
    hub = site.control.hub
    for topic in ("$iothub/twin/GET/?$rid=1", "$iothub/twin/PATCH/properties/reported/?$rid=1"):
        answer = await device.ask(topic, b"{}", qos=1)
        assert answer.topic == "$iothub/twin/res/401/?$rid=1"
        assert json.loads(answer.payload)["errorCode"] == 401002
    hub.send(record.generation_id, b"x")
    hub.change_desired(record.generation_id, {"a": 1})
    call_id = hub.invoke(record.generation_id, "ping")
    await until(lambda: call_id in hub.outcomes)
    assert hub.outcomes[call_id] == MethodFailed(call_id=call_id, reason="not_permitted")
    assert await device.has_nothing()
    assert hub.takes == []
    await device.telemetry("pump-7", b"x")
    actions = {"readTwin", "reportProperties", "receiveCommand", "receiveMethod"}
    assert (await site.wait_denials(*actions)).keys() == actions


async def test_what_was_denied_is_taken_up_once_it_is_permitted(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    restrict(monkeypatch)
    await site.start_gateway()
    credential, record = site.new_device("pump-7")
    record = move(site, record, "north")
    device = await site.open(credential)
    assert await device.connect("pump-7") == 0
    await device.subscribe(("devices/pump-7/messages/devicebound/#", 1))
    site.control.hub.send(record.generation_id, b"x")
    assert await device.has_nothing()
    record = move(site, record, "south")
    assert (await device.next_command()).payload == b"x"
    assert (await device.ask("$iothub/twin/GET/?$rid=1")).topic == "$iothub/twin/res/200/?$rid=1"
    move(site, record, "north")
    await until(lambda: bool(site.control.statuses) and site.control.statuses[-1].sequence == site.control.sequence)
    assert (await device.ask("$iothub/twin/GET/?$rid=2")).topic == "$iothub/twin/res/401/?$rid=2"
