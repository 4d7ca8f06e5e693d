from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from console_client import OWN_PAGE, ConsoleClient
from running_platform import RunningPlatform

SAME_BROWSER = {"User-Agent": "Test/1.0"}


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
def new_link(api: httpx.Client) -> Callable[[], str]:
    return lambda: str(api.post("/v1/login-links").raise_for_status().json()["url"])


@pytest.fixture
def browser(new_browser: Callable[[], ConsoleClient], new_link: Callable[[], str]) -> ConsoleClient:
    """Return a browser that followed a one-time link."""
    return new_browser().follow(new_link())


@pytest.fixture
def person(browser: ConsoleClient, new_name: Callable[[], str]) -> ConsoleClient:
    """Return a browser whose person has a passkey."""
    browser.register(new_name())
    return browser


def test_a_link_logs_in_once(platform: RunningPlatform, new_link: Callable[[], str]) -> None:
    url = new_link()
    assert url.startswith(f"{platform.url}/login?token=")
    first = httpx.get(url, timeout=60)
    assert first.status_code == 303
    assert first.headers["location"] == "/"
    cookie = first.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/" in cookie
    again = httpx.get(url, timeout=60)
    assert again.status_code in {401, 429}  # another test may have failed often
    assert "vedette login-link" in again.text


def test_looking_ahead_uses_no_link_up(new_link: Callable[[], str]) -> None:
    url = new_link()
    assert httpx.get(url, headers={"Sec-Purpose": "prefetch;prerender"}, timeout=60).status_code == 403
    assert httpx.get(url, timeout=60).status_code == 303


def test_the_link_that_up_prints_logs_in(platform: RunningPlatform) -> None:
    url = next(line for line in platform.log().splitlines() if "/login?token=" in line)
    assert httpx.get(url, timeout=60).status_code in {303, 401}  # another test may have used it up


def test_a_links_session_acts_with_its_own_name_on_record(
    browser: ConsoleClient, api: httpx.Client, device: str
) -> None:
    who = browser.who()
    assert (who["kind"], who["person_id"], who["may_let_in"]) == ("link", None, False)
    done = browser.http.post(f"/v1/devices/{device}/disable", json={"reason": "by hand"})
    assert done.status_code == 200, done.text
    shown = api.get(f"/v1/devices/{device}").json()
    last = api.get("/v1/ledger/entries", params={"target": shown["generation_id"]}).json()["items"][-1]
    assert last["actor"] == {"kind": "operator", "id": who["actor_id"], "name": "one-time link"}
    assert who["actor_id"].startswith("link:lnk_")


def test_a_persons_acts_bear_their_name(person: ConsoleClient, api: httpx.Client, device: str) -> None:
    who = person.who()
    assert (who["kind"], who["may_let_in"], who["passkeys"], who["recovery_codes_left"]) == ("passkey", True, 1, 10)
    person.http.post(f"/v1/devices/{device}/disable", json={"reason": "by hand"}).raise_for_status()
    shown = api.get(f"/v1/devices/{device}").json()
    last = api.get("/v1/ledger/entries", params={"target": shown["generation_id"]}).json()["items"][-1]
    assert last["actor"] == {"kind": "operator", "id": who["person_id"], "name": who["name"]}


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="nothing said"),
        pytest.param({"Sec-Fetch-Site": "same-origin"}, id="no own header"),
        pytest.param({"X-Requested-With": "vedette-console"}, id="nobody says where from"),
        pytest.param(OWN_PAGE | {"X-Requested-With": "XMLHttpRequest"}, id="somebody else's header"),
        pytest.param(OWN_PAGE | {"Sec-Fetch-Site": "cross-site"}, id="page elsewhere"),
        pytest.param(OWN_PAGE | {"Sec-Fetch-Site": "same-site"}, id="page on another port or subdomain"),
        pytest.param(OWN_PAGE | {"Sec-Fetch-Site": "none"}, id="address bar"),
        pytest.param(OWN_PAGE | {"Sec-Fetch-Site": "same-origin, cross-site"}, id="two words"),
        pytest.param({"X-Requested-With": "vedette-console", "Origin": "null"}, id="origin of nobody"),
        pytest.param({"X-Requested-With": "vedette-console", "Origin": "http://localhost"}, id="other port"),
        pytest.param({"X-Requested-With": "vedette-console", "Origin": "http://evil.example"}, id="other origin"),
        pytest.param({"X-Requested-With": "vedette-console", "Origin": "http://["}, id="malformed origin"),
        pytest.param(
            OWN_PAGE | {"Sec-Fetch-Site": "cross-site", "Origin": "OWN"}, id="own origin, and yet from elsewhere"
        ),
    ],
)
@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/login-links"), ("DELETE", "/v1/session")])
def test_a_page_elsewhere_changes_nothing_by_cookie(
    browser: ConsoleClient, platform: RunningPlatform, headers: dict[str, str], method: str, path: str
) -> None:
    told = {name: platform.url if value == "OWN" else value for name, value in headers.items()}
    with httpx.Client(base_url=platform.url, cookies=browser.http.cookies, headers=told, timeout=60) as attacker:
        refused = attacker.request(method, path)
    assert refused.status_code == 403, refused.text
    assert refused.json()["code"] == "api.cross_site_request"
    assert browser.who()["kind"] == "link"


