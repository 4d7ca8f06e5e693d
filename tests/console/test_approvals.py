"""Acts that wait for another person: asked for, approved or refused, and done once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Final

import pytest
from journey import Platform, free_port
from page_parts import dialog, row
from passkey_page import PasskeyPage
from playwright.sync_api import Browser, expect

NewBrowser = Callable[[], PasskeyPage]
_ADDRESS: Final = "127.0.172.1"
_numbers: Final = itertools.count(1)
_ACT: Final = "put policies in force"


@pytest.fixture(scope="module")
def careful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform that asks for two people before commands are listed."""
    running = Platform(
        _ADDRESS,
        tmp_path_factory.mktemp("careful"),
        api_port=free_port(),
        hostname="localhost",
        more_configuration='[access]\nsecond_approver = ["managePolicies"]\n',
    )
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture
def come(browser: Browser, careful: Platform) -> Iterator[Callable[[str], PasskeyPage]]:
    """Return what lets a new person in with a role."""
    opened: list[PasskeyPage] = []

    def open_one(role: str) -> PasskeyPage:
        made = PasskeyPage(browser, careful)
        opened.append(made)
        made.come(f"{role} {next(_numbers)}", role)
        return made

    try:
        yield open_one
        for each in opened:
            each.check()
    finally:
        for each in opened:
            each.close()


def list_command(browser: PasskeyPage, name: str) -> None:
    """Ask to list a command."""
    browser.open("/command-schemas")
    browser.button("List a command").click()
    dialog(browser.page).get_by_role("textbox", name="Name of the method").fill(name)
    dialog(browser.page).get_by_role("textbox", name="For devices of this class").fill("press")
    dialog(browser.page).get_by_role("button", name="List a command").click()


def test_an_act_waits_is_approved_by_another_person_and_is_done_once(
    come: Callable[[str], PasskeyPage], careful: Platform
) -> None:
    asker, other = come("admin"), come("admin")
    name = f"set_{next(_numbers)}"
    list_command(asker, name)
    told = dialog(asker.page).get_by_role("alert")
    expect(told).to_contain_text("waits for another person")
    told.get_by_role("link", name="Approvals").click()
    expect(row(asker.page, "Acts", _ACT)).to_contain_text("you")
    expect(asker.page.get_by_text("somebody else has to approve")).to_be_visible()
    expect(asker.button("Approve")).to_have_count(0)
    # The other sees in the menu that something waits, and what was sent.
    other.open("/")
    other.page.get_by_role("navigation", name="Pages").get_by_role("link", name="Approvals 1 open").click()
    expect(other.page.get_by_label("What was sent; what may be secret is hidden", exact=True)).to_contain_text(name)
    other.page.get_by_role("textbox", name="What you say to it").fill("as agreed")
    other.button("Approve").click()
    expect(other.page.get_by_text("Nothing waits.")).to_be_visible()
    asker.open("/approvals?show=decided")
    expect(asker.page.get_by_text("Now do the same once more")).to_be_visible()
    expect(asker.page.get_by_text("as agreed")).to_be_visible()
    list_command(asker, name)
    expect(row(asker.page, "Listed commands", name)).to_be_visible()
    assert any(each["command"] == name for each in careful.call("GET", "/v1/command-schemas")["items"])
    asker.open("/approvals?show=decided")
    expect(row(asker.page, "Acts", "approved and done").first).to_be_visible()


def test_an_act_is_refused_and_another_taken_back(come: Callable[[str], PasskeyPage], careful: Platform) -> None:
    asker, other = come("admin"), come("admin")
    list_command(asker, f"set_{next(_numbers)}")
    expect(dialog(asker.page).get_by_role("alert")).to_be_visible()
    other.open("/approvals")
    other.button("Refuse").click()
    expect(other.page.get_by_text("Nothing waits.")).to_be_visible()
    list_command(asker, f"set_{next(_numbers)}")
    expect(dialog(asker.page).get_by_role("alert")).to_be_visible()
    asker.open("/approvals")
    asker.button("Take it back").click()
    expect(asker.page.get_by_text("Nothing waits.")).to_be_visible()
    assert {each["state"] for each in careful.call("GET", "/v1/approvals")["items"][:2]} == {"refused"}


def test_whoever_may_not_do_it_does_not_decide_it(come: Callable[[str], PasskeyPage]) -> None:
    asker, auditor = come("admin"), come("auditor")
    list_command(asker, f"set_{next(_numbers)}")
    expect(dialog(asker.page).get_by_role("alert")).to_be_visible()
    auditor.open("/approvals")
    expect(auditor.page.get_by_text("your roles do not give that")).to_be_visible()
    expect(auditor.button("Approve")).to_have_count(0)
    auditor.check_looks()
    asker.open("/approvals")
    asker.button("Take it back").click()


def test_the_page_says_what_asks_for_two_people(come: Callable[[str], PasskeyPage]) -> None:
    browser = come("auditor")
    browser.open("/approvals")
    browser.see(f"Two people are asked for here to {_ACT}")
    browser.check_looks()
