"""Paths into JSON columns, and which of them are indexed.

A path is written into the SQL as a literal, because neither planner matches an expression index against a bound one;
so its keys are checked to be plain words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.visitors import InternalTraversal

_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_DEPTH_MAX: Final = 8


@dataclass(frozen=True, slots=True)
class IndexedPath:
    """A path whose look-ups are fast at any fleet size: ``table.column`` and the keys into the document."""

    table: str
    column: str
    keys: tuple[str, ...]

    @property
    def index_name(self) -> str:
        """The name of its index."""
        return "_".join(("ix", self.table, self.column, *self.keys))


# Frozen: a filter on one of these answers in under a millisecond, on any other it scans. Adding one is a migration.
indexed_paths: Final[tuple[IndexedPath, ...]] = (
    IndexedPath("registry_devices", "tags", ("site",)),
    IndexedPath("registry_devices", "tags", ("zone",)),
    IndexedPath("registry_devices", "tags", ("line",)),
    IndexedPath("registry_devices", "tags", ("environment",)),
    IndexedPath("registry_modules", "tags", ("site",)),
    IndexedPath("registry_modules", "tags", ("zone",)),
    IndexedPath("registry_modules", "tags", ("line",)),
    IndexedPath("registry_modules", "tags", ("environment",)),
)


class JsonScalar(sa.types.TypeDecorator[Any]):
    """The value at a JSON path: compares strings with strings and numbers with numbers, on both databases.

    On SQLite a JSON boolean is the number 0 or 1.
    """

    impl = sa.JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Choose ``jsonb`` on PostgreSQL and SQLite's own values elsewhere."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.JSONB())
        return dialect.type_descriptor(sa.types.NullType())

    def coerce_compared_value(self, op: object, value: object) -> sa.types.TypeEngine[Any]:  # noqa: ARG002 - inherited
        """Bind what it is compared with as the same type."""
        return self


class JsonPath(FunctionElement[Any]):
    """The value at a path of a JSON column; absent is NULL."""

    inherit_cache = True
    name = "json_path"
    type = JsonScalar()
    _traverse_internals = [  # noqa: RUF012 - SQLAlchemy's protocol for cache keys: the path is part of the SQL
        *FunctionElement._traverse_internals,  # noqa: SLF001 - same
        ("path", InternalTraversal.dp_string_list),
    ]

    def __init__(self, column: sa.ColumnElement[Any], path: tuple[str, ...]) -> None:
        super().__init__(column)
        self.path = list(path)


def json_path(column: sa.ColumnElement[Any], *keys: str) -> sa.ColumnElement[Any]:
    """Return the value at a path: ``json_path(devices.c.tags, "site") == "north"``.

    Raises:
        ValueError: A key is not a plain word of at most 64 characters, or there are none or more than 8.
    """
    if not 0 < len(keys) <= _DEPTH_MAX:
        raise ValueError(f"a JSON path has 1 to {_DEPTH_MAX} keys, not {len(keys)}")
    for key in keys:
        if not _KEY.fullmatch(key):
            raise ValueError(f"JSON path key {key[:80]!r} is not a plain word")
    return JsonPath(column, keys)


def index_paths(table: sa.Table, *then: sa.Column[Any], where: sa.ColumnElement[bool] | None = None) -> None:
    """Give a table the indexes declared for it in ``indexed_paths``, led by its ``organization_id``.

    Args:
        table: The table.
        then: Columns that order the rows of equal values.
        where: Which rows are indexed at all.
    """
    for path in indexed_paths:
        if path.table == table.name:
            expression = json_path(table.c[path.column], *path.keys)
            name = "_".join((path.index_name, *(column.name for column in then)))
            columns = (table.c.organization_id, expression, *then)
            sa.Index(name, *columns, sqlite_where=where, postgresql_where=where)


@compiles(JsonPath, "sqlite")
def _compile_sqlite(element: JsonPath, compiler: SQLCompiler, **options: Any) -> str:  # Any: SQLAlchemy's own
    dotted = ".".join(element.path)
    return f"json_extract({compiler.process(element.clauses, **options)}, '$.{dotted}')"


@compiles(JsonPath, "postgresql")
def _compile_postgresql(element: JsonPath, compiler: SQLCompiler, **options: Any) -> str:  # Any: SQLAlchemy's own
    listed = ",".join(element.path)
    return f"({compiler.process(element.clauses, **options)} #> '{{{listed}}}')"
