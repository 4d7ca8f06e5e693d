"""Devices and an operator who never give up, and who remember exactly what was acknowledged to them."""

from __future__ import annotations

import asyncio
import base64
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import msgspec
from cryptography import x509
from journey import Platform

from vedette.simulation import (
    Cut,
    DeviceConnection,
    DeviceSettings,
    Endpoint,
    Factory,
    Identity,
    Refused,
    make_request,
    register,
)


def open_enrollment(platform: Platform, factory: Factory) -> None:
    """Do what an operator does once for a maker's devices."""
    authority = platform.call("POST", "/v1/authorities", {"name": "Acme", "certificate": factory.root_pem().decode()})
    proof = factory.prove_possession(authority["verification_code"]).decode()
    platform.call("POST", f"/v1/authorities/{authority['authority_id']}/verify", {"certificate": proof})
    group = {"name": "Acme devices", "kind": "group", "authority_id": authority["authority_id"]}
    platform.call("POST", "/v1/enrollments", group)


def endpoint(platform: Platform) -> Endpoint:
    return Endpoint(platform.address, 8883, platform.data / "public" / "root.pem")


async def enroll(platform: Platform, factory: Factory, name: str) -> tuple[Path, Path]:
    """Enroll one device by DPS with a CSR; returns the paths of its operational certificate and key."""
    folder = platform.folder / "devices" / name
    factory.make_device(name).write(folder, "factory")
    key, csr = make_request(name)
    settings = DeviceSettings(name, folder, endpoint(platform), platform.id_scope)
    body = msgspec.json.encode({"registrationId": name, "csr": base64.b64encode(csr).decode()})
    answer = await register(settings, body)
    chain = answer["registrationState"]["issuedCertificateChain"]
    certificates = tuple(x509.load_der_x509_certificate(base64.b64decode(der)) for der in chain)
    return Identity(key, certificates).write(folder, "operational")


@dataclass
class Workload:
    """What was acknowledged: telemetry bodies by device, devices created, the last state of a switched device."""

    platform: Platform
    names: list[str]
    sent: dict[str, set[str]] = field(default_factory=dict)
    created: list[str] = field(default_factory=list)
    is_switched_on: bool | None = None
    is_switch_uncertain: bool = False
    problems: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self.sent = {name: set() for name in self.names}
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(180)
            assert not self._thread.is_alive()

    def count(self) -> int:
        return sum(len(bodies) for bodies in self.sent.values())

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for name in self.names:
                group.create_task(self._device(name), name=name)
            group.create_task(self._operator(), name="operator")

    async def _device(self, name: str) -> None:
        folder = self.platform.folder / "devices" / name
        number = 0
        while not self._stop.is_set():
            try:
                where = endpoint(self.platform)
                connection = await DeviceConnection.open(
                    where,
                    where.context(folder / "operational.pem", folder / "operational.key"),
                    client_id=name,
                    user_name=f"{self.platform.address}/{name}/?api-version=2021-04-12",
                )
            except Refused as refused:
                if refused.return_code != 3:
                    self.problems.append(f"{name} was refused for good: {refused.return_code}")
                    return
                await asyncio.sleep(0.2)
                continue
            except (Cut, OSError, TimeoutError):
                await asyncio.sleep(0.1)
                continue
            number = await self._send(connection, name, number)

    async def _send(self, connection: DeviceConnection, name: str, number: int) -> int:
        reading = asyncio.ensure_future(_read(connection))
        try:
            while not self._stop.is_set():
                number += 1
                body = f"{name}:{number}"
                await connection.publish(f"devices/{name}/messages/events/", body.encode())
                self.sent[name].add(body)
        except (Cut, OSError, TimeoutError):
            pass
        finally:
            await connection.close()
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        return number

    async def _operator(self) -> None:
        headers = dict(self.platform.api.headers)
        number = 0
        async with httpx.AsyncClient(base_url=self.platform.api_url, headers=headers, timeout=10) as api:
            while not self._stop.is_set():
                number += 1
                name = f"made-{number}-{int(time.time())}"
                pinned = {"type": "self_signed", "primary_thumbprint": f"{number:064x}"}
                if await _done(api, "/v1/devices", {"device_id": name, "authentication": pinned}):
                    self.created.append(name)
                await self._switch(api, is_on=number % 2 == 0)
                await asyncio.sleep(0.05)

    async def _switch(self, api: httpx.AsyncClient, *, is_on: bool) -> None:
        verb = "enable" if is_on else "disable"
        self.is_switch_uncertain = True
        if await _done(api, f"/v1/devices/switched/{verb}", {"reason": "test"}):
            self.is_switched_on = is_on
            self.is_switch_uncertain = False


async def _read(connection: DeviceConnection) -> None:
    try:
        await connection.run()
    except (Cut, OSError):
        return


async def _done(api: httpx.AsyncClient, path: str, body: dict[str, object]) -> bool:
    try:
        return (await api.post(path, json=body)).is_success
    except httpx.HTTPError:
        return False


def stored_bodies(platform: Platform) -> dict[str, list[str]]:
    """Read all telemetry there is, by device."""
    found: dict[str, list[str]] = {}
    after = ""
    while True:
        page = platform.call("GET", f"/v1/telemetry?limit=1000&after={after}")
        for message in page["items"]:
            found.setdefault(message["device_id"], []).append(message["body"])
        if not page["next"]:
            return found
        after = page["next"]


def check_nothing_is_lost(platform: Platform, workload: Workload) -> None:
    """Hold what is there against what was acknowledged."""
    assert workload.problems == []
    stored = stored_bodies(platform)
    for name, bodies in workload.sent.items():
        missing = bodies - set(stored.get(name, []))
        assert not missing, f"{name}: {len(missing)} of {len(bodies)} acknowledged messages are gone"
    for name in workload.created:
        assert platform.call("GET", f"/v1/devices/{name}")["device_id"] == name
    if not workload.is_switch_uncertain and workload.is_switched_on is not None:
        assert platform.call("GET", "/v1/devices/switched")["is_enabled"] is workload.is_switched_on
    verified = platform.cli("ledger", "verify", check=False)
    assert verified.returncode == 0, verified.stdout + verified.stderr
