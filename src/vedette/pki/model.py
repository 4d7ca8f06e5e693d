"""What a certificate of ours is: profiles, validity, names, renewal and revocation as pure rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from vedette.kernel import (
    AuthorityId,
    GenerationId,
    InvalidId,
    OrganizationId,
    parse_device_id,
    parse_module_id,
)
from vedette.pki.errors import AuthorityExpired, InvalidLifetime, InvalidSubjectName

NAME_MAX_CHARS: Final = 64  # RFC 5280 appendix A, ub-common-name and ub-organization-name
SERIAL_BYTES: Final = 16
BACKDATE: Final = timedelta(minutes=5)
DEFAULT_LIFETIME: Final = timedelta(days=30)
DEFAULT_OVERLAP: Final = timedelta(hours=1)
# An authority this close to its end issues nothing: the certificate would be dead on arrival.
SHORTEST_USEFUL_LIFETIME: Final = timedelta(minutes=10)


class Purpose(StrEnum):
    """What an authority vouches for; the kinds never mix."""

    OPERATIONAL = "operational"
    SERVICES = "services"
    ONBOARDING = "onboarding"


class RevocationReason(StrEnum):
    """Why a certificate ends early.

    ``certificateHold`` is not among them: to suspend a device, disable it.

    Source:
        RFC 5280 §5.3.1 (reason code).
    """

    UNSPECIFIED = "unspecified"
    KEY_COMPROMISE = "key_compromise"
    CA_COMPROMISE = "ca_compromise"
    AFFILIATION_CHANGED = "affiliation_changed"
    SUPERSEDED = "superseded"
    CESSATION_OF_OPERATION = "cessation_of_operation"
    PRIVILEGE_WITHDRAWN = "privilege_withdrawn"


REASON_FLAGS: Final = {
    RevocationReason.UNSPECIFIED: x509.ReasonFlags.unspecified,
    RevocationReason.KEY_COMPROMISE: x509.ReasonFlags.key_compromise,
    RevocationReason.CA_COMPROMISE: x509.ReasonFlags.ca_compromise,
    RevocationReason.AFFILIATION_CHANGED: x509.ReasonFlags.affiliation_changed,
    RevocationReason.SUPERSEDED: x509.ReasonFlags.superseded,
    RevocationReason.CESSATION_OF_OPERATION: x509.ReasonFlags.cessation_of_operation,
    RevocationReason.PRIVILEGE_WITHDRAWN: x509.ReasonFlags.privilege_withdrawn,
}


@dataclass(frozen=True, slots=True)
class CertificateProfile:
    """What every certificate of one kind looks like; the request decides nothing but the key.

    All profiles carry: basic constraints CA:FALSE and key usage digitalSignature, both critical; key identifiers of
    subject and issuer; a SAN; a random serial of 128 bits.
    """

    name: str
    purpose: Purpose
    extended_key_usage: x509.ObjectIdentifier
    default_lifetime: timedelta
    min_lifetime: timedelta
    max_lifetime: timedelta


DEVICE_PROFILE: Final = CertificateProfile(
    name="device",
    purpose=Purpose.OPERATIONAL,
    extended_key_usage=ExtendedKeyUsageOID.CLIENT_AUTH,
    default_lifetime=DEFAULT_LIFETIME,
    min_lifetime=timedelta(hours=1),
    max_lifetime=timedelta(days=90),
)
SERVER_PROFILE: Final = CertificateProfile(
    name="server",
    purpose=Purpose.SERVICES,
    extended_key_usage=ExtendedKeyUsageOID.SERVER_AUTH,
    default_lifetime=timedelta(days=90),
    min_lifetime=timedelta(hours=1),
    max_lifetime=timedelta(days=397),  # the longest that browsers accept
)


@dataclass(frozen=True, slots=True)
class Validity:
    """When a certificate is valid; whole seconds, as X.509 knows no others."""

    not_before: datetime
    not_after: datetime


def choose_validity(
    profile: CertificateProfile, lifetime: timedelta, *, now: datetime, issuer: x509.Certificate
) -> Validity:
    """Choose when a certificate begins and ends.

    It begins five minutes early, for devices whose clock lags, and neither begins before nor ends after its issuer.

    Raises:
        InvalidLifetime: Outside the profile.
        AuthorityExpired: The issuer is not valid now, or ends within ten minutes.
    """
    check_lifetime(profile, lifetime)
    now = now.replace(microsecond=0)
    issuer_end = issuer.not_valid_after_utc
    if now < issuer.not_valid_before_utc or now + SHORTEST_USEFUL_LIFETIME > issuer_end:
        raise AuthorityExpired(
            f"the {profile.purpose} authority is valid from {issuer.not_valid_before_utc:%Y-%m-%d %H:%M}Z to"
            f" {issuer_end:%Y-%m-%d %H:%M}Z and cannot issue now",
            hint="check the machine's clock, or create the next issuing authority from the offline root",
        )
    return Validity(max(now - BACKDATE, issuer.not_valid_before_utc), min(now + lifetime, issuer_end))


def check_lifetime(profile: CertificateProfile, lifetime: timedelta) -> None:
    """Check a lifetime against the profile.

    Raises:
        InvalidLifetime: Shorter or longer than the profile allows.
    """
    if not profile.min_lifetime <= lifetime <= profile.max_lifetime:
        raise InvalidLifetime(
            f"a lifetime of {lifetime} is outside the {profile.name} profile",
            hint=f"choose between {profile.min_lifetime} and {profile.max_lifetime}",
        )


def check_subject_name(name: str) -> str:
    """Check that a device's or module's name (``device`` or ``device/module``) can be a common name.

    Raises:
        InvalidSubjectName: Malformed, or longer than 64 characters.
    """
    device, slash, module = name.partition("/")
    try:
        parse_device_id(device)
        if slash:
            parse_module_id(module)
    except InvalidId as error:
        raise InvalidSubjectName(error.detail, hint=error.hint) from error
    if len(name) > NAME_MAX_CHARS:
        raise InvalidSubjectName(
            f"the name {name[:80]!r} has {len(name)} characters; a certificate's common name holds {NAME_MAX_CHARS}",
            hint="give identities that hold an issued certificate ids of at most 64 characters, device/module together",
        )
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate we issued, with its place in the renewal chain.

    Attributes:
        sha256: Of the DER, lower-case hex.
        serial: Lower-case hex of the serial number, 32 digits.
        authority_sha256: The issuing authority's certificate.
        public_key_sha256: Of the SubjectPublicKeyInfo in DER.
        permitted_until: Set when a successor was first used: the end of the overlap.
        first_used_at: When the identity first connected with it.
    """

    organization_id: OrganizationId
    sha256: str
    generation_id: GenerationId
    subject_name: str
    serial: str
    authority_sha256: str
    not_before: datetime
    not_after: datetime
    issued_at: datetime
    public_key_sha256: str
    der: bytes
    predecessor_sha256: str | None = None
    successor_sha256: str | None = None
    first_used_at: datetime | None = None
    permitted_until: datetime | None = None
    revoked_at: datetime | None = None
    revocation_reason: RevocationReason | None = None

    def ends_at(self) -> datetime:
        """Return when the certificate ends to be permitted, were nothing more to happen."""
        return self.not_after if self.permitted_until is None else min(self.not_after, self.permitted_until)

    def standing(self, now: datetime) -> Standing:
        """Say what the certificate is good for now."""
        if self.revoked_at is not None:
            return Standing.REVOKED
        if now >= self.not_after:
            return Standing.EXPIRED
        if now >= self.ends_at():
            return Standing.SUPERSEDED
        return Standing.PERMITTED


