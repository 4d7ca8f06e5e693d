"""The single writer: a thread that runs units of work in groups, each group one durable commit."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Final, Self

import sqlalchemy as sa

from vedette.kernel import Clock
from vedette.store.database import Database
from vedette.store.errors import StoreFull, StoreUnavailable, to_problem
from vedette.store.reserve import DiskReserve
from vedette.store.transaction import GroupEnd, Transaction

log = logging.getLogger(__name__)

_RESERVE_RETRY_S: Final = 1.0
_STOP: Final = None


@dataclass(frozen=True, slots=True)
class WriterLimits:
    """Bounds of the writer.

    Attributes:
        queue: Units of work that may wait; restricting ones have as many places again. More are refused.
        group: Units of work in one commit.
        group_s: Once a group has run this long it takes no more in; a running function is not interrupted.
    """

    queue: int = 1024
    group: int = 128
    group_s: float = 0.05


@dataclass(slots=True, eq=False)
class _Job:
    fn: Callable[[Transaction], Any]  # Any: each caller has its own result, typed again by Store.write
    is_restricting: bool
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    transaction: Transaction | None = None
    value: Any = None
    error: BaseException | None = None

    def deliver(self) -> None:
        """Schedule the callbacks, then wake the caller; runs in the caller's event loop."""
        if self.error is None and self.transaction is not None:
            for callback in self.transaction.callbacks:
                self.loop.call_soon(callback)
        if self.future.done():  # the caller was cancelled meanwhile; the work is committed all the same
            return
        if self.error is None:
            self.future.set_result(self.value)
        else:
            self.future.set_exception(self.error)


