"""What a device is: its authentication, its standing, where it belongs and where it came from. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Literal, TypeVar, get_args

from vedette.kernel import DeviceId, EnrollmentId, GenerationId, OrganizationId, parse_device_id
from vedette.registry.errors import InvalidDevice, InvalidThumbprint, ReasonMissing
from vedette.registry.lifecycle import INITIAL
from vedette.registry.tags import Tags, apply_merge_patch, check_tags
from vedette.trust import FailureMode, Lifecycle

TEXT_MAX_CHARS: Final = 128
REASON_MAX_CHARS: Final = 1024
HOLD_MAX_S: Final = 7 * 86_400
PURDUE_LEVELS: Final = ("0", "1", "2", "3", "3.5", "4", "5")

IdentityClass = Literal["physical", "virtual", "container"]

_THUMBPRINT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_CLASS: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_PATCHABLE: Final = frozenset(
    {
        "authentication",
        "device_class",
        "failure_mode",
        "hold_s",
        "identity_class",
        "purdue_level",
        "site",
        "tags",
        "zone",
    }
)

E = TypeVar("E", bound=StrEnum)


class AuthenticationType(StrEnum):
    """How a device proves who it is at the hub.

    ``issued``: a certificate of ours, from an enrollment. ``self_signed``: a certificate known by its thumbprint.
    ``certificate_authority``: one that a registered authority vouches for, or that it was onboarded with, where an
    enrollment lets it be used so. ``symmetric_key``: a token made with a shared key; weak, for legacy devices.
    """

    ISSUED = "issued"
    SELF_SIGNED = "self_signed"
    CERTIFICATE_AUTHORITY = "certificate_authority"
    SYMMETRIC_KEY = "symmetric_key"


# Proved at the hub itself: who is created so need not enroll first.
_PROVED_AT_HUB: Final = frozenset(
    {AuthenticationType.SELF_SIGNED, AuthenticationType.CERTIFICATE_AUTHORITY, AuthenticationType.SYMMETRIC_KEY}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authentication:
    """How a device authenticates; thumbprints are lower-case hex and belong to ``self_signed`` only."""

    type: AuthenticationType = AuthenticationType.ISSUED
    primary_thumbprint: str | None = None
    secondary_thumbprint: str | None = None

    @property
    def is_weak(self) -> bool:
        """Whether it rests on a secret that both sides hold."""
        return self.type is AuthenticationType.SYMMETRIC_KEY

    def thumbprints(self) -> tuple[str, ...]:
        """Return the pinned digests, primary first."""
        return tuple(digest for digest in (self.primary_thumbprint, self.secondary_thumbprint) if digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What vouched for a device when it enrolled; all empty for one that an operator created.

    Attributes:
        authority_id: The onboarding authority its certificate led to.
        onboarding_sha256: Of the onboarding certificate.
        onboarding_until: Until when that certificate opens the hub; ``None``: it does not.
    """

    enrollment_id: EnrollmentId | None = None
    authority_id: str | None = None
    onboarding_sha256: str | None = None
    onboarding_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDevice:
    """What is asked for when a device is created; ``None`` as lifecycle lets the authentication decide."""

    device_id: str
    authentication: Authentication = field(default_factory=Authentication)
    is_enabled: bool = True
    status_reason: str = ""
    lifecycle: Lifecycle | None = None
    device_class: str = "standard"
    identity_class: IdentityClass = "physical"
    failure_mode: FailureMode = FailureMode.HOLD_LAST
    hold_s: int = 300
    site: str | None = None
    zone: str | None = None
    purdue_level: str | None = None
    tags: Tags = field(default_factory=dict)
    origin: Origin = field(default_factory=Origin)


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device as the registry knows it.

    Attributes:
        is_blocked: By an access list; computed, never set by hand.
        last_connected_at: Coarse: written at most each ten minutes.
        revision: Grows with each change an operator can see; what ``If-Match`` compares.
        deleted_at: Set on what is kept of a deleted device for its history.
    """

    organization_id: OrganizationId
    generation_id: GenerationId
    device_id: DeviceId
    authentication: Authentication
    is_enabled: bool
    status_reason: str
    status_changed_at: datetime
    is_blocked: bool
    lifecycle: Lifecycle
    lifecycle_changed_at: datetime
    device_class: str
    identity_class: IdentityClass
    failure_mode: FailureMode
    hold_s: int
    site: str | None
    zone: str | None
    purdue_level: str | None
    tags: Tags
    origin: Origin
    created_at: datetime
    updated_at: datetime
    last_connected_at: datetime | None
    revision: int
    deleted_at: datetime | None = None

    @property
    def etag(self) -> str:
        """The revision as an entity tag."""
        return f'"{self.revision}"'

    @property
    def is_in_good_standing(self) -> bool:
        """Whether nothing has been taken from it: enabled, not blocked, neither quarantined nor retired."""
        held = self.lifecycle in {Lifecycle.QUARANTINED, Lifecycle.RETIRED}
        return self.is_enabled and not self.is_blocked and not held

    @property
    def is_flagged(self) -> bool:
        """Whether its credential is a weak one, which lists show: a symmetric key, or its onboarding certificate."""
        return self.authentication.is_weak or self.origin.onboarding_until is not None

    @property
    def is_vouched(self) -> bool:
        """Whether it presents what a registered authority vouches for, rather than what it was onboarded with."""
        is_by_authority = self.authentication.type is AuthenticationType.CERTIFICATE_AUTHORITY
        return is_by_authority and self.origin.onboarding_until is None

    @property
    def takes_part(self) -> bool:
        """Whether it may use the hub, given a credential that counts."""
        is_in_service = self.lifecycle in {Lifecycle.ONBOARDED, Lifecycle.ACTIVE} and self.deleted_at is None
        return is_in_service and self.is_in_good_standing

    @property
    def may_renew(self) -> bool:
        """Whether it takes part, and by certificates of ours."""
        return self.takes_part and self.authentication.type is AuthenticationType.ISSUED


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFilter:
    """Which devices to list; an absent condition matches all.

    Attributes:
        tags: Dotted path to the value it must equal.
    """

    is_enabled: bool | None = None
    lifecycle: Lifecycle | None = None
    site: str | None = None
    zone: str | None = None
    tags: Mapping[str, str | float | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DevicePage:
    """Some devices, by name; ``next`` is what to pass as ``after``, ``None`` at the end."""

    items: Sequence[Device]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCounts:
    """How many devices there are, deleted ones aside."""

    total: int = 0
    disabled: int = 0
    blocked: int = 0
    by_lifecycle: Mapping[str, int] = field(default_factory=dict)


def parse_thumbprint(text: str) -> str:
    """Normalize a certificate's digest: colons and spaces dropped, lower case.

    Raises:
        InvalidThumbprint: Neither 40 hex digits (SHA-1) nor 64 (SHA-256).
    """
    digest = text.replace(":", "").replace(" ", "").lower() if len(text) <= 2 * TEXT_MAX_CHARS else ""
    if not _THUMBPRINT.fullmatch(digest):
        raise InvalidThumbprint(
            f"{text[:80]!r} is not a thumbprint",
            hint="give the certificate's SHA-256 (64 hex digits) or SHA-1 (40), as openssl x509 -fingerprint prints it",
        )
    return digest


def check_authentication(authentication: Authentication) -> Authentication:
    """Normalize thumbprints, and check that they stand where they belong.

    Raises:
        InvalidThumbprint: One is malformed.
        InvalidDevice: ``self_signed`` without a thumbprint, or thumbprints with another type.
    """
    primary = parse_thumbprint(authentication.primary_thumbprint) if authentication.primary_thumbprint else None
    secondary = parse_thumbprint(authentication.secondary_thumbprint) if authentication.secondary_thumbprint else None
    is_pinned = authentication.type is AuthenticationType.SELF_SIGNED
    if is_pinned and primary is None and secondary is None:
        raise InvalidDevice("a self_signed device needs the thumbprint of its certificate")
    if not is_pinned and (primary or secondary):
        raise InvalidDevice(
            f"thumbprints do not go with authentication type {authentication.type}", hint="use type self_signed"
        )
    return replace(authentication, primary_thumbprint=primary, secondary_thumbprint=secondary)


def check_new(new: NewDevice) -> NewDevice:
    """Check a device to be created, and fill in its lifecycle.

    Raises:
        InvalidId: The device id is malformed.
        InvalidDevice: A property is outside its limits; subclasses name tags and thumbprints.
    """
    authentication = check_authentication(new.authentication)
    lifecycle = new.lifecycle
    if lifecycle is None:
        lifecycle = Lifecycle.ONBOARDED if authentication.type in _PROVED_AT_HUB else Lifecycle.MADE
    if lifecycle not in INITIAL:
        raise InvalidDevice(f"a device cannot be created as {lifecycle}", hint=f"use {', '.join(sorted(INITIAL))}")
    _check_properties(new)
    return replace(
        new,
        device_id=parse_device_id(new.device_id),
        authentication=authentication,
        lifecycle=lifecycle,
        status_reason=check_reason(new.status_reason),
        tags=check_tags(new.tags),
    )


def apply_patch(device: Device, patch: Mapping[str, object]) -> Device:
    """Return the device changed as a merge patch says; null takes an optional property away.

    Raises:
        InvalidDevice: An unknown or fixed property, or a value outside its limits.
    """
    unknown = patch.keys() - _PATCHABLE
    if unknown:
        raise InvalidDevice(
            f"{min(unknown)[:80]!r} cannot be changed by a patch",
            hint=f"these can: {', '.join(sorted(_PATCHABLE))}",
        )
    changes: dict[str, Any] = {}  # Any: one type per property, checked below
    for name, value in patch.items():
        if name == "tags":
            changes["tags"] = patch_tags(device.tags, value)
        elif name == "authentication":
            changes["authentication"] = patch_authentication(device.authentication, value)
        elif name == "failure_mode":
            changes["failure_mode"] = parse_word(FailureMode, value, name)
        elif value is None and name not in {"site", "zone", "purdue_level"}:
            raise InvalidDevice(f"{name} cannot be null")
        else:
            changes[name] = value
    changed = replace(device, **changes)
    _check_properties(changed)
    return changed


def parse_word(kind: type[E], value: object, name: str) -> E:
    """Read one word of a fixed set.

    Raises:
        InvalidDevice: Not one of them.
    """
    try:
        return kind(str(value))
    except ValueError as error:
        raise InvalidDevice(f"{name} {str(value)[:40]!r} is not known", hint=f"use {', '.join(kind)}") from error


def check_reason(reason: str, *, is_required: bool = False) -> str:
    """Check the words of a person who says why.

    Raises:
        ReasonMissing: Required and empty.
        InvalidDevice: Too long, or not storable.
    """
    if is_required and not reason.strip():
        raise ReasonMissing("say why: this act takes access away", hint="add a reason")
    if len(reason) > REASON_MAX_CHARS or not _is_storable(reason):
        raise InvalidDevice(f"a reason has at most {REASON_MAX_CHARS} characters, without NUL", limit=REASON_MAX_CHARS)
    return reason


def patch_tags(tags: Tags, value: object) -> Tags:
    """Return tags changed as a merge patch says; null as a whole takes all away.

    Raises:
        InvalidTags: The patch or what comes of it breaks a limit.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidDevice("tags must be a JSON object")
    # The patch itself is bounded before it is merged, so that a hostile depth costs nothing.
    check_tags(value)
    return check_tags(apply_merge_patch(tags, value))


