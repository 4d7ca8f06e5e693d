"""The tables of the vulnerabilities of assets, and of who lives with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from vedette.health.advisories import Certainty
from vedette.network.exposure.model import (
    Acceptance,
    Evidence,
    Exposure,
    Factor,
    Summary,
    Vulnerability,
    VulnerabilitySearch,
    VulnerabilityState,
)
from vedette.network.row_repository import upsert
from vedette.store import Json, UtcDateTime, metadata

_ID: Final = 64
_NAME: Final = 128
_TEXT: Final = 512
_MANY: Final = 400

vulnerabilities: Final = sa.Table(
    "network_vulnerabilities",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("asset_id", sa.String(_ID), primary_key=True),
    sa.Column("name", sa.String(_NAME), primary_key=True),
    sa.Column("site", sa.String(_NAME), nullable=False),
    sa.Column("asset_name", sa.String(_TEXT), nullable=False),
    sa.Column("title", sa.String(_TEXT), nullable=False),
    sa.Column("certainty", sa.String(16), nullable=False),
    sa.Column("confidence", sa.Integer, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("factors", Json, nullable=False),
    sa.Column("advisory_key", sa.String(_ID), nullable=False),
    sa.Column("product_id", sa.Text, nullable=False),
    sa.Column("product", sa.Text, nullable=False),
    sa.Column("versions", sa.String(_TEXT), nullable=False),
    sa.Column("reasons", Json, nullable=False),
    sa.Column("evidence", Json, nullable=False),
    sa.Column("evidence_id", sa.String(_ID), nullable=False),
    sa.Column("score", sa.Float),
    sa.Column("vector", sa.String(_TEXT), nullable=False),
    sa.Column("is_known_exploited", sa.Boolean, nullable=False),
    sa.Column("probability", sa.Float),
    sa.Column("percentile", sa.Float),
    sa.Column("found_at", UtcDateTime, nullable=False),
    sa.Column("changed_at", UtcDateTime, nullable=False),
)
acceptances: Final = sa.Table(
    "network_acceptances",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("asset_id", sa.String(_ID), primary_key=True),
    sa.Column("name", sa.String(_NAME), primary_key=True),
    sa.Column("owner", sa.String(_NAME), nullable=False),
    sa.Column("reason", sa.String(1024), nullable=False),
    sa.Column("until", UtcDateTime, nullable=False),
    sa.Column("accepted_by", sa.String(256), nullable=False),
    sa.Column("accepted_at", UtcDateTime, nullable=False),
    sa.Column("evidence", sa.String(_ID), nullable=False),
)
exposures: Final = sa.Table(
    "network_exposures",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("asset_id", sa.String(_ID), primary_key=True),
    sa.Column("site", sa.String(_NAME), nullable=False),
    sa.Column("asset_name", sa.String(_TEXT), nullable=False),
    sa.Column("proven", sa.Integer, nullable=False),
    sa.Column("maybe", sa.Integer, nullable=False),
    sa.Column("unknown_advisories", sa.Integer, nullable=False),
    sa.Column("unknown_reason", sa.String(1024), nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("fingerprint", sa.String(_ID), nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("exploitation", sa.BigInteger, nullable=False),
    sa.Column("assessed_at", UtcDateTime, nullable=False),
    sa.Column("signal_id", sa.String(_ID), nullable=False),
    sa.Column("signal_key", sa.String(256), nullable=False),
    sa.Column("signal_device", sa.String(_NAME), nullable=False),
    sa.Column("signal_at", UtcDateTime),
)
_v: Final = vulnerabilities.c
_c: Final = acceptances.c
_x: Final = exposures.c
sa.Index("ix_network_vulnerabilities_priority", _v.organization_id, _v.priority, _v.asset_id, _v.name)
sa.Index("ix_network_vulnerabilities_name", _v.organization_id, _v.name)

_ACCEPTANCE: Final = tuple(
    column for column in acceptances.c if column.name not in {"organization_id", "asset_id", "name"}
)


def list_vulnerabilities(
    connection: sa.Connection,
    organization_id: str,
    search: VulnerabilitySearch,
    now: datetime,
    *,
    after: tuple[int, str, str] | None,
    limit: int,
) -> list[Vulnerability]:
    """Return vulnerabilities that fit, those that matter most first."""
    query = _with_acceptances(organization_id).where(*_conditions(search, now))
    if after is not None:
        priority, asset_id, name = after
        later = sa.and_(_v.priority == priority, sa.tuple_(_v.asset_id, _v.name) > sa.tuple_(asset_id, name))
        query = query.where(sa.or_(_v.priority < priority, later))
    rows = connection.execute(query.order_by(_v.priority.desc(), _v.asset_id, _v.name).limit(limit)).mappings()
    return [_to_vulnerability(row, now) for row in rows]


def find_vulnerability(
    connection: sa.Connection, organization_id: str, asset_id: str, name: str, now: datetime
) -> Vulnerability | None:
    """Return one of an asset."""
    query = _with_acceptances(organization_id).where(_v.asset_id == asset_id, _v.name == name)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _to_vulnerability(row, now)


def vulnerabilities_of(
    connection: sa.Connection, organization_id: str, asset_ids: Sequence[str], now: datetime
) -> dict[str, dict[str, Vulnerability]]:
    """Return all of assets: by asset and name."""
    found: dict[str, dict[str, Vulnerability]] = {asset_id: {} for asset_id in asset_ids}
    for start in range(0, len(asset_ids), _MANY):
        query = _with_acceptances(organization_id).where(_v.asset_id.in_(asset_ids[start : start + _MANY]))
        for row in connection.execute(query).mappings():
            found[row["asset_id"]][row["name"]] = _to_vulnerability(row, now)
    return found


def save_vulnerabilities(
    connection: sa.Connection, organization_id: str, changed: Iterable[Vulnerability], gone: Iterable[tuple[str, str]]
) -> None:
    """Write those that changed, and take away those that are gone."""
    rows = [_to_row(organization_id, each) for each in changed]
    for start in range(0, len(rows), _MANY):
        upsert(connection, vulnerabilities, rows[start : start + _MANY])
    by_asset: dict[str, list[str]] = {}
    for asset_id, name in gone:
        by_asset.setdefault(asset_id, []).append(name)
    for asset_id, names in by_asset.items():
        for start in range(0, len(names), _MANY):
            connection.execute(
                vulnerabilities.delete().where(
                    _v.organization_id == organization_id,
                    _v.asset_id == asset_id,
                    _v.name.in_(names[start : start + _MANY]),
                )
            )


def save_acceptance(connection: sa.Connection, organization_id: str, acceptance: Acceptance) -> None:
    """Write who lives with a vulnerability, over who did before."""
    row = {name: getattr(acceptance, name) for name in Acceptance.__slots__}
    upsert(connection, acceptances, [{"organization_id": organization_id, **row}])


def delete_acceptance(connection: sa.Connection, organization_id: str, asset_id: str, name: str) -> bool:
    """Take an acceptance away; tell whether there was one."""
    gone = connection.execute(
        acceptances.delete().where(_c.organization_id == organization_id, _c.asset_id == asset_id, _c.name == name)
    )
    return gone.rowcount > 0


def every_exposure(connection: sa.Connection, organization_id: str) -> dict[str, Exposure]:
    """Return what all assets' vulnerabilities come to."""
    query = sa.select(exposures).where(_x.organization_id == organization_id)
    return {row["asset_id"]: _to_exposure(row) for row in connection.execute(query).mappings()}


