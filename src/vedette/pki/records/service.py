"""Issue, renew, use and revoke certificates: sign first, then commit the record, and only then answer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from vedette.kernel import Clock, GenerationId, IdSource, OrganizationId, Problem
from vedette.ledger import Actor, Ledger
from vedette.pki.csr import parse_csr
from vedette.pki.errors import CertificateNotCurrent, RenewalForked
from vedette.pki.events import (
    CertificateFirstUsed,
    CertificateIssued,
    CertificateRenewed,
)
from vedette.pki.model import (
    DEVICE_PROFILE,
    Certificate,
    Purpose,
    RenewalPlan,
    RevocationReason,
    Standing,
    check_lifetime,
    check_subject_name,
)
from vedette.pki.records import acts, repository
from vedette.pki.records.issuance import (
    PreparedCertificate,
    Signer,
    check_key_is_free,
    check_not_frozen,
    find_issued,
    insert_with_predecessor,
    judge_presented,
    key_in_use,
    plan_issued,
    read_issued,
)
from vedette.pki.records.revocation_list import sign_revocation_list
from vedette.pki.settings import CertificateSettings
from vedette.store import Store, Transaction
from vedette.trust import PermittedCertificate, certificate_sha256, identity_uri

PAGE_MAX: Final = 1000


class CertificateService:
    """The life of certificates on record.

    Methods that take a ``Transaction`` or a ``Connection`` run inside the caller's own unit of work, so that an
    identity and its certificate come to be, or end, in one commit.
    """

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        signer: Signer,
        *,
        clock: Clock,
        ids: IdSource,
        settings: CertificateSettings | None = None,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._signer = signer
        self._clock = clock
        self._ids = ids
        self._settings = settings or CertificateSettings()

    async def prepare_issue(
        self,
        *,
        organization_id: OrganizationId,
        generation_id: GenerationId,
        subject_name: str,
        csr: bytes,
        accepted_names: tuple[str, ...] = (),
        lifetime: timedelta | None = None,
    ) -> PreparedCertificate:
        """Have a certificate signed, to be stored later in a transaction of the caller's.

        The identity need not be on record yet. A prepared certificate that is never stored counts for nothing.

        Args:
            organization_id: Of the identity.
            generation_id: Of the identity.
            subject_name: ``device`` or ``device/module``.
            csr: PKCS #10, DER.
            accepted_names: Other names the request may carry as its own, such as the registration id.
            lifetime: The configured one when not given.

        Raises:
            BadCsr: The request breaks a rule.
            InvalidSubjectName: The name does not fit into a certificate.
            InvalidLifetime: Outside 1 hour to 90 days.
            KeyAlreadyInUse: The key belongs to another identity.
            IdentityIsFrozen: An operator must look at it first.
            SignerUnavailable: The signer does not answer.
            SignerRefused: A subclass says why.
        """
        span = lifetime or self._settings.lifetime
        check_lifetime(DEVICE_PROFILE, span)
        check_subject_name(subject_name)
        uri = identity_uri(organization_id, generation_id)
        request = parse_csr(csr, allowed_names=(subject_name, *accepted_names), allowed_uris=(uri,))

        def check(connection: sa.Connection) -> None:
            owner = repository.find_key_owner(connection, organization_id, request.public_key_sha256)
            if owner is not None and owner != generation_id:
                raise key_in_use(subject_name)
            check_not_frozen(connection, organization_id, generation_id)

        await self._store.read(check)
        chain = await self._signer.issue_device_certificate(
            request_id=self._ids.new("op"),
            organization_id=organization_id,
            generation_id=generation_id,
            subject_name=subject_name,
            csr=csr,
            lifetime=span,
            accepted_names=accepted_names,
        )
        return read_issued(
            chain,
            organization_id=organization_id,
            generation_id=generation_id,
            subject_name=subject_name,
            csr=request,
            now=self._clock.now(),
        )

    def store_issued(
        self, tx: Transaction, prepared: PreparedCertificate, *, actor: Actor, reason: str = ""
    ) -> Certificate:
        """Put a prepared certificate on record; from the commit on it is permitted.

        Raises:
            KeyAlreadyInUse: The key belongs to another identity.
            IdentityIsFrozen: An operator must look at it first.
        """
        certificate = prepared.certificate
        check_not_frozen(tx.connection, certificate.organization_id, certificate.generation_id)
        check_key_is_free(tx.connection, certificate)
        repository.insert_certificate(tx.connection, certificate)
        event = CertificateIssued(
            organization_id=certificate.organization_id,
            generation_id=certificate.generation_id,
            sha256=certificate.sha256,
            serial=certificate.serial,
            not_after=certificate.not_after,
        )
        acts.record(self._ledger, tx, certificate, "pki.issue_certificate", event, actor=actor, reason=reason)
        return certificate

    async def issue(
        self,
        *,
        organization_id: OrganizationId,
        generation_id: GenerationId,
        subject_name: str,
        csr: bytes,
        actor: Actor,
        accepted_names: tuple[str, ...] = (),
        lifetime: timedelta | None = None,
        reason: str = "",
    ) -> PreparedCertificate:
        """Issue a certificate to an identity on record and return it with its chain; raises as its two halves do."""
        prepared = await self.prepare_issue(
            organization_id=organization_id,
            generation_id=generation_id,
            subject_name=subject_name,
            csr=csr,
            accepted_names=accepted_names,
            lifetime=lifetime,
        )
        await self._store.write(lambda tx: self.store_issued(tx, prepared, actor=actor, reason=reason))
        return prepared

    async def renew(
        self,
        *,
        organization_id: OrganizationId,
        current_sha256: str,
        csr: bytes,
        actor: Actor,
        lifetime: timedelta | None = None,
    ) -> PreparedCertificate:
        """Issue the successor of a certificate; the caller has seen its holder prove possession of its key.

        The old certificate stays permitted until the new one is used, and for the overlap after that. An unused
        earlier successor is revoked: its reply was lost.

        Raises:
            CertificateNotFound: We issued no such certificate.
            CertificateNotCurrent: It is revoked, expired or past its overlap.
            RenewalForked: Its successor was used: the identity is now frozen.
            BadCsr: The request breaks a rule; and all else that ``prepare_issue`` raises.
        """
        now = self._clock.now()
        plan, current = await self._store.read(lambda c: plan_issued(c, organization_id, current_sha256, now))
        if plan is RenewalPlan.EXTEND or plan is RenewalPlan.REPLACE_UNUSED:
            prepared = await self.prepare_issue(
                organization_id=organization_id,
                generation_id=current.generation_id,
                subject_name=current.subject_name,
                csr=csr,
                lifetime=lifetime,
            )
        else:
            prepared = None
        problem = await self._store.write(
            lambda tx: self._store_renewal(tx, organization_id, current_sha256, prepared, actor),
            restricting=prepared is None,
        )
        if problem is not None or prepared is None:
            raise problem or _not_current(current, Standing.SUPERSEDED)
        return prepared

    def mark_used(
        self, tx: Transaction, organization_id: OrganizationId, sha256: str, *, actor: Actor | None = None
    ) -> bool:
        """Note that an identity connected with a certificate; the first time, its predecessor's overlap begins.

        Returns:
            Whether it was the first time.

        Raises:
            CertificateNotFound: We issued no such certificate.
        """
        certificate = find_issued(tx.connection, organization_id, sha256)
        if certificate.first_used_at is not None:
            return False
        now = self._clock.now()
        repository.save_first_use(tx.connection, organization_id, sha256, now)
        until = None
        if certificate.predecessor_sha256 is not None:
            predecessor = find_issued(tx.connection, organization_id, certificate.predecessor_sha256)
            until = min(now + self._settings.overlap, predecessor.ends_at())
            repository.save_permitted_until(tx.connection, organization_id, predecessor.sha256, until)
        event = CertificateFirstUsed(
            organization_id=organization_id,
            generation_id=certificate.generation_id,
            sha256=sha256,
            predecessor_sha256=certificate.predecessor_sha256,
            predecessor_permitted_until=until,
        )
        by = actor or Actor("device", certificate.generation_id)
        acts.record(self._ledger, tx, certificate, "pki.use_certificate", event, actor=by)
        return True

    async def revoke(
        self,
        *,
        organization_id: OrganizationId,
        sha256: str,
        reason: RevocationReason,
        actor: Actor,
        comment: str = "",
    ) -> Certificate:
        """End a certificate now; one that is revoked already stays as it is.

        Raises:
            CertificateNotFound: We issued no such certificate.
        """

        def end(tx: Transaction) -> Certificate:
            certificate = find_issued(tx.connection, organization_id, sha256)
            if certificate.revoked_at is None:
                acts.revoke(
                    self._ledger,
                    tx,
                    certificate,
                    [sha256],
                    now=self._clock.now(),
                    reason=reason,
                    actor=actor,
                    comment=comment,
                )
            return find_issued(tx.connection, organization_id, sha256)

        return await self._store.write(end, restricting=True)

    async def revoke_all(
        self,
        *,
        organization_id: OrganizationId,
        generation_id: GenerationId,
        reason: RevocationReason,
        actor: Actor,
        comment: str = "",
    ) -> int:
        """End every certificate of an identity now; returns how many there were."""
        return await self._store.write(
            lambda tx: self.revoke_all_in(
                tx, organization_id, generation_id, reason=reason, actor=actor, comment=comment
            ),
            restricting=True,
        )

    def revoke_all_in(
        self,
        tx: Transaction,
        organization_id: OrganizationId,
        generation_id: GenerationId,
        *,
        reason: RevocationReason,
        actor: Actor,
        comment: str = "",
        is_consequence: bool = False,
    ) -> int:
        """Do what ``revoke_all`` does, in the caller's transaction; see ``CertificateRevoked`` for a consequence."""
        now = self._clock.now()
        digests = repository.list_unrevoked(tx.connection, organization_id, generation_id, now)
        if digests:
            certificate = find_issued(tx.connection, organization_id, digests[-1])
            acts.revoke(
                self._ledger,
                tx,
                certificate,
                digests,
                now=now,
                reason=reason,
                actor=actor,
                comment=comment,
                is_consequence=is_consequence,
            )
        return len(digests)

    async def thaw(
        self, *, organization_id: OrganizationId, generation_id: GenerationId, actor: Actor, reason: str
    ) -> bool:
        """Let a frozen identity have certificates again; returns whether it was frozen."""
        return await self._store.write(
            lambda tx: acts.thaw(self._ledger, tx, organization_id, generation_id, actor=actor, reason=reason)
        )

    def permitted_certificates(
        self,
        connection: sa.Connection,
        organization_id: OrganizationId,
        generation_id: GenerationId,
        now: datetime,
    ) -> tuple[PermittedCertificate, ...]:
        """Return what an identity may present, for its posture record: youngest first, each with its end."""
        rows = repository.list_permitted(connection, organization_id, generation_id, now)
        return tuple(
            PermittedCertificate(
                digest=sha256, origin="issued", permitted_until=not_after if until is None else min(until, not_after)
            )
            for sha256, not_after, until in rows
        )

    def is_frozen(
        self, connection: sa.Connection, organization_id: OrganizationId, generation_id: GenerationId
    ) -> bool:
        """Say whether an identity is frozen; its certificates stay listed, so that refusals name the true reason."""
        return repository.is_frozen(connection, organization_id, generation_id)

    def standing(
        self, connection: sa.Connection, organization_id: OrganizationId, sha256: str, now: datetime
    ) -> tuple[Standing, Certificate | None]:
        """Say what the certificate of a digest is good for; ``UNKNOWN`` when none of ours has it."""
        certificate = repository.find_certificate(connection, organization_id, sha256)
        return (Standing.UNKNOWN, None) if certificate is None else (certificate.standing(now), certificate)

    def standing_of(
        self, connection: sa.Connection, organization_id: OrganizationId, der: bytes, now: datetime
    ) -> tuple[Standing, Certificate | None]:
        """Say what a presented certificate is good for whose chain leads to our authority.

        ``UNKNOWN`` then means that the issuing key signed what no record knows of; ``ALTERED`` that it did not.
        """
        return judge_presented(connection, organization_id, der, now)

    async def get(self, organization_id: OrganizationId, sha256: str) -> Certificate:
        """Return one certificate.

        Raises:
            CertificateNotFound: We issued no such certificate.
        """
        return await self._store.read(lambda connection: find_issued(connection, organization_id, sha256))

    async def chain_of(self, certificate: Certificate) -> tuple[bytes, ...]:
        """Return a certificate of ours with its issuers in DER, leaf first; empty when they have been replaced since.

        Raises:
            SignerUnavailable: The signer does not answer.
        """
        issuers = (await self._signer.get_chains()).get(Purpose.OPERATIONAL, [])
        is_theirs = bool(issuers) and certificate_sha256(issuers[0]) == certificate.authority_sha256
        return (certificate.der, *issuers) if is_theirs else ()

    async def list_of(
        self,
        organization_id: OrganizationId,
        generation_id: GenerationId,
        *,
        after_sha256: str | None = None,
        limit: int = 100,
    ) -> list[Certificate]:
        """Return an identity's certificates, youngest first, from after one of them; at most 1000.

        Raises:
            CertificateNotFound: ``after_sha256`` is not one of ours.
        """

        def page(connection: sa.Connection) -> list[Certificate]:
            after = find_issued(connection, organization_id, after_sha256) if after_sha256 else None
            return repository.list_certificates(
                connection, organization_id, generation_id, after=after, limit=min(limit, PAGE_MAX)
            )

        return await self._store.read(page)

    async def issue_server_certificate(
        self, *, organization_id: OrganizationId, names: tuple[str, ...], csr: bytes, actor: Actor
    ) -> list[bytes]:
        """Issue a certificate to a server of this installation; the chain is in DER, leaf first.

        Raises:
            BadCsr: The request breaks a rule.
            ForeignNames: The signer's configuration does not list a name.
            SignerUnavailable: The signer does not answer.
        """
        parse_csr(csr, allowed_names=names)  # the signer judges it too, but cuts off whoever sends it too much
        chain = await self._signer.issue_server_certificate(
            request_id=self._ids.new("op"), organization_id=organization_id, names=names, csr=csr
        )
        await self._store.write(
            lambda tx: acts.record_server_certificate(
                self._ledger, tx, organization_id, certificate_sha256(chain[0]), names, actor=actor
            )
        )
        return chain

    async def revocation_list(self, organization_id: OrganizationId) -> bytes:
        """Have the list of revoked operational certificates signed, in DER: for third parties, not for our own doors.

        Raises:
            SignerUnavailable: The signer does not answer.
            SignerRefused: Its cap is used up.
            RevocationListTooLong: Over 100,000 entries; an incomplete list would be a wrong one.
        """
        return await sign_revocation_list(
            self._store,
            self._signer,
            organization_id,
            now=self._clock.now(),
            lifetime=self._settings.revocation_list_lifetime,
        )

    def _store_renewal(
        self,
        tx: Transaction,
        organization_id: OrganizationId,
        current_sha256: str,
        prepared: PreparedCertificate | None,
        actor: Actor,
    ) -> Problem | None:
        """Decide again, now that nothing can come between, and do it; the problem is raised after the commit."""
        now = self._clock.now()
        plan, current = plan_issued(tx.connection, organization_id, current_sha256, now)
        if plan is RenewalPlan.FREEZE:
            acts.freeze(self._ledger, tx, current, actor=actor, now=now)
            return RenewalForked(
                f"the certificate of {current.subject_name} was renewed before and its successor was used;"
                " two parties hold its key, so the identity is frozen",
                hint="find out which device is genuine, revoke its certificates, thaw it and let it enroll again",
            )
        if plan is RenewalPlan.REFUSE or prepared is None:
            raise _not_current(current, current.standing(now))
        check_not_frozen(tx.connection, organization_id, current.generation_id)
        check_key_is_free(tx.connection, prepared.certificate)
        replaced = current.successor_sha256 if plan is RenewalPlan.REPLACE_UNUSED else None
        renewed = insert_with_predecessor(tx.connection, prepared.certificate, current)
        event = CertificateRenewed(
            organization_id=organization_id,
            generation_id=renewed.generation_id,
            sha256=renewed.sha256,
            serial=renewed.serial,
            not_after=renewed.not_after,
            predecessor_sha256=current.sha256,
        )
        acts.record(self._ledger, tx, renewed, "pki.renew_certificate", event, actor=actor)
        if replaced is not None:
            acts.supersede(self._ledger, tx, renewed, replaced, now=now)
        return None


def _not_current(current: Certificate, standing: Standing) -> CertificateNotCurrent:
    return CertificateNotCurrent(
        f"the certificate of {current.subject_name} is {standing} and cannot be renewed",
        hint="renew with the current certificate, or enroll again with the onboarding identity",
    )
