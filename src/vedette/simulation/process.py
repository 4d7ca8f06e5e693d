"""Simulated devices in a process of their own: ``python -m vedette.simulation.process FILE``.

The file holds a JSON array of ``DeviceSettings``. A line of JSON goes to standard output for each change of state, for
whoever started it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from vedette.kernel import SystemClock, to_rfc3339
from vedette.simulation.device import DeviceSettings, SimulatedDevice

_PR_SET_PDEATHSIG: Final = 1


def main(arguments: Sequence[str] | None = None) -> None:
    """Run devices until a signal ends them."""
    parser = argparse.ArgumentParser(prog="vedette.simulation.process", description="Simulated devices.")
    parser.add_argument("devices", type=Path, help="JSON array of device settings, as write_devices makes it")
    given = parser.parse_args(arguments)
    # Whoever started the fleet may be killed; no device outlives it.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    devices = read_devices(given.devices)
    with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
        asyncio.run(_run(devices))


def write_devices(path: Path, devices: Sequence[DeviceSettings]) -> None:
    """Write the file that a process of devices is started with."""
    path.write_bytes(msgspec.json.encode(devices, enc_hook=str))


def read_devices(path: Path) -> list[DeviceSettings]:
    """Read what ``write_devices`` has written."""
    return msgspec.json.decode(path.read_bytes(), type=list[DeviceSettings], dec_hook=_to_path)


def _to_path(kind: type, value: Any) -> Path:  # Any: msgspec's own
    if kind is not Path:
        raise NotImplementedError(f"no such type in device settings: {kind.__name__}")
    return Path(value)


async def _run(devices: Sequence[DeviceSettings]) -> None:
    clock = SystemClock()
    task = asyncio.current_task()
    if task is not None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)

    def reporter(device: str) -> Callable[[str, str], None]:
        def report(state: str, detail: str) -> None:
            line = {"at": to_rfc3339(clock.now()), "device": device, "state": state, "detail": detail}
            sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
            sys.stdout.flush()

        return report

    async with asyncio.TaskGroup() as group:
        for each in devices:
            device = SimulatedDevice(each, clock, reporter(each.label or each.name))
            group.create_task(device.run(), name=f"device {each.name}")


if __name__ == "__main__":
    main()