def test_the_own_origin_is_taken_from_browsers_that_say_no_more(
    person: ConsoleClient, platform: RunningPlatform
) -> None:
    headers = {"X-Requested-With": "vedette-console", "Origin": platform.url, "User-Agent": "Test/1.0"}
    with httpx.Client(base_url=platform.url, cookies=person.http.cookies, headers=headers, timeout=60) as older:
        assert older.post("/v1/login-links").status_code == 201


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_elsewhere_reads_nothing_by_cookie(browser: ConsoleClient, site: str) -> None:
    refused = browser.http.get("/v1/devices", headers={"Sec-Fetch-Site": site})
    assert (refused.status_code, refused.json()["code"]) == (403, "api.cross_site_request")
    assert browser.http.get("/v1/devices", headers={"Sec-Fetch-Site": "none"}).status_code == 200


def test_a_token_needs_no_page(platform: RunningPlatform, device: str) -> None:
    headers = {"Authorization": f"Bearer {platform.token}", "Sec-Fetch-Site": "cross-site"}
    answer = httpx.post(
        f"{platform.url}/v1/devices/{device}/disable", json={"reason": "x"}, headers=headers, timeout=60
    )
    assert answer.status_code == 200


def test_a_wrong_token_beside_a_good_cookie_is_refused(browser: ConsoleClient) -> None:
    assert browser.http.get("/v1/session", headers={"Authorization": "Bearer wrong"}).status_code in {401, 429}


def test_only_a_token_and_a_person_with_a_passkey_make_links(person: ConsoleClient, api: httpx.Client) -> None:
    assert person.http.post("/v1/login-links").status_code == 201
    assert api.post("/v1/login-links").status_code == 201


@pytest.mark.parametrize("kind", ["link", "recovery"])
def test_what_was_begun_without_a_passkey_lets_nobody_in(
    new_browser: Callable[[], ConsoleClient], new_link: Callable[[], str], new_name: Callable[[], str], kind: str
) -> None:
    browser = new_browser().follow(new_link())
    if kind == "recovery":
        codes = browser.register(new_name())["recovery_codes"]
        browser.http.post("/login/recovery", json={"code": codes[0]}).raise_for_status()
    assert browser.who()["kind"] == kind
    person_id = browser.who()["person_id"] or "per_00000000000000000000000000"
    for path in ("/v1/login-links", f"/v1/people/{person_id}/enable"):
        refused = browser.http.post(path, json={})
        assert (refused.status_code, refused.json()["code"]) == (403, "api.may_not_let_in")


def test_logging_out_ends_the_session_for_whoever_copied_it(browser: ConsoleClient, platform: RunningPlatform) -> None:
    with httpx.Client(base_url=platform.url, cookies=browser.http.cookies, headers=SAME_BROWSER, timeout=60) as copy:
        assert copy.get("/v1/session").status_code == 200
        browser.log_out()
        assert copy.get("/v1/session").status_code == 401
        assert copy.get("/status").status_code == 401
    assert browser.http.get("/v1/session").status_code == 401


