"""Facts that the PKI tells; ``generation_id`` is the identity's, empty where none is concerned."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import msgspec


class CertificateIssued(msgspec.Struct, frozen=True, kw_only=True):
    """An identity received a certificate that succeeds none."""

    name: ClassVar[str] = "pki.certificate_issued"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    sha256: str
    serial: str
    not_after: datetime


class CertificateRenewed(msgspec.Struct, frozen=True, kw_only=True):
    """An identity received the successor of a certificate, which stays permitted until the successor is used."""

    name: ClassVar[str] = "pki.certificate_renewed"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    sha256: str
    serial: str
    not_after: datetime
    predecessor_sha256: str


class CertificateFirstUsed(msgspec.Struct, frozen=True, kw_only=True):
    """An identity connected with a certificate for the first time.

    Attributes:
        predecessor_sha256: ``None`` when it succeeds none.
        predecessor_permitted_until: The end of the overlap that begins now.
    """

    name: ClassVar[str] = "pki.certificate_first_used"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    sha256: str
    predecessor_sha256: str | None = None
    predecessor_permitted_until: datetime | None = None


class CertificateRevoked(msgspec.Struct, frozen=True, kw_only=True):
    """Certificates of one identity ended before their time.

    Attributes:
        reason: A ``RevocationReason``.
        is_consequence: They made room for the next one, or ended with their device: nobody revoked them for their own
            sake, and it says nothing against their holder. Whoever chooses a reason does not choose this.
    """

    name: ClassVar[str] = "pki.certificate_revoked"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    sha256s: tuple[str, ...]
    reason: str
    is_consequence: bool = False


class IdentityFrozen(msgspec.Struct, frozen=True, kw_only=True):
    """Two parties hold one identity's key: it gets no certificate until an operator thaws it."""

    name: ClassVar[str] = "pki.identity_frozen"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    sha256: str
    successor_sha256: str


class IdentityThawed(msgspec.Struct, frozen=True, kw_only=True):
    """An operator looked at a frozen identity and lets it have certificates again."""

    name: ClassVar[str] = "pki.identity_thawed"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str


class SymmetricKeyCreated(msgspec.Struct, frozen=True, kw_only=True):
    """An owner received a symmetric key.

    Attributes:
        generation_id: Of the device or module; empty for an enrollment's key.
        owner_id: The same, or the enrollment's id.
        replaced_key_id: The former key of the slot, which ended with this; ``None``: the slot was empty.
    """

    name: ClassVar[str] = "pki.symmetric_key_created"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    owner_id: str
    key_id: str
    slot: str
    expires_at: datetime
    is_imported: bool = False
    replaced_key_id: str | None = None


class SymmetricKeysRevoked(msgspec.Struct, frozen=True, kw_only=True):
    """An owner's symmetric keys ended before their time."""

    name: ClassVar[str] = "pki.symmetric_keys_revoked"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    owner_id: str
    key_ids: tuple[str, ...]


class AuthorityRegistered(msgspec.Struct, frozen=True, kw_only=True):
    """An onboarding authority was registered; it vouches for nobody yet."""

    name: ClassVar[str] = "pki.authority_registered"
    version: ClassVar[int] = 1

    organization_id: str
    authority_id: str
    sha256: str
    generation_id: str = ""


class AuthorityVerified(msgspec.Struct, frozen=True, kw_only=True):
    """The operator proved to hold an onboarding authority's key, or enabled it again: it may vouch in its scope."""

    name: ClassVar[str] = "pki.authority_verified"
    version: ClassVar[int] = 1

    organization_id: str
    authority_id: str
    generation_id: str = ""


class AuthorityDisabled(msgspec.Struct, frozen=True, kw_only=True):
    """An onboarding authority vouches for nobody from now on; ``is_removed``: nor is it on record any more."""

    name: ClassVar[str] = "pki.authority_disabled"
    version: ClassVar[int] = 1

    organization_id: str
    authority_id: str
    is_removed: bool = False
    generation_id: str = ""


class AuthorityHubTrustChanged(msgspec.Struct, frozen=True, kw_only=True):
    """An operator lets an outside authority vouch at the hub instead of at enrollment, or no longer."""

    name: ClassVar[str] = "pki.authority_hub_trust_changed"
    version: ClassVar[int] = 1

    organization_id: str
    authority_id: str
    is_hub_trusted: bool
    generation_id: str = ""


class CertificateVouchedFor(msgspec.Struct, frozen=True, kw_only=True):
    """An authority that is trusted at the hub vouches for a certificate that an identity presented."""

    name: ClassVar[str] = "pki.certificate_vouched_for"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    sha256: str
    authority_id: str
    permitted_until: datetime


class AuthorityCompromiseSuspected(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate was presented that our operational authority signed and no record knows: its key may be stolen.

    Attributes:
        authority_sha256: The authority whose key signed it.
        claimed_generation_id: The identity it names; empty when it names none.
    """

    name: ClassVar[str] = "pki.authority_compromise_suspected"
    version: ClassVar[int] = 1

    organization_id: str
    authority_sha256: str
    sha256: str
    serial: str
    claimed_generation_id: str
    generation_id: str = ""