class Standing(StrEnum):
    """What a certificate is good for, for whoever must explain a refusal.

    ``UNKNOWN`` with a valid signature of ours means that the issuing key signed behind the records' back. ``ALTERED``
    is one of ours whose signature somebody rewrote into another valid one, which ECDSA lets anybody do: no alarm about
    the key, and no entry either.
    """

    PERMITTED = "permitted"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    REVOKED = "revoked"
    ALTERED = "altered"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedCertificate:
    """A certificate under our operational authority's signature that a gateway was shown and no record vouches for.

    Attributes:
        standing: ``UNKNOWN``, which an operator must look into, or ``ALTERED``.
        subject: RFC 4514 text from outside: escape it where it leaves.
        authority_sha256: Of the authority whose key signed it.
        claimed_generation_id: The identity it names; empty when it names none.
        presented_as: The name it was presented for; text from outside.
        acknowledged_at: When an operator took note of it.
    """

    organization_id: OrganizationId
    sha256: str
    standing: Standing
    serial: str
    subject: str
    authority_sha256: str
    claimed_generation_id: str
    not_before: datetime
    not_after: datetime
    der: bytes
    presented_as: str
    gateway: str
    remote_address: str
    reported_at: datetime
    acknowledged_at: datetime | None = None


class RenewalPlan(StrEnum):
    """What a renewal does, by what became of the certificate's successor."""

    EXTEND = "extend"
    REPLACE_UNUSED = "replace_unused"
    FREEZE = "freeze"
    REFUSE = "refuse"


