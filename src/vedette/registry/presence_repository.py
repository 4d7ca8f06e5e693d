"""The presence table and its SQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from vedette.kernel import GenerationId
from vedette.registry.presence import Presence, PresenceChange
from vedette.registry.repository import DEVICE_NAME, devices
from vedette.store import UtcDateTime, metadata

_ID: Final = 64
_ADDRESSES_AT_ONCE: Final = 500

# An identity without a row has never been connected. The device's id is a copy: the list of those that are connected
# comes in its order. It is empty for modules.
presence: Final = sa.Table(
    "registry_presence",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("generation_id", sa.String(_ID), primary_key=True),
    sa.Column("is_connected", sa.Boolean, nullable=False),
    sa.Column("gateway", sa.String(_ID), nullable=False),
    sa.Column("changed_at", UtcDateTime, nullable=False),
    sa.Column("reason", sa.String(64), nullable=False),
    sa.Column("remote_address", sa.String(64), nullable=False),
    sa.Column("protocol", sa.String(32), nullable=False),
    sa.Column("client", sa.String(256), nullable=False),
    sa.Column("device_id", DEVICE_NAME, nullable=False, server_default=""),
)

_c: Final = presence.c
_connected: Final = _c.is_connected.is_(True)

sa.Index(
    "ix_registry_presence_connected",
    _c.organization_id,
    _c.generation_id,
    sqlite_where=_connected,
    postgresql_where=_connected,
)
sa.Index(
    "ix_registry_presence_device",
    _c.organization_id,
    _c.device_id,
    _c.generation_id,
    sqlite_where=_connected,
    postgresql_where=_connected,
)
sa.Index(
    "ix_registry_presence_gateway",
    _c.organization_id,
    _c.gateway,
    sqlite_where=_connected,
    postgresql_where=_connected,
)

sa.Index(
    "ix_registry_presence_address",
    _c.organization_id,
    _c.remote_address,
    sqlite_where=_connected,
    postgresql_where=_connected,
)

# Any: the element type of an expanding parameter is not inferred.
_generations: Final[sa.BindParameter[Any]] = sa.bindparam("generations", expanding=True)
_of_organization: Final = _c.organization_id == sa.bindparam("organization")
_many: Final = sa.select(presence).where(_of_organization, _c.generation_id.in_(_generations))
_page: Final = (
    sa.select(presence)
    .where(_of_organization, _connected, _c.generation_id > sa.bindparam("after"))
    .order_by(_c.generation_id)
    .limit(sa.bindparam("most", type_=sa.Integer))
)
_count: Final = sa.select(sa.func.count()).select_from(presence).where(_of_organization, _connected)
_connected_ids: Final = sa.select(_c.generation_id).where(_of_organization, _connected)
_leave: Final = presence.update().values(is_connected=False, changed_at=sa.bindparam("at"), reason=sa.bindparam("why"))
_KEPT: Final = ("remote_address", "protocol", "client")


_named: Final = (
    sa.select(devices.c.device_id)
    .where(
        devices.c.organization_id == sa.bindparam("organization"), devices.c.generation_id == sa.bindparam("generation")
    )
    .scalar_subquery()
)


def _upsert(insert: sqlite.Insert | postgresql.Insert) -> sa.Insert:
    """Write a change over the row there is; an empty detail leaves what is known."""
    new = insert.excluded
    insert = insert.values(device_id=sa.func.coalesce(_named, ""))
    values: dict[str, Any] = {name: new[name] for name in ("is_connected", "gateway", "changed_at", "reason")}
    values |= {name: sa.case((new[name] == "", _c[name]), else_=new[name]) for name in _KEPT}
    return insert.on_conflict_do_update(index_elements=["organization_id", "generation_id"], set_=values)


_upserts: Final = {
    "sqlite": _upsert(sqlite.insert(presence)),
    "postgresql": _upsert(postgresql.insert(presence)),
}


_note_left: Final = (
    presence.update()
    .where(_c.organization_id == sa.bindparam("organization"), _c.generation_id == sa.bindparam("generation"))
    .values(
        is_connected=False,
        gateway=sa.bindparam("gate"),
        changed_at=sa.bindparam("at"),
        reason=sa.bindparam("why"),
    )
)


def save(connection: sa.Connection, organization_id: str, changes: Sequence[PresenceChange]) -> None:
    """Write changes, one per identity; one that left and never came, or was deleted meanwhile, leaves nothing."""
    came = [change for change in changes if change.is_connected or change.remote_address or change.client]
    if came:
        connection.execute(_upserts[connection.dialect.name], [_to_row(organization_id, change) for change in came])
    left = [
        {
            "organization": organization_id,
            "generation": change.generation_id,
            "gate": change.gateway,
            "at": change.changed_at,
            "why": change.reason,
        }
        for change in changes
        if not (change.is_connected or change.remote_address or change.client)
    ]
    if left:
        connection.execute(_note_left, left)


def presence_of(
    connection: sa.Connection, organization_id: str, generation_ids: Iterable[str]
) -> dict[GenerationId, Presence]:
    """Return what is known of identities' connections; those that never connected are left out."""
    keys = {"organization": organization_id, "generations": list(generation_ids)}
    return {found.generation_id: found for found in map(_to_presence, connection.execute(_many, keys))}


