"""The client's half of an MQTT connection, 3.1.1 or 5: small, for simulated devices and load generators."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Final

import msgspec

from vedette.protocols.errors import LocalProtocolError, RemoteProtocolError
from vedette.protocols.mqtt import connect5, messages5, packet_types, packets
from vedette.protocols.mqtt.events import (
    ClientEvent,
    Connect,
    Disconnect,
    Pingresp,
    Puback,
    Publish,
    PublishProperties,
    ServerOffer,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
)
from vedette.protocols.mqtt.limits import Limits
from vedette.protocols.mqtt.properties import IN_PUBLISH_FROM_SERVER
from vedette.protocols.mqtt.wire import MAX_U16, FrameReader, TopicDecoder, encode_topic_name

_PINGRESP: Final = Pingresp()
_DISCONNECT: Final = Disconnect()


class ClientState(enum.Enum):
    """Where a client's connection stands."""

    NEW = "new"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    CLOSED = "closed"


class ClientConnection:
    """Writes what a client sends and reads what the server answers; ``Connect.protocol_level`` chooses the version.

    Packet ids are assigned here, from 1, skipping those still in flight.
    """

    __slots__ = (
        "_inflight",
        "_last_packet_id",
        "_limits",
        "_messages",
        "_offer",
        "_outgoing",
        "_reader",
        "_state",
        "_topic",
        "_topics",
    )

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._state = ClientState.NEW
        self._reader = FrameReader(limits.max_packet_bytes)
        self._topics = TopicDecoder(max_entries=limits.max_cached_topics, max_topic_bytes=limits.max_topic_bytes)
        self._outgoing: list[bytes] = []
        self._inflight: set[int] = set()
        self._last_packet_id = 0
        self._topic = ("", b"")
        self._messages: messages5.PublishReader | None = None
        self._offer = ServerOffer()

    @property
    def offer(self) -> ServerOffer:
        """What the server's CONNACK offered; in 3.1.1 and before it, what the standard takes for granted."""
        return self._offer

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
        if connect.is_v5:
            self._outgoing.append(connect5.encode_connect(connect))
            self._messages = messages5.PublishReader(self._topics, self._limits, IN_PUBLISH_FROM_SERVER)
        else:
            self._outgoing.append(packets.encode_connect(connect))
        self._state = ClientState.CONNECTING

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 0,
        retain: bool = False,
        properties: PublishProperties | None = None,
        topic_alias: int | None = None,
    ) -> int:
        """Send a message and return its packet id, 0 at QoS 0.

        Args:
            topic: May be empty with an alias that was set before.
            payload: Any bytes.
            qos: 0 or 1.
            retain: The retain flag.
            properties: Of MQTT 5.
            topic_alias: Of MQTT 5: with a topic it sets the alias.

        Raises:
            LocalProtocolError: Not connected, a topic that MQTT can't carry, all packet ids in flight, more messages in
                flight or a larger packet than the server takes, or MQTT 5's in 3.1.1.
        """
        self._check(ClientState.CONNECTED)
        if self._messages is not None:
            return self._publish_5(Publish(topic, payload, qos, retain=retain, properties=properties), topic_alias)
        if properties is not None or topic_alias is not None:
            raise LocalProtocolError("MQTT 3.1.1 has no properties")
        if self._topic[0] != topic:
            self._topic = (topic, encode_topic_name(topic))
        packet_id = self._new_packet_id() if qos else 0
        self._outgoing.append(
            packets.encode_publish(self._topic[1], payload, qos=qos, packet_id=packet_id, dup=False, retain=retain)
        )
        return packet_id

    def _publish_5(self, publish: Publish, topic_alias: int | None) -> int:
        if topic_alias is not None and not 0 < topic_alias <= self._offer.topic_alias_maximum:
            raise LocalProtocolError(f"the server takes topic aliases up to {self._offer.topic_alias_maximum}")
        packet_id = self._new_packet_id() if publish.qos else 0
        try:
            packet = messages5.encode_publish(
                msgspec.structs.replace(publish, packet_id=packet_id), topic_alias=topic_alias
            )
            self._check_size(packet)
        except LocalProtocolError:
            self._inflight.discard(packet_id)
            raise
        self._outgoing.append(packet)
        return packet_id

    def _check_size(self, packet: bytes) -> None:
        most = self._offer.maximum_packet_bytes
        if most is not None and len(packet) > most:
            raise LocalProtocolError(f"a packet of {len(packet)} bytes exceeds the server's {most}")

    def puback(self, packet_id: int, *, reason_code: int = 0) -> None:
        """Acknowledge a QoS 1 message from the server, or refuse it, which only MQTT 5 can say.

        Raises:
            LocalProtocolError: Not connected, no packet id, or a wrong code.
        """
        self._check(ClientState.CONNECTED)
        if not reason_code:
            self._outgoing.append(packets.encode_puback(packet_id))
        elif self._messages is None:
            raise LocalProtocolError("MQTT 3.1.1 can't refuse a message")
        else:
            self._outgoing.append(messages5.encode_puback(Puback(packet_id, reason_code)))

    def subscribe(self, filters: Sequence[tuple[str, int]]) -> int:
        """Ask for topic filters with their QoS and return the packet id.

        Raises:
            LocalProtocolError: Not connected, no filter, or one that MQTT can't carry.
        """
        self._check(ClientState.CONNECTED)
        packet_id = self._new_packet_id()
        subscribe = Subscribe(packet_id, tuple(filters))
        is_v5 = self._messages is not None
        self._outgoing.append(messages5.encode_subscribe(subscribe) if is_v5 else packets.encode_subscribe(subscribe))
        return packet_id

    def unsubscribe(self, filters: Sequence[str]) -> int:
        """Give topic filters up and return the packet id.

        Raises:
            LocalProtocolError: Not connected, no filter, or one that MQTT can't carry.
        """
        self._check(ClientState.CONNECTED)
        packet_id = self._new_packet_id()
        gone = Unsubscribe(packet_id, tuple(filters))
        is_v5 = self._messages is not None
        self._outgoing.append(messages5.encode_unsubscribe(gone) if is_v5 else packets.encode_unsubscribe(gone))
        return packet_id

    def pingreq(self) -> None:
        """Show the server that we are there.

        Raises:
            LocalProtocolError: Not connected.
        """
        self._check(ClientState.CONNECTED)
        self._outgoing.append(packet_types.PINGREQ_PACKET)

    def disconnect(self, disconnect: Disconnect = _DISCONNECT) -> None:
        """Leave in order; nothing can be sent or received afterwards.

        Raises:
            LocalProtocolError: Not connected, or a reason in 3.1.1.
        """
        self._check(ClientState.CONNECTED)
        if self._messages is not None:
            self._outgoing.append(connect5.encode_disconnect(disconnect))
        elif disconnect == _DISCONNECT:
            self._outgoing.append(packet_types.DISCONNECT_PACKET)
        else:
            raise LocalProtocolError("MQTT 3.1.1 can't say why it leaves")
        self._state = ClientState.CLOSED

    def receive(self, data: bytes | bytearray | memoryview) -> list[ClientEvent]:
        """Read bytes from the server; a refusing CONNACK and a DISCONNECT close the connection.

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
            raise packet_types.unexpected_packet(first, f"while {self._state.value}")
        if first in packet_types.PUBLISH_FLAGS:
            if self._messages is not None:
                return self._messages.decode(first, buffer, start, stop)
            return packets.decode_publish(first, buffer, start, stop, self._topics)
        if first == packet_types.PINGRESP:
            packet_types.check_empty(start, stop, "PINGRESP")
            return _PINGRESP
        if first == packet_types.DISCONNECT and self._messages is not None:
            disconnect = connect5.decode_disconnect(buffer, start, stop, self._limits, by_client=False)
            self._state = ClientState.CLOSED
            return disconnect
        answer = self._read_answer(first, buffer, start, stop)
        self._inflight.discard(answer.packet_id)
        return answer

    def _read_connack(self, first: int, buffer: bytes, start: int, stop: int) -> ClientEvent:
        if first != packet_types.CONNACK:
            raise packet_types.unexpected_packet(first, "before CONNACK")
        # A server that speaks 3.1.1 only answers in 3.1.1: two bytes ([MQTT-3.1.2-2] of that standard).
        if self._messages is None or stop - start == 2:  # noqa: PLR2004 - two bytes
            connack = packets.decode_connack(buffer, start, stop)
            if self._messages is not None and connack.return_code == packets.ACCEPTED:
                raise RemoteProtocolError("CONNACK is not of MQTT 5")
        else:
            connack = connect5.decode_connack(buffer, start, stop, self._limits)
            self._offer = connack.offer or self._offer
        self._state = ClientState.CONNECTED if connack.return_code == packets.ACCEPTED else ClientState.CLOSED
        return connack

    def _read_answer(self, first: int, buffer: bytes, start: int, stop: int) -> Puback | Suback | Unsuback:
        is_v5, limits = self._messages is not None, self._limits
        match first:
            case packet_types.PUBACK:
                if is_v5:
                    return messages5.decode_puback(buffer, start, stop, limits)
                return packets.decode_puback(buffer, start, stop)
            case packet_types.SUBACK:
                if is_v5:
                    return messages5.decode_suback(buffer, start, stop, limits)
                return packets.decode_suback(buffer, start, stop)
            case packet_types.UNSUBACK:
                if is_v5:
                    return messages5.decode_unsuback(buffer, start, stop, limits)
                return packets.decode_unsuback(buffer, start, stop)
            case _:
                raise packet_types.unexpected_packet(first, "is not for a client to receive here")

    def _new_packet_id(self) -> int:
        if len(self._inflight) >= min(self._offer.receive_maximum, self._limits.max_outgoing_inflight):
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
