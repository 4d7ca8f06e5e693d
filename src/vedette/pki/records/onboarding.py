"""Outside authorities that vouch for devices: registered with a scope, verified by a proof, judged at enrollment."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from cryptography import x509

from vedette.kernel import AuthorityId, Clock, IdSource, OrganizationId
from vedette.ledger import Actor, Entry, Event, Ledger
from vedette.pki.errors import (
    AuthorityAlreadyRegistered,
    AuthorityChangedMeanwhile,
    AuthorityNotFound,
    AuthorityStateConflict,
    InvalidAuthority,
)
from vedette.pki.events import AuthorityDisabled, AuthorityHubTrustChanged, AuthorityRegistered, AuthorityVerified
from vedette.pki.model import Authority, AuthorityScope, AuthorityState, Purpose
from vedette.pki.possession import check_proof, check_registration, read_authority
from vedette.pki.records import repository
from vedette.pki.records.verifiers import Verifiers
from vedette.store import Store, Transaction
from vedette.trust import ChainCheck, ChainVerdict, certificate_sha256, public_key_sha256

PAGE_MAX: Final = 1000
AUTHORITIES_MAX: Final = 1000
CODE_LIFETIME: Final = timedelta(days=7)
_CODE_BYTES: Final = 20
_ONBOARDING: Final = (Purpose.ONBOARDING,)
_OWN: Final = (Purpose.OPERATIONAL, Purpose.SERVICES)


@dataclass(frozen=True, slots=True)
class Vouching:
    """Whether a registered authority vouches for who presented a chain.

    Attributes:
        authority: The nearest one that vouches; ``None`` when none does.
        verdict: Of the chain, with the check that failed.
        is_out_of_scope: The chain leads to a registered authority, but that one may not vouch for this name.
    """

    authority: Authority | None
    verdict: ChainVerdict
    is_out_of_scope: bool = False


class OnboardingAuthorityService:
    """Registers, verifies and disables outside authorities, and judges the chains that appeal to them."""

    def __init__(self, store: Store, ledger: Ledger, *, clock: Clock, ids: IdSource) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._ids = ids
        self._verifiers = Verifiers()

    async def register(
        self,
        *,
        organization_id: OrganizationId,
        certificate: bytes,
        name: str,
        scope: AuthorityScope,
        actor: Actor,
        is_hub_trusted: bool = False,
    ) -> Authority:
        """Put an authority on record; it vouches for nobody until the operator has proved to hold its key.

        Args:
            organization_id: Whose devices it may vouch for.
            certificate: DER; a root or an intermediate.
            name: What people call it, 1 to 128 characters.
            scope: What it may vouch for.
            actor: Who registers it.
            is_hub_trusted: It vouches at the hub, not at enrollment; see ``set_hub_trust``.

        Returns:
            The authority with the verification code, good for seven days.

        Raises:
            InvalidAuthority: The certificate, the name or the scope is not acceptable, or it is one of our own.
            AuthorityAlreadyRegistered: It is on record.
        """
        now = self._clock.now()
        check_registration(name, scope)
        parsed = read_authority(certificate, now)
        authority = Authority(
            organization_id=organization_id,
            authority_id=AuthorityId(self._ids.new("ath")),
            purpose=Purpose.ONBOARDING,
            name=name,
            scope=scope,
            state=AuthorityState.UNVERIFIED,
            sha256=certificate_sha256(certificate),
            subject=parsed.subject.rfc4514_string()[:512],
            public_key_sha256=public_key_sha256(parsed.public_key()),
            der=certificate,
            not_before=parsed.not_valid_before_utc,
            not_after=parsed.not_valid_after_utc,
            registered_at=now,
            verification_code=self._new_code(),
            verification_expires_at=now + CODE_LIFETIME,
            is_hub_trusted=is_hub_trusted,
        )

        def insert(tx: Transaction) -> Authority:
            for other in repository.find_authorities_by_key(
                tx.connection, organization_id, authority.public_key_sha256
            ):
                if other.purpose is not Purpose.ONBOARDING:
                    raise InvalidAuthority(
                        "this is one of Vedette's own authorities, which never vouch at enrollment",
                        hint="register the authority of the devices' maker",
                    )
                if other.sha256 == authority.sha256:
                    raise AuthorityAlreadyRegistered(
                        f"this certificate is registered as {other.name!r}",
                        hint=f"see it: vedette authority show {other.authority_id}",
                    )
            repository.insert_authority(tx.connection, authority)
            event = AuthorityRegistered(
                organization_id=organization_id, authority_id=authority.authority_id, sha256=authority.sha256
            )
            self._record(tx, authority, "pki.register_authority", actor, event=event)
            return authority

        return await self._store.write(insert)

    async def verify(
        self, *, organization_id: OrganizationId, authority_id: AuthorityId, proof: bytes, actor: Actor
    ) -> Authority:
        """Accept a certificate signed by the authority, with the verification code as common name, as the proof.

        Args:
            organization_id: Of the authority.
            authority_id: Which.
            proof: DER of that certificate.
            actor: Who proves.

        Raises:
            AuthorityNotFound: There is none of that id.
            AuthorityStateConflict: It is verified already, or disabled.
            AuthorityProofFailed: The code has expired or is another, or another key signed.
        """

        def accept(tx: Transaction) -> Authority:
            authority = _find(tx.connection, organization_id, authority_id)
            if authority.state is not AuthorityState.UNVERIFIED:
                raise _conflict(authority, "verified")
            check_proof(authority, proof, self._clock.now())
            return self._admit(tx, authority, "pki.verify_authority", actor)

        return await self._store.write(accept)

    async def renew_code(
        self, *, organization_id: OrganizationId, authority_id: AuthorityId, actor: Actor
    ) -> Authority:
        """Replace the verification code of an authority that is not verified yet.

        Raises:
            AuthorityNotFound: There is none of that id.
            AuthorityStateConflict: It is verified already, or disabled.
        """

        def replace_code(tx: Transaction) -> Authority:
            authority = _find(tx.connection, organization_id, authority_id)
            if authority.state is not AuthorityState.UNVERIFIED:
                raise _conflict(authority, "given a new code")
            changed = replace(
                authority,
                verification_code=self._new_code(),
                verification_expires_at=self._clock.now() + CODE_LIFETIME,
                revision=authority.revision + 1,
            )
            repository.save_authority(tx.connection, changed)
            self._record(tx, changed, "pki.renew_authority_code", actor)
            return changed

        return await self._store.write(replace_code)

    async def disable(
        self,
        *,
        organization_id: OrganizationId,
        authority_id: AuthorityId,
        actor: Actor,
        reason: str = "",
        revision: int | None = None,
    ) -> Authority:
        """Let a verified authority vouch for nobody from now on.

        Devices that it vouched for at enrollment keep what they have; sessions by a certificate that it vouches for at
        the hub are cut.

        Raises:
            AuthorityNotFound: There is none of that id.
            AuthorityStateConflict: It is not verified.
            AuthorityChangedMeanwhile: Its revision is another.
        """

        def end(tx: Transaction) -> Authority:
            authority = _find(tx.connection, organization_id, authority_id, revision)
            if authority.state is not AuthorityState.VERIFIED:
                raise _conflict(authority, "disabled")
            changed = replace(authority, state=AuthorityState.DISABLED, revision=authority.revision + 1)
            repository.save_authority(tx.connection, changed)
            event = AuthorityDisabled(organization_id=organization_id, authority_id=authority_id)
            self._record(tx, changed, "pki.disable_authority", actor, event=event, reason=reason)
            return changed

        return await self._store.write(end, restricting=True)

    async def enable(
        self,
        *,
        organization_id: OrganizationId,
        authority_id: AuthorityId,
        actor: Actor,
        reason: str = "",
        revision: int | None = None,
    ) -> Authority:
        """Let a disabled authority vouch again; the proof it gave still stands.

        Raises:
            AuthorityNotFound: There is none of that id.
            AuthorityStateConflict: It is not disabled.
            AuthorityChangedMeanwhile: Its revision is another.
        """

        def begin(tx: Transaction) -> Authority:
            authority = _find(tx.connection, organization_id, authority_id, revision)
            if authority.state is not AuthorityState.DISABLED:
                raise _conflict(authority, "enabled")
            return self._admit(tx, authority, "pki.enable_authority", actor, reason=reason)

        return await self._store.write(begin)

    async def set_hub_trust(
        self,
        *,
        organization_id: OrganizationId,
        authority_id: AuthorityId,
        is_trusted: bool,
        actor: Actor,
        reason: str = "",
        revision: int | None = None,
    ) -> Authority:
        """Let an authority vouch at the hub instead of at enrollment, or at enrollment again.

        Never both: what a device was born with opens no operational endpoint by the way. Taking the trust away cuts the
        sessions that rest on it.

        Raises:
            AuthorityNotFound: There is none of that id.
            AuthorityChangedMeanwhile: Its revision is another.
        """

        def change(tx: Transaction) -> Authority:
            authority = _find(tx.connection, organization_id, authority_id, revision)
            if authority.is_hub_trusted is is_trusted:
                return authority
            changed = replace(authority, is_hub_trusted=is_trusted, revision=authority.revision + 1)
            repository.save_authority(tx.connection, changed)
            event = AuthorityHubTrustChanged(
                organization_id=organization_id, authority_id=authority_id, is_hub_trusted=is_trusted
            )
            action = "pki.trust_authority_at_hub" if is_trusted else "pki.distrust_authority_at_hub"
            self._record(tx, changed, action, actor, event=event, reason=reason)
            return changed

        return await self._store.write(change, restricting=not is_trusted)

    async def remove(
        self,
        *,
        organization_id: OrganizationId,
        authority_id: AuthorityId,
        actor: Actor,
        reason: str = "",
        revision: int | None = None,
    ) -> None:
        """Take an authority off record, whatever its state; registered again, it must be verified again.

        Raises:
            AuthorityNotFound: There is none of that id.
            AuthorityChangedMeanwhile: Its revision is another.
        """

        def delete(tx: Transaction) -> None:
            authority = _find(tx.connection, organization_id, authority_id, revision)
            repository.delete_authority(tx.connection, organization_id, authority_id)
            event = AuthorityDisabled(organization_id=organization_id, authority_id=authority_id, is_removed=True)
            self._record(tx, authority, "pki.remove_authority", actor, event=event, reason=reason)

        await self._store.write(delete, restricting=True)

    async def get(self, organization_id: OrganizationId, authority_id: AuthorityId) -> Authority:
        """Return one authority.

        Raises:
            AuthorityNotFound: There is none of that id.
        """
        return await self._store.read(lambda connection: _find(connection, organization_id, authority_id))

    async def list_all(self, organization_id: OrganizationId, *, after: str = "", limit: int = 100) -> list[Authority]:
        """Return onboarding authorities in the order they were registered, from after an id; at most 1000."""
        return await self._store.read(
            lambda connection: repository.list_authorities(
                connection, organization_id, purposes=_ONBOARDING, after=after, limit=min(limit, PAGE_MAX)
            )
        )

    async def record_own(self, *, organization_id: OrganizationId, chains: dict[Purpose, list[bytes]]) -> None:
        """Put our own issuing authorities on record, so that none of them is ever registered as an outside one.

        Args:
            organization_id: Theirs.
            chains: What ``SignerClient.get_chains`` returned.
        """
        now = self._clock.now()
        own = [
            self._own(organization_id, purpose, f"Vedette {purpose}" if level == 0 else "Vedette root", der, now)
            for purpose, chain in chains.items()
            for level, der in enumerate(chain)
        ]

        def insert(tx: Transaction) -> None:
            known = repository.list_authorities(tx.connection, organization_id, purposes=_OWN, limit=AUTHORITIES_MAX)
            present = {(authority.purpose, authority.sha256) for authority in known}
            for authority in own:
                if (authority.purpose, authority.sha256) not in present:
                    repository.insert_authority(tx.connection, authority)
                    self._record(tx, authority, "pki.record_own_authority", Actor("system", "pki"))

        await self._store.write(insert)

    def vouch(
        self,
        connection: sa.Connection,
        organization_id: OrganizationId,
        presented: Sequence[bytes],
        *,
        now: datetime,
        registration_id: str,
        enrollment_group: str | None = None,
        among: Collection[AuthorityId] | None = None,
    ) -> Vouching:
        """Judge a presented chain: which verified authority vouches for this name, if any.

        Args:
            connection: Of the caller's unit of work.
            organization_id: Whose authorities count.
            presented: DER, leaf first; the TLS handshake has proved possession of the leaf's key.
            now: Aware UTC.
            registration_id: The name that scopes are compared with.
            enrollment_group: The group on whose behalf it is asked.
            among: Only these authorities count, such as those a group refers to; ``None``: all.
        """
        authorities = [
            authority
            for authority in repository.list_authorities(
                connection,
                organization_id,
                purposes=_ONBOARDING,
                state=AuthorityState.VERIFIED,
                is_hub_trusted=False,
                limit=AUTHORITIES_MAX,
            )
            if among is None or authority.authority_id in among
        ]
        covering = [
            authority
            for authority in authorities
            if authority.scope.covers(registration_id, enrollment_group=enrollment_group)
        ]
        verdict = self._verifiers.of(covering).verify(presented, now)
        if verdict.is_trusted:
            by_digest = {authority.sha256: authority for authority in covering}
            return Vouching(by_digest[verdict.anchor_sha256 or ""], verdict)
        is_out_of_scope = False
        if verdict.failure is not None and verdict.failure.check is ChainCheck.TRUSTED_ISSUER:
            others = [authority for authority in authorities if authority not in covering]
            is_out_of_scope = bool(others) and self._verifiers.of(others).verify(presented, now).is_trusted
        return Vouching(None, verdict, is_out_of_scope)

    def _admit(
        self, tx: Transaction, authority: Authority, action: str, actor: Actor, *, reason: str = ""
    ) -> Authority:
        changed = replace(
            authority,
            state=AuthorityState.VERIFIED,
            verified_at=self._clock.now(),
            verification_code=None,
            verification_expires_at=None,
            revision=authority.revision + 1,
        )
        repository.save_authority(tx.connection, changed)
        event = AuthorityVerified(organization_id=changed.organization_id, authority_id=changed.authority_id)
        self._record(tx, changed, action, actor, event=event, reason=reason)
        return changed

    def _record(
        self,
        tx: Transaction,
        authority: Authority,
        action: str,
        actor: Actor,
        *,
        event: Event | None = None,
        reason: str = "",
    ) -> None:
        entry = Entry(
            organization_id=authority.organization_id,
            actor=actor,
            action=action,
            target=authority.authority_id,
            target_name=authority.name,
            reason=reason,
            details={
                "sha256": authority.sha256,
                "purpose": authority.purpose.value,
                "enrollment_group": authority.scope.enrollment_group,
                "device_id_pattern": authority.scope.device_id_pattern,
                "is_hub_trusted": authority.is_hub_trusted,
            },
        )
        self._ledger.append(tx, entry, event=event)

    def _new_code(self) -> str:
        return self._ids.random_bytes(_CODE_BYTES).hex()

    def _own(
        self, organization_id: OrganizationId, purpose: Purpose, name: str, der: bytes, now: datetime
    ) -> Authority:
        parsed = x509.load_der_x509_certificate(der)
        return Authority(
            organization_id=organization_id,
            authority_id=AuthorityId(self._ids.new("ath")),
            purpose=purpose,
            name=name,
            scope=AuthorityScope(),
            state=AuthorityState.VERIFIED,
            sha256=certificate_sha256(der),
            subject=parsed.subject.rfc4514_string()[:512],
            public_key_sha256=public_key_sha256(parsed.public_key()),
            der=der,
            not_before=parsed.not_valid_before_utc,
            not_after=parsed.not_valid_after_utc,
            registered_at=now,
            verified_at=now,
        )


def _find(
    connection: sa.Connection, organization_id: OrganizationId, authority_id: AuthorityId, revision: int | None = None
) -> Authority:
    authority = repository.find_authority(connection, organization_id, authority_id)
    if authority is None or authority.purpose is not Purpose.ONBOARDING:
        raise AuthorityNotFound(
            f"no authority {authority_id[:64]!r}", hint="see which there are: vedette authority list"
        )
    if revision is not None and revision != authority.revision:
        raise AuthorityChangedMeanwhile(
            f"the authority is at revision {authority.revision}, not {revision}", hint="read it again, then decide"
        )
    return authority


def _conflict(authority: Authority, verb: str) -> AuthorityStateConflict:
    return AuthorityStateConflict(
        f"the authority {authority.name!r} is {authority.state} and cannot be {verb}",
        hint=f"see it: vedette authority show {authority.authority_id}",
    )
