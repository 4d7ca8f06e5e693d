"""The use cases of twins: a device reads and reports, an operator reads and wishes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import sqlalchemy as sa

from vedette.kernel import Clock, GenerationId, OrganizationId
from vedette.ledger import Actor, Entry, Ledger
from vedette.registry import twin_repository as repository
from vedette.registry.clock_guard import ClockGuard
from vedette.registry.errors import IdentityNotFound, RevisionMismatch
from vedette.registry.events import DesiredPropertiesChanged
from vedette.registry.model import Device
from vedette.registry.module import Module
from vedette.registry.register import Register
from vedette.registry.twin import (
    EMPTY,
    Bag,
    Twin,
    Values,
    check_desired,
    check_patch,
    describe_patch,
    encode_desired_patch,
    encode_for_device,
    parse_patch,
    patch_bag,
    replace_bag,
    replacing_patch,
    without_read_only,
)
from vedette.registry.twin_repository import StoredTwin
from vedette.store import Store, Transaction

OnDesired = Callable[[GenerationId, int, bytes], None]
OnTwinChanged = Callable[[Transaction, OrganizationId, GenerationId], None]

_DESIRED: Final = "desired"
_REPORTED: Final = "reported"
_PARSED_AT_ONCE_BYTES: Final = 8_192


class TwinService:
    """Reads and changes twins.

    Args:
        store: Holds them.
        ledger: Gets desired changes; their values stay out of it.
        register: Finds identities and changes their tags.
        guard: Holds changes of tags while the clock cannot be believed.
        clock: Source of time.
        on_desired: Told of each desired change after its commit, in order of commit: the generation, its new version,
            and the patch as the device gets it. Runs in the event loop and must not block.
        on_twin_changed: Called after any change within its transaction.
    """

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        register: Register,
        guard: ClockGuard,
        *,
        clock: Clock,
        on_desired: OnDesired | None = None,
        on_twin_changed: OnTwinChanged | None = None,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._register = register
        self._guard = guard
        self._clock = clock
        self._on_desired = on_desired
        self._on_twin_changed = on_twin_changed

    async def get(self, organization_id: OrganizationId, device_id: str, module_id: str | None = None) -> Twin:
        """Return the twin of a device or module.

        Raises:
            DeviceNotFound: No device holds the name.
            ModuleNotFound: The device has no module of that name.
        """

        def read(connection: sa.Connection) -> Twin:
            identity = self._require(connection, organization_id, device_id, module_id)
            return compose(identity, repository.find(connection, organization_id, identity.generation_id))

        return await self._store.read(read)

    async def read_own(self, organization_id: OrganizationId, generation_id: GenerationId) -> bytes:
        """Return the twin as its device reads it: both bags with their versions, neither tags nor metadata.

        Raises:
            IdentityNotFound: The identity is deleted.
        """
        bags = await self._store.read(
            lambda connection: repository.read_own(connection, organization_id, generation_id)
        )
        if bags is None:
            raise _unknown(generation_id)
        return encode_for_device(*bags)

    async def report(self, organization_id: OrganizationId, generation_id: GenerationId, patch: bytes) -> int:
        """Merge what a device reports of itself; return the new version.

        Raises:
            InvalidTwin: The patch breaks a limit; ``TwinTooLarge`` by its size.
            IdentityNotFound: The identity is deleted.
        """
        if len(patch) <= _PARSED_AT_ONCE_BYTES:
            asked = parse_patch(patch, _REPORTED)
        else:  # 100 KB of short names take 15 ms and more, in which this loop answers nobody
            asked = await asyncio.to_thread(parse_patch, patch, _REPORTED)
        return await self._store.write(lambda tx: self._report(tx, organization_id, generation_id, asked))

    async def patch(
        self,
        organization_id: OrganizationId,
        device_id: str,
        module_id: str | None = None,
        *,
        tags: object = None,
        desired: object = None,
        actor: Actor,
        if_match: int | None = None,
    ) -> Twin:
        """Merge patches into tags and desired properties; what is ``None`` or empty stays as it is.

        Raises:
            DeviceNotFound: No device holds the name.
            ModuleNotFound: The device has no module of that name.
            RevisionMismatch: The twin has changed since ``if_match``.
            InvalidTags: Tags break a limit.
            InvalidTwin: Desired properties break a limit; ``TwinTooLarge`` by their size.
            ClockJumped: Tags are changed while the clock cannot be believed.
        """
        wished = _check_wish(desired)
        if tags is not None:
            self._guard.check()

        def change(tx: Transaction) -> Twin:
            identity, stored = self._load(tx, organization_id, device_id, module_id, if_match)
            if tags is not None:
                identity = self._patch_tags(tx, identity, tags, actor)
            if wished:
                at = self._clock.now()
                bag = patch_bag(stored.desired, wished, name=_DESIRED, at=at, is_versioned=True)
                stored = self._save_desired(tx, identity, stored, bag, wished, actor=actor, action="patch")
            self._tell(tx, identity)
            return compose(identity, stored)

        return await self._store.write(change)

    async def replace(
        self,
        organization_id: OrganizationId,
        device_id: str,
        module_id: str | None = None,
        *,
        tags: object = None,
        desired: object = None,
        actor: Actor,
        if_match: int | None = None,
    ) -> Twin:
        """Set tags and desired properties as a whole; what is ``None`` stays as it is, ``{}`` empties.

        Raises:
            DeviceNotFound: No device holds the name.
            ModuleNotFound: The device has no module of that name.
            RevisionMismatch: The twin has changed since ``if_match``.
            InvalidTags: Tags break a limit.
            InvalidTwin: Desired properties break a limit; ``TwinTooLarge`` by their size.
            ClockJumped: Tags are changed while the clock cannot be believed.
        """
        wished = _check_wish(desired)
        if tags is not None:
            self._guard.check()

        def change(tx: Transaction) -> Twin:
            identity, stored = self._load(tx, organization_id, device_id, module_id, if_match)
            if tags is not None:
                identity = self._replace_tags(tx, identity, tags, actor)
            if wished is not None:
                stored = self._replace_desired(tx, identity, stored, wished, actor=actor, action="replace")
            self._tell(tx, identity)
            return compose(identity, stored)

        return await self._store.write(change)

    def initialise(
        self, tx: Transaction, organization_id: OrganizationId, generation_id: GenerationId, desired: object
    ) -> None:
        """Give a device that is created in this transaction its first desired properties, at version 1.

        They belong to the act that creates the device, and are not on record by themselves.

        Raises:
            InvalidTwin: They break a limit; ``TwinTooLarge`` by their size.
        """
        at = self._clock.now()
        values = check_patch(desired, _DESIRED)
        bag = replace_bag(Bag(version=0), values, name=_DESIRED, at=at, is_versioned=True)
        if bag.values:
            repository.save(tx.connection, organization_id, generation_id, StoredTwin(bag, EMPTY, 0, None), at)
            if self._on_twin_changed is not None:
                self._on_twin_changed(tx, organization_id, generation_id)

    def reset(self, tx: Transaction, device: Device, *, tags: object, desired: object, actor: Actor) -> Device | None:
        """Set a device's twin back to an initial one: tags and desired replaced, reported emptied.

        Versions go on, so that a device never takes an older document for a newer one.

        Returns:
            The device with its new tags; ``None``: its twin was so already, and nothing was written.

        Raises:
            InvalidTags: Tags break a limit.
            InvalidTwin: Desired properties break a limit; ``TwinTooLarge`` by their size.
        """
        values = check_desired(desired)
        changed = self._register.replace_tags(tx, device, tags, actor=actor)
        stored = repository.find(tx.connection, device.organization_id, device.generation_id)
        if changed is device and stored.desired.values == values and not stored.reported.values:
            return None
        if stored.revision:
            empty = replace_bag(stored.reported, {}, name=_REPORTED, at=self._clock.now())
            stored = StoredTwin(stored.desired, empty, stored.revision, stored.updated_at)
        if stored.revision or values:
            self._replace_desired(tx, changed, stored, values, actor=actor, action="reset")
        self._tell(tx, changed)
        return changed

    def _report(
        self, tx: Transaction, organization_id: OrganizationId, generation_id: GenerationId, patch: Values
    ) -> int:
        found = repository.read_reported(tx.connection, organization_id, generation_id)
        if found is None:
            raise _unknown(generation_id)
        bag, has_row = found
        at = self._clock.now()
        reported = patch_bag(bag, patch, name=_REPORTED, at=at)
        repository.save_reported(tx.connection, organization_id, generation_id, reported, at, has_row=has_row)
        if self._on_twin_changed is not None:
            self._on_twin_changed(tx, organization_id, generation_id)
        return reported.version

    def _require(
        self, connection: sa.Connection, organization_id: OrganizationId, device_id: str, module_id: str | None
    ) -> Device | Module:
        device = self._register.require(connection, organization_id, device_id)
        return device if module_id is None else self._register.modules.require(connection, device, module_id)

    def _load(
        self,
        tx: Transaction,
        organization_id: OrganizationId,
        device_id: str,
        module_id: str | None,
        if_match: int | None,
    ) -> tuple[Device | Module, StoredTwin]:
        identity = self._require(tx.connection, organization_id, device_id, module_id)
        stored = repository.find(tx.connection, organization_id, identity.generation_id)
        revision = compose(identity, stored).revision
        if if_match is not None and if_match != revision:
            raise RevisionMismatch(
                f"the twin of {_name(identity)} is at revision {revision}, not {if_match}",
                hint="read it again, then change it",
            )
        return identity, stored

    def _patch_tags(self, tx: Transaction, identity: Device | Module, tags: object, actor: Actor) -> Device | Module:
        if isinstance(identity, Module):
            return self._register.modules.patch(tx, identity, {"tags": tags}, actor=actor)
        return self._register.patch(tx, identity, {"tags": tags}, actor=actor)

    def _replace_tags(self, tx: Transaction, identity: Device | Module, tags: object, actor: Actor) -> Device | Module:
        if isinstance(identity, Module):
            return self._register.modules.replace_tags(tx, identity, tags, actor=actor)
        return self._register.replace_tags(tx, identity, tags, actor=actor)

    def _replace_desired(
        self,
        tx: Transaction,
        identity: Device | Module,
        stored: StoredTwin,
        desired: Values,
        *,
        actor: Actor,
        action: str,
    ) -> StoredTwin:
        at = self._clock.now()
        bag = replace_bag(stored.desired, desired, name=_DESIRED, at=at, is_versioned=True)
        patch = replacing_patch(stored.desired.values, bag.values)
        return self._save_desired(tx, identity, stored, bag, patch, actor=actor, action=action)

    def _save_desired(
        self,
        tx: Transaction,
        identity: Device | Module,
        stored: StoredTwin,
        desired: Bag,
        patch: Values,
        *,
        actor: Actor,
        action: str,
    ) -> StoredTwin:
        at = self._clock.now()
        organization_id, generation_id = identity.organization_id, identity.generation_id
        changed = StoredTwin(desired, stored.reported, stored.revision, at)
        repository.save(tx.connection, organization_id, generation_id, changed, at)
        changed.revision += 1
        entry = Entry(
            organization_id=organization_id,
            actor=actor,
            action=f"registry.{action}_desired_properties",
            target=generation_id,
            target_name=_name(identity)[:256],
            details={"version": desired.version, **describe_patch(patch)},
        )
        event = DesiredPropertiesChanged(
            organization_id=organization_id,
            generation_id=generation_id,
            device_id=identity.device_id,
            module_id=identity.module_id if isinstance(identity, Module) else None,
            desired_version=desired.version,
        )
        self._ledger.append(tx, entry, event=event)
        if self._on_desired is not None:
            on_desired, told = self._on_desired, encode_desired_patch(patch, desired.version)
            tx.on_commit(lambda: on_desired(generation_id, desired.version, told))
        return changed

    def _tell(self, tx: Transaction, identity: Device | Module) -> None:
        if self._on_twin_changed is not None:
            self._on_twin_changed(tx, identity.organization_id, identity.generation_id)


def compose(identity: Device | Module, stored: StoredTwin) -> Twin:
    """Put a twin together from an identity and its stored bags."""
    return Twin(
        organization_id=identity.organization_id,
        generation_id=identity.generation_id,
        device_id=identity.device_id,
        module_id=identity.module_id if isinstance(identity, Module) else None,
        tags=identity.tags,
        desired=stored.desired,
        reported=stored.reported,
        # Sums of counters that only grow: the same sum means that none of them has changed.
        revision=identity.revision + stored.desired.version - 1,
        version=identity.revision + stored.revision,
        updated_at=stored.updated_at,
    )


def _check_wish(desired: object) -> Values | None:
    return None if desired is None else check_patch(without_read_only(desired), _DESIRED)


def _name(identity: Device | Module) -> str:
    return identity.full_name if isinstance(identity, Module) else identity.device_id


def _unknown(generation_id: str) -> IdentityNotFound:
    return IdentityNotFound(f"there is no identity of generation {generation_id[:64]}", hint="it may have been deleted")
