"""The hub under load: twins, methods and commands at a steady rate, ten thousand idle sessions, a storm of reconnects.

Requests are sent on a schedule, whether or not earlier ones were answered, and each latency counts from the moment the
request was due: a server that stalls cannot hide it by holding the load back.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import ssl
import struct
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bench.load import Target, encode_connect, encode_publish
from bench.vedette_platform import HOST, Platform
from cryptography.hazmat.primitives import hashes

from vedette.simulation import Factory

# Whose CPU is counted: what an operation costs is what all of these took, divided by the operations.
ROLES = ("control", "gateway", "nats")
TOPICS = ("$iothub/methods/POST/#", "$iothub/twin/res/#", "$iothub/twin/PATCH/properties/desired/#")
METHOD = "$iothub/methods/POST/"
DIGITS = "abcdefghij"


class Device(asyncio.Protocol):
    """A device that subscribes to the whole hub, answers methods and takes commands at once."""

    def __init__(self, device_id: str, user_name: str) -> None:
        self.device_id = device_id
        self._connect = encode_connect(device_id, user_name, clean=False)
        self._buffer = bytearray()
        self.transport: asyncio.Transport | None = None
        loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[int] = loop.create_future()
        self.subscribed: asyncio.Future[None] = loop.create_future()
        self.closed: asyncio.Future[float] = loop.create_future()
        self.asked: dict[str, asyncio.Future[float]] = {}
        self.commands: list[tuple[float, bytes]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment] # a stream transport
        self.transport.write(self._connect)  # type: ignore[union-attr] # just set

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        for future in (self.opened, self.subscribed):
            if not future.done():
                future.set_exception(ConnectionError("closed"))
                future.exception()
        if not self.closed.done():
            self.closed.set_result(time.monotonic())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (frame := self._next_frame()) is not None:
            self._take(*frame)

    def _next_frame(self) -> tuple[int, bytes] | None:
        length, shift, at = 0, 0, 1
        while True:
            if at >= len(self._buffer):
                return None
            digit = self._buffer[at]
            length |= (digit & 0x7F) << shift
            shift += 7
            at += 1
            if not digit & 0x80:
                break
        if len(self._buffer) < at + length:
            return None
        frame = self._buffer[0], bytes(self._buffer[at : at + length])
        del self._buffer[: at + length]
        return frame

    def _take(self, kind: int, body: bytes) -> None:
        if kind == 0x20:
            self.opened.set_result(body[1])
        elif kind == 0x90 and not self.subscribed.done():
            self.subscribed.set_result(None)
        elif kind & 0xF0 == 0x30:
            self._take_publish(kind, body)

    def _take_publish(self, kind: int, body: bytes) -> None:
        assert self.transport is not None
        now = time.monotonic()
        end = 2 + int.from_bytes(body[:2])
        topic = body[2:end].decode()
        if kind & 0x06:
            packet_id, payload = body[end : end + 2], body[end + 2 :]
            self.commands.append((now, payload))
            self.transport.write(b"\x40\x02" + packet_id)
        elif topic.startswith("$iothub/twin/res/"):
            request_id = topic.partition("$rid=")[2].partition("&")[0]
            waiting = self.asked.pop(request_id, None)
            if waiting is not None and not waiting.done():
                waiting.set_result(now)
        elif topic.startswith(METHOD):
            query = topic.partition("/?")[2]
            self.transport.write(encode_publish(f"$iothub/methods/res/200/?{query}", b'{"done":true}', 0, qos=0))

    def subscribe(self) -> None:
        filters = (*TOPICS, f"devices/{self.device_id}/messages/devicebound/#")
        body = b"\x00\x01" + b"".join(struct.pack(">H", len(each)) + each.encode() + b"\x01" for each in filters)
        assert self.transport is not None
        length = len(body)
        header = bytes([0x82, length & 0x7F | 0x80, length >> 7]) if length > 127 else bytes([0x82, length])
        self.transport.write(header + body)

    def ask(self, topic: str, payload: bytes, request_id: str) -> asyncio.Future[float]:
        assert self.transport is not None
        future: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self.asked[request_id] = future
        self.transport.write(encode_publish(f"{topic}?$rid={request_id}", payload, 0, qos=0))
        return future


async def open_device(target: Target, device_id: str, context: ssl.SSLContext, *, subscribes: bool) -> Device:
    user = target.user_name.replace("{d}", device_id)
    loop = asyncio.get_running_loop()
    _, device = await loop.create_connection(
        lambda: Device(device_id, user), target.host, target.port, ssl=context, server_hostname=target.host
    )
    code = await asyncio.wait_for(device.opened, 30)
    if code:
        raise ConnectionError(f"{device_id} was refused with CONNACK {code}")
    if subscribes:
        device.subscribe()
        await asyncio.wait_for(device.subscribed, 30)
    return device


class Operator:
    """Kept-alive connections to the REST API; just enough HTTP/1.1 to cost the measuring process little."""

    def __init__(self, platform: Platform, connections: int) -> None:
        self._head = (
            f"Host: {HOST}:{platform.api.base_url.port}\r\nAuthorization: {platform.api.headers['Authorization']}\r\n"
        )
        self._address = (str(platform.api.base_url.host), int(platform.api.base_url.port or 80))
        self._idle: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        self._connections = connections

    async def open(self) -> None:
        for _ in range(self._connections):
            self._idle.put_nowait(await asyncio.open_connection(*self._address))

    async def post(
        self, path: str, body: Any, *, method: str = "POST", content_type: str = "application/json"
    ) -> tuple[int, bytes]:
        """Ask; a body that is bytes is sent as it is."""
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        fields = f"{method} {path} HTTP/1.1\r\n{self._head}Content-Type: {content_type}\r\n"
        request = f"{fields}Content-Length: {len(raw)}\r\n\r\n".encode() + raw
        reader, writer = await self._idle.get()
        try:
            if reader.at_eof():  # the server ends connections that were idle for seconds
                reader, writer = await asyncio.open_connection(*self._address)
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
            answer = await reader.readexactly(length)
        finally:
            self._idle.put_nowait((reader, writer))
        return int(head.split(b" ", 2)[1]), answer

    def close(self) -> None:
        while not self._idle.empty():
            self._idle.get_nowait()[1].close()


async def on_schedule(rate: float, seconds: float, act: Callable[[int], Awaitable[float]]) -> list[float]:
    """Start ``act`` at a steady rate; returns latencies from the moment each was due, in seconds."""
    latencies: list[float] = []
    begin = time.monotonic()

    async def one(number: int, due: float) -> None:
        latencies.append(await act(number) - due)

    async with asyncio.TaskGroup() as group:
        for number in range(int(rate * seconds)):
            due = begin + number / rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            group.create_task(one(number, due))
    return latencies


class Meter:
    """Counts the CPU of the platform's processes around a measurement."""

    def __init__(self, platform: Platform) -> None:
        self._servers = {role: platform.server(role, role) for role in ROLES}
        self._before = {role: server.cpu_s() for role, server in self._servers.items()}

    def per(self, operations: int) -> dict[str, float]:
        """CPU since the meter was made, in milliseconds for each operation."""
        return {
            role: (server.cpu_s() - self._before[role]) / max(operations, 1) * 1e3
            for role, server in self._servers.items()
        }


