"""One simulated device in a process of its own: ``python -m vedette.simulation.process``.

Writes a line of JSON to standard output for each change of state, for whoever started it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from vedette.kernel import SystemClock, to_rfc3339
from vedette.simulation.connection import Endpoint
from vedette.simulation.device import DeviceSettings, SimulatedDevice

_PR_SET_PDEATHSIG: Final = 1


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one device until a signal ends it."""
    parser = argparse.ArgumentParser(prog="vedette.simulation.process", description="One simulated device.")
    parser.add_argument("--registration-id", required=True)
    parser.add_argument("--folder", type=Path, required=True, help="holds factory.pem and factory.key")
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, default=8883)
    parser.add_argument("--root", type=Path, required=True, help="the organization's root certificate, PEM")
    parser.add_argument("--id-scope", required=True)
    parser.add_argument("--interval-s", type=float, default=1.0)
    parser.add_argument("--measure", default="pressure")
    given = parser.parse_args(arguments)
    # Whoever started the fleet may be killed; no device outlives it.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    settings = DeviceSettings(
        registration_id=given.registration_id,
        folder=given.folder,
        endpoint=Endpoint(given.host, given.port, given.root),
        id_scope=given.id_scope,
        interval_s=given.interval_s,
        measure=given.measure,
    )
    with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
        asyncio.run(_run(settings))


async def _run(settings: DeviceSettings) -> None:
    clock = SystemClock()

    def report(state: str, detail: str) -> None:
        line = {
            "at": to_rfc3339(clock.now()),
            "device": settings.registration_id,
            "state": state,
            "detail": detail,
        }
        sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
        sys.stdout.flush()

    task = asyncio.current_task()
    if task is not None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    await SimulatedDevice(settings, clock, report).run()


if __name__ == "__main__":
    main()
