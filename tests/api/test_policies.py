"""The life of policies and the answer to "why", through the API of a real platform."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

SOUTH = """
@id("the-south-is-closed-{number}")
@owner("plant security")
@why("The southern site is under investigation.")
@guidance("Ask plant security.")
forbid (principal, action, resource is Hub)
when {{ principal has site && principal.site == "south-{number}" }};
"""
UNKNOWN = "0" * 64


def stable(api: httpx.Client) -> dict[str, Any]:
    content: dict[str, Any] = api.get("/v1/policies/stable").raise_for_status().json()["content"]
    return content


def store(api: httpx.Client, number: int) -> dict[str, Any]:
    content = stable(api)
    new = content | {"policies": content["policies"] + SOUTH.format(number=number), "name": f"south {number}"}
    answer = api.post("/v1/policies", json=new)
    assert answer.status_code == 201, answer.text
    stored: dict[str, Any] = answer.json()
    return stored


def simulate(api: httpx.Client, reference: object) -> dict[str, Any]:
    begun = api.post(f"/v1/policies/{reference}/simulate", json={"days": 1})
    assert begun.status_code == 202, begun.text
    end = time.monotonic() + 240
    while time.monotonic() < end:
        found: dict[str, Any] = api.get(f"/v1/policy-simulations/{begun.json()['simulation_id']}").json()
        if found["state"] != "running":
            return found
        time.sleep(0.2)
    raise AssertionError("the simulation does not end")


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/policies"),
        ("POST", "/v1/policies"),
        ("POST", "/v1/policy-check"),
        ("POST", "/v1/policy-difference"),
        ("GET", "/v1/policy-form"),
        ("POST", "/v1/policy-form"),
        ("GET", "/v1/policies/stable"),
        ("DELETE", "/v1/policies/2"),
        ("GET", "/v1/policies/stable/difference"),
        ("GET", "/v1/policies/stable/standing"),
        ("POST", "/v1/policies/2/simulate"),
        ("POST", "/v1/policies/2/approve"),
        ("POST", "/v1/policies/2/shadow"),
        ("POST", "/v1/policies/2/canary"),
        ("POST", "/v1/policies/2/promote"),
        ("GET", "/v1/policy-staging"),
        ("POST", "/v1/policy-staging/withdraw"),
        ("POST", "/v1/policy-staging/rollback"),
        ("GET", "/v1/policy-simulations"),
        ("GET", "/v1/policy-simulations/sim_0"),
        ("POST", "/v1/policy-simulations/sim_0/cancel"),
        ("GET", "/v1/devices/pump-7/access"),
        ("GET", "/v1/devices/pump-7/modules/filter/access"),
    ],
)
def test_strangers_are_told_nothing(anonymous: httpx.Client, method: str, path: str) -> None:
    assert anonymous.request(method, path).status_code == 401


def test_a_bundle_is_stored_listed_compared_and_discarded(api: httpx.Client) -> None:
    stored = store(api, 1)
    assert stored["stage"] == "draft"
    assert store(api, 1)["sha256"] == stored["sha256"]
    number = stored["number"]
    assert api.get("/v1/policies").json()["items"][0]["number"] == number
    page = api.get("/v1/policies", params={"limit": 1}).json()
    following = api.get("/v1/policies", params={"limit": 1, "after": page["next"]}).json()
    assert following["items"][0]["number"] < number
    assert api.get(f"/v1/policies/{stored['sha256'][:10]}").json()["number"] == number
    (change,) = api.get(f"/v1/policies/{number}/difference").json()["changes"]
    assert (change["policy"], change["change"], change["may_widen"]) == ("the-south-is-closed-1", "added", False)
    assert api.delete(f"/v1/policies/{number}", params={"reason": "a test"}).status_code == 204
    assert refusal(api.get(f"/v1/policies/{number}")) == (404, "access.policy_bundle_not_found")
    assert refusal(api.delete("/v1/policies/stable")) == (409, "access.policy_bundle_in_use")


def test_flaws_are_told_with_their_place(api: httpx.Client) -> None:
    content = stable(api)
    good = api.post("/v1/policy-check", json=content).json()
    assert good["is_good"]
    assert all(case["has_passed"] for case in good["cases"])
    broken = content | {"policies": content["policies"] + "\npermit (principal, action, resource);"}
    found = api.post("/v1/policy-check", json=broken).json()
    assert not found["is_good"]
    last = content["policies"].count("\n") + 2
    assert last in {flaw["line"] for flaw in found["flaws"] if flaw["is_error"]}
    assert refusal(api.post("/v1/policies", json=broken)) == (422, "access.policy_bundle_flawed")
    cases = content | {"cases": "[[case]]\nname = 1"}
    assert not api.post("/v1/policy-check", json=cases).json()["is_good"]
    sites = content | {"sites": {"north": {"networks": ["10.0.0.1/8"]}}}
    assert not api.post("/v1/policy-check", json=sites).json()["is_good"]
    assert api.post("/v1/policy-check", json={"policies": "", "policy": ""}).status_code == 422


def test_files_are_compared_without_being_stored(api: httpx.Client) -> None:
    content = stable(api)
    laxer = content | {"policies": content["policies"].replace('riskLevel == "high"', 'riskLevel == "highest"')}
    found = api.post("/v1/policy-difference", json=laxer).json()
    assert found["may_widen"]
    assert "high-risk" in found["reasons"][0]
    assert refusal(api.post("/v1/policy-difference", json=content | {"policies": "permit ("})) == (
        422,
        "trust.bad_policy_bundle",
    )


def test_a_form_becomes_a_policy_and_comes_back(api: httpx.Client) -> None:
    form = {
        "policy_id": "pumps-by-day",
        "effect": "forbid",
        "selectors": [{"kind": "tag", "value": "kind=pump"}],
        "actions": ["connect"],
        "conditions": [{"kind": "hours", "value": "06:00-22:00"}],
        "owner": "me",
        "why": "they sleep at night",
        "guidance": "wait",
    }
    written = api.post("/v1/policy-form", json={"form": form}).json()
    assert "localMinute" in written["text"]
    back = api.post("/v1/policy-form", json={"text": written["text"]}).json()
    assert {name: back["form"][name] for name in form} == form
    content = stable(api)
    both = content | {"policies": content["policies"] + written["text"]}
    assert api.post("/v1/policy-check", json=both).json()["is_good"]
    text = "permit (principal, action, resource) when { principal.isEnabled || principal.isBlocked };"
    assert refusal(api.post("/v1/policy-form", json={"text": text})) == (422, "access.not_a_form")
    assert api.post("/v1/policy-form", json={}).status_code == 422


def test_what_a_form_can_say_is_listed(api: httpx.Client) -> None:
    found = api.get("/v1/policy-form").json()
    assert {"group", "site", "tag"} <= {each["kind"] for each in found["selectors"]}
    assert len({each["kind"] for each in found["conditions"]}) == len(found["conditions"])
    assert "sendTelemetry" in found["actions"]


def test_nothing_decides_unseen_and_a_rollback_asks_for_nothing(api: httpx.Client, new_name: Any) -> None:
    stored = store(api, 2)
    number = stored["number"]
    assert refusal(api.post(f"/v1/policies/{number}/promote", json={})) == (409, "access.simulation_missing")
    assert "simulate" in api.get(f"/v1/policies/{number}/standing").json()["missing"][0]
    found = simulate(api, number)
    assert found["state"] == "done", found
    assert found["summary"].startswith("Would change 0 of")
    assert api.get("/v1/policy-simulations").json()["items"][0]["simulation_id"] == found["simulation_id"]
    shadow = api.post(f"/v1/policies/{number}/shadow", json={"reason": "a look"}).json()
    assert shadow["shadow"] == stored["sha256"]
    assert refusal(api.post(f"/v1/policies/{number}/canary", json={"group": "nobody"}))[0] == 404
    group = new_name()
    api.post("/v1/groups", json={"name": group}).raise_for_status()
    canary = api.post(f"/v1/policies/{number}/canary", json={"group": group, "reason": "a try"}).json()
    assert (canary["canary"], canary["shadow"]) == (stored["sha256"], None)
    withdrawn = api.post("/v1/policy-staging/withdraw", json={"reason": "enough"}).json()
    assert withdrawn["canary"] is None
    assert refusal(api.post("/v1/policy-staging/withdraw", json={})) == (409, "access.stage_refused")
    promoted = api.post(f"/v1/policies/{number}/promote", json={"reason": "done", "denied_share": 0.5}).json()
    assert promoted["stable"] == stored["sha256"]
    assert api.get("/v1/policy-staging").json()["manifest_sha256"] == promoted["manifest_sha256"]
    assert refusal(api.post(f"/v1/policies/{number}/promote", json={})) == (409, "access.stage_refused")
    back = api.post("/v1/policy-staging/rollback", json={"reason": "a test"}).json()
    assert back["stable"] == promoted["former"]
    assert refusal(api.post("/v1/policy-staging/rollback", json={})) == (409, "access.stage_refused")
    assert refusal(api.post(f"/v1/policies/{number}/approve", json={})) == (422, "api.invalid_request")


@pytest.mark.parametrize("reference", ["0", "zz", UNKNOWN[:7], "Stable", "99999999"])
def test_what_cannot_be_a_reference_is_refused(api: httpx.Client, reference: str) -> None:
    assert api.get(f"/v1/policies/{reference}").status_code in {404, 422}


def test_unknown_bundles_and_simulations_are_not_found(api: httpx.Client) -> None:
    assert refusal(api.get(f"/v1/policies/{UNKNOWN}")) == (404, "access.policy_bundle_not_found")
    assert refusal(api.get("/v1/policies/canary")) == (404, "access.policy_bundle_not_found")
    assert refusal(api.get("/v1/policy-simulations/sim_0")) == (404, "access.simulation_not_found")
    assert refusal(api.post("/v1/policy-simulations/sim_0/cancel")) == (404, "access.simulation_not_found")


def test_each_action_is_explained_with_its_policies(api: httpx.Client, new_name: Any) -> None:
    name = new_name()
    thumbprint = f"{abs(hash(name)):064x}"[-64:]
    authentication = {"type": "self_signed", "primary_thumbprint": thumbprint}
    api.post("/v1/devices", json={"device_id": name, "authentication": authentication}).raise_for_status()
    found = api.get(f"/v1/devices/{name}/access").json()
    actions = {each["action"]: each for each in found["actions"]}
    assert found["is_assumed"]
    assert actions["connect"]["is_permitted"]
    assert actions["connect"]["policies"][0]["policy"] == "active-identities-take-part"
    assert actions["connect"]["policies"][0]["why"]
    (only,) = api.get(f"/v1/devices/{name}/access", params={"action": "readTwin"}).json()["actions"]
    assert only["action"] == "readTwin"

    api.post(f"/v1/devices/{name}/disable", json={"reason": "lost"}).raise_for_status()
    found = api.get(f"/v1/devices/{name}/access").json()
    assert {each["reason"] for each in found["actions"]} == {"disabled"}
    assert any("device enable" in step for step in found["next_steps"])
    assert found["last_change"]["sequence"] == found["sequence"]


def test_signals_and_quarantine_are_part_of_the_answer(api: httpx.Client, new_name: Any) -> None:
    name = new_name()
    authentication = {"type": "self_signed", "primary_thumbprint": f"{abs(hash(name)) + 1:064x}"[-64:]}
    api.post("/v1/devices", json={"device_id": name, "authentication": authentication}).raise_for_status()
    signal = {"signal_class": "tamper", "level": "high", "source": "edr-1"}
    api.post(f"/v1/devices/{name}/signals", json=signal).raise_for_status()
    found = api.get(f"/v1/devices/{name}/access").json()
    assert found["risk_level"] == "high"
    assert found["signals"][0]["source"] == "edr-1"
    denied = {each["action"]: each["policies"] for each in found["actions"] if not each["is_permitted"]}
    assert denied["sendTelemetry"][0]["policy"] == "high-risk-is-a-limited-zone"
    assert found["next_steps"]


def test_who_is_not_there_is_not_explained(api: httpx.Client) -> None:
    assert refusal(api.get("/v1/devices/nobody-here/access")) == (404, "registry.device_not_found")
    assert api.get("/v1/devices/nobody-here/modules/filter/access").status_code == 404
    assert api.get("/v1/devices/nobody-here/access", params={"action": "fly"}).status_code == 422


def test_decisions_are_searched(api: httpx.Client) -> None:
    wanted = {"policy": "x", "bundle": "0" * 8, "action": "connect", "effect": "deny", "shadow": "true"}
    times = {"since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z"}
    assert api.get("/v1/decisions", params=wanted | times).json()["items"] == []
    assert api.get("/v1/decisions", params={"since": "yesterday"}).status_code == 422
    assert api.get("/v1/decisions", params={"bundle": "x"}).status_code == 422


def test_a_decision_that_is_not_there_is_not_found(api: httpx.Client) -> None:
    assert refusal(api.get("/v1/decisions/9007199254740991.0")) == (404, "messaging.decision_not_found")
    assert refusal(api.get("/v1/decisions/0")) == (404, "messaging.decision_not_found")
    assert api.get("/v1/decisions/first").status_code == 422
