"""What a twin may hold: every limit at n and n + 1, with the path of what breaks it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.kernel import Problem
from vedette.registry import InvalidTwin
from vedette.registry.twin_limits import (
    DEPTH_MAX,
    INTEGER_MAX,
    INTEGER_MIN,
    KEY_MAX_BYTES,
    STRING_MAX_BYTES,
    measure,
    size_of,
)


def check(value: object) -> int:
    return measure(value, name="desired", refusal=InvalidTwin)


def nested(depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {"property": "value"}
    for _ in range(depth):
        found = {"k": found}
    return found


@pytest.mark.parametrize(
    ("limit", "good", "bad", "path"),
    [
        ("depth", nested(DEPTH_MAX), nested(DEPTH_MAX + 1), "desired" + ".k" * (DEPTH_MAX + 1)),
        (
            "depth of arrays",
            {"k": [[[[[[[[[[1]]]]]]]]]]},
            {"k": [[[[[[[[[[[1]]]]]]]]]]]},
            "desired.k" + "[0]" * 10,
        ),
        ("key", {"k" * KEY_MAX_BYTES: 1}, {"k" * (KEY_MAX_BYTES + 1): 1}, "desired." + "k" * 40),
        ("text", {"a": {"b": "x" * STRING_MAX_BYTES}}, {"a": {"b": "x" * (STRING_MAX_BYTES + 1)}}, "desired.a.b"),
        ("text in bytes", {"a": "é" * 2048}, {"a": "é" * 2049}, "desired.a"),
        ("largest integer", {"a": [0, INTEGER_MAX]}, {"a": [0, INTEGER_MAX + 1]}, "desired.a[1]"),
        ("smallest integer", {"a": INTEGER_MIN}, {"a": INTEGER_MIN - 1}, "desired.a"),
        ("a large float is no integer", {"a": 1e300}, {"a": 10**300}, "desired.a"),
    ],
)
def test_each_limit_passes_at_n_and_fails_at_one_more_by_its_path(
    limit: str, good: dict[str, Any], bad: dict[str, Any], path: str
) -> None:
    check(good)
    with pytest.raises(InvalidTwin) as refused:
        check(bad)
    assert refused.value.context["path"] == path
    assert refused.value.detail.startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("case", "value", "path"),
    [
        ("an empty key", {"a": {"": 1}}, "desired.a.''"),
        ("a dot in a key", {"a.b": 1}, "desired.'a.b'"),
        ("a dollar in a key", {"x": [{"$version": 1}]}, "desired.x[0].'$version'"),
        ("a space in a key", {"a b": 1}, "desired.'a b'"),
        ("an escape in a key", {"a\x1b[31m": 1}, r"desired.'a\x1b[31m'"),
        ("a C1 control in a key", {"a\x85": 1}, r"desired.'a\x85'"),
        ("half a surrogate pair in a key", {"a\ud800": 1}, r"desired.'a\ud800'"),
        ("a bidirectional mark in the way", {"\u202e": {"b": float("nan")}}, r"desired.'\u202e'.b"),
        ("NUL in a text", {"a": "x\0"}, "desired.a"),
        ("half a surrogate pair", {"a": ["\udc00"]}, "desired.a[0]"),
        ("not a number", {"a": float("nan")}, "desired.a"),
        ("infinity", {"a": [float("-inf")]}, "desired.a[0]"),
        ("bytes", {"a": b"x"}, "desired.a"),
        ("a key that is no text", {1: 1}, "desired.1"),
    ],
)
def test_what_no_twin_could_hold_is_refused_by_its_path(case: str, value: object, path: str) -> None:
    with pytest.raises(InvalidTwin) as refused:
        check(value)
    assert refused.value.context["path"] == path


@pytest.mark.parametrize("value", [None, [], "x", 1, True])
def test_what_is_no_object_is_refused(value: object) -> None:
    with pytest.raises(InvalidTwin, match="desired must be a JSON object"):
        check(value)


def test_an_error_stays_short_whatever_the_keys() -> None:
    with pytest.raises(InvalidTwin) as refused:
        check({"k" * 1000: {"l" * 1000: {"m" * 1000: {"n" * 1000: {"o" * 1000: {"p" * 1000: {"q" * 1000: b""}}}}}}})
    assert len(refused.value.detail) < 300


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({}, 0),
        ({"abc": 1}, 11),
        ({"abc": 1.5}, 11),
        ({"abc": True}, 7),
        ({"abc": None}, 3),
        ({"é": "é"}, 4),
        ({"a": {"b": {}}}, 2),
        ({"a": [1, "xy", False]}, 15),
        ({"a": [None, [], {}]}, 9),
    ],
)
def test_size_counts_as_the_hub_does(value: dict[str, Any], size: int) -> None:
    assert (check(value), size_of(value)) == (size, size)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
)


@given(json_values)
def test_any_json_is_measured_alike_or_refused(value: object) -> None:
    try:
        size = check(value)
    except Problem:
        return
    assert isinstance(value, dict)
    assert size_of(value) == size
