# To whoever adds files here: passkeys can be tried on this platform too, since the API listens on http://localhost.
"""One platform with simulated devices, one browser; each test has a page of its own and answers for what it did."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from console_page import CHROMIUM, Console, SimulatedFleet, keys_in, login_link
from journey import Platform, free_port
from passkey_page import PasskeyPage
from playwright.sync_api import Browser, StorageState, expect, sync_playwright
from seen_network import SeenNetwork

# SDK ports are fixed: two processes that run these tests side by side take an address each.
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
ADDRESS = f"127.0.163.{1 + WORKER}"
NAMED_ADDRESS = f"127.0.164.{1 + WORKER}"
DEVICES = 12


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform of its own for all pages; what one test changes, the next may find."""
    running = Platform(
        ADDRESS,
        tmp_path_factory.mktemp("platform"),
        more_configuration="[pki]\nsymmetric_keys = true\n",
        api_port=free_port(),
    )
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def fleet(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedFleet]:
    running = SimulatedFleet(platform, tmp_path_factory.mktemp("fleet"), devices=DEVICES)
    yield running
    running.close()


@pytest.fixture(scope="session")
def network(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> SeenNetwork:
    """A hall of machines that a sensor of the platform has seen."""
    seen = SeenNetwork(platform, tmp_path_factory.mktemp("network"))
    seen.come()
    return seen


@pytest.fixture(scope="session")
def logged_in(browser: Browser, platform: Platform) -> StorageState:
    """What a browser keeps that has opened a one-time link."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(login_link(platform))
    page.get_by_role("button", name="Skip for now").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    state = context.storage_state()
    context.close()
    assert any(cookie["httpOnly"] for cookie in state["cookies"])
    return state


@pytest.fixture(scope="session")
def secrets(platform: Platform, fleet: SimulatedFleet, logged_in: StorageState) -> list[str]:
    cookies = [cookie["value"] for cookie in logged_in["cookies"]]
    return [*cookies, *keys_in(platform.data), *keys_in(fleet.folder)]


@pytest.fixture
def console(
    browser: Browser, platform: Platform, fleet: SimulatedFleet, logged_in: StorageState, secrets: list[str]
) -> Iterator[Console]:
    """A logged-in browser; the test fails if a page breached the policy, asked a foreign host or showed a secret."""
    opened = Console(browser, platform, logged_in, secrets)
    try:
        yield opened
        opened.check()
    finally:
        opened.close()


@pytest.fixture(scope="session")
def named_platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform called ``localhost``, the one name that browsers trust without TLS: there passkeys work."""
    folder = tmp_path_factory.mktemp("named")
    running = Platform(NAMED_ADDRESS, folder, api_port=free_port(), hostname="localhost", more_api="totp = true")
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture
def new_browser(browser: Browser, named_platform: Platform) -> Iterator[Callable[[], PasskeyPage]]:
    """Return what opens browsers that nobody is logged in with; each is checked at the end."""
    opened: list[PasskeyPage] = []

    def open_one() -> PasskeyPage:
        opened.append(PasskeyPage(browser, named_platform))
        return opened[-1]

    try:
        yield open_one
        for each in opened:
            each.check()
    finally:
        for each in opened:
            each.close()
