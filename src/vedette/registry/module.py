"""What a module is: a part of a device with a name, credentials and a twin of its own. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from vedette.kernel import DeviceId, GenerationId, ModuleId, OrganizationId, parse_module_id
from vedette.registry.errors import InvalidModule
from vedette.registry.model import (
    TEXT_MAX_CHARS,
    Authentication,
    AuthenticationType,
    check_authentication,
    patch_authentication,
    patch_tags,
)
from vedette.registry.tags import Tags, check_tags
from vedette.registry.workload import check_workload, patch_workload
from vedette.trust import Workload

MODULES_MAX: Final = 50
# A common name holds 64 characters, and a module's is its full name.
CERTIFIED_NAME_MAX_CHARS: Final = 64

_PATCHABLE: Final = frozenset({"authentication", "is_enabled", "managed_by", "tags", "workload"})
_CERTIFIED: Final = frozenset({AuthenticationType.ISSUED, AuthenticationType.CERTIFICATE_AUTHORITY})


@dataclass(frozen=True, slots=True, kw_only=True)
class NewModule:
    """What is asked for when a module is created."""

    module_id: str
    authentication: Authentication = field(default_factory=Authentication)
    is_enabled: bool = True
    managed_by: str = ""
    tags: Tags = field(default_factory=dict)
    workload: Workload | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A module as the registry knows it; registration, placement and quarantine are its device's.

    Attributes:
        managed_by: Who looks after it, in words of the operator's choice.
        last_connected_at: Coarse: written at most each ten minutes.
        revision: Grows with each change an operator can see; what ``If-Match`` compares.
        deleted_at: Set on what is kept of a deleted module for its history.
        workload: What an operator declared to run under it; ``None``: nothing.
    """

    organization_id: OrganizationId
    generation_id: GenerationId
    device_generation_id: GenerationId
    device_id: DeviceId
    module_id: ModuleId
    authentication: Authentication
    is_enabled: bool
    managed_by: str
    tags: Tags
    created_at: datetime
    updated_at: datetime
    last_connected_at: datetime | None
    revision: int
    deleted_at: datetime | None = None
    workload: Workload | None = None

    @property
    def etag(self) -> str:
        """The revision as an entity tag."""
        return f'"{self.revision}"'

    @property
    def is_flagged(self) -> bool:
        """Whether its credential is a weak one, which lists show."""
        return self.authentication.is_weak

    @property
    def may_renew(self) -> bool:
        """Whether it is enabled, and by certificates of ours; its device must take part, too."""
        is_alive = self.is_enabled and self.deleted_at is None
        return is_alive and self.authentication.type is AuthenticationType.ISSUED

    @property
    def full_name(self) -> str:
        """``device/module``: its client id, and the common name of its certificates."""
        return f"{self.device_id}/{self.module_id}"


def check_new_module(new: NewModule, device_id: str) -> NewModule:
    """Check a module to be created on a device.

    Raises:
        InvalidId: The module id is malformed.
        InvalidDevice: A property is outside its limits; subclasses name tags and thumbprints.
    """
    module_id = parse_module_id(new.module_id)
    authentication = check_authentication(new.authentication)
    _check_name(device_id, module_id, authentication)
    _check_managed_by(new.managed_by)
    if not isinstance(new.is_enabled, bool):
        raise InvalidModule("is_enabled must be true or false")
    return replace(
        new,
        module_id=module_id,
        authentication=authentication,
        tags=check_tags(new.tags),
        workload=check_workload(new.workload),
    )


def apply_module_patch(module: Module, patch: Mapping[str, object]) -> Module:
    """Return the module changed as a merge patch says.

    Raises:
        InvalidDevice: An unknown or fixed property, or a value outside its limits.
    """
    unknown = patch.keys() - _PATCHABLE
    if unknown:
        raise InvalidModule(
            f"{min(unknown)[:80]!r} cannot be changed by a patch",
            hint=f"these can: {', '.join(sorted(_PATCHABLE))}",
        )
    changes: dict[str, Any] = dict(patch)  # Any: one type per property, checked below
    if "tags" in patch:
        changes["tags"] = patch_tags(module.tags, patch["tags"])
    if "authentication" in patch:
        changes["authentication"] = patch_authentication(module.authentication, patch["authentication"])
        _check_name(module.device_id, module.module_id, changes["authentication"])
    if "workload" in patch:
        changes["workload"] = patch_workload(module.workload, patch["workload"])
    if "managed_by" in patch:
        changes["managed_by"] = "" if patch["managed_by"] is None else _check_managed_by(patch["managed_by"])
    if not isinstance(patch.get("is_enabled", True), bool):
        raise InvalidModule("is_enabled must be true or false")
    return replace(module, **changes)


def _check_name(device_id: str, module_id: str, authentication: Authentication) -> None:
    length = len(device_id) + 1 + len(module_id)
    if authentication.type in _CERTIFIED and length > CERTIFIED_NAME_MAX_CHARS:
        raise InvalidModule(
            f"{device_id}/{module_id} has {length} characters; a certificate's name holds {CERTIFIED_NAME_MAX_CHARS}",
            hint="choose a shorter module id, or authenticate by thumbprint",
            limit=CERTIFIED_NAME_MAX_CHARS,
        )


def _check_managed_by(text: object) -> str:
    if not isinstance(text, str) or len(text) > TEXT_MAX_CHARS or not text.isprintable():
        raise InvalidModule(
            f"managed_by must be a text of at most {TEXT_MAX_CHARS} printable characters", limit=TEXT_MAX_CHARS
        )
    return text
