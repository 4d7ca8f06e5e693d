from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from people_at_the_door import PeopleAtTheDoor, assertion_header, signed
from running_platform import RunningPlatform

ROLES = ("admin", "operator", "analyst", "developer", "deployer", "manufacturer", "auditor")
READERS = ("admin", "operator", "analyst", "developer", "deployer", "auditor")
# What each kind of act is tried with: a body that is refused for itself, so that nothing is changed by being permitted.
ACTS: dict[str, tuple[str, str, Any, tuple[str, ...]]] = {
    "status": ("GET", "/v1/status", None, ROLES),
    "own": ("GET", "/v1/rights", None, ROLES),
    "read": ("GET", "/v1/devices/nothing-here", None, READERS),
    "readBulk": ("GET", "/v1/devices", None, READERS),
    "readTelemetry": ("GET", "/v1/telemetry?limit=1", None, ("admin", "operator", "analyst", "developer", "auditor")),
    "readPackets": ("GET", "/v1/alerts/nothing-here/slice", None, ("admin", "analyst")),
    "analyzeCaptures": ("GET", "/v1/captures/nothing-here", None, ("admin", "operator", "analyst")),
    "respond": ("POST", "/v1/alert-exceptions", {}, ("admin", "analyst")),
    "audit": ("GET", "/v1/ledger/entries?limit=1", None, ("admin", "operator", "analyst", "auditor")),
    "changeDevice": ("POST", "/v1/devices", {"device_id": ""}, ("admin", "operator", "developer", "deployer")),
    "restrict": (
        "POST",
        "/v1/devices/nothing-here/disable",
        {"reason": "a test"},
        ("admin", "operator", "analyst", "deployer"),
    ),
    "command": ("POST", "/v1/devices/nothing-here/methods/reboot", {}, ("admin", "operator")),
    "enroll": ("POST", "/v1/enrollments", {}, ("admin", "operator", "deployer")),
    "manageGroups": ("POST", "/v1/groups", {"name": ""}, ("admin", "operator", "deployer")),
    "handOver": ("POST", "/v1/authorities", {}, ("admin", "manufacturer")),
    "managePeople": ("POST", "/v1/people/nobody/grants", {"role": "king"}, ("admin",)),
    "letIn": ("POST", "/v1/login-links", {"role": "king"}, ("admin",)),
    "managePlatform": ("POST", "/v1/clock/accept", {"reason": ""}, ("admin",)),
}
MOMENTOUS: dict[str, tuple[str, str, Any, tuple[str, ...]]] = {
    "manageKeys": ("POST", "/v1/devices/nothing-here/keys/rotate", {"slot": "primary"}, ("admin",)),
    "managePolicies": ("POST", "/v1/access-lists", {}, ("admin",)),
    "changeMany": ("POST", "/v1/bulk/devices", {"device_ids": [], "is_enabled": True}, ("admin", "operator")),
}


@pytest.fixture(scope="module")
def people(platform: RunningPlatform) -> Iterator[PeopleAtTheDoor]:
    with platform.client() as api:
        found = PeopleAtTheDoor(platform.url, api)
        yield found
        found.close()


@pytest.fixture
def placed(api: httpx.Client, new_name: Callable[[], str]) -> Callable[[str], str]:
    """Return what creates a device at a site."""

    def create(site: str) -> str:
        name = new_name()
        api.post("/v1/devices", json={"device_id": name, "site": site}).raise_for_status()
        return name

    return create


@pytest.mark.parametrize("role", ROLES)
def test_each_role_gives_what_it_says_and_nothing_else(people: PeopleAtTheDoor, role: str) -> None:
    person = people.come(role)
    for act, (method, path, body, roles) in ACTS.items():
        answer = person.http.request(method, path, json=body)
        is_refused = answer.status_code == 403
        assert is_refused is (role not in roles), (role, act, answer.status_code, answer.text)
        if is_refused:
            assert answer.json()["code"] == "operators.act_refused"
    for act, (method, path, body, roles) in MOMENTOUS.items():
        bare = person.http.request(method, path, json=body)
        assert bare.status_code == 403, (role, act, bare.text)
        expected = "operators.signature_needed" if role in roles else "operators.act_refused"
        assert bare.json()["code"] == expected, (role, act, bare.text)
        if role in roles:
            assert signed(person, method, path, body).status_code not in {401, 403}, (role, act)


