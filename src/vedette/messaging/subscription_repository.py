"""The table of subscriptions that outlive a connection, and its SQL."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import sqlalchemy as sa

from vedette.store import Json, UtcDateTime, metadata

_ID: Final = 64

kept: Final = sa.Table(
    "messaging_subscriptions",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("generation_id", sa.String(_ID), primary_key=True),
    sa.Column("subscriptions", Json, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
)

_c: Final = kept.c
_of_identity: Final = sa.and_(
    _c.organization_id == sa.bindparam("organization"), _c.generation_id == sa.bindparam("generation")
)
_find: Final = sa.select(_c.subscriptions).where(_of_identity)


def find(connection: sa.Connection, organization_id: str, generation_id: str) -> dict[str, int] | None:
    """Return what the kept session of an identity subscribed to; ``None`` without one."""
    keys = {"organization": organization_id, "generation": generation_id}
    found: dict[str, int] | None = connection.execute(_find, keys).scalar_one_or_none()
    return found


def save(
    connection: sa.Connection, organization_id: str, generation_id: str, subscriptions: dict[str, int], at: datetime
) -> None:
    """Keep a session's subscriptions in place of the kept ones."""
    keys = {"organization": organization_id, "generation": generation_id}
    values = {"subscriptions": subscriptions, "updated_at": at}
    if not connection.execute(kept.update().where(_of_identity).values(values), keys).rowcount:
        row = {"organization_id": organization_id, "generation_id": generation_id, **values}
        connection.execute(kept.insert().values(row))


def delete(connection: sa.Connection, organization_id: str, generation_id: str) -> None:
    """Discard a kept session."""
    connection.execute(
        kept.delete().where(_of_identity), {"organization": organization_id, "generation": generation_id}
    )
