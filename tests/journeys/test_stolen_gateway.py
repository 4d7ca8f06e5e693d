"""What control refuses to whoever holds a gateway's key on the bus and asks in its name."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from journey import Platform, wait_until
from workload import endpoint, enroll, open_enrollment

from vedette.bus import BusConnection, BusConnectionSettings, RemoteProblem
from vedette.bus.contract import RENEW_CERTIFICATE, RenewCertificate, RenewedCertificate
from vedette.kernel import SystemClock
from vedette.simulation import DeviceConnection, Factory, make_request

NAMES = ("disabled", "quarantined", "blocked", "retired", "deleted", "active")


async def use(platform: Platform, name: str) -> None:
    """Connect once."""
    folder = platform.folder / "devices" / name
    where = endpoint(platform)
    context = where.context(folder / "operational.pem", folder / "operational.key")
    user_name = f"{platform.address}/{name}/?api-version=2021-04-12"
    connection = await DeviceConnection.open(where, context, client_id=name, user_name=user_name)
    await connection.close()


def make_active(platform: Platform, factory: Factory, name: str) -> str:
    """Enroll a device, connect it, and return its generation id."""
    asyncio.run(enroll(platform, factory, name))
    asyncio.run(use(platform, name))
    path = f"/v1/devices/{name}"
    wait_until(lambda: platform.call("GET", path)["lifecycle"] == "active", 90, f"{name} to be active")
    return str(platform.call("GET", path)["generation_id"])


def keep_out(platform: Platform) -> None:
    platform.call("POST", "/v1/devices/disabled/disable", {"reason": "stolen"})
    # The limited zone may renew; whoever is cut may not.
    cut = {"reason": "odd", "mode": "cut", "is_override": True}
    platform.call("POST", "/v1/devices/quarantined/quarantine", cut)
    entry = {"effect": "block", "kind": "device_id", "value": "blocked", "reason": "stolen"}
    platform.call("POST", "/v1/access-lists", entry)
    platform.call("POST", "/v1/devices/retired/retire", {"reason": "scrapped"})
    platform.call("DELETE", "/v1/devices/deleted")


async def renew(platform: Platform, bus: BusConnection, name: str, generation_id: str) -> RenewedCertificate:
    """Ask for the next certificate of a device, with a key of one's own."""
    organization_id = json.loads((platform.data / "public" / "trust-anchor.json").read_text())["organization_id"]
    leaf = x509.load_pem_x509_certificate((platform.folder / "devices" / name / "operational.pem").read_bytes())
    request = RenewCertificate(
        organization_id=organization_id,
        gateway="gateway-1",
        generation_id=generation_id,
        certificate_sha256=hashlib.sha256(leaf.public_bytes(Encoding.DER)).hexdigest(),
        csr=make_request(name)[1],
    )
    return await bus.call(RENEW_CERTIFICATE, request, RenewedCertificate, timeout_s=60)


async def ask_for_all(platform: Platform, generations: dict[str, str]) -> None:
    port = re.search(r"\[bus\]\nport = (\d+)", (platform.folder / "vedette.toml").read_text())
    assert port is not None
    seed = (platform.data / "secrets" / "bus-gateway-1.nk").read_text().strip()
    settings = BusConnectionSettings(name="gateway-1", urls=(f"nats://127.0.0.1:{port[1]}",), seed=seed)
    bus = await BusConnection.connect(settings, clock=SystemClock())
    try:
        for name in NAMES[:-1]:
            with pytest.raises(RemoteProblem):
                await renew(platform, bus, name, generations[name])
        with pytest.raises(RemoteProblem):
            await renew(platform, bus, "active", generations["disabled"])
        assert (await renew(platform, bus, "active", generations["active"])).chain
    finally:
        await bus.close()


def test_it_renews_for_nobody_who_is_kept_out(platform: Platform, factory: Factory) -> None:
    open_enrollment(platform, factory)
    generations = {name: make_active(platform, factory, name) for name in NAMES}
    keep_out(platform)
    asyncio.run(ask_for_all(platform, generations))
