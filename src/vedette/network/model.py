"""What is known of networks: assets, facts, links, operations, sensors. Frozen values; no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final

from vedette.kernel import GenerationId, OrganizationId

_UNIX_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class AssetState(StrEnum):
    """Whether somebody has looked at an asset."""

    NEW = "new"
    """Nobody has: it counts as unknown."""
    ACKNOWLEDGED = "acknowledged"
    IGNORED = "ignored"
    """Somebody has, and does not want to see it in lists."""


class Criticality(StrEnum):
    """How bad its loss would be, as a person says."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    CRITICAL = "critical"


class ManagedBy(StrEnum):
    """What an asset was matched to a registered device by."""

    PERSON = "person"
    ADDRESS = "address"
    """The device's session came from the asset's address: evidence that can be spoofed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Management:
    """The registered device that an asset is."""

    generation_id: GenerationId
    device_id: str
    by: ManagedBy
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetFact:
    """One value of one attribute of an asset: who says so, how sure, since when and when last.

    Attributes:
        asset_id: The one it was observed at; of merged assets, not always the one that was asked for.
        confidence: 0 to 100.
        source: Protocol and, where it helps, service: ``modbus read_device_identification``.
        sensor: Generation of the sensor that told it last.
    """

    asset_id: str
    attribute: str
    value: str
    confidence: int
    source: str
    first_at: datetime
    last_at: datetime
    times: int
    sensor: GenerationId


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkAsset:
    """A device as sensors saw it; single values are the surest of its facts.

    Attributes:
        role: A value of the sensor's roles, or what a person said; empty: unknown.
        role_because: Why.
        level: Purdue level, one of ``vedette.registry``'s words; empty: unknown.
        level_because: Why, a reason a line.
        is_role_set: A person said it.
        is_level_set: A person said it.
        is_name_set: A person gave it its name.
        support: Until when its system's maker supplied security updates, and which system; empty: unknown.
        owner: Who answers for it, as a person says.
        management: The registered device it is; None: nobody manages it, as far as is known.
        merged: Ids of the assets that a person, or an address they share, merged into it.
        sensors: Generations of the sensors that see it.
        revision: Counts the acts of people on it.
    """

    organization_id: OrganizationId
    asset_id: str
    site: str
    state: AssetState
    name: str = ""
    ips: tuple[str, ...] = ()
    macs: tuple[str, ...] = ()
    vendor: str = ""
    model: str = ""
    product_code: str = ""
    firmware: str = ""
    serial: str = ""
    operating_system: str = ""
    device_type: str = ""
    role: str = ""
    role_because: str = ""
    level: str = ""
    level_because: tuple[str, ...] = ()
    is_role_set: bool = False
    is_level_set: bool = False
    is_name_set: bool = False
    support: str = ""
    owner: str = ""
    criticality: Criticality = Criticality.NORMAL
    management: Management | None = None
    note: str = ""
    merged: tuple[str, ...] = ()
    sensors: tuple[str, ...] = ()
    first_at: datetime
    last_at: datetime
    created_at: datetime
    revision: int = 0

    @property
    def addresses(self) -> tuple[str, ...]:
        """IP addresses, then MAC addresses."""
        return self.ips + self.macs


@dataclass(frozen=True, slots=True)
class NetworkLink:
    """One client that talks to one service of one server.

    Attributes:
        client_asset_id: Whose ``client`` is; empty: no asset's, such as an address outside or of a group.
        client: IP address, or MAC address beneath IP.
        certainty: Of ``protocol``: ``guess``, ``likely``, ``confirmed``; empty: unknown.
        is_external: One end is not of this network.
        name: What the far end was called.
        created_at: When the platform heard of it.
    """

    link_id: str
    site: str
    client_asset_id: str
    server_asset_id: str
    client: str
    server: str
    transport: str
    port: int
    protocol: str
    certainty: str
    is_external: bool
    name: str
    flows: int
    packets: int
    bytes: int
    first_at: datetime
    last_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NetworkOperation:
    """One operation between a client and a server; ``kind`` is its class, such as ``read`` or ``program``."""

    operation_id: str
    site: str
    client_asset_id: str
    server_asset_id: str
    client: str
    server: str
    protocol: str
    service: str
    kind: str
    area: str
    unit: str
    times: int
    failures: int
    first_at: datetime
    last_at: datetime
    created_at: datetime


class ExternalVerdict(StrEnum):
    """What people think of a connection to the outside."""

    UNDECIDED = "undecided"
    APPROVED = "approved"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalConnection:
    """An asset and somebody outside that it talks with: by name where one was seen, else by address.

    Attributes:
        asset_id: Whose; empty: of an address that is no asset's.
        address: The one outside, the latest where a name has several.
        is_inbound: The outside began.
        services: What for, such as ``tcp/443 tls``; at most 16.
        country: Two letters; empty: unknown.
        asn: Number of the autonomous system; 0: unknown.
        network_name: What that system is called.
        owner: Who answers for it.
    """

    external_id: str
    site: str
    asset_id: str
    local: str
    address: str
    name: str
    is_inbound: bool
    services: tuple[str, ...]
    country: str = ""
    asn: int = 0
    network_name: str = ""
    verdict: ExternalVerdict = ExternalVerdict.UNDECIDED
    owner: str = ""
    justification: str = ""
    decided_by: str = ""
    decided_at: datetime | None = None
    first_at: datetime
    last_at: datetime
    created_at: datetime
    revision: int = 0


class SensorState(StrEnum):
    """Whether a sensor is heard."""

    ACTIVE = "active"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorReport:
    """What a sensor last said of itself; counts are totals of its present boot."""

    at: datetime
    boot: str
    interface: str = ""
    version: str = ""
    packets: int = 0
    bytes: int = 0
    dropped: int = 0
    not_parsed: int = 0
    records_lost: int = 0
    records_waiting: int = 0
    assets: int = 0
    links: int = 0
    resident_bytes: int = 0
    alerts_held_back: int = 0
    held_back_by: dict[str, int] = field(default_factory=dict)
    """By the ids of exceptions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorEntry:
    """A device that a person registered as a sensor: only those are heard.

    Attributes:
        batches: Taken from it.
        repeated: Came again, and changed nothing.
        refused: Messages that were no batches, or went beyond a limit.
        refused_because: Why the last one was.
        lost: Sequence numbers that never came.
        heard_at: When its last batch was taken.
    """

    organization_id: OrganizationId
    generation_id: GenerationId
    device_id: str
    site: str
    note: str
    state: SensorState
    registered_at: datetime
    heard_at: datetime | None = None
    report: SensorReport | None = None
    batches: int = 0
    repeated: int = 0
    refused: int = 0
    refused_because: str = ""
    lost: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetSearch:
    """What assets must fit; what is not given does not matter.

    Attributes:
        sites: At one of these; None: anywhere.
        text: Somewhere in name, vendor, model, serial, device type or an address; ASCII case does not matter.
        address: Exactly this IP or MAC address.
        is_managed: Whether it was matched to a registered device.
        device_id: The registered device that it was matched to.
        asset_ids: One of these, or one that one of these was merged into; None: any.
        but_ids: None of these, and none of these was merged into it.
        without_support: Its system's maker supplied no security updates any more on this day; None: does not matter.
        but_without_support: That cannot be said of it on this day; None: does not matter.
        with_ignored: Those too that somebody does not want to see.
        since: First heard of by the platform then or later.
    """

    sites: frozenset[str] | None = None
    state: AssetState | None = None
    text: str = ""
    address: str = ""
    vendor: str = ""
    device_type: str = ""
    role: str = ""
    level: str = ""
    criticality: Criticality | None = None
    is_managed: bool | None = None
    device_id: str = ""
    asset_ids: frozenset[str] | None = None
    but_ids: frozenset[str] | None = None
    without_support: date | None = None
    but_without_support: date | None = None
    with_ignored: bool = True
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSearch:
    """What links and operations must fit; what is not given does not matter.

    Attributes:
        asset_id: One of its ends is this asset.
        kind: Class of an operation; links have none.
        since: First heard of by the platform then or later.
        until: First heard of by the platform before.
    """

    sites: frozenset[str] | None = None
    asset_id: str = ""
    protocol: str = ""
    kind: str = ""
    is_external: bool | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class AssetCounts:
    """How many assets there are: of all, and by the values of an attribute, the most frequent first."""

    total: int
    new: int
    unmanaged: int
    without_support: int
    by: dict[str, list[tuple[str, int]]]


@dataclass(frozen=True, slots=True)
class AssetPage:
    """Assets by id; ``next`` reads on, None at the end."""

    items: list[NetworkAsset] = field(default_factory=list)
    next: str | None = None


@dataclass(frozen=True, slots=True)
class LinkPage:
    """Links by id; ``next`` reads on, None at the end."""

    items: list[NetworkLink] = field(default_factory=list)
    next: str | None = None


@dataclass(frozen=True, slots=True)
class OperationPage:
    """Operations by id; ``next`` reads on, None at the end."""

    items: list[NetworkOperation] = field(default_factory=list)
    next: str | None = None


def moment_of(milliseconds: int) -> datetime:
    """Return a time of a record; one after the year 9999 is cut to its last day."""
    try:
        return _UNIX_EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return datetime(9999, 12, 31, tzinfo=UTC)
