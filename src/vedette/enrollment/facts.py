"""What bears on a registration, read in one unit of work, and what follows from it before the rules decide."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from cryptography import x509

from vedette.enrollment import repository
from vedette.enrollment.applicant import Applicant, judge_pinned
from vedette.enrollment.decision import Refusal, RegistrationFacts, RegistrationReason
from vedette.enrollment.model import (
    Approval,
    CredentialMode,
    Enrollment,
    Registration,
    ReprovisionPolicy,
)
from vedette.kernel import DeviceId, InvalidId, OrganizationId, parse_device_id
from vedette.pki import Certificate, parse_csr
from vedette.pki.records import CertificateService
from vedette.registry import AccessRules, AccessSubject, AuthenticationType, Device, Register
from vedette.trust import identity_uri, refusal_digests

# How a device authenticates at the hub, by what its enrollment gives it.
AUTHENTICATION: Final = {
    CredentialMode.ISSUE: AuthenticationType.ISSUED,
    CredentialMode.ONBOARDING: AuthenticationType.CERTIFICATE_AUTHORITY,
    CredentialMode.SYMMETRIC_KEY: AuthenticationType.SYMMETRIC_KEY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The records about one applicant, all of one moment.

    Attributes:
        version: Of groups and authorities.
        individual: The individual enrollment that decides, why it refuses, or ``None``: groups are asked.
        device_id: The name the device has or would get.
    """

    version: str
    individual: Enrollment | Refusal | None
    device_id: DeviceId | Refusal
    registration: Registration | None
    device: Device | None
    certificate: Certificate | None
    is_frozen: bool
    rules: AccessRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Which enrollment lets an applicant in, and under which name; ``version`` is the one it was found at."""

    version: str
    enrollment: Enrollment
    authority_id: str | None
    device_id: DeviceId


@dataclass(frozen=True, slots=True)
class _Start:
    version: str
    individual: Enrollment | Refusal | None
    device_id: DeviceId | Refusal
    registration: Registration | None


class RegistrationRecords:
    """Reads what several rooms know of an applicant, inside the caller's unit of work."""

    def __init__(self, organization_id: OrganizationId, certificates: CertificateService, register: Register) -> None:
        self._organization_id = organization_id
        self._certificates = certificates
        self._register = register

    def look(self, connection: sa.Connection, applicant: Applicant, now: datetime) -> Look:
        """Read the records about an applicant, each by an index."""
        registration, version = repository.find_registration(
            connection, self._organization_id, applicant.registration_id
        )
        individuals = repository.find_individuals(
            connection, self._organization_id, applicant.registration_id, applicant.leaf_sha256
        )
        individual = _choose(individuals, applicant, now) if individuals else None
        device_id = _name(individual if isinstance(individual, Enrollment) else None, applicant)
        return self._complete(connection, _Start(version, individual, device_id, registration), now)

    def look_again(
        self, connection: sa.Connection, applicant: Applicant, admission: Admission, now: datetime
    ) -> Look | None:
        """Read them once more on behalf of a known enrollment; ``None`` when any enrollment has changed meanwhile."""
        registration, version = repository.find_registration(
            connection, self._organization_id, applicant.registration_id
        )
        if version != admission.version:
            return None
        start = _Start(version, admission.enrollment, admission.device_id, registration)
        return self._complete(connection, start, now)

    def _complete(self, connection: sa.Connection, start: _Start, now: datetime) -> Look:
        organization_id, device_id, registration = self._organization_id, start.device_id, start.registration
        name = "" if isinstance(device_id, Refusal) else device_id
        device, rules = self._register.look_up(connection, organization_id, name)
        certificate = None
        if registration is not None and registration.certificate_sha256 is not None:
            _, certificate = self._certificates.standing(
                connection, organization_id, registration.certificate_sha256, now
            )
        is_frozen = device is not None and self._certificates.is_frozen(
            connection, organization_id, device.generation_id
        )
        return Look(
            version=start.version,
            individual=start.individual,
            device_id=device_id,
            registration=registration,
            device=device,
            certificate=certificate,
            is_frozen=is_frozen,
            rules=rules,
        )


