"""The ledger: newest first, walked by keyboard, each entry with what was done and why."""

from __future__ import annotations

from console_page import Console
from playwright.sync_api import expect


def test_newest_entry_comes_first_with_its_reason(console: Console) -> None:
    console.platform.call("POST", "/v1/devices", {"device_id": "shelf-1", "authentication": {"type": "issued"}})
    console.platform.call("POST", "/v1/devices/shelf-1/disable", {"reason": "written off"})
    page = console.open("/ledger")
    expect(page.get_by_role("row").nth(1)).to_contain_text("shelf-1")
    expect(page.get_by_text("written off")).to_be_visible()
    console.platform.call("POST", "/v1/devices/shelf-1/enable", {"reason": "found again"})
    expect(page.get_by_text("found again")).to_be_visible()


def test_entries_are_walked_while_new_ones_come(console: Console) -> None:
    page = console.open("/ledger")
    expect(page.get_by_role("row").nth(3)).to_be_visible()
    third = page.get_by_role("row").nth(3).get_by_role("gridcell").first.inner_text()
    console.keys("j", "j", "j")
    expect(page.get_by_role("heading", name=f"Entry {third}")).to_be_visible()
    console.platform.call("PATCH", "/v1/devices/boiler-1/twin", {"tags": {"walked": "yes"}})
    console.act(page.get_by_role("button", name="Show them"))
    expect(page.get_by_role("row").nth(1)).to_contain_text("boiler-1")
    assert page.url.endswith(f"entry={third}")
    expect(page.get_by_role("heading", name=f"Entry {third}")).to_be_visible()


def test_link_leads_to_an_old_entry(console: Console) -> None:
    page = console.open("/ledger?entry=1")
    expect(page.get_by_role("heading", name="Entry 1", exact=True)).to_be_visible()
