from __future__ import annotations

from typing import Any

import httpx
import pytest


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
    acts = api.get("/v1/ledger/entries", params={"target": generation_id}).json()["items"]
    actions = [each["action"] for each in acts]
    assert actions[-2:] == ["messaging.invoke_method", "messaging.finish_method"]
    assert acts[-2]["details"]["method"] == "reboot"
    assert "hunter2" not in str(acts)
