# ruff: noqa: INP001 - Alembic loads it by path
"""What sensors see, written by ``scripts/write_migration.py``: what the rooms declare beyond the revision before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vedette.store import Json, UtcDateTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Bring the schema up to what the rooms declare."""
    _create_access_enforcement_hops()
    _extend_access_policy_staging()
    _create_health_advisories()
    _create_health_advisory_weaknesses()
    _create_health_catalogues()
    _create_health_exploit_scores()
    _create_health_feeds()
    _create_health_known_exploited()
    _create_incidents_alerts()
    _create_incidents_exceptions()
    _create_incidents_slices()
    _create_incidents_tickets()
    _create_network_acceptances()
    _create_network_address_lists()
    _create_network_address_parts()
    _create_network_assets()
    _create_network_captures()
    _create_network_exposures()
    _create_network_externals()
    _create_network_facts()
    _create_network_identifiers()
    _create_network_intake()
    _create_network_links()
    _create_network_operations()
    _create_network_plans()
    _create_network_positions()
    _create_network_sensors()
    _create_network_snapshots()
    _create_network_violations()
    _create_network_vulnerabilities()
    _extend_registry_modules()
    _extend_registry_presence()
    op.execute("""
    UPDATE registry_presence SET device_id = coalesce((
        SELECT device_id FROM registry_devices
        WHERE registry_devices.organization_id = registry_presence.organization_id
        AND registry_devices.generation_id = registry_presence.generation_id
    ), '')
    """)


def _create_access_enforcement_hops() -> None:
    op.create_table(
        "access_enforcement_hops",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("hops", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "sequence", name=op.f("pk_access_enforcement_hops")),
    )


def _extend_access_policy_staging() -> None:
    op.add_column(
        "access_policy_staging", sa.Column("changed_by_name", sa.String(length=300), server_default="", nullable=False)
    )


