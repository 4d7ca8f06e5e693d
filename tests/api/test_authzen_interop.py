"""The interoperability scenarios of OpenID AuthZEN, asked as their harnesses ask: to-do list, gateway, search.

Answers are compared whole, as the harnesses do: another member beside ``decision`` would not be equal.

Source:
    OpenID AuthZEN interop scenarios "Todo" (1.0 drafts 01 and 02), "API Gateway" and "Search".
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from running_platform import RunningPlatform

from vedette.access import Asked, load_applications

RICK, MORTY, SUMMER, BETH, JERRY = PEOPLE = tuple(
    f"CiRmZD{letter}2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs" for letter in "AEIMQ"
)
EDITORS = (RICK, MORTY, SUMMER)
MAILS = {RICK: "rick@the-citadel.com", MORTY: "morty@the-citadel.com", JERRY: "jerry@the-smiths.com"}
ROUTES = [
    ("GET", "/users/{userId}", PEOPLE),
    ("GET", "/todos", PEOPLE),
    ("POST", "/todos", EDITORS),
    ("PUT", "/todos/{todoId}", EDITORS),
    ("DELETE", "/todos/{todoId}", EDITORS),
]
EVERY = tuple(range(101, 121))
RECORDS = {
    ("alice", "view"): EVERY,
    ("alice", "edit"): (101, 107, 110, 113, 119),
    ("alice", "delete"): (101, 107, 113, 119),
    ("bob", "view"): (101, 102, 103, 105, 108, 112, 114, 116, 117, 119, 120),
    ("bob", "edit"): (102, 108, 114, 120),
    ("bob", "delete"): (102, 108, 114, 120),
    ("carol", "view"): (101, 102, 103, 105, 108, 109, 112, 115, 116, 117, 119),
    ("carol", "edit"): (103, 109, 115),
    ("carol", "delete"): (103, 109, 115),
    ("dan", "view"): EVERY,
    ("dan", "edit"): (104, 110, 115, 116),
    ("dan", "delete"): (104, 110, 116),
    ("erin", "view"): (105, 111, 115, 117),
    ("erin", "edit"): (105, 111, 117),
    ("erin", "delete"): (105, 111, 117),
    ("felix", "view"): (104, 106, 109, 111, 112, 114, 118, 120),
    ("felix", "edit"): (106, 112, 118),
    ("felix", "delete"): (106, 112, 118),
    ("mallory", "view"): (),
    ("alice", "burn"): (),
}
SEARCH = load_applications(Path(__file__).parents[2] / "docs/examples/search")


@pytest.fixture(scope="module")
def harness(platform: RunningPlatform) -> Iterator[httpx.Client]:
    with platform.client() as client:
        body = {"name": "interop", "roles": ["enforcement-point"]}
        secret = client.post("/v1/service-tokens", json=body).raise_for_status().json()["secret"]
    headers = {"Authorization": f"Bearer {secret}"}
    with httpx.Client(base_url=platform.url, headers=headers, timeout=60) as client:
        yield client


def todo(owner: str) -> dict[str, Any]:
    return {"type": "todo", "id": "7240d0db-8ff0-41ec-98b2-34a096273b9f", "properties": {"ownerID": owner}}


def ask(harness: httpx.Client, kind: str, who: str, act: str, resource: dict[str, Any]) -> dict[str, Any]:
    body = {"subject": {"type": kind, "id": who}, "action": {"name": act}, "resource": resource, "context": {}}
    answer: dict[str, Any] = harness.post("/access/v1/evaluation", json=body).raise_for_status().json()
    return answer


@pytest.mark.parametrize("who", PEOPLE, ids=["rick", "morty", "summer", "beth", "jerry"])
def test_the_todo_list_is_decided_as_its_scenario_says(harness: httpx.Client, who: str) -> None:
    reader, list_itself = {"type": "user", "id": "beth@the-smiths.com"}, {"type": "todo", "id": "todo-1"}
    assert ask(harness, "user", who, "can_read_user", reader) == {"decision": True}
    assert ask(harness, "user", who, "can_read_todos", list_itself) == {"decision": True}
    assert ask(harness, "user", who, "can_create_todo", list_itself) == {"decision": who in EDITORS}
    for act in ("can_update_todo", "can_delete_todo"):
        for owner, mail in MAILS.items():
            may = who == RICK or (who == owner and who in EDITORS)
            assert ask(harness, "user", who, act, todo(mail)) == {"decision": may}


def test_a_batch_about_the_todo_list_is_answered_in_order_and_bare(harness: httpx.Client) -> None:
    body = {
        "subject": {"type": "user", "id": MORTY},
        "action": {"name": "can_update_todo"},
        "resource": {},
        "context": {},
        "evaluations": [{"resource": todo(MAILS[RICK])}, {"resource": todo(MAILS[MORTY])}],
    }
    answer = harness.post("/access/v1/evaluations", json=body).json()
    assert answer == {"evaluations": [{"decision": False}, {"decision": True}]}


@pytest.mark.parametrize(("method", "route", "permitted"), ROUTES)
def test_a_gateways_routes_are_decided_as_the_scenario_says(
    harness: httpx.Client, method: str, route: str, permitted: tuple[str, ...]
) -> None:
    for who in PEOPLE:
        answer = ask(harness, "identity", who, method, {"type": "route", "id": route})
        assert answer == {"decision": who in permitted}
    stranger = ask(harness, "identity", "nobody", method, {"type": "route", "id": route})
    assert stranger == {"decision": False}


def asked(who: str, act: str, record: str) -> Asked:
    return Asked(subject_type="user", subject_id=who, action=act, resource_type="record", resource_id=record)


@pytest.mark.anyio
@pytest.mark.parametrize(("who", "act"), RECORDS, ids=str)
async def test_searches_find_what_the_scenario_lists(who: str, act: str) -> None:
    expected = {str(each) for each in RECORDS[who, act]}
    found = await SEARCH.search_resources(asked(who, act, "-"), after=0, most=200)
    assert set(found.ids) == expected
    for record in map(str, EVERY):
        subjects = await SEARCH.search_subjects(asked("-", act, record), after=0, most=200)
        assert (who in subjects.ids) is (record in expected)
        assert (act in await SEARCH.search_actions(asked(who, "-", record))) is (record in expected)
