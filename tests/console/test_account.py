"""One's own account: what one logs in with, where one is logged in, and what acts as oneself."""

from __future__ import annotations

import itertools
from base64 import b32decode
from collections.abc import Callable
from typing import Any, Final

import httpx
import pytest
from journey import Platform
from page_parts import card, dialog
from passkey_page import PasskeyPage
from playwright.sync_api import expect

from vedette.kernel import SystemClock
from vedette.operators.totp import code_at, step_of

NewBrowser = Callable[[], PasskeyPage]
_numbers: Final = itertools.count(1)
_COMMAND_LINE: Final = {"client_id": "vedette-cli"}
_GRANT_TYPE: Final = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture
def ada(new_browser: NewBrowser) -> tuple[PasskeyPage, str]:
    """Return a browser of a person with a passkey, on the page of her account, and her name."""
    browser, name = new_browser(), f"Ada of accounts {next(_numbers)}"
    browser.become(name)
    browser.page.get_by_role("banner").get_by_role("link", name=name).click()
    expect(browser.page.get_by_role("heading", name="Your account")).to_be_visible()
    return browser, name


def code_of(secret: str, *, ahead: int = 0) -> str:
    return code_at(b32decode(secret.replace(" ", "")), step_of(SystemClock().now()) + ahead)


def begin(platform: Platform) -> dict[str, Any]:
    """Have a command line wait."""
    found: dict[str, Any] = httpx.post(f"{platform.api_url}/login/device/code", data=_COMMAND_LINE, timeout=60).json()
    return found


def ask(platform: Platform, begun: dict[str, Any]) -> dict[str, Any]:
    form = {**_COMMAND_LINE, "grant_type": _GRANT_TYPE, "device_code": begun["device_code"]}
    found: dict[str, Any] = httpx.post(f"{platform.api_url}/login/device/token", data=form, timeout=60).json()
    return found


def test_the_page_says_who_one_is_and_what_one_logs_in_with(ada: tuple[PasskeyPage, str]) -> None:
    browser, name = ada
    page = browser.page
    you = card(page, "You")
    expect(you).to_contain_text(name)
    expect(you.get_by_role("link", name="admin everywhere")).to_be_visible()
    expect(card(page, "Recovery codes")).to_contain_text("10 left")
    expect(page.get_by_role("list", name="Your passkeys").get_by_role("listitem")).to_have_count(1)
    expect(card(page, "Where you are logged in").get_by_text("this browser")).to_have_count(1)
    expect(card(page, "At the identity provider")).to_have_count(0)  # there is none here


def test_one_renames_oneself(ada: tuple[PasskeyPage, str]) -> None:
    browser, name = ada
    browser.button("Rename").click()
    field = dialog(browser.page).get_by_role("textbox")
    expect(field).to_have_value(name)
    field.fill(f"{name} the Great")
    dialog(browser.page).get_by_role("button", name="Rename").click()
    browser.expect_in(f"{name} the Great")


def test_new_recovery_codes_are_shown_once(ada: tuple[PasskeyPage, str]) -> None:
    browser, _ = ada
    page = browser.page
    browser.button("New recovery codes").click()
    browser.button("Make them").click()
    codes = page.get_by_role("list", name="Recovery codes").get_by_role("listitem")
    expect(codes).to_have_count(10)
    shown = codes.all_inner_texts()
    browser.button("Copy all").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").split() == shown
    page.emulate_media(media="print")
    expect(codes.first).to_be_visible()
    expect(page.locator("nav")).to_be_hidden()
    page.emulate_media(media="screen")
    browser.button("I have kept them").click()
    expect(page.get_by_text(shown[0])).to_have_count(0)
    browser.secrets += shown


def test_a_passkey_is_added_and_another_removed(ada: tuple[PasskeyPage, str]) -> None:
    browser, _ = ada
    page = browser.page
    browser.replace_authenticator()
    browser.button("Add a passkey").click()
    dialog(page).get_by_role("textbox", name="Name of the passkey").fill("key ring")
    dialog(page).get_by_role("button", name="Register a passkey").click()
    mine = page.get_by_role("list", name="Your passkeys").get_by_role("listitem")
    expect(mine).to_have_count(2)
    mine.filter(has_text="key ring").get_by_role("button", name="Remove").click()
    dialog(page).get_by_role("button", name="Remove").click()
    expect(mine).to_have_count(1)


def test_an_authenticator_holds_one_passkey_of_a_person(ada: tuple[PasskeyPage, str]) -> None:
    browser, _ = ada
    browser.button("Add a passkey").click()
    dialog(browser.page).get_by_role("button", name="Register a passkey").click()
    expect(dialog(browser.page).get_by_role("alert")).to_contain_text("holds a passkey for you already")


