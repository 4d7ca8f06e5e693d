"""OpenID AuthZEN's certification scenario: each case of its levels, against a real platform with its fixture loaded.

Source:
    AuthZEN Authorization API 1.0, Certification Scenario; the numbers below are its sections.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from running_platform import RunningPlatform, wait_for

EVALUATION = "/access/v1/evaluation"
EVALUATIONS = "/access/v1/evaluations"
SUBJECTS, RESOURCES, ACTIONS = (f"/access/v1/search/{each}" for each in ("subject", "resource", "action"))
CONTEXT = {"time": "2025-06-27T18:03-07:00", "ip": "192.168.1.1"}
ALICE, BOB, USER = ({"type": "user", "id": "alice"}, {"type": "user", "id": "bob"}, {"type": "user"})
ADMIN = {**BOB, "properties": {"role": "admin"}}
READ, WRITE = {"name": "read"}, {"name": "write"}
RECORD = {"type": "record"}
FIRST, SECOND = ({**RECORD, "id": f"record-{number}"} for number in (1, 2))
ARCHIVED = {**SECOND, "properties": {"status": "archived"}}
ACTIVE = {**FIRST, "properties": {"status": "active"}}
_Object = dict[str, Any]


@pytest.fixture(scope="module")
def harness(platform: RunningPlatform) -> Iterator[httpx.Client]:
    """Ask as the certification's harness does: by a token that may ask, and nothing else."""
    with platform.client() as client:
        body = {"name": "certification", "roles": ["enforcement-point"]}
        secret = client.post("/v1/service-tokens", json=body).raise_for_status().json()["secret"]
    headers = {"Authorization": f"Bearer {secret}"}
    with httpx.Client(base_url=platform.url, headers=headers, timeout=60) as client:
        yield client


def evaluation(subject: _Object, action: _Object, resource: _Object, **members: Any) -> _Object:
    return {"subject": subject, "action": action, "resource": resource, **members}


def delete(*, soft: bool) -> _Object:
    return {"name": "delete", "properties": {"soft": soft}}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(evaluation(ALICE, READ, FIRST), True, id="rule 1"),
        pytest.param(evaluation(ALICE, WRITE, FIRST), True, id="rule 2"),
        pytest.param(evaluation(BOB, READ, FIRST), True, id="rule 3"),
        pytest.param(evaluation(BOB, WRITE, FIRST), False, id="rule 4"),
        pytest.param(evaluation(ALICE, WRITE, ARCHIVED), False, id="rule 5"),
        pytest.param(evaluation(ADMIN, WRITE, ARCHIVED), True, id="rule 6"),
        pytest.param(evaluation(ALICE, delete(soft=True), FIRST), True, id="rule 7"),
        pytest.param(evaluation(ALICE, delete(soft=False), FIRST), False, id="rule 8"),
        pytest.param(evaluation(ALICE, READ, FIRST, context=CONTEXT), True, id="with context"),
        pytest.param(
            evaluation(
                {**ALICE, "properties": {"department": "Sales", "role": "manager"}},
                {**READ, "properties": {"method": "GET"}},
                {**FIRST, "properties": {"status": "active", "owner": "bob"}},
            ),
            True,
            id="additional properties",
        ),
        pytest.param(
            evaluation(ALICE, READ, FIRST, foo="bar", futureField={"nested": True}), True, id="unknown fields"
        ),
    ],
)
def test_basic_decisions_are_the_fixtures_each_time(harness: httpx.Client, body: _Object, *, expected: bool) -> None:
    for _ in range(3):
        answer = harness.post(EVALUATION, json=body)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.json()["decision"] is expected
        assert isinstance(answer.json().get("context", {}), dict)


@pytest.mark.parametrize(
    "body",
    [
        {"action": READ, "resource": FIRST},
        {"subject": ALICE, "resource": FIRST},
        {"subject": ALICE, "action": READ},
        evaluation({"id": "alice"}, READ, FIRST),
        evaluation(USER, READ, FIRST),
        evaluation(ALICE, {}, FIRST),
        evaluation(ALICE, READ, {"id": "record-1"}),
        evaluation(ALICE, READ, RECORD),
        {"subject": "alice", "action": READ, "resource": FIRST},
        evaluation(ALICE, {"name": 123}, FIRST),
    ],
)
def test_a_request_that_lacks_something_is_a_bad_request(harness: httpx.Client, body: _Object) -> None:
    answer = harness.post(EVALUATION, json=body, headers={"X-Request-ID": "bfe9eb29"})
    assert (answer.status_code, answer.headers["x-request-id"]) == (400, "bfe9eb29")


