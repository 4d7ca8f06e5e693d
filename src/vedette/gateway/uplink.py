"""What a gateway tells control of its sessions: their ends, answers to methods, and all of them when asked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from vedette.bus import BusConnection
from vedette.bus.contract import SessionClosed, SessionsReport, Uplink, uplink_subject
from vedette.kernel import Clock, Problem

if TYPE_CHECKING:
    from vedette.gateway.sessions import LiveSession, SessionTable

log = logging.getLogger(__name__)

SESSIONS_PER_PART: Final = 2_000


class UplinkSender:
    """Sends at most once: what the bus loses is told again by the next report, or its asker's time runs out.

    Args:
        bus: Where to.
        organization_id: Of the subject.
        gateway: This gateway's name.
        boot_id: As its heartbeats say.
        clock: Stamps ends.
    """

    def __init__(self, *, bus: BusConnection, organization_id: str, gateway: str, boot_id: str, clock: Clock) -> None:
        self._bus = bus
        self._subject = uplink_subject(organization_id, gateway)
        self._boot_id = boot_id
        self._clock = clock
        self._encode = msgspec.msgpack.Encoder().encode

    def send(self, message: Uplink, *, may_wait: bool = False) -> bool:
        """Send a message; whether the bus was there to take it."""
        try:
            self._bus.publish(self._subject, self._encode(message), may_wait=may_wait)
        except Problem as problem:
            log.debug("control not told", extra={"what": type(message).__name__, "reason": problem.detail})
            return False
        return True

    def session_closed(self, generation_id: str, session_id: str, reason: str) -> None:
        """Say that a session has ended."""
        closed_at_ms = int(self._clock.now().timestamp() * 1000)
        closed = SessionClosed(
            generation_id=generation_id, session_id=session_id, reason=reason, closed_at_ms=closed_at_ms
        )
        self.send(closed, may_wait=True)

    async def report_sessions(self, report_id: str, sessions: SessionTable) -> None:
        """List all sessions, in parts, with turns of the event loop between them."""
        listed = sessions.all()
        parts = range(0, max(len(listed), 1), SESSIONS_PER_PART)
        for number, begin in enumerate(parts):
            rows = _rows(listed[begin : begin + SESSIONS_PER_PART], sessions)
            is_last = number == len(parts) - 1
            report = SessionsReport(
                report_id=report_id,
                boot_id=self._boot_id,
                part=number,
                is_last=is_last,
                sessions=[(each.generation_id, each.session_id, each.opened_at_ms) for each in rows],
                addresses=[each.peer.remote_address for each in rows],
            )
            if not self.send(report):
                return  # half a report says nothing: control asks again
            await asyncio.sleep(0)


def _rows(listed: Sequence[LiveSession], sessions: SessionTable) -> list[LiveSession]:
    """Return the sessions that are still open: the end of another has been told already."""
    return [each for each in listed if sessions.get(each.generation_id) is each]
