"""Alerts: worked through by keyboard, hidden with a preview, merged and unmerged, read to the packet; and tickets."""

from __future__ import annotations

import time
from typing import Any

import pytest
from console_page import Console
from journey import wait_until
from playwright.sync_api import Page, expect
from seen_network import ENGINEER, STOPPED, SeenNetwork, hall_capture

from vedette.sensor.held_back import FILE_NAME as HELD_BACK

STATION = "station-hall"

pytestmark = pytest.mark.usefixtures("network")


def stopped(network: SeenNetwork) -> dict[str, Any]:
    """Return the alert about the controller that was stopped, open."""
    alert = network.alerts(rule="ot.controller_stop", address=STOPPED)[-1]
    if alert["state"] != "open" or alert["standing"] != "loud":
        path = f"/v1/alerts/{alert['alert_id']}/reopen"
        network.platform.call("POST", path, {"reason": "for the next test"})
    return alert


def state_of(network: SeenNetwork) -> tuple[str, str, str]:
    alert = network.alerts(rule="ot.controller_stop", address=STOPPED)[-1]
    return alert["state"], alert["standing"], alert["verdict"]


def packets_of(network: SeenNetwork) -> list[dict[str, Any]]:
    found = network.alerts(address=ENGINEER, rule="ot.controller_stop")
    return [each for each in found if each["slice_bytes"] and each["suggestions"]]


def row(page: Page, title: str) -> Any:
    return page.get_by_role("grid", name="Alerts").get_by_role("row").filter(has_text=title)


def test_an_alert_is_closed_and_opened_again_by_keyboard_alone(console: Console, network: SeenNetwork) -> None:
    title = stopped(network)["title"]
    page = console.open("/")
    console.keys("g", "L")
    expect(console.heading).to_have_text("Alerts")
    page = console.open("/alerts?rule=ot.controller_stop")
    expect(row(page, title)).to_be_visible()
    console.keys("j", "a")
    expect(page.get_by_text("You look into it.")).to_be_visible()
    wait_until(lambda: state_of(network)[0] == "acknowledged", 90, "it to be looked into")
    console.keys("c")
    expect(page.get_by_role("heading", name="Close this alert?")).to_be_visible()
    console.check_accessible()
    page.get_by_role("radio", name="It is real").check(force=True)
    page.get_by_label("Reason, for the record").fill("the laptop of a contractor")
    console.keys("Enter")
    expect(page.get_by_text("1 closed: true-positive.")).to_be_visible()
    expect(row(page, title)).to_be_hidden()
    assert state_of(network) == ("closed", "loud", "true-positive")
    console.keys("u")
    expect(row(page, title)).to_be_visible()
    assert state_of(network)[0] == "open"


def test_an_alert_is_hidden_once_its_preview_was_seen_and_shown_again(console: Console, network: SeenNetwork) -> None:
    title = stopped(network)["title"]
    page = console.open("/alerts?rule=ot.controller_stop")
    expect(row(page, title)).to_be_visible()
    console.keys("j", "h")
    expect(page.get_by_text("In the last two weeks it would have hidden")).to_be_visible()
    console.check_accessible()
    page.get_by_label("Who answers for it").fill("line 4")
    page.get_by_label("Reason, for the record").fill("acceptance tests")
    console.keys("Enter")
    expect(row(page, title)).to_be_hidden()
    page = console.open("/alert-exceptions")
    expect(page.get_by_role("link", name=title)).to_be_visible()
    expect(page.get_by_text("acceptance tests")).to_be_visible()
    console.check_accessible()
    console.act(page.get_by_role("button", name="End it"))
    console.act(page.get_by_role("dialog").get_by_role("button", name="End it"))
    expect(page.get_by_text("Nothing is hidden.")).to_be_visible()


def test_the_page_of_an_alert_tells_the_incident_the_evidence_and_what_was_done(
    console: Console, network: SeenNetwork
) -> None:
    alert = stopped(network)
    page = console.open(f"/alerts/{alert['alert_id']}")
    expect(page.get_by_text(alert["why"])).to_be_visible()
    expect(page.get_by_text(alert["technique_name"])).to_be_visible()
    parts = page.get_by_role("list", name="Parts of the incident")
    expect(parts.get_by_text(alert["title"])).to_be_visible()
    others = parts.get_by_role("checkbox")
    others.first.check()
    console.act(page.get_by_role("button", name="Merge the chosen into this"))
    page.get_by_label("Reason, for the record").fill("one and the same visit")
    console.keys("Enter")
    expect(page.get_by_role("heading", name="Further evidence")).to_be_visible()
    console.act(page.get_by_role("button", name="Unmerge").first)
    page.get_by_label("Reason, for the record").fill("it was another")
    console.keys("Enter")
    expect(page.get_by_role("heading", name="Further evidence")).to_be_hidden()
    expect(page.get_by_text("it was another").first).to_be_visible()
    console.check_looks()


