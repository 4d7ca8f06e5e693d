"""The record of method calls: each before its device hears of it, its outcome a moment after it is over.

A commit costs more than a call, so calls that come in quick succession share one, and outcomes always do.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from vedette.kernel import Deadline, Problem
from vedette.ledger import Entry, InvalidEntry, Ledger
from vedette.messaging.events import MethodFinished
from vedette.store import Store, StoreUnavailable, Transaction

log = logging.getLogger(__name__)

T = TypeVar("T")

# Beginnings this close to each other wait for others; a call that is alone waits for nobody.
BUSY_S: Final = 0.02
GATHER_S: Final = 0.01
LINGER_S: Final = 0.05
_BATCH: Final = 128
_WRITE_TIMEOUT_S: Final = 5.0
_RETRY_S: Final = 1.0

Outcome = tuple[Entry, MethodFinished]
# Any: each beginning has its own result, typed again by ``begin``.
_Beginning = tuple[Callable[[Transaction], Any], asyncio.Future[Any]]


class MethodJournal:
    """Writes beginnings and outcomes of calls, several in one commit.

    While ``run`` is not running, beginnings are written one by one and outcomes by ``flush`` only.

    Args:
        store: For the record.
        ledger: For the record.
        most: Outcomes that may wait for a database that does not answer; the oldest go first.
    """

    def __init__(self, store: Store, ledger: Ledger, *, most: int) -> None:
        self._store = store
        self._ledger = ledger
        self._most = most
        self._is_running = False
        self._began_s: float | None = None
        self._beginnings: deque[_Beginning] = deque()
        self._has_beginnings = asyncio.Event()
        self._outcomes: deque[Outcome] = deque()
        self._has_outcomes = asyncio.Event()

    async def begin(self, fn: Callable[[Transaction], T]) -> T:
        """Run what puts a call on record; return its result once that is on disk.

        Args:
            fn: Checks first and writes last: what it has written before it raises a ``Problem`` may stay.

        Raises:
            StoreUnavailable: The database does not answer.
        """
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        is_alone = self._began_s is None or now_s - self._began_s > BUSY_S
        self._began_s = now_s
        if is_alone or not self._is_running:
            return await self._store.write(fn)
        future: asyncio.Future[T] = loop.create_future()
        self._beginnings.append((fn, future))
        self._has_beginnings.set()
        return await future

    def note(self, entry: Entry, event: MethodFinished) -> None:
        """Have an outcome written soon."""
        if len(self._outcomes) >= self._most:
            _, lost = self._outcomes.popleft()
            log.error("the outcome of a method call is not on record", extra={"call_id": lost.call_id})
        self._outcomes.append((entry, event))
        self._has_outcomes.set()

    async def run(self) -> None:
        """Write what comes until cancelled, and then the outcomes that are left."""
        self._is_running = True
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._write_beginnings(), name="beginnings")
                group.create_task(self._write_outcomes(), name="outcomes")
        finally:
            self._is_running = False
            for _, future in self._beginnings:
                future.cancel()
            self._beginnings.clear()
            await self.flush()

    async def flush(self) -> bool:
        """Write the outcomes that wait; ``False`` when the database does not take them now."""
        while self._outcomes:
            batch = [self._outcomes.popleft() for _ in range(min(_BATCH, len(self._outcomes)))]
            if not await self._write(batch):
                return False
        return True

    # --- beginnings ---------------------------------------------------------------------------------------------

    async def _write_beginnings(self) -> None:
        while True:
            await self._has_beginnings.wait()
            await asyncio.sleep(GATHER_S)
            self._has_beginnings.clear()
            while self._beginnings:
                await self._begin([self._beginnings.popleft() for _ in range(min(_BATCH, len(self._beginnings)))])

    async def _begin(self, batch: Sequence[_Beginning]) -> None:
        def begin(tx: Transaction) -> list[Any]:  # Any: results and problems
            return [None if future.cancelled() else _attempt(fn, tx) for fn, future in batch]

        try:
            # Whatever fails is the callers' to hear, and must not end this loop.
            written: list[Any] | BaseException
            written = (await asyncio.gather(self._store.write(begin), return_exceptions=True))[0]
        except asyncio.CancelledError:
            for _, future in batch:
                future.cancel()
            raise
        results = [written] * len(batch) if isinstance(written, BaseException) else written
        for (_, future), result in zip(batch, results, strict=True):
            if future.done():
                continue
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)

    # --- outcomes -----------------------------------------------------------------------------------------------

    async def _write_outcomes(self) -> None:
        while True:
            await self._has_outcomes.wait()
            await asyncio.sleep(LINGER_S)
            self._has_outcomes.clear()
            if not await self.flush():
                await asyncio.sleep(_RETRY_S)
                self._has_outcomes.set()

    async def _write(self, batch: Sequence[Outcome]) -> bool:
        def append(tx: Transaction) -> None:
            for entry, event in batch:
                try:
                    self._ledger.append(tx, entry, event=event)
                except InvalidEntry:
                    log.exception("the outcome of a method call is not on record", extra={"call_id": event.call_id})

        try:
            async with Deadline(_WRITE_TIMEOUT_S):
                await self._store.write(append)
        except StoreUnavailable as problem:
            if problem.context.get("outcome") != "unknown":
                log.warning("outcomes of method calls wait", extra={"count": len(batch), "cause": problem.code})
                self._outcomes.extendleft(reversed(batch))
                return False
            log.warning("outcomes of method calls may be missing", extra={"count": len(batch), "cause": problem.code})
        except TimeoutError:  # they may be written yet: once more would be twice
            log.warning("outcomes of method calls may be missing", extra={"count": len(batch), "cause": "timeout"})
        return True


def _attempt(fn: Callable[[Transaction], Any], tx: Transaction) -> Any:  # Any: its own result, or why there is none
    try:
        return fn(tx)
    except Problem as problem:
        return problem
