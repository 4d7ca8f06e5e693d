"""The tables of groups and their members, and their SQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import sqlalchemy as sa

from vedette.kernel import DeviceId, GenerationId, OrganizationId
from vedette.registry.group import Group, GroupKind, GroupMember, GroupProgress, GroupState
from vedette.registry.repository import DEVICE_NAME
from vedette.store import UtcDateTime, metadata

_ID: Final = 64
_NAME: Final = sa.String(128).with_variant(sa.String(128, collation="C"), "postgresql")

groups: Final = sa.Table(
    "registry_groups",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("group_id", sa.String(_ID), primary_key=True),
    sa.Column("name", _NAME, nullable=False),
    sa.Column("kind", sa.String(8), nullable=False),
    sa.Column("condition", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("feeds_policies", sa.Boolean, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Index("uq_registry_groups_name", "organization_id", "name", unique=True),
)
# Apart from the groups, because it is written with each change of a member.
progress: Final = sa.Table(
    "registry_group_progress",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("group_id", sa.String(_ID), primary_key=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("position", sa.String(_ID), nullable=False),
    sa.Column("examined", sa.BigInteger, nullable=False),
    sa.Column("total", sa.BigInteger, nullable=False),
    sa.Column("member_count", sa.BigInteger, nullable=False),
)
# The device's name is its own for as long as its generation lives, so the copy is never wrong.
members: Final = sa.Table(
    "registry_group_members",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("group_id", sa.String(_ID), primary_key=True),
    sa.Column("generation_id", sa.String(_ID), primary_key=True),
    sa.Column("device_id", DEVICE_NAME, nullable=False),
    sa.Index("ix_registry_group_members_generation", "organization_id", "generation_id", "group_id"),
    sa.Index("uq_registry_group_members_device", "organization_id", "group_id", "device_id", unique=True),
)
versions: Final = sa.Table(
    "registry_group_versions",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("version", sa.String(_ID), nullable=False),
)

_g: Final = groups.c
_m: Final = members.c
_p: Final = progress.c
# Any: the element type of an expanding parameter is not inferred.
_generations: Final[sa.BindParameter[Any]] = sa.bindparam("generations", expanding=True)
_of_group: Final = sa.and_(_g.organization_id == _m.organization_id, _g.group_id == _m.group_id)
# Joined with the groups: members of a deleted one are taken out little by little. Not ordered here: to have an order,
# SQLite would rather read all members of the organization.
_groups_of: Final = (
    sa.select(_m.generation_id, _m.group_id)
    .select_from(members.join(groups, _of_group))
    .where(_m.organization_id == sa.bindparam("organization"), _m.generation_id.in_(_generations))
)
_policy_groups_of: Final = _groups_of.where(_g.feeds_policies.is_(sa.true()))
_names_of: Final = (
    sa.select(_m.generation_id, _g.name)
    .select_from(members.join(groups, _of_group))
    .where(_m.organization_id == sa.bindparam("organization"), _m.generation_id.in_(_generations))
)
_version: Final = sa.select(versions.c.version).where(versions.c.organization_id == sa.bindparam("organization"))
_whole: Final = sa.select(groups, _p.state, _p.examined, _p.total, _p.member_count).select_from(
    groups.join(progress, sa.and_(_p.organization_id == _g.organization_id, _p.group_id == _g.group_id))
)
_insert_members: Final = members.insert()


def groups_of(
    connection: sa.Connection, organization_id: str, generation_ids: Iterable[str]
) -> dict[GenerationId, tuple[str, ...]]:
    """Return the ids of the groups that devices are in; devices in none are left out."""
    return _gather(connection, _groups_of, organization_id, generation_ids)


def policy_groups_of(
    connection: sa.Connection, organization_id: str, generation_ids: Iterable[str]
) -> dict[GenerationId, tuple[str, ...]]:
    """Return the ids of the groups of devices that policies may see; devices in none are left out."""
    return _gather(connection, _policy_groups_of, organization_id, generation_ids)


def group_names_of(
    connection: sa.Connection, organization_id: str, generation_ids: Iterable[str]
) -> dict[GenerationId, tuple[str, ...]]:
    """Return the names of the groups that devices are in; devices in none are left out."""
    return _gather(connection, _names_of, organization_id, generation_ids)


def read_version(connection: sa.Connection, organization_id: str) -> str:
    """Return the version of the groups; empty before the first one."""
    return connection.execute(_version, {"organization": organization_id}).scalar_one_or_none() or ""


def advance(connection: sa.Connection, organization_id: str, version: str) -> None:
    """Give the groups a new version."""
    of_organization = versions.c.organization_id == organization_id
    changed = connection.execute(versions.update().where(of_organization).values(version=version))
    if changed.rowcount == 0:
        connection.execute(versions.insert().values(organization_id=organization_id, version=version))


def insert(connection: sa.Connection, group: Group) -> None:
    """Add a group; the caller has checked that the name is free."""
    connection.execute(groups.insert().values(**_to_row(group)))
    connection.execute(
        progress.insert().values(
            organization_id=group.organization_id,
            group_id=group.group_id,
            state=group.state.value,
            position="",
            examined=0,
            total=0 if group.progress is None else group.progress.total,
            member_count=0,
        )
    )


def update(connection: sa.Connection, group: Group, *, expected: int) -> bool:
    """Write a group over the revision the caller read; ``False`` when another has changed it since."""
    keys = (_g.organization_id == group.organization_id, _g.group_id == group.group_id, _g.revision == expected)
    return connection.execute(groups.update().where(*keys).values(**_to_row(group))).rowcount == 1


def delete(connection: sa.Connection, organization_id: str, group_id: str) -> None:
    """Take a group away; its members have left it when ``end`` is called."""
    connection.execute(groups.delete().where(_g.organization_id == organization_id, _g.group_id == group_id))
    _save_progress(connection, organization_id, group_id, state=GroupState.ENDING, position="")


def end(connection: sa.Connection, organization_id: str, group_id: str) -> None:
    """Forget a deleted group that has no members left."""
    connection.execute(progress.delete().where(_p.organization_id == organization_id, _p.group_id == group_id))


def find(connection: sa.Connection, organization_id: str, group_id: str) -> Group | None:
    """Return a group by id."""
    query = _whole.where(_g.organization_id == organization_id, _g.group_id == group_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else _to_group(row)


def find_by_name(connection: sa.Connection, organization_id: str, name: str) -> Group | None:
    """Return a group by name."""
    row = connection.execute(_whole.where(_g.organization_id == organization_id, _g.name == name)).one_or_none()
    return None if row is None else _to_group(row)


def list_page(connection: sa.Connection, organization_id: str, *, after: str, limit: int) -> list[Group]:
    """Return groups by name, in byte order."""
    query = _whole.where(_g.organization_id == organization_id, _g.name > after).order_by(_g.name).limit(limit)
    return [_to_group(row) for row in connection.execute(query)]


def list_all(connection: sa.Connection, organization_id: str) -> list[Group]:
    """Return all groups; there are few."""
    return [_to_group(row) for row in connection.execute(_whole.where(_g.organization_id == organization_id))]


def list_unready(connection: sa.Connection) -> list[tuple[OrganizationId, str, GroupState]]:
    """Return the groups, of all organizations, that are being computed or end."""
    query = sa.select(_p.organization_id, _p.group_id, _p.state).where(_p.state != GroupState.READY.value)
    rows = connection.execute(query)
    return [(OrganizationId(row.organization_id), row.group_id, GroupState(row.state)) for row in rows]


def start_computing(connection: sa.Connection, organization_id: str, group_id: str, *, total: int) -> None:
    """Have a group computed from the first device on."""
    _save_progress(
        connection, organization_id, group_id, state=GroupState.COMPUTING, position="", examined=0, total=total
    )


def go_on(connection: sa.Connection, organization_id: str, group_id: str, *, position: str, examined: int) -> None:
    """Write how far a group has been computed."""
    _save_progress(connection, organization_id, group_id, position=position, examined=_p.examined + examined)


def finish(connection: sa.Connection, organization_id: str, group_id: str) -> None:
    """Write that a group has been computed."""
    _save_progress(connection, organization_id, group_id, state=GroupState.READY, position="")


def read_position(connection: sa.Connection, organization_id: str, group_id: str) -> str | None:
    """Return the last device that was looked at for a group; ``None`` if it is not being computed."""
    query = sa.select(_p.position).where(
        _p.organization_id == organization_id, _p.group_id == group_id, _p.state == GroupState.COMPUTING.value
    )
    return connection.execute(query).scalar_one_or_none()


def add_members(
    connection: sa.Connection, organization_id: str, group_id: str, added: Sequence[tuple[str, str]]
) -> None:
    """Add members that are none yet: generation and device id."""
    if not added:
        return
    rows = [
        {
            "organization_id": organization_id,
            "group_id": group_id,
            "generation_id": generation_id,
            "device_id": device_id,
        }
        for generation_id, device_id in added
    ]
    connection.execute(_insert_members, rows)
    _count(connection, organization_id, group_id, len(rows))


def remove_members(
    connection: sa.Connection, organization_id: str, group_id: str, generation_ids: Sequence[str]
) -> None:
    """Take members away; those that are none are ignored."""
    if not generation_ids:
        return
    keys = (
        _m.organization_id == organization_id,
        _m.group_id == group_id,
        _m.generation_id.in_(list(generation_ids)),
    )
    _count(connection, organization_id, group_id, -connection.execute(members.delete().where(*keys)).rowcount)


def members_among(
    connection: sa.Connection, organization_id: str, group_id: str, generation_ids: Iterable[str]
) -> set[str]:
    """Return which of some devices are members."""
    query = sa.select(_m.generation_id).where(
        _m.organization_id == organization_id,
        _m.group_id == group_id,
        _m.generation_id.in_(list(generation_ids)),
    )
    return set(connection.execute(query).scalars())


def members_between(
    connection: sa.Connection, organization_id: str, group_id: str, *, after: str, up_to: str | None
) -> list[str]:
    """Return members whose generation lies in a range, ``up_to`` included; ``None`` is no end."""
    query = sa.select(_m.generation_id).where(
        _m.organization_id == organization_id, _m.group_id == group_id, _m.generation_id > after
    )
    if up_to is not None:
        query = query.where(_m.generation_id <= up_to)
    return list(connection.execute(query).scalars())


def list_members(
    connection: sa.Connection, organization_id: str, group_id: str, *, after: str, limit: int
) -> list[GroupMember]:
    """Return members by device id, in byte order."""
    query = (
        sa.select(_m.generation_id, _m.device_id)
        .where(_m.organization_id == organization_id, _m.group_id == group_id, _m.device_id > after)
        .order_by(_m.device_id)
        .limit(limit)
    )
    rows = connection.execute(query)
    return [GroupMember(GenerationId(row.generation_id), DeviceId(row.device_id)) for row in rows]


def first_members(connection: sa.Connection, organization_id: str, group_id: str, limit: int) -> list[str]:
    """Return some members."""
    query = (
        sa.select(_m.generation_id)
        .where(_m.organization_id == organization_id, _m.group_id == group_id)
        .order_by(_m.generation_id)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def _gather(
    connection: sa.Connection, query: sa.Select[Any], organization_id: str, generation_ids: Iterable[str]
) -> dict[GenerationId, tuple[str, ...]]:
    found: dict[GenerationId, list[str]] = {}
    keys = {"organization": organization_id, "generations": list(generation_ids)}
    for generation_id, value in connection.execute(query, keys):
        found.setdefault(GenerationId(generation_id), []).append(value)
    return {generation_id: tuple(sorted(values)) for generation_id, values in found.items()}


def _save_progress(connection: sa.Connection, organization_id: str, group_id: str, **values: object) -> None:
    connection.execute(
        progress.update().where(_p.organization_id == organization_id, _p.group_id == group_id).values(**values)
    )


def _count(connection: sa.Connection, organization_id: str, group_id: str, difference: int) -> None:
    if difference:
        connection.execute(
            progress.update()
            .where(_p.organization_id == organization_id, _p.group_id == group_id)
            .values(member_count=_p.member_count + difference)
        )


def _to_row(group: Group) -> dict[str, Any]:  # Any: column values
    return {
        "organization_id": group.organization_id,
        "group_id": group.group_id,
        "name": group.name,
        "kind": group.kind.value,
        "condition": group.condition,
        "description": group.description,
        "feeds_policies": group.feeds_policies,
        "created_at": group.created_at,
        "updated_at": group.updated_at,
        "revision": group.revision,
    }


def _to_group(row: sa.Row[Any]) -> Group:
    return Group(
        organization_id=OrganizationId(row.organization_id),
        group_id=row.group_id,
        name=row.name,
        kind=GroupKind(row.kind),
        condition=row.condition,
        description=row.description,
        feeds_policies=row.feeds_policies,
        created_at=row.created_at,
        updated_at=row.updated_at,
        revision=row.revision,
        progress=GroupProgress(row.examined, row.total) if row.state == GroupState.COMPUTING.value else None,
        member_count=row.member_count,
    )
