"""The symmetric keys, sealed: the table, and its SQL."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from vedette.kernel import OrganizationId
from vedette.pki.symmetric_key import KeySlot, SymmetricKey
from vedette.store import UtcDateTime, metadata

_ID: Final = 64

symmetric_keys: Final = sa.Table(
    "pki_symmetric_keys",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("key_id", sa.String(_ID), primary_key=True),
    sa.Column("owner_id", sa.String(_ID), nullable=False),
    sa.Column("slot", sa.String(16), nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("is_imported", sa.Boolean, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Column("last_used_at", UtcDateTime),
    sa.Column("enrollment_id", sa.String(_ID)),
    sa.Index("uq_pki_symmetric_keys_slot", "organization_id", "owner_id", "slot", unique=True),
    sa.Index("ix_pki_symmetric_keys_expiry", "organization_id", "expires_at", "key_id"),
)

_c: Final = symmetric_keys.c
_FIELDS: Final = tuple(field.name for field in fields(SymmetricKey))
_described: Final = [_c[name] for name in _FIELDS]
# Any: the element type of an expanding parameter is not inferred.
_owners: Final[sa.BindParameter[Any]] = sa.bindparam("owners", expanding=True)
_ids: Final[sa.BindParameter[Any]] = sa.bindparam("ids", expanding=True)
_of_organization: Final = _c.organization_id == sa.bindparam("organization")
_of_owners: Final = (
    sa.select(*_described).where(_of_organization, _c.owner_id.in_(_owners)).order_by(_c.owner_id, _c.slot)
)
_sealed_of_owner: Final = (
    sa.select(*_described, _c.sealed).where(_of_organization, _c.owner_id == sa.bindparam("owner")).order_by(_c.slot)
)
_sealed_by_id: Final = sa.select(*_described, _c.sealed).where(_of_organization, _c.key_id.in_(_ids))
_insert: Final = symmetric_keys.insert()


def insert(connection: sa.Connection, key: SymmetricKey, sealed: bytes) -> None:
    """Store a key; its slot is empty."""
    row = {name: getattr(key, name) for name in _FIELDS}
    connection.execute(_insert, row | {"slot": key.slot.value, "sealed": sealed})


def delete(connection: sa.Connection, organization_id: OrganizationId, key_ids: Collection[str]) -> None:
    """Forget keys; what became of them stands in the ledger."""
    statement = symmetric_keys.delete().where(_of_organization, _c.key_id.in_(_ids))
    connection.execute(statement, {"organization": organization_id, "ids": list(key_ids)})


def list_of(connection: sa.Connection, organization_id: OrganizationId, owner_ids: Iterable[str]) -> list[SymmetricKey]:
    """Return the keys of owners, by owner and slot."""
    rows = connection.execute(_of_owners, {"organization": organization_id, "owners": list(owner_ids)})
    return [_to_key(row) for row in rows.mappings()]


def list_sealed_of(
    connection: sa.Connection, organization_id: OrganizationId, owner_id: str
) -> list[tuple[SymmetricKey, bytes]]:
    """Return the keys of one owner with their sealed values, by slot."""
    rows = connection.execute(_sealed_of_owner, {"organization": organization_id, "owner": owner_id})
    return [(_to_key(row), bytes(row["sealed"])) for row in rows.mappings()]


def find_sealed(
    connection: sa.Connection, organization_id: OrganizationId, key_ids: Sequence[str]
) -> list[tuple[SymmetricKey, bytes]]:
    """Return keys with their sealed values; unknown ones are left out."""
    rows = connection.execute(_sealed_by_id, {"organization": organization_id, "ids": list(key_ids)})
    return [(_to_key(row), bytes(row["sealed"])) for row in rows.mappings()]


def find_any(connection: sa.Connection, organization_id: OrganizationId) -> tuple[SymmetricKey, bytes] | None:
    """Return one key with its sealed value, if there is any."""
    query = sa.select(*_described, _c.sealed).where(_c.organization_id == organization_id).limit(1)
    row = connection.execute(query).mappings().first()
    return None if row is None else (_to_key(row), bytes(row["sealed"]))


def list_owners(connection: sa.Connection, organization_id: OrganizationId, after: str, limit: int) -> list[str]:
    """Return who has keys, in the order of their ids, from after one of them."""
    query = (
        sa.select(_c.owner_id)
        .where(_c.organization_id == organization_id, _c.owner_id > after)
        .distinct()
        .order_by(_c.owner_id)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def list_ending(
    connection: sa.Connection, organization_id: OrganizationId, before: datetime, limit: int
) -> list[SymmetricKey]:
    """Return the keys that end before a time, soonest first."""
    query = (
        sa.select(*_described)
        .where(_c.organization_id == organization_id, _c.expires_at < before)
        .order_by(_c.expires_at, _c.key_id)
        .limit(limit)
    )
    return [_to_key(row) for row in connection.execute(query).mappings()]


def save_expiry(connection: sa.Connection, organization_id: OrganizationId, key_id: str, expires_at: datetime) -> None:
    """Let a key end at another time."""
    statement = symmetric_keys.update().where(_c.organization_id == organization_id, _c.key_id == key_id)
    connection.execute(statement.values(expires_at=expires_at))


def note_used(
    connection: sa.Connection, organization_id: OrganizationId, key_ids: Collection[str], at: datetime, before: datetime
) -> None:
    """Remember that keys were used, unless a time after ``before`` is known already."""
    is_old = sa.or_(_c.last_used_at.is_(None), _c.last_used_at < before)
    statement = symmetric_keys.update().where(_of_organization, _c.key_id.in_(_ids), is_old).values(last_used_at=at)
    connection.execute(statement, {"organization": organization_id, "ids": list(key_ids)})


def _to_key(row: sa.RowMapping) -> SymmetricKey:
    values = {name: row[name] for name in _FIELDS}
    values["slot"] = KeySlot(values["slot"])
    return SymmetricKey(**values)
