"""Service policies on both databases: keys are made once, sealed, told to who may know, and end."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import timedelta

import pytest
from operators_house import TOKEN_ACTOR, OperatorsHouse
from starlette.requests import Request

from vedette.api.errors import TooManyFailures
from vedette.api.service.calls import CallAuthenticator
from vedette.api.service.errors import NoToken, TooManyCalls
from vedette.kernel import RandomIds
from vedette.operators import (
    InvalidServicePolicy,
    RevealedKey,
    ServiceKeyEnded,
    ServicePolicyExists,
    ServicePolicyNotFound,
    ServicePolicyService,
    ServiceRight,
    ServiceTokenRefused,
)
from vedette.operators.service_policy_repository import service_keys
from vedette.pki import KeySlot, SecretBox, SecretsUnreadable
from vedette.protocols.hub import build_sas_token

pytestmark = pytest.mark.anyio

HOSTS = ("hub.example", "localhost")


def service_of(house: OperatorsHouse, *, key: bytes = b"s" * 32, hosts: Sequence[str] = HOSTS) -> ServicePolicyService:
    ids = RandomIds(house.clock)
    return ServicePolicyService(
        house.store, house.ledger, SecretBox(key, ids=ids), hostnames=hosts, clock=house.clock, ids=ids
    )


@pytest.fixture
def policies(house: OperatorsHouse) -> ServicePolicyService:
    return service_of(house)


async def reveal(
    house: OperatorsHouse,
    policies: ServicePolicyService,
    name: str = "iothubowner",
    slot: KeySlot = KeySlot.PRIMARY,
) -> RevealedKey:
    return await policies.reveal(house.organization_id, name, slot, actor=TOKEN_ACTOR)


def token_of(house: OperatorsHouse, key: RevealedKey, *, resource: str = "hub.example", ttl_s: int = 3600) -> str:
    expires = int(house.clock.now().timestamp()) + ttl_s
    return build_sas_token(resource, key.value, expires, policy_name=key.policy.name)


async def test_a_well_known_policy_is_made_when_it_is_first_asked_for(
    house: OperatorsHouse, policies: ServicePolicyService
) -> None:
    assert await policies.list(house.organization_id) == []
    first = await reveal(house, policies)
    again = await reveal(house, policies)
    other = await reveal(house, policies, slot=KeySlot.SECONDARY)
    assert first.value == again.value != other.value
    assert base64.b64decode(first.to_base64()) == first.value
    assert (await house.actions())[-4:] == [
        "create_service_policy",
        "read_service_key",
        "read_service_key",
        "read_service_key",
    ]
    text = "".join(str(record) for record in await house.acts())
    assert first.to_base64() not in text
    assert first.key.expires_at - house.clock.now() == timedelta(days=365)
    assert first.to_base64() not in repr(first)


async def test_a_token_comes_under_the_policy_that_made_it(
    house: OperatorsHouse, policies: ServicePolicyService
) -> None:
    key = await reveal(house, policies, "service")
    for resource in ("hub.example", "HUB.example:8443", "localhost"):
        policy = await policies.verify(house.organization_id, token_of(house, key, resource=resource))
        assert (policy.name, policy.rights) == ("service", (ServiceRight.SERVICE_CONNECT,))
    assert policy.actor.kind == "service"
    assert policy.actor.id == policy.policy_id
    (listed,) = await policies.list(house.organization_id)
    assert listed.key_in(KeySlot.PRIMARY).last_used_at == house.clock.now()
    assert listed.key_in(KeySlot.SECONDARY).last_used_at is None


@pytest.mark.parametrize(
    "resource", ["other.example", "hub.example/devices/pump-7", "hub.example/devices", "", "/", "hub.example%2F"]
)
async def test_a_token_for_anything_else_is_refused(
    house: OperatorsHouse, policies: ServicePolicyService, resource: str
) -> None:
    key = await reveal(house, policies)
    with pytest.raises(ServiceTokenRefused):
        await policies.verify(house.organization_id, token_of(house, key, resource=resource))


@pytest.mark.parametrize(
    "token",
    [
        "",
        "Bearer x",
        "SharedAccessSignature ",
        "SharedAccessSignature sr=hub.example&sig=AA==&se=1",
        "SharedAccessSignature sr=hub.example&sig=" + "A" * 43 + "=&se=9999999999",
        "SharedAccessSignature sr=hub.example&sig=" + "A" * 43 + "=&se=9999999999&skn=iothubowner",
        "SharedAccessSignature sr=hub.example&sig=" + "A" * 43 + "=&se=9999999999&skn=nobody",
        "SharedAccessSignature sr=hub.example&sig=" + "A" * 43 + "=&se=9999999999&skn=%00",
        "SharedAccessSignature sr=hub.example&sig=" + "A" * 43 + "=&se=9999999999&skn=" + "n" * 500,
        "SharedAccessSignature " + "x" * 5000,
    ],
)
async def test_a_token_that_no_key_made_is_refused(
    house: OperatorsHouse, policies: ServicePolicyService, token: str
) -> None:
    await reveal(house, policies)
    with pytest.raises(ServiceTokenRefused):
        await policies.verify(house.organization_id, token)


async def test_a_token_is_over_five_minutes_after_its_end(
    house: OperatorsHouse, policies: ServicePolicyService
) -> None:
    token = token_of(house, await reveal(house, policies), ttl_s=60)
    house.clock.advance(timedelta(seconds=350))
    await policies.verify(house.organization_id, token)
    house.clock.advance(timedelta(seconds=20))
    with pytest.raises(ServiceTokenRefused):
        await policies.verify(house.organization_id, token)


async def test_a_key_ends_whatever_its_tokens_say(house: OperatorsHouse, policies: ServicePolicyService) -> None:
    await policies.create(
        house.organization_id, "short", [ServiceRight.REGISTRY_READ], actor=TOKEN_ACTOR, lifetime_days=1
    )
    token = token_of(house, await reveal(house, policies, "short"), ttl_s=10**9)
    house.clock.advance(timedelta(hours=23))
    await policies.verify(house.organization_id, token)
    house.clock.advance(timedelta(hours=1))
    with pytest.raises(ServiceKeyEnded):
        await policies.verify(house.organization_id, token)
    with pytest.raises(ServiceKeyEnded):
        await reveal(house, policies, "short")


async def test_a_rotated_key_counts_no_more_and_the_other_goes_on(
    house: OperatorsHouse, policies: ServicePolicyService
) -> None:
    primary, secondary = [await reveal(house, policies, slot=slot) for slot in KeySlot]
    await policies.rotate(house.organization_id, "iothubowner", KeySlot.PRIMARY, actor=TOKEN_ACTOR, reason="leaked")
    with pytest.raises(ServiceTokenRefused):
        await policies.verify(house.organization_id, token_of(house, primary))
    await policies.verify(house.organization_id, token_of(house, secondary))
    await policies.verify(house.organization_id, token_of(house, await reveal(house, policies)))


async def test_a_deleted_policy_opens_nothing_and_is_new_when_it_comes_back(
    house: OperatorsHouse, policies: ServicePolicyService
) -> None:
    key = await reveal(house, policies)
    await policies.delete(house.organization_id, "iothubowner", actor=TOKEN_ACTOR)
    with pytest.raises(ServiceTokenRefused):
        await policies.verify(house.organization_id, token_of(house, key))
    assert (await reveal(house, policies)).value != key.value
    with pytest.raises(ServiceTokenRefused):
        await policies.verify(house.organization_id, token_of(house, key))


async def test_rights_are_what_was_asked_for_and_writing_implies_reading(
    house: OperatorsHouse, policies: ServicePolicyService
) -> None:
    made = await policies.create(house.organization_id, "writer", [ServiceRight.REGISTRY_WRITE], actor=TOKEN_ACTOR)
    assert made.rights == (ServiceRight.REGISTRY_READ, ServiceRight.REGISTRY_WRITE)
    with pytest.raises(ServicePolicyExists):
        await policies.create(house.organization_id, "writer", [ServiceRight.REGISTRY_READ], actor=TOKEN_ACTOR)


@pytest.mark.parametrize(
    ("name", "rights"),
    [
        ("device", [ServiceRight.REGISTRY_READ]),
        ("", [ServiceRight.REGISTRY_READ]),
        ("a b", [ServiceRight.REGISTRY_READ]),
        ("a;SharedAccessKey=x", [ServiceRight.REGISTRY_READ]),
        ("x" * 65, [ServiceRight.REGISTRY_READ]),
        ("mine", []),
        ("registryRead", [ServiceRight.REGISTRY_WRITE]),
    ],
)
async def test_a_policy_that_cannot_be_is_refused(
    house: OperatorsHouse, policies: ServicePolicyService, name: str, rights: list[ServiceRight]
) -> None:
    with pytest.raises(InvalidServicePolicy):
        await policies.create(house.organization_id, name, rights, actor=TOKEN_ACTOR)


async def test_an_unknown_policy_has_no_connection_string(
    house: OperatorsHouse, policies: ServicePolicyService
) -> None:
    with pytest.raises(ServicePolicyNotFound):
        await reveal(house, policies, "mine")
    with pytest.raises(InvalidServicePolicy):
        await reveal(house, policies, "device")


def call_with(token: str, *, address: str = "192.0.2.7") -> Request:
    headers = [(b"authorization", token.encode())]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": headers, "client": (address, 5000)})


async def test_who_calls_too_often_hears_to_wait_and_others_do_not(
    house: OperatorsHouse, policies: ServicePolicyService
) -> None:
    door = CallAuthenticator(
        policies, house.organization_id, clock=house.clock, requests_per_s=5, failures_per_minute=3
    )
    busy = token_of(house, await reveal(house, policies))
    quiet = token_of(house, await reveal(house, policies, "service"))
    for _ in range(10):
        await door.authenticate(call_with(busy))
    with pytest.raises(TooManyCalls):
        await door.authenticate(call_with(busy))
    await door.authenticate(call_with(quiet))
    house.clock.advance(timedelta(seconds=1))
    for _ in range(5):
        await door.authenticate(call_with(busy))
    with pytest.raises(TooManyCalls):
        await door.authenticate(call_with(busy))


async def test_wrong_tokens_hear_to_wait_and_right_ones_are_still_taken(
    house: OperatorsHouse, policies: ServicePolicyService
) -> None:
    door = CallAuthenticator(
        policies, house.organization_id, clock=house.clock, requests_per_s=100, failures_per_minute=3
    )
    right = token_of(house, await reveal(house, policies))
    for _ in range(3):
        with pytest.raises(NoToken):
            await door.authenticate(call_with("Bearer x"))
    with pytest.raises(TooManyFailures):
        await door.authenticate(call_with("SharedAccessSignature x"))
    assert (await door.authenticate(call_with(right))).name == "iothubowner"
    with pytest.raises(ServiceTokenRefused):
        await door.authenticate(call_with("SharedAccessSignature x", address="192.0.2.8"))


async def test_keys_do_not_open_under_another_key_nor_in_another_row(
    house: OperatorsHouse, policies: ServicePolicyService
) -> None:
    key = await reveal(house, policies)
    with pytest.raises(SecretsUnreadable):
        await service_of(house, key=b"t" * 32).verify(house.organization_id, token_of(house, key))
    await reveal(house, policies, "service")
    moved = service_keys.c

    def swap(tx: object) -> None:
        connection = tx.connection  # type: ignore[attr-defined] # a Transaction
        rows = connection.execute(service_keys.select().where(moved.slot == "primary")).all()
        for row, other in zip(rows, reversed(rows), strict=True):
            connection.execute(
                service_keys.update()
                .where(moved.policy_id == row.policy_id, moved.slot == "primary")
                .values(sealed=other.sealed)
            )

    await house.store.write(swap)
    with pytest.raises(SecretsUnreadable):
        await reveal(house, policies)
