"""The table of the latest changes' hops and its SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from vedette.kernel import OrganizationId
from vedette.store import metadata

hops: Final = sa.Table(
    "access_enforcement_hops",
    metadata,
    sa.Column("organization_id", sa.String(64), primary_key=True),
    sa.Column("sequence", sa.BigInteger, primary_key=True),
    sa.Column("hops", sa.LargeBinary, nullable=False),
)
_c: Final = hops.c


def save(connection: sa.Connection, organization_id: OrganizationId, rows: Sequence[tuple[int, bytes]]) -> None:
    """Write the hops of changes, over what is there of them."""
    sequences = [sequence for sequence, _ in rows]
    connection.execute(hops.delete().where(_c.organization_id == organization_id, _c.sequence.in_(sequences)))
    connection.execute(
        hops.insert(),
        [{"organization_id": organization_id, "sequence": sequence, "hops": encoded} for sequence, encoded in rows],
    )


def forget(connection: sa.Connection, organization_id: OrganizationId, up_to: int) -> None:
    """Forget the changes up to a sequence."""
    connection.execute(hops.delete().where(_c.organization_id == organization_id, _c.sequence <= up_to))


def list_latest(connection: sa.Connection, organization_id: OrganizationId, limit: int) -> list[bytes]:
    """Return the hops of the latest changes, oldest first."""
    query = sa.select(_c.hops).where(_c.organization_id == organization_id).order_by(_c.sequence.desc()).limit(limit)
    return list(connection.execute(query).scalars())[::-1]
