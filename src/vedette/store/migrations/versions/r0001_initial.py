# ruff: noqa: INP001 - Alembic loads it by path
"""The initial schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vedette.store import Json, UtcDateTime, json_path

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table with its indexes."""
    _create_access_posture_records()
    _create_access_posture_state()
    _create_api_answers()
    _create_api_login_links()
    _create_api_sessions()
    _create_enrollment_enrollments()
    _create_enrollment_registrations()
    _create_enrollment_states()
    _create_ledger_checkpoints()
    _create_ledger_cursors()
    _create_ledger_entries()
    _create_ledger_outbox()
    _create_ledger_states()
    _create_pki_authorities()
    _create_pki_certificates()
    _create_pki_frozen_identities()
    _create_pki_key_bindings()
    _create_pki_reported_certificates()
    _create_registry_access_list_entries()
    _create_registry_access_list_states()
    _create_registry_devices()


def _create_access_posture_records() -> None:
    op.create_table(
        "access_posture_records",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("generation_id", sa.String(length=64), nullable=False),
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
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("is_deleted", sa.Boolean(), nullable=False),
        sa.Column("signed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "generation_id", name=op.f("pk_access_posture_records")),
    )
    op.create_index(
        "ix_access_posture_records_name",
        "access_posture_records",
        ["organization_id", "device_id", "module_id"],
        unique=True,
        sqlite_where=sa.text("is_deleted IS 0"),
        postgresql_where=sa.text("is_deleted IS false"),
    )
    op.create_index(
        "ix_access_posture_records_sequence", "access_posture_records", ["organization_id", "sequence"], unique=True
    )


def _create_access_posture_state() -> None:
    op.create_table(
        "access_posture_state",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("root_hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", name=op.f("pk_access_posture_state")),
    )


def _create_api_answers() -> None:
    op.create_table(
        "api_answers",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("idempotency_key", sa.String(length=255), nullable=False),
        sa.Column("request_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("began_at", UtcDateTime(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers", sa.LargeBinary(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "actor", "idempotency_key", name=op.f("pk_api_answers")),
    )
    op.create_index("ix_api_answers_began_at", "api_answers", ["organization_id", "began_at"], unique=False)


def _create_api_login_links() -> None:
    op.create_table(
        "api_login_links",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("token_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "token_sha256", name=op.f("pk_api_login_links")),
    )


def _create_api_sessions() -> None:
    op.create_table(
        "api_sessions",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("token_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "token_sha256", name=op.f("pk_api_sessions")),
    )


def _create_enrollment_enrollments() -> None:
    op.create_table(
        "enrollment_enrollments",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("enrollment_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("credential", sa.String(length=16), nullable=False),
        sa.Column("onboarding_until", UtcDateTime(), nullable=True),
        sa.Column("registration_id", sa.String(length=128), nullable=True),
        sa.Column("device_id", sa.String(length=128), nullable=True),
        sa.Column("primary_sha256", sa.String(length=64), nullable=True),
        sa.Column("secondary_sha256", sa.String(length=64), nullable=True),
        sa.Column("authority_id", sa.String(length=64), nullable=True),
        sa.Column("id_pattern", sa.String(length=128), nullable=False),
        sa.Column("lifetime_s", sa.BigInteger(), nullable=True),
        sa.Column("initial", Json(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "enrollment_id", name=op.f("pk_enrollment_enrollments")),
        sa.UniqueConstraint("organization_id", "name", name=op.f("uq_enrollment_enrollments_organization_id_name")),
    )
    op.create_index(
        "uq_enrollment_enrollments_authority",
        "enrollment_enrollments",
        ["organization_id", "authority_id"],
        unique=True,
        sqlite_where=sa.text("authority_id IS NOT NULL"),
        postgresql_where=sa.text("authority_id IS NOT NULL"),
    )
    op.create_index(
        "uq_enrollment_enrollments_primary",
        "enrollment_enrollments",
        ["organization_id", "primary_sha256"],
        unique=True,
        sqlite_where=sa.text("primary_sha256 IS NOT NULL"),
        postgresql_where=sa.text("primary_sha256 IS NOT NULL"),
    )
    op.create_index(
        "uq_enrollment_enrollments_registration",
        "enrollment_enrollments",
        ["organization_id", "registration_id"],
        unique=True,
        sqlite_where=sa.text("registration_id IS NOT NULL"),
        postgresql_where=sa.text("registration_id IS NOT NULL"),
    )
    op.create_index(
        "uq_enrollment_enrollments_secondary",
        "enrollment_enrollments",
        ["organization_id", "secondary_sha256"],
        unique=True,
        sqlite_where=sa.text("secondary_sha256 IS NOT NULL"),
        postgresql_where=sa.text("secondary_sha256 IS NOT NULL"),
    )


def _create_enrollment_registrations() -> None:
    op.create_table(
        "enrollment_registrations",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("registration_id", sa.String(length=128), nullable=False),
        sa.Column("device_id", sa.String(length=128), nullable=False),
        sa.Column("generation_id", sa.String(length=64), nullable=True),
        sa.Column("enrollment_id", sa.String(length=64), nullable=True),
        sa.Column("onboarding_sha256", sa.String(length=64), nullable=True),
        sa.Column("certificate_sha256", sa.String(length=64), nullable=True),
        sa.Column("operation_id", sa.String(length=64), nullable=False),
        sa.Column("permit_until", UtcDateTime(), nullable=True),
        sa.Column("locked_at", UtcDateTime(), nullable=True),
        sa.Column("lock_reason", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "registration_id", name=op.f("pk_enrollment_registrations")),
    )
    op.create_index(
        "ix_enrollment_registrations_device", "enrollment_registrations", ["organization_id", "device_id"], unique=False
    )
    op.create_index(
        "ix_enrollment_registrations_enrollment",
        "enrollment_registrations",
        ["organization_id", "enrollment_id"],
        unique=False,
    )
    op.create_index(
        "uq_enrollment_registrations_generation",
        "enrollment_registrations",
        ["organization_id", "generation_id"],
        unique=True,
        sqlite_where=sa.text("generation_id IS NOT NULL"),
        postgresql_where=sa.text("generation_id IS NOT NULL"),
    )


def _create_enrollment_states() -> None:
    op.create_table(
        "enrollment_states",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", name=op.f("pk_enrollment_states")),
    )


def _create_ledger_checkpoints() -> None:
    op.create_table(
        "ledger_checkpoints",
        sa.Column("organization_id", sa.String(length=256), nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "size", name=op.f("pk_ledger_checkpoints")),
    )


def _create_ledger_cursors() -> None:
    op.create_table(
        "ledger_cursors",
        sa.Column("organization_id", sa.String(length=256), nullable=False),
        sa.Column("reader", sa.String(length=64), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "reader", name=op.f("pk_ledger_cursors")),
    )


def _create_ledger_entries() -> None:
    op.create_table(
        "ledger_entries",
        sa.Column("organization_id", sa.String(length=256), nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor_kind", sa.String(length=16), nullable=False),
        sa.Column("actor_id", sa.String(length=256), nullable=False),
        sa.Column("action", sa.String(length=256), nullable=False),
        sa.Column("target", sa.String(length=256), nullable=False),
        sa.Column("decision", sa.String(length=16), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "position", name=op.f("pk_ledger_entries")),
    )
    op.create_index(
        "ix_ledger_entries_action", "ledger_entries", ["organization_id", "action", "position"], unique=False
    )
    op.create_index(
        "ix_ledger_entries_actor", "ledger_entries", ["organization_id", "actor_id", "position"], unique=False
    )
    op.create_index(
        "ix_ledger_entries_target", "ledger_entries", ["organization_id", "target", "position"], unique=False
    )


def _create_ledger_outbox() -> None:
    op.create_table(
        "ledger_outbox",
        sa.Column("organization_id", sa.String(length=256), nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "position", name=op.f("pk_ledger_outbox")),
    )


def _create_ledger_states() -> None:
    op.create_table(
        "ledger_states",
        sa.Column("organization_id", sa.String(length=256), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", name=op.f("pk_ledger_states")),
    )


def _create_pki_authorities() -> None:
    op.create_table(
        "pki_authorities",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("authority_id", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("enrollment_group", sa.String(length=64), nullable=True),
        sa.Column("device_id_pattern", sa.String(length=256), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=512), nullable=False),
        sa.Column("public_key_sha256", sa.String(length=64), nullable=False),
        sa.Column("der", sa.LargeBinary(), nullable=False),
        sa.Column("not_before", UtcDateTime(), nullable=False),
        sa.Column("not_after", UtcDateTime(), nullable=False),
        sa.Column("registered_at", UtcDateTime(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("verification_code", sa.String(length=64), nullable=True),
        sa.Column("verification_expires_at", UtcDateTime(), nullable=True),
        sa.Column("verified_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "authority_id", name=op.f("pk_pki_authorities")),
        sa.UniqueConstraint(
            "organization_id", "purpose", "sha256", name=op.f("uq_pki_authorities_organization_id_purpose_sha256")
        ),
    )
    op.create_index(
        "ix_pki_authorities_public_key", "pki_authorities", ["organization_id", "public_key_sha256"], unique=False
    )


def _create_pki_certificates() -> None:
    op.create_table(
        "pki_certificates",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("generation_id", sa.String(length=64), nullable=False),
        sa.Column("subject_name", sa.String(length=64), nullable=False),
        sa.Column("serial", sa.String(length=40), nullable=False),
        sa.Column("authority_sha256", sa.String(length=64), nullable=False),
        sa.Column("not_before", UtcDateTime(), nullable=False),
        sa.Column("not_after", UtcDateTime(), nullable=False),
        sa.Column("issued_at", UtcDateTime(), nullable=False),
        sa.Column("public_key_sha256", sa.String(length=64), nullable=False),
        sa.Column("der", sa.LargeBinary(), nullable=False),
        sa.Column("predecessor_sha256", sa.String(length=64), nullable=True),
        sa.Column("successor_sha256", sa.String(length=64), nullable=True),
        sa.Column("first_used_at", UtcDateTime(), nullable=True),
        sa.Column("permitted_until", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.Column("revocation_reason", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "sha256", name=op.f("pk_pki_certificates")),
    )
    op.create_index(
        "ix_pki_certificates_generation",
        "pki_certificates",
        ["organization_id", "generation_id", "issued_at"],
        unique=False,
    )
    op.create_index(
        "ix_pki_certificates_revoked",
        "pki_certificates",
        ["organization_id", "authority_sha256", "revoked_at"],
        unique=False,
    )
    op.create_index("ix_pki_certificates_serial", "pki_certificates", ["organization_id", "serial"], unique=True)


def _create_pki_frozen_identities() -> None:
    op.create_table(
        "pki_frozen_identities",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("generation_id", sa.String(length=64), nullable=False),
        sa.Column("frozen_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "generation_id", name=op.f("pk_pki_frozen_identities")),
    )


def _create_pki_key_bindings() -> None:
    op.create_table(
        "pki_key_bindings",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("public_key_sha256", sa.String(length=64), nullable=False),
        sa.Column("generation_id", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "public_key_sha256", name=op.f("pk_pki_key_bindings")),
    )


def _create_pki_reported_certificates() -> None:
    op.create_table(
        "pki_reported_certificates",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("standing", sa.String(length=16), nullable=False),
        sa.Column("serial", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=512), nullable=False),
        sa.Column("authority_sha256", sa.String(length=64), nullable=False),
        sa.Column("claimed_generation_id", sa.String(length=64), nullable=False),
        sa.Column("not_before", UtcDateTime(), nullable=False),
        sa.Column("not_after", UtcDateTime(), nullable=False),
        sa.Column("der", sa.LargeBinary(), nullable=False),
        sa.Column("presented_as", sa.String(length=512), nullable=False),
        sa.Column("gateway", sa.String(length=64), nullable=False),
        sa.Column("remote_address", sa.String(length=64), nullable=False),
        sa.Column("reported_at", UtcDateTime(), nullable=False),
        sa.Column("acknowledged_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "sha256", name=op.f("pk_pki_reported_certificates")),
    )


def _create_registry_access_list_entries() -> None:
    op.create_table(
        "registry_access_list_entries",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("entry_id", sa.String(length=64), nullable=False),
        sa.Column("effect", sa.String(length=8), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("value", sa.String(length=128), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=256), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "entry_id", name=op.f("pk_registry_access_list_entries")),
    )
    op.create_index(
        "uq_registry_access_list_entries_value",
        "registry_access_list_entries",
        ["organization_id", "effect", "kind", "value"],
        unique=True,
    )


def _create_registry_access_list_states() -> None:
    op.create_table(
        "registry_access_list_states",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("unapplied", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", name=op.f("pk_registry_access_list_states")),
    )


def _create_registry_devices() -> None:
    op.create_table(
        "registry_devices",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("generation_id", sa.String(length=64), nullable=False),
        sa.Column(
            "device_id",
            sa.String(length=128).with_variant(sa.String(length=128, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("authentication_type", sa.String(length=32), nullable=False),
        sa.Column("primary_thumbprint", sa.String(length=64), nullable=True),
        sa.Column("secondary_thumbprint", sa.String(length=64), nullable=True),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("status_reason", sa.Text(), nullable=False),
        sa.Column("status_changed_at", UtcDateTime(), nullable=False),
        sa.Column("is_blocked", sa.Boolean(), nullable=False),
        sa.Column("lifecycle", sa.String(length=16), nullable=False),
        sa.Column("lifecycle_changed_at", UtcDateTime(), nullable=False),
        sa.Column("device_class", sa.String(length=64), nullable=False),
        sa.Column("identity_class", sa.String(length=16), nullable=False),
        sa.Column("failure_mode", sa.String(length=16), nullable=False),
        sa.Column("hold_s", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(length=128), nullable=True),
        sa.Column("zone", sa.String(length=128), nullable=True),
        sa.Column("purdue_level", sa.String(length=4), nullable=True),
        sa.Column("tags", Json(), nullable=False),
        sa.Column("enrollment_id", sa.String(length=64), nullable=True),
        sa.Column("authority_id", sa.String(length=64), nullable=True),
        sa.Column("onboarding_sha256", sa.String(length=64), nullable=True),
        sa.Column("onboarding_until", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("last_connected_at", UtcDateTime(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "generation_id", name=op.f("pk_registry_devices")),
    )
    op.create_index(
        "ix_registry_devices_authority",
        "registry_devices",
        ["organization_id", "authority_id"],
        unique=False,
        sqlite_where=sa.text("authority_id IS NOT NULL"),
        postgresql_where=sa.text("authority_id IS NOT NULL"),
    )
    op.create_index(
        "ix_registry_devices_enrollment",
        "registry_devices",
        ["organization_id", "enrollment_id"],
        unique=False,
        sqlite_where=sa.text("enrollment_id IS NOT NULL"),
        postgresql_where=sa.text("enrollment_id IS NOT NULL"),
    )
    op.create_index(
        "ix_registry_devices_onboarding",
        "registry_devices",
        ["organization_id", "onboarding_sha256"],
        unique=False,
        sqlite_where=sa.text("onboarding_sha256 IS NOT NULL"),
        postgresql_where=sa.text("onboarding_sha256 IS NOT NULL"),
    )
    op.create_index(
        "ix_registry_devices_primary",
        "registry_devices",
        ["organization_id", "primary_thumbprint"],
        unique=False,
        sqlite_where=sa.text("primary_thumbprint IS NOT NULL"),
        postgresql_where=sa.text("primary_thumbprint IS NOT NULL"),
    )
    op.create_index(
        "ix_registry_devices_secondary",
        "registry_devices",
        ["organization_id", "secondary_thumbprint"],
        unique=False,
        sqlite_where=sa.text("secondary_thumbprint IS NOT NULL"),
        postgresql_where=sa.text("secondary_thumbprint IS NOT NULL"),
    )
    op.create_index(
        "ix_registry_devices_site",
        "registry_devices",
        ["organization_id", "site", "device_id"],
        unique=False,
        sqlite_where=sa.text("site IS NOT NULL"),
        postgresql_where=sa.text("site IS NOT NULL"),
    )
    op.create_index(
        "ix_registry_devices_tags_environment",
        "registry_devices",
        ["organization_id", json_path(sa.column("tags"), "environment")],
        unique=False,
    )
    op.create_index(
        "ix_registry_devices_tags_line",
        "registry_devices",
        ["organization_id", json_path(sa.column("tags"), "line")],
        unique=False,
    )
    op.create_index(
        "ix_registry_devices_tags_site",
        "registry_devices",
        ["organization_id", json_path(sa.column("tags"), "site")],
        unique=False,
    )
    op.create_index(
        "ix_registry_devices_tags_zone",
        "registry_devices",
        ["organization_id", json_path(sa.column("tags"), "zone")],
        unique=False,
    )
    op.create_index(
        "ix_registry_devices_zone",
        "registry_devices",
        ["organization_id", "zone", "device_id"],
        unique=False,
        sqlite_where=sa.text("zone IS NOT NULL"),
        postgresql_where=sa.text("zone IS NOT NULL"),
    )
    op.create_index(
        "uq_registry_devices_device_id",
        "registry_devices",
        ["organization_id", "device_id"],
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
