"""Over HTTP: stepping up, codes of an app, and command lines that a person lets in."""

from __future__ import annotations

from base64 import b32decode
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest
from console_client import OWN_PAGE, ConsoleClient
from people_at_the_door import PeopleAtTheDoor
from running_platform import RunningPlatform, wait_for

from vedette.kernel import SystemClock
from vedette.operators.totp import code_at, step_of

_GRANT_TYPE: Final = "urn:ietf:params:oauth:grant-type:device_code"
_COMMAND_LINE: Final = {"client_id": "vedette-cli"}
_OWN_FORM: Final = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    running = RunningPlatform(
        tmp_path_factory.mktemp("desk"), configuration="api.totp = true\napi.failed_logins_per_minute = 100\n"
    )
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def host(desk: RunningPlatform) -> Iterator[httpx.Client]:
    with desk.client() as client:
        yield client


@pytest.fixture(scope="module")
def people(desk: RunningPlatform, host: httpx.Client) -> Iterator[PeopleAtTheDoor]:
    found = PeopleAtTheDoor(desk.url, host)
    yield found
    found.close()


@pytest.fixture
def elsewhere(desk: RunningPlatform) -> Iterator[ConsoleClient]:
    """Return another browser, that nobody is logged in with."""
    browser = ConsoleClient(desk.url)
    yield browser
    browser.close()


def step_up(browser: ConsoleClient) -> httpx.Response:
    asked = browser.http.post("/login/step-up/options").raise_for_status().json()
    return browser.http.post("/login/step-up", json={"credential": browser.authenticator.sign(asked["options"])})


def come_by_code(browser: ConsoleClient, elsewhere: ConsoleClient) -> ConsoleClient:
    """Log a person in elsewhere by a recovery code: with their passkey at hand, but without a proof of presence."""
    codes = browser.http.post("/v1/recovery-codes").raise_for_status().json()["recovery_codes"]
    elsewhere.http.post("/login/recovery", json={"code": codes[0]}).raise_for_status()
    elsewhere.authenticator = browser.authenticator
    return elsewhere


def code_of(secret: str, *, ahead: int = 0) -> str:
    return code_at(b32decode(secret), step_of(SystemClock().now()) + ahead)


def with_app(browser: ConsoleClient) -> dict[str, Any]:
    """Give a person an app that logs them in; return its secret, the sign-in key, and the next code that is good."""
    made: dict[str, Any] = browser.http.post("/v1/totp").raise_for_status().json()
    step = step_of(SystemClock().now())
    browser.http.post("/v1/totp/confirm", json={"code": code_at(b32decode(made["secret"]), step)}).raise_for_status()
    # Good from now on, for a minute at least: a code is taken a step early and a step late.
    return made | {"next_code": code_at(b32decode(made["secret"]), step + 1)}


def begin(desk: RunningPlatform) -> dict[str, Any]:
    found: dict[str, Any] = (
        httpx.post(f"{desk.url}/login/device/code", data=_COMMAND_LINE, timeout=60).raise_for_status().json()
    )
    return found


def ask(desk: RunningPlatform, device_code: str) -> httpx.Response:
    form = {**_COMMAND_LINE, "grant_type": _GRANT_TYPE, "device_code": device_code}
    return httpx.post(f"{desk.url}/login/device/token", data=form, timeout=60)


def test_a_weighty_act_waits_for_a_proof_by_passkey(people: PeopleAtTheDoor, elsewhere: ConsoleClient) -> None:
    browser = come_by_code(people.come("admin"), elsewhere)
    path = f"/v1/people/{browser.who()['person_id']}/grants"
    refused = browser.http.post(path, json={"role": "auditor"})
    assert (refused.status_code, refused.json()["code"]) == (403, "operators.step_up_needed")
    before = browser.http.cookies["vedette"]
    told = step_up(browser)
    assert told.status_code == 200, told.text
    assert told.json()["stepped_up_at"] is not None
    assert browser.http.post(path, json={"role": "auditor"}).status_code == 201
    # The session goes on under a new secret; whoever copied the one before has nothing.
    assert browser.http.cookies["vedette"] != before
    with httpx.Client(
        base_url=browser.url, headers=browser.http.headers, cookies={"vedette": before}, timeout=60
    ) as thief:
        assert thief.get("/v1/session").status_code == 401


