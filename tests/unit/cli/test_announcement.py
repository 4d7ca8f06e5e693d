from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from vedette.app import DataDirectory, Plan, Ready, read_configuration
from vedette.cli.announcement import announce_demo, announce_up, program_name

URL = "http://localhost:8480/login?token=abc"


def ready(data: Path, *, is_first_start: bool = True, environment: Mapping[str, str] | None = None) -> Ready:
    plan = Plan(read_configuration(None, {}).configuration, DataDirectory(data), environment or {})
    return Ready(plan=plan, login_url=URL, id_scope="0neABC", is_first_start=is_first_start)


def test_up_tells_all_that_a_device_and_a_person_need(tmp_path: Path) -> None:
    told = "\n".join(announce_up(ready(tmp_path)))
    for fact in (URL, "localhost:8883", "0neABC", f"{tmp_path}/public/root.pem", "once", "Ctrl-C"):
        assert fact in told
    assert told.count("/login?token=") == 1


def test_a_first_start_leads_to_a_first_device_and_a_later_one_to_what_happened(tmp_path: Path) -> None:
    assert "enrollment create-group" in "\n".join(announce_up(ready(tmp_path)))
    later = "\n".join(announce_up(ready(tmp_path, is_first_start=False)))
    assert "enrollment create-group" not in later
    assert "refusal list" in later


def test_commands_can_be_copied_to_another_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["vedette"])
    monkeypatch.chdir(tmp_path)
    inside = "\n".join(announce_demo(ready(tmp_path / "my demo"), 5))
    assert "VEDETTE_DATA='./my demo' vedette device disable pump-2" in inside
    monkeypatch.chdir("/")
    assert f"VEDETTE_DATA='./{tmp_path.relative_to('/')}/my demo'" in "\n".join(
        announce_demo(ready(tmp_path / "my demo"), 5)
    )


def test_the_usual_data_directory_need_not_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["vedette"])
    environment = {"XDG_DATA_HOME": str(tmp_path)}
    told = "\n".join(announce_up(ready(tmp_path / "vedette", environment=environment)))
    assert "VEDETTE_DATA" not in told


def test_the_program_is_named_as_it_was_called(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", [".venv/bin/vedette"])
    assert program_name() == ".venv/bin/vedette"
    monkeypatch.setattr(sys, "argv", ["/some where/vedette/cli/__main__.py"])
    assert program_name().endswith(" -m vedette.cli")
    installed = tmp_path / "vedette"
    installed.write_text("#!/bin/sh\n")
    installed.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(installed)])
    assert program_name() == "vedette"


def test_up_tells_where_programs_and_websockets_go_if_they_may(tmp_path: Path) -> None:
    told = "\n".join(announce_up(ready(tmp_path)))
    assert "localhost:8443" in told
    assert "WebSocket" not in told
    environment = {"VEDETTE_SERVICE__PORT": "0", "VEDETTE_GATEWAY__WEBSOCKET_PORT": "9443"}
    plan = Plan(read_configuration(None, environment).configuration, DataDirectory(tmp_path), {})
    told = "\n".join(announce_up(Ready(plan=plan, login_url=URL, id_scope="0neABC", is_first_start=False)))
    assert "localhost:9443" in told
    assert "service API" not in told
