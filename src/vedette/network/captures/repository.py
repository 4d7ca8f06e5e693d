"""The table of captures; their files stand elsewhere."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from vedette.network.captures.model import OPEN, Capture, CaptureState
from vedette.store import Json, UtcDateTime, metadata

_ID: Final = 64

captures: Final = sa.Table(
    "network_captures",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("capture_id", sa.String(_ID), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("site", sa.String(128), nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("is_kept", sa.Boolean, nullable=False),
    sa.Column("is_taken_in", sa.Boolean, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("author_id", sa.String(256), nullable=False),
    sa.Column("author", sa.String(256), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("changed_at", UtcDateTime, nullable=False),
    sa.Column("finished_at", UtcDateTime),
    sa.Column("cause", sa.String(1024), nullable=False),
    sa.Column("received_bytes", sa.BigInteger, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("read_bytes", sa.BigInteger, nullable=False),
    sa.Column("packets", sa.BigInteger, nullable=False),
    sa.Column("report_bytes", sa.BigInteger, nullable=False),
    sa.Column("has_file", sa.Boolean, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("summary", Json, nullable=False),
)
_c: Final = captures.c
_NAMES: Final = tuple(each.name for each in fields(Capture))


def insert_capture(connection: sa.Connection, capture: Capture) -> None:
    """Add a capture."""
    connection.execute(captures.insert().values(**_row(capture)))


def save_capture(connection: sa.Connection, capture: Capture) -> None:
    """Write a capture that is there."""
    mine = sa.and_(_c.organization_id == capture.organization_id, _c.capture_id == capture.capture_id)
    connection.execute(captures.update().where(mine).values(**_row(capture)))


def find_capture(connection: sa.Connection, organization_id: str, capture_id: str) -> Capture | None:
    """Return a capture."""
    query = sa.select(captures).where(_c.organization_id == organization_id, _c.capture_id == capture_id)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _capture(row)


def list_captures(
    connection: sa.Connection,
    organization_id: str,
    *,
    states: Collection[CaptureState] = (),
    before: str = "",
    limit: int,
) -> list[Capture]:
    """Return captures, youngest first."""
    query = sa.select(captures).where(_c.organization_id == organization_id)
    if states:
        query = query.where(_c.state.in_(sorted(states)))
    if before:
        query = query.where(_c.capture_id < before)
    rows = connection.execute(query.order_by(_c.capture_id.desc()).limit(limit)).mappings()
    return [_capture(row) for row in rows]


def first_waiting(connection: sa.Connection, organization_id: str) -> Capture | None:
    """Return the capture whose turn it is."""
    mine = sa.and_(_c.organization_id == organization_id, _c.state == CaptureState.WAITING)
    row = connection.execute(sa.select(captures).where(mine).order_by(_c.capture_id).limit(1)).mappings().first()
    return None if row is None else _capture(row)


def count_open(connection: sa.Connection, organization_id: str) -> dict[str, int]:
    """Return how many captures are under way, by who uploads them."""
    mine = sa.and_(_c.organization_id == organization_id, _c.state.in_(sorted(OPEN)))
    rows = connection.execute(sa.select(_c.author_id, sa.func.count()).where(mine).group_by(_c.author_id))
    return {author_id: count for author_id, count in rows}  # noqa: C416 - rows are no pairs to the type checker


def sum_files(connection: sa.Connection, organization_id: str) -> int:
    """Return how many bytes the files take, or will when they have come."""
    mine = sa.and_(_c.organization_id == organization_id, _c.has_file.is_(True))
    return int(connection.execute(sa.select(sa.func.coalesce(sa.func.sum(_c.size_bytes), 0)).where(mine)).scalar_one())


def list_stale(
    connection: sa.Connection, organization_id: str, *, unchanged_since: datetime, finished_before: datetime, limit: int
) -> list[Capture]:
    """Return uploads that nobody goes on with, and captures that were kept long enough."""
    paused = sa.and_(_c.state == CaptureState.RECEIVING, _c.changed_at < unchanged_since)
    old = sa.and_(_c.finished_at.is_not(None), _c.finished_at < finished_before)
    query = sa.select(captures).where(_c.organization_id == organization_id, sa.or_(paused, old)).limit(limit)
    return [_capture(row) for row in connection.execute(query).mappings()]


def every_id(connection: sa.Connection, organization_id: str) -> set[str]:
    """Return all ids."""
    return set(connection.execute(sa.select(_c.capture_id).where(_c.organization_id == organization_id)).scalars())


def delete_capture(connection: sa.Connection, organization_id: str, capture_id: str) -> bool:
    """Forget a capture; return whether there was one."""
    statement = captures.delete().where(_c.organization_id == organization_id, _c.capture_id == capture_id)
    return bool(connection.execute(statement).rowcount)


def _row(capture: Capture) -> dict[str, Any]:  # Any: one type per column
    return {name: getattr(capture, name) for name in _NAMES} | {"state": capture.state.value}


def _capture(row: sa.RowMapping) -> Capture:
    return Capture(**{name: row[name] for name in _NAMES} | {"state": CaptureState(row["state"])})
