"""What every page stands in: menu, palette, keys, preferences, and an activity strip that outlives a restart."""

from __future__ import annotations

import os
import re
import signal

import httpx
from console_page import Console
from journey import wait_until
from playwright.sync_api import expect


def test_palette_finds_pages_and_devices_from_the_keyboard(console: Console) -> None:
    page = console.open("/")
    console.keys("Control+k")
    field = page.get_by_role("searchbox", name="Go to a page or device")
    expect(field).to_be_focused()
    console.check_looks()
    page.keyboard.type("boiler")
    choices = page.get_by_role("listbox", name="Choices").get_by_role("option")
    expect(choices.filter(has_text="device").first).to_contain_text("boiler-1")
    page.keyboard.type("-2")
    expect(choices).to_have_count(2)
    console.keys("Enter")
    expect(console.heading).to_have_text("boiler-2")
    expect(page.locator("#main")).to_be_focused()
    console.keys("Control+k")
    page.keyboard.type("led")
    expect(choices.first).to_contain_text("Ledger")
    console.keys("ArrowDown", "ArrowUp", "Enter")
    expect(console.heading).to_have_text("Ledger")
    console.keys("Control+k", "Escape")
    expect(field).to_be_hidden()


def test_palette_lists_all_devices_that_begin_with_a_text(console: Console) -> None:
    page = console.open("/")
    console.keys("Control+k")
    page.keyboard.type("pump-")
    choices = page.get_by_role("listbox", name="Choices").get_by_role("option")
    # Devices that are found later come before this choice: whoever is on it already stays there.
    expect(choices.filter(has_text="pump-3")).to_be_visible()
    expect(choices.last).to_contain_text("devices that begin with")
    if choices.last.get_attribute("data-focused") is None:
        console.keys("ArrowUp")
    expect(choices.last).to_have_attribute("data-focused", "true")
    console.keys("Enter")
    expect(page.get_by_role("combobox", name="Filter")).to_have_value("STARTSWITH(deviceId, 'pump-')")
    expect(page.get_by_role("row").filter(has_text="pump-")).to_have_count(3)


def test_page_that_is_gone_to_is_announced_and_has_the_focus(console: Console) -> None:
    page = console.open("/")
    for key, title in {"d": "Devices", "r": "Refused", "l": "Ledger", "a": "Authorities", "o": "Overview"}.items():
        console.keys("g", key)
        expect(page).to_have_title(re.compile(f"^{title} . Vedette$"))
        expect(page.get_by_role("main", name=title)).to_be_focused()
    console.keys("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null"), "Tab goes on in the page"


def test_first_tab_leads_past_the_menu(console: Console) -> None:
    page = console.open("/devices")
    console.keys("Tab")
    expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()
    console.keys("Enter", "Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_theme_and_density_are_kept_in_the_browser(console: Console) -> None:
    page = console.open("/devices")
    page.get_by_role("combobox", name="Theme").select_option("dark")
    console.act(page.get_by_role("button", name="Compact"))
    tall = page.get_by_role("row").nth(2).bounding_box()
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("html")).to_have_attribute("data-density", "compact")
    assert tall is not None
    assert tall["height"] <= 31


def test_nothing_moves_for_those_who_asked_for_it(console: Console) -> None:
    page = console.open("/")
    page.emulate_media(reduced_motion="reduce")
    console.keys("Control+k")
    expect(page.get_by_role("dialog", name="Go to")).to_be_visible()
    assert page.evaluate("document.getAnimations().length") == 0


def test_address_that_leads_nowhere_says_so(console: Console) -> None:
    page = console.page
    page.goto("/devices/a/b/c")
    expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()
    console.act(page.get_by_role("link", name="Go to the overview"))
    expect(console.heading).to_have_text("Overview")


# What stands there for a moment only is noted in the page: whoever looks from outside may look too late.
_NOTE_INTERRUPTION = """() => {
    const strip = document.querySelector('[aria-label=Activity]');
    const look = () => { window.wasInterrupted ||= strip.textContent.includes('interrupted'); };
    new MutationObserver(look).observe(strip, { childList: true, subtree: true, characterData: true });
}"""


def test_strip_and_chart_go_on_after_control_was_killed(console: Console) -> None:
    console.allowed += ["ERR_", "status of 5"]
    platform = console.platform
    page = console.open("/devices/boiler-1?tab=live")
    newest = page.get_by_role("grid", name="Messages").get_by_role("row").nth(1).locator("time")
    expect(newest).to_be_visible()
    strip = page.get_by_role("region", name="Activity")
    platform.call("PATCH", "/v1/devices/meter-1/twin", {"tags": {"before": "it"}})
    expect(strip.get_by_role("listitem").first).to_contain_text("meter-1")
    before = platform.pids()["control"]
    page.evaluate(_NOTE_INTERRUPTION)
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: page.evaluate("window.wasInterrupted === true"), 90, "the strip says so")
    wait_until(lambda: platform.pids().get("control") not in {None, before}, 180, "control is started again")
    wait_until(lambda: _answers(console), 180, "the API answers")
    platform.call("PATCH", "/v1/devices/meter-2/twin", {"tags": {"after": "it"}})
    expect(strip.get_by_role("listitem").first).to_contain_text("meter-2", timeout=180_000)
    expect(strip).not_to_contain_text("interrupted")
    last = newest.get_attribute("datetime") or ""
    expect(newest).not_to_have_attribute("datetime", last, timeout=180_000)
    shown = (
        page.get_by_role("grid", name="Messages")
        .locator("time")
        .evaluate_all("(times) => times.map((time) => time.dateTime)")
    )
    since = min(shown)
    stored = platform.call("GET", f"/v1/telemetry?device_id=boiler-1&limit=1000&since={since}")["items"]
    missing = {each["enqueued_at"] for each in stored if since <= each["enqueued_at"] <= max(shown)} - set(shown)
    assert not missing, f"messages are missing: {missing}"


def test_session_that_ends_leads_to_the_login(console: Console) -> None:
    console.allowed.append("status of 401")
    page = console.open("/devices")
    console.context.clear_cookies()
    console.keys("g", "l")
    expect(page.get_by_role("button", name=re.compile("passkey"))).to_be_visible()


def _answers(console: Console) -> bool:
    try:
        return console.platform.api.get("/v1/status").is_success
    except httpx.HTTPError:
        return False
