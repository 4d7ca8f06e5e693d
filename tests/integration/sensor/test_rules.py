"""Alerts as people and programs see them, with the operator's own file of rules."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import packets as build
import pytest
from industrial import POLL, S7_SETUP, S7_SETUP_DONE, S7_STOP, modbus, tcp


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    frames = tcp(102, S7_SETUP, (S7_SETUP_DONE,), S7_STOP) + tcp(502, *POLL, modbus("06 0001 0007"), client="10.0.0.7")
    path = tmp_path / "attack.pcap"
    path.write_bytes(build.pcap(frame for _, frame in frames))
    return path


def read(capture: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vedette.cli", "sensor", "read", str(capture), *arguments],
        capture_output=True, text=True, timeout=180, check=False, env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip


def test_alerts_are_in_the_report_the_document_and_the_notices(capture: Path, tmp_path: Path) -> None:
    shown = read(capture, "--zeek", str(tmp_path / "logs"))
    assert shown.returncode == 0, shown.stderr
    assert "10.0.0.1 told 10.0.0.2 to stop: s7comm plc_stop" in shown.stdout
    (notice,) = [json.loads(line) for line in (tmp_path / "logs" / "notice.log").read_text().splitlines()]
    assert (notice["note"], notice["src"], notice["dst"], notice["technique"], notice["n"]) == (
        "ot.controller_stop", "10.0.0.1", "10.0.0.2", "T0858", 1,
    )  # fmt: skip
    (alert,) = json.loads(read(capture, "--output", "json").stdout)["alerts"]
    assert (alert["rule"], alert["severity"], alert["times"]) == ("ot.controller_stop", "critical", 1)


def test_a_file_of_rules_changes_what_is_raised(capture: Path, tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(
        'indicators = ["bad.txt"]\n[rules."ot.controller_stop"]\nis_on = false\n'
        '[[own]]\nname = "nobody writes"\nkind = "write"\n'
    )
    (tmp_path / "bad.txt").write_text("10.0.0.7\n")
    found = json.loads(read(capture, "--output", "json", "--rules", str(path)).stdout)["alerts"]
    assert {alert["rule"] for alert in found} == {"own.rule", "indicator.address"}


def test_a_file_that_is_not_understood_is_a_problem_and_no_traceback(capture: Path, tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text("[rules.x]\n")
    shown = read(capture, "--rules", str(path))
    assert shown.returncode == 1
    assert "no rule 'x'" in shown.stderr
    assert "Traceback" not in shown.stderr
