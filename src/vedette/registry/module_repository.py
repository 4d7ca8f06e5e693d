"""The modules' table and its SQL."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from vedette.registry.repository import DEVICE_NAME
from vedette.store import Json, UtcDateTime, index_paths, metadata

_ID: Final = 64

modules: Final = sa.Table(
    "registry_modules",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("generation_id", sa.String(_ID), primary_key=True),
    sa.Column("device_generation_id", sa.String(_ID), nullable=False),
    sa.Column("device_id", DEVICE_NAME, nullable=False),
    sa.Column("module_id", DEVICE_NAME, nullable=False),
    sa.Column("authentication_type", sa.String(32), nullable=False),
    sa.Column("primary_thumbprint", sa.String(64)),
    sa.Column("secondary_thumbprint", sa.String(64)),
    sa.Column("is_enabled", sa.Boolean, nullable=False),
    sa.Column("managed_by", sa.String(128), nullable=False),
    sa.Column("tags", Json, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("last_connected_at", UtcDateTime),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("deleted_at", UtcDateTime),
)

_c: Final = modules.c
_alive: Final = _c.deleted_at.is_(None)

sa.Index(
    "uq_registry_modules_name",
    _c.organization_id,
    _c.device_generation_id,
    _c.module_id,
    unique=True,
    sqlite_where=_alive,
    postgresql_where=_alive,
)
# The order that queries over all modules page by.
sa.Index(
    "ix_registry_modules_name",
    _c.organization_id,
    _c.device_id,
    _c.module_id,
    sqlite_where=_alive,
    postgresql_where=_alive,
)
index_paths(modules)
