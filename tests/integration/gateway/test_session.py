"""A device's session, from CONNECT to its end."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from gateway_site import Site
from mqtt_device import Closed, MqttDevice
from stand_in_control import make_certificate
from waiting import until

from vedette.gateway import GatewaySettings, SessionSettings
from vedette.protocols import mqtt

pytestmark = pytest.mark.anyio


async def test_acknowledged_telemetry_is_stored_with_properties_and_stamps(site: Site) -> None:
    await site.start_gateway()
    device, record = await site.connected("pump-7")
    await device.telemetry("pump-7", b'{"pressure":4}', "%24.mid=1&unit=bar&bare")
    (message,) = await site.stored()
    assert message.body == b'{"pressure":4}'
    assert message.system == {"mid": "1"}
    assert message.properties == {"unit": "bar", "bare": None}
    assert message.stamps["iothub-connection-device-id"] == "pump-7"
    assert message.stamps["iothub-connection-auth-generation-id"] == record.generation_id
    assert json.loads(message.stamps["iothub-connection-auth-method"])["type"] == "x509"
    await device.close()


async def test_a_device_cannot_set_the_hubs_stamps(site: Site) -> None:
    await site.start_gateway()
    device, _ = await site.connected("pump-7")
    await device.telemetry("pump-7", b"x", "iothub-connection-device-id=boss&IoTHub-enqueuedtime=1&%24.cdid=boss")
    (message,) = await site.stored()
    assert message.stamps["iothub-connection-device-id"] == "pump-7"
    assert (message.system, message.properties) == ({}, {})


async def test_all_forms_of_the_telemetry_topic_and_both_qualities_are_stored(site: Site) -> None:
    await site.start_gateway()
    device, _ = await site.connected("pump-7")
    for qos, topic in enumerate(["", "/", "/a=1", "/%24.mid=1/"] * 2):
        device.mqtt.publish(f"devices/pump-7/messages/events{topic}", b"%d" % qos, qos=qos // 4)
    device.mqtt.publish("devices/pump-7/messages/events/", b"kept?", qos=1, retain=True)
    await device.flush()
    for _ in range(5):
        assert isinstance(await device.next_event(), mqtt.Puback)
    messages = await site.stored()
    assert [message.body for message in messages] == [b"%d" % number for number in range(8)] + [b"kept?"]
    assert messages[-1].properties == {"mqtt-retain": "true"}
    assert messages[3].system == {"mid": "1"}


async def test_what_is_sent_before_connack_is_taken_after_it(site: Site) -> None:
    await site.start_gateway()
    credential, _ = site.new_device("pump-7")
    device = await site.open(credential)
    sender = mqtt.ClientConnection(mqtt.Limits())
    user = "localhost/pump-7/?api-version=2021-04-12"
    sender.connect(mqtt.Connect(client_id="pump-7", clean_session=True, keep_alive_s=60, user_name=user))
    publish = b"\x32\x23\x00\x1edevices/pump-7/messages/events\x00\x07x"
    await device.send(sender.bytes_to_send() + publish)
    data = b""
    while len(data) < 8:
        data += await device.reader.read(100)
    assert data == b"\x20\x02\x00\x00\x40\x02\x00\x07"


REFUSED_NAMES = {
    "client id of another device": ("pump-8", "localhost/pump-7/?api-version=2021-04-12", 2, "wrong_client_id"),
    "empty client id": ("", "localhost/pump-7/?api-version=2021-04-12", 2, "wrong_client_id"),
    "no query": ("pump-7", "localhost/pump-7", 4, "bad_user_name"),
    "another host": ("pump-7", "example.com/pump-7/?api-version=2021-04-12", 5, "wrong_host"),
    "module without its own record": (
        "pump-7/camera",
        "localhost/pump-7/camera/?api-version=2021-04-12",
        5,
        "unknown_identity",
    ),
    "another id scope": ("pump-7", "0ne99/registrations/pump-7/api-version=2019-03-31", 5, "wrong_id_scope"),
}


@pytest.mark.parametrize("case", REFUSED_NAMES)
async def test_a_name_that_is_not_right_is_refused(site: Site, case: str) -> None:
    client_id, user_name, code, reason = REFUSED_NAMES[case]
    await site.start_gateway()
    credential, _ = site.new_device("pump-7")
    device = await site.open(credential)
    assert await device.connect("pump-7", client_id=client_id, user_name=user_name) == code
    await device.wait_closed()
    record = await site.wait_decision("refuse", reason)
    assert record.certificate_subject == "CN=pump-7"
    assert record.hint


async def test_the_host_is_compared_without_case_and_port(site: Site) -> None:
    await site.start_gateway()
    credential, _ = site.new_device("pump-7")
    device = await site.open(credential)
    assert await device.connect("pump-7", user_name="LocalHost:8883/pump-7/?api-version=2030-01-01&x=/y") == 0


async def test_refusals_say_whether_they_can_heal(site: Site) -> None:
    await site.start_gateway()
    own, record = site.new_device("pump-7")
    other = make_certificate("pump-7", site.control.root).write(site.folder, "other")
    for credential, code, reason in ((other, 5, "certificate_not_permitted"), (None, 5, "certificate_missing")):
        device = await site.open(credential)
        assert await device.connect("pump-7") == code
        refusal = await site.wait_decision("refuse", reason)
        assert refusal.generation_id == record.generation_id
        assert refusal.hint
    site.control.set_enabled(record, is_enabled=False)
    device = await site.open(own)
    assert await device.connect("pump-7") == 3
    refusal = await site.wait_decision("refuse", "disabled")
    assert refusal.hint == "let it in again: vedette device enable pump-7"
    device = await site.open(own)
    assert await device.connect("stranger") == 5


async def test_another_protocol_level_gets_code_1(site: Site) -> None:
    await site.start_gateway()
    credential, _ = site.new_device("pump-7")
    device = await site.open(credential)
    await device.send(b"\x10\x12\x00\x04MQTT\x03\x02\x00\x3c\x00\x06pump-7")
    assert await device.reader.read(4) == b"\x20\x02\x00\x01"
    await device.wait_closed()


BREACHES = {
    "QoS 2": (b"\x34\x25\x00\x1fdevices/pump-7/messages/events/\x00\x01xx", "qos_2"),
    "another device's telemetry": (b"\x30\x21\x00\x1fdevices/pump-8/messages/events/", "foreign_topic"),
    "a second CONNECT": (b"\x10\x12\x00\x04MQTT\x04\x02\x00\x3c\x00\x06pump-7", "protocol_error"),
    "a subscription to everything": (b"\x82\x06\x00\x01\x00\x01#\x01", "foreign_topic"),
    "another device's subscription": (
        b"\x82\x2a\x00\x01\x00\x25devices/pump-8/messages/devicebound/#\x01",
        "foreign_topic",
    ),
    "garbage": (b"\xff\xff\xff\xff\xff\xff", "protocol_error"),
    "a bag that is not UTF-8": (b"\x30\x26\x00\x24devices/pump-7/messages/events/%ff=1", "protocol_error"),
}


@pytest.mark.parametrize("case", BREACHES)
async def test_a_breach_closes_the_connection_and_is_on_record(site: Site, case: str) -> None:
    packet, reason = BREACHES[case]
    await site.start_gateway()
    device, record = await site.connected("pump-7")
    await device.send(packet)
    await device.wait_closed()
    refusal = await site.wait_decision("refuse", reason)
    assert refusal.generation_id == record.generation_id
    assert refusal.detail


async def test_messages_are_taken_up_to_their_limit_and_not_beyond(site: Site) -> None:
    await site.start_gateway()
    device, _ = await site.connected("pump-7")
    await device.telemetry("pump-7", b"x" * (262_144 - 2), "a=1")
    device.mqtt.publish("devices/pump-7/messages/events/a=1", b"x" * (262_144 - 1), qos=1)
    await device.flush()
    await device.wait_closed()
    await site.wait_decision("refuse", "message_too_large")
    device = await site.open(site.credentials["pump-7"])
    assert await device.connect("pump-7") == 0
    await device.send(b"\x32\xff\xff\xff\x7f")
    await device.wait_closed()
    await site.wait_decision("refuse", "protocol_error")


async def test_a_will_is_stored_when_the_device_vanishes_and_void_when_it_leaves(site: Site) -> None:
    await site.start_gateway()
    will = mqtt.Will("devices/pump-7/messages/events/a=1", b"gone", qos=1, retain=False)
    credential, _ = site.new_device("pump-7")
    device = await site.open(credential)
    assert await device.connect("pump-7", will=will) == 0
    await device.close()
    device = await site.open(credential)
    assert await device.connect("pump-7", will=will) == 0
    device.vanish()
    await site.wait_decision("disconnect", "connection_lost")
    messages = await site.wait_stored()
    assert [message.body for message in messages] == [b"gone"]
    assert messages[0].properties == {"a": "1", "iothub-MessageType": "Will"}


async def test_a_will_on_a_foreign_topic_is_refused(site: Site) -> None:
    await site.start_gateway()
    credential, _ = site.new_device("pump-7")
    device = await site.open(credential)
    will = mqtt.Will("devices/pump-8/messages/events/", b"gone", qos=0, retain=False)
    assert await device.connect("pump-7", will=will) == 5


async def test_subscriptions_are_granted_and_given_up_in_the_order_asked(site: Site) -> None:
    await site.start_gateway()
    device, _ = await site.connected("pump-7")
    device.mqtt.subscribe(
        [
            ("devices/pump-7/messages/devicebound/#", 1),
            ("$iothub/methods/POST/#", 0),
            ("$iothub/twin/res/#", 2),
            ("$iothub/twin/PATCH/properties/desired/#", 1),
            ("$iothub/credentials/res/#", 1),
        ]
    )
    device.mqtt.unsubscribe(["$iothub/twin/res/#", "never/subscribed"])
    device.mqtt.subscribe([("$iothub/twin/res/#", 0)])
    await device.flush()
    first, second, third = [await device.next_event() for _ in range(3)]
    assert isinstance(first, mqtt.Suback)
    assert first.return_codes == (1, 0, 1, 1, 1)
    assert isinstance(second, mqtt.Unsuback)
    assert isinstance(third, mqtt.Suback)
    assert third.return_codes == (0,)
    device.mqtt.pingreq()
    await device.flush()
    assert isinstance(await device.next_event(), mqtt.Pingresp)


async def test_a_certificate_is_renewed_over_the_hub_connection(site: Site) -> None:
    await site.start_gateway()
    device, _ = await site.connected("pump-7")
    csr = base64.b64encode(site.new_csr()).decode()
    body = json.dumps({"id": "pump-7", "csr": csr, "replace": "*"}).encode()
    device.mqtt.publish("$iothub/credentials/POST/issueCertificate/?$rid=abcd-1", body)
    await device.flush()
    accepted, issued = await device.next_event(), await device.next_event()
    assert isinstance(accepted, mqtt.Publish)
    assert isinstance(issued, mqtt.Publish)
    assert accepted.topic == "$iothub/credentials/res/202/?$rid=abcd-1"
    assert issued.topic == "$iothub/credentials/res/200/?$rid=abcd-1"
    assert len(json.loads(issued.payload)["certificates"]) == 2
    for bad in (b"{}", b"nonsense", json.dumps({"id": "pump-8", "csr": csr}).encode()):
        device.mqtt.publish("$iothub/credentials/POST/issueCertificate/?$rid=abcd-2", bad)
        await device.flush()
        refused = await device.next_event()
        assert isinstance(refused, mqtt.Publish)
        assert refused.topic == "$iothub/credentials/res/400/?$rid=abcd-2"
        assert json.loads(refused.payload)["errorCode"] == 400040


async def test_a_new_connection_takes_over_and_its_telemetry_goes_on(site: Site) -> None:
    await site.start_gateway()
    first, _ = await site.connected("pump-7")
    second = await site.open(site.credentials["pump-7"])
    assert await second.connect("pump-7") == 0
    await first.wait_closed()
    await second.telemetry("pump-7", b"x")
    assert (await site.wait_decision("disconnect", "taken_over")).device_id == "pump-7"


async def test_a_take_over_reaches_across_gateways(site: Site) -> None:
    await site.start_gateway("gateway-1")
    await site.start_gateway("gateway-2")
    first, _ = await site.connected("pump-7")
    second = await site.open(site.credentials["pump-7"], "gateway-2")
    assert await second.connect("pump-7") == 0
    await first.wait_closed()
    await second.telemetry("pump-7", b"x")


async def test_two_clients_that_displace_each_other_are_damped(site: Site) -> None:
    site.settings = GatewaySettings(session=SessionSettings(takeovers=4, takeover_window_s=300, takeover_pause_s=0.05))
    await site.start_gateway()
    devices = [(await site.connected("pump-7"))[0]]
    codes = []
    for _ in range(8):
        devices.append(await site.open(site.credentials["pump-7"]))
        codes.append(await devices[-1].connect("pump-7"))
    assert codes == [0, 0, 0, 0, 3, 3, 3, 3]
    assert (await site.wait_decision("refuse", "takeover_damped")).hint.endswith("vedette clone-alert list")


async def test_silence_beyond_the_keep_alive_closes_and_pings_prevent_it(site: Site) -> None:
    await site.start_gateway()
    quiet, lively = site.new_device("quiet")[0], site.new_device("lively")[0]
    one, two = await site.open(quiet), await site.open(lively)
    assert await one.connect("quiet", keep_alive_s=1) == 0
    assert await two.connect("lively", keep_alive_s=4) == 0
    closing = asyncio.create_task(one.wait_closed())
    for _ in range(17):  # beyond one and a half times its keep alive
        two.mqtt.pingreq()
        await two.flush()
        assert isinstance(await two.next_event(), mqtt.Pingresp)
        await asyncio.sleep(0.4)
    await closing
    await site.wait_decision("disconnect", "keep_alive_timeout")


async def test_the_end_of_a_certificate_ends_its_session(site: Site) -> None:
    await site.start_gateway()
    device, _ = await site.connected("pump-7", permitted_until=datetime.now(UTC) + timedelta(seconds=8))
    await device.telemetry("pump-7", b"x")
    await device.wait_closed()
    await site.wait_decision("cut", "certificate_expired")
    device = await site.open(site.credentials["pump-7"])
    assert await device.connect("pump-7") == 5


async def test_a_device_above_its_rate_is_slowed_down_and_others_are_not(site: Site) -> None:
    site.settings = GatewaySettings(session=SessionSettings(messages_per_s=4, messages_burst=4))
    await site.start_gateway()
    loud, _ = await site.connected("loud")
    calm, _ = await site.connected("calm")

    async def shout() -> None:
        for number in range(24):
            await loud.telemetry("loud", b"%d" % number)

    loop = asyncio.get_running_loop()
    begin = loop.time()
    shouting = asyncio.create_task(shout())
    await calm.telemetry("calm", b"x")
    assert not shouting.done()
    await shouting
    assert loop.time() - begin > 3


async def test_a_device_far_above_its_rate_is_disconnected(site: Site) -> None:
    settings = SessionSettings(messages_per_s=10, messages_burst=5, throttle_most_s=1)
    site.settings = GatewaySettings(session=settings)
    await site.start_gateway()
    device, _ = await site.connected("loud")
    for _ in range(200):
        device.mqtt.publish("devices/loud/messages/events/", b"x", qos=0)
    await device.flush()
    await device.wait_closed()
    await site.wait_decision("refuse", "message_throttled")


async def count_pubacks(device: MqttDevice) -> int:
    """Count until the gateway closes."""
    count = 0
    while True:
        try:
            assert isinstance(await device.next_event(), mqtt.Puback)
        except Closed:
            return count
        count += 1


async def test_pings_and_requests_count_towards_the_rate(site: Site) -> None:
    site.settings = GatewaySettings(session=SessionSettings(messages_per_s=50, messages_burst=10, throttle_most_s=1))
    await site.start_gateway()
    device, _ = await site.connected("loud")
    await device.send(b"\xc0\x00" * 200)
    await device.wait_closed()
    await site.wait_decision("refuse", "message_throttled")


async def test_a_burst_above_the_rate_is_borne_if_it_is_short(site: Site) -> None:
    site.settings = GatewaySettings(session=SessionSettings(messages_per_s=500, messages_burst=10, throttle_most_s=1))
    await site.start_gateway()
    device = await site.open(site.new_device("eager")[0])
    assert await device.connect("eager", keep_alive_s=20) == 0
    for number in range(300):
        device.mqtt.publish("devices/eager/messages/events/", b"%d" % number, qos=1)
    await device.flush()
    for _ in range(300):
        assert isinstance(await device.next_event(), mqtt.Puback)


async def test_a_gateway_that_stops_stores_what_it_took(site: Site) -> None:
    await site.start_gateway()
    device, _ = await site.connected("pump-7")
    for number in range(50):
        device.mqtt.publish("devices/pump-7/messages/events/", b"%d" % number, qos=1)
    await device.flush()
    await device.next_event()
    await site.stop_gateway()
    acknowledged = 1 + await count_pubacks(device)
    assert len(await site.stored()) >= acknowledged
    await site.wait_decision("disconnect", "stopping")


async def test_no_acknowledgement_without_a_durable_bus_and_all_is_stored_after_it_is_back(site: Site) -> None:
    await site.start_gateway()
    device, _ = await site.connected("pump-7")
    await site.bus.kill()
    packet_id = device.mqtt.publish("devices/pump-7/messages/events/", b"x", qos=1)
    await device.flush()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await device.next_event()
    await site.bus.start()
    assert await device.next_event() == mqtt.Puback(packet_id)
    assert [message.body for message in await site.stored()] == [b"x"]


async def connect_module(site: Site) -> MqttDevice:
    credential = make_certificate("pump-7/camera", site.control.root).write(site.folder, "camera")
    site.control.add_device("pump-7", credential, module_id="camera")
    device = await site.open(credential)
    user = "localhost/pump-7/camera/?api-version=2021-04-12&model-id=dtmi%3Acom%3Aexample%3ACamera%3B1"
    assert await device.connect("pump-7", client_id="pump-7/camera", user_name=user) == 0
    return device


async def test_a_module_has_topics_of_its_own(site: Site) -> None:
    await site.start_gateway()
    device = await connect_module(site)
    await device.publish("devices/pump-7/modules/camera/messages/events/%24.on=output1", b"x")
    (message,) = await site.stored()
    assert message.stamps["iothub-connection-module-id"] == "camera"
    assert message.stamps["dt-dataschema"] == "dtmi:com:example:Camera;1"
    device.mqtt.publish("devices/pump-7/messages/events/", b"x")
    await device.flush()
    await device.wait_closed()


async def test_connects_and_disconnects_are_on_record(site: Site) -> None:
    await site.start_gateway()
    device, record = await site.connected("pump-7")
    await device.close()
    connect = await site.wait_decision("connect", "permitted")
    assert connect.effect == "allow"
    assert connect.policies == ["active-identities-take-part"]
    assert connect.sequence == record.sequence
    assert connect.certificate_serial
    assert connect.tls_version == "TLSv1.3"
    await site.wait_decision("disconnect", "disconnected")
    site.control.statuses.clear()
    await until(lambda: any(status.sessions == 0 for status in site.control.statuses))
