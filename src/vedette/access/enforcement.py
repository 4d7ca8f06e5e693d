"""Who has enforced what: enforcement points report, and an act can wait for them for a moment."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from vedette.access.administrator import PolicyAdministrator
from vedette.access.hops import HopLog
from vedette.bus import BusConnection, Message
from vedette.bus.contract import Enforced, PepStatus, pep_status_subject
from vedette.kernel import Clock, OrganizationId

log = logging.getLogger(__name__)

ALIVE_S: Final = 3.0
# One that says nothing may still hold sessions: for so long it stands as pending in whatever is done.
FORGOTTEN_S: Final = 3600.0
WAIT_S: Final = 0.25
GATEWAYS_MAX: Final = 1024
CUTS_MAX: Final = 16_384


@dataclass(frozen=True, slots=True)
class Enforcement:
    """How far an act has come.

    Attributes:
        enforced_at: When the last enforcement point had applied it; ``None`` while some have not.
        pending: The names of those that have not answered, silent ones included.
        sessions_cut: Live sessions that ended by it, as far as reported.
    """

    enforced_at: datetime | None
    pending: tuple[str, ...] = ()
    sessions_cut: int = 0


@dataclass(slots=True)
class PepView:
    """What is known of one enforcement point."""

    status: PepStatus
    seen_s: float


class EnforcementTracker:
    """Listens to enforcement points and lets acts wait for them.

    Args:
        organization_id: Whose enforcement points these are.
        administrator: Knows the sequence of each change.
        clock: For who is alive.
        expected: Names of enforcement points that there are, heard of or not.
        hops: Where it is noted when a change was enforced.
    """

    def __init__(
        self,
        organization_id: OrganizationId,
        administrator: PolicyAdministrator,
        *,
        clock: Clock,
        expected: Sequence[str] = (),
        hops: HopLog | None = None,
    ) -> None:
        self._organization_id = organization_id
        self._expected = frozenset(expected)
        self._administrator = administrator
        self._hops = hops or HopLog()
        self._clock = clock
        self._peps: dict[str, PepView] = {}
        # By identity: the last sequence enforced, and the sessions that ended by it.
        self._cut: dict[str, tuple[int, int]] = {}
        self._news = asyncio.Event()

    def listen(self, connection: BusConnection) -> None:
        """Subscribe to the status of all enforcement points."""
        connection.subscribe(pep_status_subject(self._organization_id, "*"), self.receive)

    def receive(self, message: Message) -> None:
        """Take one status; its sender is who the bus lets publish on that subject, whatever the body says."""
        gateway = message.subject.rsplit(".", 1)[-1]
        try:
            status = msgspec.msgpack.decode(message.payload, type=PepStatus)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            log.warning("unreadable status", extra={"gateway": gateway})
            return
        if status.gateway != gateway or status.organization_id != self._organization_id:
            log.warning("status under another name", extra={"gateway": gateway})
            return
        if gateway not in self._peps and len(self._peps) >= GATEWAYS_MAX:
            return
        self._peps[gateway] = PepView(status, self._clock.monotonic_s())
        now = self._clock.now()
        for enforced in status.enforced:
            self._count(enforced)
            self._hops.note(gateway, status.boot_id, enforced, now)
        self._news.set()

    def alive(self) -> list[PepStatus]:
        """Return the last status of each enforcement point heard of in the last three seconds."""
        horizon_s = self._clock.monotonic_s() - ALIVE_S
        return [view.status for view in self._peps.values() if view.seen_s >= horizon_s]

    def silent(self) -> list[str]:
        """Return the names of those that should report and have not for three seconds: what they do is not known."""
        now_s = self._clock.monotonic_s()
        ages_s = {name: now_s - view.seen_s for name, view in self._peps.items()}
        found = {name for name, age_s in ages_s.items() if ALIVE_S < age_s <= FORGOTTEN_S}
        return sorted(found | {name for name in self._expected if ages_s.get(name, FORGOTTEN_S) > ALIVE_S})

    async def wait(self, generation_ids: Sequence[str], *, timeout_s: float = WAIT_S) -> Enforcement:
        """Wait until all living enforcement points have applied the last change of these identities.

        Silent ones are not waited for, but they are pending: without the bus nothing is known to be enforced.

        Args:
            generation_ids: Whose change was committed just now.
            timeout_s: How long to wait at most; the change reaches them all the same.
        """
        sequences = {each: self._administrator.sequence_of(each) for each in generation_ids}
        sequence = max(sequences.values(), default=0)
        deadline_s = self._clock.monotonic_s() + timeout_s
        while True:
            lagging = [each.gateway for each in self.alive() if each.sequence < sequence]
            left_s = deadline_s - self._clock.monotonic_s()
            if not lagging or left_s <= 0:
                pending = tuple(sorted({*lagging, *self.silent()}))
                cut = sum(self._sessions_cut(each, expected) for each, expected in sequences.items())
                return Enforcement(None if pending else self._clock.now(), pending, cut)
            await self._wait_news(left_s)

    async def _wait_news(self, timeout_s: float) -> None:
        self._news.clear()
        try:
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        except TimeoutError:
            return

    def _count(self, enforced: Enforced) -> None:
        sequence, cut = self._cut.pop(enforced.generation_id, (0, 0))
        already = cut if sequence == enforced.sequence else 0
        self._cut[enforced.generation_id] = (enforced.sequence, already + enforced.sessions_cut)
        if len(self._cut) > CUTS_MAX:
            self._cut.pop(next(iter(self._cut)))

    def _sessions_cut(self, generation_id: str, sequence: int) -> int:
        enforced, cut = self._cut.get(generation_id, (0, 0))
        return cut if enforced >= sequence else 0
