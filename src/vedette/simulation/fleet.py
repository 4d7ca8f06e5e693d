"""Many simulated devices, in a few processes: those of one kind share one."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from vedette.kernel import Deadline
from vedette.simulation.device import DeviceSettings
from vedette.simulation.process import write_devices

log = logging.getLogger(__name__)

_STOP_S: Final = 5.0
_RESTART_S: Final = 2.0


class Fleet:
    """Starts a process for each group of devices and starts it again when it dies.

    Args:
        groups: Who they are, by the name of the group.
        folder: Keeps the files that the processes read.
        report: Called with device, word of state and detail, for each line a device prints.
    """

    def __init__(
        self,
        groups: Mapping[str, Sequence[DeviceSettings]],
        folder: Path,
        report: Callable[[str, str, str], None],
    ) -> None:
        self._groups = groups
        self._folder = folder
        self._report = report

    async def run(self) -> None:
        """Run all devices until cancelled; every process has ended when this returns."""
        async with asyncio.TaskGroup() as group:
            for name, devices in self._groups.items():
                path = self._folder / f"{name}.json"
                write_devices(path, devices)
                group.create_task(self._keep_running(name, path), name=f"devices {name}")

    async def _keep_running(self, name: str, path: Path) -> None:
        while True:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "vedette.simulation.process", str(path)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
            try:
                await self._read(process)
            finally:
                await _stop(process)
            log.warning("simulated devices ended", extra={"group": name})
            await asyncio.sleep(_RESTART_S)

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        if process.stdout is None:
            return
        async for line in process.stdout:
            with contextlib.suppress(msgspec.DecodeError, KeyError):
                told = msgspec.json.decode(line, type=dict[str, str])
                self._report(told["device"], told["state"], told["detail"])


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with Deadline(_STOP_S):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
