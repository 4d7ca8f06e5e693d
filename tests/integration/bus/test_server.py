"""The embedded server as a process, and servers that ask for TLS."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from running_bus import RunningBus, free_port
from waiting import until

from vedette.bus import (
    BusConnection,
    BusConnectionSettings,
    BusServerProblem,
    BusServerSettings,
    BusUnavailable,
    NatsServer,
    UserKey,
)
from vedette.bus.server import find_binary
from vedette.kernel import SystemClock

pytestmark = pytest.mark.anyio


async def test_server_that_is_not_there_is_not_ready(tmp_path: Path) -> None:
    server = NatsServer(BusServerSettings(directory=tmp_path, port=free_port()), [], {})
    assert not await server.is_ready()
    began_s = time.monotonic()
    with pytest.raises(BusServerProblem):
        await server.wait_ready(timeout_s=0.2)
    assert time.monotonic() - began_s < 20


async def test_connections_over_the_limit_are_refused_and_the_others_stay(tmp_path: Path) -> None:
    bus = RunningBus(tmp_path, max_connections=4)
    try:
        await bus.start_with_streams()
        held = [await bus.connect("gateway-1") for _ in range(4)]
        with pytest.raises(BusUnavailable):
            await bus.connect("gateway-2", first_connect_s=0.5)
        for connection in held:
            await connection.flush()
    finally:
        await bus.close()


async def test_client_that_never_authenticates_is_cut(bus: RunningBus) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", bus.settings.port)
    async with asyncio.timeout(30):
        assert b"INFO" in await reader.readline()
        assert b"Authentication Timeout" in await reader.read()
    writer.close()


async def test_server_that_goes_in_order_is_left_at_once(bus: RunningBus) -> None:
    gateway = await bus.connect("gateway-1")
    assert bus.process is not None
    bus.process.terminate()
    await until(lambda: not gateway.is_connected)
    await asyncio.to_thread(bus.process.wait, 60)
    bus.process = None
    await bus.start()
    await until(lambda: gateway.is_connected)


@dataclass
class TlsBus:
    """A server that asks for TLS, as an existing cluster does."""

    port: int
    ca_file: Path
    seed: str

    async def connect(
        self, *, scheme: str = "tls", ca_file: Path | None = None, host: str = "localhost", first_connect_s: float = 5.0
    ) -> BusConnection:
        settings = BusConnectionSettings(
            name="control",
            urls=(f"{scheme}://{host}:{self.port}",),
            seed=self.seed,
            tls_ca_file=ca_file or self.ca_file,
            first_connect_s=first_connect_s,
        )
        return await BusConnection.connect(settings, clock=SystemClock())


@pytest.fixture
async def tls_bus(tmp_path: Path, anyio_backend: str) -> AsyncIterator[TlsBus]:
    ca, key = trustme.CA(), UserKey.generate()
    certificate = ca.issue_cert("localhost")
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    port = free_port()
    config = {
        "listen": f"127.0.0.1:{port}",
        "tls": {"cert_file": str(tmp_path / "cert.pem"), "key_file": str(tmp_path / "key.pem")},
        "authorization": {"users": [{"nkey": key.public}]},
    }
    (tmp_path / "tls.conf").write_text(json.dumps(config))
    binary = await asyncio.to_thread(find_binary)
    process = subprocess.Popen([binary, "-c", tmp_path / "tls.conf"], stderr=subprocess.DEVNULL)
    try:
        probe = NatsServer(BusServerSettings(directory=tmp_path, port=port), [], {})
        await probe.wait_ready(timeout_s=60)
        yield TlsBus(port, tmp_path / "ca.pem", key.seed)
    finally:
        process.kill()
        process.wait()


async def test_cluster_with_tls_is_reached_and_used(tls_bus: TlsBus) -> None:
    connection = await tls_bus.connect(first_connect_s=30)
    heard: list[bytes] = []
    connection.subscribe("a.*", lambda message: heard.append(message.payload))
    connection.publish("a.b", b"x" * 300_000)
    await connection.flush()
    assert [len(payload) for payload in heard] == [300_000]
    await connection.close()


async def test_certificate_of_another_authority_is_refused(tls_bus: TlsBus, tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    with pytest.raises(BusUnavailable, match="certificate verify failed"):
        await tls_bus.connect(ca_file=tmp_path / "other.pem")


async def test_certificate_of_another_host_is_refused(tls_bus: TlsBus) -> None:
    with pytest.raises(BusUnavailable):
        await tls_bus.connect(host="127.0.0.1")


async def test_clear_text_is_never_spoken_to_a_cluster_that_asks_for_tls(tls_bus: TlsBus) -> None:
    with pytest.raises(BusUnavailable, match="requires TLS"):
        await tls_bus.connect(scheme="nats")


async def test_tls_url_is_never_served_in_clear_text(bus: RunningBus) -> None:
    settings = BusConnectionSettings(
        name="control",
        urls=(f"tls://localhost:{bus.settings.port}",),
        seed=bus.keys["control"].seed,
        first_connect_s=1.0,
        connect_timeout_s=0.5,
    )
    with pytest.raises(BusUnavailable):
        await BusConnection.connect(settings, clock=SystemClock())
