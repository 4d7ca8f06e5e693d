"""Add a device by the page alone: what stands there is done by the letter, and the page hears the device come."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from console_page import Console
from own_device import OwnDevice
from playwright.sync_api import expect
from shown_program import read_code, run, save_root

from vedette.simulation import Refused

PATIENCE_MS = 120_000


def test_device_with_a_certificate_of_its_own_is_added_by_the_page_alone(console: Console, tmp_path: Path) -> None:
    page = console.open("/add-device")
    field = page.get_by_role("textbox", name="Device id")
    expect(field).to_be_focused()
    page.keyboard.type("fan-7")
    expect(page.get_by_text("Nothing was heard of")).to_be_visible()
    told = run(["bash", "-c", read_code(console, "Make a key and a certificate on the device")], tmp_path)
    console.tab_to(page.get_by_role("textbox", name="The fingerprint that the last command prints"))
    page.keyboard.insert_text(told)
    console.act(page.get_by_role("button", name="Register", exact=True))
    expect(page.get_by_text("registered", exact=True)).to_be_visible()
    save_root(console, tmp_path)
    (tmp_path / "device.py").write_text(read_code(console, "Python"))
    assert "sent, and stored" in run([sys.executable, "device.py"], tmp_path)
    expect(page.get_by_text("connected", exact=True).or_(page.get_by_text("was here, and left"))).to_be_visible()
    console.check_looks()
    console.act(page.get_by_role("link", name="See what it sends"))
    expect(page.get_by_text('{"hello": "world"}').first).to_be_visible()


def test_device_that_comes_by_an_enrollment_is_heard_and_connects(console: Console, tmp_path: Path) -> None:
    """The demo's maker has vouched for its factory certificates; this is one more of them."""
    page = console.open("/add-device?id=boiler-1&how=enrollment")
    expect(page.get_by_role("link", name="Demo Works devices")).to_be_visible()
    expect(page.get_by_text("connected", exact=True)).to_be_visible()
    program = read_code(console, "Python")
    assert console.platform.id_scope in program
    assert f'provisioning_host="{console.platform.address}"' in program
    compile(program, "enroll.py", "exec")


def test_refusal_is_told_where_one_waits_for_the_device(console: Console, tmp_path: Path) -> None:
    device = OwnDevice(console.platform, tmp_path, "fan-8")
    console.platform.call("POST", "/v1/devices/fan-8/disable", {"reason": "not yet"})
    page = console.open("/add-device?id=fan-8")
    with pytest.raises(Refused):
        device.__enter__()
    expect(page.get_by_text("refused", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    console.act(page.get_by_role("link", name="Why", exact=True))
    expect(page.get_by_role("listitem").filter(has_text=", failed")).to_contain_text("May take part")


def test_registering_a_name_twice_is_explained(console: Console) -> None:
    console.allowed.append("status of 4")
    page = console.open("/add-device?id=boiler-1")
    console.tab_to(page.get_by_role("textbox", name="The fingerprint that the last command prints"))
    page.keyboard.insert_text("ab" * 32)
    console.act(page.get_by_role("button", name="Register", exact=True))
    expect(page.get_by_role("alert")).to_contain_text("boiler-1")
    expect(page.get_by_role("alert")).to_contain_text("What to do")
