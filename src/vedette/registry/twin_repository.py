"""The twins' table and its SQL."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from vedette.registry import module_repository
from vedette.registry.module_repository import modules
from vedette.registry.repository import devices
from vedette.registry.twin import EMPTY, Bag
from vedette.registry.twin_limits import INTEGER_MAX, INTEGER_MIN
from vedette.store import Json, UtcDateTime, metadata

_ID: Final = 64

# An identity without a row has both bags empty, at version 1. Tags are the identity's own.
twins: Final = sa.Table(
    "registry_twins",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("generation_id", sa.String(_ID), primary_key=True),
    sa.Column("desired", Json, nullable=False),
    sa.Column("desired_version", sa.BigInteger, nullable=False),
    sa.Column("desired_metadata", Json, nullable=False),
    sa.Column("reported", Json, nullable=False),
    sa.Column("reported_version", sa.BigInteger, nullable=False),
    sa.Column("reported_metadata", Json, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
)

_c: Final = twins.c
_keys: Final = sa.and_(
    _c.organization_id == sa.bindparam("organization"), _c.generation_id == sa.bindparam("generation")
)


def _of_identity(identities: sa.Table, *columns: sa.Column[Any]) -> sa.Select[Any]:
    """Select columns of the twin of an identity that is not deleted: one row of nulls when it has none yet."""
    joined = identities.outerjoin(
        twins,
        sa.and_(_c.organization_id == identities.c.organization_id, _c.generation_id == identities.c.generation_id),
    )
    return (
        sa.select(*columns)
        .select_from(joined)
        .where(
            identities.c.organization_id == sa.bindparam("organization"),
            identities.c.generation_id == sa.bindparam("generation"),
            identities.c.deleted_at.is_(None),
        )
    )


_DESIRED: Final = (_c.desired, _c.desired_version, _c.desired_metadata)
_REPORTED: Final = (_c.reported, _c.reported_version, _c.reported_metadata)
# What a device reads holds no metadata.
_OWN: Final = (_c.desired, _c.desired_version, _c.reported, _c.reported_version)
_own: Final = {False: _of_identity(devices, *_OWN), True: _of_identity(modules, *_OWN)}
_reported: Final = {False: _of_identity(devices, *_REPORTED), True: _of_identity(modules, *_REPORTED)}
_whole: Final = sa.select(twins).where(_keys)
_many: Final = sa.select(twins).where(
    _c.organization_id == sa.bindparam("organization"),
    _c.generation_id.in_(sa.bindparam("generations", expanding=True)),
)
_insert: Final = twins.insert()
_update_reported: Final = (
    twins.update()
    .where(_keys)
    .values(
        reported=sa.bindparam("new_reported"),
        reported_version=sa.bindparam("new_version"),
        reported_metadata=sa.bindparam("new_metadata"),
        updated_at=sa.bindparam("at"),
        revision=_c.revision + 1,
    )
)
_update_both: Final = (
    twins.update()
    .where(_keys)
    .values(
        desired=sa.bindparam("new_desired"),
        desired_version=sa.bindparam("new_desired_version"),
        desired_metadata=sa.bindparam("new_desired_metadata"),
        reported=sa.bindparam("new_reported"),
        reported_version=sa.bindparam("new_version"),
        reported_metadata=sa.bindparam("new_metadata"),
        updated_at=sa.bindparam("at"),
        revision=_c.revision + 1,
    )
)


class StoredTwin:
    """Both bags as stored, with the row's revision; a row that is not there yet is at revision 0."""

    __slots__ = ("desired", "reported", "revision", "updated_at")

    def __init__(self, desired: Bag, reported: Bag, revision: int, updated_at: datetime | None) -> None:
        self.desired = desired
        self.reported = reported
        self.revision = revision
        self.updated_at = updated_at


def read_own(connection: sa.Connection, organization_id: str, generation_id: str) -> tuple[Bag, Bag] | None:
    """Return both bags of an identity without metadata; ``None`` when it is deleted or never was."""
    row = _one(connection, _own, organization_id, generation_id)
    if row is None:
        return None
    if row.desired_version is None:
        return EMPTY, EMPTY
    desired, reported = _restored(connection, row.desired, row.reported)
    return Bag(values=desired, version=row.desired_version), Bag(values=reported, version=row.reported_version)


