"""What control does with the signer's answer: check it, keep it, and write it on record."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

import sqlalchemy as sa
from cryptography import x509
from cryptography.x509.oid import NameOID

from vedette.kernel import GenerationId, OrganizationId
from vedette.pki.csr import Csr
from vedette.pki.errors import CertificateNotFound, IdentityIsFrozen, KeyAlreadyInUse, SignerRefused
from vedette.pki.model import Certificate, Purpose, RenewalPlan, Standing, plan_renewal
from vedette.pki.records import repository
from vedette.pki.signer import Revocation
from vedette.trust import PARSE_ERRORS, CertificateIdentity, certificate_identity, certificate_sha256, public_key_sha256

log = logging.getLogger(__name__)


class Signer(Protocol):
    """What control asks of the signer; ``SignerClient`` does it over the socket."""

    async def issue_device_certificate(
        self,
        *,
        request_id: str,
        organization_id: OrganizationId,
        generation_id: GenerationId,
        subject_name: str,
        csr: bytes,
        lifetime: timedelta,
        accepted_names: tuple[str, ...] = (),
    ) -> list[bytes]:
        """Return the issued chain in DER, leaf first."""
        ...

    async def issue_server_certificate(
        self, *, request_id: str, organization_id: OrganizationId, names: tuple[str, ...], csr: bytes
    ) -> list[bytes]:
        """Return the issued chain in DER, leaf first."""
        ...

    async def get_chains(self) -> dict[Purpose, list[bytes]]:
        """Return the authorities' certificates."""
        ...

    async def sign_revocation_list(
        self,
        *,
        organization_id: OrganizationId,
        purpose: Purpose,
        revocations: list[Revocation],
        lifetime: timedelta,
    ) -> bytes:
        """Return the signed list in DER."""
        ...


@dataclass(frozen=True, slots=True)
class PreparedCertificate:
    """A certificate that is signed and not yet on record: it counts for nothing until ``store_issued``.

    Attributes:
        chain: DER, leaf first, up to the root.
    """

    certificate: Certificate
    chain: tuple[bytes, ...]


def read_issued(
    chain: list[bytes],
    *,
    organization_id: OrganizationId,
    generation_id: GenerationId,
    subject_name: str,
    csr: Csr,
    now: datetime,
) -> PreparedCertificate:
    """Check that the signer answered what was asked, and take the certificate apart.

    Raises:
        SignerRefused: It is no certificate, or one for another key, name or identity.
    """
    try:
        leaf, _issuer = (x509.load_der_x509_certificate(each) for each in chain[:2])
    except PARSE_ERRORS as error:
        log.error("the signer answered with no certificate: is it the signer?")  # noqa: TRY400 - no trace wanted
        raise SignerRefused(
            "the signer answered with no certificate", hint="restart Vedette and look at its log"
        ) from error
    names = [attribute.value for attribute in leaf.subject if attribute.oid == NameOID.COMMON_NAME]
    if (
        public_key_sha256(leaf.public_key()) != csr.public_key_sha256
        or names != [subject_name]
        or certificate_identity(leaf) != CertificateIdentity(organization_id, generation_id)
    ):
        log.error("the signer answered with a certificate for another identity", extra={"subject": subject_name})
        raise SignerRefused(
            "the signer answered with a certificate for another identity", hint="restart Vedette and look at its log"
        )
    certificate = Certificate(
        organization_id=organization_id,
        sha256=certificate_sha256(chain[0]),
        generation_id=generation_id,
        subject_name=subject_name,
        serial=f"{leaf.serial_number:032x}",
        authority_sha256=certificate_sha256(chain[1]),
        not_before=leaf.not_valid_before_utc,
        not_after=leaf.not_valid_after_utc,
        issued_at=now,
        public_key_sha256=csr.public_key_sha256,
        der=chain[0],
    )
    return PreparedCertificate(certificate, tuple(chain))


def check_key_is_free(connection: sa.Connection, certificate: Certificate) -> None:
    """Bind the certificate's key to its identity.

    Raises:
        KeyAlreadyInUse: It is bound to another.
    """
    if not repository.bind_key(
        connection, certificate.organization_id, certificate.public_key_sha256, certificate.generation_id
    ):
        raise key_in_use(certificate.subject_name)


def key_in_use(subject_name: str) -> KeyAlreadyInUse:
    """Return the problem of a public key that belongs to somebody else."""
    return KeyAlreadyInUse(
        f"the public key of the request for {subject_name} belongs to another identity",
        hint="let each device make its own key; a key that was copied is worth nothing",
    )


def check_not_frozen(connection: sa.Connection, organization_id: OrganizationId, generation_id: GenerationId) -> None:
    """Refuse an identity that is frozen.

    Raises:
        IdentityIsFrozen: It is.
    """
    if repository.is_frozen(connection, organization_id, generation_id):
        raise IdentityIsFrozen(
            "the identity is frozen: two parties were seen with one key",
            hint="find out which device is genuine, revoke its certificates, thaw it and let it enroll again",
        )


def insert_with_predecessor(
    connection: sa.Connection, certificate: Certificate, predecessor: Certificate
) -> Certificate:
    """Store a certificate as the successor of another and link the two."""
    linked = replace(certificate, predecessor_sha256=predecessor.sha256)
    repository.insert_certificate(connection, linked)
    repository.save_successor(
        connection, predecessor.organization_id, predecessor.sha256, successor_sha256=linked.sha256
    )
    return linked


def find_issued(connection: sa.Connection, organization_id: OrganizationId, sha256: str) -> Certificate:
    """Return a certificate of ours.

    Raises:
        CertificateNotFound: We issued none of that digest.
    """
    certificate = repository.find_certificate(connection, organization_id, sha256)
    if certificate is None:
        raise CertificateNotFound(
            f"no certificate {sha256[:64]} was issued here", hint="the digest is the SHA-256 of the DER, in hex"
        )
    return certificate


def plan_issued(
    connection: sa.Connection, organization_id: OrganizationId, sha256: str, now: datetime
) -> tuple[RenewalPlan, Certificate]:
    """Return what a renewal of a certificate would do now, and the certificate.

    Raises:
        CertificateNotFound: We issued none of that digest.
    """
    current = find_issued(connection, organization_id, sha256)
    successor = None
    if current.successor_sha256 is not None:
        successor = repository.find_certificate(connection, organization_id, current.successor_sha256)
    return plan_renewal(current, successor, now), current


def judge_presented(
    connection: sa.Connection, organization_id: OrganizationId, der: bytes, now: datetime
) -> tuple[Standing, Certificate | None]:
    """Say what a presented certificate of ours is good for, by its digest or else by its serial number."""
    certificate = repository.find_certificate(connection, organization_id, certificate_sha256(der))
    if certificate is not None:
        return certificate.standing(now), certificate
    try:
        presented = x509.load_der_x509_certificate(der)
    except PARSE_ERRORS:
        return Standing.UNKNOWN, None
    original = repository.find_by_serial(connection, organization_id, f"{presented.serial_number:032x}")
    if original is None:
        return Standing.UNKNOWN, None
    signed = x509.load_der_x509_certificate(original.der).tbs_certificate_bytes
    if signed != presented.tbs_certificate_bytes:
        return Standing.UNKNOWN, None
    return Standing.ALTERED, original
