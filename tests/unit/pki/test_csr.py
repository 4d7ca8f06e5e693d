from __future__ import annotations

import base64
import ipaddress
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AttributeOID, ExtendedKeyUsageOID, NameOID
from hypothesis import example, given
from hypothesis import strategies as st

from vedette.pki import (
    AuthorityRequested,
    BadCsr,
    CsrLimits,
    CsrTooLarge,
    ForeignNames,
    ForeignSubject,
    MalformedCsr,
    ProofOfPossessionFailed,
    WeakKey,
    WeakSignature,
    decode_csr_text,
    parse_csr,
)
from vedette.simulation import make_request

MakeCsr = Callable[..., bytes]
NAMES = ("pump-7",)
URI = "urn:vedette:org_00000000000000000000000000:dev_00000000000000000000000000"
GENUINE = make_request("pump-7")[1]


def san(*names: x509.GeneralName) -> tuple[tuple[x509.ExtensionType, bool], ...]:
    return ((x509.SubjectAlternativeName(names), False),)


def usage(**granted: bool) -> tuple[tuple[x509.ExtensionType, bool], ...]:
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    more = ("key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return ((x509.KeyUsage(**{name: granted.get(name, False) for name in (*names, *more)}), True),)


@pytest.mark.parametrize("common_name", ["pump-7", "PUMP-7", None])
def test_a_request_for_the_own_name_or_none_is_accepted(make_csr: MakeCsr, common_name: str | None) -> None:
    csr = parse_csr(make_csr(common_name), allowed_names=NAMES)
    assert csr.common_name == (common_name or "")
    assert len(csr.public_key_sha256) == 64


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(ec.generate_private_key(ec.SECP256R1()), id="P-256"),
        pytest.param(ec.generate_private_key(ec.SECP384R1()), id="P-384"),
        pytest.param(rsa.generate_private_key(65537, 2048), id="RSA 2048"),
    ],
)
@pytest.mark.parametrize("digest", [hashes.SHA256(), hashes.SHA384(), hashes.SHA512()], ids=lambda each: each.name)
def test_keys_and_hashes_of_the_profile_are_accepted(
    make_csr: MakeCsr, key: ec.EllipticCurvePrivateKey, digest: hashes.HashAlgorithm
) -> None:
    parse_csr(make_csr(key=key, digest=digest), allowed_names=NAMES)


def test_a_request_signed_with_pss_is_accepted() -> None:
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pump-7")])
    )
    padded = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    request = builder.sign(rsa.generate_private_key(65537, 2048), hashes.SHA256(), rsa_padding=padded)
    parse_csr(request.public_bytes(Encoding.DER), allowed_names=NAMES)


@pytest.mark.parametrize(
    ("key", "digest"),
    [
        pytest.param(rsa.generate_private_key(65537, 1024), hashes.SHA256(), id="RSA 1024"),  # noqa: S505 - refused
        pytest.param(rsa.generate_private_key(3, 2048), hashes.SHA256(), id="RSA with exponent 3"),
        pytest.param(ec.generate_private_key(ec.SECP224R1()), hashes.SHA256(), id="P-224"),
        pytest.param(ec.generate_private_key(ec.SECP521R1()), hashes.SHA256(), id="P-521"),
        pytest.param(ec.generate_private_key(ec.SECP256K1()), hashes.SHA256(), id="secp256k1"),
        pytest.param(ed25519.Ed25519PrivateKey.generate(), None, id="Ed25519"),
    ],
)
def test_a_key_outside_the_profile_is_refused(
    make_csr: MakeCsr, key: rsa.RSAPrivateKey, digest: hashes.HashAlgorithm | None
) -> None:
    with pytest.raises(WeakKey) as refused:
        parse_csr(make_csr(key=key, digest=digest), allowed_names=NAMES)
    assert "P-256" in refused.value.hint


