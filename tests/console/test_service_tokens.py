"""Service tokens: made, shown once, used, revoked."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Final

import httpx
import pytest
from journey import Platform
from page_parts import card, dialog, row
from passkey_page import PasskeyPage
from playwright.sync_api import expect

NewBrowser = Callable[[], PasskeyPage]
_numbers: Final = itertools.count(1)
_TOKENS: Final = "Service tokens"


@pytest.fixture
def admin(new_browser: NewBrowser) -> PasskeyPage:
    browser = new_browser()
    browser.become(f"Toni {next(_numbers)}")
    browser.open("/service-tokens")
    return browser


def status_of(platform: Platform, secret: str) -> int:
    headers = {"Authorization": f"Bearer {secret}"}
    return httpx.get(f"{platform.api_url}/v1/people", headers=headers, timeout=60).status_code


def test_a_token_is_shown_once_works_and_is_revoked(admin: PasskeyPage, named_platform: Platform) -> None:
    page, name = admin.page, f"siem export {next(_numbers)}"
    admin.button("Make a token").click()
    dialog(page).get_by_role("textbox", name="What it is for").fill(name)
    dialog(page).get_by_role("textbox", name="Only from these networks").fill("127.0.0.0/8")
    dialog(page).get_by_label("It ends by itself after").select_option("7 days")
    dialog(page).get_by_role("button", name="Make it").click()
    secret = dialog(page).get_by_label("Service token", exact=True).inner_text()
    assert secret.startswith("vds_")
    admin.button("Copy Service token").click()
    assert page.evaluate("navigator.clipboard.readText()") == secret
    admin.check_accessible()
    admin.button("I have kept it").click()
    admin.secrets.append(secret)
    admin.check_no_secret()
    assert status_of(named_platform, secret) == 200
    page.reload()
    row(page, _TOKENS, name).click()
    told = card(page, name)
    expect(told).to_contain_text("auditor")
    expect(told).to_contain_text("127.0.0.0/8")
    expect(told).to_contain_text("from 127.0.0.1")
    expect(told).to_contain_text("in 7 days")
    told.get_by_role("button", name="Revoke").click()
    dialog(page).get_by_role("textbox").fill("the export moved")
    dialog(page).get_by_role("button", name="Revoke").click()
    expect(dialog(page)).to_have_count(0)
    assert status_of(named_platform, secret) == 401
    entries = named_platform.call("GET", "/v1/ledger/entries?action=operators.revoke_service_token&limit=1000")["items"]
    assert entries[-1]["reason"] == "the export moved"


def test_what_is_wrong_with_a_token_is_said_and_nothing_typed_is_lost(admin: PasskeyPage) -> None:
    page = admin.page
    admin.button("Make a token").click()
    dialog(page).get_by_role("textbox", name="What it is for").fill("misplaced")
    networks = dialog(page).get_by_role("textbox", name="Only from these networks")
    networks.fill("10.20.0.0/99")
    dialog(page).get_by_role("button", name="Make it").click()
    expect(dialog(page).get_by_role("alert")).to_be_visible()
    expect(networks).to_have_value("10.20.0.0/99")


def test_a_token_is_made_by_keyboard_alone(admin: PasskeyPage, named_platform: Platform) -> None:
    page, name = admin.page, f"by keys {next(_numbers)}"
    admin.act(admin.button("Make a token"))
    expect(dialog(page).get_by_role("textbox", name="What it is for")).to_be_focused()
    page.keyboard.type(name)
    admin.tab_to(dialog(page).get_by_role("checkbox", name="analyst"))
    admin.keys("Space")
    admin.tab_to(dialog(page).get_by_role("checkbox", name="enforcement-point"))
    admin.keys("Space")
    admin.act(dialog(page).get_by_role("button", name="Make it"))
    expect(dialog(page).get_by_label("Service token", exact=True)).to_be_visible()
    (made,) = [each for each in named_platform.call("GET", "/v1/service-tokens")["items"] if each["name"] == name]
    assert sorted(made["roles"]) == ["analyst", "auditor", "enforcement-point"]


def test_whoever_may_not_manage_keys_makes_none(new_browser: NewBrowser) -> None:
    auditor = new_browser()
    auditor.come(f"Tori {next(_numbers)}", "auditor")
    auditor.open("/service-tokens")
    expect(auditor.page.get_by_role("grid", name=_TOKENS)).to_be_visible()
    expect(auditor.button("Make a token")).to_have_count(0)


def test_the_page_is_readable_to_all_in_every_look(admin: PasskeyPage) -> None:
    admin.check_looks()
    admin.button("Make a token").click()
    expect(dialog(admin.page)).to_be_visible()
    admin.check_accessible()
