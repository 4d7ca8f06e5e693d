"""What an attacker tried who holds a valid onboarding certificate, or one of his own making."""

from __future__ import annotations

import asyncio

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from identity_house import ACTOR, IdentityHouse, leaf_sha256

from vedette.kernel import SystemClock
from vedette.pki import AuthorityScope, RevocationReason
from vedette.registry import AccessEffect, AccessKind
from vedette.simulation import Factory, Identity

pytestmark = pytest.mark.anyio

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def rewrite_signature(certificate: x509.Certificate) -> x509.Certificate:
    """Return the same certificate under another digest: of (r, s), (r, n - s) is as valid."""
    r, s = decode_dss_signature(certificate.signature)
    der, body = certificate.public_bytes(Encoding.DER), certificate.tbs_certificate_bytes
    begin = der.index(body) + len(body)
    algorithm = der[begin : begin + 2 + der[begin + 1]]
    bits = b"\0" + encode_dss_signature(r, P256_ORDER - s)
    content = body + algorithm + bytes((3, len(bits))) + bits
    return x509.load_der_x509_certificate(b"\x30\x82" + len(content).to_bytes(2) + content)


async def test_a_name_in_another_case_takes_no_registration_over(house: IdentityHouse, factory: Factory) -> None:
    await house.open_group(factory)
    stolen = factory.make_device("pump-a1")
    assert (await house.enroll(stolen, "pump-a1")).status == "assigned"
    assert (await house.enroll(factory.make_device("PUMP-A1"), "PUMP-A1")).reply.reason == "another_identity"
    device = await house.devices.get(house.organization_id, "pump-a1")
    await house.certificates.revoke_all(
        organization_id=house.organization_id,
        generation_id=device.generation_id,
        reason=RevocationReason.KEY_COMPROMISE,
        actor=ACTOR,
    )
    await house.devices.delete(house.organization_id, "pump-a1", actor=ACTOR)
    assert (await house.enroll(stolen, "pump-a1")).reply.reason == "locked"


async def test_a_rewritten_signature_does_not_leave_the_block_list(house: IdentityHouse, factory: Factory) -> None:
    await house.open_group(factory)
    identity = factory.make_device("pump-7")
    await house.lists.add(
        house.organization_id,
        AccessEffect.BLOCK,
        AccessKind.CERTIFICATE,
        leaf_sha256(identity),
        reason="stolen",
        actor=ACTOR,
    )
    leaf, *issuers = identity.chain
    twin = Identity(identity.key, (rewrite_signature(leaf), *issuers))
    assert leaf_sha256(twin) != leaf_sha256(identity)
    assert (await house.enroll(identity, "pump-7")).reply.reason == "blocked"
    assert (await house.enroll(twin, "pump-7")).reply.reason == "blocked"


async def test_a_rewritten_signature_does_not_lead_past_a_disabled_authority(
    house: IdentityHouse, factory: Factory
) -> None:
    await house.open_group(factory)
    # One that is on record without proof of its key vouches for nobody, like one that was disabled.
    await house.authorities.register(
        organization_id=house.organization_id,
        certificate=factory.line.public_bytes(Encoding.DER),
        name="line",
        scope=AuthorityScope(),
        actor=ACTOR,
    )
    identity = factory.make_device("pump-7")
    past = Identity(identity.key, (identity.chain[0], rewrite_signature(factory.line)))
    assert (await house.enroll(identity, "pump-7")).reply.reason == "authority_disabled"
    assert (await house.enroll(past, "pump-7")).reply.reason == "authority_disabled"


async def test_a_stranger_who_knows_a_name_does_not_keep_its_holder_waiting(
    house: IdentityHouse, factory: Factory
) -> None:
    await house.open_group(factory)
    stranger = Factory("Stranger", SystemClock()).make_device("pump-7")
    genuine = factory.make_device("pump-7")
    refusals = [asyncio.ensure_future(house.enroll(stranger, "pump-7")) for _ in range(5)]
    await asyncio.sleep(0)
    answer = await house.enroll(genuine, "pump-7")
    assert answer.status == "assigned"
    assert {each.reply.reason for each in await asyncio.gather(*refusals)} == {"chain_not_trusted"}