def test_packets_are_read_by_whoever_may_and_the_cut_is_offered(console: Console, network: SeenNetwork) -> None:
    pinned = {"type": "self_signed", "primary_thumbprint": "ab" * 32}
    network.platform.call("POST", "/v1/devices", {"device_id": STATION, "authentication": pinned})
    network.platform.call("PATCH", f"/v1/assets/{network.asset(ENGINEER)['asset_id']}", {"device_id": STATION})
    heard = network.run_on(hall_capture(ends_at_s=time.time()))
    assert heard.returncode == 0, heard.stderr
    wait_until(lambda: packets_of(network), 120, "packets behind an alert")
    page = console.open(f"/alerts/{packets_of(network)[0]['alert_id']}")
    expect(page.get_by_text("It was narrowed to its limited zone")).to_be_visible()
    page.get_by_role("button", name="Cut it off…").click()
    expect(page.get_by_role("dialog")).to_contain_text("no live session is touched")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Read the packets").click()
    expect(page.get_by_role("region", name="Packets")).to_contain_text(ENGINEER)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download (pcapng)").click()
    assert download.value.suggested_filename.endswith(".pcapng")
    console.check_accessible()


def test_many_alerts_are_grouped_judged_at_once_and_taken_back(console: Console, network: SeenNetwork) -> None:
    stopped(network)
    page = console.open(f"/alerts?site={network.site}&by=source")
    groups = page.get_by_role("grid", name="Groups of alerts")
    expect(groups.get_by_role("row").filter(has_text="controller stop")).to_be_visible()
    groups.get_by_role("row").filter(has_text="controller stop").dblclick()
    expect(page.get_by_role("grid", name="Alerts").get_by_role("row").nth(2)).to_be_visible()
    page.get_by_label("Select all shown").check()
    page.get_by_role("button", name="Close…").click()
    page.get_by_role("radio", name="Harmless").check(force=True)
    page.get_by_label("Reason, for the record").fill("a drill")
    console.keys("Enter")
    expect(page.get_by_text("closed: benign.")).to_be_visible()
    expect(page.get_by_text("No alert fits.")).to_be_visible()
    console.keys("u")
    expect(page.get_by_role("grid", name="Alerts").get_by_role("row").nth(2)).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export…").click()
        page.get_by_role("button", name="Export as STIX").click()
    assert download.value.suggested_filename == "alerts.stix.json"


def test_a_change_is_announced_and_ended(console: Console, network: SeenNetwork) -> None:
    page = console.open("/tickets")
    page.get_by_role("button", name="Announce a change").click()
    page.get_by_label("Reference, as it is called").fill("CHG-1042")
    page.get_by_label("Addresses or networks of what is changed").fill("198.51.100.0/24, 198.51.100.7")
    page.get_by_label("Reason, for the record").fill("new firmware of the press")
    console.check_accessible()
    console.keys("Enter")
    expect(page.get_by_role("grid", name="Tickets").get_by_role("row").filter(has_text="CHG-1042")).to_be_visible()
    expect(page.get_by_role("heading", name="CHG-1042")).to_be_visible()
    [ticket] = network.platform.call("GET", "/v1/tickets?is_over=false")["items"]
    assert (ticket["state"], ticket["summary"]) == ("running", "new firmware of the press")
    assert ticket["pattern"]["targets"] == ["198.51.100.0/24", "198.51.100.7"]
    console.act(page.get_by_role("button", name="End it now"))
    console.act(page.get_by_role("dialog").get_by_role("button", name="End it now"))
    expect(page.get_by_text("No change is announced.")).to_be_visible()


def test_what_is_hidden_at_the_sensors_stays_there_and_is_counted(console: Console, network: SeenNetwork) -> None:
    alert = network.alerts(rule="remote.telnet", address=STOPPED)[-1]
    page = console.open(f"/alerts/{alert['alert_id']}")
    page.get_by_role("button", name="Hide its like").click()
    page.get_by_label("Hold it back at the sensors").check()
    page.get_by_label("Who answers for it").fill("line 4")
    page.get_by_label("Reason, for the record").fill("the old way in")
    console.keys("Enter")
    expect(page.get_by_text("Hidden by")).to_be_visible()
    twin = f"/v1/devices/{network.sensor}/twin"
    wait_until(lambda: told_to_sensor(network.platform.call("GET", twin)), 90, "the sensor's twin to say so")
    before = len(network.alerts(rule="remote.telnet"))
    runs = 0
    told = network.folder / "sensor" / HELD_BACK
    # It hears of it in the first run, unless that one is over before the platform has answered.
    while not (told.exists() and exception_of(network) in told.read_text()):
        assert network.run_on(hall_capture(ends_at_s=time.time())).returncode == 0
        runs += 1
        assert runs < 10, "it never hears of the exception"
    # And heeds it from the beginning of the next.
    assert network.run_on(hall_capture(ends_at_s=time.time())).returncode == 0
    wait_until(lambda: held_back(network), 120, "the count to arrive")
    assert len(network.alerts(rule="remote.telnet")) <= before + runs
    [exception] = network.platform.call("GET", "/v1/alert-exceptions?is_in_force=true")["items"]
    assert exception["held_back"] >= 1
    console.open(f"/alert-exceptions?id={exception['exception_id']}")
    expect(page.get_by_text(f"{exception['held_back']} since they were started")).to_be_visible()
    network.platform.call("POST", f"/v1/alert-exceptions/{exception['exception_id']}/end", {"reason": "done"})


def exception_of(network: SeenNetwork) -> str:
    [exception] = network.platform.call("GET", "/v1/alert-exceptions?is_in_force=true")["items"]
    return str(exception["exception_id"])


def told_to_sensor(twin: dict[str, Any]) -> bool:
    return bool(twin["desired"].get("exceptions", {}).get("items"))


def held_back(network: SeenNetwork) -> int:
    report = network.platform.call("GET", f"/v1/sensors/{network.sensor}")["report"]
    return int(report["alerts_held_back"])
