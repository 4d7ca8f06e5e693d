"""Devices and their certificates as the API shows and takes them."""

from __future__ import annotations

from typing import Any, Final, Literal

from fastapi import Request
from pydantic import Field

from vedette.access import Enforcement
from vedette.api.schema import DEVICE_ID_PATTERN, REASON_MAX_CHARS, Timestamp, View, holds_secret
from vedette.pki import (
    Certificate,
    KeySlot,
    NewKey,
    NewKeys,
    RevocationReason,
    Standing,
    parse_symmetric_key,
)
from vedette.registry import Authentication, AuthenticationType, BulkChange, Device, NewDevice, Origin, Presence
from vedette.trust import FailureMode, Lifecycle

IdentityClass = Literal["physical", "virtual", "container"]


KEY_MAX_CHARS: Final = 128
GIVEN_KEY: Final = Field(
    default=None,
    max_length=KEY_MAX_CHARS,
    description="With `symmetric_key`: base64 of 16 to 64 bytes, for a key that exists already; else one is made.",
)


class AuthenticationView(View):
    """How a device proves who it is at the hub."""

    type: AuthenticationType = Field(
        default=AuthenticationType.ISSUED,
        description="`issued`: a certificate of ours; `self_signed`: a certificate known by its thumbprint; "
        "`certificate_authority`: one that a registered authority signed; `symmetric_key`: a shared key, weak.",
    )
    primary_thumbprint: str | None = Field(
        default=None, max_length=256, description="SHA-256 or SHA-1 of the certificate, for `self_signed`."
    )
    secondary_thumbprint: str | None = Field(default=None, max_length=256, description="Of its replacement.")


class OriginView(View):
    """What vouched for a device when it enrolled; all null for one that an operator created."""

    enrollment_id: str | None
    authority_id: str | None
    onboarding_sha256: str | None


class PresenceView(View):
    """Whether a device or a module is connected."""

    is_connected: bool
    since: Timestamp = Field(description="When it came, or went.")
    gateway: str = Field(description="Where it is, or was last.")
    remote_address: str
    protocol: str = Field(examples=["MQTT 3.1.1"])
    client: str = Field(description="What the client calls itself; text from outside.")
    reason: str = Field(description="Why it went; empty while it is connected.")


class NewKeyView(View):
    """A symmetric key, shown this once."""

    key_id: str
    slot: KeySlot
    key: str = Field(description="Base64. Whoever reads it can be this device.")
    expires_at: Timestamp = Field(description="From then on it opens nothing.")


class DeviceView(View):
    """A device as the registry knows it."""

    device_id: str = Field(description="The name people and the device itself use.", examples=["pump-7"])
    generation_id: str = Field(description="One life of the device under its name; never used again.")
    authentication: AuthenticationView
    is_flagged: bool = Field(
        description="Whether its credential is a weak one: a symmetric key, or its onboarding certificate."
    )
    is_enabled: bool
    status_reason: str
    status_changed_at: Timestamp
    is_blocked: bool = Field(description="By an access list.")
    lifecycle: Lifecycle
    lifecycle_changed_at: Timestamp
    device_class: str
    identity_class: IdentityClass
    failure_mode: FailureMode
    hold_s: int
    site: str | None
    zone: str | None
    purdue_level: str | None
    tags: dict[str, Any]
    origin: OriginView
    created_at: Timestamp
    updated_at: Timestamp
    last_connected_at: Timestamp | None = Field(description="Coarse: written at most each ten minutes.")
    presence: PresenceView | None = Field(description="Its connection; null before the first.")
    revision: int = Field(description="Grows with each change; the `ETag` is this number in quotes.")


class DeviceWithKeysView(DeviceView):
    """A device, with the keys that it was just given."""

    keys: list[NewKeyView] = Field(description="Shown this once; empty unless it authenticates by symmetric keys.")


