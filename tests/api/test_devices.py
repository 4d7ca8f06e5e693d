from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import httpx
import pytest
from in_force import in_force

PROBLEM = "application/problem+json"


def test_a_device_is_created_shown_changed_and_deleted(api: httpx.Client, new_name: Callable[[], str]) -> None:
    name = new_name()
    created = api.post("/v1/devices", json={"device_id": name, "site": "north", "tags": {"line": "A", "row": 3}})
    assert created.status_code == 201
    assert created.json()["tags"] == {"line": "A", "row": 3}
    assert created.headers["etag"] == '"1"'

    changed = api.patch(
        f"/v1/devices/{name}",
        json={"site": None, "tags": {"row": None, "shift": "late"}},
        headers={"If-Match": '"1"', "Content-Type": "application/merge-patch+json"},
    )
    assert changed.status_code == 200, changed.text
    assert changed.json()["site"] is None
    assert changed.json()["tags"] == {"line": "A", "shift": "late"}
    assert api.get(f"/v1/devices/{name}").json() == changed.json()

    assert api.delete(f"/v1/devices/{name}", params={"reason": "scrapped"}).status_code == 204
    assert api.get(f"/v1/devices/{name}").status_code == 404


def test_a_change_based_on_an_old_revision_is_refused(api: httpx.Client, device: str) -> None:
    api.patch(f"/v1/devices/{device}", json={"site": "south"}).raise_for_status()
    refused = api.patch(f"/v1/devices/{device}", json={"site": "west"}, headers={"If-Match": '"1"'})
    assert refused.status_code == 412
    assert refused.json()["code"] == "registry.revision_mismatch"
    assert api.get(f"/v1/devices/{device}").json()["site"] == "south"


def test_disabling_tells_when_it_was_in_force(api: httpx.Client, device: str) -> None:
    done = in_force(lambda: api.post(f"/v1/devices/{device}/disable", json={"reason": "stolen"}))
    assert done["device"]["is_enabled"] is False
    assert done["device"]["status_reason"] == "stolen"
    assert done["enforcement"]["enforced_at"] is not None
    assert done["enforcement"]["pending"] == []
    enabled = api.post(f"/v1/devices/{device}/enable").json()
    assert enabled["device"]["is_enabled"] is True


def test_disabling_needs_a_reason(api: httpx.Client, device: str) -> None:
    for body in ({}, {"reason": ""}):
        assert api.post(f"/v1/devices/{device}/disable", json=body).status_code == 422
    refused = api.post(f"/v1/devices/{device}/disable", json={"reason": " "})
    assert refused.status_code == 422
    assert refused.json()["code"] == "registry.reason_missing"
    assert refused.json()["hint"]


def test_a_name_that_is_taken_is_refused(api: httpx.Client, device: str) -> None:
    refused = api.post("/v1/devices", json={"device_id": device})
    assert refused.status_code == 409
    assert refused.headers["content-type"] == PROBLEM
    assert refused.json()["code"] == "registry.device_exists"


@pytest.mark.parametrize(
    "name",
    ["..", ".", "%", "%2F", "a?b", "a,b=c", "pump'7", "$x", "(1)!", "@*-_", "registration", "bulk", "A" * 128],
)
def test_any_legal_name_works_in_a_path(api: httpx.Client, name: str) -> None:
    path = f"/v1/devices/{quote(name, safe='').replace('.', '%2E')}"
    assert api.post("/v1/devices", json={"device_id": name}).status_code == 201
    try:
        assert api.get(path).json()["device_id"] == name
        assert api.post(f"{path}/disable", json={"reason": "test"}).json()["device"]["device_id"] == name
    finally:
        assert api.delete(path).status_code == 204


@pytest.mark.parametrize("name", ["", "a/b", "a b", "a+b", "a#b", "registrations", "ä", "A" * 129, "a\u0000b"])
def test_a_name_that_cannot_be_is_refused(api: httpx.Client, name: str) -> None:
    refused = api.post("/v1/devices", json={"device_id": name})
    assert refused.status_code in {400, 422}
    assert refused.headers["content-type"] == PROBLEM


