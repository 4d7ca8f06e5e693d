"""How an answer is found: by an index where the condition offers one, else by looking at identities in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import sqlalchemy as sa

from vedette.registry.group_repository import groups, members
from vedette.registry.query.check import fields_of
from vedette.registry.query.columns import Clause
from vedette.registry.query.compile import Compiled, compile_condition, simplify
from vedette.registry.query.evaluate import condition
from vedette.registry.query.fields import Part
from vedette.registry.query.sources import DEVICES, Source
from vedette.registry.query.tree import And, Call, Comparison, Constant, Membership, Node, Path, Primitive
from vedette.store import indexed_paths

BRANCHES_MAX: Final = 16

Key = tuple[str, ...]
Steps = tuple[str | int, ...]

# Each of these names few identities at most; the result is sorted.
_POINTS: Final[frozenset[Steps]] = frozenset(
    {
        ("deviceId",),
        ("generationId",),
        ("x509Thumbprint", "primaryThumbprint"),
        ("x509Thumbprint", "secondaryThumbprint"),
    }
)
# Indexed together with the key, so that however many match, the first page is at hand.
_INDEXED: Final[frozenset[Steps]] = frozenset(
    {("site",), ("zone",), ("lifecycle",), ("deviceClass",), ("enrollmentId",)}
) | frozenset(("tags", *path.keys) for path in indexed_paths if path.table == "registry_devices")
INDEXED_FIELDS: Final = tuple(sorted(".".join(map(str, steps)) for steps in _INDEXED | {("deviceId",)}))
# Indexed for this value only.
_EXCEPTIONS: Final[Mapping[Steps, Primitive]] = {("status",): "disabled", ("isBlocked",): True}


@dataclass(frozen=True, slots=True)
class Branch:
    """A set of identities that an index yields in the order of their key.

    Attributes:
        clause: What the index looks up; every identity without one.
        group: The name of a group whose members they are.
        is_sorted: Whether the index yields them in the order of the key; else they are few.
    """

    clause: Clause | None = None
    group: str | None = None
    is_sorted: bool = True

    def order(self, key: tuple[sa.Column[Any], ...]) -> list[sa.ColumnElement[Any]]:
        """Return what rows are ordered by: where the key's own index is not wanted, something it cannot serve."""
        return list(key) if self.is_sorted else [sa.func.coalesce(column, "") for column in key]


@dataclass(frozen=True, slots=True)
class Plan:
    """How to find what meets a condition.

    Attributes:
        compiled: The condition as SQL.
        test: The condition itself.
        parts: What the test reads of a document.
        branches: Disjoint sets that together hold everything the condition holds for.
        is_direct: One statement per branch is enough: nearly every row the index yields is part of the answer.
        extra: Further conditions, of a list.
    """

    source: Source
    compiled: Compiled
    test: Callable[[Mapping[str, Any]], bool]
    parts: frozenset[Part]
    branches: tuple[Branch, ...]
    is_direct: bool
    extra: tuple[Clause, ...] = ()

    def key_of(self, branch: Branch) -> tuple[sa.Column[Any], ...]:
        """Return the columns that order a branch."""
        return self.source.key if branch.group is None else (members.c.device_id,)

    def reading(self, parts: Iterable[Part]) -> Plan:
        """Return the plan with more parts at hand in its rows."""
        return replace(self, compiled=replace(self.compiled, parts=self.compiled.parts | frozenset(parts)))

    def by_windows(self, *, is_exact: bool) -> Plan:
        """Return the plan of one who looks at each row longer than it takes to find it."""
        compiled = replace(self.compiled, is_exact=is_exact and self.compiled.is_exact)
        return replace(self, compiled=compiled, is_direct=False)

    def rows(
        self, organization_id: str, branch: Branch, *, after: Key, up_to: Key | None, is_whole: bool
    ) -> tuple[sa.FromClause, list[Clause]]:
        """Return where a branch's rows come from, and under which conditions.

        Args:
            organization_id: Whose.
            branch: One of the plan's.
            after: Only behind this key; empty for all.
            up_to: Only to this key; ``None`` for all.
            is_whole: Under the whole condition, not only what the index looks up.
        """
        source = self.source.from_clause(self.compiled.parts if is_whole else ())
        clauses = self.source.living(organization_id)
        if branch.group is not None:
            source, joined = _with_members(source, organization_id, branch.group)
            clauses += joined
        if branch.clause is not None:
            clauses.append(branch.clause)
        if is_whole:
            clauses += [self.compiled.clause, *self.extra]
        key = branch.order(self.key_of(branch))
        if after:
            clauses.append(_compared(key, after, is_above=True))
        if up_to is not None:
            clauses.append(_compared(key, up_to, is_above=False))
        return source, clauses


