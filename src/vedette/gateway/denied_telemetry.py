"""Telemetry that policy denies, in a session that goes on with what it may.

An MQTT 5 client is told with PUBACK, by reason code and sentence. MQTT 3.1.1 has no word for it: a server must
acknowledge or close (§3.3.5), and what is acknowledged here is on disk. So the message stays unacknowledged and the
connection is closed after a while; until then the device can do what it may, and it sends the message again later.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from vedette.gateway.mqtt5_reasons import answer_to
from vedette.gateway.reception import Reception
from vedette.protocols.mqtt import Publish, ReasonCode

if TYPE_CHECKING:
    from vedette.gateway.session import HubSession

_ACTION: Final = "sendTelemetry"
_NOT_TAKEN: Final = "a message was not permitted and not taken; the device sends it again when it is back"


class DeniedTelemetry:
    """The denied messages of one session; made with the first one.

    Args:
        reception: What all connections share.
        session: Whose they are.
    """

    __slots__ = ("_closing", "_reasons", "_reception", "_session")

    def __init__(self, reception: Reception, session: HubSession) -> None:
        self._reception = reception
        self._session = session
        self._reasons: dict[int, str] = {}
        self._closing: asyncio.TimerHandle | None = None

    def deny(self, publish: Publish, reason: str) -> None:
        """Take note of a message that is not taken; QoS 0 is dropped."""
        session, reception = self._session, self._reception
        reception.traffic.refused(session.generation_id)
        if not publish.packet_id:
            return
        if session.mqtt.is_v5:
            self._reasons[publish.packet_id] = reason
            session.acknowledge(publish.packet_id)
        elif self._closing is None:
            self._closing = reception.loop.call_later(reception.settings.session.denied_grace_s, self._close, reason)

    def answer(self, packet_id: int) -> bool:
        """Note the PUBACK of a message if it was denied; whether it was."""
        reason = self._reasons.pop(packet_id, None)
        if reason is None:
            return False
        self._session.mqtt.puback(
            packet_id, reason_code=ReasonCode.NOT_AUTHORIZED, reason_string=answer_to(reason).text
        )
        return True

    def ended(self) -> None:
        """Let go: the session is over."""
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None

    def _close(self, reason: str) -> None:
        self._session.break_off(reason, _NOT_TAKEN, _ACTION)
