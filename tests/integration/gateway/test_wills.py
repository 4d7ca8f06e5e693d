"""Wills that their clients ask to hold back, in case they return (MQTT 5)."""

from __future__ import annotations

import asyncio
import time

import msgspec
import pytest
from gateway_site import Site
from mqtt_device import MqttDevice
from waiting import until

from vedette.protocols import mqtt

pytestmark = pytest.mark.anyio

DELAY_S = 2
# Longer than a device needs to come back, on a machine that does much else.
PATIENT_S = 6
SOON = mqtt.Will(
    "devices/pump-7/messages/events/a=1",
    b"gone",
    qos=1,
    retain=False,
    properties=mqtt.PublishProperties(content_type="text/plain", user=(("b", "2"),)),
    delay_s=DELAY_S,
)


async def vanished(site: Site, *, will: mqtt.Will = SOON, is_clean: bool = False) -> MqttDevice:
    """Connect a device with a will, and let it vanish."""
    if "pump-7" not in site.credentials:
        site.new_device("pump-7")
    device = await site.open(site.credentials["pump-7"])
    assert await device.connect("pump-7", will=will, level=mqtt.MQTT_5, is_clean=is_clean) == 0
    closed = len(site.control.hub.closed)
    device.vanish()
    await until(lambda: len(site.control.hub.closed) > closed)
    return device


async def test_a_will_is_held_back_for_its_delay_and_keeps_its_properties(site: Site) -> None:
    await site.start_gateway()
    began_s = time.monotonic()
    await vanished(site)
    async with asyncio.timeout(30):
        while not (found := await site.stored()):  # noqa: ASYNC110 - another program's state
            await asyncio.sleep(0.05)
    assert time.monotonic() - began_s >= DELAY_S
    (message,) = found
    assert message.body == b"gone"
    assert message.system == {"ct": "text/plain"}
    assert message.properties == {"a": "1", "b": "2", "iothub-MessageType": "Will"}


@pytest.mark.parametrize("gateway", ["gateway-1", "gateway-2"])
async def test_a_client_that_returns_in_time_has_no_will(site: Site, gateway: str) -> None:
    await site.start_gateway()
    await site.start_gateway("gateway-2")
    await vanished(site, will=msgspec.structs.replace(SOON, delay_s=PATIENT_S))
    device = await site.open(site.credentials["pump-7"], gateway)
    assert await device.connect("pump-7", level=mqtt.MQTT_5) == 0
    await asyncio.sleep(PATIENT_S + 0.2)
    assert await site.stored() == []


async def test_a_will_is_not_held_back_beyond_its_session(site: Site) -> None:
    await site.start_gateway()
    await vanished(site, is_clean=True)
    assert [message.body for message in await site.wait_stored()] == [b"gone"]


async def test_a_will_that_is_held_back_is_published_when_the_gateway_stops(site: Site) -> None:
    await site.start_gateway()
    await vanished(site)
    await site.stop_gateway()
    assert [message.body for message in await site.stored()] == [b"gone"]


async def test_a_client_may_leave_and_ask_for_its_will(site: Site) -> None:
    await site.start_gateway()
    site.new_device("pump-7")
    device = await site.open(site.credentials["pump-7"])
    will = mqtt.Will("devices/pump-7/messages/events/", b"asked for", qos=0, retain=False)
    assert await device.connect("pump-7", will=will, level=mqtt.MQTT_5, is_clean=True) == 0
    await device.send(b"\xe0\x01\x04")
    await device.wait_closed()
    await until(lambda: bool(site.control.hub.closed))
    assert [message.body for message in await site.wait_stored()] == [b"asked for"]


async def test_what_mqtt_5_says_beside_the_topic_is_stored_as_properties(site: Site) -> None:
    await site.start_gateway()
    site.new_device("pump-7")
    device = await site.open(site.credentials["pump-7"])
    assert await device.connect("pump-7", level=mqtt.MQTT_5) == 0
    topic = "devices/pump-7/messages/events/%24.mid=1&a=1"
    said = mqtt.PublishProperties(
        content_type="application/json",
        payload_format=1,
        correlation_data=b"c-1",
        user=(("b", "2"), ("iothub-connection-device-id", "boss"), ("a", "3")),
    )
    for properties in (None, said, None):
        device.mqtt.publish(topic, b"x", qos=1, properties=properties)
    await device.flush()
    for _ in range(3):
        assert isinstance(await device.next_event(), mqtt.Puback)
    plain, rich, again = await site.stored()
    assert (plain.system, plain.properties) == (again.system, again.properties) == ({"mid": "1"}, {"a": "1"})
    assert rich.system == {"mid": "1", "ct": "application/json", "ce": "utf-8", "cid": "c-1"}
    assert rich.properties == {"a": "3", "b": "2"}
    assert rich.stamps["iothub-connection-device-id"] == "pump-7"
