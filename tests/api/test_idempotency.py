from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest


def test_a_repeated_post_is_done_once_and_answered_alike(api: httpx.Client, new_name: Callable[[], str]) -> None:
    name = new_name()
    headers = {"Idempotency-Key": f"create-{name}"}
    first = api.post("/v1/devices", json={"device_id": name}, headers=headers)
    again = api.post("/v1/devices", json={"device_id": name}, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers


def test_a_refusal_is_answered_alike_too(api: httpx.Client, device: str) -> None:
    headers = {"Idempotency-Key": f"taken-{device}"}
    first = api.post("/v1/devices", json={"device_id": device}, headers=headers)
    api.delete(f"/v1/devices/{device}").raise_for_status()
    again = api.post("/v1/devices", json={"device_id": device}, headers=headers)
    assert (first.status_code, again.status_code) == (409, 409)
    assert again.headers["content-type"] == "application/problem+json"


def test_a_key_for_another_request_is_refused(api: httpx.Client, new_name: Callable[[], str]) -> None:
    name = new_name()
    headers = {"Idempotency-Key": f"reused-{name}"}
    api.post("/v1/devices", json={"device_id": name}, headers=headers).raise_for_status()
    other_body = api.post("/v1/devices", json={"device_id": f"{name}-b"}, headers=headers)
    other_path = api.post(f"/v1/devices/{name}/enable", json={"device_id": name}, headers=headers)
    for refused in (other_body, other_path):
        assert refused.status_code == 422
        assert refused.json()["code"] == "api.invalid_idempotency_key"


@pytest.mark.parametrize("key", [b"", b"a b", b"x" * 201, "ä".encode()])
def test_a_malformed_key_is_refused(api: httpx.Client, new_name: Callable[[], str], key: bytes) -> None:
    headers = {b"Idempotency-Key": key}
    answer = api.post("/v1/devices", json={"device_id": new_name()}, headers=headers)
    assert answer.status_code == 422
    answer = api.post("/v1/query", json={"query": "SELECT * FROM devices"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "api.invalid_idempotency_key")


def test_of_many_at_once_one_is_done(api: httpx.Client, new_name: Callable[[], str]) -> None:
    name = new_name()
    headers = {"Idempotency-Key": f"race-{name}"}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: api.post("/v1/devices", json={"device_id": name}, headers=headers), range(8)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    created = [answer for answer in answers if answer.status_code == 201]
    assert created
    assert {answer.content for answer in created} == {created[0].content}
    in_progress = [answer for answer in answers if answer.status_code == 409]
    assert all(answer.json()["code"] == "api.request_in_progress" for answer in in_progress)
