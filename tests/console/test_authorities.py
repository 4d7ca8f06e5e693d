"""Authorities: one is added, proved, disabled and enabled, from the keyboard."""

from __future__ import annotations

from console_page import Console
from playwright.sync_api import expect

from vedette.kernel import SystemClock
from vedette.simulation import Factory


def test_authority_is_added_proved_disabled_and_enabled(console: Console) -> None:
    factory = Factory("Beta Valves", SystemClock())
    page = console.open("/authorities")
    console.act(page.get_by_role("button", name="Add an authority"))
    page.keyboard.type("Beta Valves")
    console.keys("Tab")
    page.keyboard.insert_text(factory.root_pem().decode())
    console.check_accessible()
    console.act(page.get_by_role("dialog").get_by_role("button", name="Add", exact=True))
    card = page.get_by_role("region", name="Beta Valves")
    expect(card).to_contain_text("unverified")
    code = next(
        each["verification_code"]
        for each in console.platform.call("GET", "/v1/authorities")["items"]
        if each["name"] == "Beta Valves"
    )
    console.act(card.get_by_role("button", name="Prove possession"))
    console.tab_to(page.get_by_role("textbox", name="Certificate, PEM"))
    page.keyboard.insert_text(factory.prove_possession(code).decode())
    console.act(page.get_by_role("dialog").get_by_role("button", name="Prove possession"))
    expect(card).to_contain_text("verified")
    console.act(card.get_by_role("button", name="Disable"))
    page.keyboard.type("bankrupt")
    console.keys("Enter")
    expect(card).to_contain_text("disabled")
    console.act(card.get_by_role("button", name="Enable"))
    console.keys("Enter")
    expect(card.get_by_role("button", name="Disable")).to_be_visible()


def test_our_own_authorities_tell_when_they_end(console: Console) -> None:
    page = console.open("/authorities")
    expect(page.get_by_role("region", name="operational", exact=True)).to_contain_text("ends in")
    with console.copied(page.get_by_role("button", name="Copy as…").first) as texts:
        assert texts["CLI"] == "vedette authority list"
