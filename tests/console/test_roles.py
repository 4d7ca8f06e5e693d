"""Roles: who holds what where, granting and withdrawing, and roles that count for a while."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Any, Final

import pytest
from journey import Platform
from page_parts import card, dialog, line, row
from passkey_page import PasskeyPage
from playwright.sync_api import expect

NewBrowser = Callable[[], PasskeyPage]
_numbers: Final = itertools.count(1)
_HELD: Final = "Roles that people hold"


@pytest.fixture
def admin(new_browser: NewBrowser) -> PasskeyPage:
    browser = new_browser()
    browser.become(f"Root {next(_numbers)}")
    return browser


def new_person(new_browser: NewBrowser, role: str) -> tuple[PasskeyPage, str]:
    browser, name = new_browser(), f"Kim {role} {next(_numbers)}"
    browser.come(name, role)
    return browser, name


def grants_of(platform: Platform, person_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = platform.call("GET", f"/v1/grants?person_id={person_id}")["items"]
    return found


def test_a_role_is_granted_for_a_site_with_an_end_and_withdrawn(
    admin: PasskeyPage, new_browser: NewBrowser, named_platform: Platform
) -> None:
    named_platform.call("POST", "/v1/devices", {"device_id": f"roles-{next(_numbers)}", "site": "harbour"})
    person, name = new_person(new_browser, "auditor")
    page = admin.open("/roles")
    admin.button("Grant a role").click()
    dialog(page).get_by_label("To", exact=True).select_option(name)
    dialog(page).get_by_label("Role", exact=True).select_option("operator")
    dialog(page).get_by_role("button", name="harbour", exact=True).click()
    dialog(page).get_by_label("Last day").fill("2099-12-31")
    dialog(page).get_by_role("textbox", name="Reason").fill("runs the harbour")
    dialog(page).get_by_role("button", name="Grant a role").click()
    expect(dialog(page)).to_have_count(0)
    page.get_by_label("Of", exact=True).select_option(name)
    expect(row(page, _HELD, "site harbour")).to_be_visible()
    row(page, _HELD, "site harbour").click()
    detail = card(page, "operator")
    expect(detail).to_contain_text("runs the harbour")
    expect(detail).to_contain_text("command devices")
    (granted,) = [each for each in grants_of(named_platform, person.person_id()) if each["role"] == "operator"]
    assert (granted["sites"], granted["mode"], granted["expires_at"][:4]) == (["harbour"], "active", "2099")
    person.open("/roles")
    expect(line(person.page, "Your roles now", "operator")).to_contain_text("site harbour")
    detail.get_by_role("button", name="Withdraw").click()
    dialog(page).get_by_role("textbox").fill("left the harbour")
    dialog(page).get_by_role("button", name="Withdraw").click()
    expect(row(page, _HELD, "site harbour")).to_have_count(0)
    assert [each["role"] for each in grants_of(named_platform, person.person_id())] == ["auditor"]


def test_an_eligible_role_counts_for_a_while_and_is_given_back_from_any_page(
    new_browser: NewBrowser, named_platform: Platform
) -> None:
    person, name = new_person(new_browser, "auditor")
    path = f"/v1/people/{person.person_id()}/grants"
    named_platform.call("POST", path, {"role": "operator", "mode": "eligible", "sites": ["north"]})
    page = person.open("/roles")
    mine = line(page, "Your roles now", "operator")
    expect(mine).to_contain_text("does not count now")
    mine.get_by_role("button", name="Elevate yourself").click()
    dialog(page).get_by_label("For", exact=True).select_option("30 minutes")
    dialog(page).get_by_role("textbox").fill("pump 7 is loud")
    dialog(page).get_by_role("button", name="Elevate yourself").click()
    expect(mine).to_contain_text(re.compile(r"\b(30|2\d) min left"))
    person.open("/devices")
    strip = page.get_by_role("region", name="Activity")
    expect(strip).to_contain_text(re.compile(r"operator for (30|2\d) min yet"))
    expect(strip).to_contain_text("pump 7 is loud")
    strip.get_by_role("button", name="Give back").click()
    expect(strip).not_to_contain_text("operator for")
    person.open("/roles?tab=elevations")
    expect(row(page, "Elevations", name)).to_contain_text("given back")
    expect(line(page, "Your roles now", "operator")).to_contain_text("does not count now")


def test_the_last_administrator_stays(admin: PasskeyPage, named_platform: Platform) -> None:
    own = admin.person_id()
    for each in named_platform.call("GET", "/v1/grants?limit=500")["items"]:
        if each["role"] == "admin" and each["person_id"] != own:
            named_platform.call("DELETE", f"/v1/grants/{each['grant_id']}")
    page = admin.open(f"/roles?person={own}")
    card(page, "admin").get_by_role("button", name="Withdraw").click()
    expect(dialog(page)).to_contain_text("The last such role cannot be withdrawn")
    dialog(page).get_by_role("button", name="Withdraw").click()
    expect(dialog(page).get_by_role("alert")).to_contain_text("administer")
    assert [each["role"] for each in grants_of(named_platform, own)] == ["admin"]


def test_what_each_role_gives_is_said_in_words(admin: PasskeyPage) -> None:
    page = admin.open("/roles")
    page.get_by_role("tab", name="What each role gives").click()
    expect(page.get_by_role("list", name="What auditor gives")).to_contain_text("sign off reviews")
    expect(page.get_by_role("list", name="What manufacturer gives").get_by_role("listitem")).to_have_count(1)
    assert "tab=given" in page.url


def test_whoever_may_not_audit_sees_their_own_roles_alone(new_browser: NewBrowser) -> None:
    person, name = new_person(new_browser, "deployer")
    page = person.open("/roles")
    expect(row(page, _HELD, name)).to_have_count(1)
    expect(page.get_by_role("grid", name=_HELD).get_by_role("row")).to_have_count(2)
    expect(person.button("Grant a role")).to_have_count(0)
    expect(page.get_by_label("Of", exact=True)).to_have_count(0)


def test_a_role_is_granted_by_keyboard_alone(admin: PasskeyPage, named_platform: Platform) -> None:
    page = admin.open("/roles")
    admin.act(admin.button("Grant a role"))
    expect(dialog(page).get_by_label("To", exact=True)).to_be_focused()
    admin.tab_to(dialog(page).get_by_label("Role", exact=True))
    page.keyboard.type("dev")
    admin.tab_to(dialog(page).get_by_role("textbox", name="Reason"))
    page.keyboard.type("tries an SDK")
    admin.keys("Enter")
    expect(dialog(page)).to_have_count(0)
    entry = named_platform.call("GET", "/v1/ledger/entries?action=operators.grant_role&limit=1000")["items"][-1]
    assert entry["reason"] == "tries an SDK"


def test_the_page_is_readable_to_all_in_every_look(admin: PasskeyPage) -> None:
    for tab in ("", "given", "elevations"):
        admin.open(f"/roles?tab={tab}")
        admin.check_looks()
    admin.button("Grant a role").click()
    expect(dialog(admin.page)).to_be_visible()
    admin.check_accessible()