def test_a_role_at_a_site_sees_and_changes_that_site_only(
    people: PeopleAtTheDoor, placed: Callable[[str], str], new_name: Callable[[], str]
) -> None:
    north, south = new_name(), new_name()
    here, there = placed(north), placed(south)
    person = people.come("operator", sites=[north]).http
    assert [each["device_id"] for each in person.get("/v1/devices").json()["items"]] == [here]
    assert person.get(f"/v1/devices/{here}").status_code == 200
    hidden = person.get(f"/v1/devices/{there}")
    nothing = person.get("/v1/devices/never-was")
    assert (hidden.status_code, hidden.json()["code"]) == (404, "registry.device_not_found")
    assert hidden.json()["detail"].replace(there, "X") == nothing.json()["detail"].replace("never-was", "X")
    for method, path in (("PATCH", ""), ("DELETE", ""), ("POST", "/disable"), ("GET", "/twin"), ("POST", "/methods/x")):
        refused = person.request(method, f"/v1/devices/{there}{path}", json={"reason": "x"})
        assert refused.status_code == 404, (method, path, refused.text)
    assert person.post(f"/v1/devices/{here}/disable", json={"reason": "by hand"}).status_code == 200


def test_a_query_tells_of_the_places_of_a_role_only(
    people: PeopleAtTheDoor, placed: Callable[[str], str], api: httpx.Client, new_name: Callable[[], str]
) -> None:
    site = new_name()
    device = placed(site)
    placed(new_name())
    api.post(f"/v1/devices/{device}/modules", json={"module_id": "filter"}).raise_for_status()
    person = people.come("auditor", sites=[site]).http
    for query, key in (
        ("SELECT * FROM devices", "deviceId"),
        ("SELECT deviceId FROM devices WHERE status = 'enabled'", "deviceId"),
        ("SELECT * FROM devices.modules", "deviceId"),
    ):
        items = person.post("/v1/query", json={"query": query}).raise_for_status().json()["items"]
        assert [each[key] for each in items] == [device], query
    counted = person.post("/v1/query", json={"query": "SELECT COUNT() AS n FROM devices"}).raise_for_status().json()
    assert counted["items"] == [{"n": 1}]


def test_a_role_for_a_group_reaches_its_members_and_draws_nobody_in(
    people: PeopleAtTheDoor, placed: Callable[[str], str], api: httpx.Client, new_name: Callable[[], str]
) -> None:
    name = new_name()
    inside, outside = placed("anywhere"), placed("anywhere")
    group = api.post("/v1/groups", json={"name": name}).raise_for_status().json()["group_id"]
    api.post(f"/v1/groups/{name}/add", json={"device_ids": [inside]}).raise_for_status()
    person = people.come("deployer", groups=[name]).http
    assert [each["device_id"] for each in person.get("/v1/devices").json()["items"]] == [inside]
    assert person.get(f"/v1/devices/{outside}").status_code == 404
    assert [each["group_id"] for each in person.get("/v1/groups").json()["items"]] == [group]
    drawn = person.post(f"/v1/groups/{name}/add", json={"device_ids": [outside]})
    assert (drawn.status_code, drawn.json()["code"]) == (404, "registry.device_not_found")
    assert person.patch(f"/v1/groups/{name}", json={"name": "mine"}).status_code == 403
    grown = person.post("/v1/groups", json={"name": new_name(), "condition": "*"})
    assert grown.status_code == 403


