"""Enrollments as the API shows and takes them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from fastapi import Request
from pydantic import Field

from vedette.api.device_views import GIVEN_KEY, IdentityClass, NewKeyView, read_keys, show_new_keys
from vedette.api.schema import Timestamp, View
from vedette.enrollment import (
    Approval,
    Attestation,
    CreatedEnrollment,
    CredentialMode,
    Enrollment,
    EnrollmentKind,
    InitialDevice,
    NewEnrollment,
    ReprovisionPolicy,
)
from vedette.kernel import AuthorityId
from vedette.pki import KeySlot, SymmetricKey
from vedette.trust import FailureMode

_TIMEOUT_MIN_S: Final = 300
_TIMEOUT_MAX_S: Final = 2_592_000


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
    desired: dict[str, Any] = Field(default_factory=dict, description="Desired properties of its twin.")


class NewEnrollmentView(View):
    """An enrollment to be created."""

    name: str = Field(min_length=1, max_length=128, examples=["Acme pumps"])
    kind: EnrollmentKind = Field(
        description="`individual`: one device by its own certificate or key; `group`: all of an authority or a key."
    )
    is_enabled: bool = True
    attestation: Attestation = Field(
        default=Attestation.X509,
        description="How devices prove who they are: `x509`, an onboarding certificate; `symmetric_key`: a weakness, "
        "refused unless `pki.symmetric_keys` is on.",
    )
    credential: CredentialMode = Field(
        default=CredentialMode.ISSUE,
        description="`issue`: a certificate of ours for the CSR the device sends; "
        "`onboarding`, `symmetric_key`: what it registered with, until a date: a weakness.",
    )
    onboarding_until: Timestamp | None = Field(default=None, description="Required with `onboarding`.")
    symmetric_key_until: Timestamp | None = Field(
        default=None, description="Required with attestation `symmetric_key`; at most 366 days ahead."
    )
    primary_key: str | None = GIVEN_KEY
    secondary_key: str | None = GIVEN_KEY
    registration_id: str | None = Field(
        default=None, max_length=128, description="Individual: with `x509` the common name of the pinned certificate."
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
    reprovision_policy: ReprovisionPolicy = Field(
        default=ReprovisionPolicy.KEEP,
        description="Of a known device that may register again: `keep` its twin, `reset` it, or `never` assign anew.",
    )
    approval: Approval = Field(
        default=Approval.NONE, description="`required`: each device waits until an operator lets it in."
    )
    approval_timeout_s: int = Field(
        default=86_400, ge=_TIMEOUT_MIN_S, le=_TIMEOUT_MAX_S, description="How long it waits, and an answer for it."
    )
    initial: InitialView = InitialView()
    payload: dict[str, Any] | None = Field(
        default=None, description="What devices are told in `registrationState.payload`; at most 8 KiB, no secrets."
    )

    def to_key_values(self) -> dict[KeySlot, bytes]:
        """Return the keys that exist already."""
        return read_keys(self.primary_key, self.secondary_key)

    def to_new_enrollment(self) -> NewEnrollment:
        """Return what enrollment is asked for."""
        names = NewEnrollment.__dataclass_fields__.keys() & NewEnrollmentView.model_fields.keys()
        values = {name: getattr(self, name) for name in names}
        values["initial"] = InitialDevice(**{name: getattr(self.initial, name) for name in InitialView.model_fields})
        values["authority_id"] = None if self.authority_id is None else AuthorityId(self.authority_id)
        return NewEnrollment(
            lifetime=None if self.lifetime_s is None else timedelta(seconds=self.lifetime_s),
            approval_timeout=timedelta(seconds=self.approval_timeout_s),
            **values,
        )


class EnrollmentPatch(View):
    """A merge patch (RFC 7396): null takes an optional property away, an absent one stays as it is."""

    approval: Approval | None = None
    approval_timeout_s: int | None = Field(default=None, ge=_TIMEOUT_MIN_S, le=_TIMEOUT_MAX_S)
    credential: CredentialMode | None = None
    id_pattern: str | None = Field(default=None, max_length=128)
    initial: dict[str, Any] | None = None
    is_enabled: bool | None = None
    lifetime_s: int | None = Field(default=None, ge=3600, le=7_776_000)
    name: str | None = Field(default=None, max_length=128)
    onboarding_until: Timestamp | None = None
    payload: dict[str, Any] | None = None
    primary_sha256: str | None = Field(default=None, max_length=128)
    reprovision_policy: ReprovisionPolicy | None = None
    secondary_sha256: str | None = Field(default=None, max_length=128)
    symmetric_key_until: Timestamp | None = None

    def to_patch(self) -> dict[str, object]:
        """Return the members that were sent."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class SymmetricKeyView(View):
    """A symmetric key on record; its value is never read back."""

    key_id: str
    slot: KeySlot
    created_at: Timestamp
    expires_at: Timestamp = Field(description="From then on it lets nobody in; rotate it before.")
    is_imported: bool = Field(description="An operator brought it: who else has it is not known.")


class EnrollmentView(View):
    """An enrollment on record."""

    enrollment_id: str
    name: str
    kind: EnrollmentKind
    is_enabled: bool
    attestation: Attestation
    credential: CredentialMode
    is_flagged: bool = Field(
        description="A weakness: a shared secret lets devices in, or an onboarding certificate opens the hub."
    )
    onboarding_until: Timestamp | None
    symmetric_key_until: Timestamp | None
    symmetric_keys: list[SymmetricKeyView]
    registration_id: str | None
    device_id: str | None
    primary_sha256: str | None
    secondary_sha256: str | None
    authority_id: str | None
    id_pattern: str
    lifetime_s: int | None
    reprovision_policy: ReprovisionPolicy
    approval: Approval
    approval_timeout_s: int
    initial: InitialView
    payload: dict[str, Any] | None
    created_at: Timestamp
    updated_at: Timestamp
    revision: int


class CreatedEnrollmentView(EnrollmentView):
    """A new enrollment, with its keys."""

    keys: list[NewKeyView] = Field(description="For `symmetric_key`: shown this once; empty for all others.")


def show_enrollment(enrollment: Enrollment, keys: Iterable[SymmetricKey] = ()) -> EnrollmentView:
    """Return an enrollment as it is shown, with those of the keys that are its own."""
    return EnrollmentView(**_members(enrollment, keys))


def show_created_enrollment(created: CreatedEnrollment, request: Request) -> CreatedEnrollmentView:
    """Return a new enrollment as it is shown this once."""
    new = () if created.keys is None else created.keys.keys
    members = _members(created.enrollment, (each.key for each in new))
    return CreatedEnrollmentView(keys=show_new_keys(created.keys, request), **members)


def _members(enrollment: Enrollment, keys: Iterable[SymmetricKey]) -> dict[str, Any]:  # Any: one type per member
    lifetime = enrollment.lifetime
    members = {name: getattr(enrollment, name, None) for name in EnrollmentView.model_fields}
    own = (key for key in keys if key.owner_id == enrollment.enrollment_id)
    return {
        **members,
        "initial": InitialView(**{name: getattr(enrollment.initial, name) for name in InitialView.model_fields}),
        "lifetime_s": None if lifetime is None else int(lifetime.total_seconds()),
        "approval_timeout_s": int(enrollment.approval_timeout.total_seconds()),
        "symmetric_keys": [
            SymmetricKeyView(**{name: getattr(key, name) for name in SymmetricKeyView.model_fields}) for key in own
        ],
    }
