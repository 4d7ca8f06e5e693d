"""``python -m vedette.simulation.plant``: the demo's plant beside a running platform, as ``vedette demo`` starts it."""

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
from vedette.simulation.operator import DemoFailed, Operator
from vedette.simulation.plant.people import PlantOperator
from vedette.simulation.plant.stage import PlantSettings, Stage

_PR_SET_PDEATHSIG: Final = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the plant until a signal ends it; return the exit code."""
    parser = argparse.ArgumentParser(prog="vedette.simulation.plant", description="The demo's simulated plant.")
    parser.add_argument("--api-host", default="127.0.0.1")
    parser.add_argument("--api-port", type=int, default=8480)
    parser.add_argument("--token-file", type=Path, required=True, help="the operator's token")
    parser.add_argument("--host", default="localhost", help="of the devices' door; its certificate names it")
    parser.add_argument("--port", type=int, default=8883)
    parser.add_argument("--root", type=Path, required=True, help="the organization's root certificate, PEM")
    parser.add_argument("--id-scope", required=True)
    parser.add_argument("--factory", type=Path, required=True, help="folder of the demo's maker")
    parser.add_argument("--folder", type=Path, required=True, help="keeps the sensor from run to run")
    parser.add_argument("--console", default="http://localhost:8480", help="address of the console, for people")
    parser.add_argument("--command", default="vedette", help="what runs vedette on this platform, for people")
    parser.add_argument("--day-within", type=float, default=30.0, help="seconds in which the day is played")
    parser.add_argument("--story-after", type=float, default=15.0, help="seconds of quiet after it")
    parser.add_argument("--ready", type=int, help="descriptor to announce on that the sensor listens")
    given = parser.parse_args(arguments)
    # Whoever started the plant may be killed; it does not outlive them, and its sensor ends with the pipe.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    token = given.token_file.read_text(encoding="utf-8").strip()
    settings = PlantSettings(
        people=PlantOperator(Operator(given.api_host, given.api_port, token)),
        endpoint=Endpoint(given.host, given.port, given.root),
        id_scope=given.id_scope,
        factory=given.factory,
        folder=given.folder,
        console=given.console,
        command=given.command,
        day_within_s=given.day_within,
        story_after_s=given.story_after,
    )
    stage = Stage(settings, SystemClock(), _tell, lambda: _announce(given.ready))
    try:
        with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
            asyncio.run(_run(stage))
    except DemoFailed as failed:
        sys.stderr.write(escape_terminal(f"the plant cannot go on: {failed}") + "\n")
        return 1
    return 0


def _tell(line: str) -> None:
    with contextlib.suppress(OSError):
        sys.stdout.write(escape_terminal(f"  {'plant':<15} {line}") + "\n")
        sys.stdout.flush()


def _announce(descriptor: int | None) -> None:
    """Tell whoever started the plant that it is ready; what is written is the announcement of ``vedette.app``."""
    if descriptor is None:
        return
    with contextlib.suppress(OSError):
        os.write(descriptor, b'{"is_ready":true}\n')
    os.close(descriptor)


async def _run(stage: Stage) -> None:
    task = asyncio.current_task()
    if task is not None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    await stage.run()


if __name__ == "__main__":
    sys.exit(main())
