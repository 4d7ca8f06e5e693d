"""The tables and SQL of enrollments and registrations."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from vedette.enrollment.model import (
    Approval,
    Attestation,
    CredentialMode,
    Enrollment,
    EnrollmentKind,
    InitialDevice,
    Registration,
    ReprovisionPolicy,
)
from vedette.kernel import (
    AuthorityId,
    DeviceId,
    EnrollmentId,
    GenerationId,
    OrganizationId,
    RegistrationId,
)
from vedette.store import Json, UtcDateTime, metadata

_ID: Final = 64
GROUPS_MAX: Final = 1000
_WORDS: Final = ("kind", "attestation", "credential", "reprovision_policy", "approval")

enrollments: Final = sa.Table(
    "enrollment_enrollments",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("enrollment_id", sa.String(_ID), primary_key=True),
    sa.Column("name", sa.String(128), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("is_enabled", sa.Boolean, nullable=False),
    sa.Column("attestation", sa.String(16), nullable=False, server_default=sa.text("'x509'")),
    sa.Column("credential", sa.String(16), nullable=False),
    sa.Column("onboarding_until", UtcDateTime),
    sa.Column("symmetric_key_until", UtcDateTime),
    sa.Column("registration_id", sa.String(128)),
    sa.Column("device_id", sa.String(128)),
    sa.Column("primary_sha256", sa.String(64)),
    sa.Column("secondary_sha256", sa.String(64)),
    sa.Column("authority_id", sa.String(_ID)),
    sa.Column("id_pattern", sa.String(128), nullable=False),
    sa.Column("lifetime_s", sa.BigInteger),
    sa.Column("reprovision_policy", sa.String(16), nullable=False, server_default=sa.text("'keep'")),
    sa.Column("approval", sa.String(16), nullable=False, server_default=sa.text("'none'")),
    sa.Column("approval_timeout_s", sa.BigInteger, nullable=False, server_default=sa.text("86400")),
    sa.Column("initial", Json, nullable=False),
    sa.Column("payload", Json),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("organization_id", "name"),
)
registrations: Final = sa.Table(
    "enrollment_registrations",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("registration_id", sa.String(128), primary_key=True),
    sa.Column("device_id", sa.String(128), nullable=False),
    sa.Column("generation_id", sa.String(_ID)),
    sa.Column("enrollment_id", sa.String(_ID)),
    sa.Column("onboarding_sha256", sa.String(64)),
    sa.Column("certificate_sha256", sa.String(64)),
    sa.Column("operation_id", sa.String(64), nullable=False),
    sa.Column("approved_binding", sa.String(64)),
    sa.Column("payload", sa.Text, nullable=False, server_default=sa.text("''")),
    sa.Column("payload_bytes", sa.Integer, nullable=False, server_default=sa.text("0")),
    sa.Column("permit_until", UtcDateTime),
    sa.Column("locked_at", UtcDateTime),
    sa.Column("lock_reason", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Index("ix_enrollment_registrations_device", "organization_id", "device_id"),
    sa.Index("ix_enrollment_registrations_enrollment", "organization_id", "enrollment_id"),
)
# A version is a generated id and no number: one that was rolled back never comes again with another meaning.
states: Final = sa.Table(
    "enrollment_states",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("version", sa.String(_ID), nullable=False),
)

_e: Final = enrollments.c
_r: Final = registrations.c


def _unique(name: str, table: sa.Table, column: str) -> None:
    present = table.c[column].is_not(None)
    sa.Index(
        name, table.c.organization_id, table.c[column], unique=True, sqlite_where=present, postgresql_where=present
    )


_unique("uq_enrollment_enrollments_registration", enrollments, "registration_id")
_unique("uq_enrollment_enrollments_primary", enrollments, "primary_sha256")
_unique("uq_enrollment_enrollments_secondary", enrollments, "secondary_sha256")
_unique("uq_enrollment_enrollments_authority", enrollments, "authority_id")
_unique("uq_enrollment_registrations_generation", registrations, "generation_id")

_of_enrollments: Final = _e.organization_id == sa.bindparam("organization")
_of_registrations: Final = _r.organization_id == sa.bindparam("organization")
_version: Final = sa.select(states.c.version).where(states.c.organization_id == sa.bindparam("organization"))
_individual: Final = sa.select(enrollments).where(
    _of_enrollments,
    sa.or_(
        _e.registration_id == sa.bindparam("registration"),
        _e.primary_sha256 == sa.bindparam("leaf"),
        _e.secondary_sha256 == sa.bindparam("leaf"),
    ),
)
_insert_registration: Final = registrations.insert()
_nothing: Final = sa.select(sa.literal(1).label("one")).subquery()
_by_registration: Final = sa.select(registrations, _version.scalar_subquery().label("version")).select_from(
    _nothing.outerjoin(registrations, sa.and_(_of_registrations, _r.registration_id == sa.bindparam("registration")))
)
_by_generation: Final = sa.select(registrations).where(
    _of_registrations, _r.generation_id == sa.bindparam("generation")
)


def read_version(connection: sa.Connection, organization_id: str) -> str:
    """Return the version of groups and authorities; empty before the first change."""
    return connection.execute(_version, {"organization": organization_id}).scalar_one_or_none() or ""


def advance(connection: sa.Connection, organization_id: str, version: str) -> None:
    """Give groups and authorities a new version."""
    mine = states.c.organization_id == organization_id
    if connection.execute(states.update().where(mine).values(version=version)).rowcount == 0:
        connection.execute(states.insert().values(organization_id=organization_id, version=version))


def insert_enrollment(connection: sa.Connection, enrollment: Enrollment) -> None:
    """Add an enrollment; the caller has checked what must be unique."""
    connection.execute(enrollments.insert(), _from_enrollment(enrollment))


def update_enrollment(connection: sa.Connection, enrollment: Enrollment) -> None:
    """Write an enrollment."""
    row = _from_enrollment(enrollment)
    connection.execute(enrollments.update().where(_enrollment(enrollment)).values(row))


def delete_enrollment(connection: sa.Connection, enrollment: Enrollment) -> None:
    """Take an enrollment away."""
    connection.execute(enrollments.delete().where(_enrollment(enrollment)))


def find_enrollment(connection: sa.Connection, organization_id: str, enrollment_id: str) -> Enrollment | None:
    """Return an enrollment by id."""
    query = sa.select(enrollments).where(_e.organization_id == organization_id, _e.enrollment_id == enrollment_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else _to_enrollment(row)


def find_names(connection: sa.Connection, organization_id: str, enrollment_ids: Iterable[str]) -> dict[str, str]:
    """Return the names of enrollments, by id."""
    query = sa.select(_e.enrollment_id, _e.name).where(
        _e.organization_id == organization_id, _e.enrollment_id.in_(list(enrollment_ids))
    )
    return {row.enrollment_id: row.name for row in connection.execute(query)}


def find_individuals(
    connection: sa.Connection, organization_id: str, registration_id: str, leaf_sha256: str | None
) -> list[Enrollment]:
    """Return individual enrollments of a registration id or of a certificate, if there is one; at most three."""
    keys = {"organization": organization_id, "registration": registration_id, "leaf": leaf_sha256}
    return [_to_enrollment(row) for row in connection.execute(_individual, keys)]


def find_like(connection: sa.Connection, enrollment: Enrollment) -> list[Enrollment]:
    """Return other enrollments that claim the same name, registration id, certificate or authority."""
    digests = [digest for digest in (enrollment.primary_sha256, enrollment.secondary_sha256) if digest]
    claims = [_e.name == enrollment.name]
    if enrollment.registration_id is not None:
        claims.append(_e.registration_id == enrollment.registration_id)
    if digests:
        claims += [_e.primary_sha256.in_(digests), _e.secondary_sha256.in_(digests)]
    if enrollment.authority_id is not None:
        claims.append(_e.authority_id == enrollment.authority_id)
    query = sa.select(enrollments).where(
        _e.organization_id == enrollment.organization_id,
        _e.enrollment_id != enrollment.enrollment_id,
        sa.or_(*claims),
    )
    return [_to_enrollment(row) for row in connection.execute(query.limit(4))]


def count_keyed_groups(connection: sa.Connection, organization_id: str) -> int:
    """Return how many group enrollments have symmetric keys."""
    query = sa.select(sa.func.count()).where(
        _e.organization_id == organization_id,
        _e.kind == EnrollmentKind.GROUP.value,
        _e.attestation == Attestation.SYMMETRIC_KEY.value,
    )
    return connection.execute(query).scalar_one()


def list_enrollments(
    connection: sa.Connection, organization_id: str, *, after: str, limit: int, kind: EnrollmentKind | None
) -> list[Enrollment]:
    """Return enrollments in the order they were made."""
    query = sa.select(enrollments).where(_e.organization_id == organization_id, _e.enrollment_id > after)
    if kind is not None:
        query = query.where(_e.kind == kind.value)
    return [_to_enrollment(row) for row in connection.execute(query.order_by(_e.enrollment_id).limit(limit))]


def find_registration(
    connection: sa.Connection, organization_id: str, registration_id: str
) -> tuple[Registration | None, str]:
    """Return what is known of a registration id, and the version of groups and authorities, in one statement."""
    keys = {"organization": organization_id, "registration": registration_id}
    row = connection.execute(_by_registration, keys).one()
    return (None if row.registration_id is None else _to_registration(row)), row.version or ""


def find_registration_of(connection: sa.Connection, organization_id: str, generation_id: str) -> Registration | None:
    """Return the registration that a device came from."""
    keys = {"organization": organization_id, "generation": generation_id}
    row = connection.execute(_by_generation, keys).one_or_none()
    return None if row is None else _to_registration(row)


def find_registrations_named(connection: sa.Connection, organization_id: str, device_id: str) -> list[Registration]:
    """Return the registrations that became a device of this name, latest first."""
    query = (
        sa.select(registrations)
        .where(_r.organization_id == organization_id, _r.device_id == device_id)
        .order_by(_r.updated_at.desc())
        .limit(2)
    )
    return [_to_registration(row) for row in connection.execute(query)]


def list_registrations(
    connection: sa.Connection, organization_id: str, enrollment_id: str, *, after: str, limit: int
) -> list[Registration]:
    """Return the registrations of an enrollment, by registration id."""
    query = (
        sa.select(registrations)
        .where(_r.organization_id == organization_id, _r.enrollment_id == enrollment_id, _r.registration_id > after)
        .order_by(_r.registration_id)
        .limit(limit)
    )
    return [_to_registration(row) for row in connection.execute(query)]


def save_registration(connection: sa.Connection, registration: Registration, *, is_new: bool) -> None:
    """Write a registration."""
    row = {name: getattr(registration, name) for name in _r.keys()}  # noqa: SIM118 - not a dict
    if is_new:
        connection.execute(_insert_registration, row)
    else:
        mine = sa.and_(
            _r.organization_id == registration.organization_id, _r.registration_id == registration.registration_id
        )
        connection.execute(registrations.update().where(mine).values(row))


def _enrollment(enrollment: Enrollment) -> sa.ColumnElement[bool]:
    return sa.and_(_e.organization_id == enrollment.organization_id, _e.enrollment_id == enrollment.enrollment_id)


def _from_enrollment(enrollment: Enrollment) -> dict[str, Any]:  # Any: column values
    row = {name: getattr(enrollment, name) for name in _e.keys() if not name.endswith("_s")}  # noqa: SIM118
    for name in _WORDS:
        row[name] = row[name].value
    row["lifetime_s"] = None if enrollment.lifetime is None else int(enrollment.lifetime.total_seconds())
    row["approval_timeout_s"] = int(enrollment.approval_timeout.total_seconds())
    row["initial"] = msgspec.to_builtins(enrollment.initial)
    return row


def _to_enrollment(row: sa.Row[Any]) -> Enrollment:
    return Enrollment(
        organization_id=OrganizationId(row.organization_id),
        enrollment_id=EnrollmentId(row.enrollment_id),
        name=row.name,
        kind=EnrollmentKind(row.kind),
        is_enabled=row.is_enabled,
        attestation=Attestation(row.attestation),
        credential=CredentialMode(row.credential),
        onboarding_until=row.onboarding_until,
        symmetric_key_until=row.symmetric_key_until,
        registration_id=None if row.registration_id is None else RegistrationId(row.registration_id),
        device_id=None if row.device_id is None else DeviceId(row.device_id),
        primary_sha256=row.primary_sha256,
        secondary_sha256=row.secondary_sha256,
        authority_id=None if row.authority_id is None else AuthorityId(row.authority_id),
        id_pattern=row.id_pattern,
        lifetime=None if row.lifetime_s is None else timedelta(seconds=row.lifetime_s),
        reprovision_policy=ReprovisionPolicy(row.reprovision_policy),
        approval=Approval(row.approval),
        approval_timeout=timedelta(seconds=row.approval_timeout_s),
        initial=msgspec.convert(row.initial, InitialDevice),
        payload=row.payload,
        created_at=row.created_at,
        updated_at=row.updated_at,
        revision=row.revision,
    )


def _to_registration(row: sa.Row[Any]) -> Registration:
    return Registration(
        organization_id=OrganizationId(row.organization_id),
        registration_id=RegistrationId(row.registration_id),
        device_id=DeviceId(row.device_id),
        generation_id=None if row.generation_id is None else GenerationId(row.generation_id),
        enrollment_id=None if row.enrollment_id is None else EnrollmentId(row.enrollment_id),
        onboarding_sha256=row.onboarding_sha256,
        certificate_sha256=row.certificate_sha256,
        operation_id=row.operation_id,
        approved_binding=row.approved_binding,
        payload=row.payload,
        payload_bytes=row.payload_bytes,
        permit_until=row.permit_until,
        locked_at=row.locked_at,
        lock_reason=row.lock_reason,
        created_at=row.created_at,
        updated_at=row.updated_at,
        revision=row.revision,
    )
