"""A process of a platform in somebody else's hands: what its own credentials get it on the bus and from the host."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
from bus_liar import connect
from faulty_platform import FaultyPlatform

from vedette.bus import BusConnection, BusRefused, BusTimeout, NoResponders, RemoteProblem
from vedette.kernel import Problem

NOBODY = 65_534


class StolenProcess:
    """Connected to the real bus of a platform with the key of one process."""

    def __init__(self, platform: FaultyPlatform, user: str) -> None:
        self._platform = platform
        self._bus: BusConnection = platform.beside.do(connect(platform, user))

    def close(self) -> None:
        self._platform.beside.do(self._bus.close())

    def publish(self, subject: str, payload: bytes = b"{}") -> str:
        """Ask on a subject; return what came of it."""
        return self._outcome(self._bus.request(subject, payload, timeout_s=30))

    def subscribe(self, subject: str) -> bool:
        """Tell whether the bus lets it listen there."""

        async def listen() -> bool:
            subscription = self._bus.subscribe(subject, lambda _: None)
            await self._bus.flush()
            return not subscription.is_refused

        return self._platform.beside.do(listen())

    def ask(self, service: str, request: msgspec.Struct, answer: type[Any]) -> Any:  # Any: what the service answers
        """Ask control as a gateway may.

        Raises:
            RemoteProblem: What control refused.
        """
        return self._platform.beside.do(self._bus.call(service, request, answer, timeout_s=60))

    def _outcome(self, work: Any) -> str:  # Any: a coroutine of the answer
        try:
            self._platform.beside.do(work)
        except BusRefused:
            return "refused"
        except NoResponders:
            return "nobody answers"
        except (BusTimeout, RemoteProblem) as problem:
            return type(problem).__name__
        except Problem as problem:
            return problem.code
        return "answered"


def as_nobody(program: str, *arguments: str) -> dict[str, str]:
    """Run Python as another user of the host; it prints JSON. It takes root to become somebody else."""
    done = subprocess.run(
        [sys.executable, "-c", _BECOME_NOBODY + program, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


# Within the program: another user may not even start this interpreter.
_BECOME_NOBODY = f"""
import json, os, socket, sys
os.chdir("/")
os.setgroups([])
os.setgid({NOBODY})
os.setuid({NOBODY})
"""
READ_FILES = """
found = {}
for path in sys.argv[1:]:
    try:
        with open(path, "rb") as file:
            file.read(1)
        found[path] = "read"
    except OSError as error:
        found[path] = error.strerror
print(json.dumps(found))
"""
CONNECT_SOCKETS = """
found = {}
for path in sys.argv[1:]:
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            client.sendall(b"\\0\\0\\0\\1\\xc0")
            found[path] = "answered" if client.recv(1) else "closed"
    except OSError as error:
        found[path] = error.strerror or "refused"
print(json.dumps(found))
"""


def secrets_of(platform: FaultyPlatform) -> list[Path]:
    """Return every file that a process keeps from the others."""
    folders = ("secrets", "pki", "offline", "gateway", "service")
    found = [path for name in folders for path in sorted((platform.data / name).rglob("*")) if path.is_file()]
    return [*found, platform.data / "vedette.db"]
