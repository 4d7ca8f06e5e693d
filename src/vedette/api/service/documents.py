"""Devices and modules as the hub's service API writes and takes them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Any, Final

import msgspec

from vedette.api.service.answers import identity_tag
from vedette.api.service.errors import InvalidArgument, WeakerCredential
from vedette.kernel import to_rfc3339
from vedette.pki import KeySlot, NewKeys, parse_symmetric_key
from vedette.registry import Authentication, AuthenticationType, Device, Module, Presence

Document = dict[str, Any]  # Any: JSON values
_Text = Annotated[str, msgspec.Meta(max_length=1024)]

NEVER: Final = "0001-01-01T00:00:00Z"
BULK_MAX: Final = 100
_WORDS: Final = {
    AuthenticationType.ISSUED: "certificateAuthority",
    AuthenticationType.SELF_SIGNED: "selfSigned",
    AuthenticationType.CERTIFICATE_AUTHORITY: "certificateAuthority",
    AuthenticationType.SYMMETRIC_KEY: "sas",
}
_KINDS: Final = {
    "sas": AuthenticationType.SYMMETRIC_KEY,
    "selfsigned": AuthenticationType.SELF_SIGNED,
    "certificateauthority": AuthenticationType.CERTIFICATE_AUTHORITY,
    # No credential of its own yet: it gets a certificate of ours when it enrolls.
    "none": AuthenticationType.ISSUED,
}


class _Camel(msgspec.Struct, frozen=True, rename="camel"):
    pass


class SymmetricKeys(_Camel, frozen=True):
    """Keys that a caller brings; those that it read from us are null."""

    primary_key: _Text | None = None
    secondary_key: _Text | None = None


class Thumbprints(_Camel, frozen=True):
    """Digests of pinned certificates."""

    primary_thumbprint: _Text | None = None
    secondary_thumbprint: _Text | None = None


class AuthenticationDocument(_Camel, frozen=True):
    """How an identity is to prove itself."""

    type: _Text | None = None
    symmetric_key: SymmetricKeys | None = None
    x509_thumbprint: Thumbprints | None = None


class Capabilities(_Camel, frozen=True):
    """What a device can do beside being one."""

    iot_edge: bool = False


class IdentityDocument(_Camel, frozen=True):
    """A device or module as a caller wants it; members that only the hub writes are left out."""

    device_id: _Text | None = None
    module_id: _Text | None = None
    status: _Text | None = None
    status_reason: _Text | None = None
    authentication: AuthenticationDocument | None = None
    capabilities: Capabilities | None = None
    device_scope: _Text | None = None
    parent_scopes: list[_Text] | None = None
    managed_by: _Text | None = None


class TwinProperties(_Camel, frozen=True):
    """The half of a twin that a caller may write."""

    desired: Document | None = None


class TwinDocument(_Camel, frozen=True):
    """A twin as a caller wants it."""

    tags: Document | None = None
    properties: TwinProperties | None = None

    @property
    def desired(self) -> Document | None:
        """The desired properties, if they were sent."""
        return None if self.properties is None else self.properties.desired


class BulkItem(_Camel, frozen=True):
    """One line of a bulk request."""

    id: _Text
    module_id: _Text | None = None
    e_tag: _Text | None = None
    import_mode: _Text | None = None
    status: _Text | None = None
    status_reason: _Text | None = None
    authentication: AuthenticationDocument | None = None
    capabilities: Capabilities | None = None
    device_scope: _Text | None = None
    parent_scopes: list[_Text] | None = None
    managed_by: _Text | None = None
    tags: Document | None = None
    properties: TwinProperties | None = None

    def identity(self) -> IdentityDocument:
        """Return the identity that it asks for."""
        return IdentityDocument(
            device_id=self.id,
            module_id=self.module_id,
            status=self.status,
            status_reason=self.status_reason,
            authentication=self.authentication,
            capabilities=self.capabilities,
            device_scope=self.device_scope,
            parent_scopes=self.parent_scopes,
            managed_by=self.managed_by,
        )

    def twin(self) -> TwinDocument:
        """Return the twin that it asks for."""
        return TwinDocument(tags=self.tags, properties=self.properties)


@dataclass(frozen=True, slots=True)
class Wish:
    """How an identity is to authenticate, and the symmetric keys that the caller brought."""

    authentication: Authentication
    keys: Mapping[KeySlot, bytes] = field(default_factory=lambda: MappingProxyType({}), repr=False)


def wish_for_new(document: AuthenticationDocument | None) -> Wish:
    """Return how a new identity is to authenticate; without a word of it by thumbprint if there is one, else by key.

    Raises:
        InvalidArgument: There is no such type.
        InvalidSymmetricKey: A key is not base64 of 16 to 64 bytes.
    """
    asked = document or AuthenticationDocument()
    kind = _kind_of(asked)
    if kind is None:
        kind = AuthenticationType.SELF_SIGNED if _thumbprints(asked) else AuthenticationType.SYMMETRIC_KEY
    return _wish(kind, asked)


def wish_for_change(current: Authentication, document: AuthenticationDocument | None) -> Wish:
    """Return how an identity is to authenticate from now on.

    What is not said stays: SDKs send ``sas`` without keys when a program only wants to change something else.

    Raises:
        InvalidArgument: There is no such type.
        WeakerCredential: A certificate would be replaced by a shared key.
        InvalidSymmetricKey: A key is not base64 of 16 to 64 bytes.
    """
    if document is None:
        return Wish(current)
    kind = _kind_of(document) or (AuthenticationType.SELF_SIGNED if _thumbprints(document) else current.type)
    if _WORDS[kind] == _WORDS[current.type] and kind is not AuthenticationType.SELF_SIGNED:
        kind = current.type  # the hub has one word for certificates of ours and of others
    if kind is current.type is AuthenticationType.SELF_SIGNED and not _thumbprints(document):
        return Wish(current)
    wish = _wish(kind, document)
    if kind is AuthenticationType.SYMMETRIC_KEY and current.type is not kind:
        if wish.keys:
            raise WeakerCredential(
                f"it authenticates by {_WORDS[current.type]}; a service policy does not replace that by a shared key",
                hint="an operator can: vedette device update --authentication symmetric_key; or create it anew",
            )
        return Wish(current)
    return wish


def check_document(document: IdentityDocument, device_id: str, module_id: str | None) -> None:
    """Check that a body is about what its path names, and asks for nothing that is not there.

    Raises:
        InvalidArgument: It is not, or does.
    """
    if document.device_id not in {None, device_id} or document.module_id not in {None, module_id}:
        raise InvalidArgument("the body names another identity than the path")
    if document.capabilities is not None and document.capabilities.iot_edge:
        raise InvalidArgument("there are no edge devices here", hint="leave out capabilities.iotEdge")
    if document.device_scope or document.parent_scopes:
        raise InvalidArgument("there are no device scopes here", hint="leave out deviceScope and parentScopes")


def wanted_state(document: IdentityDocument) -> bool | None:
    """Return whether the identity is to be enabled; ``None`` where nothing is said of it.

    Raises:
        InvalidArgument: There is no such status.
    """
    if document.status is None:
        return None
    try:
        return {"enabled": True, "disabled": False}[document.status.lower()]
    except KeyError:
        raise InvalidArgument(f"status is enabled or disabled, not {document.status[:40]!r}") from None


def device_document(
    device: Device, presence: Presence | None, *, waiting: int, keys: NewKeys | None = None
) -> Document:
    """Return a device as the hub writes it; keys are told when they were just made.

    Args:
        device: The device.
        presence: Its connection, if it ever had one.
        waiting: How many messages wait for it.
        keys: New ones.
    """
    document = {
        "deviceId": device.device_id,
        **_common(device, presence, waiting=waiting, keys=keys),
        "status": "enabled" if device.is_enabled else "disabled",
        "statusReason": device.status_reason or None,
        "statusUpdatedTime": _time(device.status_changed_at),
        "capabilities": {"iotEdge": False},
        "deviceScope": "",
        "parentScopes": [],
    }
    return document | {"etag": identity_tag(document)}


def module_document(module: Module, presence: Presence | None, *, keys: NewKeys | None = None) -> Document:
    """Return a module as the hub writes it; keys are told when they were just made."""
    document = {
        "deviceId": module.device_id,
        "moduleId": module.module_id,
        "managedBy": module.managed_by,
        **_common(module, presence, waiting=0, keys=keys),
        "status": "enabled" if module.is_enabled else "disabled",
    }
    return document | {"etag": identity_tag(document)}


def _common(identity: Device | Module, presence: Presence | None, *, waiting: int, keys: NewKeys | None) -> Document:
    is_connected = presence is not None and presence.is_connected
    authentication = identity.authentication
    return {
        "generationId": identity.generation_id,
        "connectionState": "Connected" if is_connected else "Disconnected",
        "connectionStateUpdatedTime": NEVER if presence is None else _time(presence.changed_at),
        "lastActivityTime": _time(identity.last_connected_at if presence is None else presence.changed_at),
        "cloudToDeviceMessageCount": waiting,
        "authentication": {
            "type": _WORDS[authentication.type],
            "symmetricKey": {
                "primaryKey": _told(keys, KeySlot.PRIMARY),
                "secondaryKey": _told(keys, KeySlot.SECONDARY),
            },
            "x509Thumbprint": {
                "primaryThumbprint": _shown(authentication.primary_thumbprint),
                "secondaryThumbprint": _shown(authentication.secondary_thumbprint),
            },
        },
    }


def _told(keys: NewKeys | None, slot: KeySlot) -> str | None:
    new = None if keys is None else keys.in_slot(slot)
    return None if new is None else new.to_base64()


def _shown(thumbprint: str | None) -> str | None:
    return None if thumbprint is None else thumbprint.upper()


def _time(moment: datetime | None) -> str:
    return NEVER if moment is None else to_rfc3339(moment)


def _kind_of(document: AuthenticationDocument) -> AuthenticationType | None:
    if not document.type:
        return None
    try:
        return _KINDS[document.type.lower()]
    except KeyError:
        raise InvalidArgument(
            f"there is no authentication type {document.type[:40]!r}",
            hint="use selfSigned, certificateAuthority, none or sas",
        ) from None


def _thumbprints(document: AuthenticationDocument) -> dict[str, str]:
    given = document.x509_thumbprint
    found = {} if given is None else {"primary": given.primary_thumbprint, "secondary": given.secondary_thumbprint}
    return {f"{slot}_thumbprint": digest for slot, digest in found.items() if digest}


def _wish(kind: AuthenticationType, document: AuthenticationDocument) -> Wish:
    if kind is AuthenticationType.SELF_SIGNED:
        return Wish(Authentication(type=kind, **_thumbprints(document)))
    if kind is not AuthenticationType.SYMMETRIC_KEY:
        return Wish(Authentication(type=kind))
    given = document.symmetric_key or SymmetricKeys()
    brought = {KeySlot.PRIMARY: given.primary_key, KeySlot.SECONDARY: given.secondary_key}
    return Wish(Authentication(type=kind), {slot: parse_symmetric_key(text) for slot, text in brought.items() if text})
