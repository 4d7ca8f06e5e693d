"""The five-minute tutorial, as its page tells it: a newcomer follows it in a browser beside the demo.

With ``VEDETTE_PICTURES=1`` the pictures of the page are taken anew, into docs/images/.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from console_page import Console
from journey import Platform, free_port, wait_until
from playwright.sync_api import Browser, expect

IMAGES: Final = Path(__file__).resolve().parents[2] / "docs" / "images"
ADDRESS: Final = "127.0.21.1"
# The device tries again by itself; somebody on site has to press its button first.
MENDED_WITHIN_MS: Final = 180_000


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Platform, str]]:
    """``vedette demo`` as a newcomer starts it, and the link it prints."""
    folder = tmp_path_factory.mktemp("demo")
    port = free_port()
    environment = {
        **os.environ,
        "VEDETTE_SERVER__HOSTNAME": ADDRESS,
        "VEDETTE_SERVER__BIND": ADDRESS,
        "VEDETTE_API__PORT": str(port),
        "VEDETTE_BUS__PORT": str(free_port()),
    }
    shown = folder / "shown.txt"
    command = [sys.executable, "-m", "vedette.cli", "demo", "--no-plant", "--data", str(folder / "data")]
    with shown.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=environment, start_new_session=True)
    try:
        wait_until(lambda: "/login?token=" in shown.read_text() or process.poll() is not None, 300, "the link")
        assert process.poll() is None, shown.read_text()
        platform = Platform(ADDRESS, folder, api_port=port)
        token = (platform.data / "secrets" / "operator.token").read_text().strip()
        platform.api = httpx.Client(base_url=platform.api_url, headers={"Authorization": f"Bearer {token}"}, timeout=60)
        wait_until(lambda: platform.call("GET", "/v1/clone-alerts")["items"], 180, "the copied key is noticed")
        yield platform, next(word for word in shown.read_text().split() if "/login?token=" in word)
        platform.api.close()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(120)


@pytest.fixture(scope="module")
def newcomer(browser: Browser, demo: tuple[Platform, str]) -> Iterator[Console]:
    platform, url = demo
    console = Console(browser, platform, None, [])
    console.page.goto(url)
    console.page.get_by_role("button", name="Skip for now").click()
    expect(console.heading).to_have_text("Overview")
    yield console
    console.close()


def picture(console: Console, name: str) -> None:
    if os.environ.get("VEDETTE_PICTURES"):
        IMAGES.mkdir(exist_ok=True)
        console.page.wait_for_timeout(700)
        console.page.screenshot(path=IMAGES / f"{name}.png")


def test_the_overview_says_what_needs_attention(newcomer: Console) -> None:
    newcomer.page.goto("/")
    expect(newcomer.page.get_by_text("Two clients use one identity")).to_be_visible()
    expect(newcomer.page.get_by_text("door-1", exact=True).first).to_be_visible()
    picture(newcomer, "overview")


def test_a_refusal_is_explained_in_one_click(newcomer: Console) -> None:
    page = newcomer.page
    page.goto("/")
    row = page.get_by_role("listitem").filter(has_text="door-1").filter(has_text="certificate expired")
    row.get_by_role("link", name="Why").click()
    expect(page.get_by_text("The credential is valid now")).to_be_visible()
    expect(page.get_by_role("button", name="Let it enroll once more")).to_be_visible()
    picture(newcomer, "refused")
    page.get_by_role("button", name="Let it enroll once more").click()
    page.get_by_role("textbox", name="Reason").fill("it is ours, and was off for too long")
    page.get_by_role("dialog").get_by_role("button", name="Let it enroll once more").click()
    expect(page.get_by_text("It is in again")).to_be_visible(timeout=MENDED_WITHIN_MS)


def test_a_copied_key_is_shown_with_what_to_do(newcomer: Console) -> None:
    newcomer.page.goto("/clone-alerts")
    expect(newcomer.page.get_by_text("the private key exists twice")).to_be_visible()
    picture(newcomer, "clone-alert")


def test_one_device_is_set_to_measure_less_often(newcomer: Console) -> None:
    page = newcomer.page
    page.goto("/devices/boiler-1?tab=twin")
    editor = page.get_by_role("textbox", name="Desired")
    editor.fill('{"intervalSeconds": 5}')
    page.get_by_role("button", name="Show what changes").first.click()
    picture(newcomer, "twin")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text('"intervalSeconds": 5').last).to_be_visible()
    wait_until(lambda: _reported(newcomer, "boiler-1").get("intervalSeconds") == 5, 120, "the device follows")


def test_one_device_is_cut_off_and_let_in_again(newcomer: Console) -> None:
    page = newcomer.page
    page.goto("/devices/pump-2")
    page.get_by_role("button", name="Disable").click()
    page.get_by_role("textbox", name="Reason").fill("it is not ours")
    page.get_by_role("dialog").get_by_role("button", name="Disable").click()
    expect(page.get_by_text("not connected").first).to_be_visible()
    expect(page.get_by_role("link", name="Why, and what to do")).to_be_visible(timeout=MENDED_WITHIN_MS)
    picture(newcomer, "disabled")
    page.get_by_role("button", name="Enable").click()
    page.get_by_role("dialog").get_by_role("button", name="Enable").click()
    wait_until(lambda: _device(newcomer, "pump-2")["presence"]["is_connected"], 180, "it comes back by itself")


def test_everything_stands_in_the_ledger(newcomer: Console) -> None:
    newcomer.page.goto("/ledger")
    expect(newcomer.page.get_by_text("disable device").first).to_be_visible()
    picture(newcomer, "ledger")
    assert newcomer.mistakes == []


def _device(console: Console, name: str) -> dict[str, Any]:
    found: dict[str, Any] = console.platform.call("GET", f"/v1/devices/{name}")
    return found


def _reported(console: Console, name: str) -> dict[str, Any]:
    found: dict[str, Any] = console.platform.call("GET", f"/v1/devices/{name}/twin")["reported"]
    return found
