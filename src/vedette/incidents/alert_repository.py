"""The table of alerts, and its SQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from vedette.incidents.model import (
    RANKS,
    SEVERITIES,
    Alert,
    AlertState,
    End,
    Engine,
    Severity,
    Step,
    Verdict,
)
from vedette.kernel import GenerationId, OrganizationId
from vedette.network import Criticality
from vedette.store import Json, UtcDateTime, metadata

_ID: Final = 64
_NAME: Final = 128
_TEXT: Final = 512
_ACTOR: Final = 320
_AT_ONCE: Final = 500
_ENDS: Final = ("source", "target")
_QUIET: Final = ("muted", "authorized", "merged")
_END_FIELDS: Final = tuple(each.name for each in fields(End))


def _end_columns(end: str) -> list[sa.Column[Any]]:  # Any: one type per column
    return [
        sa.Column(f"{end}_address", sa.String(_ID), nullable=False),
        sa.Column(f"{end}_asset_id", sa.String(_ID), nullable=False),
        sa.Column(f"{end}_name", sa.String(_TEXT), nullable=False),
        sa.Column(f"{end}_criticality", sa.String(16), nullable=False),
        sa.Column(f"{end}_generation_id", sa.String(_ID), nullable=False),
        sa.Column(f"{end}_device_id", sa.String(_NAME), nullable=False),
    ]


alerts: Final = sa.Table(
    "incidents_alerts",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("alert_id", sa.String(_ID), primary_key=True),
    sa.Column("sensor_id", sa.String(_ID), nullable=False),
    sa.Column("sensor_name", sa.String(_NAME), nullable=False),
    sa.Column("site", sa.String(_TEXT), nullable=False),
    sa.Column("sensor_alert_id", sa.String(_NAME), nullable=False),
    sa.Column("rule", sa.String(_NAME), nullable=False),
    sa.Column("engine", sa.String(16), nullable=False),
    sa.Column("severity", sa.String(16), nullable=False),
    sa.Column("raised_severity", sa.String(16), nullable=False),
    sa.Column("title", sa.String(_TEXT), nullable=False),
    *_end_columns("source"),
    *_end_columns("target"),
    sa.Column("protocol", sa.String(_NAME), nullable=False),
    sa.Column("technique", sa.String(16), nullable=False),
    sa.Column("is_learnable", sa.Boolean, nullable=False),
    sa.Column("key", sa.String(_TEXT), nullable=False),
    sa.Column("first_at", UtcDateTime, nullable=False),
    sa.Column("last_at", UtcDateTime, nullable=False),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.Column("times", sa.BigInteger, nullable=False),
    sa.Column("detail", Json, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("is_loud", sa.Boolean, nullable=False),
    sa.Column("verdict", sa.String(16), nullable=False),
    sa.Column("exception_id", sa.String(_ID), nullable=False),
    sa.Column("ticket_id", sa.String(_ID), nullable=False),
    sa.Column("merged_into", sa.String(_ID), nullable=False),
    sa.Column("slice_bytes", sa.Integer, nullable=False),
    sa.Column("signaled_at", UtcDateTime),
    sa.Column("changed_at", UtcDateTime),
    sa.Column("changed_by", sa.String(_ACTOR), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("incident_id", sa.String(_ID), nullable=False),
    sa.Column("history", Json, nullable=False),
)
_c: Final = alerts.c
_rank: Final = sa.case({severity.value: rank for severity, rank in RANKS.items()}, value=_c.severity, else_=0)
_open: Final = sa.and_(_c.is_loud.is_(True), _c.state != AlertState.CLOSED.value)
sa.Index("uq_incidents_alerts_sensor", _c.organization_id, _c.sensor_id, _c.sensor_alert_id, unique=True)
sa.Index("ix_incidents_alerts_open", _c.organization_id, _c.alert_id, sqlite_where=_open, postgresql_where=_open)
sa.Index("ix_incidents_alerts_rule", _c.organization_id, _c.rule, _c.alert_id)
sa.Index("ix_incidents_alerts_source", _c.organization_id, _c.source_address, _c.alert_id)
sa.Index("ix_incidents_alerts_target", _c.organization_id, _c.target_address, _c.alert_id)
sa.Index("ix_incidents_alerts_source_device", _c.organization_id, _c.source_generation_id, _c.alert_id)
sa.Index("ix_incidents_alerts_target_device", _c.organization_id, _c.target_generation_id, _c.alert_id)
sa.Index("ix_incidents_alerts_received", _c.organization_id, _c.sensor_id, _c.received_at)
sa.Index("ix_incidents_alerts_last", _c.organization_id, _c.last_at)
sa.Index("ix_incidents_alerts_incident", _c.organization_id, _c.incident_id, _c.alert_id)
sa.Index("ix_incidents_alerts_merged", _c.organization_id, _c.merged_into)

_EXACT: Final = (
    "engine",
    "verdict",
    "technique",
    "site",
    "protocol",
    "merged_into",
    "exception_id",
    "ticket_id",
    "incident_id",
    "sensor_name",
)
_PLAIN: Final = tuple(each.name for each in fields(Alert) if each.name not in _ENDS)
_WORDS: Final = {"engine": Engine, "severity": Severity, "raised_severity": Severity, "state": AlertState}


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFilter:
    """Which alerts are meant; what is not said does not limit.

    Attributes:
        severity: At least so grave.
        rule: Exact, or a beginning that ends in ``*``.
        address: Of either end.
        device_id: Of either end, or of the sensor.
        is_loud: Whether somebody is to look at them.
        is_managed: Whether an end is taken for a registered device.
        text: Part of the title, in any case of letters.
        since: Last seen then or later.
        until: Last seen before.
        sensor_name: Of the sensor that told.
        sensors: Only what these told; ``None``: any.
        assets: Only what is about one of these, at either end; ``None``: any.
    """

    states: tuple[AlertState, ...] = ()
    severity: Severity | None = None
    engine: Engine | None = None
    verdict: Verdict | None = None
    rule: str = ""
    technique: str = ""
    address: str = ""
    asset_id: str = ""
    device_id: str = ""
    site: str = ""
    protocol: str = ""
    text: str = ""
    merged_into: str = ""
    exception_id: str = ""
    ticket_id: str = ""
    incident_id: str = ""
    sensor_name: str = ""
    is_loud: bool | None = None
    is_managed: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
    sensors: tuple[str, ...] | None = None
    assets: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many alerts there are, by what one asks first.

    Attributes:
        open_by_severity: Of those that somebody is to look at.
        quiet: ``muted``, ``authorized`` and ``merged`` ones that are not closed.
    """

    by_state: dict[str, int] = field(default_factory=dict)
    open_by_severity: dict[str, int] = field(default_factory=dict)
    open_by_engine: dict[str, int] = field(default_factory=dict)
    open_by_rule: dict[str, int] = field(default_factory=dict)
    quiet: dict[str, int] = field(default_factory=dict)


