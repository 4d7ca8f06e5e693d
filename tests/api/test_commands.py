from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest


def test_a_message_waits_and_is_listed_without_its_body(api: httpx.Client, device: str) -> None:
    path = f"/v1/devices/{device}/commands"
    sent = api.post(
        path,
        json={
            "body": "open the valve",
            "message_id": "m1",
            "content_type": "text/plain",
            "properties": {"line": "A"},
            "ack": "full",
            "time_to_live_s": 60,
        },
    )
    assert sent.status_code == 201, sent.text
    command = sent.json()
    assert (command["message_id"], command["state"], command["delivery_count"]) == ("m1", "queued", 0)
    assert (command["content_type"], command["properties"], command["ack"]) == ("text/plain", {"line": "A"}, "full")
    assert api.get(path).json() == {"items": [command], "next": None}
    assert "open the valve" not in api.get(path).text
    generation = api.get(f"/v1/devices/{device}").json()["generation_id"]
    acts = api.get("/v1/ledger/entries", params={"action": "messaging.send_command", "target": generation})
    assert len(acts.json()["items"]) == 1
    assert "open the valve" not in acts.text


def test_the_queue_is_read_page_by_page_and_purged_with_feedback(api: httpx.Client, device: str) -> None:
    path = f"/v1/devices/{device}/commands"
    for number in range(3):
        body = {"body": str(number), "message_id": f"{device}-{number}", "ack": "negative"}
        api.post(path, json=body).raise_for_status()
    first = api.get(path, params={"limit": 2}).json()
    assert [each["message_id"] for each in first["items"]] == [f"{device}-0", f"{device}-1"]
    second = api.get(path, params={"limit": 2, "after": first["next"]}).json()
    assert [each["message_id"] for each in second["items"]] == [f"{device}-2"]
    assert second["next"] is None
    assert api.delete(path, params={"reason": "recalled"}).json() == {"purged": 3}
    assert api.get(path).json()["items"] == []
    told = api.get("/v1/command-feedback", params={"limit": 1000}).json()["items"]
    mine = [(each["message_id"], each["outcome"]) for each in told if each["device_id"] == device]
    assert mine == [(f"{device}-{number}", "Purged") for number in range(3)]


def test_any_bytes_can_be_sent(api: httpx.Client, device: str) -> None:
    path = f"/v1/devices/{device}/commands"
    body = base64.b64encode(bytes(range(256))).decode()
    assert api.post(path, json={"body": body, "encoding": "base64"}).json()["size_bytes"] == 256
    assert api.post(path, json={}).json()["size_bytes"] == 0
    for none in ("/w", "\u00e4\u00e4\u00e4\u00e4"):
        refused = api.post(path, json={"body": none, "encoding": "base64"})
        assert (refused.status_code, refused.json()["code"]) == (422, "api.invalid_request")


def test_a_full_queue_says_so(api: httpx.Client, device: str) -> None:
    path = f"/v1/devices/{device}/commands"
    for _ in range(50):
        api.post(path, json={"body": "x"}).raise_for_status()
    refused = api.post(path, json={"body": "x"})
    assert (refused.status_code, refused.json()["code"]) == (403, "messaging.queue_full")
    assert "vedette command purge" in refused.json()["hint"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param({"body": "x" * 65_537}, 413, id="over 64 KiB"),
        pytest.param({"time_to_live_s": 0}, 422, id="no time to live"),
        pytest.param({"time_to_live_s": 172_801}, 422, id="over two days"),
        pytest.param({"ack": "maybe"}, 422, id="another ack"),
        pytest.param({"properties": {"iothub-ack": "full"}}, 422, id="a name of the hub's"),
        pytest.param({"properties": {"a": None}}, 422, id="a property that is null"),
        pytest.param({"message_id": "x" * 129}, 422, id="a long id"),
        pytest.param({"message_id": "\u001b[2J"}, 422, id="a control character"),
        pytest.param({"unknown": 1}, 422, id="an unknown member"),
    ],
)
def test_limits_are_those_of_the_hub(api: httpx.Client, device: str, body: dict[str, Any], status: int) -> None:
    assert api.post(f"/v1/devices/{device}/commands", json=body).status_code == status


def test_there_is_no_queue_for_nobody(api: httpx.Client) -> None:
    for method in ("GET", "DELETE"):
        assert api.request(method, "/v1/devices/nobody/commands").json()["code"] == "registry.device_not_found"
    assert api.post("/v1/devices/nobody/commands", json={}).status_code == 404


@pytest.mark.parametrize("after", ["x", "-1", "1" * 30, "²"])
def test_a_cursor_that_is_none_is_refused(api: httpx.Client, device: str, after: str) -> None:
    for path in (f"/v1/devices/{device}/commands", "/v1/command-feedback"):
        assert api.get(path, params={"after": after}).status_code in {400, 422}


def test_a_message_sent_twice_with_one_key_is_queued_once(api: httpx.Client, device: str) -> None:
    path = f"/v1/devices/{device}/commands"
    headers = {"Idempotency-Key": f"send-{device}"}
    first = api.post(path, json={"body": "once"}, headers=headers)
    assert api.post(path, json={"body": "once"}, headers=headers).content == first.content
    assert len(api.get(path).json()["items"]) == 1
