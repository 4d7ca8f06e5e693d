"""``/v1/devices/{device_id}/keys`` and those of its modules: symmetric keys of clients that know no certificates."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request
from pydantic import Field

from vedette.api.device_views import KEY_MAX_CHARS, NewKeyView, show_new_key
from vedette.api.schema import OF_MODULE, IdentityPath, Revision, Timestamp, View, Who, api_router, refusals
from vedette.kernel import OrganizationId
from vedette.pki import KeySlot, SymmetricKey, parse_symmetric_key
from vedette.registry import DeviceService, ModuleService

_PLACES: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    ("/keys", "a device", {}),
    ("/modules/{module_id}/keys", "a module", OF_MODULE),
)


class KeyView(View):
    """A symmetric key on record, without its value."""

    key_id: str
    slot: KeySlot = Field(description="Which of the two: one is used while the other is replaced.")
    created_at: Timestamp
    expires_at: Timestamp = Field(description="From then on it opens nothing.")
    is_imported: bool = Field(description="An operator brought the value; we cannot know who else has it.")
    last_used_at: Timestamp | None = Field(description="Coarse: written at most once an hour.")


class KeyRotation(View):
    """Which key is replaced, and by what."""

    slot: KeySlot
    key: str | None = Field(
        default=None,
        max_length=KEY_MAX_CHARS,
        description="One that the identity holds already, base64 of 16 to 64 bytes; null has one made.",
    )


class KeyList(View):
    """The symmetric keys of an identity."""

    items: list[KeyView]


class KeyRoutes:
    """What the routes below do, for one organization."""

    def __init__(self, organization_id: OrganizationId, devices: DeviceService, modules: ModuleService) -> None:
        self._organization_id = organization_id
        self._devices = devices
        self._modules = modules

    def build(self) -> APIRouter:
        """Return the routes."""
        router = api_router("credentials", "/v1/devices/{device_id}")
        for path, of, shared in _PLACES:
            router.add_api_route(
                path,
                self.list_keys,
                methods=["GET"],
                summary=f"List the symmetric keys of {of}",
                responses=refusals(404, 422),
                openapi_extra=shared,
            )
            router.add_api_route(
                f"{path}/rotate",
                self.rotate,
                methods=["POST"],
                summary=f"Replace a symmetric key of {of}",
                responses=refusals(404, 409, 412, 422, is_change=True),
                openapi_extra=shared,
            )
        return router

    async def list_keys(self, identity: IdentityPath) -> KeyList:
        """When they end and when they were used; their values are never read back."""
        if identity.module_id is None:
            found = await self._devices.keys_of(self._organization_id, identity.device_id)
        else:
            found = await self._modules.keys_of(self._organization_id, identity.device_id, identity.module_id)
        return KeyList(items=[_show(key) for key in found])

    async def rotate(
        self, identity: IdentityPath, rotation: KeyRotation, who: Who, revision: Revision, request: Request
    ) -> NewKeyView:
        """The former key ends at once, and sessions that rest on it. The answer is not kept for `Idempotency-Key`."""
        value = None if rotation.key is None else parse_symmetric_key(rotation.key)
        if identity.module_id is None:
            new = await self._devices.rotate_key(
                self._organization_id,
                identity.device_id,
                rotation.slot,
                actor=who,
                value=value,
                if_match=revision,
            )
        else:
            new = await self._modules.rotate_key(
                self._organization_id,
                identity.device_id,
                identity.module_id,
                rotation.slot,
                actor=who,
                value=value,
                if_match=revision,
            )
        return show_new_key(new, request)


def _show(key: SymmetricKey) -> KeyView:
    return KeyView(**{name: getattr(key, name) for name in KeyView.model_fields})