async def measure_twins(devices: list[Device], rate: float, seconds: float, note: Any) -> None:
    numbers = itertools.count()

    async def read(number: int) -> float:
        device = devices[number % len(devices)]
        return await asyncio.wait_for(device.ask("$iothub/twin/GET/", b" ", f"r{next(numbers)}"), 10)

    async def report(number: int) -> float:
        device = devices[number % len(devices)]
        patch = b'{"count":%d}' % number
        return await asyncio.wait_for(
            device.ask("$iothub/twin/PATCH/properties/reported/", patch, f"p{next(numbers)}"), 10
        )

    for name, act in (("twin_read", read), ("twin_report", report)):
        await note(name, on_schedule(rate, seconds, act))


async def measure_methods(operator: Operator, devices: list[Device], rate: float, seconds: float) -> list[float]:
    async def invoke(number: int) -> float:
        name = devices[number % len(devices)].device_id
        status, answer = await operator.post(f"/v1/devices/{name}/methods/run", {"payload": {"n": number}})
        if status != 200:
            raise RuntimeError(f"{status}: {answer[:300]!r}")
        return time.monotonic()

    return await on_schedule(rate, seconds, invoke)


async def measure_patches(operator: Operator, devices: list[Device], rate: float, seconds: float) -> list[float]:
    """Change desired properties over REST; devices that are connected are told."""

    async def patch(number: int) -> float:
        name = devices[number % len(devices)].device_id
        status, answer = await operator.post(f"/v1/devices/{name}/twin", {"desired": {"n": number}}, method="PATCH")
        if status != 200:
            raise RuntimeError(f"{status}: {answer[:300]!r}")
        return time.monotonic()

    return await on_schedule(rate, seconds, patch)


async def measure_commands(operator: Operator, devices: list[Device]) -> tuple[float, list[float]]:
    """One command to each device; returns seconds until the last was received, and each one's latency."""
    sent: dict[bytes, float] = {}
    begin = time.monotonic()

    async def send(device: Device) -> None:
        text = f"go {device.device_id}"
        sent[text.encode()] = time.monotonic()
        status, answer = await operator.post(f"/v1/devices/{device.device_id}/commands", {"body": text})
        if status >= 300:
            raise RuntimeError(f"{status}: {answer[:300]!r}")

    async with asyncio.TaskGroup() as group:
        for device in devices:
            group.create_task(send(device))
    end = time.monotonic() + 60
    while any(not device.commands for device in devices) and time.monotonic() < end:
        await asyncio.sleep(0.005)
    received = [(at, body) for device in devices for at, body in device.commands]
    if len(received) != len(devices):
        raise RuntimeError(f"{len(received)} of {len(devices)} commands arrived")
    return max(at for at, _ in received) - begin, [at - sent[body] for at, body in received]


