"""A device under a test's control: real sockets, the standard library's TLS, and a say in every byte."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

from stand_in_control import Credential

from vedette.protocols import mqtt

PATIENCE_S = 60.0
SERVER_UNAVAILABLE = 3
"""What CONNACK says to a device that may come again: nobody can judge it just now."""


class Closed(Exception):  # noqa: N818 - what happened
    """The gateway closed the connection."""


def client_context(
    root: Path, credential: Credential | None, *, version: ssl.TLSVersion | None = None
) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(root))
    if version is not None:
        context.minimum_version = context.maximum_version = version
    if credential is not None:
        context.load_cert_chain(credential.certificate_file, credential.key_file)
    return context


class MqttDevice:
    """One connection: ``open``, ``connect``, and then whatever the test sends."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.mqtt = mqtt.ClientConnection(mqtt.Limits())
        self._events: list[mqtt.ClientEvent] = []
        self.has_kept_session = False

    @classmethod
    async def open(cls, port: int, context: ssl.SSLContext, *, host: str = "localhost") -> MqttDevice:
        """Complete the TLS handshake."""
        async with asyncio.timeout(PATIENCE_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=host)
        return cls(reader, writer)

    async def connect(
        self,
        device_id: str,
        *,
        client_id: str | None = None,
        user_name: str | None = None,
        keep_alive_s: int = 60,
        will: mqtt.Will | None = None,
        is_clean: bool = False,
        password: bytes | None = None,
        level: int = mqtt.MQTT_3_1_1,
        session_expiry_s: int = mqtt.NEVER_EXPIRES,
    ) -> int:
        """Send CONNECT and return CONNACK's code; ``session_expiry_s`` is of MQTT 5 and of a session not clean."""
        self.mqtt.connect(
            mqtt.Connect(
                client_id=device_id if client_id is None else client_id,
                clean_session=is_clean,
                keep_alive_s=keep_alive_s,
                user_name=user_name or f"localhost/{device_id}/?api-version=2021-04-12&DeviceClientType=test",
                password=password,
                will=will,
                protocol_level=level,
                session_expiry_s=session_expiry_s if level == mqtt.MQTT_5 and not is_clean else 0,
            )
        )
        await self.flush()
        event = await self.next_event()
        assert isinstance(event, mqtt.Connack)
        self.has_kept_session = event.session_present
        return event.return_code

    async def flush(self) -> None:
        self.writer.write(self.mqtt.bytes_to_send())
        await self.writer.drain()

    async def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    async def next_event(self) -> mqtt.ClientEvent:
        """Wait for the next packet."""
        while not self._events:
            self._events.extend(self.mqtt.receive(await self._read()))
        return self._events.pop(0)

    async def subscribe(self, *filters: tuple[str, int]) -> tuple[int, ...]:
        """Subscribe and return what was granted."""
        self.mqtt.subscribe(filters)
        await self.flush()
        event = await self.next_event()
        assert isinstance(event, mqtt.Suback), event
        return event.return_codes

    async def unsubscribe(self, *filters: str) -> None:
        """Unsubscribe."""
        self.mqtt.unsubscribe(filters)
        await self.flush()
        event = await self.next_event()
        assert isinstance(event, mqtt.Unsuback), event

    async def ask(self, topic: str, payload: bytes = b"", *, qos: int = 0) -> mqtt.Publish:
        """Send a request and wait for its answer; at QoS 1 PUBACK comes first."""
        packet_id = self.mqtt.publish(topic, payload, qos=qos)
        await self.flush()
        if qos:
            assert await self.next_event() == mqtt.Puback(packet_id)
        return await self.next_message()

    async def next_message(self) -> mqtt.Publish:
        """Wait for the next message."""
        event = await self.next_event()
        assert isinstance(event, mqtt.Publish), event
        return event

    async def next_command(self) -> mqtt.Publish:
        """Wait for the next message, and acknowledge it."""
        message = await self.next_message()
        if message.qos:
            self.mqtt.puback(message.packet_id)
            await self.flush()
        return message

    async def has_nothing(self, *, within_s: float = 0.2) -> bool:
        """Tell whether nothing comes for a while."""
        try:
            async with asyncio.timeout(within_s):
                self._events.insert(0, await self.next_event())
        except TimeoutError:
            return True
        return False

    async def publish(self, topic: str, payload: bytes) -> None:
        """Send at QoS 1 and wait for PUBACK."""
        packet_id = self.mqtt.publish(topic, payload, qos=1)
        await self.flush()
        event = await self.next_event()
        assert event == mqtt.Puback(packet_id), event

    async def telemetry(self, device_id: str, payload: bytes, bag: str = "") -> None:
        await self.publish(f"devices/{device_id}/messages/events/{bag}", payload)

    async def wait_closed(self, timeout_s: float = PATIENCE_S) -> None:
        """Wait until the gateway ends the connection; what it sends before is dropped."""
        async with asyncio.timeout(timeout_s):
            try:
                while await self.reader.read(65_536):
                    pass
            except OSError:
                pass

    async def close(self) -> None:
        """Leave in order."""
        if self.mqtt.state is mqtt.ClientState.CONNECTED:
            self.mqtt.disconnect()
            self.writer.write(self.mqtt.bytes_to_send())
        self.writer.close()

    def vanish(self) -> None:
        """Drop the socket without a word."""
        self.writer.transport.abort()

    async def _read(self) -> bytes:
        async with asyncio.timeout(PATIENCE_S):
            try:
                data = await self.reader.read(65_536)
            except OSError as error:
                raise Closed from error
        if not data:
            raise Closed
        return data
