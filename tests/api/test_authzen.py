"""The decision point for other systems: what OpenID AuthZEN asks, against a real platform."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from running_platform import RunningPlatform, wait_for

from vedette.api import build_openapi
from vedette.api.operation_actions import OUTSIDE_OPERATIONS
from vedette.simulation import make_request

EVALUATION = "/access/v1/evaluation"
EVALUATIONS = "/access/v1/evaluations"
CONTEXT = {"address": "192.0.2.7", "tlsVersion": "TLSv1.3", "cipher": "TLS_AES_128_GCM_SHA256", "protocol": "mqtt"}
CONTEXT |= {"keyAlgorithm": "EC", "keyBits": 256}  # type: ignore[dict-item]
HUB = {"type": "hub", "id": "hub"}


@pytest.fixture
def gateway(platform: RunningPlatform, api: httpx.Client, new_name: Callable[[], str]) -> Iterator[httpx.Client]:
    """Connect as another system's gateway does: by a service token that may read."""
    body = {"name": f"kong-{new_name()}", "roles": ["operator"]}
    made = api.post("/v1/service-tokens", json=body).raise_for_status().json()
    with httpx.Client(
        base_url=platform.url, headers={"Authorization": f"Bearer {made['secret']}"}, timeout=60
    ) as client:
        yield client


@pytest.fixture
def pump(api: httpx.Client, device: str) -> str:
    """Give a device a certificate to come by."""
    csr = base64.b64encode(make_request(device)[1]).decode()
    answer = api.post(f"/v1/devices/{device}/certificates", json={"csr": csr})
    assert answer.status_code == 201, answer.text
    return device


def about(device: str, action: str = "sendTelemetry", **members: Any) -> dict[str, Any]:
    return {
        "subject": {"type": "device", "id": device},
        "action": {"name": action},
        "resource": HUB,
        "context": CONTEXT,
        **members,
    }


def test_every_operation_of_other_systems_has_an_action() -> None:
    paths = build_openapi()["paths"]
    assert all(name.split()[1] not in paths for name in OUTSIDE_OPERATIONS)


def test_a_device_in_good_standing_is_permitted_and_a_disabled_one_is_not(
    gateway: httpx.Client, api: httpx.Client, pump: str
) -> None:
    first = gateway.post(EVALUATION, json=about(pump))
    assert (first.status_code, first.json()["decision"]) == (200, True), first.text
    api.post(f"/v1/devices/{pump}/disable", json={"reason": "test"}).raise_for_status()
    second = gateway.post(EVALUATION, json=about(pump)).json()
    assert second["decision"] is False
    assert second["context"]["reason"] == "disabled"


@pytest.mark.parametrize("missing", ["address", "tlsVersion", "cipher", "protocol"])
def test_missing_context_denies(gateway: httpx.Client, pump: str, missing: str) -> None:
    context = {name: value for name, value in CONTEXT.items() if name != missing}
    answer = gateway.post(EVALUATION, json=about(pump, context=context)).json()
    assert answer["decision"] is False
    assert answer["context"]["reason"] == "missing_context"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"subject": {"type": "device", "id": "nobody"}}, "unknown_subject"),
        ({"subject": {"type": "user", "id": "alice"}}, "unknown_subject"),
        ({"subject": {"type": "device", "id": "../\u0001"}}, "unknown_subject"),
        ({"action": {"name": "fly"}}, "unknown_action"),
        ({"resource": {"type": "record", "id": "record-1"}}, "unknown_resource"),
        ({"resource": {"type": "device", "id": "another"}}, "unknown_resource"),
        ({"context": {**CONTEXT, "address": "nowhere"}}, "invalid_context"),
        ({"context": {**CONTEXT, "tlsVersion": "SSLv3"}}, "invalid_context"),
        ({"context": {**CONTEXT, "certificateSha256": "00" * 32}}, "certificate_not_permitted"),
    ],
)
def test_the_unknown_is_refused_with_its_reason(
    gateway: httpx.Client, pump: str, change: dict[str, Any], reason: str
) -> None:
    answer = gateway.post(EVALUATION, json=about(pump) | change)
    assert answer.status_code == 200
    assert answer.json()["decision"] is False
    assert answer.json()["context"]["reason"] == reason


@pytest.mark.parametrize("name", ["subject", "action", "resource"])
def test_a_missing_member_is_a_bad_request(gateway: httpx.Client, name: str) -> None:
    body = about("pump-1")
    del body[name]
    assert gateway.post(EVALUATION, json=body).status_code == 400


