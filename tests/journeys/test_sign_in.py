"""Somebody signs in with what their organization has: an identity provider, a command line, a program's token."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from console_client import ConsoleClient
from identity_provider import Browser, IdentityProvider, federated_platform, needs_provider, running_provider
from journey import Platform

pytestmark = needs_provider

ADDRESS = "127.0.61.1"


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with running_provider() as made:
        yield made


@pytest.fixture(scope="module")
def platform(provider: IdentityProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with federated_platform(ADDRESS, tmp_path_factory.mktemp("platform"), provider) as running:
        yield running


@pytest.fixture
def browser(platform: Platform) -> Iterator[Browser]:
    made = Browser(platform.api_url)
    yield made
    made.close()


def test_a_person_comes_in_through_the_provider_and_goes_out_through_it(platform: Platform, browser: Browser) -> None:
    methods = browser.api("GET", "/login/methods").json()
    assert (methods["oidc"], methods["oidc_url"]) == ("Single sign-on", "/login/oidc")
    arrived = browser.log_in("ada")
    assert arrived.status_code == 200, arrived.text
    assert browser.onward(arrived) == "/"
    who = browser.api("GET", "/v1/session").json()
    assert (who["kind"], who["name"], who["amr"]) == ("oidc", "Ada Lovelace", ["pwd", "mfa"])
    assert who["is_multi_factor"]
    assert who["stepped_up_at"]
    # The page without script logs out here, and leads on to the provider.
    page = browser.http.post(f"{platform.api_url}/logout", headers={"Sec-Fetch-Site": "same-origin"})
    leaving = browser.onward(page)
    assert leaving.startswith(f"{platform_issuer(platform)}/session/end?")
    assert "id_token_hint=" in leaving
    assert not browser.is_in()
    assert browser.http.get(leaving).status_code == 200


def test_who_comes_again_is_the_same_person_and_groups_make_roles(platform: Platform, browser: Browser) -> None:
    browser.log_in("ada")
    first = browser.api("GET", "/v1/session").json()["person_id"]
    other = Browser(platform.api_url)
    other.log_in("bob")
    bob = other.api("GET", "/v1/session").json()
    assert (bob["name"], bob["is_multi_factor"], bob["stepped_up_at"]) == ("Bob", False, None)
    again = Browser(platform.api_url)
    again.log_in("ada")
    assert again.api("GET", "/v1/session").json()["person_id"] == first
    # A login by somebody whose groups have no role makes no person.
    stranger = Browser(platform.api_url)
    refused = stranger.log_in("eve")
    assert refused.status_code == 403
    assert "none of your groups" in refused.text.lower()
    assert not stranger.is_in()


def test_the_provider_ends_sessions_by_itself(platform: Platform, browser: Browser) -> None:
    browser.log_in("ada")
    bystander = Browser(platform.api_url)
    bystander.log_in("bob")
    # Ada logs out at the provider, which tells everybody she is logged in at.
    end = browser.http.get(f"{platform_issuer(platform)}/session/end")
    secret = re.search(r'name="xsrf" value="([^"]+)"', end.text)
    assert secret is not None, end.text
    browser.http.post(f"{platform_issuer(platform)}/session/end/confirm", data={"xsrf": secret[1], "logout": "yes"})
    until(lambda: not browser.is_in())
    assert bystander.is_in()
    acts = platform.call("GET", "/v1/ledger/entries?action=operators.end_session&limit=1000")["items"]
    assert any(each["details"]["cause"] == "provider_logged_out" for each in acts)


def test_keys_of_the_provider_may_change_at_any_time(
    platform: Platform, provider: IdentityProvider, browser: Browser
) -> None:
    browser.log_in("ada")
    time.sleep(31)  # unknown keys cause one question in half a minute
    provider.rotate(has_claims_in_token=True)
    later = Browser(platform.api_url)
    assert later.log_in("ada").status_code == 200
    assert later.api("GET", "/v1/session").json()["name"] == "Ada Lovelace"


def test_a_person_who_refuses_at_the_provider_is_told_so(platform: Platform, browser: Browser) -> None:
    refused = browser.log_in("refuse")
    assert refused.status_code == 401
    assert "access_denied" in refused.text
    assert not browser.is_in()


def test_an_answer_is_good_for_one_browser_and_once(platform: Platform, browser: Browser) -> None:
    begun = browser.http.get(f"{platform.api_url}/login/oidc")
    url = begun.headers["location"]
    thief = Browser(platform.api_url)
    # The victim's browser goes to the provider; the thief takes the address that leads back.
    back = follow_until(browser, url, "ada", f"{platform.api_url}/login/oidc/callback")
    assert thief.http.get(back).status_code == 401
    assert browser.http.get(back, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200
    assert browser.http.get(back).status_code in {401, 502}
    assert not thief.is_in()


def test_a_command_line_logs_in_through_the_browser_and_out_again(
    platform: Platform, browser: Browser, tmp_path: Path
) -> None:
    browser.log_in("ada")
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path)}
    command = vedette(["login", "--url", platform.api_url], environment)
    assert command.stderr is not None
    told = command.stderr.readline()
    url = re.search(r"http\S+", told)
    assert url is not None, told
    page = browser.go(url[0].replace("/device?", "/device/plain?"))
    assert page.status_code == 200, page.text
    assert "vedette-cli" in page.text
    assert "logged in" in browser.submit(page, decision="approve").text
    out, err = command.communicate(timeout=180)
    assert command.returncode == 0, err
    assert "Ada Lovelace" in out
    kept = tmp_path / "vedette" / "logins.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    token = json.loads(kept.read_text())["logins"][0]["token"]
    assert token.startswith("vdc_")
    listed = run(["session", "list", "--url", platform.api_url, "-o", "json"], environment)
    assert any(each["kind"] == "cli" and each["is_current"] for each in json.loads(listed)["items"])
    # Its secret is no cookie, and opens nothing with another program's name.
    cookies = {"vedette": token}
    assert httpx.get(f"{platform.api_url}/v1/session", cookies=cookies, timeout=60, trust_env=False).status_code == 401
    run(["logout", "--url", platform.api_url], environment)
    assert json.loads(kept.read_text())["logins"] == []
    answer = whose(platform, token)
    assert answer.status_code == 401


def test_a_command_line_that_is_denied_is_not_let_in(platform: Platform, browser: Browser, tmp_path: Path) -> None:
    browser.log_in("ada")
    command = vedette(["login", "--url", platform.api_url], {**os.environ, "XDG_CONFIG_HOME": str(tmp_path)})
    assert command.stderr is not None
    url = re.search(r"http\S+", command.stderr.readline())
    assert url is not None
    page = browser.go(url[0].replace("/device?", "/device/plain?"))
    assert "denied" in browser.submit(page, decision="deny").text
    command.communicate(timeout=180)
    assert command.returncode == 3
    assert not (tmp_path / "vedette").exists()


def test_a_program_comes_by_a_token_of_its_own_until_it_is_revoked(platform: Platform, tmp_path: Path) -> None:
    environment = {**os.environ, "VEDETTE_DATA": str(platform.data)}
    made = run(["token", "create", "siem export", "--role", "auditor", "--network", "127.0.0.0/8"], environment)
    secret = made.strip()
    assert secret.startswith("vds_")
    listed = json.loads(run(["token", "list", "-o", "json"], environment))["items"]
    (token,) = [each for each in listed if each["name"] == "siem export"]
    assert "secret" not in token
    kept = tmp_path / "siem.token"
    kept.write_text(secret)
    program = ["--url", platform.api_url, "--token-file", str(kept)]
    run(["ledger", "list", *program], {**os.environ})
    refused = subprocess.run(
        [sys.executable, "-m", "vedette.cli", "person", "disable", "per_x", "-r", "x", *program],
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 3
    assert "127.0.0." in run(["token", "show", token["token_id"]], environment)
    run(["token", "revoke", token["token_id"], "--reason", "leaked", "--yes"], environment)
    answer = whose(platform, secret)
    assert answer.status_code == 401
    acts = platform.call("GET", "/v1/ledger/entries?action=operators.revoke_service_token")["items"]
    assert [each["reason"] for each in acts] == ["leaked"]


def test_a_copied_cookie_opens_nothing_in_another_browser(platform: Platform, browser: Browser) -> None:
    browser.log_in("ada")
    cookie = browser.http.cookies.get("vedette")
    thief = httpx.get(
        f"{platform.api_url}/v1/session",
        cookies={"vedette": cookie or ""},
        headers={"User-Agent": "Other"},
        timeout=60,
        trust_env=False,
    )
    assert (thief.status_code, thief.json()["code"]) == (401, "api.recheck_needed")
    # Its person has to prove that it is them too: here by the provider, who knows them still.
    assert browser.api("GET", "/v1/session").json()["code"] == "api.recheck_needed"
    assert browser.log_in("ada").status_code == 200
    assert browser.is_in()


def test_whoever_owns_the_host_gets_back_in(platform: Platform, browser: Browser) -> None:
    browser.log_in("ada")
    environment = {**os.environ, "VEDETTE_DATA": str(platform.data)}
    arguments = ["recover-admin", "--reason", "all passkeys burnt", "--end-sessions", "-o", "json"]
    config = str(platform.folder / "vedette.toml")
    running = subprocess.run(
        [sys.executable, "-m", "vedette.cli", *arguments, "--config", config],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert running.returncode == 1
    assert "in use" in running.stdout + running.stderr
    platform.stop()
    try:
        found = json.loads(run([*arguments, "--config", config], environment))
    finally:
        platform.start()
    assert found["sessions_ended"] >= 1
    assert not browser.is_in()
    rescued = ConsoleClient(platform.api_url).follow(found["url"])
    assert rescued.who()["kind"] == "link"
    (act,) = platform.call("GET", "/v1/ledger/entries?action=operators.recover_admin")["items"]
    assert (act["actor"]["id"], act["reason"]) == ("host-root", "all passkeys burnt")


def platform_issuer(platform: Platform) -> str:
    found = re.search(r'issuer = "([^"]+)"', platform.more_configuration)
    assert found is not None
    return found[1]


def whose(platform: Platform, secret: str) -> httpx.Response:
    """Ask who somebody is who shows a secret."""
    headers = {"Authorization": f"Bearer {secret}"}
    return httpx.get(f"{platform.api_url}/v1/session", headers=headers, timeout=60, trust_env=False)


def follow_until(browser: Browser, url: str, person: str, prefix: str) -> str:
    """Go through the provider up to the address that leads back, without opening it."""
    response = browser.http.get(url)
    for _ in range(20):
        if response.is_redirect:
            target = str(httpx.URL(str(response.url)).join(response.headers["location"]))
            if target.startswith(prefix):
                return target
            response = browser.http.get(target)
        else:
            response = browser.http.get(f"{response.url}?login={person}")
    raise AssertionError("never led back")


def vedette(arguments: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "vedette.cli", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(arguments: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "vedette.cli", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def until(condition: Any, within_s: float = 90.0) -> None:
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)
