"""The use cases of modules, one method each; every change is on record."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from vedette.kernel import OrganizationId
from vedette.ledger import Actor
from vedette.registry import module_repository
from vedette.registry.clock_guard import ClockGuard
from vedette.registry.model import check_reason
from vedette.registry.module import Module, NewModule
from vedette.registry.register import Register
from vedette.store import Store, Transaction


class ModuleService:
    """Creates, reads, changes and ends the modules of devices."""

    def __init__(self, store: Store, register: Register, guard: ClockGuard) -> None:
        self._store = store
        self._register = register
        self._guard = guard

    async def create(self, organization_id: OrganizationId, device_id: str, new: NewModule, *, actor: Actor) -> Module:
        """Add a module to a device.

        Raises:
            InvalidId: The module id is malformed.
            InvalidDevice: A property is outside its limits.
            DeviceNotFound: No device holds the name.
            ModuleExists: The name is taken.
            TooManyModules: The device has as many as it may.
            ClockJumped: The clock cannot be believed.
        """
        self._guard.check()

        def change(tx: Transaction) -> Module:
            device = self._register.require(tx.connection, organization_id, device_id)
            return self._register.modules.create(tx, device, new, actor=actor)

        return await self._store.write(change)

    async def get(self, organization_id: OrganizationId, device_id: str, module_id: str) -> Module:
        """Return a module.

        Raises:
            DeviceNotFound: No device holds the name.
            ModuleNotFound: The device has no module of that name.
        """

        def read(connection: sa.Connection) -> Module:
            device = self._register.require(connection, organization_id, device_id)
            return self._register.modules.require(connection, device, module_id)

        return await self._store.read(read)

    async def list(self, organization_id: OrganizationId, device_id: str) -> list[Module]:
        """Return all modules of a device, at most 50, by name.

        Raises:
            DeviceNotFound: No device holds the name.
        """

        def read(connection: sa.Connection) -> list[Module]:
            device = self._register.require(connection, organization_id, device_id)
            return module_repository.list_of_device(connection, organization_id, device.generation_id)

        return await self._store.read(read)

    async def patch(
        self,
        organization_id: OrganizationId,
        device_id: str,
        module_id: str,
        patch: Mapping[str, object],
        *,
        actor: Actor,
        reason: str = "",
        if_match: int | None = None,
    ) -> Module:
        """Change ``authentication``, ``is_enabled``, ``managed_by`` or ``tags`` by a merge patch (RFC 7396).

        A patch that only disables is a restriction: it is written in every degraded state.

        Raises:
            DeviceNotFound: No device holds the name.
            ModuleNotFound: The device has no module of that name.
            RevisionMismatch: It has changed since ``if_match``.
            InvalidDevice: A property is unknown, fixed, or outside its limits.
            ClockJumped: The clock cannot be believed.
        """
        checked = check_reason(reason)
        restricting = patch.keys() == {"is_enabled"} and patch["is_enabled"] is False
        if not restricting:
            self._guard.check()

        def change(tx: Transaction) -> Module:
            device = self._register.require(tx.connection, organization_id, device_id)
            module = self._register.modules.require(tx.connection, device, module_id, if_match=if_match)
            return self._register.modules.patch(tx, module, patch, actor=actor, reason=checked)

        return await self._store.write(change, restricting=restricting)

    async def delete(
        self,
        organization_id: OrganizationId,
        device_id: str,
        module_id: str,
        *,
        actor: Actor,
        reason: str = "",
        if_match: int | None = None,
    ) -> Module:
        """Delete a module with its twin and free its name; returns what it was.

        Raises:
            DeviceNotFound: No device holds the name.
            ModuleNotFound: The device has no module of that name.
            RevisionMismatch: It has changed since ``if_match``.
        """
        checked = check_reason(reason)

        def change(tx: Transaction) -> Module:
            device = self._register.require(tx.connection, organization_id, device_id)
            module = self._register.modules.require(tx.connection, device, module_id, if_match=if_match)
            self._register.modules.delete(tx, module, actor=actor, reason=checked)
            return module

        return await self._store.write(change, restricting=True)
