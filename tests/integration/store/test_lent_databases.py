"""What the other tests of a session rely on: a database lent again is as good as new, and nothing is left lying."""

from __future__ import annotations

import fcntl
from pathlib import Path

import psycopg
import pytest
from lent_databases import LentDatabases
from postgresql_server import PostgresqlServer, remove_deserted


def counted(server: PostgresqlServer, url: str) -> list[int]:
    with server.connected(server.name_of(url)) as connection:
        both = b"SELECT (SELECT count(*) FROM store_probes), (SELECT count(*) FROM store_others)"
        return list(connection.execute(both).fetchall()[0])


@pytest.fixture
def databases(postgresql_server: PostgresqlServer) -> LentDatabases:
    template = postgresql_server.name_of(postgresql_server.create_database())
    with postgresql_server.connected(template) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num text)")
        connection.execute("INSERT INTO alembic_version VALUES ('r1')")
        connection.execute("CREATE TABLE store_probes (number bigint PRIMARY KEY, note text)")
        connection.execute("CREATE TABLE store_others (number bigserial PRIMARY KEY, note text)")
    return LentDatabases(postgresql_server, template)


def test_a_database_that_was_written_to_is_lent_again_without_its_rows(
    postgresql_server: PostgresqlServer, databases: LentDatabases
) -> None:
    with databases.lend() as first:
        with postgresql_server.connected(postgresql_server.name_of(first)) as connection:
            connection.execute(
                "INSERT INTO store_probes SELECT each, repeat('x', 9000) FROM generate_series(1, 50) each"
            )
            connection.execute("INSERT INTO store_others (note) VALUES ('a'), ('b')")
        assert counted(postgresql_server, first) == [50, 2]
    with databases.lend() as second:
        assert second == first
        assert counted(postgresql_server, second) == [0, 0]
        with postgresql_server.connected(postgresql_server.name_of(second)) as connection:
            number = connection.execute("INSERT INTO store_others (note) VALUES ('c') RETURNING number").fetchall()
        assert number == [(1,)]
        with databases.lend() as other:
            assert other != second


@pytest.mark.parametrize(
    "change",
    [
        "CREATE INDEX store_ix ON store_probes (note)",
        "ALTER TABLE store_probes ADD COLUMN more text",
        "CREATE TABLE store_more (number int)",
        "ALTER TABLE store_probes ALTER COLUMN note SET NOT NULL",
        "UPDATE alembic_version SET version_num = 'r2'",
        "INSERT INTO store_probes VALUES (1, 'x'); ANALYZE store_probes",
        "CREATE SCHEMA beside",
    ],
)
def test_a_database_that_is_another_one_now_is_not_lent_again(
    postgresql_server: PostgresqlServer, databases: LentDatabases, change: str
) -> None:
    with databases.lend() as first, postgresql_server.connected(postgresql_server.name_of(first)) as connection:
        connection.execute(change.encode())
    with databases.lend() as second:
        assert second != first


def test_a_database_that_somebody_still_uses_is_not_lent_again(
    postgresql_server: PostgresqlServer, databases: LentDatabases
) -> None:
    with databases.lend() as first:
        left: psycopg.Connection = postgresql_server.connected(postgresql_server.name_of(first))
    with databases.lend() as second:
        assert second != first
    left.close()


def test_the_folder_of_a_session_that_was_killed_is_removed_and_no_other(tmp_path: Path) -> None:
    dead, alive, foreign = (tmp_path / f"vedette-postgresql-{name}" for name in ("dead", "alive", "foreign"))
    for folder in (dead, alive, foreign):
        (folder / "data").mkdir(parents=True)
    (dead / "owner.lock").touch()
    (dead / "data" / "postmaster.pid").write_text("1\n")  # a number that is another process's by now
    with (alive / "owner.lock").open("w") as owner:
        fcntl.flock(owner, fcntl.LOCK_EX)
        assert remove_deserted(tmp_path) == [dead]
    assert (dead.exists(), alive.exists(), foreign.exists()) == (False, True, True)
