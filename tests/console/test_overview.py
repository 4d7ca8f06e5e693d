"""The overview: is anything wrong, what changed, what should I do?"""

from __future__ import annotations

from console_page import Console, connected
from journey import wait_until
from playwright.sync_api import expect


def test_every_number_leads_to_what_it_counts(console: Console) -> None:
    page = console.open("/")
    tile = page.get_by_role("link").filter(has_text="connected").filter(has=page.locator("strong"))
    # Devices come and go meanwhile: both are read until they say the same.
    count = tile.locator("strong")
    wait_until(lambda: count.inner_text() == str(connected(console.platform)), 90, "as many as are connected")
    console.act(tile)
    expect(console.heading).to_have_text("Devices")
    expect(page.get_by_role("combobox", name="Filter")).to_have_value("connectionState = 'Connected'")


def test_what_needs_attention_is_named_with_its_reason_and_can_be_put_aside(console: Console) -> None:
    page = console.open("/")
    refused = page.get_by_role("listitem").filter(has_text="door-1").filter(has_text="certificate expired")
    expect(refused).to_contain_text("the device must enroll again")
    console.act(refused.get_by_role("button", name="Put aside"))
    expect(refused).to_be_hidden()
    page.reload()
    back = page.get_by_role("button", name="Show 1 put aside")
    expect(back).to_be_visible()
    expect(refused).to_be_hidden()
    console.act(back)
    console.act(refused.get_by_role("link", name="Why"))
    expect(page.get_by_text("The credential is valid now")).to_be_visible()


def test_what_changed_stands_there_within_seconds(console: Console) -> None:
    page = console.open("/")
    changed = page.get_by_role("region", name="What changed")
    console.platform.call("PATCH", "/v1/devices/boiler-2/twin", {"tags": {"seen": "today"}})
    expect(changed.get_by_role("listitem").first).to_contain_text("boiler-2")
    expect(page.get_by_role("region", name="Activity").get_by_role("link", name="boiler-2").first).to_be_visible()
