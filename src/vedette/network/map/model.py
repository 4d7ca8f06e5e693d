"""What a map shows: assets at places, what they say to each other, and the boxes they stand in. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from vedette.network.model import Criticality

NODES_MAX: Final = 5_000
EDGES_MAX: Final = 10_000
HOPS_MAX: Final = 4
OPENED_MAX: Final = 64
PROTOCOLS_SHOWN_MAX: Final = 12
# Of alerts, from none to the gravest: the words of ``incidents``, which stands above this room.
SEVERITIES: Final = ("", "informational", "low", "medium", "high", "critical")


class Grouping(StrEnum):
    """What boxes a map has within a site, around the bands of its Purdue levels."""

    ZONE = "zone"
    """The zones of the plan in force."""
    SUBNET = "subnet"
    """Networks of 24 bits (IPv4) or 64 (IPv6)."""
    LEVEL = "level"
    """None: one band for each level of a site."""
    SITE = "site"
    """Neither boxes nor bands."""


class Crossing(StrEnum):
    """What an edge passes that traffic should not pass, or only through a conduit."""

    NONE = ""
    ZONE = "zone"
    LEVEL = "level"
    """A level between both is passed by; it matters more than a border of zones."""


class Spot(msgspec.Struct, frozen=True, kw_only=True):
    """What stands on the map: an asset, or (``is_outside``) whoever is outside of a site.

    Attributes:
        area: Zone or network that it is in, as the grouping says; empty: none.
        level: Purdue level; empty: unknown.
    """

    key: str
    site: str
    area: str = ""
    level: str = ""
    is_outside: bool = False


class MapAsset(msgspec.Struct, frozen=True, kw_only=True):
    """An asset, as far as a map tells of it.

    Attributes:
        zone: Id in the plan in force; empty: in no zone, or there is no plan.
        alerts: Open ones; ``severity`` is the gravest of theirs.
        proven: Vulnerabilities that its version proves.
        priority: The highest of its vulnerabilities, 0 to 100.
    """

    asset_id: str
    site: str
    name: str = ""
    address: str = ""
    vendor: str = ""
    role: str = ""
    level: str = ""
    zone: str = ""
    subnet: str = ""
    device_id: str = ""
    is_new: bool = False
    criticality: Criticality = Criticality.NORMAL
    alerts: int = 0
    severity: str = ""
    proven: int = 0
    maybe: int = 0
    priority: int = 0


class MapNode(msgspec.Struct, frozen=True, kw_only=True):
    """An asset at its place; or whoever is outside of a site, with ``asset_id`` empty.

    Attributes:
        node_id: The asset's id, or one of the map alone.
        group_id: The innermost box that it stands in.
        x: Of its middle; the unit is a pixel at full size.
        y: As ``x``; grows downward.
        is_talking_outside: One of its links leaves the network.
        peers: How many it talks with, of those that the map's filters leave.
    """

    node_id: str
    asset_id: str
    group_id: str
    x: int
    y: int
    name: str
    address: str
    vendor: str
    role: str
    level: str
    zone: str
    site: str
    device_id: str
    is_managed: bool
    is_new: bool
    is_talking_outside: bool
    criticality: Criticality
    alerts: int
    severity: str
    proven: int
    maybe: int
    priority: int
    peers: int


class MapEdge(msgspec.Struct, frozen=True, kw_only=True):
    """All that two nodes, or closed groups, say to each other.

    Attributes:
        source: Node or group that asks most of what is said.
        is_two_way: The other asks too.
        protocols: Of which most is said first; at most 12.
        controls: Writes, control, programs and firmware that were asked for, each time counted.
        crossing: What it passes.
        is_alerting: One end has open alerts.
        pairs: How many pairs of assets it stands for.
    """

    source: str
    target: str
    is_two_way: bool
    protocols: tuple[str, ...]
    packets: int
    bytes: int
    first_at: str
    last_at: str
    is_external: bool
    controls: int
    crossing: Crossing
    is_alerting: bool
    pairs: int


class MapGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A box: a site, a zone or network in it, or the band of a level.

    Attributes:
        parent: The box around it; empty: none.
        x: Of its left edge.
        y: Of its upper edge.
        is_closed: Its assets are not shown one by one; edges end at the box.
        assets: How many stand in it, of those that the map's filters leave.
    """

    group_id: str
    kind: str
    name: str
    parent: str
    x: int
    y: int
    width: int
    height: int
    is_closed: bool
    assets: int
    alerts: int
    severity: str


class MapProtocol(msgspec.Struct, frozen=True, kw_only=True):
    """A protocol, and how many pairs of assets speak it, whatever else is filtered."""

    name: str
    pairs: int


class MapZone(msgspec.Struct, frozen=True, kw_only=True):
    """A zone of the plan in force that can be asked for."""

    zone_id: str
    name: str


class MapQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What a map is to show; what is not said does not limit.

    Attributes:
        sites: Only of these; None: all.
        grouping: Which boxes there are.
        zone: Only assets of this zone, and whom they talk with.
        level: Only assets of this level, and whom they talk with.
        protocol: Only who speaks it, and what is said in it.
        since: Only what was last said at this second of the Unix epoch or later; 0: whenever.
        until: Only what was first said before; 0: whenever.
        is_alerting: Only who has open alerts, and whom they talk with.
        focus: Only this asset and what lies within ``hops`` of it.
        opened: Ids of groups that are to be open where not all can be.
        is_closed: Close every group that is not opened, however few assets there are.
        limit: Most nodes; groups are closed where there are more.
    """

    sites: frozenset[str] | None = None
    grouping: Grouping = Grouping.ZONE
    zone: str = ""
    level: str = ""
    protocol: str = ""
    since: int = 0
    until: int = 0
    is_alerting: bool = False
    focus: str = ""
    hops: int = 1
    opened: tuple[str, ...] = ()
    is_closed: bool = False
    limit: int = 2_000


class NetworkMap(msgspec.Struct, frozen=True, kw_only=True):
    """A map of the inventory.

    Attributes:
        assets: How many fit; the others stand in closed groups.
        closed: How many groups are closed.
        edges_left_out: Beyond the limit; those that matter least.
        links_to_groups: Links that are not drawn, since they go to multicast or unknown addresses.
        protocols: All there are, not only those shown.
        first_at: The earliest moment that any link tells of; empty: there is none.
        last_at: The latest.
    """

    grouping: Grouping
    nodes: tuple[MapNode, ...]
    edges: tuple[MapEdge, ...]
    groups: tuple[MapGroup, ...]
    assets: int
    closed: int
    limit: int
    edges_left_out: int
    links_to_groups: int
    protocols: tuple[MapProtocol, ...]
    sites: tuple[str, ...]
    zones: tuple[MapZone, ...]
    first_at: str
    last_at: str
