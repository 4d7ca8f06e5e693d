"""Legacy devices and modules that sign in with symmetric keys, from creation to the end of the session."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from credential_house import CredentialHouse
from cryptography.hazmat.primitives import hashes
from identity_house import ACTOR, RunningSigner
from waiting import until

from vedette.kernel import GenerationId, SystemClock
from vedette.ledger import EntryFilter
from vedette.pki import InvalidSymmetricKey, KeySlot, SymmetricKeysOff
from vedette.registry import InvalidDevice
from vedette.simulation import Factory, ManualClock
from vedette.store import Store
from vedette.trust import Lifecycle, Reason

pytestmark = pytest.mark.anyio


@pytest.fixture
async def house(store: Store, signer_process: RunningSigner) -> AsyncIterator[CredentialHouse]:
    house = CredentialHouse(store, signer_process, ManualClock(SystemClock().now()))
    yield house
    await house.close()


async def key_of(house: CredentialHouse, name: str = "pump-7") -> bytes:
    keys = (await house.device(name)).keys
    assert keys is not None
    return keys.keys[0].value


async def test_a_device_is_created_with_keys_that_let_it_in_at_once(house: CredentialHouse) -> None:
    made = await house.device()
    assert made.keys is not None
    assert made.device.is_flagged
    assert made.device.lifecycle is Lifecycle.ONBOARDED
    for each in made.keys.keys:
        connect = await house.connect(password=house.token(each.value))
        assert connect.decision.reason is Reason.PERMITTED
        assert connect.decision.grant is not None
        assert connect.decision.grant.facts.credential == "symmetric_key"
        assert connect.decision.valid_until == connect.opening.token.expires_at  # type: ignore[union-attr] # permitted


async def test_a_wrong_token_is_refused_with_its_reason_and_signed(house: CredentialHouse) -> None:
    key = await key_of(house)
    other = await key_of(house, "pump-8")
    for password, reason in (
        (house.token(other), Reason.TOKEN_INVALID),
        (house.token(key, "pump-8"), Reason.TOKEN_WRONG_SCOPE),
        (house.token(key, module_id="filter"), Reason.TOKEN_WRONG_SCOPE),
        (house.token(key, lives_s=-301), Reason.TOKEN_EXPIRED),
        (b"password", Reason.TOKEN_INVALID),
        (b"", Reason.CERTIFICATE_MISSING),
        (None, Reason.CERTIFICATE_MISSING),
    ):
        assert (await house.connect(password=password)).decision.reason is reason


async def test_nobody_learns_by_a_token_whether_an_unknown_device_exists(house: CredentialHouse) -> None:
    connect = await house.connect("nobody", password=house.token(b"k" * 32, "nobody"))
    assert connect.decision.reason is Reason.UNKNOWN_IDENTITY
    assert (connect.opening.token, connect.opening.token_refusal) == (None, "")


async def test_rotating_a_key_cuts_the_session_that_rests_on_it_and_not_the_other(house: CredentialHouse) -> None:
    made = await house.device()
    assert made.keys is not None
    primary, secondary = (each.value for each in made.keys.keys)
    first = await house.connect(password=house.token(primary))
    second = await house.connect(password=house.token(secondary))
    rotated = await house.devices.rotate_key(house.organization_id, "pump-7", KeySlot.PRIMARY, actor=ACTOR)
    record = await house.record_of()
    assert house.decide(record, first.opening).reason is Reason.SYMMETRIC_KEY_NOT_PERMITTED
    assert house.decide(record, second.opening).is_permitted
    assert (await house.connect(password=house.token(primary))).decision.reason is Reason.TOKEN_INVALID
    assert (await house.connect(password=house.token(rotated.value))).decision.is_permitted


async def test_a_session_ends_with_its_token_and_with_its_key(house: CredentialHouse) -> None:
    key = await key_of(house)
    connect = await house.connect(password=house.token(key, lives_s=60))
    house.manual.advance(timedelta(seconds=60))
    assert house.decide(connect.opening.record, connect.opening).reason is Reason.TOKEN_EXPIRED
    house.manual.advance(timedelta(days=89))
    long = await house.connect(password=house.token(key, lives_s=86_400 * 30))
    assert long.decision.valid_until == (await house.devices.keys_of(house.organization_id, "pump-7"))[0].expires_at
    house.manual.advance(timedelta(days=1))
    assert house.decide(long.opening.record, long.opening).reason is Reason.SYMMETRIC_KEY_EXPIRED
    assert (await house.connect(password=house.token(key))).decision.reason is Reason.SYMMETRIC_KEY_EXPIRED


async def test_a_key_from_the_field_lets_its_device_in(house: CredentialHouse) -> None:
    await house.device(given={KeySlot.PRIMARY: b"k" * 32})
    assert (await house.connect(password=house.token(b"k" * 32))).decision.is_permitted
    with pytest.raises(InvalidSymmetricKey):
        await house.device("pump-8", given={KeySlot.PRIMARY: b"short"})
    assert (await house.connect("pump-8")).opening.record is None


async def test_disabling_comes_before_the_credential(house: CredentialHouse) -> None:
    key = await key_of(house)
    connect = await house.connect(password=house.token(key))
    await house.devices.disable(house.organization_id, "pump-7", actor=ACTOR, reason="lost")
    assert house.decide(await house.record_of(), connect.opening).reason is Reason.DISABLED
    assert (await house.connect(password=house.token(key))).decision.reason is Reason.DISABLED


async def test_changing_to_certificates_ends_the_keys_and_changing_back_makes_new_ones(house: CredentialHouse) -> None:
    key = await key_of(house)
    pinned = {"authentication": {"type": "self_signed", "primary_thumbprint": "a" * 64}}
    changed = await house.devices.update_with_keys(house.organization_id, "pump-7", pinned, actor=ACTOR)
    assert changed.keys is None
    assert not changed.device.is_flagged
    assert await house.devices.keys_of(house.organization_id, "pump-7") == []
    refused = await house.connect(password=house.token(key))
    assert refused.decision.reason is Reason.SYMMETRIC_KEY_NOT_PERMITTED
    with pytest.raises(InvalidDevice):
        await house.devices.rotate_key(house.organization_id, "pump-7", KeySlot.PRIMARY, actor=ACTOR)
    back = await house.devices.update_with_keys(
        house.organization_id, "pump-7", {"authentication": {"type": "symmetric_key"}}, actor=ACTOR
    )
    assert back.keys is not None
    assert key not in {each.value for each in back.keys.keys}
    assert (await house.connect(password=house.token(back.keys.keys[1].value))).decision.is_permitted
    tagged = await house.devices.update_with_keys(house.organization_id, "pump-7", {"site": "north"}, actor=ACTOR)
    assert tagged.keys is None


@pytest.mark.parametrize("act", ["delete", "retire"])
async def test_what_ends_a_device_ends_its_keys(house: CredentialHouse, act: str) -> None:
    key = await key_of(house)
    generation_id = (await house.devices.get(house.organization_id, "pump-7")).generation_id
    await getattr(house.devices, act)(house.organization_id, "pump-7", actor=ACTOR, reason="scrapped")
    assert await house.keys.list_of(house.organization_id, [generation_id]) == []
    assert not (await house.connect(password=house.token(key))).decision.is_permitted


async def test_a_name_that_is_given_again_inherits_no_key(house: CredentialHouse) -> None:
    key = await key_of(house)
    await house.devices.delete(house.organization_id, "pump-7", actor=ACTOR)
    await house.device()
    assert (await house.connect(password=house.token(key))).decision.reason is Reason.TOKEN_INVALID


async def test_first_use_makes_a_device_active_and_dates_its_key(house: CredentialHouse) -> None:
    key = await key_of(house)
    async with asyncio.TaskGroup() as group:
        noting = group.create_task(house.access.note_uses_forever(), name="first uses")
        generation_id = (await house.record_of()).generation_id
        key_id = next(each.key_id for each in await house.devices.keys_of(house.organization_id, "pump-7"))
        await house.connect(password=b"wrong")
        house.access.session_opened(generation_id, key_id)  # no opening was permitted by it
        connect = await house.connect(password=house.token(key))
        assert connect.opening.token is not None
        await asyncio.sleep(0.1)
        assert len(house.published) == 1  # the gateway has not let it in yet
        house.access.session_opened(generation_id, "a" * 64)
        house.access.session_opened(generation_id, connect.opening.token.key_id)
        await until(lambda: len(house.published) == 2)
        noting.cancel()
    device = await house.devices.get(house.organization_id, "pump-7")
    assert device.lifecycle is Lifecycle.ACTIVE
    primary, secondary = await house.devices.keys_of(house.organization_id, "pump-7")
    assert (primary.last_used_at, secondary.last_used_at) == (house.clock.now(), None)


async def test_no_key_reaches_the_ledger(house: CredentialHouse) -> None:
    made = await house.device()
    assert made.keys is not None
    entries = await house.ledger.entries(house.organization_id, matching=EntryFilter(target=made.device.generation_id))
    text = repr(entries)
    for each in made.keys.keys:
        assert each.to_base64() not in text
        assert base64.urlsafe_b64encode(each.value).decode() not in text
    assert {entry.action for entry in entries} == {"registry.create_device", "pki.create_symmetric_key"}


# --- off ----------------------------------------------------------------------------------------------------------


async def test_switching_keys_off_cuts_live_sessions_and_refuses_tokens(
    house: CredentialHouse, store: Store, signer_process: RunningSigner
) -> None:
    key = await key_of(house)
    connect = await house.connect(password=house.token(key))
    off = CredentialHouse(store, signer_process, house.manual, has_symmetric_keys=False, key=house.key)
    await off.keep_up()
    record = await off.record_of()
    assert house.decide(record, connect.opening).reason is Reason.SYMMETRIC_KEY_NOT_PERMITTED
    assert (await off.connect(password=house.token(key))).decision.reason is Reason.SYMMETRIC_KEYS_OFF
    with pytest.raises(SymmetricKeysOff):
        await off.device("pump-8")
    with pytest.raises(SymmetricKeysOff):
        await off.devices.rotate_key(off.organization_id, "pump-7", KeySlot.PRIMARY, actor=ACTOR)
    # The way out of the weakness is open.
    pinned = {"authentication": {"type": "self_signed", "primary_thumbprint": "a" * 64}}
    await off.devices.update(off.organization_id, "pump-7", pinned, actor=ACTOR)
    await off.close()


async def test_switching_keys_on_again_lets_devices_back_in(
    house: CredentialHouse, store: Store, signer_process: RunningSigner
) -> None:
    key = await key_of(house)
    off = CredentialHouse(store, signer_process, house.manual, has_symmetric_keys=False, key=house.key)
    await off.keep_up()
    await off.close()
    on = CredentialHouse(store, signer_process, house.manual, key=house.key)
    await on.keep_up()
    assert (await on.connect(password=house.token(key))).decision.is_permitted
    await on.close()


# --- kept subscriptions -------------------------------------------------------------------------------------------


async def test_kept_subscriptions_come_with_the_opening(house: CredentialHouse) -> None:
    key = await key_of(house)
    generation_id = (await house.record_of()).generation_id
    house.subscriptions.kept[generation_id] = {"methods": 0}
    connect = await house.connect(password=house.token(key), is_clean=False)
    assert connect.answer.subscriptions == {"methods": 0}
    assert (await house.connect("nobody", is_clean=False)).answer.subscriptions is None


async def test_only_who_proves_the_identity_may_discard_what_it_kept(house: CredentialHouse) -> None:
    key = await key_of(house)
    generation_id = GenerationId((await house.record_of()).generation_id)
    house.subscriptions.kept[generation_id] = {"methods": 0}
    for password in (None, b"wrong", house.token(key, lives_s=-400)):
        assert (await house.connect(password=password, is_clean=True)).answer.subscriptions is None
        assert generation_id in house.subscriptions.kept
    await house.connect(password=house.token(key), is_clean=True)
    assert generation_id not in house.subscriptions.kept


async def test_a_device_pinned_by_sha1_is_known_by_it(house: CredentialHouse) -> None:
    leaf = Factory("Plant", house.clock).make_device("pump-7").chain[0]
    await house.device(kind="self_signed", thumbprint=leaf.fingerprint(hashes.SHA1()).hex())  # noqa: S303 - what is tried
    generation_id = (await house.record_of()).generation_id
    house.subscriptions.kept[generation_id] = {"methods": 0}
    assert (await house.connect(leaf=leaf)).decision.is_permitted
    assert generation_id not in house.subscriptions.kept


# --- modules ------------------------------------------------------------------------------------------------------


async def test_a_module_has_keys_of_its_own(house: CredentialHouse) -> None:
    device_key = await key_of(house)
    made = await house.module()
    assert made.keys is not None
    key = made.keys.keys[0].value
    connect = await house.connect(module_id="filter", password=house.token(key, module_id="filter"))
    assert connect.decision.is_permitted
    for password in (house.token(device_key, module_id="filter"), house.token(key)):
        assert not (await house.connect(module_id="filter", password=password)).decision.is_permitted
    assert not (await house.connect(password=house.token(key))).decision.is_permitted
    rotated = await house.modules.rotate_key(house.organization_id, "pump-7", "filter", KeySlot.PRIMARY, actor=ACTOR)
    record = await house.record_of(module_id="filter")
    assert house.decide(record, connect.opening).reason is Reason.SYMMETRIC_KEY_NOT_PERMITTED
    again = await house.connect(module_id="filter", password=house.token(rotated.value, module_id="filter"))
    assert again.decision.is_permitted


async def test_a_name_is_free_again_after_one_who_was_retired_and_disabled(house: CredentialHouse) -> None:
    await house.device()
    await house.module()
    for act in ("retire", "disable"):
        await getattr(house.devices, act)(house.organization_id, "pump-7", actor=ACTOR, reason="old")
    await house.devices.delete(house.organization_id, "pump-7", actor=ACTOR)
    for module_id in (None, "filter"):
        connect = await house.connect(module_id=module_id)
        assert connect.decision.reason is Reason.UNKNOWN_IDENTITY
    await house.device()
    await house.module()
    assert (await house.connect()).decision.reason is Reason.CERTIFICATE_MISSING
