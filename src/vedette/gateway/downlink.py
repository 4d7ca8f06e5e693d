"""What control tells this gateway's sessions: commands wait, call a method, properties changed, who is there."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

import msgspec

from vedette.bus import Message
from vedette.bus.contract import (
    CommandsReady,
    DesiredChanged,
    Downlink,
    InvokeMethod,
    MethodFailed,
    ReportSessions,
    downlink_subject,
)
from vedette.gateway.reception import Reception

log = logging.getLogger(__name__)

_WOKEN_AT_ONCE: Final = 20
_WAKE_PAUSE_S: Final = 0.05


class DownlinkReader:
    """Hands each message to the session it is for.

    Args:
        reception: Sessions, and the way back.
    """

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._decoder = msgspec.msgpack.Decoder(Downlink)
        self._report_wanted: str | None = None
        self._is_reporting = False
        self._is_waking = False

    def start(self) -> None:
        """Listen, now and after every reconnect."""
        reception = self._reception
        reception.bus.subscribe(downlink_subject(reception.anchor.organization_id, reception.gateway), self.receive)
        reception.bus.on_state(self._bus_changed)

    def receive(self, message: Message) -> None:
        """Act on a message; one that cannot be read is dropped."""
        try:
            said: Downlink = self._decoder.decode(message.payload)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            log.warning("a message of control could not be read", extra={"subject": message.subject})
            return
        sessions = self._reception.sessions
        match said:
            case CommandsReady(generation_id=generation_id):
                if (session := sessions.get(generation_id)) is not None:
                    session.commands_ready()
            case InvokeMethod(generation_id=generation_id, call_id=call_id):
                if (session := sessions.get(generation_id)) is not None:
                    session.invoke(said)
                else:
                    self._reception.uplink.send(MethodFailed(call_id=call_id, reason="not_online"))
            case DesiredChanged(generation_id=generation_id):
                if (session := sessions.get(generation_id)) is not None:
                    session.desired_changed(said)
            case ReportSessions(report_id=report_id):
                self._report(report_id)

    def _report(self, report_id: str) -> None:
        self._report_wanted = report_id  # who asks twice has forgotten the first time
        if not self._is_reporting:
            self._is_reporting = True
            self._reception.start(self._report_sessions(), "report sessions")

    async def _report_sessions(self) -> None:
        try:
            while (report_id := self._report_wanted) is not None:
                self._report_wanted = None
                await self._reception.uplink.report_sessions(report_id, self._reception.sessions)
        finally:
            self._is_reporting = False

    def _bus_changed(self, is_connected: bool) -> None:  # noqa: FBT001 - the bus's listener
        if is_connected and not self._is_waking:
            self._is_waking = True
            self._reception.start(self._wake_sessions(), "look for commands")

    async def _wake_sessions(self) -> None:
        """Look for the commands that we were not told of while the bus was away."""
        try:
            woken = 0
            for session in self._reception.sessions.all():
                if session.commands_ready():
                    woken += 1
                    if not woken % _WOKEN_AT_ONCE:
                        await asyncio.sleep(_WAKE_PAUSE_S)
        finally:
            self._is_waking = False
