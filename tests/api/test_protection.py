from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from running_platform import RunningPlatform

from vedette.api import build_openapi
from vedette.app.http_server import CONNECTIONS_MAX

PROBLEM = "application/problem+json"
DOCUMENT = build_openapi()
# What strangers may call has tests of its own: test_login.py.
OPERATIONS = [
    pytest.param(method, path, id=f"{method} {path}")
    for path, item in DOCUMENT["paths"].items()
    if not path.startswith("/login/")
    for method in item
]


# What stands in the way before anything is looked for: here no provider is configured, and the host's token is nobody.
EARLIER = {
    "/v1/people/{person_id}/identities": "operators.oidc_off",
    "/v1/identities/{external_id}": "operators.oidc_off",
    "/v1/device-authorizations/{user_code}/approve": "operators.person_needed",
    "/v1/device-authorizations/{user_code}/deny": "operators.person_needed",
    "/v1/mud-files/{asset_id}/compare": "network.invalid_mud",
    "/v1/vulnerability-feeds/{feed}": "api.invalid_request",  # there are two, and no others can be
}

# Whose bodies are parts of files.
PARTS = {"/v1/captures/{capture_id}/content": {"Content-Type": "application/octet-stream"}}


def filled(path: str) -> str:
    for name, value in {
        "{device_id}": "nobody",
        "{module_id}": "none",
        "{registration_id}": "nobody",
        "{name}": "reboot",
        "{group}": "grp_00000000000000000000000000",
        "{alert_id}": "aln_00000000000000000000000000",
        "{sha256}": "0" * 64,
        "{enrollment_id}": "enr_00000000000000000000000000",
        "{authority_id}": "ath_00000000000000000000000000",
        "{entry_id}": "ale_00000000000000000000000000",
        "{person_id}": "per_00000000000000000000000000",
        "{session_id}": "ses_00000000000000000000000000",
        "{passkey_id}": "pky_00000000000000000000000000",
        "{position}": "999999",
        "{cursor}": "999999999",
        "{sequence}": "999999999",
        "{bundle}": "f" * 64,
        "{number}": "999999",
        "{review_id}": "rev_00000000000000000000000000",
    }.items():
        if name == "{entry_id}" and "/reviews/" in path:
            path = path.replace(name, "l1")
        path = path.replace(name, value)
    return path


def body_of(method: str, path: str) -> Any:
    """Return a body that is well-formed for an operation."""
    if method not in {"post", "patch", "put"}:
        return None
    known: dict[str, Any] = {
        "/twin": {"tags": {}, "desired": {}},
        "/modules": {"module_id": "none"},
        "/rotate": {"slot": "primary"},
        "/add": {"device_ids": ["nobody"]},
        "/remove": {"device_ids": ["nobody"]},
        "/hub-trust": {"is_hub_trusted": True},
        "/grants": {"role": "operator"},
        "/sign": {"outcome": "kept"},
        "/signals": {"signal_class": "hot", "source": "test"},
        "/canary": {"group": "none"},
        "/simulate": {},
        **{
            end: {"reason": "test"}
            for end in ("/withdraw", "/quarantine", "/recover", "/sign-off", "/release", "/close")
        },
        "/quarantine/approve": {"reason": "test"},
        "{bundle}/approve": {"reason": "test"},
        "{approval_id}/approve": {},
        "/approve": {"binding_sha256": "0" * 64},
        "/reject": {"reason": "test"},
        "/lifecycle": {"target": "shipped"},
        "/certificates": {"csr": "AAAA"},
        "/verify": {"certificate": "AAAA"},
        "/disable": {"reason": "test"},
        "/retire": {"reason": "test"},
        "/allow-reenrollment": {"reason": "test"},
        "/acknowledge": {"reason": "test"},
        "{alert_id}/close": {"verdict": "benign", "reason": "test"},
        "{alert_id}/merge": {"alert_ids": ["alr_00000000000000000000000000"], "reason": "test"},
        "/unmerge": {"reason": "test"},
        "{asset_id}/merge": {"into": "ast_00000000000000000000000000"},
        "/split": {"addresses": ["10.0.0.1"]},
        "/decide": {"verdict": "approved"},
        "bulk/external-connections": {"verdict": "undecided", "external_ids": ["0"]},
        "v1/address-list": {"content": "AAAA", "list_id": "adl_00000000000000000000000000"},
        "{advisory_key}/remove": {"reason": "test"},
        "/accept": {"owner": "test", "reason": "test", "until": "2030-01-01T00:00:00Z"},
        "/reopen": {"reason": "test"},
        "/members": {"asset_ids": ["ast_00000000000000000000000000"]},
        "/compare": {"document": "{}"},
    }
    ends = [end for end in known if path.endswith(end)]
    return known[max(ends, key=len)] if ends else {}


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_nothing_answers_without_credentials(anonymous: httpx.Client, method: str, path: str) -> None:
    answer = anonymous.request(method, filled(path))
    assert answer.status_code == 401
    assert answer.headers["content-type"] == PROBLEM
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["code"] == "api.unauthenticated"