def test_a_list_is_read_by_its_cursor(api: httpx.Client, new_name: Callable[[], str]) -> None:
    names = sorted(f"{new_name()}-page" for _ in range(5))
    for name in names:
        api.post("/v1/devices", json={"device_id": name, "site": "paging"}).raise_for_status()
    found, after = [], ""
    for _ in range(3):
        page = api.get("/v1/devices", params={"limit": 2, "after": after, "site": "paging"}).json()
        found += [each["device_id"] for each in page["items"]]
        after = page["next"] or ""
    assert found == names
    assert not after


def test_a_list_is_filtered(api: httpx.Client, new_name: Callable[[], str]) -> None:
    name = new_name()
    api.post("/v1/devices", json={"device_id": name, "tags": {"line": "filtered"}, "is_enabled": False})
    found = api.get("/v1/devices", params={"tag": "line=filtered", "is_enabled": "false"}).json()["items"]
    assert [each["device_id"] for each in found] == [name]
    assert api.get("/v1/devices", params={"tag": "line=filtered", "is_enabled": "true"}).json()["items"] == []


@pytest.mark.parametrize(
    ("condition", "fits"),
    [
        ("row=3", True),
        ('row="3"', False),
        ("row=4", False),
        ("spare=true", True),
        ("spare=false", False),
        ("a.b=x", True),
    ],
)
def test_a_tag_is_compared_with_its_type(
    api: httpx.Client, new_name: Callable[[], str], condition: str, *, fits: bool
) -> None:
    name = new_name()
    tags = {"row": 3, "spare": True, "a": {"b": "x"}, "own": name}
    api.post("/v1/devices", json={"device_id": name, "tags": tags}).raise_for_status()
    found = api.get("/v1/devices", params={"tag": [condition, f"own={name}"]}).json()["items"]
    assert [each["device_id"] for each in found] == ([name] if fits else [])


def test_many_devices_change_together_or_are_only_previewed(api: httpx.Client, new_name: Callable[[], str]) -> None:
    names = [new_name() for _ in range(3)]
    for name in names:
        api.post("/v1/devices", json={"device_id": name}).raise_for_status()
    api.post(f"/v1/devices/{names[0]}/disable", json={"reason": "first"}).raise_for_status()
    body = {"device_ids": [*names, "nobody"], "is_enabled": False, "reason": "recall"}
    expected = {"changed": names[1:], "unchanged": names[:1], "unknown": ["nobody"]}

    preview = api.post("/v1/bulk/devices", json={**body, "dry_run": True}).json()
    assert {name: preview[name] for name in expected} == expected
    assert api.get(f"/v1/devices/{names[1]}").json()["is_enabled"] is True

    done = api.post("/v1/bulk/devices", json=body).json()
    assert {name: done[name] for name in expected} == expected
    assert bool(done["enforcement"]["enforced_at"]) is not bool(done["enforcement"]["pending"])
    in_force(lambda: api.post(f"/v1/devices/{names[1]}/disable", json={"reason": "recall"}))
    assert api.get(f"/v1/devices/{names[1]}").json()["is_enabled"] is False


def test_a_device_moves_along_its_lifecycle_and_no_other_way(api: httpx.Client, device: str) -> None:
    quarantined = api.post(f"/v1/devices/{device}/lifecycle", json={"target": "quarantined", "reason": "odd traffic"})
    assert quarantined.json()["device"]["lifecycle"] == "quarantined"
    refused = api.post(f"/v1/devices/{device}/lifecycle", json={"target": "shipped"})
    assert refused.status_code == 409
    assert refused.json()["code"] == "registry.transition_not_allowed"
    retired = api.post(f"/v1/devices/{device}/retire", json={"reason": "worn out"})
    assert retired.json()["device"]["lifecycle"] == "retired"
    assert api.post(f"/v1/devices/{device}/retire", json={"reason": "again"}).status_code == 409


def test_every_act_is_in_the_ledger_with_its_actor_and_reason(api: httpx.Client, device: str) -> None:
    shown = api.get(f"/v1/devices/{device}").json()
    api.post(f"/v1/devices/{device}/disable", json={"reason": "lost in transit"}).raise_for_status()
    entries = api.get("/v1/ledger/entries", params={"target": shown["generation_id"]}).json()["items"]
    last = entries[-1]
    assert last["action"] == "registry.disable_device"
    assert last["actor"] == {"kind": "operator", "id": "operator-token", "name": ""}
    assert last["reason"] == "lost in transit"
    assert last["target_name"] == device
