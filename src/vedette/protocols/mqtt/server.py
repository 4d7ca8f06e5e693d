"""The server's half of an MQTT connection, without a socket, a clock or a thread.

The version, 3.1.1 or 5, is what CONNECT says; events and calls are the same for both. The state machine is two tables:
``_CALLS``, which call is allowed in which state, and ``_PACKETS``, which packet is read once connected, with
``_PACKETS_5`` for those that MQTT 5 writes differently. Before, CONNECT alone is read.

    AWAITING_CONNECT ──CONNECT──► DECIDING ──accept──► CONNECTED ──DISCONNECT──► CLOSED
            └────────error──────────► └──refuse──► CLOSED ◄──error──┘
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from typing import ClassVar, Final

from vedette.protocols.errors import LocalProtocolError, RemoteProtocolError
from vedette.protocols.mqtt import connect5, messages5, packet_types, packets
from vedette.protocols.mqtt.dialect5 import Dialect5
from vedette.protocols.mqtt.events import (
    Connect,
    Disconnect,
    Pingreq,
    Puback,
    Publish,
    PublishProperties,
    ServerEvent,
)
from vedette.protocols.mqtt.limits import Limits
from vedette.protocols.mqtt.reasons import FROM_RETURN_CODE, ReasonCode
from vedette.protocols.mqtt.wire import FrameReader, TopicDecoder, encode_topic_name

_PINGREQ: Final = Pingreq()
_DISCONNECT: Final = Disconnect()
_KEEP_ALIVE_GRACE: Final = 1.5


class ServerState(enum.Enum):
    """Where a connection stands."""

    AWAITING_CONNECT = "awaiting_connect"
    DECIDING = "deciding"
    CONNECTED = "connected"
    CLOSED = "closed"


_CONNECTED: Final = ServerState.CONNECTED
_SITUATION: Final = {
    ServerState.AWAITING_CONNECT: "before CONNECT",
    ServerState.CONNECTED: "is not for a server to receive here",
}

# Call → the only state that allows it.
_CALLS: Final = {
    "accept": ServerState.DECIDING,
    "refuse": ServerState.DECIDING,
    "puback": ServerState.CONNECTED,
    "suback": ServerState.CONNECTED,
    "unsuback": ServerState.CONNECTED,
    "pingresp": ServerState.CONNECTED,
    "publish": ServerState.CONNECTED,
    "disconnect": ServerState.CONNECTED,
}

_Handler = Callable[["ServerConnection", int, bytes, int, int], ServerEvent]


class ServerConnection:
    """Reads what a client sends and writes what the server answers.

    Usage: feed bytes to ``receive`` and act on its events in order; after each call write ``bytes_to_send`` to the
    transport, and close it when ``is_closed``. A ``RemoteProtocolError`` closes the connection: write
    ``bytes_to_send`` (it may hold a CONNACK or DISCONNECT that says why) and drop the socket. Answers to a closed
    connection are dropped, since a peer may leave, or break a rule, while they are prepared; only ``accept`` refuses.
    Reason strings are for MQTT 5; a client of 3.1.1 gets the same answer without.

    While a CONNECT is being decided nothing behind it is read. Call ``receive(b"", now)`` after ``accept``: it returns
    what a hasty client sent meanwhile.
    """

    __slots__ = (
        "_keep_alive_grace_s",
        "_last_packet_s",
        "_limits",
        "_outgoing",
        "_reader",
        "_sent_unacknowledged",
        "_state",
        "_topics",
        "_unacknowledged",
        "_v5",
    )

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._state = ServerState.AWAITING_CONNECT
        self._reader = FrameReader(limits.max_packet_bytes_before_accept)
        self._topics = TopicDecoder(max_entries=limits.max_cached_topics, max_topic_bytes=limits.max_topic_bytes)
        self._outgoing: list[bytes] = []
        self._unacknowledged = 0
        self._sent_unacknowledged: set[int] | None = None
        self._keep_alive_grace_s = 0.0
        self._last_packet_s = 0.0
        self._v5: Dialect5 | None = None

    @property
    def state(self) -> ServerState:
        """Where the connection stands."""
        return self._state

    @property
    def is_closed(self) -> bool:
        """Whether the transport is to be closed once ``bytes_to_send`` is written."""
        return self._state is ServerState.CLOSED

    @property
    def is_v5(self) -> bool:
        """Whether the client speaks MQTT 5; known with its CONNECT."""
        return self._v5 is not None

    @property
    def send_quota(self) -> int:
        """How many more QoS 1 messages ``publish`` takes before the client acknowledges one."""
        return self._max_sent() - len(self._sent_unacknowledged or ())

    @property
    def unacknowledged(self) -> int:
        """QoS 1 messages received and not yet acknowledged by ``puback``."""
        return self._unacknowledged

    @property
    def held_bytes(self) -> int:
        """Bytes received and not yet read."""
        return self._reader.held_bytes

    @property
    def deadline_s(self) -> float | None:
        """When to close for silence, on the clock that ``receive`` is given; ``None`` for never.

        Only complete packets extend it, so a peer that drips single bytes does not.

        Source:
            MQTT 3.1.1 §3.1.2.10.
        """
        if self._state is not ServerState.CONNECTED or not self._keep_alive_grace_s:
            return None
        return self._last_packet_s + self._keep_alive_grace_s

    def receive(self, data: bytes | bytearray | memoryview, now: float) -> list[ServerEvent]:
        """Read bytes from the peer.

        Args:
            data: The next bytes, cut anywhere; empty to read what was held while CONNECT was decided.
            now: Monotonic time in seconds.

        Returns:
            The events of the packets that are now complete. Once closed every byte is dropped.

        Raises:
            RemoteProtocolError: The peer broke the protocol or a limit. Packets before the offending one in the same
                call are not reported; none of them was acknowledged.
        """
        state = self._state
        if state is _CONNECTED:
            handlers = self._PACKETS if self._v5 is None else self._PACKETS_5
        elif state is ServerState.AWAITING_CONNECT:
            handlers = self._FIRST_PACKETS
        else:
            if state is ServerState.DECIDING:
                self._guarded_hold(data)
            return []
        events: list[ServerEvent] = []
        try:
            buffer, frames = self._reader.feed(data, only_first=state is ServerState.AWAITING_CONNECT)
            for first, start, stop in frames:
                handler = handlers.get(first)
                if handler is None:
                    raise packet_types.unexpected_packet(first, _SITUATION[state])
                events.append(handler(self, first, buffer, start, stop))
                if self._state is not state:
                    break
        except RemoteProtocolError as error:
            self._fail(error)
            raise
        if events:
            self._last_packet_s = now
        return events

    def accept(
        self,
        *,
        session_present: bool,
        session_expiry_s: int | None = None,
        assigned_client_id: str | None = None,
        reason_string: str = "",
    ) -> None:
        """Answer CONNECT with acceptance; from now on the larger packet limit holds.

        Args:
            session_present: Whether a session of before goes on.
            session_expiry_s: How long the session is kept, if not for as long as asked; MQTT 5.
            assigned_client_id: The name given to a client that sent none; MQTT 5.
            reason_string: What else there is to say.

        Raises:
            LocalProtocolError: No CONNECT is being decided, or the peer has ended the connection meanwhile.
        """
        if not self._may("accept"):
            raise LocalProtocolError("a closed connection can't be accepted")
        v5 = self._v5
        if v5 is None:
            self._outgoing.append(packets.encode_connack(packets.ACCEPTED, session_present=session_present))
        else:
            packet = v5.acceptance(
                session_present=session_present,
                session_expiry_s=session_expiry_s,
                assigned_client_id=assigned_client_id,
                reason_string=reason_string,
            )
            if not packet:  # the client takes no packet of that size: there is no way to serve it
                self._close()
                return
            self._outgoing.append(packet)
        self._reader.max_packet_bytes = self._limits.max_packet_bytes
        self._state = ServerState.CONNECTED

    def refuse(self, code: int, *, reason_code: int | None = None, reason_string: str = "") -> None:
        """Answer CONNECT with a return code from 1 to 5 and close.

        MQTT 5 says ``reason_code`` instead, by default the one of the same meaning.

        Raises:
            LocalProtocolError: No CONNECT is being decided, or the code is no refusal.
        """
        if not self._may("refuse"):
            return
        if code == packets.ACCEPTED:
            raise LocalProtocolError("return code 0 accepts: it can't refuse")
        v5 = self._v5
        if v5 is None:
            self._outgoing.append(packets.encode_connack(code, session_present=False))
        else:
            default = FROM_RETURN_CODE.get(code, ReasonCode.UNSPECIFIED_ERROR)
            self._outgoing.append(v5.refusal(default if reason_code is None else reason_code, reason_string))
        self._close()

    def disconnect(self, reason_code: int, *, reason_string: str = "") -> None:
        """End the connection from our side; MQTT 5 says why, 3.1.1 just closes.

        Raises:
            LocalProtocolError: Not accepted yet (``refuse`` it), or no code for DISCONNECT.
        """
        if not self._may("disconnect"):
            return
        if self._v5 is not None:
            self._outgoing.append(self._v5.disconnect(reason_code, reason_string))
        self._close()

    def puback(self, packet_id: int, *, reason_code: int = 0, reason_string: str = "") -> None:
        """Acknowledge a QoS 1 message, in the order received; with a reason code from 0x80 on, refuse it.

        Raises:
            LocalProtocolError: Not accepted yet, nothing to acknowledge, no packet id, or a refusal in 3.1.1.
        """
        if self._state is not _CONNECTED and not self._may("puback"):  # one call less for each message
            return
        if not self._unacknowledged:
            raise LocalProtocolError("no message waits for PUBACK")
        if not reason_code:
            self._outgoing.append(packets.encode_puback(packet_id))  # the same bytes in both versions
        elif self._v5 is None:
            raise LocalProtocolError("MQTT 3.1.1 can't refuse a message")
        else:
            self._outgoing.append(self._v5.puback(packet_id, reason_code, reason_string))
        self._unacknowledged -= 1

    def suback(self, packet_id: int, return_codes: Sequence[int], *, reason_string: str = "") -> None:
        """Answer SUBSCRIBE: of each filter in its order the granted QoS, or 0x80 (3.1.1), a ``ReasonCode`` (MQTT 5).

        Raises:
            LocalProtocolError: Not accepted yet, or a wrong code.
        """
        if not self._may("suback"):
            return
        if self._v5 is None:
            self._outgoing.append(packets.encode_suback(packet_id, return_codes))
        else:
            self._outgoing.append(self._v5.suback(packet_id, return_codes, reason_string))

    def unsuback(self, packet_id: int, reason_codes: Sequence[int] = ()) -> None:
        """Answer UNSUBSCRIBE, in MQTT 5 with a reason code for each filter; without any, all were given up.

        Raises:
            LocalProtocolError: Not accepted yet, no packet id, or a wrong code.
        """
        if not self._may("unsuback"):
            return
        if self._v5 is None:
            self._outgoing.append(packets.encode_unsuback(packet_id))
        else:
            self._outgoing.append(self._v5.unsuback(packet_id, reason_codes))

    def pingresp(self) -> None:
        """Answer PINGREQ.

        Raises:
            LocalProtocolError: Not accepted yet.
        """
        if not self._may("pingresp"):
            return
        self._outgoing.append(packet_types.PINGRESP_PACKET)

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 0,
        packet_id: int = 0,
        dup: bool = False,
        retain: bool = False,
        properties: PublishProperties | None = None,
    ) -> bool:
        """Send a message.

        The caller chooses packet ids, because those of a kept session outlive the connection. ``properties`` reach
        clients that speak MQTT 5; others get the message without.

        Returns:
            Whether it is on its way; not on a closed connection, nor when it is larger than the client takes, which
            then counts as delivered ([MQTT-3.1.2-25]).

        Raises:
            LocalProtocolError: Not accepted yet, a topic or packet id MQTT can't carry, a packet id still in flight, or
                more in flight than ``send_quota`` allows.
        """
        if self._state is not _CONNECTED and not self._may("publish"):
            return False
        if self._v5 is None:
            packet = packets.encode_publish(
                encode_topic_name(topic), payload, qos=qos, packet_id=packet_id, dup=dup, retain=retain
            )
        else:
            packet = self._v5.publish(Publish(topic, payload, qos, packet_id, dup, retain, properties))
            if not packet:
                return False
        if qos:
            self._count_sent(packet_id)
        self._outgoing.append(packet)
        return True

    def bytes_to_send(self) -> bytes:
        """Return what is to be written to the transport, once."""
        outgoing = self._outgoing
        if not outgoing:
            return b""
        data = outgoing[0] if len(outgoing) == 1 else b"".join(outgoing)
        outgoing.clear()
        return data

    def _on_connect(self, _first: int, buffer: bytes, start: int, stop: int) -> ServerEvent:
        connect: Connect
        if connect5.is_newer_protocol(buffer, start, stop):
            self._v5 = Dialect5(self._limits, self._topics)
            connect = self._v5.read_connect(buffer, start, stop)
        else:
            connect = packets.decode_connect(buffer, start, stop, self._limits)
        self._keep_alive_grace_s = min(connect.keep_alive_s, self._limits.max_keep_alive_s) * _KEEP_ALIVE_GRACE
        self._state = ServerState.DECIDING
        return connect

    def _on_publish(self, first: int, buffer: bytes, start: int, stop: int) -> ServerEvent:
        publish: Publish = packets.decode_publish(first, buffer, start, stop, self._topics)
        if publish.qos:
            if self._unacknowledged >= self._limits.max_inflight:
                raise self._too_many()
            self._unacknowledged += 1
        return publish

    def _on_publish_5(self, first: int, buffer: bytes, start: int, stop: int) -> ServerEvent:
        publish = self._dialect().read_publish(first, buffer, start, stop)
        if publish.qos:
            if self._unacknowledged >= self._limits.max_inflight:
                raise self._too_many()
            self._unacknowledged += 1
        return publish

    def _too_many(self) -> RemoteProtocolError:
        return RemoteProtocolError(
            f"more than {self._limits.max_inflight} messages not yet acknowledged",
            reason_code=ReasonCode.RECEIVE_MAXIMUM_EXCEEDED,
        )

    def _on_puback(self, _first: int, buffer: bytes, start: int, stop: int) -> ServerEvent:
        return self._acknowledged(packets.decode_puback(buffer, start, stop))

    def _on_puback_5(self, _first: int, buffer: bytes, start: int, stop: int) -> ServerEvent:
        return self._acknowledged(messages5.decode_puback(buffer, start, stop, self._limits))

    def _acknowledged(self, puback: Puback) -> Puback:
        if self._sent_unacknowledged is not None:
            self._sent_unacknowledged.discard(puback.packet_id)
        return puback

    def _on_subscribe(self, _first: int, buffer: bytes, start: int, stop: int) -> ServerEvent:
        return packets.decode_subscribe(buffer, start, stop, self._limits)

    def _on_subscribe_5(self, _first: int, buffer: bytes, start: int, stop: int) -> ServerEvent:
        return messages5.decode_subscribe(buffer, start, stop, self._limits)

    def _on_unsubscribe(self, _first: int, buffer: bytes, start: int, stop: int) -> ServerEvent:
        return packets.decode_unsubscribe(buffer, start, stop, self._limits)

    def _on_unsubscribe_5(self, _first: int, buffer: bytes, start: int, stop: int) -> ServerEvent:
        return self._dialect().read_unsubscribe(buffer, start, stop)

    def _on_pingreq(self, _first: int, _buffer: bytes, start: int, stop: int) -> ServerEvent:
        packet_types.check_empty(start, stop, "PINGREQ")
        return _PINGREQ

    def _on_disconnect(self, _first: int, _buffer: bytes, start: int, stop: int) -> ServerEvent:
        packet_types.check_empty(start, stop, "DISCONNECT")
        self._close()
        return _DISCONNECT

    def _on_disconnect_5(self, _first: int, buffer: bytes, start: int, stop: int) -> ServerEvent:
        disconnect = self._dialect().read_disconnect(buffer, start, stop)
        self._close()
        return disconnect

    def _dialect(self) -> Dialect5:
        if self._v5 is None:
            raise LocalProtocolError("no MQTT 5 is spoken here")
        return self._v5

    def _guarded_hold(self, data: bytes | bytearray | memoryview) -> None:
        try:
            self._reader.hold(data)
        except RemoteProtocolError as error:
            self._fail(error)
            raise

    def _fail(self, error: RemoteProtocolError) -> None:
        if self._v5 is not None:
            self._outgoing.append(self._v5.answer_to_error(error, is_accepted=self._state is ServerState.CONNECTED))
        elif error.connack_code is not None:
            self._outgoing.append(packets.encode_connack(error.connack_code, session_present=False))
        self._close()

    def _close(self) -> None:
        self._state = ServerState.CLOSED
        self._reader.discard()

    def _may(self, call: str) -> bool:
        """Tell whether a call has an effect; after the end there is nobody to tell, which is no error of ours."""
        state = self._state
        if state is _CALLS[call]:
            return True
        if state is ServerState.CLOSED:
            return False
        raise LocalProtocolError(f"{call} is not allowed while {state.value}")

    def _count_sent(self, packet_id: int) -> None:
        sent = self._sent_unacknowledged
        if sent is None:
            sent = self._sent_unacknowledged = set()
        if packet_id in sent:
            raise LocalProtocolError(f"packet id {packet_id} is still in flight")
        if len(sent) >= self._max_sent():
            raise LocalProtocolError(f"{len(sent)} messages are in flight, the limit")
        sent.add(packet_id)

    def _max_sent(self) -> int:
        most = self._limits.max_outgoing_inflight
        return most if self._v5 is None else min(most, self._v5.receive_maximum)

    # First byte of a packet → what reads it, before and after CONNECT. What is absent is the peer's error. By state
    # they are told apart in ``receive``: to look one up, the hash of an enum's member would cost as much as the packet.
    _FIRST_PACKETS: ClassVar[dict[int, _Handler]] = {packet_types.CONNECT: _on_connect}
    _PACKETS: ClassVar[dict[int, _Handler]] = {
        **dict.fromkeys(packet_types.PUBLISH_FLAGS, _on_publish),
        packet_types.PUBACK: _on_puback,
        packet_types.SUBSCRIBE: _on_subscribe,
        packet_types.UNSUBSCRIBE: _on_unsubscribe,
        packet_types.PINGREQ: _on_pingreq,
        packet_types.DISCONNECT: _on_disconnect,
    }
    _PACKETS_5: ClassVar[dict[int, _Handler]] = {
        **dict.fromkeys(packet_types.PUBLISH_FLAGS, _on_publish_5),
        packet_types.PUBACK: _on_puback_5,
        packet_types.SUBSCRIBE: _on_subscribe_5,
        packet_types.UNSUBSCRIBE: _on_unsubscribe_5,
        packet_types.PINGREQ: _on_pingreq,
        packet_types.DISCONNECT: _on_disconnect_5,
    }
