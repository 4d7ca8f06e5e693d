"""Devices and modules through the registry's services: what single calls and bulk requests have in common."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from vedette.access import EnforcementTracker
from vedette.api.service.documents import (
    Document,
    IdentityDocument,
    Wish,
    check_document,
    device_document,
    module_document,
    wanted_state,
    wish_for_change,
    wish_for_new,
)
from vedette.kernel import OrganizationId
from vedette.ledger import Actor
from vedette.messaging import CommandQueue
from vedette.pki import InvalidSymmetricKey, KeySlot, NewKey, NewKeys
from vedette.registry import (
    Authentication,
    Device,
    DeviceNotFound,
    DeviceService,
    Module,
    ModuleService,
    NewDevice,
    NewModule,
    PresenceService,
    RevisionMismatch,
    parse_thumbprint,
)

LIST_MAX: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Identities:
    """The services that know devices and modules of one organization."""

    organization_id: OrganizationId
    devices: DeviceService
    modules: ModuleService
    presence: PresenceService
    commands: CommandQueue
    enforcement: EnforcementTracker


class DeviceDesk:
    """Devices as documents."""

    def __init__(self, identities: Identities) -> None:
        self._its = identities
        self._organization_id = identities.organization_id

    async def get(self, device_id: str) -> Document:
        """Return a device.

        Raises:
            DeviceNotFound: No device holds the name.
        """
        return await self._shown(await self._its.devices.get(self._organization_id, device_id))

    async def list(self, limit: int) -> list[Document]:
        """Return devices by name, at most 1000; how much waits for each is not counted."""
        page = await self._its.devices.list(self._organization_id, limit=limit)
        found = await self._its.presence.get_many(
            self._organization_id, [device.generation_id for device in page.items]
        )
        return [device_document(device, found.get(device.generation_id), waiting=0) for device in page.items]

    async def create(self, device_id: str, document: IdentityDocument, *, actor: Actor) -> Document:
        """Create a device; generated keys are told this once.

        Raises:
            Problem: As ``DeviceService.create_with_keys``, and what the document breaks.
        """
        check_document(document, device_id, None)
        wish = wish_for_new(document.authentication)
        new = NewDevice(
            device_id=device_id,
            authentication=wish.authentication,
            is_enabled=wanted_state(document) is not False,
            status_reason=document.status_reason or "",
        )
        made = await self._its.devices.create_with_keys(self._organization_id, new, actor=actor, given=wish.keys)
        return await self._shown(made.device, made.keys)

    async def update(
        self, device_id: str, document: IdentityDocument, *, actor: Actor, if_match: str | None
    ) -> Document:
        """Change a device into what the document says; what it does not say stays.

        Access is taken away first and given back last, so that a change that fails half way has widened nothing.

        Raises:
            Problem: As ``DeviceService.update_with_keys``, ``disable`` and ``enable``, and what the document breaks.
        """
        check_document(document, device_id, None)
        is_enabled = wanted_state(document)
        device = await self._its.devices.get(self._organization_id, device_id)
        _check_unchanged(device_document(device, None, waiting=0), if_match)
        wish = wish_for_change(device.authentication, document.authentication)
        before = device
        reason = document.status_reason or ""
        if is_enabled is False and device.is_enabled:
            device = await self._its.devices.disable(
                self._organization_id,
                device_id,
                actor=actor,
                reason=reason or f"by the service policy {actor.name}",
                if_match=device.revision,
            )
        device, keys = await self._authenticate(device, wish, actor)
        if is_enabled and not device.is_enabled:
            device = await self._its.devices.enable(
                self._organization_id, device_id, actor=actor, reason=reason, if_match=device.revision
            )
        if device.revision != before.revision or keys is not None:
            await self._its.enforcement.wait([device.generation_id])
        return await self._shown(device, keys)

    async def delete(self, device_id: str, *, actor: Actor, if_match: str | None) -> None:
        """Delete a device.

        Raises:
            DeviceNotFound: No device holds the name.
            RevisionMismatch: It has changed since ``if_match``.
        """
        found = await self._its.devices.get(self._organization_id, device_id)
        _check_unchanged(device_document(found, None, waiting=0), if_match)
        device = await self._its.devices.delete(
            self._organization_id,
            device_id,
            actor=actor,
            reason=f"by the service policy {actor.name}",
            if_match=None if if_match is None else found.revision,
        )
        await self._its.enforcement.wait([device.generation_id])

    async def _authenticate(self, device: Device, wish: Wish, actor: Actor) -> tuple[Device, NewKeys | None]:
        patch = _patch(device.authentication, wish)
        if patch is not None:
            changed = await self._its.devices.update_with_keys(
                self._organization_id,
                device.device_id,
                {"authentication": patch},
                actor=actor,
                given=wish.keys,
                if_match=device.revision,
            )
            return changed.device, changed.keys
        rotated: list[NewKey] = []
        for slot, value in wish.keys.items():
            with contextlib.suppress(InvalidSymmetricKey):  # its length is checked: it stands there already
                rotated.append(
                    await self._its.devices.rotate_key(
                        self._organization_id, device.device_id, slot, actor=actor, value=value
                    )
                )
        return device, NewKeys(tuple(rotated)) if rotated else None

    async def _shown(self, device: Device, keys: NewKeys | None = None) -> Document:
        presence = await self._its.presence.get(self._organization_id, device.generation_id)
        waiting = await self.count_waiting(device.device_id)
        return device_document(device, presence, waiting=waiting, keys=keys)

    async def count_waiting(self, device_id: str) -> int:
        """Return how many messages wait for a device."""
        try:
            return len(await self._its.commands.list(self._organization_id, device_id))
        except DeviceNotFound:
            return 0  # deleted meanwhile


class ModuleDesk:
    """Modules as documents."""

    def __init__(self, identities: Identities) -> None:
        self._its = identities
        self._organization_id = identities.organization_id

    async def get(self, device_id: str, module_id: str) -> Document:
        """Return a module.

        Raises:
            DeviceNotFound: No device holds the name.
            ModuleNotFound: The device has no module of that name.
        """
        return await self._shown(await self._its.modules.get(self._organization_id, device_id, module_id))

    async def list(self, device_id: str) -> list[Document]:
        """Return the modules of a device.

        Raises:
            DeviceNotFound: No device holds the name.
        """
        modules = await self._its.modules.list(self._organization_id, device_id)
        found = await self._its.presence.get_many(self._organization_id, [each.generation_id for each in modules])
        return [module_document(module, found.get(module.generation_id)) for module in modules]

    async def create(self, device_id: str, module_id: str, document: IdentityDocument, *, actor: Actor) -> Document:
        """Create a module; generated keys are told this once.

        Raises:
            Problem: As ``ModuleService.create_with_keys``, and what the document breaks.
        """
        check_document(document, device_id, module_id)
        wish = wish_for_new(document.authentication)
        new = NewModule(
            module_id=module_id,
            authentication=wish.authentication,
            is_enabled=wanted_state(document) is not False,
            managed_by=document.managed_by or "",
        )
        made = await self._its.modules.create_with_keys(
            self._organization_id, device_id, new, actor=actor, given=wish.keys
        )
        return await self._shown(made.module, made.keys)

    async def update(
        self, device_id: str, module_id: str, document: IdentityDocument, *, actor: Actor, if_match: str | None
    ) -> Document:
        """Change a module into what the document says, at once; what it does not say stays.

        Raises:
            Problem: As ``ModuleService.patch_with_keys``, and what the document breaks.
        """
        check_document(document, device_id, module_id)
        is_enabled = wanted_state(document)
        module = await self._its.modules.get(self._organization_id, device_id, module_id)
        wish = wish_for_change(module.authentication, document.authentication)
        patch: dict[str, object] = {}
        if is_enabled is not None and is_enabled != module.is_enabled:
            patch["is_enabled"] = is_enabled
        if document.managed_by is not None and document.managed_by != module.managed_by:
            patch["managed_by"] = document.managed_by
        authentication = _patch(module.authentication, wish)
        if authentication is not None:
            patch["authentication"] = authentication
        _check_unchanged(module_document(module, None), if_match)
        keys: NewKeys | None = None
        if patch:
            changed = await self._its.modules.patch_with_keys(
                self._organization_id,
                device_id,
                module_id,
                patch,
                actor=actor,
                given=wish.keys,
                if_match=module.revision,
            )
            module, keys = changed.module, changed.keys
        if authentication is None and wish.keys:
            keys = await self._rotate(module, wish.keys, actor) or keys
        if patch or keys is not None:
            await self._its.enforcement.wait([module.generation_id])
        return await self._shown(module, keys)

    async def delete(self, device_id: str, module_id: str, *, actor: Actor, if_match: str | None) -> None:
        """Delete a module.

        Raises:
            DeviceNotFound: No device holds the name.
            ModuleNotFound: The device has no module of that name.
            RevisionMismatch: It has changed since ``if_match``.
        """
        found = await self._its.modules.get(self._organization_id, device_id, module_id)
        _check_unchanged(module_document(found, None), if_match)
        module = await self._its.modules.delete(
            self._organization_id,
            device_id,
            module_id,
            actor=actor,
            reason=f"by the service policy {actor.name}",
            if_match=None if if_match is None else found.revision,
        )
        await self._its.enforcement.wait([module.generation_id])

    async def _rotate(self, module: Module, values: Mapping[KeySlot, bytes], actor: Actor) -> NewKeys | None:
        rotated: list[NewKey] = []
        for slot, value in values.items():
            with contextlib.suppress(InvalidSymmetricKey):  # its length is checked: it stands there already
                rotated.append(
                    await self._its.modules.rotate_key(
                        self._organization_id, module.device_id, module.module_id, slot, actor=actor, value=value
                    )
                )
        return NewKeys(tuple(rotated)) if rotated else None

    async def _shown(self, module: Module, keys: NewKeys | None = None) -> Document:
        presence = await self._its.presence.get(self._organization_id, module.generation_id)
        return module_document(module, presence, keys=keys)


def _check_unchanged(document: Document, if_match: str | None) -> None:
    if if_match is not None and if_match != document["etag"]:
        raise RevisionMismatch("it has changed since the etag that the change is based on", hint="read it again")


def _patch(current: Authentication, wish: Wish) -> dict[str, str | None] | None:
    """Return the merge patch that makes a wish come true; ``None`` if it is true already."""
    wanted = wish.authentication
    primary, secondary = (
        None if digest is None else parse_thumbprint(digest)
        for digest in (wanted.primary_thumbprint, wanted.secondary_thumbprint)
    )
    if (wanted.type, primary, secondary) == (current.type, current.primary_thumbprint, current.secondary_thumbprint):
        return None
    return {"type": wanted.type.value, "primary_thumbprint": primary, "secondary_thumbprint": secondary}
