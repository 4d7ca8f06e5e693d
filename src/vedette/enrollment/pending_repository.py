"""The table and SQL of registrations that wait for an operator."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from vedette.enrollment.model import Attestation, PendingRegistration, PendingState
from vedette.kernel import DeviceId, EnrollmentId, OrganizationId, RegistrationId
from vedette.store import UtcDateTime, metadata

_ID: Final = 64
_DIGEST: Final = 64

pending: Final = sa.Table(
    "enrollment_pending",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("registration_id", sa.String(128), primary_key=True),
    sa.Column("device_id", sa.String(128), nullable=False),
    sa.Column("enrollment_id", sa.String(_ID), nullable=False),
    sa.Column("operation_id", sa.String(_ID), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("attestation", sa.String(16), nullable=False),
    sa.Column("binding_sha256", sa.String(_DIGEST), nullable=False),
    sa.Column("onboarding_sha256", sa.String(_DIGEST)),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("issuer", sa.Text, nullable=False),
    sa.Column("serial", sa.String(64), nullable=False),
    sa.Column("not_before", UtcDateTime),
    sa.Column("not_after", UtcDateTime),
    sa.Column("csr", sa.LargeBinary),
    sa.Column("csr_key_sha256", sa.String(_DIGEST)),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("payload_bytes", sa.Integer, nullable=False),
    sa.Column("gateway", sa.String(128), nullable=False),
    sa.Column("remote_address", sa.String(128), nullable=False),
    sa.Column("requested_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Column("decided_at", UtcDateTime),
    sa.Column("decided_by", sa.String(256), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Index("ix_enrollment_pending_enrollment", "organization_id", "enrollment_id"),
    sa.Index("ix_enrollment_pending_expires", "organization_id", "expires_at"),
)

_p: Final = pending.c
_by_registration: Final = sa.select(pending).where(
    _p.organization_id == sa.bindparam("organization"), _p.registration_id == sa.bindparam("registration")
)


def find_pending(connection: sa.Connection, organization_id: str, registration_id: str) -> PendingRegistration | None:
    """Return what waits under a registration id, expired or not."""
    keys = {"organization": organization_id, "registration": registration_id}
    row = connection.execute(_by_registration, keys).mappings().one_or_none()
    return None if row is None else _to_pending(row)


def save_pending(connection: sa.Connection, waiting: PendingRegistration, *, is_new: bool) -> None:
    """Write a registration that waits, in place of what waited under its id."""
    row = {name: getattr(waiting, name) for name in _p.keys()}  # noqa: SIM118 - not a dict
    row["state"], row["attestation"] = waiting.state.value, waiting.attestation.value
    if is_new:
        connection.execute(pending.insert(), row)
    else:
        connection.execute(pending.update().where(_one(waiting.organization_id, waiting.registration_id)).values(row))


def delete_pending(connection: sa.Connection, organization_id: str, registration_id: str) -> None:
    """Take away what waits under a registration id."""
    connection.execute(pending.delete().where(_one(organization_id, registration_id)))


def approve_pending_of(
    connection: sa.Connection, organization_id: str, enrollment_id: str, *, now: datetime, by: str, reason: str
) -> int:
    """Approve all that waits for an operator through an enrollment; returns how many."""
    mine = sa.and_(
        _p.organization_id == organization_id,
        _p.enrollment_id == enrollment_id,
        _p.state == PendingState.PENDING.value,
        _p.expires_at > now,
    )
    decided = {"state": PendingState.APPROVED.value, "decided_at": now, "decided_by": by, "reason": reason}
    return connection.execute(pending.update().where(mine).values(decided)).rowcount


def delete_pending_of(connection: sa.Connection, organization_id: str, enrollment_id: str) -> None:
    """Take away all that waits for an enrollment."""
    mine = sa.and_(_p.organization_id == organization_id, _p.enrollment_id == enrollment_id)
    connection.execute(pending.delete().where(mine))


def delete_expired(connection: sa.Connection, organization_id: str, before: datetime) -> None:
    """Take away what expired before a time."""
    connection.execute(pending.delete().where(_p.organization_id == organization_id, _p.expires_at <= before))


def count_waiting(
    connection: sa.Connection, organization_id: str, enrollment_id: str, now: datetime
) -> tuple[int, int]:
    """Return how many registrations wait for an operator: through an enrollment, and altogether."""
    of_enrollment = sa.func.coalesce(sa.func.sum(sa.case((_p.enrollment_id == enrollment_id, 1), else_=0)), 0)
    query = sa.select(of_enrollment, sa.func.count()).where(
        _p.organization_id == organization_id, _p.expires_at > now, _p.state == PendingState.PENDING.value
    )
    mine, everyone = connection.execute(query).one()
    return int(mine), int(everyone)


def list_pending(
    connection: sa.Connection,
    organization_id: str,
    *,
    state: PendingState | None,
    enrollment_id: str | None,
    after: str,
    limit: int,
    now: datetime,
) -> list[PendingRegistration]:
    """Return registrations that have not expired, in the order they were asked for."""
    query = sa.select(pending).where(
        _p.organization_id == organization_id, _p.operation_id > after, _p.expires_at > now
    )
    if state is not None:
        query = query.where(_p.state == state.value)
    if enrollment_id is not None:
        query = query.where(_p.enrollment_id == enrollment_id)
    return [_to_pending(row) for row in connection.execute(query.order_by(_p.operation_id).limit(limit)).mappings()]


def _one(organization_id: str, registration_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(_p.organization_id == organization_id, _p.registration_id == registration_id)


def _to_pending(row: sa.RowMapping) -> PendingRegistration:
    values: dict[str, Any] = dict(row)  # Any: column values
    values.update(
        organization_id=OrganizationId(row["organization_id"]),
        registration_id=RegistrationId(row["registration_id"]),
        device_id=DeviceId(row["device_id"]),
        enrollment_id=EnrollmentId(row["enrollment_id"]),
        state=PendingState(row["state"]),
        attestation=Attestation(row["attestation"]),
    )
    return PendingRegistration(**values)
