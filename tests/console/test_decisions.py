"""Decisions: live, searched, written to a file, and each explained with the rule that made it."""

from __future__ import annotations

import csv
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from console_page import Console
from journey import wait_until
from own_device import OwnDevice
from playwright.sync_api import Page, expect

from vedette.simulation import Refused

_numbers = itertools.count(1)


@pytest.fixture
def device(console: Console, tmp_path: Path) -> Iterator[OwnDevice]:
    """A device that is connected."""
    with OwnDevice(console.platform, tmp_path, f"quay-{next(_numbers)}") as connected:
        yield connected


def _logged(console: Console, device: str, **more: str) -> list[dict[str, Any]]:
    asked = "&".join(f"{name}={value}" for name, value in {"device_id": device, **more}.items())
    return list(console.platform.call("GET", f"/v1/decisions?{asked}")["items"])


def _rows(page: Page) -> Any:
    return page.get_by_role("grid", name="Decisions").get_by_role("row")


def test_connection_is_explained_by_the_rule_that_allowed_it(console: Console, device: OwnDevice) -> None:
    wait_until(lambda: _logged(console, device.name, kind="connect"), 90, "it is on record")
    page = console.open(f"/decisions?device={device.name}")
    expect(page.get_by_text("Let in").first).to_be_visible()
    rule = page.get_by_role("region", name="The rule that decided")
    expect(rule).to_contain_text("active-identities-take-part")
    expect(rule).to_contain_text("vedette answers for it")
    knew = page.get_by_role("region", name="What it was decided on")
    expect(knew).to_contain_text("TLSv1.3")
    expect(knew).to_contain_text("lifecycle", timeout=180_000)  # written down a moment after the decision
    expect(page.get_by_role("region", name="As it is now")).to_contain_text("it may connect")
    console.check_looks()


def test_refusal_leads_from_the_refused_page_to_why_and_to_what_would_change_it(
    console: Console, device: OwnDevice
) -> None:
    console.platform.call("POST", f"/v1/devices/{device.name}/disable", {"reason": "lost"})
    wait_until(lambda: _logged(console, device.name, effect="deny"), 90, "it is cut")
    page = console.open(f"/refusals?device={device.name}")
    console.act(page.get_by_role("link", name="Why it was decided so"))
    expect(console.heading).to_have_text("Decisions")
    expect(page.get_by_role("region", name="As it is now")).to_contain_text("it may not connect")
    expect(page.get_by_role("link", name="Enabling it")).to_be_visible()
    console.act(page.get_by_role("button", name="Enable the device"))
    page.keyboard.type("found again")
    console.keys("Enter")
    expect(page.get_by_role("region", name="As it is now")).to_contain_text("it may connect")
    assert console.platform.call("GET", f"/v1/devices/{device.name}")["is_enabled"]


def test_signals_behind_a_refusal_are_shown_with_age_source_and_provenance(console: Console, device: OwnDevice) -> None:
    signal = {"signal_class": "tamper", "source": "edr-1", "level": "high"}
    wait_until(lambda: _logged(console, device.name, kind="connect"), 90, "it is on record")
    console.platform.call("POST", f"/v1/devices/{device.name}/signals", signal)
    page = console.open(f"/devices/{device.name}?tab=access")
    signals = page.get_by_role("list", name="Signals").get_by_role("listitem")
    expect(signals).to_contain_text("tamper")
    expect(signals).to_contain_text("observed, from edr-1")
    sending = page.get_by_role("list", name="Actions").get_by_role("listitem").filter(has_text="send telemetry")
    expect(sending).to_contain_text("high-risk-is-a-limited-zone")
    console.act(sending.locator("summary"))
    expect(sending).to_contain_text("See which signals raised it")
    console.check_looks()
    console.open(f"/decisions?device={device.name}")
    expect(page.get_by_role("list", name="Signals")).to_contain_text("after the decision")


def test_signal_is_told_and_withdrawn_on_the_page(console: Console, device: OwnDevice) -> None:
    page = console.open(f"/devices/{device.name}?tab=access")
    console.act(page.get_by_role("button", name="Tell a signal"))
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox", name="Class").fill("malware")
    console.check_accessible()
    dialog.get_by_role("textbox", name="Reason").fill("seen by hand")
    console.keys("Enter")
    expect(dialog).to_be_hidden()
    health = page.get_by_role("region", name="Signals and risk")
    expect(health).to_contain_text("Risk high")
    told = console.platform.call("GET", f"/v1/devices/{device.name}/health")["signals"]
    assert told[0]["detail"] == {"note": "seen by hand"}
    console.act(health.get_by_role("button", name="Withdraw"))
    page.keyboard.type("a false alarm")
    console.keys("Enter")
    expect(health).to_contain_text("Risk unknown")
    console.act(page.get_by_text("What was heard before"))
    expect(health.get_by_role("list", name="Signals").last).to_contain_text("malware")


