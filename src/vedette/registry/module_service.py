"""The use cases of modules, one method each; every change is on record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from vedette.kernel import OrganizationId
from vedette.ledger import Actor
from vedette.pki import KeySlot, NewKey, NewKeys, SymmetricKey
from vedette.pki.records import PreparedCertificate
from vedette.registry import module_repository
from vedette.registry.clock_guard import ClockGuard
from vedette.registry.errors import InvalidModule, RevisionMismatch
from vedette.registry.model import AuthenticationType, check_reason
from vedette.registry.module import Module, NewModule
from vedette.registry.module_register import holder_of_module
from vedette.registry.register import Register
from vedette.store import Store, Transaction


@dataclass(frozen=True, slots=True)
class ModuleWithKeys:
    """A module and, when it was just given some, its symmetric keys: to be shown once."""

    module: Module
    keys: NewKeys | None = None


class ModuleService:
    """Creates, reads, changes and ends the modules of devices."""

    def __init__(self, store: Store, register: Register, guard: ClockGuard) -> None:
        self._store = store
        self._register = register
        self._guard = guard

    async def create(self, organization_id: OrganizationId, device_id: str, new: NewModule, *, actor: Actor) -> Module:
        """Do what ``create_with_keys`` does, for who needs no keys shown."""
        return (await self.create_with_keys(organization_id, device_id, new, actor=actor)).module

    async def create_with_keys(
        self,
        organization_id: OrganizationId,
        device_id: str,
        new: NewModule,
        *,
        actor: Actor,
        given: Mapping[KeySlot, bytes] | None = None,
    ) -> ModuleWithKeys:
        """Add a module to a device; one that authenticates by symmetric keys gets them in the same transaction.

        Args:
            organization_id: The device's owner.
            device_id: The device's name.
            new: What is asked for.
            actor: Who asks.
            given: Symmetric keys that the module holds already; the others are made.

        Raises:
            InvalidId: The module id is malformed.
            InvalidDevice: A property is outside its limits.
            DeviceNotFound: No device holds the name.
            ModuleExists: The name is taken.
            TooManyModules: The device has as many as it may.
            SymmetricKeysOff: It would need what is not accepted here.
            InvalidSymmetricKey: A given key is too short or too long.
            ClockJumped: The clock cannot be believed.
        """
        self._guard.check()

        def change(tx: Transaction) -> ModuleWithKeys:
            device = self._register.require(tx.connection, organization_id, device_id)
            module = self._register.modules.create(tx, device, new, actor=actor)
            return ModuleWithKeys(module, self._register.modules.give_keys(tx, module, actor=actor, given=given))

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
        """Do what ``patch_with_keys`` does, for who needs no keys shown."""
        changed = await self.patch_with_keys(
            organization_id, device_id, module_id, patch, actor=actor, reason=reason, if_match=if_match
        )
        return changed.module

    async def patch_with_keys(
        self,
        organization_id: OrganizationId,
        device_id: str,
        module_id: str,
        patch: Mapping[str, object],
        *,
        actor: Actor,
        reason: str = "",
        given: Mapping[KeySlot, bytes] | None = None,
        if_match: int | None = None,
    ) -> ModuleWithKeys:
        """Change ``authentication``, ``is_enabled``, ``managed_by`` or ``tags`` by a merge patch (RFC 7396).

        A patch that only disables is a restriction: it is written in every degraded state. A change to symmetric keys
        makes them, one away ends them.

        Raises:
            DeviceNotFound: No device holds the name.
            ModuleNotFound: The device has no module of that name.
            RevisionMismatch: It has changed since ``if_match``.
            InvalidDevice: A property is unknown, fixed, or outside its limits.
            SymmetricKeysOff: It would need what is not accepted here.
            InvalidSymmetricKey: A given key is too short or too long.
            ClockJumped: The clock cannot be believed.
        """
        checked = check_reason(reason)
        restricting = patch.keys() == {"is_enabled"} and patch["is_enabled"] is False
        if not restricting:
            self._guard.check()

        def change(tx: Transaction) -> ModuleWithKeys:
            device = self._register.require(tx.connection, organization_id, device_id)
            modules = self._register.modules
            module = modules.require(tx.connection, device, module_id, if_match=if_match)
            changed = modules.patch(tx, module, patch, actor=actor, reason=checked)
            if changed.authentication.type is module.authentication.type:
                return ModuleWithKeys(changed, None)
            return ModuleWithKeys(changed, modules.give_keys(tx, changed, actor=actor, given=given))

        return await self._store.write(change, restricting=restricting)

    async def rotate_key(
        self,
        organization_id: OrganizationId,
        device_id: str,
        module_id: str,
        slot: KeySlot,
        *,
        actor: Actor,
        value: bytes | None = None,
        if_match: int | None = None,
    ) -> NewKey:
        """Replace one of a module's symmetric keys; as ``DeviceService.rotate_key``.

        Raises:
            DeviceNotFound: No device holds the name.
            ModuleNotFound: The device has no module of that name.
            RevisionMismatch: It has changed since ``if_match``.
            InvalidDevice: It does not authenticate by symmetric keys.
            SymmetricKeysOff: They are not accepted here.
            InvalidSymmetricKey: The value is too short or too long, or stands there already.
            ClockJumped: The clock cannot be believed.
        """
        self._guard.check()
        credentials = self._register.credentials

        def change(tx: Transaction) -> NewKey:
            device = self._register.require(tx.connection, organization_id, device_id)
            module = self._register.modules.require(tx.connection, device, module_id, if_match=if_match)
            holder = holder_of_module(module)
            return credentials.rotate_key(tx, holder, module.authentication, slot, actor=actor, value=value)

        return await self._store.write(change)

    async def keys_of(self, organization_id: OrganizationId, device_id: str, module_id: str) -> Sequence[SymmetricKey]:
        """Return a module's symmetric keys, without their values, by slot.

        Raises:
            DeviceNotFound: No device holds the name.
            ModuleNotFound: The device has no module of that name.
        """
        module = await self.get(organization_id, device_id, module_id)
        return await self._register.credentials.keys.list_of(organization_id, [module.generation_id])

    async def issue_certificate(
        self,
        organization_id: OrganizationId,
        device_id: str,
        module_id: str,
        csr: bytes,
        *,
        actor: Actor,
        lifetime: timedelta | None = None,
        reason: str = "",
    ) -> PreparedCertificate:
        """Issue a module's first certificate, or one more, on a request that an operator brings; it renews it itself.

        Args:
            organization_id: The device's owner.
            device_id: The device's name.
            module_id: The module's name.
            csr: PKCS #10, DER; its common name is ``device/module``, or absent.
            actor: Who asks.
            lifetime: The configured one when not given.
            reason: In the words of the actor.

        Raises:
            DeviceNotFound: No device holds the name.
            ModuleNotFound: The device has no module of that name.
            InvalidDevice: It does not authenticate by certificates of ours.
            BadCsr: The request breaks a rule; and all else that ``CertificateService.prepare_issue`` raises.
            ClockJumped: The clock cannot be believed.
        """
        self._guard.check()
        checked = check_reason(reason)
        certificates = self._register.credentials.certificates
        asked = await self.get(organization_id, device_id, module_id)
        _check_issued(asked)
        prepared = await certificates.prepare_issue(
            organization_id=organization_id,
            generation_id=asked.generation_id,
            subject_name=asked.full_name,
            csr=csr,
            lifetime=lifetime,
        )

        def store(tx: Transaction) -> None:
            # The signer took its time: the name may belong to another generation by now.
            device = self._register.require(tx.connection, organization_id, device_id)
            module = self._register.modules.require(tx.connection, device, module_id)
            if module.generation_id != asked.generation_id:
                raise RevisionMismatch(f"{asked.full_name} was created anew meanwhile", hint="ask again")
            _check_issued(module)
            certificates.store_issued(tx, prepared, actor=actor, reason=checked)

        await self._store.write(store)
        return prepared

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


def _check_issued(module: Module) -> None:
    if module.authentication.type is not AuthenticationType.ISSUED:
        raise InvalidModule(
            f"{module.full_name} authenticates by type {module.authentication.type}",
            hint="change its authentication to issued first",
        )
