"""Identities at other providers that belong to people here: their table and SQL."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from vedette.kernel import OrganizationId
from vedette.operators.model import ExternalIdentityId, PersonId
from vedette.store import UtcDateTime, metadata

_ID: Final = 64
_DIGEST: Final = 32

external_identities: Final = sa.Table(
    "operators_external_identities",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("external_id", sa.String(_ID), primary_key=True),
    sa.Column("identity_sha256", sa.LargeBinary(_DIGEST), nullable=False),
    sa.Column("person_id", sa.String(_ID), nullable=False),
    sa.Column("issuer", sa.String(512), nullable=False),
    sa.Column("subject", sa.String(255), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("last_login_at", UtcDateTime, nullable=True),
    sa.Index("uq_operators_external_identities_identity", "organization_id", "identity_sha256", unique=True),
    sa.Index("ix_operators_external_identities_person", "organization_id", "person_id"),
)

_e: Final = external_identities.c


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalIdentity:
    """What a person is called at a provider.

    Attributes:
        issuer: The provider, by its own name.
        subject: Its immutable id of the person (``sub``).
    """

    organization_id: OrganizationId
    external_id: ExternalIdentityId
    person_id: PersonId
    issuer: str
    subject: str
    created_at: datetime
    last_login_at: datetime | None = None


def insert(connection: sa.Connection, identity: ExternalIdentity) -> None:
    """Bind an identity to a person."""
    connection.execute(
        external_identities.insert().values(
            organization_id=identity.organization_id,
            external_id=identity.external_id,
            identity_sha256=_digest(identity.issuer, identity.subject),
            person_id=identity.person_id,
            issuer=identity.issuer,
            subject=identity.subject,
            created_at=identity.created_at,
            last_login_at=identity.last_login_at,
        )
    )


def find_by_subject(
    connection: sa.Connection, organization_id: str, issuer: str, subject: str
) -> ExternalIdentity | None:
    """Return whose identity it is."""
    query = sa.select(external_identities).where(
        _e.organization_id == organization_id, _e.identity_sha256 == _digest(issuer, subject)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else _to_identity(row)


def find(connection: sa.Connection, organization_id: str, external_id: str) -> ExternalIdentity | None:
    """Return an identity by our id."""
    row = connection.execute(sa.select(external_identities).where(*_is_it(organization_id, external_id))).one_or_none()
    return None if row is None else _to_identity(row)


def list_of(connection: sa.Connection, organization_id: str, person_id: str) -> Sequence[ExternalIdentity]:
    """Return a person's identities at providers."""
    query = sa.select(external_identities).where(_e.organization_id == organization_id, _e.person_id == person_id)
    return [_to_identity(row) for row in connection.execute(query.order_by(_e.external_id))]


def note_login(connection: sa.Connection, organization_id: str, external_id: str, at: datetime) -> None:
    """Note when somebody logged in by it last."""
    connection.execute(
        external_identities.update().where(*_is_it(organization_id, external_id)).values(last_login_at=at)
    )


def delete(connection: sa.Connection, organization_id: str, external_id: str) -> None:
    """Take an identity away."""
    connection.execute(external_identities.delete().where(*_is_it(organization_id, external_id)))


def delete_of(connection: sa.Connection, organization_id: str, person_id: str) -> None:
    """Take all identities of a person away."""
    connection.execute(
        external_identities.delete().where(_e.organization_id == organization_id, _e.person_id == person_id)
    )


def _is_it(organization_id: str, external_id: str) -> list[sa.ColumnElement[bool]]:
    return [_e.organization_id == organization_id, _e.external_id == external_id]


def _digest(issuer: str, subject: str) -> bytes:
    """Compare whole and exactly: neither column's collation has a say in who somebody is."""
    parts = (issuer.encode("utf-8", "surrogatepass"), subject.encode("utf-8", "surrogatepass"))
    return hashlib.sha256(b"".join(len(each).to_bytes(4, "big") + each for each in parts)).digest()


def _to_identity(row: sa.Row[Any]) -> ExternalIdentity:
    return ExternalIdentity(
        organization_id=OrganizationId(row.organization_id),
        external_id=ExternalIdentityId(row.external_id),
        person_id=PersonId(row.person_id),
        issuer=row.issuer,
        subject=row.subject,
        created_at=row.created_at,
        last_login_at=row.last_login_at,
    )
