"""What an enrollment is: who may register, and what they get. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, get_args

from vedette.enrollment.errors import InvalidEnrollment
from vedette.kernel import (
    AuthorityId,
    DeviceId,
    EnrollmentId,
    GenerationId,
    InvalidId,
    OrganizationId,
    RegistrationId,
    parse_device_id,
    parse_registration_id,
)
from vedette.pki import DEVICE_PROFILE
from vedette.registry import (
    Authentication,
    AuthenticationType,
    IdentityClass,
    NewDevice,
    Origin,
    Tags,
    apply_merge_patch,
    check_new,
)
from vedette.trust import FailureMode, Lifecycle

NAME_MAX_CHARS: Final = 128
PATTERN_MAX_CHARS: Final = 128
# A common name holds 64 characters, and the registration id must equal it.
X509_REGISTRATION_ID_MAX_CHARS: Final = 64
ONBOARDING_MAX: Final = timedelta(days=366)

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_PATTERN: Final = re.compile(r"[A-Za-z0-9\-._:*]{1,128}")
_PATCHABLE: Final = frozenset(
    {
        "credential",
        "id_pattern",
        "initial",
        "is_enabled",
        "lifetime_s",
        "name",
        "onboarding_until",
        "primary_sha256",
        "secondary_sha256",
    }
)
_INITIAL: Final = frozenset(
    {"device_class", "failure_mode", "hold_s", "identity_class", "purdue_level", "site", "tags", "zone"}
)


class EnrollmentKind(StrEnum):
    """``individual``: one device, by its pinned certificate. ``group``: all that an authority vouches for."""

    INDIVIDUAL = "individual"
    GROUP = "group"


class CredentialMode(StrEnum):
    """What a device connects with after it registered.

    ``issue``: a certificate of ours, for the CSR it sends. ``onboarding``: the certificate it registered with, for
    SDKs that cannot do better; off by default, with an end, and shown as a weakness.
    """

    ISSUE = "issue"
    ONBOARDING = "onboarding"


@dataclass(frozen=True, slots=True, kw_only=True)
class InitialDevice:
    """What a device is given when its enrollment creates it; later changes belong to the operator."""

    device_class: str = "standard"
    identity_class: IdentityClass = "physical"
    failure_mode: FailureMode = FailureMode.HOLD_LAST
    hold_s: int = 300
    site: str | None = None
    zone: str | None = None
    purdue_level: str | None = None
    tags: Tags = field(default_factory=dict)

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
        registration_id: Individual only: the common name of the pinned certificate.
        device_id: Individual only; the common name when not given.
        primary_sha256: Individual only, of the pinned certificate's DER; the secondary is for its replacement.
        authority_id: Group only: the onboarding authority that vouches.
        id_pattern: Group only: registration ids it may name; ``*`` stands for any characters.
        lifetime: Of certificates issued; ``None``: as the PKI is configured.
        onboarding_until: With ``credential = onboarding``: when that ends.
    """

    name: str
    kind: EnrollmentKind
    is_enabled: bool = True
    credential: CredentialMode = CredentialMode.ISSUE
    onboarding_until: datetime | None = None
    registration_id: str | None = None
    device_id: str | None = None
    primary_sha256: str | None = None
    secondary_sha256: str | None = None
    authority_id: AuthorityId | None = None
    id_pattern: str = "*"
    lifetime: timedelta | None = None
    initial: InitialDevice = field(default_factory=InitialDevice)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrollment:
    """An enrollment on record; the attributes are those of ``NewEnrollment``."""

    organization_id: OrganizationId
    enrollment_id: EnrollmentId
    name: str
    kind: EnrollmentKind
    is_enabled: bool
    credential: CredentialMode
    onboarding_until: datetime | None
    registration_id: RegistrationId | None
    device_id: DeviceId | None
    primary_sha256: str | None
    secondary_sha256: str | None
    authority_id: AuthorityId | None
    id_pattern: str
    lifetime: timedelta | None
    initial: InitialDevice
    created_at: datetime
    updated_at: datetime
    revision: int

    @property
    def etag(self) -> str:
        """The revision as an entity tag."""
        return f'"{self.revision}"'

    @property
    def is_flagged(self) -> bool:
        """Whether it lets onboarding certificates open the hub: a weakness to be shown."""
        return self.credential is CredentialMode.ONBOARDING

    def pins(self, sha256: str) -> bool:
        """Tell whether a certificate is the primary or secondary one of an individual enrollment."""
        return sha256 in {self.primary_sha256, self.secondary_sha256}


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What is known of a registration id: the device it became, and whether it may register again.

    Attributes:
        generation_id: ``None`` once the device was deleted.
        certificate_sha256: The certificate last issued for it.
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
    permit_until: datetime | None
    locked_at: datetime | None
    lock_reason: str
    created_at: datetime
    updated_at: datetime
    revision: int

    def is_permitted_again(self, now: datetime) -> bool:
        """Tell whether an operator's permit to register once more is in force."""
        return self.permit_until is not None and now < self.permit_until


