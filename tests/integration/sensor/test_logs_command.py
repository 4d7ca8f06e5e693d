"""``vedette sensor read-logs`` as people and programs start it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import packets as build
import pytest

ASK = bytes.fromhex("0001 0000 0006 01 03 0001 0002")
ANSWER = bytes.fromhex("0001 0000 0007 01 03 04 0005 0006")

# What the extra `server` brings is not there.
BARE = """
import sys
for name in ("typer", "rich", "sqlalchemy", "fastapi", "uvicorn", "httpx", "click"):
    sys.modules[name] = None
from vedette.cli import main
sys.exit(main(sys.argv[1:]))
"""


def start(*arguments: str, is_bare: bool = False) -> list[str]:
    return [sys.executable, *(["-c", BARE] if is_bare else ["-m", "vedette.cli"]), "sensor", *arguments]


def vedette(*arguments: str, is_bare: bool = False) -> subprocess.CompletedProcess[str]:
    return subprocess.run(start(*arguments, is_bare=is_bare), capture_output=True, text=True, timeout=180, check=False)


@pytest.mark.parametrize("is_bare", [False, True], ids=["server", "bare"])
def test_what_was_written_as_logs_is_reported_as_from_packets(tmp_path: Path, *, is_bare: bool) -> None:
    capture, logs = tmp_path / "plant.pcap", tmp_path / "logs"
    capture.write_bytes(build.pcap(build.Talk(502).open().say(ASK).answer(ANSWER).close().frames))
    first = json.loads(vedette("read", str(capture), "--zeek", str(logs), "--output", "json", is_bare=is_bare).stdout)
    shown = vedette("read-logs", str(logs), "--output", "json", is_bare=is_bare)
    assert shown.returncode == 0, shown.stderr
    again = json.loads(shown.stdout)
    for part in ("protocols", "operations", "external_connections", "anomalies"):
        assert again[part] == first[part]
    assert [asset["ip_addresses"] for asset in again["assets"]] == [asset["ip_addresses"] for asset in first["assets"]]


def test_a_growing_log_is_followed_and_its_alerts_told_until_interrupted(tmp_path: Path) -> None:
    path = tmp_path / "eve.json"
    ends = {"flow_id": 1, "src_ip": "10.0.0.1", "src_port": 4, "dest_ip": "10.0.0.2", "dest_port": 53, "proto": "UDP"}
    query = {"event_type": "dns", "dns": {"type": "query", "rrname": "a.example", "rrtype": "A", "id": 1}}
    alert = {"event_type": "alert", "alert": {"signature_id": 7, "signature": "Somebody else saw it", "severity": 1}}
    at = {"timestamp": "2023-11-14T22:13:20.500000+0000"}
    path.write_text(json.dumps({**at, **ends, **query}) + "\n")
    command = start("read-logs", str(path), "--follow", "--output", "json")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        with path.open("a") as file:
            file.write(json.dumps({**at, **ends, **alert}) + "\n")
        assert process.stderr is not None
        assert "Somebody else saw it" in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        told, complaint = process.communicate(timeout=180)
    assert process.returncode == 0, complaint
    document = json.loads(told)
    assert document["operations"][0]["service"] == "query"
    assert document["alerts"][-1]["rule"] == "suricata.1:7"


def test_what_is_no_log_is_a_problem_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "conn.log").write_text("#separator \\x09\n")
    shown = vedette("read-logs", str(tmp_path))
    assert shown.returncode == 1
    assert "JSON" in shown.stderr
    assert "Traceback" not in shown.stderr
