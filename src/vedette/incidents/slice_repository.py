"""The table of slices, sealed, and its SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from vedette.store import UtcDateTime, metadata

_ID: Final = 64

slices: Final = sa.Table(
    "incidents_slices",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("alert_id", sa.String(_ID), primary_key=True),
    sa.Column("kept_at", UtcDateTime, nullable=False),
    sa.Column("size_bytes", sa.Integer, nullable=False),
    sa.Column("sha256", sa.String(_ID), nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)
_c: Final = slices.c
sa.Index("ix_incidents_slices_kept", _c.organization_id, _c.kept_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedSlice:
    """The packets behind an alert, encrypted.

    Attributes:
        size_bytes: Of the capture within.
        sha256: Of the capture within, lower-case hex.
    """

    kept_at: datetime
    size_bytes: int
    sha256: str
    sealed: bytes


def insert(connection: sa.Connection, organization_id: str, alert_id: str, kept: SealedSlice) -> None:
    """Add a slice."""
    connection.execute(
        slices.insert().values(
            organization_id=organization_id,
            alert_id=alert_id,
            kept_at=kept.kept_at,
            size_bytes=kept.size_bytes,
            sha256=kept.sha256,
            sealed=kept.sealed,
        )
    )


def find(connection: sa.Connection, organization_id: str, alert_id: str) -> SealedSlice | None:
    """Return the slice of an alert."""
    query = sa.select(_c.kept_at, _c.size_bytes, _c.sha256, _c.sealed).where(
        _c.organization_id == organization_id, _c.alert_id == alert_id
    )
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else SealedSlice(**row)


def list_beyond(
    connection: sa.Connection, organization_id: str, *, kept_before: datetime, max_bytes: int, limit: int
) -> list[str]:
    """Return the alerts whose slices leave: too old, or the oldest of too many bytes."""
    mine = _c.organization_id == organization_id
    old = sa.select(_c.alert_id).where(mine, _c.kept_at < kept_before).order_by(_c.kept_at).limit(limit)
    found = list(connection.execute(old).scalars())
    held = connection.execute(sa.select(sa.func.coalesce(sa.func.sum(_c.size_bytes), 0)).where(mine)).scalar_one()
    if found or held <= max_bytes:
        return found
    oldest = sa.select(_c.alert_id, _c.size_bytes).where(mine).order_by(_c.kept_at).limit(limit)
    for row in connection.execute(oldest):
        if held <= max_bytes:
            break
        found.append(row.alert_id)
        held -= row.size_bytes
    return found


def delete(connection: sa.Connection, organization_id: str, alert_ids: Sequence[str]) -> None:
    """Take slices away."""
    connection.execute(slices.delete().where(_c.organization_id == organization_id, _c.alert_id.in_(alert_ids)))
