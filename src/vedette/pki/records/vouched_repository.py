"""The certificates that registered authorities vouch for at the hub: the table, and its SQL."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from vedette.kernel import AuthorityId, GenerationId, OrganizationId
from vedette.pki.model import AuthorityState, VouchedCertificate
from vedette.pki.records.repository import authorities
from vedette.store import UtcDateTime, metadata

_ID: Final = 64

vouched_certificates: Final = sa.Table(
    "pki_vouched_certificates",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("generation_id", sa.String(_ID), primary_key=True),
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("authority_id", sa.String(_ID), nullable=False),
    sa.Column("subject", sa.String(512), nullable=False),
    sa.Column("serial", sa.String(64), nullable=False),
    sa.Column("permitted_until", UtcDateTime, nullable=False),
    sa.Column("vouched_at", UtcDateTime, nullable=False),
    sa.Index("ix_pki_vouched_certificates_authority", "organization_id", "authority_id", "generation_id"),
    sa.Index("ix_pki_vouched_certificates_sha256", "organization_id", "sha256"),
)

_c: Final = vouched_certificates.c
_a: Final = authorities.c
_FIELDS: Final = tuple(field.name for field in fields(VouchedCertificate))
# Any: the element type of an expanding parameter is not inferred.
_generations: Final[sa.BindParameter[Any]] = sa.bindparam("generations", expanding=True)
_of_organization: Final = _c.organization_id == sa.bindparam("organization")
_of_identity: Final = sa.and_(_of_organization, _c.generation_id == sa.bindparam("generation"))
_list: Final = sa.select(vouched_certificates).where(_of_identity).order_by(_c.vouched_at.desc(), _c.sha256)
# Only under an authority that vouches at the hub now: disabling it takes them away without touching them.
_permitted: Final = (
    sa.select(_c.generation_id, _c.sha256, _c.permitted_until)
    .join(authorities, sa.and_(_a.organization_id == _c.organization_id, _a.authority_id == _c.authority_id))
    .where(
        _of_organization,
        _c.generation_id.in_(_generations),
        _c.permitted_until > sa.bindparam("now"),
        _a.state == AuthorityState.VERIFIED.value,
        _a.is_hub_trusted.is_(sa.true()),
    )
    .order_by(_c.generation_id, _c.vouched_at.desc(), _c.sha256)
)


def insert(connection: sa.Connection, certificate: VouchedCertificate) -> None:
    """Put a certificate on record."""
    connection.execute(vouched_certificates.insert(), {name: getattr(certificate, name) for name in _FIELDS})


def list_of(
    connection: sa.Connection, organization_id: OrganizationId, generation_id: GenerationId
) -> list[VouchedCertificate]:
    """Return the certificates of an identity, youngest first, whatever became of their authorities."""
    keys = {"organization": organization_id, "generation": generation_id}
    return [_to_vouched(row) for row in connection.execute(_list, keys).mappings()]


def list_permitted(
    connection: sa.Connection, organization_id: OrganizationId, generation_ids: Iterable[str], now: datetime
) -> list[tuple[str, str, datetime]]:
    """Return generation, digest and end of what identities may present, youngest first."""
    keys = {"organization": organization_id, "generations": list(generation_ids), "now": now}
    rows = connection.execute(_permitted, keys)
    return [(row.generation_id, row.sha256, row.permitted_until) for row in rows]


def find_holder(connection: sa.Connection, organization_id: OrganizationId, sha256: str) -> str | None:
    """Return the generation that a certificate was vouched for; its common name names one identity only."""
    query = sa.select(_c.generation_id).where(_c.organization_id == organization_id, _c.sha256 == sha256)
    return connection.execute(query.order_by(_c.vouched_at.desc()).limit(1)).scalar_one_or_none()


def list_holders(
    connection: sa.Connection, organization_id: OrganizationId, authority_id: AuthorityId, *, after: str, limit: int
) -> list[str]:
    """Return the generations that hold a certificate under an authority, in order, from after one of them."""
    query = (
        sa.select(_c.generation_id)
        .where(_c.organization_id == organization_id, _c.authority_id == authority_id, _c.generation_id > after)
        .distinct()
        .order_by(_c.generation_id)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def delete(
    connection: sa.Connection, organization_id: OrganizationId, generation_id: GenerationId, sha256s: Iterable[str]
) -> None:
    """Forget certificates of an identity."""
    statement = vouched_certificates.delete().where(
        _c.organization_id == organization_id, _c.generation_id == generation_id, _c.sha256.in_(list(sha256s))
    )
    connection.execute(statement)


def _to_vouched(row: sa.RowMapping) -> VouchedCertificate:
    return VouchedCertificate(**{name: row[name] for name in _FIELDS})
