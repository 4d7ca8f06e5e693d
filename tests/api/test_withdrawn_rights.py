"""Rights that are withdrawn while something is under way: tokens of who lost theirs, and streams that are open."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from console_client import ConsoleClient
from people_at_the_door import PeopleAtTheDoor, signed
from running_platform import RunningPlatform, wait_for

QUESTION = {
    "subject": {"type": "user", "id": "alice"},
    "action": {"name": "read"},
    "resource": {"type": "record", "id": "record-1"},
}
# The pause between two keep-alives, and some; less than what its client waits for a byte.
ENDS_WITHIN_S = 50.0


@pytest.fixture(scope="module")
def people(platform: RunningPlatform) -> Iterator[PeopleAtTheDoor]:
    with platform.client() as api:
        found = PeopleAtTheDoor(platform.url, api)
        found.come("admin")  # somebody must stay one
        yield found
        found.close()


@pytest.fixture
def with_token(platform: RunningPlatform) -> Iterator[Callable[[str], httpx.Client]]:
    made: list[httpx.Client] = []

    def connect(secret: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {secret}"}
        made.append(httpx.Client(base_url=platform.url, headers=headers, timeout=60))
        return made[-1]

    yield connect
    for each in made:
        each.close()


def token_of(person: ConsoleClient, name: str, *roles: str) -> str:
    """Have a person make a service token; return its secret."""
    answer = signed(person, "POST", "/v1/service-tokens", {"name": name, "roles": list(roles)})
    assert answer.status_code == 201, answer.text
    secret: str = answer.json()["secret"]
    return secret


def change_role(api: httpx.Client, person_id: str, role: str | None, **places: Any) -> None:
    """Give a person another role in place of what they hold."""
    held = api.get("/v1/grants", params={"person_id": person_id}).json()["items"]
    if role is not None:
        api.post(f"/v1/people/{person_id}/grants", json={"role": role, **places}).raise_for_status()
    for each in held:
        api.delete(f"/v1/grants/{each['grant_id']}", params={"reason": "a test"}).raise_for_status()


class Listening:
    """Reads a stream in a thread, and tells when it ended."""

    def __init__(self, client: httpx.Client, path: str) -> None:
        self.lines: list[str] = []
        self.begun, self.ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._read, args=(client, path), daemon=True)
        self._thread.start()
        assert self.begun.wait(60)

    def _read(self, client: httpx.Client, path: str) -> None:
        # A test that has seen enough closes the connection under it.
        with contextlib.suppress(httpx.HTTPError), client.stream("GET", path) as response:
            assert response.status_code == 200
            self.begun.set()
            for line in response.iter_lines():
                self.lines.append(line)
        self.ended.set()


def test_a_program_loses_what_its_owner_loses_and_gets_it_back(
    people: PeopleAtTheDoor, api: httpx.Client, device: str, with_token: Callable[[str], httpx.Client]
) -> None:
    owner = people.come("admin")
    person_id = owner.who()["person_id"]
    program = with_token(token_of(owner, f"of {device}", "operator"))
    path, body = f"/v1/devices/{device}", {"tags": {"a": "b"}}
    assert program.patch(f"{path}/twin", json=body).status_code == 200
    change_role(api, person_id, "auditor")
    assert program.get(path).status_code == 200
    refused = program.patch(f"{path}/twin", json=body)
    assert (refused.status_code, refused.json()["code"]) == (403, "operators.act_refused")
    change_role(api, person_id, None)
    assert program.get(path).status_code == 404
    change_role(api, person_id, "operator", sites=["elsewhere"])
    assert program.get(path).status_code == 404
    assert program.get("/v1/devices").json()["items"] == []
    change_role(api, person_id, "operator")
    assert program.patch(f"{path}/twin", json=body).status_code == 200
    api.post(f"/v1/people/{person_id}/disable", json={"reason": "left"}).raise_for_status()
    assert program.get(path).status_code == 401


def test_a_program_that_may_ask_may_do_nothing_else(
    api: httpx.Client, device: str, with_token: Callable[[str], httpx.Client]
) -> None:
    body = {"name": f"asks about {device}", "roles": ["enforcement-point"]}
    program = with_token(api.post("/v1/service-tokens", json=body).raise_for_status().json()["secret"])
    assert program.post("/access/v1/evaluation", json=QUESTION).json()["decision"] is True
    assert program.post("/hooks/mqtt/superuser", json={"username": device}).json()["Ok"] is False
    for method, path in (
        ("GET", f"/v1/devices/{device}"),
        ("GET", "/v1/devices"),
        ("GET", "/v1/decisions"),
        ("GET", "/v1/quarantines"),
        ("GET", "/v1/ledger/entries"),
        ("GET", "/v1/events"),
        ("POST", f"/v1/devices/{device}/disable"),
        ("POST", f"/v1/devices/{device}/quarantine"),
    ):
        refused = program.request(method, path, json={"reason": "x"} if method == "POST" else None)
        assert refused.status_code == 403, (method, path, refused.text)


def test_what_the_owner_of_a_token_lost_its_questions_lose_too(
    people: PeopleAtTheDoor, api: httpx.Client, device: str, with_token: Callable[[str], httpx.Client]
) -> None:
    owner = people.come("admin")
    program = with_token(token_of(owner, f"asks for {device}", "enforcement-point"))
    assert program.post("/access/v1/evaluation", json=QUESTION).json()["decision"] is True
    change_role(api, owner.who()["person_id"], "manufacturer")
    assert program.post("/access/v1/evaluation", json=QUESTION).status_code == 403


def test_a_stream_ends_when_the_role_behind_it_is_withdrawn(
    people: PeopleAtTheDoor, api: httpx.Client, device: str
) -> None:
    reader = people.come("auditor")
    person_id = reader.who()["person_id"]
    listening = Listening(reader.http, "/v1/events")
    api.post(f"/v1/devices/{device}/disable", json={"reason": "heard"}).raise_for_status()
    wait_for(lambda: any("device_disabled" in each for each in listening.lines), "the event is told")
    change_role(api, person_id, "manufacturer")
    time.sleep(1.1)
    api.post(f"/v1/devices/{device}/enable").raise_for_status()
    assert listening.ended.wait(ENDS_WITHIN_S)
    assert not any("device_enabled" in each for each in listening.lines)
    assert reader.http.get("/v1/events").status_code == 403


def test_a_stream_ends_when_its_places_become_fewer(
    people: PeopleAtTheDoor, api: httpx.Client, new_name: Callable[[], str]
) -> None:
    site = new_name()
    reader = people.come("operator")
    listening = Listening(reader.http, "/v1/telemetry/stream")
    change_role(api, reader.who()["person_id"], "operator", sites=[site])
    assert listening.ended.wait(ENDS_WITHIN_S)
    Listening(reader.http, "/v1/telemetry/stream")


def test_a_stream_ends_when_the_token_behind_it_is_revoked(
    api: httpx.Client, device: str, with_token: Callable[[str], httpx.Client]
) -> None:
    made = api.post("/v1/service-tokens", json={"name": f"hears {device}", "roles": ["auditor"]}).json()
    listening = Listening(with_token(made["secret"]), "/v1/events")
    token_id = made["service_token"]["token_id"]
    api.delete(f"/v1/service-tokens/{token_id}", params={"reason": "lost"}).raise_for_status()
    assert listening.ended.wait(ENDS_WITHIN_S)


def test_a_role_at_a_site_hears_of_no_other_sites_health_quarantine_and_decisions(
    people: PeopleAtTheDoor, api: httpx.Client, new_name: Callable[[], str]
) -> None:
    here, there = new_name(), new_name()
    for name in (here, there):
        api.post("/v1/devices", json={"device_id": name, "site": f"site-{name}"}).raise_for_status()
        signal = {"signal_class": "malware", "level": "high", "provenance": "observed", "source": "edr"}
        api.post(f"/v1/devices/{name}/signals", json=signal).raise_for_status()
        api.post(f"/v1/devices/{name}/quarantine", json={"reason": "a test"}).raise_for_status()
        ask = {
            "subject": {"type": "device", "id": name},
            "action": {"name": "connect"},
            "resource": {"type": "hub", "id": "hub"},
        }
        api.post("/access/v1/evaluation", json=ask).raise_for_status()
    person = people.come("analyst", sites=[f"site-{here}"]).http
    for path in ("/v1/health", "/v1/quarantines"):
        items = person.get(path, params={"limit": 1000}).raise_for_status().json()["items"]
        assert [each["device_id"] for each in items] == [here], path
    wait_for(lambda: api.get("/v1/decisions", params={"device_id": there}).json()["items"], "the log holds it")
    wait_for(lambda: person.get("/v1/decisions", params={"limit": 1000}).json()["items"], "they see their own")
    seen = person.get("/v1/decisions", params={"limit": 1000}).raise_for_status().json()["items"]
    assert {each["device_id"] for each in seen} == {here}
    assert person.get("/v1/refusals").raise_for_status().status_code == 200
    for path in (f"/v1/devices/{there}/health", f"/v1/devices/{there}/signals", f"/v1/devices/{there}/quarantine"):
        assert person.get(path).status_code == 404, path
    assert person.get("/v1/decisions", params={"device_id": there}).status_code == 404
