"""Two clients under one identity: they displace each other, are slowed down, and control hears of a possible copy."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final, NamedTuple

from vedette.bus.contract import REPORT_CLONE, CloneReported, ReportClone
from vedette.gateway.control_calls import Control
from vedette.gateway.listener import guard
from vedette.gateway.settings import SessionSettings
from vedette.kernel import Clock, Problem

log = logging.getLogger(__name__)

Name = tuple[str, str | None]

_MAX_NAMES: Final = 16_384
_MAX_PARTIES: Final = 8
_MAX_REPORTED: Final = 4_096
_MAX_UNDER_WAY: Final = 64
_REPORT_EVERY_S: Final = 60.0
_TIMEOUT_S: Final = 5.0


class Party(NamedTuple):
    """One connection of a take-over: where it comes from, and the digest of what it presented, if it is known here."""

    remote_address: str
    certificate_sha256: str | None


class Suspicion(NamedTuple):
    """An identity that was taken over too often, and who took part: addresses and digests, the latest last."""

    generation_id: str
    takeovers: int
    remote_addresses: list[str]
    certificate_sha256: list[str]


class _Takeovers:
    __slots__ = ("addresses", "digests", "times")

    def __init__(self, most: int) -> None:
        self.times: deque[float] = deque(maxlen=most)
        self.addresses: dict[str, None] = {}
        self.digests: dict[str, None] = {}


class CloneWatch:
    """Counts the take-overs of each name.

    Args:
        settings: How many take-overs within which time.
        clock: Monotonic time.
        suspect: Hears of each take-over that is one too many.
    """

    def __init__(self, settings: SessionSettings, clock: Clock, suspect: Callable[[Suspicion], None]) -> None:
        self._settings = settings
        self._clock = clock
        self._suspect = suspect
        self._names: dict[Name, _Takeovers] = {}

    def is_damped(self, name: Name) -> bool:
        """Whether an identity was taken over too often of late: the next one has to wait."""
        taken = self._names.get(name)
        if taken is None:
            return False
        self._forget_old(taken)
        return len(taken.times) >= self._settings.takeovers

    def note(self, generation_id: str, name: Name, *parties: Party) -> None:
        """Count a take-over, here or by another gateway.

        Args:
            generation_id: Of the identity.
            name: Of the identity.
            parties: Both connections; each had proved to be the identity.
        """
        taken = self._names.get(name)
        if taken is None:
            if len(self._names) >= _MAX_NAMES:
                self._names.clear()
            taken = self._names[name] = _Takeovers(self._settings.takeovers)
        self._forget_old(taken)
        taken.times.append(self._clock.monotonic_s())
        for party in parties:
            _keep_latest(taken.addresses, party.remote_address)
            _keep_latest(taken.digests, party.certificate_sha256)
        if len(taken.times) >= self._settings.takeovers:
            self._suspect(Suspicion(generation_id, len(taken.times), list(taken.addresses), list(taken.digests)))

    def sweep(self) -> None:
        """Forget what is over; call it each second."""
        for name in [name for name, taken in self._names.items() if self._forget_old(taken)]:
            del self._names[name]

    def _forget_old(self, taken: _Takeovers) -> bool:
        """Drop take-overs outside the window; whether none is left."""
        begin_s = self._clock.monotonic_s() - self._settings.takeover_window_s
        times = taken.times
        while times and times[0] < begin_s:
            times.popleft()
        return not times


class CloneReporter:
    """Reports possible copies to control, each identity once a minute.

    Args:
        bus: Where to.
        organization_id: Of the report.
        gateway: This gateway's name.
        window_s: Within which take-overs were counted.
        clock: Monotonic time.
        tasks: Parent of the tasks that report.
    """

    def __init__(
        self,
        *,
        bus: Control,
        organization_id: str,
        gateway: str,
        window_s: float,
        clock: Clock,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._bus = bus
        self._organization_id = organization_id
        self._gateway = gateway
        self._window_s = window_s
        self._clock = clock
        self._tasks = tasks
        self._reported: OrderedDict[str, float] = OrderedDict()
        self._under_way = 0

    def report(self, suspicion: Suspicion) -> None:
        """Report an identity, unless it was reported within the last minute; returns at once."""
        now_s = self._clock.monotonic_s()
        reported = self._reported
        while reported and now_s - next(iter(reported.values())) >= _REPORT_EVERY_S:
            reported.popitem(last=False)
        if suspicion.generation_id in reported or self._under_way >= _MAX_UNDER_WAY or len(reported) >= _MAX_REPORTED:
            return
        reported[suspicion.generation_id] = now_s
        self._under_way += 1
        report = ReportClone(
            organization_id=self._organization_id,
            gateway=self._gateway,
            generation_id=suspicion.generation_id,
            takeovers=suspicion.takeovers,
            window_s=int(self._window_s),
            remote_addresses=suspicion.remote_addresses,
            certificate_sha256=suspicion.certificate_sha256,
        )
        self._tasks.create_task(guard(self._tell(report)), name="report clone")

    async def _tell(self, report: ReportClone) -> None:
        facts = {"generation_id": report.generation_id, "takeovers": report.takeovers}
        log.warning("two clients share an identity and displace each other", extra=facts)
        try:
            await self._bus.call(REPORT_CLONE, report, CloneReported, timeout_s=_TIMEOUT_S)
        except Problem as problem:
            # Not reported: the next take-over tries again.
            self._reported.pop(report.generation_id, None)
            log.warning("a possible clone could not be reported", extra={"reason": problem.detail})
        finally:
            self._under_way -= 1


def _keep_latest(texts: dict[str, None], text: str | None) -> None:
    if not text:
        return
    texts.pop(text, None)
    if len(texts) >= _MAX_PARTIES:
        del texts[next(iter(texts))]
    texts[text] = None
