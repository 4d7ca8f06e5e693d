from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.cli.change import differences
from vedette.cli.twin import merged, twin_path

SCALARS = st.one_of(st.booleans(), st.integers(-9, 9), st.text("ab", max_size=2))
NAMES = st.sampled_from(["a", "b", "c"])
OBJECTS = st.recursive(
    st.dictionaries(NAMES, SCALARS, max_size=3),
    lambda inner: st.dictionaries(NAMES, SCALARS | inner, max_size=3),
    max_leaves=8,
)
PATCHES = st.recursive(
    st.dictionaries(NAMES, SCALARS | st.none(), max_size=3),
    lambda inner: st.dictionaries(NAMES, SCALARS | st.none() | inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        pytest.param({"a": "b"}, {"a": "c"}, {"a": "c"}, id="replaces"),
        pytest.param({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}, id="adds"),
        pytest.param({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}, id="takes away"),
        pytest.param({"a": ["b"]}, {"a": "c"}, {"a": "c"}, id="text for a list"),
        pytest.param({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}, id="within an object"),
        pytest.param({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}, id="lists whole"),
        pytest.param({"e": 1}, {"a": {"bb": {"ccc": None}}}, {"e": 1, "a": {"bb": {}}}, id="nulls below nothing"),
        pytest.param({"a": "foo"}, {"a": {"b": 1}}, {"a": {"b": 1}}, id="an object for a text"),
    ],
)
def test_a_merge_patch_does_what_rfc_7396_says(target: Any, patch: Any, result: Any) -> None:
    assert merged(target, patch) == result


@given(target=OBJECTS, patch=PATCHES)
def test_a_second_time_the_same_patch_changes_nothing(target: dict[str, Any], patch: dict[str, Any]) -> None:
    once = merged(target, patch)
    assert merged(once, patch) == once
    assert differences(once, merged(once, patch), is_whole=True) == {}


@given(before=OBJECTS, after=OBJECTS)
def test_a_difference_is_shown_exactly_where_there_is_one(before: dict[str, Any], after: dict[str, Any]) -> None:
    found = differences(before, after, is_whole=True)
    if before == after:
        assert found == {}
    for each in found.values():
        assert each["before"] != each["after"]


def test_an_empty_object_that_comes_is_a_difference() -> None:
    assert differences({}, {"a": {}}, is_whole=True) == {"a": {"before": None, "after": {}}}


def test_names_are_one_segment_of_the_path_each() -> None:
    assert twin_path("a/..", None) == "/v1/devices/a%2F%2E%2E/twin"
    assert twin_path("pump", "x?y") == "/v1/devices/pump/modules/x%3Fy/twin"
