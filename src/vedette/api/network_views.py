"""What is told of sensors, assets, links and connections to the outside, and what may be changed of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from fastapi import Path
from pydantic import Field

from vedette.api.schema import DEVICE_ID_PATTERN, REASON_MAX_CHARS, Timestamp, View
from vedette.network import (
    KNOWN_PROTOCOLS,
    AssetCounts,
    AssetFact,
    AssetState,
    AttributeChange,
    Changes,
    Criticality,
    ExternalConnection,
    ExternalVerdict,
    ManagedBy,
    NetworkAsset,
    NetworkLink,
    NetworkOperation,
    SeenProtocol,
    SensorEntry,
    SensorReport,
    SensorState,
    Snapshot,
    Traits,
)

Level = Literal["0", "1", "2", "3", "3.5", "4", "5"]
AssetPath = Annotated[str, Path(max_length=64, description="Generated id of the asset.", examples=["ast_06h0"])]
_ASSETS_MAX: Final = 500
_ADDRESSES_MAX: Final = 64
_EXTERNALS_MAX: Final = 500


class NewSensor(View):
    """A device that is heard as a sensor from now on."""

    device_id: str = Field(pattern=DEVICE_ID_PATTERN, description="Of a registered device.", examples=["probe-1"])
    site: str | None = Field(
        default=None, max_length=128, description="Where it listens; where the registry says it is, if left out."
    )
    note: str = Field(default="", max_length=1024, description="Such as which mirror port it listens to.")


class SensorReportView(View):
    """What a sensor last said of itself; counts are of its present run."""

    at: Timestamp
    boot: str
    interface: str
    version: str
    packets: int
    bytes: int
    dropped: int = Field(description="Packets that were lost before the sensor could read them.")
    not_parsed: int
    records_lost: int = Field(description="Had to leave its disk before the platform took them.")
    records_waiting: int
    assets: int
    links: int
    resident_bytes: int
    alerts_held_back: int = Field(description="Alerts that stayed at the sensor by exceptions at sensors.")


class SensorView(View):
    """A device that is heard as a sensor."""

    device_id: str
    generation_id: str
    site: str
    note: str
    state: SensorState
    registered_at: Timestamp
    heard_at: Timestamp | None = Field(description="When its last batch was taken; null: never.")
    report: SensorReportView | None
    batches: int = Field(description="Taken from it.")
    repeated: int = Field(description="Came again, and changed nothing.")
    refused: int = Field(description="Messages and records that could not be taken.")
    refused_because: str = Field(description="Why the last of them was refused.")
    lost: int = Field(description="Batches that never came.")


class ManagementView(View):
    """The registered device that an asset is."""

    device_id: str
    generation_id: str
    by: ManagedBy = Field(description="`address`: its session comes from there, which can be spoofed.")
    because: str


class AssetView(View):
    """A device as sensors saw it; each value is the surest of what was observed."""

    asset_id: str
    site: str
    state: AssetState = Field(description="`new`: nobody has said that it is known.")
    name: str
    ips: list[str]
    macs: list[str]
    vendor: str
    model: str
    product_code: str
    firmware: str
    serial: str
    operating_system: str
    device_type: str
    role: str
    role_because: str
    is_role_set: bool = Field(description="A person said it.")
    level: str = Field(description="Purdue level; empty: unknown.")
    level_because: list[str]
    is_level_set: bool = Field(description="A person said it.")
    is_name_set: bool = Field(description="A person gave it its name.")
    support: str = Field(
        description="Until when its system's maker supplied security updates, and which system; empty: unknown.",
        examples=["2014-04-08 Windows XP"],
    )
    owner: str = Field(description="Who answers for it, as a person says.")
    criticality: Criticality
    is_managed: bool = Field(description="It was matched with a registered device.")
    management: ManagementView | None
    note: str
    merged: list[str] = Field(description="Ids of the assets that were merged into it.")
    sensors: list[str] = Field(description="Generated ids of the sensors that see it.")
    open_alerts: int = Field(description="Alerts about it that somebody is to look at.")
    first_at: Timestamp
    last_at: Timestamp
    created_at: Timestamp = Field(description="When the platform first heard of it.")
    revision: int


class FactView(View):
    """One value of one attribute, and who says so."""

    asset_id: str = Field(description="Where it was observed; of merged assets, its own.")
    attribute: str
    value: str
    confidence: int = Field(description="0 to 100.")
    source: str
    first_at: Timestamp
    last_at: Timestamp
    times: int
    sensor: str


class AssetDetails(View):
    """An asset and all that is known of it, also what contradicts."""

    asset: AssetView
    facts: list[FactView]


class AssetPatch(View):
    """What changes; null leaves name, role, level or device to what is observed."""

    state: AssetState | None = None
    name: str | None = Field(default=None, max_length=128)
    owner: str | None = Field(default=None, max_length=256, description="Who answers for it.")
    role: str | None = Field(default=None, max_length=64)
    level: Level | None = None
    criticality: Criticality | None = None
    note: str | None = Field(default=None, max_length=1024)
    device_id: str | None = Field(default=None, description="The registered device that it is.")


class Acknowledged(View):
    """Assets that are known from now on, or what else is said of all of them."""

    asset_ids: list[str] = Field(min_length=1, max_length=_ASSETS_MAX)
    state: AssetState = Field(
        default=AssetState.ACKNOWLEDGED,
        description="New ones become `acknowledged` or `ignored`; `new` takes that back.",
    )
    reason: str = Field(default="", max_length=REASON_MAX_CHARS)


class AcknowledgedCount(View):
    """How many were not so before, and which."""

    changed: int
    asset_ids: list[str]


class MergeRequest(View):
    """Which asset it is the same device as."""

    into: str = Field(max_length=64, description="Generated id of the asset that stays.")
    reason: str = Field(default="", max_length=REASON_MAX_CHARS)


class SplitRequest(View):
    """Which addresses are another device's."""

    addresses: list[str] = Field(min_length=1, max_length=_ADDRESSES_MAX)
    reason: str = Field(default="", max_length=REASON_MAX_CHARS)