def weigh(look: Look, admission: Admission, applicant: Applicant) -> RegistrationFacts:
    """Put together what the rules decide on.

    Raises:
        BadCsr: The request's key bears on the decision, and the request breaks a rule.
    """
    certificates: frozenset[str] = frozenset() if applicant.leaf_sha256 is None else frozenset({applicant.leaf_sha256})
    if look.rules.names_certificates and applicant.chain:
        certificates = refusal_digests(x509.load_der_x509_certificate(applicant.chain[0]))
    subject = AccessSubject(
        device_id=admission.device_id,
        certificates=certificates,
        authorities=frozenset() if admission.authority_id is None else frozenset({admission.authority_id}),
        enrollment_id=admission.enrollment.enrollment_id,
    )
    return RegistrationFacts(
        enrollment=admission.enrollment,
        registration=look.registration,
        device=look.device,
        certificate=look.certificate,
        is_frozen=look.is_frozen,
        access=look.rules.judge(subject),
        leaf_sha256=applicant.leaf_sha256,
        has_csr=applicant.csr is not None,
        csr_key_sha256=_csr_key(look.device, admission, applicant),
    )


def _csr_key(device: Device | None, admission: Admission, applicant: Applicant) -> str | None:
    """Return the digest of the request's key where it bears on the decision; else it is judged once it is signed."""
    enrollment = admission.enrollment
    bears = enrollment.approval is Approval.REQUIRED or enrollment.reprovision_policy is ReprovisionPolicy.NEVER
    if applicant.csr is None or not bears:
        return None
    uris = () if device is None else (identity_uri(device.organization_id, device.generation_id),)
    names = (admission.device_id, applicant.registration_id, applicant.common_name)
    return parse_csr(applicant.csr, allowed_names=names, allowed_uris=uris).public_key_sha256


def onboarding_until(enrollment: Enrollment, applicant: Applicant) -> datetime | None:
    """Return until when the onboarding certificate opens the hub; ``None``: it does not."""
    if enrollment.credential is not CredentialMode.ONBOARDING or enrollment.onboarding_until is None:
        return None
    return min(enrollment.onboarding_until, applicant.not_after or enrollment.onboarding_until)


def is_unchanged(facts: RegistrationFacts, applicant: Applicant) -> bool:
    """Tell whether a repeated registration would write what stands there already, as SDKs do at each boot."""
    device, registration = facts.device, facts.registration
    return (
        device is not None
        and registration is not None
        and registration.enrollment_id == facts.enrollment.enrollment_id
        and device.authentication.type is AUTHENTICATION[facts.enrollment.credential]
        and device.origin.onboarding_sha256 == applicant.leaf_sha256
        and device.origin.onboarding_until == onboarding_until(facts.enrollment, applicant)
    )


def _choose(individuals: list[Enrollment], applicant: Applicant, now: datetime) -> Enrollment | Refusal:
    """Take the entry of the registration id; its certificate must be the pinned one, and none falls through.

    A token is verified against its key by whoever has the keys.
    """
    by_id = next((each for each in individuals if each.registration_id == applicant.registration_id), None)
    if by_id is None:
        return Refusal(
            RegistrationReason.REGISTRATION_ID_MISMATCH,
            f"the certificate is pinned for another registration id than {applicant.registration_id}",
            "compare with: vedette enrollment list",
        )
    if by_id.attestation is not applicant.attestation:
        return Refusal(
            RegistrationReason.WRONG_ATTESTATION,
            f"the enrollment {by_id.name!r} takes {by_id.attestation}, and {applicant.attestation} was presented",
            f"see: vedette enrollment show {by_id.enrollment_id}",
        )
    if applicant.leaf_sha256 is None:
        return by_id
    if not by_id.pins(applicant.leaf_sha256):
        return Refusal(
            RegistrationReason.CERTIFICATE_NOT_PINNED,
            f"the enrollment {by_id.name!r} pins another certificate",
            f"compare the SHA-256: vedette enrollment show {by_id.enrollment_id}",
        )
    return judge_pinned(applicant, now) or by_id


def _name(enrollment: Enrollment | None, applicant: Applicant) -> DeviceId | Refusal:
    if enrollment is not None and enrollment.device_id is not None:
        return enrollment.device_id
    try:
        return parse_device_id(applicant.common_name)
    except InvalidId as error:
        return Refusal(RegistrationReason.MALFORMED_REQUEST, error.detail, error.hint)