@pytest.mark.parametrize(
    ("method", "path"), [each for each in OPERATIONS if "{" in str(each.values[1]) and each.values[0] != "patch"]
)
def test_what_is_not_there_is_not_found(api: httpx.Client, method: str, path: str) -> None:
    if path.endswith("/proof"):
        return  # a proof of what is not there is refused with 422, as is any that cannot be
    parameters = {each["name"] for each in DOCUMENT["paths"][path][method].get("parameters", ())}
    query = {"reason": "test"} if method == "delete" and "reason" in parameters else None
    if path in PARTS and method == "put":
        answer = api.put(filled(path), content=b"x", params={"offset": 0}, headers=PARTS[path])
    else:
        answer = api.request(method, filled(path), json=body_of(method, path), params=query)
    if code := EARLIER.get(path):
        assert answer.json()["code"] == code
        return
    # A certificate that cannot be read is told before the device is looked for.
    assert answer.status_code == 404 or path.endswith("/verify"), answer.text
    assert answer.headers["content-type"] == PROBLEM


@pytest.mark.parametrize(
    ("method", "path"),
    [each for each in OPERATIONS if each.values[0] in {"post", "patch", "put"} and each.values[1] not in PARTS],
)
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"{", id="cut off"),
        pytest.param(b'{"reason": NaN}', id="NaN"),
        pytest.param(b'{"reason": "\\ud800"}', id="lone surrogate"),
        pytest.param(b'{"reason": "a\\u0000b"}', id="NUL"),
        pytest.param(b"\xff\xfe", id="not UTF-8"),
        pytest.param(b"[" * 100_000, id="absurd depth"),
    ],
)
def test_a_body_that_is_no_json_is_refused(api: httpx.Client, method: str, path: str, body: bytes) -> None:
    answer = api.request(method, filled(path), content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["code"] == "api.invalid_body"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("/v1/devices", {}, id="missing member"),
        pytest.param("/v1/devices", {"device_id": "x", "colour": "red"}, id="unknown member"),
        pytest.param("/v1/devices", {"device_id": 7}, id="wrong type"),
        pytest.param("/v1/devices", [], id="no object"),
        pytest.param("/v1/devices", {"device_id": "x", "hold_s": -1}, id="outside its limits"),
        pytest.param("/v1/devices", {"device_id": "x", "tags": {"a.b": 1}}, id="a tag that cannot be"),
        pytest.param("/v1/enrollments", {"name": "x", "kind": "group"}, id="group without authority"),
        pytest.param("/v1/enrollments", {"name": "x", "kind": "individual"}, id="individual without certificate"),
        pytest.param("/v1/authorities", {"name": "x", "certificate": "nothing"}, id="no certificate"),
        pytest.param("/v1/access-lists", {"effect": "block", "kind": "device_id", "value": "x"}, id="no reason"),
        pytest.param("/v1/access-lists", {"effect": "maybe", "kind": "device_id", "value": "x"}, id="no effect"),
        pytest.param("/v1/bulk/devices", {"device_ids": [], "is_enabled": True}, id="nobody named"),
        pytest.param("/v1/bulk/devices", {"device_ids": ["x"] * 1001, "is_enabled": True}, id="too many named"),
    ],
)
def test_a_body_outside_its_limits_is_refused_with_the_reason(api: httpx.Client, path: str, body: Any) -> None:
    answer = api.post(path, json=body)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "limit=x", "after=" + "x" * 300, "lifecycle=asleep", "tag=novalue", "is_enabled=perhaps"],
)
def test_a_query_outside_its_limits_is_refused(api: httpx.Client, query: str) -> None:
    answer = api.get(f"/v1/devices?{query}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == PROBLEM


@pytest.mark.parametrize("path", ["/v1/telemetry", "/v1/ledger/entries"])
@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_a_time_that_utc_has_not_is_refused(api: httpx.Client, path: str, moment: str) -> None:
    assert api.get(path, params={"since": moment}).status_code == 422


def test_a_page_of_the_limit_is_served(api: httpx.Client) -> None:
    assert api.get("/v1/devices", params={"limit": 1000}).status_code == 200


def test_a_body_at_the_limit_is_read_and_one_above_is_not(api: httpx.Client) -> None:
    limit = 1_048_576
    at_limit = json.dumps({"device_id": "x" * (limit - 17)}).encode()
    assert len(at_limit) == limit
    headers = {"Content-Type": "application/json"}
    assert api.post("/v1/devices", content=at_limit, headers=headers).status_code == 422
    above = api.post("/v1/devices", content=at_limit + b" ", headers=headers)
    assert above.status_code == 413
    assert above.json()["code"] == "api.body_too_large"


def test_a_body_without_a_length_is_counted(api: httpx.Client) -> None:
    answer = api.post("/v1/devices", content=(b" " * 65_536 for _ in range(17)))
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "media_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "text/json", "a" * 200]
)
def test_a_body_of_another_type_is_refused_as_such(api: httpx.Client, device: str, media_type: str) -> None:
    headers = {"Content-Type": media_type} if media_type else {}
    for path in ("/v1/devices", f"/v1/devices/{device}/methods/ping", f"/v1/devices/{device}/disable"):
        answer = api.post(path, content=b"{}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (415, "api.unsupported_media_type")
        assert "application/json" in answer.json()["hint"]


@pytest.mark.parametrize("media_type", ["application/json", "Application/JSON; charset=utf-8", "application/x+json"])
def test_json_may_be_called_so_in_several_ways(api: httpx.Client, new_name: Callable[[], str], media_type: str) -> None:
    body = json.dumps({"device_id": new_name()}).encode()
    assert api.post("/v1/devices", content=body, headers={"Content-Type": media_type}).status_code == 201


def test_an_unknown_path_and_method_are_problems(api: httpx.Client) -> None:
    missing = api.get("/v1/nothing")
    assert (missing.status_code, missing.json()["code"]) == (404, "api.not_found")
    wrong = api.put("/v1/devices")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "api.method_not_allowed")
    assert wrong.headers["content-type"] == PROBLEM


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", ""])
def test_another_host_is_refused(api: httpx.Client, host: str) -> None:
    answer = api.get("/healthz", headers={"Host": host})
    assert answer.status_code in {400, 421}


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1234", "127.0.0.1", "[::1]:8480", "localhost."])
def test_our_own_names_are_served(anonymous: httpx.Client, host: str) -> None:
    assert anonymous.get("/healthz", headers={"Host": host}).text == "ok\n"


