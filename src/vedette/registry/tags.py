"""Tags: a JSON object an operator hangs on a device, within the hub's limits. Pure.

Source:
    The hub's twin limits (size, depth, keys, integers); RFC 7396 (merge patch).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from vedette.registry.errors import InvalidTags

TAGS_MAX_BYTES: Final = 8192
TAGS_MAX_DEPTH: Final = 10
KEY_MAX_BYTES: Final = 1024
STRING_MAX_BYTES: Final = 4096
INTEGER_MIN: Final = -4_503_599_627_370_496
INTEGER_MAX: Final = 4_503_599_627_370_495

_NUMBER_BYTES: Final = 8
_BOOLEAN_BYTES: Final = 4
_FORBIDDEN_IN_KEYS: Final = frozenset(".$ ")

Tags = dict[str, Any]  # Any: JSON values


def check_tags(tags: object) -> Tags:
    """Check tags against every limit; null members are dropped, as a merge patch would.

    Raises:
        InvalidTags: Not a JSON object, too large, too deep, or a key or value of a form that is not allowed.
    """
    if not isinstance(tags, dict):
        raise InvalidTags("tags must be a JSON object")
    size = _measure(tags, depth=1)
    if size > TAGS_MAX_BYTES:
        raise InvalidTags(f"tags of {size} bytes are over the limit of {TAGS_MAX_BYTES}", limit=TAGS_MAX_BYTES)
    return apply_merge_patch({}, tags)


def apply_merge_patch(target: Mapping[str, Any], patch: Mapping[str, Any]) -> Tags:
    """Return ``target`` changed as the patch says: null removes, objects merge, all else replaces.

    Source:
        RFC 7396 §2.
    """
    merged = dict(target)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            inner = merged.get(key)
            merged[key] = apply_merge_patch(inner if isinstance(inner, dict) else {}, value)
        else:
            merged[key] = value
    return merged


def flatten_tags(tags: Mapping[str, Any]) -> dict[str, str]:
    """Return tags as policies read them: dotted paths, and text for every value (arrays as JSON)."""
    flat: dict[str, str] = {}
    _flatten(tags, "", flat)
    return flat


def _flatten(tags: Mapping[str, Any], prefix: str, flat: dict[str, str]) -> None:
    for key, value in tags.items():
        if isinstance(value, dict):
            _flatten(value, f"{prefix}{key}.", flat)
        else:
            flat[prefix + key] = value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _measure(value: object, *, depth: int) -> int:
    """Return the size as the hub counts it: keys and strings by UTF-8 length, numbers 8, booleans 4, null nothing."""
    if isinstance(value, dict):
        _check_depth(depth)
        return sum(_measure_key(key) + _measure(inner, depth=depth + 1) for key, inner in value.items())
    if isinstance(value, list):
        _check_depth(depth)
        return sum(_measure(inner, depth=depth + 1) for inner in value)
    return _measure_scalar(value)


def _measure_scalar(value: object) -> int:
    if isinstance(value, str):
        return _measure_text(value, "a text", STRING_MAX_BYTES)
    if isinstance(value, bool):
        return _BOOLEAN_BYTES
    if isinstance(value, int) and not INTEGER_MIN <= value <= INTEGER_MAX:
        raise InvalidTags(f"an integer in tags must lie between {INTEGER_MIN} and {INTEGER_MAX}")
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return _NUMBER_BYTES
    if value is None:
        return 0
    raise InvalidTags(f"tags hold JSON values only, not {type(value).__name__}")


def _check_depth(depth: int) -> None:
    if depth > TAGS_MAX_DEPTH:
        raise InvalidTags(f"tags are nested deeper than {TAGS_MAX_DEPTH}", limit=TAGS_MAX_DEPTH)


def _measure_key(key: object) -> int:
    if not isinstance(key, str) or not key:
        raise InvalidTags("a key in tags must be a text, and not empty")
    if any(char in _FORBIDDEN_IN_KEYS or char < " " or "\x7f" <= char <= "\x9f" for char in key):
        raise InvalidTags(f"the key {key[:80]!r} holds a dot, a dollar sign, a space or a control character")
    return _measure_text(key, "a key", KEY_MAX_BYTES)


def _measure_text(text: str, what: str, limit: int) -> int:
    if "\0" in text:
        raise InvalidTags(f"{what} in tags holds a NUL character, which cannot be stored")
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidTags(f"{what} in tags holds half a surrogate pair, which cannot be stored") from error
    if size > limit:
        raise InvalidTags(f"{what} in tags has {size} bytes; {limit} are allowed", limit=limit)
    return size
