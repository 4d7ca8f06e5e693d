"""Tags: a JSON object an operator hangs on a device or module, within the hub's limits. Pure.

Source:
    RFC 7396 (merge patch).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from vedette.registry.errors import InvalidTags
from vedette.registry.twin_limits import measure, size_of
from vedette.store import indexed_paths

TAGS_MAX_BYTES: Final = 8192
# PostgreSQL indexes no value over 2.7 KiB, and what nests takes more room there than it counts here.
INDEXED_MAX_BYTES: Final = 256

_INDEXED: Final = frozenset(path.keys[0] for path in indexed_paths if path.column == "tags")

Tags = dict[str, Any]  # Any: JSON values


def check_tags(tags: object) -> Tags:
    """Check tags against every limit; null members are dropped, as a merge patch would.

    Raises:
        InvalidTags: Not a JSON object, too large, too deep, or a key or value of a form that is not allowed.
    """
    size = measure(tags, name="tags", refusal=InvalidTags)
    assert isinstance(tags, dict)  # noqa: S101 - measured just now
    if size > TAGS_MAX_BYTES:
        raise InvalidTags(f"tags of {size} bytes are over the limit of {TAGS_MAX_BYTES}", limit=TAGS_MAX_BYTES)
    for key in _INDEXED.intersection(tags):
        size = size_of({key: tags[key]}) - len(key)
        if size > INDEXED_MAX_BYTES:
            raise InvalidTags(
                f"tags.{key}: {size} bytes are over the limit of {INDEXED_MAX_BYTES} for a tag that is indexed",
                hint=f"indexed are {', '.join(sorted(_INDEXED))}",
                limit=INDEXED_MAX_BYTES,
            )
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
