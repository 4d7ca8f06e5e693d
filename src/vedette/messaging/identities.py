"""Who is meant: a device or module by its name, or by its generation."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from vedette.kernel import DeviceId, GenerationId, ModuleId, parse_generation_id
from vedette.messaging.errors import IdentityNotFound
from vedette.registry import (
    DeviceNotFound,
    ModuleNotFound,
    find_by_name,
    find_generation,
    find_module_by_name,
    find_module_generations,
)
from vedette.trust import Lifecycle


@dataclass(frozen=True, slots=True)
class Identity:
    """A device or module that is not deleted.

    Attributes:
        is_retired: Of a device: it has come to the end of its life.
    """

    generation_id: GenerationId
    device_id: DeviceId
    module_id: ModuleId | None = None
    is_retired: bool = False

    @property
    def name(self) -> str:
        """What people call it: ``device`` or ``device/module``."""
        return self.device_id if self.module_id is None else f"{self.device_id}/{self.module_id}"


def find_named(
    connection: sa.Connection, organization_id: str, device_id: str, module_id: str | None = None
) -> Identity:
    """Return the identity that holds a name now.

    Raises:
        DeviceNotFound: No device holds the name.
        ModuleNotFound: The device has no such module.
    """
    if module_id is not None:
        module = find_module_by_name(connection, organization_id, device_id, module_id)
        if module is not None:
            return Identity(module.generation_id, module.device_id, module.module_id)
    device = find_by_name(connection, organization_id, device_id)
    if device is None:
        raise DeviceNotFound(f"there is no device {device_id[:160]!r}", hint="see them: vedette device list")
    if module_id is not None:
        raise ModuleNotFound(
            f"{device.device_id} has no module {module_id[:160]!r}",
            hint=f"see them: vedette module list {device.device_id}",
        )
    return Identity(device.generation_id, device.device_id, is_retired=device.lifecycle is Lifecycle.RETIRED)


def find_living(connection: sa.Connection, organization_id: str, generation_id: str) -> Identity:
    """Return the identity of a generation that a gateway speaks of.

    Raises:
        InvalidId: It is no generation id.
        IdentityNotFound: There is none, or it is deleted.
    """
    generation = parse_generation_id(generation_id)
    device = find_generation(connection, organization_id, generation)
    if device is not None and device.deleted_at is None:
        return Identity(device.generation_id, device.device_id, is_retired=device.lifecycle is Lifecycle.RETIRED)
    module = find_module_generations(connection, organization_id, [generation]).get(generation)
    if module is not None and module.deleted_at is None:
        return Identity(module.generation_id, module.device_id, module.module_id)
    raise IdentityNotFound(f"no identity of generation {generation} lives")
