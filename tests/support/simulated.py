"""A simulated device in a process of its own, as the demo runs them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from journey import Platform

from vedette.simulation import DeviceSettings, Endpoint
from vedette.simulation.process import write_devices


@contextmanager
def running_device(
    platform: Platform, registration_id: str, folder: Path, **settings: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a device that sends five times a second and goes on trying whatever happens to it."""
    endpoint = Endpoint(platform.address, 8883, platform.data / "public" / "root.pem")
    device = DeviceSettings(registration_id, folder, endpoint, platform.id_scope, **{"interval_s": 0.2, **settings})
    file = folder / f"{device.name.replace('/', '-')}.json"
    write_devices(file, [device])
    running = subprocess.Popen([sys.executable, "-m", "vedette.simulation.process", file], stdout=subprocess.DEVNULL)
    try:
        yield running
    finally:
        running.kill()
        running.wait()
