"""Quarantine: seen before it is done, done by keyboard, eased step by step, undone; by whom and why is on record."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from console_page import Console
from journey import Platform, wait_until
from own_device import OwnDevice
from passkey_page import PasskeyPage
from playwright.sync_api import Locator, Page, expect

from vedette.kernel import SystemClock, to_rfc3339

NewBrowser = Callable[[], PasskeyPage]
_numbers = itertools.count(1)


@pytest.fixture
def device(console: Console, tmp_path: Path) -> Iterator[OwnDevice]:
    """A device that is connected."""
    with OwnDevice(console.platform, tmp_path, f"yard-{next(_numbers)}") as connected:
        path = f"/v1/devices/{connected.name}"
        # What an act would do is told of the sessions that are on record.
        wait_until(lambda: (console.platform.call("GET", path)["presence"] or {}).get("is_connected"), 60, "presence")
        yield connected


def _mode(platform: Platform, device: str) -> str:
    items = platform.call("GET", "/v1/quarantines?limit=1000")["items"]
    return str(next((each["mode"] for each in items if each["device_id"] == device), "none"))


def _quarantine(platform: Platform, device: str, **more: object) -> None:
    platform.call("POST", f"/v1/devices/{device}/quarantine", {"reason": "it beacons", **more})


def _act(console: Console, button: str, reason: str) -> None:
    """Press a button, give a reason and confirm, all by keyboard."""
    console.act(console.page.get_by_role("button", name=button, exact=True).first)
    expect(console.page.get_by_role("dialog")).to_be_visible()
    expect(_reason(console.page)).to_be_focused()
    console.page.keyboard.type(reason)
    console.keys("Enter")
    expect(console.page.get_by_role("dialog")).to_be_hidden()


def _reason(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Reason")


def _said(page: Page, text: str) -> None:
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("status").filter(has_text=text)).to_be_visible()


def test_device_is_put_into_quarantine_from_its_own_page_and_what_would_come_of_it_is_said_first(
    console: Console, device: OwnDevice
) -> None:
    page = console.open(f"/devices/{device.name}?tab=access")
    may = page.get_by_role("list", name="Actions").get_by_role("listitem")
    expect(may.filter(has_text="send telemetry")).to_contain_text("yes")
    console.act(page.get_by_role("button", name="Quarantine", exact=True))
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1 live session would be narrowed")
    console.check_accessible()
    console.tab_to(dialog.get_by_role("radio", name="Limited"), backwards=True)
    console.keys("ArrowDown")
    expect(dialog).to_contain_text("1 live session would be cut")
    expect(dialog).to_contain_text("no budget is counted")
    console.keys("ArrowUp")
    expect(dialog).to_contain_text("narrowed")
    console.tab_to(_reason(page))
    page.keyboard.type("talks to a stranger")
    console.keys("Enter")
    _said(page, f"{device.name} is in quarantine: limited.")
    expect(may.filter(has_text="send telemetry")).to_contain_text("quarantine-is-a-limited-zone")
    expect(may.filter(has_text="renew its certificate")).to_contain_text("yes")
    expect(page.get_by_role("list", name="Hops").get_by_role("listitem").last).to_contain_text("Enforced at")
    assert console.platform.call("GET", f"/v1/devices/{device.name}")["presence"]["is_connected"]
    console.check_looks()


def test_device_comes_back_step_by_step_with_its_owners_word(console: Console, device: OwnDevice) -> None:
    _quarantine(console.platform, device.name, mode="cut")
    page = console.open(f"/quarantine?device={device.name}")
    here = page.get_by_role("list", name="The way back").locator("[aria-current=step]")
    expect(here).to_contain_text("Cut")
    console.check_looks()
    _act(console, "Ease to limited", "reinstalled")
    expect(here).to_contain_text("Limited")
    _act(console, "Re-check, then probation", "nothing was found")
    expect(here).to_contain_text("Probation")
    _act(console, "Sign off", "quiet for a day")
    _said(page, "out of quarantine")
    expect(page.get_by_text("It is not in quarantine.")).to_be_visible()
    assert _mode(console.platform, device.name) == "none"
    acts = console.platform.call("GET", f"/v1/devices/{device.name}/history")["acts"]
    assert "quiet for a day" in {each["reason"] for each in acts}


def test_what_stands_against_a_device_keeps_it_in_and_is_named(console: Console, device: OwnDevice) -> None:
    signal = {"signal_class": "malware", "source": "edr-1"}
    console.platform.call("POST", f"/v1/devices/{device.name}/signals", signal)
    _quarantine(console.platform, device.name)
    console.allowed.append("status of 409")
    page = console.open(f"/quarantine?device={device.name}")
    console.act(page.get_by_role("button", name="Re-check, then probation"))
    page.keyboard.type("healed, I think")
    console.keys("Enter")
    expect(page.get_by_role("alert")).to_contain_text("still has: malware")
    console.keys("Escape")
    console.open(f"/devices/{device.name}?tab=access")
    _act(console, "Withdraw", "the scanner was wrong")
    expect(page.get_by_role("list", name="Signals").get_by_role("listitem")).to_have_count(0)
    _act(console, "Re-check, then probation", "nothing stands against it")
    _said(page, "probation")


def test_mistake_is_undone_at_once(console: Console, device: OwnDevice) -> None:
    page = console.open("/quarantine")
    console.act(page.get_by_role("button", name="Quarantine a device…"))
    page.keyboard.type(device.name)
    console.keys("Enter")
    expect(page.get_by_role("heading", name=f"Quarantine {device.name}?")).to_be_visible()
    expect(_reason(page)).to_be_focused()
    page.keyboard.type("the wrong row")
    console.keys("Enter")
    _said(page, "limited")
    row = page.get_by_role("row").filter(has_text=device.name)
    expect(row).to_contain_text("the wrong row")
    row.click()
    _act(console, "Undo", "it was the neighbour")
    expect(row).to_be_hidden()
    assert _mode(console.platform, device.name) == "none"


def test_spent_budget_narrows_is_shown_and_a_person_may_go_beyond_it(console: Console, tmp_path: Path) -> None:
    site = f"quay-{next(_numbers)}"
    names = [f"crane-{next(_numbers)}" for _ in range(4)]
    for name in names:
        console.platform.call("POST", "/v1/devices", {"device_id": name, "site": site})
    for name in names[:3]:
        _quarantine(console.platform, name, mode="cut")
    _quarantine(console.platform, names[3])
    page = console.open(f"/quarantine?device={names[3]}")
    budget = page.get_by_role("list", name="Budgets").get_by_role("listitem").first
    expect(budget).to_contain_text("3 of 3")
    expect(budget).to_contain_text("spent")
    console.act(page.get_by_role("button", name="Cut off", exact=True))
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"3 of the 4 devices of {site} were cut off within the hour")
    console.check_accessible()
    override = dialog.get_by_role("checkbox")
    console.tab_to(override, backwards=True)
    console.keys("Space")
    expect(dialog.get_by_role("status")).to_contain_text("would be cut")
    _reason(page).fill("the yard is on fire")
    console.keys("Enter")
    _said(page, f"{names[3]} is in quarantine: cut.")
    assert _mode(console.platform, names[3]) == "cut"


def test_overdue_review_is_marked_and_ends_nothing(console: Console) -> None:
    name = f"overdue-{next(_numbers)}"
    console.platform.call("POST", "/v1/devices", {"device_id": name})
    soon = to_rfc3339(SystemClock().now() + timedelta(seconds=20))
    _quarantine(console.platform, name, review_at=soon)
    path = f"/v1/devices/{name}/quarantine"
    wait_until(lambda: console.platform.call("GET", path)["is_review_due"], 90, "it is to be looked at again")
    page = console.open("/quarantine")
    console.act(page.get_by_role("button", name="To be looked at again"))
    row = page.get_by_role("row").filter(has_text=name)
    expect(row).to_contain_text("overdue")
    expect(page.get_by_role("definition").filter(has_text="overdue")).to_be_visible()
    assert _mode(console.platform, name) == "limited"


def test_cut_of_a_critical_device_takes_a_second_person(new_browser: NewBrowser, named_platform: Platform) -> None:
    name = f"reactor-{next(_numbers)}"
    named_platform.call("POST", "/v1/devices", {"device_id": name, "device_class": "critical"})
    first, second = new_browser(), new_browser()
    first.become(f"Ask {name}")
    page = first.open(f"/devices/{name}?tab=access")
    page.get_by_role("button", name="Quarantine", exact=True).click()
    page.get_by_text("Cut", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("Another person can approve the cut")
    _reason(page).fill("looks copied")
    first.keys("Enter")
    _said(page, "limited")
    assert _mode(named_platform, name) == "limited"
    first.open(f"/quarantine?waits=1&device={name}")
    page.get_by_role("button", name="Approve the cut").click()
    _reason(page).fill("I say so myself")
    first.keys("Enter")
    expect(page.get_by_role("alert")).to_contain_text("not the second person")
    second.become(f"Second {name}")
    other = second.open(f"/quarantine?waits=1&device={name}")
    expect(other.get_by_text("It waits for a second person.")).to_be_visible()
    other.get_by_role("button", name="Approve the cut").click()
    _reason(other).fill("seen the logs")
    second.keys("Enter")
    _said(other, "cut")
    assert _mode(named_platform, name) == "cut"


def test_role_at_a_site_shows_the_quarantines_of_that_site(new_browser: NewBrowser, named_platform: Platform) -> None:
    site = f"pier-{next(_numbers)}"
    here, there = f"buoy-{next(_numbers)}", f"buoy-{next(_numbers)}"
    named_platform.call("POST", "/v1/devices", {"device_id": here, "site": site})
    named_platform.call("POST", "/v1/devices", {"device_id": there, "site": "elsewhere"})
    for name in (here, there):
        _quarantine(named_platform, name)
    link = named_platform.call("POST", "/v1/login-links", {"role": "operator", "sites": [site]})["url"]
    person = new_browser()
    person.add_authenticator()
    person.follow_link(link)
    person.register(f"Harbour {site}")
    page = person.open("/quarantine")
    expect(page.get_by_role("row").filter(has_text=here)).to_be_visible()
    expect(page.get_by_text(there)).to_be_hidden()
    page = person.open("/decisions")
    expect(page.get_by_text("Nothing was decided yet.")).to_be_visible()
    page = person.open(f"/devices/{here}?tab=access")
    expect(page.get_by_role("list", name="The way back")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_list_is_the_same_as_the_command_gives(console: Console, device: OwnDevice) -> None:
    _quarantine(console.platform, device.name)
    page = console.open("/quarantine")
    expect(page.get_by_role("row").filter(has_text=device.name)).to_be_visible()
    with console.copied(page.get_by_role("button", name="Copy as…").first) as texts:
        assert texts["CLI"] == "vedette quarantine list"
    shown = console.platform.cli("quarantine", "list").stdout
    assert device.name in shown
    wait_until(lambda: _mode(console.platform, device.name) == "limited", 60, "it is limited")
