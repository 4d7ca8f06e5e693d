"""Several simulated devices, each in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Callable
from typing import Final

import msgspec

from vedette.simulation.device import DeviceSettings

log = logging.getLogger(__name__)

_STOP_S: Final = 5.0
_RESTART_S: Final = 2.0


class Fleet:
    """Starts a process for each device and starts it again when it dies.

    Args:
        devices: Who they are.
        report: Called with device id, word of state and detail, for each line a device prints.
    """

    def __init__(self, devices: list[DeviceSettings], report: Callable[[str, str, str], None]) -> None:
        self._devices = devices
        self._report = report

    async def run(self) -> None:
        """Run all devices until cancelled; every process has ended when this returns."""
        async with asyncio.TaskGroup() as group:
            for device in self._devices:
                group.create_task(self._keep_running(device), name=f"device {device.registration_id}")

    async def _keep_running(self, device: DeviceSettings) -> None:
        while True:
            process = await asyncio.create_subprocess_exec(
                *_command(device),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
            try:
                await self._read(device, process)
            finally:
                await _stop(process)
            log.warning("simulated device ended", extra={"device": device.registration_id})
            await asyncio.sleep(_RESTART_S)

    async def _read(self, device: DeviceSettings, process: asyncio.subprocess.Process) -> None:
        if process.stdout is None:
            return
        async for line in process.stdout:
            with contextlib.suppress(msgspec.DecodeError, KeyError):
                told = msgspec.json.decode(line, type=dict[str, str])
                self._report(device.registration_id, told["state"], told["detail"])


def _command(device: DeviceSettings) -> list[str]:
    endpoint = device.endpoint
    return [
        sys.executable,
        "-m",
        "vedette.simulation.process",
        f"--registration-id={device.registration_id}",
        f"--folder={device.folder}",
        f"--host={endpoint.host}",
        f"--port={endpoint.port}",
        f"--root={endpoint.root}",
        f"--id-scope={device.id_scope}",
        f"--interval-s={device.interval_s}",
        f"--measure={device.measure}",
    ]


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_STOP_S):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
