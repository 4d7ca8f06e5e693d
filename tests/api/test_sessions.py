from __future__ import annotations

import httpx
import pytest
from running_platform import RunningPlatform


@pytest.fixture
def browser(platform: RunningPlatform, api: httpx.Client) -> httpx.Client:
    """Return a browser that followed a one-time link."""
    client = httpx.Client(base_url=platform.url, follow_redirects=True)
    page = client.get(api.post("/v1/login-links").json()["url"])
    assert page.status_code == 200
    return client


def test_a_link_logs_in_once(platform: RunningPlatform, api: httpx.Client) -> None:
    link = api.post("/v1/login-links")
    assert link.status_code == 201
    url = link.json()["url"]
    assert url.startswith(f"{platform.url}/login?token=")
    first = httpx.get(url)
    assert first.status_code == 303
    cookie = first.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    again = httpx.get(url)
    assert again.status_code == 401
    assert "vedette login-link" in again.text


def test_the_link_that_up_prints_logs_in(platform: RunningPlatform) -> None:
    url = next(line for line in platform.log().splitlines() if "/login?token=" in line)
    assert httpx.get(url).status_code in {303, 401}  # another test may have used it up


def test_the_page_shows_the_platform_without_script_or_foreign_host(
    browser: httpx.Client, platform: RunningPlatform
) -> None:
    page = browser.get("/status").text
    assert "Components" in page
    assert platform.state()["id_scope"] in page
    assert "<script" not in page
    assert "style=" not in page
    assert "http://" not in page.replace(platform.url, "")
    assert "https://" not in page
    assert browser.get("/style.css").headers["content-type"].startswith("text/css")


def test_text_from_outside_is_harmless_on_the_page(browser: httpx.Client, api: httpx.Client, device: str) -> None:
    reason = '<script>alert(1)</script>\u202e&"'
    api.post(f"/v1/devices/{device}/disable", json={"reason": reason}).raise_for_status()
    page = browser.get("/status").text
    assert "<script" not in page
    assert "\u202e" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_session_may_look_and_not_act(browser: httpx.Client, device: str) -> None:
    assert browser.get(f"/v1/devices/{device}").status_code == 200
    for method, path in (("POST", f"/v1/devices/{device}/disable"), ("DELETE", f"/v1/devices/{device}")):
        refused = browser.request(method, path, json={"reason": "x"} if method == "POST" else None)
        assert refused.status_code == 403
        assert refused.json()["code"] == "api.read_only_session"
    assert browser.post("/v1/login-links").status_code == 403


def test_logging_out_ends_the_session(browser: httpx.Client, device: str) -> None:
    cookie = dict(browser.cookies)
    assert browser.post("/logout").status_code == 200
    with httpx.Client(base_url=browser.base_url, cookies=cookie) as stolen:
        assert stolen.get("/status").status_code == 401
        assert stolen.get(f"/v1/devices/{device}").status_code in {401, 429}


def test_without_a_session_the_page_says_how_to_get_one(anonymous: httpx.Client) -> None:
    page = anonymous.get("/status")
    assert page.status_code == 401
    assert "vedette login-link" in page.text


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
    assert httpx.get(f"{platform.url}/v1/devices", headers=headers).status_code == 200
