"""How long telemetry is kept is the operator's word: it holds from the next start on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from mqtt_device import MqttDevice, client_context
from running_platform import RunningPlatform, wait_for
from stand_in_control import Credential

from vedette.bus import MIGRATOR_USER, BusConnection, BusConnectionSettings, JetStream
from vedette.bus.contract import TELEMETRY_STREAM
from vedette.kernel import SystemClock
from vedette.simulation import make_request

UNAVAILABLE = 3
DAY_NS = 86_400 * 1_000_000_000


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[RunningPlatform]:
    running = RunningPlatform(tmp_path)
    running.start()
    yield running
    running.stop()


def restart_with(platform: RunningPlatform, text: str) -> None:
    """Start again with other options; those of the ports stay."""
    platform.stop()
    kept = [line for line in platform.configuration.read_text().splitlines() if ".port" in line]
    platform.configuration.write_text("\n".join([*kept, text]) + "\n")
    platform.start()


def bounds(platform: RunningPlatform) -> tuple[int, int]:
    """Return the age in days and the bytes of telemetry that the bus keeps now."""

    async def ask() -> tuple[int, int]:
        seed = (platform.data / "secrets" / f"bus-{MIGRATOR_USER}.nk").read_text().strip()
        url = f"nats://127.0.0.1:{platform.ports['bus']}"
        settings = BusConnectionSettings(name=MIGRATOR_USER, urls=(url,), seed=seed)
        connection = await BusConnection.connect(settings, clock=SystemClock())
        try:
            info = await JetStream(connection).stream_info(TELEMETRY_STREAM)
        finally:
            await connection.close()
        assert info is not None
        return info.config["max_age"] // DAY_NS, info.config["max_bytes"]

    return asyncio.run(ask())


def new_device(platform: RunningPlatform, name: str) -> Credential:
    """Register a device and have a certificate issued."""
    key, csr = make_request(name)
    with platform.client() as api:
        api.post("/v1/devices", json={"device_id": name}).raise_for_status()
        body = {"csr": x509.load_der_x509_csr(csr).public_bytes(Encoding.PEM).decode()}
        issued = api.post(f"/v1/devices/{name}/certificates", json=body).raise_for_status().json()
    return Credential(x509.load_pem_x509_certificate(issued["chain_pem"].encode()), key).write(platform.folder, name)


def send(platform: RunningPlatform, name: str, credential: Credential, body: bytes) -> None:
    """Send a message and wait until it is stored."""

    async def run() -> int:
        context = client_context(platform.data / "public" / "root.pem", credential)
        device = await MqttDevice.open(platform.ports["gateway"], context)
        code = await device.connect(name)
        if code == 0:
            await device.telemetry(name, body)
        await device.close()
        with contextlib.suppress(OSError):
            await device.writer.wait_closed()
        return code

    codes: list[int] = []

    def is_judged() -> bool:
        # A gateway that has not heard from control for three seconds asks devices to come again.
        codes.append(asyncio.run(run()))
        return codes[-1] != UNAVAILABLE

    wait_for(is_judged, "the gateway judges")
    assert codes[-1] == 0


def stored(platform: RunningPlatform) -> list[str]:
    with platform.client() as api:
        return [each["body"] for each in api.get("/v1/telemetry").json()["items"]]


def test_retention_is_seven_days_until_the_configuration_says_otherwise(platform: RunningPlatform) -> None:
    assert bounds(platform) == (7, 10_000_000_000)
    pump = new_device(platform, "pump-7")
    send(platform, "pump-7", pump, b"before")

    restart_with(platform, "telemetry.retention_days = 2\ntelemetry.max_gigabytes = 1")
    assert bounds(platform) == (2, 1_000_000_000)
    send(platform, "pump-7", pump, b"after")
    assert stored(platform) == ["before", "after"]

    restart_with(platform, "telemetry.retention_days = 30\ntelemetry.max_gigabytes = 500")
    assert bounds(platform) == (30, 500_000_000_000)
    send(platform, "pump-7", pump, b"later")
    assert stored(platform) == ["before", "after", "later"]
