"""The signed posture records and the state of their sequence; the only SQL of this room."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from vedette.kernel import OrganizationId
from vedette.store import metadata
from vedette.trust import EMPTY_ROOT

_ID: Final = 64
_NAME: Final = sa.String(128).with_variant(sa.String(128, collation="C"), "postgresql")

posture_records: Final = sa.Table(
    "access_posture_records",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("generation_id", sa.String(_ID), primary_key=True),
    sa.Column("device_id", _NAME, nullable=False),
    sa.Column("module_id", _NAME, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("is_deleted", sa.Boolean, nullable=False),
    sa.Column("signed", sa.LargeBinary, nullable=False),
)

posture_state: Final = sa.Table(
    "access_posture_state",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("root_hash", sa.LargeBinary, nullable=False),
)

_r: Final = posture_records.c
_alive: Final = _r.is_deleted.is_(sa.false())
sa.Index(
    "ix_access_posture_records_name",
    _r.organization_id,
    _r.device_id,
    _r.module_id,
    unique=True,
    sqlite_where=_alive,
    postgresql_where=_alive,
)
sa.Index("ix_access_posture_records_sequence", _r.organization_id, _r.sequence, unique=True)

_of_organization: Final = _r.organization_id == sa.bindparam("organization")
_by_name: Final = sa.select(_r.signed).where(
    _of_organization, _r.device_id == sa.bindparam("device"), _r.module_id == sa.bindparam("module"), _alive
)
_after: Final = (
    sa.select(_r.generation_id, _r.sequence, _r.signed, _r.is_deleted)
    .where(_of_organization, _r.sequence > sa.bindparam("after"))
    .order_by(_r.sequence)
    .limit(sa.bindparam("count"))
)


# Any: the element type of an expanding parameter is not inferred.
_generations: Final[sa.BindParameter[Any]] = sa.bindparam("generations", expanding=True)
_by_generations: Final = sa.select(_r.generation_id, _r.sequence, _r.signed, _r.is_deleted).where(
    _of_organization, _r.generation_id.in_(_generations)
)
_delete: Final = posture_records.delete().where(_of_organization, _r.generation_id.in_(_generations))
_insert: Final = posture_records.insert()
_of_state: Final = posture_state.c.organization_id == sa.bindparam("organization")
_locked_state: Final = sa.select(posture_state).where(_of_state).with_for_update()
_save_state: Final = (
    posture_state.update()
    .where(_of_state)
    .values(epoch=sa.bindparam("new_epoch"), sequence=sa.bindparam("new_sequence"), root_hash=sa.bindparam("new_root"))
)


class State(msgspec.Struct, frozen=True):
    """Where an organization's records stand."""

    epoch: int = 1
    sequence: int = 0
    root_hash: bytes = EMPTY_ROOT


class StoredRecord(msgspec.Struct, frozen=True):
    """A signed record as stored."""

    generation_id: str
    sequence: int
    signed: bytes
    is_deleted: bool


class NewRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A signed record to be stored over the identity's former one."""

    organization_id: str
    generation_id: str
    device_id: str
    module_id: str
    sequence: int
    is_deleted: bool
    signed: bytes


def lock_state(connection: sa.Connection, organization_id: OrganizationId) -> State:
    """Read the state and hold it until the transaction ends, so that sequences follow the order of commit."""
    row = connection.execute(_locked_state, {"organization": organization_id}).one_or_none()
    if row is None:
        first = State()
        connection.execute(
            posture_state.insert().values(
                organization_id=organization_id,
                epoch=first.epoch,
                sequence=first.sequence,
                root_hash=first.root_hash,
            )
        )
        return first
    return State(row.epoch, row.sequence, bytes(row.root_hash))


def read_state(connection: sa.Connection, organization_id: OrganizationId) -> State:
    """Return the committed state."""
    row = connection.execute(
        sa.select(posture_state).where(posture_state.c.organization_id == organization_id)
    ).one_or_none()
    return State() if row is None else State(row.epoch, row.sequence, bytes(row.root_hash))


def save_state(connection: sa.Connection, organization_id: OrganizationId, state: State) -> None:
    """Write the state that ``lock_state`` holds."""
    keys = {
        "organization": organization_id,
        "new_epoch": state.epoch,
        "new_sequence": state.sequence,
        "new_root": state.root_hash,
    }
    connection.execute(_save_state, keys)


def save_records(connection: sa.Connection, records: Sequence[NewRecord], *, replaced: Collection[str]) -> None:
    """Store the records of identities; ``replaced`` names those that had one before."""
    if not records:
        return
    former = [record.generation_id for record in records if record.generation_id in replaced]
    if former:
        connection.execute(_delete, {"organization": records[0].organization_id, "generations": former})
    connection.execute(_insert, [msgspec.structs.asdict(record) for record in records])


def find_records(
    connection: sa.Connection, organization_id: OrganizationId, generation_ids: Iterable[str]
) -> dict[str, StoredRecord]:
    """Return the signed records of identities, deleted ones included; unknown ones are left out."""
    rows = connection.execute(_by_generations, {"organization": organization_id, "generations": list(generation_ids)})
    return {
        row.generation_id: StoredRecord(row.generation_id, row.sequence, bytes(row.signed), row.is_deleted)
        for row in rows
    }


def find_by_name(
    connection: sa.Connection, organization_id: OrganizationId, device_id: str, module_id: str | None
) -> bytes | None:
    """Return the signed record of the identity that holds a name now."""
    values = {"organization": organization_id, "device": device_id, "module": module_id or ""}
    signed = connection.execute(_by_name, values).scalar_one_or_none()
    return None if signed is None else bytes(signed)


def list_generations(connection: sa.Connection, organization_id: OrganizationId, after: str, count: int) -> list[str]:
    """Return generations that have a record, by id, after one of them."""
    query = (
        sa.select(_r.generation_id)
        .where(_of_organization, _r.generation_id > after, _alive)
        .order_by(_r.generation_id)
        .limit(count)
    )
    return list(connection.execute(query, {"organization": organization_id}).scalars())


def count_records(connection: sa.Connection, organization_id: OrganizationId) -> int:
    """Return how many identities have a record."""
    query = sa.select(sa.func.count()).select_from(posture_records)
    return int(connection.execute(query.where(_r.organization_id == organization_id, _alive)).scalar_one())


def list_records(
    connection: sa.Connection, organization_id: OrganizationId, after: str, count: int
) -> list[StoredRecord]:
    """Return the signed records of identities that are not deleted, by generation, after one of them."""
    query = (
        sa.select(_r.generation_id, _r.sequence, _r.signed, _r.is_deleted)
        .where(_of_organization, _r.generation_id > after, _alive)
        .order_by(_r.generation_id)
        .limit(count)
    )
    rows = connection.execute(query, {"organization": organization_id})
    return [StoredRecord(row.generation_id, row.sequence, bytes(row.signed), row.is_deleted) for row in rows]


def list_after(
    connection: sa.Connection, organization_id: OrganizationId, sequence: int, count: int
) -> list[StoredRecord]:
    """Return the latest records of identities that changed after a sequence, in its order."""
    rows = connection.execute(_after, {"organization": organization_id, "after": sequence, "count": count})
    return [StoredRecord(row.generation_id, row.sequence, bytes(row.signed), row.is_deleted) for row in rows]
