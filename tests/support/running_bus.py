"""A real nats-server with the accounts and streams of a platform: start, kill, start again, connect as anyone."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import socket
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

from vedette.bus import (
    MIGRATOR_EVENTS_USER,
    MIGRATOR_USER,
    BusConnection,
    BusConnectionSettings,
    BusServerSettings,
    NatsServer,
    StreamSettings,
    UserKey,
    all_users,
    ensure_streams,
)
from vedette.kernel import SystemClock

MEBIBYTE = 1_048_576
# A server that has to wait for a busy machine's disk is not lost.
PATIENT_PING_S = 20.0
# Below those that the system gives by itself, to clients as well.
_PORTS = range(20_000, 32_000)
SMALL_STREAMS = StreamSettings(
    telemetry_bytes=512 * MEBIBYTE,
    decisions_bytes=64 * MEBIBYTE,
    events_bytes=64 * MEBIBYTE,
    posture_bytes=64 * MEBIBYTE,
)


def free_port() -> int:
    """Return a port that nobody listens at; no test is given it again for long, nor one that runs beside it.

    A port that the system chose would be anybody's again until a server has started, and while it starts anew.
    """
    path = Path(tempfile.gettempdir()) / f"vedette-tests-{os.getuid()}.port"
    with path.open("a+", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        former = file.read()
        place = int(former) + 1 if former.isdigit() else os.getpid()
        for each in range(place, place + len(_PORTS)):
            port = _PORTS[each % len(_PORTS)]
            if _is_free(port):
                file.truncate(0)
                file.write(str(each % len(_PORTS)))
                return port
    raise AssertionError("all ports are taken")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True


class RunningBus:
    """The embedded server in ``folder``, with keys for control, the migrator and these gateways."""

    def __init__(
        self, folder: Path, *, gateways: tuple[str, ...] = ("gateway-1", "gateway-2"), **options: object
    ) -> None:
        self.keys = {user.name: UserKey.generate() for user in all_users(gateways)}
        settings = BusServerSettings(directory=folder, port=free_port())
        self.settings = replace(settings, **options)  # type: ignore[arg-type] # options are the dataclass's fields
        public = {name: key.public for name, key in self.keys.items()}
        self.server = NatsServer(self.settings, all_users(gateways), public)
        self.url = self.server.url
        self.process: subprocess.Popen[bytes] | None = None
        self._connections: list[BusConnection] = []

    async def start(self) -> None:
        """Start the server and wait until it greets clients."""
        await asyncio.to_thread(self._spawn)
        await self.server.wait_ready(timeout_s=60)

    async def start_with_streams(self, streams: StreamSettings = SMALL_STREAMS) -> None:
        """Start the server and run the migrator's step."""
        await self.start()
        devices, control = await self.connect(MIGRATOR_USER), await self.connect(MIGRATOR_EVENTS_USER)
        await ensure_streams(devices, control, streams)
        await devices.close()
        await control.close()

    async def connect(self, name: str, **options: object) -> BusConnection:
        """Connect as one of the users; closed with the bus."""
        settings = BusConnectionSettings(
            name=name, urls=(self.url,), seed=self.keys[name].seed, first_connect_s=30.0, ping_timeout_s=PATIENT_PING_S
        )
        changed = replace(settings, **options)  # type: ignore[arg-type] # options are the dataclass's fields
        connection = await BusConnection.connect(changed, clock=SystemClock())
        self._connections.append(connection)
        return connection

    async def kill(self) -> None:
        """End the server as ``kill -9`` does."""
        if self.process is not None:
            self.process.kill()
            await asyncio.to_thread(self.process.wait)
            self.process = None

    def freeze(self) -> None:
        """Stop the server without closing its sockets, as a swapping machine does."""
        if self.process is not None:
            os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let the server go on."""
        if self.process is not None:
            os.kill(self.process.pid, signal.SIGCONT)

    async def close(self) -> None:
        """Close every connection and end the server."""
        for connection in self._connections:
            await connection.close()
        await self.kill()

    def log_text(self) -> str:
        return (self.settings.directory / "nats-server.log").read_text(errors="replace")

    def _spawn(self) -> None:
        self.server.write_config()
        with (self.settings.directory / "nats-server.log").open("ab") as log:
            self.process = subprocess.Popen(self.server.command(), stdout=log, stderr=log)