@pytest.mark.parametrize(
    "change",
    [
        {"subject": {"id": "a"}},
        {"subject": {"type": "device"}},
        {"subject": "a"},
        {"action": {}},
        {"action": {"name": 123}},
        {"resource": {"id": "hub"}},
        {"resource": {"type": "hub"}},
        {"context": "x"},
        {"subject": {"type": "device", "id": "x" * 600}},
    ],
)
def test_a_member_of_another_type_is_a_bad_request(gateway: httpx.Client, change: dict[str, Any]) -> None:
    assert gateway.post(EVALUATION, json=about("pump-1") | change).status_code == 400


@pytest.mark.parametrize(
    ("body", "media_type"),
    [(b"{}", "text/plain"), (b"{", "application/json"), (b"", "application/json"), (b"[" * 9000, "application/json")],
)
def test_a_body_that_is_no_json_is_a_bad_request(gateway: httpx.Client, body: bytes, media_type: str) -> None:
    answer = gateway.post(EVALUATION, content=body, headers={"Content-Type": media_type, "X-Request-ID": "r-7"})
    assert answer.status_code == 400
    assert answer.headers["x-request-id"] == "r-7"


def test_the_request_id_comes_back_and_strangers_are_told_nothing(
    anonymous: httpx.Client, gateway: httpx.Client
) -> None:
    refused = anonymous.post(EVALUATION, json=about("pump-1"), headers={"X-Request-ID": "abc"})
    assert (refused.status_code, refused.headers["x-request-id"]) == (401, "abc")
    assert "x-request-id" not in gateway.post(EVALUATION, json=about("pump-1")).headers


def test_members_that_nobody_knows_are_passed_over(gateway: httpx.Client, pump: str) -> None:
    body = about(pump, foo="bar", future={"nested": True})
    body["subject"]["properties"] = {"department": "Sales"}
    assert gateway.post(EVALUATION, json=body).json()["decision"] is True


def test_several_evaluations_share_their_defaults(gateway: httpx.Client, pump: str) -> None:
    body = {
        "subject": {"type": "device", "id": pump},
        "resource": HUB,
        "context": CONTEXT,
        "evaluations": [
            {"action": {"name": "connect"}},
            {"action": {"name": "fly"}, "resource": HUB},
            {},
            # What an evaluation says itself replaces the default as a whole.
            {"action": {"name": "connect"}, "resource": {"id": "hub"}},
            {"action": {"name": "connect"}, "subject": None},
        ],
    }
    answers = gateway.post(EVALUATIONS, json=body).json()["evaluations"]
    assert [each["decision"] for each in answers] == [True, False, False, False, False]
    assert [each["context"]["error"]["status"] for each in answers[2:]] == [400, 400, 400]


@pytest.mark.parametrize(
    ("semantic", "expected"),
    [
        ("execute_all", [True, False, True]),
        ("deny_on_first_deny", [True, False]),
        ("permit_on_first_permit", [True]),
    ],
)
def test_evaluations_stop_where_they_are_told_to(
    gateway: httpx.Client, pump: str, semantic: str, expected: list[bool]
) -> None:
    names = ("connect", "fly", "readTwin")
    body = about(pump, evaluations=[{"action": {"name": name}} for name in names])
    body["options"] = {"evaluations_semantic": semantic}
    answers = gateway.post(EVALUATIONS, json=body).json()["evaluations"]
    assert [each["decision"] for each in answers] == expected
    body["options"] = {"evaluations_semantic": "guess"}
    assert gateway.post(EVALUATIONS, json=body).status_code == 400


@pytest.mark.parametrize("members", [{}, {"evaluations": []}])
def test_without_a_list_it_is_one_evaluation(gateway: httpx.Client, pump: str, members: dict[str, Any]) -> None:
    assert gateway.post(EVALUATIONS, json=about(pump, **members)).json()["decision"] is True


def test_too_many_evaluations_are_refused(gateway: httpx.Client) -> None:
    assert gateway.post(EVALUATIONS, json=about("a", evaluations=[{}] * 257)).status_code == 400


def test_searches_find_subjects_resources_and_actions(gateway: httpx.Client, pump: str) -> None:
    body = about(pump, subject={"type": "device"})
    found: list[dict[str, str]] = []
    token = ""
    while True:
        answer = gateway.post("/access/v1/search/subject", json={**body, "page": {"token": token}}).json()
        found += answer["results"]
        token = answer["page"]["next_token"]
        if not token:
            break
    assert {"type": "device", "id": pump} in found
    actions = gateway.post("/access/v1/search/action", json=about(pump)).json()["results"]
    assert {"name": "sendTelemetry"} in actions
    resources = gateway.post("/access/v1/search/resource", json=about(pump, resource={"type": "hub"})).json()
    assert resources["results"] == [HUB]