@pytest.mark.parametrize("path", [EVALUATION, EVALUATIONS, SUBJECTS, RESOURCES, ACTIONS])
@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b'{"a": 1}', "text/plain"),
        (b'{"a":', "application/json"),
        (b"", "application/json"),
        (b"[]", "application/json"),
    ],
)
def test_a_body_that_is_no_json_object_is_a_bad_request(
    harness: httpx.Client, path: str, content: bytes, media_type: str
) -> None:
    assert harness.post(path, content=content, headers={"Content-Type": media_type}).status_code == 400


@pytest.mark.parametrize(
    ("body", "decisions"),
    [
        pytest.param(
            {"subject": ALICE, "action": READ, "evaluations": [{"resource": FIRST}, {"resource": SECOND}]}, None
        ),
        pytest.param({"subject": BOB, "resource": FIRST, "evaluations": [{"action": READ}, {"action": WRITE}]}, [1, 0]),
        pytest.param(
            {"subject": ALICE, "action": WRITE, "evaluations": [{"resource": ACTIVE}, {"resource": ARCHIVED}]}, [1, 0]
        ),
        pytest.param(
            {"action": WRITE, "resource": ARCHIVED, "evaluations": [{"subject": ALICE}, {"subject": ADMIN}]}, [0, 1]
        ),
        pytest.param({"evaluations": [evaluation(ALICE, READ, FIRST), evaluation(BOB, WRITE, FIRST)]}, [1, 0]),
        pytest.param(
            {
                "subject": ALICE,
                "action": READ,
                "context": CONTEXT,
                "evaluations": [{"resource": FIRST}, {"resource": SECOND, "context": {"source": "batch-override"}}],
            },
            None,
        ),
        pytest.param(evaluation(ALICE, WRITE, ACTIVE, evaluations=[{}, {"resource": ARCHIVED}]), [1, 0]),
        pytest.param(
            {
                "subject": ALICE,
                "action": READ,
                "options": {"evaluations_semantic": "execute_all"},
                "evaluations": [{"resource": FIRST}, {}],
            },
            [1, 0],
        ),
    ],
    ids=["3.2.1", "3.2.2", "3.2.3", "3.2.4", "3.2.5", "3.2.6", "3.2.7", "3.4.1"],
)
def test_batches_are_answered_in_their_order(harness: httpx.Client, body: _Object, decisions: list[int] | None) -> None:
    answer = harness.post(EVALUATIONS, json=body)
    assert answer.status_code == 200
    assert "decision" not in answer.json()
    found = [each["decision"] for each in answer.json()["evaluations"]]
    assert all(isinstance(each, bool) for each in found)
    assert len(found) == len(body["evaluations"])
    assert decisions is None or found == [bool(each) for each in decisions]


