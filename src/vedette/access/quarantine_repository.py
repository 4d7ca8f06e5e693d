"""The tables of quarantines and of the acts that budgets are counted by, and their SQL."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from vedette.access.quarantine_model import Quarantined, QuarantineMode
from vedette.kernel import DeviceId, GenerationId, OrganizationId
from vedette.store import Json, UtcDateTime, metadata
from vedette.trust import Lifecycle

_ID: Final = 64
_NAME: Final = 128

quarantines: Final = sa.Table(
    "access_quarantines",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("generation_id", sa.String(_ID), primary_key=True),
    sa.Column("device_id", sa.String(_NAME), nullable=False),
    sa.Column("mode", sa.String(16), nullable=False),
    sa.Column("asked_mode", sa.String(16), nullable=False),
    sa.Column("narrowed_because", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("source", sa.String(_NAME), nullable=False),
    sa.Column("since", UtcDateTime, nullable=False),
    sa.Column("review_at", UtcDateTime, nullable=False),
    sa.Column("mode_since", UtcDateTime, nullable=False),
    sa.Column("former_lifecycle", sa.String(16), nullable=False),
    sa.Column("started_by", sa.String(320), nullable=False),
    sa.Column("asked_by", sa.String(320), nullable=False),
    sa.Column("rechecked_by", sa.String(320), nullable=False),
)
# For an hour or so: how many devices each site, group and source has lost already.
acts: Final = sa.Table(
    "access_quarantine_acts",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("act_id", sa.String(_ID), primary_key=True),
    sa.Column("generation_id", sa.String(_ID), nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("source", sa.String(_NAME), nullable=False),
    sa.Column("site", sa.String(_NAME)),
    sa.Column("groups", Json, nullable=False),
    sa.Column("is_cut", sa.Boolean, nullable=False),
)
_q: Final = quarantines.c
_a: Final = acts.c
sa.Index("ix_access_quarantine_acts_at", _a.organization_id, _a.at)
# Any: the element type of an expanding parameter is not inferred.
_generations: Final[sa.BindParameter[Any]] = sa.bindparam("generations", expanding=True)
_many: Final = sa.select(quarantines).where(
    _q.organization_id == sa.bindparam("organization"), _q.generation_id.in_(_generations)
)
_FIELDS: Final = tuple(field.name for field in fields(Quarantined))


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineAct:
    """A device was quarantined, at a place and by a source."""

    act_id: str
    generation_id: str
    at: datetime
    source: str
    site: str | None
    groups: tuple[str, ...]
    is_cut: bool


def find_many(connection: sa.Connection, organization_id: str, generation_ids: Iterable[str]) -> dict[str, Quarantined]:
    """Return the quarantines of devices; those that are in none are left out."""
    rows = connection.execute(_many, {"organization": organization_id, "generations": list(generation_ids)})
    return {row["generation_id"]: _to_quarantined(row) for row in rows.mappings()}


def find(connection: sa.Connection, organization_id: str, generation_id: str) -> Quarantined | None:
    """Return the quarantine of a device."""
    return find_many(connection, organization_id, [generation_id]).get(generation_id)


def save(connection: sa.Connection, quarantined: Quarantined) -> None:
    """Write a quarantine over the one before."""
    delete(connection, quarantined.organization_id, quarantined.generation_id)
    row = {name: getattr(quarantined, name) for name in _FIELDS}
    row |= {name: row[name].value for name in ("mode", "asked_mode", "former_lifecycle")}
    connection.execute(quarantines.insert().values(row))


def delete(connection: sa.Connection, organization_id: str, generation_id: str) -> bool:
    """End a quarantine; tell whether there was one."""
    mine = sa.and_(_q.organization_id == organization_id, _q.generation_id == generation_id)
    return connection.execute(quarantines.delete().where(mine)).rowcount > 0


def list_page(
    connection: sa.Connection,
    organization_id: str,
    *,
    after: str,
    limit: int,
    due_before: datetime | None,
    waits_for_approval: bool | None,
) -> list[Quarantined]:
    """Return quarantines by generation id, in its order."""
    query = sa.select(quarantines).where(_q.organization_id == organization_id, _q.generation_id > after)
    if due_before is not None:
        query = query.where(_q.review_at <= due_before)
    if waits_for_approval is not None:
        query = query.where(_q.asked_by != "" if waits_for_approval else _q.asked_by == "")
    rows = connection.execute(query.order_by(_q.generation_id).limit(limit)).mappings()
    return [_to_quarantined(row) for row in rows]


def add_act(connection: sa.Connection, organization_id: str, act: QuarantineAct, *, forget_before: datetime) -> None:
    """Count a quarantine; what is older than anybody counts is forgotten."""
    connection.execute(acts.delete().where(_a.organization_id == organization_id, _a.at < forget_before))
    row = {name: getattr(act, name) for name in QuarantineAct.__slots__}
    connection.execute(acts.insert().values(organization_id=organization_id, **(row | {"groups": list(act.groups)})))


def list_acts(connection: sa.Connection, organization_id: str, since: datetime) -> list[QuarantineAct]:
    """Return the acts since a time."""
    rows = connection.execute(sa.select(acts).where(_a.organization_id == organization_id, _a.at >= since)).mappings()
    return [
        QuarantineAct(
            act_id=row["act_id"],
            generation_id=row["generation_id"],
            at=row["at"],
            source=row["source"],
            site=row["site"],
            groups=tuple(row["groups"]),
            is_cut=row["is_cut"],
        )
        for row in rows
    ]


def _to_quarantined(row: sa.RowMapping) -> Quarantined:
    values: dict[str, Any] = dict(row)  # Any: one type per column
    return Quarantined(
        **values
        | {
            "organization_id": OrganizationId(row["organization_id"]),
            "generation_id": GenerationId(row["generation_id"]),
            "device_id": DeviceId(row["device_id"]),
            "mode": QuarantineMode(row["mode"]),
            "asked_mode": QuarantineMode(row["asked_mode"]),
            "former_lifecycle": Lifecycle(row["former_lifecycle"]),
        }
    )
