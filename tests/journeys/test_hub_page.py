"""A developer follows docs/hub.md: its device runs, and its commands do on it what the page says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from azure_device import sdk_warnings
from journey import Platform, wait_until
from page_reader import Newcomer, fences

from vedette.cli import main

PAGE = "hub.md"

pytestmark = sdk_warnings


@pytest.fixture(scope="module", autouse=True)
def _legacy_devices_are_accepted() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VEDETTE_PKI__SYMMETRIC_KEYS", "true")
        yield


@pytest.fixture(scope="module")
def newcomer(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Newcomer:
    """Somebody with the files that the page names, and devices in the registry."""
    reader = Newcomer(platform, tmp_path_factory.mktemp("hub"))
    folder = reader.folder
    for name in ("pump-7", "pump-8", "pump-9"):
        platform.call("POST", "/v1/devices", {"device_id": name, "tags": {"site": "north"}})
    reader.run(
        "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj /CN=pump-7 "
        "-keyout operational.key -out pump.csr"
    )
    reader.run("vedette device issue-certificate pump-7 pump.csr --out operational.pem")
    (folder / "root.pem").write_text(platform.root_pem)
    (folder / "settings.json").write_text('{"interval_s": 1}')
    (folder / "question.json").write_text('{"n": [null]}')
    (folder / "image.bin").write_bytes(bytes(range(256)))
    return reader


@pytest.fixture(scope="module")
def device(platform: Platform, newcomer: Newcomer) -> Iterator[subprocess.Popen[bytes]]:
    (newcomer.folder / "device.py").write_text(fences(PAGE, "python")[0])
    with (newcomer.folder / "device.out").open("wb") as out:
        running = subprocess.Popen(
            [sys.executable, "-u", "device.py", platform.address, "pump-7"],
            cwd=newcomer.folder,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: platform.call("GET", "/v1/telemetry")["items"], 120, "a first message of the page's device")
        yield running
    finally:
        running.kill()
        running.wait()


def test_the_commands_of_the_page_do_what_it_says(
    platform: Platform, newcomer: Newcomer, device: subprocess.Popen[bytes]
) -> None:
    said = [newcomer.run(block) for block in fences(PAGE, "sh")]
    assert device.poll() is None
    path = "/v1/devices/pump-7/twin"
    assert platform.call("GET", path)["desired"] == {"interval_s": 1}
    wait_until(lambda: platform.call("GET", path)["reported"] == {"interval_s": 1}, 90, "the device's report")
    whole = "\n".join(said)
    assert '"in_s": 5' in whole
    assert '"payload": {\n    "n"' in whole
    assert "SharedAccessKey=" in whole
    shown = newcomer.folder / "device.out"
    wait_until(lambda: "b'open the valve' {'line': 'A'}" in shown.read_text(), 90, "the command at the device")
    assert "Traceback" not in shown.read_text()
    spares = platform.call("GET", "/v1/groups/spares/members")["items"]
    assert [each["device_id"] for each in spares] == ["pump-8", "pump-9"]


def test_a_refused_query_reads_as_the_page_shows_it(
    platform: Platform, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (block,) = [each for each in fences(PAGE, "console") if "FORM" in each]
    command, _, expected = block.partition("\n")
    query = command.partition('"')[2].rstrip('"')
    monkeypatch.setenv("VEDETTE_DATA", str(platform.data))
    assert main(["query", query]) == 2
    assert capsys.readouterr().err == expected