async def register_many(operator: Operator, factory: Factory, folder: Path, count: int) -> tuple[list[str], Path, Path]:
    """Register devices that share one certificate by its thumbprint: cheap to make, each an identity of its own."""
    identity = factory.make_device("shared")
    certificate, key = identity.write(folder, "shared")
    digest = identity.chain[0].fingerprint(hashes.SHA256()).hex()
    names = [f"idle-{number}" for number in range(count)]

    async def register(name: str) -> None:
        authentication = {"type": "self_signed", "primary_thumbprint": digest}
        status, answer = await operator.post("/v1/devices", {"device_id": name, "authentication": authentication})
        if status != 201:
            raise RuntimeError(f"{status}: {answer[:300]!r}")

    for begin in range(0, count, 200):
        async with asyncio.TaskGroup() as group:
            for name in names[begin : begin + 200]:
                group.create_task(register(name))
    return names, certificate, key


async def connect_all(target: Target, names: list[str], context: ssl.SSLContext, parallel: int) -> list[Device]:
    devices: list[Device] = []
    waiting = list(reversed(names))

    async def worker() -> None:
        while waiting:
            devices.append(await open_device(target, waiting.pop(), context, subscribes=False))

    async with asyncio.TaskGroup() as group:
        for _ in range(parallel):
            group.create_task(worker())
    return devices


async def storm(target: Target, names: list[str], context: ssl.SSLContext) -> tuple[float, int]:
    """All come back at once and try again each second; returns seconds until all are in, and failed attempts."""
    begin, failures = time.monotonic(), 0

    async def come_back(name: str) -> None:
        nonlocal failures
        while True:
            try:
                await open_device(target, name, context, subscribes=False)
            except (OSError, TimeoutError):
                failures += 1
                await asyncio.sleep(1)
            else:
                return

    async with asyncio.TaskGroup() as group:
        for name in names:
            group.create_task(come_back(name))
    return time.monotonic() - begin, failures


async def measure_hub(
    platform: Platform, factory: Factory, identities: list[Any], folder: Path, sizes: Any
) -> dict[str, Any]:
    """Measure everything; ``sizes`` is the plan of the run.

    Returns:
        Figures by name; latencies in milliseconds.
    """
    found: dict[str, Any] = {}
    target = platform.target
    operator = Operator(platform, 32)
    await operator.open()

    async def note(name: str, work: Awaitable[list[float]]) -> None:
        """Do some work; note its latencies and what each operation cost."""
        meter = Meter(platform)
        ordered = sorted(await work)
        await asyncio.sleep(0.5)  # what is written a moment later belongs to it
        found[f"{name}_cpu_ms"] = meter.per(len(ordered))
        found[f"{name}_p50_ms"] = ordered[len(ordered) // 2] * 1e3
        found[f"{name}_p99_ms"] = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * 1e3

    devices: list[Device] = []
    for start in range(0, sizes.hub, 16):
        batch = identities[start : min(start + 16, sizes.hub)]
        devices += await asyncio.gather(
            *(open_device(target, name, context, subscribes=True) for name, context in batch)
        )
    found["rate"] = sizes.rate
    await measure_twins(devices[: sizes.busy], sizes.rate, sizes.seconds, note)
    await note("twin_patch", measure_patches(operator, devices[: sizes.busy], sizes.rate, sizes.seconds))
    await note("method", measure_methods(operator, devices[: sizes.busy], sizes.rate, sizes.seconds))
    found["commands"] = len(devices)

    async def command_all() -> list[float]:
        found["commands_s"], latencies = await measure_commands(operator, devices)
        return latencies

    await note("command", command_all())
    for device in devices:
        assert device.transport is not None
        device.transport.close()
    await asyncio.sleep(1)

    names, certificate, key = await register_many(operator, factory, folder, sizes.idle_many)
    context = target.context(certificate, key)
    await platform.restart_gateway()
    server = platform.server("vedette", "gateway")
    before_kb, begin = server.memory_kb(), time.monotonic()
    many = await connect_all(target, names, context, 32)
    found["idle_many"] = len(many)
    found["idle_many_connect_s"] = time.monotonic() - begin
    await asyncio.sleep(5)
    found["idle_many_kb"] = (server.memory_kb() - before_kb) / len(many)
    cpu = server.cpu_s()
    await asyncio.sleep(5)
    found["idle_many_cpu_percent"] = (server.cpu_s() - cpu) / 5 * 100
    storming = names[: sizes.live]
    for device in many:
        assert device.transport is not None
        device.transport.abort()
    await asyncio.sleep(2)
    await platform.restart_gateway()
    found["storm"] = len(storming)
    found["storm_s"], found["storm_failures"] = await storm(target, storming, context)
    operator.close()
    return found
