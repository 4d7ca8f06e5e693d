"""Conditions as SQL, and what of them an index can find.

A condition becomes the narrowest SQL that no document it holds for escapes; where SQL cannot say all of it, the result
says so, and the evaluator decides about the rows that SQL let through. So there is one meaning, whatever the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeGuard

import sqlalchemy as sa

from vedette.registry.query.check import fields_of
from vedette.registry.query.columns import (
    TEXT_FUNCTIONS,
    Clause,
    JsonType,
    Scalar,
    SqlValue,
    TextFunction,
    any_of,
)
from vedette.registry.query.evaluate import fold
from vedette.registry.query.fields import Part
from vedette.registry.query.json_values import PostgresqlJson, SqliteJson
from vedette.registry.query.sources import Source
from vedette.registry.query.tree import (
    UNDEFINED,
    And,
    Call,
    Comparison,
    Constant,
    Membership,
    Node,
    Not,
    Operator,
    Or,
    Path,
    Primitive,
    rebuild,
)

_FLIPPED: Final[dict[Operator, Operator]] = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_TYPES: Final[dict[str, JsonType]] = {
    "IS_ARRAY": "array",
    "IS_BOOL": "boolean",
    "IS_NULL": "null",
    "IS_NUMBER": "number",
    "IS_OBJECT": "object",
    "IS_STRING": "text",
}
_PRIMITIVES: Final[tuple[JsonType, ...]] = ("null", "text", "number", "boolean")


@dataclass(frozen=True, slots=True)
class Compiled:
    """A condition as SQL.

    Attributes:
        clause: Holds for every document that the condition holds for.
        is_exact: It holds for no other.
        parts: What the clause reads beside the identity itself.
    """

    clause: Clause
    is_exact: bool
    parts: frozenset[Part]


def compile_condition(node: Node, source: Source, dialect: str, *, is_sought: bool = True) -> Compiled:
    """Compile a checked condition.

    Args:
        node: From ``check_condition``.
        source: What it is about.
        dialect: ``sqlite`` or ``postgresql``.
        is_sought: Whether SQLite may use indexes for it.
    """
    compiler = _Compiler(source, dialect, is_sought=is_sought)
    clause = compiler.clause(simplify(node, source), is_negated=False)
    return Compiled(clause, compiler.is_exact, frozenset(compiler.parts))


def simplify(node: Node, source: Source) -> Node:
    """Replace fields that are the same in all identities by their value."""

    def replaced(each: Node) -> Node:
        if isinstance(each, Path) and source.is_constant(each):
            return Constant(source.constant(each), each.position)
        return rebuild(each, replaced)

    return fold(replaced(node))


class _Compiler:
    def __init__(self, source: Source, dialect: str, *, is_sought: bool) -> None:
        self._source = source
        self._dialect = dialect
        self._is_sought = is_sought
        self.is_exact = True
        self.parts: set[Part] = set()

    def clause(self, node: Node, *, is_negated: bool) -> Clause:
        """Compile with negation pushed to the leaves, so that what SQL cannot say is let through on either side."""
        match node:
            case Not(operand=operand):
                return self.clause(operand, is_negated=not is_negated)
            case And(operands=operands) | Or(operands=operands):
                clauses = [self.clause(operand, is_negated=is_negated) for operand in operands]
                is_and = isinstance(node, And) is not is_negated
                return sa.and_(sa.true(), *clauses) if is_and else any_of(clauses)
        leaf = self._leaf(node)
        if leaf is None:
            self.is_exact = False
            return sa.true()
        self.parts.update(field.part for field in fields_of([node], self._source.name))
        return sa.not_(sa.func.coalesce(leaf, sa.false(), type_=sa.Boolean)) if is_negated else leaf

    def _leaf(self, node: Node) -> Clause | None:
        found: Clause | None = None
        match node:
            case Constant(value=constant):
                found = sa.true() if constant is True else sa.false()
            case Path():
                found = self._compare(node, "=", True)
            case Comparison(operator=relation, left=Path() as path, right=Constant(value=constant)):
                found = self._compare(path, relation, constant)
            case Comparison(operator=relation, left=Constant(value=constant), right=Path() as path):
                found = self._compare(path, _FLIPPED[relation], constant)
            case Comparison(operator=relation, left=Path() as left, right=Path() as right):
                found = self._compare_paths(left, relation, right)
            case Membership(operand=Path() as path, constants=constants, is_negated=is_outside):
                found = self._find(path, constants, is_outside=is_outside)
            case Call(arguments=(Path() as path, *rest)):
                found = self._call(node.name, path, rest)
        return found

    def _value(self, path: Path) -> SqlValue | None:
        return self._source.value(path, self._dialect, is_sought=self._is_sought)

    def _compare(self, path: Path, relation: Operator, constant: Primitive) -> Clause | None:
        value = self._value(path)
        if constant is UNDEFINED:
            return sa.false()
        if value is None:
            return None
        if constant is None:
            return _compare_with_null(value, relation)
        found, is_null = value.compare(relation, constant), value.has_type("null")
        if relation != "!=" or found is None:
            return found
        return None if is_null is None else sa.or_(found, is_null)

    def _compare_paths(self, left: Path, relation: Operator, right: Path) -> Clause | None:
        first, second = self._value(left), self._value(right)
        if isinstance(first, SqliteJson) and isinstance(second, SqliteJson):
            return first.compare_with(relation, second)
        if isinstance(first, PostgresqlJson) and isinstance(second, PostgresqlJson):
            return first.compare_with(relation, second)
        return None

    def _find(self, path: Path, constants: Sequence[Primitive], *, is_outside: bool) -> Clause | None:
        value = self._value(path)
        if value is None:
            return None
        clauses = [value.is_among([each for each in constants if is_scalar(each)])]
        if any(each is None for each in constants):
            clauses.append(value.has_type("null"))
        found = any_of([clause for clause in clauses if clause is not None])
        is_defined = value.is_defined()
        if is_defined is None or any(clause is None for clause in clauses):
            return None
        if not is_outside:
            return found
        return sa.and_(is_defined, sa.not_(sa.func.coalesce(found, sa.false(), type_=sa.Boolean)))

    def _call(self, name: str, path: Path, rest: Sequence[Node]) -> Clause | None:
        value = self._value(path)
        if value is None:
            return None
        match rest:
            case [] if name == "IS_DEFINED":
                return value.is_defined()
            case [] if name == "IS_PRIMITIVE":
                clauses = [clause for kind in _PRIMITIVES if (clause := value.has_type(kind)) is not None]
                return any_of(clauses) if len(clauses) == len(_PRIMITIVES) else None
            case [] if name in _TYPES:
                return value.has_type(_TYPES[name])
            case [Constant(value=constant)] if name in TEXT_FUNCTIONS:
                return _apply(value, TEXT_FUNCTIONS[name], constant)
        return None


def _compare_with_null(value: SqlValue, relation: Operator) -> Clause | None:
    if relation not in {"=", "!="}:
        return sa.false()
    is_null, is_defined = value.has_type("null"), value.is_defined()
    if is_null is None or is_defined is None:
        return None
    return is_null if relation == "=" else sa.and_(is_defined, sa.not_(is_null))


def _apply(value: SqlValue, function: TextFunction, constant: Primitive) -> Clause | None:
    if constant is UNDEFINED:
        return sa.false()
    if function == "CONTAINS" and isinstance(value, SqliteJson | PostgresqlJson):
        return None if constant is None else value.contains(constant)
    return value.apply(function, constant) if isinstance(constant, str) else sa.false()


def is_scalar(value: Primitive) -> TypeGuard[Scalar]:
    """Tell whether a constant is a text, number or boolean."""
    return value is not None and value is not UNDEFINED
