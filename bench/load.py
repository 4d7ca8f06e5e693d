"""A load generator that speaks just enough MQTT 3.1.1 over TLS, the same for every server under test."""

from __future__ import annotations

import asyncio
import ssl
import struct
import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Target:
    """A server under test and how an identity signs in there."""

    host: str
    port: int
    root_pem: Path
    user_name: str = ""
    topic: str = "devices/{d}/messages/events/"

    def context(self, certificate: Path, key: Path) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.root_pem))
        context.load_cert_chain(certificate, key)
        context.maximum_version = ssl.TLSVersion.TLSv1_3
        return context


def encode_connect(client_id: str, user_name: str, keep_alive_s: int = 0, *, clean: bool = True) -> bytes:
    flags = (0x02 if clean else 0) | (0x80 if user_name else 0)
    body = b"\x00\x04MQTT\x04" + bytes([flags]) + struct.pack(">H", keep_alive_s)
    for text in filter(None, (client_id, user_name)):
        raw = text.encode()
        body += struct.pack(">H", len(raw)) + raw
    return b"\x10" + _varint(len(body)) + body


def encode_publish(topic: str, payload: bytes, packet_id: int, qos: int = 1) -> bytes:
    raw = topic.encode()
    body = struct.pack(">H", len(raw)) + raw + (struct.pack(">H", packet_id) if qos else b"") + payload
    return bytes([0x30 | (qos << 1)]) + _varint(len(body)) + body


def _varint(number: int) -> bytes:
    out = bytearray()
    while True:
        number, digit = divmod(number, 128)
        out.append(digit | (0x80 if number else 0))
        if not number:
            return bytes(out)


class Session(asyncio.Protocol):
    """One device: connects, keeps ``window`` messages in flight, counts acknowledgements."""

    def __init__(self, device_id: str, connect: bytes) -> None:
        self.device_id = device_id
        self._connect = connect
        self.transport: asyncio.Transport | None = None
        self.opened: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.closed: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self.acknowledged = 0
        self.latencies: list[float] = []
        self._sent_at: dict[int, float] = {}
        self._packets: list[bytes] = []
        self._next = 0
        self._is_running = False
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment] # a stream transport
        self.transport.write(self._connect)  # type: ignore[union-attr] # just set

    def data_received(self, data: bytes) -> None:
        data = self._buffer + data
        at = 0
        while at + 2 <= len(data) and at + 2 + data[at + 1] <= len(data):
            kind, length = data[at], data[at + 1]
            if kind == 0x20 and not self.opened.done():
                self.opened.set_result(data[at + 3])
            elif kind == 0x40:
                self._acknowledge(data[at + 2] << 8 | data[at + 3])
            at += 2 + length
        self._buffer = data[at:]

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_running = False
        if not self.opened.done():
            self.opened.set_exception(exc or ConnectionError("closed before CONNACK"))
            self.opened.exception()
        if not self.closed.done():
            self.closed.set_result(time.monotonic())

    def run(self, topic: str, payload: bytes, window: int) -> None:
        self._packets = [encode_publish(topic, payload, index + 1) for index in range(window)]
        self._is_running = True
        now = time.monotonic()
        for index in range(window):
            self._sent_at[index + 1] = now
        assert self.transport is not None
        self.transport.write(b"".join(self._packets))

    def stop(self) -> None:
        self._is_running = False

    def close(self) -> None:
        if self.transport is not None:
            self.transport.close()

    def _acknowledge(self, packet_id: int) -> None:
        now = time.monotonic()
        self.acknowledged += 1
        sent = self._sent_at.get(packet_id)
        if sent is not None:
            self.latencies.append(now - sent)
        if self._is_running and self.transport is not None:
            self._sent_at[packet_id] = now
            self.transport.write(self._packets[packet_id - 1])


@dataclass
class Fleet:
    """Many sessions against one target."""

    target: Target
    identities: list[tuple[str, ssl.SSLContext]]
    sessions: list[Session] = field(default_factory=list)

    async def connect(self, parallel: int = 50) -> float:
        """Connect every identity; returns seconds."""
        begin = time.monotonic()
        queue = list(reversed(self.identities))

        async def worker() -> None:
            while queue:
                device_id, context = queue.pop()
                self.sessions.append(await open_session(self.target, device_id, context))

        async with asyncio.TaskGroup() as group:
            for _ in range(parallel):
                group.create_task(worker())
        return time.monotonic() - begin

    async def publish(self, seconds: float, payload_bytes: int = 200, window: int = 1) -> tuple[int, list[float]]:
        """Closed loop on all sessions; returns acknowledged messages and their latencies in seconds."""
        payload = b"x" * payload_bytes
        for session in self.sessions:
            session.acknowledged = 0
            session.latencies = []
            session.run(self.target.topic.replace("{d}", session.device_id), payload, window)
        await asyncio.sleep(seconds)
        count = sum(session.acknowledged for session in self.sessions)
        latencies = [latency for session in self.sessions for latency in session.latencies]
        for session in self.sessions:
            session.stop()
        await asyncio.sleep(0.5)
        return count, latencies

    async def close(self) -> None:
        for session in self.sessions:
            session.close()
        self.sessions.clear()
        await asyncio.sleep(0.5)


async def open_session(target: Target, device_id: str, context: ssl.SSLContext) -> Session:
    """Connect one identity; raises when the server refuses it."""
    user = target.user_name.replace("{d}", device_id)
    loop = asyncio.get_running_loop()
    _, session = await loop.create_connection(
        lambda: Session(device_id, encode_connect(device_id, user)),
        target.host,
        target.port,
        ssl=context,
        server_hostname=target.host,
    )
    code = await asyncio.wait_for(session.opened, 30)
    if code:
        raise ConnectionError(f"{device_id} was refused with CONNACK {code}")
    return session
