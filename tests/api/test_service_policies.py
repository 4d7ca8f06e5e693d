"""``/v1/service-policies``, and the service API that its keys open, without an SDK between."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from console_client import ConsoleClient
from running_platform import RunningPlatform

from vedette.protocols.hub import build_sas_token, decode_symmetric_key

BASE = "/v1/service-policies"


def parts_of(connection_string: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in connection_string.split(";"))


def reveal(api: httpx.Client, name: str, slot: str = "primary") -> dict[str, str]:
    answer = api.post(f"{BASE}/{name}/connection-string", json={"slot": slot})
    assert answer.status_code == 200, answer.text
    return parts_of(answer.json()["connection_string"])


def authorization(parts: dict[str, str], ttl_s: int = 600) -> str:
    key = decode_symmetric_key(parts["SharedAccessKey"])
    return build_sas_token(parts["HostName"], key, int(time.time()) + ttl_s, policy_name=parts["SharedAccessKeyName"])


@pytest.fixture
def service(platform: RunningPlatform, api: httpx.Client) -> Iterator[httpx.Client]:
    parts = reveal(api, "iothubowner")
    root = platform.data / "public" / "root.pem"
    with httpx.Client(
        base_url=f"https://{parts['HostName']}",
        headers={"Authorization": authorization(parts)},
        verify=ssl.create_default_context(cafile=root),
        timeout=60,
    ) as client:
        yield client


def refusal(answer: httpx.Response) -> tuple[int, str]:
    name = answer.headers["iothub-errorcode"]
    assert answer.json()["Message"].startswith(f"ErrorCode:{name};")
    return answer.status_code, name


def test_a_policy_is_made_listed_rotated_and_deleted(api: httpx.Client) -> None:
    made = api.post(BASE, json={"name": "reader", "rights": ["registry_read"], "lifetime_days": 30})
    assert made.status_code == 201
    assert made.json()["is_flagged"] is True
    assert api.post(BASE, json={"name": "reader", "rights": ["registry_read"]}).status_code == 409
    listed = {each["name"]: each for each in api.get(BASE).json()["items"]}
    assert [key["slot"] for key in listed["reader"]["keys"]] == ["primary", "secondary"]
    first = reveal(api, "reader")
    assert api.post(f"{BASE}/reader/rotate", json={"slot": "primary"}).status_code == 200
    second = reveal(api, "reader")
    assert first["SharedAccessKey"] != second["SharedAccessKey"]
    assert first["SharedAccessKey"] not in api.get(BASE).text
    assert api.delete(f"{BASE}/reader").status_code == 204
    assert api.delete(f"{BASE}/reader").status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "a b", "rights": ["registry_read"]}, 422),
        ({"name": "fine", "rights": ["everything"]}, 422),
        ({"name": "fine", "rights": []}, 422),
        ({"name": "device", "rights": ["registry_read"]}, 422),
        ({"name": "fine", "rights": ["registry_read"], "lifetime_days": 731}, 422),
    ],
)
def test_what_cannot_be_a_policy_is_refused(api: httpx.Client, body: dict[str, Any], status: int) -> None:
    assert api.post(BASE, json=body).status_code == status


def test_nobody_without_credentials_sees_policies(anonymous: httpx.Client) -> None:
    assert anonymous.get(BASE).status_code == 401
    assert anonymous.post(f"{BASE}/iothubowner/connection-string", json={}).status_code == 401


def test_a_browser_is_not_told_a_key(platform: RunningPlatform, api: httpx.Client) -> None:
    browser = ConsoleClient(platform.url).follow(api.post("/v1/login-links").json()["url"])
    try:
        answer = browser.http.post(f"{BASE}/iothubowner/connection-string", json={})
        made = browser.http.post(BASE, json={"name": "by-link", "rights": ["registry_read"]})
    finally:
        browser.close()
    assert (answer.status_code, answer.json()["code"]) == (403, "api.may_not_let_in")
    assert (made.status_code, made.json()["code"]) == (403, "api.may_not_let_in")


def test_a_device_lives_and_dies_by_the_service_api(service: httpx.Client, new_name: Callable[[], str]) -> None:
    name = new_name()
    wanted = {"deviceId": name, "authentication": {"type": "certificateAuthority"}}
    made = service.put(f"/devices/{name}", params={"api-version": "2021-04-12"}, json=wanted)
    assert made.status_code == 200
    assert made.headers["etag"] == f'"{made.json()["etag"]}"'
    assert refusal(service.put(f"/devices/{name}", json=wanted)) == (409, "DeviceAlreadyExists")

    disabled = service.put(f"/devices/{name}", json={"status": "disabled"}, headers={"If-Match": made.headers["etag"]})
    assert (disabled.json()["status"], disabled.json()["authentication"]["type"]) == (
        "disabled",
        "certificateAuthority",
    )
    stale = service.put(f"/devices/{name}", json={"status": "enabled"}, headers={"If-Match": made.headers["etag"]})
    assert refusal(stale) == (412, "PreconditionFailed")
    unsaid = service.put(f"/devices/{name}", json={}, headers={"If-Match": "*"})
    assert unsaid.json()["status"] == "disabled"

    twin = service.get(f"/twins/{name}")
    document = {"tags": {"a": 1}, "properties": {"desired": {"x": {"y": 1}}}}
    patched = service.patch(f"/twins/{name}", json=document, headers={"If-Match": twin.headers["etag"]})
    assert patched.json()["properties"]["desired"]["x"] == {"y": 1}
    replaced = service.put(f"/twins/{name}", json={"tags": {"b": 2}}, headers={"If-Match": "*"})
    assert replaced.json()["tags"] == {"b": 2}
    assert replaced.json()["properties"]["desired"].keys() == {"$metadata", "$version"}
    stale = service.patch(f"/twins/{name}", json=document, headers={"If-Match": twin.headers["etag"]})
    assert refusal(stale) == (412, "PreconditionFailed")

    assert refusal(service.post(f"/twins/{name}/methods", json={"methodName": "x"})) == (404, "DeviceNotOnline")
    assert service.delete(f"/devices/{name}/commands").json()["totalMessagesPurged"] == 0
    assert refusal(service.delete(f"/devices/{name}", headers={"If-Match": made.headers["etag"]}))[0] == 412
    assert service.delete(f"/devices/{name}", headers={"If-Match": "*"}).status_code == 204
    assert refusal(service.get(f"/devices/{name}")) == (404, "DeviceNotFound")


def test_a_query_goes_on_where_its_page_ended(service: httpx.Client, new_name: Callable[[], str]) -> None:
    names = sorted(new_name() for _ in range(3))
    items = [
        {"id": name, "importMode": "Create", "authentication": {"type": "none"}, "tags": {"of": names[0]}}
        for name in names
    ]
    assert service.post("/devices", json=items).json() == {"isSuccessful": True, "errors": [], "warnings": []}
    query = {"query": "SELECT * FROM devices WHERE tags.of = 'NAME'".replace("NAME", names[0])}
    found: list[str] = []
    headers = {"x-ms-max-item-count": "2"}
    while True:
        page = service.post("/devices/query", json=query, headers=headers)
        assert page.headers["x-ms-item-type"] == "Twin"
        found += [twin["deviceId"] for twin in page.json()]
        if "x-ms-continuation" not in page.headers:
            break
        headers["x-ms-continuation"] = page.headers["x-ms-continuation"]
    assert sorted(found) == names
    count = service.post("/devices/query", json={"query": "SELECT COUNT() AS n FROM devices"})
    assert count.headers["x-ms-item-type"] == "Raw"
    assert count.json()[0]["n"] >= 3
    assert refusal(service.post("/devices/query", json={"query": "SELECT"})) == (400, "ArgumentInvalid")
    assert refusal(service.post("/devices/query", json=query, headers={"x-ms-continuation": "x"}))[0] == 400

    changes = [
        {"id": names[0], "importMode": "delete"},
        {"id": names[1], "importMode": "updateIfMatchETag"},
        {"id": "+"},
    ]
    answer = service.post("/devices", json=changes)
    assert answer.status_code == 400
    assert [each["deviceId"] for each in answer.json()["errors"]] == [names[1], "+"]


def test_feedback_is_locked_until_it_is_completed(
    service: httpx.Client, api: httpx.Client, new_name: Callable[[], str]
) -> None:
    name = new_name()
    api.post("/v1/devices", json={"device_id": name}).raise_for_status()
    api.post(f"/v1/devices/{name}/commands", json={"body": "x", "message_id": "m-1", "ack": "full"}).raise_for_status()
    path = "/messages/serviceBound/feedback"
    assert service.delete(f"/devices/{name}/commands").json()["totalMessagesPurged"] == 1
    batch = service.get(path)
    (mine,) = [each for each in batch.json() if each["deviceId"] == name]
    assert (mine["originalMessageId"], mine["statusCode"]) == ("m-1", "Purged")
    lock = batch.headers["etag"].strip('"')
    assert service.get(path).status_code == 204
    assert service.post(f"{path}/{lock}/abandon").status_code == 204
    lock = service.get(path).headers["etag"].strip('"')
    assert service.delete(f"{path}/{lock}").status_code == 204
    assert refusal(service.delete(f"{path}/{lock}"))[0] == 412
    assert service.get(path).status_code == 204


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/configurations", (501, "NotSupported")),
        ("PUT", "/jobs/v2/j1", (501, "NotSupported")),
        ("GET", "/digitaltwins/d1", (501, "NotSupported")),
        ("GET", "/nowhere", (404, "NotFound")),
        ("PATCH", "/devices", (405, "InvalidOperation")),
        ("GET", "/devices?top=0", (400, "ArgumentInvalid")),
        ("GET", "/devices/a+b", (400, "ArgumentInvalid")),
        ("GET", "/devices/%00", (400, "ArgumentInvalid")),
        ("PUT", "/devices/no-body", (400, "ArgumentInvalid")),
    ],
)
def test_every_refusal_has_the_shape_of_the_hub(
    service: httpx.Client, method: str, path: str, expected: tuple[int, str]
) -> None:
    assert refusal(service.request(method, path)) == expected


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b'{"status": 7}', 400),
        (b'{"statusReason": "\\u0000"}', 400),
        (b'{"authentication": {"type": "sas", "symmetricKey": {"primaryKey": "AA=="}}}', 400),
        (b'{"authentication": {"type": "sas"}}', 400),
        (b'{"statusReason": "' + b"x" * 1_100_000 + b'"}', 413),
        (b"[" * 5000, 400),
    ],
    ids=["broken", "array", "number", "nul", "short key", "keys are off", "too large", "deep"],
)
def test_a_body_that_is_no_device_is_refused(service: httpx.Client, body: bytes, status: int) -> None:
    assert refusal(service.put("/devices/bad-body", content=body))[0] == status


def test_calls_without_a_genuine_token_are_refused_before_all_else(service: httpx.Client, api: httpx.Client) -> None:
    for token in ("", "Bearer x", "SharedAccessSignature sr=x", api.headers["Authorization"]):
        answer = service.put("/devices/x", content=b"x" * 10, headers={"Authorization": token})
        assert refusal(answer)[0] in {401, 429}
    assert service.get("/statistics/devices").status_code == 200
