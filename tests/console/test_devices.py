"""The list of devices: filter, walk, select, act on many, undo; all of it from the keyboard."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

from console_page import Console, connected
from journey import wait_until
from playwright.sync_api import expect

METERS = "STARTSWITH(deviceId, 'meter-')"


def test_filter_completes_its_words_by_keyboard(console: Console) -> None:
    page = console.open("/devices")
    console.keys("/")
    field = page.get_by_role("combobox", name="Filter")
    expect(field).to_be_focused()
    page.keyboard.type("conn")
    expect(page.get_by_role("option", name="connectionState")).to_be_visible()
    console.keys("ArrowDown", "Enter")
    page.keyboard.type("= 'Connected' ")
    console.keys("ArrowDown")
    expect(page.get_by_role("option", name="AND both")).to_have_attribute("aria-selected", "true")
    console.check_accessible()
    console.keys("Tab")
    page.keyboard.type("tags.line = 'demo'")
    console.keys("Escape", "Enter")
    where = "connectionState = 'Connected' AND tags.line = 'demo'"
    # A device may come or go meanwhile; what is asked for stands in the address, and a new look asks anew.
    expect(page).to_have_url(re.compile("where=connectionState"))

    def is_counted() -> bool:
        page.reload()
        console.see(re.compile(r"\d+ match"))
        return page.get_by_text(f"{connected(console.platform, where)} match").first.is_visible()

    wait_until(is_counted, 90, "as many as there are")
    expect(field).to_have_value("connectionState = 'Connected' AND tags.line = 'demo'")
    assert "where=connectionState" in page.url
    page.go_back()
    expect(field).to_have_value("")


def test_filter_that_is_wrong_is_explained(console: Console) -> None:
    console.allowed.append("status of 4")
    page = console.open("/devices?where=site+%3D")
    expect(page.get_by_role("alert").first).to_contain_text("at character 7")


def test_quick_filters_are_switched_by_keyboard(console: Console) -> None:
    page = console.open("/devices")
    weak = page.get_by_role("button", name="Weak credential")
    console.act(weak)
    expect(weak).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("row").filter(has_text="hvac-")).to_have_count(2)
    console.keys("Enter")
    expect(weak).to_have_attribute("aria-pressed", "false")
    expect(page.get_by_role("row", name="boiler-1")).to_be_visible()


def test_list_is_walked_and_a_device_opened_by_keyboard(console: Console) -> None:
    page = console.open(f"/devices?where={METERS}")
    expect(page.get_by_role("row").filter(has_text="meter-")).to_have_count(2)
    console.keys("j", "j", "Enter")
    expect(console.heading).to_have_text("meter-2")
    expect(page.locator("#main")).to_be_focused()
    page.go_back()
    expect(console.heading).to_have_text("Devices")
    console.keys("j", "k", "k", "Enter")
    expect(console.heading).to_have_text("meter-1")


def test_two_devices_are_disabled_after_a_preview_and_the_act_is_undone(console: Console) -> None:
    page = console.open(f"/devices?where={METERS}")
    expect(page.get_by_role("row").filter(has_text="connected")).to_have_count(2)
    console.keys("j", "k", "x", "j", "Space")
    console.see("2 selected")
    disable = page.get_by_role("button", name="Disable…")
    console.tab_to(disable, backwards=True)
    console.keys("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_have_text("Disable 2 devices")
    expect(dialog).to_contain_text("meter-1, meter-2")
    expect(dialog.get_by_role("textbox", name="Reason")).to_be_focused()
    console.check_looks()
    page.keyboard.type("taken to the workshop")
    console.keys("Enter")
    console.see("2 disabled.")
    assert connected(console.platform, f"{METERS} AND status = 'disabled'") == 2
    expect(page.get_by_role("row").filter(has_text="disabled")).to_have_count(2)
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_focused()
    console.keys("Enter")
    console.see("2 enabled again.")
    assert connected(console.platform, f"{METERS} AND status = 'enabled'") == 2
    acts = console.platform.call("GET", "/v1/devices/meter-1/history")["acts"]
    assert [act["reason"] for act in acts[-2:]] == ["taken to the workshop", "undone: taken to the workshop"]


def test_all_shown_are_selected_and_put_into_a_group(console: Console) -> None:
    group = console.platform.call("POST", "/v1/groups", {"name": "by hand"})
    page = console.open(f"/devices?where={METERS}")
    console.act(page.get_by_role("checkbox", name="Select all shown"), key="Space")
    console.see("2 selected")
    console.tab_to(page.get_by_role("button", name="Add to a group…"), backwards=True)
    console.keys("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("combobox", name="Group")).to_contain_text("by hand")
    console.act(dialog.get_by_role("button", name="Add", exact=True))
    console.see("2 added to by hand.")
    members = console.platform.call("GET", f"/v1/groups/{group['group_id']}/members")["items"]
    assert {each["device_id"] for each in members} == {"meter-1", "meter-2"}


def test_what_is_loaded_is_saved_as_csv(console: Console, tmp_path: Path) -> None:
    page = console.open(f"/devices?where={METERS}")
    expect(page.get_by_role("row").filter(has_text="meter-")).to_have_count(2)
    with page.expect_download() as download:
        console.act(page.get_by_role("button", name="CSV of what is loaded"))
    download.value.save_as(tmp_path / "devices.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "devices.csv").read_text())))
    assert [row["device_id"] for row in rows] == ["meter-1", "meter-2"]
