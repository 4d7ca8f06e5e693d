"""The store: SQL units of work for an asyncio program."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Literal, Self, TypeVar

import sqlalchemy as sa

from vedette.kernel import Clock
from vedette.store.database import READER_THREADS, Database, open_database
from vedette.store.errors import StoreUnavailable, to_problem
from vedette.store.lock import WriterLock
from vedette.store.reserve import DiskReserve
from vedette.store.transaction import Transaction
from vedette.store.writer import Writer, WriterLimits

T = TypeVar("T")

RESERVE_BYTES: Final = 16 * 1024 * 1024
_READS_WAITING_MAX: Final = 1024


class Store:
    """Synchronous SQL behind one thread hop per unit of work: one writer with group commit, a few readers.

    Open it with ``Store.open``; use it from asyncio only.
    """

    def __init__(
        self, database: Database, *, clock: Clock, limits: WriterLimits, lock: WriterLock | None, reserve_bytes: int
    ) -> None:
        self._database = database
        self._lock = lock
        self._reads_waiting = 0
        self._is_closed = False
        reserve = None
        if database.path is not None and reserve_bytes:
            reserve = DiskReserve(database.path.with_name(f"{database.path.name}.reserve"), reserve_bytes)
            reserve.hold()
        self._writer = Writer(database, clock=clock, limits=limits, reserve=reserve)
        self._readers = ThreadPoolExecutor(READER_THREADS, thread_name_prefix="store-reader")

    @classmethod
    def open(
        cls,
        url: str,
        *,
        clock: Clock,
        limits: WriterLimits = WriterLimits(),  # noqa: B008 - frozen
        reserve_bytes: int = RESERVE_BYTES,
    ) -> Self:
        """Open a database for reading and writing; call ``migrate`` next.

        Args:
            url: ``sqlite:///PATH`` (created with mode 0600 when absent) or ``postgresql+psycopg://…``, which is not
                contacted before the first use.
            clock: Source of time.
            limits: Bounds of the writer.
            reserve_bytes: Space set aside beside a SQLite database for restricting changes on a full disk; 0 for none.

        Raises:
            StoreUnavailable: The URL is not understood, or another process has the SQLite database open.
        """
        try:
            database = open_database(url)
            lock = None
            if database.path is not None:
                lock = WriterLock(database.path.with_name(f"{database.path.name}.lock"))
                lock.acquire()
            return cls(database, clock=clock, limits=limits, lock=lock, reserve_bytes=reserve_bytes)
        except OSError as error:
            raise StoreUnavailable(
                f"the database can not be opened: {error}", hint="check the path and who may write there"
            ) from error

    @property
    def kind(self) -> Literal["sqlite", "postgresql"]:
        """Which database it is."""
        return self._database.kind

    def migrate(self) -> None:
        """Bring the schema to this release's; a SQLite database is copied first. Blocks; call it before serving.

        Raises:
            StoreUnavailable: The database does not answer, or was written by a newer release.
        """
        # Only the process that migrates, and ends, loads what that takes: a twelfth of the start of control.
        from vedette.store.migration import migrate  # noqa: PLC0415 - see above

        migrate(self._database)

    async def read(self, fn: Callable[[sa.Connection], T]) -> T:
        """Run ``fn`` in a reader thread on one snapshot of the database.

        Args:
            fn: Reads and returns plain values; a result that is still open is of no use outside.

        Raises:
            StoreUnavailable: The database does not answer, or too many reads wait already.
        """
        if self._is_closed:
            raise StoreUnavailable("the store is closed", hint="start the service again")
        if self._reads_waiting >= _READS_WAITING_MAX:
            raise StoreUnavailable(
                f"{_READS_WAITING_MAX} queries are already waiting for the database",
                hint="try again in a moment",
                limit=_READS_WAITING_MAX,
            )
        loop = asyncio.get_running_loop()
        self._reads_waiting += 1
        try:
            return await loop.run_in_executor(self._readers, self._read, fn)
        finally:
            self._reads_waiting -= 1

    async def write(self, fn: Callable[[Transaction], T], *, restricting: bool = False) -> T:
        """Run ``fn`` in the writer thread, in a savepoint of a shared transaction; return after the durable commit.

        If ``fn`` raises, its own changes are rolled back and the exception comes out here; other units of work of the
        group are not touched. A caller that is cancelled stops waiting, but what it asked for may still be committed;
        work that has not started by then is skipped. ``fn`` may run twice when the disk was full the first time.

        Args:
            fn: Reads and writes through the transaction's connection, quickly and without waiting on anything else.
            restricting: The change only takes rights away: it goes first, has a queue of its own when the writer is
                busy, and may use the reserved space when the disk is full.

        Raises:
            StoreFull: The disk is full.
            StoreUnavailable: The database does not answer or the queue is full; nothing is stored, except that after
                a connection lost during COMMIT (``context["outcome"] == "unknown"``) it may be.
        """
        result: T = await self._writer.submit(fn, is_restricting=restricting)
        return result

    async def close(self) -> None:
        """Finish what is queued, then close every connection and give up the lock; harmless when called twice."""
        self._is_closed = True
        await asyncio.get_running_loop().run_in_executor(None, self._close)

    def _close(self) -> None:
        self._writer.stop()
        self._readers.shutdown(wait=True)
        self._database.dispose()
        if self._lock is not None:
            self._lock.release()

    def _read(self, fn: Callable[[sa.Connection], T]) -> T:
        try:
            with self._database.reading.connect() as connection, connection.begin():
                return fn(connection)
        except sa.exc.SQLAlchemyError as error:
            problem = to_problem(error)
            if problem is None:
                raise
            raise problem from error
