"""The ways in and out, in Chromium with a virtual authenticator."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

import httpx
import pytest
from console_client import OWN_PAGE
from console_page import LOOKS, login_link
from journey import Platform
from passkey_page import PasskeyPage
from playwright.sync_api import Route, expect

NewBrowser = Callable[[], PasskeyPage]
_numbers: Final = itertools.count(1)


def new_name() -> str:
    return f"Ada {next(_numbers)}"


def id_of(platform: Platform, name: str) -> str:
    people = platform.call("GET", "/v1/people?limit=500")["items"]
    return str(next(each["person_id"] for each in people if each["name"] == name))


def test_a_stranger_is_told_every_way_in(new_browser: NewBrowser) -> None:
    stranger = new_browser()
    page = stranger.open("/")
    expect(stranger.button("Log in by passkey")).to_be_focused()
    expect(page.get_by_text("vedette login-link")).to_be_visible()
    expect(page.get_by_text("Use a recovery code")).to_be_visible()
    assert page.get_by_role("navigation").count() == 0


def test_who_came_by_a_link_registers_a_passkey_and_comes_back_by_it(new_browser: NewBrowser) -> None:
    ada = new_browser()
    ada.add_authenticator()
    ada.follow_link()
    expect(ada.page.get_by_role("heading", name="You came by a one-time link")).to_be_visible()
    assert "token=" not in ada.page.url
    name = new_name()
    ada.register(name)
    (credential,) = ada.credentials()
    assert (credential["rpId"], credential["isResidentCredential"]) == ("localhost", True)
    ada.log_out()
    ada.button("Log in by passkey").click()
    ada.expect_in(name)


def test_a_passkey_can_wait_and_is_urged(new_browser: NewBrowser) -> None:
    guest = new_browser()
    guest.follow_link()
    guest.skip()
    guest.expect_in("one-time link")
    guest.page.reload()
    guest.expect_in("one-time link")
    people = guest.platform.call("GET", "/v1/session")["people_with_passkeys"]
    expect(guest.page.get_by_role("region", name="Getting in again")).to_have_count(1 if people < 2 else 0)


def test_a_recovery_code_lets_in_who_lost_the_passkey_and_a_new_one_is_asked_for(new_browser: NewBrowser) -> None:
    name = new_name()
    codes = new_browser().become(name)
    elsewhere = new_browser()
    elsewhere.add_authenticator()
    page = elsewhere.open("/")
    page.get_by_text("Use a recovery code").click()
    field = page.get_by_role("textbox", name="Recovery code")
    field.fill("aaaa-aaaa-aaaa-aaaa-aaaa")
    elsewhere.button("Log in by recovery code").click()
    expect(page.get_by_role("alert")).to_contain_text("not valid")
    field.fill(codes[0].upper())
    elsewhere.button("Log in by recovery code").click()
    expect(page.get_by_role("heading", name=f"Welcome back, {name}")).to_be_visible()
    elsewhere.button("Register a passkey").click()
    elsewhere.expect_in(name)
    assert len(elsewhere.credentials()) == 1
    elsewhere.log_out()
    elsewhere.button("Log in by passkey").click()
    elsewhere.expect_in(name)


def test_whom_the_authenticator_does_not_recognize_stays_out(new_browser: NewBrowser) -> None:
    ada = new_browser()
    ada.become(new_name())
    ada.log_out()
    ada.recognize_nobody()
    ada.button("Log in by passkey").click()
    expect(ada.page.get_by_role("alert")).to_contain_text("not given a passkey")


def test_a_disabled_person_is_put_out_and_stays_out(new_browser: NewBrowser, named_platform: Platform) -> None:
    ada, name = new_browser(), new_name()
    ada.become(name)
    path = f"/v1/people/{id_of(named_platform, name)}"
    named_platform.call("POST", f"{path}/disable", {"reason": "left"})
    expect(ada.page.get_by_text("Your session has ended.")).to_be_visible(timeout=180_000)
    ada.button("Log in by passkey").click()
    expect(ada.page.get_by_role("alert")).to_contain_text(f"{name} is disabled here")
    named_platform.call("POST", f"{path}/enable", {"reason": "back"})
    ada.button("Log in by passkey").click()
    ada.expect_in(name)


def test_an_answer_is_taken_once(new_browser: NewBrowser, named_platform: Platform) -> None:
    ada, name = new_browser(), new_name()
    ada.become(name)
    ada.log_out()
    sent: list[tuple[str | None, dict[str, str]]] = []

    def note(route: Route) -> None:
        sent.append((route.request.post_data, route.request.all_headers()))
        route.continue_()

    ada.page.route("**/login/passkey", note)
    ada.button("Log in by passkey").click()
    ada.expect_in(name)
    ((body, headers),) = sent
    told = {"Cookie": headers["cookie"], "Content-Type": "application/json", **OWN_PAGE}
    again = httpx.post(f"{named_platform.api_url}/login/passkey", content=body, headers=told, timeout=60)
    assert again.status_code in {401, 429}
    assert "set-cookie" not in again.headers


@pytest.fixture
def page_elsewhere() -> Iterator[str]:
    """Serve an empty page on another port of ``localhost``: for browsers another origin, with the same host name."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<title>elsewhere</title><link rel=icon href=data:,>")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://localhost:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


