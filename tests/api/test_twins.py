from __future__ import annotations

from typing import Any

import httpx
import pytest

MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}


def test_the_twin_of_a_new_device_is_empty_at_version_1(api: httpx.Client, device: str) -> None:
    answer = api.get(f"/v1/devices/{device}/twin")
    twin = answer.json()
    assert (twin["device_id"], twin["module_id"]) == (device, None)
    assert (twin["tags"], twin["desired"], twin["reported"]) == ({}, {}, {})
    assert (twin["desired_version"], twin["reported_version"]) == (1, 1)
    assert answer.headers["etag"] == f'"{twin["revision"]}"'


def test_a_merge_patch_merges_and_counts_by_one(api: httpx.Client, device: str) -> None:
    path = f"/v1/devices/{device}/twin"
    api.patch(path, json={"desired": {"a": 1, "b": {"c": 2, "d": 3}}}, headers=MERGE_PATCH).raise_for_status()
    patch: dict[str, Any] = {"tags": {"line": "A"}, "desired": {"a": None, "b": {"c": "x"}}}
    twin = api.patch(path, json=patch, headers=MERGE_PATCH).json()
    assert twin["desired"] == {"b": {"c": "x", "d": 3}}
    assert twin["desired_version"] == 3
    assert twin["desired_metadata"]["b"]["c"]["$lastUpdatedVersion"] == 3
    assert twin["tags"] == {"line": "A"}
    assert api.get(path).json() == twin
    assert api.get(f"/v1/devices/{device}").json()["tags"] == {"line": "A"}


def test_replacing_takes_away_what_is_not_sent(api: httpx.Client, device: str) -> None:
    path = f"/v1/devices/{device}/twin"
    api.patch(path, json={"tags": {"old": 1}, "desired": {"old": 1}}).raise_for_status()
    twin = api.put(path, json={"tags": {"new": 2}, "desired": {"new": 2}}).json()
    assert (twin["tags"], twin["desired"]) == ({"new": 2}, {"new": 2})
    assert api.put(path, json={"desired": {}}).status_code == 422


def test_a_change_based_on_an_old_revision_is_refused(api: httpx.Client, device: str) -> None:
    path = f"/v1/devices/{device}/twin"
    etag = api.get(path).headers["etag"]
    first = api.patch(path, json={"desired": {"a": 1}}, headers={"If-Match": etag})
    assert first.headers["etag"] != etag
    for method in ("PATCH", "PUT"):
        body = {"tags": {}, "desired": {"a": 2}}
        refused = api.request(method, path, json=body, headers={"If-Match": etag})
        assert refused.status_code == 412
        assert refused.json()["code"] == "registry.revision_mismatch"
    assert api.get(path).json()["desired"] == {"a": 1}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param({"reported": {"a": 1}}, 422, id="reported properties"),
        pytest.param({"desired": None}, 422, id="null"),
        pytest.param({"desired": [1]}, 422, id="a list"),
        pytest.param({"desired": {"a.b": 1}}, 422, id="a dot in a name"),
        pytest.param({"desired": {"$x": 1}}, 422, id="a dollar in a name"),
        pytest.param({"desired": {"a": 2**60}}, 422, id="a number too large"),
        pytest.param({"desired": {"a": "x" * 4097}}, 422, id="a text too long"),
        pytest.param({"desired": {f"k{n}": "x" * 4000 for n in range(9)}}, 413, id="too much in all"),
        pytest.param({"tags": {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": 1}}}}}}}}}, 200, id="deep tags"),
    ],
)
def test_limits_are_those_of_the_hub(api: httpx.Client, device: str, body: dict[str, Any], status: int) -> None:
    answer = api.patch(f"/v1/devices/{device}/twin", json=body)
    assert answer.status_code == status, answer.text


def test_a_desired_change_is_on_record_without_its_values(api: httpx.Client, device: str) -> None:
    twin = api.patch(f"/v1/devices/{device}/twin", json={"desired": {"code": "hunter2"}}).json()
    acts = api.get("/v1/ledger/entries", params={"target": twin["generation_id"]}).json()["items"]
    last = acts[-1]
    assert last["action"] == "registry.patch_desired_properties"
    assert last["actor"]["kind"] == "operator"
    assert last["details"]["paths"] == ["code"]
    assert "hunter2" not in str(last)


def test_a_module_has_a_twin_of_its_own(api: httpx.Client, device: str) -> None:
    path = f"/v1/devices/{device}/modules/filter/twin"
    assert api.get(path).json()["code"] == "registry.module_not_found"
    api.post(f"/v1/devices/{device}/modules", json={"module_id": "filter"}).raise_for_status()
    twin = api.patch(path, json={"desired": {"a": 1}, "tags": {"own": True}}).json()
    assert (twin["module_id"], twin["desired"], twin["tags"]) == ("filter", {"a": 1}, {"own": True})
    assert api.put(path, json={"tags": {}, "desired": {"b": 2}}).json()["desired"] == {"b": 2}
    assert api.get(f"/v1/devices/{device}/twin").json()["desired"] == {}


def test_the_twin_of_nobody_is_not_there(api: httpx.Client) -> None:
    for path in ("/v1/devices/nobody/twin", "/v1/devices/nobody/modules/x/twin"):
        for method, body in (("GET", None), ("PATCH", {}), ("PUT", {"tags": {}, "desired": {}})):
            answer = api.request(method, path, json=body)
            assert answer.status_code == 404, method
            assert answer.json()["code"] == "registry.device_not_found"