@pytest.mark.parametrize("members", [{}, {"evaluations": []}])
def test_without_a_list_a_batch_is_one_evaluation(harness: httpx.Client, members: _Object) -> None:
    assert harness.post(EVALUATIONS, json=evaluation(ALICE, READ, FIRST, **members)).json()["decision"] is True


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        (SUBJECTS, evaluation(USER, READ, FIRST), [ALICE, BOB]),
        (SUBJECTS, evaluation(USER, READ, FIRST, context=CONTEXT), [ALICE, BOB]),
        (SUBJECTS, evaluation(ALICE, READ, FIRST), [ALICE, BOB]),
        (SUBJECTS, evaluation(USER, WRITE, ARCHIVED), [BOB]),
        (RESOURCES, evaluation(ALICE, READ, RECORD), [FIRST, SECOND]),
        (RESOURCES, evaluation(ALICE, READ, RECORD, context=CONTEXT), [FIRST, SECOND]),
        (RESOURCES, evaluation(ALICE, READ, FIRST), [FIRST, SECOND]),
        (RESOURCES, evaluation(ADMIN, WRITE, RECORD), [SECOND]),
        (ACTIONS, {"subject": ALICE, "resource": FIRST}, [READ, WRITE]),
        (ACTIONS, {"subject": ALICE, "resource": FIRST, "context": CONTEXT}, [READ, WRITE]),
        (ACTIONS, {"subject": ADMIN, "resource": ARCHIVED}, [READ, WRITE]),
        (ACTIONS, {"subject": {"type": "user", "id": "nonexistent-user"}, "resource": FIRST}, []),
        (ACTIONS, {"subject": {"type": "spaceship", "id": "x"}, "resource": FIRST}, []),
        (RESOURCES, evaluation({"type": "user", "id": "nonexistent-user"}, READ, RECORD), []),
        (RESOURCES, evaluation(ALICE, READ, {"type": "spaceship"}), []),
        (SUBJECTS, evaluation({"type": "spaceship"}, READ, FIRST), []),
        (SUBJECTS, evaluation(USER, {"name": "fly"}, FIRST), []),
    ],
)
def test_searches_find_what_would_be_permitted(
    harness: httpx.Client, path: str, body: _Object, expected: list[_Object]
) -> None:
    answer = harness.post(path, json=body)
    assert answer.status_code == 200
    assert answer.json()["results"] == expected
    assert answer.json()["page"]["next_token"] == ""


def test_a_search_goes_on_where_its_page_ended(harness: httpx.Client) -> None:
    body = evaluation(USER, READ, FIRST)
    first = harness.post(SUBJECTS, json={**body, "page": {"limit": 1}}).json()
    assert first["results"] == [ALICE]
    second = harness.post(SUBJECTS, json={**body, "page": {"token": first["page"]["next_token"]}}).json()
    assert (second["results"], second["page"]["next_token"]) == ([BOB], "")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (SUBJECTS, {"subject": USER, "resource": FIRST}),
        (RESOURCES, {"action": READ, "resource": RECORD}),
        (ACTIONS, {"subject": ALICE}),
        (SUBJECTS, evaluation(USER, READ, RECORD)),
        (RESOURCES, evaluation(USER, READ, RECORD)),
        (ACTIONS, {"subject": USER, "resource": FIRST}),
    ],
)
def test_a_search_that_lacks_something_is_a_bad_request(harness: httpx.Client, path: str, body: _Object) -> None:
    assert harness.post(path, json=body).status_code == 400


def test_the_metadata_are_where_they_belong_and_name_what_there_is(
    anonymous: httpx.Client, harness: httpx.Client
) -> None:
    answer = anonymous.get("/.well-known/authzen-configuration")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    found = answer.json()
    assert found["policy_decision_point"] == str(harness.base_url).rstrip("/")
    assert {name for name in found if name.endswith("_endpoint")} == {
        "access_evaluation_endpoint",
        "access_evaluations_endpoint",
        "search_subject_endpoint",
        "search_resource_endpoint",
        "search_action_endpoint",
    }


def test_whoever_does_not_prove_who_they_are_is_told_how(anonymous: httpx.Client) -> None:
    answer = anonymous.post(EVALUATION, json=evaluation(ALICE, READ, FIRST))
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_answers_about_an_application_are_bare_and_name_their_policies_in_the_log(
    harness: httpx.Client, api: httpx.Client
) -> None:
    answer = harness.post(EVALUATION, json=evaluation(ALICE, delete(soft=True), SECOND)).json()
    assert answer == {"decision": True}
    query = {"policy": "alice-deletes-softly", "action": "delete", "effect": "allow"}
    wait_for(lambda: api.get("/v1/decisions", params=query).json()["items"], "the answer is on record")


def test_who_is_limited_to_places_is_told_nothing_of_applications(platform: RunningPlatform, api: httpx.Client) -> None:
    body = {"name": "certification-here", "roles": ["enforcement-point"], "sites": ["nowhere"]}
    secret = api.post("/v1/service-tokens", json=body).raise_for_status().json()["secret"]
    headers = {"Authorization": f"Bearer {secret}"}
    answer = httpx.post(platform.url + EVALUATION, json=evaluation(ALICE, READ, FIRST), headers=headers, timeout=60)
    assert answer.json()["decision"] is False