_SIGN = """
async (options) => {
  const bytes = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  const said = await navigator.credentials.get({ publicKey: { ...options, challenge: bytes(options.challenge) } });
  const { clientDataJSON, authenticatorData, signature, userHandle } = said.response;
  return { id: said.id, rawId: text(said.rawId), type: 'public-key', response: {
    clientDataJSON: text(clientDataJSON), authenticatorData: text(authenticatorData),
    signature: text(signature), userHandle: text(userHandle) } };
}
"""
_ACT = """
async (url) => {
  const tries = [
    fetch(`${url}/v1/login-links`, { method: 'POST', credentials: 'include', mode: 'no-cors' }),
    fetch(`${url}/v1/session`, { method: 'DELETE', credentials: 'include',
                                 headers: { 'X-Requested-With': 'vedette-console' } }),
    fetch(`${url}/v1/session`, { credentials: 'include' }),
  ];
  return (await Promise.allSettled(tries)).map((each) => each.status);
}
"""


def test_a_page_on_another_port_gets_nothing(
    new_browser: NewBrowser, page_elsewhere: str, named_platform: Platform
) -> None:
    ada, name = new_browser(), new_name()
    ada.become(name)
    links = len(named_platform.call("GET", "/v1/ledger/entries?action=operators.make_login_link&limit=1000")["items"])
    with httpx.Client(base_url=named_platform.api_url, headers=OWN_PAGE, timeout=60) as thief:
        options = thief.post("/login/passkey/options").json()["options"]
        ada.page.goto(page_elsewhere)
        # The host name is the same, so the browser signs; the signature names the page that asked.
        credential = ada.page.evaluate(_SIGN, options)
        refused = thief.post("/login/passkey", json={"credential": credential})
    assert refused.status_code in {401, 429}
    if refused.status_code == 401:
        assert "origin" in refused.json()["detail"]
    # Cookies of a host are sent whatever the port, even strict ones; nothing is done for that page all the same.
    assert ada.page.evaluate(_ACT, named_platform.api_url)[1:] == ["rejected", "rejected"]
    ada.mistakes.clear()  # those of that page
    ada.open("/")
    ada.expect_in(name)
    after = named_platform.call("GET", "/v1/ledger/entries?action=operators.make_login_link&limit=1000")["items"]
    assert len(after) == links


def test_opened_by_an_address_the_page_says_why_there_are_no_passkeys(
    new_browser: NewBrowser, named_platform: Platform
) -> None:
    guest = new_browser()
    by_address = named_platform.api_url.replace("localhost", "127.0.0.1")
    guest.page.goto(f"{by_address}/")
    guest.see("no passkeys for IP addresses")
    guest.page.goto(login_link(named_platform).replace("localhost", "127.0.0.1"))
    guest.see("no passkeys for IP addresses")
    guest.see(f"open it as {named_platform.api_url}")
    guest.skip()
    guest.page.goto("about:blank")
    assert {each.partition(":")[0] for each in guest.mistakes} == {"foreign host"}  # which it is to this test alone
    guest.mistakes.clear()


def test_the_page_holds_no_secret(new_browser: NewBrowser) -> None:
    ada = new_browser()
    ada.become(new_name())
    (cookie,) = [each for each in ada.context.cookies() if each["name"] == "vedette"]
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    ada.secrets.append(cookie["value"])
    ada.check_no_secret()
    ada.open("/people")
    ada.check_no_secret()


def test_the_keyboard_is_enough(new_browser: NewBrowser) -> None:
    ada, name = new_browser(), new_name()
    codes = ada.become(name)
    ada.act(ada.button("Log out"))
    expect(ada.button("Log in by passkey")).to_be_focused()
    ada.keys("Enter")
    ada.expect_in(name)
    ada.act(ada.button("Log out"))
    ada.act(ada.page.locator("summary", has_text="Lost your passkey?"))
    ada.tab_to(ada.page.get_by_role("textbox", name="Recovery code"))
    ada.page.keyboard.type(codes[5])
    ada.keys("Enter")
    expect(ada.page.get_by_role("heading", name=f"Welcome back, {name}")).to_be_visible()


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_entrance_and_welcome_are_readable_to_all(new_browser: NewBrowser, scheme: str, width: int) -> None:
    guest = new_browser()
    guest.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    guest.page.set_viewport_size({"width": width, "height": 800})
    guest.open("/")
    guest.page.locator("summary", has_text="Lost your passkey?").click()
    guest.page.locator("summary", has_text="Use a code of your app").click()
    guest.check_accessible()
    guest.add_authenticator()
    guest.follow_link()
    expect(guest.page.get_by_role("textbox", name="Your name")).to_be_visible()
    guest.check_accessible()
    guest.page.get_by_role("textbox", name="Your name").fill(new_name())
    guest.button("Register a passkey").click()
    expect(guest.page.get_by_role("list", name="Recovery codes")).to_be_visible()
    guest.check_accessible()


def test_a_hostile_name_is_shown_harmlessly(new_browser: NewBrowser) -> None:
    eve = new_browser()
    name = f"<img src=x onerror=alert(1)> $(reboot) {next(_numbers)}"
    eve.become(name)
    eve.open("/people")
    expect(eve.page.get_by_role("listitem").filter(has_text=name).first).to_be_visible()
    assert eve.page.locator("img[src='x']").count() == 0
