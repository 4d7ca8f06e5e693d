"""What links and operations come to by protocol."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from vedette.network.link_repository import links, operations

_RANKS: Final = {"guess": 1, "likely": 2, "confirmed": 3}
_WORDS: Final = {rank: word for word, rank in _RANKS.items()}


@dataclass(slots=True, kw_only=True)
class SeenProtocol:
    """What was seen of a protocol.

    Attributes:
        protocol: Its short name; empty: what was not recognized.
        certainty: The best of its links: ``guess``, ``likely``, ``confirmed``; empty: unknown.
        assets: That speak it.
        links: Clients with a service of a server.
        external: Of those, which leave the network.
        kinds: How often each class of operation was asked for.
        failures: Operations that were refused.
    """

    protocol: str
    transports: list[str] = field(default_factory=list)
    certainty: str = ""
    assets: int = 0
    links: int = 0
    external: int = 0
    flows: int = 0
    packets: int = 0
    bytes: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    failures: int = 0
    first_at: datetime
    last_at: datetime


def count_protocols(
    connection: sa.Connection, organization_id: str, *, sites: frozenset[str] | None
) -> dict[str, SeenProtocol]:
    """Return the protocols that were seen, by name."""
    found = _count_links(connection, organization_id, sites)
    _count_operations(connection, organization_id, sites, found)
    _count_assets(connection, organization_id, sites, found)
    return found


def _of(table: sa.Table, organization_id: str, sites: frozenset[str] | None) -> list[sa.ColumnElement[bool]]:
    mine: list[sa.ColumnElement[bool]] = [table.c.organization_id == organization_id]
    if sites is not None:
        mine.append(table.c.site.in_(sorted(sites)))
    return mine


def _count_links(
    connection: sa.Connection, organization_id: str, sites: frozenset[str] | None
) -> dict[str, SeenProtocol]:
    c = links.c
    rank = sa.func.max(sa.case(_RANKS, value=c.certainty, else_=0))
    external = sa.func.sum(sa.case((c.is_external.is_(True), 1), else_=0))
    totals = (sa.func.sum(c.flows), sa.func.sum(c.packets), sa.func.sum(c.bytes))
    query = (
        sa.select(
            c.protocol,
            c.transport,
            rank,
            sa.func.count(),
            external,
            *totals,
            sa.func.min(c.first_at),
            sa.func.max(c.last_at),
        )
        .where(*_of(links, organization_id, sites))
        .group_by(c.protocol, c.transport)
        .order_by(c.protocol, c.transport)
    )
    found: dict[str, SeenProtocol] = {}
    for name, transport, best, number, outside, flows, packets, size, first_at, last_at in connection.execute(query):
        each = found.setdefault(name, SeenProtocol(protocol=name, first_at=first_at, last_at=last_at))
        each.transports.append(transport)
        each.certainty = _WORDS.get(max(_RANKS.get(each.certainty, 0), best), "")
        each.links += number
        each.external += int(outside)
        # PostgreSQL sums whole numbers as decimals.
        each.flows += int(flows)
        each.packets += int(packets)
        each.bytes += int(size)
        each.first_at = min(each.first_at, first_at)
        each.last_at = max(each.last_at, last_at)
    return found


def _count_operations(
    connection: sa.Connection, organization_id: str, sites: frozenset[str] | None, found: dict[str, SeenProtocol]
) -> None:
    c = operations.c
    totals = (sa.func.sum(c.times), sa.func.sum(c.failures), sa.func.min(c.first_at), sa.func.max(c.last_at))
    query = sa.select(c.protocol, c.kind, *totals).where(*_of(operations, organization_id, sites))
    for name, kind, times, failures, first_at, last_at in connection.execute(
        query.group_by(c.protocol, c.kind).order_by(c.protocol, c.kind)
    ):
        each = found.setdefault(name, SeenProtocol(protocol=name, first_at=first_at, last_at=last_at))
        each.kinds[kind] = int(times)
        each.failures += int(failures)


def _count_assets(
    connection: sa.Connection, organization_id: str, sites: frozenset[str] | None, found: dict[str, SeenProtocol]
) -> None:
    mine = _of(links, organization_id, sites)
    # What is carried by another protocol has operations and no links of its own, as CIP in EtherNet/IP.
    carried = [name for name, each in found.items() if not each.links]
    theirs = [*_of(operations, organization_id, sites), operations.c.protocol.in_(carried)]
    ends = sa.union(
        *(
            sa.select(links.c.protocol.label("protocol"), end.label("asset_id")).where(*mine, end != "")
            for end in (links.c.client_id, links.c.server_id)
        ),
        *(
            sa.select(operations.c.protocol.label("protocol"), end.label("asset_id")).where(*theirs, end != "")
            for end in (operations.c.client_id, operations.c.server_id)
            if carried
        ),
    ).subquery()
    query = sa.select(ends.c.protocol, sa.func.count()).group_by(ends.c.protocol)
    for name, number in connection.execute(query):
        if name in found:
            found[name].assets = number
