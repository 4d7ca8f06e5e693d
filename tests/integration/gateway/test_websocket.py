"""MQTT over WebSocket: the same sessions by another port."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl

import pytest
from gateway_site import Site
from mqtt_device import PATIENCE_S, Closed, MqttDevice, client_context
from stand_in_control import Credential
from waiting import until

from vedette.protocols import mqtt
from vedette.protocols.mqtt import ReasonCode
from vedette.protocols.websocket import Close, CloseCode, Data, Limits, Ping, Pong, Role, WebSocketConnection

pytestmark = pytest.mark.anyio

REQUEST = (
    b"GET /$iothub/websocket HTTP/1.1\r\nHost: localhost:443\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class WebSocketDevice(MqttDevice):
    """A device whose packets travel in binary messages."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(reader, writer)
        self.web = WebSocketConnection(Role.CLIENT, Limits(), new_mask=lambda: os.urandom(4))
        self.control: list[Ping | Pong | Close] = []

    @classmethod
    async def upgraded(cls, port: int, context: ssl.SSLContext) -> WebSocketDevice:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
        device = cls(reader, writer)
        writer.write(REQUEST)
        async with asyncio.timeout(PATIENCE_S):
            head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        return device

    async def flush(self) -> None:
        self.web.send(self.mqtt.bytes_to_send())
        self.writer.write(self.web.bytes_to_send())
        await self.writer.drain()

    async def _read(self) -> bytes:
        stream = b""
        while not stream:
            for event in self.web.receive(await super()._read()):
                if isinstance(event, Data):
                    stream += event.payload
                else:
                    self.control.append(event)
            if self.web.is_closed and not stream:
                raise Closed
        return stream


async def opened(site: Site, name: str = "pump-7") -> tuple[Credential, int]:
    port = free_port()
    await site.start_gateway(websocket_port=port)
    credential, _ = site.new_device(name)
    return credential, port


async def upgraded(site: Site, credential: Credential | None, port: int) -> WebSocketDevice:
    return await WebSocketDevice.upgraded(port, client_context(site.folder / "root.pem", credential))


@pytest.mark.parametrize("level", [mqtt.MQTT_3_1_1, mqtt.MQTT_5])
async def test_session_is_the_same_as_without(site: Site, level: int) -> None:
    credential, port = await opened(site)
    device = await upgraded(site, credential, port)
    assert await device.connect("pump-7", level=level) == 0
    await device.telemetry("pump-7", b"hello", "unit=bar")
    await device.telemetry("pump-7", b"x" * 200_000)
    assert (await device.subscribe(("devices/pump-7/messages/devicebound/#", 1))) == (1,)
    site.control.hub.send(site.control.records[("pump-7", None)].generation_id, b"y" * 70_000)
    assert (await device.next_command()).payload == b"y" * 70_000
    assert [len(message.body) for message in await site.stored()] == [5, 200_000]
    record = await site.wait_decision("connect", "permitted")
    assert record.certificate_subject == "CN=pump-7"
    device.mqtt.disconnect()
    await device.flush()
    with pytest.raises(Closed):
        await device.next_event()
    assert device.control == [Close(CloseCode.NORMAL, "")]


async def test_packets_may_be_spread_over_frames_and_share_them(site: Site) -> None:
    credential, port = await opened(site)
    device = await upgraded(site, credential, port)
    device.mqtt.connect(mqtt.Connect("pump-7", clean_session=True, keep_alive_s=60))
    for byte in device.mqtt.bytes_to_send():
        device.web.send(bytes((byte,)))
    await device.flush()
    assert isinstance(await device.next_event(), mqtt.Connack)
    for number in range(5):
        device.mqtt.publish("devices/pump-7/messages/events/", b"%d" % number, qos=1)
    await device.flush()
    assert [await device.next_event() for _ in range(5)] == [mqtt.Puback(number) for number in range(1, 6)]


async def test_refusal_and_cut_reach_the_client(site: Site) -> None:
    credential, port = await opened(site)
    record = site.control.records[("pump-7", None)]
    device = await upgraded(site, credential, port)
    assert await device.connect("pump-8") == 5
    device = await upgraded(site, credential, port)
    assert await device.connect("pump-7", level=mqtt.MQTT_5) == 0
    site.control.set_enabled(record, is_enabled=False)
    event = await device.next_event()
    assert isinstance(event, mqtt.Disconnect)
    assert event.reason_code == ReasonCode.ADMINISTRATIVE_ACTION
    await site.wait_decision("cut", "disabled")
    site.control.set_enabled(record, is_enabled=True)
    device = await upgraded(site, credential, port)
    assert await device.connect("pump-7") == 0
    site.control.set_enabled(record, is_enabled=False)
    with pytest.raises(Closed):
        await device.next_event()


