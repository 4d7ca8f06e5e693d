"""The access lists' tables and SQL, and the rules kept in memory by revision."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from vedette.kernel import OrganizationId
from vedette.registry.access_list import AccessEffect, AccessKind, AccessListEntry, AccessRules
from vedette.store import Transaction, UtcDateTime, metadata

_ID: Final = 64

entries: Final = sa.Table(
    "registry_access_list_entries",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("entry_id", sa.String(_ID), primary_key=True),
    sa.Column("effect", sa.String(8), nullable=False),
    sa.Column("kind", sa.String(24), nullable=False),
    sa.Column("value", sa.String(128), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("created_by", sa.String(256), nullable=False),
    sa.Index("uq_registry_access_list_entries_value", "organization_id", "effect", "kind", "value", unique=True),
)
states: Final = sa.Table(
    "registry_access_list_states",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("version", sa.String(_ID), nullable=False),
    sa.Column("unapplied", sa.Integer, nullable=False),
)

_e: Final = entries.c
_version: Final = sa.select(states.c.version).where(states.c.organization_id == sa.bindparam("organization"))


class RulesCache:
    """The rules of each organization, read again only when their version is another; safe from any thread.

    A version is a generated id and no number: one that was rolled back never comes again with another meaning.
    """

    def __init__(self) -> None:
        self._rules: dict[str, AccessRules] = {}

    def load(self, connection: sa.Connection, organization_id: str) -> AccessRules:
        """Return the rules as the connection's transaction sees them."""
        return self.load_at(connection, organization_id, read_version(connection, organization_id))

    def load_at(self, connection: sa.Connection, organization_id: str, version: str) -> AccessRules:
        """Return the rules of a version that the caller has read in the same transaction."""
        rules = self._rules.get(organization_id)
        if rules is None or rules.version != version:
            rules = AccessRules(version, _read_all(connection, organization_id))
            self._rules[organization_id] = rules
        return rules


def read_version(connection: sa.Connection, organization_id: str) -> str:
    """Return the version of the lists; empty before the first change."""
    return connection.execute(_version, {"organization": organization_id}).scalar_one_or_none() or ""


def advance(connection: sa.Connection, organization_id: str, version: str) -> None:
    """Give the lists a new version, and count one change that devices have not been judged by yet."""
    changed = connection.execute(
        states.update().where(_of(organization_id)).values(version=version, unapplied=states.c.unapplied + 1)
    )
    if changed.rowcount == 0:
        connection.execute(states.insert().values(organization_id=organization_id, version=version, unapplied=1))


def finish_application(connection: sa.Connection, organization_id: str) -> None:
    """Count one change as applied to every device it concerns."""
    waiting = sa.and_(_of(organization_id), states.c.unapplied > 0)
    connection.execute(states.update().where(waiting).values(unapplied=states.c.unapplied - 1))


def restart_application(tx: Transaction, *, organization_id: str) -> None:
    """Fold all unapplied changes into one, which then concerns every device."""
    tx.connection.execute(states.update().where(_of(organization_id)).values(unapplied=1))


def organizations_to_apply(connection: sa.Connection) -> list[OrganizationId]:
    """Return organizations whose lists changed without every device having been judged again."""
    query = sa.select(states.c.organization_id).where(states.c.unapplied > 0)
    return [OrganizationId(row.organization_id) for row in connection.execute(query)]


def insert_entry(connection: sa.Connection, entry: AccessListEntry) -> None:
    """Add an entry."""
    connection.execute(
        entries.insert().values(
            organization_id=entry.organization_id,
            entry_id=entry.entry_id,
            effect=entry.effect.value,
            kind=entry.kind.value,
            value=entry.value,
            reason=entry.reason,
            created_at=entry.created_at,
            created_by=entry.created_by,
        )
    )


def delete_entry(connection: sa.Connection, organization_id: str, entry_id: str) -> None:
    """Take an entry away."""
    connection.execute(entries.delete().where(_e.organization_id == organization_id, _e.entry_id == entry_id))


def find_entry(connection: sa.Connection, organization_id: str, entry_id: str) -> AccessListEntry | None:
    """Return an entry by id."""
    query = sa.select(entries).where(_e.organization_id == organization_id, _e.entry_id == entry_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else _to_entry(row)


def find_same(
    connection: sa.Connection, organization_id: str, effect: AccessEffect, kind: AccessKind, value: str
) -> AccessListEntry | None:
    """Return the entry that says the same already."""
    query = sa.select(entries).where(
        _e.organization_id == organization_id,
        _e.effect == effect.value,
        _e.kind == kind.value,
        _e.value == value,
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else _to_entry(row)


def count_entries(connection: sa.Connection, organization_id: str) -> int:
    """Return how many entries both lists hold."""
    query = sa.select(sa.func.count()).select_from(entries).where(_e.organization_id == organization_id)
    return connection.execute(query).scalar_one()


def list_entries(
    connection: sa.Connection, organization_id: str, *, after: str, limit: int, effect: AccessEffect | None
) -> list[AccessListEntry]:
    """Return entries in the order they were made."""
    query = sa.select(entries).where(_e.organization_id == organization_id, _e.entry_id > after)
    if effect is not None:
        query = query.where(_e.effect == effect.value)
    return [_to_entry(row) for row in connection.execute(query.order_by(_e.entry_id).limit(limit))]


def _of(organization_id: str) -> sa.ColumnElement[bool]:
    return states.c.organization_id == organization_id


def _read_all(connection: sa.Connection, organization_id: str) -> list[AccessListEntry]:
    return [
        _to_entry(row) for row in connection.execute(sa.select(entries).where(_e.organization_id == organization_id))
    ]


def _to_entry(row: sa.Row[Any]) -> AccessListEntry:
    return AccessListEntry(
        organization_id=OrganizationId(row.organization_id),
        entry_id=row.entry_id,
        effect=AccessEffect(row.effect),
        kind=AccessKind(row.kind),
        value=row.value,
        reason=row.reason,
        created_at=row.created_at,
        created_by=row.created_by,
    )
