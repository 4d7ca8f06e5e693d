"""Clone alerts: seen in the menu, explained, and closed with a reason."""

from __future__ import annotations

import pytest
from console_page import Console
from journey import Platform, wait_until
from playwright.sync_api import expect


@pytest.fixture(autouse=True)
def _alert(platform: Platform, fleet: object) -> None:
    wait_until(lambda: platform.call("GET", "/v1/clone-alerts")["items"], 180, "the copied key is noticed")


def test_open_alert_is_marked_in_the_menu_explained_and_closed_by_keyboard(console: Console) -> None:
    page = console.open("/")
    entry = page.get_by_role("navigation", name="Pages").get_by_role("link", name="Clone alerts 1 open")
    expect(entry).to_be_visible()
    console.keys("g", "c")
    expect(console.heading).to_have_text("Clone alerts")
    expect(page.get_by_text("the private key exists twice")).to_be_visible()
    console.act(page.get_by_role("button", name="Looked into"))
    console.check_accessible()
    page.keyboard.type("the laptop of a former employee")
    console.keys("Enter")
    expect(page.get_by_text("the laptop of a former employee")).to_be_visible()
    expect(page.get_by_text("0 open")).to_be_visible()
    expect(entry).to_be_hidden()
    (alert,) = console.platform.call("GET", "/v1/clone-alerts")["items"]
    assert alert["acknowledged_reason"] == "the laptop of a former employee"


def test_alert_leads_to_the_device(console: Console) -> None:
    page = console.open("/clone-alerts")
    console.act(page.get_by_role("link", name="Open the device"))
    expect(console.heading).to_have_text("pump-1")