def test_log_is_live_can_be_held_still_and_goes_on(console: Console, tmp_path: Path) -> None:
    name = f"quay-{next(_numbers)}"
    device = OwnDevice(console.platform, tmp_path, name)
    page = console.open(f"/decisions?device={name}")
    expect(page.get_by_text("No decision fits")).to_be_visible()
    with device:
        expect(_rows(page).filter(has_text="Let in")).to_be_visible(timeout=180_000)
        console.act(page.get_by_role("button", name="Hold still"))
        expect(page.get_by_text("held still")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="1 new")).to_be_visible(timeout=180_000)
    expect(_rows(page)).to_have_count(2)
    console.act(page.get_by_role("button", name="Show them"))
    expect(_rows(page)).to_have_count(3)
    expect(_rows(page).nth(1)).to_contain_text("Went away")


def test_search_stands_in_the_address_and_rows_are_walked_by_keyboard(console: Console) -> None:
    page = console.open("/decisions")
    expect(_rows(page).nth(3)).to_be_visible()
    page.get_by_role("combobox", name="Answer").select_option("yes")
    expect(page).to_have_url(re.compile("effect=allow"))
    policy = page.get_by_role("textbox", name="Policy")
    console.tab_to(policy)
    page.keyboard.type("active-identities-take-part")
    console.keys("Enter")
    expect(page).to_have_url(re.compile("policy=active-identities-take-part"))
    expect(_rows(page).nth(3)).to_be_visible()
    console.tab_to(page.get_by_role("grid", name="Decisions"))
    console.keys("j", "j", "k")
    expect(page).to_have_url(re.compile(r"id=\d+\.0"))
    place = page.url
    page.reload()
    expect(page.get_by_role("heading", name="The rule that decided")).to_be_visible()
    assert page.url == place
    expect(policy).to_have_value("active-identities-take-part")
    with console.copied(page.get_by_role("button", name="Copy as…").first) as texts:
        assert texts["CLI"] == "vedette decision list --effect allow --policy active-identities-take-part"
    console.act(page.get_by_role("button", name="Clear"))
    expect(page).not_to_have_url(re.compile("policy="))


def test_nothing_that_fits_says_what_to_do(console: Console) -> None:
    page = console.open("/decisions?policy=nobody-wrote-this&until=2026-01-01T00:00:00.000Z")
    expect(page.get_by_text("No decision fits")).to_be_visible()
    console.allowed.append("status of 422")
    console.open("/decisions?bundle=not-a-hash")
    expect(page.get_by_role("alert")).to_be_visible()
    console.allowed.append("status of 404")
    console.open("/decisions?id=9007199254740991.0")
    expect(page.get_by_role("alert")).to_contain_text("the log holds no decision")


def test_what_is_searched_for_is_written_to_a_file(console: Console, device: OwnDevice, tmp_path: Path) -> None:
    wait_until(lambda: _logged(console, device.name, kind="connect"), 90, "it is on record")
    page = console.open(f"/decisions?device={device.name}")
    for form, name in (("CSV", "decisions.csv"), ("JSON lines", "decisions.jsonl")):
        console.act(page.get_by_role("button", name="Export…"))
        expect(page.get_by_role("dialog")).to_contain_text(
            f"vedette decision export decisions.jsonl --device {device.name}"
        )
        console.check_accessible()
        with page.expect_download() as download:
            console.act(page.get_by_role("button", name=form, exact=True))
        expect(page.get_by_role("dialog")).to_be_hidden()
        assert download.value.suggested_filename == name
        download.value.save_as(tmp_path / name)
    with (tmp_path / "decisions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    lines = [json.loads(line) for line in (tmp_path / "decisions.jsonl").read_text().splitlines()]
    assert [row["decision_id"] for row in rows] == [line["decision_id"] for line in lines]
    assert {row["device_id"] for row in rows} == {device.name}


def test_stranger_is_explained_as_what_a_stranger_said(console: Console, tmp_path: Path) -> None:
    name = f"stranger-{next(_numbers)}"
    device = OwnDevice(console.platform, tmp_path, name)
    console.platform.call("DELETE", f"/v1/devices/{name}")
    with pytest.raises(Refused):
        device.__enter__()
    wait_until(lambda: _logged(console, name), 90, "it is on record")
    page = console.open(f"/decisions?device={name}")
    expect(page.get_by_text("it is what a stranger said")).to_be_visible()
    expect(page.get_by_role("region", name="The rule that decided")).to_contain_text("No policy was asked")
    console.act(page.get_by_role("link", name="Add this device"))
    expect(page).to_have_url(re.compile(f"/add-device\\?id={name}"))


def test_module_has_its_own_rights_on_its_own_page(console: Console) -> None:
    page = console.open("/devices/edge-1?module=camera&tab=access")
    expect(page.get_by_role("list", name="Actions").get_by_role("listitem").first).to_be_visible()
    console.check_looks()
    with console.copied(page.get_by_role("button", name="Copy as…").nth(1)) as texts:
        assert texts["CLI"] == "vedette access explain edge-1 --module camera"
