"""The register: every change of a device, in the caller's transaction, with its ledger entry and event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa

from vedette.kernel import Clock, DeviceId, GenerationId, IdSource, OrganizationId
from vedette.ledger import Actor, Entry, Ledger
from vedette.pki import KeySlot, NewKeys, RevocationReason
from vedette.registry import module_repository, presence_repository, repository, twin_repository
from vedette.registry.access_list import AccessRules, AccessSubject
from vedette.registry.access_list_repository import RulesCache
from vedette.registry.credentials import CredentialRecords, Holder
from vedette.registry.errors import DeviceExists, DeviceNotFound, RevisionMismatch
from vedette.registry.events import (
    DeviceChanged,
    DeviceDeleted,
    DeviceDisabled,
    DeviceEnabled,
    DeviceRegistered,
    DeviceRetired,
    DeviceRevoked,
    LifecycleChanged,
)
from vedette.registry.lifecycle import Cause, check_transition
from vedette.registry.model import (
    REASON_MAX_CHARS,
    Authentication,
    AuthenticationType,
    Device,
    NewDevice,
    Origin,
    apply_patch,
    check_authentication,
    check_new,
)
from vedette.registry.module_register import ModuleRegister
from vedette.registry.tags import check_tags
from vedette.registry.twin import describe_patch, difference
from vedette.store import Transaction
from vedette.trust import Lifecycle

CONNECTED_EVERY: Final = timedelta(minutes=10)
# What such a device presents was made by others, and is good for as long as they say.
_NOT_OURS_TO_END: Final = frozenset({AuthenticationType.SELF_SIGNED, AuthenticationType.CERTIFICATE_AUTHORITY})


class Register:
    """Changes devices in a transaction that the caller opened, so that other rooms can make them part of their own.

    Attributes:
        modules: The same for their modules.
    """

    def __init__(self, ledger: Ledger, credentials: CredentialRecords, *, clock: Clock, ids: IdSource) -> None:
        self._ledger = ledger
        self._credentials = credentials
        self._certificates = credentials.certificates
        self._clock = clock
        self._ids = ids
        self._rules = RulesCache()
        self.modules = ModuleRegister(ledger, credentials, clock=clock, ids=ids)

    @property
    def credentials(self) -> CredentialRecords:
        """What devices and modules prove themselves with."""
        return self._credentials

    def rules(self, connection: sa.Connection, organization_id: str) -> AccessRules:
        """Return the access lists as the connection's transaction sees them."""
        return self._rules.load(connection, organization_id)

    def look_up(
        self, connection: sa.Connection, organization_id: str, device_id: str
    ) -> tuple[Device | None, AccessRules]:
        """Return the device that holds a name, if any does, and the access lists, as the transaction sees them."""
        device, version = repository.find_by_name_with_lists(connection, organization_id, device_id)
        return device, self._rules.load_at(connection, organization_id, version)

    def require(
        self, connection: sa.Connection, organization_id: str, device_id: str, *, if_match: int | None = None
    ) -> Device:
        """Return the device that holds a name.

        Raises:
            DeviceNotFound: None does.
            RevisionMismatch: It has changed since the revision the caller knows.
        """
        device = repository.find_by_name(connection, organization_id, device_id)
        if device is None:
            raise DeviceNotFound(f"there is no device {device_id[:160]!r}", hint="see them: vedette device list")
        if if_match is not None and if_match != device.revision:
            raise RevisionMismatch(
                f"{device_id} is at revision {device.revision}, not {if_match}", hint="read it again, then change it"
            )
        return device

    def create(
        self,
        tx: Transaction,
        organization_id: OrganizationId,
        new: NewDevice,
        *,
        actor: Actor,
        generation_id: GenerationId | None = None,
        rules: AccessRules | None = None,
    ) -> Device:
        """Add a device under a name that is free; it inherits nothing from an earlier holder of the name.

        Args:
            tx: The caller's.
            organization_id: Its owner.
            new: What is asked for.
            actor: Who asks.
            generation_id: Chosen beforehand by a caller that has put it into a certificate already.
            rules: From ``look_up`` in this transaction, which found the name free: it is not looked up again.

        Raises:
            InvalidDevice: Something is outside its limits.
            DeviceExists: The name is taken.
        """
        asked = check_new(new)
        self._credentials.check_type(asked.authentication)
        if rules is None:
            holder, rules = self.look_up(tx.connection, organization_id, asked.device_id)
        else:
            holder = None
        if holder is not None:
            raise DeviceExists(f"device {asked.device_id} exists already", hint="choose another id, or delete it first")
        device = self._compose(organization_id, asked, generation_id)
        verdict = rules.judge(self.subject(tx.connection, device, rules))
        device = replace(device, is_blocked=verdict.is_blocked)
        repository.insert(tx.connection, device)
        event = DeviceRegistered(
            organization_id=organization_id,
            generation_id=device.generation_id,
            device_id=device.device_id,
            authentication=device.authentication.type.value,
            lifecycle=device.lifecycle.value,
            enrollment_id=device.origin.enrollment_id,
        )
        details = {
            "authentication": device.authentication.type.value,
            "thumbprints": list(device.authentication.thumbprints()),
            "lifecycle": device.lifecycle.value,
            "enrollment_id": device.origin.enrollment_id,
        }
        self._ledger.append(tx, _entry(device, actor, "registry.create_device", details=details), event=event)
        return device

    def patch(self, tx: Transaction, device: Device, patch: Mapping[str, object], *, actor: Actor) -> Device:
        """Change properties as a merge patch says; a patch that changes nothing leaves the revision alone.

        Raises:
            InvalidDevice: A property is unknown, fixed, or outside its limits.
            RevisionMismatch: Somebody else changed the device meanwhile.
        """
        changed = apply_patch(device, patch)
        names = tuple(name for name in patch if getattr(changed, name) != getattr(device, name))
        if not names:
            return device
        if "authentication" in names:
            self._credentials.change_type(
                tx, holder_of(device), device.authentication, changed.authentication, actor=actor
            )
            changed = self._judge_again(tx.connection, changed)
        return self._save(tx, device, changed, names, actor=actor, action="registry.update_device")

    def replace_tags(self, tx: Transaction, device: Device, tags: object, *, actor: Actor) -> Device:
        """Set tags as a whole; the same ones leave the revision alone.

        Raises:
            InvalidTags: They break a limit.
            RevisionMismatch: Somebody else changed the device meanwhile.
        """
        checked = check_tags(tags)
        if checked == device.tags:
            return device
        return self._save(
            tx, device, replace(device, tags=checked), ("tags",), actor=actor, action="registry.update_device"
        )

    def onboard(
        self,
        tx: Transaction,
        device: Device,
        *,
        authentication: Authentication,
        origin: Origin,
        actor: Actor,
        keeps_active: bool = False,
    ) -> Device:
        """Bind a device to what vouched for it in an enrollment, and move it to *onboarded*.

        Args:
            tx: The caller's.
            device: As read in this transaction.
            authentication: From now on.
            origin: What vouched.
            actor: Who enrolled it.
            keeps_active: An active device stays so: it goes on with the credential it has.

        Raises:
            TransitionNotAllowed: Its lifecycle does not lead there.
        """
        changed = replace(device, authentication=check_authentication(authentication), origin=origin)
        if changed != device:
            self._credentials.change_type(
                tx, holder_of(device), device.authentication, changed.authentication, actor=actor
            )
            changed = self._judge_again(tx.connection, changed)
            device = self._save(
                tx, device, changed, ("authentication", "origin"), actor=actor, action="registry.bind_device"
            )
        if device.lifecycle is Lifecycle.ONBOARDED or (keeps_active and device.lifecycle is Lifecycle.ACTIVE):
            return device
        return self.move(tx, device, Lifecycle.ONBOARDED, cause=Cause.ENROLLMENT, actor=actor, reason="")

    def give_keys(
        self, tx: Transaction, device: Device, *, actor: Actor, given: Mapping[KeySlot, bytes] | None = None
    ) -> NewKeys | None:
        """Give a device its symmetric keys if it authenticates by them; see ``CredentialRecords.give_keys``."""
        return self._credentials.give_keys(tx, holder_of(device), device.authentication, actor=actor, given=given)

    def note_authority(self, tx: Transaction, device: Device, authority_id: str, *, actor: Actor) -> Device:
        """Remember which authority vouches for what a device presents at the hub, since access lists go by it."""
        if device.origin.authority_id == authority_id:
            return device
        changed = replace(device, origin=replace(device.origin, authority_id=authority_id))
        changed = self._judge_again(tx.connection, changed)
        return self._save(tx, device, changed, ("origin",), actor=actor, action="registry.bind_device")

    def set_enabled(
        self, tx: Transaction, devices: Sequence[Device], *, is_enabled: bool, actor: Actor, reason: str
    ) -> list[Device]:
        """Enable or disable devices; those that are so already are left as they are, and out of the result."""
        affected = [device for device in devices if device.is_enabled is not is_enabled]
        if not affected:
            return []
        now = self._clock.now()
        generations = [device.generation_id for device in affected]
        organization_id = affected[0].organization_id
        repository.update_enabled(
            tx.connection, organization_id, generations, now, is_enabled=is_enabled, reason=reason
        )
        action = "registry.enable_device" if is_enabled else "registry.disable_device"
        kind = DeviceEnabled if is_enabled else DeviceDisabled
        changed = []
        for device in affected:
            event = kind(
                organization_id=organization_id,
                generation_id=device.generation_id,
                device_id=device.device_id,
                reason=reason,
            )
            self._ledger.append(tx, _entry(device, actor, action, reason=reason), event=event)
            changed.append(
                replace(
                    device,
                    is_enabled=is_enabled,
                    status_reason=reason,
                    status_changed_at=now,
                    updated_at=now,
                    revision=device.revision + 1,
                )
            )
        return changed

    def move(
        self, tx: Transaction, device: Device, target: Lifecycle, *, cause: Cause, actor: Actor, reason: str
    ) -> Device:
        """Move a device one step along its lifecycle.

        Raises:
            TransitionNotAllowed: The lifecycle has no such step, or not for this cause.
        """
        check_transition(device.lifecycle, target, cause)
        now = self._clock.now()
        changed = replace(device, lifecycle=target, lifecycle_changed_at=now)
        changed = self._write(tx.connection, device, changed)
        identity = {
            "organization_id": device.organization_id,
            "generation_id": device.generation_id,
            "device_id": device.device_id,
        }
        event: DeviceRetired | LifecycleChanged
        if target is Lifecycle.RETIRED:
            event = DeviceRetired(**identity, reason=reason)
        else:
            event = LifecycleChanged(
                **identity, previous=device.lifecycle.value, current=target.value, cause=cause.value, reason=reason
            )
        details = {"previous": device.lifecycle.value, "current": target.value, "cause": cause.value}
        action = "registry.retire_device" if target is Lifecycle.RETIRED else "registry.change_lifecycle"
        self._ledger.append(tx, _entry(device, actor, action, reason=reason, details=details), event=event)
        if target is Lifecycle.RETIRED:
            self._credentials.end(tx, holder_of(device), actor=actor, comment="the device was retired")
            self.modules.end_credentials_of(tx, device, actor=actor, comment="its device was retired")
        return changed

    def revoke(
        self, tx: Transaction, device: Device, *, reason: RevocationReason, actor: Actor, comment: str
    ) -> tuple[Device, int, int]:
        """Take from a device all that it proves itself with; one whose credential is not ours to end is disabled.

        Returns:
            What it is now, and how many certificates and symmetric keys ended.
        """
        counts = self._credentials.revoke(tx, holder_of(device), reason=reason, actor=actor, comment=comment)
        if device.authentication.type in _NOT_OURS_TO_END:
            why = f"revoked: {comment}"[:REASON_MAX_CHARS] if comment else "revoked"
            device = next(iter(self.set_enabled(tx, [device], is_enabled=False, actor=actor, reason=why)), device)
        event = DeviceRevoked(
            organization_id=device.organization_id,
            generation_id=device.generation_id,
            device_id=device.device_id,
            reason=reason.value,
        )
        details = {"revocation_reason": reason.value, "certificates": counts[0], "symmetric_keys": counts[1]}
        entry = _entry(device, actor, "registry.revoke_device", reason=comment, details=details)
        self._ledger.append(tx, entry, event=event)
        return device, *counts

    def delete(self, tx: Transaction, device: Device, *, actor: Actor, reason: str) -> None:
        """End a generation, its modules, twin and certificates: the name is free, the row stays for its history."""
        self._write(tx.connection, device, replace(device, deleted_at=self._clock.now(), is_enabled=False))
        event = DeviceDeleted(
            organization_id=device.organization_id,
            generation_id=device.generation_id,
            device_id=device.device_id,
            was_in_good_standing=device.is_in_good_standing,
            reason=reason,
        )
        self._ledger.append(tx, _entry(device, actor, "registry.delete_device", reason=reason), event=event)
        twin_repository.delete(tx.connection, device.organization_id, [device.generation_id])
        presence_repository.delete(tx.connection, device.organization_id, [device.generation_id])
        self._credentials.end(tx, holder_of(device), actor=actor, comment="the device was deleted")
        self.modules.delete_of(tx, device, actor=actor)

    def mark_active(
        self, tx: Transaction, organization_id: str, generation_ids: Iterable[str], *, actor: Actor
    ) -> None:
        """Move devices that use their operational credential for the first time to *active*; others are left alone."""
        for device in repository.find_generations(tx.connection, organization_id, generation_ids).values():
            if device.deleted_at is None and device.lifecycle is Lifecycle.ONBOARDED:
                self.move(tx, device, Lifecycle.ACTIVE, cause=Cause.FIRST_USE, actor=actor, reason="first use")

    def note_connected(self, tx: Transaction, organization_id: str, generation_ids: Sequence[str]) -> None:
        """Remember that devices and modules connect, at most each ten minutes; off the record, without a revision."""
        now = self._clock.now()
        before = now - CONNECTED_EVERY
        modules = [each for each in generation_ids if each.startswith(module_repository.PREFIX)]
        if modules:
            module_repository.note_connected(tx.connection, organization_id, modules, now, before=before)
        if len(modules) < len(generation_ids):
            repository.note_connected(tx.connection, organization_id, generation_ids, now, before=before)

    def holder_of(self, connection: sa.Connection, organization_id: OrganizationId, sha256: str) -> GenerationId | None:
        """Return the generation that a certificate was issued to or is vouched for."""
        _, certificate = self._certificates.standing(connection, organization_id, sha256, self._clock.now())
        if certificate is not None:
            return certificate.generation_id
        vouched = self._credentials.vouched.holder_of(connection, organization_id, sha256)
        return None if vouched is None else GenerationId(vouched)

    def subject(self, connection: sa.Connection, device: Device, rules: AccessRules) -> AccessSubject:
        """Return what the access lists are asked about a device."""
        certificates = set(device.authentication.thumbprints())
        if device.origin.onboarding_sha256 is not None:
            certificates.add(device.origin.onboarding_sha256)
        if rules.names_certificates:
            certificates.update(self._credentials.digests_of(connection, device.organization_id, device.generation_id))
        authority_id = device.origin.authority_id
        return AccessSubject(
            device_id=device.device_id,
            certificates=frozenset(certificates),
            authorities=frozenset() if authority_id is None else frozenset({authority_id}),
            enrollment_id=device.origin.enrollment_id,
        )

    def _compose(
        self,
        organization_id: OrganizationId,
        new: NewDevice,
        generation_id: GenerationId | None,
    ) -> Device:
        now = self._clock.now()
        return Device(
            organization_id=organization_id,
            generation_id=generation_id or GenerationId(self._ids.new("dev")),
            device_id=DeviceId(new.device_id),
            authentication=new.authentication,
            is_enabled=new.is_enabled,
            status_reason=new.status_reason,
            status_changed_at=now,
            is_blocked=False,
            lifecycle=new.lifecycle or Lifecycle.MADE,
            lifecycle_changed_at=now,
            device_class=new.device_class,
            identity_class=new.identity_class,
            failure_mode=new.failure_mode,
            hold_s=new.hold_s,
            site=new.site,
            zone=new.zone,
            purdue_level=new.purdue_level,
            tags=new.tags,
            origin=new.origin,
            created_at=now,
            updated_at=now,
            last_connected_at=None,
            revision=1,
        )

    def _judge_again(self, connection: sa.Connection, device: Device) -> Device:
        rules = self.rules(connection, device.organization_id)
        return replace(device, is_blocked=rules.judge(self.subject(connection, device, rules)).is_blocked)

    def _save(
        self, tx: Transaction, before: Device, after: Device, names: tuple[str, ...], *, actor: Actor, action: str
    ) -> Device:
        saved = self._write(tx.connection, before, after)
        event = DeviceChanged(
            organization_id=saved.organization_id,
            generation_id=saved.generation_id,
            device_id=saved.device_id,
            changed=names,
            revision=saved.revision,
        )
        details: dict[str, Any] = {"changed": list(names)}  # Any: JSON values
        if "tags" in names:
            details["tags"] = describe_patch(difference(before.tags, saved.tags))
        self._ledger.append(tx, _entry(saved, actor, action, details=details), event=event)
        return saved

    def _write(self, connection: sa.Connection, before: Device, after: Device) -> Device:
        written = replace(after, revision=before.revision + 1, updated_at=self._clock.now())
        if not repository.update(connection, written, expected=before.revision):
            raise RevisionMismatch(f"{before.device_id} was changed by somebody else", hint="read it again")
        return written


def holder_of(device: Device) -> Holder:
    """Return a device as the holder of its credentials."""
    return Holder(device.organization_id, device.generation_id, device.device_id)


def _entry(
    device: Device,
    actor: Actor,
    action: str,
    *,
    reason: str = "",
    details: dict[str, Any] | None = None,  # Any: JSON values
) -> Entry:
    return Entry(
        organization_id=device.organization_id,
        actor=actor,
        action=action,
        target=device.generation_id,
        target_name=device.device_id,
        reason=reason,
        details=details or {},
    )
