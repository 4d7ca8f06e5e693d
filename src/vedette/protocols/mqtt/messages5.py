"""PUBLISH, SUBSCRIBE, UNSUBSCRIBE and their answers in MQTT 5.

Source:
    OASIS MQTT 5.0 §3.3, §3.4, §3.8 to §3.11.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from vedette.protocols.errors import LocalProtocolError, RemoteProtocolError
from vedette.protocols.mqtt import packet_types, packets
from vedette.protocols.mqtt import properties as p
from vedette.protocols.mqtt.events import (
    NO_PROPERTIES,
    Puback,
    Publish,
    PublishProperties,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
)
from vedette.protocols.mqtt.limits import Limits
from vedette.protocols.mqtt.properties import (
    Properties,
    encode_properties,
    get_binary,
    get_number,
    get_text,
    get_user_properties,
    read_properties,
)
from vedette.protocols.mqtt.reasons import PUBACK_CODES, SUBACK_CODES, UNSUBACK_CODES, ReasonCode
from vedette.protocols.mqtt.wire import (
    TopicDecoder,
    decode_topic_filter,
    encode_topic_name,
    read_binary,
)

_SHARED: Final = b"$share/"
_QOS_BITS: Final = 0x03
_NO_LOCAL: Final = 0x04
_RESERVED_OPTION_BITS: Final = 0xC0
_MAX_RETAIN_HANDLING: Final = 2


class TopicAliases:
    """Topics for which the peer has set a number; bounded in count and bytes.

    Source:
        MQTT 5.0 §3.3.2.3.4.
    """

    __slots__ = ("_limits", "_topics")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._topics: dict[int, str] = {}

    def resolve(self, alias: int, topic: str) -> str:
        """Remember a topic under its number, or return the one that a number alone stands for.

        Args:
            alias: As received.
            topic: Empty where the number is to say it.

        Raises:
            RemoteProtocolError: The number is 0, above the maximum, or stands for nothing; too many bytes to remember.
        """
        if not 0 < alias <= self._limits.max_topic_aliases:
            raise RemoteProtocolError(
                f"topic alias {alias} is not within 1 to {self._limits.max_topic_aliases}",
                reason_code=ReasonCode.TOPIC_ALIAS_INVALID,
            )
        if not topic:
            known = self._topics.get(alias)
            if known is None:
                raise RemoteProtocolError(
                    f"topic alias {alias} stands for no topic", reason_code=ReasonCode.PROTOCOL_ERROR
                )
            return known
        self._topics.pop(alias, None)
        if sum(map(_size, self._topics.values()), _size(topic)) > self._limits.max_alias_bytes:
            raise RemoteProtocolError(
                f"topics with an alias exceed the limit of {self._limits.max_alias_bytes} bytes",
                reason_code=ReasonCode.QUOTA_EXCEEDED,
            )
        self._topics[alias] = topic
        return topic


def _size(topic: str) -> int:
    return len(topic.encode())


def read_message_properties(given: Properties) -> PublishProperties:
    """Take the properties of a message or will out of what was read.

    Raises:
        RemoteProtocolError: The response topic is no topic name.
    """
    if not given:
        return NO_PROPERTIES
    response_topic = get_text(given, p.RESPONSE_TOPIC)
    if response_topic is not None and (not response_topic or "#" in response_topic or "+" in response_topic):
        raise RemoteProtocolError(
            "response topic is empty or contains a wildcard", reason_code=ReasonCode.PROTOCOL_ERROR
        )
    subscriptions = given.get(p.SUBSCRIPTION_IDENTIFIER, ())
    return PublishProperties(
        payload_format=get_number(given, p.PAYLOAD_FORMAT) or 0,
        message_expiry_s=get_number(given, p.MESSAGE_EXPIRY),
        response_topic=response_topic,
        correlation_data=get_binary(given, p.CORRELATION_DATA),
        content_type=get_text(given, p.CONTENT_TYPE),
        user=get_user_properties(given),
        subscriptions=tuple(each for each in subscriptions if isinstance(each, int))
        if isinstance(subscriptions, tuple)
        else (),
    )


def message_properties(properties: PublishProperties | None) -> list[tuple[int, p.PropertyValue | None]]:
    """Return what to write for a message or will."""
    if properties is None or properties is NO_PROPERTIES:
        return []
    return [
        (p.PAYLOAD_FORMAT, properties.payload_format or None),
        (p.MESSAGE_EXPIRY, properties.message_expiry_s),
        (p.RESPONSE_TOPIC, properties.response_topic),
        (p.CORRELATION_DATA, properties.correlation_data),
        (p.CONTENT_TYPE, properties.content_type),
        (p.USER_PROPERTY, properties.user or None),
        (p.SUBSCRIPTION_IDENTIFIER, properties.subscriptions or None),
    ]


class PublishReader:
    """Reads the PUBLISH packets of one connection, whose topics may be aliases.

    Args:
        topics: Decodes topic names.
        limits: Of aliases and properties.
        place: ``IN_PUBLISH_FROM_CLIENT`` or ``IN_PUBLISH_FROM_SERVER``.
    """

    __slots__ = ("_aliases", "_limits", "_place", "_topics")

    def __init__(self, topics: TopicDecoder, limits: Limits, place: p.Place) -> None:
        self._topics = topics
        self._limits = limits
        self._place = place
        self._aliases = TopicAliases(limits)

    def decode(self, first: int, buffer: bytes, start: int, stop: int) -> Publish:
        """Read PUBLISH; an alias is resolved, so that the event always has a topic.

        Raises:
            RemoteProtocolError: Flags, topic, packet id or properties break the standard, or QoS 2.

        Source:
            MQTT 5.0 §3.3.
        """
        flags = packet_types.PUBLISH_FLAGS.get(first)
        if flags is None:
            raise packet_types.wrong_publish_flags(first)
        qos, dup, retain = flags
        position = start + 2
        if position > stop:
            raise RemoteProtocolError("PUBLISH is cut short")
        position += buffer[start] << 8 | buffer[start + 1]
        if position > stop:
            raise RemoteProtocolError("PUBLISH is cut short")
        raw_topic = buffer[start + 2 : position]
        packet_id = 0
        if qos:
            packet_id = packet_types.read_packet_id(buffer, position, stop, "PUBLISH")
            position += 2
        given, position = read_properties(buffer, position, stop, self._place, self._limits)
        alias = get_number(given, p.TOPIC_ALIAS)
        topic = self._topics[raw_topic] if raw_topic else ""
        if alias is not None:
            topic = self._aliases.resolve(alias, topic)
        elif not topic:
            raise RemoteProtocolError("PUBLISH has no topic", reason_code=ReasonCode.PROTOCOL_ERROR)
        return Publish(topic, buffer[position:stop], qos, packet_id, dup, retain, read_message_properties(given))


def encode_publish(publish: Publish, *, topic_alias: int | None = None) -> bytes:
    """Write PUBLISH; with an alias and an empty topic the alias alone says it.

    Raises:
        LocalProtocolError: A field that MQTT can't carry, or QoS, packet id and DUP that do not fit together.
    """
    topic = encode_topic_name(publish.topic) if publish.topic or topic_alias is None else b"\0\0"
    properties = message_properties(publish.properties)
    if topic_alias is not None:
        properties.append((p.TOPIC_ALIAS, topic_alias))
    return packets.encode_publish(
        topic,
        publish.payload,
        qos=publish.qos,
        packet_id=publish.packet_id,
        dup=publish.dup,
        retain=publish.retain,
        properties=encode_properties(properties),
    )


def decode_puback(buffer: bytes, start: int, stop: int, limits: Limits) -> Puback:
    """Read the body of PUBACK; an absent code is success.

    Raises:
        RemoteProtocolError: Malformed.
    """
    packet_id = packet_types.read_packet_id(buffer, start, stop, "PUBACK")
    if stop - start == 2:  # noqa: PLR2004 - nothing but the packet id
        return Puback(packet_id)
    code = buffer[start + 2]
    if code not in PUBACK_CODES:
        raise RemoteProtocolError(f"PUBACK with reason code {code:#04x}")
    if stop - start == 3:  # noqa: PLR2004 - packet id and reason code
        return Puback(packet_id, code)
    given, position = read_properties(buffer, start + 3, stop, p.IN_PUBACK, limits)
    if position != stop:
        raise RemoteProtocolError("PUBACK is longer than its fields")
    return Puback(packet_id, code, get_text(given, p.REASON_STRING))


def encode_puback(puback: Puback) -> bytes:
    """Write PUBACK as short as it can be.

    Raises:
        LocalProtocolError: No packet id, or a code that PUBACK can't carry.
    """
    if not puback.reason_code and puback.reason_string is None:
        return packets.encode_puback(puback.packet_id)
    if puback.reason_code not in PUBACK_CODES:
        raise LocalProtocolError(f"{puback.reason_code:#04x} is no reason code of PUBACK")
    fields = [packet_types.encode_packet_id(puback.packet_id), bytes((puback.reason_code,))]
    if puback.reason_string is not None:
        fields.append(encode_properties([(p.REASON_STRING, puback.reason_string)]))
    return packet_types.build(packet_types.PUBACK, *fields)


def decode_subscribe(buffer: bytes, start: int, stop: int, limits: Limits) -> Subscribe:
    """Read the body of SUBSCRIBE.

    *No local*, *retain as published* and *retain handling* are read and forgotten: no device hears its own messages,
    and nothing is retained.

    Raises:
        RemoteProtocolError: No filter, too many, a malformed one, wrong options, or a subscription identifier.

    Source:
        MQTT 5.0 §3.8.
    """
    packet_id = packet_types.read_packet_id(buffer, start, stop, "SUBSCRIBE")
    given, position = read_properties(buffer, start + 2, stop, p.IN_SUBSCRIBE, limits)
    if p.SUBSCRIPTION_IDENTIFIER in given:
        raise RemoteProtocolError(
            "subscription identifiers are not offered", reason_code=ReasonCode.SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED
        )
    filters: list[tuple[str, int]] = []
    while position < stop:
        packets.check_filter_count(len(filters), limits)
        raw, position = read_binary(buffer, position, stop, limits.max_topic_bytes, "topic filter")
        if position >= stop:
            raise RemoteProtocolError("SUBSCRIBE is cut short")
        filters.append((decode_topic_filter(raw), _checked_options(raw, buffer[position])))
        position += 1
    if not filters:
        raise RemoteProtocolError("SUBSCRIBE has no topic filter", reason_code=ReasonCode.PROTOCOL_ERROR)
    return Subscribe(packet_id, tuple(filters))


def _checked_options(raw_filter: bytes, options: int) -> int:
    """Return the QoS of subscription options."""
    if options & _RESERVED_OPTION_BITS:
        raise RemoteProtocolError("SUBSCRIBE sets reserved option bits")
    qos = options & _QOS_BITS
    if qos > packet_types.MAX_QOS:
        raise RemoteProtocolError("SUBSCRIBE asks for a QoS above 2", reason_code=ReasonCode.PROTOCOL_ERROR)
    if options >> 4 > _MAX_RETAIN_HANDLING:
        raise RemoteProtocolError("SUBSCRIBE asks for retain handling 3", reason_code=ReasonCode.PROTOCOL_ERROR)
    if options & _NO_LOCAL and raw_filter.startswith(_SHARED):
        raise RemoteProtocolError("no local on a shared subscription", reason_code=ReasonCode.PROTOCOL_ERROR)
    return qos


def encode_subscribe(subscribe: Subscribe) -> bytes:
    """Write SUBSCRIBE with no option but QoS.

    Raises:
        LocalProtocolError: No filter, or a field that MQTT can't carry.
    """
    return packets.encode_subscribe(subscribe, properties=b"\0")


def decode_suback(buffer: bytes, start: int, stop: int, limits: Limits) -> Suback:
    """Read the body of SUBACK.

    Raises:
        RemoteProtocolError: No reason code, or an unknown one.
    """
    packet_id = packet_types.read_packet_id(buffer, start, stop, "SUBACK")
    given, position = read_properties(buffer, start + 2, stop, p.IN_SUBACK, limits)
    codes = tuple(buffer[position:stop])
    if not codes or not SUBACK_CODES.issuperset(codes):
        raise RemoteProtocolError("SUBACK is malformed")
    return Suback(packet_id, codes, get_text(given, p.REASON_STRING))


def encode_suback(suback: Suback) -> bytes:
    """Write SUBACK.

    Raises:
        LocalProtocolError: No reason code, or one that SUBACK can't carry.
    """
    return _encode_answer(
        packet_types.SUBACK, suback.packet_id, suback.return_codes, suback.reason_string, SUBACK_CODES
    )


def decode_unsubscribe(buffer: bytes, start: int, stop: int, limits: Limits) -> Unsubscribe:
    """Read the body of UNSUBSCRIBE.

    Raises:
        RemoteProtocolError: No filter, too many, or a malformed one.
    """
    packet_id = packet_types.read_packet_id(buffer, start, stop, "UNSUBSCRIBE")
    _, position = read_properties(buffer, start + 2, stop, p.IN_UNSUBSCRIBE, limits)
    return Unsubscribe(packet_id, packets.read_filters(buffer, position, stop, limits))


def encode_unsubscribe(unsubscribe: Unsubscribe) -> bytes:
    """Write UNSUBSCRIBE.

    Raises:
        LocalProtocolError: No filter, or a field that MQTT can't carry.
    """
    return packets.encode_unsubscribe(unsubscribe, properties=b"\0")


def decode_unsuback(buffer: bytes, start: int, stop: int, limits: Limits) -> Unsuback:
    """Read the body of UNSUBACK.

    Raises:
        RemoteProtocolError: No reason code, or an unknown one.
    """
    packet_id = packet_types.read_packet_id(buffer, start, stop, "UNSUBACK")
    given, position = read_properties(buffer, start + 2, stop, p.IN_UNSUBACK, limits)
    codes = tuple(buffer[position:stop])
    if not codes or not UNSUBACK_CODES.issuperset(codes):
        raise RemoteProtocolError("UNSUBACK is malformed")
    return Unsuback(packet_id, codes, get_text(given, p.REASON_STRING))


def encode_unsuback(unsuback: Unsuback) -> bytes:
    """Write UNSUBACK.

    Raises:
        LocalProtocolError: No reason code, or one that UNSUBACK can't carry.
    """
    return _encode_answer(
        packet_types.UNSUBACK, unsuback.packet_id, unsuback.reason_codes, unsuback.reason_string, UNSUBACK_CODES
    )


def _encode_answer(
    first: int, packet_id: int, codes: Sequence[int], reason_string: str | None, allowed: frozenset[int]
) -> bytes:
    if not codes or not allowed.issuperset(codes):
        raise LocalProtocolError(f"reason codes {tuple(codes)} are not of {packet_types.PACKET_NAMES[first >> 4]}")
    properties = encode_properties([(p.REASON_STRING, reason_string)])
    return packet_types.build(first, packet_types.encode_packet_id(packet_id), properties, bytes(codes))
