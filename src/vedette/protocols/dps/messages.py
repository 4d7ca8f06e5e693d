"""The provisioning service's bodies: camelCase JSON on the wire, typed here."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import enum
from typing import Any, Final

import msgspec

from vedette.kernel import InvalidId, RegistrationId, parse_registration_id
from vedette.protocols.errors import RemoteProtocolError


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationLimits:
    """Ceilings of a registration request; a value equal to the limit passes, one more does not.

    Attributes:
        max_body_bytes: The whole body.
        max_csr_bytes: The certification request, DER.
        max_depth: Objects and arrays within each other, in the custom payload.
    """

    max_body_bytes: int = 98_304
    max_csr_bytes: int = 8_192
    max_depth: int = 16


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """What a device asks for.

    Attributes:
        registration_id: In lower case.
        payload: The custom payload as JSON text; empty if absent.
        csr: PKCS #10, DER, unchecked; from ``csr`` or from ``csr`` within the custom payload.
        is_csr_in_payload: The device reads the chain from the answer's custom payload.
    """

    registration_id: RegistrationId
    payload: bytes = b""
    csr: bytes | None = None
    is_csr_in_payload: bool = False


class RegistrationStatus(enum.Enum):
    """How a registration stands."""

    UNASSIGNED = "unassigned"
    ASSIGNING = "assigning"
    ASSIGNED = "assigned"
    FAILED = "failed"
    DISABLED = "disabled"


class RegistrationSubstatus(enum.Enum):
    """How an assignment came about."""

    INITIAL_ASSIGNMENT = "initialAssignment"
    DEVICE_DATA_MIGRATED = "deviceDataMigrated"
    DEVICE_DATA_RESET = "deviceDataReset"
    REPROVISIONED_TO_INITIAL_ASSIGNMENT = "reprovisionedToInitialAssignment"


class CertificateInfo(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The onboarding certificate as the service saw it."""

    subject_name: str | None = None
    sha1_thumbprint: str | None = None
    sha256_thumbprint: str | None = None
    issuer_name: str | None = None
    not_before_utc: str | None = None
    not_after_utc: str | None = None
    serial_number: str | None = None
    version: int | None = None


