"""The certificates and authorities on record: tables, and all the SQL of this room."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from vedette.kernel import AuthorityId, GenerationId, OrganizationId
from vedette.pki.model import (
    Authority,
    AuthorityScope,
    AuthorityState,
    Certificate,
    Purpose,
    RevocationReason,
)
from vedette.store import UtcDateTime, metadata

_ID: Final = 64
_DIGEST: Final = 64
PERMITTED_MAX: Final = 16

certificates: Final = sa.Table(
    "pki_certificates",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("sha256", sa.String(_DIGEST), primary_key=True),
    sa.Column("generation_id", sa.String(_ID), nullable=False),
    sa.Column("subject_name", sa.String(64), nullable=False),
    sa.Column("serial", sa.String(40), nullable=False),
    sa.Column("authority_sha256", sa.String(_DIGEST), nullable=False),
    sa.Column("not_before", UtcDateTime, nullable=False),
    sa.Column("not_after", UtcDateTime, nullable=False),
    sa.Column("issued_at", UtcDateTime, nullable=False),
    sa.Column("public_key_sha256", sa.String(_DIGEST), nullable=False),
    sa.Column("der", sa.LargeBinary, nullable=False),
    sa.Column("predecessor_sha256", sa.String(_DIGEST)),
    sa.Column("successor_sha256", sa.String(_DIGEST)),
    sa.Column("first_used_at", UtcDateTime),
    sa.Column("permitted_until", UtcDateTime),
    sa.Column("revoked_at", UtcDateTime),
    sa.Column("revocation_reason", sa.String(32)),
    sa.Index("ix_pki_certificates_serial", "organization_id", "serial", unique=True),
    sa.Index("ix_pki_certificates_generation", "organization_id", "generation_id", "issued_at"),
    sa.Index("ix_pki_certificates_revoked", "organization_id", "authority_sha256", "revoked_at"),
)
# One public key, one identity, for ever: the row stays when the certificates are gone.
key_bindings: Final = sa.Table(
    "pki_key_bindings",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("public_key_sha256", sa.String(_DIGEST), primary_key=True),
    sa.Column("generation_id", sa.String(_ID), nullable=False),
)
frozen_identities: Final = sa.Table(
    "pki_frozen_identities",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("generation_id", sa.String(_ID), primary_key=True),
    sa.Column("frozen_at", UtcDateTime, nullable=False),
)
authorities: Final = sa.Table(
    "pki_authorities",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("authority_id", sa.String(_ID), primary_key=True),
    sa.Column("purpose", sa.String(16), nullable=False),
    sa.Column("name", sa.String(128), nullable=False),
    sa.Column("enrollment_group", sa.String(_ID)),
    sa.Column("device_id_pattern", sa.String(256), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("sha256", sa.String(_DIGEST), nullable=False),
    sa.Column("subject", sa.String(512), nullable=False),
    sa.Column("public_key_sha256", sa.String(_DIGEST), nullable=False),
    sa.Column("der", sa.LargeBinary, nullable=False),
    sa.Column("not_before", UtcDateTime, nullable=False),
    sa.Column("not_after", UtcDateTime, nullable=False),
    sa.Column("registered_at", UtcDateTime, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("verification_code", sa.String(64)),
    sa.Column("verification_expires_at", UtcDateTime),
    sa.Column("verified_at", UtcDateTime),
    sa.Column("is_hub_trusted", sa.Boolean, nullable=False, server_default=sa.text("false")),
    sa.UniqueConstraint("organization_id", "purpose", "sha256"),
    sa.Index("ix_pki_authorities_public_key", "organization_id", "public_key_sha256"),
)

# Built once: putting a statement together costs more than running it.
_organization: Final[sa.BindParameter[Any]] = sa.bindparam("organization")  # Any: bound as given
_by_digest: Final = certificates.select().where(
    certificates.c.organization_id == _organization, certificates.c.sha256 == sa.bindparam("digest")
)
_permitted: Final = (
    sa.select(certificates.c.sha256, certificates.c.not_after, certificates.c.permitted_until)
    .where(
        certificates.c.organization_id == _organization,
        certificates.c.generation_id == sa.bindparam("generation"),
        certificates.c.revoked_at.is_(None),
        certificates.c.not_after > sa.bindparam("now"),
        sa.or_(certificates.c.permitted_until.is_(None), certificates.c.permitted_until > sa.bindparam("now")),
    )
    # First those that nothing has followed yet: a clock that was set back makes the youngest look old.
    .order_by(certificates.c.permitted_until.is_(None).desc(), certificates.c.issued_at.desc())
    .limit(PERMITTED_MAX)
)
_key_owner: Final = sa.select(key_bindings.c.generation_id).where(
    key_bindings.c.organization_id == _organization, key_bindings.c.public_key_sha256 == sa.bindparam("digest")
)
_is_frozen: Final[sa.Select[tuple[Any]]] = (  # Any: a literal column has no type
    sa.select(sa.literal_column("1"))
    .select_from(frozen_identities)
    .where(
        frozen_identities.c.organization_id == _organization,
        frozen_identities.c.generation_id == sa.bindparam("generation"),
    )
)
_insert_certificate: Final = certificates.insert()
_insert_key: Final = key_bindings.insert()

_CERTIFICATE_FIELDS: Final = tuple(field.name for field in fields(Certificate))


def insert_certificate(connection: sa.Connection, certificate: Certificate) -> None:
    """Store a certificate."""
    row = {name: getattr(certificate, name) for name in _CERTIFICATE_FIELDS}
    connection.execute(_insert_certificate, row)


def find_certificate(connection: sa.Connection, organization_id: OrganizationId, sha256: str) -> Certificate | None:
    """Return one certificate, or ``None``."""
    keys = {"organization": organization_id, "digest": sha256}
    row = connection.execute(_by_digest, keys).mappings().first()
    return _to_certificate(row) if row else None


def find_by_serial(connection: sa.Connection, organization_id: OrganizationId, serial: str) -> Certificate | None:
    """Return the certificate with a serial number (32 hex digits), or ``None``."""
    query = certificates.select().where(
        certificates.c.organization_id == organization_id, certificates.c.serial == serial
    )
    row = connection.execute(query).mappings().first()
    return _to_certificate(row) if row else None


def list_certificates(
    connection: sa.Connection,
    organization_id: OrganizationId,
    generation_id: GenerationId,
    *,
    after: Certificate | None = None,
    limit: int = 100,
) -> list[Certificate]:
    """Return certificates of an identity, youngest first, from after one of them."""
    columns = certificates.c
    query = certificates.select().where(
        columns.organization_id == organization_id, columns.generation_id == generation_id
    )
    if after is not None:
        same_moment = sa.and_(columns.issued_at == after.issued_at, columns.sha256 > after.sha256)
        query = query.where(sa.or_(columns.issued_at < after.issued_at, same_moment))
    query = query.order_by(columns.issued_at.desc(), columns.sha256).limit(limit)
    return [_to_certificate(row) for row in connection.execute(query).mappings()]


def list_permitted(
    connection: sa.Connection, organization_id: OrganizationId, generation_id: GenerationId, now: datetime
) -> list[tuple[str, datetime, datetime | None]]:
    """Return digest, end and ``permitted_until`` of the certificates an identity may present, youngest first."""
    keys = {"organization": organization_id, "generation": generation_id, "now": now}
    return [(row.sha256, row.not_after, row.permitted_until) for row in connection.execute(_permitted, keys)]


def list_unrevoked(
    connection: sa.Connection, organization_id: OrganizationId, generation_id: GenerationId, now: datetime
) -> list[str]:
    """Return the digests of an identity's certificates that have neither expired nor been revoked."""
    columns = certificates.c
    query = sa.select(columns.sha256).where(
        columns.organization_id == organization_id,
        columns.generation_id == generation_id,
        columns.revoked_at.is_(None),
        columns.not_after > now,
    )
    return list(connection.execute(query.order_by(columns.issued_at)).scalars())


