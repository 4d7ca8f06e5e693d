"""Modules as the API shows and takes them."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from pydantic import Field

from vedette.api.device_views import (
    GIVEN_KEY,
    AuthenticationView,
    EnforcementView,
    NewKeyView,
    PresenceView,
    read_keys,
    show_authentication,
    show_new_keys,
    show_presence,
)
from vedette.api.schema import DEVICE_ID_PATTERN, Timestamp, View
from vedette.pki import KeySlot, NewKeys
from vedette.registry import Authentication, Module, NewModule, Presence
from vedette.trust import Workload


class WorkloadView(View):
    """What runs under a module's identity, as an operator declares it; policies read `principal.workload`."""

    digest: str = Field(default="", max_length=160, description="Of its image or package; empty: not declared.")
    identity: str = Field(default="", max_length=256, description="Its name elsewhere, such as a SPIFFE id.")


class ModuleView(View):
    """A part of a device with an identity of its own."""

    device_id: str
    module_id: str = Field(description="Its name within its device.", examples=["filter"])
    generation_id: str = Field(description="One life of the module under its name; never used again.")
    authentication: AuthenticationView
    is_flagged: bool = Field(description="Whether it authenticates in a weak way: by a symmetric key.")
    is_enabled: bool = Field(description="A module takes part only where its device does, too.")
    managed_by: str
    tags: dict[str, Any]
    workload: WorkloadView | None = Field(description="Null: nobody declared what runs under it.")
    created_at: Timestamp
    updated_at: Timestamp
    last_connected_at: Timestamp | None = Field(description="Coarse: written at most each ten minutes.")
    presence: PresenceView | None = Field(description="Its connection; null before the first.")
    revision: int = Field(description="Grows with each change; the `ETag` is this number in quotes.")


class ModuleWithKeysView(ModuleView):
    """A module, with the keys that it was just given."""

    keys: list[NewKeyView] = Field(description="Shown this once; empty unless it authenticates by symmetric keys.")


class NewModuleView(View):
    """A module to be created."""

    module_id: str = Field(pattern=DEVICE_ID_PATTERN, description="1 to 128 of `A-Za-z0-9-.%_*?!(),=@$'`.")
    authentication: AuthenticationView = AuthenticationView()
    is_enabled: bool = True
    managed_by: str = Field(default="", max_length=128, description="Who looks after it, in your own words.")
    tags: dict[str, Any] = Field(default_factory=dict, examples=[{"line": "A"}])
    workload: WorkloadView | None = None
    primary_key: str | None = GIVEN_KEY
    secondary_key: str | None = GIVEN_KEY

    def to_given_keys(self) -> dict[KeySlot, bytes]:
        """Return the symmetric keys that it holds already.

        Raises:
            InvalidSymmetricKey: One is not base64 of 16 to 64 bytes.
        """
        return read_keys(self.primary_key, self.secondary_key)

    def to_new_module(self) -> NewModule:
        """Return what the registry is asked for."""
        return NewModule(
            module_id=self.module_id,
            authentication=Authentication(
                type=self.authentication.type,
                primary_thumbprint=self.authentication.primary_thumbprint,
                secondary_thumbprint=self.authentication.secondary_thumbprint,
            ),
            is_enabled=self.is_enabled,
            managed_by=self.managed_by,
            tags=self.tags,
            workload=None
            if self.workload is None
            else Workload(digest=self.workload.digest, identity=self.workload.identity),
        )


class ModulePatch(View):
    """A merge patch (RFC 7396): an absent member stays as it is."""

    authentication: dict[str, Any] | None = Field(default=None, description="Members of `authentication` to change.")
    managed_by: str | None = Field(default=None, max_length=128)
    tags: dict[str, Any] | None = Field(default=None, description="Merged into the tags; a null member removes one.")
    workload: dict[str, Any] | None = Field(
        default=None, description="Members of `workload` to change; null: nothing is declared any more."
    )

    def to_patch(self) -> dict[str, object]:
        """Return the members that were sent."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class ModuleChange(View):
    """A changed module, and how far the change has come."""

    module: ModuleView
    enforcement: EnforcementView


def show_module(module: Module, presence: Presence | None) -> ModuleView:
    """Return a module as it is shown."""
    return ModuleView(**_members(module, presence))


def show_module_with_keys(
    module: Module, keys: NewKeys | None, presence: Presence | None, request: Request
) -> ModuleWithKeysView:
    """Return a module as it is shown, with the keys that it was just given."""
    return ModuleWithKeysView(keys=show_new_keys(keys, request), **_members(module, presence))


def _members(module: Module, presence: Presence | None) -> dict[str, Any]:  # Any: one type per member
    names = ModuleView.model_fields.keys() - {"authentication", "is_flagged", "presence", "workload"}
    return {
        "authentication": show_authentication(module.authentication),
        "is_flagged": module.is_flagged,
        "presence": show_presence(presence),
        "workload": None if module.workload is None else _show_workload(module.workload),
        **{name: getattr(module, name) for name in names},
    }


def _show_workload(workload: Workload) -> WorkloadView:
    return WorkloadView(digest=workload.digest, identity=workload.identity)
