"""A plant that a sensor tells a running platform of, through the gateway, as sensors do."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from cryptography.hazmat.primitives import hashes
from mqtt_device import SERVER_UNAVAILABLE, MqttDevice, client_context
from network_house import HMI, HMI_MAC, PLC, PLC_MAC, asset, link, operation
from running_platform import RunningPlatform, wait_for
from stand_in_control import Credential

from vedette.kernel import SystemClock
from vedette.protocols.sensor import CONTENT_TYPE, Batch, Record, StatusRecord, write_batch
from vedette.simulation import Factory

OUTSIDE = "203.0.113.80"
PLANT: tuple[Record, ...] = (
    asset(PLC, PLC_MAC, name="plc-1", vendor="Siemens", model="S7-1200", serial="SC-77", role="controller"),
    asset(HMI, HMI_MAC, number=2, name="=cmd()", role="hmi"),
    asset("10.0.0.77", number=3),
    link(),
    link(HMI, OUTSIDE, port=443, protocol="tls", is_external=True, name="updates.example"),
    operation(),
    operation(service="write_single_register", kind="write"),
    StatusRecord(at=1_000, interface="eth1", packets=42),
)


class ToldPlant:
    """A site of its own, with a sensor of its own.

    Args:
        platform: Where to.
        api: An operator's connection.
        folder: For its key.
        name: Of the device.
        site: Where it listens.
    """

    def __init__(self, platform: RunningPlatform, api: httpx.Client, folder: Path, *, name: str, site: str) -> None:
        self.platform, self.api, self.name, self.site = platform, api, name, site
        identity = Factory("Own Works", SystemClock()).make_device(name)
        certificate, key = identity.write(folder, name)
        pinned = {"type": "self_signed", "primary_thumbprint": identity.chain[0].fingerprint(hashes.SHA256()).hex()}
        api.post("/v1/devices", json={"device_id": name, "authentication": pinned}).raise_for_status()
        self._credential = Credential(identity.chain[0], identity.key, certificate_file=certificate, key_file=key)

    def register(self) -> None:
        """Have it heard."""
        self.api.post("/v1/sensors", json={"device_id": self.name, "site": self.site}).raise_for_status()

    def tell(self, *records: Record, boot: str = "boot-1", sequence: int = 1) -> None:
        """Send one batch; it is stored when this returns."""
        asyncio.run(self._send(write_batch(Batch(boot=boot, sequence=sequence, records=records))))

    def assets(self, **params: Any) -> list[dict[str, Any]]:
        """Return what the API lists of its site."""
        found: list[dict[str, Any]] = (
            self.api.get("/v1/assets", params={"site": self.site, **params}).raise_for_status().json()["items"]
        )
        return found

    def asset(self, address: str) -> dict[str, Any]:
        """Return the asset that holds an address."""
        (found,) = self.assets(address=address)
        return found

    def come(self) -> None:
        """Register it, tell of the plant, and wait until the inventory holds it."""
        self.register()
        self.tell(*PLANT)
        wait_for(lambda: len(self.assets()) == 3, "the plant to stand in the inventory")

    async def _send(self, body: bytes) -> None:
        context = client_context(self.platform.data / "public" / "root.pem", self._credential)
        device = await admitted(self.platform.ports["gateway"], context, self.name)
        await device.telemetry(self.name, body, f"$.ct={quote(CONTENT_TYPE, safe='')}")
        await leave(device)


async def admitted(port: int, context: ssl.SSLContext, name: str) -> MqttDevice:
    """Connect as devices do: where nobody can judge them just now, they come again."""
    async with asyncio.timeout(60):
        while True:
            device = await MqttDevice.open(port, context)
            code = await device.connect(name)
            if code != SERVER_UNAVAILABLE:
                assert code == 0
                return device
            await asyncio.sleep(0.1)


async def leave(device: MqttDevice) -> None:
    """Leave in order; the session is over when this returns, so that who comes next takes nobody's place."""
    device.mqtt.disconnect()
    await device.flush()
    await device.wait_closed()
    device.writer.close()
