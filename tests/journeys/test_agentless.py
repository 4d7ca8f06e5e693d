"""A plant without agents: a sensor's process reads what was captured, control is killed meanwhile, nothing is lost."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import packets as build
from journey import Platform, wait_until

STATIONS = 60
POLLS = 20
CAPTURES = 2
READ = bytes.fromhex("0001 0000 0006 01 03 0001 0002")
ANSWER = bytes.fromhex("0001 0000 0007 01 03 04 0005 0006")
NAME = "sensor-north"


def plant(number: int) -> bytes:
    """Return a capture: one master polls many stations."""
    frames = []
    for station in range(1, STATIONS + 1):
        talk = build.Talk(
            502,
            client="10.0.0.1",
            server=f"10.0.1.{station}",
            client_port=20_000 + 200 * number + station,
            client_mac="00:1b:1b:00:00:01",
            server_mac=f"00:1c:06:00:01:{station:02x}",
        ).open()
        for _ in range(POLLS):
            talk.say(READ).answer(ANSWER)
        frames += talk.close().frames
    return build.pcap(frames)


def sensor(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vedette.sensor", *arguments], capture_output=True, text=True, timeout=300, check=False
    )


def enroll(platform: Platform, folder: Path) -> Path:
    """Let a sensor in as a person does; return the path of its settings."""
    config = folder / "sensor.toml"
    anchor = platform.data / "public" / "trust-anchor.json"
    facts = ("--anchor", str(anchor), "--host", platform.address, "--port", "8883")
    assert "create-individual" in sensor("enroll", NAME, "--config", str(config), *facts).stderr
    certificate = folder / "sensor" / "onboarding-certificate.pem"
    platform.cli("enrollment", "create-individual", NAME, "--certificate", str(certificate))
    done = sensor("enroll", "--config", str(config))
    assert done.returncode == 0, done.stderr
    return config


def heard(platform: Platform) -> int:
    """Return how many batches were taken of the sensor."""
    with contextlib.suppress(httpx.HTTPError):
        answer = platform.api.get(f"/v1/sensors/{NAME}")
        return int(answer.json()["batches"]) if answer.is_success else 0
    return 0


def flows(platform: Platform) -> list[int]:
    with contextlib.suppress(httpx.HTTPError):
        answer = platform.api.get("/v1/network-links", params={"protocol": "modbus", "limit": 1000})
        return [each["flows"] for each in answer.json()["items"]] if answer.is_success else []
    return []


def listed(platform: Platform, *command: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(platform.cli(*command, "--all", "--output", "json").stdout)["items"]
    return found


def kill_control(platform: Platform) -> None:
    with contextlib.suppress(ProcessLookupError, KeyError):
        os.kill(platform.pids()["control"], signal.SIGKILL)


def test_what_a_sensor_saw_stands_in_the_inventory_whatever_is_killed(platform: Platform, tmp_path: Path) -> None:
    config = enroll(platform, tmp_path)
    platform.cli("sensor", "register", NAME, "--site", "north", "--note", "mirror port of the press hall")
    for number in range(CAPTURES):
        capture = tmp_path / f"plant-{number}.pcap"
        capture.write_bytes(plant(number))
        before = heard(platform)
        command = [sys.executable, "-m", "vedette.sensor", "read", str(capture), "--send-as", str(config)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as reading:
            wait_until(lambda: reading.poll() is not None or heard(platform) > before, 180, "its first batch")  # noqa: B023 - called at once
            kill_control(platform)
            _, complaint = reading.communicate(timeout=400)
            assert reading.returncode == 0, complaint
        wait_until(platform.answers, 240, "the API")
    wait_until(lambda: flows(platform) == [CAPTURES] * STATIONS, 240, "all captures")
    found = listed(platform, "link", "list", "--site", "north", "--protocol", "modbus")
    assert [each["flows"] for each in found] == [CAPTURES] * STATIONS
    assert {each["packets"] for each in found} == {CAPTURES * (5 + 2 * POLLS)}
    assets = listed(platform, "asset", "list", "--site", "north", "--unmanaged")
    assert len({each["ips"][0] for each in assets}) == len(assets) == STATIONS + 1
    assert {each["state"] for each in assets} == {"new"}
    (operation,) = {each["service"] for each in listed(platform, "link", "operations", "--site", "north")}
    assert operation == "read_holding_registers"
    shown = json.loads(platform.cli("sensor", "show", NAME, "--output", "json").stdout)
    assert (shown["refused"], shown["lost"]) == (0, 0)
