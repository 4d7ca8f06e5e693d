"""What is seen by who sees a part of the fleet only, as SQL beneath every condition."""

from __future__ import annotations

import sqlalchemy as sa

from vedette.registry.group_repository import groups, members
from vedette.registry.places import Area, Areas
from vedette.registry.query.columns import Clause
from vedette.registry.query.sources import DEVICES, Source
from vedette.registry.repository import devices


def clause_of(areas: Areas, source: Source) -> Clause:
    """Return what holds for the devices, or the modules of devices, that are in one of some areas."""
    if source is DEVICES:
        return _is_in(areas, source.table)
    device = devices.alias()
    found = sa.select(sa.literal(1)).where(
        device.c.organization_id == source.table.c.organization_id,
        device.c.generation_id == source.table.c.device_generation_id,
        _is_in(areas, device),
    )
    return found.correlate(source.table).exists()


def _is_in(areas: Areas, table: sa.FromClause) -> Clause:
    return sa.or_(sa.false(), *(_is_in_area(area, table) for area in areas))


def _is_in_area(area: Area, table: sa.FromClause) -> Clause:
    clauses: list[Clause] = [sa.true()]
    if area.sites:
        clauses.append(table.c.site.in_(sorted(area.sites)))
    if area.groups:
        member, group = members.alias(), groups.alias()
        joined = member.join(
            group,
            sa.and_(group.c.organization_id == member.c.organization_id, group.c.group_id == member.c.group_id),
        )
        found = sa.select(sa.literal(1)).select_from(joined)
        found = found.where(
            member.c.organization_id == table.c.organization_id,
            member.c.generation_id == table.c.generation_id,
            member.c.group_id.in_(sorted(area.groups)),
            group.c.feeds_policies.is_(sa.true()),
        )
        clauses.append(found.correlate(table).exists())
    return sa.and_(*clauses)
