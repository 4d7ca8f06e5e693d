"""The page of one device: who it is, what can be done with it, its modules."""

from __future__ import annotations

from console_page import Console
from journey import wait_until
from playwright.sync_api import expect


def test_identity_is_a_chain_that_ends_in_a_permitted_certificate(console: Console) -> None:
    page = console.open("/devices/boiler-1")
    chain = page.get_by_role("list", name="Chain of trust").get_by_role("listitem")
    expect(chain).to_have_count(3)
    expect(chain.nth(2)).to_contain_text("Certificate of boiler-1")
    expect(chain.nth(2)).to_contain_text("permitted")
    console.act(page.get_by_role("link", name="an authority of its maker"))
    expect(console.heading).to_have_text("Authorities")


def test_parts_of_the_page_are_reached_by_arrows_and_stand_in_the_address(console: Console) -> None:
    page = console.open("/devices/boiler-1")
    console.tab_to(page.get_by_role("tab", name="Identity"))
    console.keys("ArrowRight")
    expect(page.get_by_role("heading", name="Tags")).to_be_visible()
    assert page.url.endswith("?tab=twin")
    console.keys("End")
    expect(page.get_by_role("heading", name="Access")).to_be_visible()
    page.reload()
    expect(page.get_by_role("tab", name="Record")).to_have_attribute("aria-selected", "true")


def test_one_device_is_disabled_and_enabled_again_by_keyboard(console: Console) -> None:
    page = console.open("/devices/pump-3")
    expect(page.get_by_text("connected").first).to_be_visible()
    console.act(page.get_by_role("button", name="Disable"))
    dialog = page.get_by_role("dialog")
    console.keys("Enter")
    expect(dialog).to_be_visible()  # without a reason it is not done
    page.keyboard.type("leaks")
    console.keys("Enter")
    expect(dialog).to_be_hidden()
    expect(page.get_by_text("not connected").first).to_be_visible()
    expect(page.get_by_text("leaks")).to_be_visible()
    console.act(page.get_by_role("button", name="Enable"))
    console.keys("Enter")
    expect(page.get_by_role("button", name="Disable")).to_be_visible()


def test_quarantine_takes_a_device_out_and_an_operators_word_lets_it_in(console: Console) -> None:
    page = console.open("/devices/boiler-2")
    console.act(page.get_by_role("button", name="More…"))
    expect(page.get_by_role("menuitem", name="Quarantine…")).to_be_focused()
    console.check_accessible()
    console.keys("Enter")
    page.keyboard.type("talks to strangers")
    console.keys("Enter")
    expect(page.get_by_text("quarantined").first).to_be_visible()
    console.act(page.get_by_role("button", name="More…"))
    expect(page.get_by_role("menuitem").first).to_be_focused()
    console.keys("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("out of quarantine")
    page.keyboard.type("looked at; harmless")
    console.keys("Enter")
    expect(page.get_by_text("active", exact=True)).to_be_visible()
    wait_until(
        lambda: console.platform.call("GET", "/v1/devices/boiler-2")["presence"]["is_connected"], 180, "it comes back"
    )
    expect(page.get_by_text("not connected")).to_be_hidden()


def test_module_has_a_page_with_its_own_twin_and_methods(console: Console) -> None:
    page = console.open("/devices/edge-1")
    console.act(page.get_by_role("link", name="camera"))
    expect(console.heading).to_have_text("edge-1 / camera")
    console.check_looks()
    console.tab_to(page.get_by_role("tab", name="Identity"))
    console.keys("End", "ArrowLeft")
    console.act(page.get_by_role("button", name="Invoke"))
    expect(page.get_by_text("answered 200")).to_be_visible()
    console.act(page.get_by_role("tab", name="Methods"))
    console.keys("ArrowLeft")
    expect(page.get_by_role("row").filter(has_text="frames").first).to_be_visible()
    console.keys("ArrowLeft")
    expect(page.get_by_role("region", name="Reported properties")).to_contain_text("firmware")


def test_device_that_is_not_there_is_said_to_be_so(console: Console) -> None:
    console.allowed.append("status of 404")
    page = console.open("/devices/nobody")
    expect(page.get_by_role("alert")).to_contain_text("nobody")
