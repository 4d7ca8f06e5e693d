"""PUBACKs of one connection go out in the order of its PUBLISHes, whatever they were about."""

from __future__ import annotations

import asyncio

import pytest
from gateway_site import Site
from mqtt_device import MqttDevice

from vedette.protocols import mqtt
from vedette.trust import FailureMode

pytestmark = pytest.mark.anyio

TELEMETRY = "devices/pump-7/messages/events/"
REQUESTS = (
    "$iothub/twin/GET/?$rid=1",
    "$iothub/methods/res/200/?$rid=nobody",
    "$iothub/twin/PATCH/properties/reported/?$rid=2",
    "$iothub/credentials/POST/issueCertificate/?$rid=a1b2c3d4",
)


async def test_requests_do_not_overtake_telemetry_that_is_still_being_stored(site: Site) -> None:
    await site.start_gateway()
    device, _ = await site.connected("pump-7")
    expected = []
    for request in REQUESTS:
        expected.append(device.mqtt.publish(TELEMETRY, b"measured", qos=1))
        expected.append(device.mqtt.publish(request, b"{}", qos=1))
    expected.append(device.mqtt.publish(TELEMETRY, b"measured", qos=1))
    await device.flush()
    assert [await next_puback(device) for _ in expected] == expected
    assert len(await site.stored()) == len(REQUESTS) + 1


async def test_only_a_request_behind_telemetry_waits_for_the_bus(site: Site) -> None:
    await site.start_gateway()
    device, _ = await site.connected("pump-7", failure_mode=FailureMode.ESSENTIAL)
    await site.bus.kill()
    alone = device.mqtt.publish(REQUESTS[1], b"", qos=1)
    await device.flush()
    assert await next_puback(device) == alone
    behind = [device.mqtt.publish(topic, b"", qos=1) for topic in (TELEMETRY, REQUESTS[1])]
    await device.flush()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await next_puback(device)
    await site.bus.start()
    assert [await next_puback(device) for _ in behind] == behind


async def next_puback(device: MqttDevice) -> int:
    while True:
        event = await device.next_event()
        if isinstance(event, mqtt.Puback):
            return event.packet_id