class LinkView(View):
    """One client that talks to one service of one server."""

    link_id: str
    site: str
    client_asset_id: str = Field(description="Empty: the address is no asset's.")
    server_asset_id: str
    client: str
    server: str
    transport: str
    port: int
    protocol: str
    certainty: str = Field(description="Of `protocol`: `guess`, `likely`, `confirmed`; empty: unknown.")
    is_external: bool = Field(description="One end is not of this network.")
    name: str
    flows: int
    packets: int
    bytes: int
    first_at: Timestamp
    last_at: Timestamp
    created_at: Timestamp


class OperationView(View):
    """What a client asks of a server, and how often."""

    operation_id: str
    site: str
    client_asset_id: str
    server_asset_id: str
    client: str
    server: str
    protocol: str
    service: str
    kind: str = Field(description="Its class: `read`, `write`, `control`, `program`, `firmware` …")
    area: str
    unit: str
    times: int
    failures: int
    first_at: Timestamp
    last_at: Timestamp
    created_at: Timestamp


class ExternalView(View):
    """Somebody outside whom an asset talks with."""

    external_id: str
    site: str
    asset_id: str
    local: str
    address: str
    name: str = Field(description="As it was looked up or greeted; empty: only the address is known.")
    is_inbound: bool = Field(description="The outside began.")
    services: list[str]
    country: str = Field(description="Two letters; empty: unknown.")
    asn: int = Field(description="Of the autonomous system; 0: unknown.")
    network_name: str
    verdict: ExternalVerdict
    owner: str
    justification: str
    decided_by: str
    decided_at: Timestamp | None
    first_at: Timestamp
    last_at: Timestamp
    created_at: Timestamp
    revision: int


class ExternalDecision(View):
    """What somebody thinks of a connection to the outside; it changes no traffic by itself."""

    verdict: ExternalVerdict
    owner: str = Field(default="", max_length=256, description="Who answers for it; needed to approve.")
    justification: str = Field(
        default="", max_length=REASON_MAX_CHARS, description="What it is for; needed unless it is undecided."
    )


class ExternalDecisions(ExternalDecision):
    """What somebody thinks of many connections to the outside."""

    external_ids: list[str] = Field(min_length=1, max_length=_EXTERNALS_MAX)


class ValueCount(View):
    """How many assets have a value; empty: it is unknown of them."""

    value: str
    count: int


class AssetCountsView(View):
    """How many assets there are, and by the values of their attributes, the most frequent first."""

    total: int
    new: int
    unmanaged: int
    legacy: int = Field(description="Whose system gets security updates no more.")
    with_alerts: int = Field(description="With open alerts that somebody is to look at.")
    site: list[ValueCount]
    state: list[ValueCount]
    vendor: list[ValueCount]
    device_type: list[ValueCount]
    role: list[ValueCount]
    level: list[ValueCount]
    criticality: list[ValueCount]


class KindCount(View):
    """How often operations of a class were asked for."""

    kind: str
    times: int


class ProtocolView(View):
    """What was seen of a protocol, and what is known of it."""

    protocol: str = Field(description="Its short name; empty: what was not recognized.")
    title: str
    family: Literal["ot", "iot", "it", ""] = Field(description="Of plants, of things, of offices; empty: unknown.")
    clear_text: str = Field(description="What can be read on the way or sent by anybody; empty: nothing is known.")
    legacy: str = Field(description="Why it should be replaced; empty: nothing says so.")
    transports: list[str]
    certainty: str = Field(description="The best of its links: `guess`, `likely`, `confirmed`; empty: unknown.")
    assets: int = Field(description="That speak it.")
    links: int = Field(description="Clients with a service of a server.")
    external: int = Field(description="Of those, which leave the network.")
    flows: int
    packets: int
    bytes: int
    kinds: list[KindCount]
    failures: int
    first_at: Timestamp
    last_at: Timestamp


