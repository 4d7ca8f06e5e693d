"""``python -m vedette.simulation``: the demo's fleet beside a platform that runs; ``vedette demo`` starts both."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from vedette.kernel import SystemClock, escape_terminal
from vedette.simulation.connection import Endpoint
from vedette.simulation.demo import DEVICES_USUAL, DemoSettings, run_demo
from vedette.simulation.operator import DemoFailed, Operator
from vedette.simulation.story import Story

ARRIVAL_S: Final = 30.0
_PR_SET_PDEATHSIG: Final = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo's fleet until a signal ends it; return the exit code."""
    parser = argparse.ArgumentParser(prog="vedette.simulation", description="The demo's simulated fleet.")
    parser.add_argument("--api-host", default="127.0.0.1")
    parser.add_argument("--api-port", type=int, default=8480)
    parser.add_argument("--token-file", type=Path, required=True, help="the operator's token")
    parser.add_argument("--host", default="localhost", help="of the devices' door; its certificate names it")
    parser.add_argument("--port", type=int, default=8883)
    parser.add_argument("--root", type=Path, required=True, help="the organization's root certificate, PEM")
    parser.add_argument("--id-scope", required=True)
    parser.add_argument("--folder", type=Path, required=True, help="keeps the devices' keys from run to run")
    parser.add_argument("--devices", type=int, default=DEVICES_USUAL, help="how many")
    parser.add_argument("--ready", type=int, help="descriptor to announce on that all devices are connected")
    given = parser.parse_args(arguments)
    # Whoever started the fleet may be killed; no device outlives it.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    settings = DemoSettings(
        operator=Operator(given.api_host, given.api_port, given.token_file.read_text(encoding="utf-8").strip()),
        endpoint=Endpoint(given.host, given.port, given.root),
        id_scope=given.id_scope,
        folder=given.folder,
        devices=max(given.devices, 1),
    )
    story = Story(settings.arrivals, _tell, lambda: _announce(given.ready), clock=SystemClock())
    try:
        with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
            asyncio.run(_run(settings, story))
    except DemoFailed as failed:
        sys.stderr.write(f"the demo cannot go on: {failed}\n")
        return 1
    return 0


def _tell(line: str) -> None:
    sys.stdout.write(escape_terminal(line) + "\n")
    sys.stdout.flush()


def _announce(descriptor: int | None) -> None:
    """Tell whoever started the fleet that it is complete; what is written is the announcement of ``vedette.app``."""
    if descriptor is None:
        return
    with contextlib.suppress(OSError):
        os.write(descriptor, b'{"is_ready":true}\n')
    os.close(descriptor)


async def _run(settings: DemoSettings, story: Story) -> None:
    task = asyncio.current_task()
    if task is not None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(_wait_for_the_fleet(story), name="wait for the fleet")
        try:
            await run_demo(settings, SystemClock(), story.report)
        finally:
            waiting.cancel()


async def _wait_for_the_fleet(story: Story) -> None:
    """Whoever waits is not kept for ever by a device that cannot connect."""
    await asyncio.sleep(ARRIVAL_S)
    story.stop_waiting()


if __name__ == "__main__":
    sys.exit(main())
