from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from vedette.kernel import SystemClock
from vedette.store import Store, StoreUnavailable, open_read_only
from vedette.store.migration import copy_sqlite

pytestmark = pytest.mark.anyio

ROOT: Final = Path(__file__).resolve().parents[3]
SCRIPT: Final = ROOT / "scripts" / "write_migration.py"
SOME: Final[dict[type, object]] = {
    int: 0,
    bool: False,
    datetime: datetime(2026, 1, 1, tzinfo=UTC),
    bytes: b"x",
}
# A process of its own: other tests may have declared tables of theirs on the shared metadata.
CREATE: Final = (
    "import runpy, sys, sqlalchemy\n"
    "tables = runpy.run_path(sys.argv[1])['load_metadata']()\n"
    "tables.create_all(sqlalchemy.create_engine(sys.argv[2]))\n"
)


def describe(url: str) -> set[tuple[object, ...]]:
    """Return everything the database's catalogue says of a schema, as text."""
    with open_read_only(url) as connection:
        if url.startswith("sqlite"):
            return describe_sqlite(connection)
        return describe_postgresql(connection)


def describe_sqlite(connection: sa.Connection) -> set[tuple[object, ...]]:
    """Describe tables by what they hold: a column that was added later stands elsewhere in the text of its table."""
    found: set[tuple[object, ...]] = set()
    rows = connection.exec_driver_sql("SELECT type, name, sql FROM sqlite_master WHERE sql <> ''").all()
    for kind, name, sql in rows:
        if kind != "table":
            found.add((kind, name, " ".join(sql.split())))
            continue
        for _, *column in connection.exec_driver_sql(f'PRAGMA table_xinfo("{name}")'):
            found.add((name, *column))
        for _, index, *rest in connection.exec_driver_sql(f'PRAGMA index_list("{name}")'):
            columns = [row[2] for row in connection.exec_driver_sql(f'PRAGMA index_info("{index}")')]
            # What a constraint brings has no name of its own.
            found.add((name, "index" if rest[1] == "c" else tuple(columns), *rest[:2]))
        constraints = re.findall(r"CONSTRAINT (\w+) (\w+)", sql)
        found.update((name, "constraint", *each) for each in constraints)
    return found


def describe_postgresql(connection: sa.Connection) -> set[tuple[object, ...]]:
    queries = (
        """SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, column_default,
        collation_name FROM information_schema.columns WHERE table_schema = 'public'""",
        "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'",
        """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace""",
    )
    return {tuple(row) for query in queries for row in connection.exec_driver_sql(query)}


def without_version(described: set[tuple[object, ...]]) -> set[tuple[object, ...]]:
    return {item for item in described if "alembic_version" not in str(item)}


@pytest.fixture
def other_url(store_url: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Name a second fresh database of the same kind."""
    if store_url.startswith("sqlite"):
        return f"sqlite:///{tmp_path}/other.db"
    url: str = request.getfixturevalue("postgresql_server").create_database()
    return url


def test_migrating_makes_the_schema_that_the_rooms_declare(store_url: str, other_url: str) -> None:
    subprocess.run([sys.executable, "-c", CREATE, str(SCRIPT), other_url], check=True)
    store = Store.open(store_url, clock=SystemClock(), reserve_bytes=0)
    store.migrate()
    asyncio.run(store.close())
    migrated, declared = without_version(describe(store_url)), without_version(describe(other_url))
    assert migrated - declared == set()
    assert declared - migrated == set()
    assert any("ledger_entries" in str(item) for item in migrated)


def test_the_first_migration_is_what_its_script_writes() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), "--check"], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


async def test_migrating_twice_changes_nothing(store: Store, store_url: str) -> None:
    before = await asyncio.to_thread(describe, store_url)
    await asyncio.to_thread(store.migrate)
    assert await asyncio.to_thread(describe, store_url) == before


def test_what_was_connected_before_an_upgrade_is_listed_by_its_device_after_it(store_url: str) -> None:
    engine = sa.create_engine(store_url)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(ROOT / "src" / "vedette" / "store" / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        insert_row(connection, "registry_devices", {"generation_id": "gen_1", "device_id": "pump-1"})
        for generation_id in ("gen_1", "gen_2"):
            insert_row(connection, "registry_presence", {"generation_id": generation_id, "is_connected": True})
    engine.dispose()
    store = Store.open(store_url, clock=SystemClock(), reserve_bytes=0)
    store.migrate()
    asyncio.run(store.close())
    with open_read_only(store_url) as connection:
        rows = connection.exec_driver_sql("SELECT generation_id, device_id FROM registry_presence ORDER BY 1").all()
    assert [tuple(row) for row in rows] == [("gen_1", "pump-1"), ("gen_2", "")]


def insert_row(connection: sa.Connection, name: str, known: dict[str, object]) -> None:
    """Insert a row; what must not be empty and is not told gets some value of its type."""
    values = {"organization_id": "org_a", **known}
    for column in sa.inspect(connection).get_columns(name):
        if column["name"] not in values and not column["nullable"] and column["default"] is None:
            values[column["name"]] = SOME.get(column["type"].python_type, "{}")
    columns = [sa.column(each, sa.types.NULLTYPE) for each in values]
    connection.execute(sa.table(name, *columns).insert().values(values))


async def test_a_database_of_a_newer_release_is_refused(store: Store) -> None:
    newer = sa.text("UPDATE alembic_version SET version_num = '9999'")
    await store.write(lambda tx: tx.connection.execute(newer))
    with pytest.raises(StoreUnavailable) as refused:
        await asyncio.to_thread(store.migrate)
    assert "9999" in refused.value.detail


def test_a_migration_that_fails_leaves_the_database_as_it_was(store_url: str) -> None:
    store = Store.open(store_url, clock=SystemClock(), reserve_bytes=0)
    asyncio.run(store.write(lambda tx: tx.connection.exec_driver_sql("CREATE TABLE registry_devices (id INTEGER)")))
    before = describe(store_url)
    with pytest.raises(sa.exc.DBAPIError):
        store.migrate()
    asyncio.run(store.close())
    assert describe(store_url) == before


async def test_sqlite_is_copied_whole_before_it_is_migrated(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/vedette.db"
    store = await asyncio.to_thread(Store.open, url, clock=SystemClock(), reserve_bytes=0)
    await asyncio.to_thread(store.migrate)
    assert not list(tmp_path.glob("*.before-*"))
    await store.write(lambda tx: tx.connection.exec_driver_sql("CREATE TABLE kept AS SELECT 1 AS one"))
    copy = await asyncio.to_thread(copy_sqlite, tmp_path / "vedette.db", "before-0002")
    again = await asyncio.to_thread(copy_sqlite, tmp_path / "vedette.db", "before-0002")
    assert copy == again == tmp_path / "vedette.db.before-0002"
    assert copy.stat().st_mode & 0o777 == 0o600
    assert await asyncio.to_thread(describe, f"sqlite:///{copy}") == await asyncio.to_thread(describe, url)
    assert sorted(path.name for path in tmp_path.glob("*.before*")) == ["vedette.db.before-0002"]
    await store.close()
