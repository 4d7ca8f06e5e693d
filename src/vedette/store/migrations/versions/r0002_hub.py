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
    op.drop_table("api_login_links")
    op.drop_table("api_sessions")
    _extend_enrollment_enrollments()
    _create_enrollment_pending()
    _extend_enrollment_registrations()
    _create_messaging_clone_alerts()
    _create_messaging_commands()
    _create_messaging_counters()
    _create_messaging_feedback()
    _create_messaging_subscriptions()
    _create_operators_login_links()
    _create_operators_passkeys()
    _create_operators_people()
    _create_operators_recovery_codes()
    _create_operators_service_keys()
    _create_operators_service_policies()
    _create_operators_sessions()
    _create_operators_used_challenges()
    _extend_pki_authorities()
    _create_pki_symmetric_keys()
    _create_pki_vouched_certificates()
    _extend_registry_devices()
    _create_registry_group_members()
    _create_registry_group_progress()
    _create_registry_group_versions()
    _create_registry_groups()
    _create_registry_modules()
    _create_registry_presence()
    _create_registry_twins()


def _extend_enrollment_enrollments() -> None:
    op.add_column(
        "enrollment_enrollments",
        sa.Column("attestation", sa.String(length=16), server_default=sa.text("'x509'"), nullable=False),
    )
    op.add_column("enrollment_enrollments", sa.Column("symmetric_key_until", UtcDateTime(), nullable=True))
    op.add_column(
        "enrollment_enrollments",
        sa.Column("reprovision_policy", sa.String(length=16), server_default=sa.text("'keep'"), nullable=False),
    )
    op.add_column(
        "enrollment_enrollments",
        sa.Column("approval", sa.String(length=16), server_default=sa.text("'none'"), nullable=False),
    )
    op.add_column(
        "enrollment_enrollments",
        sa.Column("approval_timeout_s", sa.BigInteger(), server_default=sa.text("(86400)"), nullable=False),
    )
    op.add_column("enrollment_enrollments", sa.Column("payload", Json(), nullable=True))


