"""Certificates that a registered authority vouches for at the hub, so that a device connects with one we never issued.

The authority vouches only when an operator trusts it at the hub, within its scope, for the very name in the common
name; each leaf is put on record and permitted by its digest, like every other one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from cryptography import x509
from cryptography.x509.oid import NameOID

from vedette.kernel import AuthorityId, Clock, GenerationId, OrganizationId, to_rfc3339
from vedette.ledger import Actor, Entry, Ledger
from vedette.pki.events import CertificateVouchedFor
from vedette.pki.model import Authority, AuthorityState, Purpose, VouchedCertificate
from vedette.pki.records import repository
from vedette.pki.records import vouched_repository as vouched
from vedette.pki.records.verifiers import Verifiers
from vedette.store import Transaction
from vedette.trust import PARSE_ERRORS, PermittedCertificate, certificate_sha256, refusal_digests

HELD_MAX: Final = 8
AUTHORITIES_MAX: Final = 64
CHAIN_MAX: Final = 8
CERTIFICATE_MAX_BYTES: Final = 16_384
_REGISTERED_MAX: Final = 1000
_SUBJECT_MAX_CHARS: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedIdentity:
    """Whom a certificate is presented for.

    Attributes:
        subject_name: ``device`` or ``device/module``: what the common name must be.
        enrollment_id: Of the device, for authorities whose scope is one enrollment.
    """

    organization_id: OrganizationId
    generation_id: GenerationId
    device_id: str
    subject_name: str
    enrollment_id: str | None = None


@dataclass(frozen=True, slots=True)
class Voucher:
    """What an authority says of a presented leaf; it counts for nothing until it is stored.

    Attributes:
        blocked_by: Every digest by which a list that refuses may know the leaf.
    """

    authority: Authority
    certificate: VouchedCertificate
    blocked_by: frozenset[str]


class VouchedCertificates:
    """What authorities that are trusted at the hub vouch for; every method runs in the caller's unit of work."""

    def __init__(self, ledger: Ledger, *, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._verifiers = Verifiers()

    def authorities_for(self, connection: sa.Connection, organization_id: OrganizationId) -> list[Authority]:
        """Return the authorities that may vouch at the hub, at most 64; their scopes are the caller's to compare."""
        found = repository.list_authorities(
            connection,
            organization_id,
            purposes=(Purpose.ONBOARDING,),
            state=AuthorityState.VERIFIED,
            is_hub_trusted=True,
            limit=_REGISTERED_MAX,
        )
        return found[:AUTHORITIES_MAX]

    def judge(
        self, connection: sa.Connection, identity: NamedIdentity, presented: Sequence[bytes], now: datetime
    ) -> Voucher | str:
        """Judge a presented chain.

        Args:
            connection: Of the caller's unit of work.
            identity: Whom it is presented for.
            presented: DER, leaf first; the TLS handshake has proved possession of the leaf's key.
            now: Aware UTC.

        Returns:
            The voucher, or why nobody vouches for the leaf.
        """
        return judge_leaf(
            identity,
            presented,
            lambda: self.authorities_for(connection, identity.organization_id),
            self._verifiers,
            now,
            disabled=lambda: self._disabled_keys(connection, identity.organization_id),
        )

    def store(self, tx: Transaction, voucher: Voucher, *, subject_name: str, actor: Actor) -> bool:
        """Put a leaf on record; from the commit on it is permitted to its identity.

        Returns:
            Whether its authority still vouches at the hub.
        """
        certificate = voucher.certificate
        organization_id, generation_id = certificate.organization_id, certificate.generation_id
        authority = repository.find_authority(tx.connection, organization_id, certificate.authority_id)
        if authority is None or authority.revision != voucher.authority.revision:
            return False
        held = vouched.list_of(tx.connection, organization_id, generation_id)
        known = next((each for each in held if each.sha256 == certificate.sha256), None)
        kept = [each for each in held if each is not known and each.permitted_until > certificate.vouched_at]
        dropped = {each.sha256 for each in held} - {each.sha256 for each in kept[: HELD_MAX - 1]}
        vouched.delete(tx.connection, organization_id, generation_id, dropped)
        vouched.insert(tx.connection, certificate)
        event = CertificateVouchedFor(
            organization_id=organization_id,
            generation_id=generation_id,
            sha256=certificate.sha256,
            authority_id=certificate.authority_id,
            permitted_until=certificate.permitted_until,
        )
        entry = Entry(
            organization_id=organization_id,
            actor=actor,
            action="pki.vouch_certificate",
            target=generation_id,
            target_name=subject_name,
            details={
                "sha256": certificate.sha256,
                "authority_id": certificate.authority_id,
                "permitted_until": to_rfc3339(certificate.permitted_until),
            },
        )
        self._ledger.append(tx, entry, event=event)
        return True

    def permitted_certificates(
        self, connection: sa.Connection, organization_id: OrganizationId, generation_ids: Iterable[str], now: datetime
    ) -> dict[str, tuple[PermittedCertificate, ...]]:
        """Return what identities may present because an authority vouches for it, for their posture records."""
        found: dict[str, tuple[PermittedCertificate, ...]] = {}
        for generation_id, sha256, until in vouched.list_permitted(connection, organization_id, generation_ids, now):
            permitted = PermittedCertificate(digest=sha256, origin="authority", permitted_until=until)
            found[generation_id] = (*found.get(generation_id, ()), permitted)
        return found

    def list_of(
        self, connection: sa.Connection, organization_id: OrganizationId, generation_id: GenerationId
    ) -> list[VouchedCertificate]:
        """Return the last 8 certificates that were vouched for, youngest first, permitted or not."""
        return vouched.list_of(connection, organization_id, generation_id)

    def holder_of(self, connection: sa.Connection, organization_id: OrganizationId, sha256: str) -> str | None:
        """Return the generation that a certificate was vouched for."""
        return vouched.find_holder(connection, organization_id, sha256)

    def list_holders(
        self,
        connection: sa.Connection,
        organization_id: OrganizationId,
        authority_id: AuthorityId,
        *,
        after: str = "",
        limit: int = 500,
    ) -> list[str]:
        """Return the generations that rest on an authority, in order, from after one of them."""
        return vouched.list_holders(connection, organization_id, authority_id, after=after, limit=limit)

    def _disabled_keys(self, connection: sa.Connection, organization_id: OrganizationId) -> frozenset[str]:
        """Return the keys of disabled authorities: a chain may lead through one of them to another above it."""
        disabled = repository.list_authorities(
            connection,
            organization_id,
            purposes=(Purpose.ONBOARDING,),
            state=AuthorityState.DISABLED,
            limit=_REGISTERED_MAX,
        )
        return frozenset(authority.public_key_sha256 for authority in disabled)

    def forget(self, tx: Transaction, organization_id: OrganizationId, generation_id: GenerationId) -> None:
        """Take all certificates of an identity off record, since it is not one that authorities vouch for any more."""
        held = vouched.list_of(tx.connection, organization_id, generation_id)
        if held:
            vouched.delete(tx.connection, organization_id, generation_id, [each.sha256 for each in held])


def covers(authority: Authority, device_id: str, enrollment_id: str | None) -> bool:
    """Say whether an authority's scope covers an identity; a module's is its device's."""
    return authority.scope.covers(device_id, enrollment_group=enrollment_id)


def judge_leaf(
    identity: NamedIdentity,
    presented: Sequence[bytes],
    authorities: Callable[[], Sequence[Authority]],
    verifiers: Verifiers,
    now: datetime,
    *,
    disabled: Callable[[], frozenset[str]] = frozenset,
) -> Voucher | str:
    """Judge a chain against authorities that are trusted at the hub; as ``VouchedCertificates.judge``."""
    if not 1 <= len(presented) <= CHAIN_MAX or any(len(der) > CERTIFICATE_MAX_BYTES for der in presented):
        return f"a chain has 1 to {CHAIN_MAX} certificates of at most {CERTIFICATE_MAX_BYTES} bytes"
    # The name first: it costs least, and strangers get no further.
    leaf = _read_leaf(presented[0], identity.subject_name)
    if isinstance(leaf, str):
        return leaf
    covering = [each for each in authorities() if covers(each, identity.device_id, identity.enrollment_id)]
    if not covering:
        return "no authority that is trusted at the hub has this identity in its scope"
    verdict = verifiers.of(covering).verify(presented, now)
    if not verdict.is_trusted:
        return "no authority vouches for it" if verdict.failure is None else verdict.failure.detail
    if not disabled().isdisjoint(verdict.keys):
        return "an authority of the certificate's chain is disabled"
    authority = next(each for each in covering if each.sha256 == verdict.anchor_sha256)
    certificate = VouchedCertificate(
        organization_id=identity.organization_id,
        generation_id=identity.generation_id,
        sha256=certificate_sha256(presented[0]),
        authority_id=authority.authority_id,
        subject=leaf.subject.rfc4514_string()[:_SUBJECT_MAX_CHARS],
        serial=f"{leaf.serial_number:x}"[:64],
        permitted_until=_end_of(presented, verdict.path, authority),
        vouched_at=now,
    )
    return Voucher(authority, certificate, refusal_digests(leaf))


def _read_leaf(der: bytes, subject_name: str) -> x509.Certificate | str:
    try:
        leaf = x509.load_der_x509_certificate(der)
        names = [attribute.value for attribute in leaf.subject if attribute.oid == NameOID.COMMON_NAME]
        leaf.subject.rfc4514_string()
    except PARSE_ERRORS:
        return "the certificate cannot be read"
    if names != [subject_name]:
        return f"the certificate's common name is not {subject_name}"
    return leaf


def _end_of(presented: Sequence[bytes], path: Sequence[str], authority: Authority) -> datetime:
    """Return when the first certificate of the path ends: from then on the chain would not be accepted."""
    passed = [x509.load_der_x509_certificate(der) for der in presented if certificate_sha256(der) in path]
    return min(authority.not_after, *(each.not_valid_after_utc for each in passed))
