"""Whatever a device with a good certificate sends on the hub's topics: an answer or an end, never a failure of ours."""

from __future__ import annotations

import asyncio
import logging
import random

import pytest
from gateway_site import Site
from mqtt_device import MqttDevice
from waiting import until

from vedette.protocols import LocalProtocolError, mqtt

pytestmark = pytest.mark.anyio

PIECES = (
    *("$iothub/", "twin/", "GET/", "PATCH/", "properties/", "reported/", "desired/", "res/", "methods/", "POST/"),
    *("credentials/", "issueCertificate/", "devices/pump-7/", "messages/", "events/", "devicebound/", "modules/"),
    *(
        "?$rid=",
        "?$rid=1",
        "&$version=",
        "200/",
        "-1/",
        "99999999999/",
        "?",
        "&",
        "=",
        "%24.mid=",
        "%ff",
        "\u00e4",
        "//",
    ),
)
TOPICS = (
    "$iothub/twin/GET/?$rid={}",
    "$iothub/twin/PATCH/properties/reported/?$rid={}",
    "$iothub/methods/res/200/?$rid={}",
    "$iothub/credentials/POST/issueCertificate/?$rid={}",
    "devices/pump-7/messages/events/{}",
)
PAYLOADS = (
    b"",
    b" ",
    b"{}",
    b"null",
    b"[[[[",
    b'{"a":',
    b"\xff\xfe",
    b'{"$version":1}',
    b"x" * 70_000,
    b"1e999",
    b'"\\ud800"',
)


async def test_nonsense_on_every_topic_makes_nothing_fail(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    await site.start_gateway()
    device, record = await site.connected("pump-7")
    chance = random.Random(7)
    for number in range(150):
        if chance.random() < 0.6:
            rid = "".join(chance.choices("abc01-_.$%=?/ \u00e4", k=chance.choice([0, 1, 8, 256, 257])))
            topic = chance.choice(TOPICS).format(rid)
        else:
            topic = "".join(chance.choices(PIECES, k=chance.randint(1, 8)))
        try:
            device.mqtt.publish(topic, chance.choice(PAYLOADS), qos=chance.randint(0, 1))
        except LocalProtocolError:
            continue
        if number % 10 == 0:
            device.mqtt.subscribe([("$iothub/methods/POST/#", 2), ("$iothub/twin/res/#", 0)])
            site.control.hub.invoke(record.generation_id, "ping", timeout_s=1)
        device = await exchange(site, device)
    device.vanish()
    await until(lambda: len(site.control.hub.closed) == len(site.control.hub.opened))
    assert [each.message for each in caplog.records if each.levelno >= logging.ERROR] == []


async def exchange(site: Site, device: MqttDevice) -> MqttDevice:
    """Send what waits and read a little; a device that was turned away comes back."""
    try:
        await device.flush()
        device.mqtt.pingreq()
        await device.flush()
        while not isinstance(await device.next_event(), mqtt.Pingresp):
            pass
    except Exception:  # noqa: BLE001 - however it ended
        device = await site.open(site.credentials["pump-7"])
        assert await device.connect("pump-7") == 0
    await asyncio.sleep(0)
    return device
