"""The sensor on an interface: enrolled with a platform and sending to it, while packets come at a steady rate.

A pair of virtual interfaces is made, one end in a network namespace of its own, where a process of its own sends.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.sensor import endless
from bench.vedette_platform import HOST, Platform, running
from cryptography import x509
from cryptography.hazmat.primitives import hashes

NAME = "bench-sensor"
BURST = 50
"""Packets sent at once; then the sender waits for their time."""
SETTLE_S = 5.0


def send(interface: str, rate: int, seconds: float) -> None:
    """Send at a steady rate, in this process; print how many were sent and how long it took."""
    frames = endless()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((interface, 0))
        began, sent, wanted = time.perf_counter(), 0, int(rate * seconds)
        while sent < wanted:
            for _ in range(BURST):
                raw.send(next(frames))
            sent += BURST
            # What could not be sent in time is not made up for in a burst: the rate is a ceiling.
            if (early := began + sent / rate - time.perf_counter()) > 0:
                time.sleep(early)
        print(json.dumps([sent, time.perf_counter() - began]))


@contextmanager
def interfaces() -> Iterator[tuple[str, str, str]]:
    """Make a namespace and a pair of interfaces; yield the namespace, the interface in it, and ours."""
    number = os.getpid()
    space, there, here = f"vedette-bench-{number}", f"vbt{number}", f"vbh{number}"
    _ip("netns", "add", space)
    try:
        _ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", space)
        _ip("-n", space, "link", "set", there, "addrgenmode", "none", "up")
        _ip("link", "set", here, "addrgenmode", "none", "up")
        yield space, there, here
    finally:
        _ip("netns", "del", space)


def listen(*, seconds: float, rate: int) -> str:
    """Listen while a process sends; return what came of it as Markdown."""
    with tempfile.TemporaryDirectory() as name, running(Path(name)) as platform, interfaces() as (space, there, here):
        config = _enroll(platform, Path(name))
        command = [sys.executable, "-m", "vedette.sensor", "run", "-i", here, "--config", str(config)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as sensor:
            try:
                _wait_heard(platform)
                sender = [sys.executable, "-m", "bench.sensor_live", there, str(rate), str(seconds)]
                inside = ["ip", "netns", "exec", space, *sender]
                sent, took = json.loads(subprocess.run(inside, check=True, stdout=subprocess.PIPE).stdout)
                time.sleep(SETTLE_S)
            finally:
                sensor.terminate()
                _, _, usage = os.wait4(sensor.pid, 0)
                sensor.returncode = 0
        shown = platform.call("GET", f"/v1/sensors/{NAME}")
        links = platform.call("GET", "/v1/network-links?limit=1000")["items"]
    return _tell(sent, took, shown, links, usage)


def _tell(
    sent: int, took: float, shown: dict[str, Any], links: list[dict[str, Any]], usage: resource.struct_rusage
) -> str:
    report = shown["report"]
    lines = [
        "| listening, and sending to a platform | figure |",
        "|---|---|",
        f"| sent | {sent:,} packets in {took:.1f} s = {sent / took:,.0f}/s |",
        f"| read | {report['packets']:,}; dropped by the kernel: {report['dropped']:,} |",
        f"| CPU of the sensor | {(usage.ru_utime + usage.ru_stime) / took:.0%} of a core |",
        f"| memory of the sensor | {usage.ru_maxrss / 1024:.0f} MB |",
        f"| batches taken by the platform | {shown['batches']}; lost: {shown['lost']}, refused: {shown['refused']} |",
        f"| links on the platform | {len(links)}, with {sum(each['packets'] for each in links):,} packets |",
    ]
    return "\n".join(lines)


def _enroll(platform: Platform, folder: Path) -> Path:
    """Let a sensor in as a person does; return the path of its settings."""
    config = folder / "sensor.toml"
    anchor = folder / "data" / "public" / "trust-anchor.json"
    where = ["--anchor", str(anchor), "--host", HOST, "--port", str(platform.ports["gateway"])]
    _sensor("enroll", NAME, "--config", str(config), *where)
    certificate = x509.load_pem_x509_certificate((folder / "sensor" / "onboarding-certificate.pem").read_bytes())
    digest = certificate.fingerprint(hashes.SHA256()).hex()
    body = {"name": NAME, "kind": "individual", "registration_id": NAME, "primary_sha256": digest}
    platform.call("POST", "/v1/enrollments", json=body)
    _sensor("enroll", "--config", str(config))
    platform.call("POST", "/v1/sensors", json={"device_id": NAME, "site": "bench"})
    return config


def _wait_heard(platform: Platform) -> None:
    end = time.monotonic() + 60
    while not platform.call("GET", f"/v1/sensors/{NAME}")["batches"]:
        if time.monotonic() > end:
            raise SystemExit("the sensor is not heard after 60 s")
        time.sleep(0.2)


def _sensor(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "vedette.sensor", *arguments], check=False, capture_output=True)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


def main() -> None:
    """Send, in the namespace."""
    parser = argparse.ArgumentParser(description="Send small industrial packets on an interface.")
    parser.add_argument("interface")
    parser.add_argument("rate", type=int)
    parser.add_argument("seconds", type=float)
    chosen = parser.parse_args()
    send(chosen.interface, chosen.rate, chosen.seconds)


if __name__ == "__main__":
    main()
