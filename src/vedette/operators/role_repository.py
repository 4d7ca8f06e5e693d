"""Who was granted which role, what one-time links give, and who elevated themselves: their tables and SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from vedette.kernel import OrganizationId
from vedette.ledger import Actor
from vedette.operators.model import LinkId, PersonId, Scopes
from vedette.operators.repository import passkeys, people
from vedette.operators.role_model import Elevation, ElevationId, Grant, GrantId, GrantMode, LinkRole, Role
from vedette.store import Json, UtcDateTime, metadata

_ID: Final = 64

grants: Final = sa.Table(
    "operators_grants",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("grant_id", sa.String(_ID), primary_key=True),
    sa.Column("person_id", sa.String(_ID), nullable=False),
    sa.Column("role", sa.String(32), nullable=False),
    sa.Column("sites", Json, nullable=False),
    sa.Column("groups", Json, nullable=False),
    sa.Column("mode", sa.String(16), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("granted_at", UtcDateTime, nullable=False),
    sa.Column("granted_by_kind", sa.String(16), nullable=False),
    sa.Column("granted_by_id", sa.String(128), nullable=False),
    sa.Column("granted_by_name", sa.String(128), nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=True),
    sa.Index("ix_operators_grants_person", "organization_id", "person_id"),
)
link_roles: Final = sa.Table(
    "operators_link_roles",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("link_id", sa.String(_ID), primary_key=True),
    sa.Column("role", sa.String(32), nullable=False),
    sa.Column("sites", Json, nullable=False),
    sa.Column("groups", Json, nullable=False),
    sa.Column("made_at", UtcDateTime, nullable=False),
)
elevations: Final = sa.Table(
    "operators_elevations",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("elevation_id", sa.String(_ID), primary_key=True),
    sa.Column("person_id", sa.String(_ID), nullable=False),
    sa.Column("grant_id", sa.String(_ID), nullable=False),
    sa.Column("role", sa.String(32), nullable=False),
    sa.Column("sites", Json, nullable=False),
    sa.Column("groups", Json, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("begun_at", UtcDateTime, nullable=False),
    sa.Column("ends_at", UtcDateTime, nullable=False),
    sa.Column("ended_at", UtcDateTime, nullable=True),
    sa.Column("ended_by", sa.String(128), nullable=False),
    sa.Index("ix_operators_elevations_person", "organization_id", "person_id", "ends_at"),
)

_g: Final = grants.c
_e: Final = elevations.c
_k: Final = link_roles.c


def insert_grant(connection: sa.Connection, grant: Grant) -> None:
    """Add a grant."""
    connection.execute(
        grants.insert().values(
            organization_id=grant.organization_id,
            grant_id=grant.grant_id,
            person_id=grant.person_id,
            role=grant.role.value,
            sites=sorted(grant.scopes.sites),
            groups=sorted(grant.scopes.groups),
            mode=grant.mode.value,
            reason=grant.reason,
            granted_at=grant.granted_at,
            granted_by_kind=grant.granted_by.kind,
            granted_by_id=grant.granted_by.id,
            granted_by_name=grant.granted_by.name,
            expires_at=grant.expires_at,
        )
    )


def find_grant(connection: sa.Connection, organization_id: str, grant_id: str) -> Grant | None:
    """Return a grant by id."""
    query = sa.select(grants).where(_g.organization_id == organization_id, _g.grant_id == grant_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else _to_grant(row)


def list_grants(
    connection: sa.Connection, organization_id: str, *, person_id: str | None, after: str = "", limit: int
) -> list[Grant]:
    """Return grants in the order they were given, of one person or of all."""
    query = sa.select(grants).where(_g.organization_id == organization_id, _g.grant_id > after)
    if person_id is not None:
        query = query.where(_g.person_id == person_id)
    return [_to_grant(row) for row in connection.execute(query.order_by(_g.grant_id).limit(limit))]


def has_grants(connection: sa.Connection, organization_id: str) -> bool:
    """Answer whether anybody was ever granted anything that still stands."""
    query = sa.select(_g.grant_id).where(_g.organization_id == organization_id).limit(1)
    return connection.execute(query).scalar() is not None


def delete_grant(connection: sa.Connection, organization_id: str, grant_id: str) -> None:
    """Take a grant away."""
    connection.execute(grants.delete().where(_g.organization_id == organization_id, _g.grant_id == grant_id))


def delete_grants_of(connection: sa.Connection, organization_id: str, person_id: str) -> None:
    """Take all away that a person was granted, elevations too."""
    connection.execute(grants.delete().where(_g.organization_id == organization_id, _g.person_id == person_id))
    connection.execute(elevations.delete().where(_e.organization_id == organization_id, _e.person_id == person_id))


def admins_who_can_log_in(connection: sa.Connection, organization_id: str) -> list[Grant]:
    """Return the grants of the administrator's role to people who are not disabled."""
    query = (
        sa.select(grants)
        .select_from(
            grants.join(
                people, sa.and_(people.c.organization_id == _g.organization_id, people.c.person_id == _g.person_id)
            )
        )
        .where(
            _g.organization_id == organization_id,
            _g.role == Role.ADMIN.value,
            _g.mode == GrantMode.ACTIVE.value,
            people.c.is_disabled.is_(False),
        )
    )
    return [_to_grant(row) for row in connection.execute(query)]


def insert_link_role(connection: sa.Connection, given: LinkRole, at: datetime) -> None:
    """Keep what a one-time link gives."""
    connection.execute(
        link_roles.insert().values(
            organization_id=given.organization_id,
            link_id=given.link_id,
            role=given.role.value,
            sites=sorted(given.scopes.sites),
            groups=sorted(given.scopes.groups),
            made_at=at,
        )
    )


