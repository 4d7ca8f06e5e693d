"""Methods and commands: a device is asked and answers; what waits for it is seen and can be thrown away."""

from __future__ import annotations

from console_page import Console
from playwright.sync_api import expect


def test_method_is_invoked_by_keyboard_and_its_answer_shown(console: Console) -> None:
    page = console.open("/devices/meter-1?tab=talk")
    console.tab_to(page.get_by_role("textbox", name="Payload"))
    page.keyboard.type('{"in_s": 5')
    console.act(page.get_by_role("button", name="Invoke"))
    expect(page.get_by_role("alert")).to_contain_text("not JSON")
    console.tab_to(page.get_by_role("textbox", name="Payload"), backwards=True)
    page.keyboard.press("End")
    page.keyboard.type("}")
    console.act(page.get_by_role("button", name="Invoke"))
    expect(page.get_by_text("answered 200")).to_be_visible()
    expect(page.get_by_role("region", name="Answer")).to_contain_text('"in_s": 5')
    console.check_looks()


def test_device_that_is_not_connected_cannot_be_asked(console: Console) -> None:
    console.allowed.append("status of 4")
    page = console.open("/devices/door-1?tab=talk")
    console.see("a method is answered now or not at all")
    console.act(page.get_by_role("button", name="Invoke"))
    expect(page.get_by_role("alert")).to_contain_text("not connected")


def test_command_waits_for_a_device_and_is_purged(console: Console) -> None:
    page = console.open("/devices/door-1?tab=talk")
    console.tab_to(page.get_by_role("textbox", name="Text"))
    page.keyboard.type("open at eight")
    console.act(page.get_by_role("button", name="Send"))
    waiting = page.get_by_role("region", name="Commands").get_by_role("listitem")
    expect(waiting).to_have_count(1)
    expect(waiting).to_contain_text("13 bytes")
    console.act(page.get_by_role("button", name="Purge"))
    console.keys("Enter")
    expect(page.get_by_text("Nothing waits for it.")).to_be_visible()


def test_command_is_taken_by_a_device_that_is_there(console: Console) -> None:
    page = console.open("/devices/meter-2?tab=talk")
    page.get_by_role("textbox", name="Text").fill("hello")
    console.act(page.get_by_role("button", name="Send"))
    expect(page.get_by_role("textbox", name="Text")).to_have_value("")
    expect(page.get_by_text("Nothing waits for it.")).to_be_visible()
