"""Certificates that bear our signature and stand in no record: the alarm that an issuing key may be stolen."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from vedette.kernel import Clock, OrganizationId, to_rfc3339
from vedette.ledger import Actor, Entry, Ledger
from vedette.pki.errors import ReportNotFound
from vedette.pki.events import AuthorityCompromiseSuspected
from vedette.pki.model import Authority, Purpose, ReportedCertificate, Standing
from vedette.pki.records import report_repository, repository
from vedette.pki.records.issuance import judge_presented
from vedette.store import Store, Transaction
from vedette.trust import PARSE_ERRORS, certificate_identity, certificate_sha256

log = logging.getLogger(__name__)

CERTIFICATE_MAX_BYTES: Final = 16_384
# Who holds the key can make certificates without end; the first ones say all there is to say.
REPORTS_MAX: Final = 1000
PAGE_MAX: Final = 1000
_TEXT_MAX_CHARS: Final = 512
_ADDRESS_MAX_CHARS: Final = 64
_AUTHORITIES_MAX: Final = 100
_RECORDED: Final = frozenset({Standing.UNKNOWN, Standing.ALTERED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A certificate that a gateway refused, and how it came to see it.

    Attributes:
        der: Of the leaf; the handshake proved possession of its key.
        presented_as: The identity that was asked for; text from outside.
    """

    organization_id: OrganizationId
    der: bytes
    presented_as: str
    gateway: str
    remote_address: str


class CertificateReports:
    """What gateways report, and what an operator makes of it."""

    def __init__(self, store: Store, ledger: Ledger, *, clock: Clock) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock

    async def report(self, sighting: Sighting) -> Standing | None:
        """Judge a certificate; one that our operational authority signed and no record knows raises the alarm.

        Only the signature counts: whoever reports is not believed. Each certificate is put on record once.

        Returns:
            What the certificate is; ``None`` when our operational authority did not sign it.
        """
        found, is_new = await self._store.read(lambda connection: self._look(connection, sighting))
        if found is None or not is_new:
            return None if found is None else found.standing
        facts = {
            "sha256": found.sha256,
            "serial": found.serial,
            "subject": found.subject,
            "presented_as": found.presented_as,
            "remote_address": found.remote_address,
            "gateway": found.gateway,
        }
        is_new = await self._store.write(lambda tx: self._record(tx, sighting))
        if is_new and found.standing is Standing.UNKNOWN:
            log.error("a certificate that our operational authority signed is not on record", extra=facts)
        elif is_new:
            log.warning("a certificate came back with another signature", extra=facts)
        return found.standing

    async def alarm(self, organization_id: OrganizationId) -> tuple[ReportedCertificate | None, int]:
        """Return the oldest unknown certificate that no operator has acknowledged, and how many there are."""
        return await self._store.read(lambda connection: report_repository.find_alarm(connection, organization_id))

    async def list_all(
        self, organization_id: OrganizationId, *, after: str = "", limit: int = 100
    ) -> list[ReportedCertificate]:
        """Return reported certificates in the order of their digests, from after one of them; at most 1000."""
        return await self._store.read(
            lambda connection: report_repository.list_reports(
                connection, organization_id, after=after, limit=min(limit, PAGE_MAX)
            )
        )

    async def acknowledge(
        self, organization_id: OrganizationId, sha256: str, *, actor: Actor, reason: str
    ) -> ReportedCertificate:
        """Note that an operator has looked into a reported certificate; a second time changes nothing.

        Raises:
            ReportNotFound: No gateway has reported it.
        """

        def note(tx: Transaction) -> ReportedCertificate:
            report = _find(tx.connection, organization_id, sha256)
            if report.acknowledged_at is None:
                report_repository.save_acknowledgement(tx.connection, organization_id, sha256, self._clock.now())
                entry = Entry(
                    organization_id=organization_id,
                    actor=actor,
                    action="pki.acknowledge_certificate",
                    target=sha256,
                    target_name=report.subject,
                    reason=reason,
                )
                self._ledger.append(tx, entry)
            return _find(tx.connection, organization_id, sha256)

        return await self._store.write(note)

    def _judge(self, connection: sa.Connection, sighting: Sighting) -> ReportedCertificate | None:
        """Take a certificate apart if an operational authority of ours signed it."""
        if len(sighting.der) > CERTIFICATE_MAX_BYTES:
            return None
        own = repository.list_authorities(
            connection, sighting.organization_id, purposes=(Purpose.OPERATIONAL,), limit=_AUTHORITIES_MAX
        )
        try:
            certificate = x509.load_der_x509_certificate(sighting.der)
            authority = next((each for each in own if _has_signed(each, certificate)), None)
            if authority is None:
                return None
        except PARSE_ERRORS:
            return None
        identity = certificate_identity(certificate)
        now = self._clock.now()
        return ReportedCertificate(
            organization_id=sighting.organization_id,
            sha256=certificate_sha256(sighting.der),
            standing=judge_presented(connection, sighting.organization_id, sighting.der, now)[0],
            serial=f"{certificate.serial_number:032x}"[:40],
            subject=_subject_of(certificate)[:_TEXT_MAX_CHARS],
            authority_sha256=authority.sha256,
            claimed_generation_id="" if identity is None else identity.generation_id,
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            der=sighting.der,
            presented_as=sighting.presented_as[:_TEXT_MAX_CHARS],
            gateway=sighting.gateway[:_ADDRESS_MAX_CHARS],
            remote_address=sighting.remote_address[:_ADDRESS_MAX_CHARS],
            reported_at=now,
        )

    def _look(self, connection: sa.Connection, sighting: Sighting) -> tuple[ReportedCertificate | None, bool]:
        """Return what a certificate is, and whether it must be put on record."""
        found = self._judge(connection, sighting)
        if found is None or found.standing not in _RECORDED:
            return found, False
        return found, report_repository.find_report(connection, found.organization_id, found.sha256) is None

    def _record(self, tx: Transaction, sighting: Sighting) -> bool:
        """Look again, now that nothing else is written; whether something was put on record."""
        found, is_new = self._look(tx.connection, sighting)
        if found is None or not is_new:
            return False
        if report_repository.count_reports(tx.connection, found.organization_id) >= REPORTS_MAX:
            return False
        report_repository.insert_report(tx.connection, found)
        event = AuthorityCompromiseSuspected(
            organization_id=found.organization_id,
            authority_sha256=found.authority_sha256,
            sha256=found.sha256,
            serial=found.serial,
            claimed_generation_id=found.claimed_generation_id,
        )
        is_alarm = found.standing is Standing.UNKNOWN
        self._ledger.append(tx, _entry(found), event=event if is_alarm else None)
        return True


