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
    _create_access_entity_slices()
    _create_access_policy_approvals()
    _create_access_policy_bundles()
    _create_access_policy_simulations()
    _create_access_policy_staging()
    _create_access_policy_successions()
    _create_access_quarantine_acts()
    _create_access_quarantines()
    _create_access_ssf_cursors()
    _create_access_ssf_exclusions()
    _create_access_ssf_heard()
    _create_access_ssf_keys()
    _create_access_ssf_pending()
    _create_access_ssf_streams()
    _create_access_ssf_transmitters()
    _extend_enrollment_enrollments()
    _create_enrollment_pending()
    _extend_enrollment_registrations()
    _create_health_baselines()
    _create_health_postures()
    _create_health_signal_history()
    _create_health_signals()
    _create_messaging_clone_alerts()
    _create_messaging_commands()
    _create_messaging_counters()
    _create_messaging_feedback()
    _create_messaging_subscriptions()
    _create_operators_approvals()
    _create_operators_command_schemas()
    _create_operators_device_authorizations()
    _create_operators_elevations()
    _create_operators_external_identities()
    _create_operators_grants()
    _create_operators_link_roles()
    _create_operators_login_links()
    _create_operators_passkeys()
    _create_operators_people()
    _create_operators_recovery_codes()
    _create_operators_review_entries()
    _create_operators_reviews()
    _create_operators_service_keys()
    _create_operators_service_policies()
    _create_operators_service_tokens()
    _create_operators_sessions()
    _create_operators_totp()
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


def _create_access_entity_slices() -> None:
    op.create_table(
        "access_entity_slices",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("slice_sha256", sa.String(length=64), nullable=False),
        sa.Column("attributes", sa.LargeBinary(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "slice_sha256", name=op.f("pk_access_entity_slices")),
    )


def _create_access_policy_approvals() -> None:
    op.create_table(
        "access_policy_approvals",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("base_sha256", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.String(length=300), nullable=False),
        sa.Column("actor_name", sa.String(length=300), nullable=False),
        sa.Column("is_host", sa.Boolean(), nullable=False),
        sa.Column("newly_allowed", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=1024), nullable=False),
        sa.Column("approved_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint(
            "organization_id", "sha256", "base_sha256", "actor", name=op.f("pk_access_policy_approvals")
        ),
    )


