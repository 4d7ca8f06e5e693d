"""The register of modules: every change of one, in the caller's transaction, with its ledger entry and event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from vedette.kernel import Clock, GenerationId, IdSource, ModuleId
from vedette.ledger import Actor, Entry, Ledger
from vedette.pki import KeySlot, NewKeys
from vedette.registry import module_repository, presence_repository, twin_repository
from vedette.registry.credentials import CredentialRecords, Holder
from vedette.registry.errors import ModuleExists, ModuleNotFound, RevisionMismatch, TooManyModules
from vedette.registry.events import ModuleChanged, ModuleDeleted, ModuleRegistered
from vedette.registry.model import Device
from vedette.registry.module import MODULES_MAX, Module, NewModule, apply_module_patch, check_new_module
from vedette.registry.tags import Tags, check_tags
from vedette.registry.twin import describe_patch, difference
from vedette.store import Transaction


class ModuleRegister:
    """Changes modules in a transaction that the caller opened."""

    def __init__(self, ledger: Ledger, credentials: CredentialRecords, *, clock: Clock, ids: IdSource) -> None:
        self._ledger = ledger
        self._credentials = credentials
        self._clock = clock
        self._ids = ids

    def require(
        self, connection: sa.Connection, device: Device, module_id: str, *, if_match: int | None = None
    ) -> Module:
        """Return the module that holds a name on a device.

        Raises:
            ModuleNotFound: None does.
            RevisionMismatch: It has changed since the revision the caller knows.
        """
        module = module_repository.find_module(connection, device.organization_id, device.generation_id, module_id)
        if module is None:
            raise ModuleNotFound(
                f"{device.device_id} has no module {module_id[:160]!r}",
                hint="see them: vedette module list DEVICE",
            )
        if if_match is not None and if_match != module.revision:
            raise RevisionMismatch(
                f"{module.full_name} is at revision {module.revision}, not {if_match}",
                hint="read it again, then change it",
            )
        return module

    def create(
        self,
        tx: Transaction,
        device: Device,
        new: NewModule,
        *,
        actor: Actor,
        generation_id: GenerationId | None = None,
    ) -> Module:
        """Add a module to a device under a name that is free there; it inherits nothing from an earlier holder.

        Args:
            tx: The caller's.
            device: As read in this transaction.
            new: What is asked for.
            actor: Who asks.
            generation_id: Chosen beforehand by a caller that has bound something to it already.

        Raises:
            InvalidDevice: Something is outside its limits.
            ModuleExists: The name is taken.
            TooManyModules: The device has 50 already.
        """
        asked = check_new_module(new, device.device_id)
        self._credentials.check_type(asked.authentication)
        owner = (device.organization_id, device.generation_id)
        if module_repository.find_module(tx.connection, *owner, asked.module_id) is not None:
            raise ModuleExists(
                f"module {device.device_id}/{asked.module_id} exists already",
                hint="choose another id, or delete it first",
            )
        if module_repository.count_of_device(tx.connection, *owner) >= MODULES_MAX:
            raise TooManyModules(
                f"{device.device_id} has {MODULES_MAX} modules, which is the most a device may have",
                hint="delete one that is not needed",
                limit=MODULES_MAX,
            )
        now = self._clock.now()
        module = Module(
            organization_id=device.organization_id,
            generation_id=generation_id or GenerationId(self._ids.new("mod")),
            device_generation_id=device.generation_id,
            device_id=device.device_id,
            module_id=ModuleId(asked.module_id),
            authentication=asked.authentication,
            is_enabled=asked.is_enabled,
            managed_by=asked.managed_by,
            tags=asked.tags,
            workload=asked.workload,
            created_at=now,
            updated_at=now,
            last_connected_at=None,
            revision=1,
        )
        module_repository.insert(tx.connection, module)
        kind = module.authentication.type.value
        event = ModuleRegistered(**_identity(module), authentication=kind)
        details: dict[str, Any] = {  # Any: JSON values
            "authentication": kind,
            "thumbprints": list(module.authentication.thumbprints()),
        }
        if module.workload is not None:
            details["workload"] = _workload(module)
        self._ledger.append(tx, _entry(module, actor, "registry.create_module", details=details), event=event)
        return module

    def patch(
        self, tx: Transaction, module: Module, patch: Mapping[str, object], *, actor: Actor, reason: str = ""
    ) -> Module:
        """Change properties as a merge patch says; a patch that changes nothing leaves the revision alone.

        Raises:
            InvalidDevice: A property is unknown, fixed, or outside its limits.
            RevisionMismatch: Somebody else changed the module meanwhile.
        """
        changed = apply_module_patch(module, patch)
        names = tuple(name for name in patch if getattr(changed, name) != getattr(module, name))
        if "authentication" in names:
            self._credentials.change_type(
                tx, holder_of_module(module), module.authentication, changed.authentication, actor=actor
            )
        return self._save(tx, module, changed, names, actor=actor, reason=reason) if names else module

    def replace_tags(self, tx: Transaction, module: Module, tags: object, *, actor: Actor) -> Module:
        """Set tags as a whole; the same ones leave the revision alone.

        Raises:
            InvalidTags: They break a limit.
            RevisionMismatch: Somebody else changed the module meanwhile.
        """
        checked: Tags = check_tags(tags)
        if checked == module.tags:
            return module
        return self._save(tx, module, replace(module, tags=checked), ("tags",), actor=actor, reason="")

    def give_keys(
        self, tx: Transaction, module: Module, *, actor: Actor, given: Mapping[KeySlot, bytes] | None = None
    ) -> NewKeys | None:
        """Give a module its symmetric keys if it authenticates by them; see ``CredentialRecords.give_keys``."""
        return self._credentials.give_keys(
            tx, holder_of_module(module), module.authentication, actor=actor, given=given
        )

    def delete(self, tx: Transaction, module: Module, *, actor: Actor, reason: str) -> None:
        """End a module, its twin and its certificates: the name is free at once, the row stays for its history."""
        self._write(tx.connection, module, replace(module, deleted_at=self._clock.now(), is_enabled=False))
        event = ModuleDeleted(**_identity(module), reason=reason)
        self._ledger.append(tx, _entry(module, actor, "registry.delete_module", reason=reason), event=event)
        twin_repository.delete(tx.connection, module.organization_id, [module.generation_id])
        presence_repository.delete(tx.connection, module.organization_id, [module.generation_id])
        self._credentials.end(tx, holder_of_module(module), actor=actor, comment="the module was deleted")

    def delete_of(self, tx: Transaction, device: Device, *, actor: Actor) -> None:
        """Delete the modules of a device that is deleted."""
        for module in module_repository.list_of_device(tx.connection, device.organization_id, device.generation_id):
            self.delete(tx, module, actor=actor, reason="its device was deleted")

    def end_credentials_of(self, tx: Transaction, device: Device, *, actor: Actor, comment: str) -> None:
        """End what a device's modules prove themselves with."""
        for module in module_repository.list_of_device(tx.connection, device.organization_id, device.generation_id):
            self._credentials.end(tx, holder_of_module(module), actor=actor, comment=comment)

    def _save(
        self,
        tx: Transaction,
        before: Module,
        after: Module,
        names: Sequence[str],
        *,
        actor: Actor,
        reason: str,
    ) -> Module:
        saved = self._write(tx.connection, before, after)
        event = ModuleChanged(**_identity(saved), changed=tuple(names), revision=saved.revision)
        details: dict[str, Any] = {"changed": list(names)}  # Any: JSON values
        if "is_enabled" in names:
            details["is_enabled"] = saved.is_enabled
        if "workload" in names:
            details["workload"] = _workload(saved)
        if "tags" in names:
            details["tags"] = describe_patch(difference(before.tags, saved.tags))
        entry = _entry(saved, actor, "registry.update_module", reason=reason, details=details)
        self._ledger.append(tx, entry, event=event)
        return saved

    def _write(self, connection: sa.Connection, before: Module, after: Module) -> Module:
        written = replace(after, revision=before.revision + 1, updated_at=self._clock.now())
        if not module_repository.update(connection, written, expected=before.revision):
            raise RevisionMismatch(f"{before.full_name} was changed by somebody else", hint="read it again")
        return written


def _workload(module: Module) -> dict[str, str] | None:
    workload = module.workload
    return None if workload is None else {"digest": workload.digest, "identity": workload.identity}


def holder_of_module(module: Module) -> Holder:
    """Return a module as the holder of its credentials."""
    return Holder(module.organization_id, module.generation_id, module.full_name)


def _identity(module: Module) -> dict[str, str]:
    return {
        "organization_id": module.organization_id,
        "generation_id": module.generation_id,
        "device_generation_id": module.device_generation_id,
        "device_id": module.device_id,
        "module_id": module.module_id,
    }


def _entry(
    module: Module,
    actor: Actor,
    action: str,
    *,
    reason: str = "",
    details: dict[str, Any] | None = None,  # Any: JSON values
) -> Entry:
    return Entry(
        organization_id=module.organization_id,
        actor=actor,
        action=action,
        target=module.generation_id,
        target_name=module.full_name[:256],
        reason=reason,
        details=details or {},
    )
