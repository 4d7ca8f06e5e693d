"""The server's half of an MQTT connection, without a socket, a clock or a thread.

The state machine is two tables: ``_CALLS``, which call is allowed in which state, and ``ServerConnection._HANDLERS``,
which packet is read in which state.

    AWAITING_CONNECT ──CONNECT──► DECIDING ──accept──► CONNECTED ──DISCONNECT──► CLOSED
            └────────error──────────► └──refuse──► CLOSED ◄──error──┘
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from typing import ClassVar, Final

from vedette.protocols.errors import LocalProtocolError, RemoteProtocolError
from vedette.protocols.mqtt import packets
from vedette.protocols.mqtt.events import Connect, Disconnect, Pingreq, Puback, Publish, ServerEvent
from vedette.protocols.mqtt.limits import Limits
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
}

_Handler = Callable[["ServerConnection", int, bytes, int, int], ServerEvent]


class ServerConnection:
    """Reads what a client sends and writes what the server answers.

    Usage: feed bytes to ``receive`` and act on its events in order; after each call write ``bytes_to_send`` to the
    transport, and close it when ``is_closed``. A ``RemoteProtocolError`` closes the connection: write
    ``bytes_to_send`` (it may hold a CONNACK that says why) and drop the socket. Answers to a closed connection are
    dropped, since a peer may leave, or break a rule, while they are prepared; only ``accept`` refuses.

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

    @property
    def state(self) -> ServerState:
        """Where the connection stands."""
        return self._state

    @property
    def is_closed(self) -> bool:
        """Whether the transport is to be closed once ``bytes_to_send`` is written."""
        return self._state is ServerState.CLOSED

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
        handlers = self._HANDLERS[state]
        if handlers is None:
            if state is ServerState.DECIDING:
                self._guarded_hold(data)
            return []
        events: list[ServerEvent] = []
        try:
            buffer, frames = self._reader.feed(data, only_first=state is ServerState.AWAITING_CONNECT)
            for first, start, stop in frames:
                handler = handlers.get(first)
                if handler is None:
                    raise packets.unexpected_packet(first, _SITUATION[state])
                events.append(handler(self, first, buffer, start, stop))
                if self._state is not state:
                    break
        except RemoteProtocolError as error:
            self._fail(error)
            raise
        if events:
            self._last_packet_s = now
        return events

    def accept(self, *, session_present: bool) -> None:
        """Answer CONNECT with acceptance; from now on the larger packet limit holds.

        Raises:
            LocalProtocolError: No CONNECT is being decided, or the peer has ended the connection meanwhile.
        """
        if not self._may("accept"):
            raise LocalProtocolError("a closed connection can't be accepted")
        self._outgoing.append(packets.encode_connack(packets.ACCEPTED, session_present=session_present))
        self._reader.max_packet_bytes = self._limits.max_packet_bytes
        self._state = ServerState.CONNECTED

    def refuse(self, code: int) -> None:
        """Answer CONNECT with a return code from 1 to 5 and close.

        Raises:
            LocalProtocolError: No CONNECT is being decided, or the code is no refusal.
        """
        if not self._may("refuse"):
            return
        if code == packets.ACCEPTED:
            raise LocalProtocolError("return code 0 accepts: it can't refuse")
        self._outgoing.append(packets.encode_connack(code, session_present=False))
        self._close()

    def puback(self, packet_id: int) -> None:
        """Acknowledge a QoS 1 message, in the order received.

        Raises:
            LocalProtocolError: Not accepted yet, nothing to acknowledge, or no packet id.
        """
        if not self._may("puback"):
            return
        if not self._unacknowledged:
            raise LocalProtocolError("no message waits for PUBACK")
        self._outgoing.append(packets.encode_puback(packet_id))
        self._unacknowledged -= 1

    def suback(self, packet_id: int, return_codes: Sequence[int]) -> None:
        """Answer SUBSCRIBE with the granted QoS of each filter, in its order.

        Raises:
            LocalProtocolError: Not accepted yet, or a wrong code.
        """
        if not self._may("suback"):
            return
        self._outgoing.append(packets.encode_suback(packet_id, return_codes))

    def unsuback(self, packet_id: int) -> None:
        """Answer UNSUBSCRIBE.

        Raises:
            LocalProtocolError: Not accepted yet, or no packet id.
        """
        if not self._may("unsuback"):
            return
        self._outgoing.append(packets.encode_unsuback(packet_id))

    def pingresp(self) -> None:
        """Answer PINGREQ.

        Raises:
            LocalProtocolError: Not accepted yet.
        """
        if not self._may("pingresp"):
            return
        self._outgoing.append(packets.PINGRESP_PACKET)

    def publish(
        self, topic: str, payload: bytes, *, qos: int = 0, packet_id: int = 0, dup: bool = False, retain: bool = False
    ) -> None:
        """Send a message.

        The caller chooses packet ids, because those of a kept session outlive the connection.

        Raises:
            LocalProtocolError: Not accepted yet, a topic or packet id MQTT can't carry, a packet id still in flight, or
                too many in flight.
        """
        if not self._may("publish"):
            return
        packet = packets.encode_publish(
            encode_topic_name(topic), payload, qos=qos, packet_id=packet_id, dup=dup, retain=retain
        )
        if qos:
            self._count_sent(packet_id)
        self._outgoing.append(packet)

    def bytes_to_send(self) -> bytes:
        """Return what is to be written to the transport, once."""
        outgoing = self._outgoing
        if not outgoing:
            return b""
        data = outgoing[0] if len(outgoing) == 1 else b"".join(outgoing)
        outgoing.clear()
        return data

    def _on_connect(self, _first: int, buffer: bytes, start: int, stop: int) -> ServerEvent:
        connect: Connect = packets.decode_connect(buffer, start, stop, self._limits)
        self._keep_alive_grace_s = min(connect.keep_alive_s, self._limits.max_keep_alive_s) * _KEEP_ALIVE_GRACE
        self._state = ServerState.DECIDING
        return connect

    def _on_publish(self, first: int, buffer: bytes, start: int, stop: int) -> ServerEvent:
        publish: Publish = packets.decode_publish(first, buffer, start, stop, self._topics)
        if publish.qos:
            if self._unacknowledged >= self._limits.max_inflight:
                raise RemoteProtocolError(f"more than {self._limits.max_inflight} messages not yet acknowledged")
            self._unacknowledged += 1
        return publish

    def _on_puback(self, _first: int, buffer: bytes, start: int, stop: int) -> ServerEvent:
        puback: Puback = packets.decode_puback(buffer, start, stop)
        if self._sent_unacknowledged is not None:
            self._sent_unacknowledged.discard(puback.packet_id)
        return puback

    def _on_subscribe(self, _first: int, buffer: bytes, start: int, stop: int) -> ServerEvent:
        return packets.decode_subscribe(buffer, start, stop, self._limits)

    def _on_unsubscribe(self, _first: int, buffer: bytes, start: int, stop: int) -> ServerEvent:
        return packets.decode_unsubscribe(buffer, start, stop, self._limits)

    def _on_pingreq(self, _first: int, _buffer: bytes, start: int, stop: int) -> ServerEvent:
        packets.check_empty(start, stop, "PINGREQ")
        return _PINGREQ

    def _on_disconnect(self, _first: int, _buffer: bytes, start: int, stop: int) -> ServerEvent:
        packets.check_empty(start, stop, "DISCONNECT")
        self._close()
        return _DISCONNECT

    def _guarded_hold(self, data: bytes | bytearray | memoryview) -> None:
        try:
            self._reader.hold(data)
        except RemoteProtocolError as error:
            self._fail(error)
            raise

    def _fail(self, error: RemoteProtocolError) -> None:
        if error.connack_code is not None:
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
        if len(sent) >= self._limits.max_outgoing_inflight:
            raise LocalProtocolError(f"{len(sent)} messages are in flight, the limit")
        sent.add(packet_id)

    # State → first byte of a packet → what reads it. What is absent is the peer's error; ``None`` reads nothing.
    _HANDLERS: ClassVar[dict[ServerState, dict[int, _Handler] | None]] = {
        ServerState.AWAITING_CONNECT: {packets.CONNECT: _on_connect},
        ServerState.DECIDING: None,
        ServerState.CONNECTED: {
            **dict.fromkeys(packets.PUBLISH_FLAGS, _on_publish),
            packets.PUBACK: _on_puback,
            packets.SUBSCRIBE: _on_subscribe,
            packets.UNSUBSCRIBE: _on_unsubscribe,
            packets.PINGREQ: _on_pingreq,
            packets.DISCONNECT: _on_disconnect,
        },
        ServerState.CLOSED: None,
    }
