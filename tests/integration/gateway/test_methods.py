"""Direct methods: one answer for each call, in time, from a device that listens."""

from __future__ import annotations

import asyncio
import socket

import pytest
from gateway_site import Site
from mqtt_device import MqttDevice
from waiting import until

from vedette.bus.contract import InvokeMethod, MethodAnswered, MethodFailed
from vedette.gateway import GatewaySettings, SessionSettings
from vedette.trust import PostureRecord

pytestmark = pytest.mark.anyio

METHODS = "$iothub/methods/POST/#"


async def listening(site: Site) -> tuple[MqttDevice, PostureRecord]:
    """Connect a device that takes methods."""
    device, record = await site.connected("pump-7")
    assert await device.subscribe((METHODS, 0)) == (0,)
    return device, record


async def outcome(site: Site, call_id: str) -> MethodAnswered | MethodFailed:
    await until(lambda: call_id in site.control.hub.outcomes)
    return site.control.hub.outcomes[call_id]


PAYLOADS = {"null": b"null", "empty text": b'""', "text": b'"text"', "object": b"{}", "nothing": b""}


@pytest.mark.parametrize("case", PAYLOADS)
async def test_payloads_survive_the_round_trip(site: Site, case: str) -> None:
    payload = PAYLOADS[case]
    await site.start_gateway()
    device, record = await listening(site)
    for qos in (0, 1):
        call_id = site.control.hub.invoke(record.generation_id, "set speed/fast", payload)
        call = await device.next_message()
        assert call.topic == f"$iothub/methods/POST/set%20speed%2Ffast/?$rid={call_id}"
        assert (call.payload, call.qos) == (payload, 0)
        answer = f"$iothub/methods/res/-17/?$rid={call_id}"
        if qos:
            await device.publish(answer, payload)
        else:
            device.mqtt.publish(answer, payload)
            await device.flush()
        assert await outcome(site, call_id) == MethodAnswered(call_id=call_id, status=-17, payload=payload)


async def test_only_the_first_answer_to_a_call_counts(site: Site) -> None:
    await site.start_gateway()
    device, record = await listening(site)
    call_id = site.control.hub.invoke(record.generation_id, "ping")
    await device.next_message()
    await device.publish("$iothub/methods/res/200/?$rid=unknown", b'"nobody asked"')
    await device.publish(f"$iothub/methods/res/200/?$rid={call_id}", b"1")
    await device.publish(f"$iothub/methods/res/500/?$rid={call_id}", b"2")
    assert await outcome(site, call_id) == MethodAnswered(call_id=call_id, status=200, payload=b"1")
    assert list(site.control.hub.outcomes) == [call_id]


async def test_a_device_that_cannot_answer_is_not_waited_for(site: Site) -> None:
    await site.start_gateway()
    hub = site.control.hub
    device, record = await site.connected("pump-7")
    call_id = hub.invoke("dev_" + "a" * 26, "ping")
    assert await outcome(site, call_id) == MethodFailed(call_id=call_id, reason="not_online")
    call_id = hub.invoke(record.generation_id, "ping")
    assert await outcome(site, call_id) == MethodFailed(call_id=call_id, reason="not_subscribed")
    await device.subscribe((METHODS, 1))
    call_id = hub.invoke(record.generation_id, "ping")
    await device.next_message()
    device.vanish()
    assert await outcome(site, call_id) == MethodFailed(call_id=call_id, reason="closed")


async def test_a_call_ends_with_its_time(site: Site) -> None:
    await site.start_gateway()
    device, record = await listening(site)
    call_id = site.control.hub.invoke(record.generation_id, "ping", timeout_s=1)
    await device.next_message()
    assert await outcome(site, call_id) == MethodFailed(call_id=call_id, reason="timeout")
    await device.publish(f"$iothub/methods/res/200/?$rid={call_id}", b"late")
    assert await outcome(site, call_id) == MethodFailed(call_id=call_id, reason="timeout")


async def test_calls_of_one_device_are_bounded_and_a_repeated_one_is_made_once(site: Site) -> None:
    site.settings = GatewaySettings(session=SessionSettings(max_method_calls=2))
    await site.start_gateway()
    device, record = await listening(site)
    hub = site.control.hub
    calls = [hub.invoke(record.generation_id, "ping") for _ in range(3)]
    assert await outcome(site, calls[2]) == MethodFailed(call_id=calls[2], reason="too_many")
    again = InvokeMethod(
        call_id=calls[0], generation_id=record.generation_id, method="ping", payload=b"null", timeout_s=60
    )
    hub.tell(again, gateway="gateway-1")
    for call_id in calls[:2]:
        assert (await device.next_message()).topic.endswith(call_id)
    assert await device.has_nothing()


async def test_a_method_that_cannot_be_named_on_a_topic_is_not_sent(site: Site) -> None:
    await site.start_gateway()
    _, record = await listening(site)
    call_id = site.control.hub.invoke(record.generation_id, "")
    assert await outcome(site, call_id) == MethodFailed(call_id=call_id, reason="not_sent")


async def test_an_answer_is_taken_up_to_its_limit_and_not_beyond(site: Site) -> None:
    site.settings = GatewaySettings(session=SessionSettings(max_method_bytes=8))
    await site.start_gateway()
    device, record = await listening(site)
    calls = [site.control.hub.invoke(record.generation_id, "ping") for _ in range(2)]
    for _ in calls:
        await device.next_message()
    await device.publish(f"$iothub/methods/res/200/?$rid={calls[0]}", b'"123456"')
    assert isinstance(await outcome(site, calls[0]), MethodAnswered)
    device.mqtt.publish(f"$iothub/methods/res/200/?$rid={calls[1]}", b'"1234567"')
    await device.flush()
    await device.wait_closed()
    assert await outcome(site, calls[1]) == MethodFailed(call_id=calls[1], reason="closed")
    assert (await site.wait_decision("refuse", "message_too_large")).action == "receiveMethod"


async def test_a_device_that_does_not_read_is_asked_no_more(site: Site) -> None:
    site.settings = GatewaySettings(session=SessionSettings(max_backlog_bytes=1_000))
    await site.start_gateway()
    device, record = await listening(site)
    # A kernel may take tens of megabytes for who does not read; asked for little, it takes little.
    device.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    device.writer.transport.pause_reading()  # type: ignore[attr-defined] # asyncio's transport has it
    calls = [site.control.hub.invoke(record.generation_id, "ping", b'"%s"' % (b"x" * 120_000)) for _ in range(40)]
    failed = await outcome(site, calls[-1])
    assert failed == MethodFailed(call_id=calls[-1], reason="too_many")
    device.writer.transport.resume_reading()  # type: ignore[attr-defined] # the same
    assert len((await device.next_message()).payload) == 120_002
    await asyncio.sleep(0)
