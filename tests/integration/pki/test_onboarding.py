from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from vedette.kernel import AuthorityId, OrganizationId
from vedette.ledger import Actor, Ledger
from vedette.pki import (
    Authority,
    AuthorityAlreadyRegistered,
    AuthorityNotFound,
    AuthorityProofFailed,
    AuthorityScope,
    AuthorityState,
    AuthorityStateConflict,
    InvalidAuthority,
    SignerClient,
)
from vedette.pki.records import OnboardingAuthorityService, Vouching
from vedette.simulation import Factory, Identity, ManualClock
from vedette.store import Store
from vedette.trust import ChainCheck

pytestmark = pytest.mark.anyio
ORGANIZATION = OrganizationId("org_0123456789abcdefghijklmnop")
STRANGER = OrganizationId("org_00000000000000000000000000")
OPERATOR = Actor("operator", "ada")


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def proof(factory: Factory, code: str | None) -> bytes:
    assert code is not None
    return der(x509.load_pem_x509_certificate(factory.prove_possession(code)))


@pytest.fixture
def factory(clock: ManualClock) -> Factory:
    return Factory("Contoso", clock)


class Desk:
    """An operator at work on authorities."""

    def __init__(self, service: OnboardingAuthorityService, store: Store, clock: ManualClock) -> None:
        self.service = service
        self._store = store
        self._clock = clock

    async def register(self, certificate: bytes, **changes: Any) -> Authority:  # Any: arguments of any kind
        request: dict[str, Any] = {
            "organization_id": ORGANIZATION,
            "certificate": certificate,
            "name": "Contoso",
            "scope": AuthorityScope(),
            "actor": OPERATOR,
        }
        return await self.service.register(**{**request, **changes})

    async def verify(self, authority: Authority, certificate: bytes) -> Authority:
        return await self.service.verify(
            organization_id=ORGANIZATION, authority_id=authority.authority_id, proof=certificate, actor=OPERATOR
        )

    async def admit(self, factory: Factory, certificate: x509.Certificate, **changes: Any) -> Authority:  # Any: same
        authority = await self.register(der(certificate), **changes)
        return await self.verify(authority, proof(factory, authority.verification_code))

    async def vouch(self, identity: Identity, registration_id: str = "pump-7", **changes: Any) -> Vouching:  # Any: same
        now: datetime = self._clock.now()
        presented = [der(certificate) for certificate in identity.chain]
        organization_id = changes.pop("organization_id", ORGANIZATION)
        return await self._store.read(
            lambda c: self.service.vouch(
                c, organization_id, presented, now=now, registration_id=registration_id, **changes
            )
        )


@pytest.fixture
def desk(authorities: OnboardingAuthorityService, store: Store, clock: ManualClock) -> Desk:
    return Desk(authorities, store, clock)


async def test_an_authority_vouches_only_once_its_key_has_signed_the_code(
    desk: Desk, factory: Factory, ledger: Ledger
) -> None:
    identity = factory.make_device("pump-7")
    authority = await desk.register(der(factory.root))
    assert authority.state is AuthorityState.UNVERIFIED
    assert len(authority.verification_code or "") == 40
    assert (await desk.vouch(identity)).authority is None
    verified = await desk.verify(authority, proof(factory, authority.verification_code))
    assert verified.state is AuthorityState.VERIFIED
    assert verified.verification_code is None
    assert (await desk.vouch(identity)).authority == verified
    names = [each.name for each in await ledger.events(ORGANIZATION)]
    assert names == ["pki.authority_registered", "pki.authority_verified"]


async def test_what_does_not_prove_possession_is_refused(desk: Desk, factory: Factory, clock: ManualClock) -> None:
    authority = await desk.register(der(factory.root))
    namesake = Factory("Contoso", clock)
    cases = {
        "another key of the same name": proof(namesake, authority.verification_code),
        "another code": proof(factory, "0" * 40),
        "the code in capitals": proof(factory, (authority.verification_code or "").upper() + "X"),
        "the authority itself": der(factory.root),
        "nonsense": b"nonsense",
        "too long": b"x" * 16_385,
    }
    for certificate in cases.values():
        with pytest.raises(AuthorityProofFailed):
            await desk.verify(authority, certificate)
    certificate = proof(factory, authority.verification_code)
    clock.advance(timedelta(days=7))
    with pytest.raises(AuthorityProofFailed, match="expired"):
        await desk.verify(authority, certificate)