def find(connection: sa.Connection, organization_id: str, alert_id: str) -> Alert | None:
    """Return an alert by id."""
    return next(iter(find_many(connection, organization_id, [alert_id])), None)


def find_many(connection: sa.Connection, organization_id: str, alert_ids: Iterable[str]) -> list[Alert]:
    """Return alerts by their ids, youngest first."""
    query = sa.select(alerts).where(_c.organization_id == organization_id, _c.alert_id.in_(list(alert_ids)))
    return [to_alert(row) for row in connection.execute(query.order_by(_c.alert_id.desc())).mappings()]


def find_of_sensor(
    connection: sa.Connection, organization_id: str, sensor_id: str, sensor_alert_ids: Iterable[str]
) -> dict[str, Alert]:
    """Return the alerts that a sensor has raised under its own ids."""
    query = sa.select(alerts).where(
        _c.organization_id == organization_id,
        _c.sensor_id == sensor_id,
        _c.sensor_alert_id.in_(list(sensor_alert_ids)),
    )
    return {row["sensor_alert_id"]: to_alert(row) for row in connection.execute(query).mappings()}


def insert(connection: sa.Connection, alert: Alert) -> None:
    """Add an alert."""
    connection.execute(alerts.insert().values(_to_row(alert)))


def update(connection: sa.Connection, alert: Alert) -> None:
    """Write an alert over what it was."""
    mine = sa.and_(_c.organization_id == alert.organization_id, _c.alert_id == alert.alert_id)
    connection.execute(alerts.update().where(mine).values(_to_row(alert)))


def list_page(
    connection: sa.Connection,
    organization_id: str,
    wanted: AlertFilter,
    *,
    before: str,
    limit: int,
    by_severity: bool = False,
) -> list[Alert]:
    """Return alerts behind another one, youngest first, or the gravest first and of those the youngest."""
    query = sa.select(alerts).where(*conditions(organization_id, wanted))
    if by_severity:
        query = _behind_in_severity(query, organization_id, before).order_by(_rank.desc())
    elif before:
        query = query.where(_c.alert_id < before)
    rows = connection.execute(query.order_by(_c.alert_id.desc()).limit(limit)).mappings()
    return [to_alert(row) for row in rows]


