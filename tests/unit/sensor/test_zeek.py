from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import packets as build
import pytest

from vedette.sensor import Makers, Sensor, community_id

READ = bytes.fromhex("0001 0000 0006 01 03 0001 0002")
ANSWER = bytes.fromhex("0001 0000 0007 01 03 04 0005 0006")


def rows(path: Path) -> list[dict[str, Any]]:  # Any: JSON
    return [json.loads(line) for line in path.read_text().splitlines()]


def logs(tmp_path: Path, *frames: bytes) -> Path:
    sensor = Sensor(zeek=tmp_path / "logs", makers=Makers(Path("/dev/null")))
    sensor.read(build.packets(frames))
    sensor.finish()
    return tmp_path / "logs"


def test_conn_log_has_zeeks_fields(tmp_path: Path) -> None:
    folder = logs(tmp_path, *build.Talk(502, vlans=(7,)).open().say(READ).answer(ANSWER).close().frames)
    (row,) = rows(folder / "conn.log")
    assert row["id.orig_h"] == "10.0.0.1"
    assert row["id.resp_p"] == 502
    assert (row["proto"], row["service"], row["conn_state"]) == ("tcp", "modbus", "SF")
    assert (row["orig_bytes"], row["resp_bytes"], row["orig_pkts"], row["resp_pkts"]) == (12, 13, 4, 3)
    assert (row["orig_ip_bytes"], row["resp_ip_bytes"]) == (172, 133)
    assert row["vlan"] == 7
    assert row["community_id"].startswith("1:")
    (detailed,) = rows(folder / "modbus_detailed.log")
    assert (detailed["uid"], detailed["matched"]) == (row["uid"], True)
    assert detailed["response_values"] == [5, 6]
    assert len(rows(folder / "modbus.log")) == 2


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        ([("c", build.SYN)], "S0"),
        ([("c", build.SYN), ("s", build.RST | build.ACK)], "REJ"),
        ([("c", build.SYN), ("s", build.SYN | build.ACK), ("c", build.ACK)], "S1"),
        ([("c", build.SYN), ("s", build.SYN | build.ACK), ("c", build.RST)], "RSTO"),
        ([("c", build.SYN), ("s", build.SYN | build.ACK), ("s", build.RST)], "RSTR"),
        ([("c", build.SYN), ("s", build.SYN | build.ACK), ("c", build.FIN)], "S2"),
        ([("c", build.SYN), ("c", build.FIN)], "SH"),
        ([("c", build.ACK)], "OTH"),
    ],
)
def test_states_of_connections_are_zeeks(tmp_path: Path, steps: list[tuple[str, int]], state: str) -> None:
    talk = build.Talk(502)
    for side, flags in steps:
        talk._add(b"", flags, is_from_client=side == "c")
    assert rows(logs(tmp_path, *talk.frames) / "conn.log")[0]["conn_state"] == state


def test_what_breaks_rules_is_weird_and_the_rest_has_a_log_too(tmp_path: Path) -> None:
    bad = bytes.fromhex("0001 0000 0006 01 03 0001 0000")
    folder = logs(tmp_path, *build.Talk(502).open().say(bad).frames)
    assert rows(folder / "weird.log")[0]["name"] == "modbus_illegal_value"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((6, "128.232.110.120", "66.35.250.204", 34855, 80), "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
        ((6, "66.35.250.204", "128.232.110.120", 80, 34855), "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
        ((17, "192.168.1.52", "8.8.8.8", 54585, 53), "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
        ((1, "192.168.0.89", "192.168.0.1", 8, 0), "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
    ],
)
def test_community_ids_are_those_of_the_specification(arguments: tuple[int, str, str, int, int], expected: str) -> None:
    assert community_id(*arguments) == expected
