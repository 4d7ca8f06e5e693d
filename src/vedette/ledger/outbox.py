"""The outbox relay: tells committed events to the bus, in order, at least once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

import msgspec

from vedette.kernel import Clock, Problem
from vedette.ledger import repository
from vedette.ledger.model import Envelope
from vedette.ledger.service import Ledger
from vedette.store import Store, StoreUnavailable, Transaction

log = logging.getLogger(__name__)

_BATCH: Final = 256
_PUBLISH_TIMEOUT_S: Final = 10.0
_RETRY_FIRST_S: Final = 0.1
_RETRY_MAX_S: Final = 5.0
_POLL_S: Final = 5.0  # another control process may have appended: its commit does not wake this one
_SWEEP_EVERY_S: Final = 3600.0
_SWEEP_ROWS: Final = 1000
# What is committed in quick succession is told together.
_PACE_S: Final = 0.02
_SAVE_EVERY_S: Final = 1.0


class OutboxRelay:
    """Hands each event of every log to ``publish``, in the order of its log, and remembers how far it came.

    At least once: after a crash the events of the last second are handed over again. ``event_id`` is the message id to
    drop repeats by.
    """

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        publish: Callable[[Envelope], Awaitable[None]],
        *,
        clock: Clock,
        name: str = "events",
        retention: timedelta = timedelta(days=30),
    ) -> None:
        self._store = store
        self._publish = publish
        self._clock = clock
        self._name = name
        self._retention = retention
        self._wake = asyncio.Event()
        self._cursors: dict[str, int] | None = None
        self._swept_s: float | None = None
        self._unsaved: dict[str, int] = {}
        self._saved_s: float | None = None
        ledger.on_growth(self._wake.set)

    async def run(self) -> None:
        """Relay until cancelled; heals by itself when the bus or the store comes back."""
        delay_s = _RETRY_FIRST_S
        while True:
            self._wake.clear()
            try:
                await self.relay()
                await self._sweep_when_due()
            except (Problem, OSError, TimeoutError) as error:
                log.warning("events wait for the bus", extra={"reason": str(error), "retry_s": delay_s})
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, _RETRY_MAX_S)
                continue
            delay_s = _RETRY_FIRST_S
            await asyncio.sleep(_PACE_S)
            try:
                async with asyncio.timeout(_SAVE_EVERY_S if self._unsaved else _POLL_S):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def relay(self) -> int:
        """Publish everything that waits now; return how many events that was.

        Raises:
            Problem: ``publish`` or the store failed; what was published before is remembered.
        """
        if self._cursors is None:
            self._cursors = await self._store.read(lambda connection: repository.read_cursors(connection, self._name))
        published = 0
        for state in await self._store.read(repository.read_states):
            if self._cursors.get(state.organization_id, 0) > state.size:
                log.error("more events are on record as told than there are", extra={"size": state.size})
                self._cursors[state.organization_id] = state.size
            if state.size > self._cursors.get(state.organization_id, 0):
                published += await self._relay_log(state.organization_id, state.size, self._cursors)
        await self._save_when_due()
        return published

    async def sweep(self) -> int:
        """Delete delivered events that are older than the retention; return how many."""
        if self._cursors is None:
            return 0
        before = self._clock.now() - self._retention
        total = 0
        for organization_id, cursor in self._cursors.items():
            while deleted := await self._delete(organization_id, cursor, before):
                total += deleted
        return total

    async def _relay_log(self, organization_id: str, size: int, cursors: dict[str, int]) -> int:
        published = 0
        while True:
            after = cursors.get(organization_id, 0)
            batch = await self._read_batch(organization_id, after, size)
            if not batch:
                # Entries without an event move the cursor too, in memory only: reading past them again costs nothing.
                cursors[organization_id] = max(after, size)
                return published
            delivered = after
            try:
                for position, encoded in batch:
                    published += await self._tell(organization_id, position, encoded)
                    delivered = position
            finally:
                if delivered > after:
                    cursors[organization_id] = delivered
            self._unsaved[organization_id] = delivered

    async def _tell(self, organization_id: str, position: int, encoded: bytes) -> bool:
        try:
            envelope = msgspec.json.decode(encoded, type=Envelope)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            # It was altered. Waiting for it would hold back every later event, and heal nothing.
            log.exception(
                "a queued event can not be read and is passed over; run: vedette ledger verify",
                extra={"organization_id": organization_id, "position": position},
            )
            return False
        async with asyncio.timeout(_PUBLISH_TIMEOUT_S):
            await self._publish(envelope)
        return True

    async def _read_batch(self, organization_id: str, after: int, size: int) -> list[tuple[int, bytes]]:
        # Not beyond the log: a row put there by others would be told, and silence all events up to its position.
        return await self._store.read(
            lambda connection: repository.read_outbox(
                connection, organization_id, after=after, limit=_BATCH, up_to=size
            )
        )

    async def _save_when_due(self) -> None:
        """Save the cursors now and then: a commit for each event would cost more than telling the last ones again."""
        now_s = self._clock.monotonic_s()
        if not self._unsaved or (self._saved_s is not None and now_s - self._saved_s < _SAVE_EVERY_S):
            return
        self._saved_s = now_s
        positions, self._unsaved = self._unsaved, {}

        def save(tx: Transaction) -> None:
            for organization_id, position in positions.items():
                repository.save_cursor(tx.connection, organization_id, self._name, position)

        try:
            await self._store.write(save)
        except StoreUnavailable:
            self._unsaved = positions | self._unsaved
            raise

    async def _sweep_when_due(self) -> None:
        now_s = self._clock.monotonic_s()
        if self._swept_s is None or now_s - self._swept_s >= _SWEEP_EVERY_S:
            self._swept_s = now_s
            try:
                await self.sweep()
            except StoreUnavailable as error:
                log.warning("old events were not deleted", extra={"reason": str(error)})

    async def _delete(self, organization_id: str, up_to: int, before: datetime) -> int:
        return await self._store.write(
            lambda tx: repository.delete_outbox(
                tx.connection, organization_id, up_to=up_to, before=before, limit=_SWEEP_ROWS
            )
        )
