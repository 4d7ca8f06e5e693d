"""MQTT 5 on the hub's topics: what is offered, what is carried, and how a client is told why."""

from __future__ import annotations

import pytest
from gateway_site import Site
from mqtt_device import MqttDevice
from stand_in_control import Credential, make_certificate
from waiting import until

from vedette.gateway import GatewaySettings, SessionSettings
from vedette.protocols import mqtt
from vedette.protocols.mqtt import ReasonCode

pytestmark = pytest.mark.anyio

USER_NAME = "localhost/pump-7/?api-version=2021-04-12"
EVENTS = "devices/pump-7/messages/events/"
COMMANDS = "devices/pump-7/messages/devicebound/#"


async def connack(site: Site, credential: Credential | None, **fields: object) -> tuple[MqttDevice, mqtt.Connack]:
    """Connect with MQTT 5, as pump-7 unless something else is said."""
    device = await site.open(credential)
    defaults: dict[str, object] = {"client_id": "pump-7", "clean_session": True, "keep_alive_s": 60}
    asked = {**defaults, "user_name": USER_NAME, "protocol_level": mqtt.MQTT_5, **fields}
    device.mqtt.connect(mqtt.Connect(**asked))  # type: ignore[arg-type] # its fields
    await device.flush()
    event = await device.next_event()
    assert isinstance(event, mqtt.Connack)
    assert event.offer is not None
    return device, event


async def connected(site: Site, **fields: object) -> MqttDevice:
    credential, _ = site.new_device("pump-7")
    device, event = await connack(site, credential, **fields)
    assert event.return_code == 0
    return device


async def farewell(device: MqttDevice) -> tuple[int, str]:
    """Wait for DISCONNECT and the end of the connection."""
    event = await device.next_event()
    while not isinstance(event, mqtt.Disconnect):
        event = await device.next_event()
    await device.wait_closed()
    return event.reason_code, event.reason_string or ""


async def test_client_is_told_what_is_offered(site: Site) -> None:
    await site.start_gateway()
    credential, _ = site.new_device("pump-7")
    device, event = await connack(site, credential, keep_alive_s=60_000, session_expiry_s=60)
    assert event.offer == mqtt.ServerOffer(
        session_expiry_s=mqtt.NEVER_EXPIRES,
        receive_maximum=16_384,
        maximum_qos=1,
        is_retain_available=False,
        maximum_packet_bytes=278_528,
        topic_alias_maximum=8,
        are_subscription_ids_available=False,
        are_shared_subscriptions_available=False,
        server_keep_alive_s=1_767,
    )
    await device.close()


async def test_properties_of_a_message_are_stored_with_it(site: Site) -> None:
    await site.start_gateway()
    device = await connected(site)
    properties = mqtt.PublishProperties(
        content_type="application/json", correlation_data=b"c-1", user=(("level", "high"), ("iothub-x", "spoofed"))
    )
    device.mqtt.publish(EVENTS + "%24.mid=1&level=low", b"{}", qos=1, properties=properties)
    device.mqtt.publish(EVENTS, b"plain", qos=1, topic_alias=1)
    device.mqtt.publish("", b"by alias", qos=1, topic_alias=1)
    await device.flush()
    for _ in range(3):
        assert isinstance(await device.next_event(), mqtt.Puback)
    first, second, third = await site.stored()
    assert first.system == {"mid": "1", "ct": "application/json", "cid": "c-1"}
    assert first.properties == {"level": "high"}
    assert (second.body, second.properties, third.body) == (b"plain", {}, b"by alias")
    await device.close()


async def test_command_carries_its_properties_beside_the_topic(site: Site) -> None:
    await site.start_gateway()
    credential, record = site.new_device("pump-7")
    device, _ = await connack(site, credential, session_expiry_s=60)
    assert await device.subscribe((COMMANDS, 1)) == (1,)
    site.control.hub.send(record.generation_id, b"open", mid="m1", ct="text/plain", cid="c1")
    command = await device.next_command()
    assert command.topic.startswith("devices/pump-7/messages/devicebound/%24.mid=m1")
    assert command.properties == mqtt.PublishProperties(
        content_type="text/plain", correlation_data=b"c1", user=(("iothub-ack", "full"),)
    )
    await until(lambda: site.control.hub.completions == [(record.generation_id, 1)])
    await device.close()


async def test_commands_wait_for_room_at_the_client(site: Site) -> None:
    await site.start_gateway()
    credential, record = site.new_device("pump-7")
    device, _ = await connack(site, credential, session_expiry_s=60, receive_maximum=2)
    await device.subscribe((COMMANDS, 1))
    for number in range(5):
        site.control.hub.send(record.generation_id, b"%d" % number)
    held = [await device.next_message(), await device.next_message()]
    assert await device.has_nothing()
    for command in held:
        device.mqtt.puback(command.packet_id)
    await device.flush()
    assert [(await device.next_command()).payload for _ in range(3)] == [b"2", b"3", b"4"]
    await device.close()