def list_revoked(
    connection: sa.Connection, organization_id: OrganizationId, authority_sha256: str, now: datetime, *, limit: int
) -> list[tuple[str, datetime, str]]:
    """Return serial, time and reason of an authority's revoked certificates that have not expired."""
    columns = certificates.c
    query = (
        sa.select(columns.serial, columns.revoked_at, columns.revocation_reason)
        .where(
            columns.organization_id == organization_id,
            columns.authority_sha256 == authority_sha256,
            columns.revoked_at.is_not(None),
            columns.not_after > now,
        )
        .order_by(columns.revoked_at)
        .limit(limit)
    )
    return [(row.serial, row.revoked_at, row.revocation_reason) for row in connection.execute(query)]


def save_successor(
    connection: sa.Connection, organization_id: OrganizationId, sha256: str, *, successor_sha256: str
) -> None:
    """Link a certificate to the one that succeeds it."""
    _update(connection, organization_id, [sha256], successor_sha256=successor_sha256)


def save_first_use(connection: sa.Connection, organization_id: OrganizationId, sha256: str, at: datetime) -> None:
    """Note when a certificate was first used."""
    _update(connection, organization_id, [sha256], first_used_at=at)


def save_permitted_until(
    connection: sa.Connection, organization_id: OrganizationId, sha256: str, until: datetime
) -> None:
    """Let a certificate's overlap end at a time."""
    _update(connection, organization_id, [sha256], permitted_until=until)


