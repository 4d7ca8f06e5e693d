"""What the registry tells: facts about devices and access lists, past tense."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class DeviceRegistered(msgspec.Struct, frozen=True, kw_only=True):
    """A device was created, by an operator or by its enrollment."""

    name: ClassVar[str] = "registry.device_registered"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    device_id: str
    authentication: str
    lifecycle: str
    enrollment_id: str | None = None


class DeviceChanged(msgspec.Struct, frozen=True, kw_only=True):
    """Properties of a device were changed; ``changed`` names them."""

    name: ClassVar[str] = "registry.device_changed"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    device_id: str
    changed: tuple[str, ...]
    revision: int


class DeviceEnabled(msgspec.Struct, frozen=True, kw_only=True):
    """A device may take part again."""

    name: ClassVar[str] = "registry.device_enabled"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    device_id: str
    reason: str = ""


class DeviceDisabled(msgspec.Struct, frozen=True, kw_only=True):
    """A device may not take part until it is enabled."""

    name: ClassVar[str] = "registry.device_disabled"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    device_id: str
    reason: str


class DeviceRetired(msgspec.Struct, frozen=True, kw_only=True):
    """A device came to the end of its life and does not return."""

    name: ClassVar[str] = "registry.device_retired"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    device_id: str
    reason: str


class DeviceRevoked(msgspec.Struct, frozen=True, kw_only=True):
    """All that a device proves itself with was taken from it; to register again it needs an operator."""

    name: ClassVar[str] = "registry.device_revoked"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    device_id: str
    reason: str


class DeviceDeleted(msgspec.Struct, frozen=True, kw_only=True):
    """A device was deleted: its name is free, its generation is over.

    Attributes:
        was_in_good_standing: ``False`` when something had been taken from it; its onboarding identity stays locked.
    """

    name: ClassVar[str] = "registry.device_deleted"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    device_id: str
    was_in_good_standing: bool
    reason: str = ""


class LifecycleChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A device went one step along its lifecycle."""

    name: ClassVar[str] = "registry.lifecycle_changed"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    device_id: str
    previous: str
    current: str
    cause: str
    reason: str = ""


class ModuleRegistered(msgspec.Struct, frozen=True, kw_only=True):
    """A module was created."""

    name: ClassVar[str] = "registry.module_registered"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    device_generation_id: str
    device_id: str
    module_id: str
    authentication: str


class ModuleChanged(msgspec.Struct, frozen=True, kw_only=True):
    """Properties of a module were changed; ``changed`` names them."""

    name: ClassVar[str] = "registry.module_changed"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    device_generation_id: str
    device_id: str
    module_id: str
    changed: tuple[str, ...]
    revision: int


class ModuleDeleted(msgspec.Struct, frozen=True, kw_only=True):
    """A module was deleted, by itself or with its device."""

    name: ClassVar[str] = "registry.module_deleted"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    device_generation_id: str
    device_id: str
    module_id: str
    reason: str = ""


class DesiredPropertiesChanged(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody changed what a device or module should be; the values are in its twin."""

    name: ClassVar[str] = "registry.desired_properties_changed"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    device_id: str
    module_id: str | None
    desired_version: int


class AccessListChanged(msgspec.Struct, frozen=True, kw_only=True):
    """An entry was put on a list or taken off; ``generation_id`` is empty."""

    name: ClassVar[str] = "registry.access_list_changed"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str = ""
    entry_id: str
    change: str
    effect: str
    kind: str
    value: str
    reason: str = ""


class AccessListApplied(msgspec.Struct, frozen=True, kw_only=True):
    """The lists were applied to devices: these are blocked now, those no more; ``generation_id`` is empty."""

    name: ClassVar[str] = "registry.access_list_applied"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str = ""
    blocked: tuple[str, ...] = ()
    unblocked: tuple[str, ...] = ()


class GroupChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A group was created, changed or deleted; ``generation_id`` is empty."""

    name: ClassVar[str] = "registry.group_changed"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str = ""
    group_id: str
    group_name: str
    change: str


class GroupMembershipChanged(msgspec.Struct, frozen=True, kw_only=True):
    """Devices entered groups or left them; ``generation_id`` is empty.

    Attributes:
        generation_ids: Of all devices whose groups are different now.
        group_ids: Of the groups that are.
    """

    name: ClassVar[str] = "registry.group_membership_changed"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str = ""
    generation_ids: tuple[str, ...]
    group_ids: tuple[str, ...]