async def test_an_old_proof_is_not_valid_now(desk: Desk, factory: Factory, clock: ManualClock) -> None:
    authority = await desk.register(der(factory.root))
    certificate = proof(factory, authority.verification_code)
    clock.advance(timedelta(days=2))
    with pytest.raises(AuthorityProofFailed, match="not valid now"):
        await desk.verify(authority, certificate)


async def test_a_new_code_replaces_the_old_one(desk: Desk, factory: Factory) -> None:
    first = await desk.register(der(factory.root))
    second = await desk.service.renew_code(
        organization_id=ORGANIZATION, authority_id=first.authority_id, actor=OPERATOR
    )
    with pytest.raises(AuthorityProofFailed):
        await desk.verify(first, proof(factory, first.verification_code))
    verified = await desk.verify(first, proof(factory, second.verification_code))
    for attempt in (
        desk.verify(first, proof(factory, second.verification_code)),
        desk.service.renew_code(organization_id=ORGANIZATION, authority_id=first.authority_id, actor=OPERATOR),
    ):
        with pytest.raises(AuthorityStateConflict):
            await attempt
    assert verified.revision == 3


async def test_a_disabled_authority_vouches_for_nobody_until_enabled(desk: Desk, factory: Factory) -> None:
    identity = factory.make_device("pump-7")
    authority = await desk.admit(factory, factory.root)
    act: dict[str, Any] = {
        "organization_id": ORGANIZATION,
        "authority_id": authority.authority_id,
        "actor": OPERATOR,
        "reason": "",
    }
    with pytest.raises(AuthorityStateConflict):
        await desk.service.enable(**act)
    with pytest.raises(AuthorityStateConflict, match="revision"):
        await desk.service.disable(**act, revision=authority.revision + 1)
    disabled = await desk.service.disable(**act, revision=authority.revision)
    assert (await desk.vouch(identity)).authority is None
    with pytest.raises(AuthorityStateConflict):
        await desk.service.disable(**act)
    await desk.service.enable(**act, revision=disabled.revision)
    assert (await desk.vouch(identity)).authority is not None


async def test_a_removed_authority_must_prove_itself_again(desk: Desk, factory: Factory, ledger: Ledger) -> None:
    authority = await desk.admit(factory, factory.root)
    act: dict[str, Any] = {"organization_id": ORGANIZATION, "authority_id": authority.authority_id, "actor": OPERATOR}
    await desk.service.remove(**act)
    with pytest.raises(AuthorityNotFound):
        await desk.service.get(ORGANIZATION, authority.authority_id)
    with pytest.raises(AuthorityNotFound):
        await desk.service.remove(**act)
    again = await desk.register(der(factory.root))
    assert again.state is AuthorityState.UNVERIFIED
    assert again.authority_id != authority.authority_id
    (event,) = [each for each in await ledger.events(ORGANIZATION) if each.name == "pki.authority_disabled"]
    assert event.data["is_removed"] is True


async def test_an_authority_vouches_inside_its_scope_only(desk: Desk, factory: Factory) -> None:
    identity = factory.make_device("pump-7")
    scope = AuthorityScope(enrollment_group="enr_1", device_id_pattern="pump-*")
    authority = await desk.admit(factory, factory.root, scope=scope)
    assert (await desk.vouch(identity, enrollment_group="enr_1")).authority == authority
    for changes in ({"enrollment_group": "enr_2"}, {}, {"registration_id": "valve-7", "enrollment_group": "enr_1"}):
        vouching = await desk.vouch(identity, **changes)
        assert vouching.authority is None
        assert vouching.is_out_of_scope
    elsewhere = await desk.vouch(identity, organization_id=STRANGER, enrollment_group="enr_1")
    assert (elsewhere.authority, elsewhere.is_out_of_scope) == (None, False)