def find_exposure(connection: sa.Connection, organization_id: str, asset_id: str) -> Exposure | None:
    """Return what an asset's vulnerabilities come to; None: it was not compared yet."""
    query = sa.select(exposures).where(_x.organization_id == organization_id, _x.asset_id == asset_id)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _to_exposure(row)


def find_exposures(connection: sa.Connection, organization_id: str, asset_ids: Sequence[str]) -> dict[str, Exposure]:
    """Return what assets' vulnerabilities come to; those that were not compared yet are left out."""
    found: dict[str, Exposure] = {}
    for start in range(0, len(asset_ids), _MANY):
        query = sa.select(exposures).where(
            _x.organization_id == organization_id, _x.asset_id.in_(asset_ids[start : start + _MANY])
        )
        found |= {row["asset_id"]: _to_exposure(row) for row in connection.execute(query).mappings()}
    return found


def list_exposures(
    connection: sa.Connection,
    organization_id: str,
    *,
    sites: frozenset[str] | None,
    is_unknown: bool | None,
    after: str,
    limit: int,
) -> list[Exposure]:
    """Return what assets' vulnerabilities come to, by asset."""
    query = sa.select(exposures).where(_x.organization_id == organization_id, _x.asset_id > after)
    if sites is not None:
        query = query.where(_x.site.in_(sorted(sites)))
    if is_unknown is not None:
        query = query.where(_x.unknown_reason != "" if is_unknown else _x.unknown_reason == "")
    rows = connection.execute(query.order_by(_x.asset_id).limit(limit)).mappings()
    return [_to_exposure(row) for row in rows]