def plan_renewal(current: Certificate, successor: Certificate | None, now: datetime) -> RenewalPlan:
    """Decide a renewal so that a certificate never has two living successors.

    A reply that was lost leaves a successor nobody used: it is replaced. A successor that *was* used and yet its
    predecessor renews again means that two parties hold the predecessor's key: the identity is frozen, even when the
    predecessor has meanwhile ended. A revoked certificate is refused and tells nothing new.
    """
    if current.revoked_at is not None:
        return RenewalPlan.REFUSE
    if successor is not None and successor.first_used_at is not None:
        return RenewalPlan.FREEZE
    if current.standing(now) is not Standing.PERMITTED:
        return RenewalPlan.REFUSE
    if successor is not None and successor.revoked_at is None:
        return RenewalPlan.REPLACE_UNUSED
    return RenewalPlan.EXTEND


class AuthorityState(StrEnum):
    """The life of an onboarding authority; our own are verified from birth."""

    UNVERIFIED = "unverified"
    VERIFIED = "verified"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityScope:
    """What an onboarding authority may vouch for, within its organization.

    Attributes:
        enrollment_group: ``None``: any enrollment of the organization that refers to it.
        device_id_pattern: Registration ids it may name; ``*`` stands for any characters.
    """

    enrollment_group: str | None = None
    device_id_pattern: str = "*"

    def covers(self, registration_id: str, *, enrollment_group: str | None) -> bool:
        """Say whether the authority may vouch for a registration id within an enrollment group."""
        if self.enrollment_group is not None and self.enrollment_group != enrollment_group:
            return False
        return matches_pattern(self.device_id_pattern, registration_id)


def matches_pattern(pattern: str, name: str) -> bool:
    """Match a whole name, ignoring ASCII case, against a pattern in which ``*`` stands for any characters.

    Linear in the name for each piece of the pattern: no input makes it slow.
    """
    first, *rest = pattern.lower().split("*")
    name = name.lower()
    if not rest:
        return name == first
    *middle, last = rest
    if not name.startswith(first) or not name.endswith(last) or len(name) < len(first) + len(last):
        return False
    position, end = len(first), len(name) - len(last)
    for piece in middle:
        found = name.find(piece, position, end)
        if found < 0:
            return False
        position = found + len(piece)
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """An authority on record: one of our own, or an outside one that may vouch for devices.

    Attributes:
        scope: Of an onboarding authority; our own have the widest, which nobody asks for.
        sha256: Of the certificate's DER, lower-case hex.
        subject: RFC 4514 text from outside: escape it where it leaves.
        public_key_sha256: Of the SubjectPublicKeyInfo in DER.
        revision: Grows with each change; what ``If-Match`` compares.
        verification_code: The common name of the certificate that proves possession of the key, while unverified.
        is_hub_trusted: It vouches at the hub, for who connects, and no more at enrollment.
    """

    organization_id: OrganizationId
    authority_id: AuthorityId
    purpose: Purpose
    name: str
    scope: AuthorityScope
    state: AuthorityState
    sha256: str
    subject: str
    public_key_sha256: str
    der: bytes
    not_before: datetime
    not_after: datetime
    registered_at: datetime
    revision: int = 1
    verification_code: str | None = None
    verification_expires_at: datetime | None = None
    verified_at: datetime | None = None
    is_hub_trusted: bool = False

    @property
    def vouches_at_enrollment(self) -> bool:
        """Whether it vouches for who registers: proved, not disabled, and not kept for the hub."""
        return self.state is AuthorityState.VERIFIED and not self.is_hub_trusted


@dataclass(frozen=True, slots=True, kw_only=True)
class VouchedCertificate:
    """A leaf that a registered authority vouches for at the hub; none of ours, known by its digest.

    Attributes:
        subject: RFC 4514 text from outside: escape it where it leaves.
        permitted_until: When the first certificate of its chain ends.
    """

    organization_id: OrganizationId
    generation_id: GenerationId
    sha256: str
    authority_id: AuthorityId
    subject: str
    serial: str
    permitted_until: datetime
    vouched_at: datetime
