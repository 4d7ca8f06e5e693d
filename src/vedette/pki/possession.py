"""Proof of possession: an outside authority counts only when its key has signed the code that we made up."""

from __future__ import annotations

import hmac
import re
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import NameOID

from vedette.pki.errors import AuthorityProofFailed, InvalidAuthority
from vedette.pki.model import Authority, AuthorityScope
from vedette.trust import PARSE_ERRORS, SIGNATURE_HASHES, check_authority

_PROOF_MAX_BYTES: Final = 16_384
_NAME_MAX_CHARS: Final = 128
_PATTERN: Final = re.compile(r"[A-Za-z0-9\-._:*]{1,256}")
_STARS_MAX: Final = 4


def check_registration(name: str, scope: AuthorityScope) -> None:
    """Check what an operator says of an authority.

    Raises:
        InvalidAuthority: The name or the device id pattern is not acceptable.
    """
    if not 1 <= len(name) <= _NAME_MAX_CHARS:
        raise InvalidAuthority(f"the name has {len(name)} characters", hint=f"use 1 to {_NAME_MAX_CHARS}")
    pattern = scope.device_id_pattern
    if not _PATTERN.fullmatch(pattern) or pattern.count("*") > _STARS_MAX:
        raise InvalidAuthority(
            f"the pattern {pattern[:80]!r} is not valid",
            hint=f"use letters, digits, - . _ : and at most {_STARS_MAX} stars for any characters, such as pump-*",
        )


def read_authority(der: bytes, now: datetime) -> x509.Certificate:
    """Return a certificate that can be registered as an authority.

    Raises:
        InvalidAuthority: It cannot.
    """
    failure = check_authority(der, now)
    if failure is not None:
        raise InvalidAuthority(failure.detail, hint=failure.hint, check=failure.check.value)
    return x509.load_der_x509_certificate(der)


def check_proof(authority: Authority, proof: bytes, now: datetime) -> None:
    """Check that a certificate was signed by the authority's key and has the verification code as common name.

    Raises:
        AuthorityProofFailed: It did not, or too late.
    """
    code, expires_at = authority.verification_code, authority.verification_expires_at
    if code is None or expires_at is None or now >= expires_at:
        raise AuthorityProofFailed("the verification code has expired", hint="ask for a new code, then sign that one")
    if len(proof) > _PROOF_MAX_BYTES:
        raise AuthorityProofFailed(f"the certificate has {len(proof)} bytes", hint="send one certificate only")
    try:
        certificate = x509.load_der_x509_certificate(proof)
        certificate.verify_directly_issued_by(x509.load_der_x509_certificate(authority.der))
        digest = certificate.signature_hash_algorithm
        names = [str(attribute.value) for attribute in certificate.subject if attribute.oid == NameOID.COMMON_NAME]
        is_valid_now = certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc
    except (InvalidSignature, *PARSE_ERRORS) as error:
        raise AuthorityProofFailed(
            "the certificate was not signed by this authority's key",
            hint="sign it with the key of the very certificate that was registered",
        ) from error
    if digest is None or digest.name not in SIGNATURE_HASHES:
        raise AuthorityProofFailed("the certificate is not signed with SHA-256 or better", hint="sign it with SHA-256")
    if len(names) != 1 or not hmac.compare_digest(names[0].encode(), code.encode()):
        raise AuthorityProofFailed(
            "the certificate's common name is not the verification code", hint="use the code alone as common name"
        )
    if not is_valid_now:
        raise AuthorityProofFailed(
            "the certificate is not valid now", hint="check the clock of the machine that signed it"
        )