class _Caught:
    """A context manager that keeps what its block raises, for the one who asked for the work."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> bool:
        if isinstance(error, StopIteration):  # a future refuses to carry it
            error = RuntimeError("a unit of work raised StopIteration")
        self.error = error
        return True


@dataclass(slots=True, eq=False)
class _Group:
    done: list[_Job] = field(default_factory=list)
    committing: bool = False


class Writer:
    """The thread that owns the writing connection."""

    def __init__(self, database: Database, *, clock: Clock, limits: WriterLimits, reserve: DiskReserve | None) -> None:
        self._database = database
        self._clock = clock
        self._limits = limits
        self._reserve = reserve
        self._incoming: SimpleQueue[_Job | None] = SimpleQueue()
        self._restricting: deque[_Job] = deque()
        self._widening: deque[_Job] = deque()
        self._connection: sa.Connection | None = None
        self._accepted = 0  # written by callers only
        self._settled = 0  # written by the writer thread only
        self._is_stopping = False
        self._reserve_checked_s: float | None = None
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def submit(self, fn: Callable[[Transaction], Any], *, is_restricting: bool) -> asyncio.Future[Any]:
        """Queue a unit of work; the future belongs to the running event loop.

        Raises:
            StoreUnavailable: The queue is full or the store is closing.
        """
        if self._is_stopping:
            raise StoreUnavailable("the store is closed", hint="start the service again")
        limit = self._limits.queue * 2 if is_restricting else self._limits.queue
        if self._accepted - self._settled >= limit:
            raise StoreUnavailable(
                f"{limit} changes are already waiting for the database", hint="try again in a moment", limit=limit
            )
        loop = asyncio.get_running_loop()
        job = _Job(fn, is_restricting, loop, loop.create_future())
        self._accepted += 1
        self._incoming.put(job)
        return job.future

    def stop(self) -> None:
        """Finish what is queued, then end the thread; blocks until it has."""
        if not self._is_stopping:
            self._is_stopping = True
            self._incoming.put(_STOP)
        self._thread.join()

    def _run(self) -> None:
        while (job := self._wait()) is not None:
            self._commit_group(job)
        self._disconnect()

    def _wait(self) -> _Job | None:
        """Return the next job, or None when stopping and nothing is left."""
        job = self._next()
        if job is not None or (self._is_stopping and self._incoming.empty()):
            return job
        arrived = self._incoming.get()
        if arrived is _STOP:
            return self._next()
        self._sort_in(arrived)
        return self._next()

    def _next(self) -> _Job | None:
        """Return the next waiting job without blocking, restricting ones first."""
        try:
            while True:
                arrived = self._incoming.get_nowait()
                if arrived is not _STOP:
                    self._sort_in(arrived)
        except Empty:
            pass
        if self._restricting:
            return self._restricting.popleft()
        return self._widening.popleft() if self._widening else None

    def _sort_in(self, job: _Job) -> None:
        (self._restricting if job.is_restricting else self._widening).append(job)

    def _commit_group(self, first: _Job) -> None:
        group = _Group()
        with _Caught() as caught:
            self._transact(group, first)
        if caught.error is not None:
            with _Caught() as unexpected:
                self._fail(group, caught.error)
            if unexpected.error is not None:  # whatever happens, every caller hears of it and the thread lives on
                log.error("settling a group of changes failed", exc_info=unexpected.error)
                for job in group.done:
                    job.error = job.error or _refusal(None)
        self._deliver(group.done)

    def _transact(self, group: _Group, first: _Job) -> None:
        group.done.append(first)
        if not self._may_write(first):
            return
        transaction = self._begin()
        assert self._connection is not None  # noqa: S101 - _begin connects
        deadline_s = self._clock.monotonic_s() + self._limits.group_s
        job: _Job | None = first
        while job is not None:
            if job is not first:
                group.done.append(job)
            if self._may_write(job):
                self._execute(job, self._connection)
            if len(group.done) >= self._limits.group or self._clock.monotonic_s() >= deadline_s:
                break
            job = self._next()
        _run_group_end(self._connection, group.done)
        group.committing = True
        transaction.commit()

    def _execute(self, job: _Job, connection: sa.Connection) -> None:
        if job.future.cancelled():
            job.error = asyncio.CancelledError()
            return
        transaction = Transaction(connection)
        # By hand: SQLAlchemy's begin_nested compiles each savepoint anew, 0.15 ms per unit of work.
        connection.exec_driver_sql("SAVEPOINT unit_of_work")
        with _Caught() as caught:
            job.value = job.fn(transaction)
            if connection.in_nested_transaction() or not connection.in_transaction():
                raise RuntimeError("a unit of work left a savepoint open or ended the writer's transaction")
        job.error = caught.error
        if caught.error is None:
            connection.exec_driver_sql("RELEASE SAVEPOINT unit_of_work")
            job.transaction = transaction
            return
        # Some errors make the database drop the whole transaction: there is no savepoint left to go back to.
        problem = to_problem(caught.error)
        if problem is not None or not self._database.is_in_transaction(connection):
            raise problem or caught.error from caught.error
        while (nested := connection.get_nested_transaction()) is not None:
            nested.rollback()
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT unit_of_work")

    def _begin(self) -> sa.RootTransaction:
        """Begin; a connection that died while idle is replaced once, since nothing has run on it yet."""
        try:
            return self._database.begin_writing(self._connect())
        except sa.exc.DBAPIError as error:
            self._disconnect()
            if not error.connection_invalidated:
                raise
            log.warning("database connection was lost; reconnecting")
            return self._database.begin_writing(self._connect())

    def _connect(self) -> sa.Connection:
        if self._connection is None:
            self._connection = self._database.writing.connect()
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        with _Caught() as caught:
            connection.invalidate()
            connection.close()
        if caught.error is not None:
            log.debug("closing a broken database connection failed", exc_info=caught.error)

    def _fail(self, group: _Group, error: BaseException) -> None:
        """Settle a group whose transaction is lost: nothing of it, or on a lost connection perhaps all, is stored."""
        self._disconnect()
        problem = to_problem(error, at_commit=group.committing)
        if isinstance(problem, StoreFull) and self._reserve is not None:
            urgent = [job for job in group.done if job.is_restricting and _is_blameless(job, error)]
            if urgent and self._reserve.release():
                group.done = [job for job in group.done if job not in urgent]
                self._restricting.extendleft(reversed(urgent))
                for job in urgent:
                    job.error, job.transaction = None, None
        log.error("a group of changes was not stored", exc_info=error, extra={"changes": len(group.done)})
        for job in group.done:
            if _is_blameless(job, error):
                job.error = _refusal(problem)
                job.error.__cause__ = error
            job.transaction = None

    def _may_write(self, job: _Job) -> bool:
        """Refuse widening changes while the reserved space is released, unless it can be set aside again."""
        if self._reserve is None or job.is_restricting or self._reserve.is_held():
            return True
        now_s = self._clock.monotonic_s()
        if self._reserve_checked_s is None or now_s - self._reserve_checked_s >= _RESERVE_RETRY_S:
            self._reserve_checked_s = now_s
            if self._reserve.hold():
                log.warning("disk space is back: reserved space set aside again")
                return True
        job.error = StoreFull(
            "the disk that holds the database is full: only restricting changes are written",
            hint="free some space; the rest works again by itself",
        )
        return False

    def _deliver(self, jobs: list[_Job]) -> None:
        self._settled += len(jobs)
        by_loop: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
        for job in jobs:
            by_loop.setdefault(job.loop, []).append(job)
        for loop, mine in by_loop.items():
            try:
                loop.call_soon_threadsafe(_deliver_all, mine)
            except RuntimeError:  # the loop is closed: nobody waits any more
                log.warning("changes were settled after their event loop had closed", extra={"changes": len(mine)})


def _deliver_all(jobs: list[_Job]) -> None:
    for job in jobs:
        job.deliver()


def _run_group_end(connection: sa.Connection, jobs: list[_Job]) -> None:
    asked: dict[object, tuple[GroupEnd, list[Transaction]]] = {}
    for job in jobs:
        if job.transaction is not None:
            for key, fn in job.transaction.group_ends.items():
                asked.setdefault(key, (fn, []))[1].append(job.transaction)
    for fn, transactions in asked.values():
        fn(connection, transactions)


def _is_blameless(job: _Job, group_error: BaseException) -> bool:
    """Tell whether a job fails only because its group does, and not by what its own function raised."""
    return job.error is None or job.error is group_error or job.error is group_error.__cause__


def _refusal(problem: StoreUnavailable | None) -> StoreUnavailable:
    if problem is None:
        return StoreUnavailable("the change could not be stored", hint="see the log of the service for the cause")
    return type(problem)(problem.detail, hint=problem.hint, **problem.context)
