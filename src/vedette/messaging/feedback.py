"""Feedback on commands: written with the command's end, read by position or taken away in locked batches."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from vedette.kernel import Clock, IdSource, InvalidId, OrganizationId, parse_generation_id
from vedette.messaging import command_repository, feedback_repository
from vedette.messaging.command_model import DESCRIPTIONS, Command, Feedback, FeedbackBatch, FeedbackPage, Outcome
from vedette.messaging.errors import FeedbackLockLost, InvalidCursor
from vedette.messaging.settings import CommandSettings
from vedette.store import Store, Transaction

PAGE_MAX: Final = 1_000
_COUNTER: Final = "feedback"
_POSITION_MAX: Final = 2**63 - 1


class FeedbackLog:
    """Keeps what became of commands whose senders asked to know.

    Reading by position changes nothing and sees everything that is kept. A consumer that must see each record once
    takes locked batches instead; what it completes is not handed to another. Both are bounded by age and number:
    whoever reads too late misses the oldest.
    """

    def __init__(self, store: Store, settings: CommandSettings, *, clock: Clock, ids: IdSource) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._ids = ids

    def record(self, tx: Transaction, commands: Sequence[Command], outcome: Outcome, now: datetime) -> None:
        """Add feedback on commands of one organization that have left their queues, where it was asked for."""
        wanted = [command for command in commands if command.ack.wants(outcome)]
        if not wanted:
            return
        organization_id = wanted[0].organization_id
        last = command_repository.advance(tx.connection, organization_id, _COUNTER, by=len(wanted))
        first = last - len(wanted) + 1
        records = [
            Feedback(
                organization_id=organization_id,
                position=first + index,
                generation_id=command.generation_id,
                device_id=command.device_id,
                command_id=command.command_id,
                message_id=command.message_id,
                outcome=outcome,
                description=DESCRIPTIONS[outcome],
                occurred_at=now,
            )
            for index, command in enumerate(wanted)
        ]
        feedback_repository.insert(tx.connection, records)
        if last > self._settings.feedback_records:
            feedback_repository.delete_up_to(tx.connection, organization_id, last - self._settings.feedback_records)

    async def list(self, organization_id: OrganizationId, *, after: int = 0, limit: int = 100) -> FeedbackPage:
        """Return feedback behind a position, oldest first.

        Raises:
            InvalidCursor: ``after`` is no position, or ``limit`` is outside 1 to 1,000.
        """
        if not 0 <= after <= _POSITION_MAX or not 1 <= limit <= PAGE_MAX:
            raise InvalidCursor(f"limit is 1 to {PAGE_MAX}, after is a position", limit=PAGE_MAX)
        found = await self._store.read(
            lambda connection: feedback_repository.list_page(connection, organization_id, after=after, limit=limit + 1)
        )
        page = found[:limit]
        return FeedbackPage(page, page[-1].position if len(found) > limit else None)

    async def take(self, organization_id: OrganizationId) -> FeedbackBatch | None:
        """Lock the oldest feedback that nobody holds for a consumer, or return ``None`` when there is none."""

        def lock(tx: Transaction) -> FeedbackBatch | None:
            now = self._clock.now()
            found = feedback_repository.list_free(
                tx.connection, organization_id, now, limit=self._settings.feedback_batch
            )
            if not found:
                return None
            name, until = self._ids.new("lck"), now + self._settings.feedback_lock
            positions = [each.position for each in found]
            feedback_repository.lock(tx.connection, organization_id, positions, name, until)
            return FeedbackBatch(name, until, found)

        now = self._clock.now()
        waiting = await self._store.read(
            lambda connection: feedback_repository.list_free(connection, organization_id, now, limit=1)
        )
        return await self._store.write(lock) if waiting else None

    async def complete(self, organization_id: OrganizationId, lock: str) -> None:
        """Note that a consumer is done with its batch.

        Raises:
            FeedbackLockLost: The lock has run out: others may have the batch now.
        """
        name = _checked(lock)
        await self._store.write(
            lambda tx: _held(feedback_repository.complete(tx.connection, organization_id, name, self._clock.now()))
        )

    async def abandon(self, organization_id: OrganizationId, lock: str) -> None:
        """Give a batch back, for whoever asks next.

        Raises:
            FeedbackLockLost: The lock has run out.
        """
        name = _checked(lock)
        await self._store.write(
            lambda tx: _held(feedback_repository.release(tx.connection, organization_id, name, self._clock.now()))
        )

    async def forget_old(self, organization_id: OrganizationId) -> int:
        """Forget feedback that is older than the settings allow; returns how much that was."""
        horizon = self._clock.now() - self._settings.feedback_age
        oldest = await self._store.read(lambda connection: feedback_repository.find_oldest(connection, organization_id))
        if oldest is None or oldest >= horizon:
            return 0
        return await self._store.write(
            lambda tx: feedback_repository.delete_before(tx.connection, organization_id, horizon)
        )


def _checked(lock: str) -> str:
    try:
        return parse_generation_id(lock)
    except InvalidId as error:
        raise FeedbackLockLost(f"{lock[:80]!r} is no lock") from error


def _held(count: int) -> None:
    if not count:
        raise FeedbackLockLost("the lock on this feedback has run out", hint="take the next batch")
