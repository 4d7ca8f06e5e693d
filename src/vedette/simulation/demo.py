"""The demo's story: a maker's devices arrive by themselves, one is refused, and a copied key is noticed.

Everything goes through the doors that users have: the REST API as the operator, DPS and the hub as the devices.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vedette.kernel import Clock
from vedette.simulation.cast import COPIED, Part, Role, cast
from vedette.simulation.connection import Endpoint
from vedette.simulation.device import RESET, CredentialKind, DeviceSettings
from vedette.simulation.factory import Factory
from vedette.simulation.fleet import Fleet
from vedette.simulation.operator import MAKER, DemoFailed, Operator

log = logging.getLogger(__name__)

DEVICES_USUAL: Final = 25
THIEF: Final = "a copy"
_THIEF_WAITS_S: Final = 15.0
_TECHNICIAN_LOOKS_S: Final = 2.0
_CREDENTIALS: Final = {
    Part.ENROLLED: CredentialKind.ENROLLED,
    Part.LEGACY: CredentialKind.KEY,
    Part.EXPIRED: CredentialKind.PINNED,
}

Report = Callable[[str, str, str], None]


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """Where the platform is, and where the demo keeps its factory and devices.

    Attributes:
        operator: Who prepares it.
        endpoint: The devices' door.
        folder: Keeps the maker's keys and the devices' from run to run.
        devices: How many there are.
    """

    operator: Operator
    endpoint: Endpoint
    id_scope: str
    folder: Path
    devices: int = DEVICES_USUAL

    @property
    def arrivals(self) -> int:
        """How many identities will be connected, modules included."""
        return sum(1 + len(role.modules) for role in cast(self.devices) if role.arrives)


async def run_demo(settings: DemoSettings, clock: Clock, report: Report) -> None:
    """Open enrollment for the demo's maker and run its devices until cancelled.

    Args:
        settings: Where everything is.
        clock: For made-up certificates.
        report: Called with device, word of state and detail.

    Raises:
        DemoFailed: The API refused a step.
    """
    roles = cast(settings.devices)
    factory = await asyncio.to_thread(_prepare, settings, roles, clock)
    arrivals = _Arrivals(report)
    async with asyncio.TaskGroup() as group:
        for role in roles:
            if role.modules:
                group.create_task(_run_modules(settings, role, factory, arrivals), name=f"modules {role.name}")
        if any(role.name == COPIED for role in roles):
            group.create_task(_run_thief(settings, arrivals), name="thief")
        group.create_task(_run_technician(settings, roles), name="technician")
        groups = {
            kind: [_device(settings, role) for role in members]
            for kind, members in itertools.groupby(sorted(roles, key=lambda role: role.kind), lambda role: role.kind)
        }
        await Fleet(groups, settings.folder, arrivals.report).run()


class _Arrivals:
    """Hands reports on, and lets others wait for a device's first connection."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._arrived: dict[str, asyncio.Event] = {}

    def report(self, device: str, state: str, detail: str) -> None:
        if state == "connected":
            self._event(device).set()
        self._report(device, state, detail)

    async def wait(self, device: str) -> None:
        await self._event(device).wait()

    def _event(self, device: str) -> asyncio.Event:
        return self._arrived.setdefault(device, asyncio.Event())


async def _run_modules(settings: DemoSettings, role: Role, factory: Factory, arrivals: _Arrivals) -> None:
    await arrivals.wait(role.name)
    folder = settings.folder / role.name
    try:
        await asyncio.to_thread(settings.operator.create_modules, role, folder, factory)
    except (DemoFailed, OSError) as failed:
        log.warning("no modules for a simulated device", extra={"device": role.name, "reason": str(failed)})
        return
    modules = [
        DeviceSettings(
            registration_id=role.name,
            folder=folder / module_id,
            endpoint=settings.endpoint,
            id_scope=settings.id_scope,
            measure="frames",
            credential=CredentialKind.PINNED,
            module_id=module_id,
        )
        for module_id in role.modules
    ]
    await Fleet({f"{role.name}-modules": modules}, settings.folder, arrivals.report).run()


async def _run_thief(settings: DemoSettings, arrivals: _Arrivals) -> None:
    """Let somebody connect with a copy of a device's key: the two displace each other until the platform steps in."""
    await arrivals.wait(COPIED)
    thief = DeviceSettings(
        registration_id=COPIED,
        folder=settings.folder / COPIED,
        endpoint=settings.endpoint,
        id_scope=settings.id_scope,
        credential=CredentialKind.COPIED,
        delay_s=_THIEF_WAITS_S,
        label=THIEF,
    )
    await Fleet({"thief": [thief]}, settings.folder, arrivals.report).run()


async def _run_technician(settings: DemoSettings, roles: Sequence[Role]) -> None:
    """Have somebody on site who presses a device's reset button when the operator lets it enroll once more."""
    folders = {role.name: settings.folder / role.name for role in roles}
    seen = settings.folder / "permits-seen"
    while True:
        after = seen.read_text(encoding="utf-8") if seen.exists() else ""
        try:
            permits = await asyncio.to_thread(settings.operator.permits, after)
        except (DemoFailed, OSError, ValueError):
            # The platform is stopping or starting; who was permitted stays so.
            permits = []
        for position, name in permits:
            if name in folders:
                (folders[name] / RESET).touch()
            seen.write_text(str(position), encoding="utf-8")
        await asyncio.sleep(_TECHNICIAN_LOOKS_S)


def _prepare(settings: DemoSettings, roles: Sequence[Role], clock: Clock) -> Factory:
    """Have a maker, an enrollment for it, and its devices' credentials; what an earlier run has made stays."""
    factory = Factory.open(MAKER, clock, settings.folder / "maker")
    enrolled = settings.folder / "enrollment-is-open"
    if not enrolled.exists():
        settings.operator.open_enrollment(factory)
        enrolled.touch()
    for role in roles:
        folder = settings.folder / role.name
        match role.part:
            case Part.ENROLLED:
                if not (folder / "factory.key").exists():
                    factory.make_device(role.name).write(folder, "factory")
            case Part.LEGACY:
                settings.operator.create_legacy(role, folder)
            case Part.EXPIRED:
                settings.operator.create_expired(role, folder, factory)
    return factory


def _device(settings: DemoSettings, role: Role) -> DeviceSettings:
    return DeviceSettings(
        registration_id=role.name,
        folder=settings.folder / role.name,
        endpoint=settings.endpoint,
        id_scope=settings.id_scope,
        measure=role.measure,
        credential=_CREDENTIALS[role.part],
    )