class NewSnapshot(View):
    """A snapshot that is kept until somebody deletes it."""

    note: str = Field(default="", max_length=1024)


class SnapshotView(View):
    """The inventory as it was at a moment."""

    snapshot_id: str
    taken_at: Timestamp
    note: str
    taken_by: str
    assets: int | None = Field(description="Of all sites; null for who sees some of them.")
    links: int | None
    is_kept: bool = Field(description="Somebody asked for it; those of every day go after 90.")


class PictureView(View):
    """An asset as a snapshot holds it."""

    asset_id: str
    label: str
    values: dict[str, str]


class AttributeChangeView(View):
    """One value that differs."""

    asset_id: str
    label: str
    attribute: str
    before: str
    after: str


class ChangesView(View):
    """What differs between two moments."""

    since: Timestamp
    until: Timestamp
    added: list[PictureView]
    removed: list[PictureView]
    changed: list[AttributeChangeView]
    links: list[LinkView] = Field(description="That are new, at most 500.")
    links_count: int = Field(description="How many are new.")


def show_sensor(sensor: SensorEntry) -> SensorView:
    """Return what is told of a sensor."""
    names = SensorView.model_fields.keys() - {"report"}
    report = sensor.report
    return SensorView(report=None if report is None else _show_report(report), **_members(sensor, names))


def _show_report(report: SensorReport) -> SensorReportView:
    return SensorReportView(**_members(report, SensorReportView.model_fields))


def show_asset(asset: NetworkAsset, alerts: Mapping[str, int]) -> AssetView:
    """Return what is told of an asset.

    Args:
        asset: It.
        alerts: How many open alerts there are, by asset as alerts name it.
    """
    names = AssetView.model_fields.keys() - {"is_managed", "management", "open_alerts"}
    open_alerts = sum(alerts.get(each, 0) for each in (asset.asset_id, *asset.merged)) if alerts else 0
    found = asset.management
    management = None if found is None else ManagementView(**_members(found, ManagementView.model_fields))
    return AssetView(
        is_managed=found is not None, management=management, open_alerts=open_alerts, **_members(asset, names)
    )


def show_counts(counts: AssetCounts, *, with_alerts: int) -> AssetCountsView:
    """Return what is told of how many assets there are."""
    by = {name: [ValueCount(value=value, count=count) for value, count in pairs] for name, pairs in counts.by.items()}
    return AssetCountsView(
        total=counts.total,
        new=counts.new,
        unmanaged=counts.unmanaged,
        legacy=counts.without_support,
        with_alerts=with_alerts,
        **by,
    )


def show_protocol(seen: SeenProtocol) -> ProtocolView:
    """Return what is told of a protocol."""
    known = KNOWN_PROTOCOLS.get(seen.protocol, Traits(seen.protocol, ""))
    names = ProtocolView.model_fields.keys() - {"title", "family", "clear_text", "legacy", "kinds"}
    kinds = sorted(seen.kinds.items(), key=lambda each: (-each[1], each[0]))
    return ProtocolView(
        title=known.title,
        family=known.family,
        clear_text=known.clear,
        legacy=known.legacy,
        kinds=[KindCount(kind=kind, times=times) for kind, times in kinds],
        **_members(seen, names),
    )


def show_fact(fact: AssetFact) -> FactView:
    """Return what is told of a fact."""
    return FactView(**_members(fact, FactView.model_fields))


def show_link(link: NetworkLink) -> LinkView:
    """Return what is told of a link."""
    return LinkView(**_members(link, LinkView.model_fields))


def show_operation(operation: NetworkOperation) -> OperationView:
    """Return what is told of an operation."""
    return OperationView(**_members(operation, OperationView.model_fields))


def show_external(external: ExternalConnection) -> ExternalView:
    """Return what is told of a connection to the outside."""
    return ExternalView(**_members(external, ExternalView.model_fields))


def show_snapshot(snapshot: Snapshot) -> SnapshotView:
    """Return what is told of a snapshot."""
    return SnapshotView(**_members(snapshot, SnapshotView.model_fields))


def show_changes(changes: Changes) -> ChangesView:
    """Return what differs."""
    comparison = changes.comparison
    return ChangesView(
        since=changes.since,
        until=changes.until,
        added=[PictureView(**_members(each, PictureView.model_fields)) for each in comparison.added],
        removed=[PictureView(**_members(each, PictureView.model_fields)) for each in comparison.removed],
        changed=[_show_attribute(each) for each in comparison.changed],
        links=[show_link(link) for link in changes.links],
        links_count=changes.links_count,
    )


def _show_attribute(change: AttributeChange) -> AttributeChangeView:
    return AttributeChangeView(**_members(change, AttributeChangeView.model_fields))


def _members(value: object, names: Any) -> dict[str, Any]:  # Any: names of fields, and one type per field
    return {name: getattr(value, name) for name in names}