def make_plan(node: Node | None, source: Source, dialect: str, *, extra: Iterable[Clause] = ()) -> Plan:
    """Plan how to find what meets a checked condition.

    Args:
        node: ``None`` for everything.
        source: Devices or modules.
        dialect: ``sqlite`` or ``postgresql``.
        extra: Conditions in SQL that must hold too.
    """
    further = tuple(extra)
    if node is None:
        compiled = Compiled(sa.true(), True, frozenset())
        return Plan(source, compiled, lambda _: True, frozenset(), (Branch(),), not further, further)
    simple = simplify(node, source)
    compiled = compile_condition(simple, source, dialect)
    conjuncts = simple.operands if isinstance(simple, And) else (simple,)
    branches: tuple[Branch, ...] = (Branch(),)
    rank, is_direct = _RANK_NONE, isinstance(simple, Constant) and not further
    for conjunct in conjuncts:
        found_rank, found = _branches(conjunct, source, dialect)
        if found_rank < rank:
            rank, branches = found_rank, found
            is_alone = len(conjuncts) == 1 and not further
            is_direct = compiled.is_exact and (rank == _RANK_POINT or is_alone)
    parts = frozenset(_parts_of(simple, source))
    return Plan(source, compiled, condition(simple), parts, branches, is_direct, further)


_RANK_POINT, _RANK_GROUP, _RANK_INDEX, _RANK_RANGE, _RANK_NONE = range(5)


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
        case Comparison(operator="<" | "<=" | ">" | ">=") | Call(name="STARTSWITH" | "STARTS_WITH") if _is_of_key(node):
            return _RANK_RANGE, (Branch(compile_condition(node, source, dialect).clause),)
        case Call(name="CONTAINS", arguments=(Path(steps=("groups",)), Constant(value=str() as name))):
            return _RANK_GROUP, (Branch(group=name),)
    return _RANK_NONE, ()


def _equal(path: Path, values: tuple[Primitive, ...], source: Source, dialect: str) -> tuple[int, tuple[Branch, ...]]:
    distinct = tuple(dict.fromkeys(values))
    if path.steps in _POINTS and (source is DEVICES or path.steps[0] != "x509Thumbprint"):
        if None in distinct:
            return _RANK_NONE, ()
        is_one = len(distinct) == 1
        node = Comparison("=", path, Constant(distinct[0])) if is_one else Membership(path, distinct, is_negated=False)
        return _RANK_POINT, (Branch(compile_condition(node, source, dialect).clause, is_sorted=False),)
    if source is not DEVICES:
        return _RANK_NONE, ()
    is_exception = path.steps in _EXCEPTIONS and distinct == (_EXCEPTIONS[path.steps],)
    is_indexed = path.steps in _INDEXED and all(isinstance(value, str) for value in distinct)
    if not (is_exception or is_indexed) or not 0 < len(distinct) <= BRANCHES_MAX:
        return _RANK_NONE, ()
    clauses = [compile_condition(Comparison("=", path, Constant(value)), source, dialect).clause for value in distinct]
    return _RANK_INDEX, tuple(Branch(clause) for clause in clauses)


def _is_of_key(node: Comparison | Call) -> bool:
    left, right = (node.left, node.right) if isinstance(node, Comparison) else node.arguments[:2]
    sides = (left, right) if isinstance(left, Path) else (right, left)
    is_path = isinstance(sides[0], Path) and sides[0].steps == ("deviceId",)
    return is_path and isinstance(sides[1], Constant) and isinstance(sides[1].value, str)


def _parts_of(node: Node, source: Source) -> Iterable[Part]:
    return (field.part for field in fields_of([node], source.name))


def _with_members(source: sa.FromClause, organization_id: str, name: str) -> tuple[sa.FromClause, list[Clause]]:
    c = members.c
    joined = source.join(
        members,
        sa.and_(c.organization_id == DEVICES.table.c.organization_id, c.generation_id == DEVICES.table.c.generation_id),
    )
    named = sa.select(groups.c.group_id).where(groups.c.organization_id == organization_id, groups.c.name == name)
    return joined, [c.organization_id == organization_id, c.group_id == named.scalar_subquery()]


def _compared(columns: Sequence[sa.ColumnElement[Any]], key: Key, *, is_above: bool) -> Clause:
    """Compare a key with another; the first column alone decides nearly always, so an index on it is enough."""
    (first, *rest), (value, *values) = columns, key
    if not rest:
        return first > value if is_above else first <= value
    others = _compared(rest, tuple(values), is_above=is_above)
    if is_above:
        return sa.and_(first >= value, sa.or_(first > value, others))
    return sa.and_(first <= value, sa.or_(first < value, others))
