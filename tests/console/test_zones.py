"""Zones: a plan is proposed, read, approved and staged; a zone's rules; what breaks the plan is allowed in a draft."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from console_page import Console
from journey import wait_until
from playwright.sync_api import Page, expect
from seen_network import CAMERA, ENGINEER, TERN, SeenNetwork, talk_capture

SLOW_MS = 180_000


@pytest.fixture(scope="module")
def approved(network: SeenNetwork) -> SeenNetwork:
    """A plan in force, and a connection after it that the plan does not allow."""
    call = network.platform.call
    draft = call("POST", "/v1/segmentation/propose", {"reason": "walked the hall", "is_replacing": True})
    call("POST", "/v1/segmentation/approve", {"revision": draft["revision"], "reason": "read"})
    network.send(talk_capture(22, b"SSH-2.0-x\r\n", client=ENGINEER, server=TERN, ends_at_s=time.time()))
    path = "/v1/segmentation/violations?limit=1000"
    wait_until(lambda: any(ENGINEER in str(each) for each in call("GET", path)["items"]), 120, "what breaks the plan")
    return network


def _reason(page: Page, words: str) -> None:
    page.get_by_role("dialog").get_by_label("Reason").fill(words)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_hidden(timeout=SLOW_MS)


def test_a_plan_is_proposed_read_approved_and_enforced_by_keyboard(console: Console, network: SeenNetwork) -> None:
    page = console.open("/zones")
    console.act(page.get_by_role("button", name="Propose a plan"))
    _reason(page, "first look at the hall")
    console.see("counts for nothing")
    expect(page.get_by_text(re.compile(r"It would block \d+ of \d+ links"))).to_be_visible(timeout=SLOW_MS)
    expect(page.get_by_role("list", name="Remarks")).to_contain_text("Left out")
    expect(page.get_by_role("list", name="Zones that change").get_by_role("listitem").first).to_be_visible()
    page.get_by_label("Connections, one a line").fill("203.0.113.7 10.31.1.1 tcp/502")
    console.act(page.get_by_role("button", name="Try it"))
    console.see("1 of 1 connections would be blocked.")
    console.check_looks()
    console.act(page.get_by_role("button", name="Approve"))
    expect(page.get_by_role("dialog").get_by_text("links that were seen")).to_be_visible(timeout=SLOW_MS)
    _reason(page, "walked the line")
    console.open("/zones")
    console.see("in force")
    console.act(page.get_by_role("button", name="Enforce…"))
    _reason(page, "monitored for a week")
    console.see("enforces")
    page.get_by_role("tab", name="Versions").click()
    expect(page.get_by_role("grid", name="Versions of the plan")).to_contain_text("approved")


def test_a_zone_shows_its_members_rules_and_ways(console: Console, approved: SeenNetwork, tmp_path: Path) -> None:
    page = console.open("/zones")
    page.get_by_role("group", name="Picture of zones").get_by_role("link").first.press("Enter")
    expect(page.get_by_role("grid", name="Members").get_by_role("link").first).to_be_visible()
    console.check_looks()
    page.get_by_role("tab", name="Rules").click()
    rules = page.get_by_label("Rule set", exact=True)
    expect(rules).to_contain_text("table inet vedette_")
    with page.expect_download() as download:
        console.act(page.get_by_role("button", name="Download"))
    download.value.save_as(tmp_path / "zone.nft")
    text = (tmp_path / "zone.nft").read_text()
    assert text == rules.text_content()
    page.get_by_label("What TZ=UTC nft list table").fill(text.partition("\n}\n")[2])
    console.act(page.get_by_role("button", name="Compare"))
    expect(page.get_by_role("status").filter(has_text="hold version")).to_be_visible()
    console.check_accessible()
    page.get_by_role("tab", name="Attack paths").click()
    expect(page.get_by_role("heading", name="What whoever holds this zone")).to_be_visible()
    page.get_by_role("tab", name="Replay").click()
    console.act(page.get_by_role("button", name="Replay what was seen"))
    expect(page.get_by_text("that break it begin or end here")).to_be_visible(timeout=SLOW_MS)


def alerts_by_zone(approved: SeenNetwork) -> tuple[str, set[str], set[str]] | None:
    """Return a zone, what the alerts at either end of its members say, and what the others say."""
    call = approved.platform.call
    alerts = call("GET", "/v1/alerts?state=open&state=acknowledged&is_loud=true&limit=1000")["items"]
    for zone in call("GET", "/v1/zones?plan=approved&limit=1000")["items"]:
        mine = {each["asset_id"] for each in call("GET", f"/v1/zones/{zone['zone_id']}/members?limit=1000")["items"]}
        titles: dict[bool, set[str]] = {True: set(), False: set()}
        for each in alerts:
            is_mine = bool(mine & {each["source"]["asset_id"], each["target"]["asset_id"]})
            titles[is_mine].add(each["title"])
        if titles[True] and titles[False] - titles[True]:
            return zone["zone_id"], titles[True], titles[False]
    return None


def test_the_alerts_of_a_zone_are_those_at_either_end_of_its_members(console: Console, approved: SeenNetwork) -> None:
    wait_until(lambda: alerts_by_zone(approved), 180, "a zone with alerts")
    found = alerts_by_zone(approved)
    assert found is not None
    zone_id, of_zone, of_others = found
    page = console.open(f"/zones/{zone_id}")
    page.get_by_role("link", name="Its alerts").click()
    expect(page.get_by_role("combobox", name="Zone")).to_have_value(zone_id)
    table = page.get_by_role("grid", name="Alerts")
    expect(table.get_by_role("link", name=min(of_zone)).first).to_be_visible()
    for title in of_others - of_zone:
        expect(table.get_by_role("link", name=title, exact=True)).to_have_count(0)
    console.check_accessible()
    page.get_by_role("combobox", name="Zone").select_option("")
    expect(page).not_to_have_url(re.compile("zone="))


def test_what_breaks_the_plan_is_allowed_by_a_conduit_of_a_draft(console: Console, approved: SeenNetwork) -> None:
    page = console.open("/zones?tab=drift")
    row = (
        page.get_by_role("grid", name="Violations")
        .get_by_role("row")
        .filter(has_text=ENGINEER)
        .filter(has_text="tcp/22")
    )
    expect(row).to_be_visible(timeout=SLOW_MS)
    row.click()
    console.check_looks()
    console.act(page.get_by_role("button", name="Allow by a conduit…"))
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Who answers for it").fill("jo")
    dialog.get_by_label("Why it is needed").fill("updates")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    changes = page.get_by_role("list", name="Conduits that change")
    expect(changes).to_contain_text("tcp/22")
    console.act(page.get_by_role("button", name="Discard"))
    _reason(page, "no updates in this hall")
    assert approved.platform.call("GET", "/v1/segmentation/plans?limit=1")["items"][0]["state"] != "draft"


def test_a_mud_file_is_read_and_a_makers_word_compared(console: Console, network: SeenNetwork, tmp_path: Path) -> None:
    asset_id = network.asset(CAMERA)["asset_id"]
    page = console.open(f"/mud-files/{asset_id}")
    expect(page.get_by_label("MUD file", exact=True)).to_contain_text("ietf-mud:mud")
    with page.expect_download() as download:
        console.act(page.get_by_role("button", name="Download"))
    download.value.save_as(tmp_path / "camera.json")
    page.get_by_label("MUD file (JSON)").set_input_files(tmp_path / "camera.json")
    expect(page.get_by_text("0 links that it does not declare")).to_be_visible()
    (tmp_path / "wrong.json").write_text("{}")
    console.allowed.append("422")
    page.get_by_label("MUD file (JSON)").set_input_files(tmp_path / "wrong.json")
    expect(page.get_by_role("alert")).to_contain_text("ietf-mud:mud")
    console.allowed.append("404")
    console.act(page.get_by_role("button", name="Signature"))
    expect(page.get_by_role("alert").filter(has_text="not signed here")).to_be_visible()
    console.check_looks()