async def test_takeover_works_across_the_ports(site: Site) -> None:
    credential, port = await opened(site)
    by_websocket = await upgraded(site, credential, port)
    assert await by_websocket.connect("pump-7") == 0
    by_mqtt = await site.open(credential)
    assert await by_mqtt.connect("pump-7") == 0
    await by_websocket.wait_closed()
    assert await (await upgraded(site, credential, port)).connect("pump-7") == 0
    await by_mqtt.wait_closed()


async def test_ping_is_answered(site: Site) -> None:
    credential, port = await opened(site)
    device = await upgraded(site, credential, port)
    device.web.ping(b"there?")
    assert await device.connect("pump-7") == 0
    assert device.control == [Pong(b"there?")]


async def test_closing_client_is_answered_and_its_session_ends(site: Site) -> None:
    credential, port = await opened(site)
    device = await upgraded(site, credential, port)
    assert await device.connect("pump-7") == 0
    device.web.close()
    await device.flush()
    with pytest.raises(Closed):
        await device.next_event()
    assert device.control == [Close(CloseCode.NORMAL, "")]
    await until(lambda: [each.reason for each in site.control.hub.closed] == ["connection_lost"])


BROKEN_FRAMES = {
    "text": (b"\x81\x80abcd", CloseCode.UNSUPPORTED_DATA),
    "no mask": (b"\x82\x01x", CloseCode.PROTOCOL_ERROR),
    "compressed": (b"\xc2\x80abcd", CloseCode.PROTOCOL_ERROR),
    "too long": (b"\x82\xff\x00\x00\x01\x00\x00\x00\x00\x00abcd", CloseCode.MESSAGE_TOO_BIG),
}


@pytest.mark.parametrize("case", BROKEN_FRAMES)
async def test_broken_frame_ends_the_session_on_record(site: Site, case: str) -> None:
    frame, code = BROKEN_FRAMES[case]
    credential, port = await opened(site)
    device = await upgraded(site, credential, port)
    assert await device.connect("pump-7", level=mqtt.MQTT_5) == 0
    await device.send(frame)
    event = await device.next_event()
    assert isinstance(event, mqtt.Disconnect)
    assert event.reason_code == ReasonCode.PROTOCOL_ERROR
    with pytest.raises(Closed):
        await device.next_event()
    assert device.control == [Close(code, "")]
    record = await site.wait_decision("refuse", "protocol_error")
    assert "WebSocket" in record.detail


async def test_broken_frame_before_connect_closes(site: Site) -> None:
    credential, port = await opened(site)
    device = await upgraded(site, credential, port)
    await device.send(b"\x81\x80abcd")
    with pytest.raises(Closed):
        await device.next_event()
    assert device.control == [Close(CloseCode.UNSUPPORTED_DATA, "")]
    await site.wait_decision("refuse", "protocol_error")


async def test_other_requests_are_refused_on_record(site: Site) -> None:
    credential, port = await opened(site)
    context = client_context(site.folder / "root.pem", credential)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET /$iothub/websocket HTTP/1.1\r\n")
    async with asyncio.timeout(PATIENCE_S):
        assert await reader.read() == (
            b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 10\r\nConnection: close\r\n\r\n"
            b"Not Found\n"
        )
    writer.close()
    record = await site.wait_decision("refuse", "bad_upgrade")
    assert record.certificate_subject == "CN=pump-7"
    assert record.hint


async def test_stopping_gateway_closes_websockets(site: Site) -> None:
    credential, port = await opened(site)
    device = await upgraded(site, credential, port)
    assert await device.connect("pump-7", level=mqtt.MQTT_5) == 0
    await site.stop_gateway()
    event = await device.next_event()
    assert isinstance(event, mqtt.Disconnect)
    assert event.reason_code == ReasonCode.SERVER_SHUTTING_DOWN
    with pytest.raises(Closed):
        await device.next_event()


async def test_provisioning_works_over_websocket(site: Site) -> None:
    credential, port = await opened(site)
    device = await upgraded(site, credential, port)
    user = "0ne00TEST/registrations/pump-7/api-version=2019-03-31"
    assert await device.connect("pump-7", user_name=user) == 0
    await device.subscribe(("$dps/registrations/res/#", 1))
    answer = await device.ask("$dps/registrations/PUT/iotdps-register/?$rid=1", b'{"registrationId":"pump-7"}')
    assert answer.topic == "$dps/registrations/res/200/?$rid=1"
