"""Whom a signal is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from vedette.health.errors import InvalidSignal
from vedette.health.model import NewSignal
from vedette.kernel import DeviceId, GenerationId, ModuleId, OrganizationId
from vedette.registry import (
    DeviceNotFound,
    ModuleNotFound,
    find_by_name,
    find_generation,
    find_module_by_name,
    find_module_generations,
)

_MODULE_PREFIX: Final = "mod_"


@dataclass(frozen=True, slots=True)
class Identity:
    """A device or module that there is."""

    generation_id: GenerationId
    device_id: DeviceId
    module_id: ModuleId | None

    @property
    def full_name(self) -> str:
        """The device's id, a slash and the module's, as the ledger names it."""
        name = self.device_id if self.module_id is None else f"{self.device_id}/{self.module_id}"
        return name[:256]


def identify(connection: sa.Connection, organization_id: OrganizationId, new: NewSignal) -> Identity:
    """Return whom a signal names.

    Raises:
        InvalidSignal: Nobody.
        DeviceNotFound: There is no such device.
        ModuleNotFound: There is no such module.
    """
    if new.generation_id is None:
        if new.device_id is None:
            raise InvalidSignal("a signal is about a device or module: name it")
        return require(connection, organization_id, new.device_id, new.module_id)
    if new.generation_id.startswith(_MODULE_PREFIX):
        module = find_module_generations(connection, organization_id, [new.generation_id]).get(
            GenerationId(new.generation_id)
        )
        if module is None or module.deleted_at is not None:
            raise ModuleNotFound(f"there is no module {new.generation_id[:80]!r}")
        return Identity(module.generation_id, module.device_id, module.module_id)
    device = find_generation(connection, organization_id, new.generation_id)
    if device is None or device.deleted_at is not None:
        raise DeviceNotFound(f"there is no device {new.generation_id[:80]!r}")
    return Identity(device.generation_id, device.device_id, None)


def require(
    connection: sa.Connection, organization_id: OrganizationId, device_id: str, module_id: str | None
) -> Identity:
    """Return the device or module that holds a name.

    Raises:
        DeviceNotFound: There is no such device.
        ModuleNotFound: There is no such module.
    """
    if module_id is not None:
        module = find_module_by_name(connection, organization_id, device_id, module_id)
        if module is None:
            raise ModuleNotFound(
                f"{device_id[:160]!r} has no module {module_id[:160]!r}", hint="see them: vedette module list"
            )
        return Identity(module.generation_id, module.device_id, module.module_id)
    device = find_by_name(connection, organization_id, device_id)
    if device is None:
        raise DeviceNotFound(f"there is no device {device_id[:160]!r}", hint="see them: vedette device list")
    return Identity(device.generation_id, device.device_id, None)
