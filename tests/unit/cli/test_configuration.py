from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from vedette.cli import main

APPLICATIONS = Path(__file__).resolve().parents[3] / "docs" / "examples" / "applications"


@pytest.fixture(autouse=True)
def _nothing_inherited(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    for name in ("VEDETTE_DATA", "VEDETTE_CONFIG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.toml"
    path.write_text('[server]\nhostnam = "a"\n[gateway]\nport = 99999\n')
    return path


def test_a_good_configuration_ends_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = tmp_path / "good.toml"
    good.write_text("[gateway]\nport = 8884\n")
    assert main(["config", "check", "--config", str(good)]) == 0
    assert "can be used" in capsys.readouterr().err


def test_every_problem_is_told_at_once_with_its_line(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", "--config", str(bad)]) == 1
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert lines[0].startswith(f"{bad}:2: ")
    assert "hostname" in lines[0]
    assert lines[1].startswith(f"{bad}:4: ")
    assert "2 problems" in shown.err


def test_programs_get_findings_as_json(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", "--config", str(bad), "--output", "json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["is_usable"] is False
    assert [each["line"] for each in told["findings"]] == [2, 4]
    assert {each["severity"] for each in told["findings"]} == {"error"}


@pytest.mark.parametrize("wrong", ["no folder", "no schema", "no policies", "policies that are none"])
def test_applications_of_other_systems_are_read_before_they_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: str
) -> None:
    folder, path = tmp_path / "applications", tmp_path / "vedette.toml"
    shutil.copytree(APPLICATIONS, folder)
    path.write_text(f'[authzen]\napplications = "{folder}"\n')
    assert main(["config", "check", "--config", str(path)]) == 0
    capsys.readouterr()
    if wrong == "no folder":
        shutil.rmtree(folder)
    elif wrong == "policies that are none":
        (folder / "records" / "policies.cedar").write_text("permit(")
    else:
        (folder / "records" / ("schema.json" if wrong == "no schema" else "policies.cedar")).unlink()
    assert main(["config", "check", "--config", str(path)]) == 1
    assert capsys.readouterr().out.startswith(f"{path}:2: authzen.applications: ")


def test_show_tells_value_and_source(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "vedette").mkdir()
    (tmp_path / "vedette" / "vedette.toml").write_text("[gateway]\nport = 8884\n")
    monkeypatch.setenv("VEDETTE_API__PORT", "9000")
    assert main(["config", "show"]) == 0
    shown = capsys.readouterr().out
    assert "8884" in shown
    assert "vedette.toml:2" in shown
    assert "VEDETTE_API__PORT" in shown
    assert "bus.port" not in shown
    assert main(["config", "show", "--all"]) == 0
    assert "bus.port" in capsys.readouterr().out
    assert main(["config", "show", "-o", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["gateway.port"] == {"value": 8884, "source": f"{tmp_path}/vedette/vedette.toml:2"}
    assert told["bus.port"]["source"] == "default"


def test_show_refuses_what_cannot_be_used(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "show", "--config", str(bad)]) == 1
    assert "config check" in capsys.readouterr().err


def test_up_tells_a_bad_configuration_before_anything_is_made(
    bad: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    assert main(["up", "--config", str(bad), "--data", str(data)]) == 1
    assert "2 problems" in capsys.readouterr().err
    assert not data.exists()


def test_the_demo_needs_its_api_on_loopback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "tls.toml"
    config.write_text('[api]\ntls = "own"\n')
    assert main(["demo", "--config", str(config), "--data", str(tmp_path / "demo")]) == 1
    assert "127.0.0.1" in capsys.readouterr().err
