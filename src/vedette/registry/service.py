"""The registry's use cases, one method each; every change is on record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from vedette.kernel import GenerationId, OrganizationId
from vedette.ledger import Actor, EntryFilter, Ledger, Record
from vedette.pki import Certificate, KeySlot, NewKey, NewKeys, RevocationReason, SymmetricKey
from vedette.pki.records import CertificateService
from vedette.registry import module_repository, repository
from vedette.registry.clock_guard import ClockGuard
from vedette.registry.device_list import DeviceLists
from vedette.registry.errors import DeviceNotFound, InvalidFilter, TooManyDevices
from vedette.registry.lifecycle import Cause, is_restricting
from vedette.registry.model import Device, DeviceCounts, DeviceFilter, DevicePage, NewDevice, check_reason
from vedette.registry.places import Areas
from vedette.registry.register import Register, holder_of
from vedette.store import Store, Transaction
from vedette.trust import Lifecycle

PAGE_MAX: Final = 1000
BULK_MAX: Final = 1000
_CURSOR_MAX_CHARS: Final = 128
_SYSTEM: Final = Actor("system", "registry")


@dataclass(frozen=True, slots=True)
class BulkChange:
    """What became of a change of many devices.

    Attributes:
        changed: The devices that are different now.
        unchanged: Names of those that were so already.
        unknown: Names that no device holds.
    """

    changed: Sequence[Device]
    unchanged: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeviceWithKeys:
    """A device and, when it was just given some, its symmetric keys: to be shown once."""

    device: Device
    keys: NewKeys | None = None


@dataclass(frozen=True, slots=True)
class RevokedDevice:
    """A device from which all was taken that it proves itself with, and how many of each there were."""

    device: Device
    certificates: int
    symmetric_keys: int


@dataclass(frozen=True, slots=True)
class CredentialHistory:
    """Every certificate a device was issued, and every act on record that touched it."""

    device: Device
    certificates: Sequence[Certificate]
    acts: Sequence[Record]


class DeviceService:
    """Creates, reads, changes and ends devices of an organization."""

    def __init__(
        self, store: Store, ledger: Ledger, certificates: CertificateService, register: Register, guard: ClockGuard
    ) -> None:
        self._store = store
        self._lists = DeviceLists(store)
        self._ledger = ledger
        self._certificates = certificates
        self._register = register
        self._guard = guard

    async def create(self, organization_id: OrganizationId, new: NewDevice, *, actor: Actor) -> Device:
        """Do what ``create_with_keys`` does, for who needs no keys shown."""
        return (await self.create_with_keys(organization_id, new, actor=actor)).device

    async def create_with_keys(
        self,
        organization_id: OrganizationId,
        new: NewDevice,
        *,
        actor: Actor,
        given: Mapping[KeySlot, bytes] | None = None,
    ) -> DeviceWithKeys:
        """Add a device under a free name; one that authenticates by symmetric keys gets them in the same transaction.

        Args:
            organization_id: Its owner.
            new: What is asked for.
            actor: Who asks.
            given: Symmetric keys that the device holds already; the others are made.

        Raises:
            InvalidId: The device id is malformed.
            InvalidDevice: A property is outside its limits.
            DeviceExists: The name is taken.
            SymmetricKeysOff: It would need what is not accepted here.
            InvalidSymmetricKey: A given key is too short or too long.
            ClockJumped: The clock cannot be believed.
        """
        self._guard.check()

        def change(tx: Transaction) -> DeviceWithKeys:
            device = self._register.create(tx, organization_id, new, actor=actor)
            return DeviceWithKeys(device, self._register.give_keys(tx, device, actor=actor, given=given))

        return await self._store.write(change)

    async def get(self, organization_id: OrganizationId, device_id: str) -> Device:
        """Return the device that holds a name.

        Raises:
            DeviceNotFound: None does.
        """
        return await self._store.read(lambda connection: self._register.require(connection, organization_id, device_id))

    async def get_generation(self, organization_id: OrganizationId, generation_id: GenerationId) -> Device:
        """Return a device by generation id, deleted ones included.

        Raises:
            DeviceNotFound: There never was one.
        """
        device = await self._store.read(
            lambda connection: repository.find_generation(connection, organization_id, generation_id)
        )
        if device is None:
            raise DeviceNotFound(f"there is no device of generation {generation_id[:64]}")
        return device

    async def list(
        self,
        organization_id: OrganizationId,
        *,
        after: str = "",
        limit: int = 100,
        matching: DeviceFilter | None = None,
        where: str | None = None,
        within: Areas | None = None,
    ) -> DevicePage:
        """Return devices by name, in byte order, after a name; a page that took long may be short and have a next.

        Args:
            organization_id: Whose.
            after: ``next`` of the page before; empty for the first.
            limit: Most devices.
            matching: Which ones.
            where: A condition of the query language that they meet too: ``tags.site = 'north'``.
            within: The parts of the fleet that may be seen; None for all of it.

        Raises:
            InvalidFilter: ``limit`` is outside 1 to 1000, or a tag's path cannot be asked for.
            InvalidQuery: The condition is none.
        """
        if not 1 <= limit <= PAGE_MAX or len(after) > _CURSOR_MAX_CHARS or "\0" in after:
            raise InvalidFilter(f"limit is 1 to {PAGE_MAX}, after is a device id", limit=PAGE_MAX)
        return await self._lists.page(
            organization_id,
            after=after,
            limit=limit,
            matching=matching or DeviceFilter(),
            where=where,
            within=within,
        )

    async def count(self, organization_id: OrganizationId) -> DeviceCounts:
        """Count the devices of an organization by state."""
        return await self._store.read(lambda connection: repository.count(connection, organization_id))

    async def update(
        self,
        organization_id: OrganizationId,
        device_id: str,
        patch: Mapping[str, object],
        *,
        actor: Actor,
        if_match: int | None = None,
    ) -> Device:
        """Do what ``update_with_keys`` does, for who needs no keys shown."""
        return (await self.update_with_keys(organization_id, device_id, patch, actor=actor, if_match=if_match)).device

    async def update_with_keys(
        self,
        organization_id: OrganizationId,
        device_id: str,
        patch: Mapping[str, object],
        *,
        actor: Actor,
        given: Mapping[KeySlot, bytes] | None = None,
        if_match: int | None = None,
    ) -> DeviceWithKeys:
        """Change properties by a merge patch (RFC 7396); a change to symmetric keys makes them, one away ends them.

        Raises:
            DeviceNotFound: No device holds the name.
            RevisionMismatch: It has changed since ``if_match``.
            InvalidDevice: A property is unknown, fixed, or outside its limits.
            SymmetricKeysOff: It would need what is not accepted here.
            InvalidSymmetricKey: A given key is too short or too long.
            ClockJumped: The clock cannot be believed.
        """
        self._guard.check()

        def change(tx: Transaction) -> DeviceWithKeys:
            device = self._register.require(tx.connection, organization_id, device_id, if_match=if_match)
            changed = self._register.patch(tx, device, patch, actor=actor)
            if changed.authentication.type is device.authentication.type:
                return DeviceWithKeys(changed, None)
            return DeviceWithKeys(changed, self._register.give_keys(tx, changed, actor=actor, given=given))

        return await self._store.write(change)

    async def rotate_key(
        self,
        organization_id: OrganizationId,
        device_id: str,
        slot: KeySlot,
        *,
        actor: Actor,
        value: bytes | None = None,
        if_match: int | None = None,
    ) -> NewKey:
        """Replace one of a device's symmetric keys; sessions that rest on the former one are cut.

        Args:
            organization_id: The device's owner.
            device_id: Its name.
            slot: Which key.
            actor: Who rotates.
            value: One that the device holds already; a new one of ours when not given.
            if_match: The revision the caller knows.

        Raises:
            DeviceNotFound: No device holds the name.
            RevisionMismatch: It has changed since ``if_match``.
            InvalidDevice: It does not authenticate by symmetric keys.
            SymmetricKeysOff: They are not accepted here.
            InvalidSymmetricKey: The value is too short or too long, or stands there already.
            ClockJumped: The clock cannot be believed.
        """
        self._guard.check()

        def change(tx: Transaction) -> NewKey:
            device = self._register.require(tx.connection, organization_id, device_id, if_match=if_match)
            holder, credentials = holder_of(device), self._register.credentials
            return credentials.rotate_key(tx, holder, device.authentication, slot, actor=actor, value=value)

        return await self._store.write(change)

    async def keys_of(self, organization_id: OrganizationId, device_id: str) -> Sequence[SymmetricKey]:
        """Return a device's symmetric keys, without their values, by slot.

        Raises:
            DeviceNotFound: No device holds the name.
        """
        device = await self.get(organization_id, device_id)
        return await self._register.credentials.keys.list_of(organization_id, [device.generation_id])

    async def enable(
        self,
        organization_id: OrganizationId,
        device_id: str,
        *,
        actor: Actor,
        reason: str = "",
        if_match: int | None = None,
    ) -> Device:
        """Let a device take part again.

        Raises:
            DeviceNotFound: No device holds the name.
            RevisionMismatch: It has changed since ``if_match``.
            ClockJumped: The clock cannot be believed.
        """
        self._guard.check()
        return await self._set_enabled(
            organization_id, device_id, is_enabled=True, actor=actor, reason=check_reason(reason), if_match=if_match
        )

    async def disable(
        self,
        organization_id: OrganizationId,
        device_id: str,
        *,
        actor: Actor,
        reason: str,
        if_match: int | None = None,
    ) -> Device:
        """Keep a device out until it is enabled; its live sessions are cut.

        Raises:
            DeviceNotFound: No device holds the name.
            ReasonMissing: No reason is given.
            RevisionMismatch: It has changed since ``if_match``.
        """
        checked = check_reason(reason, is_required=True)
        return await self._set_enabled(
            organization_id, device_id, is_enabled=False, actor=actor, reason=checked, if_match=if_match
        )

    async def set_enabled_many(
        self,
        organization_id: OrganizationId,
        device_ids: Sequence[str],
        *,
        is_enabled: bool,
        actor: Actor,
        reason: str,
    ) -> BulkChange:
        """Enable or disable up to 1000 devices in one transaction: all that exist, or none.

        Raises:
            TooManyDevices: None or more than 1000 are named.
            ReasonMissing: Devices are disabled without a reason.
            ClockJumped: Devices are enabled while the clock cannot be believed.
        """
        names = list(dict.fromkeys(device_ids))
        if not 1 <= len(names) <= BULK_MAX or any(len(name) > _CURSOR_MAX_CHARS or "\0" in name for name in names):
            raise TooManyDevices(f"name 1 to {BULK_MAX} devices", limit=BULK_MAX)
        checked = check_reason(reason, is_required=not is_enabled)
        if is_enabled:
            self._guard.check()

        def change(tx: Transaction) -> BulkChange:
            found = repository.find_names(tx.connection, organization_id, names)
            devices = [device for name, device in sorted(found.items())]
            changed = self._register.set_enabled(tx, devices, is_enabled=is_enabled, actor=actor, reason=checked)
            done = {device.device_id for device in changed}
            return BulkChange(
                changed,
                unchanged=tuple(name for name in found if name not in done),
                unknown=tuple(name for name in names if name not in found),
            )

        return await self._store.write(change, restricting=not is_enabled)

    async def move(
        self,
        organization_id: OrganizationId,
        device_id: str,
        target: Lifecycle,
        *,
        actor: Actor,
        reason: str = "",
        cause: Cause = Cause.OPERATOR,
        if_match: int | None = None,
    ) -> Device:
        """Move a device one step along its lifecycle.

        Raises:
            DeviceNotFound: No device holds the name.
            TransitionNotAllowed: There is no such step, or not for this cause.
            ReasonMissing: It is quarantined or retired without a reason.
            RevisionMismatch: It has changed since ``if_match``.
            ClockJumped: The step widens access while the clock cannot be believed.
        """
        restricting = is_restricting(target)
        checked = check_reason(reason, is_required=restricting)
        if not restricting:
            self._guard.check()

        def change(tx: Transaction) -> Device:
            device = self._register.require(tx.connection, organization_id, device_id, if_match=if_match)
            return self._register.move(tx, device, target, cause=cause, actor=actor, reason=checked)

        return await self._store.write(change, restricting=restricting)

    async def retire(
        self, organization_id: OrganizationId, device_id: str, *, actor: Actor, reason: str, if_match: int | None = None
    ) -> Device:
        """End a device's life for good; its name stays taken until it is deleted.

        Raises:
            DeviceNotFound: No device holds the name.
            TransitionNotAllowed: It is retired already.
            ReasonMissing: No reason is given.
            RevisionMismatch: It has changed since ``if_match``.
        """
        return await self.move(
            organization_id, device_id, Lifecycle.RETIRED, actor=actor, reason=reason, if_match=if_match
        )

    async def revoke(
        self,
        organization_id: OrganizationId,
        device_id: str,
        *,
        reason: RevocationReason,
        actor: Actor,
        comment: str = "",
    ) -> RevokedDevice:
        """End a device's certificates and symmetric keys now, and lock its onboarding identity.

        One that presents what others made, a pinned certificate or an outside authority's, is disabled.

        Raises:
            DeviceNotFound: No device holds the name.
        """
        checked = check_reason(comment)

        def change(tx: Transaction) -> RevokedDevice:
            device = self._register.require(tx.connection, organization_id, device_id)
            return RevokedDevice(*self._register.revoke(tx, device, reason=reason, actor=actor, comment=checked))

        return await self._store.write(change, restricting=True)

    async def delete(
        self,
        organization_id: OrganizationId,
        device_id: str,
        *,
        actor: Actor,
        reason: str = "",
        if_match: int | None = None,
    ) -> Device:
        """Delete a device and free its name; returns what it was.

        The onboarding identity of one that was disabled, blocked, quarantined or retired stays locked.

        Raises:
            DeviceNotFound: No device holds the name.
            RevisionMismatch: It has changed since ``if_match``.
        """
        checked = check_reason(reason)

        def change(tx: Transaction) -> Device:
            device = self._register.require(tx.connection, organization_id, device_id, if_match=if_match)
            self._register.delete(tx, device, actor=actor, reason=checked)
            return device

        return await self._store.write(change, restricting=True)

    async def mark_active(self, organization_id: OrganizationId, generation_ids: Sequence[str]) -> None:
        """Move devices that use their operational credential for the first time from *onboarded* to *active*."""
        await self._store.write(
            lambda tx: self._register.mark_active(tx, organization_id, generation_ids, actor=_SYSTEM)
        )

    async def may_renew(self, organization_id: OrganizationId, generation_id: GenerationId) -> bool:
        """Tell whether a device or module takes part by certificates of ours, so that it may renew them."""

        def read(connection: sa.Connection) -> bool:
            module = module_repository.find_module_generations(connection, organization_id, [generation_id])
            if not module:
                device = repository.find_generation(connection, organization_id, generation_id)
                return device is not None and device.may_renew
            (found,) = module.values()
            owner = repository.find_generation(connection, organization_id, found.device_generation_id)
            return owner is not None and owner.takes_part and found.may_renew

        return await self._store.read(read)

    async def credential_history(self, organization_id: OrganizationId, device_id: str) -> CredentialHistory:
        """Return the certificates, youngest first, and the acts on record, oldest first, of a device.

        Raises:
            DeviceNotFound: None does.
        """
        device = await self.get(organization_id, device_id)
        certificates = await self._certificates.list_of(organization_id, device.generation_id, limit=PAGE_MAX)
        acts = await self._ledger.entries(
            organization_id, limit=PAGE_MAX, matching=EntryFilter(target=device.generation_id)
        )
        return CredentialHistory(device, certificates, acts)

    async def _set_enabled(
        self,
        organization_id: OrganizationId,
        device_id: str,
        *,
        is_enabled: bool,
        actor: Actor,
        reason: str,
        if_match: int | None,
    ) -> Device:
        def change(tx: Transaction) -> Device:
            device = self._register.require(tx.connection, organization_id, device_id, if_match=if_match)
            changed = self._register.set_enabled(tx, [device], is_enabled=is_enabled, actor=actor, reason=reason)
            return changed[0] if changed else device

        return await self._store.write(change, restricting=not is_enabled)
