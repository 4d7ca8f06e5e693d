"""The certificates that gateways reported: the table, and its SQL."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from vedette.kernel import OrganizationId
from vedette.pki.model import ReportedCertificate, Standing
from vedette.store import UtcDateTime, metadata

_ID: Final = 64
_DIGEST: Final = 64
_NAME: Final = 512

reported_certificates: Final = sa.Table(
    "pki_reported_certificates",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("sha256", sa.String(_DIGEST), primary_key=True),
    sa.Column("standing", sa.String(16), nullable=False),
    sa.Column("serial", sa.String(40), nullable=False),
    sa.Column("subject", sa.String(_NAME), nullable=False),
    sa.Column("authority_sha256", sa.String(_DIGEST), nullable=False),
    sa.Column("claimed_generation_id", sa.String(_ID), nullable=False),
    sa.Column("not_before", UtcDateTime, nullable=False),
    sa.Column("not_after", UtcDateTime, nullable=False),
    sa.Column("der", sa.LargeBinary, nullable=False),
    sa.Column("presented_as", sa.String(_NAME), nullable=False),
    sa.Column("gateway", sa.String(_ID), nullable=False),
    sa.Column("remote_address", sa.String(_ID), nullable=False),
    sa.Column("reported_at", UtcDateTime, nullable=False),
    sa.Column("acknowledged_at", UtcDateTime),
)
_FIELDS: Final = tuple(field.name for field in fields(ReportedCertificate))


def insert_report(connection: sa.Connection, report: ReportedCertificate) -> None:
    """Put a reported certificate on record."""
    row = {name: getattr(report, name) for name in _FIELDS}
    connection.execute(reported_certificates.insert().values(row | {"standing": report.standing.value}))


def find_report(connection: sa.Connection, organization_id: OrganizationId, sha256: str) -> ReportedCertificate | None:
    """Return one reported certificate, or ``None``."""
    query = reported_certificates.select().where(_report(organization_id, sha256))
    row = connection.execute(query).mappings().first()
    return _to_report(row) if row else None


def list_reports(
    connection: sa.Connection, organization_id: OrganizationId, *, after: str = "", limit: int = 100
) -> list[ReportedCertificate]:
    """Return reported certificates in the order of their digests, from after one of them."""
    columns = reported_certificates.c
    query = (
        reported_certificates.select()
        .where(columns.organization_id == organization_id, columns.sha256 > after)
        .order_by(columns.sha256)
        .limit(limit)
    )
    return [_to_report(row) for row in connection.execute(query).mappings()]


def count_reports(connection: sa.Connection, organization_id: OrganizationId) -> int:
    """Return how many certificates are on record as reported."""
    query = sa.select(sa.func.count()).where(reported_certificates.c.organization_id == organization_id)
    return connection.execute(query).scalar_one()


def find_alarm(connection: sa.Connection, organization_id: OrganizationId) -> tuple[ReportedCertificate | None, int]:
    """Return the oldest unknown certificate that nobody has acknowledged, and how many there are."""
    columns = reported_certificates.c
    is_alarm = sa.and_(
        columns.organization_id == organization_id,
        columns.standing == Standing.UNKNOWN.value,
        columns.acknowledged_at.is_(None),
    )
    oldest = reported_certificates.select().where(is_alarm).order_by(columns.reported_at).limit(1)
    row = connection.execute(oldest).mappings().first()
    if row is None:
        return None, 0
    return _to_report(row), connection.execute(sa.select(sa.func.count()).where(is_alarm)).scalar_one()


def save_acknowledgement(connection: sa.Connection, organization_id: OrganizationId, sha256: str, at: datetime) -> None:
    """Note that an operator took note of a reported certificate."""
    connection.execute(
        reported_certificates.update().where(_report(organization_id, sha256)).values(acknowledged_at=at)
    )


def _report(organization_id: OrganizationId, sha256: str) -> sa.ColumnElement[bool]:
    columns = reported_certificates.c
    return sa.and_(columns.organization_id == organization_id, columns.sha256 == sha256)


def _to_report(row: sa.RowMapping) -> ReportedCertificate:
    return ReportedCertificate(**{**row, "standing": Standing(row["standing"])})
