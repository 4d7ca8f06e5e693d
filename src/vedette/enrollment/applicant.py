"""Who asks to be registered: the request taken apart, its names compared. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

import msgspec
from cryptography import x509
from cryptography.x509.oid import NameOID

from vedette.bus.contract import RegisterDevice
from vedette.enrollment.decision import Refusal, RegistrationReason
from vedette.enrollment.model import Attestation
from vedette.kernel import EnrollmentId, InvalidId, RegistrationId, parse_registration_id
from vedette.protocols import RemoteProtocolError
from vedette.protocols.dps import Registration, RegistrationLimits, decode_registration
from vedette.protocols.hub import parse_sas_token
from vedette.trust import PARSE_ERRORS, certificate_sha256

CHAIN_MAX: Final = 5
CERTIFICATE_MAX_BYTES: Final = 16_384
KEPT_PAYLOAD_MAX_BYTES: Final = 8_192
_LIMITS: Final = RegistrationLimits()
_TOKEN_PREFIX: Final = b"SharedAccessSignature "
_BINDING: Final = b"vedette registration binding 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Applicant:
    """A device that asks for its place, with what it offers as proof of who it is.

    A certificate has been proved by the TLS handshake; a token is still to be verified.

    Attributes:
        common_name: What the device is called unless an enrollment says so: the common name of its certificate as it is
            spelled there, or the registration id.
        chain: DER, leaf first; empty with a token.
        leaf_sha256: ``None`` with a token.
        csr: PKCS #10, DER, not judged yet.
        payload: Custom payload as JSON without the CSR; empty when there is none, or one too long to be kept.
        payload_bytes: How long it is.
    """

    registration_id: RegistrationId
    common_name: str
    attestation: Attestation = Attestation.X509
    chain: tuple[bytes, ...] = ()
    leaf_sha256: str | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None
    token: bytes = field(default=b"", repr=False)
    csr: bytes | None = None
    payload: str = ""
    payload_bytes: int = 0
    gateway: str = ""
    remote_address: str = ""
    tls_version: str = ""
    cipher: str = ""
    protocol: str = ""

    def binding_sha256(self, enrollment_id: EnrollmentId, csr_key_sha256: str | None) -> str:
        """Return what an operator's approval is bound to: the proof, the enrollment that took it, the request's key."""
        proof = self.leaf_sha256 or self.attestation.value
        parts = (self.registration_id, enrollment_id, proof, csr_key_sha256 or "")
        return hashlib.sha256(b"\0".join((_BINDING, *(part.encode() for part in parts)))).hexdigest()


def read_applicant(request: RegisterDevice) -> Applicant | Refusal:
    """Take a request apart; the ids in user name, body and certificate must agree without regard to case.

    A poll has no body: its id is the user name's.
    """
    try:
        registration_id = parse_registration_id(request.registration_id)
        if request.operation_id is None:
            body = decode_registration(request.body, _LIMITS)
        else:
            body = Registration(registration_id=registration_id)
    except (InvalidId, RemoteProtocolError) as error:
        return Refusal(RegistrationReason.MALFORMED_REQUEST, str(error))
    payload, payload_bytes = _keep_payload(body)
    asked = Applicant(
        registration_id=registration_id,
        common_name=registration_id,
        csr=body.csr,
        payload=payload,
        payload_bytes=payload_bytes,
        gateway=request.gateway,
        remote_address=request.remote_address,
        tls_version=request.tls_version,
        cipher=request.cipher,
        protocol=request.protocol,
    )
    if request.password is not None and request.password.startswith(_TOKEN_PREFIX):
        return _read_bearer(request, asked, body)
    return _read_certificate(request, asked, body)


def judge_pinned(applicant: Applicant, now: datetime) -> Refusal | None:
    """Check the times of a certificate that is pinned, and so has no chain to be judged by."""
    not_before, not_after = applicant.not_before, applicant.not_after
    if not_before is None or not_after is None or not_before <= now < not_after:
        return None
    return Refusal(
        RegistrationReason.CERTIFICATE_EXPIRED,
        f"the onboarding certificate is valid from {not_before:%Y-%m-%d %H:%M}Z to {not_after:%Y-%m-%d %H:%M}Z",
        "check the clocks of device and server, or pin the device's new certificate",
    )


def _read_bearer(request: RegisterDevice, asked: Applicant, body: Registration) -> Applicant | Refusal:
    """Take a request whose proof is a token, which nothing has verified yet."""
    if asked.registration_id != body.registration_id:
        return _mismatch(asked, body, None)
    token = request.password or b""
    try:
        parse_sas_token(token.decode("utf-8"))
    except (UnicodeDecodeError, RemoteProtocolError) as error:
        return Refusal(
            RegistrationReason.TOKEN_INVALID,
            f"the password is no shared access signature: {error}",
            "let the SDK make the token: create_from_symmetric_key",
        )
    return replace(asked, attestation=Attestation.SYMMETRIC_KEY, token=token)


def _read_certificate(request: RegisterDevice, asked: Applicant, body: Registration) -> Applicant | Refusal:
    flaw = _judge_size(request)
    if flaw is not None:
        return flaw
    try:
        leaf = x509.load_der_x509_certificate(request.certificate_chain[0])
        names = [str(name.value) for name in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    except PARSE_ERRORS:
        return Refusal(RegistrationReason.CHAIN_NOT_TRUSTED, "the certificate cannot be read")
    named = {asked.registration_id, body.registration_id, *(name.lower() for name in names)}
    if len(names) != 1 or len(named) != 1:
        return _mismatch(asked, body, names[0] if names else "")
    return replace(
        asked,
        common_name=names[0],
        chain=tuple(request.certificate_chain),
        leaf_sha256=certificate_sha256(request.certificate_chain[0]),
        not_before=leaf.not_valid_before_utc,
        not_after=leaf.not_valid_after_utc,
    )


def _mismatch(asked: Applicant, body: Registration, common_name: str | None) -> Refusal:
    stands = f"the registration id is {asked.registration_id!r} in the user name, {body.registration_id!r} in the body"
    if common_name is not None:
        stands += f" and {common_name[:80]!r} in the certificate's common name"
    return Refusal(RegistrationReason.REGISTRATION_ID_MISMATCH, stands, "all must be the same")


def _judge_size(request: RegisterDevice) -> Refusal | None:
    if not request.certificate_chain:
        return Refusal(
            RegistrationReason.CERTIFICATE_MISSING,
            "no certificate was presented, and no token",
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


def _keep_payload(body: Registration) -> tuple[str, int]:
    """Return the custom payload as it is kept, and its length; a CSR stands elsewhere and is left out."""
    if not body.payload:
        return "", 0
    raw = body.payload
    if body.is_csr_in_payload or b'"csr"' in raw:
        found = msgspec.json.decode(raw)
        if isinstance(found, dict) and found.pop("csr", None) is not None:
            raw = msgspec.json.encode(found) if found else b""
    return (raw.decode() if len(raw) <= KEPT_PAYLOAD_MAX_BYTES else ""), len(raw)
