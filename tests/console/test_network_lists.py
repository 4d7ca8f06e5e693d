"""Links, protocols, the outside, what changed, and sensors: what people read and decide there."""

from __future__ import annotations

from pathlib import Path

from console_page import Console
from playwright.sync_api import expect
from seen_network import CAMERA, OUTSIDE, OUTSIDE_NAME, RESOLVER, TERN, SeenNetwork


def test_links_and_operations_are_narrowed_by_protocol(console: Console, network: SeenNetwork) -> None:
    page = console.open("/protocols")
    console.see("Siemens S7comm")
    page.get_by_role("gridcell", name="Telnet").click()
    console.see("replaced by SSH")
    console.check_looks()
    page.get_by_role("link", name="Its links").click()
    expect(page.get_by_role("grid", name="Links").get_by_role("row")).to_have_count(2)
    page.get_by_label("Protocol").select_option("")
    console.see("outside")
    console.check_looks()
    page.get_by_role("button", name="Operations").click()
    page.get_by_label("Class").select_option("control")
    console.see("s7comm plc stop")
    console.check_accessible()
    assert {each["kind"] for each in network.operations()} >= {"read", "write", "control"}


def test_somebody_answers_for_what_leaves_the_network(console: Console, network: SeenNetwork, tmp_path: Path) -> None:
    page = console.open("/external-connections")
    console.see(OUTSIDE_NAME)
    console.check_looks()
    owners = tmp_path / "ip2asn.tsv"
    owners.write_text(
        f"{RESOLVER}\t9.9.9.255\t19281\tCH\tQUAD9 <img src=x>\n{OUTSIDE}\t93.184.216.255\t15133\tUS\tEDGE\n"
    )
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Import a list…").click()
    chooser.value.set_files(owners)
    console.see("CH AS19281 QUAD9 <img src=x>")
    page.get_by_label("Name, address, network or owner").fill("EDGE")
    table = page.get_by_role("grid", name="External connections")
    expect(table.get_by_role("row")).to_have_count(2)
    page.get_by_role("checkbox", name="Select all shown").check()
    page.get_by_role("region", name="Selected connections").get_by_role("button", name="Approve…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(CAMERA)
    dialog.get_by_label("Who answers for it").fill("building services")
    dialog.get_by_label("What it is for").fill("updates of the camera")
    console.check_accessible()
    dialog.get_by_role("button", name="Approve…").click()
    console.see("1 decided.")
    (approved,) = network.externals(verdict="approved")
    assert (approved["address"], approved["owner"]) == (OUTSIDE, "building services")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("region", name="Selected connections")).to_be_hidden()
    assert network.externals(verdict="approved") == []


def test_a_snapshot_shows_what_changed_since(console: Console, network: SeenNetwork) -> None:
    page = console.open("/inventory-changes")
    page.get_by_role("button", name="Take a snapshot…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("What for").fill("before the works")
    dialog.get_by_role("button", name="Take a snapshot…").click()
    console.see("Nothing changed between these moments.")
    asset = network.asset(TERN)["asset_id"]
    network.platform.call("PATCH", f"/v1/assets/{asset}", {"name": "works on line 3"})
    page.reload()
    console.see("works on line 3")
    console.check_looks()
    network.platform.call("PATCH", f"/v1/assets/{asset}", {"name": None})
    page.get_by_role("button", name="Delete…").first.click()
    dialog.get_by_role("button", name="Delete…").click()
    expect(page.get_by_text("before the works")).to_have_count(0)


def test_sensors_tell_whether_they_are_heard(console: Console, network: SeenNetwork) -> None:
    page = console.open("/sensors")
    for text in (network.sensor, network.site, "mirror port", "vedette sensor run"):
        console.see(text)
    console.check_looks()
    page.get_by_role("button", name="Retire…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("the hall is closed")
    dialog.get_by_role("button", name="Retire…").click()
    expect(page.get_by_role("button", name="Retire…")).to_be_hidden()
    page.get_by_role("button", name="Register a sensor…").click()
    dialog.get_by_label("Device").fill(network.sensor)
    dialog.get_by_label("Site").fill(network.site)
    dialog.get_by_role("button", name="Register a sensor…").click()
    expect(page.get_by_role("button", name="Retire…")).to_be_visible()
