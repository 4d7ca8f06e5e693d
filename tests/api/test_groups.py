from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from running_platform import wait_for


@pytest.fixture
def line(api: httpx.Client, new_name: Callable[[], str]) -> str:
    """Three devices of a line of their own; return the line."""
    name = new_name()
    for number in range(3):
        device = {"device_id": f"{name}-{number}", "tags": {"line": name, "row": number}}
        api.post("/v1/devices", json=device).raise_for_status()
    return name


def members(api: httpx.Client, group: str) -> list[str]:
    return [each["device_id"] for each in api.get(f"/v1/groups/{group}/members").json()["items"]]


def test_a_static_group_holds_whom_it_is_given(api: httpx.Client, line: str) -> None:
    created = api.post("/v1/groups", json={"name": line, "description": "by hand"})
    assert created.status_code == 201, created.text
    group = created.json()
    assert (group["kind"], group["member_count"], group["progress"]) == ("static", 0, None)
    path = f"/v1/groups/{group['group_id']}"
    added = api.post(f"{path}/add", json={"device_ids": [f"{line}-0", f"{line}-1"]}).json()
    assert added["member_count"] == 2
    assert api.post(f"{path}/add", json={"device_ids": [f"{line}-1"]}).json()["member_count"] == 2
    assert members(api, line) == [f"{line}-0", f"{line}-1"]
    assert api.post(f"{path}/remove", json={"device_ids": [f"{line}-0"]}).json()["member_count"] == 1
    refused = api.post(f"{path}/add", json={"device_ids": [f"{line}-2", "nobody"]})
    assert (refused.status_code, refused.json()["code"]) == (404, "registry.device_not_found")
    assert members(api, line) == [f"{line}-1"]
    api.delete(f"/v1/devices/{line}-1").raise_for_status()
    assert members(api, line) == []


def test_a_dynamic_group_follows_its_condition(api: httpx.Client, line: str) -> None:
    condition = f"tags.line = '{line}' AND tags.row < 2"
    group = api.post("/v1/groups", json={"name": line, "condition": condition}).json()
    assert (group["kind"], group["condition"]) == ("dynamic", condition)
    path = f"/v1/groups/{group['group_id']}"
    wait_for(lambda: api.get(path).json()["progress"] is None, "the members to be computed")
    assert members(api, line) == [f"{line}-0", f"{line}-1"]
    api.patch(f"/v1/devices/{line}-0", json={"tags": {"row": 9}}).raise_for_status()
    api.patch(f"/v1/devices/{line}-2/twin", json={"tags": {"row": 0}}).raise_for_status()
    assert members(api, line) == [f"{line}-1", f"{line}-2"]
    refused = api.post(f"{path}/add", json={"device_ids": [f"{line}-0"]})
    assert (refused.status_code, refused.json()["code"]) == (409, "registry.group_is_dynamic")


def test_a_group_can_follow_desired_properties(api: httpx.Client, line: str) -> None:
    condition = f"tags.line = '{line}' AND properties.desired.canary = true"
    path = f"/v1/groups/{api.post('/v1/groups', json={'name': line, 'condition': condition}).json()['group_id']}"
    wait_for(lambda: api.get(path).json()["progress"] is None, "the members to be computed")
    api.patch(f"/v1/devices/{line}-1/twin", json={"desired": {"canary": True}}).raise_for_status()
    assert members(api, line) == [f"{line}-1"]


def test_a_group_is_changed_on_the_revision_that_was_read(api: httpx.Client, line: str) -> None:
    created = api.post("/v1/groups", json={"name": line, "condition": f"tags.line = '{line}'"})
    path = f"/v1/groups/{created.json()['group_id']}"
    etag = created.headers["etag"]
    changed = api.patch(path, json={"condition": "tags.none = 1", "description": "x"}, headers={"If-Match": etag})
    assert changed.json()["condition"] == "tags.none = 1"
    stale = api.patch(path, json={"name": "other"}, headers={"If-Match": etag})
    assert (stale.status_code, stale.json()["code"]) == (412, "registry.revision_mismatch")
    assert api.delete(path, headers={"If-Match": etag}).status_code == 412
    assert api.delete(path, params={"reason": "done"}).status_code == 204
    assert api.get(path).json()["code"] == "registry.group_not_found"


def test_groups_are_found_by_name(api: httpx.Client, line: str) -> None:
    name = f"{line} north / hall"
    api.post("/v1/groups", json={"name": name}).raise_for_status()
    (found,) = api.get("/v1/groups", params={"name": name}).json()["items"]
    assert found["name"] == name
    assert api.get("/v1/groups", params={"name": f"{name}x"}).json()["items"] == []
    taken = api.post("/v1/groups", json={"name": name})
    assert (taken.status_code, taken.json()["code"]) == (409, "registry.group_exists")
    page = api.get("/v1/groups", params={"limit": 1}).json()
    assert len(page["items"]) == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": ""}, "api.invalid_request"),
        ({"name": "$x"}, "registry.invalid_group"),
        ({"name": "ok", "condition": "tags.site = "}, "registry.invalid_query"),
        ({"name": "ok", "condition": "connectionState = 'Connected'"}, "registry.invalid_query"),
        ({"name": "ok", "kind": "static"}, "api.invalid_request"),
    ],
)
def test_what_cannot_be_a_group_is_refused(api: httpx.Client, body: dict[str, Any], code: str) -> None:
    refused = api.post("/v1/groups", json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, code)
    if code == "registry.invalid_query":
        assert isinstance(refused.json()["context"]["position"], int)


def test_devices_are_listed_by_a_condition(api: httpx.Client, line: str) -> None:
    found = api.get("/v1/devices", params={"where": f"tags.line = '{line}' AND tags.row IN [0, 2]"}).json()
    assert [each["device_id"] for each in found["items"]] == [f"{line}-0", f"{line}-2"]
    refused = api.get("/v1/devices", params={"where": "tags.line ="})
    assert (refused.status_code, refused.json()["context"]["position"]) == (422, 11)
    first = api.get("/v1/devices", params={"where": f"tags.line = '{line}'", "limit": 2}).json()
    second = api.get("/v1/devices", params={"where": f"tags.line = '{line}'", "after": first["next"]}).json()
    assert [each["device_id"] for each in second["items"]] == [f"{line}-2"]
