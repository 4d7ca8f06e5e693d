"""``python -m vedette.simulation``: the demo's fleet beside a platform that runs; ``vedette demo`` starts both."""

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

from vedette.kernel import SystemClock, escape_terminal
from vedette.simulation.connection import Endpoint
from vedette.simulation.demo import DemoFailed, DemoSettings, run_demo

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
    given = parser.parse_args(arguments)
    # Whoever started the fleet may be killed; no device outlives it.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    settings = DemoSettings(
        api_host=given.api_host,
        api_port=given.api_port,
        token=given.token_file.read_text(encoding="utf-8").strip(),
        endpoint=Endpoint(given.host, given.port, given.root),
        id_scope=given.id_scope,
        folder=given.folder,
    )
    try:
        with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
            asyncio.run(_run(settings))
    except DemoFailed as failed:
        sys.stderr.write(f"the demo cannot go on: {failed}\n")
        return 1
    return 0


async def _run(settings: DemoSettings) -> None:
    def report(device: str, state: str, detail: str) -> None:
        sys.stdout.write(f"{device:<10} {state:<12} {escape_terminal(detail)}\n")
        sys.stdout.flush()

    task = asyncio.current_task()
    if task is not None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    await run_demo(settings, SystemClock(), report)


if __name__ == "__main__":
    sys.exit(main())
