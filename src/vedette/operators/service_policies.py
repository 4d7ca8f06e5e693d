"""The use cases of service policies: programs' keys are made, shown to who may see them, replaced, and judged."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import unquote

from vedette.kernel import Clock, IdSource, OrganizationId, to_rfc3339
from vedette.ledger import Actor, Entry, Ledger
from vedette.operators import service_policy_repository as repository
from vedette.operators.errors import (
    ServiceKeyEnded,
    ServicePolicyExists,
    ServicePolicyNotFound,
    ServiceTokenRefused,
    TooMany,
)
from vedette.operators.events import ServicePolicyChanged
from vedette.operators.service_policy import (
    KEY_BYTES,
    KEY_USE_NOTED_EVERY,
    LIFETIME,
    POLICIES_MAX,
    WELL_KNOWN,
    RevealedKey,
    ServiceKey,
    ServicePolicy,
    ServicePolicyId,
    ServiceRight,
    check_lifetime,
    check_policy_name,
    check_rights,
)
from vedette.pki import KeySlot, SecretBox
from vedette.protocols import RemoteProtocolError
from vedette.protocols.hub import SasToken, SasVerdict, normalize_host, parse_sas_token, verify_sas_token
from vedette.store import Store, StoreFull, StoreUnavailable, Transaction

log = logging.getLogger(__name__)

_NAME_MAX_CHARS: Final = 64
# What tokens in the name of nobody are measured against, so that names cannot be told by time.
_NO_KEYS: Final = (b"\0" * KEY_BYTES, b"\1" * KEY_BYTES)


class ServicePolicyService:
    """Knows which programs may come, and by which keys.

    A policy has two keys, so that programs can move from one to the other. Their values lie sealed in the database;
    they can be read again, which each time is on record, because programs are configured with them by scripts.

    Args:
        store: Where they are kept.
        ledger: Where acts on them are recorded.
        box: Seals their values.
        hostnames: What a token may name, at least one.
        clock: Source of time.
        ids: Source of ids and of keys.
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
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._box = box
        self._hostnames = tuple(hostnames)
        self._clock = clock
        self._ids = ids
        self._noted: dict[tuple[str, KeySlot], datetime] = {}

    async def create(
        self,
        organization_id: OrganizationId,
        name: str,
        rights: Iterable[ServiceRight],
        *,
        actor: Actor,
        lifetime_days: int = LIFETIME.days,
    ) -> ServicePolicy:
        """Make a policy with two keys; a well-known name needs no rights.

        Raises:
            InvalidServicePolicy: Name, rights or lifetime are outside their limits.
            ServicePolicyExists: The name is taken.
            TooMany: There are 50.
        """
        new = self._new(organization_id, check_policy_name(name), check_rights(name, rights))
        lifetime = check_lifetime(lifetime_days)

        def change(tx: Transaction) -> ServicePolicy:
            if repository.find_sealed(tx.connection, organization_id, new.name) is not None:
                raise ServicePolicyExists(f"there is a service policy {new.name} already")
            return self._create(tx, new, lifetime, actor=actor)

        return await self._store.write(change)

    async def list(self, organization_id: OrganizationId) -> Sequence[ServicePolicy]:
        """Return every policy by name; values of keys are not among it."""
        return await self._store.read(lambda connection: repository.list_policies(connection, organization_id))

    async def reveal(self, organization_id: OrganizationId, name: str, slot: KeySlot, *, actor: Actor) -> RevealedKey:
        """Return a policy with the value of a key, and put on record that it was read.

        A well-known policy that nobody has asked for yet is made.

        Raises:
            InvalidServicePolicy: The name can be no policy's.
            ServicePolicyNotFound: There is none of that name.
            ServiceKeyEnded: The key opens nothing any more.
            SecretsUnreadable: ``secrets/column.key`` is not the one it was sealed with.
        """
        checked = check_policy_name(name)

        def change(tx: Transaction) -> RevealedKey:
            if repository.find_sealed(tx.connection, organization_id, checked) is None and checked in WELL_KNOWN:
                self._create(tx, self._new(organization_id, checked, WELL_KNOWN[checked]), LIFETIME, actor=actor)
            policy, sealed = self._require(tx, organization_id, checked)
            key = policy.key_in(slot)
            if key.has_ended(self._clock.now()):
                raise ServiceKeyEnded(
                    f"the {slot} key of {checked} ended at {to_rfc3339(key.expires_at)}",
                    hint=f"replace it: vedette service-policy rotate {checked} --key {slot}",
                )
            value = self._box.open(sealed[slot], place=_place(policy, slot))
            self._record(tx, policy, "read_service_key", actor, {"slot": slot.value})
            return RevealedKey(policy, key, value)

        return await self._store.write(change)

    async def rotate(
        self,
        organization_id: OrganizationId,
        name: str,
        slot: KeySlot,
        *,
        actor: Actor,
        lifetime_days: int = LIFETIME.days,
        reason: str = "",
    ) -> ServicePolicy:
        """Replace a key; tokens made with the former one are refused at once.

        Raises:
            ServicePolicyNotFound: There is none of that name.
            InvalidServicePolicy: The lifetime is outside its limits.
        """
        lifetime = check_lifetime(lifetime_days)

        def change(tx: Transaction) -> ServicePolicy:
            policy, _ = self._require(tx, organization_id, name)
            key = self._put_key(tx, policy, slot, lifetime)
            details = {"slot": slot.value, "expires_at": to_rfc3339(key.expires_at)}
            self._record(tx, policy, "rotate_service_key", actor, details, reason=reason)
            return self._require(tx, organization_id, name)[0]

        return await self._store.write(change)

    async def delete(
        self, organization_id: OrganizationId, name: str, *, actor: Actor, reason: str = ""
    ) -> ServicePolicy:
        """Take a policy away with its keys: programs that come under it are refused at once.

        Raises:
            ServicePolicyNotFound: There is none of that name.
        """

        def change(tx: Transaction) -> ServicePolicy:
            policy, _ = self._require(tx, organization_id, name)
            repository.delete_policy(tx.connection, organization_id, policy.policy_id)
            self._record(tx, policy, "delete_service_policy", actor, {}, reason=reason)
            return policy

        return await self._store.write(change, restricting=True)

    async def verify(self, organization_id: OrganizationId, token_text: str) -> ServicePolicy:
        """Judge the token of a program, and return the policy that it comes under.

        Raises:
            ServiceTokenRefused: It is malformed or forged, names another host or no policy, or is over.
            ServiceKeyEnded: It is genuine, but the key that made it has ended.
            SecretsUnreadable: The policy's keys do not open.
        """
        token = _parse(token_text)
        now = self._clock.now()
        found = await self._store.read(
            lambda connection: repository.find_sealed(connection, organization_id, token.policy_name)
        )
        if found is None:
            self._judge(token, _NO_KEYS[0], now)
            self._judge(token, _NO_KEYS[1], now)
            raise _refused()
        policy, sealed = found
        slots = [(slot, self._box.open(value, place=_place(policy, slot))) for slot, value in sealed.items()]
        # One by one, to know which: each is tried whatever the other says, so that time tells nothing.
        verdicts = [(self._judge(token, value, now), slot) for slot, value in slots]
        verdict, slot = next((each for each in verdicts if each[0] is not SasVerdict.WRONG_SIGNATURE), (None, None))
        if verdict is None or slot is None:
            raise _refused()
        if verdict is SasVerdict.EXPIRED:
            raise ServiceTokenRefused("the token is over", hint="make a new one; is the clock right?")
        if verdict is not SasVerdict.VALID:
            raise ServiceTokenRefused(
                "the token is for another host", hint=f"sign it for {self._hostnames[0]}, as the connection string says"
            )
        if policy.key_in(slot).has_ended(now):
            raise ServiceKeyEnded(
                f"the {slot} key of {policy.name} has ended", hint="get a new one: vedette service-policy rotate"
            )
        await self._note_use(policy, slot, now)
        return policy

    def _judge(self, token: SasToken, key: bytes, now: datetime) -> SasVerdict:
        claimed = _host_of(token.resource)
        host = next((name for name in self._hostnames if normalize_host(name) == claimed), self._hostnames[0])
        return verify_sas_token(token, keys=(key,), scope=(host,), now_s=now.timestamp())

    async def _note_use(self, policy: ServicePolicy, slot: KeySlot, now: datetime) -> None:
        """Remember the use of a key, at most once an hour; a full disk keeps no program from working."""
        last = max(
            filter(None, (policy.key_in(slot).last_used_at, self._noted.get((policy.policy_id, slot)))), default=None
        )
        if last is not None and timedelta() <= now - last < KEY_USE_NOTED_EVERY:
            return
        self._noted[policy.policy_id, slot] = now
        before = now - KEY_USE_NOTED_EVERY
        try:
            await self._store.write(lambda tx: repository.note_used(tx.connection, policy, slot, at=now, before=before))
        except (StoreFull, StoreUnavailable) as problem:
            log.warning("the use of a service key is not noted", extra={"cause": problem.code})

    def _new(self, organization_id: OrganizationId, name: str, rights: tuple[ServiceRight, ...]) -> ServicePolicy:
        return ServicePolicy(
            organization_id=organization_id,
            policy_id=ServicePolicyId(self._ids.new("pol")),
            name=name,
            rights=rights,
            created_at=self._clock.now(),
        )

    def _create(self, tx: Transaction, new: ServicePolicy, lifetime: timedelta, *, actor: Actor) -> ServicePolicy:
        if repository.count_policies(tx.connection, new.organization_id) >= POLICIES_MAX:
            raise TooMany(f"there are {POLICIES_MAX} service policies", hint="delete one that nobody uses")
        repository.insert_policy(tx.connection, new)
        keys = tuple(self._put_key(tx, new, slot, lifetime) for slot in KeySlot)
        rights = [right.value for right in new.rights]
        ends = to_rfc3339(keys[0].expires_at)
        self._record(tx, new, "create_service_policy", actor, {"rights": rights, "expires_at": ends})
        return replace(new, keys=keys)

    def _put_key(self, tx: Transaction, policy: ServicePolicy, slot: KeySlot, lifetime: timedelta) -> ServiceKey:
        now = self._clock.now()
        key = ServiceKey(slot=slot, created_at=now, expires_at=now + lifetime)
        sealed = self._box.seal(self._ids.random_bytes(KEY_BYTES), place=_place(policy, slot))
        repository.put_key(tx.connection, policy, key, sealed)
        return key

    def _require(
        self, tx: Transaction, organization_id: OrganizationId, name: str
    ) -> tuple[ServicePolicy, dict[KeySlot, bytes]]:
        found = repository.find_sealed(tx.connection, organization_id, name)
        if found is None:
            raise ServicePolicyNotFound(
                f"there is no service policy {name[:_NAME_MAX_CHARS]!r}", hint="see them: vedette service-policy list"
            )
        return found

    def _record(
        self,
        tx: Transaction,
        policy: ServicePolicy,
        act: str,
        actor: Actor,
        details: dict[str, Any],  # Any: each act has its own
        *,
        reason: str = "",
    ) -> None:
        event = ServicePolicyChanged(
            organization_id=policy.organization_id, policy_id=policy.policy_id, policy_name=policy.name, change=act
        )
        entry = Entry(
            organization_id=policy.organization_id,
            actor=actor,
            action=f"operators.{act}",
            target=policy.policy_id,
            target_name=policy.name,
            reason=reason,
            details=details,
        )
        self._ledger.append(tx, entry, event=event)


def _parse(text: str) -> SasToken:
    try:
        token = parse_sas_token(text)
    except RemoteProtocolError as error:
        raise ServiceTokenRefused("the token is malformed", hint=str(error)[:200]) from None
    if not 0 < len(token.policy_name) <= _NAME_MAX_CHARS or "\0" in token.policy_name:
        raise ServiceTokenRefused("the token names no service policy", hint="skn is the policy's name")
    return token


def _host_of(resource: str) -> str:
    return normalize_host(unquote(resource).split("/")[0])


def _refused() -> ServiceTokenRefused:
    return ServiceTokenRefused(
        "the token's signature does not fit its policy",
        hint="use the string of: vedette service-policy connection-string",
    )


def _place(policy: ServicePolicy, slot: KeySlot) -> str:
    """Return what a sealed value is bound to: moved to another row, it does not open."""
    return f"{policy.organization_id}|service policy|{policy.policy_id}|{slot}"
