"""Create, rotate, import and revoke symmetric keys, and judge the tokens they made; values are shown once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from vedette.kernel import Clock, IdSource, OrganizationId, to_rfc3339
from vedette.ledger import Actor, Entry, Ledger
from vedette.pki.errors import InvalidSymmetricKey, SymmetricKeysOff
from vedette.pki.events import SymmetricKeyCreated, SymmetricKeysRevoked
from vedette.pki.records import symmetric_key_repository as repository
from vedette.pki.records.key_values import KeyValues
from vedette.pki.records.tokens import HeldKey, named_registration, prove_identity, prove_registration
from vedette.pki.secret_box import SecretBox
from vedette.pki.settings import SymmetricKeySettings
from vedette.pki.symmetric_key import (
    GENERATED_BYTES,
    KeySlot,
    KeyValue,
    NewKey,
    NewKeys,
    SymmetricKey,
    check_key_value,
)
from vedette.protocols.hub import derive_device_key
from vedette.store import Store, Transaction
from vedette.trust import PermittedKey, Reason, TokenProof

OWNERS_PAGE: Final = 500
ENDING_MAX: Final = 1000
USED_EVERY: Final = timedelta(hours=1)
_OWNER_KINDS: Final = ("dev_", "mod_")


class SymmetricKeyService:
    """The symmetric keys of devices, modules and enrollments: their *owners*, each named by its generated id.

    Methods that take a ``Transaction`` or a ``Connection`` run inside the caller's own unit of work.

    Args:
        store: Where they are kept.
        ledger: Where acts on them are recorded.
        box: Seals their values.
        hostnames: The hub's names, which tokens must name; at least one.
        clock: Source of time.
        ids: Source of ids and of keys.
        settings: Off unless they say otherwise.
    """

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        box: SecretBox,
        *,
        hostnames: Sequence[str],
        clock: Clock,
        ids: IdSource,
        settings: SymmetricKeySettings | None = None,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._values = KeyValues(box)
        self._hostnames = tuple(hostnames)
        self._clock = clock
        self._ids = ids
        self._settings = settings or SymmetricKeySettings()

    @property
    def is_enabled(self) -> bool:
        """Whether symmetric keys are accepted here at all."""
        return self._settings.is_enabled

    def check_enabled(self) -> None:
        """Refuse what needs symmetric keys where they are off.

        Raises:
            SymmetricKeysOff: They are.
        """
        if not self.is_enabled:
            raise SymmetricKeysOff(
                "symmetric keys are not accepted here",
                hint="prefer certificates; for legacy devices set pki.symmetric_keys = true and restart",
            )

    # --- their life -----------------------------------------------------------------------------------------------

    def create_for(
        self,
        tx: Transaction,
        organization_id: OrganizationId,
        owner_id: str,
        *,
        owner_name: str,
        actor: Actor,
        given: Mapping[KeySlot, bytes] | None = None,
    ) -> NewKeys:
        """Give an owner two keys in place of those it has: those that are given, and new ones of our making.

        Args:
            tx: The caller's.
            organization_id: Of the owner.
            owner_id: As in ``store_for``.
            owner_name: What people call the owner, for the ledger.
            actor: Who gives them.
            given: Values that a device in the field holds already.

        Raises:
            SymmetricKeysOff: They are not accepted here.
            InvalidSymmetricKey: A value is too short or too long.
        """
        brought = {slot: KeyValue(value) for slot, value in (given or {}).items()}
        made = {slot: KeyValue(self._ids.random_bytes(GENERATED_BYTES)) for slot in KeySlot if slot not in brought}
        stored = [
            *self._put(tx, organization_id, owner_id, brought, owner_name=owner_name, actor=actor, is_imported=True),
            *self._put(tx, organization_id, owner_id, made, owner_name=owner_name, actor=actor, is_imported=False),
        ]
        return NewKeys(tuple(stored))

    def store_for(
        self,
        tx: Transaction,
        organization_id: OrganizationId,
        owner_id: str,
        values: Mapping[KeySlot, KeyValue],
        *,
        owner_name: str,
        actor: Actor,
    ) -> NewKeys:
        """Give an owner keys that were made elsewhere; a slot that is not named stays as it is.

        A value that stands in its slot already keeps its id and its end, so that sessions which rest on it go on.

        Args:
            tx: The caller's.
            organization_id: Of the owner.
            owner_id: Generation id of a device or module, or an enrollment's id.
            values: 16 to 64 bytes each; one that ends after the configured lifetime ends with that.
            owner_name: What people call the owner, for the ledger.
            actor: Who gives them.

        Raises:
            SymmetricKeysOff: They are not accepted here.
            InvalidSymmetricKey: A value is too short or too long.
        """
        stored = self._put(tx, organization_id, owner_id, values, owner_name=owner_name, actor=actor, is_imported=True)
        return NewKeys(tuple(stored))

    def rotate(
        self,
        tx: Transaction,
        organization_id: OrganizationId,
        owner_id: str,
        slot: KeySlot,
        *,
        owner_name: str,
        actor: Actor,
        value: bytes | None = None,
    ) -> NewKey:
        """Replace the key of one slot; the former one counts no more, and sessions that rest on it are cut.

        Args:
            tx: The caller's.
            organization_id: Of the owner.
            owner_id: As in ``store_for``.
            slot: Which.
            owner_name: What people call the owner, for the ledger.
            actor: Who rotates.
            value: One that was made elsewhere; a new one of ours when not given.

        Raises:
            SymmetricKeysOff: They are not accepted here.
            InvalidSymmetricKey: The value is too short or too long, or the one that is to be replaced.
        """
        made = {slot: KeyValue(self._ids.random_bytes(GENERATED_BYTES) if value is None else value)}
        former = {key.key_id for key in repository.list_of(tx.connection, organization_id, [owner_id])}
        (new,) = self._put(
            tx, organization_id, owner_id, made, owner_name=owner_name, actor=actor, is_imported=value is not None
        )
        if new.key.key_id in former:
            raise InvalidSymmetricKey(
                f"this is the {slot} key that stands there already", hint="rotate to another value, or leave it to us"
            )
        return new

    def revoke(
        self,
        tx: Transaction,
        organization_id: OrganizationId,
        owner_id: str,
        *,
        owner_name: str,
        actor: Actor,
        slot: KeySlot | None = None,
        reason: str = "",
    ) -> int:
        """End an owner's keys now, or that of one slot; works where symmetric keys are off, too.

        Returns:
            How many there were.
        """
        keys = repository.list_of(tx.connection, organization_id, [owner_id])
        key_ids = tuple(key.key_id for key in keys if slot is None or key.slot is slot)
        if not key_ids:
            return 0
        repository.delete(tx.connection, organization_id, key_ids)
        tx.on_commit(lambda: self._values.forget(key_ids))
        event = SymmetricKeysRevoked(
            organization_id=organization_id,
            generation_id=_generation_of(owner_id),
            owner_id=owner_id,
            key_ids=key_ids,
        )
        entry = Entry(
            organization_id=organization_id,
            actor=actor,
            action="pki.revoke_symmetric_keys",
            target=owner_id,
            target_name=owner_name,
            reason=reason,
            details={"key_ids": list(key_ids)},
        )
        self._ledger.append(tx, entry, event=event)
        return len(key_ids)

    def mark_used(self, tx: Transaction, organization_id: OrganizationId, key_ids: Sequence[str]) -> None:
        """Remember that keys let their owners in, at most once an hour; not on record."""
        now = self._clock.now()
        repository.note_used(tx.connection, organization_id, key_ids, now, now - USED_EVERY)

    # --- what there is --------------------------------------------------------------------------------------------

    def permitted_keys(
        self, connection: sa.Connection, organization_id: OrganizationId, owner_ids: Iterable[str]
    ) -> dict[str, tuple[PermittedKey, ...]]:
        """Return what owners may sign tokens with, for their posture records; nothing where symmetric keys are off.

        A key that has ended stays among them until it is rotated, so that a refusal names the true reason.
        """
        found: dict[str, tuple[PermittedKey, ...]] = {}
        if self.is_enabled:
            for key in repository.list_of(connection, organization_id, owner_ids):
                permitted = PermittedKey(key_id=key.key_id, permitted_until=key.expires_at)
                found[key.owner_id] = (*found.get(key.owner_id, ()), permitted)
        return found

    def list_in(
        self, connection: sa.Connection, organization_id: OrganizationId, owner_ids: Iterable[str]
    ) -> list[SymmetricKey]:
        """Return the keys of owners, by owner and slot, in the caller's unit of work."""
        return repository.list_of(connection, organization_id, owner_ids)

    async def list_of(self, organization_id: OrganizationId, owner_ids: Sequence[str]) -> list[SymmetricKey]:
        """Return the keys of owners, by owner and slot; their values are never read back."""
        return await self._store.read(lambda connection: repository.list_of(connection, organization_id, owner_ids))

    async def list_ending(
        self, organization_id: OrganizationId, before: datetime, *, limit: int = ENDING_MAX
    ) -> list[SymmetricKey]:
        """Return the keys that end before a time, soonest first; at most 1000."""
        count = min(limit, ENDING_MAX)
        return await self._store.read(
            lambda connection: repository.list_ending(connection, organization_id, before, count)
        )

    async def list_owners(
        self, organization_id: OrganizationId, *, after: str = "", limit: int = OWNERS_PAGE
    ) -> list[str]:
        """Return who has keys, in the order of their ids, from after one of them; at most 500."""
        count = min(limit, OWNERS_PAGE)
        return await self._store.read(
            lambda connection: repository.list_owners(connection, organization_id, after, count)
        )

    async def check(self, organization_id: OrganizationId) -> None:
        """Try that the keys on record can be opened.

        Raises:
            SecretsUnreadable: ``secrets/column.key`` is not the one they were sealed with.
        """
        found = await self._store.read(lambda connection: repository.find_any(connection, organization_id))
        if found is not None:
            self._values.open(*found)

    # --- tokens ---------------------------------------------------------------------------------------------------

    async def verify_token(
        self,
        organization_id: OrganizationId,
        permitted: Sequence[PermittedKey],
        password: bytes,
        *,
        owner_id: str,
        device_id: str,
        module_id: str | None,
        now: datetime,
    ) -> TokenProof | Reason:
        """Judge the token that an identity presents at the hub; without a question to the database when it is known.

        Args:
            organization_id: Of the identity.
            permitted: From its posture record.
            password: As received.
            owner_id: The identity's generation id.
            device_id: The name it was asked for.
            module_id: The same.
            now: Aware UTC.

        Returns:
            The proof, or the reason of the refusal.
        """
        if not self.is_enabled:
            return Reason.SYMMETRIC_KEYS_OFF
        if not permitted:
            return Reason.SYMMETRIC_KEY_NOT_PERMITTED
        key_ids = [key.key_id for key in permitted]
        held, is_complete = self._values.remembered(key_ids), True
        if held is None:
            rows = await self._store.read(
                lambda connection: repository.find_sealed(connection, organization_id, key_ids)
            )
            held, is_complete = self._values.open_all(row for row in rows if row[0].owner_id == owner_id)
        found = prove_identity(
            password, held, hostnames=self._hostnames, device_id=device_id, module_id=module_id, now=now
        )
        return Reason.TOKEN_UNVERIFIED if found is Reason.TOKEN_INVALID and not is_complete else found

    def verify_registration_token(
        self,
        connection: sa.Connection,
        organization_id: OrganizationId,
        owner_id: str,
        password: bytes,
        *,
        id_scope: str,
        registration_id: str,
        now: datetime,
        is_group: bool,
    ) -> TokenProof | Reason:
        """Judge the token that a device presents to register under an enrollment.

        Args:
            connection: Of the caller's unit of work.
            organization_id: Of the enrollment.
            owner_id: The enrollment's id.
            password: As received.
            id_scope: Ours.
            registration_id: The name that was asked for.
            now: Aware UTC.
            is_group: The device's key is derived from the enrollment's.

        Returns:
            The proof, with the id of the enrollment's key, or the reason of the refusal.
        """
        if not self.is_enabled:
            return Reason.SYMMETRIC_KEYS_OFF
        rows = repository.list_sealed_of(connection, organization_id, owner_id)
        if not rows:
            return Reason.SYMMETRIC_KEY_NOT_PERMITTED
        held, is_complete = self._values.open_all(rows)
        if is_group:
            named = named_registration(password, registration_id)
            held = [HeldKey(key.key_id, derive_device_key(key.value, named)) for key in held]
        found = prove_registration(password, held, id_scope=id_scope, registration_id=registration_id, now=now)
        if isinstance(found, TokenProof):
            ends = {key.key_id: key.expires_at for key, _ in rows}
            return found if now < ends[found.key_id] else Reason.SYMMETRIC_KEY_EXPIRED
        return Reason.TOKEN_UNVERIFIED if found is Reason.TOKEN_INVALID and not is_complete else found

    def values_for_device(
        self,
        connection: sa.Connection,
        organization_id: OrganizationId,
        owner_id: str,
        *,
        registration_id: str | None = None,
    ) -> dict[KeySlot, KeyValue]:
        """Return the keys that a device holds by its enrollment, for ``store_for``.

        Args:
            connection: Of the caller's unit of work.
            organization_id: Of the enrollment.
            owner_id: The enrollment's id.
            registration_id: Of a group's device, as ``named_registration`` returns it; ``None``: the enrollment's own.

        Raises:
            SecretsUnreadable: ``secrets/column.key`` is not the one they were sealed with.
        """
        found = {}
        for key, sealed in repository.list_sealed_of(connection, organization_id, owner_id):
            value = self._values.open(key, sealed).value
            if registration_id is not None:
                value = derive_device_key(value, registration_id)
            found[key.slot] = KeyValue(value, key.expires_at, owner_id)
        return found

    def _put(
        self,
        tx: Transaction,
        organization_id: OrganizationId,
        owner_id: str,
        values: Mapping[KeySlot, KeyValue],
        *,
        owner_name: str,
        actor: Actor,
        is_imported: bool,
    ) -> list[NewKey]:
        self.check_enabled()
        now = self._clock.now()
        latest = now + self._settings.lifetime
        rows = repository.list_sealed_of(tx.connection, organization_id, owner_id)
        former = {key.slot: (key, sealed) for key, sealed in rows}
        stored = []
        for slot, given in values.items():
            check_key_value(given.value)
            held = former.get(slot)
            if held is not None and self._values.is_same(*held, given.value):
                stored.append(NewKey(held[0], given.value))
                continue
            key = SymmetricKey(
                organization_id=organization_id,
                key_id=self._ids.new("key"),
                owner_id=owner_id,
                slot=slot,
                created_at=now,
                expires_at=latest if given.expires_at is None else min(given.expires_at, latest),
                is_imported=is_imported,
                enrollment_id=given.enrollment_id,
            )
            self._replace(tx, key, given.value, held[0] if held else None, owner_name=owner_name, actor=actor)
            stored.append(NewKey(key, given.value))
        return stored

    def _replace(
        self,
        tx: Transaction,
        key: SymmetricKey,
        value: bytes,
        former: SymmetricKey | None,
        *,
        owner_name: str,
        actor: Actor,
    ) -> None:
        replaced = None if former is None else former.key_id
        if replaced is not None:
            repository.delete(tx.connection, key.organization_id, [replaced])
            tx.on_commit(lambda: self._values.forget([replaced]))
        repository.insert(tx.connection, key, self._values.seal(key, value))
        event = SymmetricKeyCreated(
            organization_id=key.organization_id,
            generation_id=_generation_of(key.owner_id),
            owner_id=key.owner_id,
            key_id=key.key_id,
            slot=key.slot.value,
            expires_at=key.expires_at,
            is_imported=key.is_imported,
            replaced_key_id=replaced,
        )
        entry = Entry(
            organization_id=key.organization_id,
            actor=actor,
            action="pki.create_symmetric_key" if replaced is None else "pki.rotate_symmetric_key",
            target=key.owner_id,
            target_name=owner_name,
            details={
                "key_id": key.key_id,
                "slot": key.slot.value,
                "expires_at": to_rfc3339(key.expires_at),
                "is_imported": key.is_imported,
                "replaced_key_id": replaced,
            },
        )
        self._ledger.append(tx, entry, event=event)


def _generation_of(owner_id: str) -> str:
    return owner_id if owner_id.startswith(_OWNER_KINDS) else ""
