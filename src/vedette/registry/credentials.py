"""What devices and modules prove themselves with, as one: begun, changed and ended together with their registration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from vedette.kernel import Clock, GenerationId, OrganizationId
from vedette.ledger import Actor
from vedette.pki import KeySlot, NewKey, NewKeys, RevocationReason
from vedette.pki.records import CertificateService, SymmetricKeyService, VouchedCertificates
from vedette.registry.errors import InvalidDevice
from vedette.registry.model import Authentication, AuthenticationType
from vedette.store import Transaction


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose credentials they are; ``name`` is ``device`` or ``device/module``."""

    organization_id: OrganizationId
    generation_id: GenerationId
    name: str


class CredentialRecords:
    """The three kinds of credentials that are on record: certificates of ours, symmetric keys, vouched certificates."""

    def __init__(
        self,
        certificates: CertificateService,
        keys: SymmetricKeyService,
        vouched: VouchedCertificates,
        *,
        clock: Clock,
    ) -> None:
        self.certificates = certificates
        self.keys = keys
        self.vouched = vouched
        self._clock = clock

    def check_type(self, authentication: Authentication) -> None:
        """Check that a type of authentication is accepted here.

        Raises:
            SymmetricKeysOff: Symmetric keys are not.
        """
        if authentication.type is AuthenticationType.SYMMETRIC_KEY:
            self.keys.check_enabled()

    def change_type(
        self, tx: Transaction, holder: Holder, before: Authentication, after: Authentication, *, actor: Actor
    ) -> None:
        """End what belongs to the former type of authentication, so that it does not come back with it.

        Certificates of ours stay on record: they are permitted by their type alone, and end by themselves.

        Raises:
            SymmetricKeysOff: The new type is not accepted here.
        """
        if before.type is after.type:
            return
        self.check_type(after)
        comment = f"authentication changed to {after.type}"
        if before.type is AuthenticationType.SYMMETRIC_KEY:
            self._revoke_keys(tx, holder, actor, comment)
        if before.type is AuthenticationType.CERTIFICATE_AUTHORITY:
            self.vouched.forget(tx, holder.organization_id, holder.generation_id)

    def give_keys(
        self,
        tx: Transaction,
        holder: Holder,
        authentication: Authentication,
        *,
        actor: Actor,
        given: Mapping[KeySlot, bytes] | None = None,
    ) -> NewKeys | None:
        """Give a holder its keys if it authenticates by them; ``None`` when it does not.

        Raises:
            InvalidSymmetricKey: A given value is too short or too long.
        """
        if authentication.type is not AuthenticationType.SYMMETRIC_KEY:
            return None
        return self.keys.create_for(
            tx, holder.organization_id, holder.generation_id, owner_name=holder.name, actor=actor, given=given
        )

    def rotate_key(
        self,
        tx: Transaction,
        holder: Holder,
        authentication: Authentication,
        slot: KeySlot,
        *,
        actor: Actor,
        value: bytes | None = None,
    ) -> NewKey:
        """Replace one of a holder's symmetric keys; see ``SymmetricKeyService.rotate``.

        Raises:
            InvalidDevice: It does not authenticate by symmetric keys.
        """
        if authentication.type is not AuthenticationType.SYMMETRIC_KEY:
            raise InvalidDevice(
                f"{holder.name} authenticates by type {authentication.type}", hint="change its authentication first"
            )
        return self.keys.rotate(
            tx, holder.organization_id, holder.generation_id, slot, owner_name=holder.name, actor=actor, value=value
        )

    def revoke(
        self, tx: Transaction, holder: Holder, *, reason: RevocationReason, actor: Actor, comment: str
    ) -> tuple[int, int]:
        """End the certificates and keys of a holder now; returns how many of each there were."""
        certificates = self.certificates.revoke_all_in(
            tx, holder.organization_id, holder.generation_id, reason=reason, actor=actor, comment=comment
        )
        return certificates, self._revoke_keys(tx, holder, actor, comment)

    def end(self, tx: Transaction, holder: Holder, *, actor: Actor, comment: str) -> None:
        """End all that a holder has; certificates are revoked for those who read revocation lists."""
        self.certificates.revoke_all_in(
            tx,
            holder.organization_id,
            holder.generation_id,
            reason=RevocationReason.CESSATION_OF_OPERATION,
            actor=actor,
            comment=comment,
            is_consequence=True,
        )
        self._revoke_keys(tx, holder, actor, comment)
        self.vouched.forget(tx, holder.organization_id, holder.generation_id)

    def digests_of(
        self, connection: sa.Connection, organization_id: OrganizationId, generation_id: GenerationId
    ) -> set[str]:
        """Return the digests of all certificates on record that a holder may present."""
        now = self._clock.now()
        issued = self.certificates.permitted_certificates(connection, organization_id, generation_id, now)
        vouched = self.vouched.permitted_certificates(connection, organization_id, [generation_id], now)
        return {each.digest for each in (*issued, *vouched.get(generation_id, ()))}

    def _revoke_keys(self, tx: Transaction, holder: Holder, actor: Actor, comment: str) -> int:
        return self.keys.revoke(
            tx,
            holder.organization_id,
            holder.generation_id,
            owner_name=holder.name,
            actor=actor,
            reason=comment,
        )
