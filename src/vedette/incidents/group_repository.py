"""Alerts that belong together, found and counted: SQL over the table of alerts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa

from vedette.incidents.alert_repository import AlertFilter, alerts, conditions, to_alert
from vedette.incidents.model import RANKS, SEVERITIES, Alert, AlertState, End, Severity

_c: Final = alerts.c
_LOOKED_AT: Final = 200
_PARTS: Final = 12
_rank: Final = sa.case({severity.value: rank for severity, rank in RANKS.items()}, value=_c.severity, else_=0)
_open: Final = sa.and_(_c.is_loud.is_(True), _c.state != AlertState.CLOSED.value)


class GroupedBy(StrEnum):
    """What the alerts of a group share."""

    INCIDENT = "incident"
    """Who did it, without a pause of half an hour."""
    SOURCE = "source"
    TARGET = "target"
    RULE = "rule"
    TECHNIQUE = "technique"
    SENSOR = "sensor"
    SITE = "site"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertGroup:
    """Alerts that share something.

    Attributes:
        key: What they share; the address of an end, the id of an incident.
        name: What the inventory calls it.
        site: Where; addresses repeat from site to site.
        open: How many somebody is to look at.
        severity: Of the gravest that is open, else of the gravest.
        rules: What happened, in the order in which it began.
        title: Of the gravest, what happened in words.
    """

    key: str
    name: str
    site: str
    count: int
    open: int
    severity: Severity
    first_at: datetime
    last_at: datetime
    rules: tuple[str, ...]
    title: str


def find_near(
    connection: sa.Connection, alert: Alert, *, within: timedelta, rules: Sequence[str] | None = None
) -> list[Alert]:
    """Return alerts of a site about one end that an alert names too, at about the same time, youngest first.

    Closed ones are left out; who did it is looked for, and if nobody is named, whom it was done to.
    """
    end, column = (alert.source, "source") if alert.source.address else (alert.target, "target")
    query = sa.select(alerts).where(
        _c.organization_id == alert.organization_id,
        _c.last_at >= alert.first_at - within,
        _c.first_at <= alert.last_at + within,
        _c.site == alert.site,
        _c.state != AlertState.CLOSED.value,
        _names(column, end),
    )
    if rules is not None:
        query = query.where(_c.rule.in_(rules))
    rows = connection.execute(query.order_by(_c.alert_id.desc()).limit(_LOOKED_AT)).mappings()
    return [to_alert(row) for row in rows]


def list_groups(
    connection: sa.Connection, organization_id: str, wanted: AlertFilter, by: GroupedBy, *, limit: int
) -> list[AlertGroup]:
    """Return groups, those with the gravest open alerts first, then the latest."""
    keys = _keys(by)
    mine = conditions(organization_id, wanted)
    opened = sa.func.sum(sa.case((_open, 1), else_=0))
    open_rank = sa.func.max(sa.case((_open, _rank), else_=-1))
    query = (
        sa.select(
            *(key.label(f"key_{number}") for number, key in enumerate(keys)),
            sa.func.max(_name(by)).label("name"),
            sa.func.count().label("count"),
            opened.label("open"),
            open_rank.label("open_rank"),
            sa.func.max(_rank).label("rank"),
            sa.func.min(_c.first_at).label("first_at"),
            sa.func.max(_c.last_at).label("last_at"),
        )
        .where(*mine, keys[0] != "")
        .group_by(*keys)
        .order_by(open_rank.desc(), sa.func.max(_c.last_at).desc())
        .limit(limit)
    )
    rows = connection.execute(query).mappings().all()
    parts = _read_parts(connection, mine, keys, [row["key_0"] for row in rows])
    return [_to_group(row, by, parts) for row in rows]


def _to_group(row: sa.RowMapping, by: GroupedBy, parts: dict[tuple[str, ...], list[sa.RowMapping]]) -> AlertGroup:
    key = tuple(row[f"key_{number}"] for number in range(len(_keys(by))))
    mine = parts.get(key, [])
    gravest = max(mine, key=lambda part: part["rank"], default=None)
    return AlertGroup(
        key=key[0],
        name=row["name"] or "",
        site=key[1] if len(key) > 1 else "",
        count=row["count"],
        open=row["open"],
        severity=SEVERITIES[row["open_rank"] if row["open_rank"] >= 0 else row["rank"]],
        first_at=row["first_at"],
        last_at=row["last_at"],
        rules=tuple(part["rule"] for part in mine[:_PARTS]),
        title="" if gravest is None else gravest["title"],
    )


def _read_parts(
    connection: sa.Connection,
    mine: Sequence[sa.ColumnElement[bool]],
    keys: Sequence[sa.ColumnElement[Any]],
    wanted: Sequence[str],
) -> dict[tuple[str, ...], list[sa.RowMapping]]:
    """Return what happened in each group, by rule, in the order in which it began."""
    if not wanted:
        return {}
    query = (
        sa.select(
            *(key.label(f"key_{number}") for number, key in enumerate(keys)),
            _c.rule,
            sa.func.max(_rank).label("rank"),
            sa.func.max(_c.title).label("title"),
            sa.func.min(_c.first_at).label("first_at"),
        )
        .where(*mine, keys[0].in_(wanted))
        .group_by(*keys, _c.rule)
        .order_by(sa.func.min(_c.first_at))
    )
    found: dict[tuple[str, ...], list[sa.RowMapping]] = {}
    for row in connection.execute(query).mappings():
        found.setdefault(tuple(row[f"key_{number}"] for number in range(len(keys))), []).append(row)
    return found


def _keys(by: GroupedBy) -> list[sa.ColumnElement[Any]]:  # Any: one type per column
    match by:
        case GroupedBy.INCIDENT:
            return [_c.incident_id, _c.site]
        case GroupedBy.SOURCE:
            return [_c.source_address, _c.site]
        case GroupedBy.TARGET:
            return [_c.target_address, _c.site]
        case GroupedBy.SENSOR:
            return [_c.sensor_name, _c.site]
        case _:
            return [_c[by.value]]


def _name(by: GroupedBy) -> sa.ColumnElement[Any]:  # Any: one type per column
    """Return what the inventory calls what a group shares."""
    match by:
        case GroupedBy.INCIDENT | GroupedBy.SOURCE:
            return sa.case((_c.source_name != "", _c.source_name), else_=_c.source_address)
        case GroupedBy.TARGET:
            return sa.case((_c.target_name != "", _c.target_name), else_=_c.target_address)
        case _:
            return sa.literal("")


def _names(column: str, end: End) -> sa.ColumnElement[bool]:
    by_address = _c[f"{column}_address"] == end.address
    if not end.asset_id:
        return by_address
    return sa.or_(by_address, _c[f"{column}_asset_id"] == end.asset_id)
