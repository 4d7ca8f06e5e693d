"""Members of JSON columns as SQL, typed: a text never equals a number, nor a boolean 1, on either database."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from vedette.registry.query.columns import Clause, JsonType, Scalar, TextFunction, any_of, relate, text_function
from vedette.registry.query.tree import Operator
from vedette.store import indexed_paths, json_path

# What SQLite's paths and its comparison of raw labels leave unambiguous: no escapes in JSON, no quotes in paths.
_SQLITE_KEY: Final = re.compile(r"[ !#-\[\]-~]+")
_SQLITE_TYPES: Final[dict[JsonType, tuple[str, ...]]] = {
    "null": ("null",),
    "text": ("text",),
    "number": ("integer", "real"),
    "boolean": ("true", "false"),
    "array": ("array",),
    "object": ("object",),
}
_POSTGRESQL_TYPES: Final[dict[JsonType, str]] = {
    "null": "null",
    "text": "string",
    "number": "number",
    "boolean": "boolean",
    "array": "array",
    "object": "object",
}
_ORDERED: Final[tuple[JsonType, ...]] = ("number", "text")
_COMPARED: Final[tuple[JsonType, ...]] = ("number", "text", "boolean")


def type_of(constant: Scalar) -> JsonType:
    """Return the JSON type of a constant."""
    if isinstance(constant, bool):
        return "boolean"
    return "text" if isinstance(constant, str) else "number"


def _is_indexed(column: sa.Column[Any], steps: Sequence[str | int]) -> bool:
    return any(
        path.table == column.table.name and path.column == column.name and path.keys == tuple(steps)
        for path in indexed_paths
    )


@dataclass(frozen=True, slots=True)
class SqliteJson:
    """A member of a JSON column on SQLite."""

    column: sa.Column[Any]
    path: str
    type: sa.ColumnElement[Any]
    value: sa.ColumnElement[Any]

    @classmethod
    def at(cls, column: sa.Column[Any], steps: Sequence[str | int], *, is_sought: bool) -> SqliteJson | None:
        """Return the member at a path, as its index has it if it is sought.

        ``None`` if a key is one that SQLite cannot look up.
        """
        path = "$"
        for step in steps:
            if isinstance(step, str) and not _SQLITE_KEY.fullmatch(step):
                return None
            path += f"[{step}]" if isinstance(step, int) else f'."{step}"'
        is_indexed = is_sought and _is_indexed(column, steps)
        value = json_path(column, *map(str, steps)) if is_indexed else sa.func.json_extract(column, path)
        return cls(column, path, sa.func.json_type(column, path), value)

    def is_defined(self) -> Clause:
        """Tell whether there is a value, null included."""
        return self.type.is_not(None)

    def has_type(self, kind: JsonType) -> Clause:
        """Tell whether the value is of a type."""
        return self.type.in_(_SQLITE_TYPES[kind])

    def compare(self, relation: Operator, constant: Scalar) -> Clause:
        """Compare with a constant of the same type."""
        kind = type_of(constant)
        if kind == "boolean":
            word = "true" if bool(constant) is (relation == "=") else "false"
            return self.type == word if relation in {"=", "!="} else sa.false()
        clause = relate(relation, self.value, constant)
        if relation == "=" and _is_unmistakable(constant):
            return clause
        return sa.and_(clause, self.has_type(kind))

    def compare_with(self, relation: Operator, other: SqliteJson) -> Clause:
        """Compare with another member."""
        mine, theirs = self._class(), other._class()
        if relation in {"=", "!="}:
            clause = sa.and_(mine == theirs, mine.in_(_COMPARED), relate(relation, self.value, other.value))
            nulls = sa.case((self.type == "null", 1), else_=0) + sa.case((other.type == "null", 1), else_=0)
            of_nulls = sa.and_(self.is_defined(), other.is_defined(), nulls == (2 if relation == "=" else 1))
            return sa.or_(clause, of_nulls)
        return sa.and_(mine == theirs, mine.in_(_ORDERED), relate(relation, self.value, other.value))

    def is_among(self, constants: Sequence[Scalar]) -> Clause:
        """Tell whether the value equals one of some constants."""
        clauses: list[Clause] = []
        for kind in ("text", "number"):
            same = [constant for constant in constants if type_of(constant) == kind]
            if same:
                clause = self.value.in_(same)
                is_clear = all(map(_is_unmistakable, same))
                clauses.append(clause if is_clear else sa.and_(clause, self.has_type(kind)))
        words = ["true" if constant else "false" for constant in constants if isinstance(constant, bool)]
        if words:
            clauses.append(self.type.in_(words))
        return any_of(clauses)

    def apply(self, function: TextFunction, constant: str) -> Clause:
        """Ask a text function about the value."""
        clause = text_function(function, self.value, constant, dialect="sqlite", is_bytewise=True)
        return sa.and_(clause, self.has_type("text"))

    def contains(self, constant: Scalar) -> Clause:
        """Tell whether a text has a part, or a list an item."""
        item = sa.func.json_each(self.column, self.path).table_valued("type", "atom")
        found = SqliteJson(self.column, self.path, item.c.type, item.c.atom).compare("=", constant)
        clause = sa.and_(self.has_type("array"), sa.exists(sa.select(sa.literal(1)).select_from(item).where(found)))
        return sa.or_(clause, self.apply("CONTAINS", constant)) if isinstance(constant, str) else clause

    def _class(self) -> sa.ColumnElement[Any]:
        return sa.case((self.has_type("number"), "number"), (self.has_type("boolean"), "boolean"), else_=self.type)


def _is_unmistakable(constant: Scalar) -> bool:
    """Tell whether SQLite's value of no other type equals a constant: booleans are 0 and 1, lists and objects texts."""
    return not constant.startswith(("[", "{")) if isinstance(constant, str) else constant not in {0, 1}