def test_why_a_passkey_is_asked_for_is_said_while_it_is(new_browser: NewBrowser) -> None:
    browser, name = new_browser(), f"Ada of proofs {next(_numbers)}"
    codes = browser.become(name)
    browser.log_out()
    page = browser.page
    page.get_by_text("Use a recovery code").click()
    page.get_by_role("textbox", name="Recovery code").fill(codes[0])
    browser.button("Log in by recovery code").click()
    browser.skip()
    browser.open("/roles")
    browser.answer_by_itself(is_automatic=False)
    browser.button("Grant a role").click()
    dialog(page).get_by_role("button", name="Grant a role").click()
    asked = page.get_by_role("status").filter(has_text="Show that it is you")
    expect(asked).to_contain_text("POST /v1/people/")
    expect(asked).to_contain_text("more than five minutes old")
    page.reload()  # nothing was done
    browser.answer_by_itself(is_automatic=True)
    browser.button("Grant a role").click()
    dialog(page).get_by_role("button", name="Grant a role").click()
    expect(dialog(page)).to_have_count(0)
    expect(asked).to_have_count(0)


def test_codes_of_an_app_are_set_up_log_in_and_are_removed(ada: tuple[PasskeyPage, str]) -> None:
    browser, name = ada
    page = browser.page
    browser.button("Set up").click()
    browser.button("Make a secret").click()
    secret = dialog(page).get_by_label("Secret for the app", exact=True).inner_text()
    key = dialog(page).get_by_label("Sign-in key", exact=True).inner_text()
    expect(dialog(page).get_by_role("img", name="QR code for the app")).to_be_visible()
    browser.check_accessible()
    field = dialog(page).get_by_role("textbox", name="The code that the app shows now")
    field.fill("000000")
    dialog(page).get_by_role("button", name="switch it on").click()
    expect(dialog(page).get_by_role("alert")).to_contain_text("not the one that the app shows")
    field.fill(code_of(secret))
    dialog(page).get_by_role("button", name="switch it on").click()
    expect(card(page, "Codes of an app")).to_contain_text("set up")
    expect(dialog(page)).to_have_count(0)
    browser.secrets += [key, secret]
    browser.check_no_secret()
    browser.log_out()
    page.get_by_text("Use a code of your app").click()
    page.get_by_role("textbox", name="Sign-in key").fill(key.upper())
    page.get_by_role("textbox", name="Code that the app shows now").fill(code_of(secret, ahead=1))
    browser.check_accessible()
    browser.button("Log in by code").click()
    browser.expect_in(name)
    browser.open("/account")
    expect(card(page, "You")).to_contain_text("can be given away to a page that looks like this one")
    codes = card(page, "Codes of an app")
    codes.get_by_role("button", name="Remove").click()
    dialog(page).get_by_role("textbox").fill("a passkey works here after all")
    dialog(page).get_by_role("button", name="Remove").click()
    # The session that the app began ends with it.
    expect(page.get_by_text("Your session has ended.")).to_be_visible(timeout=180_000)


def test_a_command_line_is_let_in_by_whoever_logs_in_to_do_so(
    ada: tuple[PasskeyPage, str], named_platform: Platform
) -> None:
    browser, name = ada
    browser.log_out()
    begun = begin(named_platform)
    browser.page.goto(begun["verification_uri_complete"])
    browser.button("Log in by passkey").click()
    expect(browser.page.get_by_label("Code", exact=True)).to_have_text(begun["user_code"])
    expect(card(browser.page, "Log this command line in?")).to_contain_text(name)
    browser.check_looks()
    browser.button("Approve").click()
    expect(browser.page.get_by_role("heading", name="The command line is logged in")).to_be_visible()
    token = ask(named_platform, begun)["access_token"]
    browser.secrets.append(token)
    headers = {"Authorization": f"Bearer {token}"}
    assert httpx.get(f"{named_platform.api_url}/v1/session", headers=headers, timeout=60).json()["name"] == name
    browser.open("/account")
    expect(card(browser.page, "Where you are logged in")).to_contain_text("by command line")


def test_a_command_line_that_nobody_started_is_denied_by_keyboard(
    ada: tuple[PasskeyPage, str], named_platform: Platform
) -> None:
    browser, _ = ada
    begun = begin(named_platform)
    browser.open("/command-line")
    browser.tab_to(browser.page.get_by_role("textbox", name="The code that the command line shows"))
    browser.page.keyboard.type(begun["user_code"].lower())
    browser.keys("Enter")
    browser.act(browser.button("Deny"))
    expect(browser.page.get_by_role("heading", name="It was denied")).to_be_visible()
    assert ask(named_platform, begun)["error"] == "access_denied"


def test_a_code_that_nothing_waits_with_is_explained(ada: tuple[PasskeyPage, str]) -> None:
    browser, _ = ada
    browser.open("/command-line?user_code=AAAA-AAAA")
    expect(browser.page.get_by_role("alert")).to_contain_text("no command line waits with this code")
    browser.button("Type another code").click()
    expect(browser.page.get_by_role("textbox", name="The code that the command line shows")).to_be_visible()


def test_the_page_is_readable_to_all_in_every_look(ada: tuple[PasskeyPage, str]) -> None:
    browser, _ = ada
    browser.check_looks()
