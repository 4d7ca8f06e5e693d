"""The client's half of an MQTT connection: small, for simulated devices and load generators."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Final

from vedette.protocols.errors import LocalProtocolError, RemoteProtocolError
from vedette.protocols.mqtt import packets
from vedette.protocols.mqtt.events import ClientEvent, Connect, Pingresp, Subscribe, Unsubscribe
from vedette.protocols.mqtt.limits import Limits
from vedette.protocols.mqtt.wire import MAX_U16, FrameReader, TopicDecoder, encode_topic_name

_PINGRESP: Final = Pingresp()


class ClientState(enum.Enum):
    """Where a client's connection stands."""

    NEW = "new"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    CLOSED = "closed"


class ClientConnection:
    """Writes what a client sends and reads what the server answers.

    Packet ids are assigned here, from 1, skipping those still in flight.
    """

    __slots__ = ("_inflight", "_last_packet_id", "_limits", "_outgoing", "_reader", "_state", "_topic", "_topics")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._state = ClientState.NEW
        self._reader = FrameReader(limits.max_packet_bytes)
        self._topics = TopicDecoder(max_entries=limits.max_cached_topics, max_topic_bytes=limits.max_topic_bytes)
        self._outgoing: list[bytes] = []
        self._inflight: set[int] = set()
        self._last_packet_id = 0
        self._topic = ("", b"")

    @property
    def state(self) -> ClientState:
        """Where the connection stands."""
        return self._state

    @property
    def inflight(self) -> int:
        """Packets that wait for the server's acknowledgement."""
        return len(self._inflight)

    def connect(self, connect: Connect) -> None:
        """Send CONNECT.

        Raises:
            LocalProtocolError: Sent before, or a field that MQTT can't carry.
        """
        self._check(ClientState.NEW)
        self._outgoing.append(packets.encode_connect(connect))
        self._state = ClientState.CONNECTING

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> int:
        """Send a message and return its packet id, 0 at QoS 0.

        Raises:
            LocalProtocolError: Not connected, a topic that MQTT can't carry, or all packet ids in flight.
        """
        self._check(ClientState.CONNECTED)
        if self._topic[0] != topic:
            self._topic = (topic, encode_topic_name(topic))
        packet_id = self._new_packet_id() if qos else 0
        self._outgoing.append(
            packets.encode_publish(self._topic[1], payload, qos=qos, packet_id=packet_id, dup=False, retain=retain)
        )
        return packet_id

    def puback(self, packet_id: int) -> None:
        """Acknowledge a QoS 1 message from the server.

        Raises:
            LocalProtocolError: Not connected, or no packet id.
        """
        self._check(ClientState.CONNECTED)
        self._outgoing.append(packets.encode_puback(packet_id))

    def subscribe(self, filters: Sequence[tuple[str, int]]) -> int:
        """Ask for topic filters with their QoS and return the packet id.

        Raises:
            LocalProtocolError: Not connected, no filter, or one that MQTT can't carry.
        """
        self._check(ClientState.CONNECTED)
        packet_id = self._new_packet_id()
        self._outgoing.append(packets.encode_subscribe(Subscribe(packet_id, tuple(filters))))
        return packet_id

    def unsubscribe(self, filters: Sequence[str]) -> int:
        """Give topic filters up and return the packet id.

        Raises:
            LocalProtocolError: Not connected, no filter, or one that MQTT can't carry.
        """
        self._check(ClientState.CONNECTED)
        packet_id = self._new_packet_id()
        self._outgoing.append(packets.encode_unsubscribe(Unsubscribe(packet_id, tuple(filters))))
        return packet_id

    def pingreq(self) -> None:
        """Show the server that we are there.

        Raises:
            LocalProtocolError: Not connected.
        """
        self._check(ClientState.CONNECTED)
        self._outgoing.append(packets.PINGREQ_PACKET)

    def disconnect(self) -> None:
        """Leave in order; nothing can be sent or received afterwards.

        Raises:
            LocalProtocolError: Not connected.
        """
        self._check(ClientState.CONNECTED)
        self._outgoing.append(packets.DISCONNECT_PACKET)
        self._state = ClientState.CLOSED

    def receive(self, data: bytes | bytearray | memoryview) -> list[ClientEvent]:
        """Read bytes from the server; a refusing CONNACK closes the connection.

        Raises:
            RemoteProtocolError: The server broke the protocol or a limit.
        """
        if self._state is ClientState.CLOSED:
            return []
        events: list[ClientEvent] = []
        try:
            buffer, frames = self._reader.feed(data)
            for first, start, stop in frames:
                events.append(self._read(first, buffer, start, stop))
        except RemoteProtocolError:
            self._state = ClientState.CLOSED
            self._reader.discard()
            raise
        return events

    def bytes_to_send(self) -> bytes:
        """Return what is to be written to the transport, once."""
        data = b"".join(self._outgoing)
        self._outgoing.clear()
        return data

    def _read(self, first: int, buffer: bytes, start: int, stop: int) -> ClientEvent:
        if self._state is ClientState.CONNECTING:
            return self._read_connack(first, buffer, start, stop)
        if self._state is not ClientState.CONNECTED:
            raise packets.unexpected_packet(first, f"while {self._state.value}")
        if first in packets.PUBLISH_FLAGS:
            return packets.decode_publish(first, buffer, start, stop, self._topics)
        if first == packets.PINGRESP:
            packets.check_empty(start, stop, "PINGRESP")
            return _PINGRESP
        return self._read_acknowledgement(first, buffer, start, stop)

    def _read_connack(self, first: int, buffer: bytes, start: int, stop: int) -> ClientEvent:
        if first != packets.CONNACK:
            raise packets.unexpected_packet(first, "before CONNACK")
        connack = packets.decode_connack(buffer, start, stop)
        self._state = ClientState.CONNECTED if connack.return_code == packets.ACCEPTED else ClientState.CLOSED
        return connack

    def _read_acknowledgement(self, first: int, buffer: bytes, start: int, stop: int) -> ClientEvent:
        match first:
            case packets.PUBACK:
                puback = packets.decode_puback(buffer, start, stop)
                self._inflight.discard(puback.packet_id)
                return puback
            case packets.SUBACK:
                suback = packets.decode_suback(buffer, start, stop)
                self._inflight.discard(suback.packet_id)
                return suback
            case packets.UNSUBACK:
                unsuback = packets.decode_unsuback(buffer, start, stop)
                self._inflight.discard(unsuback.packet_id)
                return unsuback
            case _:
                raise packets.unexpected_packet(first, "is not for a client to receive here")

    def _new_packet_id(self) -> int:
        if len(self._inflight) >= min(MAX_U16, self._limits.max_outgoing_inflight):
            raise LocalProtocolError(f"{len(self._inflight)} packets are in flight, the limit")
        packet_id = self._last_packet_id
        while True:
            packet_id = packet_id + 1 if packet_id < MAX_U16 else 1
            if packet_id not in self._inflight:
                break
        self._last_packet_id = packet_id
        self._inflight.add(packet_id)
        return packet_id

    def _check(self, state: ClientState) -> None:
        if self._state is not state:
            raise LocalProtocolError(f"not allowed while {self._state.value}")
