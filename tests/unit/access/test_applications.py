"""Applications: what is declared wins, what is told fills in as far as the schema goes; nothing more is permitted."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.access import Application, Applications, Asked, BadApplication, load_applications

EXAMPLES = Path(__file__).parents[3] / "docs/examples/applications"
RECORDS = load_applications(EXAMPLES)
SCHEMA, POLICIES, ENTITIES = (
    (EXAMPLES / "records" / name).read_text() for name in ("schema.json", "policies.cedar", "entities.json")
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "status", "soft", "action", "__extn", "__entity", "type", "id", "fn", "arg"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)
_PROPERTIES = st.dictionaries(st.sampled_from(["role", "status", "soft", "owner", "__entity"]), _JSON, max_size=4)


def asked(who: str, act: str, record: str = "record-1", **told: Any) -> Asked:
    return Asked(
        subject_type="user",
        subject_id=who,
        action=act,
        resource_type="record",
        resource_id=record,
        context=told.get("context", {}),
        subject_properties=told.get("subject", {}),
        resource_properties=told.get("resource", {}),
        action_properties=told.get("action", {}),
    )


def decide(question: Asked) -> bool:
    application = RECORDS.find(question)
    assert application is not None
    return application.decide(question).is_permitted


def test_what_is_declared_is_not_told_otherwise() -> None:
    assert not decide(asked("alice", "write", "record-2", resource={"status": "active"}))
    assert not decide(asked("bob", "write", "record-1", resource={"status": "archived"}))
    assert not decide(asked("carol", "write", "record-9", subject={"role": "admin"}))
    assert decide(asked("carol", "write", "record-9", subject={"role": "admin"}, resource={"status": "archived"}))


@settings(max_examples=300, deadline=None)
@given(_PROPERTIES, _PROPERTIES, _PROPERTIES, _PROPERTIES)
def test_nothing_that_is_told_makes_more_of_a_stranger_than_the_policies_say(
    subject: dict[str, Any], resource: dict[str, Any], action: dict[str, Any], context: dict[str, Any]
) -> None:
    told: dict[str, Any] = {"subject": subject, "resource": resource, "action": action, "context": context}
    for name in ("read", "delete", "fly"):
        assert not decide(asked("mallory", name, **told))
    if subject.get("role") != "admin":
        assert not decide(asked("mallory", "write", "record-2", **told))
    assert not decide(asked("bob", "write", "record-1", **told))


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_names_from_outside_are_names_and_nothing_else(subject: str, action: str, resource: str) -> None:
    if subject not in {"alice", "bob"}:
        assert not decide(asked(subject, action, resource))


@pytest.mark.parametrize("value", [1.5, math.nan, 2**80, {"__extn": {"fn": "ip", "arg": "x"}}, ["admin"]])
def test_a_property_that_does_not_fit_denies(value: object) -> None:
    assert not decide(asked("alice", "read", "record-9", resource={"status": value}))
    assert decide(asked("alice", "read", "record-9", resource={"unknown": value, "status": None}))


@pytest.mark.parametrize(
    ("schema", "policies", "entities", "said"),
    [
        ("{", POLICIES, ENTITIES, "schema.json"),
        ('{"Own": {"entityTypes": {}, "actions": {}}}', POLICIES, ENTITIES, "namespace"),
        (SCHEMA, "permit (", ENTITIES, "policies.cedar"),
        (SCHEMA, 'permit (principal, action, resource) when { principal.size == "xl" };', ENTITIES, "policies.cedar"),
        (SCHEMA, POLICIES, "{}", "entities.json"),
        (SCHEMA, POLICIES, '[{"uid": {"type": "ghost", "id": "x"}}]', "entities.json"),
        (SCHEMA, POLICIES, '[{"uid": {"type": "user", "id": "x"}, "attrs": {"role": 7}}]', "entities.json"),
        (SCHEMA, POLICIES, '[{"uid": {"type": "user", "id": "x"}, "rights": ["all"]}]', "entities.json"),
    ],
)
def test_what_cannot_be_used_says_which_file_is_to_blame(schema: str, policies: str, entities: str, said: str) -> None:
    with pytest.raises(BadApplication, match=said):
        Application("todo", schema, policies, entities)


def test_no_application_answers_for_what_is_ours_or_anothers() -> None:
    tree = json.loads(SCHEMA)
    tree[""]["entityTypes"]["device"] = {}
    with pytest.raises(BadApplication, match="belongs to Vedette"):
        Applications([Application("thief", json.dumps(tree), POLICIES, ENTITIES)])
    again = [Application(name, SCHEMA, POLICIES, ENTITIES) for name in ("one", "two")]
    with pytest.raises(BadApplication, match="what user does to record belongs to one"):
        Applications(again)


def test_two_applications_may_know_users_each_its_own() -> None:
    found = {(pair, RECORDS.find(question(*pair))) for pair in [("user", "record"), ("user", "todo"), ("user", "user")]}
    assert {(pair, each.name) for pair, each in found if each} == {
        (("user", "record"), "records"),
        (("user", "todo"), "todo"),
        (("user", "user"), "todo"),
    }
    assert RECORDS.find(question("identity", "todo")) is None
    assert RECORDS.find(question("record", "user")) is None


def question(subject: str, resource: str) -> Asked:
    return Asked(subject_type=subject, subject_id="x", action="read", resource_type=resource, resource_id="y")


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadApplication, match="cannot be read"):
        load_applications(tmp_path / "nowhere")
    (tmp_path / "half").mkdir()
    with pytest.raises(BadApplication, match="cannot be read"):
        load_applications(tmp_path)
    assert load_applications(None).names == []
