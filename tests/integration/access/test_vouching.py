"""Devices and modules that connect with certificates of an authority that an operator trusts at the hub."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from credential_house import Connect, CredentialHouse
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from identity_house import ACTOR, RunningSigner

from vedette.bus.contract import VouchCertificate
from vedette.enrollment import CredentialMode
from vedette.kernel import SystemClock
from vedette.ledger import EntryFilter
from vedette.pki import Authority, AuthorityScope
from vedette.registry import AccessEffect, AccessKind, ClockJumped
from vedette.simulation import Factory, Identity, ManualClock
from vedette.store import Store
from vedette.trust import PARSE_ERRORS, PermittedCertificate, Reason

pytestmark = pytest.mark.anyio
BY_AUTHORITY = "certificate_authority"


@pytest.fixture
async def house(store: Store, signer_process: RunningSigner) -> AsyncIterator[CredentialHouse]:
    house = CredentialHouse(store, signer_process, ManualClock(SystemClock().now()))
    yield house
    await house.close()


@pytest.fixture
def factory(house: CredentialHouse) -> Factory:
    return Factory("Plant", house.clock)


async def come_in(house: CredentialHouse, identity: Identity, **named: Any) -> tuple[Connect, str]:  # Any: of connect
    """Connect as a gateway lets it: ask who vouches for an unknown leaf, and open anew; returns what control said."""
    connect = await house.connect(leaf=identity.chain[0], **named)
    if connect.decision.is_permitted:
        return connect, ""
    answer = await house.vouch(identity, **named)
    return await house.connect(leaf=identity.chain[0], **named), answer.detail


async def certificates_of(house: CredentialHouse, **named: Any) -> tuple[PermittedCertificate, ...]:  # Any: names
    credentials = (await house.record_of(**named)).credentials.value
    assert credentials is not None
    return credentials.certificates


async def disable(house: CredentialHouse, authority: Authority) -> None:
    await house.authorities.disable(
        organization_id=house.organization_id, authority_id=authority.authority_id, actor=ACTOR
    )


async def test_a_device_comes_in_with_a_certificate_of_a_trusted_authority(
    house: CredentialHouse, factory: Factory
) -> None:
    authority = await house.trust_at_hub(factory)
    made = await house.device(kind=BY_AUTHORITY)
    identity = factory.make_device("pump-7", days=30)
    before = await house.connect(leaf=identity.chain[0])
    assert before.decision.reason is Reason.CERTIFICATE_NOT_PERMITTED
    # This is what tells a gateway to ask.
    assert before.opening.record is not None
    assert before.opening.record.credentials.value is not None
    assert before.opening.record.credentials.value.authorities == (authority.authority_id,)
    connect, _ = await come_in(house, identity)
    assert connect.decision.is_permitted
    assert connect.decision.grant is not None
    assert connect.decision.grant.facts.credential == "authority"
    (permitted,) = await certificates_of(house)
    assert (permitted.origin, permitted.permitted_until) == ("authority", identity.chain[0].not_valid_after_utc)
    entries = await house.ledger.entries(
        house.organization_id, matching=EntryFilter(target=made.device.generation_id, action="pki.vouch_certificate")
    )
    assert [entry.details["authority_id"] for entry in entries] == [authority.authority_id]
    assert (await house.devices.get(house.organization_id, "pump-7")).origin.authority_id == authority.authority_id


async def test_a_module_comes_in_by_its_full_name(house: CredentialHouse, factory: Factory) -> None:
    await house.trust_at_hub(factory)
    await house.device(kind=BY_AUTHORITY)
    await house.module(kind=BY_AUTHORITY)
    own, devices = factory.make_device("pump-7/filter", days=30), factory.make_device("pump-7", days=30)
    connect, _ = await come_in(house, own, device_id="pump-7", module_id="filter")
    assert connect.decision.is_permitted
    for identity, name in ((devices, {"module_id": "filter"}), (own, {"module_id": None})):
        connect, detail = await come_in(house, identity, device_id="pump-7", **name)
        assert not connect.decision.is_permitted
        assert "common name" in detail


@pytest.mark.parametrize(
    ("case", "name", "pattern"),
    [
        ("another name", "pump-8", "*"),
        ("the name in another case", "PUMP-7", "*"),
        ("the beginning of the name", "pump", "*"),
        ("the name and more", "pump-7/x", "*"),
        ("outside of the authority's scope", "pump-7", "valve-*"),
    ],
)
async def test_a_leaf_for_somebody_else_is_not_vouched_for(
    house: CredentialHouse, factory: Factory, case: str, name: str, pattern: str
) -> None:
    await house.trust_at_hub(factory, pattern=pattern)
    await house.device(kind=BY_AUTHORITY)
    connect, detail = await come_in(house, factory.make_device(name, days=30))
    assert connect.decision.reason is Reason.CERTIFICATE_NOT_PERMITTED
    assert detail
    assert await certificates_of(house) == ()


async def test_an_authority_of_one_enrollment_vouches_for_its_devices_only(
    house: CredentialHouse, factory: Factory
) -> None:
    await house.trust_at_hub(factory, group="enr_0123456789abcdefghijklmnop")
    await house.device(kind=BY_AUTHORITY)
    connect, detail = await come_in(house, factory.make_device("pump-7", days=30))
    assert not connect.decision.is_permitted
    assert "scope" in detail


async def test_an_authority_for_enrollment_opens_no_hub_and_one_for_the_hub_enrolls_nobody(
    house: CredentialHouse, factory: Factory
) -> None:
    group = await house.open_group(factory)
    await house.device(kind=BY_AUTHORITY)
    identity = factory.make_device("pump-7", days=30)
    connect, detail = await come_in(house, identity)
    assert not connect.decision.is_permitted
    assert "trusted at the hub" in detail
    assert group.authority_id is not None
    await house.authorities.set_hub_trust(
        organization_id=house.organization_id,
        authority_id=group.authority_id,
        is_trusted=True,
        actor=ACTOR,
    )
    assert (await come_in(house, identity))[0].decision.is_permitted
    answer = await house.enroll(factory.make_device("pump-8"), "pump-8")
    assert answer.status != "assigned"


async def test_an_authority_that_did_not_prove_its_key_vouches_for_nobody(
    house: CredentialHouse, factory: Factory
) -> None:
    await house.authorities.register(
        organization_id=house.organization_id,
        certificate=factory.root.public_bytes(Encoding.DER),
        name="plant",
        scope=AuthorityScope(),
        actor=ACTOR,
        is_hub_trusted=True,
    )
    await house.device(kind=BY_AUTHORITY)
    assert not (await come_in(house, factory.make_device("pump-7")))[0].decision.is_permitted


async def test_a_stranger_of_the_same_names_is_not_vouched_for(house: CredentialHouse, factory: Factory) -> None:
    await house.trust_at_hub(factory)
    await house.device(kind=BY_AUTHORITY)
    forged = Factory("Plant", house.clock).make_device("pump-7", days=30)
    connect, detail = await come_in(house, forged)
    assert not connect.decision.is_permitted
    assert detail


@pytest.mark.parametrize("chain", [(), (b"noise",), (b"x" * 20_000,), (b"\x30\x00",) * 9])
async def test_noise_is_answered_and_nothing_else(house: CredentialHouse, factory: Factory, chain: Any) -> None:
    await house.trust_at_hub(factory)
    await house.device(kind=BY_AUTHORITY)
    request = VouchCertificate(
        organization_id=house.organization_id,
        gateway="gateway-1",
        device_id="pump-7",
        module_id=None,
        certificate_chain=list(chain),
        remote_address="192.0.2.7",
    )
    answer = await house.vouching.vouch(request)
    assert not answer.is_vouched
    assert answer.detail


async def test_a_leaf_is_permitted_until_the_first_of_its_chain_ends(house: CredentialHouse, factory: Factory) -> None:
    await house.trust_at_hub(factory)
    await house.device(kind=BY_AUTHORITY)
    identity = with_intermediate(factory, house, "pump-7", days=10)
    connect, _ = await come_in(house, identity)
    assert connect.decision.is_permitted
    (permitted,) = await certificates_of(house)
    assert permitted.permitted_until == identity.chain[1].not_valid_after_utc
    house.manual.advance(timedelta(days=10))
    assert house.decide(connect.opening.record, connect.opening, identity.chain[0]).reason is Reason.CERTIFICATE_EXPIRED
    connect, detail = await come_in(house, identity)
    assert connect.decision.reason is Reason.CERTIFICATE_EXPIRED
    assert detail


async def test_a_leaf_that_has_ended_is_not_vouched_for(house: CredentialHouse, factory: Factory) -> None:
    await house.trust_at_hub(factory)
    await house.device(kind=BY_AUTHORITY)
    assert not (await come_in(house, factory.make_device("pump-7", days=-1)))[0].decision.is_permitted


@pytest.mark.parametrize("kind", ["issued", "self_signed", "symmetric_key"])
async def test_only_who_authenticates_by_authority_is_vouched_for(
    house: CredentialHouse, factory: Factory, kind: str
) -> None:
    await house.trust_at_hub(factory)
    await house.device(kind=kind, thumbprint="a" * 64 if kind == "self_signed" else None)
    answer = await house.vouch(factory.make_device("pump-7", days=30))
    assert not answer.is_vouched
    record = await house.record_of()
    assert record.credentials.value is not None
    assert record.credentials.value.authorities == ()


async def test_what_a_device_was_onboarded_with_is_no_matter_of_the_hubs_authorities(
    house: CredentialHouse, factory: Factory
) -> None:
    until = house.clock.now() + timedelta(days=30)
    await house.open_group(factory, credential=CredentialMode.ONBOARDING, onboarding_until=until)
    identity = factory.make_device("pump-7")
    assert (await house.register_device(identity, "pump-7")).status == "assigned"
    other = Factory("Hub", house.clock)
    await house.trust_at_hub(other)
    assert not (await house.vouch(other.make_device("pump-7", days=30))).is_vouched
    assert (await house.connect(leaf=identity.chain[0])).decision.is_permitted


@pytest.mark.parametrize("act", ["disable", "distrust", "remove"])
async def test_taking_trust_from_an_authority_cuts_who_rests_on_it(
    house: CredentialHouse, factory: Factory, act: str
) -> None:
    authority = await house.trust_at_hub(factory)
    other = Factory("Other", house.clock)
    await house.trust_at_hub(other)
    live = {}
    for name, maker in (("pump-7", factory), ("pump-8", other)):
        await house.device(name, kind=BY_AUTHORITY)
        identity = maker.make_device(name, days=30)
        live[name] = (await come_in(house, identity, device_id=name))[0], identity
        assert live[name][0].decision.is_permitted
    where: dict[str, Any] = {
        "organization_id": house.organization_id,
        "authority_id": authority.authority_id,
        "actor": ACTOR,
    }
    if act == "distrust":
        await house.authorities.set_hub_trust(**where, is_trusted=False)
    else:
        await getattr(house.authorities, act)(**where)
    # With the act itself: no upkeep has run.
    for name, reason in (("pump-7", Reason.CERTIFICATE_NOT_PERMITTED), ("pump-8", Reason.PERMITTED)):
        connect, identity = live[name]
        record = await house.record_of(name)
        assert house.decide(record, connect.opening, identity.chain[0]).reason is reason
    connect, identity = live["pump-7"]
    assert not (await come_in(house, identity))[0].decision.is_permitted


async def test_nobody_is_vouched_for_through_a_disabled_authority_below_the_trusted_one(
    house: CredentialHouse, factory: Factory
) -> None:
    await house.trust_at_hub(factory)
    await house.device(kind=BY_AUTHORITY)
    line = await house.authorities.register(
        organization_id=house.organization_id,
        certificate=factory.line.public_bytes(Encoding.DER),
        name="line",
        scope=AuthorityScope(),
        actor=ACTOR,
    )
    assert line.verification_code is not None
    proof = factory.make_device(line.verification_code, days=1).chain[0].public_bytes(Encoding.DER)
    await house.authorities.verify(
        organization_id=house.organization_id, authority_id=line.authority_id, proof=proof, actor=ACTOR
    )
    await disable(house, line)
    connect, detail = await come_in(house, factory.make_device("pump-7", days=30))
    assert not connect.decision.is_permitted
    assert "disabled" in detail


async def test_an_authority_that_is_enabled_again_vouches_for_what_it_vouched_for(
    house: CredentialHouse, factory: Factory
) -> None:
    authority = await house.trust_at_hub(factory)
    await house.device(kind=BY_AUTHORITY)
    identity = factory.make_device("pump-7", days=30)
    await come_in(house, identity)
    await disable(house, authority)
    assert not (await house.connect(leaf=identity.chain[0])).decision.is_permitted
    await house.authorities.enable(
        organization_id=house.organization_id, authority_id=authority.authority_id, actor=ACTOR
    )
    assert (await house.connect(leaf=identity.chain[0])).decision.is_permitted


async def test_many_who_rest_on_an_authority_are_cut_and_those_in_scope_are_told(
    house: CredentialHouse, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vedette.access.upkeep.AT_ONCE_MAX", 2)
    monkeypatch.setattr("vedette.access.upkeep._PAGE", 2)
    names = [f"pump-{number}" for number in range(5)]
    for name in names:
        await house.device(name, kind=BY_AUTHORITY)
    authority = await house.trust_at_hub(factory)
    await house.keep_up()
    for name in names:
        record = await house.record_of(name)
        assert record.credentials.value is not None
        assert record.credentials.value.authorities == (authority.authority_id,)
        await come_in(house, factory.make_device(name, days=30), device_id=name)
    await disable(house, authority)
    permitted = [len(await certificates_of(house, device_id=name)) for name in names]
    assert sorted(permitted) == [0, 0, 1, 1, 1]
    await house.keep_up()
    for name in names:
        record = await house.record_of(name)
        assert record.credentials.value is not None
        assert record.credentials.value.certificates == ()
        assert record.credentials.value.authorities == ()


async def test_eight_leaves_are_remembered_and_the_oldest_goes_first(house: CredentialHouse, factory: Factory) -> None:
    await house.trust_at_hub(factory)
    await house.device(kind=BY_AUTHORITY)
    digests = []
    for _ in range(10):
        identity = factory.make_device("pump-7", days=30)
        assert (await come_in(house, identity))[0].decision.is_permitted
        digests.append((await certificates_of(house))[0].digest)
        house.manual.advance(timedelta(seconds=1))
    assert [each.digest for each in await certificates_of(house)] == digests[:1:-1]


async def test_asking_twice_about_one_leaf_permits_it_once(house: CredentialHouse, factory: Factory) -> None:
    await house.trust_at_hub(factory)
    await house.device(kind=BY_AUTHORITY)
    identity = factory.make_device("pump-7", days=30)
    assert (await house.vouch(identity)).is_vouched
    assert (await house.vouch(identity)).is_vouched
    assert len(await certificates_of(house)) == 1


@pytest.mark.parametrize("kind", [AccessKind.CERTIFICATE, AccessKind.AUTHORITY])
async def test_the_block_list_keeps_a_leaf_out_under_every_digest_it_can_have(
    house: CredentialHouse, factory: Factory, kind: AccessKind
) -> None:
    authority = await house.trust_at_hub(factory)
    await house.device(kind=BY_AUTHORITY)
    identity = factory.make_device("pump-7", days=30)
    value = identity.chain[0].fingerprint(hashes.SHA256()).hex() if kind is AccessKind.CERTIFICATE else None
    await house.lists.add(
        house.organization_id,
        AccessEffect.BLOCK,
        kind,
        value or authority.authority_id,
        reason="stolen",
        actor=ACTOR,
    )
    for presented in (identity, Identity(identity.key, (twin_of(identity.chain[0]), *identity.chain[1:]))):
        connect, detail = await come_in(house, presented)
        assert not connect.decision.is_permitted
        assert "access lists" in detail


async def test_blocking_an_authority_blocks_who_has_come_in_by_it(house: CredentialHouse, factory: Factory) -> None:
    authority = await house.trust_at_hub(factory)
    await house.device(kind=BY_AUTHORITY)
    identity = factory.make_device("pump-7", days=30)
    connect, _ = await come_in(house, identity)
    await house.lists.add(
        house.organization_id,
        AccessEffect.BLOCK,
        AccessKind.AUTHORITY,
        authority.authority_id,
        reason="stolen",
        actor=ACTOR,
    )
    assert house.decide(await house.record_of(), connect.opening, identity.chain[0]).reason is Reason.BLOCKED


async def test_a_device_that_is_kept_out_is_vouched_for_by_nobody(house: CredentialHouse, factory: Factory) -> None:
    await house.trust_at_hub(factory)
    await house.device(kind=BY_AUTHORITY)
    await house.devices.disable(house.organization_id, "pump-7", actor=ACTOR, reason="lost")
    identity = factory.make_device("pump-7", days=30)
    assert not (await house.vouch(identity)).is_vouched
    assert (await house.connect(leaf=identity.chain[0])).decision.reason is Reason.DISABLED


async def test_a_name_that_is_given_again_is_vouched_for_anew(house: CredentialHouse, factory: Factory) -> None:
    await house.trust_at_hub(factory)
    await house.device(kind=BY_AUTHORITY)
    identity = factory.make_device("pump-7", days=30)
    await come_in(house, identity)
    await house.devices.delete(house.organization_id, "pump-7", actor=ACTOR)
    await house.device(kind=BY_AUTHORITY)
    assert await certificates_of(house) == ()
    assert (await come_in(house, identity))[0].decision.is_permitted


async def test_a_clock_that_jumped_vouches_for_nobody(house: CredentialHouse, factory: Factory) -> None:
    await house.trust_at_hub(factory)
    await house.device(kind=BY_AUTHORITY)
    identity = factory.make_device("pump-7", days=3000)
    house.guard.check()
    house.manual.jump(timedelta(days=-30))
    with pytest.raises(ClockJumped):
        await house.vouch(identity)


def with_intermediate(factory: Factory, house: CredentialHouse, name: str, *, days: int) -> Identity:
    """Return a leaf of a year below an intermediate that ends sooner."""
    now = house.clock.now().replace(microsecond=0)
    line_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Plant Line 2")])
    line = (
        _builder(subject, factory.root.subject, line_key, now, now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(factory._root_key, hashes.SHA256())
    )
    named = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    leaf = (
        _builder(named, subject, key, now, now + timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(line_key, hashes.SHA256())
    )
    return Identity(key, (leaf, line))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, begin: Any, end: Any
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin - timedelta(days=1))
        .not_valid_after(end)
    )


def twin_of(certificate: x509.Certificate) -> x509.Certificate:
    """Return the certificate with its ECDSA signature rewritten into the other valid one."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    r, s = decode_dss_signature(certificate.signature)
    der = certificate.public_bytes(Encoding.DER)
    body, former = certificate.tbs_certificate_bytes, certificate.signature
    begin = der.index(body)
    algorithm = der[begin + len(body) : der.rindex(former) - 3]
    bits = b"\0" + encode_dss_signature(r, order - s)
    content = body + algorithm + b"\x03" + bytes((len(bits),)) + bits
    try:
        return x509.load_der_x509_certificate(b"\x30\x82" + len(content).to_bytes(2, "big") + content)
    except PARSE_ERRORS as error:
        raise AssertionError("the twin must be well formed") from error
