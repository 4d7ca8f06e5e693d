"""The tables of links and operations: who talks with whom, about what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
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
# In the order of the fields of what is returned; where those tell of assets, a row tells of what was observed.
_STORED: Final = {"client_asset_id": "client_id", "server_asset_id": "server_id"}
_LINK_COLUMNS: Final = tuple(_STORED.get(each.name, each.name) for each in fields(NetworkLink))
_OPERATION_COLUMNS: Final = tuple(_STORED.get(each.name, each.name) for each in fields(NetworkOperation))

for _table, _key in ((links, "link_id"), (operations, "operation_id")):
    _c = _table.c
    sa.Index(f"ix_{_table.name}_pair", _c.organization_id, _c.pair)
    sa.Index(f"ix_{_table.name}_client", _c.organization_id, _c.client_id, _c[_key])
    sa.Index(f"ix_{_table.name}_server", _c.organization_id, _c.server_id, _c[_key])
    sa.Index(f"ix_{_table.name}_created", _c.organization_id, _c.created_at)
    sa.Index(f"ix_{_table.name}_last", _c.organization_id, _c.last_at)
    sa.Index(f"ix_{_table.name}_protocol", _c.organization_id, _c.protocol, _c[_key])
    sa.Index(f"ix_{_table.name}_site", _c.organization_id, _c.site, _c[_key])
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


def add(connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:  # Any: column values
    """Add whole rows of ``links`` or ``operations``; one that is there already is replaced."""
    upsert(connection, table, rows)


def change(
    connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> None:  # Any: column values
    """Write some columns of rows that are there; an index over other columns is not touched."""
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    statement = (
        table.update()
        .where(*(table.c[key] == sa.bindparam(f"key_{key}") for key in keys))
        .values({name: sa.bindparam(f"new_{name}", type_=table.c[name].type) for name in names})
    )
    values = [{f"key_{key}": row[key] for key in keys} | {f"new_{name}": row[name] for name in names} for row in rows]
    connection.execute(statement, values)


def count_rows(connection: sa.Connection, table: sa.Table, organization_id: str) -> int:
    """Return how many rows of ``links`` or ``operations`` there are."""
    query = sa.select(sa.func.count()).select_from(table).where(table.c.organization_id == organization_id)
    return connection.execute(query).scalar_one()


def leave_ends(connection: sa.Connection, table: sa.Table, organization_id: str, asset_ids: Sequence[str]) -> None:
    """Say of ends that were assets which are forgotten that they are nobody's."""
    for end in (table.c.client_id, table.c.server_id):
        connection.execute(
            table.update()
            .where(table.c.organization_id == organization_id, end.in_(list(asset_ids)))
            .values({end.name: ""})
        )


def delete_stale(connection: sa.Connection, table: sa.Table, organization_id: str, before: datetime, limit: int) -> int:
    """Forget rows of ``links`` or ``operations`` that were neither seen nor new here since a time; return how many."""
    c = table.c
    key = next(iter(column for column in table.primary_key if column.name != "organization_id"))
    old = (
        sa.select(key)
        .where(c.organization_id == organization_id, c.last_at < before, c.created_at < before)
        .limit(limit)
    )
    found = connection.execute(old).scalars().all()
    if found:
        connection.execute(table.delete().where(c.organization_id == organization_id, key.in_(found)))
    return len(found)


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
    conditions = _conditions(links, organization_id, search)
    if search.is_external is not None:
        conditions.append(links.c.is_external.is_(search.is_external))
    ends = parts if search.asset_id else ()
    rows = _page(connection, links, _LINK_COLUMNS, conditions, ends=ends, after=after, limit=limit)
    return [NetworkLink(*_resolved(row, merged)) for row in rows]


def count_links(connection: sa.Connection, organization_id: str, search: LinkSearch) -> int:
    """Return how many links fit, whatever their assets."""
    conditions = _conditions(links, organization_id, search)
    if search.is_external is not None:
        conditions.append(links.c.is_external.is_(search.is_external))
    return connection.execute(sa.select(sa.func.count()).select_from(links).where(*conditions)).scalar_one()


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
    conditions = _conditions(operations, organization_id, search)
    if search.kind:
        conditions.append(operations.c.kind == search.kind)
    ends = parts if search.asset_id else ()
    rows = _page(connection, operations, _OPERATION_COLUMNS, conditions, ends=ends, after=after, limit=limit)
    return [NetworkOperation(*_resolved(row, merged)) for row in rows]


def _conditions(table: sa.Table, organization_id: str, search: LinkSearch) -> list[sa.ColumnElement[bool]]:
    c = table.c
    found: list[sa.ColumnElement[bool]] = [c.organization_id == organization_id]
    if search.sites is not None:
        sites = sorted(search.sites)
        found.append(c.site == sites[0] if len(sites) == 1 else c.site.in_(sites))
    if search.protocol:
        found.append(c.protocol == search.protocol)
    if search.since is not None:
        found.append(c.created_at >= search.since)
    if search.until is not None:
        found.append(c.created_at < search.until)
    return found


def _page(
    connection: sa.Connection,
    table: sa.Table,
    columns: Sequence[str],
    conditions: Sequence[sa.ColumnElement[bool]],
    *,
    ends: Sequence[str],
    after: str,
    limit: int,
) -> list[tuple[Any, ...]]:  # Any: one type per column
    """Return rows by id; those with one of some ends are read for each end, since each has an index of its own."""
    key = table.c[columns[0]]
    query = sa.select(*(table.c[name] for name in columns)).where(*conditions, key > after).order_by(key).limit(limit)
    if not ends:
        return [tuple(row) for row in connection.execute(query)]
    found: dict[str, tuple[Any, ...]] = {}  # Any: same
    for end in (table.c.client_id, table.c.server_id):
        for part in ends:
            found.update((row[0], tuple(row)) for row in connection.execute(query.where(end == part)))
    return [found[each] for each in sorted(found)[:limit]]


def _resolved(row: tuple[Any, ...], merged: Mapping[str, str]) -> tuple[Any, ...]:  # Any: same
    """Return a row whose ends, which stand third and fourth, are the assets that stand for them."""
    key, site, client, server, *others = row
    return key, site, merged.get(client, client), merged.get(server, server), *others
