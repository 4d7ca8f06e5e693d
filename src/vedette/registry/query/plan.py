"""How an answer is found: by an index where the condition offers one, else by looking at identities in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import sqlalchemy as sa

from vedette.registry.group_repository import groups, members
from vedette.registry.presence_repository import presence
from vedette.registry.query.check import fields_of
from vedette.registry.query.columns import Clause
from vedette.registry.query.compile import Compiled, compile_condition, simplify
from vedette.registry.query.evaluate import condition
from vedette.registry.query.fields import Part
from vedette.registry.query.sources import DEVICES, Source
from vedette.registry.query.tree import (
    And,
    Call,
    Comparison,
    Constant,
    Membership,
    Node,
    Path,
    Primitive,
    SourceName,
)
from vedette.store import indexed_paths

BRANCHES_MAX: Final = 16

Key = tuple[str, ...]
Steps = tuple[str | int, ...]

# Each of these names few identities at most; the result is sorted.
_POINTS: Final[Mapping[SourceName, frozenset[Steps]]] = {
    "devices": frozenset(
        {
            ("deviceId",),
            ("generationId",),
            ("x509Thumbprint", "primaryThumbprint"),
            ("x509Thumbprint", "secondaryThumbprint"),
        }
    ),
    "devices.modules": frozenset({("deviceId",), ("generationId",)}),
}
# Indexed together with the key, so that however many match, the first page is at hand.
_INDEXED: Final[frozenset[Steps]] = frozenset(
    {("site",), ("zone",), ("lifecycle",), ("deviceClass",), ("enrollmentId",)}
) | frozenset(("tags", *path.keys) for path in indexed_paths if path.table == "registry_devices")
INDEXED_FIELDS: Final = tuple(sorted(".".join(map(str, steps)) for steps in (*_INDEXED, ("deviceId",))))
# Indexed for this value only.
_EXCEPTIONS: Final[Mapping[Steps, Primitive]] = {("status",): "disabled", ("isBlocked",): True}


@dataclass(frozen=True, slots=True)
class Branch:
    """A set of identities that an index yields in the order of their key.

    Attributes:
        clause: What the index looks up; every identity without one.
        group: The name of a group whose members they are.
        is_connected: Whether they are those that are connected.
        is_sorted: Whether the index yields them in the order of the key; else they are few.
    """

    clause: Clause | None = None
    group: str | None = None
    is_connected: bool = False
    is_sorted: bool = True

    def order(self, key: tuple[sa.Column[Any], ...]) -> list[sa.ColumnElement[Any]]:
        """Return what rows are ordered by: where the key's own index is not wanted, something it cannot serve."""
        return list(key) if self.is_sorted else [sa.func.coalesce(column, "") for column in key]


