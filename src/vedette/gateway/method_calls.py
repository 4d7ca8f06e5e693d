"""Direct methods: control calls, the device answers on its topic, once and in time."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from vedette.bus.contract import InvokeMethod, MethodAnswered, MethodFailed
from vedette.gateway.reception import Reception
from vedette.protocols import LocalProtocolError
from vedette.protocols.hub import method_request_topic

if TYPE_CHECKING:
    from vedette.gateway.session import HubSession

log = logging.getLogger(__name__)


class MethodCalls:
    """The calls that wait for one session's device.

    Args:
        reception: What all connections share.
        session: Of the device.
    """

    __slots__ = ("_pending", "_reception", "_session")

    def __init__(self, reception: Reception, session: HubSession) -> None:
        self._reception = reception
        self._session = session
        self._pending: dict[str, asyncio.TimerHandle] = {}

    def invoke(self, call: InvokeMethod) -> None:
        """Send a call to the device; it fails by itself when its time is over."""
        reception, session = self._reception, self._session
        settings = reception.settings.session
        if call.call_id in self._pending:
            return
        if len(self._pending) >= settings.max_method_calls or session.backlog_bytes > settings.max_backlog_bytes:
            self._fail(call.call_id, "too_many")
            return
        try:
            is_sent = session.send(method_request_topic(call.method, call.call_id), call.payload)
        except LocalProtocolError as error:
            log.warning("a method call could not be sent", extra={"call_id": call.call_id, "reason": str(error)})
            is_sent = False
        if not is_sent:
            self._fail(call.call_id, "not_sent")
            return
        session.flush()
        self._pending[call.call_id] = reception.loop.call_later(call.timeout_s, self._time_out, call.call_id)

    def answer(self, call_id: str, status: int, payload: bytes) -> None:
        """Pass the device's answer on; one that nobody waits for, or a second one, is passed over."""
        timer = self._pending.pop(call_id, None)
        if timer is not None:
            timer.cancel()
            self._reception.uplink.send(MethodAnswered(call_id=call_id, status=status, payload=payload))

    def is_awaited(self, call_id: str) -> bool:
        """Whether a call waits for its answer."""
        return call_id in self._pending

    def ended(self) -> None:
        """Fail what waits: the session is over."""
        pending, self._pending = self._pending, {}
        for call_id, timer in pending.items():
            timer.cancel()
            self._fail(call_id, "closed")

    def _time_out(self, call_id: str) -> None:
        if self._pending.pop(call_id, None) is not None:
            self._fail(call_id, "timeout")

    def _fail(self, call_id: str, reason: str) -> None:
        self._reception.uplink.send(MethodFailed(call_id=call_id, reason=reason))
