"""Reviews: begun, signed off line by line, exported and closed."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from journey import Platform
from page_parts import dialog, row
from passkey_page import PasskeyPage
from playwright.sync_api import expect

NewBrowser = Callable[[], PasskeyPage]
_numbers: Final = itertools.count(1)
_LINES: Final = "Lines of the review"


@pytest.fixture
def admin(new_browser: NewBrowser) -> tuple[PasskeyPage, str]:
    browser, name = new_browser(), f"Rhea {next(_numbers)}"
    browser.become(name)
    return browser, name


def begin(browser: PasskeyPage) -> str:
    """Begin a review; return its name."""
    name = f"review {next(_numbers)}"
    browser.open("/reviews")
    browser.button("Begin a review").click()
    dialog(browser.page).get_by_role("textbox", name="Name").fill(name)
    dialog(browser.page).get_by_role("button", name="Begin a review").click()
    expect(browser.page.get_by_role("heading", name=name)).to_be_visible()
    return name


def show_last_lines(browser: PasskeyPage) -> None:
    """Go to the end of the list, where the youngest people stand: only what is seen is drawn."""
    lines = browser.page.get_by_role("grid", name=_LINES)
    expect(lines.get_by_role("row").filter(has_text="open").first).to_be_visible()
    lines.press("End")


def test_lines_are_kept_and_withdrawn_and_ones_own_is_somebody_elses(
    admin: tuple[PasskeyPage, str], new_browser: NewBrowser, named_platform: Platform
) -> None:
    browser, own_name = admin
    person, name = new_browser(), f"Lee {next(_numbers)}"
    person.come(name, "operator")
    other = f"Oda {next(_numbers)}"
    new_browser().come(other, "analyst")
    begin(browser)
    page = browser.page
    show_last_lines(browser)
    row(page, _LINES, own_name).click()
    expect(page.get_by_text("It is yours: somebody else signs it off.")).to_be_visible()
    row(page, _LINES, name).click()
    page.get_by_role("textbox", name="Why").fill("no longer in the shift")
    browser.button("Withdraw at once").click()
    expect(row(page, _LINES, name)).to_contain_text("withdrawn")
    assert named_platform.call("GET", f"/v1/grants?person_id={person.person_id()}")["items"] == []
    row(page, _LINES, other).click()
    browser.button("Keep").click()
    expect(page.get_by_text("2 of ")).to_be_visible()
    page.get_by_label("Which lines").select_option("open ones")
    expect(row(page, _LINES, name)).to_have_count(0)


def test_a_review_is_exported_and_closed_with_a_reason(admin: tuple[PasskeyPage, str], tmp_path: Path) -> None:
    browser, own_name = admin
    name = begin(browser)
    page = browser.page
    with page.expect_download() as download:
        browser.button("Export as CSV").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    lines = list(csv.DictReader(path.read_text().splitlines()))
    assert any(own_name in each.values() for each in lines)
    browser.button("Close with open lines").click()
    dialog(page).get_by_role("textbox").fill("begun by mistake")
    dialog(page).get_by_role("button", name="Close with open lines").click()
    expect(row(page, "Reviews", name)).to_contain_text("closed")
    expect(browser.button("Keep")).to_have_count(0)


def test_an_auditor_keeps_lines_and_leaves_withdrawing_to_an_administrator(new_browser: NewBrowser) -> None:
    auditor, name = new_browser(), f"Audra {next(_numbers)}"
    auditor.come(name, "auditor")
    other = f"Otto {next(_numbers)}"
    new_browser().come(other, "operator")
    begin(auditor)
    show_last_lines(auditor)
    row(auditor.page, _LINES, other).click()
    expect(auditor.page.get_by_text("To withdraw it takes an administrator.")).to_be_visible()
    auditor.act(auditor.button("Keep"))
    expect(auditor.page.get_by_text("1 of ")).to_be_visible()


def test_the_page_is_readable_to_all_in_every_look(admin: tuple[PasskeyPage, str]) -> None:
    browser, _ = admin
    begin(browser)
    browser.check_looks()
    browser.button("Begin a review").click()
    expect(dialog(browser.page)).to_be_visible()
    browser.check_accessible()
