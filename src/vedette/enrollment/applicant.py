"""Who asks to be registered: the request taken apart, its three names compared. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from vedette.bus.contract import RegisterDevice
from vedette.enrollment.decision import Refusal, RegistrationReason
from vedette.kernel import InvalidId, RegistrationId, parse_registration_id
from vedette.protocols import RemoteProtocolError
from vedette.protocols.dps import RegistrationLimits, decode_registration
from vedette.trust import PARSE_ERRORS, certificate_sha256

CHAIN_MAX: Final = 5
CERTIFICATE_MAX_BYTES: Final = 16_384
_LIMITS: Final = RegistrationLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Applicant:
    """A device that proved to hold its onboarding key and asks for its place.

    Attributes:
        common_name: Of the onboarding certificate as it is spelled there; the device id, unless an enrollment says so.
        chain: DER, leaf first.
        csr: PKCS #10, DER, not judged yet.
    """

    registration_id: RegistrationId
    common_name: str
    chain: tuple[bytes, ...]
    leaf_sha256: str
    not_before: datetime
    not_after: datetime
    csr: bytes | None


def read_applicant(request: RegisterDevice) -> Applicant | Refusal:
    """Take a request apart; the ids in user name, body and certificate must agree without regard to case."""
    flaw = _judge_size(request)
    if flaw is not None:
        return flaw
    try:
        registration_id = parse_registration_id(request.registration_id)
        body = decode_registration(request.body, _LIMITS)
    except (InvalidId, RemoteProtocolError) as error:
        return Refusal(RegistrationReason.MALFORMED_REQUEST, str(error))
    try:
        leaf = x509.load_der_x509_certificate(request.certificate_chain[0])
        names = [str(name.value) for name in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    except PARSE_ERRORS:
        return Refusal(RegistrationReason.CHAIN_NOT_TRUSTED, "the certificate cannot be read")
    named = {registration_id, body.registration_id, *(name.lower() for name in names)}
    if len(names) != 1 or len(named) != 1:
        shown = names[0][:80] if names else ""
        return Refusal(
            RegistrationReason.REGISTRATION_ID_MISMATCH,
            f"the registration id is {registration_id!r} in the user name, {body.registration_id!r} in the body and"
            f" {shown!r} in the certificate's common name",
            "all three must be the same",
        )
    return Applicant(
        registration_id=registration_id,
        common_name=names[0],
        chain=tuple(request.certificate_chain),
        leaf_sha256=certificate_sha256(request.certificate_chain[0]),
        not_before=leaf.not_valid_before_utc,
        not_after=leaf.not_valid_after_utc,
        csr=body.csr,
    )


def _judge_size(request: RegisterDevice) -> Refusal | None:
    if not request.certificate_chain:
        return Refusal(
            RegistrationReason.CERTIFICATE_MISSING,
            "no certificate was presented",
            "configure the device with its onboarding certificate",
        )
    is_long = len(request.certificate_chain) > CHAIN_MAX
    if is_long or any(len(der) > CERTIFICATE_MAX_BYTES for der in request.certificate_chain):
        return Refusal(
            RegistrationReason.CHAIN_NOT_TRUSTED,
            f"a chain has at most {CHAIN_MAX} certificates of {CERTIFICATE_MAX_BYTES} bytes",
            "send the leaf and only the intermediates up to the registered authority",
        )
    return None


def judge_pinned(applicant: Applicant, now: datetime) -> Refusal | None:
    """Check the times of a certificate that is pinned, and so has no chain to be judged by."""
    if applicant.not_before <= now < applicant.not_after:
        return None
    return Refusal(
        RegistrationReason.CERTIFICATE_EXPIRED,
        f"the onboarding certificate is valid from {applicant.not_before:%Y-%m-%d %H:%M}Z"
        f" to {applicant.not_after:%Y-%m-%d %H:%M}Z",
        "check the clocks of device and server, or pin the device's new certificate",
    )
