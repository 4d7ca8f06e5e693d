"""Fields as SQL: each answers what a condition asks of it with an expression that means what the evaluator means.

An expression may be NULL where the evaluator says false; whoever negates one makes it false first. ``None`` instead of
an expression says that SQL cannot tell: the evaluator has to look at the document.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal, Protocol

import sqlalchemy as sa

from vedette.registry.query.check import NEVER, parse_time
from vedette.registry.query.tree import Operator
from vedette.registry.query.values import compare

Clause = sa.ColumnElement[bool]
Scalar = str | int | float | bool
JsonType = Literal["null", "text", "number", "boolean", "array", "object"]
TextFunction = Literal["STARTSWITH", "ENDSWITH", "CONTAINS"]

TEXT_FUNCTIONS: Final[dict[str, TextFunction]] = {
    "STARTSWITH": "STARTSWITH",
    "STARTS_WITH": "STARTSWITH",
    "ENDSWITH": "ENDSWITH",
    "ENDS_WITH": "ENDSWITH",
    "CONTAINS": "CONTAINS",
}
_MILLISECOND: Final = timedelta(milliseconds=1)
_LAST_CHARACTER: Final = chr(0x10FFFF)
_RULES: Final[dict[TextFunction, Callable[[str, str], bool]]] = {
    "STARTSWITH": str.startswith,
    "ENDSWITH": str.endswith,
    "CONTAINS": str.__contains__,
}


class SqlValue(Protocol):
    """What a condition may ask of a field."""

    def is_defined(self) -> Clause | None:
        """Tell whether there is a value, null included."""
        ...

    def has_type(self, kind: JsonType) -> Clause | None:
        """Tell whether the value is of a type."""
        ...

    def compare(self, relation: Operator, constant: Scalar) -> Clause | None:
        """Compare with a constant."""
        ...

    def is_among(self, constants: Sequence[Scalar]) -> Clause | None:
        """Tell whether the value equals one of some constants."""
        ...

    def apply(self, function: TextFunction, constant: str) -> Clause | None:
        """Ask a text function about the value."""
        ...


def any_of(clauses: Collection[Clause]) -> Clause:
    """Join clauses by OR; none is false."""
    return sa.or_(sa.false(), *clauses)


def relate(relation: Operator, left: sa.ColumnElement[Any], right: object) -> Clause:  # Any: of whatever type
    """Write a comparison."""
    found: Clause
    match relation:
        case "=":
            found = left == right
        case "!=":
            found = left != right
        case "<":
            found = left < right
        case "<=":
            found = left <= right
        case ">":
            found = left > right
        case _:
            found = left >= right
    return found


def next_prefix(prefix: str) -> str | None:
    """Return the least text above every text with a prefix, in the order of code points; ``None`` if there is none."""
    stem = prefix.rstrip(_LAST_CHARACTER)
    if not stem:
        return None
    last = ord(stem[-1]) + 1
    return stem[:-1] + chr(0xE000 if 0xD800 <= last <= 0xDFFF else last)  # noqa: PLR2004 - surrogates are no characters


def text_function(
    function: TextFunction, text: sa.ColumnElement[Any], constant: str, *, dialect: str, is_bytewise: bool
) -> Clause:
    """Write a text function; ``is_bytewise`` lets a prefix be a range, for which there may be an index."""
    length = len(constant)
    if function == "STARTSWITH":
        if is_bytewise:
            end = next_prefix(constant)
            return text >= constant if end is None else sa.and_(text >= constant, text < end)
        return sa.func.starts_with(text, sa.cast(constant, sa.Text), type_=sa.Boolean)
    if function == "ENDSWITH":
        if not length:
            return text.is_not(None)
        tail = sa.func.substr(text, -length) if dialect == "sqlite" else sa.func.right(text, length)
        return tail == constant
    if dialect == "sqlite":
        return sa.func.instr(text, constant, type_=sa.Integer) > 0
    return sa.func.strpos(text, sa.cast(constant, sa.Text), type_=sa.Integer) > 0


@dataclass(frozen=True, slots=True)
class TextColumn:
    """A text column; NULL is null.

    Attributes:
        is_bytewise: It is ordered byte by byte as it is, on PostgreSQL too.
    """

    column: sa.ColumnElement[Any]
    dialect: str
    is_bytewise: bool = False

    def is_defined(self) -> Clause:
        """Tell that there always is a value."""
        return sa.true()

    def has_type(self, kind: JsonType) -> Clause:
        """Tell null from text."""
        if kind == "null":
            return self.column.is_(None)
        return self.column.is_not(None) if kind == "text" else sa.false()

    def compare(self, relation: Operator, constant: Scalar) -> Clause:
        """Compare with a text, by code point."""
        if not isinstance(constant, str):
            return sa.false()
        return relate(relation, self.column if relation in {"=", "!="} else self._ordered(), constant)

    def is_among(self, constants: Sequence[Scalar]) -> Clause:
        """Look for the text in a list."""
        texts = [constant for constant in constants if isinstance(constant, str)]
        return self.column.in_(texts) if texts else sa.false()

    def apply(self, function: TextFunction, constant: str) -> Clause:
        """Ask a text function."""
        is_bytewise = self.is_bytewise or self.dialect == "sqlite"
        return text_function(function, self.column, constant, dialect=self.dialect, is_bytewise=is_bytewise)

    def _ordered(self) -> sa.ColumnElement[Any]:
        is_bytewise = self.is_bytewise or self.dialect == "sqlite"
        return self.column if is_bytewise else sa.collate(self.column, "C")


@dataclass(frozen=True, slots=True)
class Words:
    """A field that has one of a few words, each under its own condition; together they cover every row."""

    words: dict[str, Clause]

    def is_defined(self) -> Clause:
        """Tell that there always is a value."""
        return sa.true()

    def has_type(self, kind: JsonType) -> Clause:
        """Tell that it is a text."""
        return sa.true() if kind == "text" else sa.false()

    def compare(self, relation: Operator, constant: Scalar) -> Clause:
        """Choose the words that compare so."""
        return any_of([clause for word, clause in self.words.items() if compare(relation, word, constant)])

    def is_among(self, constants: Sequence[Scalar]) -> Clause:
        """Choose the words in a list."""
        return any_of([clause for word, clause in self.words.items() if word in constants])

    def apply(self, function: TextFunction, constant: str) -> Clause:
        """Choose the words that the function accepts."""
        return any_of([clause for word, clause in self.words.items() if _RULES[function](word, constant)])


@dataclass(frozen=True, slots=True)
class NumberColumn:
    """A number that is always there."""

    column: sa.ColumnElement[Any]

    def is_defined(self) -> Clause:
        """Tell that there always is a value."""
        return sa.true()

    def has_type(self, kind: JsonType) -> Clause:
        """Tell that it is a number."""
        return sa.true() if kind == "number" else sa.false()

    def compare(self, relation: Operator, constant: Scalar) -> Clause:
        """Compare with a number."""
        if isinstance(constant, str | bool):
            return sa.false()
        return relate(relation, sa.cast(self.column, sa.Double), sa.literal(float(constant), sa.Double))

    def is_among(self, constants: Sequence[Scalar]) -> Clause:
        """Look for the number in a list."""
        return any_of([self.compare("=", constant) for constant in constants])

    def apply(self, function: TextFunction, constant: str) -> Clause:  # noqa: ARG002 - no text
        """Tell that it is no text."""
        return sa.false()


@dataclass(frozen=True, slots=True)
class BooleanColumn:
    """A boolean that is always there."""

    column: sa.ColumnElement[bool]

    def is_defined(self) -> Clause:
        """Tell that there always is a value."""
        return sa.true()

    def has_type(self, kind: JsonType) -> Clause:
        """Tell that it is a boolean."""
        return sa.true() if kind == "boolean" else sa.false()

    def compare(self, relation: Operator, constant: Scalar) -> Clause:
        """Compare with a boolean."""
        if not isinstance(constant, bool) or relation not in {"=", "!="}:
            return sa.false()
        return self.column.is_(constant if relation == "=" else not constant)

    def is_among(self, constants: Sequence[Scalar]) -> Clause:
        """Look for the boolean in a list."""
        return any_of([self.compare("=", constant) for constant in constants])

    def apply(self, function: TextFunction, constant: str) -> Clause:  # noqa: ARG002 - no text
        """Tell that it is no text."""
        return sa.false()


@dataclass(frozen=True, slots=True)
class TimeColumn:
    """A time; twins have it as a text to the millisecond, and NULL as the year 1."""

    column: sa.ColumnElement[Any]

    def is_defined(self) -> Clause:
        """Tell that there always is a value."""
        return sa.true()

    def has_type(self, kind: JsonType) -> Clause:
        """Tell that it is a text."""
        return sa.true() if kind == "text" else sa.false()

    def compare(self, relation: Operator, constant: Scalar) -> Clause:
        """Compare with a time that stands in its one form: what lies within its millisecond equals it."""
        if not isinstance(constant, str):
            return sa.false()
        moment = None if constant == NEVER else parse_time(constant)
        if moment is None:
            return self._compare_with_never(relation)
        is_before = sa.or_(self.column.is_(None), self.column < moment)
        is_after = sa.and_(self.column.is_not(None), self.column >= moment + _MILLISECOND)
        clauses: dict[Operator, Clause] = {
            "=": sa.and_(self.column >= moment, self.column < moment + _MILLISECOND),
            "!=": sa.or_(is_before, is_after),
            "<": is_before,
            "<=": sa.or_(self.column.is_(None), self.column < moment + _MILLISECOND),
            ">": is_after,
            ">=": sa.and_(self.column.is_not(None), self.column >= moment),
        }
        return clauses[relation]

    def is_among(self, constants: Sequence[Scalar]) -> Clause:
        """Look for the time in a list."""
        return any_of([self.compare("=", constant) for constant in constants])

    def apply(self, function: TextFunction, constant: str) -> Clause | None:  # noqa: ARG002 - told by the evaluator
        """Leave parts of a time's text to the evaluator."""
        return None

    def _compare_with_never(self, relation: Operator) -> Clause:
        match relation:
            case "=" | "<=":
                return self.column.is_(None)
            case "!=" | ">":
                return self.column.is_not(None)
            case "<":
                return sa.false()
            case _:
                return sa.true()


@dataclass(frozen=True, slots=True)
class GroupNames:
    """The names of an identity's groups."""

    contains: Callable[[str], Clause]

    def is_defined(self) -> Clause:
        """Tell that there always is a list."""
        return sa.true()

    def has_type(self, kind: JsonType) -> Clause:
        """Tell that it is a list."""
        return sa.true() if kind == "array" else sa.false()

    def compare(self, relation: Operator, constant: Scalar) -> Clause:  # noqa: ARG002 - lists do not compare
        """Tell that lists do not compare."""
        return sa.false()

    def is_among(self, constants: Sequence[Scalar]) -> Clause:  # noqa: ARG002 - lists do not compare
        """Tell that lists do not compare."""
        return sa.false()

    def apply(self, function: TextFunction, constant: str) -> Clause:
        """Look for a group's name."""
        return self.contains(constant) if function == "CONTAINS" else sa.false()
