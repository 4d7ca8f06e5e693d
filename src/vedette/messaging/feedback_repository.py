"""The table of feedback on commands, and its SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from vedette.kernel import DeviceId, GenerationId, OrganizationId
from vedette.messaging.command_model import Feedback, Outcome
from vedette.store import UtcDateTime, metadata

_ID: Final = 64
_NAME: Final = 128

feedback: Final = sa.Table(
    "messaging_feedback",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("generation_id", sa.String(_ID), nullable=False),
    sa.Column("device_id", sa.String(_NAME), nullable=False),
    sa.Column("command_id", sa.String(_ID), nullable=False),
    sa.Column("message_id", sa.String(_NAME), nullable=False),
    sa.Column("outcome", sa.String(24), nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("occurred_at", UtcDateTime, nullable=False),
    # A consumer that takes feedback away: who holds it and until when, and when it was done with it.
    sa.Column("lock", sa.String(_ID)),
    sa.Column("locked_until", UtcDateTime),
    sa.Column("completed_at", UtcDateTime),
)

_c: Final = feedback.c
_unread: Final = _c.completed_at.is_(None)

sa.Index(
    "ix_messaging_feedback_unread",
    _c.organization_id,
    _c.position,
    sqlite_where=_unread,
    postgresql_where=_unread,
)

_of_organization: Final = _c.organization_id == sa.bindparam("organization")
_insert: Final = feedback.insert()
_page: Final = (
    sa.select(feedback)
    .where(_of_organization, _c.position > sa.bindparam("after"))
    .order_by(_c.position)
    .limit(sa.bindparam("limit"))
)
_free: Final = (
    sa.select(feedback)
    .where(
        _of_organization,
        _unread,
        sa.or_(_c.locked_until.is_(None), _c.locked_until <= sa.bindparam("now", type_=UtcDateTime)),
    )
    .order_by(_c.position)
    .limit(sa.bindparam("limit"))
)


def insert(connection: sa.Connection, records: Sequence[Feedback]) -> None:
    """Add feedback."""
    connection.execute(
        _insert,
        [
            {
                "organization_id": each.organization_id,
                "position": each.position,
                "generation_id": each.generation_id,
                "device_id": each.device_id,
                "command_id": each.command_id,
                "message_id": each.message_id,
                "outcome": each.outcome.value,
                "description": each.description,
                "occurred_at": each.occurred_at,
            }
            for each in records
        ],
    )


def delete_up_to(connection: sa.Connection, organization_id: str, position: int) -> None:
    """Forget the oldest."""
    connection.execute(feedback.delete().where(_c.organization_id == organization_id, _c.position <= position))


def delete_before(connection: sa.Connection, organization_id: str, moment: datetime) -> int:
    """Forget what is older than a moment; returns how much that was."""
    old = feedback.delete().where(_c.organization_id == organization_id, _c.occurred_at < moment)
    return connection.execute(old).rowcount


def find_oldest(connection: sa.Connection, organization_id: str) -> datetime | None:
    """Return when the first feedback that is kept came about."""
    query = sa.select(_c.occurred_at).where(_c.organization_id == organization_id).order_by(_c.position).limit(1)
    return connection.execute(query).scalar_one_or_none()


def list_page(connection: sa.Connection, organization_id: str, *, after: int, limit: int) -> list[Feedback]:
    """Return feedback behind a position, oldest first, whoever has taken it."""
    keys = {"organization": organization_id, "after": after, "limit": limit}
    return [_to_feedback(row) for row in connection.execute(_page, keys)]


def list_free(connection: sa.Connection, organization_id: str, now: datetime, *, limit: int) -> list[Feedback]:
    """Return feedback that no consumer holds or is done with, oldest first."""
    keys = {"organization": organization_id, "now": now, "limit": limit}
    return [_to_feedback(row) for row in connection.execute(_free, keys)]


def lock(connection: sa.Connection, organization_id: str, positions: Sequence[int], name: str, until: datetime) -> None:
    """Give feedback to a consumer for a time."""
    chosen = feedback.update().where(_c.organization_id == organization_id, _c.position.in_(positions))
    connection.execute(chosen.values(lock=name, locked_until=until))


def complete(connection: sa.Connection, organization_id: str, name: str, now: datetime) -> int:
    """Mark what a lock that still holds covers as done with; returns how much that was."""
    done = feedback.update().where(_is_held(organization_id, name, now))
    return connection.execute(done.values(completed_at=now, lock=None, locked_until=None)).rowcount


def release(connection: sa.Connection, organization_id: str, name: str, now: datetime) -> int:
    """Give up a lock that still holds; returns how much it covered."""
    freed = feedback.update().where(_is_held(organization_id, name, now))
    return connection.execute(freed.values(lock=None, locked_until=None)).rowcount


def _is_held(organization_id: str, name: str, now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(_c.organization_id == organization_id, _unread, _c.lock == name, _c.locked_until > now)


def _to_feedback(row: sa.Row[Any]) -> Feedback:
    return Feedback(
        organization_id=OrganizationId(row.organization_id),
        position=row.position,
        generation_id=GenerationId(row.generation_id),
        device_id=DeviceId(row.device_id),
        command_id=row.command_id,
        message_id=row.message_id,
        outcome=Outcome(row.outcome),
        description=row.description,
        occurred_at=row.occurred_at,
    )
