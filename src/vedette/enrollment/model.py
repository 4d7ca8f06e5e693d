"""What an enrollment is: who may register, and what they get; and what a registration became. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from vedette.kernel import AuthorityId, DeviceId, EnrollmentId, GenerationId, OrganizationId, RegistrationId
from vedette.registry import Authentication, IdentityClass, NewDevice, Origin, Tags
from vedette.trust import FailureMode, Lifecycle

APPROVAL_TIMEOUT: Final = timedelta(hours=24)


class EnrollmentKind(StrEnum):
    """``individual``: one device, by its own certificate or key. ``group``: all that an authority or a key covers."""

    INDIVIDUAL = "individual"
    GROUP = "group"


class Attestation(StrEnum):
    """How a device proves who it is when it registers.

    ``x509``: an onboarding certificate. ``symmetric_key``: a shared secret, for devices that can do no better; off by
    default, with an end, and shown as a weakness.
    """

    X509 = "x509"
    SYMMETRIC_KEY = "symmetric_key"


class CredentialMode(StrEnum):
    """What a device connects with after it registered.

    ``issue``: a certificate of ours, for the CSR it sends. ``onboarding``: the certificate it registered with, for
    SDKs that cannot do better; off by default, with an end, and shown as a weakness. ``symmetric_key``: the key it
    registered with, likewise.
    """

    ISSUE = "issue"
    ONBOARDING = "onboarding"
    SYMMETRIC_KEY = "symmetric_key"


class ReprovisionPolicy(StrEnum):
    """What becomes of a known device that registers again, where that is permitted at all.

    ``keep``: assigned anew, its twin stays. ``reset``: assigned anew, its twin becomes the initial one. ``never``: told
    its assignment as it stands; no new certificate is issued.
    """

    KEEP = "keep"
    RESET = "reset"
    NEVER = "never"


class Approval(StrEnum):
    """Whether an operator looks at each device before it is let in."""

    NONE = "none"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True, kw_only=True)
class InitialDevice:
    """What a device is given when its enrollment creates it; later changes belong to the operator.

    Attributes:
        desired: Desired properties of its twin.
    """

    device_class: str = "standard"
    identity_class: IdentityClass = "physical"
    failure_mode: FailureMode = FailureMode.HOLD_LAST
    hold_s: int = 300
    site: str | None = None
    zone: str | None = None
    purdue_level: str | None = None
    tags: Tags = field(default_factory=dict)
    desired: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON

    def to_device(self, device_id: str, authentication: Authentication, origin: Origin) -> NewDevice:
        """Return the device to be created, onboarded."""
        return NewDevice(
            device_id=device_id,
            authentication=authentication,
            origin=origin,
            lifecycle=Lifecycle.ONBOARDED,
            device_class=self.device_class,
            identity_class=self.identity_class,
            failure_mode=self.failure_mode,
            hold_s=self.hold_s,
            site=self.site,
            zone=self.zone,
            purdue_level=self.purdue_level,
            tags=self.tags,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEnrollment:
    """What is asked for when an enrollment is created.

    Attributes:
        onboarding_until: With ``credential = onboarding``: when that ends.
        symmetric_key_until: With ``attestation = symmetric_key``: when its keys end.
        registration_id: Individual only; with x509 the common name of the pinned certificate.
        device_id: Individual only; the common name or registration id when not given.
        primary_sha256: Individual x509 only, of the pinned certificate's DER; the secondary is for its replacement.
        authority_id: Group x509 only: the onboarding authority that vouches.
        id_pattern: Group only: registration ids it may name; ``*`` stands for any characters.
        lifetime: Of certificates issued; ``None``: as the PKI is configured.
        approval_timeout: How long a registration waits for an operator, and an operator's word for the device.
        payload: What the device is told in its registration's custom payload.
    """

    name: str
    kind: EnrollmentKind
    is_enabled: bool = True
    attestation: Attestation = Attestation.X509
    credential: CredentialMode = CredentialMode.ISSUE
    onboarding_until: datetime | None = None
    symmetric_key_until: datetime | None = None
    registration_id: str | None = None
    device_id: str | None = None
    primary_sha256: str | None = None
    secondary_sha256: str | None = None
    authority_id: AuthorityId | None = None
    id_pattern: str = "*"
    lifetime: timedelta | None = None
    reprovision_policy: ReprovisionPolicy = ReprovisionPolicy.KEEP
    approval: Approval = Approval.NONE
    approval_timeout: timedelta = APPROVAL_TIMEOUT
    initial: InitialDevice = field(default_factory=InitialDevice)
    payload: Mapping[str, Any] | None = None  # Any: JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrollment:
    """An enrollment on record; the attributes are those of ``NewEnrollment``."""

    organization_id: OrganizationId
    enrollment_id: EnrollmentId
    name: str
    kind: EnrollmentKind
    is_enabled: bool
    attestation: Attestation
    credential: CredentialMode
    onboarding_until: datetime | None
    symmetric_key_until: datetime | None
    registration_id: RegistrationId | None
    device_id: DeviceId | None
    primary_sha256: str | None
    secondary_sha256: str | None
    authority_id: AuthorityId | None
    id_pattern: str
    lifetime: timedelta | None
    reprovision_policy: ReprovisionPolicy
    approval: Approval
    approval_timeout: timedelta
    initial: InitialDevice
    payload: Mapping[str, Any] | None  # Any: JSON
    created_at: datetime
    updated_at: datetime
    revision: int

    @property
    def etag(self) -> str:
        """The revision as an entity tag."""
        return f'"{self.revision}"'

    @property
    def is_flagged(self) -> bool:
        """Whether a shared secret lets devices in, or an onboarding certificate opens the hub: a weakness."""
        return self.credential is not CredentialMode.ISSUE or self.attestation is Attestation.SYMMETRIC_KEY

    def pins(self, sha256: str) -> bool:
        """Tell whether a certificate is the primary or secondary one of an individual enrollment."""
        return sha256 in {self.primary_sha256, self.secondary_sha256}


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What is known of a registration id: the device it became, and whether it may register again.

    Attributes:
        generation_id: ``None`` once the device was deleted.
        onboarding_sha256: Of the onboarding certificate; ``None`` where a symmetric key was the proof.
        certificate_sha256: The certificate last issued for it.
        approved_binding: What an operator approved of, as ``PendingRegistration.binding_sha256`` says.
        payload: The device's custom payload, JSON; text from outside. Empty if there was none or it was too long.
        payload_bytes: How long that was.
        permit_until: An operator lets it register once more until then.
        locked_at: Since when it may not register without such a permit.
    """

    organization_id: OrganizationId
    registration_id: RegistrationId
    device_id: DeviceId
    generation_id: GenerationId | None
    enrollment_id: EnrollmentId | None
    onboarding_sha256: str | None
    certificate_sha256: str | None
    operation_id: str
    approved_binding: str | None = None
    payload: str = ""
    payload_bytes: int = 0
    permit_until: datetime | None
    locked_at: datetime | None
    lock_reason: str
    created_at: datetime
    updated_at: datetime
    revision: int

    def is_permitted_again(self, now: datetime) -> bool:
        """Tell whether an operator's permit to register once more is in force."""
        return self.permit_until is not None and now < self.permit_until


