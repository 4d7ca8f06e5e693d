"""Connections to SQLite and PostgreSQL: how each is opened, begun and known to be alive."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import psycopg
import sqlalchemy as sa
from sqlalchemy.pool import ConnectionPoolEntry

from vedette.store.errors import StoreUnavailable, to_problem

READER_THREADS: Final = 4

_BUSY_TIMEOUT_MS: Final = 5_000
_STATUS: Final = psycopg.pq.TransactionStatus
_WAL_SIZE_LIMIT_BYTES: Final = 64 * 1024 * 1024
# "vedette" in ASCII. All writers of one PostgreSQL database take it first in each transaction: one writer at a time,
# whatever the number of control processes, so that both databases give the same guarantees.
_ADVISORY_KEY: Final = 0x76656465747465
_ACQUIRE_WRITER: Final = sa.text(f"SELECT pg_advisory_xact_lock({_ADVISORY_KEY})")
_POSTGRESQL_OPTIONS: Final = " ".join(
    f"-c {setting}"
    for setting in (
        "TimeZone=UTC",
        "lock_timeout=10s",
        "statement_timeout=60s",
        "idle_in_transaction_session_timeout=30s",
        "synchronous_commit=on",
    )
)


@dataclass(frozen=True, slots=True)
class Database:
    """One database, opened for one writer and several readers."""

    kind: Literal["sqlite", "postgresql"]
    writing: sa.Engine
    reading: sa.Engine
    path: Path | None

    def begin_writing(self, connection: sa.Connection) -> sa.RootTransaction:
        """Begin a transaction that excludes every other writer."""
        transaction = connection.begin()
        if self.kind == "postgresql":
            connection.execute(_ACQUIRE_WRITER)
        return transaction

    def is_in_transaction(self, connection: sa.Connection) -> bool:
        """Tell whether the transaction begun here still stands; some errors make the database drop it silently."""
        if connection.closed or connection.invalidated or not connection.in_transaction():
            return False
        driver: Any = connection.connection.driver_connection  # Any: each driver has its own class
        if self.kind == "sqlite":
            return bool(driver.in_transaction)
        return driver.info.transaction_status in (_STATUS.INTRANS, _STATUS.INERROR)

    def dispose(self) -> None:
        """Close every connection, readers first so that the writer's close folds the write-ahead log."""
        self.reading.dispose()
        self.writing.dispose()


def open_database(url: str) -> Database:
    """Prepare engines for a URL; PostgreSQL is not contacted yet.

    Raises:
        StoreUnavailable: The URL is neither ``sqlite:///FILE`` nor ``postgresql+psycopg://…``.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        path = Path(parsed.database or "").absolute()
        return Database("sqlite", _sqlite_writer(path), sqlite_reader(path), path)
    return Database("postgresql", _postgresql_writer(parsed), _postgresql_reader(parsed), None)


@contextmanager
def open_read_only(url: str) -> Iterator[sa.Connection]:
    """Read a database from outside, beside a running server or without one; takes no lock and writes nothing.

    Raises:
        StoreUnavailable: The database is absent or does not answer.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        path = Path(parsed.database or "").absolute()
        if not path.is_file():
            raise StoreUnavailable(f"there is no database at {path}", hint="name the data directory with --data")
        engine = sqlite_reader(path)
    else:
        engine = _postgresql_reader(parsed)
    try:
        with engine.connect() as connection, connection.begin():
            yield connection
    except sa.exc.DBAPIError as error:
        problem = to_problem(error)
        if problem is None:
            raise
        raise problem from error
    finally:
        engine.dispose()


def _parse(url: str) -> sa.URL:
    hint = "use sqlite:///PATH/vedette.db or postgresql+psycopg://USER@HOST/DATABASE"
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError as error:
        raise StoreUnavailable("the database URL can not be read", hint=hint) from error
    if parsed.drivername in ("sqlite", "sqlite+pysqlite"):
        if not parsed.database or parsed.database == ":memory:" or parsed.query:
            raise StoreUnavailable("a SQLite database is a file, without options", hint=hint)
        return parsed
    if parsed.drivername in ("postgresql", "postgresql+psycopg"):
        return parsed.set(drivername="postgresql+psycopg")
    raise StoreUnavailable(f"databases of kind {parsed.drivername!r} are not supported", hint=hint)


def _sqlite_writer(path: Path) -> sa.Engine:
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    engine = _sqlite_engine(path, "rw", pool_size=1)
    sa.event.listen(engine, "connect", _prepare_sqlite_writer)
    sa.event.listen(engine, "begin", _begin_immediate)
    return engine


def sqlite_reader(path: Path) -> sa.Engine:
    """Prepare read-only connections to a SQLite file."""
    engine = _sqlite_engine(path, "ro", pool_size=READER_THREADS)
    sa.event.listen(engine, "connect", _prepare_sqlite_reader)
    sa.event.listen(engine, "begin", _begin_deferred)
    return engine


def _sqlite_engine(path: Path, mode: str, *, pool_size: int) -> sa.Engine:
    # Every character that a URI gives a meaning to is escaped; a path is only a path.
    uri = f"{path.as_uri()}?mode={mode}"

    def connect() -> sqlite3.Connection:
        # isolation_level None: the driver never begins or commits by itself, so savepoints and BEGIN IMMEDIATE work.
        return sqlite3.connect(
            uri, uri=True, timeout=_BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False
        )

    return sa.create_engine(
        "sqlite://", creator=connect, poolclass=sa.pool.QueuePool, pool_size=pool_size, max_overflow=2
    )


def _prepare_sqlite_writer(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    _pragmas(
        connection,
        "journal_mode=WAL",
        "synchronous=FULL",
        f"busy_timeout={_BUSY_TIMEOUT_MS}",
        "foreign_keys=ON",
        f"journal_size_limit={_WAL_SIZE_LIMIT_BYTES}",
        "cache_size=-16384",
    )


def _prepare_sqlite_reader(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    _pragmas(connection, "query_only=ON", f"busy_timeout={_BUSY_TIMEOUT_MS}", "cache_size=-8192")


def _pragmas(connection: sqlite3.Connection, *settings: str) -> None:
    for setting in settings:
        connection.execute(f"PRAGMA {setting}").close()


def _begin_immediate(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_deferred(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _postgresql_writer(url: sa.URL) -> sa.Engine:
    # READ COMMITTED: each statement after the advisory lock sees what the previous writer committed.
    return sa.create_engine(
        url,
        isolation_level="READ COMMITTED",
        pool_size=1,
        max_overflow=1,
        connect_args=_postgresql_arguments("vedette writer"),
    )


def _postgresql_reader(url: sa.URL) -> sa.Engine:
    engine = sa.create_engine(
        url,
        isolation_level="REPEATABLE READ",
        pool_size=READER_THREADS,
        max_overflow=2,
        pool_timeout=10,
        pool_pre_ping=True,
        connect_args=_postgresql_arguments("vedette reader"),
    )
    return engine.execution_options(postgresql_readonly=True)


def _postgresql_arguments(application_name: str) -> dict[str, object]:
    return {
        "connect_timeout": 5,
        "application_name": application_name,
        "options": _POSTGRESQL_OPTIONS,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 30_000,
    }
