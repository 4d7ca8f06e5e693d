"""Programs and commands that a page of the console shows, run by the letter."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from console_page import Console
from playwright.sync_api import Locator

ENVIRONMENT = {**os.environ, "PYTHONWARNINGS": "ignore"}


def read_code(console: Console, label: str) -> str:
    """Return a piece of code as it stands on the page, the first with this name."""
    return find_code(console, label).first.inner_text()


def find_code(console: Console, label: str) -> Locator:
    """Return the pieces of code with a name."""
    return console.page.locator(f'pre[aria-label="{label}"]')


def run(command: list[str], folder: Path) -> str:
    """Run what a page told, in the device's folder; return what it printed."""
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=180, check=False, env=ENVIRONMENT
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def save_root(console: Console, folder: Path) -> None:
    """Save the root certificate by the page's button."""
    with console.page.expect_download() as download:
        console.act(console.page.get_by_role("button", name="Save root.pem"))
    download.value.save_as(folder / "root.pem")
