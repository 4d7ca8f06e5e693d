"""The tables of assets, of what identifies them, and of what is known of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa

from vedette.kernel import GenerationId, OrganizationId
from vedette.network.model import (
    AssetCounts,
    AssetFact,
    AssetSearch,
    AssetState,
    Criticality,
    ManagedBy,
    Management,
    NetworkAsset,
)
from vedette.network.row_repository import upsert
from vedette.store import Json, UtcDateTime, metadata

_ID: Final = 64
_TEXT: Final = 512

assets: Final = sa.Table(
    "network_assets",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("asset_id", sa.String(_ID), primary_key=True),
    sa.Column("site", sa.String(128), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    # Empty but for one that is a part of another now; what was seen at it stays its own, so that it can part again.
    sa.Column("merged_into", sa.String(_ID), nullable=False),
    *(
        sa.Column(name, sa.String(_TEXT), nullable=False)
        for name in (
            "name",
            "vendor",
            "model",
            "product_code",
            "firmware",
            "serial",
            "operating_system",
            "device_type",
            "role",
            "role_because",
        )
    ),
    sa.Column("level", sa.String(8), nullable=False),
    sa.Column("level_because", Json, nullable=False),
    sa.Column("is_role_set", sa.Boolean, nullable=False),
    sa.Column("is_level_set", sa.Boolean, nullable=False),
    sa.Column("is_name_set", sa.Boolean, nullable=False),
    sa.Column("support", sa.String(_TEXT), nullable=False),
    sa.Column("owner", sa.String(256), nullable=False),
    sa.Column("criticality", sa.String(16), nullable=False),
    sa.Column("managed_generation_id", sa.String(_ID)),
    sa.Column("managed_device_id", sa.String(128)),
    sa.Column("managed_by", sa.String(16)),
    sa.Column("managed_because", sa.String(256)),
    sa.Column("note", sa.String(1024), nullable=False),
    sa.Column("ips", Json, nullable=False),
    sa.Column("macs", Json, nullable=False),
    sa.Column("merged", Json, nullable=False),
    sa.Column("sensors", Json, nullable=False),
    sa.Column("first_at", UtcDateTime, nullable=False),
    sa.Column("last_at", UtcDateTime, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
)
# What identifies an asset at a site; `kind` is `ip`, `mac` or `serial`. A pinned one was put there by a person.
identifiers: Final = sa.Table(
    "network_identifiers",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("site", sa.String(128), primary_key=True),
    sa.Column("kind", sa.String(8), primary_key=True),
    sa.Column("value", sa.String(_TEXT), primary_key=True),
    sa.Column("asset_id", sa.String(_ID), nullable=False),
    sa.Column("is_pinned", sa.Boolean, nullable=False),
    sa.Column("last_at", UtcDateTime, nullable=False),
)
facts: Final = sa.Table(
    "network_facts",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("asset_id", sa.String(_ID), primary_key=True),
    sa.Column("fact_id", sa.String(_ID), primary_key=True),
    sa.Column("attribute", sa.String(128), nullable=False),
    sa.Column("value", sa.String(_TEXT), nullable=False),
    sa.Column("confidence", sa.Integer, nullable=False),
    sa.Column("source", sa.String(128), nullable=False),
    sa.Column("first_at", UtcDateTime, nullable=False),
    sa.Column("last_at", UtcDateTime, nullable=False),
    sa.Column("times", sa.BigInteger, nullable=False),
    sa.Column("sensor", sa.String(_ID), nullable=False),
)
_a: Final = assets.c
_i: Final = identifiers.c
_f: Final = facts.c
sa.Index("ix_network_assets_site", _a.organization_id, _a.site, _a.asset_id)
sa.Index("ix_network_assets_merged", _a.organization_id, _a.merged_into, _a.asset_id)
sa.Index(
    "ix_network_assets_managed",
    _a.organization_id,
    _a.managed_generation_id,
    sqlite_where=_a.managed_generation_id.is_not(None),
    postgresql_where=_a.managed_generation_id.is_not(None),
)
sa.Index("ix_network_identifiers_value", _i.organization_id, _i.value)
sa.Index("ix_network_identifiers_asset", _i.organization_id, _i.asset_id)

_COUNTED: Final = ("site", "state", "vendor", "device_type", "role", "level", "criticality")
_SEARCHED: Final = ("name", "vendor", "model", "serial", "device_type", "operating_system", "owner")
_EXACT: Final = ("state", "vendor", "device_type", "role", "level", "criticality")
_MANY: Final = 500


def find_assets(
    connection: sa.Connection, organization_id: str, asset_ids: Iterable[str]
) -> dict[str, tuple[NetworkAsset, str]]:
    """Return assets by id, each with the id of the one that it was merged into (empty: into none)."""
    found: dict[str, tuple[NetworkAsset, str]] = {}
    wanted = sorted(set(asset_ids))
    for start in range(0, len(wanted), _MANY):
        query = sa.select(assets).where(
            _a.organization_id == organization_id, _a.asset_id.in_(wanted[start : start + _MANY])
        )
        for row in connection.execute(query).mappings():
            found[row["asset_id"]] = (_to_asset(row), row["merged_into"])
    return found


def list_assets(
    connection: sa.Connection, organization_id: str, search: AssetSearch, *, after: str, limit: int
) -> list[NetworkAsset]:
    """Return assets that fit, by id; those that were merged into others are left out."""
    query = sa.select(assets).where(_a.organization_id == organization_id, _a.merged_into == "", _a.asset_id > after)
    query = query.where(*_conditions(organization_id, search)).order_by(_a.asset_id).limit(limit)
    return [_to_asset(row) for row in connection.execute(query).mappings()]


def count_assets(connection: sa.Connection, organization_id: str, search: AssetSearch) -> int:
    """Return how many assets fit."""
    query = sa.select(sa.func.count()).where(_a.organization_id == organization_id, _a.merged_into == "")
    return connection.execute(query.where(*_conditions(organization_id, search))).scalar_one()


def count_by(
    connection: sa.Connection, organization_id: str, search: AssetSearch, *, today: date, most: int
) -> AssetCounts:
    """Return how many assets fit, of what kinds, and with which values."""
    mine = [_a.organization_id == organization_id, _a.merged_into == "", *_conditions(organization_id, search)]
    marks = (
        _a.state == AssetState.NEW.value,
        _a.managed_generation_id.is_(None),
        _is_without_support(today),
    )
    numbers = (sa.func.coalesce(sa.func.sum(sa.case((mark, 1), else_=0)), 0) for mark in marks)
    totals = sa.select(sa.func.count(), *numbers).where(*mine)
    total, new, unmanaged, without_support = connection.execute(totals).one()
    found: dict[str, list[tuple[str, int]]] = {}
    for name in _COUNTED:
        number = sa.func.count()
        query = (
            sa.select(_a[name], number).where(*mine).group_by(_a[name]).order_by(number.desc(), _a[name]).limit(most)
        )
        found[name] = [(value, count) for value, count in connection.execute(query)]
    return AssetCounts(total, new, unmanaged, without_support, found)


def count_all(connection: sa.Connection, organization_id: str) -> int:
    """Return how many assets are kept, merged ones too."""
    query = sa.select(sa.func.count()).where(_a.organization_id == organization_id)
    return connection.execute(query).scalar_one()


def save_assets(connection: sa.Connection, changed: Iterable[tuple[NetworkAsset, str]]) -> None:
    """Write assets, each with the id of the one that it is merged into."""
    upsert(connection, assets, [_to_row(asset, merged_into) for asset, merged_into in changed])


def merged_assets(connection: sa.Connection, organization_id: str) -> dict[str, str]:
    """Return every asset that was merged, and into which."""
    query = sa.select(_a.asset_id, _a.merged_into).where(_a.organization_id == organization_id, _a.merged_into != "")
    return {asset_id: into for asset_id, into in connection.execute(query)}  # noqa: C416 - rows are no pairs to mypy


def find_managed(connection: sa.Connection, organization_id: str, generation_ids: Sequence[str]) -> list[NetworkAsset]:
    """Return the assets that are these registered devices."""
    query = sa.select(assets).where(
        _a.organization_id == organization_id, _a.merged_into == "", _a.managed_generation_id.in_(generation_ids)
    )
    return [_to_asset(row) for row in connection.execute(query.order_by(_a.asset_id)).mappings()]


def find_identifiers(
    connection: sa.Connection, organization_id: str, site: str, values: Iterable[str]
) -> dict[tuple[str, str], tuple[str, bool]]:
    """Return whose these are at a site, by kind and value: the asset's id, and whether a person said so."""
    found: dict[tuple[str, str], tuple[str, bool]] = {}
    wanted = sorted(set(values))
    for start in range(0, len(wanted), _MANY):
        query = sa.select(_i.kind, _i.value, _i.asset_id, _i.is_pinned).where(
            _i.organization_id == organization_id, _i.site == site, _i.value.in_(wanted[start : start + _MANY])
        )
        for kind, value, asset_id, is_pinned in connection.execute(query):
            found[kind, value] = (asset_id, is_pinned)
    return found


