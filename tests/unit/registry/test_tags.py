"""Tags: every limit at n and n + 1, and the merge patch of RFC 7396."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.registry import InvalidTags, check_tags, flatten_tags
from vedette.registry.tags import INDEXED_MAX_BYTES, TAGS_MAX_BYTES, apply_merge_patch
from vedette.registry.twin_limits import DEPTH_MAX, INTEGER_MAX, INTEGER_MIN, KEY_MAX_BYTES, STRING_MAX_BYTES


def nested(depth: int) -> dict[str, Any]:
    tags: dict[str, Any] = {"end": 1}
    for _ in range(depth):
        tags = {"k": tags}
    return tags


def sized(size: int) -> dict[str, Any]:
    """Tags that count as exactly ``size`` bytes."""
    return {"a": "x" * 4000, "b": "x" * 4000, "c": "x" * (size - 8003)}


@pytest.mark.parametrize(
    ("limit", "good", "bad"),
    [
        ("size", sized(TAGS_MAX_BYTES), sized(TAGS_MAX_BYTES + 1)),
        ("depth", nested(DEPTH_MAX), nested(DEPTH_MAX + 1)),
        ("indexed text", {"site": "x" * INDEXED_MAX_BYTES}, {"site": "x" * (INDEXED_MAX_BYTES + 1)}),
        ("indexed object", {"line": {"k": ["x" * 255]}}, {"line": {"k": ["x" * 256]}}),
        ("key", {"k" * KEY_MAX_BYTES: 1}, {"k" * (KEY_MAX_BYTES + 1): 1}),
        ("key in bytes", {"é" * (KEY_MAX_BYTES // 2): 1}, {"é" * (KEY_MAX_BYTES // 2) + "x": 1}),
        ("text", {"k": "x" * STRING_MAX_BYTES}, {"k": "x" * (STRING_MAX_BYTES + 1)}),
        ("largest integer", {"k": INTEGER_MAX}, {"k": INTEGER_MAX + 1}),
        ("smallest integer", {"k": INTEGER_MIN}, {"k": INTEGER_MIN - 1}),
        ("depth of arrays", {"k": [[[[[[[[[[1]]]]]]]]]]}, {"k": [[[[[[[[[[[1]]]]]]]]]]]}),
    ],
)
def test_each_limit_passes_at_n_and_fails_at_one_more(limit: str, good: dict[str, Any], bad: dict[str, Any]) -> None:
    assert check_tags(good) == good
    with pytest.raises(InvalidTags):
        check_tags(bad)


@pytest.mark.parametrize(
    ("case", "tags"),
    [
        ("not an object", [1]),
        ("a text", "site"),
        ("nothing", None),
        ("an empty key", {"": 1}),
        ("a dot in a key", {"a.b": 1}),
        ("a dollar in a key", {"$version": 1}),
        ("a space in a key", {"a b": 1}),
        ("a control character in a key", {"a\x1b": 1}),
        ("a C1 control in a key", {"a\x85": 1}),
        ("NUL in a text", {"a": "x\0"}),
        ("half a surrogate pair", {"a": "\ud800"}),
        ("not a number", {"a": float("nan")}),
        ("infinity", {"a": float("inf")}),
        ("bytes", {"a": b"x"}),
        ("a key that is no text", {1: 1}),
        ("deep within an array", {"a": [{"b.c": 1}]}),
    ],
)
def test_what_no_twin_could_hold_is_refused(case: str, tags: object) -> None:
    with pytest.raises(InvalidTags):
        check_tags(tags)


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patches_do_what_rfc_7396_appendix_a_shows(
    target: dict[str, Any], patch: dict[str, Any], result: dict[str, Any]
) -> None:
    assert apply_merge_patch(target, patch) == result


def test_a_merge_patch_leaves_its_target_alone() -> None:
    target = {"a": {"b": 1}}
    apply_merge_patch(target, {"a": {"b": 2, "c": 3}})
    assert target == {"a": {"b": 1}}


def test_policies_read_tags_flat_and_as_text() -> None:
    tags = {"site": "north", "line": {"number": 4, "is_hot": True, "cells": ["a", 1]}, "empty": {}}
    assert flatten_tags(tags) == {
        "site": "north",
        "line.number": "4",
        "line.is_hot": "true",
        "line.cells": '["a",1]',
    }


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(json_values)
def test_any_json_is_either_refused_or_kept_without_its_nulls(value: object) -> None:
    try:
        tags = check_tags(value)
    except InvalidTags:
        return
    assert check_tags(tags) == tags