class NewDeviceView(View):
    """A device to be created."""

    device_id: str = Field(
        pattern=DEVICE_ID_PATTERN, description="1 to 128 of `A-Za-z0-9-.%_*?!(),=@$'`.", examples=["pump-7"]
    )
    authentication: AuthenticationView = AuthenticationView()
    is_enabled: bool = True
    status_reason: str = Field(default="", max_length=REASON_MAX_CHARS)
    lifecycle: Lifecycle | None = Field(default=None, description="Null lets the authentication decide.")
    device_class: str = Field(default="standard", max_length=64)
    identity_class: IdentityClass = "physical"
    failure_mode: FailureMode = FailureMode.HOLD_LAST
    hold_s: int = Field(
        default=300, ge=0, le=604_800, description="With `hold-last`: seconds a session outlives fresh records."
    )
    site: str | None = Field(default=None, max_length=128)
    zone: str | None = Field(default=None, max_length=128)
    purdue_level: str | None = Field(default=None, max_length=4, examples=["1"])
    tags: dict[str, Any] = Field(default_factory=dict, examples=[{"line": "A"}])
    primary_key: str | None = GIVEN_KEY
    secondary_key: str | None = GIVEN_KEY

    def to_given_keys(self) -> dict[KeySlot, bytes]:
        """Return the symmetric keys that it holds already.

        Raises:
            InvalidSymmetricKey: One is not base64 of 16 to 64 bytes.
        """
        return read_keys(self.primary_key, self.secondary_key)

    def to_new_device(self) -> NewDevice:
        """Return what the registry is asked for."""
        return NewDevice(
            device_id=self.device_id,
            authentication=Authentication(
                type=self.authentication.type,
                primary_thumbprint=self.authentication.primary_thumbprint,
                secondary_thumbprint=self.authentication.secondary_thumbprint,
            ),
            is_enabled=self.is_enabled,
            status_reason=self.status_reason,
            lifecycle=self.lifecycle,
            device_class=self.device_class,
            identity_class=self.identity_class,
            failure_mode=self.failure_mode,
            hold_s=self.hold_s,
            site=self.site,
            zone=self.zone,
            purdue_level=self.purdue_level,
            tags=self.tags,
            origin=Origin(),
        )