def scan(connection: sa.Connection, organization_id: str, wanted: AlertFilter, *, limit: int) -> Iterator[Alert]:
    """Yield the youngest alerts without holding them all."""
    query = sa.select(alerts).where(*conditions(organization_id, wanted)).order_by(_c.alert_id.desc()).limit(limit)
    for row in connection.execute(query.execution_options(yield_per=_AT_ONCE)).mappings():
        yield to_alert(row)


def count(connection: sa.Connection, organization_id: str, wanted: AlertFilter, *, rules: int) -> Counts:
    """Return how many alerts there are, and the ``rules`` that most open ones come from."""
    mine = conditions(organization_id, wanted)
    number = sa.func.count()
    marks = (_c.exception_id != "", _c.ticket_id != "", _c.merged_into != "")
    found = Counts()
    # One pass over all, and one over those that call for somebody, which an index of their own finds.
    standing = sa.select(_c.state, *marks, number).where(*mine).group_by(_c.state, *marks)
    found.quiet.update(dict.fromkeys(_QUIET, 0))
    for state, *is_marked, times in connection.execute(standing):
        found.by_state[state] = found.by_state.get(state, 0) + times
        for name, is_so in zip(_QUIET, is_marked, strict=True):
            found.quiet[name] += times if is_so and state != AlertState.CLOSED.value else 0
    calling = sa.select(_c.severity, _c.engine, _c.rule, number).where(*mine, _open)
    by_rule: Counter[str] = Counter()
    for severity, engine, rule, times in connection.execute(calling.group_by(_c.severity, _c.engine, _c.rule)):
        found.open_by_severity[severity] = found.open_by_severity.get(severity, 0) + times
        found.open_by_engine[engine] = found.open_by_engine.get(engine, 0) + times
        by_rule[rule] += times
    found.open_by_rule.update(by_rule.most_common(rules))
    return found


def count_since(connection: sa.Connection, organization_id: str, sensor_id: str, since: datetime) -> int:
    """Return how many alerts a sensor has raised since some moment."""
    query = (
        sa.select(sa.func.count())
        .select_from(alerts)
        .where(_c.organization_id == organization_id, _c.sensor_id == sensor_id, _c.received_at >= since)
    )
    return connection.execute(query).scalar_one()


def list_sensors(connection: sa.Connection, organization_id: str) -> list[str]:
    """Return the generations of the sensors that have told of anything."""
    query = sa.select(_c.sensor_id).where(_c.organization_id == organization_id).distinct()
    return list(connection.execute(query).scalars())


def merge_children(connection: sa.Connection, organization_id: str, parents: Sequence[str], into: str) -> None:
    """Let what was merged into some alerts follow them into another."""
    of_them = sa.and_(_c.organization_id == organization_id, _c.merged_into.in_(parents))
    connection.execute(alerts.update().where(of_them).values(merged_into=into))


def hush(connection: sa.Connection, organization_id: str, alert_ids: Sequence[str], exception_id: str) -> int:
    """Let those of some alerts that still call for somebody be hidden by an exception; return how many."""
    count = 0
    for start in range(0, len(alert_ids), _AT_ONCE):
        some = alert_ids[start : start + _AT_ONCE]
        those = sa.and_(_c.organization_id == organization_id, _c.alert_id.in_(some), _open)
        change = {"is_loud": False, "exception_id": exception_id, "revision": _c.revision + 1}
        count += connection.execute(alerts.update().where(those).values(change)).rowcount
    return count


def forget_device(connection: sa.Connection, organization_id: str, generation_id: str) -> None:
    """Let alerts about a device that is no more stand without it."""
    for end in _ENDS:
        of_it = sa.and_(_c.organization_id == organization_id, _c[f"{end}_generation_id"] == generation_id)
        connection.execute(alerts.update().where(of_it).values({f"{end}_generation_id": ""}))


