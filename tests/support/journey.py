"""A whole platform in real processes for each user story, on a loopback address of its own.

SDK ports are fixed (8883), so journeys that run side by side use different addresses in 127/8.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import running_bus

START_TIMEOUT_S = 300.0


@dataclass
class Platform:
    """``vedette up`` as a user runs it, and what a user has in hand afterwards."""

    address: str
    folder: Path
    data_folder: Path | None = None
    more_configuration: str = ""
    more_api: str = ""
    # Passkeys want a name: on 127.0.0.1 the API is reached as localhost, at a port that nobody else has.
    api_port: int | None = None
    hostname: str = ""
    process: subprocess.Popen[bytes] | None = None
    api: httpx.Client = field(init=False)

    @property
    def data(self) -> Path:
        return self.data_folder or self.folder / "data"

    @property
    def root_pem(self) -> str:
        return (self.data / "public" / "root.pem").read_text()

    @property
    def api_url(self) -> str:
        return f"http://{self.address}:8480" if self.api_port is None else f"http://localhost:{self.api_port}"

    @property
    def id_scope(self) -> str:
        anchor = json.loads((self.data / "public" / "trust-anchor.json").read_text())
        return str(anchor["id_scope"])

    def state(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.data / "run" / "state.json").read_text())
        except (OSError, ValueError):
            return {}
        return found

    def is_ready(self, pid: int) -> bool:
        state = self.state()
        return state.get("pid") == pid and state.get("state") == "ready"

    def start(self) -> None:
        config = self.folder / "vedette.toml"
        api = f'bind = "{self.address}"' if self.api_port is None else f"port = {self.api_port}"
        config.write_text(
            f'[server]\nhostname = "{self.hostname or self.address}"\nbind = "{self.address}"\n'
            f"[api]\n{api}\n{self.more_api}\n"
            f"[bus]\nport = {free_port()}\n"
            f"{self.more_configuration}"
        )
        log = (self.folder / "up.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "vedette.cli", "up", "--config", str(config), "--data", str(self.data)],
            stdout=log,
            stderr=log,
        )
        running = self.process
        wait_until(lambda: self.is_ready(running.pid) or running.poll() is not None, START_TIMEOUT_S, "ready")
        if running.poll() is not None:
            pytest.fail(f"vedette up ended:\n{(self.folder / 'up.log').read_text()[-4000:]}")
        token = (self.data / "secrets" / "operator.token").read_text().strip()
        self.api = httpx.Client(base_url=self.api_url, headers={"Authorization": f"Bearer {token}"}, timeout=60)

    def answers(self) -> bool:
        """Tell whether the API serves just now."""
        try:
            return self.api.get("/v1/status").is_success
        except httpx.HTTPError:
            return False

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if hasattr(self, "api"):
            self.api.close()

    def kill_all(self) -> None:
        """End every process at once, as a power cut does."""
        for pid in self.pids().values():
            os.kill(pid, signal.SIGSTOP)
        assert self.process is not None
        self.process.kill()
        for pid in self.pids().values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def cli(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "vedette.cli", *arguments],
            capture_output=True,
            text=True,
            timeout=300,
            env={**os.environ, "VEDETTE_DATA": str(self.data)},
            check=False,
        )
        if check:
            assert done.returncode == 0, done.stderr + done.stdout
        return done

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = self.api.request(method, path, json=body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def pids(self) -> dict[str, int]:
        return {str(item["name"]): int(item["pid"]) for item in self.state()["processes"] if item["pid"]}


def free_port() -> int:
    return running_bus.free_port()


def wait_until(condition: Callable[[], object], timeout_s: float, what: str) -> None:
    """Wait for a condition of another process; fail with words when it does not come."""
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"waited {timeout_s} s in vain for: {what}")
        time.sleep(0.05)
