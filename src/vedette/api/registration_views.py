"""Registrations as the API shows them: those that became a device, and those that wait for an operator."""

from __future__ import annotations

from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import Field

from vedette.api.schema import REASON_MAX_CHARS, RequiredReason, Timestamp, View
from vedette.enrollment import Attestation, PendingRegistration, PendingState, Registration
from vedette.trust import PARSE_ERRORS

_BINDING: Final = "^[0-9a-fA-F]{64}$"


class RegistrationView(View):
    """What became of a registration id."""

    registration_id: str
    device_id: str
    generation_id: str | None = Field(description="Null once the device was deleted.")
    enrollment_id: str | None
    onboarding_sha256: str | None = Field(description="Null where a symmetric key was the proof.")
    certificate_sha256: str | None = Field(description="The certificate last issued for it.")
    payload: str = Field(
        description="The device's custom payload, JSON as text: not to be trusted. Empty if over 8 KiB."
    )
    payload_bytes: int = Field(description="How long that was.")
    permit_until: Timestamp | None = Field(description="An operator lets it register once more until then.")
    locked_at: Timestamp | None = Field(description="Since when it may not register without such a permit.")
    lock_reason: str
    created_at: Timestamp
    updated_at: Timestamp


class PendingRegistrationView(View):
    """A registration that passed every check and waits for an operator, or for the device to fetch its answer."""

    registration_id: str
    device_id: str = Field(description="What the device is or will be called.")
    enrollment_id: str
    enrollment_name: str
    state: PendingState
    attestation: Attestation
    binding_sha256: str = Field(
        description="Of proof, enrollment and the key of the request: what an approval is given for, and nothing else."
    )
    onboarding_sha256: str | None = Field(description="Of the onboarding certificate; null with a symmetric key.")
    subject: str = Field(description="Of that certificate, as are the next four.")
    issuer: str
    serial: str
    not_before: Timestamp | None
    not_after: Timestamp | None
    csr_key_sha256: str | None = Field(description="Of the public key that a certificate is asked for.")
    csr_pem: str | None
    payload: str = Field(
        description="The device's custom payload, JSON as text: not to be trusted. Empty if over 8 KiB."
    )
    payload_bytes: int = Field(description="How long that was.")
    gateway: str
    remote_address: str
    requested_at: Timestamp
    expires_at: Timestamp = Field(description="Until when it waits, or what an operator said of it counts.")
    decided_at: Timestamp | None
    decided_by: str
    reason: str


class Approving(View):
    """What is approved, and why."""

    binding_sha256: str = Field(pattern=_BINDING, description="As listed; another one by now is refused with 412.")
    reason: str = Field(default="", max_length=REASON_MAX_CHARS, description="Why, in your own words.")


class Rejecting(RequiredReason):
    """What is rejected, and why."""

    binding_sha256: str | None = Field(
        default=None, pattern=_BINDING, description="As listed; null rejects whatever waits."
    )


def show_registration(registration: Registration) -> RegistrationView:
    """Return a registration as it is shown."""
    return RegistrationView(**{name: getattr(registration, name) for name in RegistrationView.model_fields})


def show_pending(waiting: PendingRegistration, enrollment_name: str) -> PendingRegistrationView:
    """Return a registration that waits as it is shown."""
    names = PendingRegistrationView.model_fields.keys() - {"enrollment_name", "csr_pem"}
    return PendingRegistrationView(
        enrollment_name=enrollment_name,
        csr_pem=_to_pem(waiting.csr),
        **{name: getattr(waiting, name) for name in names},
    )


def _to_pem(csr: bytes | None) -> str | None:
    if csr is None:
        return None
    try:
        return x509.load_der_x509_csr(csr).public_bytes(Encoding.PEM).decode("ascii")
    except PARSE_ERRORS:
        return None
