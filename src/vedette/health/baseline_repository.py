"""The table of baselines, and its SQL."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from vedette.store import UtcDateTime, metadata

_ID: Final = 64

baselines: Final = sa.Table(
    "health_baselines",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("generation_id", sa.String(_ID), primary_key=True),
    sa.Column("learned", sa.LargeBinary, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
)
_c: Final = baselines.c


def read_baselines(connection: sa.Connection, organization_id: str, limit: int) -> dict[str, bytes]:
    """Return what was learned, by identity, the latest first."""
    query = (
        sa.select(_c.generation_id, _c.learned)
        .where(_c.organization_id == organization_id)
        .order_by(_c.updated_at.desc())
        .limit(limit)
    )
    return {row.generation_id: bytes(row.learned) for row in connection.execute(query)}


def save_baselines(
    connection: sa.Connection, organization_id: str, learned: Mapping[str, bytes], now: datetime
) -> None:
    """Write what was learned."""
    if not learned:
        return
    mine = sa.and_(_c.organization_id == organization_id, _c.generation_id.in_(list(learned)))
    connection.execute(baselines.delete().where(mine))
    rows = [
        {"organization_id": organization_id, "generation_id": each, "learned": raw, "updated_at": now}
        for each, raw in learned.items()
    ]
    connection.execute(baselines.insert(), rows)


def forget_baselines(connection: sa.Connection, organization_id: str, before: datetime) -> None:
    """Forget identities that have said nothing for long, those that are no more among them."""
    connection.execute(baselines.delete().where(_c.organization_id == organization_id, _c.updated_at < before))