@dataclass(frozen=True, slots=True)
class PostgresqlJson:
    """A member of a JSON column on PostgreSQL."""

    value: sa.ColumnElement[Any]

    @classmethod
    def at(cls, column: sa.Column[Any], steps: Sequence[str | int]) -> PostgresqlJson:
        """Return the member at a path."""
        if _is_indexed(column, steps):
            return cls(json_path(column, *map(str, steps)))
        value: sa.ColumnElement[Any] = column
        for step in steps:
            # The type decides: an array has no keys, and an object no indexes.
            key = sa.cast(step, sa.Integer if isinstance(step, int) else sa.Text)
            member = value.op("->", return_type=JSONB())(key)
            # To PostgreSQL a text or number is an array of itself.
            is_array = sa.func.jsonb_typeof(value, type_=sa.Text) == "array"
            value = sa.case((is_array, member), else_=None) if isinstance(step, int) else member
        return cls(value)

    def is_defined(self) -> Clause:
        """Tell whether there is a value, null included."""
        return self.value.is_not(None)

    def has_type(self, kind: JsonType) -> Clause:
        """Tell whether the value is of a type."""
        return self._type() == _POSTGRESQL_TYPES[kind]

    def compare(self, relation: Operator, constant: Scalar) -> Clause:
        """Compare with a constant of the same type."""
        kind = type_of(constant)
        if relation == "=":
            return self.value == _literal(constant)
        if kind == "boolean" and relation != "!=":
            return sa.false()
        if kind == "text" and relation != "!=":
            clause = relate(relation, sa.collate(self._text(), "C"), constant)
        else:
            clause = relate(relation, self.value, _literal(constant))
        return sa.and_(clause, self.has_type(kind))

    def compare_with(self, relation: Operator, other: PostgresqlJson) -> Clause:
        """Compare with another member."""
        is_same_type = self._type() == other._type()
        if relation == "=":
            kinds = [_POSTGRESQL_TYPES[kind] for kind in (*_COMPARED, "null")]
            return sa.and_(is_same_type, self._type().in_(kinds), self.value == other.value)
        if relation == "!=":
            kinds = [_POSTGRESQL_TYPES[kind] for kind in _COMPARED]
            is_other_null = self.has_type("null") != other.has_type("null")
            return sa.or_(sa.and_(is_same_type, self._type().in_(kinds), self.value != other.value), is_other_null)
        of_numbers = sa.and_(
            self.has_type("number"), other.has_type("number"), relate(relation, self.value, other.value)
        )
        of_texts = sa.and_(
            self.has_type("text"),
            other.has_type("text"),
            relate(relation, sa.collate(self._text(), "C"), other._text()),
        )
        return sa.or_(of_numbers, of_texts)

    def is_among(self, constants: Sequence[Scalar]) -> Clause:
        """Tell whether the value equals one of some constants."""
        return self.value.in_([_literal(constant) for constant in constants]) if constants else sa.false()

    def apply(self, function: TextFunction, constant: str) -> Clause:
        """Ask a text function about the value."""
        clause = text_function(function, self._text(), constant, dialect="postgresql", is_bytewise=False)
        return sa.and_(clause, self.has_type("text"))

    def contains(self, constant: Scalar) -> Clause:
        """Tell whether a text has a part, or a list an item."""
        clause = sa.and_(self.has_type("array"), self.value.op("@>", is_comparison=True)(_literal(constant)))
        return sa.or_(clause, self.apply("CONTAINS", constant)) if isinstance(constant, str) else clause

    def _type(self) -> sa.ColumnElement[Any]:
        return sa.func.jsonb_typeof(self.value, type_=sa.Text)

    def _text(self) -> sa.ColumnElement[Any]:
        return self.value.op("#>>", return_type=sa.Text())(sa.literal_column("'{}'"))


def _literal(constant: Scalar) -> sa.ColumnElement[Any]:
    return sa.literal(constant, JSONB())