def test_an_rsa_key_is_accepted_up_to_the_limit_and_refused_above(make_csr: MakeCsr) -> None:
    der = make_csr(key=rsa.generate_private_key(65537, 2056))
    parse_csr(der, allowed_names=NAMES, limits=CsrLimits(rsa_max_bits=2056))
    with pytest.raises(WeakKey):
        parse_csr(der, allowed_names=NAMES, limits=CsrLimits(rsa_max_bits=2055))


@pytest.mark.filterwarnings("ignore")
def test_a_request_signed_with_sha_1_is_refused() -> None:
    # No library signs so any more: ecdsa-with-SHA256 is rewritten to ecdsa-with-SHA1, which is one byte shorter.
    head, tail = GENUINE.split(bytes.fromhex("300a06082a8648ce3d040302"))
    assert head[:2] == b"\x30\x81"
    rewritten = bytes([0x30, 0x81, head[2] - 1]) + head[3:] + bytes.fromhex("300906072a8648ce3d0401") + tail
    with pytest.raises(WeakSignature):
        parse_csr(rewritten, allowed_names=NAMES)


@pytest.mark.parametrize(
    ("common_name", "more"),
    [
        ("pump-8", ()),
        ("pump-7/module", ()),
        ("pump-7\u0000", ()),
        ("pump-\uff17", ()),
        ("pump-7", ((NameOID.ORGANIZATION_NAME, "Contoso"),)),
        (None, ((NameOID.ORGANIZATION_NAME, "pump-7"),)),
        ("pump-7", ((NameOID.COMMON_NAME, "pump-7"),)),
    ],
)
def test_a_foreign_subject_is_refused(
    make_csr: MakeCsr, common_name: str | None, more: tuple[tuple[x509.ObjectIdentifier, str], ...]
) -> None:
    with pytest.raises(ForeignSubject):
        parse_csr(make_csr(common_name, more=more), allowed_names=NAMES)


@pytest.mark.parametrize(
    "extensions",
    [
        pytest.param(((x509.BasicConstraints(ca=True, path_length=None), True),), id="CA:TRUE"),
        pytest.param(((x509.BasicConstraints(ca=True, path_length=0), False),), id="CA:TRUE, not critical"),
        pytest.param(usage(key_cert_sign=True), id="keyCertSign"),
        pytest.param(usage(crl_sign=True, digital_signature=True), id="cRLSign"),
    ],
)
def test_asking_to_be_an_authority_is_refused(
    make_csr: MakeCsr, extensions: tuple[tuple[x509.ExtensionType, bool], ...]
) -> None:
    with pytest.raises(AuthorityRequested):
        parse_csr(make_csr(extensions=extensions), allowed_names=NAMES)


@pytest.mark.parametrize(
    "name",
    [
        x509.DNSName("pump-8"),
        x509.DNSName("hub.example"),
        x509.IPAddress(ipaddress.ip_address("10.0.0.1")),
        x509.RFC822Name("root@example.com"),
        x509.UniformResourceIdentifier("urn:vedette:org_x:dev_y"),
        x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pump-7")])),
        x509.RegisteredID(x509.ObjectIdentifier("1.2.3")),
        x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x0c\x06pump-7"),
    ],
    ids=lambda name: type(name).__name__,
)
def test_asking_for_a_foreign_alternative_name_is_refused(make_csr: MakeCsr, name: x509.GeneralName) -> None:
    with pytest.raises(ForeignNames):
        parse_csr(make_csr(extensions=san(x509.DNSName("pump-7"), name)), allowed_names=NAMES, allowed_uris=(URI,))


def test_asking_for_the_own_names_and_for_what_the_profile_decides_anyway_is_accepted(make_csr: MakeCsr) -> None:
    extensions = (
        *san(x509.DNSName("pump-7"), x509.UniformResourceIdentifier(URI)),
        *usage(digital_signature=True, key_encipherment=True),
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
    )
    parse_csr(make_csr(extensions=extensions), allowed_names=NAMES, allowed_uris=(URI,))


def test_a_challenge_password_is_ignored() -> None:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    request = builder.add_attribute(AttributeOID.CHALLENGE_PASSWORD, b"secret").sign(
        ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()
    )
    parse_csr(request.public_bytes(Encoding.DER), allowed_names=NAMES)


