"""What other systems send, in any shape: read, or refused in order; and no topic reaches beyond its owner."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.access import SEARCHED_MAX
from vedette.api.authzen_request import Batch, Item, Kind, read_batch, read_evaluation, read_page, read_search
from vedette.api.broker_hooks import covers
from vedette.api.errors import InvalidBody

ASKED = read_evaluation(
    {"subject": {"type": "user", "id": "a"}, "action": {"name": "read"}, "resource": {"type": "record", "id": "1"}}
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["subject", "action", "resource", "context", "evaluations", "options", "page", "id", "type"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(_JSON)
def test_any_json_is_read_or_refused(body: object) -> None:
    with contextlib.suppress(InvalidBody):
        assert isinstance(read_batch(body), Batch | Item)
    for kind in Kind:
        with contextlib.suppress(InvalidBody):
            item = read_search(body, kind)
            assert 0 <= read_page(body, item).most <= SEARCHED_MAX
    with contextlib.suppress(InvalidBody):
        read_page(body, ASKED)


@pytest.mark.parametrize(
    ("own", "wanted", "is_covered"),
    [
        ("devices/a/#", "devices/a", True),
        ("devices/a/#", "devices/a/b/c", True),
        ("devices/a/#", "devices/a/+/c", True),
        ("devices/a/#", "devices/+/b", False),
        ("devices/a/#", "#", False),
        ("devices/a/#", "devices/ab/c", False),
        ("devices/a/+", "devices/a/b", True),
        ("devices/a/+", "devices/a/b/c", False),
        ("devices/a/+", "devices/a/#", False),
        ("devices/a/up", "devices/a/up", True),
        ("devices/a/up", "devices/a", False),
        ("devices//#", "devices//x", True),
        ("#", "", False),
    ],
)
def test_a_filter_covers_what_lies_within_it(own: str, wanted: str, *, is_covered: bool) -> None:
    assert covers(own, wanted) is is_covered


@given(st.lists(st.sampled_from(["b", "+", "#", ""]), min_size=1, max_size=5))
def test_nothing_that_lacks_a_literal_level_of_its_owner_is_covered(wanted: list[str]) -> None:
    assert not covers("devices/a/#", "/".join(["devices", *wanted]))
