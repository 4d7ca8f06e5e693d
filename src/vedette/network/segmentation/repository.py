"""The tables of segmentation: versions of the plan, and traffic that broke it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from vedette.network.row_repository import upsert
from vedette.network.segmentation.model import LeftOut, Plan, PlanStage, PlanState, PlanVersion, PlanVersionSummary
from vedette.network.segmentation.violation import Violation
from vedette.store import UtcDateTime, metadata

_ID: Final = 64
_ACTOR: Final = 300
_MANY: Final = 500

plans: Final = sa.Table(
    "network_plans",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("stage", sa.String(16), nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("base", sa.BigInteger, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("zones", sa.Integer, nullable=False),
    sa.Column("conduits", sa.Integer, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("created_by", sa.String(_ACTOR), nullable=False),
    sa.Column("changed_at", UtcDateTime, nullable=False),
    sa.Column("changed_by", sa.String(_ACTOR), nullable=False),
    sa.Column("approved_at", UtcDateTime, nullable=True),
    sa.Column("approved_by", sa.String(_ACTOR), nullable=False),
    sa.Column("reason", sa.String(1024), nullable=False),
)
violations: Final = sa.Table(
    "network_violations",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("violation_id", sa.String(_ID), primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("last_at", UtcDateTime, nullable=False),
)
sa.Index("ix_network_violations_last", violations.c.organization_id, violations.c.last_at)


class _Content(msgspec.Struct, frozen=True, omit_defaults=True):
    """What of a version is kept as one."""

    plan: Plan
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()


_encoder: Final = msgspec.json.Encoder()
_contents: Final = msgspec.json.Decoder(_Content)
_violations: Final = msgspec.json.Decoder(Violation)


def save_plan(connection: sa.Connection, organization_id: str, version: PlanVersion) -> None:
    """Write a version, over what is there of it."""
    row: dict[str, Any] = {  # Any: column values
        name: getattr(version, name)
        for name in PlanVersion.__struct_fields__
        if name not in {"plan", "left_out", "notes"}
    }
    row |= {
        "organization_id": organization_id,
        "state": version.state.value,
        "stage": version.stage.value,
        "content": _encoder.encode(_Content(version.plan, version.left_out, version.notes)),
        "zones": len(version.plan.zones),
        "conduits": len(version.plan.conduits),
    }
    upsert(connection, plans, [row])


def find_plan(
    connection: sa.Connection, organization_id: str, *, number: int | None = None, state: PlanState | None = None
) -> PlanVersion | None:
    """Return the newest version of a number or state."""
    c = plans.c
    query = sa.select(plans).where(c.organization_id == organization_id)
    if number is not None:
        query = query.where(c.number == number)
    if state is not None:
        query = query.where(c.state == state.value)
    row = connection.execute(query.order_by(c.number.desc()).limit(1)).mappings().first()
    if row is None:
        return None
    content = _contents.decode(row["content"])
    kept = {name: row[name] for name in PlanVersion.__struct_fields__ if name in row}
    kept |= {"state": PlanState(row["state"]), "stage": PlanStage(row["stage"])}
    return PlanVersion(plan=content.plan, left_out=content.left_out, notes=content.notes, **kept)


def list_plans(
    connection: sa.Connection, organization_id: str, *, before: int | None, limit: int
) -> list[PlanVersionSummary]:
    """Return versions without their content, the newest first."""
    c = plans.c
    query = sa.select(*(c[name] for name in PlanVersionSummary.__struct_fields__)).where(
        c.organization_id == organization_id
    )
    if before is not None:
        query = query.where(c.number < before)
    rows = connection.execute(query.order_by(c.number.desc()).limit(limit)).mappings()
    return [
        PlanVersionSummary(**dict(row) | {"state": PlanState(row["state"]), "stage": PlanStage(row["stage"])})
        for row in rows
    ]


def newest_number(connection: sa.Connection, organization_id: str) -> int:
    """Return the highest number of a version; 0 if there is none."""
    query = sa.select(sa.func.max(plans.c.number)).where(plans.c.organization_id == organization_id)
    return connection.execute(query).scalar() or 0


def delete_plan(connection: sa.Connection, organization_id: str, number: int) -> None:
    """Delete a version."""
    connection.execute(plans.delete().where(plans.c.organization_id == organization_id, plans.c.number == number))


def set_state(connection: sa.Connection, organization_id: str, former: PlanState, state: PlanState) -> None:
    """Move all versions of one state into another."""
    c = plans.c
    connection.execute(
        plans.update().where(c.organization_id == organization_id, c.state == former.value).values(state=state.value)
    )


def save_violations(connection: sa.Connection, organization_id: str, found: Sequence[Violation]) -> None:
    """Write violations, over what is there of them."""
    for start in range(0, len(found), _MANY):
        rows = [
            {
                "organization_id": organization_id,
                "violation_id": each.violation_id,
                "number": each.number,
                "content": _encoder.encode(each),
                "last_at": each.last_at,
            }
            for each in found[start : start + _MANY]
        ]
        upsert(connection, violations, rows)


def find_violations(connection: sa.Connection, organization_id: str, ids: Sequence[str]) -> dict[str, Violation]:
    """Return violations that are known, by their ids."""
    c = violations.c
    found: dict[str, Violation] = {}
    for start in range(0, len(ids), _MANY):
        query = sa.select(c.content).where(
            c.organization_id == organization_id, c.violation_id.in_(ids[start : start + _MANY])
        )
        for content in connection.execute(query).scalars():
            violation = _violations.decode(content)
            found[violation.violation_id] = violation
    return found


def list_violations(
    connection: sa.Connection, organization_id: str, *, number: int, after: str, limit: int
) -> list[Violation]:
    """Return violations of a version, by id."""
    c = violations.c
    query = (
        sa.select(c.content)
        .where(c.organization_id == organization_id, c.number == number, c.violation_id > after)
        .order_by(c.violation_id)
        .limit(limit)
    )
    return [_violations.decode(content) for content in connection.execute(query).scalars()]


def count_violations(connection: sa.Connection, organization_id: str) -> int:
    """Return how many are kept."""
    query = sa.select(sa.func.count()).select_from(violations).where(violations.c.organization_id == organization_id)
    return connection.execute(query).scalar_one()


def forget_violations(connection: sa.Connection, organization_id: str, *, but: int) -> None:
    """Forget the violations of all versions but one."""
    c = violations.c
    connection.execute(violations.delete().where(c.organization_id == organization_id, c.number != but))
