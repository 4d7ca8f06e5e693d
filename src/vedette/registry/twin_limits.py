"""What a twin may hold: sizes, depth, keys and numbers, each refused with the path of what breaks it. Pure.

Source:
    The hub's twin limits. Depth counts objects and arrays below the root. Size counts keys and texts by their UTF-8
    length, numbers 8 and booleans 4; within arrays, where the hub leaves it open, a null counts 4 and an object or
    array 2, so that nothing grows without bound.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from vedette.kernel import Problem

DEPTH_MAX: Final = 10
KEY_MAX_BYTES: Final = 1024
STRING_MAX_BYTES: Final = 4096
INTEGER_MIN: Final = -4_503_599_627_370_496
INTEGER_MAX: Final = 4_503_599_627_370_495

_NUMBER_BYTES: Final = 8
_BOOLEAN_BYTES: Final = 4
_NULL_ITEM_BYTES: Final = 4
_NESTED_ITEM_BYTES: Final = 2
_STEP_CHARS: Final = 40
_PATH_CHARS: Final = 240
_KEY: Final = re.compile(r"[^\x00-\x20\x7f-\x9f.$\ud800-\udfff]+")
_SURROGATES: Final = re.compile(r"[\ud800-\udfff]")


class _Refused(Exception):  # noqa: N818 - a signal within this module
    """A member breaks a limit; the way to it is gathered on the way out."""

    def __init__(self, fact: str, limit: int | None = None) -> None:
        super().__init__(fact)
        self.fact = fact
        self.limit = limit
        self.steps: list[str] = []


def measure(value: object, *, name: str, refusal: Callable[..., Problem]) -> int:
    """Check every member of a JSON object, and return its size as the hub counts it.

    Args:
        value: JSON values only; null members of objects count their keys.
        name: What the path of a refused member begins with.
        refusal: Makes the problem that is raised.

    Raises:
        Problem: What ``refusal`` makes: not an object, too deep, or a key or value that is not allowed.
    """
    if not isinstance(value, dict):
        raise refusal(f"{name} must be a JSON object")
    try:
        return _measure_object(value, 0)
    except _Refused as refused:
        path = (name + "".join(reversed(refused.steps)))[:_PATH_CHARS]
        context = {} if refused.limit is None else {"limit": refused.limit}
        raise refusal(f"{path}: {refused.fact}", path=path, **context) from None


def size_of(values: Mapping[str, Any]) -> int:
    """Return the size of an object whose members were checked before, as ``measure`` counts it."""
    size = 0
    for key, value in values.items():
        size += _text_bytes(key)
        kind = type(value)
        if kind is str:
            size += _text_bytes(value)
        elif kind is dict:
            size += size_of(value)
        elif kind is bool:
            size += _BOOLEAN_BYTES
        elif kind is list:
            size += _size_of_items(value)
        elif value is not None:
            size += _NUMBER_BYTES
    return size


def _size_of_items(items: list[Any]) -> int:
    size = 0
    for item in items:
        if isinstance(item, dict):
            size += _NESTED_ITEM_BYTES + size_of(item)
        elif isinstance(item, list):
            size += _NESTED_ITEM_BYTES + _size_of_items(item)
        elif isinstance(item, str):
            size += _text_bytes(item)
        else:
            size += _NULL_ITEM_BYTES if item is None else _BOOLEAN_BYTES if isinstance(item, bool) else _NUMBER_BYTES
    return size


def _text_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _measure_object(members: dict[object, object], depth: int) -> int:
    _check_depth(depth)
    size = 0
    for key, value in members.items():
        try:
            size += _measure_key(key)
            if value is not None:
                size += _measure(value, depth + 1)
        except _Refused as refused:
            refused.steps.append(f".{_shown(key)}")
            raise
    return size


def _measure_array(items: list[object], depth: int) -> int:
    _check_depth(depth)
    size = 0
    for index, item in enumerate(items):
        try:
            size += _NULL_ITEM_BYTES if item is None else _measure(item, depth + 1)
        except _Refused as refused:
            refused.steps.append(f"[{index}]")
            raise
        if isinstance(item, dict | list):
            size += _NESTED_ITEM_BYTES
    return size


def _measure(value: object, depth: int) -> int:
    if isinstance(value, str):
        return _measure_text(value)
    if isinstance(value, bool):
        return _BOOLEAN_BYTES
    if isinstance(value, int):
        if not INTEGER_MIN <= value <= INTEGER_MAX:
            raise _Refused(f"an integer must lie between {INTEGER_MIN} and {INTEGER_MAX}")
        return _NUMBER_BYTES
    if isinstance(value, dict):
        return _measure_object(value, depth)
    if isinstance(value, list):
        return _measure_array(value, depth)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise _Refused("a number must be finite")
        return _NUMBER_BYTES
    raise _Refused(f"{type(value).__name__} is not a JSON value")


def _check_depth(depth: int) -> None:
    if depth > DEPTH_MAX:
        raise _Refused(f"nested deeper than {DEPTH_MAX}", DEPTH_MAX)


def _measure_key(key: object) -> int:
    if not isinstance(key, str) or not key:
        raise _Refused("a key must be a text, and not empty")
    if not _KEY.fullmatch(key):
        raise _Refused("a key holds no dot, dollar sign, space, control character or half a surrogate pair")
    size = _text_bytes(key)
    if size > KEY_MAX_BYTES:
        raise _Refused(f"a key of {size} bytes is over the limit of {KEY_MAX_BYTES}", KEY_MAX_BYTES)
    return size


def _measure_text(text: str) -> int:
    if "\0" in text:
        raise _Refused("a text with a NUL character cannot be stored")
    if not text.isascii() and _SURROGATES.search(text):
        raise _Refused("a text with half a surrogate pair cannot be stored")
    size = _text_bytes(text)
    if size > STRING_MAX_BYTES:
        raise _Refused(f"a text of {size} bytes is over the limit of {STRING_MAX_BYTES}", STRING_MAX_BYTES)
    return size


def _shown(key: object) -> str:
    """Return a key for an error message: as it is when it is plain, else quoted, and never long."""
    text = str(key)[:_STEP_CHARS]
    return text if _KEY.fullmatch(text) and text.isprintable() else ascii(text)
