"""``/v1/ssf`` and what is open beside it: discovery, keys, and tokens that are pushed."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from running_platform import wait_for


@pytest.fixture
def stream(api: httpx.Client) -> Any:
    created = api.post(
        "/v1/ssf/streams",
        json={"delivery": {"method": "urn:ietf:rfc:8936"}, "description": "soc", "unknown_to_us": 1},
    )
    assert created.status_code == 201
    yield created.json()
    api.delete("/v1/ssf/streams", params={"stream_id": created.json()["stream_id"]})


def test_anybody_may_discover_what_is_transmitted(anonymous: httpx.Client) -> None:
    found = anonymous.get("/.well-known/ssf-configuration").json()
    assert found["spec_version"] == "1_0"
    assert set(found["delivery_methods_supported"]) == {"urn:ietf:rfc:8935", "urn:ietf:rfc:8936"}
    path = found["jwks_uri"].removeprefix(found["issuer"])
    keys = anonymous.get(path).json()["keys"]
    assert {(key["kty"], key["alg"]) for key in keys} == {("RSA", "RS256")}
    assert all("d" not in key for key in keys)


def test_a_stream_is_created_read_changed_and_deleted(api: httpx.Client, stream: dict[str, Any]) -> None:
    where = {"stream_id": stream["stream_id"]}
    assert stream["delivery"]["endpoint_url"].endswith(f"/v1/ssf/streams/{stream['stream_id']}/poll")
    assert len(stream["events_delivered"]) == 4
    assert api.get("/v1/ssf/streams", params=where).json() == stream
    assert stream["stream_id"] in {each["stream_id"] for each in api.get("/v1/ssf/streams").json()}
    one = [stream["events_supported"][0]]
    changed = api.patch("/v1/ssf/streams", json={**where, "events_requested": one}).json()
    assert changed["events_delivered"] == one
    whole = api.put("/v1/ssf/streams", json={**where, "delivery": {"method": "urn:ietf:rfc:8936"}}).json()
    assert len(whole["events_delivered"]) == 4
    assert api.get("/v1/ssf/status", params=where).json()["status"] == "enabled"
    paused = api.post("/v1/ssf/status", json={**where, "status": "paused", "reason": "maintenance"}).json()
    assert paused == {**where, "status": "paused", "reason": "maintenance"}


def test_what_a_receiver_asked_for_is_kept_and_what_we_say_is_not_its_to_change(
    api: httpx.Client, stream: dict[str, Any]
) -> None:
    where = {"stream_id": stream["stream_id"]}
    mine = [stream["events_supported"][3], "urn:example:event", stream["events_supported"][0]]
    changed = api.patch("/v1/ssf/streams", json={**where, "events_requested": mine}).json()
    assert changed["events_requested"] == mine
    assert set(changed["events_delivered"]) == {mine[0], mine[2]}
    assert api.get("/v1/ssf/streams", params=where).json() == changed
    assert api.put("/v1/ssf/streams", json={**changed, "description": "read, changed, sent back"}).status_code == 200
    for name, value in (("iss", "https://else.example"), ("aud", "else"), ("events_delivered", mine[:1])):
        for method in ("PATCH", "PUT"):
            refused = api.request(method, "/v1/ssf/streams", json={**where, name: value})
            assert (refused.status_code, name in refused.json()["detail"]) == (400, True)
    assert api.get("/v1/ssf/streams", params=where).json()["description"] == "read, changed, sent back"


def test_a_stream_that_is_replaced_without_a_delivery_is_polled(api: httpx.Client, stream: dict[str, Any]) -> None:
    where = {"stream_id": stream["stream_id"]}
    push = {"method": "urn:ietf:rfc:8935", "endpoint_url": "https://127.0.0.1:9/events"}
    assert api.patch("/v1/ssf/streams", json={**where, "delivery": push}).json()["delivery"] == push
    assert api.patch("/v1/ssf/streams", json={**where, "description": "x"}).json()["delivery"] == push
    replaced = api.put("/v1/ssf/streams", json=where).json()
    assert replaced["delivery"] == stream["delivery"]
    assert replaced["description"] == ""


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "streams", '{"delivery": 7}'),
        ("POST", "streams", "{"),
        ("POST", "streams", "[]"),
        ("PATCH", "streams", "{}"),
        ("PUT", "streams", '{"events_requested": "all"}'),
        ("POST", "status", '{"stream_id": "sst_x", "status": "asleep"}'),
        ("GET", "status", ""),
        ("POST", "subjects/add", '{"stream_id": "sst_x"}'),
        ("POST", "verify", "{}"),
        ("DELETE", "streams", ""),
        ("POST", "streams/sst_x/poll", '{"maxEvents": "many"}'),
    ],
)
def test_a_request_that_cannot_be_read_is_a_bad_request(api: httpx.Client, method: str, path: str, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    assert api.request(method, f"/v1/ssf/{path}", content=body, headers=headers).status_code == 400


def test_a_polled_stream_tells_of_a_quarantine(api: httpx.Client, stream: dict[str, Any], device: str) -> None:
    api.post(f"/v1/devices/{device}/quarantine", json={"reason": "it beacons"}).raise_for_status()
    path = f"/v1/ssf/streams/{stream['stream_id']}/poll"
    told: dict[str, str] = {}

    def is_told() -> bool:
        told.update(
            api.post(path, json={"maxEvents": 10, "returnImmediately": False}).raise_for_status().json()["sets"]
        )
        return bool(told)

    wait_for(is_told, "the quarantine is told")
    assert not api.post(path, json={"ack": list(told), "maxEvents": 0}).json()["sets"]


def test_verification_and_subjects(api: httpx.Client, stream: dict[str, Any]) -> None:
    where = {"stream_id": stream["stream_id"]}
    assert api.post("/v1/ssf/verify", json={**where, "state": "abc"}).status_code == 204
    wait_for(lambda: api.post("/v1/ssf/verify", json=where).status_code == 429, "who asks too often is told so")
    subject = {"format": "iss_sub", "iss": "x", "sub": "ghost"}
    assert api.post("/v1/ssf/subjects/remove", json={**where, "subject": subject}).status_code == 204
    assert api.post("/v1/ssf/subjects/add", json={**where, "subject": subject}).status_code == 200
    assert api.post("/v1/ssf/subjects/add", json={**where, "subject": {"format": "email"}}).status_code == 400


@pytest.mark.parametrize(
    "delivery",
    [
        {"method": "urn:else"},
        {"method": "urn:ietf:rfc:8935"},
        {"method": "urn:ietf:rfc:8935", "endpoint_url": "http://soc.example/"},
    ],
)
def test_a_delivery_that_cannot_be_is_refused(api: httpx.Client, delivery: dict[str, str]) -> None:
    assert api.post("/v1/ssf/streams", json={"delivery": delivery}).status_code == 400


def test_streams_and_transmitters_ask_for_credentials(anonymous: httpx.Client, api: httpx.Client) -> None:
    for path in ("/v1/ssf/streams", "/v1/ssf/transmitters"):
        assert anonymous.get(path).status_code == 401
    assert api.get("/v1/ssf/streams", params={"stream_id": "sst_none"}).status_code == 404
    assert api.get("/v1/ssf/transmitters/tra_none").status_code == 404


def test_a_transmitter_is_heard_until_it_is_removed(api: httpx.Client, anonymous: httpx.Client) -> None:
    new = {
        "name": "edr",
        "issuer": "https://edr.example",
        "audience": "https://vedette.example",
        "jwks_url": "https://127.0.0.1:9/jwks",
        "push_authorization": "Bearer secret",
    }
    made = api.post("/v1/ssf/transmitters", json=new)
    assert made.status_code == 201
    assert "secret" not in made.text
    transmitter = made.json()
    path = httpx.URL(transmitter["push_url"]).path
    kind = {"Content-Type": "application/secevent+jwt"}
    unauthorized = anonymous.post(path, content="a.b.c", headers=kind)
    assert (unauthorized.status_code, unauthorized.json()["err"]) == (400, "authentication_failed")
    nonsense = anonymous.post(path, content="a.b.c", headers={**kind, "Authorization": "Bearer secret"})
    assert nonsense.status_code == 400
    assert anonymous.post(path, content="x" * 20_000, headers=kind).status_code == 413
    where = f"/v1/ssf/transmitters/{transmitter['transmitter_id']}"
    assert api.get(where).json()["refused"] == 1
    assert api.delete(where, params={"reason": "replaced"}).status_code == 204
    gone = anonymous.post(path, content="a.b.c", headers=kind)
    assert (gone.status_code, gone.json()["err"]) == (400, "access_denied")
    assert api.post("/v1/ssf/transmitters", json={**new, "issuer": "http://edr.example"}).status_code == 422
    assert api.post("/v1/ssf/transmitters", json={**new, "provenance": "attested"}).status_code == 422


def test_a_receivers_token_keeps_its_own_streams_and_nothing_else(
    api: httpx.Client, anonymous: httpx.Client, stream: dict[str, Any], device: str
) -> None:
    made = api.post("/v1/service-tokens", json={"name": "idp receiver", "roles": ["signal-receiver"]}).json()
    headers = {"Authorization": f"Bearer {made['secret']}"}
    mine = anonymous.post("/v1/ssf/streams", json={}, headers=headers)
    assert mine.status_code == 201
    where = {"stream_id": mine.json()["stream_id"]}
    assert [each["stream_id"] for each in anonymous.get("/v1/ssf/streams", headers=headers).json()] == [*where.values()]
    assert anonymous.get("/v1/ssf/streams", params={"stream_id": stream["stream_id"]}, headers=headers).is_client_error
    for path in (f"/v1/devices/{device}", "/v1/devices", "/v1/ssf/transmitters", "/v1/alerts"):
        assert anonymous.get(path, headers=headers).status_code == 403
    signal = {"signal_class": "malware", "source": "idp"}
    assert anonymous.post(f"/v1/devices/{device}/signals", json=signal, headers=headers).status_code == 403
    assert anonymous.delete("/v1/ssf/streams", params=where, headers=headers).status_code == 204
    unknown = api.post("/v1/service-tokens", json={"name": "typo", "roles": ["signal-reciever"]})
    assert unknown.status_code == 422
