"""What an enrollment may be: its properties checked when it is created, and when it is changed. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar, get_args

import msgspec

from vedette.enrollment.errors import InvalidEnrollment
from vedette.enrollment.model import (
    Approval,
    Attestation,
    CredentialMode,
    Enrollment,
    EnrollmentKind,
    InitialDevice,
    NewEnrollment,
    ReprovisionPolicy,
)
from vedette.kernel import InvalidId, parse_device_id, parse_registration_id
from vedette.pki import DEVICE_PROFILE
from vedette.protocols.dps import is_within_depth
from vedette.registry import (
    Authentication,
    AuthenticationType,
    IdentityClass,
    Origin,
    apply_merge_patch,
    check_desired,
    check_new,
)
from vedette.trust import FailureMode

NAME_MAX_CHARS: Final = 128
PATTERN_MAX_CHARS: Final = 128
# A common name holds 64 characters, and the registration id must equal it.
X509_REGISTRATION_ID_MAX_CHARS: Final = 64
ONBOARDING_MAX: Final = timedelta(days=366)
SYMMETRIC_KEY_MAX: Final = timedelta(days=366)
APPROVAL_TIMEOUT_MIN: Final = timedelta(minutes=5)
APPROVAL_TIMEOUT_MAX: Final = timedelta(days=30)
PAYLOAD_MAX_BYTES: Final = 8_192
PAYLOAD_MAX_DEPTH: Final = 16
# The answer's custom payload brings the chain under this name.
CHAIN_MEMBER: Final = "issuedCertificateChain"
_SECONDS_MAX: Final = 10**9

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_PATTERN: Final = re.compile(r"[A-Za-z0-9\-._:*]{1,128}")
_PATCHABLE: Final = frozenset(
    {
        "approval",
        "approval_timeout_s",
        "credential",
        "id_pattern",
        "initial",
        "is_enabled",
        "lifetime_s",
        "name",
        "onboarding_until",
        "payload",
        "primary_sha256",
        "reprovision_policy",
        "secondary_sha256",
        "symmetric_key_until",
    }
)
_INITIAL: Final = frozenset(
    {"desired", "device_class", "failure_mode", "hold_s", "identity_class", "purdue_level", "site", "tags", "zone"}
)

W = TypeVar("W", CredentialMode, ReprovisionPolicy, Approval)


def check_new_enrollment(new: NewEnrollment, now: datetime) -> NewEnrollment:
    """Check an enrollment to be created, and normalize its names and digests.

    Raises:
        InvalidEnrollment: A property is missing, belongs to the other kind, or is outside its limits.
        InvalidDevice: An initial property is outside its limits.
        InvalidTwin: Initial desired properties break a limit; ``TwinTooLarge`` by their size.
    """
    _check_name(new.name)
    _check_credential(new, now)
    _check_symmetric_key(new, now)
    _check_lifetime(new.lifetime)
    if not APPROVAL_TIMEOUT_MIN <= new.approval_timeout <= APPROVAL_TIMEOUT_MAX:
        raise InvalidEnrollment(
            f"registrations wait {APPROVAL_TIMEOUT_MIN} to {APPROVAL_TIMEOUT_MAX} for approval,"
            f" not {new.approval_timeout}"
        )
    _check_payload(new.payload)
    check_new(new.initial.to_device("any", Authentication(type=AuthenticationType.ISSUED), Origin()))
    new = replace(new, initial=replace(new.initial, desired=check_desired(new.initial.desired)))
    if new.kind is EnrollmentKind.INDIVIDUAL:
        return _check_individual(new)
    return _check_group(new)


def patch_enrollment(enrollment: Enrollment, patch: Mapping[str, object], now: datetime) -> Enrollment:
    """Return the enrollment changed as a merge patch says.

    Raises:
        InvalidEnrollment: An unknown or fixed property, or a value outside its limits.
        InvalidDevice: An initial property is outside its limits.
    """
    unknown = patch.keys() - _PATCHABLE
    if unknown:
        raise InvalidEnrollment(
            f"{min(unknown)[:80]!r} of an enrollment cannot be changed",
            hint=f"these can: {', '.join(sorted(_PATCHABLE))}",
        )
    changes: dict[str, Any] = {}  # Any: one type per property
    for name, value in patch.items():
        property_name, read = _READERS.get(name, (name, _text_or_none))
        changes[property_name] = read(enrollment, value, name)
    changed = replace(enrollment, **changes)
    names = NewEnrollment.__dataclass_fields__
    checked = check_new_enrollment(NewEnrollment(**{name: getattr(changed, name) for name in names}), now)
    return replace(changed, **{name: getattr(checked, name) for name in names})


def parse_sha256(text: str) -> str:
    """Normalize the SHA-256 of a certificate: colons and spaces dropped, lower case.

    Raises:
        InvalidEnrollment: Not 64 hex digits.
    """
    digest = text.replace(":", "").replace(" ", "").lower() if len(text) <= 2 * NAME_MAX_CHARS else ""
    if not _SHA256.fullmatch(digest):
        raise InvalidEnrollment(
            f"{text[:80]!r} is not the SHA-256 of a certificate", hint="openssl x509 -in FILE -fingerprint -sha256"
        )
    return digest


# --- the whole ---------------------------------------------------------------------------------------------------


def _check_individual(new: NewEnrollment) -> NewEnrollment:
    is_x509 = new.attestation is Attestation.X509
    if new.registration_id is None:
        raise InvalidEnrollment("an individual enrollment needs the registration id")
    if new.authority_id is not None or new.id_pattern != "*":
        raise InvalidEnrollment("authority_id and id_pattern belong to group enrollments")
    try:
        registration_id = parse_registration_id(new.registration_id)
        device_id = None if new.device_id is None else parse_device_id(new.device_id)
        if device_id is None and not is_x509:
            parse_device_id(registration_id)
    except InvalidId as error:
        raise InvalidEnrollment(error.detail, hint=error.hint) from error
    checked = replace(new, registration_id=registration_id, device_id=device_id)
    return _check_pins(checked, len(registration_id)) if is_x509 else checked


def _check_pins(new: NewEnrollment, id_chars: int) -> NewEnrollment:
    if new.primary_sha256 is None:
        raise InvalidEnrollment("an individual enrollment needs the SHA-256 of the device's certificate")
    if id_chars > X509_REGISTRATION_ID_MAX_CHARS:
        raise InvalidEnrollment(
            f"a registration id proved by a certificate has at most {X509_REGISTRATION_ID_MAX_CHARS} characters"
        )
    primary = parse_sha256(new.primary_sha256)
    secondary = None if new.secondary_sha256 is None else parse_sha256(new.secondary_sha256)
    if secondary == primary:
        raise InvalidEnrollment("the secondary certificate is the primary one")
    return replace(new, primary_sha256=primary, secondary_sha256=secondary)


def _check_group(new: NewEnrollment) -> NewEnrollment:
    if new.attestation is Attestation.X509 and new.authority_id is None:
        raise InvalidEnrollment(
            "a group enrollment needs the authority that vouches", hint="register one: vedette authority add"
        )
    if any((new.registration_id, new.device_id, new.primary_sha256, new.secondary_sha256)):
        raise InvalidEnrollment("registration_id, device_id and certificates belong to individual enrollments")
    if not _PATTERN.fullmatch(new.id_pattern):
        raise InvalidEnrollment(
            f"an id pattern has 1 to {PATTERN_MAX_CHARS} of A-Z a-z 0-9 - . _ : and *", hint="such as pump-*"
        )
    return new


def _check_symmetric_key(new: NewEnrollment, now: datetime) -> None:
    until = new.symmetric_key_until
    if new.attestation is Attestation.X509:
        if until is not None:
            raise InvalidEnrollment("symmetric_key_until goes with attestation = symmetric_key")
        return
    if new.authority_id is not None or new.primary_sha256 is not None or new.secondary_sha256 is not None:
        raise InvalidEnrollment("an authority and certificates go with attestation = x509")
    if until is None or until.tzinfo is None:
        raise InvalidEnrollment(
            "attestation = symmetric_key lets whoever knows the key in: say until when (symmetric_key_until)"
        )
    if until > now + SYMMETRIC_KEY_MAX:
        raise InvalidEnrollment(f"symmetric_key_until lies at most {SYMMETRIC_KEY_MAX.days} days ahead")


def _check_credential(new: NewEnrollment, now: datetime) -> None:
    is_x509 = new.attestation is Attestation.X509
    if new.credential is (CredentialMode.SYMMETRIC_KEY if is_x509 else CredentialMode.ONBOARDING):
        raise InvalidEnrollment(
            f"credential = {new.credential} does not go with attestation = {new.attestation}",
            hint="use credential = issue: devices get a certificate of ours for the CSR they send",
        )
    until = new.onboarding_until
    if new.credential is not CredentialMode.ONBOARDING:
        if until is not None:
            raise InvalidEnrollment("onboarding_until goes with credential = onboarding")
        return
    if until is None or until.tzinfo is None:
        raise InvalidEnrollment(
            "credential = onboarding lets factory certificates open the hub: say until when (onboarding_until)"
        )
    if until > now + ONBOARDING_MAX:
        raise InvalidEnrollment(f"onboarding_until lies at most {ONBOARDING_MAX.days} days ahead")


def _check_name(name: str) -> None:
    if not 0 < len(name) <= NAME_MAX_CHARS or not name.isprintable() or name.strip() != name:
        raise InvalidEnrollment(f"the name of an enrollment has 1 to {NAME_MAX_CHARS} printable characters")


def _check_lifetime(lifetime: timedelta | None) -> None:
    shortest, longest = DEVICE_PROFILE.min_lifetime, DEVICE_PROFILE.max_lifetime
    if lifetime is not None and not shortest <= lifetime <= longest:
        raise InvalidEnrollment(f"certificates live {shortest} to {longest}, not {lifetime}")


def _check_payload(payload: Mapping[str, Any] | None) -> None:  # Any: JSON
    if payload is None:
        return
    if not isinstance(payload, dict) or not is_within_depth(payload, PAYLOAD_MAX_DEPTH):
        raise InvalidEnrollment(f"payload is a JSON object, at most {PAYLOAD_MAX_DEPTH} deep")
    if CHAIN_MEMBER in payload:
        raise InvalidEnrollment(f"payload has no member {CHAIN_MEMBER}: the certificates stand there")
    try:
        encoded = msgspec.json.encode(payload)
    except (TypeError, UnicodeError, msgspec.MsgspecError) as error:
        raise InvalidEnrollment("payload is not JSON") from error
    if len(encoded) > PAYLOAD_MAX_BYTES:
        raise InvalidEnrollment(f"payload has {len(encoded)} bytes; at most {PAYLOAD_MAX_BYTES} are accepted")


# --- one property of a patch -------------------------------------------------------------------------------------


def _patch_initial(enrollment: Enrollment, value: object, name: str) -> InitialDevice:
    current = enrollment.initial
    if not isinstance(value, dict) or value.keys() - _INITIAL:
        raise InvalidEnrollment(f"{name} takes {', '.join(sorted(_INITIAL))}")
    changes = dict(value)
    if "failure_mode" in changes:
        try:
            changes["failure_mode"] = FailureMode(str(changes["failure_mode"]))
        except ValueError as error:
            raise InvalidEnrollment(f"failure_mode must be one of {', '.join(FailureMode)}") from error
    if changes.get("identity_class", current.identity_class) not in get_args(IdentityClass):
        raise InvalidEnrollment(f"identity_class must be one of {', '.join(get_args(IdentityClass))}")
    for bag in ("tags", "desired"):
        patch = changes.get(bag, {})
        if patch is None:
            changes[bag] = {}
        elif isinstance(patch, dict) and is_within_depth(patch, PAYLOAD_MAX_DEPTH):
            changes[bag] = apply_merge_patch(getattr(current, bag), patch)
    return replace(current, **changes)


def _word(kind: type[W]) -> Callable[[Enrollment, object, str], W]:
    def read(enrollment: Enrollment, value: object, name: str) -> W:
        del enrollment
        try:
            return kind(str(value))
        except ValueError as error:
            raise InvalidEnrollment(f"{name} must be one of {', '.join(kind)}") from error

    return read


def _moment(enrollment: Enrollment, value: object, name: str) -> datetime | None:
    del enrollment
    if value is None or (isinstance(value, datetime) and value.tzinfo is not None):
        return value
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise InvalidEnrollment(f"{name} must be a time in RFC 3339") from error
    if moment.tzinfo is None:
        raise InvalidEnrollment(f"{name} must name its time zone, such as Z")
    return moment


def _span(enrollment: Enrollment, value: object, name: str) -> timedelta:
    del enrollment
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < _SECONDS_MAX:
        raise InvalidEnrollment(f"{name} must be a whole number of seconds")
    return timedelta(seconds=value)


def _span_or_none(enrollment: Enrollment, value: object, name: str) -> timedelta | None:
    return None if value is None else _span(enrollment, value, name)


def _boolean(enrollment: Enrollment, value: object, name: str) -> bool:
    del enrollment
    if not isinstance(value, bool):
        raise InvalidEnrollment(f"{name} must be true or false")
    return value


def _object_or_none(enrollment: Enrollment, value: object, name: str) -> Mapping[str, Any] | None:  # Any: JSON
    if value is not None and not isinstance(value, dict):
        raise InvalidEnrollment(f"{name} must be a JSON object")
    if value is None or not is_within_depth(value, PAYLOAD_MAX_DEPTH):
        return value
    return apply_merge_patch(dict(getattr(enrollment, name) or {}), value)


def _text_or_none(enrollment: Enrollment, value: object, name: str) -> str | None:
    del enrollment
    if (value is None and name != "name") or isinstance(value, str):
        return value
    raise InvalidEnrollment(f"{name} must be a text")


# A property of a patch: what it is called in an enrollment, and what reads it; any other is a text.
_READERS: Final[dict[str, tuple[str, Callable[[Enrollment, object, str], object]]]] = {
    "approval": ("approval", _word(Approval)),
    "approval_timeout_s": ("approval_timeout", _span),
    "credential": ("credential", _word(CredentialMode)),
    "initial": ("initial", _patch_initial),
    "is_enabled": ("is_enabled", _boolean),
    "lifetime_s": ("lifetime", _span_or_none),
    "onboarding_until": ("onboarding_until", _moment),
    "payload": ("payload", _object_or_none),
    "reprovision_policy": ("reprovision_policy", _word(ReprovisionPolicy)),
    "symmetric_key_until": ("symmetric_key_until", _moment),
}
