"""How many there are: devices of a site, members of groups, connected gateways of a site."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from vedette.registry.group_repository import members
from vedette.registry.presence_repository import presence
from vedette.registry.repository import devices


def count_of_site(connection: sa.Connection, organization_id: str, site: str) -> int:
    """Count the devices that a site has now."""
    c = devices.c
    query = (
        sa.select(sa.func.count())
        .select_from(devices)
        .where(c.organization_id == organization_id, c.site == site, c.deleted_at.is_(None))
    )
    return connection.execute(query).scalar_one()


def count_members(connection: sa.Connection, organization_id: str, group_ids: Iterable[str]) -> dict[str, int]:
    """Count the members of groups; empty groups are left out."""
    c = members.c
    query = (
        sa.select(c.group_id, sa.func.count().label("members"))
        .where(c.organization_id == organization_id, c.group_id.in_(list(group_ids)))
        .group_by(c.group_id)
    )
    return {row.group_id: row.members for row in connection.execute(query)}


def count_connected(connection: sa.Connection, organization_id: str, site: str, device_class: str, *, but: str) -> int:
    """Count the devices of a class at a site that are connected, without one of them."""
    d, p = devices.c, presence.c
    query = (
        sa.select(sa.func.count())
        .select_from(
            devices.join(presence, sa.and_(d.organization_id == p.organization_id, d.generation_id == p.generation_id))
        )
        .where(
            d.organization_id == organization_id,
            d.site == site,
            d.device_class == device_class,
            d.deleted_at.is_(None),
            d.generation_id != but,
            p.is_connected.is_(True),
        )
    )
    return connection.execute(query).scalar_one()
