"""The table of connections to the outside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from vedette.network.model import ExternalConnection, ExternalVerdict
from vedette.network.row_repository import upsert
from vedette.store import Json, UtcDateTime, metadata

_ID: Final = 64

externals: Final = sa.Table(
    "network_externals",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("external_id", sa.String(_ID), primary_key=True),
    sa.Column("site", sa.String(128), nullable=False),
    sa.Column("asset_id", sa.String(_ID), nullable=False),
    sa.Column("local", sa.String(_ID), nullable=False),
    sa.Column("address", sa.String(_ID), nullable=False),
    sa.Column("name", sa.String(512), nullable=False),
    sa.Column("is_inbound", sa.Boolean, nullable=False),
    sa.Column("services", Json, nullable=False),
    sa.Column("country", sa.String(2), nullable=False),
    sa.Column("asn", sa.BigInteger, nullable=False),
    sa.Column("network_name", sa.String(256), nullable=False),
    sa.Column("verdict", sa.String(16), nullable=False),
    sa.Column("owner", sa.String(256), nullable=False),
    sa.Column("justification", sa.String(1024), nullable=False),
    sa.Column("decided_by", sa.String(128), nullable=False),
    sa.Column("decided_at", UtcDateTime),
    sa.Column("first_at", UtcDateTime, nullable=False),
    sa.Column("last_at", UtcDateTime, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
)
_c: Final = externals.c
sa.Index("ix_network_externals_asset", _c.organization_id, _c.asset_id, _c.external_id)
sa.Index("ix_network_externals_verdict", _c.organization_id, _c.verdict, _c.external_id)
_MANY: Final = 500


def find_externals(
    connection: sa.Connection, organization_id: str, external_ids: Iterable[str]
) -> dict[str, ExternalConnection]:
    """Return connections by id; each with the asset that it was observed at."""
    found: dict[str, ExternalConnection] = {}
    wanted = sorted(set(external_ids))
    for start in range(0, len(wanted), _MANY):
        query = sa.select(externals).where(
            _c.organization_id == organization_id, _c.external_id.in_(wanted[start : start + _MANY])
        )
        for row in connection.execute(query).mappings():
            found[row["external_id"]] = _to_external(row)
    return found


def save_externals(connection: sa.Connection, organization_id: str, changed: Iterable[ExternalConnection]) -> None:
    """Write connections."""
    rows = [
        {name: getattr(each, name) for name in ExternalConnection.__slots__}
        | {"organization_id": organization_id, "services": list(each.services), "verdict": each.verdict.value}
        for each in changed
    ]
    upsert(connection, externals, rows)


def delete_externals(connection: sa.Connection, organization_id: str, external_ids: Sequence[str]) -> None:
    """Forget connections."""
    connection.execute(
        externals.delete().where(_c.organization_id == organization_id, _c.external_id.in_(list(external_ids)))
    )


def assets_with_externals(connection: sa.Connection, organization_id: str, asset_ids: Iterable[str]) -> set[str]:
    """Return which of these assets talk with the outside."""
    found: set[str] = set()
    wanted = sorted(set(asset_ids))
    for start in range(0, len(wanted), _MANY):
        query = sa.select(_c.asset_id).where(
            _c.organization_id == organization_id, _c.asset_id.in_(wanted[start : start + _MANY])
        )
        found.update(connection.execute(query.distinct()).scalars())
    return found


def delete_of_assets(connection: sa.Connection, organization_id: str, asset_ids: Sequence[str]) -> None:
    """Forget the connections of assets."""
    connection.execute(
        externals.delete().where(_c.organization_id == organization_id, _c.asset_id.in_(list(asset_ids)))
    )


def delete_stale(connection: sa.Connection, organization_id: str, before: datetime, limit: int) -> int:
    """Forget connections that nobody decided about and that were neither seen nor new here since a time."""
    old = sa.select(_c.external_id).where(
        _c.organization_id == organization_id, _c.decided_at.is_(None), _c.last_at < before, _c.created_at < before
    )
    found = connection.execute(old.limit(limit)).scalars().all()
    delete_externals(connection, organization_id, found)
    return len(found)


def count_externals(connection: sa.Connection, organization_id: str) -> int:
    """Return how many connections are kept."""
    query = sa.select(sa.func.count()).where(_c.organization_id == organization_id)
    return connection.execute(query).scalar_one()


def list_externals(
    connection: sa.Connection,
    organization_id: str,
    *,
    sites: frozenset[str] | None,
    parts: Sequence[str],
    verdict: ExternalVerdict | None,
    text: str,
    country: str,
    is_inbound: bool | None,
    merged: Mapping[str, str],
    after: str,
    limit: int,
) -> list[ExternalConnection]:
    """Return connections by id.

    Args:
        connection: Of a reader.
        organization_id: Whose.
        sites: At one of these; None: anywhere.
        parts: Of these assets; empty: of all.
        verdict: With this verdict; None: with any.
        text: Somewhere in the name, an address, the network's name or the owner; ASCII case does not matter.
        country: Two letters; empty: any.
        is_inbound: Whether the outside began; None: either.
        merged: Which asset was merged into which.
        after: Behind this id.
        limit: At most so many.
    """
    query = sa.select(externals).where(_c.organization_id == organization_id, _c.external_id > after)
    if sites is not None:
        query = query.where(_c.site.in_(sorted(sites)))
    if parts:
        query = query.where(_c.asset_id.in_(list(parts)))
    if verdict is not None:
        query = query.where(_c.verdict == verdict.value)
    if country:
        query = query.where(_c.country == country)
    if is_inbound is not None:
        query = query.where(_c.is_inbound.is_(is_inbound))
    if text:
        texts = (_c.name, _c.address, _c.local, _c.network_name, _c.owner)
        query = query.where(sa.or_(*(sa.func.lower(each).contains(text.lower(), autoescape=True) for each in texts)))
    rows = connection.execute(query.order_by(_c.external_id).limit(limit)).mappings()
    found = [_to_external(row) for row in rows]
    return [replace(each, asset_id=merged.get(each.asset_id, each.asset_id)) for each in found]


def _to_external(row: sa.RowMapping) -> ExternalConnection:
    values: dict[str, Any] = {name: row[name] for name in ExternalConnection.__slots__}  # Any: one type per column
    return ExternalConnection(
        **values | {"services": tuple(row["services"]), "verdict": ExternalVerdict(row["verdict"])}
    )
