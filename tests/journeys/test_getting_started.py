"""A newcomer follows docs/getting-started.md: what stands in its fences is run as it stands there, in order."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest
from journey import Platform, wait_until
from page_reader import Newcomer, fences

PAGE = "getting-started.md"
HERE = "HOST=localhost\n"


@pytest.fixture(scope="module")
def newcomer(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Newcomer:
    return Newcomer(platform, tmp_path_factory.mktemp("first-device"))


@pytest.fixture(scope="module")
def blocks(platform: Platform) -> Iterator[str]:
    found = fences(PAGE, "sh")
    assert sum(HERE in block for block in found) == 1
    return iter([block.replace(HERE, f"HOST={platform.address}\n") for block in found])


def run_until(newcomer: Newcomer, blocks: Iterator[str], last: str) -> str:
    """Run fences up to the one that holds a command; return what that one wrote."""
    for block in blocks:
        said = newcomer.run(block)
        if last in block:
            return said
    pytest.fail(f"the page has no command: {last}")


def test_a_first_device_enrolls_sends_is_cut_and_comes_back(
    platform: Platform, newcomer: Newcomer, blocks: Iterator[str]
) -> None:
    (script,) = fences(PAGE, "python")
    run_until(newcomer, blocks, "-out operational.csr")
    (newcomer.folder / "device.py").write_text(script)
    output = newcomer.folder / "device.out"
    with output.open("wb") as out:
        device = subprocess.Popen(
            [sys.executable, "-u", "device.py", platform.address, platform.id_scope, "pump-7"],
            cwd=newcomer.folder,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: "message 2 is stored" in output.read_text(), 180, f"messages; see {output}")
        assert "registered: operational.pem received\nconnected\n" in output.read_text()
        assert '"pressure": 3.2' in run_until(newcomer, blocks, "vedette telemetry tail")
        # The command waits for a quarter of a second; a gateway that takes longer confirms it later.
        cut = run_until(newcomer, blocks, "vedette device disable")
        assert "1 live connection cut" in cut or "applies it all the same" in cut
        wait_until(lambda: "gone" in output.read_text(), 90, "the device notices")
        wait_until(lambda: platform.call("GET", "/v1/refusals?device_id=pump-7")["items"], 90, "it is on record")
        assert "vedette device enable pump-7" in run_until(newcomer, blocks, "vedette refusal list")
        run_until(newcomer, blocks, "vedette device enable")
        wait_until(lambda: "message" in output.read_text().rpartition("gone")[2], 240, f"it comes back; see {output}")
        assert "Intact: " in run_until(newcomer, blocks, "vedette ledger verify")
    finally:
        device.kill()
        device.wait()
    numbers = [int(number) for number in re.findall(r"message (\d+) is stored", output.read_text())]
    assert numbers == list(range(1, len(numbers) + 1))
    assert "Traceback" not in output.read_text()


@pytest.mark.skipif(shutil.which("mosquitto_pub") is None, reason="mosquitto_pub is not installed")
def test_other_clients_follow(newcomer: Newcomer, blocks: Iterator[str]) -> None:
    assert '{"power": 12}' in run_until(newcomer, blocks, "mosquitto_pub")
    assert "onboarding" in run_until(newcomer, blocks, "--credential onboarding")
    assert list(blocks) == []
