"""A form becomes a policy and comes back; a policy of another shape stays text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.access import FormItem, NotAForm, PolicyForm, read_form, write_form
from vedette.access.policy_form import CONDITIONS, SELECTORS
from vedette.access.policy_text import read_policies

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_MINUTE = st.integers(0, 1439)
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "nothing": st.none(),
    "text": _TEXT,
    "number": st.integers(0, 2**53),
    "texts": st.lists(_TEXT, min_size=1, max_size=4),
    "numbers": st.lists(st.integers(1, 7), min_size=1, max_size=7),
    "hours": st.tuples(_MINUTE, _MINUTE)
    .filter(lambda pair: pair[0] != pair[1])
    .map(lambda pair: "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in pair)),
}


def _items(table: Any) -> st.SearchStrategy[tuple[FormItem, ...]]:
    one = st.sampled_from(table).flatmap(
        lambda piece: _VALUES[piece.takes].map(lambda value: FormItem(piece.kind, value))
    )
    return st.lists(one, max_size=4).map(tuple)


FORMS = st.builds(
    PolicyForm,
    policy_id=st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True),
    effect=st.sampled_from(["permit", "forbid"]),
    principals=st.sampled_from(["any", "device", "module"]),
    selectors=_items(SELECTORS),
    actions=st.lists(st.sampled_from(["connect", "sendTelemetry", "readTwin"]), unique=True).map(tuple),
    conditions=_items(CONDITIONS),
    owner=_TEXT,
    why=_TEXT,
    guidance=_TEXT,
    expires=st.sampled_from(["", "2030-01-01"]),
)


@given(FORMS)
def test_a_form_survives_the_way_to_cedar_and_back(form: PolicyForm) -> None:
    assert read_form(write_form(form)) == form


@given(_TEXT)
def test_no_text_of_a_form_becomes_cedar(text: str) -> None:
    form = PolicyForm(policy_id="x", effect="forbid", selectors=(FormItem("group", text),), why=text)
    (policy,) = read_policies(write_form(form))
    assert policy.effect == "forbid"
    assert policy.annotations.get("why", "") == text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("two policies", "permit (principal, action, resource); forbid (principal, action, resource);"),
        ("one identity", 'permit (principal == Device::"x", action, resource is Hub);'),
        ("another condition", "permit (principal, action, resource) when { principal.isEnabled || true };"),
        ("a permit with unless", "permit (principal, action, resource) unless { context.isSecondLocation };"),
        ("a note of its own", '@ticket("7") permit (principal, action, resource);'),
        ("no number", "permit (principal, action, resource) when { context has keyBits && context.keyBits >= -1 };"),
        ("a mixed set", 'permit (principal, action, resource) when { ["a", 1].contains(principal.riskLevel) };'),
    ],
)
def test_a_policy_of_another_shape_stays_text(name: str, text: str) -> None:
    with pytest.raises(NotAForm):
        read_form(text)


@pytest.mark.parametrize(
    "item",
    [
        FormItem("hours", "25:00-26:00"),
        FormItem("hours", "06:00-06:00"),
        FormItem("hours", 3),
        FormItem("weekdays", []),
        FormItem("weekdays", ["1"]),
        FormItem("key_bits_at_least", True),
        FormItem("key_bits_at_least", -1),
        FormItem("no_such_thing", None),
        FormItem("group", "g"),
        FormItem("network", "x" * 1025),
        FormItem("one_location", "yes"),
    ],
)
def test_a_condition_that_does_not_fit_is_refused(item: FormItem) -> None:
    with pytest.raises(NotAForm):
        write_form(PolicyForm(policy_id="x", effect="permit", conditions=(item,)))


def test_a_forbid_holds_unless_all_that_is_required_is_known() -> None:
    form = PolicyForm(
        policy_id="pumps-at-home",
        effect="forbid",
        selectors=(FormItem("tag", "kind=pump"),),
        conditions=(FormItem("metres_from_site_at_most", 500), FormItem("hours", "22:00-06:00")),
    )
    text = write_form(form)
    assert "unless" in text
    assert "context has metresFromSite" in text
    assert read_form(text) == form
