"""People and sessions: who may operate the platform, what they log in with, which browsers are logged in."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Final

import pytest
from journey import Platform
from passkey_page import PasskeyPage
from playwright.sync_api import Locator, Page, expect

NewBrowser = Callable[[], PasskeyPage]
_numbers: Final = itertools.count(1)


def card(page: Page, title: str) -> Locator:
    return page.locator("section.card").filter(has=page.get_by_role("heading", name=title, exact=True))


def line(page: Page, title: str, text: str) -> Locator:
    return card(page, title).get_by_role("listitem").filter(has_text=text)


def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog")


@pytest.fixture
def bea(new_browser: NewBrowser) -> tuple[PasskeyPage, str]:
    """Return a browser of a person with a passkey, on the page of people, and her name."""
    browser, name = new_browser(), f"Bea {next(_numbers)}"
    browser.become(name)
    browser.page.get_by_role("banner").get_by_role("link", name=name).click()
    expect(browser.page.get_by_role("heading", name="People and sessions")).to_be_visible()
    return browser, name


@pytest.fixture
def guest(new_browser: NewBrowser) -> PasskeyPage:
    """Return a browser that came by a one-time link and registered no passkey."""
    browser = new_browser()
    browser.follow_link()
    browser.skip()
    return browser


def test_the_page_says_who_one_is_and_who_else_there_is(bea: tuple[PasskeyPage, str]) -> None:
    browser, name = bea
    you = card(browser.page, "You")
    expect(you).to_contain_text(name)
    expect(you).to_contain_text("10 left")
    expect(you.get_by_role("list", name="Your passkeys").get_by_role("listitem")).to_have_count(1)
    expect(line(browser.page, "People", name)).to_contain_text("you")
    expect(card(browser.page, "Sessions").get_by_text("this browser")).to_have_count(1)


def test_somebody_invited_becomes_a_second_person(bea: tuple[PasskeyPage, str], new_browser: NewBrowser) -> None:
    browser, _ = bea
    browser.button("Invite somebody").click()
    browser.button("Make a link").click()
    link = browser.page.get_by_label("One-time link").inner_text()
    browser.button("Close").click()
    invited, name = new_browser(), f"Cy {next(_numbers)}"
    invited.add_authenticator()
    invited.follow_link(link)
    invited.register(name)
    browser.page.reload()
    expect(line(browser.page, "People", name)).to_be_visible()
    expect(browser.page.get_by_role("region", name="Getting in again")).to_have_count(0)


def test_whoever_came_by_a_link_is_told_why_they_cannot_invite(guest: PasskeyPage) -> None:
    guest.open("/people")
    guest.button("Invite somebody").click()
    expect(dialog(guest.page)).to_contain_text("log in by a passkey first")
    expect(dialog(guest.page).get_by_role("button", name="Make a link")).to_be_disabled()


def test_one_renames_oneself(bea: tuple[PasskeyPage, str]) -> None:
    browser, name = bea
    browser.button("Rename").click()
    field = dialog(browser.page).get_by_role("textbox")
    expect(field).to_have_value(name)
    field.fill(f"{name} the Great")
    dialog(browser.page).get_by_role("button", name="Rename").click()
    browser.expect_in(f"{name} the Great")


def test_new_recovery_codes_are_shown_once(bea: tuple[PasskeyPage, str]) -> None:
    browser, _ = bea
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


def test_a_passkey_is_added_and_another_removed(bea: tuple[PasskeyPage, str]) -> None:
    browser, _ = bea
    page = browser.page
    browser.replace_authenticator()
    browser.button("Add a passkey").click()
    dialog(page).get_by_role("textbox", name="Name of the passkey").fill("key ring")
    dialog(page).get_by_role("button", name="Register a passkey").click()
    mine = card(page, "You").get_by_role("list", name="Your passkeys").get_by_role("listitem")
    expect(mine).to_have_count(2)
    mine.filter(has_text="key ring").get_by_role("button", name="Remove").click()
    dialog(page).get_by_role("button", name="Remove").click()
    expect(mine).to_have_count(1)


def test_an_authenticator_holds_one_passkey_of_a_person(bea: tuple[PasskeyPage, str]) -> None:
    browser, _ = bea
    browser.button("Add a passkey").click()
    dialog(browser.page).get_by_role("button", name="Register a passkey").click()
    expect(dialog(browser.page).get_by_role("alert")).to_contain_text("holds a passkey for you already")


def test_a_session_elsewhere_is_ended(bea: tuple[PasskeyPage, str], guest: PasskeyPage) -> None:
    browser, _ = bea
    browser.page.reload()
    line(browser.page, "Sessions", "one-time link").last.get_by_role("button", name="End").click()
    dialog(browser.page).get_by_role("textbox").fill("not theirs")
    dialog(browser.page).get_by_role("button", name="End").click()
    expect(guest.page.get_by_text("Your session has ended.")).to_be_visible(timeout=20_000)


def test_a_person_is_disabled_with_a_reason(
    bea: tuple[PasskeyPage, str], guest: PasskeyPage, named_platform: Platform
) -> None:
    browser, name = bea
    guest.open("/people")
    theirs = line(guest.page, "People", name)
    theirs.get_by_role("button", name="Disable").click()
    dialog(guest.page).get_by_role("textbox").fill("on leave")
    dialog(guest.page).get_by_role("button", name="Disable").click()
    expect(theirs).to_contain_text("disabled")
    expect(theirs.get_by_role("button", name="Enable")).to_be_disabled()  # a link's session lets nobody in
    expect(browser.page.get_by_text("Your session has ended.")).to_be_visible(timeout=20_000)
    people = named_platform.call("GET", "/v1/people?limit=500")["items"]
    person_id = next(each["person_id"] for each in people if each["name"] == name)
    entries = named_platform.call("GET", f"/v1/ledger/entries?target={person_id}")["items"]
    assert (entries[-1]["action"], entries[-1]["reason"]) == ("operators.disable_person", "on leave")


def test_a_person_is_deleted(bea: tuple[PasskeyPage, str], guest: PasskeyPage) -> None:
    _, name = bea
    guest.open("/people")
    line(guest.page, "People", name).get_by_role("button", name="Delete").click()
    dialog(guest.page).get_by_role("textbox").fill("gone")
    dialog(guest.page).get_by_role("button", name="Delete").click()
    expect(line(guest.page, "People", name)).to_have_count(0)


def test_the_page_is_readable_to_all_in_every_look(bea: tuple[PasskeyPage, str]) -> None:
    browser, _ = bea
    browser.check_looks()
    browser.button("Invite somebody").click()
    expect(dialog(browser.page)).to_be_visible()
    browser.check_accessible()