def _entry(found: ReportedCertificate) -> Entry:
    is_alarm = found.standing is Standing.UNKNOWN
    return Entry(
        organization_id=found.organization_id,
        actor=Actor("service", found.gateway),
        action="pki.report_certificate",
        target=found.sha256,
        target_name=found.subject,
        decision="denied",
        reason="signed by our operational authority and not on record: its key may be stolen"
        if is_alarm
        else "a certificate on record whose signature was rewritten",
        details={
            "standing": found.standing.value,
            "serial": found.serial,
            "authority_sha256": found.authority_sha256,
            "claimed_generation_id": found.claimed_generation_id,
            "not_before": to_rfc3339(found.not_before),
            "not_after": to_rfc3339(found.not_after),
            "presented_as": found.presented_as,
            "remote_address": found.remote_address,
        },
    )


def _has_signed(authority: Authority, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(x509.load_der_x509_certificate(authority.der))
    except (InvalidSignature, *PARSE_ERRORS):
        return False
    return True


def _subject_of(certificate: x509.Certificate) -> str:
    """Return the subject; who makes one that cannot be read does not escape the alarm by it."""
    try:
        return certificate.subject.rfc4514_string()
    except PARSE_ERRORS:
        return "unreadable"


def _find(connection: sa.Connection, organization_id: OrganizationId, sha256: str) -> ReportedCertificate:
    report = report_repository.find_report(connection, organization_id, sha256)
    if report is None:
        raise ReportNotFound(
            f"no gateway has reported a certificate {sha256}", hint="see them: vedette authority reports"
        )
    return report