class PendingState(StrEnum):
    """What an operator has said of a registration that waits."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingRegistration:
    """A registration that passed every check and waits for an operator, or for the device to fetch its answer.

    Attributes:
        binding_sha256: Of what is approved: the proof of identity and the key of the request.
        onboarding_sha256: Of the onboarding certificate; ``None`` where a symmetric key is the proof. So are its names.
        csr: The request as sent, PKCS #10, DER.
        csr_key_sha256: Of its public key.
        payload: The device's custom payload, JSON; text from outside.
        expires_at: When the wait ends, or an operator's word.
    """

    organization_id: OrganizationId
    registration_id: RegistrationId
    device_id: DeviceId
    enrollment_id: EnrollmentId
    operation_id: str
    state: PendingState = PendingState.PENDING
    attestation: Attestation
    binding_sha256: str
    onboarding_sha256: str | None
    subject: str
    issuer: str
    serial: str
    not_before: datetime | None
    not_after: datetime | None
    csr: bytes | None
    csr_key_sha256: str | None
    payload: str
    payload_bytes: int
    gateway: str
    remote_address: str
    requested_at: datetime
    expires_at: datetime
    decided_at: datetime | None = None
    decided_by: str = ""
    reason: str = ""

    def has_expired(self, now: datetime) -> bool:
        """Tell whether nobody waits any more."""
        return now >= self.expires_at
