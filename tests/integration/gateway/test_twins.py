"""A device's twin: read, reported, changed from outside, refused and throttled."""

from __future__ import annotations

import asyncio
import json

import pytest
from gateway_site import Site
from waiting import until

from vedette.bus.contract import READ_TWIN, REPORT_PROPERTIES, DesiredChanged
from vedette.gateway import GatewaySettings, SessionSettings
from vedette.protocols import mqtt

pytestmark = pytest.mark.anyio

GET = "$iothub/twin/GET/?$rid="
REPORTED = "$iothub/twin/PATCH/properties/reported/?$rid="
DESIRED = "$iothub/twin/PATCH/properties/desired/#"


async def test_a_device_reads_its_twin_and_reports_whatever_it_subscribed_to(site: Site) -> None:
    await site.start_gateway()
    device, record = await site.connected("pump-7")
    site.control.hub.twins[record.generation_id].desired["interval"] = 5
    for qos in (0, 1):
        answer = await device.ask(f"{GET}read-{qos}", b" ", qos=qos)
        assert answer.topic == f"$iothub/twin/res/200/?$rid=read-{qos}"
        assert json.loads(answer.payload)["desired"] == {"interval": 5, "$version": 1}
        answer = await device.ask(f"{REPORTED}report-{qos}", b'{"fw":"1.%d"}' % qos, qos=qos)
        assert answer.topic == f"$iothub/twin/res/204/?$rid=report-{qos}&$version={qos + 2}"
        assert answer.payload == b""
    assert site.control.hub.twins[record.generation_id].reported == {"fw": "1.1"}


async def test_reports_are_stored_in_the_order_sent(site: Site) -> None:
    await site.start_gateway()
    device, record = await site.connected("pump-7")
    for number in range(30):
        device.mqtt.publish(f"{REPORTED}{number}", b'{"count":%d}' % number, qos=number % 2)
    device.mqtt.publish(f"{GET}last", b"")
    await device.flush()
    answers = [event for event in [await device.next_event() for _ in range(46)] if isinstance(event, mqtt.Publish)]
    expected = [f"$iothub/twin/res/204/?$rid={number}&$version={number + 2}" for number in range(30)]
    assert [answer.topic for answer in answers[:-1]] == expected
    assert json.loads(answers[-1].payload)["reported"] == {"count": 29, "$version": 31}
    assert site.control.hub.twins[record.generation_id].reported == {"count": 29}


STATUSES = {400: 400004, 404: 404001, 413: 413001, 422: 400004, 429: 429001, 500: 500001, 503: 503001, 504: 503001}


@pytest.mark.parametrize("status", STATUSES)
async def test_what_control_refuses_is_told_in_the_words_of_the_contract(site: Site, status: int) -> None:
    await site.start_gateway()
    device, _ = await site.connected("pump-7")
    for topic, service in ((GET, READ_TWIN), (REPORTED, REPORT_PROPERTIES)):
        site.control.hub.refuse[service] = status
        answer = await device.ask(f"{topic}a", b"{}", qos=1)
        code = STATUSES[status]
        assert answer.topic == f"$iothub/twin/res/{code // 1000}/?$rid=a"
        body = json.loads(answer.payload)
        assert body["errorCode"] == code
        assert body.keys() == {"errorCode", "trackingId", "message", "timestampUtc"}


async def test_a_patch_is_taken_up_to_its_limit_and_not_beyond(site: Site) -> None:
    site.settings = GatewaySettings(session=SessionSettings(max_patch_bytes=20))
    await site.start_gateway()
    device, _ = await site.connected("pump-7")
    assert "/204/" in (await device.ask(f"{REPORTED}b", b'{"text":"123456789"}')).topic
    answer = await device.ask(f"{REPORTED}c", b'{"text":"1234567890"}')
    assert answer.topic == "$iothub/twin/res/413/?$rid=c"


async def test_requests_above_the_rate_are_answered_with_429_and_are_on_record(site: Site) -> None:
    site.settings = GatewaySettings(session=SessionSettings(twin_requests_per_s=0.001, twin_requests_burst=3))
    await site.start_gateway()
    device, record = await site.connected("pump-7")
    topics = [(await device.ask(f"{GET}{number}", b"", qos=1)).topic for number in range(5)]
    assert [topic.split("/")[3] for topic in topics] == ["200", "200", "200", "429", "429"]
    refusal = await site.wait_decision("refuse", "requests_throttled")
    assert (refusal.generation_id, refusal.action) == (record.generation_id, "readTwin")
    assert refusal.hint
    await device.telemetry("pump-7", b"goes on")


