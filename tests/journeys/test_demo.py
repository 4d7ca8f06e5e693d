"""A newcomer's first command: ``vedette demo`` shows devices that arrive by themselves, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from journey import Platform, free_port, wait_until

ADDRESS = "127.0.19.1"
STORY_S = 600
STATION = "edge-2"
ARRIVED_S = 180.0
# One second is promised, and measured by the benchmarks on a machine that does nothing else.
SEEN_WITHIN_S = 60.0


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
        wait_until(lambda: "/login?token=" in shown.read_text() or process.poll() is not None, 300, "the URL")
        assert process.poll() is None, shown.read_text()
        url = next(word for word in shown.read_text().split() if "/login?token=" in word)
        with httpx.Client(follow_redirects=True, timeout=60) as browser:
            page = browser.get(url)
            assert page.status_code == 200
            status = str(page.url.join("/status"))
            wait_until(lambda: "Devices (26)" in browser.get(status).text, ARRIVED_S, "all devices on the page")
            assert browser.get(url).status_code == 401, "a one-time link works once"
        token = (demo.data / "secrets" / "operator.token").read_text().strip()
        demo.api = httpx.Client(
            base_url=f"http://127.0.0.1:{api_port}", headers={"Authorization": f"Bearer {token}"}, timeout=60
        )
        assert len(demo.call("GET", "/v1/devices")["items"]) == 26, "with the plant's sensor"
        # The URL is shown after half a minute even if a device has not come by then.
        wait_until(lambda: len(senders(demo) - {"sensor-1"}) == 24, ARRIVED_S, "messages of each")
        wait_until(lambda: refused(demo), ARRIVED_S, "the refusal")
        refusal = refused(demo)[0]
        assert refusal["reason"] == "certificate_expired"
        assert refusal["hint"]
        flagged = [device for device in demo.call("GET", "/v1/devices")["items"] if device["is_flagged"]]
        assert {device["device_id"] for device in flagged} >= {"hvac-1", "hvac-2"}
        modules = demo.call("GET", "/v1/devices/edge-1/modules")["items"]
        assert {module["module_id"] for module in modules} == {"camera", "counter"}
        wait_until(lambda: demo.call("GET", "/v1/clone-alerts")["items"], 180, "the copied key is noticed")
        (alert,) = demo.call("GET", "/v1/clone-alerts")["items"]
        assert alert["device_id"] == "pump-1"
        assert alert["is_same_certificate"]
        assert demo.call("POST", "/v1/devices/meter-1/methods/ping", {"payload": 1})["payload"]["echo"] == 1
        wait_until(lambda: "that was the story" in shown.read_text(), STORY_S, "the plant's story")
        check_the_plant(demo, shown.read_text())
        pids = list(demo.pids().values())
        assert len(pids) >= 5
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(120)
    assert process.returncode == 0
    end = time.monotonic() + 120
    while _left(tmp_path) and time.monotonic() < end:
        time.sleep(0.1)
    assert _left(tmp_path) == []


def senders(demo: Platform) -> set[str]:
    return {message["device_id"] for message in demo.call("GET", "/v1/telemetry?limit=1000")["items"]}


def refused(demo: Platform) -> list[dict[str, Any]]:
    """Return why the door was refused, once for each time that it has tried."""
    return [each for each in demo.call("GET", "/v1/refusals")["items"] if each["device_id"] == "door-1"]


def check_the_plant(demo: Platform, shown: str) -> None:
    """A sensor learned a quiet day; a takeover was noticed, narrowed the device behind it, and is cut by a person."""
    assert re.search(r"its day is learned.*: 18 assets, 0 alerts", shown), shown
    assets = {each["ips"][0]: each for each in demo.call("GET", "/v1/assets?site=north&limit=100")["items"]}
    assert {"controller", "drive", "engineering_station", "building_controller"} <= {
        each["role"] for each in assets.values()
    }
    oven, press = assets["10.20.1.11"], assets["10.20.1.12"]
    assert (oven["vendor"], oven["product_code"], oven["firmware"]) == ("Kestrel Automation", "KA-310", "2.4.1")
    assert (press["vendor"], press["name"], press["level"]) == ("Siemens", "press-plc", "1")
    (about,) = demo.call("GET", "/v1/vulnerabilities")["items"]
    assert (about["asset_id"], about["certainty"]) == (oven["asset_id"], "proven")
    alerts = {each["rule"]: each for each in demo.call("GET", "/v1/alerts?limit=100")["items"]}
    techniques = {rule: alerts[rule]["technique"] for rule in ("ot.program_upload", "ot.controller_stop", "remote.rdp")}
    assert techniques == {"ot.program_upload": "T0845", "ot.controller_stop": "T0858", "remote.rdp": "T0886"}
    stop = alerts["ot.controller_stop"]
    assert (stop["source"]["device_id"], stop["severity"]) == (STATION, "critical")
    assert stop["slice_bytes"] > 0, "its packets are kept"
    for rule in ("ot.program_upload", "ot.controller_stop"):
        took = _time(alerts[rule]["received_at"]) - _time(alerts[rule]["first_at"])
        assert took.total_seconds() <= SEEN_WITHIN_S, f"{rule}: from the packet to the alert"
    narrowed = re.search(rf"{STATION} is in its limited zone ([0-9.]+) s after the packet", shown)
    assert narrowed is not None, shown
    (cut,) = [each for each in stop["suggestions"] if each["mode"] == "cut"]
    assert cut["device_id"] == STATION
    assert demo.call("GET", "/v1/quarantines")["items"] == [], "nothing was cut by itself"
    offered = next(line for line in shown.splitlines() if f"quarantine put {STATION} --mode cut" in line)
    assert "--reason" in offered
    demo.call(cut["method"], cut["path"], {"mode": "cut", "reason": "taken over"})
    presence = f"/v1/devices/{STATION}"
    wait_until(lambda: not demo.call("GET", presence)["presence"]["is_connected"], 90, "it is cut off")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


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
