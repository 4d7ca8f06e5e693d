"""Aggregates as SQL: one statement per window instead of its documents."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from vedette.kernel import OrganizationId
from vedette.registry.query.aggregate import Aggregation, Tally
from vedette.registry.query.check import fields_of, format_time
from vedette.registry.query.columns import BooleanColumn, NumberColumn, SqlValue, TextColumn, TimeColumn, Words
from vedette.registry.query.fields import Part
from vedette.registry.query.json_values import PostgresqlJson, SqliteJson
from vedette.registry.query.plan import Branch, Plan
from vedette.registry.query.scan import Window
from vedette.registry.query.sources import Source
from vedette.registry.query.tree import UNDEFINED, Path, Query
from vedette.registry.query.values import Value

Columns = tuple[sa.ColumnElement[Any], ...]
# What comes back for a group of one path; SQL's rows are Any.
Decode = Callable[[tuple[Any, ...]], Value]


@dataclass(frozen=True, slots=True)
class _Read:
    """The columns that give a value, and how it is read from them."""

    columns: Columns
    decode: Decode


class SqlTally:
    """Sums up rows under a plan; ``make`` returns ``None`` for what SQL cannot read."""

    def __init__(self, query: Query, aggregation: Aggregation, reads: list[_Read], numbers: Columns) -> None:
        self._query = query
        self._aggregation = aggregation
        self._reads = reads
        self._numbers = numbers

    @classmethod
    def make(cls, query: Query, aggregation: Aggregation, source: Source, dialect: str) -> SqlTally | None:
        """Prepare the columns that a query groups by and sums up."""
        reads = [_read(source, path, dialect) for path in query.group_by]
        numbers = [_number(source, path, dialect) for path in aggregation.paths]
        if any(each is None for each in (*reads, *numbers)):
            return None
        known = [each for each in numbers if each is not None]
        return cls(query, aggregation, [each for each in reads if each is not None], tuple(known))

    def parts(self, source: Source) -> set[Part]:
        """Return what the columns read beside the identity itself."""
        return {field.part for field in fields_of([*self._query.group_by, *self._aggregation.paths], source.name)}

    def look(
        self,
        connection: sa.Connection,
        organization_id: OrganizationId,
        plan: Plan,
        branch: Branch,
        window: Window,
    ) -> None:
        """Sum up one branch of one window."""
        keys = [column for read in self._reads for column in read.columns]
        sums: list[sa.ColumnElement[Any]] = [sa.func.count()]
        for number in self._numbers:
            sums += [sa.func.count(number), _total(number, connection), sa.func.min(number), sa.func.max(number)]
        labelled = [column.label(f"c{index}") for index, column in enumerate([*keys, *sums])]
        query = plan.select(labelled, organization_id, branch, after=window.after, up_to=window.up_to, is_whole=True)
        if keys:
            query = query.group_by(*(sa.literal_column(f"c{index}") for index in range(len(keys))))
        for row in connection.execute(query):
            self._add(tuple(row))

    def _add(self, row: tuple[Any, ...]) -> None:
        position = 0
        key = []
        for read in self._reads:
            key.append(read.decode(row[position : position + len(read.columns)]))
            position += len(read.columns)
        count = row[position]
        tallies = {}
        for index, path in enumerate(self._aggregation.paths):
            many, total, least, most = row[position + 1 + 4 * index : position + 5 + 4 * index]
            if many:
                tallies[path] = Tally(many, _to_float(total), float(least), float(most))
        if count or not self._reads:
            self._aggregation.add(key, count, tallies)


def _to_float(total: Any) -> float:  # Any: float or Decimal
    try:
        return float(total)
    except OverflowError:
        return math.inf


def _total(number: sa.ColumnElement[Any], connection: sa.Connection) -> sa.ColumnElement[Any]:
    # SQLite's sum of whole numbers fails when it is too large; its total is a float.
    return sa.func.total(number) if connection.dialect.name == "sqlite" else sa.func.sum(number)


_SQLITE_JSON: Final[dict[str | None, Callable[[Any], Value]]] = {
    None: lambda _: UNDEFINED,
    "null": lambda _: None,
    "true": lambda _: True,
    "false": lambda _: False,
    "integer": lambda value: value,
    "real": lambda value: value,
    "text": lambda value: value,
}


def _decode_sqlite(values: tuple[Any, ...]) -> Value:
    kind, value = values
    read = _SQLITE_JSON.get(kind)
    return UNDEFINED if read is None else read(value)


def _decode_postgresql(values: tuple[Any, ...]) -> Value:
    kind, value = values
    return UNDEFINED if kind is None else None if kind == "null" else value


def _read(source: Source, path: Path, dialect: str) -> _Read | None:
    value: SqlValue | None = source.value(path, dialect)
    found: _Read | None = None
    match value:
        case SqliteJson():
            found = _Read((value.type, value.value), _decode_sqlite)
        case PostgresqlJson():
            found = _Read((sa.func.jsonb_typeof(value.value, type_=sa.Text), value.value), _decode_postgresql)
        case TextColumn(column=column) | NumberColumn(column=column):
            found = _Read((column,), lambda values: values[0])
        case BooleanColumn(column=column):
            found = _Read((column,), lambda values: bool(values[0]))
        case TimeColumn(column=column):
            found = _Read((column,), lambda values: format_time(values[0]))
        case Words(words=words):
            word = sa.case(*((clause, name) for name, clause in words.items()), else_=None)
            found = _Read((word,), lambda values: values[0])
    return found


def _number(source: Source, path: Path, dialect: str) -> sa.ColumnElement[Any] | None:
    value = source.value(path, dialect)
    match value:
        case SqliteJson():
            return sa.case((value.has_type("number"), value.value), else_=None)
        case PostgresqlJson():
            return sa.case((value.has_type("number"), sa.cast(value.value, sa.Numeric)), else_=None)
        case NumberColumn(column=column):
            return column
    return None