@dataclass(frozen=True, slots=True)
class Plan:
    """How to find what meets a condition.

    Attributes:
        compiled: What SQL has still to look for among what the index yields.
        test: The condition itself.
        parts: What the test reads of a document.
        branches: Disjoint sets that together hold everything the condition holds for.
        is_direct: One statement per branch is enough: nearly every row the index yields is part of the answer.
        within: What holds, beside the condition, for all that may be seen; None for everything.
    """

    source: Source
    compiled: Compiled
    test: Callable[[Mapping[str, Any]], bool]
    parts: frozenset[Part]
    branches: tuple[Branch, ...]
    is_direct: bool
    within: Clause | None = None

    def key_of(self, branch: Branch) -> tuple[sa.Column[Any], ...]:
        """Return the columns that order a branch."""
        if branch.is_connected:
            return (_connected.c.device_id,)
        return self.source.key if branch.group is None else (members.c.device_id,)

    def seeing(self, within: Clause) -> Plan:
        """Return the plan of one who may see a part of the fleet only."""
        return replace(self, within=within, is_direct=False)

    def reading(self, parts: Iterable[Part]) -> Plan:
        """Return the plan with more parts at hand in its rows."""
        return replace(self, compiled=replace(self.compiled, parts=self.compiled.parts | frozenset(parts)))

    def by_windows(self, *, is_exact: bool) -> Plan:
        """Return the plan of one who looks at each row longer than it takes to find it."""
        compiled = replace(self.compiled, is_exact=is_exact and self.compiled.is_exact)
        return replace(self, compiled=compiled, is_direct=False)

    def select(
        self,
        columns: Iterable[sa.ColumnElement[Any]],
        organization_id: str,
        branch: Branch,
        *,
        after: Key,
        up_to: Key | None,
        is_whole: bool,
    ) -> sa.Select[Any]:
        """Select columns of a branch's rows.

        Args:
            columns: Of the tables the plan reads.
            organization_id: Whose.
            branch: One of the plan's.
            after: Only behind this key; empty for all.
            up_to: Only to this key; ``None`` for all.
            is_whole: Under the whole condition, and not only what the index looks up.
        """
        source = self.source.from_clause(self.compiled.parts if is_whole else ())
        clauses = self.source.living(organization_id)
        if branch.group is not None:
            source, joined = _with_members(source, organization_id, branch.group)
            clauses += joined
        if branch.is_connected:
            source, joined = _with_connected(source, organization_id)
            clauses += joined
        if branch.clause is not None:
            clauses.append(branch.clause)
        if is_whole:
            clauses.append(self.compiled.clause)
            if self.within is not None:
                clauses.append(self.within)
        key = branch.order(self.key_of(branch))
        if after:
            clauses.append(_compared(key, after, is_above=True))
        if up_to is not None:
            clauses.append(_compared(key, up_to, is_above=False))
        return sa.select(*columns).select_from(source).where(*clauses)


def make_plan(node: Node | None, source: Source, dialect: str) -> Plan:
    """Plan how to find what meets a checked condition.

    Args:
        node: ``None`` for everything.
        source: Devices or modules.
        dialect: ``sqlite`` or ``postgresql``.
    """
    simple = Constant(True) if node is None else simplify(node, source)
    rest = list(simple.operands) if isinstance(simple, And) else [simple]
    rank, branches = _RANK_NONE, _EVERYTHING
    sought: Node | None = None
    for conjunct in rest:
        found_rank, found = _branches(conjunct, source, dialect)
        if found_rank < rank:
            rank, branches, sought = found_rank, found, conjunct
    rest = [conjunct for conjunct in rest if conjunct is not sought]
    ranges = [conjunct for conjunct in rest if _is_of_key(conjunct)]
    if rank != _RANK_POINT and rank not in _JOINED and ranges:
        clauses = [compile_condition(conjunct, source, dialect).clause for conjunct in ranges]
        branches = tuple(replace(each, clause=sa.and_(_clause_of(each), *clauses)) for each in branches)
        rest = [conjunct for conjunct in rest if conjunct not in ranges]
    residual = compile_condition(And((Constant(True), *rest)), source, dialect, is_sought=False)
    is_all_sought = all(isinstance(each, Constant) for each in rest)
    return Plan(
        source=source,
        compiled=residual,
        test=condition(simple),
        parts=frozenset(field.part for field in fields_of([simple], source.name)),
        branches=branches,
        is_direct=residual.is_exact and (rank == _RANK_POINT or is_all_sought),
    )


_EVERYTHING: Final[tuple[Branch, ...]] = (Branch(),)
_RANK_POINT, _RANK_EXCEPTION, _RANK_GROUP, _RANK_INDEX, _RANK_CONNECTED, _RANK_NONE = range(6)
# Their keys are another table's: a range of device ids does not narrow what the index yields.
_JOINED: Final = frozenset({_RANK_GROUP, _RANK_CONNECTED})
_connected: Final = presence.alias("connected")


