"""Cloud-to-device commands: in order, until acknowledged, and never lost."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from gateway_site import Site
from mqtt_device import MqttDevice
from waiting import until

from vedette.bus.contract import COMPLETE_COMMANDS, TAKE_COMMANDS, CommandsReady
from vedette.gateway import GatewaySettings, SessionSettings
from vedette.protocols import mqtt
from vedette.trust import PostureRecord

pytestmark = pytest.mark.anyio

PUMP_FILTER = "devices/pump-7/messages/devicebound/#"


async def listening(site: Site, name: str = "pump-7", *, qos: int = 1) -> tuple[MqttDevice, PostureRecord]:
    """Connect a device that takes commands."""
    device, record = await site.connected(name)
    await device.subscribe((f"devices/{name}/messages/devicebound/#", qos))
    return device, record


async def come_back(site: Site, name: str = "pump-7", **options: object) -> MqttDevice:
    """Connect a known device again."""
    device = await site.open(site.credentials[name])
    assert await device.connect(name, **options) == 0  # type: ignore[arg-type] # those of connect
    return device


async def test_commands_arrive_with_their_properties_and_leave_when_acknowledged(site: Site) -> None:
    await site.start_gateway()
    device, record = await listening(site)
    site.control.hub.send(record.generation_id, b"open", mid="m 1", ct="text/plain", to="nobody")
    message = await device.next_message()
    bag = "%24.mid=m%201&%24.to=%2Fdevices%2Fpump-7%2Fmessages%2Fdevicebound&%24.ct=text%2Fplain&iothub-ack=full"
    assert message.topic == f"devices/pump-7/messages/devicebound/{bag}"
    assert (message.payload, message.qos, message.dup, message.packet_id) == (b"open", 1, False, 1)
    await asyncio.sleep(0.05)
    assert len(site.control.hub.queues[record.generation_id]) == 1
    device.mqtt.puback(message.packet_id)
    await device.flush()
    await until(lambda: not site.control.hub.queues[record.generation_id])


async def test_what_waited_is_delivered_on_subscribing_and_on_coming_back(site: Site) -> None:
    await site.start_gateway()
    device, record = await site.connected("pump-7")
    hub = site.control.hub
    for number in range(3):
        hub.send(record.generation_id, b"%d" % number)
    assert await device.has_nothing()
    await device.subscribe((PUMP_FILTER, 1))
    assert [(await device.next_command()).payload for _ in range(3)] == [b"0", b"1", b"2"]
    await device.close()
    await site.wait_decision("disconnect", "disconnected")
    hub.send(record.generation_id, b"3")
    device = await come_back(site)
    message = await device.next_command()
    assert (message.payload, message.dup) == (b"3", False)


async def test_what_was_not_acknowledged_comes_again_marked_and_under_the_same_packet_id(site: Site) -> None:
    await site.start_gateway()
    device, record = await listening(site)
    for number in range(4):
        site.control.hub.send(record.generation_id, b"%d" % number)
    first = [await device.next_message() for _ in range(4)]
    device.mqtt.puback(first[1].packet_id)
    await device.flush()
    await until(lambda: len(site.control.hub.queues[record.generation_id]) == 3)
    device.vanish()
    device = await come_back(site)
    again = [await device.next_message() for _ in range(3)]
    assert [each.payload for each in again] == [b"0", b"2", b"3"]
    assert [each.packet_id for each in again] == [first[0].packet_id, first[2].packet_id, first[3].packet_id]
    assert all(each.dup for each in again)


async def test_a_restart_of_the_gateway_changes_nothing_of_it(site: Site) -> None:
    await site.start_gateway()
    device, record = await listening(site)
    site.control.hub.send(record.generation_id, b"0")
    message = await device.next_message()
    await site.stop_gateway()
    await site.start_gateway()
    device = await come_back(site)
    again = await device.next_command()
    assert (again.payload, again.packet_id, again.dup) == (b"0", message.packet_id, True)
    await until(lambda: not site.control.hub.queues[record.generation_id])


async def test_a_granted_qos_of_0_completes_on_writing(site: Site) -> None:
    await site.start_gateway()
    device, record = await listening(site, qos=0)
    for number in range(60):
        site.control.hub.send(record.generation_id, b"%d" % number, is_told=number == 59)
    messages = [await device.next_message() for _ in range(60)]
    assert [each.payload for each in messages] == [b"%d" % number for number in range(60)]
    assert {(each.qos, each.packet_id, each.dup) for each in messages} == {(0, 0, False)}
    await until(lambda: not site.control.hub.queues[record.generation_id])


async def test_no_more_are_in_flight_than_the_window_takes(site: Site) -> None:
    site.settings = GatewaySettings(session=SessionSettings(max_commands_in_flight=3))
    await site.start_gateway()
    device, record = await listening(site)
    for number in range(10):
        site.control.hub.send(record.generation_id, b"%d" % number)
    first = [await device.next_message() for _ in range(3)]
    assert await device.has_nothing()
    device.mqtt.puback(first[0].packet_id)
    await device.flush()
    assert (await device.next_message()).payload == b"3"
    assert await device.has_nothing()


async def test_a_client_of_mqtt_5_says_how_many_it_takes_and_may_refuse_one(site: Site) -> None:
    await site.start_gateway()
    credential, record = site.new_device("pump-7")
    device = await site.open(credential)
    connect = mqtt.Connect(
        client_id="pump-7",
        clean_session=False,
        keep_alive_s=60,
        user_name="localhost/pump-7/?api-version=2021-04-12",
        protocol_level=mqtt.MQTT_5,
        session_expiry_s=60,
        receive_maximum=2,
        maximum_packet_bytes=2_000,
    )
    device.mqtt.connect(connect)
    await device.flush()
    assert isinstance(await device.next_event(), mqtt.Connack)
    assert await device.subscribe((PUMP_FILTER, 1), ("#", 1)) == (1, mqtt.ReasonCode.NOT_AUTHORIZED)
    hub = site.control.hub
    hub.send(record.generation_id, b"x" * 5_000)
    for number in range(4):
        hub.send(record.generation_id, b"%d" % number, ct="text/plain")
    first = [await device.next_message() for _ in range(2)]
    assert [each.payload for each in first] == [b"0", b"1"]
    assert first[0].properties is not None
    assert first[0].properties.content_type == "text/plain"
    assert await device.has_nothing()
    await device.send(b"\x40\x03" + first[0].packet_id.to_bytes(2, "big") + bytes([mqtt.ReasonCode.QUOTA_EXCEEDED]))
    assert (await device.next_message()).payload == b"2"
    assert await device.has_nothing()
    await until(lambda: [each.body for each in hub.queues[record.generation_id]][1:] == [b"1", b"2", b"3"])


async def test_large_commands_wait_for_acknowledgements_rather_than_flood_the_client(site: Site) -> None:
    await site.start_gateway()
    device, record = await listening(site)
    bodies = [bytes([number]) * 65_536 for number in range(12)]
    for body in bodies:
        site.control.hub.send(record.generation_id, body)
    received = [await device.next_message() for _ in range(4)]
    assert await device.has_nothing()
    for message in received:
        device.mqtt.puback(message.packet_id)
    await device.flush()
    received += [await device.next_command() for _ in range(8)]
    assert [each.payload for each in received] == bodies


async def test_taking_goes_on_while_there_is_more_and_after_control_was_away(site: Site) -> None:
    site.settings = GatewaySettings(session=SessionSettings(request_timeout_s=0.5))
    site.control.hub.commands_per_take = 2
    await site.start_gateway()
    device, record = await listening(site)
    hub = site.control.hub
    hub.refuse[TAKE_COMMANDS] = 503
    for number in range(7):
        hub.send(record.generation_id, b"%d" % number, is_told=number == 0)
    assert [(await device.next_command()).payload for _ in range(7)] == [b"%d" % number for number in range(7)]


async def test_completions_are_sent_together_and_again_until_control_answers(site: Site) -> None:
    await site.start_gateway()
    hub = site.control.hub
    devices = [await listening(site, f"pump-{number}") for number in range(5)]
    for _, record in devices:
        for number in range(4):
            hub.send(record.generation_id, b"%d" % number)
    for device, _ in devices:
        for _ in range(4):
            await device.next_message()
    hub.refuse[COMPLETE_COMMANDS] = 503
    for device, record in devices:
        for command in hub.queues[record.generation_id]:
            device.mqtt.puback(command.sequence)
        await device.flush()
    await until(lambda: len(set(hub.completions)) == 20)
    assert hub.completing < 10


async def test_an_acknowledged_command_is_not_delivered_again_while_control_is_slow_to_hear_of_it(site: Site) -> None:
    await site.start_gateway()
    device, record = await listening(site)
    hub = site.control.hub
    hub.send(record.generation_id, b"0")
    message = await device.next_message()
    hub.refuse[COMPLETE_COMMANDS] = 503
    device.mqtt.puback(message.packet_id)
    await device.close()
    device = await come_back(site)
    hub.send(record.generation_id, b"1")
    assert (await device.next_command()).payload == b"1"
    assert await device.has_nothing()


async def test_an_acknowledgement_of_nothing_is_passed_over(site: Site) -> None:
    await site.start_gateway()
    device, record = await listening(site)
    await device.send(b"\x40\x02\x00\x63")
    site.control.hub.send(record.generation_id, b"0")
    assert (await device.next_command()).payload == b"0"


async def test_a_clean_session_gets_nothing_until_it_subscribes(site: Site) -> None:
    await site.start_gateway()
    device, record = await listening(site)
    await device.close()
    site.control.hub.send(record.generation_id, b"0")
    device = await come_back(site, is_clean=True)
    assert await device.has_nothing()
    await device.subscribe((PUMP_FILTER, 1))
    assert (await device.next_command()).payload == b"0"


async def test_news_for_nobody_and_unreadable_news_are_dropped(site: Site) -> None:
    await site.start_gateway()
    device, record = await listening(site)
    hub, subject = site.control.hub, f"downlink.{site.control.organization_id}.gateway-1"
    hub.tell(CommandsReady(generation_id="dev_" + "a" * 26))
    for unreadable in (b"", b"\xc1", b"x" * 1_000, msgspec.msgpack.encode({"type": "explode"})):
        site.control.bus.publish(subject, unreadable)
    hub.send(record.generation_id, b"0")
    assert (await device.next_command()).payload == b"0"


async def test_what_was_queued_while_the_bus_was_away_is_found_afterwards(site: Site) -> None:
    await site.start_gateway()
    device, record = await listening(site)
    await site.bus.kill()
    site.control.hub.send(record.generation_id, b"0", is_told=False)
    await site.bus.start()
    assert (await device.next_command()).payload == b"0"
