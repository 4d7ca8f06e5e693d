"""Command lines that wait for their person: the table and SQL."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from vedette.kernel import OrganizationId
from vedette.operators.device_flow import AuthorizationState, DeviceAuthorization
from vedette.operators.model import Client, PersonId
from vedette.operators.session_repository import cells_of, facts_of
from vedette.store import UtcDateTime, metadata

_ID: Final = 64
_DIGEST: Final = 32

device_authorizations: Final = sa.Table(
    "operators_device_authorizations",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("code_sha256", sa.LargeBinary(_DIGEST), primary_key=True),
    sa.Column("user_code", sa.String(16), nullable=False),
    sa.Column("user_agent", sa.String(256), nullable=False),
    sa.Column("address", sa.String(64), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("interval_s", sa.Integer, nullable=False),
    sa.Column("last_asked_at", UtcDateTime, nullable=True),
    sa.Column("person_id", sa.String(_ID), nullable=True),
    sa.Column("stepped_up_at", UtcDateTime, nullable=True),
    sa.Column("is_multi_factor", sa.Boolean, nullable=False),
    sa.Column("acr", sa.String(256), nullable=False),
    sa.Column("amr", sa.String(256), nullable=False),
    sa.Column("roles", sa.String(1024), nullable=False),
    sa.Column("external_id", sa.String(_ID), nullable=True),
    sa.Column("provider_session", sa.String(256), nullable=False),
    sa.Column("id_token", sa.LargeBinary, nullable=True),
    sa.Index("uq_operators_device_authorizations_user_code", "organization_id", "user_code", unique=True),
)

_d: Final = device_authorizations.c


def insert(connection: sa.Connection, authorization: DeviceAuthorization) -> None:
    """Keep a command line that begins to wait."""
    connection.execute(
        device_authorizations.insert().values(
            organization_id=authorization.organization_id,
            code_sha256=authorization.code_sha256,
            user_code=authorization.user_code,
            user_agent=authorization.client.user_agent,
            address=authorization.client.address,
            created_at=authorization.created_at,
            expires_at=authorization.expires_at,
            state=authorization.state.value,
            interval_s=authorization.interval_s,
            last_asked_at=authorization.last_asked_at,
            person_id=authorization.person_id,
            **cells_of(authorization.facts),
        )
    )


def delete_expired(connection: sa.Connection, organization_id: str, now: datetime) -> None:
    """Forget those that nobody approved in time."""
    connection.execute(
        device_authorizations.delete().where(_d.organization_id == organization_id, _d.expires_at <= now)
    )


def count(connection: sa.Connection, organization_id: str, *, address: str | None = None) -> int:
    """Return how many wait, from one address or in all."""
    query = sa.select(sa.func.count()).select_from(device_authorizations).where(_d.organization_id == organization_id)
    if address is not None:
        query = query.where(_d.address == address)
    return connection.execute(query).scalar_one()


def find_by_device_code(connection: sa.Connection, organization_id: str, digest: bytes) -> DeviceAuthorization | None:
    """Return a command line by the secret that it asks with."""
    query = sa.select(device_authorizations).where(_d.organization_id == organization_id, _d.code_sha256 == digest)
    row = connection.execute(query).one_or_none()
    return None if row is None else _to_authorization(row)


def find_by_user_code(connection: sa.Connection, organization_id: str, user_code: str) -> DeviceAuthorization | None:
    """Return a command line by what its person typed."""
    query = sa.select(device_authorizations).where(_d.organization_id == organization_id, _d.user_code == user_code)
    row = connection.execute(query).one_or_none()
    return None if row is None else _to_authorization(row)


def note_question(connection: sa.Connection, authorization: DeviceAuthorization, at: datetime, interval_s: int) -> None:
    """Note that a command line asked, and how long it has to wait until it asks again."""
    connection.execute(_update(authorization).values(last_asked_at=at, interval_s=interval_s))


def decide(connection: sa.Connection, authorization: DeviceAuthorization) -> None:
    """Keep what its person decided."""
    connection.execute(
        _update(authorization).values(
            state=authorization.state.value,
            person_id=authorization.person_id,
            **cells_of(authorization.facts),
        )
    )


def delete(connection: sa.Connection, authorization: DeviceAuthorization) -> bool:
    """Use one up; answer whether it was there."""
    return connection.execute(device_authorizations.delete().where(*_is_it(authorization))).rowcount == 1


def _update(authorization: DeviceAuthorization) -> sa.Update:
    return device_authorizations.update().where(*_is_it(authorization))


def _is_it(authorization: DeviceAuthorization) -> list[sa.ColumnElement[bool]]:
    return [_d.organization_id == authorization.organization_id, _d.code_sha256 == authorization.code_sha256]


def _to_authorization(row: sa.Row[Any]) -> DeviceAuthorization:
    return DeviceAuthorization(
        organization_id=OrganizationId(row.organization_id),
        code_sha256=row.code_sha256,
        user_code=row.user_code,
        client=Client(row.user_agent, row.address),
        created_at=row.created_at,
        expires_at=row.expires_at,
        state=AuthorizationState(row.state),
        interval_s=row.interval_s,
        last_asked_at=row.last_asked_at,
        person_id=None if row.person_id is None else PersonId(row.person_id),
        facts=facts_of(row),
    )
