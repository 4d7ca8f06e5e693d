from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from waiting import until


def test_a_device_that_is_not_there_is_told_apart_from_an_unknown_one(api: httpx.Client, device: str) -> None:
    absent = api.post(f"/v1/devices/{device}/methods/reboot", json={"payload": None})
    assert (absent.status_code, absent.json()["code"]) == (404, "messaging.device_not_online")
    assert "not connected" in absent.json()["detail"]
    unknown = api.post("/v1/devices/nobody/methods/reboot", json={})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "registry.device_not_found")
    no_module = api.post(f"/v1/devices/{device}/modules/x/methods/reboot", json={})
    assert (no_module.status_code, no_module.json()["code"]) == (404, "registry.module_not_found")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param({"response_timeout_s": 4}, 422, id="too short"),
        pytest.param({"response_timeout_s": 301}, 422, id="too long"),
        pytest.param({"connect_timeout_s": 301}, 422, id="connect too long"),
        pytest.param({"connect_timeout_s": -1}, 422, id="connect negative"),
        pytest.param({"payload": "x" * 131_072}, 413, id="payload too large"),
        pytest.param({"unknown": 1}, 422, id="unknown member"),
    ],
)
def test_limits_are_those_of_the_hub(api: httpx.Client, device: str, body: dict[str, Any], status: int) -> None:
    assert api.post(f"/v1/devices/{device}/methods/reboot", json=body).status_code == status


@pytest.mark.parametrize("name", ["a%2Fb", "a%23", "%00", "x" * 101])
def test_what_cannot_name_a_method_is_refused(api: httpx.Client, device: str, name: str) -> None:
    assert api.post(f"/v1/devices/{device}/methods/{name}", json={}).status_code in {404, 422}


def test_a_call_is_on_record_whatever_becomes_of_it(api: httpx.Client, device: str) -> None:
    api.post(f"/v1/devices/{device}/methods/reboot", json={"payload": "hunter2"})
    generation_id = api.get(f"/v1/devices/{device}").json()["generation_id"]

    def acts_on_record() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = api.get("/v1/ledger/entries", params={"target": generation_id}).json()["items"]
        return found

    # The outcome comes a moment later.
    asyncio.run(until(lambda: acts_on_record()[-1]["action"] == "messaging.finish_method"))
    acts = acts_on_record()
    assert acts[-2]["action"] == "messaging.invoke_method"
    assert acts[-2]["details"]["method"] == "reboot"
    assert "hunter2" not in str(acts)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("{}", id="nothing"),
        pytest.param('{"payload": {"n": 1e2}, "response_timeout_s": 5}', id="usual"),
        pytest.param('{"payload": 1, "payload": 2}', id="twice"),
        pytest.param('{"response_timeout_s": "30"}', id="number as text"),
        pytest.param('{"response_timeout_s": 5.0}', id="number with a point"),
        pytest.param('{"response_timeout_s": 5.5}', id="part of a second"),
        pytest.param('{"response_timeout_s": true}', id="no number"),
        pytest.param('{"response_timeout_s": null}', id="null"),
        pytest.param('{"connect_timeout_s": 301}', id="over the limit"),
        pytest.param('{"Payload": 1}', id="unknown member"),
        pytest.param("[]", id="no object"),
        pytest.param("", id="empty"),
        pytest.param('{"payload": 1', id="broken off"),
    ],
)
@pytest.mark.parametrize("name", ["reboot", "a%23b", "x" * 101, "%20"])
def test_the_short_way_and_the_long_way_answer_alike(api: httpx.Client, device: str, name: str, body: str) -> None:
    path = f"/v1/devices/{device}/methods/{name}"
    short = api.post(path, content=body, headers={"Content-Type": "application/json"})
    long = api.post(path, content=body, headers={"Content-Type": "application/json ; a=b"})
    assert (short.status_code, json.loads(short.content)) == (long.status_code, json.loads(long.content))
    assert short.headers["content-type"] == long.headers["content-type"]
    assert short.headers["cache-control"] == "no-store"


def test_the_short_way_asks_who_calls(anonymous: httpx.Client, device: str) -> None:
    assert anonymous.post(f"/v1/devices/{device}/methods/reboot", json={}).status_code == 401
