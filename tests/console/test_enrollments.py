"""From a maker's authority to a device that was looked at and let in: by the pages, with what they show."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from console_page import Console
from playwright.sync_api import expect
from shown_program import ENVIRONMENT, find_code, read_code, run, save_root

from vedette.kernel import SystemClock
from vedette.simulation import Factory

MAKER = "Gamma Mixers"
PATIENCE_MS = 120_000


def add_authority(console: Console, factory: Factory, folder: Path) -> None:
    """Register the maker's authority and prove its key with the command that the page shows."""
    page = console.open("/authorities")
    console.act(page.get_by_role("button", name="Add an authority"))
    page.keyboard.type(MAKER)
    console.keys("Tab")
    page.keyboard.insert_text(factory.root_pem().decode())
    console.act(page.get_by_role("dialog").get_by_role("button", name="Add", exact=True))
    card = page.get_by_role("region", name=MAKER)
    console.act(card.get_by_role("button", name="Prove possession"))
    proof = run(["bash", "-c", read_code(console, "With OpenSSL 3, where its key is")], folder)
    console.tab_to(page.get_by_role("textbox", name="Certificate, PEM"))
    page.keyboard.insert_text(proof)
    console.act(page.get_by_role("dialog").get_by_role("button", name="Prove possession"))
    expect(card).to_contain_text("verified")
    expect(card).not_to_contain_text("unverified")


def open_enrollment(console: Console) -> None:
    page = console.open("/enrollments")
    console.act(page.get_by_role("button", name="Open an enrollment"))
    page.keyboard.type("mixers")
    dialog = page.get_by_role("dialog")
    authority = dialog.get_by_label("Authority that vouches for them")
    expect(authority.locator("option").filter(has_text=MAKER)).to_have_count(1)
    console.tab_to(authority)
    page.keyboard.press(MAKER[0])  # the only one that begins so: letters typed slowly are words of their own
    expect(authority.locator("option:checked")).to_contain_text(MAKER)
    console.tab_to(dialog.get_by_role("textbox", name="Registration ids"))
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("mixer-*")
    console.act(dialog.get_by_role("checkbox", name="Ask me about each device"), key="Space")
    console.check_accessible()
    console.act(dialog.get_by_role("button", name="Open", exact=True))
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("row").filter(has_text="mixers")).to_contain_text("open")


def test_device_enrolls_once_an_operator_has_looked_at_it(console: Console, tmp_path: Path) -> None:
    works = tmp_path / "works"
    factory = Factory.open("Gamma", SystemClock(), works)
    shutil.copy(works / "root.pem", works / "authority.pem")
    shutil.copy(works / "root.key", works / "authority.key")
    add_authority(console, factory, works)
    open_enrollment(console)
    page = console.open("/add-device?id=mixer-1&how=enrollment")
    expect(page.get_by_role("link", name="mixers")).to_be_visible()
    save_root(console, tmp_path)
    factory.make_device("mixer-1").write(tmp_path, "factory")
    enroll, connect = (each.inner_text() for each in find_code(console, "Python").all())
    (tmp_path / "enroll.py").write_text(enroll)
    (tmp_path / "device.py").write_text(connect)
    with subprocess.Popen(
        [sys.executable, "enroll.py"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=ENVIRONMENT,
    ) as enrolling:
        page = console.open("/enrollments")
        waiting = page.get_by_role("region", name="Waiting for you (1)")
        expect(waiting).to_contain_text("mixer-1", timeout=PATIENCE_MS)
        expect(waiting).to_contain_text("CN=Gamma Line 1")
        console.check_looks()
        console.act(waiting.get_by_role("button", name="Let it in"))
        page.keyboard.type("seen on the pallet")
        console.keys("Enter")
        expect(waiting).to_be_hidden()
        told, _ = enrolling.communicate(timeout=180)
    assert "mixer-1 is enrolled" in told
    console.act(page.get_by_role("grid", name="Enrollments"), key="Home")
    page.get_by_role("row").filter(has_text="mixers").click()
    expect(page.get_by_role("region", name="Who came by it").get_by_role("link", name="mixer-1")).to_be_visible()
    page = console.open("/add-device?id=mixer-1&how=enrollment")
    expect(page.get_by_text("enrolled", exact=True)).to_be_visible()
    run([sys.executable, "device.py"], tmp_path)
    expect(page.get_by_role("link", name="See what it sends")).to_be_visible(timeout=PATIENCE_MS)
    size = console.platform.call("GET", "/v1/status")["ledger_size"]
    acts = console.platform.call("GET", f"/v1/ledger/entries?limit=100&after={max(0, size - 100)}")["items"]
    assert any(act["reason"] == "seen on the pallet" for act in acts)


def test_enrollment_is_closed_with_a_reason_and_opened_again(console: Console) -> None:
    enrollments = console.platform.call("GET", "/v1/enrollments")["items"]
    enrollment = next(each["enrollment_id"] for each in enrollments if each["name"] == "Demo Works devices")
    page = console.open(f"/enrollments?id={enrollment}")
    detail = page.get_by_role("region", name="Demo Works devices")
    console.act(detail.get_by_role("button", name="Close it"))
    page.keyboard.type("the line stands still")
    console.keys("Enter")
    expect(detail.get_by_role("button", name="Open again")).to_be_visible()
    console.act(detail.get_by_role("button", name="Open again"))
    console.keys("Enter")
    expect(detail.get_by_role("button", name="Close it")).to_be_visible()
