"""The demo's story: a maker's authority is registered, five devices of its make arrive by themselves.

Everything goes through the doors that users have: the REST API as the operator, DPS and the hub as the devices.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

from vedette.kernel import Clock
from vedette.simulation.connection import Endpoint
from vedette.simulation.device import DeviceSettings
from vedette.simulation.factory import Factory
from vedette.simulation.fleet import Fleet

log = logging.getLogger(__name__)

DEVICES_USUAL: Final = 5
MAKER: Final = "Demo Works"
_KINDS: Final = (("pump", "pressure"), ("boiler", "temperature"), ("meter", "power"), ("door", "opened"))
_FIRST: Final = (
    ("pump-1", "pressure"),
    ("pump-2", "pressure"),
    ("boiler-1", "temperature"),
    ("meter-1", "power"),
    ("door-1", "opened"),
)
_HTTP_ERROR: Final = 400


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """Where the platform is, and where the demo keeps its factory and devices.

    Attributes:
        api_host: Of the operators' API on loopback, plain HTTP.
        token: The operator's token.
        endpoint: The devices' door.
        folder: Keeps the maker's keys and the devices' from run to run.
        devices: How many there are.
    """

    api_host: str
    api_port: int
    token: str
    endpoint: Endpoint
    id_scope: str
    folder: Path
    devices: int = DEVICES_USUAL


class DemoFailed(Exception):  # noqa: N818 - what happened
    """The platform refused a step of the demo."""


async def run_demo(settings: DemoSettings, clock: Clock, report: Callable[[str, str, str], None]) -> None:
    """Open enrollment for the demo's maker and run its devices until cancelled.

    Args:
        settings: Where everything is.
        clock: For made-up certificates.
        report: Called with device id, word of state and detail.

    Raises:
        DemoFailed: The API refused a step.
    """
    devices = await asyncio.to_thread(_prepare, settings, clock)
    await Fleet(devices, report).run()


def device_names(count: int) -> list[tuple[str, str]]:
    """Return id and measure of so many devices: the named ones first, then more of their kinds."""
    kinds = itertools.cycle(_KINDS)
    names = list(_FIRST)
    numbers = Counter(name.rpartition("-")[0] for name, _ in names)
    while len(names) < count:
        kind, measure = next(kinds)
        numbers[kind] += 1
        names.append((f"{kind}-{numbers[kind]}", measure))
    return names[:count]


def _prepare(settings: DemoSettings, clock: Clock) -> list[DeviceSettings]:
    """Have a maker, its devices and an enrollment for them; what an earlier run has made stays."""
    factory = Factory.open(MAKER, clock, settings.folder / "maker")
    enrolled = settings.folder / "enrollment-is-open"
    if not enrolled.exists():
        _open_enrollment(settings, factory)
        enrolled.touch()
    devices = [
        DeviceSettings(
            registration_id=name,
            folder=settings.folder / name,
            endpoint=settings.endpoint,
            id_scope=settings.id_scope,
            measure=measure,
        )
        for name, measure in device_names(settings.devices)
    ]
    for device in devices:
        if not (device.folder / "factory.key").exists():
            factory.make_device(device.registration_id).write(device.folder, "factory")
    return devices


def _open_enrollment(settings: DemoSettings, factory: Factory) -> None:
    """Do what an operator does once: register the maker's authority, prove to hold its key, open a group.

    A run that was cut off in the middle is taken up again.
    """
    authorities = _call(settings, "GET", "/v1/authorities?limit=999")["items"]
    authority = next((each for each in authorities if each["name"] == MAKER), None)
    if authority is None:
        new = {"name": MAKER, "certificate": factory.root_pem().decode()}
        authority = _call(settings, "POST", "/v1/authorities", new)
    authority_id = authority["authority_id"]
    if authority["verified_at"] is None:
        proof = factory.prove_possession(authority["verification_code"]).decode()
        _call(settings, "POST", f"/v1/authorities/{authority_id}/verify", {"certificate": proof})
    groups = _call(settings, "GET", "/v1/enrollments?limit=999")["items"]
    if any(each["authority_id"] == authority_id for each in groups):
        return
    group = {
        "name": f"{MAKER} devices",
        "kind": "group",
        "authority_id": authority_id,
        "initial": {"site": "north", "zone": "hall-1", "tags": {"site": "north", "line": "demo"}},
    }
    _call(settings, "POST", "/v1/enrollments", group)


def _call(settings: DemoSettings, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    connection = HTTPConnection(settings.api_host, settings.api_port, timeout=20)
    try:
        headers = {"Authorization": f"Bearer {settings.token}", "Content-Type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        told: dict[str, Any] = json.loads(answer.read() or b"{}")
    finally:
        connection.close()
    if answer.status >= _HTTP_ERROR:
        raise DemoFailed(f"{method} {path}: {told.get('detail', answer.status)}")
    return told
