"""Access reviews: what was listed, and who signed it off; their tables and SQL."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, NewType

import sqlalchemy as sa

from vedette.kernel import OrganizationId
from vedette.ledger import Actor
from vedette.operators.model import Scopes
from vedette.store import Json, UtcDateTime, metadata

ReviewId = NewType("ReviewId", str)
EntryId = NewType("EntryId", str)
SubjectKind = Literal["person", "service-token", "service-policy"]
Outcome = Literal["", "kept", "withdrawn"]

_ID: Final = 64

reviews: Final = sa.Table(
    "operators_reviews",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("review_id", sa.String(_ID), primary_key=True),
    sa.Column("name", sa.String(128), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("created_by_id", sa.String(128), nullable=False),
    sa.Column("created_by_name", sa.String(128), nullable=False),
    sa.Column("due_at", UtcDateTime, nullable=False),
    sa.Column("closed_at", UtcDateTime, nullable=True),
)
entries: Final = sa.Table(
    "operators_review_entries",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("review_id", sa.String(_ID), primary_key=True),
    sa.Column("entry_id", sa.String(_ID), primary_key=True),
    sa.Column("subject_kind", sa.String(16), nullable=False),
    sa.Column("subject_id", sa.String(128), nullable=False),
    sa.Column("subject_name", sa.String(128), nullable=False),
    sa.Column("role", sa.String(256), nullable=False),
    sa.Column("sites", Json, nullable=False),
    sa.Column("groups", Json, nullable=False),
    sa.Column("mode", sa.String(16), nullable=False),
    sa.Column("grant_id", sa.String(_ID), nullable=False),
    sa.Column("granted_at", UtcDateTime, nullable=False),
    sa.Column("last_used_at", UtcDateTime, nullable=True),
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("signed_at", UtcDateTime, nullable=True),
    sa.Column("signed_by_id", sa.String(128), nullable=False),
    sa.Column("signed_by_name", sa.String(128), nullable=False),
    sa.Column("note", sa.Text, nullable=False),
)

_r: Final = reviews.c
_e: Final = entries.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A campaign: everything that anybody may do, as it was then, to be signed off one by one.

    Attributes:
        open_entries: Those that nobody has signed off.
    """

    organization_id: OrganizationId
    review_id: ReviewId
    name: str
    created_at: datetime
    created_by: Actor
    due_at: datetime
    closed_at: datetime | None = None
    total_entries: int = 0
    open_entries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewEntry:
    """One line of a review: who holds what, where, since when.

    Attributes:
        role: Of a program all it has, separated by spaces.
        last_used_at: When the person last logged in, or the program last came.
    """

    review_id: ReviewId
    entry_id: EntryId
    subject_kind: SubjectKind
    subject_id: str
    subject_name: str
    role: str
    scopes: Scopes
    mode: str
    grant_id: str
    granted_at: datetime
    last_used_at: datetime | None
    outcome: Outcome = ""
    signed_at: datetime | None = None
    signed_by: Actor | None = None
    note: str = ""


def insert(connection: sa.Connection, review: Review, listed: Iterable[ReviewEntry]) -> None:
    """Keep a review with all its lines."""
    connection.execute(
        reviews.insert().values(
            organization_id=review.organization_id,
            review_id=review.review_id,
            name=review.name,
            created_at=review.created_at,
            created_by_id=review.created_by.id,
            created_by_name=review.created_by.name,
            due_at=review.due_at,
            closed_at=None,
        )
    )
    rows = [
        {
            "organization_id": review.organization_id,
            "review_id": review.review_id,
            "entry_id": each.entry_id,
            "subject_kind": each.subject_kind,
            "subject_id": each.subject_id,
            "subject_name": each.subject_name,
            "role": each.role,
            "sites": sorted(each.scopes.sites),
            "groups": sorted(each.scopes.groups),
            "mode": each.mode,
            "grant_id": each.grant_id,
            "granted_at": each.granted_at,
            "last_used_at": each.last_used_at,
            "outcome": "",
            "signed_at": None,
            "signed_by_id": "",
            "signed_by_name": "",
            "note": "",
        }
        for each in listed
    ]
    if rows:
        connection.execute(entries.insert(), rows)


def find(connection: sa.Connection, organization_id: str, review_id: str) -> Review | None:
    """Return a review by id."""
    row = connection.execute(_whole(organization_id).where(_r.review_id == review_id)).one_or_none()
    return None if row is None else _to_review(row)


