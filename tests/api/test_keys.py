from __future__ import annotations

import base64
from collections.abc import Callable, Iterator

import httpx
import pytest
from running_platform import RunningPlatform


@pytest.fixture(scope="module")
def legacy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A platform that accepts symmetric keys."""
    running = RunningPlatform(tmp_path_factory.mktemp("legacy"), configuration="[pki]\nsymmetric_keys = true\n")
    running.start()
    with running.client() as client:
        yield client
    running.stop()


def create(api: httpx.Client, name: str, **more: object) -> httpx.Response:
    return api.post("/v1/devices", json={"device_id": name, "authentication": {"type": "symmetric_key"}, **more})


def test_where_they_are_off_no_key_is_made(api: httpx.Client, new_name: Callable[[], str], device: str) -> None:
    refused = create(api, new_name())
    assert (refused.status_code, refused.json()["code"]) == (409, "pki.symmetric_keys_off")
    module = {"module_id": "x", "authentication": {"type": "symmetric_key"}}
    assert api.post(f"/v1/devices/{device}/modules", json=module).json()["code"] == "pki.symmetric_keys_off"
    assert api.post(f"/v1/devices/{device}/keys/rotate", json={"slot": "primary"}).status_code in {409, 422}
    assert api.get(f"/v1/devices/{device}/keys").json() == {"items": []}


def test_keys_are_shown_once_and_never_again(legacy: httpx.Client) -> None:
    created = create(legacy, "once").json()
    assert created["is_flagged"] is True
    assert [each["slot"] for each in created["keys"]] == ["primary", "secondary"]
    values = [each["key"] for each in created["keys"]]
    assert all(len(base64.b64decode(value)) == 32 for value in values)
    shown = legacy.get("/v1/devices/once")
    listed = legacy.get("/v1/devices/once/keys")
    acts = legacy.get("/v1/ledger/entries", params={"target": shown.json()["generation_id"]})
    assert acts.json()["items"]
    for answer in (shown, listed, acts):
        assert not any(value in answer.text for value in values)
    assert [(key["slot"], key["last_used_at"]) for key in listed.json()["items"]] == [
        ("primary", None),
        ("secondary", None),
    ]
    assert listed.json()["items"][0]["expires_at"] == created["keys"][0]["expires_at"]


def test_an_answer_with_keys_is_not_kept_for_a_repetition(legacy: httpx.Client) -> None:
    body = {"device_id": "unkept", "authentication": {"type": "symmetric_key"}}
    headers = {"Idempotency-Key": "unkept-1"}
    assert legacy.post("/v1/devices", json=body, headers=headers).status_code == 201
    again = legacy.post("/v1/devices", json=body, headers=headers)
    assert (again.status_code, again.json()["code"]) == (409, "registry.device_exists")
    headers = {"Idempotency-Key": "unkept-2"}
    path = "/v1/devices/unkept/keys/rotate"
    first = legacy.post(path, json={"slot": "primary"}, headers=headers).json()
    second = legacy.post(path, json={"slot": "primary"}, headers=headers).json()
    assert first["key"] != second["key"]


def test_a_key_is_replaced_in_its_slot_alone(legacy: httpx.Client) -> None:
    created = create(legacy, "rotated").json()
    new = legacy.post("/v1/devices/rotated/keys/rotate", json={"slot": "secondary"}).json()
    assert new["slot"] == "secondary"
    ids = [each["key_id"] for each in legacy.get("/v1/devices/rotated/keys").json()["items"]]
    assert ids == [created["keys"][0]["key_id"], new["key_id"]]


def test_a_key_that_exists_already_is_taken_over(legacy: httpx.Client) -> None:
    key = base64.b64encode(b"k" * 32).decode()
    created = create(legacy, "given", primary_key=key).json()
    assert created["keys"][0]["key"] == key
    assert legacy.get("/v1/devices/given/keys").json()["items"][0]["is_imported"] is True
    for bad in ("", "x", base64.b64encode(b"short").decode()):
        assert create(legacy, "bad", primary_key=bad).json()["code"] == "pki.invalid_symmetric_key"
        body = {"slot": "primary", "key": bad}
        assert legacy.post("/v1/devices/given/keys/rotate", json=body).json()["code"] == "pki.invalid_symmetric_key"


def test_a_device_leaves_its_keys_behind_when_it_gets_a_better_credential(legacy: httpx.Client) -> None:
    create(legacy, "better").raise_for_status()
    left = legacy.patch("/v1/devices/better", json={"authentication": {"type": "issued"}}).json()
    assert left["is_flagged"] is False
    assert "keys" not in left
    assert legacy.get("/v1/devices/better/keys").json() == {"items": []}
    assert legacy.post("/v1/devices/better/keys/rotate", json={"slot": "primary"}).status_code == 422
    back = legacy.patch("/v1/devices/better", json={"authentication": {"type": "symmetric_key"}}).json()
    assert len(back["keys"]) == 2


def test_a_module_has_keys_of_its_own(legacy: httpx.Client) -> None:
    created = create(legacy, "whole").json()
    path = "/v1/devices/whole/modules"
    module = legacy.post(path, json={"module_id": "part", "authentication": {"type": "symmetric_key"}}).json()
    assert module["is_flagged"] is True
    assert {each["key"] for each in module["keys"]}.isdisjoint(each["key"] for each in created["keys"])
    new = legacy.post(f"{path}/part/keys/rotate", json={"slot": "primary"}).json()
    assert new["key"] not in {each["key"] for each in module["keys"]}
    listed = legacy.get(f"{path}/part/keys").json()["items"]
    assert [each["key_id"] for each in listed] == [new["key_id"], module["keys"][1]["key_id"]]
    assert "keys" not in legacy.get(f"{path}/part").json()


def test_the_keys_of_nobody_are_not_there(api: httpx.Client, device: str) -> None:
    assert api.get("/v1/devices/nobody/keys").status_code == 404
    assert api.get(f"/v1/devices/{device}/modules/x/keys").json()["code"] == "registry.module_not_found"
    assert api.post("/v1/devices/nobody/keys/rotate", json={"slot": "primary"}).status_code == 404
    assert api.post(f"/v1/devices/{device}/keys/rotate", json={"slot": "third"}).status_code == 422