def identifiers_of(
    connection: sa.Connection, organization_id: str, asset_ids: Iterable[str]
) -> dict[str, dict[tuple[str, str], bool]]:
    """Return what identifies assets: by asset, kind and value; whether a person said so."""
    found: dict[str, dict[tuple[str, str], bool]] = {}
    wanted = sorted(set(asset_ids))
    for start in range(0, len(wanted), _MANY):
        query = sa.select(_i.asset_id, _i.kind, _i.value, _i.is_pinned).where(
            _i.organization_id == organization_id, _i.asset_id.in_(wanted[start : start + _MANY])
        )
        for asset_id, kind, value, is_pinned in connection.execute(query.order_by(_i.kind, _i.value)):
            found.setdefault(asset_id, {})[kind, value] = is_pinned
    return found


def save_identifiers(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:  # Any: column values
    """Write whose identifiers are; each is one asset's at its site."""
    upsert(connection, identifiers, [dict(row) for row in rows])


def facts_of(
    connection: sa.Connection, organization_id: str, asset_ids: Iterable[str]
) -> dict[str, dict[str, AssetFact]]:
    """Return what is known of assets: by asset and fact id."""
    found: dict[str, dict[str, AssetFact]] = {}
    wanted = sorted(set(asset_ids))
    for start in range(0, len(wanted), _MANY):
        query = sa.select(facts).where(
            _f.organization_id == organization_id, _f.asset_id.in_(wanted[start : start + _MANY])
        )
        for row in connection.execute(query).mappings():
            found.setdefault(row["asset_id"], {})[row["fact_id"]] = AssetFact(
                asset_id=row["asset_id"],
                attribute=row["attribute"],
                value=row["value"],
                confidence=row["confidence"],
                source=row["source"],
                first_at=row["first_at"],
                last_at=row["last_at"],
                times=row["times"],
                sensor=GenerationId(row["sensor"]),
            )
    return found


def save_facts(connection: sa.Connection, organization_id: str, changed: Mapping[tuple[str, str], AssetFact]) -> None:
    """Write facts, by asset and fact id."""
    rows = [
        {name: getattr(fact, name) for name in AssetFact.__slots__}
        | {"organization_id": organization_id, "fact_id": fact_id}
        for (_, fact_id), fact in changed.items()
    ]
    upsert(connection, facts, rows)


def delete_facts(connection: sa.Connection, organization_id: str, asset_id: str, fact_ids: Sequence[str]) -> None:
    """Forget facts of an asset."""
    connection.execute(
        facts.delete().where(
            _f.organization_id == organization_id, _f.asset_id == asset_id, _f.fact_id.in_(list(fact_ids))
        )
    )


def list_stale(connection: sa.Connection, organization_id: str, before: datetime, limit: int) -> list[NetworkAsset]:
    """Return assets that nobody has said anything about, and that were neither seen nor new here since a time."""
    query = sa.select(assets).where(
        _a.organization_id == organization_id,
        _a.merged_into == "",
        _a.state == AssetState.NEW.value,
        _a.revision == 0,
        _a.last_at < before,
        _a.created_at < before,
    )
    return [_to_asset(row) for row in connection.execute(query.order_by(_a.asset_id).limit(limit)).mappings()]


def delete_assets(connection: sa.Connection, organization_id: str, asset_ids: Sequence[str]) -> None:
    """Forget assets, what identifies them, and what is known of them."""
    for table in (assets, identifiers, facts):
        connection.execute(
            table.delete().where(table.c.organization_id == organization_id, table.c.asset_id.in_(list(asset_ids)))
        )


def _conditions(organization_id: str, search: AssetSearch) -> list[sa.ColumnElement[bool]]:
    found = [_a[name] == getattr(search, name) for name in _EXACT if getattr(search, name)]
    if search.sites is not None:
        found.append(_a.site.in_(sorted(search.sites)))
    if search.state is None and not search.with_ignored:
        found.append(_a.state != AssetState.IGNORED.value)
    if search.is_managed is not None:
        is_null = _a.managed_generation_id.is_(None)
        found.append(sa.not_(is_null) if search.is_managed else is_null)
    if search.without_support is not None:
        found.append(_is_without_support(search.without_support))
    if search.but_without_support is not None:
        found.append(sa.not_(_is_without_support(search.but_without_support)))
    if search.but_ids is not None:
        found.append(sa.not_(_is_or_holds(organization_id, sorted(search.but_ids))))
    if search.asset_ids is not None:
        found.append(_is_or_holds(organization_id, sorted(search.asset_ids)))
    if search.since is not None:
        found.append(_a.created_at >= search.since)
    return found + _texts(organization_id, search)


def _texts(organization_id: str, search: AssetSearch) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if search.device_id:
        found.append(_a.managed_device_id == search.device_id)
    if search.address:
        found.append(_holds(organization_id, _i.value == search.address))
    if search.text:
        texts = [sa.func.lower(_a[name]).contains(search.text.lower(), autoescape=True) for name in _SEARCHED]
        addresses = _holds(organization_id, _i.value.contains(search.text.lower(), autoescape=True))
        found.append(sa.or_(*texts, addresses))
    return found


def _holds(organization_id: str, condition: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Tell whether an asset, or one that was merged into it, holds an identifier."""
    holders = sa.select(_i.asset_id).where(_i.organization_id == organization_id, condition)
    part = assets.alias("part")
    parts = sa.select(part.c.merged_into).where(
        part.c.organization_id == organization_id, part.c.merged_into != "", part.c.asset_id.in_(holders)
    )
    return sa.or_(_a.asset_id.in_(holders), _a.asset_id.in_(parts))


def _is_without_support(day: date) -> sa.ColumnElement[bool]:
    """Tell whether a system's support ended before a day: the text begins with the date."""
    return sa.and_(_a.support != "", _a.support < day.isoformat())


def _is_or_holds(organization_id: str, asset_ids: Sequence[str]) -> sa.ColumnElement[bool]:
    """Tell whether an asset is one of these, or one of these was merged into it."""
    part = assets.alias("part")
    heads = sa.select(part.c.merged_into).where(
        part.c.organization_id == organization_id, part.c.merged_into != "", part.c.asset_id.in_(asset_ids)
    )
    return sa.or_(_a.asset_id.in_(asset_ids), _a.asset_id.in_(heads))


def _to_row(asset: NetworkAsset, merged_into: str) -> dict[str, Any]:  # Any: column values
    management = asset.management
    row = {name: getattr(asset, name) for name in NetworkAsset.__slots__ if name != "management"}
    return row | {
        "merged_into": merged_into,
        "state": asset.state.value,
        "criticality": asset.criticality.value,
        "ips": list(asset.ips),
        "macs": list(asset.macs),
        "merged": list(asset.merged),
        "sensors": list(asset.sensors),
        "level_because": list(asset.level_because),
        "managed_generation_id": None if management is None else management.generation_id,
        "managed_device_id": None if management is None else management.device_id,
        "managed_by": None if management is None else management.by.value,
        "managed_because": None if management is None else management.because,
    }


def _to_asset(row: sa.RowMapping) -> NetworkAsset:
    management = None
    if row["managed_generation_id"] is not None:
        management = Management(
            generation_id=GenerationId(row["managed_generation_id"]),
            device_id=row["managed_device_id"] or "",
            by=ManagedBy(row["managed_by"]),
            because=row["managed_because"] or "",
        )
    values = {name: row[name] for name in NetworkAsset.__slots__ if name != "management"}
    return NetworkAsset(
        **values
        | {
            "organization_id": OrganizationId(row["organization_id"]),
            "state": AssetState(row["state"]),
            "criticality": Criticality(row["criticality"]),
            "management": management,
            "ips": tuple(row["ips"]),
            "macs": tuple(row["macs"]),
            "merged": tuple(row["merged"]),
            "sensors": tuple(row["sensors"]),
            "level_because": tuple(row["level_because"]),
        }
    )
