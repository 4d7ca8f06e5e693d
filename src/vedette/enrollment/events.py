"""What enrollment tells; ``generation_id`` is the device's, empty where none is concerned."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class EnrollmentCreated(msgspec.Struct, frozen=True, kw_only=True):
    """From now on an enrollment lets devices register."""

    name: ClassVar[str] = "enrollment.enrollment_created"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str = ""
    enrollment_id: str
    kind: str
    credential: str


class EnrollmentChanged(msgspec.Struct, frozen=True, kw_only=True):
    """Properties of an enrollment were changed; ``changed`` names them."""

    name: ClassVar[str] = "enrollment.enrollment_changed"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str = ""
    enrollment_id: str
    changed: tuple[str, ...]


class EnrollmentDeleted(msgspec.Struct, frozen=True, kw_only=True):
    """An enrollment lets nobody register any more; devices that did are not touched."""

    name: ClassVar[str] = "enrollment.enrollment_deleted"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str = ""
    enrollment_id: str


class DeviceEnrolled(msgspec.Struct, frozen=True, kw_only=True):
    """A device registered with its onboarding identity and was assigned.

    Attributes:
        onboarding_sha256: Of the onboarding certificate; ``None`` where a symmetric key was the proof.
        certificate_sha256: Of the operational certificate; ``None`` where the onboarding one is used at the hub.
    """

    name: ClassVar[str] = "enrollment.device_enrolled"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    device_id: str
    registration_id: str
    enrollment_id: str
    credential: str
    onboarding_sha256: str | None
    certificate_sha256: str | None = None


class ReenrollmentAllowed(msgspec.Struct, frozen=True, kw_only=True):
    """An operator lets a device's onboarding identity register once more, until ``permit_until`` (RFC 3339)."""

    name: ClassVar[str] = "enrollment.reenrollment_allowed"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    registration_id: str
    permit_until: str
    # Empty in events from before it was told.
    device_id: str = ""


class RegistrationLocked(msgspec.Struct, frozen=True, kw_only=True):
    """An onboarding identity may not register until an operator allows it."""

    name: ClassVar[str] = "enrollment.registration_locked"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    registration_id: str
    reason: str


class RegistrationPending(msgspec.Struct, frozen=True, kw_only=True):
    """A registration passed every check and waits for an operator until ``expires_at`` (RFC 3339)."""

    name: ClassVar[str] = "enrollment.registration_pending"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str = ""
    registration_id: str
    enrollment_id: str
    binding_sha256: str
    expires_at: str


class RegistrationApproved(msgspec.Struct, frozen=True, kw_only=True):
    """An operator lets in what waited; the device is told when it asks next."""

    name: ClassVar[str] = "enrollment.registration_approved"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str = ""
    registration_id: str
    enrollment_id: str
    binding_sha256: str


class RegistrationRejected(msgspec.Struct, frozen=True, kw_only=True):
    """An operator keeps out what waited, or takes an unused approval back."""

    name: ClassVar[str] = "enrollment.registration_rejected"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str = ""
    registration_id: str
    enrollment_id: str
    binding_sha256: str