def test_a_group_that_devices_report_themselves_into_limits_no_role(
    people: PeopleAtTheDoor, api: httpx.Client, new_name: Callable[[], str]
) -> None:
    name = new_name()
    condition = "properties.reported.team = 'red'"
    api.post("/v1/groups", json={"name": name, "condition": condition}).raise_for_status()
    refused = api.post("/v1/login-links", json={"role": "operator", "groups": [name]})
    assert (refused.status_code, refused.json()["code"]) == (422, "operators.invalid_grant")


def test_a_bulk_act_is_limited_to_the_places_of_the_role(
    people: PeopleAtTheDoor, placed: Callable[[str], str], api: httpx.Client, new_name: Callable[[], str]
) -> None:
    site = new_name()
    here, there = placed(site), placed(new_name())
    person = people.come("operator", sites=[site]).http
    body = {"device_ids": [here, there, "never-was"], "is_enabled": False, "reason": "a test"}
    planned = person.post("/v1/bulk/devices", json={**body, "dry_run": True}).raise_for_status().json()
    done = person.post("/v1/bulk/devices", json=body).raise_for_status().json()
    assert sorted(planned["unknown"]) == sorted(done["unknown"]) == sorted([there, "never-was"])
    assert api.get(f"/v1/devices/{here}").json()["is_enabled"] is False
    assert api.get(f"/v1/devices/{there}").json()["is_enabled"] is True
    only = person.post("/v1/bulk/devices", json={**body, "device_ids": [there]}).raise_for_status().json()
    assert only["unknown"] == [there]


def test_a_device_is_neither_made_nor_moved_where_a_role_does_not_hold(
    people: PeopleAtTheDoor, placed: Callable[[str], str], new_name: Callable[[], str]
) -> None:
    site = new_name()
    device = placed(site)
    person = people.come("deployer", sites=[site]).http
    assert person.post("/v1/devices", json={"device_id": new_name()}).status_code == 403
    assert person.post("/v1/devices", json={"device_id": new_name(), "site": "elsewhere"}).status_code == 403
    assert person.post("/v1/devices", json={"device_id": new_name(), "site": site}).status_code == 201
    assert person.patch(f"/v1/devices/{device}", json={"site": "elsewhere"}).status_code == 403
    assert person.patch(f"/v1/devices/{device}", json={"site": None}).status_code == 403
    assert person.patch(f"/v1/devices/{device}", json={"zone": "hall"}).status_code == 200


def test_what_belongs_to_the_whole_platform_is_not_for_a_role_at_a_site(
    people: PeopleAtTheDoor, new_name: Callable[[], str]
) -> None:
    person = people.come("admin", sites=[new_name()]).http
    for method, path in (
        ("GET", "/v1/ledger/entries"),
        ("GET", "/v1/people"),
        ("GET", "/v1/events"),
        ("POST", "/v1/enrollments"),
        ("POST", "/v1/login-links"),
        ("POST", "/v1/people/x/grants"),
    ):
        assert person.request(method, path, json={}).status_code == 403, path
    assert person.get("/v1/clone-alerts").json()["items"] == []
    assert person.get("/v1/decisions").json()["items"] == []
    assert person.get("/v1/telemetry").json()["items"] == []
    assert person.get("/v1/status").status_code == 200
    assert person.get("/status").status_code == 403


def test_a_refusal_is_on_record_once_a_minute(people: PeopleAtTheDoor, api: httpx.Client) -> None:
    person = people.come("auditor")
    for _ in range(5):
        assert person.http.post("/v1/groups", json={"name": "mine"}).status_code == 403
    who = person.who()["person_id"]
    entries = api.get("/v1/ledger/entries", params={"actor": who, "limit": 1000}).json()["items"]
    refused = [each for each in entries if each["action"] == "operators.refuse_act"]
    assert len(refused) == 1
    assert refused[0]["decision"] == "denied"
    assert refused[0]["details"]["operation"] == "POST /v1/groups"
    assert refused[0]["details"]["roles"] == ["auditor"]


