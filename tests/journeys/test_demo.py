"""A newcomer's first command: ``vedette demo`` shows devices that arrive by themselves, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
from journey import Platform, free_port, wait_until

ADDRESS = "127.0.19.1"


def test_the_demo_shows_its_url_with_devices_connected_and_ends_without_a_trace(tmp_path: Path) -> None:
    shown = tmp_path / "shown.txt"
    api_port = free_port()
    environment = {
        **os.environ,
        "VEDETTE_SERVER__HOSTNAME": ADDRESS,
        "VEDETTE_SERVER__BIND": ADDRESS,
        "VEDETTE_API__PORT": str(api_port),
        "VEDETTE_BUS__PORT": str(free_port()),
    }
    command = [sys.executable, "-m", "vedette.cli", "demo", "--data", str(tmp_path / "data")]
    with shown.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=environment, start_new_session=True)
    demo = Platform(ADDRESS, tmp_path)
    try:
        wait_until(lambda: "/login?token=" in shown.read_text() or process.poll() is not None, 60, "the URL")
        assert process.poll() is None, shown.read_text()
        url = next(word for word in shown.read_text().split() if "/login?token=" in word)
        with httpx.Client(follow_redirects=True, timeout=10) as browser:
            page = browser.get(url)
            assert page.status_code == 200
            assert "Devices (25)" in browser.get(str(page.url.join("/status"))).text
            assert browser.get(url).status_code == 401, "a one-time link works once"
        token = (demo.data / "secrets" / "operator.token").read_text().strip()
        demo.api = httpx.Client(
            base_url=f"http://127.0.0.1:{api_port}", headers={"Authorization": f"Bearer {token}"}, timeout=10
        )
        assert len(demo.call("GET", "/v1/devices")["items"]) == 25
        senders = {message["device_id"] for message in demo.call("GET", "/v1/telemetry?limit=1000")["items"]}
        assert len(senders) == 24
        (refusal,) = [each for each in demo.call("GET", "/v1/refusals")["items"] if each["device_id"] == "door-1"]
        assert refusal["reason"] == "certificate_expired"
        assert refusal["hint"]
        flagged = [device for device in demo.call("GET", "/v1/devices")["items"] if device["is_flagged"]]
        assert {device["device_id"] for device in flagged} >= {"hvac-1", "hvac-2"}
        modules = demo.call("GET", "/v1/devices/edge-1/modules")["items"]
        assert {module["module_id"] for module in modules} == {"camera", "counter"}
        wait_until(lambda: demo.call("GET", "/v1/clone-alerts")["items"], 40, "the copied key is noticed")
        (alert,) = demo.call("GET", "/v1/clone-alerts")["items"]
        assert alert["device_id"] == "pump-1"
        assert alert["is_same_certificate"]
        assert demo.call("POST", "/v1/devices/meter-1/methods/ping", {"payload": 1})["payload"]["echo"] == 1
        pids = list(demo.pids().values())
        assert len(pids) >= 5
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    assert process.returncode == 0
    end = time.monotonic() + 10
    while _left(tmp_path) and time.monotonic() < end:
        time.sleep(0.1)
    assert _left(tmp_path) == []


def _left(folder: Path) -> list[str]:
    """Processes that still mention the demo's folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(folder) in command:
            found.append(command)
    return found