def test_a_page_without_script_logs_out_too(browser: ConsoleClient, platform: RunningPlatform) -> None:
    with httpx.Client(base_url=platform.url, cookies=browser.http.cookies, headers=SAME_BROWSER, timeout=60) as page:
        assert page.post("/logout").status_code == 403
        assert page.post("/logout", headers={"Sec-Fetch-Site": "same-site"}).status_code == 403
        assert page.get("/v1/session").status_code == 200
        assert page.post("/logout", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200
    assert browser.http.get("/v1/session").status_code == 401


def test_a_token_has_no_session_to_end(api: httpx.Client) -> None:
    assert api.get("/v1/session").json()["kind"] == "token"
    refused = api.delete("/v1/session")
    assert (refused.status_code, refused.json()["code"]) == (404, "operators.session_not_found")


def test_sessions_are_listed_and_ended(
    person: ConsoleClient, new_browser: Callable[[], ConsoleClient], api: httpx.Client
) -> None:
    elsewhere = new_browser()
    elsewhere.authenticator = person.authenticator
    assert elsewhere.log_in().status_code == 200
    own = {"person_id": person.who()["person_id"]}
    listed = person.http.get("/v1/sessions", params=own).json()["items"]
    assert [(each["kind"], each["is_current"], each["user_agent"], each["address"]) for each in listed] == [
        ("passkey", True, "Test/1.0", "127.0.0.1"),
        ("passkey", False, "Test/1.0", "127.0.0.1"),
    ]
    path = f"/v1/sessions/{listed[1]['session_id']}"
    assert person.http.delete(path, params={"reason": "lost"}).status_code == 204
    assert elsewhere.http.get("/v1/session").status_code == 401
    assert person.http.delete(path).status_code == 404
    entry = api.get("/v1/ledger/entries", params={"target": listed[1]["session_id"]}).json()["items"][-1]
    assert (entry["action"], entry["reason"]) == ("operators.end_session", "lost")


def test_a_stream_ends_soon_after_its_session(browser: ConsoleClient, api: httpx.Client, device: str) -> None:
    ended = threading.Event()
    began = threading.Event()

    def follow() -> None:
        with browser.http.stream("GET", "/v1/events") as answer:
            assert answer.status_code == 200
            for _ in answer.iter_raw():
                began.set()
        ended.set()

    thread = threading.Thread(target=follow)
    thread.start()
    assert began.wait(60)
    session_id = browser.who()["session_id"]
    api.delete(f"/v1/sessions/{session_id}").raise_for_status()
    for number in range(12):
        time.sleep(1)
        api.patch(f"/v1/devices/{device}", json={"site": f"site-{number}"}).raise_for_status()
        if ended.is_set():
            break
    assert ended.wait(60)
    thread.join()


def test_the_page_shows_the_platform_without_script_or_foreign_host(
    browser: ConsoleClient, platform: RunningPlatform
) -> None:
    page = browser.http.get("/status").text
    assert "Components" in page
    assert platform.state()["id_scope"] in page
    assert "<script" not in page
    assert "style=" not in page
    assert "http://" not in page.replace(platform.url, "")
    assert "https://" not in page
    assert browser.http.get("/style.css").headers["content-type"].startswith("text/css")


def test_text_from_outside_is_harmless_on_the_page(browser: ConsoleClient, api: httpx.Client, device: str) -> None:
    reason = '<script>alert(1)</script>\u202e&"'
    api.post(f"/v1/devices/{device}/disable", json={"reason": reason}).raise_for_status()
    page = browser.http.get("/status").text
    assert "<script" not in page
    assert "\u202e" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_without_a_session_the_page_says_how_to_get_one(anonymous: httpx.Client) -> None:
    page = anonymous.get("/status")
    assert page.status_code == 401
    assert "vedette login-link" in page.text


@pytest.mark.parametrize("cookie", ["", "x", "x" * 5000, '"', "\x7f", "é"])
def test_what_is_no_session_is_nobody(platform: RunningPlatform, cookie: str) -> None:
    headers = {b"cookie": f"vedette={cookie}".encode()}
    assert httpx.get(f"{platform.url}/v1/session", headers=headers, timeout=60).status_code == 401


@pytest.mark.parametrize("token", ["", "x", "vedette_operator_" + "A" * 43, "é" * 10, "x" * 5000])
def test_a_wrong_token_is_refused_and_a_right_one_still_taken(
    anonymous: httpx.Client, api: httpx.Client, token: str
) -> None:
    headers = {b"Authorization": f"Bearer {token}".strip().encode()}
    for _ in range(12):
        refused = anonymous.get("/v1/devices", headers=headers)
        assert refused.status_code in {401, 429}
    assert api.get("/v1/devices").status_code == 200


def test_many_wrong_tokens_hear_to_wait(anonymous: httpx.Client) -> None:
    answers = [anonymous.get("/v1/status", headers={"Authorization": "Bearer wrong"}) for _ in range(30)]
    last = answers[-1]
    assert last.status_code == 429
    assert last.json()["code"] == "api.too_many_failures"
    assert int(last.headers["retry-after"]) > 0


@pytest.mark.parametrize("authorization", ["Basic dXNlcjpwYXNz", "Bearer", "Token x"])
def test_other_schemes_are_refused(anonymous: httpx.Client, authorization: str) -> None:
    assert anonymous.get("/v1/devices", headers={"Authorization": authorization}).status_code in {401, 429}


def test_the_operators_token_is_taken_in_any_case_of_the_scheme(platform: RunningPlatform) -> None:
    headers = {"Authorization": f"bearer {platform.token}"}
    assert httpx.get(f"{platform.url}/v1/devices", headers=headers, timeout=60).status_code == 200
