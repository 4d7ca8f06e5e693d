"""Sessions that outlive their connection, and those that do not."""

from __future__ import annotations

import asyncio

import pytest
from gateway_site import Site
from mqtt_device import Closed, MqttDevice
from waiting import until

from vedette.bus.contract import KEEP_SUBSCRIPTIONS
from vedette.gateway import GatewaySettings, SessionSettings
from vedette.protocols import mqtt

pytestmark = pytest.mark.anyio

DEVICEBOUND = "devices/pump-7/messages/devicebound/#"
METHODS = "$iothub/methods/POST/#"
DESIRED = "$iothub/twin/PATCH/properties/desired/#"
TWIN = "$iothub/twin/res/#"


async def come_back(site: Site, **options: object) -> MqttDevice:
    device = await site.open(site.credentials["pump-7"])
    assert await device.connect("pump-7", **options) == 0  # type: ignore[arg-type] # those of connect
    return device


async def test_subscriptions_outlive_connection_gateway_and_control(site: Site) -> None:
    await site.start_gateway()
    device, record = await site.connected("pump-7")
    assert not device.has_kept_session
    await device.subscribe((DEVICEBOUND, 1), (DESIRED, 0), (METHODS, 2))
    await device.unsubscribe(METHODS)
    assert site.control.hub.kept == {record.generation_id: {"devicebound": 1, "desired_properties": 0}}
    device.vanish()
    await site.stop_gateway()
    await site.stop_control()
    site.start_control()
    await site.start_gateway()
    device = await come_back(site)
    assert device.has_kept_session
    site.control.hub.change_desired(record.generation_id, {"a": 1})
    assert (await device.next_message()).topic.endswith("$version=2")
    site.control.hub.send(record.generation_id, b"x")
    assert (await device.next_command()).payload == b"x"
    assert site.control.hub.keepings == 2


@pytest.mark.parametrize("level", [mqtt.MQTT_3_1_1, mqtt.MQTT_5], ids=["MQTT 3.1.1", "MQTT 5"])
async def test_a_clean_session_discards_what_was_kept_and_keeps_nothing(site: Site, level: int) -> None:
    await site.start_gateway()
    credential, record = site.new_device("pump-7")
    device = await site.open(credential)
    assert await device.connect("pump-7", level=level) == 0
    await device.subscribe((DESIRED, 0))
    await device.close()
    device = await come_back(site, is_clean=True, level=level)
    assert not device.has_kept_session
    assert site.control.hub.kept == {}
    await device.subscribe((DESIRED, 0))
    site.control.hub.change_desired(record.generation_id, {"a": 1})
    await device.next_message()
    await device.close()
    device = await come_back(site, level=level)
    assert not device.has_kept_session
    site.control.hub.change_desired(record.generation_id, {"a": 2})
    assert await device.has_nothing()
    assert site.control.hub.keepings == 1


async def test_a_client_of_mqtt_5_may_forget_its_session_on_leaving(site: Site) -> None:
    await site.start_gateway()
    credential, record = site.new_device("pump-7")
    device = await site.open(credential)
    assert await device.connect("pump-7", level=mqtt.MQTT_5) == 0
    await device.subscribe((DESIRED, 0))
    assert site.control.hub.kept[record.generation_id]
    await device.send(b"\xe0\x07\x00\x05\x11\x00\x00\x00\x00")
    await device.wait_closed()
    await until(lambda: not site.control.hub.kept[record.generation_id])
    device = await come_back(site, level=mqtt.MQTT_5)
    assert not device.has_kept_session


async def test_a_session_of_mqtt_5_that_ends_with_its_connection_goes_on_with_what_was_kept_once(site: Site) -> None:
    """[MQTT-3.1.2-5]: without Clean Start the session goes on, whatever its expiry is from now on."""
    await site.start_gateway()
    credential, record = site.new_device("pump-7")
    device = await site.open(credential)
    assert await device.connect("pump-7", level=mqtt.MQTT_5) == 0
    await device.subscribe((DESIRED, 0))
    device.vanish()
    device = await come_back(site, level=mqtt.MQTT_5, session_expiry_s=0)
    assert device.has_kept_session
    site.control.hub.change_desired(record.generation_id, {"a": 1})
    await device.next_message()
    await device.subscribe((METHODS, 0))
    device.vanish()
    device = await come_back(site, level=mqtt.MQTT_5)
    assert not device.has_kept_session
    site.control.hub.change_desired(record.generation_id, {"a": 2})
    assert await device.has_nothing()


