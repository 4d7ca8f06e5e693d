"""Acts that wait for another person: their table and SQL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, NewType

import sqlalchemy as sa

from vedette.kernel import OrganizationId
from vedette.ledger import Actor
from vedette.store import UtcDateTime, metadata

ApprovalId = NewType("ApprovalId", str)
ApprovalState = Literal["waiting", "approved", "refused", "used"]

_ID: Final = 64

approvals: Final = sa.Table(
    "operators_approvals",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("approval_id", sa.String(_ID), primary_key=True),
    sa.Column("asked_by_kind", sa.String(16), nullable=False),
    sa.Column("asked_by_id", sa.String(128), nullable=False),
    sa.Column("asked_by_name", sa.String(128), nullable=False),
    sa.Column("method", sa.String(8), nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("body_sha256", sa.String(64), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("action", sa.String(32), nullable=False),
    sa.Column("device_id", sa.String(256), nullable=False),
    sa.Column("asked_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("decided_at", UtcDateTime, nullable=True),
    sa.Column("decided_by_id", sa.String(128), nullable=False),
    sa.Column("decided_by_name", sa.String(128), nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Index("ix_operators_approvals_asker", "organization_id", "asked_by_id", "expires_at"),
)

_a: Final = approvals.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """An act that somebody asked for and that waits for another person.

    Attributes:
        body: What was sent, shortened, with members that may hold a secret hidden.
        body_sha256: Of what was sent, as a whole.
        device_id: Of the device that it is about; empty if none.
        state: As it was written; what has expired is so by its time.
    """

    organization_id: OrganizationId
    approval_id: ApprovalId
    asked_by: Actor
    method: str
    path: str
    body_sha256: str
    body: str
    action: str
    device_id: str
    asked_at: datetime
    expires_at: datetime
    state: ApprovalState = "waiting"
    decided_at: datetime | None = None
    decided_by_id: str = ""
    decided_by_name: str = ""
    note: str = ""

    def has_expired(self, now: datetime) -> bool:
        """Tell whether its time is over."""
        return now >= self.expires_at


def insert(connection: sa.Connection, approval: Approval) -> None:
    """Keep an act that waits."""
    connection.execute(
        approvals.insert().values(
            organization_id=approval.organization_id,
            approval_id=approval.approval_id,
            asked_by_kind=approval.asked_by.kind,
            asked_by_id=approval.asked_by.id,
            asked_by_name=approval.asked_by.name,
            method=approval.method,
            path=approval.path,
            body_sha256=approval.body_sha256,
            body=approval.body,
            action=approval.action,
            device_id=approval.device_id,
            asked_at=approval.asked_at,
            expires_at=approval.expires_at,
            state=approval.state,
            decided_at=None,
            decided_by_id="",
            decided_by_name="",
            note="",
        )
    )


def find(connection: sa.Connection, organization_id: str, approval_id: str) -> Approval | None:
    """Return an act by id."""
    query = sa.select(approvals).where(_a.organization_id == organization_id, _a.approval_id == approval_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else _to_approval(row)


def list_page(
    connection: sa.Connection, organization_id: str, *, is_open: bool | None, now: datetime, after: str, limit: int
) -> list[Approval]:
    """Return acts, the youngest first."""
    query = sa.select(approvals).where(_a.organization_id == organization_id)
    if after:
        query = query.where(_a.approval_id < after)
    waits = sa.and_(_a.state == "waiting", _a.expires_at > now)
    if is_open is not None:
        query = query.where(waits if is_open else sa.not_(waits))
    return [_to_approval(row) for row in connection.execute(query.order_by(_a.approval_id.desc()).limit(limit))]


def of_asker(connection: sa.Connection, organization_id: str, asker_id: str, now: datetime) -> list[Approval]:
    """Return what somebody has asked for whose time is not over."""
    query = sa.select(approvals).where(
        _a.organization_id == organization_id, _a.asked_by_id == asker_id, _a.expires_at > now
    )
    return [_to_approval(row) for row in connection.execute(query.order_by(_a.approval_id))]


def decide(
    connection: sa.Connection,
    approval: Approval,
    state: ApprovalState,
    *,
    former: ApprovalState,
    at: datetime,
    by: Actor,
    note: str,
) -> bool:
    """Write what became of an act; answer whether nobody was faster."""
    change = approvals.update().where(
        _a.organization_id == approval.organization_id,
        _a.approval_id == approval.approval_id,
        _a.state == former,
    )
    values: dict[str, Any] = {"state": state}  # Any: cells
    if former == "waiting":
        values |= {"decided_at": at, "decided_by_id": by.id, "decided_by_name": by.name, "note": note}
    return connection.execute(change.values(**values)).rowcount == 1


def delete_old(connection: sa.Connection, organization_id: str, before: datetime) -> None:
    """Forget acts whose time is long over; the ledger keeps them."""
    connection.execute(approvals.delete().where(_a.organization_id == organization_id, _a.expires_at < before))


def _to_approval(row: sa.Row[Any]) -> Approval:
    return Approval(
        organization_id=OrganizationId(row.organization_id),
        approval_id=ApprovalId(row.approval_id),
        asked_by=Actor(row.asked_by_kind, row.asked_by_id, row.asked_by_name),
        method=row.method,
        path=row.path,
        body_sha256=row.body_sha256,
        body=row.body,
        action=row.action,
        device_id=row.device_id,
        asked_at=row.asked_at,
        expires_at=row.expires_at,
        state=row.state,
        decided_at=row.decided_at,
        decided_by_id=row.decided_by_id,
        decided_by_name=row.decided_by_name,
        note=row.note,
    )