class X509Result(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How an X.509 device was attested."""

    certificate_info: CertificateInfo | None = None
    enrollment_group_id: str | None = None
    signing_certificate_info: CertificateInfo | None = None


class SymmetricKeyResult(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How a symmetric-key device was attested."""

    enrollment_group_id: str | None = None


class RegistrationState(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The outcome for one device; absent fields are left out. Times are RFC 3339 text.

    Attributes:
        payload: Custom data for the device, any JSON: plain values or ``msgspec.Raw``.
        issued_certificate_chain: Base64 DER, leaf first.
    """

    registration_id: str
    status: RegistrationStatus
    assigned_hub: str | None = None
    device_id: str | None = None
    substatus: RegistrationSubstatus | None = None
    created_date_time_utc: str | None = None
    last_updated_date_time_utc: str | None = None
    etag: str | None = None
    payload: Any = None  # the contract says "any JSON"
    error_code: int | None = None
    error_message: str | None = None
    x509: X509Result | None = None
    symmetric_key: SymmetricKeyResult | None = None
    issued_certificate_chain: tuple[str, ...] | None = None


class RegistrationOperation(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The body of an answer with status 200 or 202."""

    operation_id: str
    status: RegistrationStatus
    registration_state: RegistrationState | None = None


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The body of an answer with an error status."""

    error_code: int
    tracking_id: str
    message: str
    timestamp_utc: str
    info: dict[str, str] = msgspec.field(default_factory=dict)


class _Request(msgspec.Struct, rename="camel"):
    registration_id: str
    payload: msgspec.Raw = msgspec.Raw(b"")
    csr: str | None = None
    tpm: msgspec.Raw = msgspec.Raw(b"")


_REQUEST: Final = msgspec.json.Decoder(_Request)
_OPERATION: Final = msgspec.json.Decoder(RegistrationOperation)
_ERROR: Final = msgspec.json.Decoder(ErrorBody)
_ENCODER: Final = msgspec.json.Encoder()


def decode_registration(body: bytes, limits: RegistrationLimits) -> Registration:
    """Read the body of a register request.

    A CSR may stand in ``csr`` or, for SDKs that know no such field, in ``csr`` within the custom payload; in both they
    must be equal.

    Raises:
        RemoteProtocolError: Not the contract's JSON, over a limit, a malformed CSR, or ``tpm``, which is not served
            over MQTT. Answer with status 400.
    """
    if len(body) > limits.max_body_bytes:
        raise RemoteProtocolError(f"registration of {len(body)} bytes exceeds the limit of {limits.max_body_bytes}")
    try:
        request = _REQUEST.decode(body)
        payload = msgspec.json.decode(request.payload) if bytes(request.payload) else None
    except (msgspec.MsgspecError, RecursionError, ValueError):
        raise RemoteProtocolError("registration is not the JSON the contract asks for") from None
    if bytes(request.tpm):
        raise RemoteProtocolError("TPM attestation is not served over MQTT")
    try:
        registration_id = parse_registration_id(request.registration_id)
    except InvalidId:
        raise RemoteProtocolError("registrationId is not valid") from None
    if not is_within_depth(payload, limits.max_depth):
        raise RemoteProtocolError(f"payload nests deeper than {limits.max_depth}")
    in_payload = payload.get("csr") if isinstance(payload, dict) else None
    if in_payload is not None and request.csr is not None and in_payload != request.csr:
        raise RemoteProtocolError("csr and payload.csr differ")
    text = request.csr if request.csr is not None else in_payload
    return Registration(
        registration_id=registration_id,
        payload=bytes(request.payload),
        csr=None if text is None else _decode_csr(text, limits.max_csr_bytes),
        is_csr_in_payload=request.csr is None and in_payload is not None,
    )


# ``payload`` is Any because the contract says "any JSON".
def encode_registration(registration_id: str, *, payload: Any = None, csr: bytes | None = None) -> bytes:
    """Write the body of a register request, for a device; absent fields are left out."""
    body: dict[str, Any] = {"registrationId": registration_id}  # values of several types, JSON next
    if payload is not None:
        body["payload"] = payload
    if csr is not None:
        body["csr"] = base64.b64encode(csr).decode("ascii")
    return _ENCODER.encode(body)


def encode_body(body: RegistrationOperation | ErrorBody) -> bytes:
    """Write the body of an answer."""
    return _ENCODER.encode(body)


def decode_operation(body: bytes) -> RegistrationOperation:
    """Read the body of an answer with status 200 or 202, for a device.

    Raises:
        RemoteProtocolError: Not the contract's JSON.
    """
    try:
        return _OPERATION.decode(body)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        raise RemoteProtocolError("answer is not the JSON the contract asks for") from None


def decode_error(body: bytes) -> ErrorBody:
    """Read the body of an answer with an error status, for a device.

    Raises:
        RemoteProtocolError: Not the contract's JSON.
    """
    try:
        return _ERROR.decode(body)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        raise RemoteProtocolError("answer is not the JSON the contract asks for") from None


def _decode_csr(text: object, max_bytes: int) -> bytes:
    if not isinstance(text, str):
        raise RemoteProtocolError("csr is not text")
    try:
        der = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise RemoteProtocolError("csr is not base64 of DER (no PEM armour)") from None
    if not der:
        raise RemoteProtocolError("csr is empty")
    if len(der) > max_bytes:
        raise RemoteProtocolError(f"csr of {len(der)} bytes exceeds the limit of {max_bytes}")
    return der


def is_within_depth(value: object, max_depth: int) -> bool:
    """Tell whether JSON nests at most so deep; a value that is no container nests not at all."""
    containers = [value] if isinstance(value, dict | list) else []
    for _ in range(max_depth):
        containers = [
            child
            for container in containers
            for child in (container.values() if isinstance(container, dict) else container)
            if isinstance(child, dict | list)
        ]
    return not containers