def list_connected(connection: sa.Connection, organization_id: str, *, after: str, limit: int) -> list[Presence]:
    """Return identities that are connected, by generation."""
    keys = {"organization": organization_id, "after": after, "most": limit}
    return [_to_presence(row) for row in connection.execute(_page, keys)]


def find_connected_from(
    connection: sa.Connection, organization_id: str, addresses: Iterable[str]
) -> dict[str, list[GenerationId]]:
    """Return which identities are connected from addresses, by address; those that nobody comes from are left out."""
    found: dict[str, list[GenerationId]] = {}
    wanted = sorted(addresses)
    for start in range(0, len(wanted), _ADDRESSES_AT_ONCE):
        query = sa.select(_c.remote_address, _c.generation_id).where(
            _c.organization_id == organization_id,
            _connected,
            _c.remote_address.in_(wanted[start : start + _ADDRESSES_AT_ONCE]),
        )
        for address, generation_id in connection.execute(query.order_by(_c.generation_id)):
            found.setdefault(address, []).append(GenerationId(generation_id))
    return found


def count_connected(connection: sa.Connection, organization_id: str) -> int:
    """Return how many identities are connected."""
    return connection.execute(_count, {"organization": organization_id}).scalar_one()


def connected_ids(connection: sa.Connection, organization_id: str) -> set[GenerationId]:
    """Return the identities that are connected."""
    rows = connection.execute(_connected_ids, {"organization": organization_id})
    return {GenerationId(generation_id) for (generation_id,) in rows}


def leave_gateway(connection: sa.Connection, organization_id: str, gateway: str, at: datetime, *, reason: str) -> int:
    """Mark all identities connected at a gateway as gone; return how many."""
    keys = {"organization": organization_id, "gate": gateway, "at": at, "why": reason}
    statement = _leave.where(_of_organization, _c.gateway == sa.bindparam("gate"), _connected)
    return connection.execute(statement, keys).rowcount


def leave(
    connection: sa.Connection, organization_id: str, generation_ids: Sequence[str], at: datetime, *, reason: str
) -> None:
    """Mark identities as gone, those of them that are connected."""
    keys = {"organization": organization_id, "generations": list(generation_ids), "at": at, "why": reason}
    connection.execute(_leave.where(_of_organization, _c.generation_id.in_(_generations), _connected), keys)


def delete(connection: sa.Connection, organization_id: str, generation_ids: Sequence[str]) -> None:
    """Forget identities."""
    listed = list(generation_ids)
    connection.execute(presence.delete().where(_c.organization_id == organization_id, _c.generation_id.in_(listed)))


def _to_row(organization_id: str, change: PresenceChange) -> dict[str, Any]:  # Any: column values
    return {
        "organization": organization_id,
        "generation": change.generation_id,
        "organization_id": organization_id,
        "generation_id": change.generation_id,
        "is_connected": change.is_connected,
        "gateway": change.gateway,
        "changed_at": change.changed_at,
        "reason": change.reason,
        "remote_address": change.remote_address,
        "protocol": change.protocol,
        "client": change.client,
    }


def _to_presence(row: sa.Row[Any]) -> Presence:
    return Presence(
        generation_id=GenerationId(row.generation_id),
        is_connected=row.is_connected,
        gateway=row.gateway,
        changed_at=row.changed_at,
        reason=row.reason,
        remote_address=row.remote_address,
        protocol=row.protocol,
        client=row.client,
    )
