# ruff: noqa: INP001 - Alembic loads it by path
"""The hub, written by ``scripts/write_migration.py``: what the rooms declare beyond the revision before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vedette.store import Json, UtcDateTime, json_path

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Bring the schema up to what the rooms declare."""
    _create_registry_modules()
    _create_registry_presence()
    _create_registry_twins()


def _create_registry_modules() -> None:
    op.create_table(
        "registry_modules",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("generation_id", sa.String(length=64), nullable=False),
        sa.Column("device_generation_id", sa.String(length=64), nullable=False),
        sa.Column(
            "device_id",
            sa.String(length=128).with_variant(sa.String(length=128, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "module_id",
            sa.String(length=128).with_variant(sa.String(length=128, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("authentication_type", sa.String(length=32), nullable=False),
        sa.Column("primary_thumbprint", sa.String(length=64), nullable=True),
        sa.Column("secondary_thumbprint", sa.String(length=64), nullable=True),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("managed_by", sa.String(length=128), nullable=False),
        sa.Column("tags", Json(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("last_connected_at", UtcDateTime(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "generation_id", name=op.f("pk_registry_modules")),
    )
    op.create_index(
        "ix_registry_modules_name",
        "registry_modules",
        ["organization_id", "device_id", "module_id"],
        unique=False,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_registry_modules_tags_environment",
        "registry_modules",
        ["organization_id", json_path(sa.column("tags"), "environment")],
        unique=False,
    )
    op.create_index(
        "ix_registry_modules_tags_line",
        "registry_modules",
        ["organization_id", json_path(sa.column("tags"), "line")],
        unique=False,
    )
    op.create_index(
        "ix_registry_modules_tags_site",
        "registry_modules",
        ["organization_id", json_path(sa.column("tags"), "site")],
        unique=False,
    )
    op.create_index(
        "ix_registry_modules_tags_zone",
        "registry_modules",
        ["organization_id", json_path(sa.column("tags"), "zone")],
        unique=False,
    )
    op.create_index(
        "uq_registry_modules_name",
        "registry_modules",
        ["organization_id", "device_generation_id", "module_id"],
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )


def _create_registry_presence() -> None:
    op.create_table(
        "registry_presence",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("generation_id", sa.String(length=64), nullable=False),
        sa.Column("is_connected", sa.Boolean(), nullable=False),
        sa.Column("gateway", sa.String(length=64), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("remote_address", sa.String(length=64), nullable=False),
        sa.Column("protocol", sa.String(length=32), nullable=False),
        sa.Column("client", sa.String(length=256), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "generation_id", name=op.f("pk_registry_presence")),
    )
    op.create_index(
        "ix_registry_presence_connected",
        "registry_presence",
        ["organization_id", "generation_id"],
        unique=False,
        sqlite_where=sa.text("is_connected IS 1"),
        postgresql_where=sa.text("is_connected IS true"),
    )
    op.create_index(
        "ix_registry_presence_gateway",
        "registry_presence",
        ["organization_id", "gateway"],
        unique=False,
        sqlite_where=sa.text("is_connected IS 1"),
        postgresql_where=sa.text("is_connected IS true"),
    )


def _create_registry_twins() -> None:
    op.create_table(
        "registry_twins",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("generation_id", sa.String(length=64), nullable=False),
        sa.Column("desired", Json(), nullable=False),
        sa.Column("desired_version", sa.BigInteger(), nullable=False),
        sa.Column("desired_metadata", Json(), nullable=False),
        sa.Column("reported", Json(), nullable=False),
        sa.Column("reported_version", sa.BigInteger(), nullable=False),
        sa.Column("reported_metadata", Json(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "generation_id", name=op.f("pk_registry_twins")),
    )
