"""A sensor's TLS connection to the platform: sockets around the sans-io MQTT client; MQTT 5, which gives reasons."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

from vedette.kernel import Deadline
from vedette.protocols import LocalProtocolError, RemoteProtocolError, mqtt

DEADLINE_S: Final = 30.0
"""For everything that is asked of the platform, an acknowledgement too."""
KEEP_ALIVE_S: Final = 60
_PING_AFTER_S: Final = 25.0
_READ_BYTES: Final = 65_536
_MAX_MESSAGES: Final = 64


class Cut(Exception):  # noqa: N818 - what happened, not what went wrong
    """The connection did not come about, or has ended; the text says why, as far as that is known."""


class Refused(Exception):  # noqa: N818 - what happened, not what went wrong
    """The platform answered CONNECT with no."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"refused with code {code:#04x}" + (f": {reason}" if reason else ""))
        self.code = code


class Login(NamedTuple):
    """What a CONNECT says."""

    client_id: str
    user_name: str
    password: bytes | None = None

    def __repr__(self) -> str:
        # A password is a token: it must not reach a log through a representation.
        return f"Login(client_id={self.client_id!r}, password={'absent' if self.password is None else 'hidden'})"


def client_context(root: Path, identity: Path | None) -> ssl.SSLContext:
    """Return a context that trusts one root only, and presents an identity if there is one.

    Raises:
        Cut: A file is missing or is not what it should be.
    """
    try:
        context = ssl.create_default_context(cafile=str(root))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if identity is not None:
            context.load_cert_chain(identity)
    except (OSError, ssl.SSLError) as error:
        raise Cut(f"{root} or {identity or 'the identity'} can't be used: {error}") from None
    return context


class UplinkConnection:
    """One MQTT connection; made by ``open``, and used within ``reading``."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._mqtt = mqtt.ClientConnection(mqtt.Limits())
        self._waiting: dict[int, Callable[[int, str], None]] = {}
        self.messages: asyncio.Queue[mqtt.Publish] = asyncio.Queue(maxsize=_MAX_MESSAGES)
        """What the platform sent; what comes while it is full is dropped."""

    @classmethod
    async def open(cls, host: str, port: int, context: ssl.SSLContext, login: Login) -> UplinkConnection:
        """Connect and sign in.

        Raises:
            Refused: The platform said no.
            Cut: It can't be reached, is not who it should be, or ended the connection.
        """
        try:
            async with Deadline(DEADLINE_S):
                reader, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=host)
        except ssl.SSLCertVerificationError as error:
            raise Cut(f"{host} is not the platform that was pinned: {error.verify_message}") from None
        except TimeoutError:
            raise Cut(f"{host}:{port} did not answer in {DEADLINE_S:.0f} s") from None
        except OSError as error:
            raise Cut(f"{host}:{port}: {error.strerror or error}") from None
        connection = cls(reader, writer)
        try:
            async with Deadline(DEADLINE_S):
                await connection._sign_in(login)
        except TimeoutError:
            writer.close()
            raise Cut("no answer to CONNECT") from None
        except OSError as error:
            writer.close()
            raise Cut(str(error)) from None
        except BaseException:
            writer.close()
            raise
        return connection

    @property
    def inflight(self) -> int:
        """How many messages wait for their acknowledgement."""
        return len(self._waiting)

    async def publish(self, topic: str, payload: bytes, told: Callable[[int, str], None]) -> None:
        """Send at QoS 1; ``told`` hears the acknowledgement's reason code and text, or nothing if the connection ends.

        Raises:
            Cut: The connection has ended, or can't carry it.
        """
        try:
            packet_id = self._mqtt.publish(topic, payload, qos=1)
        except LocalProtocolError as error:
            raise Cut(str(error)) from None
        self._waiting[packet_id] = told
        await self._flush()

    async def ask(self, topic: str, payload: bytes) -> None:
        """Send at QoS 1 and wait until it was taken.

        Raises:
            Cut: It was not, or not in time.
        """
        future: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()
        await self.publish(topic, payload, _answering(future))
        code, reason = await self._wait(future)
        if code >= mqtt.ReasonCode.UNSPECIFIED_ERROR:
            raise Cut(f"{topic.partition('?')[0]} was answered with code {code:#04x}: {reason}")

    async def subscribe(self, topic_filter: str) -> None:
        """Ask for messages.

        Raises:
            Cut: The platform said no, or not in time.
        """
        future: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()
        try:
            packet_id = self._mqtt.subscribe([(topic_filter, 1)])
        except LocalProtocolError as error:
            raise Cut(str(error)) from None
        self._waiting[packet_id] = _answering(future)
        await self._flush()
        code, reason = await self._wait(future)
        if code >= mqtt.ReasonCode.UNSPECIFIED_ERROR:
            raise Cut(f"no messages from {topic_filter}: code {code:#04x} {reason}")

    async def next_message(self) -> mqtt.Publish:
        """Wait for a message.

        Raises:
            Cut: None came in time.
        """
        try:
            async with Deadline(DEADLINE_S):
                return await self.messages.get()
        except TimeoutError:
            raise Cut("no answer in time") from None

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """Read and keep alive beside the body, and close in the end.

        Raises:
            Cut: The connection ended before the body.
        """
        try:
            async with asyncio.TaskGroup() as group:
                reader = group.create_task(self._read(), name="read")
                try:
                    yield
                finally:
                    reader.cancel()
        except BaseExceptionGroup as several:
            found = several.exceptions
            raise next((each for each in found if not isinstance(each, Cut)), found[0]) from None
        finally:
            await self.close()

    async def _read(self) -> None:
        """Read until the connection ends, which is always a ``Cut``; keep it alive meanwhile."""
        is_asked = False
        while True:
            try:
                async with Deadline(_PING_AFTER_S):
                    data = await self._reader.read(_READ_BYTES)
            except TimeoutError:
                if is_asked:
                    raise Cut("the platform is silent") from None
                is_asked = True
                self._ping()
                await self._flush()
                continue
            except OSError as error:
                raise Cut(str(error)) from None
            if not data:
                raise Cut("closed by the platform")
            is_asked = False
            self._take(data)
            await self._flush()

    async def close(self) -> None:
        """Leave in order."""
        if self._mqtt.state is mqtt.ClientState.CONNECTED:
            self._mqtt.disconnect()
            self._writer.write(self._mqtt.bytes_to_send())
        self._writer.close()

    def _ping(self) -> None:
        try:
            self._mqtt.pingreq()
        except LocalProtocolError as error:
            raise Cut(str(error)) from None

    async def _sign_in(self, login: Login) -> None:
        self._mqtt.connect(
            mqtt.Connect(
                client_id=login.client_id,
                clean_session=True,
                keep_alive_s=KEEP_ALIVE_S,
                user_name=login.user_name,
                password=login.password,
                protocol_level=mqtt.MQTT_5,
            )
        )
        await self._flush()
        while True:
            data = await self._reader.read(_READ_BYTES)
            if not data:
                raise Cut("closed before CONNACK")
            for event in self._receive(data):
                if isinstance(event, mqtt.Connack):
                    if event.return_code:
                        offer = event.offer
                        raise Refused(event.return_code, (offer.reason_string or "") if offer is not None else "")
                    return

    def _receive(self, data: bytes) -> list[mqtt.ClientEvent]:
        try:
            return self._mqtt.receive(data)
        except RemoteProtocolError as error:
            raise Cut(f"the platform broke the protocol: {error}") from None

    def _take(self, data: bytes) -> None:
        for event in self._receive(data):
            match event:
                case mqtt.Puback():
                    self._tell(event.packet_id, event.reason_code, event.reason_string)
                case mqtt.Suback():
                    self._tell(event.packet_id, max(event.return_codes, default=0x80), event.reason_string)
                case mqtt.Publish():
                    if event.qos:
                        self._mqtt.puback(event.packet_id)
                    if not self.messages.full():
                        self.messages.put_nowait(event)
                case mqtt.Disconnect():
                    reason = event.reason_string or f"code {event.reason_code:#04x}"
                    raise Cut(f"closed by the platform: {reason}")
                case _:
                    pass

    def _tell(self, packet_id: int, code: int, reason: str | None) -> None:
        told = self._waiting.pop(packet_id, None)
        if told is not None:
            told(code, reason or "")

    async def _wait(self, future: asyncio.Future[tuple[int, str]]) -> tuple[int, str]:
        try:
            async with Deadline(DEADLINE_S):
                return await future
        except TimeoutError:
            raise Cut("no acknowledgement in time") from None

    async def _flush(self) -> None:
        data = self._mqtt.bytes_to_send()
        if not data:
            return
        try:
            self._writer.write(data)
            async with Deadline(DEADLINE_S):
                await self._writer.drain()
        except TimeoutError:
            raise Cut("the platform takes nothing any more") from None
        except OSError as error:
            raise Cut(str(error)) from None


def _answering(future: asyncio.Future[tuple[int, str]]) -> Callable[[int, str], None]:
    def told(code: int, reason: str) -> None:
        if not future.done():
            future.set_result((code, reason))

    return told
