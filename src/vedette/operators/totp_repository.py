"""Time-based codes of people: their table and SQL."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from vedette.kernel import OrganizationId
from vedette.operators.model import PersonId
from vedette.store import UtcDateTime, metadata

_ID: Final = 64
_DIGEST: Final = 32

totp: Final = sa.Table(
    "operators_totp",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("person_id", sa.String(_ID), primary_key=True),
    sa.Column("key_sha256", sa.LargeBinary(_DIGEST), nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("is_confirmed", sa.Boolean, nullable=False),
    sa.Column("last_step", sa.BigInteger, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("failed_at", UtcDateTime, nullable=True),
    sa.Index("uq_operators_totp_key", "organization_id", "key_sha256", unique=True),
)

_t: Final = totp.c


@dataclass(frozen=True, slots=True, kw_only=True)
class TotpFactor:
    """A person's authenticator app.

    Attributes:
        key_sha256: Of the sign-in key that goes with the codes.
        sealed: The app's secret.
        is_confirmed: The person has shown a first code: only then does it open anything.
        last_step: Of the last code that was taken: neither it nor an earlier one is taken again.
        failures: Wrong codes since the last right one.
        failed_at: When the last of them came.
    """

    organization_id: OrganizationId
    person_id: PersonId
    key_sha256: bytes = field(repr=False)
    sealed: bytes = field(repr=False)
    created_at: datetime
    is_confirmed: bool = False
    last_step: int = 0
    failures: int = 0
    failed_at: datetime | None = None


def put(connection: sa.Connection, factor: TotpFactor) -> None:
    """Keep a person's factor in the place of the one they had."""
    delete(connection, factor.organization_id, factor.person_id)
    connection.execute(
        totp.insert().values(
            organization_id=factor.organization_id,
            person_id=factor.person_id,
            key_sha256=factor.key_sha256,
            sealed=factor.sealed,
            created_at=factor.created_at,
            is_confirmed=factor.is_confirmed,
            last_step=factor.last_step,
            failures=factor.failures,
            failed_at=factor.failed_at,
        )
    )


def find(connection: sa.Connection, organization_id: str, person_id: str) -> TotpFactor | None:
    """Return a person's factor."""
    query = sa.select(totp).where(_t.organization_id == organization_id, _t.person_id == person_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else _to_factor(row)


def find_by_key(connection: sa.Connection, organization_id: str, digest: bytes) -> TotpFactor | None:
    """Return the factor that a sign-in key goes with."""
    query = sa.select(totp).where(_t.organization_id == organization_id, _t.key_sha256 == digest)
    row = connection.execute(query).one_or_none()
    return None if row is None else _to_factor(row)


def note_success(connection: sa.Connection, factor: TotpFactor, step: int) -> bool:
    """Use up a code; answer whether it was the first time."""
    change = totp.update().where(
        _t.organization_id == factor.organization_id, _t.person_id == factor.person_id, _t.last_step < step
    )
    return (
        connection.execute(change.values(last_step=step, failures=0, failed_at=None, is_confirmed=True)).rowcount == 1
    )


def note_failure(connection: sa.Connection, factor: TotpFactor, at: datetime, failures: int) -> None:
    """Count a wrong code."""
    connection.execute(
        totp.update()
        .where(_t.organization_id == factor.organization_id, _t.person_id == factor.person_id)
        .values(failures=failures, failed_at=at)
    )


def delete(connection: sa.Connection, organization_id: str, person_id: str) -> bool:
    """Take a person's factor away; answer whether there was one."""
    is_it = (_t.organization_id == organization_id, _t.person_id == person_id)
    return connection.execute(totp.delete().where(*is_it)).rowcount == 1


def _to_factor(row: sa.Row[Any]) -> TotpFactor:
    return TotpFactor(
        organization_id=OrganizationId(row.organization_id),
        person_id=PersonId(row.person_id),
        key_sha256=row.key_sha256,
        sealed=row.sealed,
        created_at=row.created_at,
        is_confirmed=row.is_confirmed,
        last_step=row.last_step,
        failures=row.failures,
        failed_at=row.failed_at,
    )
