"""Zones, conduits and plans; the members and flows that they are judged by. Pure: no clock, no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

ZONES_MAX: Final = 2_000
CONDUITS_MAX: Final = 20_000
SERVICES_MAX: Final = 256
MEMBERS_MAX: Final = 100_000
RULES_MAX: Final = 64
NETWORKS_MAX: Final = 256
NAME_CHARS_MAX: Final = 128
TEXT_CHARS_MAX: Final = 1_024

# Where everything lives that no asset of ours is: the internet, and whoever else is beyond the border.
EXTERNAL: Final = "external"
# Assets that no zone holds; nothing may pass between them and a zone.
UNASSIGNED: Final = "unassigned"
PORT_TRANSPORTS: Final = frozenset({"tcp", "udp", "sctp"})
TRANSPORTS: Final = PORT_TRANSPORTS | {"icmp"}


class ZoneKind(StrEnum):
    """What sort of zone it is: ``micro`` holds its members apart from each other too."""

    ZONE = "zone"
    MICRO = "micro"


class PlanState(StrEnum):
    """Where a version stands; at most one is a draft, at most one is approved."""

    DRAFT = "draft"
    APPROVED = "approved"
    SUPERSEDED = "superseded"


class PlanStage(StrEnum):
    """What a firewall does with what no conduit allows: count it, or drop it."""

    MONITOR = "monitor"
    ENFORCE = "enforce"


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """An asset, as segmentation sees it.

    Attributes:
        level: Purdue level, ``"0"`` to ``"5"`` or ``"3.5"``; empty if unknown.
        risk: 0 to 100.
        is_critical: A plant stops, or people come to harm, without it.
    """

    asset_id: str
    name: str = ""
    addresses: tuple[str, ...] = ()
    site: str = ""
    level: str = ""
    level_reason: str = ""
    role: str = ""
    vendor: str = ""
    risk: int = 0
    risk_reason: str = ""
    is_critical: bool = False
    has_alerts: bool = False


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """Who was seen to talk to what: one client, one service of one server.

    Attributes:
        client: Asset id; empty if the address is no asset's.
        server: As ``client``.
        transport: ``tcp``, ``udp``, ``icmp``, or ``ethernet`` beneath IP.
        operations: Classes of what was asked: ``read``, ``write``, ``control``, ``program`` …
        name: What the far end was called when it was looked up.
    """

    client: str = ""
    server: str = ""
    client_address: str = ""
    server_address: str = ""
    transport: str = "tcp"
    port: int = 0
    protocol: str = ""
    operations: tuple[str, ...] = ()
    is_external: bool = False
    name: str = ""
    flows: int = 1
    first_at: datetime | None = None
    last_at: datetime | None = None


class Service(msgspec.Struct, frozen=True, order=True):
    """A service, or a range of them; ``port`` 0 for transports that have no ports."""

    transport: str
    port: int = 0
    port_last: int = 0
    protocol: str = ""

    def holds(self, transport: str, port: int) -> bool:
        """Tell whether traffic to a port is meant."""
        return transport == self.transport and (
            transport not in PORT_TRANSPORTS or self.port <= port <= max(self.port, self.port_last)
        )

    def __str__(self) -> str:
        """``tcp/502`` or ``udp/5000-5010``."""
        if self.transport not in PORT_TRANSPORTS:
            return self.transport
        last = f"-{self.port_last}" if self.port_last > self.port else ""
        return f"{self.transport}/{self.port}{last}"


class MemberRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which assets belong to a zone; all that is said must hold, and something must be said."""

    sites: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    vendors: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()


class Zone(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Assets that may talk to each other, and to others only through conduits.

    Attributes:
        level: Purdue level of its members; empty if it has no place there.
        members: Asset ids, put here by hand or by a proposal; they go before every rule.
        rules: Whom else it takes; the first zone of a plan whose rule holds gets an asset.
        interface: Of the firewall, where its members are; packets of theirs from elsewhere are dropped.
        reasons: Why it was proposed like this.
    """

    zone_id: str
    name: str
    kind: ZoneKind = ZoneKind.ZONE
    site: str = ""
    level: str = ""
    members: tuple[str, ...] = ()
    rules: tuple[MemberRule, ...] = ()
    risk: int = 0
    is_critical: bool = False
    interface: str = ""
    reasons: tuple[str, ...] = ()


class Conduit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What may pass from the clients of one zone to the servers of another.

    Attributes:
        source: Zone id, or ``external``.
        target: Zone id, or ``external``.
        operations: Classes of operations; empty: all. Firewalls see ports only: sensors watch for the others.
        networks: Where the external end must be; empty: anywhere.
        links: How many observed links it was proposed from.
    """

    conduit_id: str
    source: str
    target: str
    services: tuple[Service, ...]
    operations: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    owner: str = ""
    why: str = ""
    expires_at: datetime | None = None
    links: int = 0
    reasons: tuple[str, ...] = ()


class Plan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Zones and the conduits between them; whatever no conduit allows is refused between zones."""

    zones: tuple[Zone, ...] = ()
    conduits: tuple[Conduit, ...] = ()

    def zone(self, zone_id: str) -> Zone | None:
        """Return a zone by its id."""
        return next((zone for zone in self.zones if zone.zone_id == zone_id), None)

    def conduit(self, conduit_id: str) -> Conduit | None:
        """Return a conduit by its id."""
        return next((conduit for conduit in self.conduits if conduit.conduit_id == conduit_id), None)


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """Traffic that was seen, and that a proposal does not allow: a person decides."""

    source: str
    target: str
    services: tuple[Service, ...]
    links: int
    reason: str


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A plan that was made from what was observed."""

    plan: Plan
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()


class PlanVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version of the plan, as it is kept.

    Attributes:
        revision: Counts the changes of this version; its ``ETag``.
        base: The approved version that it began from; 0 if none was.
        stage: What firewalls do with it once it is approved.
    """

    number: int
    state: PlanState
    stage: PlanStage
    plan: Plan
    revision: int = 1
    base: int = 0
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    created_at: datetime
    created_by: str
    changed_at: datetime
    changed_by: str
    approved_at: datetime | None = None
    approved_by: str = ""
    reason: str = ""


class PlanVersionSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A version without its content."""

    number: int
    state: PlanState
    stage: PlanStage
    revision: int
    base: int
    zones: int
    conduits: int
    created_at: datetime
    created_by: str
    approved_at: datetime | None
    approved_by: str
    reason: str


def compress_services(services: Sequence[Service], *, dynamic_from: int = 32_768, most: int = 16) -> list[Service]:
    """Return services in order, many dynamic ports of one transport as one range.

    Args:
        services: Single ports and ranges.
        dynamic_from: Ports from here on are given out by chance (Linux; Windows and IANA begin at 49152).
        most: So many dynamic ports of one transport stay single.
    """
    found = sorted(set(services))
    for transport in sorted(PORT_TRANSPORTS):
        dynamic = [each for each in found if each.transport == transport and each.port >= dynamic_from]
        if len(dynamic) > most:
            last = max(max(each.port, each.port_last) for each in dynamic)
            whole = Service(transport, min(each.port for each in dynamic), last, "dynamic")
            found = sorted([each for each in found if each not in set(dynamic)] + [whole])
    return found
