"""What a query reads: the tables of devices or of modules, and each field as SQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.sql.elements import UnaryExpression
from sqlalchemy.sql.operators import custom_op

from vedette.registry.group_repository import groups, members
from vedette.registry.model import AuthenticationType
from vedette.registry.module_repository import modules
from vedette.registry.presence_repository import presence
from vedette.registry.query.columns import (
    BooleanColumn,
    Clause,
    GroupNames,
    NumberColumn,
    SqlValue,
    TextColumn,
    TimeColumn,
    Words,
)
from vedette.registry.query.fields import Part
from vedette.registry.query.json_values import PostgresqlJson, SqliteJson
from vedette.registry.query.tree import UNDEFINED, Path, Primitive, SourceName
from vedette.registry.repository import devices
from vedette.registry.twin_repository import twins

# How the hub names what we call otherwise.
AUTHENTICATION_TYPES: Final[Mapping[str, str]] = {
    "issued": "certificateAuthority",
    "self_signed": "selfSigned",
    "certificate_authority": "certificateAuthority",
    "symmetric_key": "sas",
}
# The fields of devices that have the same value in all of them.
SAME_IN_ALL: Final[Mapping[tuple[str, ...], Primitive]] = {("modelId",): "", ("capabilities", "iotEdge"): False}


@dataclass(frozen=True, slots=True)
class Source:
    """The identities a query is about.

    Attributes:
        key: The columns whose order results come in; together they name one living identity.
    """

    name: SourceName
    table: sa.Table
    key: tuple[sa.Column[Any], ...]

    def from_clause(self, parts: Iterable[Part]) -> sa.FromClause:
        """Return the table, joined with what some parts of an identity are kept in."""
        clause: sa.FromClause = self.table
        wanted = set(parts)
        for part, other in ((Part.TWIN, twins), (Part.PRESENCE, presence)):
            if part in wanted:
                clause = clause.outerjoin(
                    other,
                    sa.and_(
                        other.c.organization_id == self.table.c.organization_id,
                        other.c.generation_id == self.table.c.generation_id,
                    ),
                )
        return clause

    def living(self, organization_id: str) -> list[Clause]:
        """Return the conditions under which a row counts at all."""
        return [self.table.c.organization_id == organization_id, self.table.c.deleted_at.is_(None)]

    def value(self, path: Path, dialect: str, *, is_sought: bool = True) -> SqlValue | None:
        """Return a field as SQL; ``None`` if SQL cannot tell, and the evaluator has to.

        SQLite, which has no statistics to choose by, uses indexes only for fields that are *sought*.
        """
        steps = path.steps
        if steps[0] == "tags":
            return _json(self.table.c.tags, steps[1:], dialect, is_sought=is_sought)
        if steps[0] == "properties":
            return _property(steps, dialect)
        found = _columns(self, dialect, is_hidden=dialect == "sqlite" and not is_sought).get(steps)
        if found is None and steps == ("groups",) and self.name == "devices":
            return GroupNames(self._has_group)
        return found

    def constant(self, path: Path) -> Primitive:
        """Return the value a path has in every identity; undefined also stands for: it depends on the identity."""
        return next((value for steps, value in SAME_IN_ALL.items() if steps == path.steps), UNDEFINED)

    def is_constant(self, path: Path) -> bool:
        """Tell whether a path has the same value in every identity."""
        return path.steps in SAME_IN_ALL or (path.root == "configurations" and len(path.steps) > 1)

    def _has_group(self, name: str) -> Clause:
        # An alias: a plan may have joined the members already.
        member = members.alias()
        joined = member.join(
            groups,
            sa.and_(groups.c.organization_id == member.c.organization_id, groups.c.group_id == member.c.group_id),
        )
        found = sa.select(sa.literal(1)).select_from(joined)
        found = found.where(
            member.c.organization_id == self.table.c.organization_id,
            member.c.generation_id == self.table.c.generation_id,
            groups.c.name == name,
        )
        return found.correlate(self.table).exists()


# A plus before a column keeps SQLite from using an index on it, and changes nothing else.
_PLUS: Final[custom_op[Any]] = custom_op("+")

DEVICES: Final = Source("devices", devices, (devices.c.device_id,))
MODULES: Final = Source("devices.modules", modules, (modules.c.device_id, modules.c.module_id))
SOURCES: Final[Mapping[SourceName, Source]] = {"devices": DEVICES, "devices.modules": MODULES}


def _json(
    column: sa.Column[Any], steps: tuple[str | int, ...], dialect: str, *, is_sought: bool = False
) -> SqlValue | None:
    if dialect == "sqlite":
        return SqliteJson.at(column, steps, is_sought=is_sought)
    return PostgresqlJson.at(column, steps)


def _property(steps: tuple[str | int, ...], dialect: str) -> SqlValue | None:
    if len(steps) < 3 or steps[1] not in {"desired", "reported"}:  # noqa: PLR2004 - the bag itself is put together
        return None
    if steps[2] == "$version":
        column = twins.c.desired_version if steps[1] == "desired" else twins.c.reported_version
        return NumberColumn(sa.func.coalesce(column, 1)) if len(steps) == 3 else None  # noqa: PLR2004 - same
    if steps[2] == "$metadata":
        return None
    return _json(twins.c.desired if steps[1] == "desired" else twins.c.reported, steps[2:], dialect)


def _columns(source: Source, dialect: str, *, is_hidden: bool) -> dict[tuple[str | int, ...], SqlValue]:
    c = source.table.c

    def seen(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        return UnaryExpression(column, operator=_PLUS, type_=column.type) if is_hidden else column

    def text(column: sa.ColumnElement[Any], *, is_bytewise: bool = False) -> TextColumn:
        return TextColumn(seen(column), dialect, is_bytewise)

    last_seen = sa.func.coalesce(presence.c.changed_at, c.last_connected_at, type_=presence.c.changed_at.type)
    found: dict[tuple[str | int, ...], SqlValue] = {
        ("deviceId",): text(c.device_id, is_bytewise=True),
        ("generationId",): text(c.generation_id),
        ("version",): NumberColumn(c.revision + sa.func.coalesce(twins.c.revision, 0)),
        ("status",): Words({"enabled": seen(c.is_enabled).is_(True), "disabled": seen(c.is_enabled).is_(False)}),
        ("connectionState",): Words(
            {
                "Connected": presence.c.is_connected.is_(True),
                "Disconnected": presence.c.is_connected.is_not(True),
            }
        ),
        ("lastActivityTime",): TimeColumn(last_seen),
        ("gateway",): text(sa.func.coalesce(presence.c.gateway, "", type_=sa.String)),
        ("authenticationType",): Words(_by_hub_name(c.authentication_type)),
        ("x509Thumbprint", "primaryThumbprint"): text(c.primary_thumbprint),
        ("x509Thumbprint", "secondaryThumbprint"): text(c.secondary_thumbprint),
        ("createdTime",): TimeColumn(c.created_at),
        ("updatedTime",): TimeColumn(c.updated_at),
    }
    if source.name == "devices.modules":
        found[("moduleId",)] = text(c.module_id, is_bytewise=True)
        found[("managedBy",)] = text(c.managed_by)
        return found
    return found | {
        ("statusReason",): text(c.status_reason),
        ("statusUpdateTime",): TimeColumn(c.status_changed_at),
        ("lifecycle",): text(c.lifecycle),
        ("isBlocked",): BooleanColumn(seen(c.is_blocked)),
        ("site",): text(c.site),
        ("zone",): text(c.zone),
        ("purdueLevel",): text(c.purdue_level),
        ("deviceClass",): text(c.device_class),
        ("identityClass",): text(c.identity_class),
        ("failureMode",): text(c.failure_mode),
        ("enrollmentId",): text(c.enrollment_id),
        ("authorityId",): text(c.authority_id),
    }


def _by_hub_name(column: sa.ColumnElement[Any]) -> dict[str, Clause]:
    """Return the hub's words for types of authentication with the conditions for ours; any new one is ``none``."""
    by_name: dict[str, list[str]] = {}
    for ours, theirs in AUTHENTICATION_TYPES.items():
        by_name.setdefault(theirs, []).append(ours)
    words: dict[str, Clause] = {theirs: column.in_(ours) for theirs, ours in by_name.items()}
    assert {kind.value for kind in AuthenticationType} <= set(AUTHENTICATION_TYPES)  # noqa: S101 - else a word is missing
    return words