def test_a_request_signed_by_another_key_is_refused() -> None:
    tampered = bytearray(GENUINE)
    tampered[-1] ^= 1
    with pytest.raises(ProofOfPossessionFailed):
        parse_csr(bytes(tampered), allowed_names=NAMES)


@pytest.mark.parametrize(
    "der",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"0", id="half a header"),
        pytest.param(GENUINE + b"\x00", id="something after it"),
        pytest.param(GENUINE[:-1], id="cut off"),
        pytest.param(GENUINE + GENUINE, id="two requests"),
        pytest.param(base64.b64encode(GENUINE), id="base64"),
        pytest.param(GENUINE.replace(b"\x02\x01\x00", b"\x02\x01\x02", 1), id="version 3"),
        pytest.param(b"\x30\x80" + GENUINE[3:] + b"\x00\x00", id="indefinite length"),
    ],
)
def test_what_is_not_one_request_in_der_is_refused(der: bytes) -> None:
    with pytest.raises(MalformedCsr):
        parse_csr(der, allowed_names=NAMES)


def test_a_request_is_read_up_to_the_limit_and_refused_above() -> None:
    parse_csr(GENUINE, allowed_names=NAMES, limits=CsrLimits(max_bytes=len(GENUINE)))
    with pytest.raises(CsrTooLarge):
        parse_csr(GENUINE, allowed_names=NAMES, limits=CsrLimits(max_bytes=len(GENUINE) - 1))


def test_the_key_has_one_name_however_it_is_spelled(make_csr: MakeCsr) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    digests = {parse_csr(make_csr(key=key), allowed_names=NAMES).public_key_sha256 for _ in range(2)}
    assert len(digests) == 1


@pytest.mark.filterwarnings("ignore")
@given(position=st.integers(0, len(GENUINE) - 1), value=st.integers(0, 255), cut=st.integers(0, 3))
@example(position=0, value=0, cut=0)
def test_a_mutated_request_is_refused_cleanly(position: int, value: int, cut: int) -> None:
    mutated = bytearray(GENUINE)
    mutated[position] = value
    der = bytes(mutated[: len(mutated) - cut])
    if der == GENUINE:
        return
    try:
        csr = parse_csr(der, allowed_names=NAMES)
    except BadCsr as problem:
        assert problem.hint  # noqa: PT017 - most mutations are refused, a few change nothing that counts
    else:
        assert csr.common_name.lower() == "pump-7"


@pytest.mark.parametrize(
    "text",
    [
        base64.b64encode(GENUINE),
        base64.b64encode(GENUINE).decode(),
        base64.encodebytes(GENUINE),
        b"-----BEGIN CERTIFICATE REQUEST-----\n" + base64.encodebytes(GENUINE) + b"-----END CERTIFICATE REQUEST-----\n",
        b"-----BEGIN NEW CERTIFICATE REQUEST-----\r\n"
        + base64.b64encode(GENUINE)
        + b"\r\n-----END NEW CERTIFICATE REQUEST-----",
    ],
    ids=["base64", "base64 as text", "base64 in lines", "PEM", "old PEM in one line"],
)
def test_text_forms_of_a_request_are_decoded(text: str | bytes) -> None:
    assert decode_csr_text(text) == GENUINE


@pytest.mark.parametrize("text", [b"*", "ü", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", b"AAA"])
def test_text_that_is_no_request_is_refused(text: str | bytes) -> None:
    with pytest.raises(MalformedCsr):
        decode_csr_text(text)


def test_text_is_refused_above_twice_the_limit() -> None:
    text = base64.b64encode(GENUINE)
    assert decode_csr_text(text, limits=CsrLimits(max_bytes=(len(text) + 1) // 2)) == GENUINE
    with pytest.raises(CsrTooLarge):
        decode_csr_text(text, limits=CsrLimits(max_bytes=len(text) // 2 - 1))