def _create_access_policy_bundles() -> None:
    op.create_table(
        "access_policy_bundles",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("base_sha256", sa.String(length=64), nullable=False),
        sa.Column("encoded", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("policy_count", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("author", sa.String(length=300), nullable=False),
        sa.Column("author_name", sa.String(length=300), nullable=False),
        sa.Column("was_stable", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "sha256", name=op.f("pk_access_policy_bundles")),
    )
    op.create_index(
        "ix_access_policy_bundles_number", "access_policy_bundles", ["organization_id", "number"], unique=True
    )


def _create_access_policy_simulations() -> None:
    op.create_table(
        "access_policy_simulations",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("simulation_id", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("base_sha256", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("examined", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("newly_allowed", sa.BigInteger(), nullable=False),
        sa.Column("newly_denied", sa.BigInteger(), nullable=False),
        sa.Column("report", sa.LargeBinary(), nullable=False),
        sa.Column("denied", sa.LargeBinary(), nullable=False),
        sa.Column("cause", sa.String(length=1024), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("author", sa.String(length=300), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "simulation_id", name=op.f("pk_access_policy_simulations")),
    )
    op.create_index(
        "ix_access_policy_simulations_sha256", "access_policy_simulations", ["organization_id", "sha256"], unique=False
    )


def _create_access_policy_staging() -> None:
    op.create_table(
        "access_policy_staging",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("stable", sa.String(length=64), nullable=False),
        sa.Column("canary", sa.String(length=64), nullable=False),
        sa.Column("canary_group", sa.String(length=128), nullable=False),
        sa.Column("shadow", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("former", sa.String(length=64), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("changed_by", sa.String(length=300), nullable=False),
        sa.Column("watched", sa.String(length=64), nullable=False),
        sa.Column("watched_until", UtcDateTime(), nullable=True),
        sa.Column("denied_share", sa.Float(), nullable=False),
        sa.Column("concerned", sa.BigInteger(), nullable=False),
        sa.Column("foretold", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=1024), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", name=op.f("pk_access_policy_staging")),
    )


def _create_access_policy_successions() -> None:
    op.create_table(
        "access_policy_successions",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("depth", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "depth", name=op.f("pk_access_policy_successions")),
    )


def _create_access_quarantine_acts() -> None:
    op.create_table(
        "access_quarantine_acts",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("act_id", sa.String(length=64), nullable=False),
        sa.Column("generation_id", sa.String(length=64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("source", sa.String(length=128), nullable=False),
        sa.Column("site", sa.String(length=128), nullable=True),
        sa.Column("groups", Json(), nullable=False),
        sa.Column("is_cut", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "act_id", name=op.f("pk_access_quarantine_acts")),
    )
    op.create_index("ix_access_quarantine_acts_at", "access_quarantine_acts", ["organization_id", "at"], unique=False)


def _create_access_quarantines() -> None:
    op.create_table(
        "access_quarantines",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("generation_id", sa.String(length=64), nullable=False),
        sa.Column("device_id", sa.String(length=128), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("asked_mode", sa.String(length=16), nullable=False),
        sa.Column("narrowed_because", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("source", sa.String(length=128), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("review_at", UtcDateTime(), nullable=False),
        sa.Column("mode_since", UtcDateTime(), nullable=False),
        sa.Column("former_lifecycle", sa.String(length=16), nullable=False),
        sa.Column("started_by", sa.String(length=320), nullable=False),
        sa.Column("asked_by", sa.String(length=320), nullable=False),
        sa.Column("rechecked_by", sa.String(length=320), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "generation_id", name=op.f("pk_access_quarantines")),
    )


def _create_access_ssf_cursors() -> None:
    op.create_table(
        "access_ssf_cursors",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", name=op.f("pk_access_ssf_cursors")),
    )


def _create_access_ssf_exclusions() -> None:
    op.create_table(
        "access_ssf_exclusions",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("stream_id", sa.String(length=64), nullable=False),
        sa.Column("generation_id", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "stream_id", "generation_id", name=op.f("pk_access_ssf_exclusions")),
    )


def _create_access_ssf_heard() -> None:
    op.create_table(
        "access_ssf_heard",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("transmitter_id", sa.String(length=64), nullable=False),
        sa.Column("jti_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("issued_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "transmitter_id", "jti_sha256", name=op.f("pk_access_ssf_heard")),
    )
    op.create_index(
        "ix_access_ssf_heard_issued",
        "access_ssf_heard",
        ["organization_id", "transmitter_id", "issued_at"],
        unique=False,
    )


def _create_access_ssf_keys() -> None:
    op.create_table(
        "access_ssf_keys",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "key_id", name=op.f("pk_access_ssf_keys")),
    )


def _create_access_ssf_pending() -> None:
    op.create_table(
        "access_ssf_pending",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("stream_id", sa.String(length=64), nullable=False),
        sa.Column("jti", sa.String(length=64), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("claims", Json(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "stream_id", "jti", name=op.f("pk_access_ssf_pending")),
    )
    op.create_index(
        "ix_access_ssf_pending_number", "access_ssf_pending", ["organization_id", "stream_id", "number"], unique=False
    )


def _create_access_ssf_streams() -> None:
    op.create_table(
        "access_ssf_streams",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("stream_id", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=320), nullable=False),
        sa.Column("audience", sa.String(length=256), nullable=False),
        sa.Column("method", sa.String(length=64), nullable=False),
        sa.Column("endpoint_url", sa.String(length=2048), nullable=False),
        sa.Column("sealed_authorization", sa.LargeBinary(), nullable=False),
        sa.Column("events_delivered", Json(), nullable=False),
        sa.Column("description", sa.String(length=256), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("status_reason", sa.String(length=256), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("verified_at", UtcDateTime(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "stream_id", name=op.f("pk_access_ssf_streams")),
    )


def _create_access_ssf_transmitters() -> None:
    op.create_table(
        "access_ssf_transmitters",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("transmitter_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("issuer", sa.String(length=2048), nullable=False),
        sa.Column("audience", sa.String(length=256), nullable=False),
        sa.Column("jwks_url", sa.String(length=2048), nullable=False),
        sa.Column("poll_url", sa.String(length=2048), nullable=False),
        sa.Column("sealed_authorization", sa.LargeBinary(), nullable=False),
        sa.Column("push_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("provenance", sa.String(length=16), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("accepted", sa.BigInteger(), nullable=False),
        sa.Column("ignored", sa.BigInteger(), nullable=False),
        sa.Column("refused", sa.BigInteger(), nullable=False),
        sa.Column("last_event_at", UtcDateTime(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "transmitter_id", name=op.f("pk_access_ssf_transmitters")),
    )


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


def _create_health_baselines() -> None:
    op.create_table(
        "health_baselines",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("generation_id", sa.String(length=64), nullable=False),
        sa.Column("learned", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "generation_id", name=op.f("pk_health_baselines")),
    )


def _create_health_postures() -> None:
    op.create_table(
        "health_postures",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("generation_id", sa.String(length=64), nullable=False),
        sa.Column("device_id", sa.String(length=128), nullable=False),
        sa.Column("module_id", sa.String(length=128), nullable=True),
        sa.Column("risk_level", sa.String(length=16), nullable=False),
        sa.Column("risk_score", sa.Integer(), nullable=False),
        sa.Column("findings", Json(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("location", Json(), nullable=True),
        sa.Column("location_since", UtcDateTime(), nullable=True),
        sa.Column("location_until", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "generation_id", name=op.f("pk_health_postures")),
    )
    op.create_index(
        "ix_health_postures_risk", "health_postures", ["organization_id", "risk_level", "generation_id"], unique=False
    )


def _create_health_signal_history() -> None:
    op.create_table(
        "health_signal_history",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("signal_id", sa.String(length=64), nullable=False),
        sa.Column("generation_id", sa.String(length=64), nullable=False),
        sa.Column("signal_class", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=128), nullable=False),
        sa.Column("provenance", sa.String(length=16), nullable=False),
        sa.Column("device_id", sa.String(length=128), nullable=False),
        sa.Column("module_id", sa.String(length=128), nullable=True),
        sa.Column("level", sa.String(length=16), nullable=True),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("observed_at", UtcDateTime(), nullable=False),
        sa.Column("ingested_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("detail", Json(), nullable=False),
        sa.Column("position", Json(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "signal_id", name=op.f("pk_health_signal_history")),
    )
    op.create_index(
        "ix_health_signal_history_identity",
        "health_signal_history",
        ["organization_id", "generation_id", "signal_id"],
        unique=False,
    )


def _create_health_signals() -> None:
    op.create_table(
        "health_signals",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("generation_id", sa.String(length=64), nullable=False),
        sa.Column("signal_class", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=128), nullable=False),
        sa.Column("provenance", sa.String(length=16), nullable=False),
        sa.Column("signal_id", sa.String(length=64), nullable=False),
        sa.Column("device_id", sa.String(length=128), nullable=False),
        sa.Column("module_id", sa.String(length=128), nullable=True),
        sa.Column("level", sa.String(length=16), nullable=True),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("observed_at", UtcDateTime(), nullable=False),
        sa.Column("ingested_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("detail", Json(), nullable=False),
        sa.Column("position", Json(), nullable=True),
        sa.PrimaryKeyConstraint(
            "organization_id", "generation_id", "signal_class", "source", "provenance", name=op.f("pk_health_signals")
        ),
    )
    op.create_index(
        "ix_health_signals_expires",
        "health_signals",
        ["organization_id", "expires_at"],
        unique=False,
        sqlite_where=sa.text("expires_at IS NOT NULL"),
        postgresql_where=sa.text("expires_at IS NOT NULL"),
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


def _create_operators_approvals() -> None:
    op.create_table(
        "operators_approvals",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("approval_id", sa.String(length=64), nullable=False),
        sa.Column("asked_by_kind", sa.String(length=16), nullable=False),
        sa.Column("asked_by_id", sa.String(length=128), nullable=False),
        sa.Column("asked_by_name", sa.String(length=128), nullable=False),
        sa.Column("method", sa.String(length=8), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("body_sha256", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("device_id", sa.String(length=256), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decided_by_id", sa.String(length=128), nullable=False),
        sa.Column("decided_by_name", sa.String(length=128), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "approval_id", name=op.f("pk_operators_approvals")),
    )
    op.create_index(
        "ix_operators_approvals_asker",
        "operators_approvals",
        ["organization_id", "asked_by_id", "expires_at"],
        unique=False,
    )


def _create_operators_command_schemas() -> None:
    op.create_table(
        "operators_command_schemas",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("schema_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("command", sa.String(length=128), nullable=False),
        sa.Column("device_class", sa.String(length=64), nullable=False),
        sa.Column("group_id", sa.String(length=64), nullable=False),
        sa.Column("json_schema", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "schema_id", name=op.f("pk_operators_command_schemas")),
    )
    op.create_index(
        "uq_operators_command_schemas_for",
        "operators_command_schemas",
        ["organization_id", "kind", "command", "device_class", "group_id"],
        unique=True,
    )


def _create_operators_device_authorizations() -> None:
    op.create_table(
        "operators_device_authorizations",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("code_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("user_code", sa.String(length=16), nullable=False),
        sa.Column("user_agent", sa.String(length=256), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("interval_s", sa.Integer(), nullable=False),
        sa.Column("last_asked_at", UtcDateTime(), nullable=True),
        sa.Column("person_id", sa.String(length=64), nullable=True),
        sa.Column("stepped_up_at", UtcDateTime(), nullable=True),
        sa.Column("is_multi_factor", sa.Boolean(), nullable=False),
        sa.Column("acr", sa.String(length=256), nullable=False),
        sa.Column("amr", sa.String(length=256), nullable=False),
        sa.Column("roles", sa.String(length=1024), nullable=False),
        sa.Column("external_id", sa.String(length=64), nullable=True),
        sa.Column("provider_session", sa.String(length=256), nullable=False),
        sa.Column("id_token", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "code_sha256", name=op.f("pk_operators_device_authorizations")),
    )
    op.create_index(
        "uq_operators_device_authorizations_user_code",
        "operators_device_authorizations",
        ["organization_id", "user_code"],
        unique=True,
    )


def _create_operators_elevations() -> None:
    op.create_table(
        "operators_elevations",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("elevation_id", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("grant_id", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("sites", Json(), nullable=False),
        sa.Column("groups", Json(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("begun_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "elevation_id", name=op.f("pk_operators_elevations")),
    )
    op.create_index(
        "ix_operators_elevations_person",
        "operators_elevations",
        ["organization_id", "person_id", "ends_at"],
        unique=False,
    )


def _create_operators_external_identities() -> None:
    op.create_table(
        "operators_external_identities",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("external_id", sa.String(length=64), nullable=False),
        sa.Column("identity_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("issuer", sa.String(length=512), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_login_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "external_id", name=op.f("pk_operators_external_identities")),
    )
    op.create_index(
        "ix_operators_external_identities_person",
        "operators_external_identities",
        ["organization_id", "person_id"],
        unique=False,
    )
    op.create_index(
        "uq_operators_external_identities_identity",
        "operators_external_identities",
        ["organization_id", "identity_sha256"],
        unique=True,
    )


def _create_operators_grants() -> None:
    op.create_table(
        "operators_grants",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("grant_id", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("sites", Json(), nullable=False),
        sa.Column("groups", Json(), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("granted_at", UtcDateTime(), nullable=False),
        sa.Column("granted_by_kind", sa.String(length=16), nullable=False),
        sa.Column("granted_by_id", sa.String(length=128), nullable=False),
        sa.Column("granted_by_name", sa.String(length=128), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "grant_id", name=op.f("pk_operators_grants")),
    )
    op.create_index("ix_operators_grants_person", "operators_grants", ["organization_id", "person_id"], unique=False)


def _create_operators_link_roles() -> None:
    op.create_table(
        "operators_link_roles",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("link_id", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("sites", Json(), nullable=False),
        sa.Column("groups", Json(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "link_id", name=op.f("pk_operators_link_roles")),
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


def _create_operators_review_entries() -> None:
    op.create_table(
        "operators_review_entries",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("review_id", sa.String(length=64), nullable=False),
        sa.Column("entry_id", sa.String(length=64), nullable=False),
        sa.Column("subject_kind", sa.String(length=16), nullable=False),
        sa.Column("subject_id", sa.String(length=128), nullable=False),
        sa.Column("subject_name", sa.String(length=128), nullable=False),
        sa.Column("role", sa.String(length=256), nullable=False),
        sa.Column("sites", Json(), nullable=False),
        sa.Column("groups", Json(), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("grant_id", sa.String(length=64), nullable=False),
        sa.Column("granted_at", UtcDateTime(), nullable=False),
        sa.Column("last_used_at", UtcDateTime(), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("signed_at", UtcDateTime(), nullable=True),
        sa.Column("signed_by_id", sa.String(length=128), nullable=False),
        sa.Column("signed_by_name", sa.String(length=128), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "review_id", "entry_id", name=op.f("pk_operators_review_entries")),
    )


def _create_operators_reviews() -> None:
    op.create_table(
        "operators_reviews",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("review_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by_id", sa.String(length=128), nullable=False),
        sa.Column("created_by_name", sa.String(length=128), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "review_id", name=op.f("pk_operators_reviews")),
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


def _create_operators_service_tokens() -> None:
    op.create_table(
        "operators_service_tokens",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("token_id", sa.String(length=64), nullable=False),
        sa.Column("token_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("owner_id", sa.String(length=64), nullable=True),
        sa.Column("roles", Json(), nullable=False),
        sa.Column("sites", Json(), nullable=False),
        sa.Column("groups", Json(), nullable=False),
        sa.Column("networks", Json(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("last_used_at", UtcDateTime(), nullable=True),
        sa.Column("last_used_address", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "token_id", name=op.f("pk_operators_service_tokens")),
    )
    op.create_index(
        "ix_operators_service_tokens_owner", "operators_service_tokens", ["organization_id", "owner_id"], unique=False
    )
    op.create_index(
        "uq_operators_service_tokens_digest",
        "operators_service_tokens",
        ["organization_id", "token_sha256"],
        unique=True,
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
        sa.Column("is_multi_factor", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("stepped_up_at", UtcDateTime(), nullable=True),
        sa.Column("acr", sa.String(length=256), server_default=sa.text("('')"), nullable=False),
        sa.Column("amr", sa.String(length=256), server_default=sa.text("('')"), nullable=False),
        sa.Column("roles", sa.String(length=1024), server_default=sa.text("('')"), nullable=False),
        sa.Column("external_id", sa.String(length=64), nullable=True),
        sa.Column("provider_session", sa.String(length=256), server_default=sa.text("('')"), nullable=False),
        sa.Column("id_token", sa.LargeBinary(), nullable=True),
        sa.Column("is_recheck_due", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "token_sha256", name=op.f("pk_operators_sessions")),
    )
    op.create_index(
        "ix_operators_sessions_person", "operators_sessions", ["organization_id", "person_id"], unique=False
    )
    op.create_index(
        "uq_operators_sessions_session_id", "operators_sessions", ["organization_id", "session_id"], unique=True
    )


def _create_operators_totp() -> None:
    op.create_table(
        "operators_totp",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("key_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("is_confirmed", sa.Boolean(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failed_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "person_id", name=op.f("pk_operators_totp")),
    )
    op.create_index("uq_operators_totp_key", "operators_totp", ["organization_id", "key_sha256"], unique=True)


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