def assets_with(connection: sa.Connection, organization_id: str, advisory_keys: Sequence[str]) -> set[str]:
    """Return the assets that have a vulnerability by one of these advisories."""
    query = sa.select(_v.asset_id).where(_v.organization_id == organization_id, _v.advisory_key.in_(advisory_keys))
    return set(connection.execute(query.distinct()).scalars())


def pass_over(connection: sa.Connection, organization_id: str, asset_ids: Sequence[str], revision: int) -> None:
    """Write that what came up to a revision of the catalogue is not about these assets."""
    for start in range(0, len(asset_ids), _MANY):
        mine = _x.asset_id.in_(asset_ids[start : start + _MANY])
        connection.execute(
            exposures.update().where(_x.organization_id == organization_id, mine).values(revision=revision)
        )


def save_exposures(connection: sa.Connection, organization_id: str, changed: Iterable[Exposure]) -> None:
    """Write what assets' vulnerabilities come to."""
    names = Exposure.__slots__
    rows = [{"organization_id": organization_id, **{name: getattr(each, name) for name in names}} for each in changed]
    for start in range(0, len(rows), _MANY):
        upsert(connection, exposures, rows[start : start + _MANY])


def save_signal(
    connection: sa.Connection, organization_id: str, asset_id: str, told: tuple[str, str, str], at: datetime
) -> None:
    """Write which signal stands about an asset: its id, what it says, and of which device."""
    signal_id, key, device_id = told
    connection.execute(
        exposures.update()
        .where(_x.organization_id == organization_id, _x.asset_id == asset_id)
        .values(signal_id=signal_id, signal_key=key, signal_device=device_id, signal_at=at)
    )


def forget_asset(connection: sa.Connection, organization_id: str, asset_id: str) -> None:
    """Take away what was known of an asset that is no more, or a part of another now; what people accepted stays."""
    for table in (vulnerabilities, exposures):
        connection.execute(
            table.delete().where(table.c.organization_id == organization_id, table.c.asset_id == asset_id)
        )


def summarize(connection: sa.Connection, organization_id: str, now: datetime, sites: frozenset[str] | None) -> Summary:
    """Return what all assets' vulnerabilities come to."""
    mine = [_x.organization_id == organization_id]
    theirs = [_v.organization_id == organization_id]
    if sites is not None:
        mine.append(_x.site.in_(sorted(sites)))
        theirs.append(_v.site.in_(sorted(sites)))
    assets, assessed_at = connection.execute(sa.select(sa.func.count(), sa.func.max(_x.assessed_at)).where(*mine)).one()
    unknown = connection.execute(sa.select(sa.func.count()).where(*mine, _x.unknown_reason != "")).scalar_one()
    is_accepted = _is_accepted(now).label("is_accepted")
    counted = (
        sa.select(_v.certainty, is_accepted, _v.is_known_exploited, sa.func.count())
        .select_from(_joined())
        .where(*theirs)
        .group_by(_v.certainty, sa.text("is_accepted"), _v.is_known_exploited)
    )
    totals = {"proven": 0, "maybe": 0, "accepted": 0, "known_exploited": 0}
    for certainty, accepted, is_known, count in connection.execute(counted):
        totals["accepted" if accepted else certainty] += count
        totals["known_exploited"] += count if is_known and not accepted else 0
    return Summary(assets=assets, unknown=unknown, assessed_at=assessed_at, **totals)