def test_a_withdrawn_role_ends_at_the_next_request_and_its_kept_answers_too(
    people: PeopleAtTheDoor, api: httpx.Client, placed: Callable[[str], str]
) -> None:
    device = placed("anywhere")
    person = people.come("operator")
    key = {"Idempotency-Key": f"withdrawn-{device}"}
    path = f"/v1/devices/{device}/disable"
    assert person.http.post(path, json={"reason": "x"}, headers=key).status_code == 200
    who = person.who()["person_id"]
    (grant,) = api.get("/v1/grants", params={"person_id": who}).json()["items"]
    assert api.delete(f"/v1/grants/{grant['grant_id']}", params={"reason": "left"}).status_code == 204
    assert person.http.get(f"/v1/devices/{device}").status_code in {403, 404}
    assert person.http.post(path, json={"reason": "x"}, headers=key).status_code in {403, 404}
    assert person.http.get("/v1/rights").json()["holdings"] == []


def test_people_see_their_own_rights_sessions_and_passkeys_and_nobody_elses(people: PeopleAtTheDoor) -> None:
    one, other = people.come("developer"), people.come("developer")
    who, whom = one.who(), other.who()
    assert one.http.get("/v1/grants", params={"person_id": who["person_id"]}).json()["items"][0]["role"] == "developer"
    for path in (f"/v1/grants?person_id={whom['person_id']}", "/v1/grants", f"/v1/people/{whom['person_id']}"):
        assert one.http.get(path).status_code == 403, path
    sessions = one.http.get("/v1/sessions", params={"person_id": whom["person_id"]}).json()["items"]
    assert {each["person_id"] for each in sessions} == {who["person_id"]}
    passkeys = one.http.get("/v1/passkeys").json()["items"]
    assert {each["person_id"] for each in passkeys} == {who["person_id"]}
    theirs = other.http.get("/v1/passkeys").json()["items"][0]["passkey_id"]
    assert one.http.delete(f"/v1/passkeys/{theirs}", params={"reason": "x"}).status_code == 403
    assert one.http.delete(f"/v1/sessions/{whom['session_id']}").status_code == 403
    assert other.who()["person_id"] == whom["person_id"]


def test_a_signature_counts_for_the_very_act_it_was_made_for(
    people: PeopleAtTheDoor, api: httpx.Client, new_name: Callable[[], str]
) -> None:
    admin = people.come("admin")
    path, name = "/v1/service-policies", new_name()
    content = json.dumps({"name": name, "rights": ["registry_read"]}).encode()
    header = assertion_header(admin, "POST", path, content)
    kind = {"Content-Type": "application/json"}
    for other_path, other in (
        (path, content.replace(b"read", b"write")),
        (f"{path}/{name}/rotate", content),
        (f"{path}?reason=x", content),
    ):
        refused = admin.http.post(other_path, content=other, headers=header | kind)
        assert (refused.status_code, refused.json()["code"]) == (403, "operators.confirmation_failed"), other_path
    assert admin.http.post(path, content=content, headers=header | kind).status_code == 201
    again = admin.http.post(path, content=content, headers=header | kind)
    assert (again.status_code, again.json()["code"]) == (403, "operators.confirmation_failed")
    entries = api.get("/v1/ledger/entries", params={"actor": admin.who()["person_id"], "limit": 1000}).json()["items"]
    (proof,) = [each for each in entries if each["action"] == "operators.sign_act"]
    assert f'"path":"{path}"' in proof["details"]["act"]
    assert proof["details"]["signature"]


def test_another_persons_signature_and_another_sessions_do_not_count(people: PeopleAtTheDoor) -> None:
    one, other = people.come("admin"), people.come("admin")
    path, content = "/v1/service-policies", b'{"name": "reader", "rights": ["registry_read"]}'
    header = assertion_header(other, "POST", path, content) | {"Content-Type": "application/json"}
    refused = one.http.post(path, content=content, headers=header)
    assert (refused.status_code, refused.json()["code"]) == (403, "operators.confirmation_failed")
    header = assertion_header(one, "POST", path, content) | {"Content-Type": "application/json"}
    assert one.log_in().status_code == 200
    assert one.http.post(path, content=content, headers=header).status_code == 403