def _create_enrollment_pending() -> None:
    op.create_table(
        "enrollment_pending",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("registration_id", sa.String(length=128), nullable=False),
        sa.Column("device_id", sa.String(length=128), nullable=False),
        sa.Column("enrollment_id", sa.String(length=64), nullable=False),
        sa.Column("operation_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attestation", sa.String(length=16), nullable=False),
        sa.Column("binding_sha256", sa.String(length=64), nullable=False),
        sa.Column("onboarding_sha256", sa.String(length=64), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("serial", sa.String(length=64), nullable=False),
        sa.Column("not_before", UtcDateTime(), nullable=True),
        sa.Column("not_after", UtcDateTime(), nullable=True),
        sa.Column("csr", sa.LargeBinary(), nullable=True),
        sa.Column("csr_key_sha256", sa.String(length=64), nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("payload_bytes", sa.Integer(), nullable=False),
        sa.Column("gateway", sa.String(length=128), nullable=False),
        sa.Column("remote_address", sa.String(length=128), nullable=False),
        sa.Column("requested_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decided_by", sa.String(length=256), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "registration_id", name=op.f("pk_enrollment_pending")),
    )
    op.create_index(
        "ix_enrollment_pending_enrollment", "enrollment_pending", ["organization_id", "enrollment_id"], unique=False
    )
    op.create_index(
        "ix_enrollment_pending_expires", "enrollment_pending", ["organization_id", "expires_at"], unique=False
    )


def _extend_enrollment_registrations() -> None:
    op.add_column("enrollment_registrations", sa.Column("approved_binding", sa.String(length=64), nullable=True))
    op.add_column(
        "enrollment_registrations", sa.Column("payload", sa.Text(), server_default=sa.text("('')"), nullable=False)
    )
    op.add_column(
        "enrollment_registrations",
        sa.Column("payload_bytes", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )


def _create_messaging_clone_alerts() -> None:
    op.create_table(
        "messaging_clone_alerts",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("alert_id", sa.String(length=64), nullable=False),
        sa.Column("generation_id", sa.String(length=64), nullable=False),
        sa.Column("device_id", sa.String(length=128), nullable=False),
        sa.Column("module_id", sa.String(length=128), nullable=True),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("first_seen_at", UtcDateTime(), nullable=False),
        sa.Column("last_seen_at", UtcDateTime(), nullable=False),
        sa.Column("reports", sa.BigInteger(), nullable=False),
        sa.Column("takeovers", sa.BigInteger(), nullable=False),
        sa.Column("gateways", Json(), nullable=False),
        sa.Column("remote_addresses", Json(), nullable=False),
        sa.Column("certificate_sha256", Json(), nullable=False),
        sa.Column("is_same_certificate", sa.Boolean(), nullable=False),
        sa.Column("acknowledged_at", UtcDateTime(), nullable=True),
        sa.Column("acknowledged_by", sa.String(length=320), nullable=False),
        sa.Column("acknowledged_reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "alert_id", name=op.f("pk_messaging_clone_alerts")),
    )
    op.create_index(
        "ix_messaging_clone_alerts_open",
        "messaging_clone_alerts",
        ["organization_id", "alert_id"],
        unique=False,
        sqlite_where=sa.text("is_open IS 1"),
        postgresql_where=sa.text("is_open IS true"),
    )
    op.create_index(
        "uq_messaging_clone_alerts_identity",
        "messaging_clone_alerts",
        ["organization_id", "generation_id"],
        unique=True,
    )


def _create_messaging_commands() -> None:
    op.create_table(
        "messaging_commands",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("generation_id", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("command_id", sa.String(length=64), nullable=False),
        sa.Column("device_id", sa.String(length=128), nullable=False),
        sa.Column("message_id", sa.String(length=128), nullable=False),
        sa.Column("ack", sa.String(length=8), nullable=False),
        sa.Column("system", Json(), nullable=False),
        sa.Column("properties", Json(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("enqueued_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("delivery_count", sa.Integer(), nullable=False),
        sa.Column("taken_by", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "generation_id", "sequence", name=op.f("pk_messaging_commands")),
    )
    op.create_index(
        "ix_messaging_commands_expiry", "messaging_commands", ["organization_id", "expires_at"], unique=False
    )


def _create_messaging_counters() -> None:
    op.create_table(
        "messaging_counters",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "name", name=op.f("pk_messaging_counters")),
    )


def _create_messaging_feedback() -> None:
    op.create_table(
        "messaging_feedback",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("generation_id", sa.String(length=64), nullable=False),
        sa.Column("device_id", sa.String(length=128), nullable=False),
        sa.Column("command_id", sa.String(length=64), nullable=False),
        sa.Column("message_id", sa.String(length=128), nullable=False),
        sa.Column("outcome", sa.String(length=24), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("occurred_at", UtcDateTime(), nullable=False),
        sa.Column("lock", sa.String(length=64), nullable=True),
        sa.Column("locked_until", UtcDateTime(), nullable=True),
        sa.Column("completed_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "position", name=op.f("pk_messaging_feedback")),
    )
    op.create_index(
        "ix_messaging_feedback_unread",
        "messaging_feedback",
        ["organization_id", "position"],
        unique=False,
        sqlite_where=sa.text("completed_at IS NULL"),
        postgresql_where=sa.text("completed_at IS NULL"),
    )


def _create_messaging_subscriptions() -> None:
    op.create_table(
        "messaging_subscriptions",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("generation_id", sa.String(length=64), nullable=False),
        sa.Column("subscriptions", Json(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "generation_id", name=op.f("pk_messaging_subscriptions")),
    )


def _create_operators_login_links() -> None:
    op.create_table(
        "operators_login_links",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("token_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("link_id", sa.String(length=64), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "token_sha256", name=op.f("pk_operators_login_links")),
    )


def _create_operators_passkeys() -> None:
    op.create_table(
        "operators_passkeys",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("passkey_id", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(length=1023), nullable=False),
        sa.Column("public_key", sa.LargeBinary(length=2048), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("transports", sa.String(length=128), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("is_synced", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_used_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "passkey_id", name=op.f("pk_operators_passkeys")),
    )
    op.create_index(
        "ix_operators_passkeys_person", "operators_passkeys", ["organization_id", "person_id"], unique=False
    )
    op.create_index(
        "uq_operators_passkeys_credential", "operators_passkeys", ["organization_id", "credential_id"], unique=True
    )


def _create_operators_people() -> None:
    op.create_table(
        "operators_people",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("is_disabled", sa.Boolean(), nullable=False),
        sa.Column("last_login_at", UtcDateTime(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "person_id", name=op.f("pk_operators_people")),
    )


def _create_operators_recovery_codes() -> None:
    op.create_table(
        "operators_recovery_codes",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("code_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "code_sha256", name=op.f("pk_operators_recovery_codes")),
    )
    op.create_index(
        "ix_operators_recovery_codes_person", "operators_recovery_codes", ["organization_id", "person_id"], unique=False
    )


def _create_operators_service_keys() -> None:
    op.create_table(
        "operators_service_keys",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("policy_id", sa.String(length=64), nullable=False),
        sa.Column("slot", sa.String(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("last_used_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "policy_id", "slot", name=op.f("pk_operators_service_keys")),
    )


def _create_operators_service_policies() -> None:
    op.create_table(
        "operators_service_policies",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("policy_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("rights", sa.String(length=128), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "policy_id", name=op.f("pk_operators_service_policies")),
    )
    op.create_index(
        "uq_operators_service_policies_name", "operators_service_policies", ["organization_id", "name"], unique=True
    )


def _create_operators_sessions() -> None:
    op.create_table(
        "operators_sessions",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("token_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("person_id", sa.String(length=64), nullable=True),
        sa.Column("link_id", sa.String(length=64), nullable=True),
        sa.Column("passkey_id", sa.String(length=64), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_used_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("user_agent", sa.String(length=256), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "token_sha256", name=op.f("pk_operators_sessions")),
    )
    op.create_index(
        "ix_operators_sessions_person", "operators_sessions", ["organization_id", "person_id"], unique=False
    )
    op.create_index(
        "uq_operators_sessions_session_id", "operators_sessions", ["organization_id", "session_id"], unique=True
    )


def _create_operators_used_challenges() -> None:
    op.create_table(
        "operators_used_challenges",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("challenge_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "challenge_sha256", name=op.f("pk_operators_used_challenges")),
    )


def _extend_pki_authorities() -> None:
    op.add_column(
        "pki_authorities", sa.Column("is_hub_trusted", sa.Boolean(), server_default=sa.text("(false)"), nullable=False)
    )


def _create_pki_symmetric_keys() -> None:
    op.create_table(
        "pki_symmetric_keys",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("owner_id", sa.String(length=64), nullable=False),
        sa.Column("slot", sa.String(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("is_imported", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("last_used_at", UtcDateTime(), nullable=True),
        sa.Column("enrollment_id", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "key_id", name=op.f("pk_pki_symmetric_keys")),
    )
    op.create_index(
        "ix_pki_symmetric_keys_expiry", "pki_symmetric_keys", ["organization_id", "expires_at", "key_id"], unique=False
    )
    op.create_index(
        "uq_pki_symmetric_keys_slot", "pki_symmetric_keys", ["organization_id", "owner_id", "slot"], unique=True
    )


def _create_pki_vouched_certificates() -> None:
    op.create_table(
        "pki_vouched_certificates",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("generation_id", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("authority_id", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=512), nullable=False),
        sa.Column("serial", sa.String(length=64), nullable=False),
        sa.Column("permitted_until", UtcDateTime(), nullable=False),
        sa.Column("vouched_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "generation_id", "sha256", name=op.f("pk_pki_vouched_certificates")),
    )
    op.create_index(
        "ix_pki_vouched_certificates_authority",
        "pki_vouched_certificates",
        ["organization_id", "authority_id", "generation_id"],
        unique=False,
    )
    op.create_index(
        "ix_pki_vouched_certificates_sha256", "pki_vouched_certificates", ["organization_id", "sha256"], unique=False
    )


def _extend_registry_devices() -> None:
    op.drop_index("ix_registry_devices_enrollment", table_name="registry_devices")
    op.drop_index("ix_registry_devices_tags_environment", table_name="registry_devices")
    op.drop_index("ix_registry_devices_tags_line", table_name="registry_devices")
    op.drop_index("ix_registry_devices_tags_site", table_name="registry_devices")
    op.drop_index("ix_registry_devices_tags_zone", table_name="registry_devices")
    op.create_index(
        "ix_registry_devices_blocked",
        "registry_devices",
        ["organization_id", "device_id"],
        unique=False,
        sqlite_where=sa.text("deleted_at IS NULL AND is_blocked IS 1"),
        postgresql_where=sa.text("deleted_at IS NULL AND is_blocked IS true"),
    )
    op.create_index(
        "ix_registry_devices_by_authority",
        "registry_devices",
        ["organization_id", "generation_id"],
        unique=False,
        sqlite_where=sa.text("authentication_type = 'certificate_authority'"),
        postgresql_where=sa.text("authentication_type = 'certificate_authority'"),
    )
    op.create_index(
        "ix_registry_devices_class",
        "registry_devices",
        ["organization_id", "device_class", "device_id"],
        unique=False,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_registry_devices_disabled",
        "registry_devices",
        ["organization_id", "device_id"],
        unique=False,
        sqlite_where=sa.text("deleted_at IS NULL AND is_enabled IS 0"),
        postgresql_where=sa.text("deleted_at IS NULL AND is_enabled IS false"),
    )
    op.create_index(
        "ix_registry_devices_enrollment_device",
        "registry_devices",
        ["organization_id", "enrollment_id", "device_id"],
        unique=False,
        sqlite_where=sa.text("enrollment_id IS NOT NULL"),
        postgresql_where=sa.text("enrollment_id IS NOT NULL"),
    )
    op.create_index(
        "ix_registry_devices_lifecycle",
        "registry_devices",
        ["organization_id", "lifecycle", "device_id"],
        unique=False,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_registry_devices_tags_environment_device_id",
        "registry_devices",
        ["organization_id", json_path(sa.column("tags"), "environment"), "device_id"],
        unique=False,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_registry_devices_tags_line_device_id",
        "registry_devices",
        ["organization_id", json_path(sa.column("tags"), "line"), "device_id"],
        unique=False,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_registry_devices_tags_site_device_id",
        "registry_devices",
        ["organization_id", json_path(sa.column("tags"), "site"), "device_id"],
        unique=False,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_registry_devices_tags_zone_device_id",
        "registry_devices",
        ["organization_id", json_path(sa.column("tags"), "zone"), "device_id"],
        unique=False,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )


def _create_registry_group_members() -> None:
    op.create_table(
        "registry_group_members",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("group_id", sa.String(length=64), nullable=False),
        sa.Column("generation_id", sa.String(length=64), nullable=False),
        sa.Column(
            "device_id",
            sa.String(length=128).with_variant(sa.String(length=128, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("organization_id", "group_id", "generation_id", name=op.f("pk_registry_group_members")),
    )
    op.create_index(
        "ix_registry_group_members_generation",
        "registry_group_members",
        ["organization_id", "generation_id", "group_id"],
        unique=False,
    )
    op.create_index(
        "uq_registry_group_members_device",
        "registry_group_members",
        ["organization_id", "group_id", "device_id"],
        unique=True,
    )


def _create_registry_group_progress() -> None:
    op.create_table(
        "registry_group_progress",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("group_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("position", sa.String(length=64), nullable=False),
        sa.Column("examined", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("member_count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "group_id", name=op.f("pk_registry_group_progress")),
    )


def _create_registry_group_versions() -> None:
    op.create_table(
        "registry_group_versions",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", name=op.f("pk_registry_group_versions")),
    )


def _create_registry_groups() -> None:
    op.create_table(
        "registry_groups",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("group_id", sa.String(length=64), nullable=False),
        sa.Column(
            "name",
            sa.String(length=128).with_variant(sa.String(length=128, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("condition", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("feeds_policies", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "group_id", name=op.f("pk_registry_groups")),
    )
    op.create_index("uq_registry_groups_name", "registry_groups", ["organization_id", "name"], unique=True)


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
        "ix_registry_modules_by_authority",
        "registry_modules",
        ["organization_id", "generation_id"],
        unique=False,
        sqlite_where=sa.text("authentication_type = 'certificate_authority'"),
        postgresql_where=sa.text("authentication_type = 'certificate_authority'"),
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
