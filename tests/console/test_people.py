"""People and sessions: who may operate the platform, what they log in with, which browsers are logged in."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Final

import pytest
from journey import Platform
from page_parts import card, dialog, line
from passkey_page import PasskeyPage
from playwright.sync_api import expect

NewBrowser = Callable[[], PasskeyPage]
_numbers: Final = itertools.count(1)


@pytest.fixture
def bea(new_browser: NewBrowser) -> tuple[PasskeyPage, str]:
    """Return a browser of a person with a passkey, on the page of people, and her name."""
    browser, name = new_browser(), f"Bea {next(_numbers)}"
    browser.become(name)
    browser.open("/people")
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
    expect(line(browser.page, "People", name)).to_contain_text("you")
    expect(card(browser.page, "Sessions").get_by_text("this browser")).to_have_count(1)


def test_somebody_invited_becomes_a_second_person_with_the_role_of_the_link(
    bea: tuple[PasskeyPage, str], new_browser: NewBrowser
) -> None:
    browser, _ = bea
    browser.button("Invite somebody").click()
    dialog(browser.page).get_by_label("Role").select_option("auditor")
    browser.button("Make a link").click()
    expect(dialog(browser.page)).to_contain_text("is in as auditor")
    link = browser.page.get_by_label("One-time link").inner_text()
    browser.button("Close").click()
    invited, name = new_browser(), f"Cy {next(_numbers)}"
    invited.add_authenticator()
    invited.follow_link(link)
    invited.register(name)
    invited.open("/roles")
    expect(card(invited.page, "Your roles now")).to_contain_text("auditor everywhere")
    browser.page.reload()
    expect(line(browser.page, "People", name)).to_be_visible()
    expect(browser.page.get_by_role("region", name="Getting in again")).to_have_count(0)


def test_whoever_came_by_a_link_is_told_why_they_cannot_invite(guest: PasskeyPage) -> None:
    guest.open("/people")
    guest.button("Invite somebody").click()
    expect(dialog(guest.page)).to_contain_text("log in by a passkey first")
    expect(dialog(guest.page).get_by_role("button", name="Make a link")).to_be_disabled()


def test_a_session_elsewhere_is_ended(bea: tuple[PasskeyPage, str], guest: PasskeyPage) -> None:
    browser, _ = bea
    browser.page.reload()
    line(browser.page, "Sessions", "one-time link").last.get_by_role("button", name="End").click()
    dialog(browser.page).get_by_role("textbox").fill("not theirs")
    dialog(browser.page).get_by_role("button", name="End").click()
    expect(guest.page.get_by_text("Your session has ended.")).to_be_visible(timeout=180_000)


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
    expect(browser.page.get_by_text("Your session has ended.")).to_be_visible(timeout=180_000)
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
