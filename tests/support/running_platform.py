"""A whole platform in real processes on free ports, as ``vedette up`` runs it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from running_bus import free_port

START_WITHIN_S = 120.0
_RUN = """
import os, sys
from pathlib import Path
from vedette.app import up
from vedette.kernel import Problem
try:
    up(config=Path(sys.argv[1]), data=Path(sys.argv[2]), environment=os.environ,
       announce=lambda ready: print(ready.login_url, flush=True), progress=sys.stderr)
except Problem as problem:
    print(problem.code, problem, file=sys.stderr)
    sys.exit(1)
"""


class RunningPlatform:
    """``up`` on a data directory; the configuration is TOML without the ports."""

    def __init__(self, folder: Path, *, configuration: str = "", ports: dict[str, int] | None = None) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.ports = ports or {name: free_port() for name in ("gateway", "api", "bus", "service")}
        self.configuration = folder / "vedette.toml"
        self.configuration.write_text(
            f"gateway.port = {self.ports['gateway']}\napi.port = {self.ports['api']}\nbus.port = {self.ports['bus']}\n"
            f"service.port = {self.ports.get('service', 0)}\n"
            f"{configuration}"
        )
        self.log_file = folder / "up.log"
        self.process: subprocess.Popen[bytes] | None = None

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start without waiting."""
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _RUN, str(self.configuration), str(self.data)], stdout=log, stderr=log
            )
        return self.process

    def start(self) -> None:
        """Start and wait until everything is ready."""
        process = self.spawn()
        wait_for(lambda: process.poll() is not None or self.state().get("state") == "ready", "ready", START_WITHIN_S)
        assert process.poll() is None, self.log()

    def stop(self) -> int:
        """End as a service manager does; return the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(120)
        finally:
            self.process.kill()
            self.process.wait()

    def kill(self) -> None:
        """End the supervisor as ``kill -9`` does."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def state(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.data / "run" / "state.json").read_text())
        except (OSError, ValueError):
            return {}
        return found

    def processes(self) -> dict[str, dict[str, Any]]:
        return {each["name"]: each for each in self.state().get("processes", ())}

    @property
    def url(self) -> str:
        return f"http://localhost:{self.ports['api']}"

    @property
    def token(self) -> str:
        return (self.data / "secrets" / "operator.token").read_text().strip()

    def client(self, **options: Any) -> httpx.Client:
        """Return an operator's connection."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60, **options)


def wait_for(condition: Callable[[], object], what: str, within_s: float = 120.0) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, f"waited {within_s} s in vain for: {what}"
        time.sleep(0.05)


def is_running(pid: int) -> bool:
    """Tell whether a process lives; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