REFUSALS: dict[str, tuple[dict[str, object], int, str]] = {
    "another client id": ({"client_id": "pump-8"}, ReasonCode.CLIENT_IDENTIFIER_NOT_VALID, "wrong_client_id"),
    "a user name of another form": ({"user_name": "me"}, ReasonCode.BAD_USER_NAME_OR_PASSWORD, "bad_user_name"),
    "another host": (
        {"user_name": "example.com/pump-7/?api-version=2021-04-12"},
        ReasonCode.NOT_AUTHORIZED,
        "wrong_host",
    ),
    "another id scope": (
        {"user_name": "0ne99/registrations/pump-7/api-version=2019-03-31"},
        ReasonCode.NOT_AUTHORIZED,
        "wrong_id_scope",
    ),
    "a will on another's topic": (
        {"will": mqtt.Will("devices/pump-8/messages/events/", b"", 0, retain=False)},
        ReasonCode.TOPIC_NAME_INVALID,
        "bad_will",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
async def test_refused_client_is_told_why(site: Site, case: str) -> None:
    fields, code, reason = REFUSALS[case]
    await site.start_gateway()
    credential, _ = site.new_device("pump-7")
    device, event = await connack(site, credential, **fields)
    assert event.return_code == code
    assert event.offer is not None
    assert (event.offer.reason_string or "").startswith(f"{reason}: ")
    await device.wait_closed()
    await site.wait_decision("refuse", reason)


async def test_refusals_that_can_heal_have_codes_that_clients_try_again_after(site: Site) -> None:
    await site.start_gateway()
    credential, record = site.new_device("pump-7")
    site.control.set_enabled(record, is_enabled=False)
    device, event = await connack(site, credential)
    assert event.return_code == ReasonCode.SERVER_UNAVAILABLE
    assert event.offer is not None
    assert event.offer.reason_string == "disabled: the operator has disabled this identity"
    await device.wait_closed()


async def test_unknown_name_wrong_certificate_and_none_sound_alike(site: Site) -> None:
    await site.start_gateway()
    own, _ = site.new_device("pump-7")
    other = make_certificate("pump-7", site.control.root).write(site.folder, "other")
    unknown: dict[str, object] = {"client_id": "ghost", "user_name": "localhost/ghost/?api-version=2021-04-12"}
    cases: list[tuple[Credential | None, dict[str, object]]] = [
        (other, {}),
        (None, {}),
        (own, unknown),
        (None, unknown),
    ]
    answers = []
    for credential, fields in cases:
        _, event = await connack(site, credential, **fields)
        answers.append(event)
    assert {event.return_code for event in answers} == {ReasonCode.NOT_AUTHORIZED}
    assert len({event.offer for event in answers}) == 1


async def test_malformed_connect_is_answered_in_mqtt_5(site: Site) -> None:
    await site.start_gateway()
    credential, _ = site.new_device("pump-7")
    device = await site.open(credential)
    await device.send(b"\x10\x0d\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x05")
    head = await device.reader.readexactly(4)
    assert (head[0], head[3]) == (0x20, ReasonCode.MALFORMED_PACKET)
    await device.wait_closed()
    await site.wait_decision("refuse", "protocol_error")


async def test_live_session_is_told_why_it_is_cut(site: Site) -> None:
    await site.start_gateway()
    credential, record = site.new_device("pump-7")
    device, _ = await connack(site, credential)
    site.control.set_enabled(record, is_enabled=False)
    assert await farewell(device) == (
        ReasonCode.ADMINISTRATIVE_ACTION,
        "disabled: the operator has disabled this identity",
    )
    await site.wait_decision("cut", "disabled")


async def test_displaced_session_is_told(site: Site) -> None:
    await site.start_gateway()
    credential, _ = site.new_device("pump-7")
    first, _ = await connack(site, credential)
    second, _ = await connack(site, credential)
    code, text = await farewell(first)
    assert code == ReasonCode.SESSION_TAKEN_OVER
    assert text.startswith("taken_over: ")
    await second.close()


async def test_stopping_gateway_says_so(site: Site) -> None:
    await site.start_gateway()
    device = await connected(site)
    await site.stop_gateway()
    code, text = await farewell(device)
    assert code == ReasonCode.SERVER_SHUTTING_DOWN
    assert text.startswith("stopping: ")


async def test_silent_client_is_told(site: Site) -> None:
    await site.start_gateway()
    device = await connected(site, keep_alive_s=1)
    code, _ = await farewell(device)
    assert code == ReasonCode.KEEP_ALIVE_TIMEOUT


async def test_foreign_topic_ends_the_session_with_its_reason(site: Site) -> None:
    await site.start_gateway()
    device = await connected(site)
    device.mqtt.publish("devices/pump-8/messages/events/", b"x", qos=1)
    await device.flush()
    code, text = await farewell(device)
    assert code == ReasonCode.NOT_AUTHORIZED
    assert text.startswith("foreign_topic: ")


@pytest.mark.parametrize(
    ("packet", "code"),
    [
        (b"\x34\x08\x00\x01a\x00\x01\x00xx", ReasonCode.QOS_NOT_SUPPORTED),
        (b"\x30\x06\x00\x03a/#\x00", ReasonCode.TOPIC_NAME_INVALID),
        (b"\xf0\x00", ReasonCode.PROTOCOL_ERROR),
        (b"\x30\xff\xff\x7f", ReasonCode.PACKET_TOO_LARGE),
    ],
)
async def test_broken_packet_ends_the_session_with_its_reason(site: Site, packet: bytes, code: int) -> None:
    await site.start_gateway()
    device = await connected(site)
    await device.send(packet)
    assert (await farewell(device))[0] == code


async def test_filters_of_others_are_refused_one_by_one(site: Site) -> None:
    await site.start_gateway()
    device = await connected(site)
    codes = await device.subscribe(
        (COMMANDS, 2), ("devices/pump-8/messages/devicebound/#", 1), ("#", 0), (f"$share/g/{COMMANDS}", 1)
    )
    assert codes == (
        1,
        ReasonCode.NOT_AUTHORIZED,
        ReasonCode.NOT_AUTHORIZED,
        ReasonCode.SHARED_SUBSCRIPTIONS_NOT_SUPPORTED,
    )
    await device.telemetry("pump-7", b"still here")
    await device.close()


async def test_client_that_leaves_out_its_name_is_assigned_one(site: Site) -> None:
    await site.start_gateway()
    credential, _ = site.new_device("pump-7")
    device, event = await connack(site, credential, client_id="")
    assert event.return_code == 0
    assert event.offer is not None
    assert event.offer.assigned_client_id == "pump-7"
    await device.telemetry("pump-7", b"x")
    await device.close()


@pytest.mark.parametrize("level", [mqtt.MQTT_3_1_1, mqtt.MQTT_5])
async def test_certificate_needs_no_user_name(site: Site, level: int) -> None:
    await site.start_gateway()
    credential, _ = site.new_device("pump-7")
    module = make_certificate("pump-7/camera", site.control.root).write(site.folder, "module")
    site.control.add_device("pump-7", module, module_id="camera")
    for name, own in (("pump-7", credential), ("pump-7/camera", module)):
        device = await site.open(own)
        device.mqtt.connect(mqtt.Connect(name, clean_session=True, keep_alive_s=60, protocol_level=level))
        await device.flush()
        event = await device.next_event()
        assert isinstance(event, mqtt.Connack)
        assert event.return_code == 0
        await device.close()
    device = await site.open(credential)
    device.mqtt.connect(mqtt.Connect("pump-7/camera", clean_session=True, keep_alive_s=60, protocol_level=level))
    await device.flush()
    event = await device.next_event()
    assert isinstance(event, mqtt.Connack)
    assert event.return_code == (5 if level == mqtt.MQTT_3_1_1 else ReasonCode.NOT_AUTHORIZED)


@pytest.mark.parametrize("client_id", ["", "a/b/c", "pump 7", "/"])
async def test_client_id_that_names_nobody_is_refused(site: Site, client_id: str) -> None:
    await site.start_gateway()
    credential, _ = site.new_device("pump-7")
    _, event = await connack(site, credential, client_id=client_id, user_name=None)
    assert event.return_code == ReasonCode.CLIENT_IDENTIFIER_NOT_VALID
    await site.wait_decision("refuse", "wrong_client_id")


async def test_without_certificate_a_user_name_is_needed(site: Site) -> None:
    await site.start_gateway()
    site.new_device("pump-7")
    _, event = await connack(site, None, user_name=None)
    assert event.return_code == ReasonCode.BAD_USER_NAME_OR_PASSWORD


async def test_throttled_client_is_told(site: Site) -> None:
    site.settings = GatewaySettings(session=SessionSettings(messages_per_s=1, messages_burst=1, throttle_most_s=0.5))
    await site.start_gateway()
    device = await connected(site)
    for _ in range(20):
        device.mqtt.publish(EVENTS, b"x")
    await device.flush()
    code, text = await farewell(device)
    assert code == ReasonCode.MESSAGE_RATE_TOO_HIGH
    assert text.startswith("message_throttled: ")
