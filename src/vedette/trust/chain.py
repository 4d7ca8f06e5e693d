"""Judge a certificate chain against registered authorities, and say which check failed on which certificate.

Made for device certificates, which the web's rules refuse: onboarding identities (IEEE 802.1AR, TPM EK) carry odd
extended key usages, critical SANs, serial-number subjects and a ``notAfter`` in the year 9999. What is checked of each
certificate is what RFC 5280 §6.1 asks for, with every cost bounded. Revocation is not decided here.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import ExtensionOID

from vedette.trust.certificate import (
    PARSE_ERRORS,
    SIGNATURE_HASHES,
    certificate_sha256,
    describe_weak_key,
    public_key_sha256,
)

CHAIN_RSA_MAX_BITS: Final = 8192
CHAIN_CURVES: Final = frozenset({"secp256r1", "secp384r1", "secp521r1"})
_CACHED_SIGNATURES: Final = 1024

T = TypeVar("T", bound=x509.ExtensionType)

_PROCESSED_EXTENSIONS: Final = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.CERTIFICATE_POLICIES,  # RFC 5280 §6.1.1 (c): the accepted policies are any
    }
)


class ChainCheck(StrEnum):
    """The checks of a chain, as the refusal page names them."""

    CERTIFICATE_COUNT = "certificate_count"
    CERTIFICATE_SIZE = "certificate_size"
    WELL_FORMED = "well_formed"
    KEY_STRENGTH = "key_strength"
    SIGNATURE_ALGORITHM = "signature_algorithm"
    VALIDITY = "validity"
    CRITICAL_EXTENSION = "critical_extension"
    NAME_CONSTRAINTS = "name_constraints"
    IS_AUTHORITY = "is_authority"
    KEY_USAGE = "key_usage"
    PATH_LENGTH = "path_length"
    SIGNATURE = "signature"
    TRUSTED_ISSUER = "trusted_issuer"
    EFFORT = "effort"


HINTS: Final = {
    ChainCheck.CERTIFICATE_COUNT: "send the leaf and only the intermediates up to the registered authority",
    ChainCheck.CERTIFICATE_SIZE: "use a smaller certificate",
    ChainCheck.WELL_FORMED: "the certificate must be strict DER, X.509 version 3",
    ChainCheck.KEY_STRENGTH: "use an EC key on P-256, P-384 or P-521, or RSA of 2048 bits or more",
    ChainCheck.SIGNATURE_ALGORITHM: "have the certificate signed with SHA-256 or better",
    ChainCheck.VALIDITY: "check the clocks of device and server, or renew the certificate",
    ChainCheck.CRITICAL_EXTENSION: "the extension cannot be processed here; issue the certificate without it",
    ChainCheck.NAME_CONSTRAINTS: "register the authority below the constrained one instead",
    ChainCheck.IS_AUTHORITY: "a device needs a certificate with CA:FALSE, an issuer one with CA:TRUE",
    ChainCheck.KEY_USAGE: "the issuer's key usage must include keyCertSign",
    ChainCheck.PATH_LENGTH: "an issuer allows fewer intermediates below it than were sent",
    ChainCheck.SIGNATURE: "the certificate names this issuer but was not signed by its key",
    ChainCheck.TRUSTED_ISSUER: "register and verify the authority, or let the device send its intermediates",
    ChainCheck.EFFORT: "too many certificates share a name; send one path only",
}


@dataclass(frozen=True, slots=True)
class ChainLimits:
    """Bounds on what a peer may make us do."""

    max_certificates: int = 5
    max_certificate_bytes: int = 16_384
    max_signature_checks: int = 16


@dataclass(frozen=True, slots=True)
class ChainFailure:
    """The check that failed.

    Attributes:
        position: Of the certificate in what was presented, 0 = leaf; ``None`` when it is a registered one or the count.
        subject: The certificate's subject as RFC 4514 text from outside: escape it where it leaves.
    """

    check: ChainCheck
    detail: str
    position: int | None = None
    subject: str = ""
    sha256: str = ""

    @property
    def hint(self) -> str:
        """What to do next."""
        return HINTS[self.check]


@dataclass(frozen=True, slots=True)
class ChainVerdict:
    """Whether a chain leads to a registered authority.

    Attributes:
        anchor_sha256: The registered certificate that was reached first from the leaf.
        path: SHA-256 of each certificate from the leaf to the anchor.
        keys: SHA-256 of each one's public key: whoever refuses an authority goes by its key, since the peer can send
            its certificate under other digests.
    """

    is_trusted: bool
    anchor_sha256: str | None = None
    path: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    failure: ChainFailure | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Parsed:
    """A certificate with what the checks read of it, taken apart once."""

    certificate: x509.Certificate
    sha256: str
    position: int | None
    subject: bytes
    issuer: bytes
    not_before: datetime
    not_after: datetime
    subject_key_id: bytes | None
    authority_key_id: bytes | None
    is_authority: bool
    path_length: int | None
    may_sign: bool
    flaw: tuple[ChainCheck, str] | None

    def fail(self, check: ChainCheck, detail: str) -> ChainFailure:
        return ChainFailure(check, detail, self.position, _subject_text(self.certificate), self.sha256)

    @property
    def is_self_issued(self) -> bool:
        return self.subject == self.issuer


class ChainVerifier:
    """Judges chains against a fixed set of registered authorities.

    The nearest registered certificate wins: one that is itself an intermediate is reached before the root above it.
    Signatures between authorities are remembered (they cannot change); times are checked on every call.
    """

    def __init__(
        self, anchors: Iterable[bytes], *, intermediates: Iterable[bytes] = (), limits: ChainLimits | None = None
    ) -> None:
        """Take the registered certificates apart.

        Args:
            anchors: DER of the authorities that are trusted, roots and intermediates alike.
            intermediates: DER of known certificates in between, which vouch for nothing by themselves.
            limits: Bounds on presented chains.

        Raises:
            ValueError: One of our own certificates is not well-formed.
        """
        self._limits = limits or ChainLimits()
        self._anchors = [_parse(der, None) for der in anchors]
        self._intermediates = [_parse(der, None) for der in intermediates]
        self._signed: set[tuple[str, str]] = set()

    def verify(self, presented: Sequence[bytes], now: datetime) -> ChainVerdict:
        """Search the shortest path from the first certificate to a registered authority.

        Args:
            presented: DER as the peer sent them, leaf first, the others in any order.
            now: Aware UTC.
        """
        pool: list[_Parsed] = []
        failure = self._take_apart(presented, pool)
        if failure is None:
            failure = _judge_leaf(pool[0], now)
        if failure is not None:
            return ChainVerdict(is_trusted=False, failure=failure)
        search = _Search(self._anchors, [*pool[1:], *self._intermediates], self._limits, now, self._signed)
        path = search.extend([pool[0]])
        if path is None:
            return ChainVerdict(is_trusted=False, failure=search.failure)
        return ChainVerdict(
            is_trusted=True,
            anchor_sha256=path[-1].sha256,
            path=tuple(step.sha256 for step in path),
            keys=tuple(public_key_sha256(step.certificate.public_key()) for step in path),
        )

    def _take_apart(self, presented: Sequence[bytes], pool: list[_Parsed]) -> ChainFailure | None:
        limits = self._limits
        if not 1 <= len(presented) <= limits.max_certificates:
            detail = f"{len(presented)} certificates were presented; accepted: 1 to {limits.max_certificates}"
            return ChainFailure(ChainCheck.CERTIFICATE_COUNT, detail)
        for position, der in enumerate(presented):
            if len(der) > limits.max_certificate_bytes:
                detail = f"the certificate has {len(der)} bytes; accepted: {limits.max_certificate_bytes}"
                return ChainFailure(ChainCheck.CERTIFICATE_SIZE, detail, position)
            try:
                pool.append(_parse(der, position))
            except ValueError as error:
                detail = f"the certificate cannot be read: {error}"
                return ChainFailure(ChainCheck.WELL_FORMED, detail, position, sha256=certificate_sha256(der))
        return None


class _Search:
    """A depth-first search for a path, bounded in depth and in signatures; it keeps the most telling failure."""

    def __init__(
        self,
        anchors: list[_Parsed],
        pool: list[_Parsed],
        limits: ChainLimits,
        now: datetime,
        signed: set[tuple[str, str]],
    ) -> None:
        self._anchors = anchors
        self._pool = pool
        self._limits = limits
        self._now = now
        self._signed = signed
        self._checked: dict[tuple[str, str], ChainFailure | None] = {}
        self._effort = 0
        self._depth = 0
        self.failure: ChainFailure | None = None

    def extend(self, path: list[_Parsed]) -> list[_Parsed] | None:
        """Return the path completed up to an anchor, or ``None`` when none leads there."""
        child = path[-1]
        for anchor in self._candidates(path, self._anchors):
            if self._may_vouch(path, anchor) and self._is_signed([*path, anchor]):
                return [*path, anchor]
        if len(path) < self._limits.max_certificates:
            for issuer in self._candidates(path, self._pool):
                if self._may_vouch(path, issuer):
                    complete = self.extend([*path, issuer])
                    if complete is not None:
                        return complete
        self._note(len(path), child.fail(ChainCheck.TRUSTED_ISSUER, "no registered authority issued the certificate"))
        return None

    def _candidates(self, path: list[_Parsed], among: list[_Parsed]) -> list[_Parsed]:
        """Find certificates that by name and key identifier can have issued the last of the path."""
        child = path[-1]
        taken = {step.sha256 for step in path}
        return [
            issuer
            for issuer in among
            if issuer.subject == child.issuer
            and issuer.sha256 not in taken
            and (
                child.authority_key_id is None
                or issuer.subject_key_id is None
                or child.authority_key_id == issuer.subject_key_id
            )
        ]

    def _may_vouch(self, path: list[_Parsed], issuer: _Parsed) -> bool:
        failure = _judge_issuer(path, issuer, self._now)
        if failure is not None:
            # A named issuer that fails tells more than "no authority found" at the same depth.
            self._note(len(path) + 1, failure)
        return failure is None

    def _is_signed(self, path: list[_Parsed]) -> bool:
        """Check the signatures of a path that is complete by its names, the anchor's first.

        So whoever has nothing that an authority signed costs us one check for each certificate, in whatever order.
        """
        for child, issuer in reversed(list(itertools.pairwise(path))):
            failure = self._check_signature(child, issuer)
            if failure is not None:
                self._note(len(path), failure)
                return False
        return True

    def _check_signature(self, child: _Parsed, issuer: _Parsed) -> ChainFailure | None:
        link = (child.sha256, issuer.sha256)
        if link in self._signed:
            return None
        if link not in self._checked:
            self._effort += 1
            if self._effort > self._limits.max_signature_checks:
                detail = f"more than {self._limits.max_signature_checks} signatures to check"
                return child.fail(ChainCheck.EFFORT, detail)
            self._checked[link] = _verify_signature(child, issuer)
            if self._checked[link] is None and child.is_authority:
                if len(self._signed) >= _CACHED_SIGNATURES:
                    self._signed.clear()
                self._signed.add(link)
        return self._checked[link]

    def _note(self, depth: int, failure: ChainFailure) -> None:
        if depth > self._depth:
            self._depth, self.failure = depth, failure


def _verify_signature(child: _Parsed, issuer: _Parsed) -> ChainFailure | None:
    try:
        child.certificate.verify_directly_issued_by(issuer.certificate)
    except (InvalidSignature, *PARSE_ERRORS):
        return child.fail(ChainCheck.SIGNATURE, "the signature was not made by the named issuer's key")
    return None


def check_authority(der: bytes, now: datetime, *, limits: ChainLimits | None = None) -> ChainFailure | None:
    """Say why a certificate cannot be registered as an authority; ``None`` when it can."""
    bounds = limits or ChainLimits()
    if len(der) > bounds.max_certificate_bytes:
        detail = f"the certificate has {len(der)} bytes; accepted: {bounds.max_certificate_bytes}"
        return ChainFailure(ChainCheck.CERTIFICATE_SIZE, detail, 0)
    try:
        parsed = _parse(der, 0)
    except ValueError as error:
        return ChainFailure(ChainCheck.WELL_FORMED, f"the certificate cannot be read: {error}", 0)
    return _judge_issuer([], parsed, now)


def _judge_leaf(leaf: _Parsed, now: datetime) -> ChainFailure | None:
    if leaf.is_authority:
        return leaf.fail(ChainCheck.IS_AUTHORITY, "the certificate is an authority's, not a device's")
    return _judge_any(leaf, now)


def _judge_issuer(path: list[_Parsed], issuer: _Parsed, now: datetime) -> ChainFailure | None:
    if not issuer.is_authority:
        return issuer.fail(ChainCheck.IS_AUTHORITY, "the issuer's certificate is not an authority's")
    if not issuer.may_sign:
        return issuer.fail(ChainCheck.KEY_USAGE, "the issuer's key usage does not include keyCertSign")
    below = sum(1 for step in path[1:] if not step.is_self_issued)
    if issuer.path_length is not None and below > issuer.path_length:
        detail = f"the issuer allows {issuer.path_length} intermediates below it; there are {below}"
        return issuer.fail(ChainCheck.PATH_LENGTH, detail)
    return _judge_any(issuer, now)


def _judge_any(one: _Parsed, now: datetime) -> ChainFailure | None:
    if one.flaw is not None:
        return one.fail(*one.flaw)
    if now < one.not_before:
        return one.fail(ChainCheck.VALIDITY, f"the certificate is not valid before {one.not_before:%Y-%m-%d %H:%M}Z")
    if now > one.not_after:
        return one.fail(ChainCheck.VALIDITY, f"the certificate expired on {one.not_after:%Y-%m-%d %H:%M}Z")
    return None


def _parse(der: bytes, position: int | None) -> _Parsed:
    """Take a certificate apart.

    Raises:
        ValueError: It is not well-formed.
    """
    try:
        certificate = x509.load_der_x509_certificate(der)
        if not der.endswith(b"\x00" + certificate.signature):
            # The count of unused bits is outside the signature: other values would give one certificate many digests.
            raise ValueError("the signature is not a whole number of octets")
        extensions = certificate.extensions
        basic = _find(extensions, x509.BasicConstraints)
        usage = _find(extensions, x509.KeyUsage)
        subject_key_id = _find(extensions, x509.SubjectKeyIdentifier)
        authority_key_id = _find(extensions, x509.AuthorityKeyIdentifier)
        return _Parsed(
            certificate=certificate,
            sha256=certificate_sha256(der),
            position=position,
            subject=certificate.subject.public_bytes(),
            issuer=certificate.issuer.public_bytes(),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            subject_key_id=subject_key_id.digest if subject_key_id else None,
            authority_key_id=authority_key_id.key_identifier if authority_key_id else None,
            is_authority=basic is not None and basic.ca,
            path_length=basic.path_length if basic else None,
            may_sign=usage is None or usage.key_cert_sign,
            flaw=_find_flaw(certificate, extensions),
        )
    except PARSE_ERRORS as error:
        raise ValueError(str(error)[:200]) from error


def _find_flaw(certificate: x509.Certificate, extensions: x509.Extensions) -> tuple[ChainCheck, str] | None:
    """Find what is wrong with a certificate whatever the time and its place in a chain."""
    try:
        weak = describe_weak_key(certificate.public_key(), rsa_max_bits=CHAIN_RSA_MAX_BITS, curves=CHAIN_CURVES)
    except UnsupportedAlgorithm:
        weak = "the key's algorithm is not supported"
    if weak is not None:
        return ChainCheck.KEY_STRENGTH, weak
    try:
        digest = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        digest = None
    if digest is None or digest.name not in SIGNATURE_HASHES:
        return ChainCheck.SIGNATURE_ALGORITHM, "the certificate is not signed with SHA-256, SHA-384 or SHA-512"
    for extension in extensions:
        if extension.oid == ExtensionOID.NAME_CONSTRAINTS:
            return ChainCheck.NAME_CONSTRAINTS, "the certificate carries name constraints, which are not supported"
        if extension.critical and extension.oid not in _PROCESSED_EXTENSIONS:
            return ChainCheck.CRITICAL_EXTENSION, f"the critical extension {extension.oid.dotted_string} is unknown"
    return None


def _find(extensions: x509.Extensions, kind: type[T]) -> T | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _subject_text(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string()[:256]
