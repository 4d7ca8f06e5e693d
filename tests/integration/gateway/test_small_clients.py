"""Clients of MQTT 5 that take small packets only: nobody waits for what they cannot be sent."""

from __future__ import annotations

import json

import pytest
from gateway_site import Site
from mqtt_device import MqttDevice
from waiting import until

from vedette.bus.contract import MethodFailed
from vedette.protocols import mqtt
from vedette.trust import PostureRecord

pytestmark = pytest.mark.anyio


async def small_client(site: Site) -> tuple[MqttDevice, PostureRecord]:
    """Connect a device that takes packets of 300 bytes."""
    credential, record = site.new_device("pump-7")
    device = await site.open(credential)
    connect = mqtt.Connect(
        client_id="pump-7",
        clean_session=True,
        keep_alive_s=60,
        user_name="localhost/pump-7/?api-version=2021-04-12",
        protocol_level=mqtt.MQTT_5,
        maximum_packet_bytes=300,
    )
    device.mqtt.connect(connect)
    await device.flush()
    assert isinstance(await device.next_event(), mqtt.Connack)
    return device, record


async def test_a_method_that_is_too_large_fails_at_once(site: Site) -> None:
    await site.start_gateway()
    device, record = await small_client(site)
    await device.subscribe(("$iothub/methods/POST/#", 0))
    call_id = site.control.hub.invoke(record.generation_id, "ping", b'"%s"' % (b"x" * 300))
    await until(lambda: call_id in site.control.hub.outcomes)
    assert site.control.hub.outcomes[call_id] == MethodFailed(call_id=call_id, reason="not_sent")
    site.control.hub.invoke(record.generation_id, "ping", b'"x"')
    assert (await device.next_message()).payload == b'"x"'


async def test_a_twin_that_is_too_large_is_refused_in_few_words(site: Site) -> None:
    await site.start_gateway()
    device, record = await small_client(site)
    site.control.hub.twins[record.generation_id].desired["text"] = "x" * 300
    answer = await device.ask("$iothub/twin/GET/?$rid=1", qos=1)
    assert answer.topic == "$iothub/twin/res/413/?$rid=1"
    assert json.loads(answer.payload)["errorCode"] == 413001
