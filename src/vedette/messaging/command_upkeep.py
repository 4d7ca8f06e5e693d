"""What goes on around the queues by itself: times to live end, old feedback goes, lost nudges are said again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from itertools import groupby
from typing import Final, Protocol

import sqlalchemy as sa

from vedette.kernel import Clock, OrganizationId, Problem
from vedette.messaging import command_repository as repository
from vedette.messaging.command_endings import CommandEndings
from vedette.messaging.feedback import FeedbackLog
from vedette.store import Store

log = logging.getLogger(__name__)

SWEEP_EVERY_S: Final = 15.0
SWEEP_MAX: Final = 200
_CHUNK: Final = 1_000


class Sessions(Protocol):
    """Who is connected, as far as is known."""

    def session_of(self, generation_id: str) -> str | None:
        """Return the id of the session that holds an identity, if one is known."""
        ...


class CommandUpkeep:
    """Sweeps the queues of one organization.

    Args:
        organization_id: Whose queues.
        store: Holds them.
        endings: Takes commands out.
        feedback: Forgets what is old.
        sessions: Whom to nudge about.
        nudge: Called with an identity for which commands wait.
        clock: For times to live.
    """

    def __init__(
        self,
        organization_id: OrganizationId,
        store: Store,
        endings: CommandEndings,
        *,
        feedback: FeedbackLog,
        sessions: Sessions,
        nudge: Callable[[str], None],
        clock: Clock,
    ) -> None:
        self._organization_id = organization_id
        self._store = store
        self._endings = endings
        self._feedback = feedback
        self._sessions = sessions
        self._nudge = nudge
        self._clock = clock
        self._is_due = asyncio.Event()

    def hasten(self) -> None:
        """Have the next round begin at once."""
        self._is_due.set()

    async def run(self, *, every_s: float = SWEEP_EVERY_S) -> None:
        """Sweep and nudge until cancelled."""
        while True:
            self._is_due.clear()
            try:
                expired = await self.sweep()
                if expired:
                    log.info("commands have expired", extra={"count": expired})
                await self.nudge_again()
            except Problem as problem:
                log.warning("command queues were not swept", extra={"cause": problem.code})
            with suppress(TimeoutError):
                async with asyncio.timeout(every_s):
                    await self._is_due.wait()

    async def sweep(self) -> int:
        """End commands whose time to live is over, and forget old feedback; returns how many commands that were.

        While the clock cannot be believed nothing is ended.
        """
        if not self._endings.may_expire:
            return 0
        await self._feedback.forget_old(self._organization_id)
        count = 0
        while await self._store.read(self._has_expired):
            ended = await self._store.write(lambda tx: self._endings.expire(tx, self._organization_id, limit=SWEEP_MAX))
            count += ended
            if ended < SWEEP_MAX:
                break
        return count

    async def nudge_again(self) -> int:
        """Nudge about commands that the present sessions of their devices have not taken; returns about how many.

        A nudge travels at most once. What a gateway missed, because it, the bus or this process went away in between,
        is said again here.
        """
        after, count, is_last = "", 0, False
        while not is_last:
            rows = await self._store.read(
                lambda connection, after=after: repository.list_holders(  # type: ignore[misc]  # a bound default
                    connection, self._organization_id, after=after, limit=_CHUNK
                )
            )
            is_last = len(rows) < _CHUNK
            if not is_last:  # the rest of the last queue stands in the next chunk
                rows = [row for row in rows if row[0] != rows[-1][0]]
            for generation_id, group in groupby(rows, key=lambda row: row[0]):
                session_id = self._sessions.session_of(generation_id)
                if session_id is not None and any(taken_by != session_id for _, taken_by in group):
                    self._nudge(generation_id)
                    count += 1
                after = generation_id
        return count

    def _has_expired(self, connection: sa.Connection) -> bool:
        return bool(repository.list_expired(connection, self._organization_id, self._clock.now(), limit=1))
