"""The presence table and its SQL."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from vedette.store import UtcDateTime, metadata

_ID: Final = 64

# An identity without a row has never been connected.
presence: Final = sa.Table(
    "registry_presence",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("generation_id", sa.String(_ID), primary_key=True),
    sa.Column("is_connected", sa.Boolean, nullable=False),
    sa.Column("gateway", sa.String(_ID), nullable=False),
    sa.Column("changed_at", UtcDateTime, nullable=False),
    sa.Column("reason", sa.String(64), nullable=False),
    sa.Column("remote_address", sa.String(64), nullable=False),
    sa.Column("protocol", sa.String(32), nullable=False),
    sa.Column("client", sa.String(256), nullable=False),
)

_c: Final = presence.c
_connected: Final = _c.is_connected.is_(True)

sa.Index(
    "ix_registry_presence_connected",
    _c.organization_id,
    _c.generation_id,
    sqlite_where=_connected,
    postgresql_where=_connected,
)
sa.Index(
    "ix_registry_presence_gateway",
    _c.organization_id,
    _c.gateway,
    sqlite_where=_connected,
    postgresql_where=_connected,
)