@pytest.mark.parametrize("header", ["x", "e30", "é", "A" * 20_000, "eyJub25jZSI6IiIsImNyZWRlbnRpYWwiOnt9fQ"])
def test_what_is_no_signature_confirms_nothing(people: PeopleAtTheDoor, header: str) -> None:
    admin = people.come("admin")
    headers = {b"vedette-act-assertion": header.encode()}
    refused = admin.http.post("/v1/service-policies", json={"name": "x"}, headers=headers)
    assert refused.status_code == 403, refused.text
    assert refused.json()["code"] == "operators.confirmation_failed"


def test_an_eligible_role_counts_while_its_holder_is_elevated(people: PeopleAtTheDoor, api: httpx.Client) -> None:
    person = people.come("auditor")
    who = person.who()["person_id"]
    grant = {"role": "operator", "mode": "eligible", "reason": "on call"}
    given = api.post(f"/v1/people/{who}/grants", json=grant).raise_for_status().json()
    assert person.http.post("/v1/groups", json={"name": ""}).status_code == 403
    asked = {"grant_id": given["grant_id"], "minutes": 30, "reason": "pump 7 is loud"}
    begun = person.http.post("/v1/elevations", json=asked)
    assert begun.status_code == 201, begun.text
    assert person.http.post("/v1/groups", json={"name": ""}).status_code == 422
    assert person.http.get("/v1/elevations", params={"person_id": who}).json()["items"][0]["is_active"] is True
    assert person.http.delete(f"/v1/elevations/{begun.json()['elevation_id']}").status_code == 204
    assert person.http.post("/v1/groups", json={"name": ""}).status_code == 403
    other = people.come("auditor").http.post("/v1/elevations", json=asked)
    assert (other.status_code, other.json()["code"]) == (403, "operators.not_eligible")


def test_nobody_gives_themselves_a_role(people: PeopleAtTheDoor) -> None:
    for role in ROLES[1:]:
        person = people.come(role)
        who = person.who()["person_id"]
        assert person.http.post(f"/v1/people/{who}/grants", json={"role": "admin"}).status_code == 403


def test_roles_tell_what_they_give(api: httpx.Client) -> None:
    listed = api.get("/v1/roles").json()
    given = {each["role"]: set(each["actions"]) for each in listed["items"]}
    assert set(given) == set(ROLES)
    assert "managePeople" in given["admin"]
    assert given["auditor"] == {
        "own", "readStatus", "read", "readBulk", "readTelemetry", "askDecision", "audit", "review", "elevate",
        "ownCredentials",
    }  # fmt: skip
    assert given["manufacturer"] == {"own", "readStatus", "handOver", "elevate", "ownCredentials"}


def test_the_hosts_token_keeps_all_rights_without_a_confirmation(api: httpx.Client, device: str) -> None:
    rights = api.get("/v1/rights").json()
    assert (rights["is_step_up_needed"], rights["is_signature_needed"]) == (False, False)
    assert rights["holdings"] == [{"role": "admin", "sites": [], "groups": []}]
    body = {"device_ids": [device], "is_enabled": True}
    assert api.post("/v1/bulk/devices", json=body).status_code == 200


def test_a_path_that_is_no_operations_reaches_no_device(
    people: PeopleAtTheDoor, api: httpx.Client, placed: Callable[[str], str]
) -> None:
    device = placed("anywhere")
    for person in (people.come("auditor").http, api):
        for name in ("a%0Ab", "%0A", "a%0D%0Ab"):
            answer = person.post(f"/v1/devices/{device}/methods/{name}", json={})
            assert answer.status_code in {401, 403, 404, 422}, (name, answer.text)
            assert answer.json()["code"] != "messaging.device_not_online", name
