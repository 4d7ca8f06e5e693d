"""The tables of lists of addresses."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from vedette.network.addresses.model import AddressList
from vedette.network.row_repository import upsert
from vedette.store import UtcDateTime, metadata

_ID: Final = 64

lists: Final = sa.Table(
    "network_address_lists",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("list_id", sa.String(_ID), primary_key=True),
    sa.Column("name", sa.String(256), nullable=False),
    sa.Column("is_complete", sa.Boolean, nullable=False),
    sa.Column("parts", sa.Integer, nullable=False),
    sa.Column("ranges_v4", sa.Integer, nullable=False),
    sa.Column("ranges_v6", sa.Integer, nullable=False),
    sa.Column("skipped", sa.Integer, nullable=False),
    sa.Column("imported_at", UtcDateTime, nullable=False),
    sa.Column("imported_by", sa.String(128), nullable=False),
)
parts: Final = sa.Table(
    "network_address_parts",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("list_id", sa.String(_ID), primary_key=True),
    sa.Column("part", sa.Integer, primary_key=True),
    # Compressed ranges and their owners.
    sa.Column("body", sa.LargeBinary, nullable=False),
)
_l: Final = lists.c
_p: Final = parts.c


def find_list(connection: sa.Connection, organization_id: str, list_id: str) -> AddressList | None:
    """Return a list."""
    query = sa.select(lists).where(_l.organization_id == organization_id, _l.list_id == list_id)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _to_list(row)


def find_current(connection: sa.Connection, organization_id: str) -> AddressList | None:
    """Return the list that counts."""
    query = sa.select(lists).where(_l.organization_id == organization_id, _l.is_complete.is_(True))
    row = connection.execute(query.order_by(_l.list_id.desc()).limit(1)).mappings().one_or_none()
    return None if row is None else _to_list(row)


def save_list(connection: sa.Connection, organization_id: str, each: AddressList) -> None:
    """Write what is told of a list."""
    row: dict[str, Any] = {name: getattr(each, name) for name in AddressList.__slots__}  # Any: one type per column
    upsert(connection, lists, [row | {"organization_id": organization_id}])


def save_part(connection: sa.Connection, organization_id: str, list_id: str, part: int, body: bytes) -> None:
    """Write a part of a list."""
    row = {"organization_id": organization_id, "list_id": list_id, "part": part, "body": body}
    upsert(connection, parts, [row])


def read_parts(connection: sa.Connection, organization_id: str, list_id: str) -> list[bytes]:
    """Return the parts of a list."""
    query = sa.select(_p.body).where(_p.organization_id == organization_id, _p.list_id == list_id).order_by(_p.part)
    return [bytes(body) for body in connection.execute(query).scalars()]


def delete_others(connection: sa.Connection, organization_id: str, keep: tuple[str, ...]) -> None:
    """Forget all lists but some."""
    for table in (parts, lists):
        connection.execute(
            table.delete().where(table.c.organization_id == organization_id, table.c.list_id.not_in(keep))
        )


def _to_list(row: sa.RowMapping) -> AddressList:
    return AddressList(**{name: row[name] for name in AddressList.__slots__})
