"""The rules a certification request must keep before anybody signs anything.

The subject and the extensions of what is issued come from the registry, never from the request. They are still
checked: a request that asks to be somebody else, or an authority, is an attack or a mistake, and is refused with words.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from vedette.pki.errors import (
    AuthorityRequested,
    BadCsr,
    CsrTooLarge,
    ForeignNames,
    ForeignSubject,
    MalformedCsr,
    ProofOfPossessionFailed,
    WeakKey,
    WeakSignature,
)
from vedette.trust import PARSE_ERRORS, SIGNATURE_HASHES, describe_weak_key, public_key_sha256

_TEXT_OVERHEAD: Final = 2
_PEM = re.compile(
    rb"\s*-----BEGIN (NEW )?CERTIFICATE REQUEST-----([A-Za-z0-9+/=\s]*)-----END (NEW )?CERTIFICATE REQUEST-----\s*"
)


@dataclass(frozen=True, slots=True)
class CsrLimits:
    """Bounds on requests and their keys."""

    max_bytes: int = 8192
    rsa_max_bits: int = 4096
    curves: frozenset[str] = frozenset({"secp256r1", "secp384r1"})


@dataclass(frozen=True, slots=True)
class Csr:
    """A request whose holder has proved possession of the key.

    Attributes:
        public_key_sha256: Of the key's SubjectPublicKeyInfo re-encoded in DER, so that no second spelling of one key
            passes for another key.
        common_name: As the request spells it; empty when absent.
    """

    public_key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey
    public_key_sha256: str
    common_name: str


DEFAULT_LIMITS: Final = CsrLimits()


def decode_csr_text(text: str | bytes, *, limits: CsrLimits = DEFAULT_LIMITS) -> bytes:
    """Return the DER of a request that a person or program sent as PEM or as base64 without armour.

    Args:
        text: White space and line breaks in base64 are ignored.
        limits: Text may be twice as long as the DER.

    Raises:
        CsrTooLarge: The text is too long.
        MalformedCsr: Neither PEM of one request nor base64.
    """
    raw = text.encode("utf-8", "replace") if isinstance(text, str) else text
    if len(raw) > limits.max_bytes * _TEXT_OVERHEAD:
        raise CsrTooLarge(
            f"the request has {len(raw)} characters; accepted: {limits.max_bytes * _TEXT_OVERHEAD}",
            hint="send the certification request alone, without certificates",
        )
    armoured = _PEM.fullmatch(raw)
    body = armoured[2] if armoured else raw
    try:
        return base64.b64decode(b"".join(body.split()), validate=True)
    except binascii.Error as error:
        raise MalformedCsr(
            "the request is neither PEM nor base64",
            hint="send the DER of one PKCS #10 request as base64, or a CERTIFICATE REQUEST in PEM",
        ) from error


def parse_csr(
    der: bytes,
    *,
    allowed_names: Collection[str],
    allowed_uris: Collection[str] = (),
    limits: CsrLimits = DEFAULT_LIMITS,
) -> Csr:
    """Check a request against every rule, cheapest first; the signature, which costs most, comes last.

    Args:
        der: PKCS #10, DER, nothing before or after it.
        allowed_names: Names the holder may call itself (device id, registration id), compared without ASCII case.
        allowed_uris: SAN URIs the request may ask for.
        limits: Bounds on length and keys.

    Raises:
        BadCsr: One of its subclasses names the rule that was broken.

    Source:
        RFC 2986 §4 (CertificationRequest); RFC 7030 §4.2.1 (proof of possession).
    """
    if len(der) > limits.max_bytes:
        raise CsrTooLarge(
            f"the request has {len(der)} bytes; accepted: {limits.max_bytes}",
            hint="send the certification request alone, without certificates or attributes of your own",
        )
    try:
        request = x509.load_der_x509_csr(der)
        public_key = _check_key(request, limits)
        _check_signature_hash(request)
        common_name = _check_subject(request, allowed_names)
        _check_extensions(request.extensions, allowed_names, allowed_uris)
        if not request.is_signature_valid:
            raise ProofOfPossessionFailed(
                "the request's signature does not match its key",
                hint="sign the request with the private key whose public key it carries",
            )
        key_sha256 = public_key_sha256(public_key)
    except PARSE_ERRORS as error:
        raise MalformedCsr(
            "the request is not a well-formed PKCS #10 request in DER",
            hint="create it with a current tool: openssl req -new -key device.key -subj /CN=DEVICE -outform DER",
        ) from error
    return Csr(public_key, key_sha256, common_name)


def _check_key(
    request: x509.CertificateSigningRequest, limits: CsrLimits
) -> ec.EllipticCurvePublicKey | rsa.RSAPublicKey:
    try:
        key = request.public_key()
    except UnsupportedAlgorithm as error:
        raise _weak_key("the key's algorithm is not supported", limits) from error
    weak = describe_weak_key(key, rsa_max_bits=limits.rsa_max_bits, curves=limits.curves)
    if weak is not None or not isinstance(key, (ec.EllipticCurvePublicKey, rsa.RSAPublicKey)):
        raise _weak_key(weak or "the key's algorithm is not supported", limits)
    return key


def _weak_key(why: str, limits: CsrLimits) -> BadCsr:
    return WeakKey(why, hint=f"use an EC key on P-256 or P-384, or RSA of 2048 to {limits.rsa_max_bits} bits")


def _check_signature_hash(request: x509.CertificateSigningRequest) -> None:
    try:
        digest = request.signature_hash_algorithm
    except UnsupportedAlgorithm:
        digest = None
    if digest is None or digest.name not in SIGNATURE_HASHES:
        raise WeakSignature(
            "the request is not signed with SHA-256, SHA-384 or SHA-512", hint="sign the request with SHA-256"
        )


def _check_subject(request: x509.CertificateSigningRequest, allowed_names: Collection[str]) -> str:
    attributes = list(request.subject)
    if not attributes:
        return ""
    if len(attributes) > 1 or attributes[0].oid != NameOID.COMMON_NAME:
        raise ForeignSubject(
            "the request's subject holds more than a common name",
            hint="use the device id as common name and nothing else, or leave the subject empty",
        )
    value = attributes[0].value
    if not isinstance(value, str) or not _is_allowed(value, allowed_names):
        raise ForeignSubject(
            "the request's common name is not this identity's",
            hint=f"use the common name {_spell(allowed_names)}, or leave the subject empty",
        )
    return value


def _check_extensions(
    extensions: x509.Extensions, allowed_names: Collection[str], allowed_uris: Collection[str]
) -> None:
    for extension in extensions:
        match extension.value:
            case x509.BasicConstraints(ca=True):
                raise AuthorityRequested(
                    "the request asks to be a certification authority", hint="ask without basicConstraints CA:TRUE"
                )
            case x509.KeyUsage() as usage if usage.key_cert_sign or usage.crl_sign:
                raise AuthorityRequested(
                    "the request asks for the right to sign certificates or revocation lists",
                    hint="ask for the key usage digitalSignature, or for none",
                )
            case x509.SubjectAlternativeName() as names:
                for name in names:
                    _check_alternative_name(name, allowed_names, allowed_uris)
            case _:  # the profile decides; what else was asked for is not copied
                continue


def _check_alternative_name(
    name: x509.GeneralName, allowed_names: Collection[str], allowed_uris: Collection[str]
) -> None:
    match name:
        case x509.DNSName(value=value) if _is_allowed(value, allowed_names):
            return
        case x509.IPAddress(value=address) if str(address) in allowed_names:
            return
        case x509.UniformResourceIdentifier(value=value) if value in allowed_uris:
            return
        case _:
            raise ForeignNames(
                "the request asks for alternative names that are not this identity's",
                hint=f"ask for no subjectAltName, or for {_spell(allowed_names)} alone",
            )


def _is_allowed(value: str, allowed_names: Collection[str]) -> bool:
    # Registration ids ignore case; the certificate's own name comes from the registry anyway.
    return value.isascii() and value.lower() in {name.lower() for name in allowed_names}


def _spell(names: Collection[str]) -> str:
    return " or ".join(repr(name[:80]) for name in names) or "no name"