def _joined() -> sa.Join:
    same = sa.and_(_c.organization_id == _v.organization_id, _c.asset_id == _v.asset_id, _c.name == _v.name)
    return vulnerabilities.outerjoin(acceptances, same)


def _with_acceptances(organization_id: str) -> sa.Select[Any]:  # Any: one type per column
    labeled = [column.label(f"acceptance_{column.name}") for column in _ACCEPTANCE]
    return sa.select(vulnerabilities, *labeled).select_from(_joined()).where(_v.organization_id == organization_id)


def _is_accepted(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(_c.until.is_not(None), _c.until > now, _c.evidence == _v.evidence_id)


def _conditions(search: VulnerabilitySearch, now: datetime) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if search.asset_id:
        conditions.append(_v.asset_id == search.asset_id)
    if search.name:
        conditions.append(_v.name == search.name)
    if search.sites is not None:
        conditions.append(_v.site.in_(sorted(search.sites)))
    if search.certainty is not None:
        conditions.append(_v.certainty == search.certainty.value)
    if search.is_known_exploited is not None:
        conditions.append(_v.is_known_exploited.is_(search.is_known_exploited))
    if search.priority_min:
        conditions.append(_v.priority >= search.priority_min)
    if search.state is VulnerabilityState.ACCEPTED:
        conditions.append(_is_accepted(now))
    elif search.state is VulnerabilityState.OPEN:
        conditions.append(sa.or_(_c.until.is_(None), _c.until <= now, _c.evidence != _v.evidence_id))
    return conditions


def _to_row(organization_id: str, found: Vulnerability) -> dict[str, Any]:  # Any: one type per column
    row = {column.name: getattr(found, column.name) for column in vulnerabilities.c if column.name != "organization_id"}
    return row | {
        "organization_id": organization_id,
        "certainty": found.certainty.value,
        "factors": msgspec.to_builtins(found.factors),
        "reasons": list(found.reasons),
        "evidence": msgspec.to_builtins(found.evidence),
    }


def _to_vulnerability(row: sa.RowMapping, now: datetime) -> Vulnerability:
    values = {column.name: row[column.name] for column in vulnerabilities.c if column.name != "organization_id"}
    acceptance = None
    if row["acceptance_until"] is not None:
        told = {column.name: row[f"acceptance_{column.name}"] for column in _ACCEPTANCE}
        acceptance = Acceptance(asset_id=row["asset_id"], name=row["name"], **told)
    is_accepted = acceptance is not None and acceptance.holds(row["evidence_id"], now)
    ended = ""
    if acceptance is not None and not is_accepted:
        ended = "its time is over" if now >= acceptance.until else "what it rested on has changed"
    values |= {
        "certainty": Certainty(row["certainty"]),
        "factors": msgspec.convert(row["factors"], tuple[Factor, ...]),
        "reasons": tuple(row["reasons"]),
        "evidence": msgspec.convert(row["evidence"], tuple[Evidence, ...]),
    }
    state = VulnerabilityState.ACCEPTED if is_accepted else VulnerabilityState.OPEN
    return Vulnerability(state=state, acceptance=acceptance, ended_because=ended, **values)


def _to_exposure(row: sa.RowMapping) -> Exposure:
    return Exposure(**{name: row[name] for name in Exposure.__slots__})