def find_link_role(connection: sa.Connection, organization_id: str, link_id: str) -> LinkRole | None:
    """Return what a one-time link gives; None: what the first person has."""
    query = sa.select(link_roles).where(_k.organization_id == organization_id, _k.link_id == link_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return LinkRole(
        organization_id=OrganizationId(row.organization_id),
        link_id=LinkId(row.link_id),
        role=Role(row.role),
        scopes=_scopes(row),
    )


def delete_old_link_roles(connection: sa.Connection, organization_id: str, before: datetime) -> None:
    """Forget what links gave whose sessions are over."""
    connection.execute(link_roles.delete().where(_k.organization_id == organization_id, _k.made_at < before))


def insert_elevation(connection: sa.Connection, elevation: Elevation) -> None:
    """Add an elevation."""
    connection.execute(
        elevations.insert().values(
            organization_id=elevation.organization_id,
            elevation_id=elevation.elevation_id,
            person_id=elevation.person_id,
            grant_id=elevation.grant_id,
            role=elevation.role.value,
            sites=sorted(elevation.scopes.sites),
            groups=sorted(elevation.scopes.groups),
            reason=elevation.reason,
            begun_at=elevation.begun_at,
            ends_at=elevation.ends_at,
            ended_at=elevation.ended_at,
            ended_by=elevation.ended_by,
        )
    )


def find_elevation(connection: sa.Connection, organization_id: str, elevation_id: str) -> Elevation | None:
    """Return an elevation by id."""
    query = sa.select(elevations).where(_e.organization_id == organization_id, _e.elevation_id == elevation_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else _to_elevation(row)


def list_elevations(
    connection: sa.Connection, organization_id: str, *, person_id: str | None, after: str, limit: int
) -> list[Elevation]:
    """Return elevations, the youngest first."""
    query = sa.select(elevations).where(_e.organization_id == organization_id)
    if after:
        query = query.where(_e.elevation_id < after)
    if person_id is not None:
        query = query.where(_e.person_id == person_id)
    return [_to_elevation(row) for row in connection.execute(query.order_by(_e.elevation_id.desc()).limit(limit))]


def living_elevations(
    connection: sa.Connection, organization_id: str, person_id: str, now: datetime
) -> list[Elevation]:
    """Return what a person has elevated themselves to and is not over."""
    query = sa.select(elevations).where(
        _e.organization_id == organization_id,
        _e.person_id == person_id,
        _e.ends_at > now,
        _e.ended_at.is_(None),
    )
    return [_to_elevation(row) for row in connection.execute(query)]


def end_elevation(connection: sa.Connection, organization_id: str, elevation_id: str, *, at: datetime, by: str) -> None:
    """Note that an elevation was ended."""
    connection.execute(
        elevations.update()
        .where(_e.organization_id == organization_id, _e.elevation_id == elevation_id)
        .values(ended_at=at, ended_by=by)
    )


def end_elevations_of_grant(
    connection: sa.Connection, organization_id: str, grant_id: str, *, at: datetime, by: str
) -> None:
    """End what rests on a grant that is taken away."""
    connection.execute(
        elevations.update()
        .where(_e.organization_id == organization_id, _e.grant_id == grant_id, _e.ended_at.is_(None))
        .values(ended_at=at, ended_by=by)
    )


def delete_old_elevations(connection: sa.Connection, organization_id: str, before: datetime) -> None:
    """Forget elevations that ended long ago; the ledger keeps them."""
    connection.execute(elevations.delete().where(_e.organization_id == organization_id, _e.ends_at < before))


def has_passkey(connection: sa.Connection, organization_id: str, person_id: str) -> bool:
    """Answer whether a person has any passkey."""
    c = passkeys.c
    query = sa.select(c.passkey_id).where(c.organization_id == organization_id, c.person_id == person_id).limit(1)
    return connection.execute(query).scalar() is not None


def people_of(connection: sa.Connection, organization_id: str) -> Sequence[PersonId]:
    """Return everybody, in the order they came; there are few."""
    query = sa.select(people.c.person_id).where(people.c.organization_id == organization_id)
    return [PersonId(each) for each in connection.execute(query.order_by(people.c.person_id)).scalars()]


def _scopes(row: sa.Row[Any]) -> Scopes:
    return Scopes(frozenset(row.sites), frozenset(row.groups))


def _to_grant(row: sa.Row[Any]) -> Grant:
    return Grant(
        organization_id=OrganizationId(row.organization_id),
        grant_id=GrantId(row.grant_id),
        person_id=PersonId(row.person_id),
        role=Role(row.role),
        scopes=_scopes(row),
        mode=GrantMode(row.mode),
        reason=row.reason,
        granted_at=row.granted_at,
        granted_by=Actor(row.granted_by_kind, row.granted_by_id, row.granted_by_name),
        expires_at=row.expires_at,
    )


def _to_elevation(row: sa.Row[Any]) -> Elevation:
    return Elevation(
        organization_id=OrganizationId(row.organization_id),
        elevation_id=ElevationId(row.elevation_id),
        person_id=PersonId(row.person_id),
        grant_id=GrantId(row.grant_id),
        role=Role(row.role),
        scopes=_scopes(row),
        reason=row.reason,
        begun_at=row.begun_at,
        ends_at=row.ends_at,
        ended_at=row.ended_at,
        ended_by=row.ended_by,
    )
