"""The posture record: all that an enforcement point needs to know of one identity.

It is small, versioned and schema-checked. Each section names its owner, the owner's revision, when it was observed and
when it ends to be true. A section whose value is ``None`` or whose time is over is *unknown*, which is neither good nor
bad: the table ``UNKNOWN_MEANS`` says what follows.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final, Generic, Literal, TypeVar

import msgspec

from vedette.kernel import DeviceId, GenerationId, ModuleId, OrganizationId

SCHEMA_VERSION: Final = 1
IDENTITY_FROZEN: Final = "identity_frozen"

T = TypeVar("T")


class Lifecycle(StrEnum):
    """The states of an identity's life, from the factory to the scrap yard."""

    MADE = "made"
    SHIPPED = "shipped"
    ONBOARDED = "onboarded"
    ACTIVE = "active"
    QUARANTINED = "quarantined"
    RETIRED = "retired"


class FailureMode(StrEnum):
    """What an enforcement point does with a live session when its records are stale."""

    FAIL_CLOSED = "fail-closed"
    HOLD_LAST = "hold-last"
    ESSENTIAL = "essential"


class RiskLevel(StrEnum):
    """CAEP's risk levels, and *unknown*, which is none of them."""

    UNKNOWN = "unknown"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Provenance(StrEnum):
    """How a finding came to us, most trusted first."""

    ATTESTED = "attested"
    OBSERVED = "observed"
    SELF_REPORTED = "self-reported"
    SPOOFABLE = "spoofable"


