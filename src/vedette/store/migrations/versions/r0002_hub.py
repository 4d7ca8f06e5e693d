# ruff: noqa: INP001 - Alembic loads it by path
"""The hub, written by ``scripts/write_migration.py``: what the rooms declare beyond the revision before."""

from __future__ import annotations

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Bring the schema up to what the rooms declare."""