@pytest.mark.parametrize("path", ["/status", "/healthz", "/login", "/v1/devices", "/v1/nothing", "/style.css"])
def test_every_answer_has_strict_headers(anonymous: httpx.Client, path: str) -> None:
    headers = anonymous.get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert "script-src" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == ("public, max-age=3600" if path == "/style.css" else "no-store")
    assert "server" not in headers


def test_a_precondition_that_does_not_hold_is_refused(api: httpx.Client, device: str) -> None:
    for tag, status in (('"9"', 412), ('W/"1"', 412), ('"x"', 412), ("5", 422), ('"1", "2"', 422), ("", 422)):
        answer = api.patch(f"/v1/devices/{device}", json={"site": "s"}, headers={"If-Match": tag})
        assert answer.status_code == status, tag
    assert api.patch(f"/v1/devices/{device}", json={"site": "s"}, headers={"If-Match": "*"}).status_code == 200


def test_a_head_that_never_ends_is_cut_off(platform: RunningPlatform) -> None:
    with socket.create_connection(("127.0.0.1", platform.ports["api"]), timeout=60) as peer:
        peer.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        try:
            for _ in range(200):
                peer.sendall(b"X-Long: " + b"x" * 1000 + b"\r\n")
            answer = peer.recv(1000)
        except ConnectionError:
            return
        assert not answer or b" 400 " in answer or b" 431 " in answer


@pytest.mark.parametrize("path", ["/v1/devices", "/logout", "/login"])
def test_a_strangers_body_is_not_waited_for(platform: RunningPlatform, path: str) -> None:
    with socket.create_connection(("127.0.0.1", platform.ports["api"]), timeout=60) as peer:
        peer.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n".encode())
        assert peer.recv(1000).startswith(b"HTTP/1.1 ")


def test_whoever_only_holds_connections_keeps_nobody_out(platform: RunningPlatform, api: httpx.Client) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
    with contextlib.ExitStack() as stack:
        for number in range(CONNECTIONS_MAX + 50):
            peer = stack.enter_context(socket.create_connection(("127.0.0.1", platform.ports["api"]), timeout=60))
            if number % 2:
                peer.sendall(request + b"\r\n")
                peer.recv(1000)
            peer.sendall(request)
        assert api.get("/v1/devices").status_code == 200


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_parameter_that_is_none_is_refused(api: httpx.Client, device: str, method: str) -> None:
    refused = api.request(method, f"/v1/devices/{device}", params={"reasn": "test"})
    assert (refused.status_code, refused.json()["code"]) == (422, "api.invalid_request")
    assert "reasn" in refused.json()["detail"]
    refused = api.get("/v1/devices", params={"wher": "tags.site = 'north'"})
    assert refused.json()["hint"] == "did you mean where?"


def test_a_parameter_given_twice_is_refused_where_there_is_one_value(api: httpx.Client, device: str) -> None:
    refused = api.get("/v1/devices", params={"limit": [1, 2]})
    assert (refused.status_code, refused.json()["code"]) == (422, "api.invalid_request")
    assert refused.json()["detail"] == "the parameter 'limit' is given 2 times"
    assert api.get("/v1/alerts", params={"state": ["open", "closed"]}).status_code == 200
    traced = api.request("TRACE", f"/v1/devices/{device}", content=b"\0", headers={"Content-Type": "image/png"})
    assert traced.status_code == 405
