"""Listed commands: what devices may be told, and nothing else."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Final

import pytest
from journey import Platform
from page_parts import card, dialog, row
from passkey_page import PasskeyPage
from playwright.sync_api import expect

NewBrowser = Callable[[], PasskeyPage]
_numbers: Final = itertools.count(1)
_LISTED: Final = "Listed commands"


@pytest.fixture
def admin(new_browser: NewBrowser) -> PasskeyPage:
    browser = new_browser()
    browser.become(f"Cora {next(_numbers)}")
    browser.open("/command-schemas")
    return browser


def test_a_command_is_listed_and_removed_with_a_reason(admin: PasskeyPage, named_platform: Platform) -> None:
    page, name = admin.page, f"set_speed_{next(_numbers)}"
    schema = {"type": "object", "properties": {"rpm": {"type": "integer", "maximum": 900}}, "required": ["rpm"]}
    admin.button("List a command").click()
    dialog(page).get_by_role("textbox", name="Name of the method").fill(name)
    dialog(page).get_by_role("textbox", name="For devices of this class").fill("press")
    dialog(page).get_by_role("textbox", name="JSON Schema of the payload").fill(json.dumps(schema))
    dialog(page).get_by_role("textbox", name="What for").fill("never faster")
    admin.check_accessible()
    dialog(page).get_by_role("button", name="List a command").click()
    row(page, _LISTED, name).click()
    told = card(page, name)
    expect(told).to_contain_text("never faster")
    expect(told.get_by_role("link", name="class press")).to_be_visible()
    (listed,) = [each for each in named_platform.call("GET", "/v1/command-schemas")["items"] if each["command"] == name]
    assert (listed["device_class"], listed["json_schema"]) == ("press", schema)
    told.get_by_role("button", name="Remove").click()
    expect(dialog(page)).to_contain_text("they take every method again")
    dialog(page).get_by_role("textbox").fill("the press is gone")
    dialog(page).get_by_role("button", name="Remove").click()
    expect(row(page, _LISTED, name)).to_have_count(0)


def test_what_is_no_schema_is_said_before_and_after_it_is_sent(admin: PasskeyPage) -> None:
    page = admin.page
    admin.button("List a command").click()
    send = dialog(page).get_by_role("button", name="List a command")
    expect(send).to_be_disabled()  # it does not say for which devices
    dialog(page).get_by_role("textbox", name="For devices of this class").fill("press")
    expect(send).to_be_enabled()
    field = dialog(page).get_by_role("textbox", name="JSON Schema of the payload")
    field.fill('{"type": ')
    expect(dialog(page).get_by_text("This is no JSON object yet.")).to_be_visible()
    expect(send).to_be_disabled()
    field.fill('{"type": "nonsense"}')
    send.click()
    expect(dialog(page).get_by_role("alert")).to_be_visible()
    expect(field).to_have_value('{"type": "nonsense"}')


def test_the_page_is_readable_to_all_in_every_look(admin: PasskeyPage) -> None:
    admin.check_looks()
