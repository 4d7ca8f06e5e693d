"""Fuzz what devices report: mutated JSON is refused by name, or merged as RFC 7396 says and within every limit."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from vedette.registry import BAG_MAX_BYTES, InvalidTwin, TwinTooLarge, apply_merge_patch
from vedette.registry.twin import EMPTY, Bag, parse_patch, patch_bag
from vedette.registry.twin_limits import measure

SEEDS: Final = (
    b'{"temperature":21.5,"state":"ready","fans":[1,2,{"rpm":900}]}',
    b'{"net":{"dns":"10.0.0.1","ntp":null,"deep":{"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":1}}}}}}}}}}',
    b'{"a":4503599627370495,"b":-4503599627370496,"c":1e300,"d":-0.0,"e":true,"f":{}}',
    '{"é":"\\u00e9\\ud83d\\ude00","k":"v","list":[null,[],{}]}'.encode(),
    b'{"a":{"b":1},"a":null}',
    b"{}",
)
_AT: Final = datetime(2026, 11, 22, tzinfo=UTC)
_BEFORE: Final[dict[str, Any]] = {"net": {"dns": "x", "ntp": "y"}, "a": {"b": [1]}, "temperature": 1}


def fuzz_one(data: bytes) -> None:
    """Report the bytes on an empty twin and on one that is in use."""
    try:
        patch = parse_patch(data, "reported")
    except InvalidTwin as refused:
        _check_refusal(refused)
        return
    used = patch_bag(EMPTY, _BEFORE, name="reported", at=_AT)
    for bag in (EMPTY, used):
        try:
            merged = patch_bag(bag, patch, name="reported", at=_AT)
        except TwinTooLarge:
            continue
        _check(bag, merged, patch)


def _check_refusal(refused: InvalidTwin) -> None:
    assert 0 < len(refused.detail) < 400


def _check(before: Bag, after: Bag, patch: dict[str, Any]) -> None:
    assert after.version == before.version + 1
    assert after.values == apply_merge_patch(before.values, patch)
    assert measure(after.values, name="reported", refusal=InvalidTwin) <= BAG_MAX_BYTES
    _check_tree(after.values, after.metadata)
    assert msgspec.json.decode(msgspec.json.encode(after.values)) == after.values


def _check_tree(values: dict[str, Any], metadata: dict[str, Any]) -> None:
    assert "$lastUpdated" in metadata
    assert {key for key in metadata if not key.startswith("$")} == set(values)
    for key, value in values.items():
        if isinstance(value, dict):
            _check_tree(value, metadata[key])
