"""The functions of the query language, over plain values. Pure.

Those beyond ``IS_DEFINED``, ``STARTSWITH``, ``ENDSWITH`` and ``CONTAINS`` come from the hub's message routing. What an
argument of the wrong type gives is ``false`` where a condition is asked for, and undefined where a value is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from vedette.registry.query.tree import UNDEFINED
from vedette.registry.query.values import Number, Value, compare, finite, is_number

_POWER_MAX: Final = 1024.0
_TEXT_MAX_CHARS: Final = 65_536


@dataclass(frozen=True, slots=True)
class Function:
    """A function: how many arguments it takes, and what it does."""

    name: str
    least: int
    most: int
    apply: Callable[..., Value]
    summary: str
    is_condition: bool = False


def _numeric(rule: Callable[..., Number]) -> Callable[..., Value]:
    def apply(*values: Value) -> Value:
        if not all(is_number(value) for value in values):
            return UNDEFINED
        try:
            return finite(rule(*map(float, values)))
        except (ArithmeticError, ValueError):
            return UNDEFINED

    return apply


def _textual(rule: Callable[..., Value]) -> Callable[..., Value]:
    def apply(*values: Value) -> Value:
        return rule(*values) if all(isinstance(value, str) for value in values) else UNDEFINED

    return apply


def _condition(rule: Callable[[str, str], bool]) -> Callable[[Value, Value], Value]:
    def apply(text: Value, part: Value) -> Value:
        return isinstance(text, str) and isinstance(part, str) and rule(text, part)

    return apply


def _contains(whole: Value, part: Value) -> Value:
    if isinstance(whole, list):
        return any(compare("=", item, part) for item in whole)
    return isinstance(whole, str) and isinstance(part, str) and part in whole


def _concat(*values: Value) -> Value:
    if not all(isinstance(value, str) for value in values) or sum(map(len, values)) > _TEXT_MAX_CHARS:
        return UNDEFINED
    return "".join(values)


def _substring(text: Value, start: Value, length: Value = UNDEFINED) -> Value:
    first = _whole(start)
    count = len(text) if length is UNDEFINED and isinstance(text, str) else _whole(length)
    if not isinstance(text, str) or first is None or count is None:
        return UNDEFINED
    return text[first : first + count]


def _whole(value: Value) -> int | None:
    is_whole = is_number(value) and 0 <= value <= _TEXT_MAX_CHARS and float(value).is_integer()
    return int(value) if is_whole else None


def _as_number(value: Value) -> Value:
    if is_number(value):
        return value
    if not isinstance(value, str) or len(value) > 64 or "_" in value:  # noqa: PLR2004 - longer is no number
        return UNDEFINED
    try:
        return finite(float(value))
    except ValueError:
        return UNDEFINED


def _power(base: float, exponent: float) -> float:
    result = base**exponent if abs(exponent) <= _POWER_MAX else math.nan
    return result if isinstance(result, float) else math.nan


def _sign(number: float) -> int:
    return (number > 0) - (number < 0)


_IS_PRIMITIVE: Final = (str, int, float, bool, type(None))


def _functions() -> dict[str, Function]:
    starts, ends = _condition(str.startswith), _condition(str.endswith)
    table = (
        Function("IS_DEFINED", 1, 1, lambda value: value is not UNDEFINED, "the path leads somewhere", True),
        Function("STARTSWITH", 2, 2, starts, "a text begins with another", True),
        Function("ENDSWITH", 2, 2, ends, "a text ends with another", True),
        Function("CONTAINS", 2, 2, _contains, "a text holds another, or a list a value", True),
        Function("STARTS_WITH", 2, 2, starts, "the same as STARTSWITH", True),
        Function("ENDS_WITH", 2, 2, ends, "the same as ENDSWITH", True),
        Function("IS_ARRAY", 1, 1, lambda value: isinstance(value, list), "the value is a list", True),
        Function("IS_BOOL", 1, 1, lambda value: isinstance(value, bool), "the value is true or false", True),
        Function("IS_NULL", 1, 1, lambda value: value is None, "the value is null", True),
        Function("IS_NUMBER", 1, 1, is_number, "the value is a number", True),
        Function("IS_OBJECT", 1, 1, lambda value: isinstance(value, dict), "the value is an object", True),
        Function("IS_PRIMITIVE", 1, 1, lambda value: isinstance(value, _IS_PRIMITIVE), "neither list nor object", True),
        Function("IS_STRING", 1, 1, lambda value: isinstance(value, str), "the value is a text", True),
        Function("ABS", 1, 1, _numeric(abs), "without its sign"),
        Function("CEILING", 1, 1, _numeric(math.ceil), "rounded up"),
        Function("EXP", 1, 1, _numeric(math.exp), "e to the power of"),
        Function("FLOOR", 1, 1, _numeric(math.floor), "rounded down"),
        Function("POWER", 2, 2, _numeric(_power), "a number to the power of another"),
        Function("SIGN", 1, 1, _numeric(_sign), "-1, 0 or 1"),
        Function("SQRT", 1, 1, _numeric(math.sqrt), "the square root"),
        Function("SQUARE", 1, 1, _numeric(lambda number: number * number), "a number times itself"),
        Function("AS_NUMBER", 1, 1, _as_number, "a text read as a number"),
        Function("CONCAT", 1, 16, _concat, "texts put together"),
        Function("INDEX_OF", 2, 2, _textual(str.find), "where a text stands in another, from 0, or -1"),
        Function("LENGTH", 1, 1, _textual(len), "how many characters a text has"),
        Function("LOWER", 1, 1, _textual(str.lower), "in lower case"),
        Function("SUBSTRING", 2, 3, _substring, "a part of a text, from a position counted from 0"),
        Function("UPPER", 1, 1, _textual(str.upper), "in upper case"),
    )
    return {function.name: function for function in table}


FUNCTIONS: Final[Mapping[str, Function]] = MappingProxyType(_functions())