def test_a_search_gives_no_more_than_it_was_asked_for(gateway: httpx.Client, pump: str) -> None:
    body = about(pump, subject={"type": "device"})
    whole: list[str] = []
    token = ""
    while True:
        answer = gateway.post("/access/v1/search/subject", json={**body, "page": {"token": token, "limit": 2}}).json()
        assert answer["page"]["count"] == len(answer["results"]) <= 2
        whole += [each["id"] for each in answer["results"]]
        token = answer["page"]["next_token"]
        if not token:
            break
    assert pump in whole
    assert len(whole) == len(set(whole))
    names: list[str] = []
    while True:
        page = {"limit": 3, "token": token}
        answer = gateway.post("/access/v1/search/action", json={**about(pump), "page": page}).json()
        names += [each["name"] for each in answer["results"]]
        token = answer["page"]["next_token"]
        if not token:
            break
    assert "sendTelemetry" in names
    assert len(names) == len(set(names)) > 3


@pytest.mark.parametrize("page", [{"token": "guess"}, {"token": 7}, {"limit": -1}, {"limit": "2"}, {"limit": True}, []])
def test_a_page_that_is_none_is_a_bad_request(gateway: httpx.Client, page: object) -> None:
    body = about("pump-1", subject={"type": "device"}, page=page)
    assert gateway.post("/access/v1/search/subject", json=body).status_code == 400


def test_a_token_leads_on_in_its_own_search_alone(gateway: httpx.Client, pump: str) -> None:
    body = {**about(pump), "page": {"limit": 1}}
    token = gateway.post("/access/v1/search/action", json=body).json()["page"]["next_token"]
    assert token
    body["page"] = {"token": token}
    assert gateway.post("/access/v1/search/action", json=body).status_code == 200
    assert gateway.post("/access/v1/search/action", json={**body, "context": {}}).status_code == 400


def test_a_person_is_answered_for_by_the_policies_about_people(api: httpx.Client) -> None:
    body = {
        "subject": {"type": "service", "id": "stk_nobody"},
        "action": {"name": "read"},
        "resource": {"type": "platform", "id": "platform"},
        "context": {"address": "192.0.2.1"},
    }
    assert api.post(EVALUATION, json=body).json()["context"]["reason"] == "unknown_subject"
    made = api.post("/v1/service-tokens", json={"name": "asked-about", "roles": ["analyst"]}).json()
    body["subject"]["id"] = made["service_token"]["token_id"]
    assert api.post(EVALUATION, json=body).json()["decision"] is True
    body["action"] = {"name": "manageKeys"}
    assert api.post(EVALUATION, json=body).json()["decision"] is False
    body["context"] = {}
    assert api.post(EVALUATION, json=body).json()["context"]["reason"] == "missing_context"


def test_a_token_for_one_site_is_told_of_no_other_device(
    platform: RunningPlatform, api: httpx.Client, pump: str
) -> None:
    body = {"name": f"scoped-{pump}", "roles": ["operator"], "sites": ["nowhere"]}
    token = api.post("/v1/service-tokens", json=body).raise_for_status().json()["secret"]
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx.post(platform.url + EVALUATION, json=about(pump), headers=headers, timeout=60).json()
    assert answer["context"]["reason"] == "unknown_subject"


def test_metadata_names_the_endpoints(anonymous: httpx.Client, platform: RunningPlatform) -> None:
    found = anonymous.get("/.well-known/authzen-configuration").json()
    assert found["policy_decision_point"] == platform.url
    assert found["access_evaluation_endpoint"] == platform.url + EVALUATION


def test_answers_stand_in_the_decision_log_and_are_never_told_from_memory(
    gateway: httpx.Client, api: httpx.Client, pump: str
) -> None:
    headers = {"Idempotency-Key": f"key-{pump}"}
    assert gateway.post(EVALUATION, json=about(pump), headers=headers, timeout=60).json()["decision"] is True
    api.post(f"/v1/devices/{pump}/disable", json={"reason": "test"}).raise_for_status()
    assert gateway.post(EVALUATION, json=about(pump), headers=headers, timeout=60).json()["decision"] is False

    def on_record() -> list[str]:
        items = api.get("/v1/decisions", params={"device_id": pump, "kind": "outside"}).json()["items"]
        return [each["reason"] for each in items]

    wait_for(lambda: len(on_record()) == 2, "both answers are on record")
    assert on_record() == ["disabled", "permitted"]
