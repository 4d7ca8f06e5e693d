"""The tables of links and operations: who talks with whom, about what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from vedette.network.model import LinkSearch, NetworkLink, NetworkOperation
from vedette.network.row_repository import upsert
from vedette.store import Json, UtcDateTime, metadata

_ID: Final = 64


def _ends() -> list[sa.Column[Any]]:  # Any: one type per column
    return [
        sa.Column("site", sa.String(128), nullable=False),
        # Digest of the addresses and the service, whoever holds the addresses.
        sa.Column("pair", sa.String(_ID), nullable=False),
        # As observed: of the asset that a person merged into another, its own.
        sa.Column("client_id", sa.String(_ID), nullable=False),
        sa.Column("server_id", sa.String(_ID), nullable=False),
        sa.Column("client", sa.String(_ID), nullable=False),
        sa.Column("server", sa.String(_ID), nullable=False),
        sa.Column("protocol", sa.String(128), nullable=False),
        # By sensor: the totals of its boots.
        sa.Column("tallies", Json, nullable=False),
        sa.Column("first_at", UtcDateTime, nullable=False),
        sa.Column("last_at", UtcDateTime, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
    ]


links: Final = sa.Table(
    "network_links",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("link_id", sa.String(_ID), primary_key=True),
    *_ends(),
    sa.Column("transport", sa.String(128), nullable=False),
    sa.Column("port", sa.Integer, nullable=False),
    sa.Column("certainty", sa.String(16), nullable=False),
    sa.Column("is_external", sa.Boolean, nullable=False),
    sa.Column("name", sa.String(512), nullable=False),
    sa.Column("flows", sa.BigInteger, nullable=False),
    sa.Column("packets", sa.BigInteger, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
)
operations: Final = sa.Table(
    "network_operations",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("operation_id", sa.String(_ID), primary_key=True),
    *_ends(),
    sa.Column("service", sa.String(128), nullable=False),
    sa.Column("kind", sa.String(128), nullable=False),
    sa.Column("area", sa.String(128), nullable=False),
    sa.Column("unit", sa.String(128), nullable=False),
    sa.Column("times", sa.BigInteger, nullable=False),
    sa.Column("failures", sa.BigInteger, nullable=False),
)
_MANY: Final = 500

for _table, _key in ((links, "link_id"), (operations, "operation_id")):
    _c = _table.c
    sa.Index(f"ix_{_table.name}_pair", _c.organization_id, _c.pair)
    sa.Index(f"ix_{_table.name}_client", _c.organization_id, _c.client_id, _c[_key])
    sa.Index(f"ix_{_table.name}_server", _c.organization_id, _c.server_id, _c[_key])
    sa.Index(f"ix_{_table.name}_created", _c.organization_id, _c.created_at)
sa.Index(
    "ix_network_links_external",
    links.c.organization_id,
    links.c.link_id,
    sqlite_where=links.c.is_external.is_(True),
    postgresql_where=links.c.is_external.is_(True),
)


def find_pairs(
    connection: sa.Connection, table: sa.Table, organization_id: str, pairs: Iterable[str]
) -> list[dict[str, Any]]:  # Any: column values
    """Return the whole rows of ``links`` or ``operations`` that tell of these pairs."""
    found: list[dict[str, Any]] = []
    wanted = sorted(set(pairs))
    for start in range(0, len(wanted), _MANY):
        query = sa.select(table).where(
            table.c.organization_id == organization_id, table.c.pair.in_(wanted[start : start + _MANY])
        )
        found.extend(dict(row) for row in connection.execute(query).mappings())
    return found


def save(connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:  # Any: column values
    """Write whole rows of ``links`` or ``operations``."""
    upsert(connection, table, rows)


def count_rows(connection: sa.Connection, table: sa.Table, organization_id: str) -> int:
    """Return how many rows of ``links`` or ``operations`` there are."""
    query = sa.select(sa.func.count()).select_from(table).where(table.c.organization_id == organization_id)
    return connection.execute(query).scalar_one()


def list_links(
    connection: sa.Connection,
    organization_id: str,
    search: LinkSearch,
    *,
    parts: Sequence[str],
    merged: Mapping[str, str],
    after: str,
    limit: int,
) -> list[NetworkLink]:
    """Return links that fit, by id.

    Args:
        connection: Of a reader.
        organization_id: Whose.
        search: What they must fit; its asset is told by ``parts``.
        parts: The asset that is looked for, and those that were merged into it.
        merged: Which asset was merged into which.
        after: Behind this id.
        limit: At most so many.
    """
    c = links.c
    query = _query(links, c.link_id, organization_id, search, parts=parts, after=after)
    if search.is_external is not None:
        query = query.where(c.is_external.is_(search.is_external))
    rows = connection.execute(query.order_by(c.link_id).limit(limit)).mappings()
    return [NetworkLink(**_values(row, NetworkLink.__slots__, merged)) for row in rows]


def count_links(connection: sa.Connection, organization_id: str, search: LinkSearch) -> int:
    """Return how many links fit, whatever their assets."""
    query = _query(links, links.c.link_id, organization_id, search, parts=(), after="")
    if search.is_external is not None:
        query = query.where(links.c.is_external.is_(search.is_external))
    return connection.execute(sa.select(sa.func.count()).select_from(query.subquery())).scalar_one()


def list_operations(
    connection: sa.Connection,
    organization_id: str,
    search: LinkSearch,
    *,
    parts: Sequence[str],
    merged: Mapping[str, str],
    after: str,
    limit: int,
) -> list[NetworkOperation]:
    """Return operations that fit, by id; as ``list_links``."""
    c = operations.c
    query = _query(operations, c.operation_id, organization_id, search, parts=parts, after=after)
    if search.kind:
        query = query.where(c.kind == search.kind)
    rows = connection.execute(query.order_by(c.operation_id).limit(limit)).mappings()
    return [NetworkOperation(**_values(row, NetworkOperation.__slots__, merged)) for row in rows]


def _query(
    table: sa.Table,
    key: sa.Column[Any],  # Any: as declared by SQLAlchemy
    organization_id: str,
    search: LinkSearch,
    *,
    parts: Sequence[str],
    after: str,
) -> sa.Select[Any]:  # Any: same
    c = table.c
    query = sa.select(table).where(c.organization_id == organization_id, key > after)
    if search.sites is not None:
        query = query.where(c.site.in_(sorted(search.sites)))
    if search.asset_id:
        query = query.where(sa.or_(c.client_id.in_(parts), c.server_id.in_(parts)))
    if search.protocol:
        query = query.where(c.protocol == search.protocol)
    if search.since is not None:
        query = query.where(c.created_at >= search.since)
    if search.until is not None:
        query = query.where(c.created_at < search.until)
    return query


def _values(row: sa.RowMapping, names: Iterable[str], merged: Mapping[str, str]) -> dict[str, Any]:  # Any: values
    client, server = row["client_id"], row["server_id"]
    ends = {"client_asset_id": merged.get(client, client), "server_asset_id": merged.get(server, server)}
    return {name: row[name] for name in names if name not in ends} | ends
