"""A device's TLS connection to the gateway: sockets around the sans-io MQTT client."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vedette.protocols import mqtt

DEADLINE_S: Final = 30.0


class Refused(Exception):  # noqa: N818 - what happened, not what went wrong
    """The gateway answered CONNECT with a return code other than 0."""

    def __init__(self, return_code: int) -> None:
        super().__init__(f"refused with CONNACK {return_code}")
        self.return_code = return_code


class Cut(Exception):  # noqa: N818 - what happened, not what went wrong
    """The gateway closed the connection."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the platform is, and whom to trust there.

    Attributes:
        host: Name or address; the server certificate must carry it.
        root: PEM file of the organization's root certificate.
    """

    host: str
    port: int
    root: Path

    def context(self, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
        """Return a client context that presents a certificate chain."""
        context = ssl.create_default_context(cafile=str(self.root))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if certificate is not None:
            context.load_cert_chain(certificate, key)
        return context


class DeviceConnection:
    """One MQTT connection; made by ``open``."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._mqtt = mqtt.ClientConnection(mqtt.Limits())
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._messages: asyncio.Queue[mqtt.Publish] = asyncio.Queue(maxsize=100)

    @classmethod
    async def open(
        cls,
        endpoint: Endpoint,
        context: ssl.SSLContext,
        *,
        client_id: str,
        user_name: str,
        password: bytes | None = None,
        keep_alive_s: int = 60,
    ) -> DeviceConnection:
        """Connect and sign in; a password is a shared access signature.

        Raises:
            Refused: CONNACK was not 0.
            Cut: The connection ended before CONNACK.
            OSError: TCP or TLS did not come about.
        """
        async with asyncio.timeout(DEADLINE_S):
            reader, writer = await asyncio.open_connection(
                endpoint.host, endpoint.port, ssl=context, server_hostname=endpoint.host
            )
        connection = cls(reader, writer)
        connect = mqtt.Connect(
            client_id=client_id,
            clean_session=False,
            keep_alive_s=keep_alive_s,
            user_name=user_name,
            password=password,
        )
        connection._mqtt.connect(connect)
        try:
            async with asyncio.timeout(DEADLINE_S):
                await connection._sign_in()
        except BaseException:
            writer.close()
            raise
        return connection

    async def publish(self, topic: str, payload: bytes) -> None:
        """Send at QoS 1 and wait until the gateway says that it is stored.

        Raises:
            Cut: The connection ended first.
        """
        packet_id = self._mqtt.publish(topic, payload, qos=1)
        await self._acknowledged(packet_id)

    async def subscribe(self, *topic_filters: str) -> None:
        """Ask for topic filters and wait for the answer.

        Raises:
            Cut: The connection ended first.
        """
        await self._acknowledged(self._mqtt.subscribe([(each, 1) for each in topic_filters]))

    async def next_message(self, timeout_s: float | None = DEADLINE_S) -> mqtt.Publish:
        """Wait for a message from the gateway.

        Raises:
            TimeoutError: None came in time.
        """
        async with asyncio.timeout(timeout_s):
            return await self._messages.get()

    async def send(self, topic: str, payload: bytes) -> None:
        """Send at QoS 0.

        Raises:
            Cut: The connection has ended.
        """
        self._mqtt.publish(topic, payload)
        await self._flush()

    async def run(self) -> None:
        """Read until the connection ends; a parent task runs this beside its work.

        Raises:
            Cut: Always, in the end.
        """
        try:
            while data := await self._reader.read(65_536):
                for event in self._mqtt.receive(data):
                    self._dispatch(event)
                await self._flush()
        except OSError as error:
            raise Cut(str(error)) from error
        finally:
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(Cut("closed by the gateway"))
                    future.exception()
        raise Cut("closed by the gateway")

    async def ping(self) -> None:
        """Show that the device is there.

        Raises:
            Cut: The connection has ended.
        """
        self._mqtt.pingreq()
        await self._flush()

    async def close(self) -> None:
        """Leave in order."""
        if self._mqtt.state is mqtt.ClientState.CONNECTED:
            self._mqtt.disconnect()
            self._writer.write(self._mqtt.bytes_to_send())
        self._writer.close()

    async def _sign_in(self) -> None:
        await self._flush()
        while True:
            data = await self._reader.read(65_536)
            if not data:
                raise Cut("closed before CONNACK")
            for event in self._mqtt.receive(data):
                if isinstance(event, mqtt.Connack):
                    if event.return_code:
                        raise Refused(event.return_code)
                    return

    def _dispatch(self, event: mqtt.ClientEvent) -> None:
        match event:
            case mqtt.Puback() | mqtt.Suback() | mqtt.Unsuback():
                future = self._waiting.pop(event.packet_id, None)
                if future is not None and not future.done():
                    future.set_result(None)
            case mqtt.Publish():
                if event.qos:
                    self._mqtt.puback(event.packet_id)
                if not self._messages.full():
                    self._messages.put_nowait(event)

    async def _acknowledged(self, packet_id: int) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[packet_id] = future
        await self._flush()
        async with asyncio.timeout(DEADLINE_S):
            await future

    async def _flush(self) -> None:
        data = self._mqtt.bytes_to_send()
        if not data:
            return
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise Cut(str(error)) from error
