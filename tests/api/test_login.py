"""What strangers may call, and what people do with their passkeys and recovery codes."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from console_client import OWN_PAGE, ConsoleClient
from running_platform import RunningPlatform

PROBLEM = "application/problem+json"
OPEN = ["/login/passkey/options", "/login/passkey", "/login/recovery"]
CREDENTIAL: dict[str, Any] = {
    "id": "AAAA",
    "rawId": "AAAA",
    "type": "public-key",
    "response": {"clientDataJSON": "AAAA", "authenticatorData": "AAAA", "signature": "AAAA", "userHandle": "AAAA"},
}


@pytest.fixture
def new_browser(platform: RunningPlatform) -> Iterator[Callable[[], ConsoleClient]]:
    """Return browsers that nobody has logged in yet."""
    made: list[ConsoleClient] = []

    def make() -> ConsoleClient:
        made.append(ConsoleClient(platform.url))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def new_person(
    new_browser: Callable[[], ConsoleClient], api: httpx.Client, new_name: Callable[[], str]
) -> Callable[[], tuple[ConsoleClient, list[str]]]:
    """Return people with a passkey, and their recovery codes."""

    def make() -> tuple[ConsoleClient, list[str]]:
        browser = new_browser().follow(api.post("/v1/login-links").json()["url"])
        return browser, browser.register(new_name())["recovery_codes"]

    return make


def test_who_registered_logs_in_by_passkey_and_has_a_new_session(
    new_person: Callable[[], tuple[ConsoleClient, list[str]]],
) -> None:
    person, codes = new_person()
    before = person.who()
    assert len(codes) == 10
    person.log_out()
    answer = person.log_in()
    assert answer.status_code == 200, answer.text
    after = answer.json()
    assert (after["person_id"], after["kind"]) == (before["person_id"], "passkey")
    assert after["session_id"] != before["session_id"]
    assert person.who() == after


def test_a_login_replaces_the_session_that_the_browser_had(
    new_person: Callable[[], tuple[ConsoleClient, list[str]]], platform: RunningPlatform
) -> None:
    person, _ = new_person()
    with httpx.Client(
        base_url=platform.url, cookies=person.http.cookies, headers={"User-Agent": "Test/1.0"}, timeout=60
    ) as copy:
        person.log_in().raise_for_status()
        assert copy.get("/v1/session").status_code == 401


def test_a_recovery_code_logs_in_once(new_person: Callable[[], tuple[ConsoleClient, list[str]]]) -> None:
    person, codes = new_person()
    person.log_out()
    answer = person.http.post("/login/recovery", json={"code": codes[3].upper()})
    assert (answer.status_code, answer.json()["kind"]) == (200, "recovery")
    assert person.who()["recovery_codes_left"] == 9
    refused = person.http.post("/login/recovery", json={"code": codes[3]})
    assert (refused.status_code, refused.json()["code"]) == (401, "operators.login_failed")
    assert person.who()["kind"] == "recovery"


def test_new_codes_void_the_former_ones(new_person: Callable[[], tuple[ConsoleClient, list[str]]]) -> None:
    person, codes = new_person()
    fresh = person.http.post("/v1/recovery-codes").raise_for_status().json()["recovery_codes"]
    assert person.http.post("/login/recovery", json={"code": codes[0]}).status_code in {401, 429}
    assert person.http.post("/login/recovery", json={"code": fresh[0]}).status_code == 200


def test_what_is_shown_once_is_not_kept_for_a_repeated_request(
    new_person: Callable[[], tuple[ConsoleClient, list[str]]],
) -> None:
    person, _ = new_person()
    headers = {"Idempotency-Key": "codes"}
    first = person.http.post("/v1/recovery-codes", headers=headers)
    again = person.http.post("/v1/recovery-codes", headers=headers)
    assert "idempotent-replayed" not in again.headers
    assert not set(first.json()["recovery_codes"]) & set(again.json()["recovery_codes"])


def test_a_second_passkey_is_added_and_removed(
    new_person: Callable[[], tuple[ConsoleClient, list[str]]], api: httpx.Client
) -> None:
    person, _ = new_person()
    added = person.register(name="phone")
    assert added["recovery_codes"] == []
    own = {"person_id": person.who()["person_id"]}
    listed = person.http.get("/v1/passkeys", params=own).json()["items"]
    assert [each["name"] for each in listed] == ["laptop", "phone"]
    assert set(listed[0]) == {
        "passkey_id",
        "person_id",
        "name",
        "is_synced",
        "transports",
        "created_at",
        "last_used_at",
    }
    path = f"/v1/passkeys/{listed[0]['passkey_id']}"
    assert person.http.delete(path).status_code == 204
    assert person.http.delete(path).status_code == 404
    assert person.who()["passkeys"] == 1
    actions = [
        each["action"]
        for each in api.get("/v1/ledger/entries", params={"target": listed[0]["passkey_id"]}).json()["items"]
    ]
    assert actions == ["operators.add_passkey", "operators.remove_passkey"]


def test_a_disabled_person_is_out_until_enabled(
    new_person: Callable[[], tuple[ConsoleClient, list[str]]], api: httpx.Client
) -> None:
    person, codes = new_person()
    path = f"/v1/people/{person.who()['person_id']}"
    assert api.post(f"{path}/disable", json={}).status_code == 422
    disabled = api.post(f"{path}/disable", json={"reason": "left"})
    assert disabled.json()["is_disabled"]
    assert person.http.get("/v1/session").status_code == 401
    refused = person.log_in()
    assert (refused.status_code, refused.json()["code"]) == (403, "operators.person_disabled")
    assert person.http.post("/login/recovery", json={"code": codes[0]}).status_code == 403
    assert not api.post(f"{path}/enable", json={"reason": "back"}).json()["is_disabled"]
    assert person.log_in().status_code == 200


def test_people_name_themselves_and_nobody_else(
    new_person: Callable[[], tuple[ConsoleClient, list[str]]], api: httpx.Client, new_name: Callable[[], str]
) -> None:
    (one, _), (other, _) = new_person(), new_person()
    name = f"{new_name()} the first"
    path = f"/v1/people/{one.who()['person_id']}"
    shown = one.http.get(path)
    renamed = one.http.patch(path, json={"name": name}, headers={"If-Match": shown.headers["etag"]})
    assert (renamed.status_code, renamed.json()["name"]) == (200, name)
    assert one.http.patch(path, json={"name": "x"}, headers={"If-Match": shown.headers["etag"]}).status_code == 412
    refused = other.http.patch(path, json={"name": "Mallory"})
    assert (refused.status_code, refused.json()["code"]) == (403, "api.not_yourself")
    own = f"/v1/people/{other.who()['person_id']}"
    taken = other.http.patch(own, json={"name": name.upper()})
    assert (taken.status_code, taken.json()["code"]) == (409, "operators.person_exists")
    assert other.http.patch(own, json={"name": "a\u202eb"}).status_code == 422
    assert api.patch(path, json={"name": new_name()}).status_code == 200


def test_a_person_is_deleted_with_a_reason(
    new_person: Callable[[], tuple[ConsoleClient, list[str]]], api: httpx.Client
) -> None:
    person, _ = new_person()
    path = f"/v1/people/{person.who()['person_id']}"
    assert api.delete(path).status_code == 422
    assert api.delete(path, params={"reason": "left"}).status_code == 204
    assert api.get(path).status_code == 404
    assert person.log_in().status_code in {401, 429}


def test_a_token_registers_no_passkey(api: httpx.Client) -> None:
    for path, body in (("/v1/passkey-options", {"person_name": "x"}), ("/v1/recovery-codes", None)):
        refused = api.post(path, json=body)
        assert (refused.status_code, refused.json()["code"]) == (403, "operators.person_needed")


def test_no_passkey_is_asked_for_under_an_address(new_browser: Callable[[], ConsoleClient], api: httpx.Client) -> None:
    browser = new_browser()
    refused = browser.http.post("/login/passkey/options", headers={"Host": "127.0.0.1:8480"})
    assert (refused.status_code, refused.json()["code"]) == (409, "operators.passkeys_impossible")
    assert "localhost" in refused.json()["hint"]
    here = api.get("/v1/session", headers={"Host": "127.0.0.1:8480"}).json()["passkeys_here"]
    assert not here["is_possible"]
    assert "127.0.0.1" in here["why_not"]
    assert api.get("/v1/session").json()["passkeys_here"]["is_possible"]


def test_an_answer_counts_once_and_for_its_browser_alone(
    new_person: Callable[[], tuple[ConsoleClient, list[str]]], new_browser: Callable[[], ConsoleClient]
) -> None:
    person, _ = new_person()
    asked = person.http.post("/login/passkey/options").json()
    answer = {"credential": person.authenticator.sign(asked["options"])}
    thief = new_browser()
    thief.http.post("/login/passkey/options").raise_for_status()
    assert thief.http.post("/login/passkey", json=answer).status_code in {401, 429}
    cookies = dict(person.http.cookies)
    assert person.http.post("/login/passkey", json=answer).status_code == 200
    # Even with the browser's own cookies of that moment.
    with httpx.Client(base_url=person.url, headers=OWN_PAGE, cookies=cookies, timeout=60) as again:
        refused = again.post("/login/passkey", json=answer)
    assert refused.status_code in {401, 429}


def test_what_a_page_elsewhere_registered_is_refused(
    new_browser: Callable[[], ConsoleClient], api: httpx.Client, new_name: Callable[[], str]
) -> None:
    browser = new_browser().follow(api.post("/v1/login-links").json()["url"])
    browser.authenticator.origin = "http://localhost:1"
    name = new_name()
    asked = browser.http.post("/v1/passkey-options", json={"person_name": name}).json()
    credential = browser.authenticator.make(asked["options"])
    body = {"credential": credential, "name": "laptop", "person_name": name}
    refused = browser.http.post("/v1/passkeys", json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "operators.invalid_passkey")
    assert name not in [each["name"] for each in api.get("/v1/people").json()["items"]]


@pytest.mark.parametrize("path", OPEN)
@pytest.mark.parametrize(
    "headers",
    [{}, {"Sec-Fetch-Site": "same-origin"}, OWN_PAGE | {"Sec-Fetch-Site": "cross-site"}],
    ids=["nothing said", "a form", "a page elsewhere"],
)
def test_no_page_elsewhere_logs_a_browser_in(anonymous: httpx.Client, path: str, headers: dict[str, str]) -> None:
    body = {"code": "x"} if path.endswith("recovery") else {"credential": CREDENTIAL}
    refused = anonymous.post(path, json=body, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "api.cross_site_request")


@pytest.mark.parametrize("path", OPEN[1:])
@pytest.mark.parametrize(
    ("body", "statuses"),
    [
        pytest.param(b"{", {400}, id="no JSON"),
        pytest.param(b"[" * 10_000, {400}, id="absurd depth"),
        pytest.param(b"{}", {422}, id="nothing in it"),
        pytest.param(b" " * 16_385, {413}, id="too long"),
        pytest.param(b'{"code": "x", "credential": 7}', {422}, id="wrong type"),
    ],
)
def test_what_strangers_send_is_bounded(anonymous: httpx.Client, path: str, body: bytes, statuses: set[int]) -> None:
    answer = anonymous.post(path, content=body, headers=OWN_PAGE | {"Content-Type": "application/json"})
    assert answer.status_code in statuses, answer.text
    assert answer.headers["content-type"] == PROBLEM


def test_a_strangers_slow_body_is_not_waited_for_long(platform: RunningPlatform) -> None:
    with socket.create_connection(("127.0.0.1", platform.ports["api"]), timeout=60) as peer:
        head = "POST /login/recovery HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
        peer.sendall(head.encode())
        assert peer.recv(1000).startswith(b"HTTP/1.1 408")


def test_many_failures_hear_to_wait_and_the_right_person_still_gets_in(
    new_person: Callable[[], tuple[ConsoleClient, list[str]]], anonymous: httpx.Client
) -> None:
    person, _ = new_person()
    person.log_out()
    answers = [
        anonymous.post("/login/recovery", json={"code": f"{number:020d}"}, headers=OWN_PAGE) for number in range(30)
    ]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0
    assert anonymous.post("/login/passkey", json={"credential": CREDENTIAL}, headers=OWN_PAGE).status_code == 429
    assert person.log_in().status_code == 200


def test_no_secret_reaches_the_log(
    new_person: Callable[[], tuple[ConsoleClient, list[str]]], platform: RunningPlatform
) -> None:
    person, codes = new_person()
    person.http.post("/login/recovery", json={"code": codes[0]}).raise_for_status()
    log = platform.log()
    for secret in (*codes, *dict(person.http.cookies).values()):
        assert secret not in log
