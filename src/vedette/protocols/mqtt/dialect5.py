"""What a server keeps and says on a connection that speaks MQTT 5; ``ServerConnection`` decides when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from vedette.protocols.errors import LocalProtocolError, RemoteProtocolError
from vedette.protocols.mqtt import connect5, messages5
from vedette.protocols.mqtt import properties as p
from vedette.protocols.mqtt.events import (
    Connect,
    Disconnect,
    Puback,
    Publish,
    ServerOffer,
    Suback,
    Unsuback,
    Unsubscribe,
)
from vedette.protocols.mqtt.limits import Limits
from vedette.protocols.mqtt.reasons import (
    CONNACK_CODES,
    FROM_RETURN_CODE,
    SERVER_DISCONNECT_CODES,
    ReasonCode,
)
from vedette.protocols.mqtt.wire import MAX_U16, TopicDecoder

MAX_REASON_STRING_CHARS: Final = 512


class Dialect5:
    """The MQTT 5 side of one server connection, from its CONNECT on.

    Every packet it writes fits what the client takes: a reason string that would make it too large is left out, and a
    packet that is too large without one is not sent, which is ``b""``.

    Source:
        MQTT 5.0 §3.1.2.11.4.
    """

    __slots__ = ("_connect", "_limits", "_messages", "_unanswered")

    def __init__(self, limits: Limits, topics: TopicDecoder) -> None:
        self._limits = limits
        self._messages = messages5.PublishReader(topics, limits, p.IN_PUBLISH_FROM_CLIENT)
        self._connect: Connect | None = None
        self._unanswered: dict[int, int] = {}

    # --- what the client sends ----------------------------------------------------------------------------------

    def read_connect(self, buffer: bytes, start: int, stop: int) -> Connect:
        """Read CONNECT and keep to what it says from now on."""
        self._connect = connect = connect5.decode_connect(buffer, start, stop, self._limits)
        return connect

    def read_publish(self, first: int, buffer: bytes, start: int, stop: int) -> Publish:
        """Read PUBLISH."""
        return self._messages.decode(first, buffer, start, stop)

    def read_unsubscribe(self, buffer: bytes, start: int, stop: int) -> Unsubscribe:
        """Read UNSUBSCRIBE, and note how many reason codes its answer needs."""
        unsubscribe = messages5.decode_unsubscribe(buffer, start, stop, self._limits)
        if len(self._unanswered) >= self._limits.max_unanswered:
            raise RemoteProtocolError(
                f"more than {self._limits.max_unanswered} UNSUBSCRIBE packets not yet answered",
                reason_code=ReasonCode.QUOTA_EXCEEDED,
            )
        self._unanswered[unsubscribe.packet_id] = len(unsubscribe.filters)
        return unsubscribe

    def read_disconnect(self, buffer: bytes, start: int, stop: int) -> Disconnect:
        """Read DISCONNECT.

        Source:
            MQTT 5.0 §3.14.2.2.2: who asked for no kept session can't ask for one when leaving.
        """
        disconnect = connect5.decode_disconnect(buffer, start, stop, self._limits, by_client=True)
        if disconnect.session_expiry_s and self._connect is not None and not self._connect.session_expiry_s:
            raise RemoteProtocolError(
                "DISCONNECT keeps a session that CONNECT did not", reason_code=ReasonCode.PROTOCOL_ERROR
            )
        return disconnect

    # --- what we answer -----------------------------------------------------------------------------------------

    @property
    def receive_maximum(self) -> int:
        """QoS 1 messages that the client takes unacknowledged."""
        return MAX_U16 if self._connect is None else self._connect.receive_maximum

    def acceptance(
        self, *, session_present: bool, session_expiry_s: int | None, assigned_client_id: str | None, reason_string: str
    ) -> bytes:
        """Write the CONNACK that accepts and tells what we offer."""
        limits, connect = self._limits, self._connect
        is_capped = connect is not None and connect.keep_alive_s > limits.max_keep_alive_s
        is_other_expiry = connect is not None and session_expiry_s not in {None, connect.session_expiry_s}
        offer = ServerOffer(
            session_expiry_s=session_expiry_s if is_other_expiry else None,
            receive_maximum=min(limits.max_inflight, MAX_U16),
            maximum_qos=1,
            is_retain_available=False,
            maximum_packet_bytes=limits.max_packet_bytes,
            assigned_client_id=assigned_client_id,
            topic_alias_maximum=limits.max_topic_aliases,
            reason_string=_reason_string(reason_string),
            are_subscription_ids_available=False,
            are_shared_subscriptions_available=False,
            server_keep_alive_s=limits.max_keep_alive_s if is_capped else None,
        )
        packet = connect5.encode_connack(ReasonCode.SUCCESS, offer, session_present=session_present)
        return packet if self._fits(packet) else b""

    def refusal(self, reason_code: int, reason_string: str) -> bytes:
        """Write the CONNACK that refuses."""
        if reason_code == ReasonCode.SUCCESS:
            raise LocalProtocolError("reason code 0 accepts: it can't refuse")
        offer = ServerOffer(reason_string=_reason_string(reason_string))
        packet = connect5.encode_connack(reason_code, offer, session_present=False)
        if not self._fits(packet):
            packet = connect5.encode_connack(reason_code, ServerOffer(), session_present=False)
        return packet if self._fits(packet) else b""

    def answer_to_error(self, error: RemoteProtocolError, *, is_accepted: bool) -> bytes:
        """Write what ends the connection of a client that broke the rules: CONNACK or DISCONNECT."""
        code = error.reason_code
        if code is None:
            code = ReasonCode.MALFORMED_PACKET
            if error.connack_code is not None:
                code = FROM_RETURN_CODE.get(error.connack_code, code)
        if is_accepted:
            return self.disconnect(code if code in SERVER_DISCONNECT_CODES else ReasonCode.PROTOCOL_ERROR, error.reason)
        return self.refusal(code if code in CONNACK_CODES else ReasonCode.PROTOCOL_ERROR, error.reason)

    def disconnect(self, reason_code: int, reason_string: str) -> bytes:
        """Write DISCONNECT."""
        if reason_code not in SERVER_DISCONNECT_CODES:
            raise LocalProtocolError(f"{reason_code:#04x} is no reason code of a server's DISCONNECT")
        packet = connect5.encode_disconnect(Disconnect(reason_code, _reason_string(reason_string)))
        if not self._fits(packet):
            packet = connect5.encode_disconnect(Disconnect(reason_code))
        return packet if self._fits(packet) else b""

    def publish(self, publish: Publish) -> bytes:
        """Write PUBLISH."""
        packet = messages5.encode_publish(publish)
        return packet if self._fits(packet) else b""

    def puback(self, packet_id: int, reason_code: int, reason_string: str) -> bytes:
        """Write PUBACK."""
        packet = messages5.encode_puback(Puback(packet_id, reason_code, self._explanation(reason_string)))
        return packet if self._fits(packet) else messages5.encode_puback(Puback(packet_id, reason_code))

    def suback(self, packet_id: int, return_codes: Sequence[int], reason_string: str) -> bytes:
        """Write SUBACK."""
        codes = tuple(return_codes)
        packet = messages5.encode_suback(Suback(packet_id, codes, self._explanation(reason_string)))
        return packet if self._fits(packet) else messages5.encode_suback(Suback(packet_id, codes))

    def unsuback(self, packet_id: int, reason_codes: Sequence[int]) -> bytes:
        """Write UNSUBACK; without codes every filter is one that was given up."""
        count = self._unanswered.pop(packet_id, 1)
        codes = tuple(reason_codes) or (ReasonCode.SUCCESS,) * count
        if len(codes) != count:
            raise LocalProtocolError(f"UNSUBACK with {len(codes)} reason codes for {count} filters")
        return messages5.encode_unsuback(Unsuback(packet_id, codes))

    def _explanation(self, reason_string: str) -> str | None:
        """Return the reason string of an answer, if the client wants any ([MQTT-3.1.2-29])."""
        if self._connect is not None and not self._connect.wants_problem_information:
            return None
        return _reason_string(reason_string)

    def _fits(self, packet: bytes) -> bool:
        most = None if self._connect is None else self._connect.maximum_packet_bytes
        return most is None or len(packet) <= most


def _reason_string(text: str) -> str | None:
    """Return text as a reason string can carry it, or ``None`` for none."""
    kept = text[:MAX_REASON_STRING_CHARS].replace("\0", "")
    return kept.encode("utf-8", "replace").decode() if kept else None
