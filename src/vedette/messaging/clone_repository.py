"""The table of clone alerts, and its SQL."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

import sqlalchemy as sa

from vedette.messaging.clone_model import CloneAlert
from vedette.store import Json, UtcDateTime, metadata

_ID: Final = 64
_NAME: Final = 128

clone_alerts: Final = sa.Table(
    "messaging_clone_alerts",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("alert_id", sa.String(_ID), primary_key=True),
    sa.Column("generation_id", sa.String(_ID), nullable=False),
    sa.Column("device_id", sa.String(_NAME), nullable=False),
    sa.Column("module_id", sa.String(_NAME)),
    sa.Column("is_open", sa.Boolean, nullable=False),
    sa.Column("first_seen_at", UtcDateTime, nullable=False),
    sa.Column("last_seen_at", UtcDateTime, nullable=False),
    sa.Column("reports", sa.BigInteger, nullable=False),
    sa.Column("takeovers", sa.BigInteger, nullable=False),
    sa.Column("gateways", Json, nullable=False),
    sa.Column("remote_addresses", Json, nullable=False),
    sa.Column("certificate_sha256", Json, nullable=False),
    sa.Column("is_same_certificate", sa.Boolean, nullable=False),
    sa.Column("acknowledged_at", UtcDateTime),
    sa.Column("acknowledged_by", sa.String(320), nullable=False),
    sa.Column("acknowledged_reason", sa.Text, nullable=False),
    sa.Index("uq_messaging_clone_alerts_identity", "organization_id", "generation_id", unique=True),
)
_c: Final = clone_alerts.c
_open: Final = _c.is_open.is_(True)
sa.Index(
    "ix_messaging_clone_alerts_open",
    _c.organization_id,
    _c.alert_id,
    sqlite_where=_open,
    postgresql_where=_open,
)
_FIELDS: Final = tuple(field.name for field in fields(CloneAlert))


def find(connection: sa.Connection, organization_id: str, alert_id: str) -> CloneAlert | None:
    """Return an alert by id."""
    return _one(connection, _c.organization_id == organization_id, _c.alert_id == alert_id)


def find_of(connection: sa.Connection, organization_id: str, generation_id: str) -> CloneAlert | None:
    """Return the alert about an identity."""
    return _one(connection, _c.organization_id == organization_id, _c.generation_id == generation_id)


def save(connection: sa.Connection, alert: CloneAlert, *, is_new: bool) -> None:
    """Write an alert."""
    row = {name: getattr(alert, name) for name in _FIELDS}
    if is_new:
        connection.execute(clone_alerts.insert().values(row))
        return
    mine = sa.and_(_c.organization_id == alert.organization_id, _c.alert_id == alert.alert_id)
    connection.execute(clone_alerts.update().where(mine).values(row))


def delete_of(connection: sa.Connection, organization_id: str, generation_id: str) -> None:
    """Forget the alert about an identity."""
    connection.execute(
        clone_alerts.delete().where(_c.organization_id == organization_id, _c.generation_id == generation_id)
    )


def list_page(
    connection: sa.Connection, organization_id: str, *, before: str, limit: int, is_open: bool | None
) -> list[CloneAlert]:
    """Return alerts that were first raised before another one, youngest first."""
    query = sa.select(clone_alerts).where(_c.organization_id == organization_id)
    if before:
        query = query.where(_c.alert_id < before)
    if is_open is not None:
        query = query.where(_c.is_open.is_(is_open))
    rows = connection.execute(query.order_by(_c.alert_id.desc()).limit(limit)).mappings()
    return [_to_alert(row) for row in rows]


def count_open(connection: sa.Connection, organization_id: str) -> int:
    """Return how many alerts nobody has looked into."""
    query = sa.select(sa.func.count()).select_from(clone_alerts).where(_c.organization_id == organization_id, _open)
    return connection.execute(query).scalar_one()


def _one(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> CloneAlert | None:
    row = connection.execute(sa.select(clone_alerts).where(*conditions)).mappings().one_or_none()
    return None if row is None else _to_alert(row)


def _to_alert(row: sa.RowMapping) -> CloneAlert:
    values: dict[str, Any] = dict(row)  # Any: one type per column
    return CloneAlert(**values)
