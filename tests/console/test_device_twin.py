"""The twin of a device: seen before it is changed, never overwritten unseen, followed by the device."""

from __future__ import annotations

import re

from console_page import Console
from playwright.sync_api import expect


def test_desired_property_is_changed_after_its_difference_was_seen(console: Console) -> None:
    page = console.open("/devices/boiler-1?tab=twin")
    editor = page.get_by_role("textbox", name="Desired")
    console.tab_to(editor)
    console.keys("Control+a")
    page.keyboard.type('{"intervalSeconds": 0.5, "mode": "eco"}')
    console.act(page.get_by_role("button", name="Show what changes").first)
    changes = page.get_by_role("region", name="What changes")
    expect(changes).to_contain_text('+   "intervalSeconds": 0.5')
    console.check_looks()
    with console.copied(page.get_by_role("button", name="Copy as…").nth(1)) as texts:
        assert """--desired '{"intervalSeconds":0.5,"mode":"eco"}'""" in texts["CLI"]
    console.tab_to(page.get_by_role("button", name="Save"))
    console.keys("Enter")
    expect(page.get_by_role("region", name="Reported properties")).to_contain_text('"intervalSeconds": 0.5')
    assert console.platform.call("GET", "/v1/devices/boiler-1/twin")["desired"]["mode"] == "eco"
    expect(changes).to_be_hidden()  # the answer to the act is there: it would take the place of what is typed before
    editor.fill('{"intervalSeconds": 1}')
    console.act(page.get_by_role("button", name="Show what changes").first)
    expect(changes).to_contain_text('-   "mode": "eco"')
    console.act(page.get_by_role("button", name="Save"))
    expect(page.get_by_role("region", name="Reported properties")).to_contain_text('"intervalSeconds": 1')
    assert "mode" not in console.platform.call("GET", "/v1/devices/boiler-1/twin")["desired"]


def test_text_that_is_not_json_yet_cannot_be_saved(console: Console) -> None:
    page = console.open("/devices/boiler-1?tab=twin")
    page.get_by_role("textbox", name="Desired").fill('{"a": ')
    expect(page.get_by_role("alert")).to_contain_text("Not JSON yet")
    expect(page.get_by_role("button", name="Show what changes").first).to_be_disabled()
    page.get_by_role("textbox", name="Desired").fill("[]")
    expect(page.get_by_role("alert")).to_contain_text("must be an object")


def test_change_by_somebody_else_is_neither_lost_nor_overwritten(console: Console) -> None:
    console.allowed.append("status of 412")
    page = console.open("/devices/boiler-1?tab=twin")
    editor = page.get_by_role("textbox", name="Tags")
    editor.fill('{"mine": "1"}')
    console.platform.call("PATCH", "/v1/devices/boiler-1/twin", {"tags": {"theirs": "2"}})
    expect(page.get_by_text("Somebody else has changed it")).to_be_visible()
    expect(editor).to_have_value('{"mine": "1"}')
    page.get_by_role("button", name="Show what changes").last.click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("revision")
    page.get_by_role("button", name="Start over").last.click()
    expect(editor).to_have_value(re.compile('"theirs": "2"'))
    assert console.platform.call("GET", "/v1/devices/boiler-1/twin")["tags"]["theirs"] == "2"
