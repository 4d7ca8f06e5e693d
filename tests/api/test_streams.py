from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
from running_platform import wait_for


def events_of(response: httpx.Response) -> Iterator[tuple[str, str, Any]]:
    event_id = name = ""
    for line in response.iter_lines():
        field, _, value = line.partition(": ")
        if field == "id":
            event_id = value
        elif field == "event":
            name = value
        elif field == "data":
            yield event_id, name, json.loads(value)


def first_of(generation: str, response: httpx.Response) -> tuple[str, str, Any]:
    """Return the first event of a device; what other tests began may be told between."""
    return next(each for each in events_of(response) if each[2]["data"].get("generation_id") == generation)


def test_events_arrive_as_they_happen_and_resume_without_loss(api: httpx.Client, device: str) -> None:
    generation = api.get(f"/v1/devices/{device}").json()["generation_id"]
    size = api.get("/v1/ledger").json()["size"]
    with api.stream("GET", "/v1/events") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        api.post(f"/v1/devices/{device}/disable", json={"reason": "one"}).raise_for_status()
        event_id, name, data = first_of(generation, response)
    assert name == "registry.device_disabled"
    assert int(event_id) == data["position"] > size
    assert data["actor"] == {"kind": "operator", "id": "operator-token"}

    api.post(f"/v1/devices/{device}/enable").raise_for_status()
    with api.stream("GET", "/v1/events", headers={"Last-Event-ID": event_id}) as response:
        resumed = first_of(generation, response)
    assert resumed[1] == "registry.device_enabled"
    with api.stream("GET", "/v1/events", params={"after": str(size)}) as response:
        assert first_of(generation, response)[0] == event_id


def test_a_position_that_is_none_is_refused(api: httpx.Client) -> None:
    assert api.get("/v1/events", params={"after": "-1"}).status_code == 422
    assert api.get("/v1/events", headers={"Last-Event-ID": "x"}).status_code == 422


def test_the_ledger_is_listed_shown_and_filtered(api: httpx.Client, device: str) -> None:
    generation = api.get(f"/v1/devices/{device}").json()["generation_id"]
    page = api.get("/v1/ledger/entries", params={"target": generation}).json()["items"]
    assert [each["action"] for each in page] == ["registry.create_device"]
    entry = api.get(f"/v1/ledger/entries/{page[0]['position']}").json()
    assert entry == page[0]
    first = api.get("/v1/ledger/entries", params={"limit": 2}).json()
    second = api.get("/v1/ledger/entries", params={"limit": 2, "after": first["next"]}).json()
    positions = [each["position"] for each in [*first["items"], *second["items"]]]
    assert positions == [1, 2, 3, 4]
    assert api.get("/v1/ledger/entries/0").status_code in {404, 422}
    assert api.get("/v1/ledger/entries", params={"since": "yesterday"}).status_code == 422


def test_empty_streams_are_listed_as_empty(api: httpx.Client, device: str) -> None:
    for path in ("/v1/telemetry", "/v1/decisions", "/v1/refusals"):
        page = api.get(path, params={"device_id": device}).json()
        assert page["items"] == []
    assert api.get("/v1/telemetry", params={"after": "x"}).status_code == 400
    assert api.get("/v1/decisions", params={"kind": "guess"}).status_code == 422


OF_THE_FLEET = {"alerts", "identities", "quarantine", "symmetric keys"}
"""Components that tell of devices: what other tests have left there says nothing of the parts."""


def parts_of(api: httpx.Client) -> dict[str, str]:
    components = api.get("/v1/status").json()["components"]
    return {each["name"]: each["health"] for each in components if each["name"] not in OF_THE_FLEET}


def test_the_status_tells_of_every_part(api: httpx.Client) -> None:
    wait_for(lambda: set(parts_of(api).values()) == {"ok"}, "every part is well")
    status = api.get("/v1/status").json()
    names = {each["name"] for each in status["components"]}
    assert {"nats-server", "signer", "control", "gateway-1", "store", "bus", "issuing"} <= names
    assert status["devices"]["total"] >= 0
    assert {each["purpose"] for each in status["authorities"]} == {"operational", "services"}


def test_entries_and_growth_are_proved(api: httpx.Client, device: str) -> None:
    old_size = api.get("/v1/ledger").json()["size"]
    api.post(f"/v1/devices/{device}/disable", json={"reason": "to grow"}).raise_for_status()
    size = api.get("/v1/ledger").json()["size"]
    assert size > old_size
    inclusion = api.get(f"/v1/ledger/entries/{old_size}/proof", params={"size": size})
    consistency = api.get("/v1/ledger/consistency", params={"old_size": old_size, "size": size})
    for proof in (inclusion, consistency):
        assert proof.status_code == 200
        assert proof.json()["size"] == size
        assert all(len(bytes.fromhex(each)) == 32 for each in proof.json()["hashes"])
    for path, query in (
        (f"/v1/ledger/entries/{size + 1000}/proof", {"size": size}),
        ("/v1/ledger/entries/1/proof", {"size": size + 100_000}),
        ("/v1/ledger/consistency", {"old_size": size + 1, "size": size}),
    ):
        refused = api.get(path, params=query)
        assert (refused.status_code, refused.json()["code"]) == (422, "ledger.invalid_proof")
