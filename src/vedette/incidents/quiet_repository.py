"""The tables of exceptions and tickets, and their SQL."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from vedette.incidents.model import Severity
from vedette.incidents.pattern import Pattern
from vedette.incidents.standing import AlertException, Effect, Quiet, Ticket
from vedette.kernel import OrganizationId
from vedette.store import Json, UtcDateTime, metadata

_ID: Final = 64
_TEXT: Final = 256
_ACTOR: Final = 320


def _life() -> list[sa.Column[Any]]:  # Any: one type per column
    return [
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("created_by", sa.String(_ACTOR), nullable=False),
        sa.Column("matched", sa.BigInteger, nullable=False),
        sa.Column("last_matched_at", UtcDateTime),
        sa.Column("ended_at", UtcDateTime),
        sa.Column("ended_by", sa.String(_ACTOR), nullable=False),
    ]


exceptions: Final = sa.Table(
    "incidents_exceptions",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("exception_id", sa.String(_ID), primary_key=True),
    sa.Column("effect", sa.String(16), nullable=False),
    sa.Column("pattern", Json, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("owner", sa.String(_TEXT), nullable=False),
    sa.Column("ends_at", UtcDateTime),
    sa.Column("hides_up_to", sa.String(16), nullable=False),
    sa.Column("is_at_sensors", sa.Boolean, nullable=False),
    *_life(),
)
tickets: Final = sa.Table(
    "incidents_tickets",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("ticket_id", sa.String(_ID), primary_key=True),
    sa.Column("reference", sa.String(_TEXT), nullable=False),
    sa.Column("summary", sa.String(_TEXT), nullable=False),
    sa.Column("people", Json, nullable=False),
    sa.Column("pattern", Json, nullable=False),
    sa.Column("begins_at", UtcDateTime, nullable=False),
    sa.Column("ends_at", UtcDateTime, nullable=False),
    *_life(),
)
_e: Final = exceptions.c
_t: Final = tickets.c
sa.Index("ix_incidents_exceptions_ends", _e.organization_id, _e.ended_at, _e.ends_at)
sa.Index("ix_incidents_tickets_ends", _t.organization_id, _t.ends_at)


def read_quiet(connection: sa.Connection, organization_id: str, now: datetime, *, seen_from: datetime) -> Quiet:
    """Return what makes alerts quiet that were seen from some moment on."""
    standing = sa.select(exceptions).where(
        _e.organization_id == organization_id,
        _e.ended_at.is_(None),
        sa.or_(_e.ends_at.is_(None), _e.ends_at > now),
    )
    running = sa.select(tickets).where(
        _t.organization_id == organization_id, _t.ends_at >= seen_from, _t.begins_at <= now
    )
    return Quiet(
        [_to_exception(row) for row in connection.execute(standing.order_by(_e.exception_id)).mappings()],
        [_to_ticket(row) for row in connection.execute(running.order_by(_t.ticket_id)).mappings()],
    )


def count_in_force(connection: sa.Connection, organization_id: str, now: datetime) -> tuple[int, int]:
    """Return how many exceptions and how many tickets are not over."""
    standing = sa.and_(_e.ended_at.is_(None), sa.or_(_e.ends_at.is_(None), _e.ends_at > now))
    coming = sa.and_(_t.ended_at.is_(None), _t.ends_at > now)
    mine = (_e.organization_id == organization_id, _t.organization_id == organization_id)
    one = sa.select(sa.func.count()).select_from(exceptions).where(mine[0], standing)
    other = sa.select(sa.func.count()).select_from(tickets).where(mine[1], coming)
    return connection.execute(one).scalar_one(), connection.execute(other).scalar_one()


def insert_exception(connection: sa.Connection, made: AlertException) -> None:
    """Add an exception."""
    row = _row(made, exceptions) | {"effect": made.effect.value, "hides_up_to": made.hides_up_to.value}
    connection.execute(exceptions.insert().values(row))


def insert_ticket(connection: sa.Connection, made: Ticket) -> None:
    """Add a ticket."""
    connection.execute(tickets.insert().values(_row(made, tickets) | {"people": list(made.people)}))


def find_exception(connection: sa.Connection, organization_id: str, exception_id: str) -> AlertException | None:
    """Return an exception by id."""
    query = sa.select(exceptions).where(_e.organization_id == organization_id, _e.exception_id == exception_id)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _to_exception(row)


def find_ticket(connection: sa.Connection, organization_id: str, ticket_id: str) -> Ticket | None:
    """Return a ticket by id."""
    query = sa.select(tickets).where(_t.organization_id == organization_id, _t.ticket_id == ticket_id)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _to_ticket(row)


def list_exceptions(
    connection: sa.Connection, organization_id: str, *, now: datetime, is_in_force: bool | None, before: str, limit: int
) -> list[AlertException]:
    """Return exceptions, youngest first."""
    query = sa.select(exceptions).where(_e.organization_id == organization_id)
    if before:
        query = query.where(_e.exception_id < before)
    if is_in_force is not None:
        standing = sa.and_(_e.ended_at.is_(None), sa.or_(_e.ends_at.is_(None), _e.ends_at > now))
        query = query.where(standing if is_in_force else sa.not_(standing))
    rows = connection.execute(query.order_by(_e.exception_id.desc()).limit(limit)).mappings()
    return [_to_exception(row) for row in rows]


def list_tickets(
    connection: sa.Connection, organization_id: str, *, now: datetime, is_over: bool | None, before: str, limit: int
) -> list[Ticket]:
    """Return tickets, youngest first."""
    query = sa.select(tickets).where(_t.organization_id == organization_id)
    if before:
        query = query.where(_t.ticket_id < before)
    if is_over is not None:
        over = sa.or_(_t.ended_at.is_not(None), _t.ends_at <= now)
        query = query.where(over if is_over else sa.not_(over))
    return [_to_ticket(row) for row in connection.execute(query.order_by(_t.ticket_id.desc()).limit(limit)).mappings()]


def end_exception(connection: sa.Connection, organization_id: str, exception_id: str, at: datetime, who: str) -> None:
    """Note that an exception hides nothing any more."""
    mine = sa.and_(_e.organization_id == organization_id, _e.exception_id == exception_id)
    connection.execute(exceptions.update().where(mine).values(ended_at=at, ended_by=who))


def end_ticket(connection: sa.Connection, organization_id: str, ticket_id: str, at: datetime, who: str) -> None:
    """Note that a change is over."""
    mine = sa.and_(_t.organization_id == organization_id, _t.ticket_id == ticket_id)
    connection.execute(tickets.update().where(mine).values(ended_at=at, ended_by=who))


def note_exception(connection: sa.Connection, organization_id: str, exception_id: str, at: datetime, more: int) -> None:
    """Count alerts that an exception hid."""
    mine = sa.and_(_e.organization_id == organization_id, _e.exception_id == exception_id)
    connection.execute(exceptions.update().where(mine).values(matched=_e.matched + more, last_matched_at=at))


def note_ticket(connection: sa.Connection, organization_id: str, ticket_id: str, at: datetime, more: int) -> None:
    """Count alerts that a ticket authorized."""
    mine = sa.and_(_t.organization_id == organization_id, _t.ticket_id == ticket_id)
    connection.execute(tickets.update().where(mine).values(matched=_t.matched + more, last_matched_at=at))


def _row(made: AlertException | Ticket, table: sa.Table) -> dict[str, Any]:  # Any: one type per column
    row = {column.name: getattr(made, column.name) for column in table.c}
    return row | {"pattern": {name: list(values) for name, values in asdict(made.pattern).items()}}


def _to_exception(row: sa.RowMapping) -> AlertException:
    values: dict[str, Any] = dict(row)  # Any: one type per column
    values |= {
        "organization_id": OrganizationId(row["organization_id"]),
        "effect": Effect(row["effect"]),
        "hides_up_to": Severity(row["hides_up_to"]),
        "pattern": msgspec.convert(row["pattern"], Pattern),
    }
    return AlertException(**values)


def _to_ticket(row: sa.RowMapping) -> Ticket:
    values: dict[str, Any] = dict(row)  # Any: one type per column
    values |= {
        "organization_id": OrganizationId(row["organization_id"]),
        "people": tuple(row["people"]),
        "pattern": msgspec.convert(row["pattern"], Pattern),
    }
    return Ticket(**values)