async def test_the_nearest_authority_vouches_and_only_those_asked_for(desk: Desk, factory: Factory) -> None:
    identity = factory.make_device("pump-7")
    root = await desk.admit(factory, factory.root)
    line = await desk.register(der(factory.line), name="Line 1")
    assert (await desk.vouch(identity)).authority == root
    with pytest.raises(AuthorityProofFailed):  # the root's key is not the line's
        await desk.verify(line, proof(factory, line.verification_code))
    vouching = await desk.vouch(identity, among={line.authority_id})
    assert vouching.authority is None
    assert not vouching.is_out_of_scope
    assert (await desk.vouch(identity, among={root.authority_id, line.authority_id})).authority == root


async def test_the_check_that_failed_is_named(desk: Desk, factory: Factory, clock: ManualClock) -> None:
    await desk.admit(factory, factory.root)
    expired = await desk.vouch(factory.make_device("pump-7", days=-1))
    assert expired.verdict.failure is not None
    assert (expired.verdict.failure.check, expired.verdict.failure.position) == (ChainCheck.VALIDITY, 0)
    stranger = await desk.vouch(Factory("Fabrikam", clock).make_device("pump-7"))
    assert stranger.verdict.failure is not None
    assert stranger.verdict.failure.check is ChainCheck.TRUSTED_ISSUER


async def test_what_cannot_be_an_authority_is_refused(desk: Desk, factory: Factory, clock: ManualClock) -> None:
    with pytest.raises(InvalidAuthority):
        await desk.register(der(factory.make_device("pump-7").chain[0]))
    with pytest.raises(InvalidAuthority):
        await desk.register(b"nonsense")
    for changes in ({"name": ""}, {"name": "x" * 129}):
        with pytest.raises(InvalidAuthority):
            await desk.register(der(factory.root), **changes)
    for pattern in ("", "*" * 5, "pump 7", "x" * 257, "[a-z]*"):
        with pytest.raises(InvalidAuthority):
            await desk.register(der(factory.root), scope=AuthorityScope(device_id_pattern=pattern))
    clock.advance(timedelta(days=4000))
    with pytest.raises(InvalidAuthority, match="expired"):
        await desk.register(der(factory.root))


async def test_the_same_certificate_is_registered_once_in_each_organization(desk: Desk, factory: Factory) -> None:
    await desk.register(der(factory.root))
    with pytest.raises(AuthorityAlreadyRegistered):
        await desk.register(der(factory.root))
    await desk.register(der(factory.root), organization_id=STRANGER)


async def test_our_own_authorities_never_vouch_at_enrollment(desk: Desk, signer: SignerClient, ledger: Ledger) -> None:
    chains = await signer.get_chains()
    for _ in range(2):
        await desk.service.record_own(organization_id=ORGANIZATION, chains=chains)
    assert await ledger.size(ORGANIZATION) == 4
    for certificate in {certificate for chain in chains.values() for certificate in chain}:
        with pytest.raises(InvalidAuthority, match="own"):
            await desk.register(certificate)
    assert await desk.service.list_all(ORGANIZATION) == []


async def test_authorities_are_listed_in_pages(desk: Desk, clock: ManualClock) -> None:
    registered = [await desk.register(der(Factory(f"Maker {number}", clock).root)) for number in range(5)]
    seen: list[Authority] = []
    while page := await desk.service.list_all(ORGANIZATION, after=seen[-1].authority_id if seen else "", limit=2):
        seen += page
    assert {each.authority_id for each in seen} == {each.authority_id for each in registered}
    assert len(seen) == 5
    assert await desk.service.list_all(STRANGER) == []
    with pytest.raises(AuthorityNotFound):
        await desk.service.get(STRANGER, AuthorityId(registered[0].authority_id))
