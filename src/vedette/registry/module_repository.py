"""The modules' table and its SQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from vedette.kernel import DeviceId, GenerationId, ModuleId, OrganizationId
from vedette.registry.model import Authentication, AuthenticationType
from vedette.registry.module import Module
from vedette.registry.repository import DEVICE_NAME, devices
from vedette.registry.workload import DIGEST_MAX_CHARS, IDENTITY_MAX_CHARS
from vedette.store import Json, UtcDateTime, index_paths, metadata
from vedette.trust import Workload

PREFIX: Final = "mod_"

_ID: Final = 64

modules: Final = sa.Table(
    "registry_modules",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("generation_id", sa.String(_ID), primary_key=True),
    sa.Column("device_generation_id", sa.String(_ID), nullable=False),
    sa.Column("device_id", DEVICE_NAME, nullable=False),
    sa.Column("module_id", DEVICE_NAME, nullable=False),
    sa.Column("authentication_type", sa.String(32), nullable=False),
    sa.Column("primary_thumbprint", sa.String(64)),
    sa.Column("secondary_thumbprint", sa.String(64)),
    sa.Column("is_enabled", sa.Boolean, nullable=False),
    sa.Column("managed_by", sa.String(128), nullable=False),
    sa.Column("tags", Json, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("last_connected_at", UtcDateTime),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("deleted_at", UtcDateTime),
    sa.Column("workload_digest", sa.String(DIGEST_MAX_CHARS)),
    sa.Column("workload_identity", sa.String(IDENTITY_MAX_CHARS)),
)

_c: Final = modules.c
_alive: Final = _c.deleted_at.is_(None)

sa.Index(
    "uq_registry_modules_name",
    _c.organization_id,
    _c.device_generation_id,
    _c.module_id,
    unique=True,
    sqlite_where=_alive,
    postgresql_where=_alive,
)
# The order that queries over all modules page by.
sa.Index(
    "ix_registry_modules_name",
    _c.organization_id,
    _c.device_id,
    _c.module_id,
    sqlite_where=_alive,
    postgresql_where=_alive,
)
_by_authority: Final = _c.authentication_type == sa.literal_column(
    f"'{AuthenticationType.CERTIFICATE_AUTHORITY.value}'"
)
sa.Index(
    "ix_registry_modules_by_authority",
    _c.organization_id,
    _c.generation_id,
    sqlite_where=_by_authority,
    postgresql_where=_by_authority,
)
index_paths(modules)

# Any: the element type of an expanding parameter is not inferred.
_generations: Final[sa.BindParameter[Any]] = sa.bindparam("generations", expanding=True)
_of_organization: Final = _c.organization_id == sa.bindparam("organization")
_of_device: Final = sa.and_(_of_organization, _c.device_generation_id == sa.bindparam("device"), _alive)
_by_name: Final = sa.select(modules).where(_of_device, _c.module_id == sa.bindparam("module"))
_by_full_name: Final = sa.select(modules).where(
    _of_organization, _c.device_id == sa.bindparam("device"), _c.module_id == sa.bindparam("module"), _alive
)
_by_device: Final = sa.select(modules).where(_of_device).order_by(_c.module_id)
_by_devices: Final = (
    sa.select(modules)
    .where(_of_organization, _c.device_generation_id.in_(_generations), _alive)
    .order_by(_c.device_id, _c.module_id)
)
_by_generations: Final = sa.select(modules).where(_of_organization, _c.generation_id.in_(_generations))
_count: Final = sa.select(sa.func.count()).select_from(modules).where(_of_device)
_insert: Final = modules.insert()
_update: Final = modules.update().where(
    _of_organization, _c.generation_id == sa.bindparam("generation"), _c.revision == sa.bindparam("expected")
)


def find_module(
    connection: sa.Connection, organization_id: str, device_generation_id: str, module_id: str
) -> Module | None:
    """Return the module that holds a name on a device now."""
    keys = {"organization": organization_id, "device": device_generation_id, "module": module_id}
    row = connection.execute(_by_name, keys).one_or_none()
    return None if row is None else _to_module(row)


def find_module_by_name(
    connection: sa.Connection, organization_id: str, device_id: str, module_id: str
) -> Module | None:
    """Return the module that holds a full name now."""
    keys = {"organization": organization_id, "device": device_id, "module": module_id}
    row = connection.execute(_by_full_name, keys).one_or_none()
    return None if row is None else _to_module(row)


def find_modules_of(
    connection: sa.Connection, organization_id: str, device_generation_ids: Iterable[str]
) -> list[Module]:
    """Return the modules that devices have now, by full name."""
    keys = {"organization": organization_id, "generations": list(device_generation_ids)}
    return [_to_module(row) for row in connection.execute(_by_devices, keys)]


def find_module_generations(
    connection: sa.Connection, organization_id: str, generation_ids: Iterable[str]
) -> dict[GenerationId, Module]:
    """Return modules by their generation, deleted or not; unknown ones are left out."""
    keys = {"organization": organization_id, "generations": list(generation_ids)}
    return {module.generation_id: module for module in map(_to_module, connection.execute(_by_generations, keys))}


def list_authenticated_by(
    connection: sa.Connection, organization_id: str, kind: AuthenticationType, *, after: str, limit: int
) -> list[str]:
    """Return the generations of devices and modules that authenticate in one way, in order, from after one of them."""
    found: list[str] = []
    for columns in (devices.c, _c):
        query = (
            sa.select(columns.generation_id)
            .where(
                columns.organization_id == organization_id,
                columns.authentication_type == sa.literal_column(f"'{kind.value}'"),
                columns.deleted_at.is_(None),
                columns.generation_id > after,
            )
            .order_by(columns.generation_id)
            .limit(limit)
        )
        found += connection.execute(query).scalars()
    return sorted(found)[:limit]


def list_of_device(connection: sa.Connection, organization_id: str, device_generation_id: str) -> list[Module]:
    """Return the modules of one device, by name."""
    keys = {"organization": organization_id, "device": device_generation_id}
    return [_to_module(row) for row in connection.execute(_by_device, keys)]


def count_of_device(connection: sa.Connection, organization_id: str, device_generation_id: str) -> int:
    """Return how many modules a device has."""
    keys = {"organization": organization_id, "device": device_generation_id}
    return connection.execute(_count, keys).scalar_one()


def insert(connection: sa.Connection, module: Module) -> None:
    """Add a module; the caller has checked that the name is free."""
    connection.execute(_insert, _to_row(module))


def update(connection: sa.Connection, module: Module, *, expected: int) -> bool:
    """Write a module over the revision the caller read; ``False`` when another has changed it since."""
    row = _to_row(module)
    row.pop("last_connected_at")  # written on its own, without a revision
    keys = {"organization": row.pop("organization_id"), "generation": row.pop("generation_id"), "expected": expected}
    return connection.execute(_update.values(row), keys).rowcount == 1


def note_connected(
    connection: sa.Connection, organization_id: str, generation_ids: Sequence[str], at: datetime, *, before: datetime
) -> None:
    """Remember when modules connected, unless a time after ``before`` is known already."""
    is_old = sa.or_(_c.last_connected_at.is_(None), _c.last_connected_at < before)
    statement = (
        modules.update()
        .where(_of_organization, _c.generation_id.in_(_generations), is_old)
        .values(last_connected_at=at)
    )
    connection.execute(statement, {"organization": organization_id, "generations": list(generation_ids)})


def _to_row(module: Module) -> dict[str, Any]:  # Any: column values
    authentication = module.authentication
    return {
        "organization_id": module.organization_id,
        "generation_id": module.generation_id,
        "device_generation_id": module.device_generation_id,
        "device_id": module.device_id,
        "module_id": module.module_id,
        "authentication_type": authentication.type.value,
        "primary_thumbprint": authentication.primary_thumbprint,
        "secondary_thumbprint": authentication.secondary_thumbprint,
        "is_enabled": module.is_enabled,
        "managed_by": module.managed_by,
        "tags": module.tags,
        "created_at": module.created_at,
        "updated_at": module.updated_at,
        "last_connected_at": module.last_connected_at,
        "revision": module.revision,
        "deleted_at": module.deleted_at,
        "workload_digest": None if module.workload is None else module.workload.digest,
        "workload_identity": None if module.workload is None else module.workload.identity,
    }


def _to_module(row: sa.Row[Any]) -> Module:
    return Module(
        organization_id=OrganizationId(row.organization_id),
        generation_id=GenerationId(row.generation_id),
        device_generation_id=GenerationId(row.device_generation_id),
        device_id=DeviceId(row.device_id),
        module_id=ModuleId(row.module_id),
        authentication=Authentication(
            type=AuthenticationType(row.authentication_type),
            primary_thumbprint=row.primary_thumbprint,
            secondary_thumbprint=row.secondary_thumbprint,
        ),
        is_enabled=row.is_enabled,
        managed_by=row.managed_by,
        tags=row.tags,
        created_at=row.created_at,
        updated_at=row.updated_at,
        last_connected_at=row.last_connected_at,
        revision=row.revision,
        deleted_at=row.deleted_at,
        workload=_to_workload(row.workload_digest, row.workload_identity),
    )


def _to_workload(digest: str | None, identity: str | None) -> Workload | None:
    return None if digest is None and identity is None else Workload(digest=digest or "", identity=identity or "")
