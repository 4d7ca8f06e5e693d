"""What control hears of sessions: each beginning, each end, and all of them when it asks."""

from __future__ import annotations

import asyncio

import pytest
from gateway_site import Site
from waiting import until

from vedette.gateway import GatewaySettings, SessionSettings, uplink
from vedette.protocols import mqtt

pytestmark = pytest.mark.anyio


async def test_a_session_is_told_with_its_client_and_its_end_with_the_reason(site: Site) -> None:
    await site.start_gateway()
    hub = site.control.hub
    credential, record = site.new_device("pump-7")
    device = await site.open(credential)
    user = "localhost/pump-7/?api-version=2021-04-12&DeviceClientType=py%2F2.14%0d%0a"
    assert await device.connect("pump-7", user_name=user) == 0
    await until(lambda: bool(hub.opened))
    (opened,) = hub.opened
    assert (opened.generation_id, opened.remote_address) == (record.generation_id, "127.0.0.1")
    assert (opened.protocol, opened.client) == ("MQTT 3.1.1", "py/2.14\r\n")
    await device.close()
    await until(lambda: bool(hub.closed))
    (closed,) = hub.closed
    assert (closed.generation_id, closed.session_id) == (opened.generation_id, opened.session_id)
    assert closed.reason == "disconnected"
    assert closed.closed_at_ms >= opened.opened_at_ms


async def test_every_end_is_told(site: Site) -> None:
    await site.start_gateway()
    hub = site.control.hub
    device, record = await site.connected("pump-7")
    devices = [device]

    async def come_back() -> None:
        devices.append(await site.open(site.credentials["pump-7"]))
        assert await devices[-1].connect("pump-7", level=mqtt.MQTT_5) == 0

    device.vanish()
    await until(lambda: len(hub.closed) == 1)
    await come_back()
    await come_back()
    await devices[-1].send(b"\xff" * 6)
    await until(lambda: len(hub.closed) == 3)
    await come_back()
    site.control.set_enabled(record, is_enabled=False)
    await until(lambda: len(hub.closed) == 4)
    site.control.set_enabled(record, is_enabled=True)
    await come_back()
    await site.stop_gateway()
    await until(lambda: len(hub.closed) == 5)
    reasons = [each.reason for each in hub.closed]
    assert reasons == ["connection_lost", "taken_over", "protocol_error", "disabled", "stopping"]
    assert [each.session_id for each in hub.closed] == [each.session_id for each in hub.opened]
    assert {each.protocol for each in hub.opened[1:]} == {"MQTT 5"}


async def test_all_sessions_are_told_in_parts(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uplink, "SESSIONS_PER_PART", 2)
    await site.start_gateway()
    hub = site.control.hub
    hub.ask_for_sessions("op_0")
    await until(lambda: bool(hub.reports))
    (empty,) = hub.reports
    assert (empty.report_id, empty.sessions, empty.is_last, empty.part) == ("op_0", [], True, 0)
    devices = [await site.connected(f"pump-{number}") for number in range(5)]
    hub.reports.clear()
    hub.ask_for_sessions("op_1")
    await until(lambda: bool(hub.reports) and hub.reports[-1].is_last)
    assert [(each.part, len(each.sessions), each.is_last) for each in hub.reports] == [
        (0, 2, False),
        (1, 2, False),
        (2, 1, True),
    ]
    told = {row[0]: row[1:] for each in hub.reports for row in each.sessions}
    assert told == {each.generation_id: (each.session_id, each.opened_at_ms) for each in hub.opened}
    assert told.keys() == {record.generation_id for _, record in devices}
    assert {each.boot_id for each in hub.reports} == {each.boot_id for each in site.control.statuses}


async def test_two_clients_under_one_identity_are_reported_once_with_what_they_presented(site: Site) -> None:
    site.settings = GatewaySettings(session=SessionSettings(takeovers=4, takeover_window_s=300, takeover_pause_s=0.01))
    await site.start_gateway()
    device, record = await site.connected("pump-7")
    devices = [device]
    for _ in range(12):
        devices.append(await site.open(site.credentials["pump-7"]))
        await devices[-1].connect("pump-7")
    hub = site.control.hub
    await until(lambda: bool(hub.clones))
    await asyncio.sleep(0.1)
    (report,) = hub.clones
    assert (report.generation_id, report.takeovers, report.window_s) == (record.generation_id, 4, 300)
    assert report.remote_addresses == ["127.0.0.1"]
    assert report.certificate_sha256 == [site.credentials["pump-7"].sha256]


async def test_a_clone_at_another_gateway_is_reported_by_the_one_it_displaces(site: Site) -> None:
    site.settings = GatewaySettings(session=SessionSettings(takeovers=2, takeover_window_s=300))
    await site.start_gateway("gateway-1")
    await site.start_gateway("gateway-2")
    device, record = await site.connected("pump-7")
    for gateway in ("gateway-2", "gateway-1", "gateway-2"):
        other = await site.open(site.credentials["pump-7"], gateway)
        assert await other.connect("pump-7") == 0
        await device.wait_closed()
        device = other
    hub = site.control.hub
    await until(lambda: bool(hub.clones))
    (report,) = hub.clones
    assert (report.gateway, report.generation_id, report.takeovers) == ("gateway-1", record.generation_id, 2)
    refused = await site.open(site.credentials["pump-7"], "gateway-1")
    assert await refused.connect("pump-7") == 3
