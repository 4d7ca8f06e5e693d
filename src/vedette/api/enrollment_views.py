"""Enrollments and registrations as the API shows and takes them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic import Field

from vedette.api.device_views import IdentityClass
from vedette.api.schema import Timestamp, View
from vedette.enrollment import CredentialMode, Enrollment, EnrollmentKind, InitialDevice, NewEnrollment, Registration
from vedette.kernel import AuthorityId
from vedette.trust import FailureMode


class InitialView(View):
    """What a device is given when its enrollment creates it."""

    device_class: str = Field(default="standard", max_length=64)
    identity_class: IdentityClass = "physical"
    failure_mode: FailureMode = FailureMode.HOLD_LAST
    hold_s: int = Field(default=300, ge=0, le=604_800)
    site: str | None = Field(default=None, max_length=128)
    zone: str | None = Field(default=None, max_length=128)
    purdue_level: str | None = Field(default=None, max_length=4)
    tags: dict[str, Any] = Field(default_factory=dict)


class NewEnrollmentView(View):
    """An enrollment to be created."""

    name: str = Field(min_length=1, max_length=128, examples=["Acme pumps"])
    kind: EnrollmentKind = Field(
        description="`individual`: one device by its pinned certificate; `group`: by authority."
    )
    is_enabled: bool = True
    credential: CredentialMode = Field(
        default=CredentialMode.ISSUE,
        description="`issue`: a certificate of ours for the CSR the device sends; "
        "`onboarding`: the one it registered with, until a date: a weakness.",
    )
    onboarding_until: Timestamp | None = Field(default=None, description="Required with `onboarding`.")
    registration_id: str | None = Field(
        default=None, max_length=128, description="Individual: the common name of the pinned certificate."
    )
    device_id: str | None = Field(default=None, max_length=128, description="Individual: null takes the common name.")
    primary_sha256: str | None = Field(
        default=None, max_length=128, description="Individual: of the certificate's DER."
    )
    secondary_sha256: str | None = Field(default=None, max_length=128, description="Individual: of its replacement.")
    authority_id: str | None = Field(
        default=None, max_length=64, description="Group: the verified onboarding authority."
    )
    id_pattern: str = Field(default="*", max_length=128, description="Group: registration ids it may name.")
    lifetime_s: int | None = Field(
        default=None, ge=3600, le=7_776_000, description="Of certificates issued; null: as configured."
    )
    initial: InitialView = InitialView()

    def to_new_enrollment(self) -> NewEnrollment:
        """Return what enrollment is asked for."""
        initial = InitialDevice(**{name: getattr(self.initial, name) for name in InitialView.model_fields})
        return NewEnrollment(
            name=self.name,
            kind=self.kind,
            is_enabled=self.is_enabled,
            credential=self.credential,
            onboarding_until=self.onboarding_until,
            registration_id=self.registration_id,
            device_id=self.device_id,
            primary_sha256=self.primary_sha256,
            secondary_sha256=self.secondary_sha256,
            authority_id=None if self.authority_id is None else AuthorityId(self.authority_id),
            id_pattern=self.id_pattern,
            lifetime=None if self.lifetime_s is None else timedelta(seconds=self.lifetime_s),
            initial=initial,
        )


class EnrollmentPatch(View):
    """A merge patch (RFC 7396): null takes an optional property away, an absent one stays as it is."""

    credential: CredentialMode | None = None
    id_pattern: str | None = Field(default=None, max_length=128)
    initial: dict[str, Any] | None = None
    is_enabled: bool | None = None
    lifetime_s: int | None = Field(default=None, ge=3600, le=7_776_000)
    name: str | None = Field(default=None, max_length=128)
    onboarding_until: Timestamp | None = None
    primary_sha256: str | None = Field(default=None, max_length=128)
    secondary_sha256: str | None = Field(default=None, max_length=128)

    def to_patch(self) -> dict[str, object]:
        """Return the members that were sent."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class EnrollmentView(View):
    """An enrollment on record."""

    enrollment_id: str
    name: str
    kind: EnrollmentKind
    is_enabled: bool
    credential: CredentialMode
    is_flagged: bool = Field(description="It lets onboarding certificates open the hub: a weakness.")
    onboarding_until: Timestamp | None
    registration_id: str | None
    device_id: str | None
    primary_sha256: str | None
    secondary_sha256: str | None
    authority_id: str | None
    id_pattern: str
    lifetime_s: int | None
    initial: InitialView
    created_at: Timestamp
    updated_at: Timestamp
    revision: int


class RegistrationView(View):
    """What became of a registration id."""

    registration_id: str
    device_id: str
    generation_id: str | None = Field(description="Null once the device was deleted.")
    enrollment_id: str | None
    onboarding_sha256: str | None
    certificate_sha256: str | None = Field(description="The certificate last issued for it.")
    permit_until: Timestamp | None = Field(description="An operator lets it register once more until then.")
    locked_at: Timestamp | None = Field(description="Since when it may not register without such a permit.")
    lock_reason: str
    created_at: Timestamp
    updated_at: Timestamp


def show_enrollment(enrollment: Enrollment) -> EnrollmentView:
    """Return an enrollment as it is shown."""
    names = EnrollmentView.model_fields.keys() - {"initial", "lifetime_s"}
    initial = InitialView(**{name: getattr(enrollment.initial, name) for name in InitialView.model_fields})
    lifetime = enrollment.lifetime
    return EnrollmentView(
        initial=initial,
        lifetime_s=None if lifetime is None else int(lifetime.total_seconds()),
        **{name: getattr(enrollment, name) for name in names},
    )


def show_registration(registration: Registration) -> RegistrationView:
    """Return a registration as it is shown."""
    return RegistrationView(**{name: getattr(registration, name) for name in RegistrationView.model_fields})
