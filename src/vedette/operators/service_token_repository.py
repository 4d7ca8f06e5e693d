"""Service tokens: their table and SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from vedette.kernel import OrganizationId
from vedette.operators.model import PersonId, Scopes, ServiceTokenId
from vedette.operators.repository import people
from vedette.operators.service_token import ServiceToken
from vedette.store import Json, UtcDateTime, metadata

_ID: Final = 64
_DIGEST: Final = 32

service_tokens: Final = sa.Table(
    "operators_service_tokens",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("token_id", sa.String(_ID), primary_key=True),
    sa.Column("token_sha256", sa.LargeBinary(_DIGEST), nullable=False),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("owner_id", sa.String(_ID), nullable=True),
    sa.Column("roles", Json, nullable=False),
    sa.Column("sites", Json, nullable=False),
    sa.Column("groups", Json, nullable=False),
    sa.Column("networks", Json, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Column("last_used_at", UtcDateTime, nullable=True),
    sa.Column("last_used_address", sa.String(64), nullable=False),
    sa.Index("uq_operators_service_tokens_digest", "organization_id", "token_sha256", unique=True),
    sa.Index("ix_operators_service_tokens_owner", "organization_id", "owner_id"),
)

_t: Final = service_tokens.c
_joined: Final = sa.select(service_tokens, people.c.name.label("owner_name"), people.c.is_disabled).select_from(
    service_tokens.outerjoin(
        people, sa.and_(people.c.organization_id == _t.organization_id, people.c.person_id == _t.owner_id)
    )
)

_is_answered_for: Final = sa.or_(_t.owner_id.is_(None), people.c.is_disabled.is_(False))


def insert(connection: sa.Connection, token: ServiceToken, digest: bytes) -> None:
    """Keep a new token, by the digest of its secret."""
    connection.execute(
        service_tokens.insert().values(
            organization_id=token.organization_id,
            token_id=token.token_id,
            token_sha256=digest,
            name=token.name,
            owner_id=token.owner_id,
            roles=list(token.roles),
            sites=sorted(token.scopes.sites),
            groups=sorted(token.scopes.groups),
            networks=list(token.networks),
            created_at=token.created_at,
            expires_at=token.expires_at,
            last_used_at=token.last_used_at,
            last_used_address=token.last_used_address,
        )
    )


def is_usable(connection: sa.Connection, organization_id: str, token_id: str, now: datetime) -> bool:
    """Answer whether a token is there, has not ended, and the person who answers for it is not disabled or gone."""
    query = _joined.where(_t.organization_id == organization_id, _t.token_id == token_id, _is_answered_for)
    return connection.execute(query.where(_t.expires_at > now)).one_or_none() is not None


def find_usable(connection: sa.Connection, organization_id: str, digest: bytes) -> ServiceToken | None:
    """Return the token of a secret, unless the person who answers for it is disabled or gone."""
    query = _joined.where(_t.organization_id == organization_id, _t.token_sha256 == digest, _is_answered_for)
    row = connection.execute(query).one_or_none()
    return None if row is None else _to_token(row)


def find(connection: sa.Connection, organization_id: str, token_id: str) -> ServiceToken | None:
    """Return a token by id."""
    query = _joined.where(_t.organization_id == organization_id, _t.token_id == token_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else _to_token(row)


def list_tokens(
    connection: sa.Connection, organization_id: str, *, owner_id: str | None, after: str = "", limit: int
) -> Sequence[ServiceToken]:
    """Return tokens in the order they were made, of one owner or of all."""
    query = _joined.where(_t.organization_id == organization_id, _t.token_id > after)
    if owner_id is not None:
        query = query.where(_t.owner_id == owner_id)
    return [_to_token(row) for row in connection.execute(query.order_by(_t.token_id).limit(limit))]


def count(connection: sa.Connection, organization_id: str) -> int:
    """Return how many there are."""
    query = sa.select(sa.func.count()).select_from(service_tokens).where(_t.organization_id == organization_id)
    return connection.execute(query).scalar_one()


def is_name_taken(connection: sa.Connection, organization_id: str, name: str) -> bool:
    """Answer whether a token has this name."""
    query = sa.select(_t.token_id).where(_t.organization_id == organization_id, _t.name == name)
    return connection.execute(query.limit(1)).scalar() is not None


def note_use(connection: sa.Connection, token: ServiceToken, at: datetime, address: str) -> None:
    """Note when and from where a token was used last."""
    connection.execute(
        service_tokens.update()
        .where(_t.organization_id == token.organization_id, _t.token_id == token.token_id)
        .values(last_used_at=at, last_used_address=address)
    )


def delete(connection: sa.Connection, organization_id: str, token_id: str) -> bool:
    """Take a token away; answer whether it was there."""
    is_it = (_t.organization_id == organization_id, _t.token_id == token_id)
    return connection.execute(service_tokens.delete().where(*is_it)).rowcount == 1


def delete_of(connection: sa.Connection, organization_id: str, owner_id: str) -> None:
    """Take the tokens away that a person answers for."""
    connection.execute(service_tokens.delete().where(_t.organization_id == organization_id, _t.owner_id == owner_id))


def delete_expired(connection: sa.Connection, organization_id: str, before: datetime) -> None:
    """Forget tokens that ended before a time."""
    connection.execute(service_tokens.delete().where(_t.organization_id == organization_id, _t.expires_at <= before))


def _to_token(row: sa.Row[Any]) -> ServiceToken:
    return ServiceToken(
        organization_id=OrganizationId(row.organization_id),
        token_id=ServiceTokenId(row.token_id),
        name=row.name,
        owner_id=None if row.owner_id is None else PersonId(row.owner_id),
        owner_name=row.owner_name or "",
        roles=tuple(row.roles),
        scopes=Scopes(frozenset(row.sites), frozenset(row.groups)),
        networks=tuple(row.networks),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        last_used_address=row.last_used_address,
    )
