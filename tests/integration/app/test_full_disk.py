"""The disk is full: devices can still be cut off, and all goes on by itself once there is room."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from running_platform import RunningPlatform, wait_for

DISK = "size=128m"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", DISK, "tmpfs", str(folder)], check=False)
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    path = folder / "fill"
    with path.open("wb", buffering=0) as file:
        block = os.urandom(65_536)
        try:
            while file.write(block):
                pass
        except OSError:
            return path
    return path


def make(api: httpx.Client, number: int) -> int:
    pinned = {"type": "self_signed", "primary_thumbprint": f"{number:064x}"}
    return api.post("/v1/devices", json={"device_id": f"pump-{number}", "authentication": pinned}).status_code


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk takes root")
def test_a_full_disk_lets_devices_be_disabled_and_heals_by_itself(small_disk: Path, tmp_path: Path) -> None:
    platform = RunningPlatform(tmp_path)
    platform.data = small_disk / "data"
    try:
        platform.start()
        numbers = itertools.count(2)
        with platform.client() as api:
            assert make(api, 1) == 201
            full = fill(small_disk)
            wait_for(lambda: "the bus cannot write to its disk" in platform.log(), "the bus notices")
            os.kill(platform.processes()["gateway-1"]["pid"], signal.SIGKILL)
            wait_for(lambda: "process died and is started again child=gateway-1" in platform.log(), "it is started")
            wait_for(lambda: "state file not written" in platform.log(), "the parent lives on")
            wait_for(lambda: make(api, next(numbers)) == 507, "the database says that the disk is full")
            headers = {"Idempotency-Key": "cut-pump-1"}
            disabled = api.post("/v1/devices/pump-1/disable", json={"reason": "full"}, headers=headers)
            assert disabled.status_code == 200
            assert api.get("/v1/devices/pump-1").json()["is_enabled"] is False
            full.unlink()
            wait_for(lambda: "process died and is started again child=nats-server" in platform.log(), "the bus is")
            wait_for(lambda: make(api, next(numbers)) == 201, "devices are created again")
            wait_for(lambda: api.get("/v1/status").json()["health"] == "ok", "everything is back")
    finally:
        platform.stop()