@pytest.mark.parametrize("keepings", [1, 2], ids=["before", "while"])
async def test_what_is_forgotten_while_it_is_being_kept_is_not_kept(site: Site, keepings: int) -> None:
    await site.start_gateway()
    credential, record = site.new_device("pump-7")
    device = await site.open(credential)
    assert await device.connect("pump-7", level=mqtt.MQTT_5) == 0
    site.control.hub.hold = asyncio.Event()
    device.mqtt.subscribe([(DESIRED, 0)])
    packets = [device.mqtt.bytes_to_send(), b"\xe0\x07\x00\x05\x11\x00\x00\x00\x00"]
    if keepings == 1:
        await device.send(b"".join(packets))
    else:
        await device.send(packets[0])
        await until(lambda: site.control.hub.asked[KEEP_SUBSCRIPTIONS] == 1)
        await device.send(packets[1])
    await device.wait_closed()
    await until(lambda: site.control.hub.asked[KEEP_SUBSCRIPTIONS] == keepings)
    site.control.hub.hold.set()
    await until(lambda: site.control.hub.keepings == keepings)
    assert not site.control.hub.kept[record.generation_id]


async def test_what_changes_nothing_is_not_kept_anew(site: Site) -> None:
    await site.start_gateway()
    device, _ = await site.connected("pump-7")
    for _ in range(3):
        await device.subscribe((DESIRED, 1))
    await device.unsubscribe(TWIN)
    assert site.control.hub.keepings == 1
    await device.subscribe((DESIRED, 0))
    assert site.control.hub.keepings == 2


async def test_several_in_flight_are_answered_in_order_and_kept_together(site: Site) -> None:
    await site.start_gateway()
    device, record = await site.connected("pump-7")
    hub = site.control.hub
    hub.hold = asyncio.Event()
    packets = [
        device.mqtt.subscribe([(DESIRED, 0)]),
        device.mqtt.subscribe([(TWIN, 1), (METHODS, 0)]),
        device.mqtt.unsubscribe([DESIRED]),
        device.mqtt.subscribe([(DESIRED, 1)]),
    ]
    device.mqtt.publish("devices/pump-7/messages/events/", b"telemetry is not held up", qos=1)
    await device.flush()
    assert isinstance(await device.next_event(), mqtt.Puback)
    assert await device.has_nothing()
    hub.hold.set()
    answers = [await device.next_event() for _ in packets]
    assert [getattr(answer, "packet_id", None) for answer in answers] == packets
    assert hub.kept[record.generation_id] == {"twin_responses": 1, "methods": 0, "desired_properties": 1}
    assert hub.keepings <= 2


async def test_nothing_is_granted_that_was_not_kept(site: Site) -> None:
    site.settings = GatewaySettings(session=SessionSettings(request_timeout_s=0.3))
    await site.start_gateway()
    device, _ = await site.connected("pump-7")
    site.control.hub.refuse[KEEP_SUBSCRIPTIONS] = 503
    with pytest.raises(Closed):
        await device.subscribe((DESIRED, 1))
    refusal = await site.wait_decision("refuse", "overloaded")
    assert (refusal.action, refusal.device_id) == ("subscribe", "pump-7")
    device = await come_back(site)
    assert not device.has_kept_session
    await site.stop_control()
    with pytest.raises(Closed):
        await device.subscribe((DESIRED, 1))


async def test_a_device_that_changes_its_mind_all_the_time_waits(site: Site) -> None:
    limits = SessionSettings(subscription_changes_per_s=20, subscription_changes_burst=2)
    site.settings = GatewaySettings(session=limits)
    await site.start_gateway()
    device, _ = await site.connected("pump-7")
    for number in range(20):
        if number % 2:
            device.mqtt.unsubscribe([DESIRED])
        else:
            device.mqtt.subscribe([(DESIRED, 0)])
    await device.flush()
    for _ in range(20):
        await device.next_event()
    assert site.control.hub.keepings < 6
    for _ in range(80):
        device.mqtt.subscribe([(DESIRED, 0)])
        device.mqtt.unsubscribe([DESIRED])
    await device.flush()
    await device.wait_closed()
    await site.wait_decision("refuse", "message_throttled")


async def test_a_foreign_filter_ends_the_session_of_mqtt_3_and_is_refused_to_mqtt_5(site: Site) -> None:
    await site.start_gateway()
    credential, _ = site.new_device("pump-7")
    foreign = "devices/pump-8/messages/devicebound/#"
    device = await site.open(credential)
    assert await device.connect("pump-7", level=mqtt.MQTT_5) == 0
    refused = mqtt.ReasonCode.NOT_AUTHORIZED
    assert await device.subscribe((foreign, 1), (DESIRED, 1), ("#", 0)) == (refused, 1, refused)
    assert (await site.wait_decision("refuse", "foreign_topic")).action == "subscribe"
    device = await come_back(site)
    with pytest.raises(Closed):
        await device.subscribe((DESIRED, 1), (foreign, 1))
