"""The twins' table and its SQL."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from vedette.store import Json, UtcDateTime, metadata

_ID: Final = 64

# An identity without a row has both bags empty, at version 1. Tags are the identity's own.
twins: Final = sa.Table(
    "registry_twins",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("generation_id", sa.String(_ID), primary_key=True),
    sa.Column("desired", Json, nullable=False),
    sa.Column("desired_version", sa.Integer, nullable=False),
    sa.Column("desired_metadata", Json, nullable=False),
    sa.Column("reported", Json, nullable=False),
    sa.Column("reported_version", sa.Integer, nullable=False),
    sa.Column("reported_metadata", Json, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
)
