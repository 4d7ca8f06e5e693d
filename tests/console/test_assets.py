"""Assets: found, acknowledged and taken back; one asset with all that was said of it, edited, merged and parted."""

from __future__ import annotations

import re
from pathlib import Path

from console_page import Console
from playwright.sync_api import expect
from seen_network import FIRMWARES, HOSTILE, IMAGE, MAKER, PRINTER, STATION, STOPPED, TERN, SeenNetwork


def test_assets_are_found_acknowledged_and_taken_back(console: Console, network: SeenNetwork) -> None:
    page = console.open("/assets")
    table = page.get_by_role("grid", name="Assets")
    expect(table.get_by_text(IMAGE)).to_be_visible()
    console.check_looks()
    page.get_by_role("button", name=re.compile("^Legacy systems")).click()
    expect(table.get_by_role("row")).to_have_count(2)
    expect(table.get_by_text("SCADA-1")).to_be_visible()
    assert "legacy=1" in page.url
    page.get_by_role("button", name="Show all").click()
    page.get_by_role("searchbox", name="Search").fill("tern 500")
    expect(table.get_by_role("row")).to_have_count(2)
    page.get_by_role("searchbox", name="Search").fill("")
    page.get_by_label("Type").select_option("controller")
    expect(table.get_by_role("row")).to_have_count(5)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV of these assets").click()
    # A heading, and the four that are shown.
    assert len(Path(download.value.path()).read_text().splitlines()) == 5
    page.get_by_role("checkbox", name="Select all shown").check()
    page.get_by_role("button", name="Acknowledge…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("4 of 4 selected are new")
    dialog.get_by_role("textbox").fill("walked the hall")
    dialog.get_by_role("button", name="Acknowledge…").click()
    bar = page.get_by_role("region", name="Selected assets")
    expect(bar.get_by_role("status")).to_have_text("4 acknowledged.")
    assert network.asset(TERN)["state"] == "acknowledged"
    bar.get_by_role("button", name="Undo").click()
    expect(bar.get_by_role("status")).to_have_text("4 new again.")
    assert network.asset(TERN)["state"] == "new"


def test_an_asset_tells_who_says_what_of_it_and_what_contradicts(console: Console, network: SeenNetwork) -> None:
    network.know_vulnerabilities()
    page = console.open(f"/assets/{network.asset(TERN)['asset_id']}")
    for text in (MAKER, *FIRMWARES, "contradicts itself", "its role is controller"):
        console.see(text)
    console.check_looks()
    page.get_by_role("tab", name="Operations").click()
    console.see("modbus write single register")
    page.get_by_role("tab", name="Alerts and vulnerabilities").click()
    console.see("CVE-2026-10001")
    page.goto(f"/assets/{network.asset(HOSTILE)['asset_id']}")
    console.see(IMAGE)
    page.goto(f"/assets/{network.asset(STOPPED)['asset_id']}?tab=risk")
    expect(page.get_by_role("link", name=re.compile("told .* to stop")).first).to_be_visible()
    console.check_accessible()


def test_a_person_says_what_an_asset_is_and_takes_it_back(console: Console, network: SeenNetwork) -> None:
    page = console.open(f"/assets/{network.asset(STATION)['asset_id']}")
    page.get_by_role("button", name="Edit…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("station of the hall")
    dialog.get_by_label("Owner: who answers for it").fill("maintenance")
    dialog.get_by_label("Criticality").select_option("high")
    console.check_accessible()
    dialog.get_by_role("button", name="Edit…").click()
    expect(console.heading).to_have_text("station of the hall")
    assert network.asset(STATION)["owner"] == "maintenance"
    page.get_by_role("button", name="Undo").click()
    expect(console.heading).to_have_text("SCADA-1")
    told = network.asset(STATION)
    assert (told["owner"], told["criticality"], told["is_name_set"]) == ("", "normal", False)


def test_two_assets_become_one_and_two_again(console: Console, network: SeenNetwork) -> None:
    printer = network.asset(PRINTER)["asset_id"]
    page = console.open(f"/assets/{printer}")
    page.get_by_role("button", name="Merge…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("The other one").fill("axis")
    dialog.get_by_role("button", name="Choose").click()
    expect(dialog.get_by_role("status")).to_contain_text("stays, with")
    expect(dialog.get_by_role("status")).to_contain_text("vendor")
    dialog.get_by_role("button", name="Merge…").click()
    expect(page.get_by_role("button", name="Part…")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Part…")).to_be_hidden()
    assert network.asset(PRINTER)["asset_id"] == printer
    page.get_by_role("button", name="Split…").click()
    dialog.get_by_role("checkbox", name=PRINTER).check(force=True)
    expect(dialog.get_by_role("status")).to_contain_text("A new asset gets")
    console.keys("Escape")


def test_a_device_shows_the_asset_that_it_is(console: Console, network: SeenNetwork) -> None:
    asset = network.asset(TERN)["asset_id"]
    network.platform.call("PATCH", f"/v1/assets/{asset}", {"device_id": network.sensor})
    page = console.open(f"/devices/{network.sensor}?tab=network")
    page.get_by_role("link", name=TERN).first.click()
    expect(page.get_by_role("link", name=network.sensor)).to_be_visible()
    network.platform.call("PATCH", f"/v1/assets/{asset}", {"device_id": None})
