from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from vedette.kernel import GenerationId, OrganizationId
from vedette.simulation import ManualClock
from vedette.trust import (
    CertificateIdentity,
    certificate_identity,
    certificate_sha1,
    certificate_sha256,
    describe_weak_key,
    identity_uri,
    parse_identity_uri,
    public_key_sha256,
    refusal_digests,
)

ORGANIZATION = OrganizationId("org_0123456789abcdefghijklmnop")
DEVICE = GenerationId("dev_0123456789abcdefghijklmnop")
URI = f"urn:vedette:{ORGANIZATION}:{DEVICE}"
CURVES = frozenset({"secp256r1", "secp384r1"})


ORDERS = {
    "secp256r1": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "secp384r1": int("F" * 48 + "C7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973", 16),
    "secp521r1": int("1" + "F" * 65 + "A51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409", 16),
}


def certificate(
    *names: x509.GeneralName, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None
) -> x509.Certificate:
    key, now = key or ec.generate_private_key(ec.SECP256R1()), ManualClock().now()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pump-7")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, now, now + timedelta(days=1))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, hashes.SHA256())


def rewritten(signed: x509.Certificate, signature: bytes) -> x509.Certificate:
    """Put another signature into a certificate."""
    body = signed.tbs_certificate_bytes
    der = signed.public_bytes(Encoding.DER)
    begin = der.index(body) + len(body)
    algorithm = der[begin : begin + 2 + der[begin + 1]]
    bits = b"\0" + signature
    content = body + algorithm + b"\x03" + length_octets(len(bits)) + bits
    return x509.load_der_x509_certificate(b"\x30" + length_octets(len(content)) + content)


def length_octets(length: int) -> bytes:
    return (
        bytes((length,))
        if length < 128
        else b"\x81" + bytes((length,))
        if length < 256
        else b"\x82" + length.to_bytes(2)
    )


def test_digests_are_lower_case_hex_of_the_der() -> None:
    assert certificate_sha256(b"der") == hashlib.sha256(b"der").hexdigest()
    assert certificate_sha1(b"der") == hashlib.sha1(b"der").hexdigest()  # noqa: S324 - thumbprints of old registrations


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()], ids=["p256", "p384", "p521"])
def test_a_refusal_knows_the_certificate_with_its_signature_rewritten(curve: ec.EllipticCurve) -> None:
    key = ec.generate_private_key(curve)
    for _ in range(20):  # r and s vary in length, and so does the encoding
        signed = certificate(key=key)
        r, s = decode_dss_signature(signed.signature)
        twin = rewritten(signed, encode_dss_signature(r, ORDERS[curve.name] - s))
        twin.verify_directly_issued_by(signed)
        assert certificate_sha256(twin.public_bytes(Encoding.DER)) in refusal_digests(signed)
        assert certificate_sha256(signed.public_bytes(Encoding.DER)) in refusal_digests(twin)


def test_an_rsa_signature_has_no_twin() -> None:
    signed = certificate(key=rsa.generate_private_key(65537, 2048))
    assert refusal_digests(signed) == {certificate_sha256(signed.public_bytes(Encoding.DER))}


def test_an_identity_uri_is_read_back() -> None:
    assert identity_uri(ORGANIZATION, DEVICE) == URI
    assert parse_identity_uri(URI) == CertificateIdentity(ORGANIZATION, DEVICE)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        URI + "x",
        URI + "\n",
        URI.upper(),
        URI.replace("vedette", "other"),
        f"urn:vedette:{DEVICE}:{ORGANIZATION}",
        f"urn:vedette:{ORGANIZATION}:enr_0123456789abcdefghijklmnop",
        f"urn:vedette:{ORGANIZATION}:{DEVICE}:more",
    ],
)
def test_what_is_not_exactly_an_identity_uri_is_none(uri: str) -> None:
    assert parse_identity_uri(uri) is None


def test_a_certificate_names_one_identity_or_none() -> None:
    own, other = x509.UniformResourceIdentifier(URI), x509.UniformResourceIdentifier(URI[:-1] + "0")
    foreign = x509.UniformResourceIdentifier("urn:other:thing")
    assert certificate_identity(certificate(own)) == CertificateIdentity(ORGANIZATION, DEVICE)
    assert certificate_identity(certificate(foreign, own)) == CertificateIdentity(ORGANIZATION, DEVICE)
    assert certificate_identity(certificate(own, other)) is None
    assert certificate_identity(certificate(foreign)) is None
    assert certificate_identity(certificate()) is None


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256R1()).public_key(),
        ec.generate_private_key(ec.SECP384R1()).public_key(),
        rsa.generate_private_key(65537, 2048).public_key(),
    ],
)
def test_a_good_key_is_not_weak(key: PublicKeyTypes) -> None:
    assert describe_weak_key(key, rsa_max_bits=2048, curves=CURVES) is None


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP521R1()).public_key(),
        rsa.generate_private_key(65537, 2056).public_key(),
        rsa.generate_private_key(3, 2048).public_key(),
        ed25519.Ed25519PrivateKey.generate().public_key(),
    ],
    ids=["curve", "too long", "exponent", "algorithm"],
)
def test_a_key_that_is_not_accepted_is_described(key: PublicKeyTypes) -> None:
    assert describe_weak_key(key, rsa_max_bits=2048, curves=CURVES)


def test_a_key_has_one_digest_whatever_carries_it() -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    assert public_key_sha256(key) == public_key_sha256(key)
    assert public_key_sha256(key) != public_key_sha256(ec.generate_private_key(ec.SECP256R1()).public_key())