def test_another_persons_passkey_is_no_proof(people: PeopleAtTheDoor) -> None:
    ada, bea = people.come("admin"), people.come("admin")
    asked = ada.http.post("/login/step-up/options").raise_for_status().json()
    answer = ada.http.post("/login/step-up", json={"credential": bea.authenticator.sign(asked["options"])})
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


def test_a_stranger_cannot_step_up(elsewhere: ConsoleClient) -> None:
    assert elsewhere.http.post("/login/step-up/options").status_code == 401


def test_no_page_elsewhere_steps_anybody_up(people: PeopleAtTheDoor) -> None:
    browser = people.come("admin")
    answer = browser.http.post("/login/step-up/options", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


def test_key_and_code_log_in_and_are_told_as_phishable(people: PeopleAtTheDoor, elsewhere: ConsoleClient) -> None:
    browser = people.come("operator")
    assert not browser.who()["has_authenticator_app"]
    made = with_app(browser)
    assert browser.who()["has_authenticator_app"]
    wrong = elsewhere.http.post("/login/totp", json={"key": made["key"], "code": "000000"})
    assert wrong.status_code == 401
    entered = elsewhere.http.post("/login/totp", json={"key": made["key"].upper(), "code": made["next_code"]})
    assert entered.status_code == 200, entered.text
    told = entered.json()
    assert (told["kind"], told["is_phishable"], told["stepped_up_at"]) == ("totp", True, None)
    again = elsewhere.http.post("/login/totp", json={"key": made["key"], "code": made["next_code"]})
    assert again.status_code == 401  # each code works once


def test_an_app_is_made_by_whoever_has_just_shown_a_passkey(people: PeopleAtTheDoor, elsewhere: ConsoleClient) -> None:
    browser = come_by_code(people.come("operator"), elsewhere)
    refused = browser.http.post("/v1/totp")
    assert (refused.status_code, refused.json()["code"]) == (403, "operators.step_up_needed")
    step_up(browser).raise_for_status()
    assert browser.http.post("/v1/totp").status_code == 201
    assert not browser.who()["has_authenticator_app"]  # before a first code it opens nothing


def test_a_wrong_first_code_is_refused_and_the_session_goes_on(people: PeopleAtTheDoor) -> None:
    browser = people.come("operator")
    made = browser.http.post("/v1/totp").raise_for_status().json()
    assert browser.http.post("/v1/totp/confirm", json={"code": code_of(made["secret"], ahead=9)}).status_code == 422
    assert not browser.who()["has_authenticator_app"]


def test_people_remove_their_own_app_and_an_administrator_anybodys(people: PeopleAtTheDoor) -> None:
    operator, other, admin = people.come("operator"), people.come("operator"), people.come("admin")
    person_id = operator.who()["person_id"]
    path = f"/v1/people/{person_id}/totp?reason=lost"
    with_app(operator)
    assert other.http.delete(path).status_code == 403
    assert operator.http.delete(path).status_code == 204
    assert not operator.who()["has_authenticator_app"]
    assert admin.http.delete(path).status_code == 404
    with_app(operator)
    assert admin.http.delete(path).status_code == 204


def test_identities_are_ones_own_business(people: PeopleAtTheDoor) -> None:
    ada, bea = people.come("operator"), people.come("deployer")
    path = f"/v1/people/{ada.who()['person_id']}/identities"
    assert ada.http.get(path).status_code == 409  # there is no provider
    assert bea.http.get(path).status_code == 403


def test_nobody_binds_another_way_in_without_a_fresh_proof(people: PeopleAtTheDoor, elsewhere: ConsoleClient) -> None:
    path = "/login/oidc?purpose=link"
    assert elsewhere.http.get(path).status_code == 401
    browser = come_by_code(people.come("operator"), elsewhere)
    assert browser.http.get(path).status_code == 403
    step_up(browser).raise_for_status()
    assert browser.http.get(path).status_code == 409  # there is no provider
    # Whoever copied the session is elsewhere, and so are its fresh proofs.
    cookies = {"vedette": browser.http.cookies["vedette"]}
    with httpx.Client(
        base_url=browser.url, headers={**OWN_PAGE, "User-Agent": "Thief/2.0"}, cookies=cookies, timeout=60
    ) as thief:
        assert thief.get(path).status_code == 401


def test_a_command_line_is_let_in_once_by_its_person(desk: RunningPlatform, people: PeopleAtTheDoor) -> None:
    browser = people.come("operator")
    begun = begin(desk)
    assert ask(desk, begun["device_code"]).json()["error"] == "authorization_pending"
    # Who asks twice within a few seconds: a machine that stood still for them made the second question a good one.
    wait_for(lambda: ask(desk, begun["device_code"]).json()["error"] == "slow_down", "who asks too often is told so")
    path = f"/v1/device-authorizations/{begun['user_code']}"
    assert browser.http.get(path).json()["state"] == "pending"
    assert browser.http.post(f"{path}/approve").json()["state"] == "approved"
    assert browser.http.post(f"{path}/approve").status_code == 404  # decided once
    told = ask(desk, begun["device_code"]).raise_for_status().json()
    headers = {"Authorization": f"Bearer {told['access_token']}"}
    who = httpx.get(f"{desk.url}/v1/session", headers=headers, timeout=60).raise_for_status().json()
    assert (who["kind"], who["person_id"]) == ("cli", browser.who()["person_id"])
    assert ask(desk, begun["device_code"]).json()["error"] == "expired_token"


def test_a_command_line_that_is_denied_stays_outside(desk: RunningPlatform, people: PeopleAtTheDoor) -> None:
    begun = begin(desk)
    browser = people.come("operator")
    browser.http.post(f"/v1/device-authorizations/{begun['user_code']}/deny").raise_for_status()
    assert ask(desk, begun["device_code"]).json()["error"] == "access_denied"


@pytest.mark.parametrize("is_plain", [False, True], ids=["console", "page without script"])
def test_nobody_lets_a_command_line_in_without_a_fresh_proof(
    desk: RunningPlatform, people: PeopleAtTheDoor, elsewhere: ConsoleClient, *, is_plain: bool
) -> None:
    person = people.come("operator")
    made = with_app(person)
    elsewhere.http.post("/login/totp", json={"key": made["key"], "code": made["next_code"]}).raise_for_status()
    elsewhere.authenticator = person.authenticator
    code = begin(desk)["user_code"]
    if is_plain:
        form = {"user_code": code, "decision": "approve"}
        refused = elsewhere.http.post("/login/device/decision", data=form, headers=_OWN_FORM)
        assert "/command-line" in refused.text
    else:
        refused = elsewhere.http.post(f"/v1/device-authorizations/{code}/approve")
    assert refused.status_code == 403
    step_up(elsewhere).raise_for_status()
    assert elsewhere.http.post(f"/v1/device-authorizations/{code}/approve").status_code == 200


def test_where_a_command_line_leads_is_a_page_that_asks(desk: RunningPlatform, people: PeopleAtTheDoor) -> None:
    begun = begin(desk)
    led = httpx.get(begun["verification_uri_complete"], follow_redirects=False, timeout=60)
    assert led.status_code == 303
    assert led.headers["location"].endswith(f"?user_code={begun['user_code']}")
    browser = people.come("operator")
    page = browser.http.get(f"/device/plain?user_code={begun['user_code']}")
    assert begun["user_code"] in page.text
    assert "<script" not in page.text
    assert httpx.get(f"{desk.url}/device/plain?user_code={begun['user_code']}", timeout=60).status_code == 401


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"client_id": "somebody"}, "invalid_request"),
        ({**_COMMAND_LINE, "grant_type": "password", "device_code": "x"}, "unsupported_grant_type"),
        ({**_COMMAND_LINE, "grant_type": _GRANT_TYPE, "device_code": "x"}, "expired_token"),
    ],
    ids=["another client", "another grant", "a code that never was"],
)
def test_what_is_no_device_flow_is_refused(desk: RunningPlatform, form: dict[str, str], error: str) -> None:
    answer = httpx.post(f"{desk.url}/login/device/token", data=form, timeout=60)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_a_code_works_within_its_time_only(people: PeopleAtTheDoor, elsewhere: ConsoleClient) -> None:
    made = with_app(people.come("operator"))
    late = code_of(made["secret"], ahead=-3)
    assert elsewhere.http.post("/login/totp", json={"key": made["key"], "code": late}).status_code == 401
