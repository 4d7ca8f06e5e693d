"""What tshark makes of the flows that the sensor is not sure of: a real tshark, one pipe."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import packets as build
import pytest

tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
READ = bytes.fromhex("0001 0000 0006 01 03 0001 0002")
ANSWER = bytes.fromhex("0001 0000 0007 01 03 04 0005 0006")
# RADIUS: an Access-Request without attributes; the sensor does not read it.
RADIUS = struct.pack(">BBH", 1, 7, 20) + bytes(16)


def ask(path: Path, *options: str, path_variable: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vedette.sensor", "second-opinion", str(path), *options]
    env = None if path_variable is None else {"PATH": path_variable}
    return subprocess.run(command, capture_output=True, text=True, timeout=180, check=False, env=env)


def flows(path: Path) -> dict[int, dict[str, Any]]:
    done = ask(path, "--output", "json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["program"].startswith("TShark")
    return {each["server_port"]: each for each in document["flows"]}


def written(folder: Path, frames: list[bytes], *, is_ng: bool = False) -> Path:
    path = folder / "plant.pcap"
    path.write_bytes(build.pcapng(frames) if is_ng else build.pcap(frames))
    return path


@tshark
@pytest.mark.parametrize("is_ng", [False, True], ids=["pcap", "pcapng"])
def test_only_flows_that_stay_unsure_are_asked_about_and_named(tmp_path: Path, *, is_ng: bool) -> None:
    known = build.Talk(502, client="10.0.0.1", server="10.0.1.1").open().say(READ).answer(ANSWER).close()
    odd = build.Talk(9_999, client="10.0.0.1", server="10.0.1.2").open().say(b"\x01nobody knows").close()
    radius = [build.datagram(RADIUS, 1812, source="10.0.0.3", target="10.0.1.3")] * 2
    found = flows(written(tmp_path, [*known.frames, *radius, *odd.frames], is_ng=is_ng))
    assert set(found) == {1812, 9_999}
    assert (found[1812]["second_opinion"], found[1812]["names"]) == ("radius", {"radius": 2})
    assert (found[9_999]["second_opinion"], found[9_999]["certainty"]) == ("", "unknown")


@tshark
def test_hostile_packets_end_nothing_and_people_get_a_table(tmp_path: Path) -> None:
    flood = [
        build.datagram(bytes((number % 256,)) * (number % 90), 1812, source="10.0.0.3", target="10.0.1.3")
        for number in range(500)
    ]
    done = ask(written(tmp_path, flood))
    assert done.returncode == 0, done.stderr
    assert "Flows that the sensor is not sure of" in done.stdout


def test_without_tshark_it_is_said_what_is_missing(tmp_path: Path) -> None:
    done = ask(written(tmp_path, []), path_variable=str(tmp_path))
    assert done.returncode == 1
    assert "tshark is not installed" in done.stderr
    assert "apt install tshark" in done.stderr
