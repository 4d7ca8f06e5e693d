"""A whole platform in real processes, with detours between them and clocks that a test sets."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
from child_launcher import OFFSET
from detour import Detour, LoopThread
from other_nats import OtherNats
from running_platform import RunningPlatform, wait_for

SUPPORT = Path(__file__).parent
GATEWAY = "gateway-1"
START_WITHIN_S = 120.0
_RUN = """
import os, sys
from pathlib import Path
sys.executable = sys.argv[3]
from vedette.app import up
up(config=Path(sys.argv[1]), data=Path(sys.argv[2]), environment=os.environ,
   announce=lambda ready: print(ready.login_url, flush=True), progress=sys.stderr)
"""


class FaultyPlatform(RunningPlatform):
    """``up`` whose processes reach the bus and the signer by detours.

    Attributes:
        gateway_bus: Between the gateway and the bus.
        control_bus: Between control and the bus.
        signer_way: Between control and the signer.
        neighbour: A NATS server that asks control about the devices that connect to it.
    """

    def __init__(self, folder: Path, beside: LoopThread, *, configuration: str = "") -> None:
        self.neighbour = OtherNats(_made(folder / "neighbour"), verifies=True, minutes=5)
        super().__init__(folder, configuration=configuration + self.neighbour.configuration)
        self.beside = beside
        self._heard: dict[str, int] = {}
        bus = ("127.0.0.1", self.ports["bus"])
        self.gateway_bus = Detour(beside, bus)
        self.control_bus = Detour(beside, bus)
        entrance = folder / "signer.way"
        self.signer_way = Detour(beside, self.data / "run" / "signer.sock", entrance)
        control = f"nats://127.0.0.1:{self.control_bus.port}"
        detours = {
            GATEWAY: {"bus.urls": [f"nats://127.0.0.1:{self.gateway_bus.port}"]},
            "control": {
                "devices_bus.urls": [control],
                "events_bus.urls": [control],
                "signer_socket": str(entrance),
            },
        }
        (folder / "detours.json").write_text(json.dumps(detours))
        self._launcher = folder / "launch"
        self._launcher.write_text(f'#!/bin/sh\nexec {sys.executable} {SUPPORT}/child_launcher.py {folder} "$@"\n')
        self._launcher.chmod(0o700)

    def spawn(self) -> subprocess.Popen[bytes]:
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _RUN, str(self.configuration), str(self.data), str(self._launcher)],
                stdout=log,
                stderr=log,
            )
        return self.process

    def start(self) -> None:
        """Start it; on a machine that is busy elsewhere in a second try, which finds the first steps done."""
        try:
            self._start_once()
        except AssertionError:
            self.close_process()
            self._start_once()

    def close_process(self) -> None:
        """Stop it, unless it ended by itself."""
        with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
            self.stop()

    def _start_once(self) -> None:
        process = self.spawn()
        is_settled = lambda: process.poll() is not None or self.state().get("state") == "ready"  # noqa: E731 - read once
        wait_for(is_settled, "ready", START_WITHIN_S)
        assert process.poll() is None, self.log()

    def close(self) -> None:
        """Stop it, and everything beside it."""
        self.close_process()
        for each in (self.gateway_bus, self.control_bus, self.signer_way):
            each.close()
        self.neighbour.stop()

    @property
    def id_scope(self) -> str:
        anchor = json.loads((self.data / "public" / "trust-anchor.json").read_text())
        return str(anchor["id_scope"])

    def pid(self, name: str) -> int:
        return int(self.processes()[name]["pid"])

    @contextlib.contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """Stop a process without ending it, as a machine that swaps does."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def end(self, name: str) -> None:
        """Kill a process and wait until another one runs in its place."""
        former = self.pid(name)
        os.kill(former, signal.SIGKILL)
        wait_for(
            lambda: (now := self.processes()[name])["pid"] not in {None, former} and now["phase"] == "ready",
            f"{name} runs again",
        )

    @contextlib.contextmanager
    def gone(self, name: str) -> Iterator[None]:
        """End a process, and let none take its place."""
        hold = self.folder / f"hold-{name}"
        hold.touch()
        former = self.pid(name)
        os.kill(former, signal.SIGKILL)
        wait_for(lambda: self.processes()[name]["pid"] != former, f"{name} is gone")
        try:
            yield
        finally:
            hold.unlink()
            wait_for(lambda: self.processes()[name]["phase"] == "ready", f"{name} runs again")

    def listen_for(self, text: str) -> Callable[[], bool]:
        """Return what tells whether a line was logged from now on, or since ``listen_anew``."""
        self._heard[text] = self.log().count(text)
        return lambda: self.log().count(text) > self._heard[text]

    def listen_anew(self) -> None:
        """Forget what was logged up to now."""
        log = self.log()
        self._heard = {text: log.count(text) for text in self._heard}

    @contextlib.contextmanager
    def clock_off(self, name: str, by_s: float) -> Iterator[None]:
        """Set the wall clock of a process off."""
        path = self.folder / f"clock-{name}"
        _set_clock(path, by_s)
        try:
            yield
        finally:
            _set_clock(path, 0.0)

    def health(self) -> dict[str, str]:
        """Return how each part is, as the API tells; nothing while it does not answer."""
        with httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {self.token}"}, timeout=120) as api:
            try:
                answer = api.get("/v1/status")
                return {each["name"]: each["health"] for each in answer.json()["components"]}
            except (httpx.HTTPError, KeyError, ValueError):
                return {}


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _set_clock(path: Path, by_s: float) -> None:
    # In place: the process has the file mapped.
    with path.open("r+b") as file:
        file.write(OFFSET.pack(by_s))
