"""What a page gives to copy does the same as the page: run as it is, in a shell."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from console_page import Console

PATHS = [
    "/",
    "/devices?where=tags.line+%3D+%27demo%27",
    "/devices/edge-1",
    "/devices/edge-1?module=camera",
    "/devices/edge-1?tab=twin",
    "/devices/edge-1?tab=record",
    "/devices/edge-1?tab=access",
    "/decisions?device=edge-1",
    "/quarantine",
    "/refusals?device=door-1",
    "/clone-alerts",
    "/policies",
    "/policies/1",
    "/groups",
    "/queries?q=SELECT+deviceId+FROM+devices+WHERE+site+%3D+%27north%27",
    "/ledger",
    "/authorities",
    "/enrollments",
    "/people",
    "/roles",
    "/approvals",
    "/reviews",
    "/service-tokens",
    "/command-schemas",
    "/account",
]
_READS = {"explain", "list", "show", "query", "status", "members"}


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment whose ``vedette`` is this checkout's."""
    folder = tmp_path_factory.mktemp("bin")
    command = folder / "vedette"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m vedette.cli "$@"\n')
    command.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}


@pytest.mark.parametrize("path", PATHS)
def test_what_is_copied_runs(console: Console, shell: dict[str, str], path: str) -> None:
    page = console.open(path)
    page.locator("main").get_by_role("button", name="Copy as…").first.wait_for()
    page.wait_for_timeout(500)
    environment = {**shell, "VEDETTE_DATA": str(console.platform.data)}
    ran = 0
    for button in page.locator("main").get_by_role("button", name="Copy as…").all():
        with console.copied(button) as texts:
            if not _READS & set(texts.get("CLI", "vedette list").split()[1:3]):
                continue
            for what, text in texts.items():
                done = subprocess.run(
                    ["bash", "-c", text], capture_output=True, text=True, env=environment, timeout=180, check=False
                )
                assert done.returncode == 0, f"{what}: {text}\n{done.stdout[-500:]}{done.stderr[-500:]}"
                ran += 1
    assert ran
