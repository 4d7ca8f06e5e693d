"""Groups: made with a condition or filled by hand, opened, emptied, deleted."""

from __future__ import annotations

from console_page import Console
from playwright.sync_api import expect


def test_group_with_a_condition_is_made_and_deleted_by_keyboard(console: Console) -> None:
    page = console.open("/groups")
    console.act(page.get_by_role("button", name="New group"))
    page.keyboard.type("boilers")
    console.keys("Tab")
    page.keyboard.type("STARTSWITH(deviceId, 'boiler-')")
    console.keys("Enter")
    expect(page.get_by_text("2 devices meet it now.")).to_be_visible()
    console.check_accessible()
    console.act(page.get_by_role("button", name="Create"))
    expect(page.get_by_role("dialog")).to_be_hidden()
    row = page.get_by_role("row", name="boilers dynamic")
    expect(row).to_contain_text("2")
    row.click()
    expect(page.get_by_role("region", name="Members").get_by_role("link", name="boiler-1")).to_be_visible()
    console.check_looks()
    console.act(page.get_by_role("region", name="boilers").get_by_role("link", name="2"))
    expect(page.get_by_role("combobox", name="Filter")).to_have_value("CONTAINS(groups, 'boilers')")
    expect(page.get_by_role("row").filter(has_text="boiler-")).to_have_count(2)
    page.go_back()
    console.act(page.get_by_role("region", name="boilers").get_by_role("button", name="Delete"))
    console.keys("Enter")
    expect(row).to_be_hidden()


def test_member_is_taken_out_of_a_group_that_is_filled_by_hand(console: Console) -> None:
    group = console.platform.call("POST", "/v1/groups", {"name": "spares"})["group_id"]
    console.platform.call("POST", f"/v1/groups/{group}/add", {"device_ids": ["pump-3"]})
    page = console.open(f"/groups?id={group}")
    console.act(page.get_by_role("button", name="Take pump-3 out"))
    expect(page.get_by_text("Nobody is in it.")).to_be_visible()
    console.platform.call("DELETE", f"/v1/groups/{group}")
