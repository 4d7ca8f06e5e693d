"""What a map is drawn from, in as few columns and rows as there can be: whole links would take ten times as long."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, cast

import sqlalchemy as sa

from vedette.network.asset_repository import assets
from vedette.network.exposure.repository import exposures
from vedette.network.link_repository import links, operations
from vedette.network.segmentation.repository import plans

_l: Final = links.c
_o: Final = operations.c
_a: Final = assets.c
_x: Final = exposures.c
_p: Final = plans.c
CHANGING_KINDS: Final = ("write", "control", "program", "firmware")
LINKS_READ_MAX: Final = 1_000_000
_AT_ONCE: Final = 5_000

# Site, client's and server's asset, protocol, whether it is external, packets, bytes, first and last second.
StrandRow = tuple[str, str, str, str, bool, int, int, int, int]


def read_version(connection: sa.Connection, organization_id: str) -> tuple[Any, ...]:  # Any: one type per value
    """Return what is another as soon as the inventory is; reading it costs little."""
    found: list[Any] = []  # Any: same
    for columns in (_l, _o):
        for moment in (columns.created_at, columns.last_at):
            query = sa.select(sa.func.max(moment)).where(columns.organization_id == organization_id)
            found.append(connection.execute(query).scalar())
    mine = _a.organization_id == organization_id
    told = sa.select(sa.func.count(), sa.func.max(_a.last_at), sa.func.sum(_a.revision)).where(mine)
    found.extend(connection.execute(told).one())
    known = sa.select(sa.func.count(), sa.func.max(_x.assessed_at)).where(_x.organization_id == organization_id)
    found.extend(connection.execute(known).one())
    planned = sa.select(sa.func.max(_p.changed_at), sa.func.max(_p.approved_at)).where(
        _p.organization_id == organization_id
    )
    found.extend(connection.execute(planned).one())
    return tuple(str(each) for each in found)


def read_strands(connection: sa.Connection, organization_id: str) -> Iterator[StrandRow]:
    """Yield every link."""
    query = (
        sa.select(
            _l.site,
            _l.client_id,
            _l.server_id,
            _l.protocol,
            _l.is_external,
            _l.packets,
            _l.bytes,
            _seconds(connection, _l.first_at),
            _seconds(connection, _l.last_at),
        )
        .where(_l.organization_id == organization_id)
        .limit(LINKS_READ_MAX)
    )
    for rows in connection.execute(query.execution_options(yield_per=_AT_ONCE)).partitions():
        yield from cast("list[StrandRow]", rows)  # cast: a row is a tuple, and to copy each takes a second for so many


def read_controls(connection: sa.Connection, organization_id: str) -> list[tuple[str, str, int]]:
    """Return how many operations that change something were asked for: client's and server's asset, and times."""
    query = (
        sa.select(_o.client_id, _o.server_id, sa.func.sum(_o.times))
        .where(_o.organization_id == organization_id, _o.kind.in_(CHANGING_KINDS))
        .group_by(_o.client_id, _o.server_id)
    )
    return [(client, server, int(times)) for client, server, times in connection.execute(query)]


def read_exposures(connection: sa.Connection, organization_id: str) -> dict[str, tuple[int, int, int]]:
    """Return proven and possible vulnerabilities of assets, and the highest priority."""
    query = sa.select(_x.asset_id, _x.proven, _x.maybe, _x.priority).where(_x.organization_id == organization_id)
    return {row[0]: (row[1], row[2], row[3]) for row in connection.execute(query)}


def _seconds(connection: sa.Connection, moment: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:  # Any: a time
    if connection.dialect.name == "sqlite":
        # As SQLite keeps it, without a thousandth: read as text, since Python would take a second for so many.
        return sa.cast(sa.func.strftime("%s", moment), sa.Integer)
    return sa.cast(sa.func.floor(sa.extract("epoch", moment)), sa.BigInteger)