def _create_health_advisories() -> None:
    op.create_table(
        "health_advisories",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("advisory_key", sa.String(length=64), nullable=False),
        sa.Column("advisory_id", sa.String(length=128), nullable=False),
        sa.Column("publisher", sa.String(length=128), nullable=False),
        sa.Column("title", sa.String(length=512), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("released_at", UtcDateTime(), nullable=False),
        sa.Column("first_released_at", UtcDateTime(), nullable=False),
        sa.Column("url", sa.String(length=512), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("products", sa.Integer(), nullable=False),
        sa.Column("weaknesses", sa.Integer(), nullable=False),
        sa.Column("vendors", Json(), nullable=False),
        sa.Column("imported_at", UtcDateTime(), nullable=False),
        sa.Column("imported_by", sa.String(length=256), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "advisory_key", name=op.f("pk_health_advisories")),
    )
    op.create_index("ix_health_advisories_revision", "health_advisories", ["organization_id", "revision"], unique=False)


def _create_health_advisory_weaknesses() -> None:
    op.create_table(
        "health_advisory_weaknesses",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("advisory_key", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "advisory_key", "name", name=op.f("pk_health_advisory_weaknesses")),
    )
    op.create_index(
        "ix_health_advisory_weaknesses_name", "health_advisory_weaknesses", ["organization_id", "name"], unique=False
    )


def _create_health_catalogues() -> None:
    op.create_table(
        "health_catalogues",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("all_since", sa.BigInteger(), nullable=False),
        sa.Column("exploitation", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", name=op.f("pk_health_catalogues")),
    )


def _create_health_exploit_scores() -> None:
    op.create_table(
        "health_exploit_scores",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("cve", sa.String(length=32), nullable=False),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.Column("percentile", sa.Float(), nullable=False),
        sa.Column("scored_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "cve", name=op.f("pk_health_exploit_scores")),
    )


def _create_health_feeds() -> None:
    op.create_table(
        "health_feeds",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("data_at", UtcDateTime(), nullable=True),
        sa.Column("imported_at", UtcDateTime(), nullable=False),
        sa.Column("imported_by", sa.String(length=256), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "name", name=op.f("pk_health_feeds")),
    )


def _create_health_known_exploited() -> None:
    op.create_table(
        "health_known_exploited",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("cve", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=512), nullable=False),
        sa.Column("added_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("is_ransomware", sa.Boolean(), nullable=False),
        sa.Column("action", sa.String(length=512), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "cve", name=op.f("pk_health_known_exploited")),
    )


def _create_incidents_alerts() -> None:
    op.create_table(
        "incidents_alerts",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("alert_id", sa.String(length=64), nullable=False),
        sa.Column("sensor_id", sa.String(length=64), nullable=False),
        sa.Column("sensor_name", sa.String(length=128), nullable=False),
        sa.Column("site", sa.String(length=512), nullable=False),
        sa.Column("sensor_alert_id", sa.String(length=128), nullable=False),
        sa.Column("rule", sa.String(length=128), nullable=False),
        sa.Column("engine", sa.String(length=16), nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("raised_severity", sa.String(length=16), nullable=False),
        sa.Column("title", sa.String(length=512), nullable=False),
        sa.Column("source_address", sa.String(length=64), nullable=False),
        sa.Column("source_asset_id", sa.String(length=64), nullable=False),
        sa.Column("source_name", sa.String(length=512), nullable=False),
        sa.Column("source_criticality", sa.String(length=16), nullable=False),
        sa.Column("source_generation_id", sa.String(length=64), nullable=False),
        sa.Column("source_device_id", sa.String(length=128), nullable=False),
        sa.Column("target_address", sa.String(length=64), nullable=False),
        sa.Column("target_asset_id", sa.String(length=64), nullable=False),
        sa.Column("target_name", sa.String(length=512), nullable=False),
        sa.Column("target_criticality", sa.String(length=16), nullable=False),
        sa.Column("target_generation_id", sa.String(length=64), nullable=False),
        sa.Column("target_device_id", sa.String(length=128), nullable=False),
        sa.Column("protocol", sa.String(length=128), nullable=False),
        sa.Column("technique", sa.String(length=16), nullable=False),
        sa.Column("is_learnable", sa.Boolean(), nullable=False),
        sa.Column("key", sa.String(length=512), nullable=False),
        sa.Column("first_at", UtcDateTime(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("times", sa.BigInteger(), nullable=False),
        sa.Column("detail", Json(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("is_loud", sa.Boolean(), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("exception_id", sa.String(length=64), nullable=False),
        sa.Column("ticket_id", sa.String(length=64), nullable=False),
        sa.Column("merged_into", sa.String(length=64), nullable=False),
        sa.Column("slice_bytes", sa.Integer(), nullable=False),
        sa.Column("signaled_at", UtcDateTime(), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=True),
        sa.Column("changed_by", sa.String(length=320), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("incident_id", sa.String(length=64), nullable=False),
        sa.Column("history", Json(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "alert_id", name=op.f("pk_incidents_alerts")),
    )
    op.create_index(
        "ix_incidents_alerts_incident", "incidents_alerts", ["organization_id", "incident_id", "alert_id"], unique=False
    )
    op.create_index("ix_incidents_alerts_last", "incidents_alerts", ["organization_id", "last_at"], unique=False)
    op.create_index("ix_incidents_alerts_merged", "incidents_alerts", ["organization_id", "merged_into"], unique=False)
    op.create_index(
        "ix_incidents_alerts_open",
        "incidents_alerts",
        ["organization_id", "alert_id"],
        unique=False,
        sqlite_where=sa.text("is_loud IS 1 AND state != 'closed'"),
        postgresql_where=sa.text("is_loud IS true AND state != 'closed'"),
    )
    op.create_index(
        "ix_incidents_alerts_received",
        "incidents_alerts",
        ["organization_id", "sensor_id", "received_at"],
        unique=False,
    )
    op.create_index(
        "ix_incidents_alerts_rule", "incidents_alerts", ["organization_id", "rule", "alert_id"], unique=False
    )
    op.create_index(
        "ix_incidents_alerts_source",
        "incidents_alerts",
        ["organization_id", "source_address", "alert_id"],
        unique=False,
    )
    op.create_index(
        "ix_incidents_alerts_source_device",
        "incidents_alerts",
        ["organization_id", "source_generation_id", "alert_id"],
        unique=False,
    )
    op.create_index(
        "ix_incidents_alerts_target",
        "incidents_alerts",
        ["organization_id", "target_address", "alert_id"],
        unique=False,
    )
    op.create_index(
        "ix_incidents_alerts_target_device",
        "incidents_alerts",
        ["organization_id", "target_generation_id", "alert_id"],
        unique=False,
    )
    op.create_index(
        "uq_incidents_alerts_sensor",
        "incidents_alerts",
        ["organization_id", "sensor_id", "sensor_alert_id"],
        unique=True,
    )


def _create_incidents_exceptions() -> None:
    op.create_table(
        "incidents_exceptions",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("exception_id", sa.String(length=64), nullable=False),
        sa.Column("effect", sa.String(length=16), nullable=False),
        sa.Column("pattern", Json(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("owner", sa.String(length=256), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=True),
        sa.Column("hides_up_to", sa.String(length=16), nullable=False),
        sa.Column("is_at_sensors", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=320), nullable=False),
        sa.Column("matched", sa.BigInteger(), nullable=False),
        sa.Column("last_matched_at", UtcDateTime(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.String(length=320), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "exception_id", name=op.f("pk_incidents_exceptions")),
    )
    op.create_index(
        "ix_incidents_exceptions_ends", "incidents_exceptions", ["organization_id", "ended_at", "ends_at"], unique=False
    )


def _create_incidents_slices() -> None:
    op.create_table(
        "incidents_slices",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("alert_id", sa.String(length=64), nullable=False),
        sa.Column("kept_at", UtcDateTime(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "alert_id", name=op.f("pk_incidents_slices")),
    )
    op.create_index("ix_incidents_slices_kept", "incidents_slices", ["organization_id", "kept_at"], unique=False)


def _create_incidents_tickets() -> None:
    op.create_table(
        "incidents_tickets",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("ticket_id", sa.String(length=64), nullable=False),
        sa.Column("reference", sa.String(length=256), nullable=False),
        sa.Column("summary", sa.String(length=256), nullable=False),
        sa.Column("people", Json(), nullable=False),
        sa.Column("pattern", Json(), nullable=False),
        sa.Column("begins_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=320), nullable=False),
        sa.Column("matched", sa.BigInteger(), nullable=False),
        sa.Column("last_matched_at", UtcDateTime(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.String(length=320), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "ticket_id", name=op.f("pk_incidents_tickets")),
    )
    op.create_index("ix_incidents_tickets_ends", "incidents_tickets", ["organization_id", "ends_at"], unique=False)


def _create_network_acceptances() -> None:
    op.create_table(
        "network_acceptances",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("asset_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("owner", sa.String(length=128), nullable=False),
        sa.Column("reason", sa.String(length=1024), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.Column("accepted_by", sa.String(length=256), nullable=False),
        sa.Column("accepted_at", UtcDateTime(), nullable=False),
        sa.Column("evidence", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "asset_id", "name", name=op.f("pk_network_acceptances")),
    )


def _create_network_address_lists() -> None:
    op.create_table(
        "network_address_lists",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("list_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("is_complete", sa.Boolean(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("ranges_v4", sa.Integer(), nullable=False),
        sa.Column("ranges_v6", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.Column("imported_at", UtcDateTime(), nullable=False),
        sa.Column("imported_by", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "list_id", name=op.f("pk_network_address_lists")),
    )


def _create_network_address_parts() -> None:
    op.create_table(
        "network_address_parts",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("list_id", sa.String(length=64), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "list_id", "part", name=op.f("pk_network_address_parts")),
    )


def _create_network_assets() -> None:
    op.create_table(
        "network_assets",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("asset_id", sa.String(length=64), nullable=False),
        sa.Column("site", sa.String(length=128), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("merged_into", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=512), nullable=False),
        sa.Column("vendor", sa.String(length=512), nullable=False),
        sa.Column("model", sa.String(length=512), nullable=False),
        sa.Column("product_code", sa.String(length=512), nullable=False),
        sa.Column("firmware", sa.String(length=512), nullable=False),
        sa.Column("serial", sa.String(length=512), nullable=False),
        sa.Column("operating_system", sa.String(length=512), nullable=False),
        sa.Column("device_type", sa.String(length=512), nullable=False),
        sa.Column("role", sa.String(length=512), nullable=False),
        sa.Column("role_because", sa.String(length=512), nullable=False),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("level_because", Json(), nullable=False),
        sa.Column("is_role_set", sa.Boolean(), nullable=False),
        sa.Column("is_level_set", sa.Boolean(), nullable=False),
        sa.Column("is_name_set", sa.Boolean(), nullable=False),
        sa.Column("support", sa.String(length=512), nullable=False),
        sa.Column("owner", sa.String(length=256), nullable=False),
        sa.Column("criticality", sa.String(length=16), nullable=False),
        sa.Column("managed_generation_id", sa.String(length=64), nullable=True),
        sa.Column("managed_device_id", sa.String(length=128), nullable=True),
        sa.Column("managed_by", sa.String(length=16), nullable=True),
        sa.Column("managed_because", sa.String(length=256), nullable=True),
        sa.Column("note", sa.String(length=1024), nullable=False),
        sa.Column("ips", Json(), nullable=False),
        sa.Column("macs", Json(), nullable=False),
        sa.Column("merged", Json(), nullable=False),
        sa.Column("sensors", Json(), nullable=False),
        sa.Column("first_at", UtcDateTime(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "asset_id", name=op.f("pk_network_assets")),
    )
    op.create_index(
        "ix_network_assets_managed",
        "network_assets",
        ["organization_id", "managed_generation_id"],
        unique=False,
        sqlite_where=sa.text("managed_generation_id IS NOT NULL"),
        postgresql_where=sa.text("managed_generation_id IS NOT NULL"),
    )
    op.create_index(
        "ix_network_assets_merged", "network_assets", ["organization_id", "merged_into", "asset_id"], unique=False
    )
    op.create_index("ix_network_assets_site", "network_assets", ["organization_id", "site", "asset_id"], unique=False)


def _create_network_captures() -> None:
    op.create_table(
        "network_captures",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("capture_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("site", sa.String(length=128), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("is_kept", sa.Boolean(), nullable=False),
        sa.Column("is_taken_in", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("author_id", sa.String(length=256), nullable=False),
        sa.Column("author", sa.String(length=256), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("cause", sa.String(length=1024), nullable=False),
        sa.Column("received_bytes", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("read_bytes", sa.BigInteger(), nullable=False),
        sa.Column("packets", sa.BigInteger(), nullable=False),
        sa.Column("report_bytes", sa.BigInteger(), nullable=False),
        sa.Column("has_file", sa.Boolean(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("summary", Json(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "capture_id", name=op.f("pk_network_captures")),
    )


def _create_network_exposures() -> None:
    op.create_table(
        "network_exposures",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("asset_id", sa.String(length=64), nullable=False),
        sa.Column("site", sa.String(length=128), nullable=False),
        sa.Column("asset_name", sa.String(length=512), nullable=False),
        sa.Column("proven", sa.Integer(), nullable=False),
        sa.Column("maybe", sa.Integer(), nullable=False),
        sa.Column("unknown_advisories", sa.Integer(), nullable=False),
        sa.Column("unknown_reason", sa.String(length=1024), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("exploitation", sa.BigInteger(), nullable=False),
        sa.Column("assessed_at", UtcDateTime(), nullable=False),
        sa.Column("signal_id", sa.String(length=64), nullable=False),
        sa.Column("signal_key", sa.String(length=256), nullable=False),
        sa.Column("signal_device", sa.String(length=128), nullable=False),
        sa.Column("signal_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "asset_id", name=op.f("pk_network_exposures")),
    )


def _create_network_externals() -> None:
    op.create_table(
        "network_externals",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("external_id", sa.String(length=64), nullable=False),
        sa.Column("site", sa.String(length=128), nullable=False),
        sa.Column("asset_id", sa.String(length=64), nullable=False),
        sa.Column("local", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=512), nullable=False),
        sa.Column("is_inbound", sa.Boolean(), nullable=False),
        sa.Column("services", Json(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("asn", sa.BigInteger(), nullable=False),
        sa.Column("network_name", sa.String(length=256), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("owner", sa.String(length=256), nullable=False),
        sa.Column("justification", sa.String(length=1024), nullable=False),
        sa.Column("decided_by", sa.String(length=128), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("first_at", UtcDateTime(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "external_id", name=op.f("pk_network_externals")),
    )
    op.create_index(
        "ix_network_externals_asset", "network_externals", ["organization_id", "asset_id", "external_id"], unique=False
    )
    op.create_index(
        "ix_network_externals_verdict", "network_externals", ["organization_id", "verdict", "external_id"], unique=False
    )


def _create_network_facts() -> None:
    op.create_table(
        "network_facts",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("asset_id", sa.String(length=64), nullable=False),
        sa.Column("fact_id", sa.String(length=64), nullable=False),
        sa.Column("attribute", sa.String(length=128), nullable=False),
        sa.Column("value", sa.String(length=512), nullable=False),
        sa.Column("confidence", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=128), nullable=False),
        sa.Column("first_at", UtcDateTime(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.Column("times", sa.BigInteger(), nullable=False),
        sa.Column("sensor", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "asset_id", "fact_id", name=op.f("pk_network_facts")),
    )


def _create_network_identifiers() -> None:
    op.create_table(
        "network_identifiers",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("site", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("value", sa.String(length=512), nullable=False),
        sa.Column("asset_id", sa.String(length=64), nullable=False),
        sa.Column("is_pinned", sa.Boolean(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "site", "kind", "value", name=op.f("pk_network_identifiers")),
    )
    op.create_index(
        "ix_network_identifiers_asset", "network_identifiers", ["organization_id", "asset_id"], unique=False
    )
    op.create_index("ix_network_identifiers_value", "network_identifiers", ["organization_id", "value"], unique=False)


def _create_network_intake() -> None:
    op.create_table(
        "network_intake",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("generation_id", sa.String(length=64), nullable=False),
        sa.Column("boot", sa.String(length=64), nullable=False),
        sa.Column("through", sa.BigInteger(), nullable=False),
        sa.Column("beyond", Json(), nullable=False),
        sa.Column("taken_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "generation_id", "boot", name=op.f("pk_network_intake")),
    )


def _create_network_links() -> None:
    op.create_table(
        "network_links",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("link_id", sa.String(length=64), nullable=False),
        sa.Column("site", sa.String(length=128), nullable=False),
        sa.Column("pair", sa.String(length=64), nullable=False),
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("server_id", sa.String(length=64), nullable=False),
        sa.Column("client", sa.String(length=64), nullable=False),
        sa.Column("server", sa.String(length=64), nullable=False),
        sa.Column("protocol", sa.String(length=128), nullable=False),
        sa.Column("tallies", Json(), nullable=False),
        sa.Column("first_at", UtcDateTime(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("transport", sa.String(length=128), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("certainty", sa.String(length=16), nullable=False),
        sa.Column("is_external", sa.Boolean(), nullable=False),
        sa.Column("name", sa.String(length=512), nullable=False),
        sa.Column("flows", sa.BigInteger(), nullable=False),
        sa.Column("packets", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "link_id", name=op.f("pk_network_links")),
    )
    op.create_index(
        "ix_network_links_client", "network_links", ["organization_id", "client_id", "link_id"], unique=False
    )
    op.create_index("ix_network_links_created", "network_links", ["organization_id", "created_at"], unique=False)
    op.create_index(
        "ix_network_links_external",
        "network_links",
        ["organization_id", "link_id"],
        unique=False,
        sqlite_where=sa.text("is_external IS 1"),
        postgresql_where=sa.text("is_external IS true"),
    )
    op.create_index("ix_network_links_last", "network_links", ["organization_id", "last_at"], unique=False)
    op.create_index("ix_network_links_pair", "network_links", ["organization_id", "pair"], unique=False)
    op.create_index(
        "ix_network_links_protocol", "network_links", ["organization_id", "protocol", "link_id"], unique=False
    )
    op.create_index(
        "ix_network_links_server", "network_links", ["organization_id", "server_id", "link_id"], unique=False
    )
    op.create_index("ix_network_links_site", "network_links", ["organization_id", "site", "link_id"], unique=False)


def _create_network_operations() -> None:
    op.create_table(
        "network_operations",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("operation_id", sa.String(length=64), nullable=False),
        sa.Column("site", sa.String(length=128), nullable=False),
        sa.Column("pair", sa.String(length=64), nullable=False),
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("server_id", sa.String(length=64), nullable=False),
        sa.Column("client", sa.String(length=64), nullable=False),
        sa.Column("server", sa.String(length=64), nullable=False),
        sa.Column("protocol", sa.String(length=128), nullable=False),
        sa.Column("tallies", Json(), nullable=False),
        sa.Column("first_at", UtcDateTime(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("service", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=128), nullable=False),
        sa.Column("area", sa.String(length=128), nullable=False),
        sa.Column("unit", sa.String(length=128), nullable=False),
        sa.Column("times", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "operation_id", name=op.f("pk_network_operations")),
    )
    op.create_index(
        "ix_network_operations_client",
        "network_operations",
        ["organization_id", "client_id", "operation_id"],
        unique=False,
    )
    op.create_index(
        "ix_network_operations_created", "network_operations", ["organization_id", "created_at"], unique=False
    )
    op.create_index("ix_network_operations_last", "network_operations", ["organization_id", "last_at"], unique=False)
    op.create_index("ix_network_operations_pair", "network_operations", ["organization_id", "pair"], unique=False)
    op.create_index(
        "ix_network_operations_protocol",
        "network_operations",
        ["organization_id", "protocol", "operation_id"],
        unique=False,
    )
    op.create_index(
        "ix_network_operations_server",
        "network_operations",
        ["organization_id", "server_id", "operation_id"],
        unique=False,
    )
    op.create_index(
        "ix_network_operations_site", "network_operations", ["organization_id", "site", "operation_id"], unique=False
    )


def _create_network_plans() -> None:
    op.create_table(
        "network_plans",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("base", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("zones", sa.Integer(), nullable=False),
        sa.Column("conduits", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=300), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("changed_by", sa.String(length=300), nullable=False),
        sa.Column("approved_at", UtcDateTime(), nullable=True),
        sa.Column("approved_by", sa.String(length=300), nullable=False),
        sa.Column("reason", sa.String(length=1024), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "number", name=op.f("pk_network_plans")),
    )


def _create_network_positions() -> None:
    op.create_table(
        "network_positions",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("stream", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "stream", name=op.f("pk_network_positions")),
    )


def _create_network_sensors() -> None:
    op.create_table(
        "network_sensors",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("generation_id", sa.String(length=64), nullable=False),
        sa.Column("device_id", sa.String(length=128), nullable=False),
        sa.Column("site", sa.String(length=128), nullable=False),
        sa.Column("note", sa.String(length=1024), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("registered_at", UtcDateTime(), nullable=False),
        sa.Column("heard_at", UtcDateTime(), nullable=True),
        sa.Column("report", Json(), nullable=True),
        sa.Column("batches", sa.BigInteger(), nullable=False),
        sa.Column("repeated", sa.BigInteger(), nullable=False),
        sa.Column("refused", sa.BigInteger(), nullable=False),
        sa.Column("refused_because", sa.String(length=256), nullable=False),
        sa.Column("lost", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "generation_id", name=op.f("pk_network_sensors")),
    )


def _create_network_snapshots() -> None:
    op.create_table(
        "network_snapshots",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("snapshot_id", sa.String(length=64), nullable=False),
        sa.Column("taken_at", UtcDateTime(), nullable=False),
        sa.Column("note", sa.String(length=1024), nullable=False),
        sa.Column("taken_by", sa.String(length=128), nullable=False),
        sa.Column("assets", sa.Integer(), nullable=False),
        sa.Column("links", sa.Integer(), nullable=False),
        sa.Column("is_kept", sa.Boolean(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "snapshot_id", name=op.f("pk_network_snapshots")),
    )


def _create_network_violations() -> None:
    op.create_table(
        "network_violations",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("violation_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "violation_id", name=op.f("pk_network_violations")),
    )
    op.create_index("ix_network_violations_last", "network_violations", ["organization_id", "last_at"], unique=False)


def _create_network_vulnerabilities() -> None:
    op.create_table(
        "network_vulnerabilities",
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("asset_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("site", sa.String(length=128), nullable=False),
        sa.Column("asset_name", sa.String(length=512), nullable=False),
        sa.Column("title", sa.String(length=512), nullable=False),
        sa.Column("certainty", sa.String(length=16), nullable=False),
        sa.Column("confidence", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("factors", Json(), nullable=False),
        sa.Column("advisory_key", sa.String(length=64), nullable=False),
        sa.Column("product_id", sa.Text(), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("versions", sa.String(length=512), nullable=False),
        sa.Column("reasons", Json(), nullable=False),
        sa.Column("evidence", Json(), nullable=False),
        sa.Column("evidence_id", sa.String(length=64), nullable=False),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("vector", sa.String(length=512), nullable=False),
        sa.Column("is_known_exploited", sa.Boolean(), nullable=False),
        sa.Column("probability", sa.Float(), nullable=True),
        sa.Column("percentile", sa.Float(), nullable=True),
        sa.Column("found_at", UtcDateTime(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "asset_id", "name", name=op.f("pk_network_vulnerabilities")),
    )
    op.create_index(
        "ix_network_vulnerabilities_name", "network_vulnerabilities", ["organization_id", "name"], unique=False
    )
    op.create_index(
        "ix_network_vulnerabilities_priority",
        "network_vulnerabilities",
        ["organization_id", "priority", "asset_id", "name"],
        unique=False,
    )


def _extend_registry_modules() -> None:
    op.add_column("registry_modules", sa.Column("workload_digest", sa.String(length=160), nullable=True))
    op.add_column("registry_modules", sa.Column("workload_identity", sa.String(length=256), nullable=True))


def _extend_registry_presence() -> None:
    op.add_column(
        "registry_presence",
        sa.Column(
            "device_id",
            sa.String(length=128).with_variant(sa.String(length=128, collation="C"), "postgresql"),
            server_default="",
            nullable=False,
        ),
    )
    op.create_index(
        "ix_registry_presence_address",
        "registry_presence",
        ["organization_id", "remote_address"],
        unique=False,
        sqlite_where=sa.text("is_connected IS 1"),
        postgresql_where=sa.text("is_connected IS true"),
    )
    op.create_index(
        "ix_registry_presence_device",
        "registry_presence",
        ["organization_id", "device_id", "generation_id"],
        unique=False,
        sqlite_where=sa.text("is_connected IS 1"),
        postgresql_where=sa.text("is_connected IS true"),
    )