def patch_authentication(current: Authentication, value: object) -> Authentication:
    """Return an authentication changed as a merge patch says.

    Raises:
        InvalidDevice: An unknown member or type; ``InvalidThumbprint`` names thumbprints.
    """
    if not isinstance(value, dict) or value.keys() - {"type", "primary_thumbprint", "secondary_thumbprint"}:
        raise InvalidDevice("authentication takes type, primary_thumbprint and secondary_thumbprint")
    digests = {}
    for name in ("primary_thumbprint", "secondary_thumbprint"):
        digest = value.get(name, getattr(current, name))
        if digest is not None and not isinstance(digest, str):
            raise InvalidThumbprint(f"{name} must be a text")
        digests[name] = digest
    kind = parse_word(AuthenticationType, value.get("type", current.type), "authentication type")
    if kind is not AuthenticationType.SELF_SIGNED and current.type is AuthenticationType.SELF_SIGNED:
        digests = {name: value.get(name) for name in digests}
    return check_authentication(Authentication(type=kind, **digests))


def _check_properties(device: NewDevice | Device) -> None:
    for name in ("site", "zone"):
        text = getattr(device, name)
        if text is not None and not _is_label(text):
            raise InvalidDevice(f"{name} must be a text of 1 to {TEXT_MAX_CHARS} printable characters")
    if device.purdue_level is not None and device.purdue_level not in PURDUE_LEVELS:
        raise InvalidDevice(f"purdue_level must be one of {', '.join(PURDUE_LEVELS)}")
    if not isinstance(device.device_class, str) or not _CLASS.fullmatch(device.device_class):
        raise InvalidDevice("device_class must be 1 to 64 of a-z, 0-9 and -, beginning with a letter or digit")
    if device.identity_class not in get_args(IdentityClass):
        raise InvalidDevice(f"identity_class must be one of {', '.join(get_args(IdentityClass))}")
    is_number = isinstance(device.hold_s, int) and not isinstance(device.hold_s, bool)
    if not is_number or not 0 <= device.hold_s <= HOLD_MAX_S:
        raise InvalidDevice(f"hold_s must be a whole number from 0 to {HOLD_MAX_S}", limit=HOLD_MAX_S)


def _is_label(text: object) -> bool:
    return isinstance(text, str) and 0 < len(text) <= TEXT_MAX_CHARS and text.isprintable() and text.strip() == text


def _is_storable(text: str) -> bool:
    return "\0" not in text and (text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text))