class DevicePatch(View):
    """A merge patch (RFC 7396): null takes an optional property away, an absent one stays as it is."""

    authentication: dict[str, Any] | None = Field(default=None, description="Members of `authentication` to change.")
    device_class: str | None = Field(default=None, max_length=64)
    failure_mode: FailureMode | None = None
    hold_s: int | None = Field(default=None, ge=0, le=604_800)
    identity_class: IdentityClass | None = None
    purdue_level: str | None = Field(default=None, max_length=4)
    site: str | None = Field(default=None, max_length=128)
    tags: dict[str, Any] | None = Field(default=None, description="Merged into the tags; a null member removes one.")
    zone: str | None = Field(default=None, max_length=128)

    def to_patch(self) -> dict[str, object]:
        """Return the members that were sent."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class LifecycleStep(View):
    """A step of the lifecycle."""

    target: Lifecycle
    reason: str = Field(default="", max_length=REASON_MAX_CHARS)


class EnforcementView(View):
    """How far an act has come at the enforcement points."""

    enforced_at: Timestamp | None = Field(
        description="When the last gateway had applied it; null while some have not answered."
    )
    pending: list[str] = Field(description="Gateways that have not answered within 250 ms; they apply it all the same.")
    sessions_cut: int = Field(description="Live sessions that ended by it, as far as reported.")


class DeviceChange(View):
    """A changed device, and how far the change has come."""

    device: DeviceView
    enforcement: EnforcementView


class BulkRequest(View):
    """Devices to be enabled or disabled together, all that exist or none."""

    device_ids: list[str] = Field(min_length=1, max_length=1000)
    is_enabled: bool
    reason: str = Field(default="", max_length=REASON_MAX_CHARS)
    dry_run: bool = Field(default=False, description="Only tell what would change.")


class BulkResult(View):
    """What became of a change of many devices."""

    changed: list[str]
    unchanged: list[str]
    unknown: list[str]
    enforcement: EnforcementView | None


class CertificateView(View):
    """A certificate that we issued to a device."""

    sha256: str = Field(description="Of the DER, lower-case hex: the certificate's name here.")
    serial: str
    subject_name: str
    generation_id: str
    standing: Standing = Field(description="What it is good for now.")
    not_before: Timestamp
    not_after: Timestamp
    permitted_until: Timestamp | None = Field(description="End of the overlap after a renewal.")
    issued_at: Timestamp
    first_used_at: Timestamp | None
    predecessor_sha256: str | None
    successor_sha256: str | None
    revoked_at: Timestamp | None
    revocation_reason: RevocationReason | None


class IssueRequest(View):
    """A certification request for a device."""

    csr: str = Field(
        min_length=1,
        max_length=16_384,
        description="PKCS #10, PEM or base64 of DER. Only its key is taken; the names are ours.",
    )
    lifetime_s: int | None = Field(default=None, ge=3600, le=7_776_000, description="Null: as configured.")
    reason: str = Field(default="", max_length=REASON_MAX_CHARS)


class IssuedCertificate(View):
    """A new certificate with its issuers."""

    certificate: CertificateView
    chain_pem: str = Field(description="PEM, leaf first, for the device to present.")


class RevokeRequest(View):
    """Why a certificate, or all of a device, ends."""

    reason: RevocationReason = RevocationReason.UNSPECIFIED
    comment: str = Field(default="", max_length=REASON_MAX_CHARS)


class RevokedCertificate(View):
    """A revoked certificate, and how far the revocation has come."""

    certificate: CertificateView
    enforcement: EnforcementView


class RevokedDevice(View):
    """A device whose certificates and symmetric keys all ended."""

    device: DeviceView = Field(description="Disabled, if what it presents is not ours to end.")
    certificates_revoked: int
    symmetric_keys_revoked: int
    enforcement: EnforcementView


def show_device(device: Device, presence: Presence | None) -> DeviceView:
    """Return a device as it is shown."""
    return DeviceView(**_members(device, presence))


def show_device_with_keys(
    device: Device, keys: NewKeys | None, presence: Presence | None, request: Request
) -> DeviceWithKeysView:
    """Return a device as it is shown, with the keys that it was just given."""
    return DeviceWithKeysView(keys=show_new_keys(keys, request), **_members(device, presence))


def show_new_key(new: NewKey, request: Request) -> NewKeyView:
    """Return a key as it is shown, this once."""
    holds_secret(request)
    key = new.key
    return NewKeyView(key_id=key.key_id, slot=key.slot, key=new.to_base64(), expires_at=key.expires_at)


def show_new_keys(new: NewKeys | None, request: Request) -> list[NewKeyView]:
    """Return keys as they are shown, this once."""
    return [] if new is None else [show_new_key(each, request) for each in new.keys]


def read_keys(primary: str | None, secondary: str | None) -> dict[KeySlot, bytes]:
    """Return the symmetric keys that somebody brings along.

    Raises:
        InvalidSymmetricKey: One is not base64 of 16 to 64 bytes.
    """
    given = {KeySlot.PRIMARY: primary, KeySlot.SECONDARY: secondary}
    return {slot: parse_symmetric_key(text) for slot, text in given.items() if text is not None}


def show_presence(presence: Presence | None) -> PresenceView | None:
    """Return what is known of a connection as it is shown."""
    if presence is None:
        return None
    names = PresenceView.model_fields.keys() - {"since"}
    return PresenceView(since=presence.changed_at, **{name: getattr(presence, name) for name in names})


def _members(device: Device, presence: Presence | None) -> dict[str, Any]:  # Any: one type per member
    names = DeviceView.model_fields.keys() - {"authentication", "origin", "is_flagged", "presence"}
    authentication, origin = device.authentication, device.origin
    return {
        "authentication": show_authentication(authentication),
        "is_flagged": device.is_flagged,
        "presence": show_presence(presence),
        "origin": OriginView(
            enrollment_id=origin.enrollment_id,
            authority_id=origin.authority_id,
            onboarding_sha256=origin.onboarding_sha256,
        ),
        **{name: getattr(device, name) for name in names},
    }


def show_authentication(authentication: Authentication) -> AuthenticationView:
    """Return how an identity authenticates as it is shown."""
    return AuthenticationView(
        type=authentication.type,
        primary_thumbprint=authentication.primary_thumbprint,
        secondary_thumbprint=authentication.secondary_thumbprint,
    )


def show_enforcement(enforcement: Enforcement) -> EnforcementView:
    """Return how far an act has come as it is shown."""
    return EnforcementView(
        enforced_at=enforcement.enforced_at,
        pending=list(enforcement.pending),
        sessions_cut=enforcement.sessions_cut,
    )


def show_certificate(certificate: Certificate, standing: Standing) -> CertificateView:
    """Return a certificate as it is shown."""
    names = CertificateView.model_fields.keys() - {"standing"}
    return CertificateView(standing=standing, **{name: getattr(certificate, name) for name in names})


def show_bulk(change: BulkChange, enforcement: Enforcement | None) -> BulkResult:
    """Return a change of many devices as it is shown."""
    return BulkResult(
        changed=[device.device_id for device in change.changed],
        unchanged=list(change.unchanged),
        unknown=list(change.unknown),
        enforcement=None if enforcement is None else show_enforcement(enforcement),
    )