class Section(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One owner's part of a posture record.

    Attributes:
        owner: The room that alone may change it.
        revision: Grows by one with each change by the owner.
        observed_at: When the owner last knew it to be true.
        expires_at: From then on the value counts as unknown; ``None``: it stands until changed.
        value: ``None`` means unknown.
    """

    owner: str
    revision: int
    observed_at: datetime
    expires_at: datetime | None = None
    value: T | None = None

    def known(self, now: datetime) -> T | None:
        """Return the value, or ``None`` when it is unknown or its time is over."""
        if self.expires_at is not None and now >= self.expires_at:
            return None
        return self.value


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """What runs under a module's identity.

    Attributes:
        digest: Of its image or package, such as ``sha256:…``; empty: unknown.
        identity: Its name in the place it comes from, such as a SPIFFE id; empty: none.
    """

    digest: str = ""
    identity: str = ""


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """What the registry says: may this identity take part at all, and how to fail.

    Attributes:
        is_blocked: On a block list, or missing from an allow list in force; the block list wins.
        hold_s: With ``hold-last``: seconds a live session outlives fresh records.
        workload: Of a module: what runs under its identity; ``None``: nobody declared it.
    """

    lifecycle: Lifecycle
    is_enabled: bool
    is_blocked: bool
    device_class: str = "standard"
    identity_class: Literal["physical", "virtual", "container"] = "physical"
    failure_mode: FailureMode = FailureMode.HOLD_LAST
    hold_s: int = 300
    workload: Workload | None = None


class PermittedCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate this identity may present, by digest.

    Attributes:
        digest: Lower-case hex: SHA-256 (64), or SHA-1 (40) for a device registered by such a thumbprint.
        origin: ``issued`` by our authority, ``pinned`` by an operator, ``onboarding`` where an enrollment allows it,
            ``authority``: a registered authority vouches for it.
        permitted_until: The certificate's own end or an earlier one (overlap after renewal); ``None``: its own end.
    """

    digest: str
    origin: Literal["issued", "pinned", "onboarding", "authority"]
    permitted_until: datetime | None = None


class PermittedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A symmetric key this identity may sign tokens with, by id; the key itself never leaves control."""

    key_id: str
    permitted_until: datetime


class TokenProof(msgspec.Struct, frozen=True, kw_only=True):
    """Control has verified a shared access signature for the identity that presented it.

    Attributes:
        key_id: Which key signed it.
        expires_at: When it ends, and the session with it.
    """

    key_id: str
    expires_at: datetime


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """What the PKI says: which credentials are current, and how strong the identity behind them is.

    Attributes:
        authorities: Ids of the registered authorities that may vouch for certificates of this identity.
    """

    certificates: tuple[PermittedCertificate, ...] = ()
    identity_strength: Literal["unknown", "software", "hardware", "attested"] = "unknown"
    keys: tuple[PermittedKey, ...] = ()
    authorities: tuple[str, ...] = ()


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """Where the device belongs.

    Attributes:
        purdue_level: ``"0"`` to ``"5"``, or ``"3.5"``; text, since policies have no fractions.
    """

    site: str | None = None
    zone: str | None = None
    purdue_level: str | None = None
    tags: dict[str, str] = {}
    groups: tuple[str, ...] = ()


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A condition of the device that bears on trust.

    Attributes:
        source: Who says so, such as a check or a sensor.
    """

    finding_class: str
    provenance: Provenance
    since: datetime
    source: str = ""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """What the health room says; decisions use finding classes and the risk level, never a score."""

    findings: tuple[Finding, ...] = ()
    risk_level: RiskLevel = RiskLevel.UNKNOWN


class Quarantine(msgspec.Struct, frozen=True, kw_only=True):
    """A limited-access state; it never ends by the clock alone.

    Attributes:
        mode: ``limited``: the policies leave it what heals it; ``probation``: on its way back, and a little more;
            ``cut``: it may not connect at all.
        source: Who put it there: a person, a playbook, a rule.
    """

    is_quarantined: bool = False
    reason: str = ""
    since: datetime | None = None
    review_at: datetime | None = None
    mode: Literal["limited", "probation", "cut"] = "limited"
    source: str = ""

    @property
    def is_cut(self) -> bool:
        """Whether it may not connect at all; a frozen identity may not, whatever its record says of a mode."""
        return self.is_quarantined and (self.mode == "cut" or self.reason == IDENTITY_FROZEN)


class Location(msgspec.Struct, frozen=True, kw_only=True):
    """Where a device was last known to be, in degrees of WGS 84.

    Attributes:
        accuracy_m: Radius within which it is.
    """

    latitude: float
    longitude: float
    accuracy_m: float
    provenance: Provenance


class PolicyException(msgspec.Struct, frozen=True, kw_only=True):
    """A dated exception from a policy."""

    policy: str
    ends_at: datetime
    reason: str = ""


class PostureRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The narrow waist: every signal ends as a change of it, every enforcement point decides by it.

    Attributes:
        device_generation_id: Of the device that a module belongs to; ``None`` in a device's own record.
        epoch: Raised by a restore; a lower one is never accepted again.
        sequence: Grows by one with each change of any record of the organization.
        expires_at: From then on the whole record denies; ``None``: it stands as long as the head is fresh.
        location: ``None``: no position was ever told.
    """

    schema: int
    organization_id: OrganizationId
    generation_id: GenerationId
    kind: Literal["device", "module"]
    device_id: DeviceId
    module_id: ModuleId | None
    epoch: int
    sequence: int
    issued_at: datetime
    expires_at: datetime | None
    registration: Section[Registration]
    credentials: Section[Credentials]
    placement: Section[Placement]
    health: Section[Health]
    quarantine: Section[Quarantine]
    exceptions: Section[tuple[PolicyException, ...]]
    device_generation_id: GenerationId | None = None
    location: Section[Location] | None = None


SECTION_OWNERS: Final = {
    "registration": "registry",
    "credentials": "pki",
    "placement": "registry",
    "health": "health",
    "quarantine": "access",
    "exceptions": "access",
    "location": "health",
}

UNKNOWN_MEANS: Final = {
    "registration": "deny: an identity nobody vouches for takes no part",
    "credentials": "deny: no certificate and no key is permitted",
    "placement": "policies that read it do not permit",
    "health": "risk level unknown, no findings: neither good nor bad",
    "quarantine": "deny: the administrator always writes it",
    "exceptions": "none",
    "location": "nowhere: policies that read a position find none",
}


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The state of all records at a moment, signed each second by the policy administrator.

    Attributes:
        sequence: Highest record sequence handed out.
        root_hash: Running SHA-256 over all changes, ``SHA-256(previous root || SHA-256(record payload))``.
        policy_hash: SHA-256 hex of the policy manifest in force.
    """

    schema: int
    organization_id: OrganizationId
    epoch: int
    sequence: int
    root_hash: bytes
    policy_hash: str
    issued_at: datetime


class OtherSession(msgspec.Struct, frozen=True, kw_only=True):
    """Where else an identity is, or was last, as control knows it.

    Attributes:
        is_live: That session is open as far as control knows.
        seen_s: Seconds since it ended; 0 while it is live.
    """

    remote_address: str
    is_live: bool
    seen_s: int = 0


class OpeningKeyOffer(msgspec.Struct, frozen=True, kw_only=True):
    """The administrator's half of a key that seals openings to one gateway; see ``opening_keys``.

    Attributes:
        nonce: The gateway's.
        gateway_key: X25519, 32 bytes; ephemeral.
        control_key: The same of the administrator.
        lifetime_s: For how long openings are sealed with it, from now.
    """

    nonce: bytes
    organization_id: OrganizationId
    gateway: str
    gateway_key: bytes
    key_id: str
    lifetime_s: float
    control_key: bytes = b""


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """The administrator's answer to one gateway about one identity, bound to the gateway's nonce.

    Attributes:
        device_id: The name asked for; the record's must equal it.
        record: ``None``: there is no such identity.
        token: The shared access signature that was presented proves the identity; ``None``: none did.
        token_refusal: Why one that was presented does not, a ``Reason`` value such as ``token_expired``; else empty.
        other: The identity's latest session from another address than the asker's; ``None``: none is remembered.
    """

    nonce: bytes
    organization_id: OrganizationId
    device_id: DeviceId
    module_id: ModuleId | None
    head: Head
    record: PostureRecord | None
    token: TokenProof | None = None
    token_refusal: str = ""
    other: OtherSession | None = None