def save_revocation(
    connection: sa.Connection,
    organization_id: OrganizationId,
    sha256s: Sequence[str],
    *,
    at: datetime,
    reason: RevocationReason,
) -> None:
    """Mark certificates as revoked."""
    _update(connection, organization_id, sha256s, revoked_at=at, revocation_reason=reason.value)


def bind_key(
    connection: sa.Connection, organization_id: OrganizationId, public_key_sha256: str, generation_id: GenerationId
) -> bool:
    """Bind a public key to an identity; ``False`` when it is bound to another."""
    owner = find_key_owner(connection, organization_id, public_key_sha256)
    if owner is None:
        row = {
            "organization_id": organization_id,
            "public_key_sha256": public_key_sha256,
            "generation_id": generation_id,
        }
        connection.execute(_insert_key, row)
    return owner is None or owner == generation_id


def find_key_owner(connection: sa.Connection, organization_id: OrganizationId, public_key_sha256: str) -> str | None:
    """Return the generation id that a public key is bound to."""
    keys = {"organization": organization_id, "digest": public_key_sha256}
    return connection.execute(_key_owner, keys).scalar_one_or_none()


def freeze(
    connection: sa.Connection, organization_id: OrganizationId, generation_id: GenerationId, at: datetime
) -> bool:
    """Freeze an identity; ``False`` when it already was."""
    if is_frozen(connection, organization_id, generation_id):
        return False
    row = {"organization_id": organization_id, "generation_id": generation_id, "frozen_at": at}
    connection.execute(frozen_identities.insert(), row)
    return True


def thaw(connection: sa.Connection, organization_id: OrganizationId, generation_id: GenerationId) -> bool:
    """Lift a freeze; ``False`` when there was none."""
    result = connection.execute(frozen_identities.delete().where(_frozen(organization_id, generation_id)))
    return result.rowcount > 0


def is_frozen(connection: sa.Connection, organization_id: OrganizationId, generation_id: GenerationId) -> bool:
    """Say whether an identity is frozen."""
    keys = {"organization": organization_id, "generation": generation_id}
    return connection.execute(_is_frozen, keys).first() is not None


def insert_authority(connection: sa.Connection, authority: Authority) -> None:
    """Store an authority."""
    connection.execute(authorities.insert(), _from_authority(authority))


def save_authority(connection: sa.Connection, authority: Authority) -> None:
    """Store an authority's changed state."""
    row = _from_authority(authority)
    where = _authority(authority.organization_id, authority.authority_id)
    connection.execute(authorities.update().where(where).values(row))


