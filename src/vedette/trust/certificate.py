"""What a certificate says of its holder: digests, the identity URI, and keys strong enough to count."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from vedette.kernel import GenerationId, InvalidId, OrganizationId, parse_generation_id, parse_organization_id

RSA_MIN_BITS: Final = 2048
_ED25519_BITS: Final = 256
_ED448_BITS: Final = 456
RSA_PUBLIC_EXPONENT: Final = 65537
SIGNATURE_HASHES: Final = frozenset({"sha256", "sha384", "sha512"})
# What malformed DER makes the parser raise; each is the peer's fault, none is ours.
PARSE_ERRORS: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)

_SEQUENCE: Final = 0x30
_BIT_STRING: Final = 0x03
_LONG_FORM: Final = 0x80
# Of P-256, P-384 and P-521: SEC 2 §2.4.2, §2.5.1 and §2.6.1.
_CURVE_ORDERS: Final = (
    0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    (1 << 521) - 0x5AE79787C40D069948033FEB708F65A2FC44A36477663B851449048E16EC79BF7,
)

_IDENTITY_URI = re.compile(r"urn:vedette:(org_[0-9a-v]{26}):((?:dev|mod)_[0-9a-v]{26})")


@dataclass(frozen=True, slots=True)
class CertificateIdentity:
    """The identity that an operational certificate of ours names in its SAN URI."""

    organization_id: OrganizationId
    generation_id: GenerationId


def certificate_sha256(der: bytes) -> str:
    """Return the SHA-256 of a certificate's DER as lower-case hex: the digest that posture records list."""
    return hashlib.sha256(der).hexdigest()


def refusal_digests(certificate: x509.Certificate) -> frozenset[str]:
    """Return every SHA-256 by which a list that *refuses* may know a certificate: its own and its twins'.

    Of an ECDSA signature (r, s) anybody can make (r, n - s), which is as valid: the same certificate under another
    digest. n is the order of the issuer's curve; which one that is does not matter, since a twin too many refuses
    nobody else.
    """
    der = certificate.public_bytes(Encoding.DER)
    own = certificate_sha256(der)
    try:
        r, s = decode_dss_signature(certificate.signature)
    except ValueError:
        return frozenset({own})  # RSA, whose signatures cannot be rewritten
    body, former = certificate.tbs_certificate_bytes, _bit_string(certificate.signature)
    begin = der.index(body)
    algorithm = der[begin + len(body) : len(der) - len(former)]
    twins = (
        _tlv(_SEQUENCE, body + algorithm + _bit_string(encode_dss_signature(r, order - s)))
        for order in _CURVE_ORDERS
        if 0 < s < order
    )
    return frozenset({own, *map(certificate_sha256, twins)})


def certificate_sha1(der: bytes) -> str:
    """Return the SHA-1 of a certificate's DER as lower-case hex, for devices registered by such a thumbprint only."""
    return hashlib.sha1(der, usedforsecurity=False).hexdigest()


def public_key_sha256(key: PublicKeyTypes) -> str:
    """Return the SHA-256 of a key's SubjectPublicKeyInfo in DER as lower-case hex: the name of the key itself.

    Whoever must *refuse* a credential refuses its key: an ECDSA signature can be rewritten by anybody into a second
    valid one, which gives the same certificate another digest.
    """
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def identity_uri(organization_id: OrganizationId, generation_id: GenerationId) -> str:
    """Return the SAN URI that binds a certificate to one generation of an identity."""
    return f"urn:vedette:{organization_id}:{generation_id}"


def parse_identity_uri(uri: str) -> CertificateIdentity | None:
    """Read an identity URI; ``None`` when the text is not exactly one."""
    match = _IDENTITY_URI.fullmatch(uri)
    if match is None:
        return None
    try:
        return CertificateIdentity(parse_organization_id(match[1]), parse_generation_id(match[2]))
    except InvalidId:
        return None


def certificate_identity(certificate: x509.Certificate) -> CertificateIdentity | None:
    """Return the identity that a certificate's SAN names; ``None`` without exactly one identity URI.

    The certificate is not judged: whoever calls has checked who issued it.
    """
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, *PARSE_ERRORS):
        return None
    found = [
        identity
        for uri in names.get_values_for_type(x509.UniformResourceIdentifier)
        if (identity := parse_identity_uri(uri)) is not None
    ]
    return found[0] if len(found) == 1 else None


def describe_weak_key(key: PublicKeyTypes, *, rsa_max_bits: int, curves: frozenset[str]) -> str | None:
    """Say why a public key is not accepted; ``None`` when it is.

    Args:
        key: Of any algorithm.
        rsa_max_bits: Longer moduli cost the verifier too much.
        curves: Accepted curves, by ``cryptography``'s names such as ``secp256r1``.
    """
    if isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name in curves:
            return None
        return f"the key is on the curve {key.curve.name}; accepted: {', '.join(sorted(curves))}"
    if isinstance(key, rsa.RSAPublicKey):
        if not RSA_MIN_BITS <= key.key_size <= rsa_max_bits:
            return f"the RSA key has {key.key_size} bits; accepted: {RSA_MIN_BITS} to {rsa_max_bits}"
        if key.public_numbers().e != RSA_PUBLIC_EXPONENT:
            return f"the RSA key's public exponent is not {RSA_PUBLIC_EXPONENT}"
        return None
    return "the key is neither on an elliptic curve (ECDSA) nor RSA"


def describe_key(key: PublicKeyTypes) -> tuple[str, int]:
    """Return a public key's algorithm and size in bits as policies read them; empty and 0 for one of another kind."""
    match key:
        case rsa.RSAPublicKey():
            return "RSA", key.key_size
        case ec.EllipticCurvePublicKey():
            return "EC", key.curve.key_size
        case ed25519.Ed25519PublicKey():
            return "Ed25519", _ED25519_BITS
        case ed448.Ed448PublicKey():
            return "Ed448", _ED448_BITS
        case _:
            return "", 0


def _tlv(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < _LONG_FORM:
        return bytes((tag, length)) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, _LONG_FORM | len(octets))) + octets + content


def _bit_string(signature: bytes) -> bytes:
    return _tlv(_BIT_STRING, b"\0" + signature)
