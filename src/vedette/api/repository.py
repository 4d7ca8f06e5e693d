"""The door's own table: answers kept for repeated requests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from vedette.store import Transaction, UtcDateTime, metadata

_ID: Final = 64
_DIGEST: Final = 32

answers: Final = sa.Table(
    "api_answers",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("actor", sa.String(128), primary_key=True),
    sa.Column("idempotency_key", sa.String(255), primary_key=True),
    sa.Column("request_sha256", sa.LargeBinary(_DIGEST), nullable=False),
    sa.Column("began_at", UtcDateTime, nullable=False),
    sa.Column("status", sa.Integer, nullable=True),
    sa.Column("headers", sa.LargeBinary, nullable=True),
    sa.Column("body", sa.LargeBinary, nullable=True),
    sa.Index("ix_api_answers_began_at", "organization_id", "began_at"),
)


@dataclass(frozen=True, slots=True)
class AnswerKey:
    """Whose request an answer belongs to, and the key they gave it."""

    organization_id: str
    actor: str
    key: str


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What was answered to a request with a key; ``status`` is None while it is worked on."""

    request_sha256: bytes
    began_at: datetime
    status: int | None
    headers: bytes | None
    body: bytes | None


def find_answer(connection: sa.Connection, key: AnswerKey) -> StoredAnswer | None:
    """Return what is kept under a key."""
    row = connection.execute(sa.select(answers).where(*_is(key))).one_or_none()
    return None if row is None else StoredAnswer(row.request_sha256, row.began_at, row.status, row.headers, row.body)


def begin_answer(tx: Transaction, key: AnswerKey, request_sha256: bytes, now: datetime) -> None:
    """Note that a request is being worked on."""
    delete_answer(tx, key)
    tx.connection.execute(
        answers.insert().values(
            organization_id=key.organization_id,
            actor=key.actor,
            idempotency_key=key.key,
            request_sha256=request_sha256,
            began_at=now,
        )
    )


def save_answer(tx: Transaction, key: AnswerKey, status: int, headers: bytes, body: bytes) -> None:
    """Keep what was answered."""
    tx.connection.execute(answers.update().where(*_is(key)).values(status=status, headers=headers, body=body))


def delete_answer(tx: Transaction, key: AnswerKey) -> None:
    """Forget a request."""
    tx.connection.execute(answers.delete().where(*_is(key)))


def delete_old_answers(tx: Transaction, organization_id: str, before: datetime) -> None:
    """Forget what was kept long enough."""
    c = answers.c
    tx.connection.execute(answers.delete().where(c.organization_id == organization_id, c.began_at < before))


def _is(key: AnswerKey) -> list[sa.ColumnElement[Any]]:  # Any: SQLAlchemy's own
    c = answers.c
    return [c.organization_id == key.organization_id, c.actor == key.actor, c.idempotency_key == key.key]
