"""Every link at once, in the few columns that segmentation needs: pages of whole links take ten times as long."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from vedette.network import asset_repository
from vedette.network.link_repository import links, operations
from vedette.network.segmentation.model import Flow

_l: Final = links.c
_o: Final = operations.c


def read_flows(
    connection: sa.Connection, organization_id: str, *, asset_id: str = "", since: datetime | None = None
) -> list[Flow]:
    """Return links with the classes of operations that were asked for on them.

    Args:
        connection: Of a reader.
        organization_id: Whose.
        asset_id: Only links of this asset, and of those that were merged into it.
        since: Only links that the platform first heard of then or later.
    """
    merged = asset_repository.merged_assets(connection, organization_id)
    query = sa.select(
        _l.client_id,
        _l.server_id,
        _l.client,
        _l.server,
        _l.transport,
        _l.port,
        _l.protocol,
        _l.is_external,
        _l.name,
        _l.flows,
        _l.first_at,
        _l.last_at,
    ).where(_l.organization_id == organization_id)
    kinds = sa.select(_o.client, _o.server, _o.protocol, _o.kind).where(_o.organization_id == organization_id)
    if asset_id:
        parts = [asset_id, *(part for part, into in merged.items() if into == asset_id)]
        query = query.where(sa.or_(_l.client_id.in_(parts), _l.server_id.in_(parts)))
        kinds = kinds.where(sa.or_(_o.client_id.in_(parts), _o.server_id.in_(parts)))
    if since is not None:
        query = query.where(_l.created_at >= since)
    rows = connection.execute(query.order_by(_l.link_id)).fetchall()
    asked: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    if rows:
        for client, server, protocol, kind in connection.execute(kinds.distinct()):
            asked[client, server, protocol].add(kind)
    words = {ends: tuple(sorted(found)) for ends, found in asked.items()}
    return [
        Flow(
            client=merged.get(row[0], row[0]),
            server=merged.get(row[1], row[1]),
            client_address=row[2],
            server_address=row[3],
            transport=row[4],
            port=row[5],
            protocol=row[6],
            operations=words.get((row[2], row[3], row[6]), ()),
            is_external=row[7],
            name=row[8],
            flows=row[9],
            first_at=row[10],
            last_at=row[11],
        )
        for row in rows
    ]
