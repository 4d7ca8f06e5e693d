"""The devices' table and its SQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from vedette.kernel import DeviceId, EnrollmentId, GenerationId, OrganizationId
from vedette.registry.access_list_repository import states as list_states
from vedette.registry.model import Authentication, AuthenticationType, Device, DeviceCounts, Origin
from vedette.store import Json, UtcDateTime, index_paths, metadata
from vedette.trust import FailureMode, Lifecycle

_ID: Final = 64
# Compared byte by byte on both databases, so that cursors and prefixes mean the same on both.
DEVICE_NAME: Final = sa.String(128).with_variant(sa.String(128, collation="C"), "postgresql")

devices: Final = sa.Table(
    "registry_devices",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("generation_id", sa.String(_ID), primary_key=True),
    sa.Column("device_id", DEVICE_NAME, nullable=False),
    sa.Column("authentication_type", sa.String(32), nullable=False),
    sa.Column("primary_thumbprint", sa.String(64)),
    sa.Column("secondary_thumbprint", sa.String(64)),
    sa.Column("is_enabled", sa.Boolean, nullable=False),
    sa.Column("status_reason", sa.Text, nullable=False),
    sa.Column("status_changed_at", UtcDateTime, nullable=False),
    sa.Column("is_blocked", sa.Boolean, nullable=False),
    sa.Column("lifecycle", sa.String(16), nullable=False),
    sa.Column("lifecycle_changed_at", UtcDateTime, nullable=False),
    sa.Column("device_class", sa.String(64), nullable=False),
    sa.Column("identity_class", sa.String(16), nullable=False),
    sa.Column("failure_mode", sa.String(16), nullable=False),
    sa.Column("hold_s", sa.Integer, nullable=False),
    sa.Column("site", sa.String(128)),
    sa.Column("zone", sa.String(128)),
    sa.Column("purdue_level", sa.String(4)),
    sa.Column("tags", Json, nullable=False),
    sa.Column("enrollment_id", sa.String(_ID)),
    sa.Column("authority_id", sa.String(_ID)),
    sa.Column("onboarding_sha256", sa.String(64)),
    sa.Column("onboarding_until", UtcDateTime),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("last_connected_at", UtcDateTime),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("deleted_at", UtcDateTime),
)

_c: Final = devices.c
_alive: Final = _c.deleted_at.is_(None)


def _partial(name: str, *columns: sa.Column[Any], where: sa.ColumnElement[bool], unique: bool = False) -> None:
    sa.Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


_partial("uq_registry_devices_device_id", _c.organization_id, _c.device_id, where=_alive, unique=True)
_partial("ix_registry_devices_site", _c.organization_id, _c.site, _c.device_id, where=_c.site.is_not(None))
_partial("ix_registry_devices_zone", _c.organization_id, _c.zone, _c.device_id, where=_c.zone.is_not(None))
_partial(
    "ix_registry_devices_enrollment_device",
    _c.organization_id,
    _c.enrollment_id,
    _c.device_id,
    where=_c.enrollment_id.is_not(None),
)
_partial("ix_registry_devices_lifecycle", _c.organization_id, _c.lifecycle, _c.device_id, where=_alive)
_partial("ix_registry_devices_class", _c.organization_id, _c.device_class, _c.device_id, where=_alive)
# What is wrong with few devices is found among many.
_partial(
    "ix_registry_devices_disabled",
    _c.organization_id,
    _c.device_id,
    where=sa.and_(_alive, _c.is_enabled.is_(False)),
)
_partial(
    "ix_registry_devices_blocked",
    _c.organization_id,
    _c.device_id,
    where=sa.and_(_alive, _c.is_blocked.is_(True)),
)
_partial("ix_registry_devices_authority", _c.organization_id, _c.authority_id, where=_c.authority_id.is_not(None))
_partial(
    "ix_registry_devices_onboarding", _c.organization_id, _c.onboarding_sha256, where=_c.onboarding_sha256.is_not(None)
)
_partial(
    "ix_registry_devices_primary", _c.organization_id, _c.primary_thumbprint, where=_c.primary_thumbprint.is_not(None)
)
_partial(
    "ix_registry_devices_secondary",
    _c.organization_id,
    _c.secondary_thumbprint,
    where=_c.secondary_thumbprint.is_not(None),
)
_partial(
    "ix_registry_devices_by_authority",
    _c.organization_id,
    _c.generation_id,
    where=_c.authentication_type == sa.literal_column(f"'{AuthenticationType.CERTIFICATE_AUTHORITY.value}'"),
)
index_paths(devices, _c.device_id, where=_alive)

# Any: the element type of an expanding parameter is not inferred.
_generations: Final[sa.BindParameter[Any]] = sa.bindparam("generations", expanding=True)
_names: Final[sa.BindParameter[Any]] = sa.bindparam("names", expanding=True)
_of_organization: Final = _c.organization_id == sa.bindparam("organization")
_by_name: Final = sa.select(devices).where(_of_organization, _c.device_id == sa.bindparam("name"), _alive)
_by_generations: Final = sa.select(devices).where(_of_organization, _c.generation_id.in_(_generations))
_by_names: Final = sa.select(devices).where(_of_organization, _c.device_id.in_(_names), _alive)
_insert: Final = devices.insert()
_nothing: Final = sa.select(sa.literal(1).label("one")).subquery()
_by_name_with_lists: Final = sa.select(
    devices,
    sa.select(list_states.c.version)
    .where(list_states.c.organization_id == sa.bindparam("organization"))
    .scalar_subquery()
    .label("lists_version"),
).select_from(_nothing.outerjoin(devices, sa.and_(_of_organization, _c.device_id == sa.bindparam("name"), _alive)))
_by_generation: Final = sa.select(devices).where(_of_organization, _c.generation_id == sa.bindparam("generation"))
_update: Final = devices.update().where(
    _of_organization, _c.generation_id == sa.bindparam("generation"), _c.revision == sa.bindparam("expected")
)


def find_by_name(connection: sa.Connection, organization_id: str, device_id: str) -> Device | None:
    """Return the device that holds a name now."""
    row = connection.execute(_by_name, {"organization": organization_id, "name": device_id}).one_or_none()
    return None if row is None else _to_device(row)


def find_by_name_with_lists(
    connection: sa.Connection, organization_id: str, device_id: str
) -> tuple[Device | None, str]:
    """Return the device that holds a name now, and the version of the access lists, in one statement."""
    row = connection.execute(_by_name_with_lists, {"organization": organization_id, "name": device_id}).one()
    return (None if row.generation_id is None else _to_device(row)), row.lists_version or ""


def find_generation(connection: sa.Connection, organization_id: str, generation_id: str) -> Device | None:
    """Return a device by generation, deleted or not."""
    values = {"organization": organization_id, "generation": generation_id}
    row = connection.execute(_by_generation, values).one_or_none()
    return None if row is None else _to_device(row)


def find_generations(
    connection: sa.Connection, organization_id: str, generation_ids: Iterable[str]
) -> dict[GenerationId, Device]:
    """Return devices by generation, deleted or not; unknown ones are left out."""
    keys = {"organization": organization_id, "generations": list(generation_ids)}
    rows = connection.execute(_by_generations, keys)
    return {device.generation_id: device for device in map(_to_device, rows)}


def find_names(connection: sa.Connection, organization_id: str, device_ids: Iterable[str]) -> dict[DeviceId, Device]:
    """Return the devices that hold these names now; free names are left out."""
    rows = connection.execute(_by_names, {"organization": organization_id, "names": list(device_ids)})
    return {device.device_id: device for device in map(_to_device, rows)}


def insert(connection: sa.Connection, device: Device) -> None:
    """Add a device; the caller has checked that the name is free."""
    connection.execute(_insert, _to_row(device))


def update(connection: sa.Connection, device: Device, *, expected: int) -> bool:
    """Write a device over the revision the caller read; ``False`` when another has changed it since."""
    row = _to_row(device)
    row.pop("last_connected_at")  # written on its own, without a revision
    keys = {"organization": row.pop("organization_id"), "generation": row.pop("generation_id"), "expected": expected}
    return connection.execute(_update.values(row), keys).rowcount == 1


def update_blocked(
    connection: sa.Connection, organization_id: str, generation_ids: Sequence[str], at: datetime, *, is_blocked: bool
) -> None:
    """Write what the access lists say of devices."""
    _update_many(connection, organization_id, generation_ids, {"is_blocked": is_blocked, "updated_at": at})


def update_enabled(
    connection: sa.Connection,
    organization_id: str,
    generation_ids: Sequence[str],
    at: datetime,
    *,
    is_enabled: bool,
    reason: str,
) -> None:
    """Enable or disable devices."""
    status = {"is_enabled": is_enabled, "status_reason": reason, "status_changed_at": at, "updated_at": at}
    _update_many(connection, organization_id, generation_ids, status)


def _update_many(
    connection: sa.Connection,
    organization_id: str,
    generation_ids: Sequence[str],
    values: dict[str, Any],  # Any: column values
) -> None:
    statement = (
        devices.update()
        .where(_of_organization, _c.generation_id.in_(_generations))
        .values(revision=_c.revision + 1, **values)
    )
    connection.execute(statement, {"organization": organization_id, "generations": list(generation_ids)})


def note_connected(
    connection: sa.Connection, organization_id: str, generation_ids: Sequence[str], at: datetime, *, before: datetime
) -> None:
    """Remember when devices connected, unless a time after ``before`` is known already."""
    is_old = sa.or_(_c.last_connected_at.is_(None), _c.last_connected_at < before)
    statement = (
        devices.update()
        .where(_of_organization, _c.generation_id.in_(_generations), is_old)
        .values(last_connected_at=at)
    )
    connection.execute(statement, {"organization": organization_id, "generations": list(generation_ids)})


def list_matching(
    connection: sa.Connection, organization_id: str, condition: sa.ColumnElement[bool], *, after: str, limit: int
) -> list[Device]:
    """Return devices under a condition of this room, by generation, in chunks."""
    query = (
        sa.select(devices)
        .where(_c.organization_id == organization_id, _alive, _c.generation_id > after, condition)
        .order_by(_c.generation_id)
        .limit(limit)
    )
    return [_to_device(row) for row in connection.execute(query)]


def count(connection: sa.Connection, organization_id: str) -> DeviceCounts:
    """Count devices by state; each number is read from an index alone, a million of them in a moment."""
    here = sa.and_(_c.organization_id == organization_id, _alive)
    rows = connection.execute(sa.select(_c.lifecycle, sa.func.count()).where(here).group_by(_c.lifecycle)).all()
    by_lifecycle = {str(row.lifecycle): int(row[1]) for row in rows}
    # That every name is at least the empty one leads SQLite to the index of the few, and not to one of all.
    disabled, blocked = (
        connection.execute(
            sa.select(sa.func.count()).select_from(devices).where(here, condition, _c.device_id >= "")
        ).scalar_one()
        for condition in (_c.is_enabled.is_(False), _c.is_blocked.is_(True))
    )
    return DeviceCounts(total=sum(by_lifecycle.values()), disabled=disabled, blocked=blocked, by_lifecycle=by_lifecycle)


def count_living(connection: sa.Connection, organization_id: str) -> int:
    """Count the devices that are not deleted."""
    query = sa.select(sa.func.count()).select_from(devices).where(_c.organization_id == organization_id, _alive)
    return connection.execute(query).scalar_one()


def _to_row(device: Device) -> dict[str, Any]:  # Any: column values
    authentication, origin = device.authentication, device.origin
    return {
        "organization_id": device.organization_id,
        "generation_id": device.generation_id,
        "device_id": device.device_id,
        "authentication_type": authentication.type.value,
        "primary_thumbprint": authentication.primary_thumbprint,
        "secondary_thumbprint": authentication.secondary_thumbprint,
        "is_enabled": device.is_enabled,
        "status_reason": device.status_reason,
        "status_changed_at": device.status_changed_at,
        "is_blocked": device.is_blocked,
        "lifecycle": device.lifecycle.value,
        "lifecycle_changed_at": device.lifecycle_changed_at,
        "device_class": device.device_class,
        "identity_class": device.identity_class,
        "failure_mode": device.failure_mode.value,
        "hold_s": device.hold_s,
        "site": device.site,
        "zone": device.zone,
        "purdue_level": device.purdue_level,
        "tags": device.tags,
        "enrollment_id": origin.enrollment_id,
        "authority_id": origin.authority_id,
        "onboarding_sha256": origin.onboarding_sha256,
        "onboarding_until": origin.onboarding_until,
        "created_at": device.created_at,
        "updated_at": device.updated_at,
        "last_connected_at": device.last_connected_at,
        "revision": device.revision,
        "deleted_at": device.deleted_at,
    }


def _to_device(row: sa.Row[Any]) -> Device:
    return Device(
        organization_id=OrganizationId(row.organization_id),
        generation_id=GenerationId(row.generation_id),
        device_id=DeviceId(row.device_id),
        authentication=Authentication(
            type=AuthenticationType(row.authentication_type),
            primary_thumbprint=row.primary_thumbprint,
            secondary_thumbprint=row.secondary_thumbprint,
        ),
        is_enabled=row.is_enabled,
        status_reason=row.status_reason,
        status_changed_at=row.status_changed_at,
        is_blocked=row.is_blocked,
        lifecycle=Lifecycle(row.lifecycle),
        lifecycle_changed_at=row.lifecycle_changed_at,
        device_class=row.device_class,
        identity_class=row.identity_class,
        failure_mode=FailureMode(row.failure_mode),
        hold_s=row.hold_s,
        site=row.site,
        zone=row.zone,
        purdue_level=row.purdue_level,
        tags=row.tags,
        origin=Origin(
            enrollment_id=None if row.enrollment_id is None else EnrollmentId(row.enrollment_id),
            authority_id=row.authority_id,
            onboarding_sha256=row.onboarding_sha256,
            onboarding_until=row.onboarding_until,
        ),
        created_at=row.created_at,
        updated_at=row.updated_at,
        last_connected_at=row.last_connected_at,
        revision=row.revision,
        deleted_at=row.deleted_at,
    )
