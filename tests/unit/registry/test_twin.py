"""The twin model against RFC 7396, a naive reference, and the hub's rules for metadata and versions."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.registry import BAG_MAX_BYTES, Bag, InvalidTwin, TwinTooLarge, apply_merge_patch, check_desired
from vedette.registry.twin import (
    EMPTY,
    PATCH_MAX_BYTES,
    PAYLOAD_MAX_BYTES,
    check_patch,
    describe_patch,
    difference,
    encode_desired_patch,
    encode_for_device,
    parse_patch,
    patch_bag,
    replace_bag,
    replacing_patch,
    without_read_only,
)

T0 = datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=UTC)
T1 = T0 + timedelta(seconds=5)
FIRST = {"$lastUpdated": "2026-11-22T10:00:00.123Z"}
SECOND = {"$lastUpdated": "2026-11-22T10:00:05.123Z"}

keys = st.sampled_from(["a", "b", "c", "d", "é"])
scalars = (
    st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False, allow_infinity=False) | st.text("xyz", max_size=3)
)
arrays = st.lists(st.none() | scalars | st.dictionaries(keys, st.none() | scalars, max_size=2), max_size=3)
documents = st.recursive(
    st.dictionaries(keys, scalars | arrays, max_size=4),
    lambda inner: st.dictionaries(keys, scalars | arrays | inner, max_size=4),
    max_leaves=12,
)
patches = st.recursive(
    st.dictionaries(keys, st.none() | scalars | arrays, max_size=4),
    lambda inner: st.dictionaries(keys, st.none() | scalars | arrays | inner, max_size=4),
    max_leaves=12,
)


def naive_merge(target: Any, patch: Any) -> Any:
    """RFC 7396 §2, word for word."""
    if not isinstance(patch, dict):
        return patch
    if not isinstance(target, dict):
        target = {}
    result = dict(target)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = naive_merge(result.get(name), value)
    return result


def naive_metadata(before: dict[str, Any], values: dict[str, Any], patch: dict[str, Any], stamp: dict[str, Any]) -> Any:
    """Each member that the patch names, and all above it, is stamped; the rest keeps its stamp."""
    found: dict[str, Any] = dict(stamp)
    for key, value in values.items():
        if key not in patch:
            found[key] = before[key]
        elif isinstance(value, dict):
            found[key] = naive_metadata(before.get(key, {}), value, patch[key], stamp)
        else:
            found[key] = dict(stamp)
    return found


def shape(metadata: dict[str, Any], values: dict[str, Any]) -> None:
    """Metadata has exactly the tree of the values, stamped at each node."""
    assert "$lastUpdated" in metadata
    assert {key for key in metadata if not key.startswith("$")} == set(values)
    for key, value in values.items():
        if isinstance(value, dict):
            shape(metadata[key], value)
        else:
            assert set(metadata[key]) == {"$lastUpdated"}


def reported(document: dict[str, Any], at: datetime = T0) -> Bag:
    return replace_bag(EMPTY, document, name="reported", at=at)


@given(documents, patches)
def test_a_patch_does_what_the_rfc_says_and_counts_one_version(document: Any, patch: Any) -> None:
    before = reported(document)
    kept = json.dumps(before.values)
    after = patch_bag(before, check_patch(patch, "reported"), name="reported", at=T1)
    assert after.values == naive_merge(before.values, patch)
    assert after.version == before.version + 1
    shape(after.metadata, after.values)
    assert json.dumps(before.values) == kept


@given(documents, patches)
def test_what_a_patch_names_is_stamped_and_the_rest_keeps_its_time(document: Any, patch: Any) -> None:
    before = reported(document)
    values = naive_merge(before.values, patch)
    expected = naive_metadata(before.metadata, values, patch, SECOND)
    assert patch_bag(before, patch, name="reported", at=T1).metadata == expected


def _flat(metadata: dict[str, Any], prefix: str = "") -> dict[str, str]:
    found = {}
    for key, value in metadata.items():
        if key.startswith("$"):
            found[prefix + key] = value
        else:
            found |= _flat(value, f"{prefix}{key}.")
    return found


@given(documents, documents)
def test_a_device_that_merges_what_it_is_told_of_a_replacement_arrives_at_it(old: Any, new: Any) -> None:
    was, becomes = reported(old).values, reported(new).values
    assert apply_merge_patch(was, replacing_patch(was, becomes)) == becomes
    assert apply_merge_patch(was, difference(was, becomes)) == becomes


@given(documents)
def test_nothing_differs_from_itself(document: Any) -> None:
    values = reported(document).values
    assert difference(values, values) == {}


@given(documents, documents)
def test_a_replacement_leaves_nothing_of_what_was(old: Any, new: Any) -> None:
    before = reported(old)
    after = replace_bag(before, new, name="reported", at=T1)
    assert after.values == naive_merge({}, new)
    assert after.version == before.version + 1
    assert set(_flat(after.metadata).values()) == {SECOND["$lastUpdated"]}


def test_metadata_follow_the_tree_and_desired_ones_carry_versions() -> None:
    bag = patch_bag(EMPTY, {"net": {"dns": "a", "ntp": "b"}, "mode": 1}, name="desired", at=T0, is_versioned=True)
    bag = patch_bag(bag, {"net": {"dns": "c", "ntp": None}, "list": [1]}, name="desired", at=T1, is_versioned=True)
    first, second = {**FIRST, "$lastUpdatedVersion": 2}, {**SECOND, "$lastUpdatedVersion": 3}
    assert bag == Bag(
        values={"net": {"dns": "c"}, "mode": 1, "list": [1]},
        version=3,
        metadata={**second, "net": {**second, "dns": second}, "mode": first, "list": second},
    )


def test_arrays_are_replaced_whole_and_keep_their_nulls() -> None:
    bag = reported({"a": [1, {"b": None}, None]})
    after = patch_bag(bag, {"a": [{"c": 1}]}, name="reported", at=T1)
    assert (bag.values, after.values) == ({"a": [1, {"b": None}, None]}, {"a": [{"c": 1}]})


def test_documents_read_as_the_hub_writes_them() -> None:
    bag = patch_bag(EMPTY, {"a": 1}, name="reported", at=T0)
    assert bag.document() == {"a": 1, "$version": 2}
    assert bag.full_document() == {"a": 1, "$metadata": {**FIRST, "a": FIRST}, "$version": 2}
    assert EMPTY.full_document() == {"$metadata": {"$lastUpdated": "0001-01-01T00:00:00Z"}, "$version": 1}
    own = json.loads(encode_for_device(EMPTY, bag))
    assert own == {"desired": {"$version": 1}, "reported": {"a": 1, "$version": 2}}
    assert json.loads(encode_desired_patch({"a": None, "b": {"c": 1}}, 7)) == {"a": None, "b": {"c": 1}, "$version": 7}


def filled(size: int) -> dict[str, Any]:
    """Return a bag that counts exactly ``size`` bytes."""
    full, rest = divmod(size, 4000)
    return {f"k{number:03}": "x" * 3996 for number in range(full)} | ({"r": "x" * (rest - 1)} if rest else {})


def test_a_bag_passes_at_its_limit_and_fails_at_one_more() -> None:
    at_limit = patch_bag(EMPTY, filled(BAG_MAX_BYTES), name="reported", at=T0)
    assert at_limit.version == 2
    with pytest.raises(TwinTooLarge, match=f"reported of {BAG_MAX_BYTES + 1} bytes"):
        patch_bag(EMPTY, filled(BAG_MAX_BYTES + 1), name="reported", at=T0)
    with pytest.raises(TwinTooLarge):
        patch_bag(at_limit, {"y": {}}, name="reported", at=T0)
    assert patch_bag(at_limit, {"y": 1, "k000": None}, name="reported", at=T0).values["y"] == 1
    with pytest.raises(TwinTooLarge):
        check_desired(filled(BAG_MAX_BYTES + 1))


def test_a_patch_passes_at_its_limit_and_fails_at_one_more() -> None:
    patch = filled(PATCH_MAX_BYTES)
    assert check_patch(patch, "desired") is patch
    with pytest.raises(TwinTooLarge):
        check_patch(filled(PATCH_MAX_BYTES + 1), "desired")
    payload = b'{"a":1' + b" " * (PAYLOAD_MAX_BYTES - 7) + b"}"
    assert parse_patch(payload, "reported") == {"a": 1}
    with pytest.raises(TwinTooLarge):
        parse_patch(payload + b" ", "reported")


@pytest.mark.parametrize(
    ("case", "payload"),
    [
        ("nothing", b""),
        ("no JSON", b"{a:1}"),
        ("cut short", b'{"a":'),
        ("two documents", b"{} {}"),
        ("an array", b"[]"),
        ("a number", b"1"),
        ("null", b"null"),
        ("not a number", b'{"a":NaN}'),
        ("infinity", b'{"a":Infinity}'),
        ("a float out of range", b'{"a":1e400}'),
        ("an integer out of range", b'{"a":4503599627370496}'),
        ("an endless integer", b'{"a":' + b"9" * 100_000 + b"}"),
        ("endless depth", b"[" * 100_000),
        ("endless objects", b'{"a":' * 20_000),
        ("half a surrogate pair", b'{"a":"\\ud800"}'),
        ("no UTF-8", b'{"a":"\xff"}'),
        ("no UTF-8 in a key", b'{"\xc3":1}'),
        ("NUL", b'{"a":"\\u0000"}'),
        ("a version", b'{"$version":3}'),
        ("metadata", b'{"a":{"$metadata":{}}}'),
    ],
)
def test_patches_of_devices_that_cannot_be_are_refused(case: str, payload: bytes) -> None:
    with pytest.raises(InvalidTwin):
        parse_patch(payload, "reported")


def test_of_a_key_given_twice_the_last_counts() -> None:
    assert parse_patch(b'{"a":1,"a":{"b":2}}', "reported") == {"a": {"b": 2}}


def test_what_an_operator_read_may_be_sent_back() -> None:
    bag = patch_bag(EMPTY, {"a": {"b": 1}}, name="desired", at=T0, is_versioned=True)
    assert without_read_only(bag.full_document()) == {"a": {"b": 1}}
    assert without_read_only([1]) == [1]
    with pytest.raises(InvalidTwin):
        check_patch(without_read_only({"a": {"$version": 1}}), "desired")


def test_desired_properties_are_checked_before_there_is_a_device() -> None:
    assert check_desired({"a": {"b": None, "c": 1}}) == {"a": {"c": 1}}
    with pytest.raises(InvalidTwin):
        check_desired([1])


def test_the_record_of_a_patch_names_paths_and_none_of_its_values() -> None:
    patch = {"net": {"key": "s3cret", "old": None}, "list": [1], "empty": {}}
    described = describe_patch(patch)
    assert described["paths"] == ["net.key", "net.old", "list", "empty"]
    assert described["path_count"] == 4
    assert len(described["sha256"]) == 64
    assert "s3cret" not in json.dumps(described)
    assert (
        describe_patch({"list": [1], "empty": {}, "net": {"old": None, "key": "s3cret"}})["sha256"]
        == described["sha256"]
    )


def test_the_record_of_a_large_patch_stays_small() -> None:
    patch = {"é" * 500 + str(number): number for number in range(100)}
    described = describe_patch(patch)
    assert (len(described["paths"]), described["path_count"]) == (64, 100)
    assert len(json.dumps(described, ensure_ascii=False).encode()) < 48_000