def read_reported(connection: sa.Connection, organization_id: str, generation_id: str) -> tuple[Bag, bool] | None:
    """Return the reported bag of an identity, and whether it has a row; ``None`` when it is deleted or never was."""
    row = _one(connection, _reported, organization_id, generation_id)
    if row is None:
        return None
    if row.reported_version is None:
        return EMPTY, False
    (values,) = _restored(connection, row.reported)
    return Bag(values=values, version=row.reported_version, metadata=row.reported_metadata), True


def find(connection: sa.Connection, organization_id: str, generation_id: str) -> StoredTwin:
    """Return the twin of a generation; both bags are empty when nothing was ever stored."""
    keys = {"organization": organization_id, "generation": generation_id}
    row = connection.execute(_whole, keys).one_or_none()
    return StoredTwin(EMPTY, EMPTY, 0, None) if row is None else _to_twin(connection, row)


def find_many(connection: sa.Connection, organization_id: str, generation_ids: Iterable[str]) -> dict[str, StoredTwin]:
    """Return the twins of generations; those without a row are left out."""
    keys = {"organization": organization_id, "generations": list(generation_ids)}
    return {row.generation_id: _to_twin(connection, row) for row in connection.execute(_many, keys)}


def save_reported(
    connection: sa.Connection, organization_id: str, generation_id: str, reported: Bag, at: datetime, *, has_row: bool
) -> None:
    """Write the reported bag."""
    if not has_row:
        save(connection, organization_id, generation_id, StoredTwin(EMPTY, reported, 0, None), at)
        return
    connection.execute(
        _update_reported,
        {
            "organization": organization_id,
            "generation": generation_id,
            "new_reported": reported.values,
            "new_version": reported.version,
            "new_metadata": reported.metadata,
            "at": at,
        },
    )


def save(connection: sa.Connection, organization_id: str, generation_id: str, twin: StoredTwin, at: datetime) -> None:
    """Write both bags over the revision they were read at, in the same transaction."""
    if twin.revision:
        connection.execute(
            _update_both,
            {
                "organization": organization_id,
                "generation": generation_id,
                "new_desired": twin.desired.values,
                "new_desired_version": twin.desired.version,
                "new_desired_metadata": twin.desired.metadata,
                "new_reported": twin.reported.values,
                "new_version": twin.reported.version,
                "new_metadata": twin.reported.metadata,
                "at": at,
            },
        )
        return
    connection.execute(
        _insert,
        {
            "organization_id": organization_id,
            "generation_id": generation_id,
            "desired": twin.desired.values,
            "desired_version": twin.desired.version,
            "desired_metadata": twin.desired.metadata,
            "reported": twin.reported.values,
            "reported_version": twin.reported.version,
            "reported_metadata": twin.reported.metadata,
            "updated_at": at,
            "revision": 1,
        },
    )


def delete(connection: sa.Connection, organization_id: str, generation_ids: Iterable[str]) -> None:
    """Forget the twins of generations."""
    listed = list(generation_ids)
    connection.execute(twins.delete().where(_c.organization_id == organization_id, _c.generation_id.in_(listed)))


def _one(
    connection: sa.Connection, statements: dict[bool, sa.Select[Any]], organization_id: str, generation_id: str
) -> sa.Row[Any] | None:
    keys = {"organization": organization_id, "generation": generation_id}
    return connection.execute(statements[generation_id.startswith(module_repository.PREFIX)], keys).one_or_none()


def _to_twin(connection: sa.Connection, row: sa.Row[Any]) -> StoredTwin:
    desired, reported = _restored(connection, row.desired, row.reported)
    return StoredTwin(
        Bag(values=desired, version=row.desired_version, metadata=row.desired_metadata),
        Bag(values=reported, version=row.reported_version, metadata=row.reported_metadata),
        row.revision,
        row.updated_at,
    )


def _restored(connection: sa.Connection, *documents: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """Return documents as they were written: PostgreSQL spells a large float, 1e300, as a whole number."""
    if connection.dialect.name == "postgresql":
        for document in documents:
            for key, value in document.items():
                document[key] = _restore(value)
    return documents


def _restore(value: Any) -> Any:  # Any: a JSON value
    if isinstance(value, dict):
        return {key: _restore(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_restore(inner) for inner in value]
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    return float(value) if is_integer and not INTEGER_MIN <= value <= INTEGER_MAX else value
