"""What a map of the networks tells; it is answered as it was drawn, so these describe it in the OpenAPI file."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vedette.api.schema import Timestamp, View
from vedette.network import Criticality
from vedette.network.map import Crossing, Grouping

Severity = Literal["", "informational", "low", "medium", "high", "critical"]


class MapNodeView(View):
    """An asset at its place; or whoever is outside of a site, which is no asset."""

    node_id: str
    asset_id: str = Field(description="Empty: it stands for whoever is outside of the site.")
    group_id: str = Field(description="The innermost group that it stands in.")
    x: int = Field(description="Of its middle; the unit is a pixel at full size.")
    y: int = Field(description="Of its middle; grows downward.")
    name: str
    address: str
    vendor: str
    role: str
    level: str = Field(description="Purdue level; empty: unknown.")
    zone: str = Field(description="Name of its zone in the plan in force; empty: none.")
    site: str
    device_id: str = Field(description="Of the registered device that it is; empty: none.")
    is_managed: bool
    is_new: bool = Field(description="Nobody has said that it is known.")
    is_talking_outside: bool
    criticality: Criticality
    alerts: int = Field(description="Open ones.")
    severity: Severity = Field(description="Of the gravest open alert.")
    proven: int = Field(description="Vulnerabilities that its version proves.")
    maybe: int = Field(description="Vulnerabilities that it may have.")
    priority: int = Field(description="The highest of its vulnerabilities, 0 to 100.")
    peers: int = Field(description="How many it talks with, of those that the filters leave.")


class MapEdgeView(View):
    """All that two nodes or closed groups say to each other."""

    source: str = Field(description="Node or group that asks most of what is said.")
    target: str
    is_two_way: bool = Field(description="The other asks too.")
    protocols: list[str] = Field(description="The one in which most is said first; at most 12.")
    packets: int
    bytes: int
    first_at: Timestamp
    last_at: Timestamp
    is_external: bool = Field(description="It leaves the network.")
    controls: int = Field(description="How often writes, control, programs or firmware were asked for.")
    crossing: Crossing = Field(
        description="`level`: it passes a Purdue level by, or the border of the plant; `zone`: it goes between zones."
    )
    is_alerting: bool = Field(description="One end has open alerts.")
    pairs: int = Field(description="How many pairs of assets it stands for.")


class MapGroupView(View):
    """A box around nodes: a site, a zone or subnet in it, or a Purdue level of those."""

    group_id: str
    kind: Literal["site", "zone", "subnet", "level"]
    name: str = Field(description="Empty: none, or unknown.")
    parent: str = Field(description="The group around it; empty: none.")
    x: int
    y: int
    width: int
    height: int
    is_closed: bool = Field(description="Its assets are not shown one by one: name it as `open` to see them.")
    assets: int = Field(description="How many stand in it, of those that the filters leave.")
    alerts: int
    severity: Severity


class MapProtocolView(View):
    """A protocol that can be asked for."""

    name: str
    pairs: int = Field(description="Pairs of assets that speak it.")


class MapZoneView(View):
    """A zone that can be asked for."""

    zone_id: str
    name: str


class NetworkMapView(View):
    """A map of the inventory; what it can be narrowed to is told whatever it was narrowed to."""

    grouping: Grouping
    nodes: list[MapNodeView]
    edges: list[MapEdgeView] = Field(description="Those that matter most first.")
    groups: list[MapGroupView] = Field(description="Outer ones first.")
    assets: int = Field(description="How many fit; those that are no nodes stand in closed groups.")
    closed: int = Field(description="How many groups are closed.")
    limit: int = Field(description="The `limit` that was asked for.")
    edges_left_out: int = Field(description="Those that matter least, beyond 10,000.")
    links_to_groups: int = Field(description="Links to multicast and unknown addresses, which are not drawn.")
    protocols: list[MapProtocolView]
    sites: list[str]
    zones: list[MapZoneView]
    first_at: str = Field(description="The earliest moment that a link tells of, RFC 3339; empty: there is none.")
    last_at: str = Field(description="The latest.")
