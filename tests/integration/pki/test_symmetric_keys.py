"""Symmetric keys on both databases: shown once, sealed at rest, replaced by slots, and each with an end."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from vedette.kernel import OrganizationId, RandomIds
from vedette.ledger import Actor, EntryFilter, Ledger
from vedette.pki import (
    InvalidSymmetricKey,
    KeySlot,
    KeyValue,
    NewKeys,
    SecretBox,
    SecretsUnreadable,
    SymmetricKeySettings,
    SymmetricKeysOff,
)
from vedette.pki.records import SymmetricKeyService
from vedette.pki.records.symmetric_key_repository import symmetric_keys
from vedette.protocols.hub import derive_device_key
from vedette.simulation import ManualClock
from vedette.store import Store, Transaction
from vedette.trust import PermittedKey, Reason, TokenProof

pytestmark = pytest.mark.anyio
ORGANIZATION = OrganizationId("org_0123456789abcdefghijklmnop")
OWNER = "dev_0123456789abcdefghijklmnop"
OTHER = "dev_00000000000000000000000000"
ENROLLMENT = "enr_0123456789abcdefghijklmnop"
OPERATOR = Actor("operator", "ada")
SCOPE = "0ne00ABCDEF"
COLUMN_KEY = b"c" * 32

Make = Callable[..., "Desk"]


def token(key: bytes, resource: str, expires_at: datetime) -> bytes:
    end = int(expires_at.timestamp())
    signature = base64.b64encode(hmac.digest(key, f"{resource}\n{end}".encode(), hashlib.sha256)).decode()
    quoted = signature.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    return f"SharedAccessSignature sr={resource}&sig={quoted}&se={end}".encode()


class Desk:
    """An operator at work on the keys of one installation."""

    def __init__(self, service: SymmetricKeyService, store: Store, ledger: Ledger, clock: ManualClock) -> None:
        self.service = service
        self.store = store
        self.ledger = ledger
        self.clock = clock

    async def act(self, name: str, owner_id: str, *arguments: Any, **named: Any) -> Any:  # Any: of any method
        method = getattr(self.service, name)
        return await self.store.write(
            lambda tx: method(tx, ORGANIZATION, owner_id, *arguments, owner_name="pump-7", actor=OPERATOR, **named)
        )

    async def create(self, owner_id: str = OWNER, **named: Any) -> NewKeys:  # Any: same
        found = await self.act("create_for", owner_id, **named)
        assert isinstance(found, NewKeys)
        return found

    async def permitted(self, owner_id: str = OWNER) -> tuple[PermittedKey, ...]:
        return await self.store.read(
            lambda c: self.service.permitted_keys(c, ORGANIZATION, [owner_id]).get(owner_id, ())
        )

    async def verify(
        self, password: bytes, permitted: tuple[PermittedKey, ...] | None = None, owner_id: str = OWNER
    ) -> TokenProof | Reason:
        return await self.service.verify_token(
            ORGANIZATION,
            await self.permitted(owner_id) if permitted is None else permitted,
            password,
            owner_id=owner_id,
            device_id="pump-7",
            module_id=None,
            now=self.clock.now(),
        )

    async def register(
        self, password: bytes, registration_id: str = "dev1", *, is_group: bool = True
    ) -> TokenProof | Reason:
        return await self.store.read(
            lambda c: self.service.verify_registration_token(
                c,
                ORGANIZATION,
                ENROLLMENT,
                password,
                id_scope=SCOPE,
                registration_id=registration_id,
                now=self.clock.now(),
                is_group=is_group,
            )
        )

    def token_of(self, key: bytes) -> bytes:
        return token(key, "hub.example%2Fdevices%2Fpump-7", self.clock.now() + timedelta(hours=1))

    async def rows(self) -> list[Any]:  # Any: rows of the table
        return await self.store.read(lambda c: list(c.execute(sa.select(symmetric_keys)).mappings()))


@pytest.fixture
def make(store: Store, ledger: Ledger, clock: ManualClock, ids: RandomIds) -> Make:
    """Return a function that makes the service anew, as a restart does."""

    def start(*, key: bytes = COLUMN_KEY, **settings: Any) -> Desk:  # Any: settings of any type
        service = SymmetricKeyService(
            store,
            ledger,
            SecretBox(key, ids=ids),
            hostnames=("hub.example",),
            clock=clock,
            ids=ids,
            settings=SymmetricKeySettings(**{"is_enabled": True, **settings}),
        )
        return Desk(service, store, ledger, clock)

    return start


@pytest.fixture
def desk(make: Make) -> Desk:
    return make()


async def test_an_owner_gets_two_keys_whose_values_are_never_read_back(desk: Desk) -> None:
    new = await desk.create()
    assert [each.key.slot for each in new.keys] == [KeySlot.PRIMARY, KeySlot.SECONDARY]
    assert all(len(each.value) == 32 for each in new.keys)
    assert new.keys[0].value != new.keys[1].value
    kept = await desk.service.list_of(ORGANIZATION, [OWNER])
    assert [key.key_id for key in kept] == [each.key.key_id for each in new.keys]
    assert not any(hasattr(key, "value") for key in kept)
    assert all(key.expires_at == desk.clock.now() + timedelta(days=90) for key in kept)


async def test_neither_database_nor_ledger_holds_a_value(desk: Desk) -> None:
    new = await desk.create()
    entries = await desk.ledger.entries(ORGANIZATION, matching=EntryFilter(target=OWNER))
    assert [entry.action for entry in entries] == ["pki.create_symmetric_key"] * 2
    text = repr(entries) + repr(await desk.rows())
    for each in new.keys:
        assert each.to_base64() not in text
        assert repr(each.value)[2:-1] not in text


async def test_a_token_of_either_key_proves_its_owner(desk: Desk) -> None:
    for each in (await desk.create()).keys:
        found = await desk.verify(desk.token_of(each.value))
        assert isinstance(found, TokenProof)
        assert found.key_id == each.key.key_id


async def test_known_keys_are_judged_without_a_question_to_the_database(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = await desk.create()
    permitted = await desk.permitted()
    password = desk.token_of(new.keys[0].value)
    assert isinstance(await desk.verify(password, permitted), TokenProof)

    async def asked(*_: object) -> None:
        raise AssertionError("the database was asked")

    monkeypatch.setattr(desk.store, "read", asked)
    assert isinstance(await desk.verify(password, permitted), TokenProof)
    assert await desk.verify(desk.token_of(b"x" * 32), permitted) is Reason.TOKEN_INVALID


async def test_a_key_that_was_rotated_counts_no_more_and_the_other_slot_goes_on(desk: Desk) -> None:
    new = await desk.create()
    before = await desk.permitted()
    assert isinstance(await desk.verify(desk.token_of(new.keys[0].value)), TokenProof)
    rotated = await desk.act("rotate", OWNER, KeySlot.PRIMARY)
    assert rotated.key.key_id != new.keys[0].key.key_id
    assert await desk.verify(desk.token_of(new.keys[0].value)) is Reason.TOKEN_INVALID
    # Even by a record that still lists it: the value is gone.
    assert await desk.verify(desk.token_of(new.keys[0].value), before) is Reason.TOKEN_INVALID
    for value in (rotated.value, new.keys[1].value):
        assert isinstance(await desk.verify(desk.token_of(value)), TokenProof)
    entries = await desk.ledger.entries(ORGANIZATION, matching=EntryFilter(action="pki.rotate_symmetric_key"))
    assert [entry.details["replaced_key_id"] for entry in entries] == [new.keys[0].key.key_id]


async def test_rotating_begins_a_new_life(desk: Desk) -> None:
    await desk.create()
    desk.clock.advance(timedelta(days=80))
    rotated = await desk.act("rotate", OWNER, KeySlot.SECONDARY)
    assert rotated.key.expires_at == desk.clock.now() + timedelta(days=90)
    (primary, _) = await desk.permitted()
    assert primary.permitted_until == desk.clock.now() + timedelta(days=10)


async def test_a_key_from_the_field_is_taken_and_the_other_slot_is_made(desk: Desk) -> None:
    new = await desk.create(given={KeySlot.SECONDARY: b"f" * 16})
    secondary, primary = new.in_slot(KeySlot.SECONDARY), new.in_slot(KeySlot.PRIMARY)
    assert secondary is not None
    assert primary is not None
    assert (secondary.value, secondary.key.is_imported) == (b"f" * 16, True)
    assert (len(primary.value), primary.key.is_imported) == (32, False)
    assert isinstance(await desk.verify(desk.token_of(b"f" * 16)), TokenProof)


@pytest.mark.parametrize("length", [0, 15, 65])
async def test_a_value_of_another_length_is_refused_and_changes_nothing(desk: Desk, length: int) -> None:
    new = await desk.create()
    with pytest.raises(InvalidSymmetricKey):
        await desk.act("rotate", OWNER, KeySlot.PRIMARY, value=b"k" * length)
    with pytest.raises(InvalidSymmetricKey):
        await desk.create(given={KeySlot.PRIMARY: b"k" * length})
    assert [key.key_id for key in await desk.permitted()] == [each.key.key_id for each in new.keys]


async def test_rotating_to_the_same_value_is_refused(desk: Desk) -> None:
    await desk.create(given={KeySlot.PRIMARY: b"f" * 32})
    desk.clock.advance(timedelta(days=80))
    with pytest.raises(InvalidSymmetricKey, match="stands there already"):
        await desk.act("rotate", OWNER, KeySlot.PRIMARY, value=b"f" * 32)


async def test_a_value_that_stands_in_its_slot_keeps_its_id_and_its_end(desk: Desk) -> None:
    values = {KeySlot.PRIMARY: KeyValue(b"f" * 32)}
    first = await desk.act("store_for", OWNER, values)
    desk.clock.advance(timedelta(days=10))
    again = await desk.act("store_for", OWNER, values)
    assert again.keys[0].key == first.keys[0].key
    other = await desk.act("store_for", OWNER, {KeySlot.PRIMARY: KeyValue(b"g" * 32)})
    assert other.keys[0].key.key_id != first.keys[0].key.key_id


async def test_no_key_outlives_the_configured_lifetime_or_where_it_came_from(desk: Desk, make: Make) -> None:
    now = desk.clock.now()
    soon, late = now + timedelta(days=1), now + timedelta(days=1000)
    values = {KeySlot.PRIMARY: KeyValue(b"f" * 32, soon), KeySlot.SECONDARY: KeyValue(b"g" * 32, late)}
    new = await desk.act("store_for", OWNER, values)
    assert [each.key.expires_at for each in new.keys] == [soon, now + timedelta(days=90)]
    short = await make(lifetime=timedelta(days=2)).create(OTHER)
    assert {each.key.expires_at for each in short.keys} == {now + timedelta(days=2)}


async def test_revoking_ends_one_slot_or_all(desk: Desk) -> None:
    new = await desk.create()
    assert await desk.act("revoke", OWNER, slot=KeySlot.PRIMARY) == 1
    assert [key.key_id for key in await desk.permitted()] == [new.keys[1].key.key_id]
    assert await desk.act("revoke", OWNER, reason="lost") == 1
    assert await desk.act("revoke", OWNER) == 0
    assert await desk.rows() == []
    assert await desk.verify(desk.token_of(new.keys[1].value)) is Reason.SYMMETRIC_KEY_NOT_PERMITTED


async def test_where_they_are_off_nothing_begins_and_no_token_counts_but_revoking_works(desk: Desk, make: Make) -> None:
    new = await desk.create()
    permitted = await desk.permitted()
    off = make(is_enabled=False)
    assert await off.permitted() == ()
    assert await off.verify(off.token_of(new.keys[0].value), permitted) is Reason.SYMMETRIC_KEYS_OFF
    assert await off.register(b"any") is Reason.SYMMETRIC_KEYS_OFF
    for name, arguments in (
        ("create_for", ()),
        ("rotate", (KeySlot.PRIMARY,)),
        ("store_for", ({KeySlot.PRIMARY: KeyValue(b"f" * 32)},)),
    ):
        with pytest.raises(SymmetricKeysOff):
            await off.act(name, OTHER, *arguments)
    assert await off.act("revoke", OWNER) == 2


async def test_a_sealed_value_moved_to_another_owner_does_not_open(desk: Desk, make: Make) -> None:
    new = await desk.create()
    await desk.store.write(lambda tx: tx.connection.execute(sa.update(symmetric_keys).values(owner_id=OTHER)))
    restarted = make()
    permitted = await restarted.permitted(OTHER)
    found = await restarted.verify(restarted.token_of(new.keys[0].value), permitted, OTHER)
    assert found is Reason.TOKEN_UNVERIFIED
    # And a record that lists another's key opens nothing either.
    assert await restarted.verify(restarted.token_of(new.keys[0].value), permitted, OWNER) is Reason.TOKEN_INVALID


async def test_another_column_key_is_noticed_and_says_what_to_do(desk: Desk, make: Make) -> None:
    new = await desk.create()
    await desk.service.check(ORGANIZATION)
    restarted = make(key=b"x" * 32)
    with pytest.raises(SecretsUnreadable) as caught:
        await restarted.service.check(ORGANIZATION)
    assert "column.key" in caught.value.hint
    assert await restarted.verify(restarted.token_of(new.keys[0].value)) is Reason.TOKEN_UNVERIFIED
    # The way out when it is lost for good: rotate.
    rotated = await restarted.act("rotate", OWNER, KeySlot.PRIMARY)
    assert isinstance(await restarted.verify(restarted.token_of(rotated.value)), TokenProof)


async def test_use_is_remembered_once_an_hour(desk: Desk) -> None:
    new = await desk.create()
    key_id = new.keys[0].key.key_id

    async def use() -> datetime | None:
        await desk.store.write(lambda tx: desk.service.mark_used(tx, ORGANIZATION, [key_id]))
        return (await desk.service.list_of(ORGANIZATION, [OWNER]))[0].last_used_at

    first = await use()
    assert first == desk.clock.now()
    desk.clock.advance(timedelta(minutes=59))
    assert await use() == first
    desk.clock.advance(timedelta(minutes=2))
    assert await use() == desk.clock.now()


async def test_what_ends_soon_is_listed_soonest_first(desk: Desk) -> None:
    await desk.create()
    desk.clock.advance(timedelta(days=10))
    await desk.create(OTHER)
    now = desk.clock.now()
    assert await desk.service.list_ending(ORGANIZATION, now + timedelta(days=80)) == []
    soon = await desk.service.list_ending(ORGANIZATION, now + timedelta(days=81))
    assert {key.owner_id for key in soon} == {OWNER}
    everything = await desk.service.list_ending(ORGANIZATION, now + timedelta(days=400))
    assert [key.owner_id for key in everything] == [OWNER, OWNER, OTHER, OTHER]
    assert await desk.service.list_owners(ORGANIZATION, limit=1) == [OTHER]
    assert await desk.service.list_owners(ORGANIZATION, after=OTHER) == [OWNER]


# --- enrollments ------------------------------------------------------------------------------------------------------


async def test_a_group_registers_with_derived_keys_and_hands_them_on(desk: Desk) -> None:
    await desk.create(ENROLLMENT, given={KeySlot.PRIMARY: b"k" * 32})
    end = desk.clock.now() + timedelta(hours=1)
    derived = derive_device_key(b"k" * 32, "dev1")
    password = token(derived, f"{SCOPE}%2Fregistrations%2Fdev1", end)
    assert isinstance(await desk.register(password), TokenProof)
    assert await desk.register(password, "dev2") is Reason.TOKEN_INVALID
    assert await desk.register(token(b"k" * 32, f"{SCOPE}%2Fregistrations%2Fdev1", end)) is Reason.TOKEN_INVALID
    other_scope = token(derived, "0ne00OTHER%2Fregistrations%2Fdev1", end)
    assert await desk.register(other_scope) is Reason.TOKEN_WRONG_SCOPE

    def hand_on(tx: Transaction) -> NewKeys:
        values = desk.service.values_for_device(tx.connection, ORGANIZATION, ENROLLMENT, registration_id="dev1")
        return desk.service.store_for(tx, ORGANIZATION, OWNER, values, owner_name="pump-7", actor=OPERATOR)

    handed = await desk.store.write(hand_on)
    assert {each.key.slot: each.value for each in handed.keys}[KeySlot.PRIMARY] == derived
    assert isinstance(await desk.verify(desk.token_of(derived)), TokenProof)


async def test_an_individual_enrollment_registers_with_its_own_key_until_that_ends(desk: Desk) -> None:
    await desk.create(ENROLLMENT, given={KeySlot.SECONDARY: b"k" * 32})
    resource = f"{SCOPE}/registrations/dev1"
    far = desk.clock.now() + timedelta(days=300)
    assert isinstance(await desk.register(token(b"k" * 32, resource, far), is_group=False), TokenProof)
    desk.clock.advance(timedelta(days=90))
    found = await desk.register(token(b"k" * 32, resource, far), is_group=False)
    assert found is Reason.SYMMETRIC_KEY_EXPIRED


async def test_an_enrollment_without_keys_registers_nobody_by_token(desk: Desk) -> None:
    assert await desk.register(b"any") is Reason.SYMMETRIC_KEY_NOT_PERMITTED
