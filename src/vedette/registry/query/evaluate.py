"""The language over plain documents: conditions and expressions as functions of a twin-shaped dictionary. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from vedette.registry.query.functions import FUNCTIONS
from vedette.registry.query.tree import (
    UNDEFINED,
    And,
    Arithmetic,
    Call,
    Comparison,
    Constant,
    Membership,
    Negative,
    Node,
    Not,
    Or,
    Path,
    rebuild,
    walk,
)
from vedette.registry.query.values import Value, compare, finite, is_member, is_number, is_outside

Document = Mapping[str, Any]  # Any: JSON values
Evaluator = Callable[[Document], Value]
Condition = Callable[[Document], bool]

_ARITHMETIC: Final[dict[str, Callable[[float, float], float]]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
}


def evaluator(node: Node) -> Evaluator:
    """Return the function that gives an expression's value in a document."""
    match node:
        case Path():
            return _path(node)
        case Constant(value=value):
            return lambda _: value
        case Negative(operand=operand):
            inner = evaluator(operand)
            return lambda document: _negate(inner(document))
        case Arithmetic():
            return _arithmetic(node)
        case Call(name=name, arguments=arguments):
            apply, parts = FUNCTIONS[name].apply, tuple(map(evaluator, arguments))
            return lambda document: apply(*(part(document) for part in parts))
        case _:
            return condition(node)


def condition(node: Node) -> Condition:
    """Return the function that tells whether a document meets a condition; what is not ``true`` is no."""
    match node:
        case And(operands=operands):
            parts = tuple(map(condition, operands))
            return lambda document: all(part(document) for part in parts)
        case Or(operands=operands):
            parts = tuple(map(condition, operands))
            return lambda document: any(part(document) for part in parts)
        case Not(operand=operand):
            inner = condition(operand)
            return lambda document: not inner(document)
        case Comparison(operator=relation, left=left, right=right):
            first, second = evaluator(left), evaluator(right)
            return lambda document: compare(relation, first(document), second(document))
        case Membership(operand=operand, constants=constants, is_negated=is_negated):
            value, test = evaluator(operand), is_outside if is_negated else is_member
            return lambda document: test(value(document), constants)
        case _:
            value = evaluator(node)
            return lambda document: value(document) is True


def look_up(document: Document, steps: tuple[str | int, ...]) -> Value:
    """Return the value at a path; undefined if it leads nowhere."""
    value: Value = document
    for step in steps:
        if isinstance(step, str):
            if not isinstance(value, Mapping) or step not in value:
                return UNDEFINED
        elif not isinstance(value, list) or step >= len(value):
            return UNDEFINED
        value = value[step]
    return value


def fold(node: Node) -> Node:
    """Replace every part that is the same in all documents by its value."""
    if isinstance(node, Path | Constant):
        return node
    if not any(isinstance(each, Path) for each in walk(node)):
        return Constant(evaluator(node)({}), node.position)
    return rebuild(node, fold)


def _path(path: Path) -> Evaluator:
    steps = path.steps
    if len(steps) == 1:
        root = path.root
        return lambda document: document.get(root, UNDEFINED)
    return lambda document: look_up(document, steps)


def _negate(value: Value) -> Value:
    return -value if is_number(value) else UNDEFINED


def _arithmetic(node: Arithmetic) -> Evaluator:
    left, right = evaluator(node.left), evaluator(node.right)
    operation = _ARITHMETIC.get(node.operator, _remainder)

    def apply(document: Document) -> Value:
        first, second = left(document), right(document)
        if not is_number(first) or not is_number(second):
            return UNDEFINED
        try:
            return finite(operation(float(first), float(second)))
        except (ArithmeticError, ValueError):
            return UNDEFINED

    return apply


def _remainder(left: float, right: float) -> float:
    """Return the remainder with the sign of the dividend, as the hub's language has it."""
    return math.fmod(left, right)
