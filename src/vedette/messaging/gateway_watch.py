"""Which gateways live, and whether what is known of their sessions is all there is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from vedette.bus.contract import PepStatus, ReportSessions, SessionsReport
from vedette.kernel import Clock, IdSource
from vedette.messaging.downlinks import Downlinks
from vedette.messaging.session_directory import SessionDirectory
from vedette.messaging.settings import DirectorySettings

log = logging.getLogger(__name__)

TICK_S: Final = 1.0
GATEWAY_LOST: Final = "gateway_lost"
GATEWAY_RESTARTED: Final = "gateway_restarted"


@dataclass(slots=True)
class _Report:
    """A report that was asked for and is on its way."""

    report_id: str
    asked_s: float
    next_part: int | None = None
    sessions: list[tuple[str, str, int]] = field(default_factory=list)
    addresses: dict[str, str] = field(default_factory=dict)
    # Identities that came or went since it was asked for: of them we know better.
    touched: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Gateway:
    name: str
    seen_s: float
    boot_id: str = ""
    is_known: bool = False
    differs_since_s: float | None = None
    report: _Report | None = None


class GatewayWatch:
    """Follows heartbeats and asks gateways for all of their sessions when in doubt.

    Args:
        directory: Is told what is found out.
        downlinks: To ask through.
        settings: How long to wait for what.
        expected: Names of gateways that there are, heard of or not.
        clock: Monotonic time decides who lives, so that a wall clock that jumps ends nothing.
        ids: For report ids.
    """

    def __init__(
        self,
        directory: SessionDirectory,
        downlinks: Downlinks,
        settings: DirectorySettings,
        *,
        expected: Sequence[str],
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._directory = directory
        self._downlinks = downlinks
        self._settings = settings
        self._expected = frozenset(expected)
        self._clock = clock
        self._ids = ids
        self._gateways: dict[str, _Gateway] = {}
        self._is_bus_away = False
        self._began_s = self._ticked_s = clock.monotonic_s()
        self._settled: list[Callable[[], None]] = []

    def on_settled(self, listener: Callable[[], None]) -> None:
        """Have ``listener`` called each time the directory becomes settled; it must not block."""
        self._settled.append(listener)

    def names(self) -> frozenset[str]:
        """Return the gateways that may hold sessions."""
        return self._expected | self._gateways.keys()

    def heard(self, status: PepStatus) -> None:
        """Take a heartbeat."""
        now_s = self._clock.monotonic_s()
        gateway = self._entry(status.gateway, now_s)
        if gateway is None:
            return
        gateway.seen_s = now_s
        if gateway.boot_id not in {"", status.boot_id}:
            lost = self._directory.lose(gateway.name, GATEWAY_RESTARTED)
            log.info("a gateway has restarted", extra={"gateway": gateway.name, "sessions": lost})
            gateway.is_known, gateway.report = False, None
        gateway.boot_id = status.boot_id
        if status.sessions == len(self._directory.sessions_of(gateway.name)):
            gateway.differs_since_s = None
        elif gateway.differs_since_s is None:
            gateway.differs_since_s = now_s
        is_doubtful = gateway.differs_since_s is not None and (
            now_s - gateway.differs_since_s >= self._settings.mismatch_s
        )
        if not gateway.is_known or is_doubtful:
            self._ask(gateway, now_s)
        self._judge(now_s)

    def touched(self, name: str, generation_id: str) -> None:
        """Take note that a gateway spoke of an identity: that is younger than a report on its way."""
        gateway = self._entry(name, self._clock.monotonic_s())
        if gateway is not None and gateway.report is not None:
            gateway.report.touched.add(generation_id)

    def reported(self, name: str, part: SessionsReport) -> None:
        """Take a part of a report; parts that were not asked for, or are out of order, count for nothing."""
        gateway = self._gateways.get(name)
        report = None if gateway is None else gateway.report
        if gateway is None or report is None or report.report_id != part.report_id:
            return
        is_next = part.part in {0, 1} if report.next_part is None else part.part == report.next_part
        too_many = len(report.sessions) + len(part.sessions) > self._settings.sessions
        if not is_next or too_many or gateway.boot_id not in {"", part.boot_id}:
            log.warning("a report of sessions cannot be used", extra={"gateway": name, "part": part.part})
            gateway.report = None  # the next heartbeat asks again
            return
        report.sessions += part.sessions
        report.addresses.update(zip((row[0] for row in part.sessions), part.addresses, strict=False))
        report.next_part = part.part + 1
        if part.is_last:
            gateway.report, gateway.is_known, gateway.differs_since_s = None, True, None
            self._directory.reconcile(name, report.sessions, addresses=report.addresses, touched=report.touched)
            self._judge(self._clock.monotonic_s())

    def bus_changed(self, *, is_connected: bool) -> None:
        """Take note of the bus: while it is away gateways are silent for no reason of theirs."""
        self._is_bus_away = not is_connected
        now_s = self._began_s = self._clock.monotonic_s()
        for gateway in self._gateways.values():
            gateway.is_known, gateway.report, gateway.seen_s = False, None, now_s
        self._judge(now_s)

    async def run(self, *, every_s: float = TICK_S) -> None:
        """Look after gateways each second until cancelled."""
        while True:
            await asyncio.sleep(every_s)
            self.tick()

    def tick(self) -> None:
        """Let go of gateways that have fallen silent."""
        now_s = self._clock.monotonic_s()
        pause_s, self._ticked_s = now_s - self._ticked_s, now_s
        if self._is_bus_away:
            return
        if pause_s > self._settings.stall_s:
            # We slept, or were held up: their heartbeats wait in our own socket.
            for gateway in self._gateways.values():
                gateway.seen_s = now_s
        for gateway in list(self._gateways.values()):
            if now_s - gateway.seen_s > self._settings.silence_s:
                del self._gateways[gateway.name]
                lost = self._directory.lose(gateway.name, GATEWAY_LOST)
                log.warning("a gateway has fallen silent", extra={"gateway": gateway.name, "sessions": lost})
        self._judge(now_s)

    def _entry(self, name: str, now_s: float) -> _Gateway | None:
        gateway = self._gateways.get(name)
        if gateway is None and len(self._gateways) < self._settings.gateways:
            gateway = self._gateways[name] = _Gateway(name, now_s)
        return gateway

    def _ask(self, gateway: _Gateway, now_s: float) -> None:
        report = gateway.report
        if report is not None and now_s - report.asked_s < self._settings.report_timeout_s:
            return
        gateway.report = _Report(self._ids.new("rep"), now_s)
        if not self._downlinks.send(gateway.name, ReportSessions(report_id=gateway.report.report_id)):
            gateway.report = None

    def _judge(self, now_s: float) -> None:
        """Say whether every gateway has told all: those that live, and those that should but are not heard of yet."""
        are_heard = bool(self._gateways) and self._expected <= self._gateways.keys()
        is_time_over = now_s - self._began_s > self._settings.silence_s
        is_settled = (
            not self._is_bus_away
            and (are_heard or is_time_over)
            and all(gateway.is_known for gateway in self._gateways.values())
        )
        was_settled = self._directory.is_settled
        self._directory.settle(is_settled=is_settled)
        if is_settled and not was_settled:
            for listener in self._settled:
                listener()
