"""The tree of a query: what the parser makes, and evaluator and compiler read. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final, Literal


class Undefined(Enum):
    """The value of a path that leads nowhere."""

    UNDEFINED = "undefined"

    def __repr__(self) -> str:
        return "undefined"


UNDEFINED: Final = Undefined.UNDEFINED

Primitive = str | int | float | bool | None | Undefined
Operator = Literal["=", "!=", "<", "<=", ">", ">="]
ArithmeticOperator = Literal["+", "-", "*", "/", "%"]
SourceName = Literal["devices", "devices.modules"]
AggregateName = Literal["COUNT", "AVG", "SUM", "MIN", "MAX"]


@dataclass(frozen=True, slots=True)
class Path:
    """A path into a twin: names and array indexes."""

    steps: tuple[str | int, ...]
    position: int = field(default=0, compare=False)

    @property
    def root(self) -> str:
        """The field the path begins with."""
        return str(self.steps[0])

    def __str__(self) -> str:
        text = self.root
        for step in self.steps[1:]:
            is_word = isinstance(step, str) and step.replace("$", "_").isidentifier()
            text += f".{step}" if is_word else f"[{step}]" if isinstance(step, int) else f"[[{step}]]"
        return text


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal."""

    value: Primitive
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Negative:
    """A minus before an expression."""

    operand: Node
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Two numbers and what to do with them."""

    operator: ArithmeticOperator
    left: Node
    right: Node
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two expressions compared."""

    operator: Operator
    left: Node
    right: Node
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Membership:
    """``IN`` or ``NIN`` a list of constants."""

    operand: Node
    constants: tuple[Primitive, ...]
    is_negated: bool
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function; the name is in upper case."""

    name: str
    arguments: tuple[Node, ...]
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a condition."""

    operand: Node
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class And:
    """All of two or more conditions."""

    operands: tuple[Node, ...]
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Or:
    """Any of two or more conditions."""

    operands: tuple[Node, ...]
    position: int = field(default=0, compare=False)


Node = Path | Constant | Negative | Arithmetic | Comparison | Membership | Call | Not | And | Or


@dataclass(frozen=True, slots=True)
class Aggregate:
    """An aggregate function; ``COUNT`` has no path."""

    name: AggregateName
    path: Path | None
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Item:
    """One column of a projection, under the name it has in the result."""

    expression: Path | Aggregate
    name: str
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A whole query; ``items`` is ``None`` for ``SELECT *``."""

    source: SourceName
    items: tuple[Item, ...] | None = None
    top: int | None = None
    where: Node | None = None
    group_by: tuple[Path, ...] = ()

    @property
    def is_aggregate(self) -> bool:
        """Whether its rows are made of many identities each."""
        has_aggregate = self.items is not None and any(isinstance(item.expression, Aggregate) for item in self.items)
        return has_aggregate or bool(self.group_by)


def children(node: Node) -> tuple[Node, ...]:
    """Return what a node is made of."""
    match node:
        case Negative(operand=operand) | Not(operand=operand) | Membership(operand=operand):
            return (operand,)
        case Arithmetic(left=left, right=right) | Comparison(left=left, right=right):
            return (left, right)
        case Call(arguments=parts) | And(operands=parts) | Or(operands=parts):
            return parts
        case _:
            return ()


def rebuild(node: Node, change: Callable[[Node], Node]) -> Node:
    """Return a node made anew of its changed children."""
    match node:
        case Negative(operand=operand) | Not(operand=operand) | Membership(operand=operand):
            return replace(node, operand=change(operand))
        case Arithmetic(left=left, right=right) | Comparison(left=left, right=right):
            return replace(node, left=change(left), right=change(right))
        case Call(arguments=parts):
            return replace(node, arguments=tuple(map(change, parts)))
        case And(operands=parts) | Or(operands=parts):
            return replace(node, operands=tuple(map(change, parts)))
        case _:
            return node


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and everything below it."""
    yield node
    for child in children(node):
        yield from walk(child)


def paths_of(query: Query) -> Iterator[Path]:
    """Yield every path a query names."""
    if query.where is not None:
        yield from (node for node in walk(query.where) if isinstance(node, Path))
    for item in query.items or ():
        if isinstance(item.expression, Path):
            yield item.expression
        elif item.expression.path is not None:
            yield item.expression.path
    yield from query.group_by
