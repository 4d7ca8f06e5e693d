"""How values compare: the one definition that evaluator and SQL follow. Pure.

Logic has two values. A comparison with what is undefined is false, and so is one of different types; ``NOT`` of it is
true. Only primitives compare; booleans have no order. Null equals null, and differs from all else that is defined.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable
from typing import Any, Final

from vedette.registry.query.tree import UNDEFINED, Operator, Primitive

Value = Any  # a JSON value or UNDEFINED
Number = int | float

_OPERATIONS: Final[dict[Operator, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def is_number(value: Value) -> bool:
    """Tell whether a value is a number; booleans are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def finite(number: Number) -> Value:
    """Return the number, or undefined if it is none that JSON can hold."""
    return number if math.isfinite(number) else UNDEFINED


def compare(relation: Operator, left: Value, right: Value) -> bool:
    """Compare two values; texts by code point."""
    if isinstance(left, str) and isinstance(right, str):
        return _OPERATIONS[relation](left, right)
    if left is UNDEFINED or right is UNDEFINED:
        return False
    if left is None or right is None:
        is_same = left is right
        return is_same if relation == "=" else not is_same and relation == "!="
    if isinstance(left, bool) and isinstance(right, bool):
        return relation in {"=", "!="} and _OPERATIONS[relation](left, right)
    return is_number(left) and is_number(right) and _OPERATIONS[relation](left, right)


def is_member(value: Value, constants: Iterable[Primitive]) -> bool:
    """Tell whether a value equals one of some constants."""
    return any(compare("=", value, constant) for constant in constants)


def is_outside(value: Value, constants: Iterable[Primitive]) -> bool:
    """Tell whether a value is defined, and equals none of some constants."""
    return value is not UNDEFINED and not is_member(value, constants)