async def test_a_large_patch_counts_as_many_requests_as_it_has_pieces(site: Site) -> None:
    site.settings = GatewaySettings(session=SessionSettings(twin_requests_per_s=0.01, twin_requests_burst=6))
    await site.start_gateway()
    device, _ = await site.connected("pump-7")
    await device.subscribe(("$iothub/twin/res/#", 0))
    large = b'{"text":"' + b"x" * 12_288 + b'"}'
    assert (await device.ask(REPORTED + "1", large)).topic.startswith("$iothub/twin/res/204/")
    assert (await device.ask(REPORTED + "2", large)).topic.startswith("$iothub/twin/res/429/")
    assert (await device.ask(REPORTED + "3", b'{"a":1}')).topic.startswith("$iothub/twin/res/204/")


async def test_no_more_requests_wait_than_may(site: Site) -> None:
    site.settings = GatewaySettings(session=SessionSettings(max_twin_requests=2, request_timeout_s=60))
    await site.start_gateway()
    device, _ = await site.connected("pump-7")
    site.control.hub.hold = asyncio.Event()
    for number in range(5):
        device.mqtt.publish(f"{GET}{number}", b"")
        await device.flush()
        await until(lambda: site.control.hub.asked[READ_TWIN] == 1)  # the first one does not wait any more
    refused = [await device.next_message() for _ in range(2)]
    assert [each.topic for each in refused] == [f"$iothub/twin/res/429/?$rid={number}" for number in (3, 4)]
    site.control.hub.hold.set()
    answers = [await device.next_message() for _ in range(3)]
    assert [each.topic for each in answers] == [f"$iothub/twin/res/200/?$rid={number}" for number in (0, 1, 2)]


async def test_a_request_waits_for_control_and_holds_the_pubacks_behind_it(site: Site) -> None:
    site.settings = GatewaySettings(session=SessionSettings(request_timeout_s=6))
    await site.start_gateway()
    device, _ = await site.connected("pump-7")
    site.control.hub.hold = asyncio.Event()
    first = device.mqtt.publish(f"{GET}a", b"", qos=1)
    second = device.mqtt.publish("devices/pump-7/messages/events/", b"x", qos=1)
    await device.flush()
    assert await device.has_nothing()
    assert [message.body for message in await site.wait_stored()] == [b"x"]
    assert await device.next_event() == mqtt.Puback(first)
    assert await device.next_event() == mqtt.Puback(second)
    answer = await device.next_message()
    assert answer.topic == "$iothub/twin/res/503/?$rid=a"
    assert json.loads(answer.payload)["errorCode"] == 503001
    site.control.hub.hold.set()


async def test_a_restart_of_control_is_outlasted(site: Site) -> None:
    site.settings = GatewaySettings(session=SessionSettings(request_timeout_s=25))
    await site.start_gateway()
    device, _ = await site.connected("pump-7")
    await site.stop_control()
    device.mqtt.publish(f"{GET}a", b"")
    device.mqtt.publish(f"{REPORTED}b", b"{}")
    await device.flush()
    assert await device.has_nothing(within_s=0.5)
    site.start_control()
    assert [(await device.next_message()).topic.split("/")[3] for _ in range(2)] == ["200", "204"]


async def test_the_last_report_before_disconnect_is_stored(site: Site) -> None:
    await site.start_gateway()
    device, record = await site.connected("pump-7")
    for number in range(10):
        device.mqtt.publish(f"{REPORTED}{number}", b'{"last":%d}' % number)
    await device.close()
    await until(lambda: site.control.hub.twins[record.generation_id].reported == {"last": 9})


async def test_desired_changes_reach_those_who_listen_and_no_older_one_follows(site: Site) -> None:
    await site.start_gateway()
    device, record = await site.connected("pump-7")
    deaf, deaf_record = await site.connected("deaf")
    hub = site.control.hub
    hub.change_desired(record.generation_id, {"unheard": True})
    assert await device.has_nothing()
    assert await device.subscribe((DESIRED, 1)) == (1,)
    hub.change_desired(record.generation_id, {"interval": 7, "unheard": None})
    hub.change_desired(deaf_record.generation_id, {"interval": 8})
    change = await device.next_message()
    assert (change.topic, change.qos) == ("$iothub/twin/PATCH/properties/desired/?$version=3", 0)
    assert json.loads(change.payload) == {"interval": 7, "unheard": None, "$version": 3}
    for version in (2, 3):
        hub.tell(DesiredChanged(generation_id=record.generation_id, version=version, patch=b"{}"))
    hub.change_desired(record.generation_id, {"interval": 9})
    assert (await device.next_message()).topic.endswith("$version=4")
    await device.unsubscribe(DESIRED)
    hub.change_desired(record.generation_id, {"interval": 10})
    assert await device.has_nothing()
    assert await deaf.has_nothing()