def delete_authority(connection: sa.Connection, organization_id: OrganizationId, authority_id: AuthorityId) -> None:
    """Take an authority off record."""
    connection.execute(authorities.delete().where(_authority(organization_id, authority_id)))


def find_authority(
    connection: sa.Connection, organization_id: OrganizationId, authority_id: AuthorityId
) -> Authority | None:
    """Return one authority, or ``None``."""
    query = authorities.select().where(_authority(organization_id, authority_id))
    row = connection.execute(query).mappings().first()
    return _to_authority(row) if row else None


def find_authorities_by_key(
    connection: sa.Connection, organization_id: OrganizationId, public_key_sha256: str
) -> list[Authority]:
    """Return the authorities, of any purpose, that hold a key."""
    query = authorities.select().where(
        authorities.c.organization_id == organization_id, authorities.c.public_key_sha256 == public_key_sha256
    )
    return [_to_authority(row) for row in connection.execute(query).mappings()]


def list_authorities(
    connection: sa.Connection,
    organization_id: OrganizationId,
    *,
    purposes: Iterable[Purpose],
    state: AuthorityState | None = None,
    is_hub_trusted: bool | None = None,
    after: str = "",
    limit: int = 100,
) -> list[Authority]:
    """Return authorities in the order of their ids, from after one of them."""
    columns = authorities.c
    query = authorities.select().where(
        columns.organization_id == organization_id,
        columns.purpose.in_([purpose.value for purpose in purposes]),
        columns.authority_id > after,
    )
    if state is not None:
        query = query.where(columns.state == state.value)
    if is_hub_trusted is not None:
        query = query.where(columns.is_hub_trusted.is_(is_hub_trusted))
    return [
        _to_authority(row) for row in connection.execute(query.order_by(columns.authority_id).limit(limit)).mappings()
    ]


def _certificate(organization_id: OrganizationId, sha256: str) -> sa.ColumnElement[bool]:
    return sa.and_(certificates.c.organization_id == organization_id, certificates.c.sha256 == sha256)


def _authority(organization_id: OrganizationId, authority_id: AuthorityId) -> sa.ColumnElement[bool]:
    return sa.and_(authorities.c.organization_id == organization_id, authorities.c.authority_id == authority_id)


def _frozen(organization_id: OrganizationId, generation_id: GenerationId) -> sa.ColumnElement[bool]:
    columns = frozen_identities.c
    return sa.and_(columns.organization_id == organization_id, columns.generation_id == generation_id)


def _update(
    connection: sa.Connection,
    organization_id: OrganizationId,
    sha256s: Sequence[str],
    **values: Any,  # Any: a column's value
) -> None:
    where = sa.and_(certificates.c.organization_id == organization_id, certificates.c.sha256.in_(sha256s))
    connection.execute(certificates.update().where(where).values(**values))


def _to_certificate(row: sa.RowMapping) -> Certificate:
    values = {name: row[name] for name in _CERTIFICATE_FIELDS}
    reason = values["revocation_reason"]
    values["revocation_reason"] = RevocationReason(reason) if reason else None
    return Certificate(**values)


def _from_authority(authority: Authority) -> dict[str, Any]:  # Any: a column's value
    names = (field.name for field in fields(authority) if field.name != "scope")
    row = {name: getattr(authority, name) for name in names}
    row["purpose"], row["state"] = authority.purpose.value, authority.state.value
    row["enrollment_group"] = authority.scope.enrollment_group
    row["device_id_pattern"] = authority.scope.device_id_pattern
    return row


def _to_authority(row: sa.RowMapping) -> Authority:
    values = dict(row)
    scope = AuthorityScope(
        enrollment_group=values.pop("enrollment_group"), device_id_pattern=values.pop("device_id_pattern")
    )
    values["purpose"], values["state"] = Purpose(values["purpose"]), AuthorityState(values["state"])
    return Authority(scope=scope, **values)
