"""From the command line: learn from one capture, tell what is new in the next, allow it."""

from __future__ import annotations

import json
from pathlib import Path

import packets as build
import pytest

from vedette.cli.program import run as run_vedette
from vedette.sensor import main

POLL = bytes.fromhex("000100000006010300640002")
ANSWER = bytes.fromhex("000100000007010304000a000b")
WRITE = bytes.fromhex("000200000006010600070001")


def capture(path: Path, *clients: str, is_writing: bool = False) -> Path:
    frames: list[bytes] = []
    for number, client in enumerate(clients):
        talk = build.Talk(502, client=client, server="10.0.10.1", client_port=40_000 + number).open()
        talk.say(POLL).answer(ANSWER).say(POLL).answer(ANSWER)
        if is_writing:
            talk.say(WRITE).answer(WRITE)
        frames += talk.close().frames
    path.write_bytes(build.pcap(frames))
    return path


def alerts_of(capsys: pytest.CaptureFixture[str]) -> list[str]:
    found = json.loads(capsys.readouterr().out)["alerts"]
    return [each["rule"] for each in found if each["rule"].startswith("baseline.")]


def test_what_one_capture_taught_the_next_is_judged_by(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = str(tmp_path / "state")
    monday = capture(tmp_path / "monday.pcap", "10.0.0.1")
    tuesday = capture(tmp_path / "tuesday.pcap", "10.0.0.1", "10.0.0.66")
    judged = ["--baseline", state, "--enforce", "--output", "json"]
    assert main(["read", str(monday), "--baseline", state, "--output", "json"]) == 0
    assert alerts_of(capsys) == []
    assert main(["read", str(monday), *judged]) == 0
    assert alerts_of(capsys) == []
    assert main(["read", str(tuesday), *judged]) == 0
    assert alerts_of(capsys) == ["baseline.new_master"]
    assert run_vedette(["sensor", "baseline", "learn", state, "link|10.0.10.1|10.0.0.66"]) == 0
    assert run_vedette(["sensor", "baseline", "show", state, "--class", "link"]) == 0
    assert "10.0.0.1" in capsys.readouterr().out
    assert run_vedette(["sensor", "read", str(tuesday), *judged]) == 0
    assert "baseline.new_master" not in alerts_of(capsys)


def test_options_that_make_no_sense_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    monday = str(capture(tmp_path / "monday.pcap", "10.0.0.1"))
    assert main(["read", monday, "--enforce"]) == 1
    assert main(["read", monday, "--learn-for", "0"]) == 1
    (tmp_path / "damaged").write_bytes(b"damaged")
    assert main(["read", monday, "--baseline", str(tmp_path / "damaged")]) == 1
    assert main(["baseline", "show", str(tmp_path / "nothing")]) == 1
    assert "baseline" in capsys.readouterr().err
