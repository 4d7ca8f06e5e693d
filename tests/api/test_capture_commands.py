from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from made_capture import CONTROLLER, begin, polls, send
from running_platform import RunningPlatform

from vedette.cli.program import run

Command = Callable[..., tuple[int, str]]


@pytest.fixture
def command(platform: RunningPlatform, capsys: pytest.CaptureFixture[str]) -> Command:
    def call(*arguments: str) -> tuple[int, str]:
        token = platform.data / "secrets" / "operator.token"
        code = run([*arguments, "--url", platform.url, "--token-file", str(token)])
        return code, capsys.readouterr().out

    return call


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "hall.pcap"
    path.write_bytes(polls())
    return path


@pytest.fixture(autouse=True)
def nothing_is_left(api: httpx.Client) -> Iterator[None]:
    yield
    for each in api.get("/v1/captures").json()["items"]:
        api.delete(f"/v1/captures/{each['capture_id']}").raise_for_status()


def test_a_capture_is_uploaded_read_and_deleted_by_command(command: Command, file: Path, tmp_path: Path) -> None:
    assert "Would" in command("capture", "upload", str(file), "--dry-run")[1]
    code, out = command("capture", "upload", str(file), "--keep", "--wait", "--output", "json")
    assert code == 0, out
    done = json.loads(out)
    name = done["capture_id"]
    assert done["state"] == "done"
    assert name in command("capture", "list", "--state", "done")[1]
    assert "kept" in command("capture", "show", name)[1]
    code, out = command("capture", "report", name)
    assert (code, CONTROLLER in out, "modbus" in out) == (0, True, True)
    assert (
        json.loads(command("capture", "report", name, "--format", "json")[1])["capture"]["packets"] == done["packets"]
    )
    table, printed, again = tmp_path / "assets.csv", tmp_path / "hall.pdf", tmp_path / "again.pcap"
    assert command("capture", "report", name, "--format", "csv", "--file", str(table))[0] == 0
    assert table.read_text().startswith("addresses,mac,type")
    assert command("capture", "report", name, "--format", "pdf", "--file", str(printed))[0] == 0
    assert printed.read_bytes().startswith(b"%PDF-")
    assert command("capture", "download", name, str(again))[0] == 0
    assert again.read_bytes() == file.read_bytes()
    assert command("capture", "delete", name)[0] == 2  # nobody is there to ask
    assert command("capture", "delete", name, "--yes")[0] == 0
    assert command("capture", "show", name)[0] == 4


def test_an_upload_that_broke_off_goes_on_and_a_bad_one_fails(
    command: Command, api: httpx.Client, file: Path, tmp_path: Path
) -> None:
    content = file.read_bytes()
    name = begin(api, content)["capture_id"]
    send(api, name, 0, content[:1000]).raise_for_status()
    assert command("capture", "upload", str(file), "--resume", name, "--wait")[0] == 0
    assert command("capture", "cancel", name)[0] == 1  # it is done
    bad = tmp_path / "bad.pcap"
    bad.write_bytes(b"this is no capture at all, whatever its name says")
    assert command("capture", "upload", str(bad))[0] == 2
    waiting = api.get("/v1/captures", params={"state": "receiving"}).json()["items"]
    assert command("capture", "cancel", waiting[0]["capture_id"])[0] == 0


def test_inventory_alerts_and_vulnerabilities_are_printed(command: Command, tmp_path: Path) -> None:
    for what in ("inventory", "alerts", "vulnerabilities"):
        path = tmp_path / f"{what}.pdf"
        code, out = command("report", what, str(path))
        assert (code, str(path.stat().st_size) in out) == (0, True)
        assert path.read_bytes().startswith(b"%PDF-")
    assert command("report", "inventory", str(tmp_path / "inventory.pdf"))[0] == 2  # it is there already