def list_old(connection: sa.Connection, organization_id: str, last_before: datetime, limit: int) -> list[str]:
    """Return alerts that were last seen before some moment and that nobody has to look at any more."""
    query = (
        sa.select(_c.alert_id)
        .where(_c.organization_id == organization_id, _c.last_at < last_before, sa.not_(_open))
        .order_by(_c.last_at)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def delete(connection: sa.Connection, organization_id: str, alert_ids: Sequence[str]) -> None:
    """Take alerts away for good."""
    connection.execute(alerts.delete().where(_c.organization_id == organization_id, _c.alert_id.in_(alert_ids)))


def clear_slices(connection: sa.Connection, organization_id: str, alert_ids: Sequence[str]) -> None:
    """Note that the packets of alerts are no longer kept."""
    mine = sa.and_(_c.organization_id == organization_id, _c.alert_id.in_(alert_ids))
    connection.execute(alerts.update().where(mine).values(slice_bytes=0))


def conditions(organization_id: str, wanted: AlertFilter) -> list[sa.ColumnElement[bool]]:
    """Return what a filter asks of each row."""
    found: list[sa.ColumnElement[bool]] = [_c.organization_id == organization_id]
    if wanted.states:
        found.append(_c.state.in_([each.value for each in wanted.states]))
    if wanted.severity is not None:
        grave = SEVERITIES[SEVERITIES.index(wanted.severity) :]
        found.append(_c.severity.in_([each.value for each in grave]))
    if wanted.rule.endswith("*"):
        found.append(_c.rule.startswith(wanted.rule[:-1], autoescape=True))
    elif wanted.rule:
        found.append(_c.rule == wanted.rule)
    for name in _EXACT:
        value = getattr(wanted, name)
        if value is not None and (value or name == "verdict"):
            found.append(_c[name] == str(value))
    if wanted.is_loud is not None:
        found.append(_c.is_loud.is_(wanted.is_loud))
    if wanted.text:
        found.append(sa.func.lower(_c.title).contains(wanted.text.lower(), autoescape=True))
    if wanted.since is not None:
        found.append(_c.last_at >= wanted.since)
    if wanted.until is not None:
        found.append(_c.last_at < wanted.until)
    if wanted.sensors is not None:
        found.append(_c.sensor_id.in_(wanted.sensors))
    return found + _about_ends(wanted)


def _behind_in_severity(
    query: sa.Select[tuple[Any, ...]], organization_id: str, before: str
) -> sa.Select[tuple[Any, ...]]:  # Any: one type per column
    if not before:
        return query
    last = sa.select(_rank).where(_c.organization_id == organization_id, _c.alert_id == before).scalar_subquery()
    return query.where(sa.or_(_rank < last, sa.and_(_rank == last, _c.alert_id < before)))


def _about_ends(wanted: AlertFilter) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if wanted.address:
        found.append(sa.or_(_c.source_address == wanted.address, _c.target_address == wanted.address))
    if wanted.asset_id:
        found.append(sa.or_(_c.source_asset_id == wanted.asset_id, _c.target_asset_id == wanted.asset_id))
    if wanted.assets is not None:
        found.append(sa.or_(_c.source_asset_id.in_(wanted.assets), _c.target_asset_id.in_(wanted.assets)))
    if wanted.device_id:
        names = (_c.source_device_id, _c.target_device_id, _c.sensor_name)
        found.append(sa.or_(*(each == wanted.device_id for each in names)))
    if wanted.is_managed is not None:
        is_managed = sa.or_(_c.source_generation_id != "", _c.target_generation_id != "")
        found.append(is_managed if wanted.is_managed else sa.not_(is_managed))
    return found


def _to_row(alert: Alert) -> dict[str, Any]:  # Any: one type per column
    row = {name: getattr(alert, name) for name in _PLAIN}
    row |= {name: getattr(alert, name).value for name in (*_WORDS, "verdict")}
    row["detail"] = dict(alert.detail)
    row["history"] = msgspec.to_builtins(alert.history)
    for name in _ENDS:
        end = getattr(alert, name)
        row |= {f"{name}_{each}": str(getattr(end, each)) for each in _END_FIELDS}
    return row


def to_alert(row: sa.RowMapping) -> Alert:
    """Return the alert that a row tells of."""
    values: dict[str, Any] = {name: row[name] for name in _PLAIN}  # Any: one type per column
    values |= {name: kind(row[name]) for name, kind in _WORDS.items()}
    values |= {
        "verdict": Verdict(row["verdict"]),
        "organization_id": OrganizationId(row["organization_id"]),
        "sensor_id": GenerationId(row["sensor_id"]),
        "history": msgspec.convert(row["history"], tuple[Step, ...]),
    }
    for name in _ENDS:
        told = {each: row[f"{name}_{each}"] for each in _END_FIELDS}
        values[name] = End(**{**told, "criticality": Criticality(told["criticality"])})
    return Alert(**values)
