"""What is done to certificates, each with its entry in the ledger and its event, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from vedette.kernel import GenerationId, OrganizationId, to_rfc3339
from vedette.ledger import Actor, Entry, Event, Ledger
from vedette.pki.events import CertificateRevoked, IdentityFrozen, IdentityThawed
from vedette.pki.model import Certificate, RevocationReason
from vedette.pki.records import repository
from vedette.store import Transaction

_SYSTEM: Final = Actor("system", "pki")


def record(
    ledger: Ledger,
    tx: Transaction,
    certificate: Certificate,
    action: str,
    event: Event,
    *,
    actor: Actor,
    reason: str = "",
) -> None:
    """Record an act on one certificate; the rows are written before, since projections of the event read them."""
    entry = Entry(
        organization_id=certificate.organization_id,
        actor=actor,
        action=action,
        target=certificate.generation_id,
        target_name=certificate.subject_name,
        reason=reason,
        details={
            "sha256": certificate.sha256,
            "serial": certificate.serial,
            "not_after": to_rfc3339(certificate.not_after),
            "predecessor_sha256": certificate.predecessor_sha256,
        },
    )
    ledger.append(tx, entry, event=event)


def revoke(
    ledger: Ledger,
    tx: Transaction,
    certificate: Certificate,
    sha256s: Sequence[str],
    *,
    now: datetime,
    reason: RevocationReason,
    actor: Actor,
    comment: str,
    is_consequence: bool = False,
) -> None:
    """Revoke certificates of the identity that ``certificate`` belongs to; see ``CertificateRevoked``."""
    organization_id = certificate.organization_id
    repository.save_revocation(tx.connection, organization_id, sha256s, at=now, reason=reason)
    event = CertificateRevoked(
        organization_id=organization_id,
        generation_id=certificate.generation_id,
        sha256s=tuple(sha256s),
        reason=reason.value,
        is_consequence=is_consequence,
    )
    entry = Entry(
        organization_id=organization_id,
        actor=actor,
        action="pki.revoke_certificate",
        target=certificate.generation_id,
        target_name=certificate.subject_name,
        reason=comment,
        details={"sha256s": list(sha256s), "revocation_reason": reason.value},
    )
    ledger.append(tx, entry, event=event)


def supersede(ledger: Ledger, tx: Transaction, renewed: Certificate, sha256: str, *, now: datetime) -> None:
    """End a successor that was never used, in favour of ``renewed``: the reply that carried it was lost."""
    revoke(
        ledger,
        tx,
        renewed,
        [sha256],
        now=now,
        reason=RevocationReason.SUPERSEDED,
        actor=_SYSTEM,
        comment="renewed again before it was used",
        is_consequence=True,
    )


def freeze(ledger: Ledger, tx: Transaction, current: Certificate, *, actor: Actor, now: datetime) -> None:
    """Freeze the identity of a certificate that was renewed twice; an identity that is frozen already stays so."""
    organization_id, generation_id = current.organization_id, current.generation_id
    if not repository.freeze(tx.connection, organization_id, generation_id, now):
        return
    event = IdentityFrozen(
        organization_id=organization_id,
        generation_id=generation_id,
        sha256=current.sha256,
        successor_sha256=current.successor_sha256 or "",
    )
    entry = Entry(
        organization_id=organization_id,
        actor=actor,
        action="pki.renew_certificate",
        target=generation_id,
        target_name=current.subject_name,
        decision="denied",
        reason="the certificate's successor was already used: the identity is frozen",
        details={"sha256": current.sha256, "successor_sha256": current.successor_sha256},
    )
    ledger.append(tx, entry, event=event)


def thaw(
    ledger: Ledger,
    tx: Transaction,
    organization_id: OrganizationId,
    generation_id: GenerationId,
    *,
    actor: Actor,
    reason: str,
) -> bool:
    """Lift a freeze; ``False`` when there was none."""
    if not repository.thaw(tx.connection, organization_id, generation_id):
        return False
    entry = Entry(
        organization_id=organization_id, actor=actor, action="pki.thaw_identity", target=generation_id, reason=reason
    )
    ledger.append(tx, entry, event=IdentityThawed(organization_id=organization_id, generation_id=generation_id))
    return True


def record_server_certificate(
    ledger: Ledger,
    tx: Transaction,
    organization_id: OrganizationId,
    sha256: str,
    names: Sequence[str],
    *,
    actor: Actor,
) -> None:
    """Record that a server of this installation received a certificate."""
    entry = Entry(
        organization_id=organization_id,
        actor=actor,
        action="pki.issue_server_certificate",
        target=sha256,
        target_name=names[0],
        details={"names": list(names)},
    )
    ledger.append(tx, entry)