def list_page(connection: sa.Connection, organization_id: str, *, after: str, limit: int) -> list[Review]:
    """Return reviews, the youngest first."""
    query = _whole(organization_id)
    if after:
        query = query.where(_r.review_id < after)
    return [_to_review(row) for row in connection.execute(query.order_by(_r.review_id.desc()).limit(limit))]


def count_open(connection: sa.Connection, organization_id: str) -> int:
    """Return how many reviews are not closed."""
    query = sa.select(sa.func.count()).select_from(reviews)
    return connection.execute(query.where(_r.organization_id == organization_id, _r.closed_at.is_(None))).scalar_one()


def list_entries(
    connection: sa.Connection, organization_id: str, review_id: str, *, is_open: bool | None, after: str, limit: int
) -> list[ReviewEntry]:
    """Return the lines of a review, in the order in which they were listed."""
    query = sa.select(entries).where(
        _e.organization_id == organization_id, _e.review_id == review_id, _e.entry_id > after
    )
    if is_open is not None:
        query = query.where(_e.outcome == "" if is_open else _e.outcome != "")
    return [_to_entry(row) for row in connection.execute(query.order_by(_e.entry_id).limit(limit))]


def find_entry(connection: sa.Connection, organization_id: str, review_id: str, entry_id: str) -> ReviewEntry | None:
    """Return a line of a review."""
    row = connection.execute(sa.select(entries).where(*_is_entry(organization_id, review_id, entry_id))).one_or_none()
    return None if row is None else _to_entry(row)


def sign(
    connection: sa.Connection,
    organization_id: str,
    entry: ReviewEntry,
    outcome: Outcome,
    *,
    at: datetime,
    by: Actor,
    note: str,
) -> bool:
    """Sign a line off; answer whether nobody was faster."""
    change = entries.update().where(*_is_entry(organization_id, entry.review_id, entry.entry_id), _e.outcome == "")
    values = {"outcome": outcome, "signed_at": at, "signed_by_id": by.id, "signed_by_name": by.name, "note": note}
    return connection.execute(change.values(**values)).rowcount == 1


def close(connection: sa.Connection, organization_id: str, review_id: str, at: datetime) -> None:
    """Close a review."""
    connection.execute(
        reviews.update()
        .where(_r.organization_id == organization_id, _r.review_id == review_id, _r.closed_at.is_(None))
        .values(closed_at=at)
    )


def _whole(organization_id: str) -> sa.Select[Any]:
    of_review = sa.and_(_e.organization_id == _r.organization_id, _e.review_id == _r.review_id)
    total = sa.select(sa.func.count()).select_from(entries).where(of_review).correlate(reviews).scalar_subquery()
    still_open = (
        sa.select(sa.func.count())
        .select_from(entries)
        .where(of_review, _e.outcome == "")
        .correlate(reviews)
        .scalar_subquery()
    )
    query = sa.select(reviews, total.label("total_entries"), still_open.label("open_entries"))
    return query.where(_r.organization_id == organization_id)


def _is_entry(organization_id: str, review_id: str, entry_id: str) -> list[sa.ColumnElement[bool]]:
    return [_e.organization_id == organization_id, _e.review_id == review_id, _e.entry_id == entry_id]


def _to_review(row: sa.Row[Any]) -> Review:
    return Review(
        organization_id=OrganizationId(row.organization_id),
        review_id=ReviewId(row.review_id),
        name=row.name,
        created_at=row.created_at,
        created_by=Actor("operator", row.created_by_id, row.created_by_name),
        due_at=row.due_at,
        closed_at=row.closed_at,
        total_entries=row.total_entries,
        open_entries=row.open_entries,
    )


def _to_entry(row: sa.Row[Any]) -> ReviewEntry:
    return ReviewEntry(
        review_id=ReviewId(row.review_id),
        entry_id=EntryId(row.entry_id),
        subject_kind=row.subject_kind,
        subject_id=row.subject_id,
        subject_name=row.subject_name,
        role=row.role,
        scopes=Scopes(frozenset(row.sites), frozenset(row.groups)),
        mode=row.mode,
        grant_id=row.grant_id,
        granted_at=row.granted_at,
        last_used_at=row.last_used_at,
        outcome=row.outcome,
        signed_at=row.signed_at,
        signed_by=None if row.signed_at is None else Actor("operator", row.signed_by_id, row.signed_by_name),
        note=row.note,
    )
