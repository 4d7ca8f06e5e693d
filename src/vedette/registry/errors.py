"""What the registry refuses."""

from __future__ import annotations

from typing import ClassVar

from vedette.kernel import Problem


class DeviceNotFound(Problem):
    """There is no device of that name or generation in the organization."""

    code: ClassVar[str] = "registry.device_not_found"
    status: ClassVar[int] = 404


class DeviceExists(Problem):
    """The name is taken by a device that is not deleted."""

    code: ClassVar[str] = "registry.device_exists"
    status: ClassVar[int] = 409


class RevisionMismatch(Problem):
    """The resource has changed since the revision the caller knows."""

    code: ClassVar[str] = "registry.revision_mismatch"
    status: ClassVar[int] = 412


class InvalidDevice(Problem):
    """A property of a device is outside its limits."""

    code: ClassVar[str] = "registry.invalid_device"
    status: ClassVar[int] = 422


class InvalidTags(InvalidDevice):
    """Tags break a limit of size, depth or form."""

    code: ClassVar[str] = "registry.invalid_tags"


class InvalidThumbprint(InvalidDevice):
    """A text is not the SHA-1 or SHA-256 digest of a certificate."""

    code: ClassVar[str] = "registry.invalid_thumbprint"


class InvalidTwin(Problem):
    """Properties of a twin break a limit of depth or form."""

    code: ClassVar[str] = "registry.invalid_twin"
    status: ClassVar[int] = 422


class TwinTooLarge(InvalidTwin):
    """Properties of a twin, or a patch of them, are larger than they may be."""

    code: ClassVar[str] = "registry.twin_too_large"
    status: ClassVar[int] = 413


class IdentityNotFound(Problem):
    """No device or module that is not deleted has that generation."""

    code: ClassVar[str] = "registry.identity_not_found"
    status: ClassVar[int] = 404


class ModuleNotFound(Problem):
    """The device has no module of that name."""

    code: ClassVar[str] = "registry.module_not_found"
    status: ClassVar[int] = 404


class ModuleExists(Problem):
    """The device has a module of that name already."""

    code: ClassVar[str] = "registry.module_exists"
    status: ClassVar[int] = 409


class TooManyModules(Problem):
    """The device has as many modules as it may."""

    code: ClassVar[str] = "registry.too_many_modules"
    status: ClassVar[int] = 409


class InvalidModule(InvalidDevice):
    """A property of a module is outside its limits."""

    code: ClassVar[str] = "registry.invalid_module"


class InvalidFilter(Problem):
    """A list was asked for by a condition or cursor that does not exist."""

    code: ClassVar[str] = "registry.invalid_filter"
    status: ClassVar[int] = 422


class TransitionNotAllowed(Problem):
    """The lifecycle has no such step, or not for whoever asks."""

    code: ClassVar[str] = "registry.transition_not_allowed"
    status: ClassVar[int] = 409


class ReasonMissing(Problem):
    """An act that takes access away must say why."""

    code: ClassVar[str] = "registry.reason_missing"
    status: ClassVar[int] = 422


class TooManyDevices(Problem):
    """More devices in one call than are changed in one transaction."""

    code: ClassVar[str] = "registry.too_many_devices"
    status: ClassVar[int] = 422


class AccessListEntryNotFound(Problem):
    """There is no such entry on the allow or block list."""

    code: ClassVar[str] = "registry.access_list_entry_not_found"
    status: ClassVar[int] = 404


class AccessListEntryExists(Problem):
    """The same entry stands on the list already."""

    code: ClassVar[str] = "registry.access_list_entry_exists"
    status: ClassVar[int] = 409


class InvalidAccessListEntry(Problem):
    """An entry's value does not fit its kind."""

    code: ClassVar[str] = "registry.invalid_access_list_entry"
    status: ClassVar[int] = 422


class AccessListFull(Problem):
    """The lists hold as many entries as they may."""

    code: ClassVar[str] = "registry.access_list_full"
    status: ClassVar[int] = 409


class ClockJumped(Problem):
    """The wall clock is not where it should be: nothing that widens access happens until it is."""

    code: ClassVar[str] = "registry.clock_jumped"
    status: ClassVar[int] = 503


class GroupNotFound(Problem):
    """There is no such group."""

    code: ClassVar[str] = "registry.group_not_found"
    status: ClassVar[int] = 404


class GroupExists(Problem):
    """The name is taken by another group."""

    code: ClassVar[str] = "registry.group_exists"
    status: ClassVar[int] = 409


class InvalidGroup(Problem):
    """A property of a group is outside its limits."""

    code: ClassVar[str] = "registry.invalid_group"
    status: ClassVar[int] = 422


class GroupIsDynamic(Problem):
    """The members of a dynamic group are what meets its condition, never named one by one."""

    code: ClassVar[str] = "registry.group_is_dynamic"
    status: ClassVar[int] = 409


class TooManyGroups(Problem):
    """There are as many groups as there may be."""

    code: ClassVar[str] = "registry.too_many_groups"
    status: ClassVar[int] = 409