def _branches(node: Node, source: Source, dialect: str) -> tuple[int, tuple[Branch, ...]]:
    """Return how well an index serves a conjunct, and what it yields."""
    match node:
        case (
            Comparison(operator="=", left=Path() as path, right=Constant(value=value))
            | Comparison(operator="=", left=Constant(value=value), right=Path() as path)
        ):
            return _equal(path, (value,), source, dialect)
        case Path() as path:
            return _equal(path, (True,), source, dialect)
        case Membership(operand=Path() as path, constants=constants, is_negated=False):
            return _equal(path, constants, source, dialect)
        case Call(name="CONTAINS", arguments=(Path(steps=("groups",)), Constant(value=str() as name))):
            return _RANK_GROUP, (Branch(group=name),)
    return _RANK_NONE, ()


def _equal(path: Path, values: tuple[Primitive, ...], source: Source, dialect: str) -> tuple[int, tuple[Branch, ...]]:
    distinct = tuple(dict.fromkeys(values))
    if path.steps in _POINTS[source.name]:
        if None in distinct:
            return _RANK_NONE, ()
        is_one = len(distinct) == 1
        node = Comparison("=", path, Constant(distinct[0])) if is_one else Membership(path, distinct, is_negated=False)
        clause = compile_condition(node, source, dialect).clause
        return _RANK_POINT, (Branch(clause, is_sorted=False),)
    if source is not DEVICES:
        return _RANK_NONE, ()
    if path.steps == ("connectionState",) and distinct == ("Connected",):
        return _RANK_CONNECTED, (Branch(is_connected=True),)
    is_exception = path.steps in _EXCEPTIONS and distinct == (_EXCEPTIONS[path.steps],)
    is_indexed = path.steps in _INDEXED and all(isinstance(value, str) for value in distinct)
    if not (is_exception or is_indexed) or not 0 < len(distinct) <= BRANCHES_MAX:
        return _RANK_NONE, ()
    clauses = [compile_condition(Comparison("=", path, Constant(value)), source, dialect).clause for value in distinct]
    return _RANK_EXCEPTION if is_exception else _RANK_INDEX, tuple(Branch(clause) for clause in clauses)


def _clause_of(branch: Branch) -> Clause:
    return sa.true() if branch.clause is None else branch.clause


def _is_of_key(node: Node) -> bool:
    """Tell whether a conjunct is a range of the key, which every index has at its end."""
    sides: tuple[Node, Node]
    match node:
        case Comparison(operator="<" | "<=" | ">" | ">=", left=left, right=right):
            sides = (left, right) if isinstance(left, Path) else (right, left)
        case Call(name="STARTSWITH" | "STARTS_WITH", arguments=(text, prefix)):
            sides = (text, prefix)
        case _:
            return False
    path, constant = sides
    is_key = isinstance(path, Path) and path.steps == ("deviceId",)
    return is_key and isinstance(constant, Constant) and isinstance(constant.value, str)


def _with_members(source: sa.FromClause, organization_id: str, name: str) -> tuple[sa.FromClause, list[Clause]]:
    c = members.c
    joined = source.join(
        members,
        sa.and_(c.organization_id == DEVICES.table.c.organization_id, c.generation_id == DEVICES.table.c.generation_id),
    )
    named = sa.select(groups.c.group_id).where(groups.c.organization_id == organization_id, groups.c.name == name)
    return joined, [c.organization_id == organization_id, c.group_id == named.scalar_subquery()]


def _with_connected(source: sa.FromClause, organization_id: str) -> tuple[sa.FromClause, list[Clause]]:
    c = _connected.c
    joined = source.join(
        _connected,
        sa.and_(c.organization_id == DEVICES.table.c.organization_id, c.generation_id == DEVICES.table.c.generation_id),
    )
    return joined, [c.organization_id == organization_id, c.is_connected.is_(True)]


def _compared(columns: Sequence[sa.ColumnElement[Any]], key: Key, *, is_above: bool) -> Clause:
    """Compare a key with another; the first column alone decides nearly always, so an index on it is enough."""
    (first, *rest), (value, *values) = columns, key
    if not rest:
        return first > value if is_above else first <= value
    others = _compared(rest, tuple(values), is_above=is_above)
    if is_above:
        return sa.and_(first >= value, sa.or_(first > value, others))
    return sa.and_(first <= value, sa.or_(first < value, others))
