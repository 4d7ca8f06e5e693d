"""Refused connections: which check failed, on which certificate, what to do; and where a click mends it, it does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from console_page import Console
from journey import wait_until
from own_device import OwnDevice
from playwright.sync_api import expect

from vedette.simulation import Refused


def test_refusal_tells_the_failed_check_the_certificate_and_the_remedy(console: Console) -> None:
    page = console.open("/refusals?device=door-1")
    failed = page.get_by_role("listitem").filter(has_text=", failed")
    expect(failed).to_contain_text("The credential is valid now")
    expect(page.get_by_role("listitem").filter(has_text=", passed")).to_have_count(5)
    expect(page.get_by_text("CN=door-1")).to_be_visible()
    console.act(page.get_by_role("button", name="Show all"))
    expect(page).to_have_url(re.compile("/refusals$"))


def test_rows_are_walked_by_keyboard_and_the_address_keeps_the_place(console: Console) -> None:
    page = console.open("/refusals?device=door-1")
    expect(page.get_by_role("row").nth(1)).to_be_visible()

    def has_chosen() -> bool:
        console.keys("j")
        return "id=evt_" in page.url

    # A page that has just been drawn may not listen yet.
    wait_until(has_chosen, 90, "a row is chosen")
    console.keys("j", "k")
    expect(page).to_have_url(re.compile("id=evt_"))
    place = page.url
    page.reload()
    expect(page.get_by_role("heading", name="What to do")).to_be_visible()
    assert page.url == place


def test_disabled_device_is_enabled_on_the_page_that_explains_its_refusal_and_comes_back(console: Console) -> None:
    console.platform.call("POST", "/v1/devices/pump-2/disable", {"reason": "a mistake"})
    wait_until(lambda: _refusals(console, "pump-2"), 90, "it is refused")
    page = console.open("/devices/pump-2")
    console.act(page.get_by_role("link", name="Why, and what to do"))
    expect(page.get_by_role("listitem").filter(has_text=", failed")).to_contain_text("May take part")
    console.act(page.get_by_role("button", name="Enable the device"))
    console.keys("Enter")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_text("It is in again")).to_be_visible(timeout=180_000)
    console.act(page.get_by_role("link", name="Open the device"))
    expect(page.get_by_text("connected", exact=False).first).to_be_visible()
    expect(page.get_by_text("not connected")).to_be_hidden(timeout=180_000)


def test_device_with_another_certificate_than_the_registered_one_is_given_the_new_one(
    console: Console, tmp_path: Path
) -> None:
    device = OwnDevice(console.platform, tmp_path, "kiln-9")
    known = console.platform.call("GET", "/v1/devices/kiln-9")["authentication"]["primary_thumbprint"]
    console.platform.call("PATCH", "/v1/devices/kiln-9", {"authentication": {"primary_thumbprint": "ab" * 32}})
    with pytest.raises(Refused):
        device.__enter__()
    wait_until(lambda: _refusals(console, "kiln-9"), 90, "it is refused")
    page = console.open("/refusals?device=kiln-9")
    expect(page.get_by_role("listitem").filter(has_text=", failed")).to_contain_text("Shows a permitted credential")
    console.act(page.get_by_role("button", name="Register its new certificate"))
    printed = ":".join(known[at : at + 2].upper() for at in range(0, 64, 2))
    page.keyboard.insert_text(f"sha256 Fingerprint={printed}")
    console.act(page.get_by_role("dialog").get_by_role("button", name="Register its new certificate"))
    expect(page.get_by_text("It comes in when it next tries")).to_be_visible()
    assert console.platform.call("GET", "/v1/devices/kiln-9")["authentication"]["primary_thumbprint"] == known


def test_stranger_is_added_from_its_refusal(console: Console, tmp_path: Path) -> None:
    device = OwnDevice(console.platform, tmp_path, "stranger-1")
    console.platform.call("DELETE", "/v1/devices/stranger-1")
    with pytest.raises(Refused):
        device.__enter__()
    wait_until(lambda: _refusals(console, "stranger-1"), 90, "it is on record")
    page = console.open("/refusals?device=stranger-1")
    expect(page.get_by_text("Is known")).to_be_visible()
    console.act(page.get_by_role("link", name="Add this device"))
    expect(page).to_have_url(re.compile(r"/add-device\?id=stranger-1"))


def _refusals(console: Console, device: str) -> object:
    return console.platform.call("GET", f"/v1/refusals?device_id={device}")["items"]