def check_new_enrollment(new: NewEnrollment, now: datetime) -> NewEnrollment:
    """Check an enrollment to be created, and normalize its names and digests.

    Raises:
        InvalidEnrollment: A property is missing, belongs to the other kind, or is outside its limits.
        InvalidDevice: An initial property is outside its limits.
    """
    _check_name(new.name)
    _check_credential(new, now)
    _check_lifetime(new.lifetime)
    check_new(new.initial.to_device("any", Authentication(type=AuthenticationType.ISSUED), Origin()))
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
        if name == "lifetime_s":
            changes["lifetime"] = None if value is None else timedelta(seconds=_number(value, name))
        elif name == "credential":
            changes[name] = _credential(value)
        elif name == "onboarding_until":
            changes[name] = _moment(value)
        elif name == "initial":
            changes[name] = _patch_initial(enrollment.initial, value)
        elif name == "is_enabled":
            changes[name] = _boolean(value, name)
        else:
            changes[name] = _text_or_none(value, name)
    changed = replace(enrollment, **changes)
    names = NewEnrollment.__dataclass_fields__
    checked = check_new_enrollment(NewEnrollment(**{name: getattr(changed, name) for name in names}), now)
    return replace(changed, **{name: getattr(checked, name) for name in names})


def _check_individual(new: NewEnrollment) -> NewEnrollment:
    if new.registration_id is None or new.primary_sha256 is None:
        raise InvalidEnrollment(
            "an individual enrollment needs the registration id and the SHA-256 of the device's certificate"
        )
    if new.authority_id is not None or new.id_pattern != "*":
        raise InvalidEnrollment("authority_id and id_pattern belong to group enrollments")
    try:
        registration_id = parse_registration_id(new.registration_id)
        device_id = None if new.device_id is None else parse_device_id(new.device_id)
    except InvalidId as error:
        raise InvalidEnrollment(error.detail, hint=error.hint) from error
    if len(registration_id) > X509_REGISTRATION_ID_MAX_CHARS:
        raise InvalidEnrollment(
            f"a registration id proved by a certificate has at most {X509_REGISTRATION_ID_MAX_CHARS} characters"
        )
    primary = parse_sha256(new.primary_sha256)
    secondary = None if new.secondary_sha256 is None else parse_sha256(new.secondary_sha256)
    if secondary == primary:
        raise InvalidEnrollment("the secondary certificate is the primary one")
    return replace(
        new, registration_id=registration_id, device_id=device_id, primary_sha256=primary, secondary_sha256=secondary
    )


def _check_group(new: NewEnrollment) -> NewEnrollment:
    if new.authority_id is None:
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


def _check_name(name: str) -> None:
    if not 0 < len(name) <= NAME_MAX_CHARS or not name.isprintable() or name.strip() != name:
        raise InvalidEnrollment(f"the name of an enrollment has 1 to {NAME_MAX_CHARS} printable characters")


def _check_credential(new: NewEnrollment, now: datetime) -> None:
    until = new.onboarding_until
    if new.credential is CredentialMode.ISSUE:
        if until is not None:
            raise InvalidEnrollment("onboarding_until goes with credential = onboarding")
        return
    if until is None or until.tzinfo is None:
        raise InvalidEnrollment(
            "credential = onboarding lets factory certificates open the hub: say until when (onboarding_until)"
        )
    if until > now + ONBOARDING_MAX:
        raise InvalidEnrollment(f"onboarding_until lies at most {ONBOARDING_MAX.days} days ahead")


def _check_lifetime(lifetime: timedelta | None) -> None:
    shortest, longest = DEVICE_PROFILE.min_lifetime, DEVICE_PROFILE.max_lifetime
    if lifetime is not None and not shortest <= lifetime <= longest:
        raise InvalidEnrollment(f"certificates live {shortest} to {longest}, not {lifetime}")


def _patch_initial(current: InitialDevice, value: object) -> InitialDevice:
    if not isinstance(value, dict) or value.keys() - _INITIAL:
        raise InvalidEnrollment(f"initial takes {', '.join(sorted(_INITIAL))}")
    changes = dict(value)
    if "failure_mode" in changes:
        try:
            changes["failure_mode"] = FailureMode(str(changes["failure_mode"]))
        except ValueError as error:
            raise InvalidEnrollment(f"failure_mode must be one of {', '.join(FailureMode)}") from error
    if changes.get("identity_class", current.identity_class) not in get_args(IdentityClass):
        raise InvalidEnrollment(f"identity_class must be one of {', '.join(get_args(IdentityClass))}")
    tags = changes.get("tags", {})
    if tags is None:
        changes["tags"] = {}
    elif isinstance(tags, dict):
        changes["tags"] = apply_merge_patch(current.tags, tags)
    return replace(current, **changes)


def _credential(value: object) -> CredentialMode:
    try:
        return CredentialMode(str(value))
    except ValueError as error:
        raise InvalidEnrollment(f"credential must be one of {', '.join(CredentialMode)}") from error


def _moment(value: object) -> datetime | None:
    if value is None or (isinstance(value, datetime) and value.tzinfo is not None):
        return value
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise InvalidEnrollment("onboarding_until must be a time in RFC 3339") from error
    if moment.tzinfo is None:
        raise InvalidEnrollment("onboarding_until must name its time zone, such as Z")
    return moment


def _number(value: object, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 10**9:
        raise InvalidEnrollment(f"{name} must be a whole number of seconds")
    return value


def _boolean(value: object, name: str) -> bool:
    if not isinstance(value, bool):
        raise InvalidEnrollment(f"{name} must be true or false")
    return value


def _text_or_none(value: object, name: str) -> str | None:
    if (value is None and name != "name") or isinstance(value, str):
        return value
    raise InvalidEnrollment(f"{name} must be a text")
