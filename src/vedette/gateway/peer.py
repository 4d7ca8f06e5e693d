"""What is known of a peer before it says who it is: what TLS proved, and from where."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Final

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from vedette.trust import (
    OtherSession,
    PresentedCredential,
    SessionContext,
    TokenProof,
    certificate_sha1,
    certificate_sha256,
    describe_key,
)

MAX_NAME_CHARS: Final = 512
_MAX_REMEMBERED: Final = 4_096
# Real ones have 1 to 2 KB. What a stranger made large is not kept: 64 KB each would add up.
_MAX_REMEMBERED_BYTES: Final = 4_096
_NO_CREDENTIAL: Final = PresentedCredential(sha256="", sha1="", not_before=None, not_after=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFacts:
    """What decisions and records need of a certificate; kept instead of the certificate itself.

    Attributes:
        subject: RFC 4514 text from outside: stored as it came, escaped where it leaves.
        issuer: The same.
        serial: Hexadecimal.
        key_algorithm: ``EC``, ``RSA``, ``Ed25519`` or ``Ed448``; empty: another, or it cannot be read.
    """

    sha256: str
    sha1: str
    not_before: datetime | None = None
    not_after: datetime | None = None
    subject: str | None = None
    issuer: str | None = None
    serial: str | None = None
    key_algorithm: str = ""
    key_bits: int = 0

    @classmethod
    def of(cls, leaf: bytes) -> CertificateFacts:
        """Take a certificate apart; one that cannot be read has digests only."""
        return _remembered(leaf) if len(leaf) <= _MAX_REMEMBERED_BYTES else _take_apart(leaf)

    def credential(self) -> PresentedCredential:
        """Return what the decision function judges."""
        return PresentedCredential(
            sha256=self.sha256,
            sha1=self.sha1,
            not_before=self.not_before,
            not_after=self.not_after,
            key_algorithm=self.key_algorithm,
            key_bits=self.key_bits,
        )


# A fleet that comes back presents the certificates it left with; taking one apart costs as much as a policy decision.
@lru_cache(maxsize=_MAX_REMEMBERED)
def _remembered(leaf: bytes) -> CertificateFacts:
    return _take_apart(leaf)


def _take_apart(leaf: bytes) -> CertificateFacts:
    sha256, sha1 = certificate_sha256(leaf), certificate_sha1(leaf)
    try:
        certificate = x509.load_der_x509_certificate(leaf)
        key_algorithm, key_bits = _describe_key(certificate)
        return CertificateFacts(
            sha256=sha256,
            sha1=sha1,
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            subject=certificate.subject.rfc4514_string()[:MAX_NAME_CHARS],
            issuer=certificate.issuer.rfc4514_string()[:MAX_NAME_CHARS],
            serial=f"{certificate.serial_number:x}",
            key_algorithm=key_algorithm,
            key_bits=key_bits,
        )
    except (ValueError, TypeError, x509.InvalidVersion):
        return CertificateFacts(sha256=sha256, sha1=sha1)


def _describe_key(certificate: x509.Certificate) -> tuple[str, int]:
    try:
        return describe_key(certificate.public_key())
    except (ValueError, UnsupportedAlgorithm):
        return "", 0


# Two times two of them; sessions share the text.
@lru_cache(maxsize=4)
def _describe_authentication(scope: str, kind: str) -> str:
    return msgspec.json.encode({"scope": scope, "type": kind, "issuer": "iothub"}).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One connection's other end.

    Attributes:
        source: Whom the address belongs to for limits.
        cipher: TLS cipher suite by its OpenSSL name.
        protocol: ``mqtt`` or ``websocket``.
        certificate: The one whose key the handshake proved; ``None`` when none was presented.
        token: What control says of a token that proves the identity.
        token_refusal: Why a token that was presented proves nothing, as control says.
        other: Where else the identity is, or was last, as control says.
    """

    remote_address: str = ""
    source: str = ""
    tls_version: str = ""
    cipher: str = ""
    protocol: str = "mqtt"
    certificate: CertificateFacts | None = None
    token: TokenProof | None = None
    token_refusal: str = ""
    other: OtherSession | None = None

    def credential(self) -> PresentedCredential:
        """Return what the decision function judges."""
        presented = self.certificate.credential() if self.certificate is not None else _NO_CREDENTIAL
        if self.token is None and not self.token_refusal:
            return presented
        return replace(presented, token=self.token, token_refusal=self.token_refusal)

    def describe_authentication(self, *, is_module: bool) -> str:
        """Return the hub's stamp of how a message's sender proved who it is, as JSON."""
        scope, kind = "module" if is_module else "device", "x509" if self.token is None else "sas"
        return _describe_authentication(scope, kind)

    def context(self, gateway: str, *, here_for_s: int | None = None) -> SessionContext:
        """Return what policies may read of the session.

        Args:
            gateway: Our own name.
            here_for_s: Since when the session is open: it has taken the place of any other; ``None``: it is not yet.
        """
        other = self.other
        if other is not None and here_for_s is not None:
            other = OtherSession(
                remote_address=other.remote_address, is_live=False, seen_s=other.seen_s + max(0, here_for_s)
            )
        return SessionContext(
            tls_version=self.tls_version,
            remote_address=self.remote_address,
            cipher=self.cipher,
            protocol=self.protocol,
            gateway=gateway,
            other=other,
        )


NOBODY: Final = Peer()
