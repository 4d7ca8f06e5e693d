"""The table of snapshots: the inventory as it was on a day."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from vedette.network.snapshot import Snapshot
from vedette.store import UtcDateTime, metadata

_ID: Final = 64

snapshots: Final = sa.Table(
    "network_snapshots",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("snapshot_id", sa.String(_ID), primary_key=True),
    sa.Column("taken_at", UtcDateTime, nullable=False),
    sa.Column("note", sa.String(1024), nullable=False),
    sa.Column("taken_by", sa.String(128), nullable=False),
    sa.Column("assets", sa.Integer, nullable=False),
    sa.Column("links", sa.Integer, nullable=False),
    sa.Column("is_kept", sa.Boolean, nullable=False),
    # Compressed JSON of what assets looked like.
    sa.Column("body", sa.LargeBinary, nullable=False),
)
_c: Final = snapshots.c
_HEAD: Final = [column for column in _c if column.name not in {"body", "organization_id"}]


def save_snapshot(connection: sa.Connection, organization_id: str, snapshot: Snapshot, body: bytes) -> None:
    """Add a snapshot."""
    row: dict[str, Any] = {name: getattr(snapshot, name) for name in Snapshot.__slots__}  # Any: one type per column
    connection.execute(snapshots.insert().values(organization_id=organization_id, body=body, **row))


def list_snapshots(connection: sa.Connection, organization_id: str, *, before: str, limit: int) -> list[Snapshot]:
    """Return snapshots, youngest first."""
    query = sa.select(*_HEAD).where(_c.organization_id == organization_id)
    if before:
        query = query.where(_c.snapshot_id < before)
    rows = connection.execute(query.order_by(_c.snapshot_id.desc()).limit(limit)).mappings()
    return [Snapshot(**row) for row in rows]


def find_snapshot(connection: sa.Connection, organization_id: str, snapshot_id: str) -> tuple[Snapshot, bytes] | None:
    """Return a snapshot and its body."""
    query = sa.select(snapshots).where(_c.organization_id == organization_id, _c.snapshot_id == snapshot_id)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return None
    return Snapshot(**{name: row[name] for name in Snapshot.__slots__}), row["body"]


def prune_snapshots(connection: sa.Connection, organization_id: str, *, keep: int) -> int:
    """Forget the oldest of those that nobody asked to keep; return how many."""
    mine = sa.and_(_c.organization_id == organization_id, _c.is_kept.is_(False))
    old = sa.select(_c.snapshot_id).where(mine).order_by(_c.snapshot_id.desc()).offset(keep)
    found = connection.execute(old).scalars().all()
    if found:
        connection.execute(snapshots.delete().where(mine, _c.snapshot_id.in_(found)))
    return len(found)


def count_kept(connection: sa.Connection, organization_id: str) -> int:
    """Return how many there are that somebody asked for."""
    query = sa.select(sa.func.count()).where(_c.organization_id == organization_id, _c.is_kept.is_(True))
    return connection.execute(query).scalar_one()


def delete_snapshot(connection: sa.Connection, organization_id: str, snapshot_id: str) -> bool:
    """Forget a snapshot; return whether there was one."""
    statement = snapshots.delete().where(_c.organization_id == organization_id, _c.snapshot_id == snapshot_id)
    return bool(connection.execute(statement).rowcount)
