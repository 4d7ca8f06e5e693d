"""How commands leave their queues other than by delivery: each end is told to the sender who asked for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from vedette.kernel import Clock, OrganizationId
from vedette.messaging import command_repository as repository
from vedette.messaging.command_model import Command, Outcome
from vedette.messaging.command_repository import Waiting
from vedette.messaging.feedback import FeedbackLog
from vedette.registry import ClockGuard
from vedette.store import Transaction


class CommandEndings:
    """Takes commands out of queues in the caller's transaction, with their feedback.

    Args:
        feedback: Hears how commands end.
        guard: While it does not believe the clock, nothing expires for good; what seems expired is held back.
        clock: For times to live.
    """

    def __init__(self, feedback: FeedbackLog, guard: ClockGuard, *, clock: Clock) -> None:
        self._feedback = feedback
        self._guard = guard
        self._clock = clock

    @property
    def may_expire(self) -> bool:
        """Whether the clock can be believed when it says that a time to live is over."""
        return not self._guard.read().is_held

    def settle(self, tx: Transaction, commands: Sequence[Command], outcome: Outcome) -> None:
        """End commands of one organization; the only way a command leaves its queue."""
        repository.delete(tx.connection, commands)
        self._feedback.record(tx, commands, outcome, self._clock.now())

    def drop_expired(self, tx: Transaction, queue: Sequence[Waiting], now: datetime) -> list[Waiting]:
        """Return what has not expired; the rest leaves its queue, unless the clock cannot be believed."""
        expired = [each.command for each in queue if each.command.expires_at <= now]
        if expired and self.may_expire:
            self.settle(tx, expired, Outcome.EXPIRED)
        return [each for each in queue if each.command.expires_at > now]

    def expire(self, tx: Transaction, organization_id: OrganizationId, *, limit: int) -> int:
        """End the oldest commands of all queues whose time to live is over; returns how many."""
        expired = repository.list_expired(tx.connection, organization_id, self._clock.now(), limit=limit)
        self.settle(tx, expired, Outcome.EXPIRED)
        return len(expired)

    def purge(self, tx: Transaction, organization_id: str, generation_id: str) -> int:
        """Empty a queue; returns how much that was."""
        queue = repository.list_queue(tx.connection, organization_id, generation_id)
        self.settle(tx, [each.command for each in queue], Outcome.PURGED)
        return len(queue)
