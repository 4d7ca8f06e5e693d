"""The properties of MQTT 5: one table of what each is and where it may stand, read and written by it.

Source:
    OASIS MQTT 5.0 §2.2.2, table 2-4.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, TypeGuard

from vedette.protocols.errors import LocalProtocolError, RemoteProtocolError
from vedette.protocols.mqtt.limits import Limits
from vedette.protocols.mqtt.reasons import ReasonCode
from vedette.protocols.mqtt.wire import (
    MAX_REMAINING_LENGTH,
    MAX_U16,
    decode_remaining_length,
    encode_binary,
    encode_remaining_length,
    encode_text,
    read_binary,
    read_text,
)

MAX_U32: Final = 0xFFFF_FFFF

UserProperties = tuple[tuple[str, str], ...]
PropertyValue = int | str | bytes | UserProperties | tuple[int, ...]
Properties = Mapping[int, PropertyValue]
"""By identifier. User properties are pairs in the order sent; subscription identifiers are a tuple."""

PAYLOAD_FORMAT: Final = 0x01
MESSAGE_EXPIRY: Final = 0x02
CONTENT_TYPE: Final = 0x03
RESPONSE_TOPIC: Final = 0x08
CORRELATION_DATA: Final = 0x09
SUBSCRIPTION_IDENTIFIER: Final = 0x0B
SESSION_EXPIRY: Final = 0x11
ASSIGNED_CLIENT_IDENTIFIER: Final = 0x12
SERVER_KEEP_ALIVE: Final = 0x13
AUTHENTICATION_METHOD: Final = 0x15
AUTHENTICATION_DATA: Final = 0x16
REQUEST_PROBLEM_INFORMATION: Final = 0x17
WILL_DELAY: Final = 0x18
REQUEST_RESPONSE_INFORMATION: Final = 0x19
RESPONSE_INFORMATION: Final = 0x1A
SERVER_REFERENCE: Final = 0x1C
REASON_STRING: Final = 0x1F
RECEIVE_MAXIMUM: Final = 0x21
TOPIC_ALIAS_MAXIMUM: Final = 0x22
TOPIC_ALIAS: Final = 0x23
MAXIMUM_QOS: Final = 0x24
RETAIN_AVAILABLE: Final = 0x25
USER_PROPERTY: Final = 0x26
MAXIMUM_PACKET_SIZE: Final = 0x27
WILDCARD_SUBSCRIPTION_AVAILABLE: Final = 0x28
SUBSCRIPTION_IDENTIFIER_AVAILABLE: Final = 0x29
SHARED_SUBSCRIPTION_AVAILABLE: Final = 0x2A


class Kind(enum.Enum):
    """How a property's value is written, and which values it has."""

    FLAG = "0 or 1"
    U16 = "two bytes"
    POSITIVE_U16 = "two bytes, not 0"
    ALIAS = "two bytes, judged by its reader"
    U32 = "four bytes"
    POSITIVE_U32 = "four bytes, not 0"
    VARIABLE = "a variable byte integer, not 0"
    TEXT = "a UTF-8 string"
    BINARY = "binary data"
    PAIR = "two UTF-8 strings"


KINDS: Final[Mapping[int, tuple[str, Kind]]] = {
    PAYLOAD_FORMAT: ("payload format indicator", Kind.FLAG),
    MESSAGE_EXPIRY: ("message expiry interval", Kind.U32),
    CONTENT_TYPE: ("content type", Kind.TEXT),
    RESPONSE_TOPIC: ("response topic", Kind.TEXT),
    CORRELATION_DATA: ("correlation data", Kind.BINARY),
    SUBSCRIPTION_IDENTIFIER: ("subscription identifier", Kind.VARIABLE),
    SESSION_EXPIRY: ("session expiry interval", Kind.U32),
    ASSIGNED_CLIENT_IDENTIFIER: ("assigned client identifier", Kind.TEXT),
    SERVER_KEEP_ALIVE: ("server keep alive", Kind.U16),
    AUTHENTICATION_METHOD: ("authentication method", Kind.TEXT),
    AUTHENTICATION_DATA: ("authentication data", Kind.BINARY),
    REQUEST_PROBLEM_INFORMATION: ("request problem information", Kind.FLAG),
    WILL_DELAY: ("will delay interval", Kind.U32),
    REQUEST_RESPONSE_INFORMATION: ("request response information", Kind.FLAG),
    RESPONSE_INFORMATION: ("response information", Kind.TEXT),
    SERVER_REFERENCE: ("server reference", Kind.TEXT),
    REASON_STRING: ("reason string", Kind.TEXT),
    RECEIVE_MAXIMUM: ("receive maximum", Kind.POSITIVE_U16),
    TOPIC_ALIAS_MAXIMUM: ("topic alias maximum", Kind.U16),
    TOPIC_ALIAS: ("topic alias", Kind.ALIAS),
    MAXIMUM_QOS: ("maximum QoS", Kind.FLAG),
    RETAIN_AVAILABLE: ("retain available", Kind.FLAG),
    USER_PROPERTY: ("user property", Kind.PAIR),
    MAXIMUM_PACKET_SIZE: ("maximum packet size", Kind.POSITIVE_U32),
    WILDCARD_SUBSCRIPTION_AVAILABLE: ("wildcard subscription available", Kind.FLAG),
    SUBSCRIPTION_IDENTIFIER_AVAILABLE: ("subscription identifier available", Kind.FLAG),
    SHARED_SUBSCRIPTION_AVAILABLE: ("shared subscription available", Kind.FLAG),
}

_MESSAGE: Final = frozenset(
    {PAYLOAD_FORMAT, MESSAGE_EXPIRY, CONTENT_TYPE, RESPONSE_TOPIC, CORRELATION_DATA, USER_PROPERTY}
)
_ANSWER: Final = frozenset({REASON_STRING, USER_PROPERTY})


class Place(NamedTuple):
    """Where properties stand: the packet's name, and those it may carry."""

    packet: str
    allowed: frozenset[int]
    is_publish_from_server: bool = False


IN_CONNECT: Final = Place(
    "CONNECT",
    frozenset(
        {SESSION_EXPIRY, AUTHENTICATION_METHOD, AUTHENTICATION_DATA, REQUEST_PROBLEM_INFORMATION, RECEIVE_MAXIMUM}
        | {REQUEST_RESPONSE_INFORMATION, TOPIC_ALIAS_MAXIMUM, USER_PROPERTY, MAXIMUM_PACKET_SIZE}
    ),
)
IN_WILL: Final = Place("the will", _MESSAGE | {WILL_DELAY})
IN_CONNACK: Final = Place(
    "CONNACK",
    frozenset(
        {SESSION_EXPIRY, ASSIGNED_CLIENT_IDENTIFIER, SERVER_KEEP_ALIVE, AUTHENTICATION_METHOD, AUTHENTICATION_DATA}
        | {RESPONSE_INFORMATION, SERVER_REFERENCE, REASON_STRING, RECEIVE_MAXIMUM, TOPIC_ALIAS_MAXIMUM, MAXIMUM_QOS}
        | {RETAIN_AVAILABLE, USER_PROPERTY, MAXIMUM_PACKET_SIZE, WILDCARD_SUBSCRIPTION_AVAILABLE}
        | {SUBSCRIPTION_IDENTIFIER_AVAILABLE, SHARED_SUBSCRIPTION_AVAILABLE}
    ),
)
IN_PUBLISH_FROM_CLIENT: Final = Place("PUBLISH", _MESSAGE | {TOPIC_ALIAS})  # [MQTT-3.3.4-6]
IN_PUBLISH_FROM_SERVER: Final = Place("PUBLISH", _MESSAGE | {TOPIC_ALIAS, SUBSCRIPTION_IDENTIFIER}, True)
IN_PUBACK: Final = Place("PUBACK", _ANSWER)
IN_SUBSCRIBE: Final = Place("SUBSCRIBE", frozenset({SUBSCRIPTION_IDENTIFIER, USER_PROPERTY}))
IN_SUBACK: Final = Place("SUBACK", _ANSWER)
IN_UNSUBSCRIBE: Final = Place("UNSUBSCRIBE", frozenset({USER_PROPERTY}))
IN_UNSUBACK: Final = Place("UNSUBACK", _ANSWER)
IN_DISCONNECT: Final = Place("DISCONNECT", _ANSWER | {SESSION_EXPIRY, SERVER_REFERENCE})

_NONE: Final[Properties] = {}
# A module's name is found in a third of the time of an enum's member.
_FLAG: Final = Kind.FLAG
_VARIABLE: Final = Kind.VARIABLE
_TEXT: Final = Kind.TEXT
_BINARY: Final = Kind.BINARY
_PAIR: Final = Kind.PAIR
_WIDTHS: Final = {
    Kind.FLAG: 1,
    Kind.U16: 2,
    Kind.POSITIVE_U16: 2,
    Kind.ALIAS: 2,
    Kind.U32: 4,
    Kind.POSITIVE_U32: 4,
}
_POSITIVE: Final = frozenset({Kind.POSITIVE_U16, Kind.POSITIVE_U32, Kind.VARIABLE})


def read_properties(buffer: bytes, position: int, stop: int, place: Place, limits: Limits) -> tuple[Properties, int]:
    """Read the properties of a packet.

    Args:
        buffer: Holds the packet.
        position: Where the property length stands.
        stop: The packet's end.
        place: One of ``IN_…``.
        limits: Bytes and user properties.

    Returns:
        The properties and the position behind them.

    Raises:
        RemoteProtocolError: Cut short, unknown, not of this packet, repeated, out of range or over a limit.

    Source:
        MQTT 5.0 §2.2.2.
    """
    if position < stop and not buffer[position]:
        return _NONE, position + 1
    size, position = _read_variable(buffer, position, stop, "property length")
    end = position + size
    if end > stop:
        raise RemoteProtocolError(f"properties of {place.packet} are cut short")
    if size > limits.max_properties_bytes:
        raise RemoteProtocolError(
            f"properties of {size} bytes exceed the limit of {limits.max_properties_bytes}",
            reason_code=ReasonCode.QUOTA_EXCEEDED,
        )
    properties: dict[int, PropertyValue] = {}
    pairs: list[tuple[str, str]] = []
    subscriptions: list[int] = []
    while position < end:
        identifier = buffer[position]
        known = KINDS.get(identifier)
        if known is None or identifier not in place.allowed:
            raise RemoteProtocolError(f"property {identifier:#04x} does not belong into {place.packet}")
        name, kind = known
        position += 1
        if kind is _PAIR:
            key, position = read_text(buffer, position, end, MAX_U16, name)
            text, position = read_text(buffer, position, end, MAX_U16, name)
            if len(pairs) >= limits.max_user_properties:
                raise RemoteProtocolError(
                    f"more than {limits.max_user_properties} user properties", reason_code=ReasonCode.QUOTA_EXCEEDED
                )
            pairs.append((key, text))
            continue
        value, position = _read_value(buffer, position, end, name, kind)
        if identifier == SUBSCRIPTION_IDENTIFIER and place.is_publish_from_server and isinstance(value, int):
            subscriptions.append(value)
        elif identifier in properties:
            raise RemoteProtocolError(f"{name} is given twice", reason_code=ReasonCode.PROTOCOL_ERROR)
        else:
            properties[identifier] = value
    if pairs:
        properties[USER_PROPERTY] = tuple(pairs)
    if subscriptions:
        properties[SUBSCRIPTION_IDENTIFIER] = tuple(subscriptions)
    return properties, end


def get_number(properties: Properties, identifier: int) -> int | None:
    """Return a property that is a number, or ``None`` without it."""
    value = properties.get(identifier)
    return value if isinstance(value, int) else None


def get_text(properties: Properties, identifier: int) -> str | None:
    """Return a property that is text, or ``None`` without it."""
    value = properties.get(identifier)
    return value if isinstance(value, str) else None


def get_binary(properties: Properties, identifier: int) -> bytes | None:
    """Return a property that is binary data, or ``None`` without it."""
    value = properties.get(identifier)
    return value if isinstance(value, bytes) else None


def get_user_properties(properties: Properties) -> UserProperties:
    """Return the user properties in the order sent."""
    value = properties.get(USER_PROPERTY, ())
    return value if _are_pairs(value) else ()


def _read_value(buffer: bytes, position: int, end: int, name: str, kind: Kind) -> tuple[int | str | bytes, int]:
    if kind is _TEXT:
        return read_text(buffer, position, end, MAX_U16, name)
    if kind is _BINARY:
        return read_binary(buffer, position, end, MAX_U16, name)
    if kind is _VARIABLE:
        number, stop = _read_variable(buffer, position, end, name)
    else:
        stop = position + _WIDTHS[kind]
        if stop > end:
            raise RemoteProtocolError(f"{name} is cut short")
        number = int.from_bytes(buffer[position:stop], "big")
    if (kind is _FLAG and number > 1) or (kind in _POSITIVE and not number):
        raise RemoteProtocolError(f"{name} of {number} is not {kind.value}", reason_code=ReasonCode.PROTOCOL_ERROR)
    return number, stop


def _read_variable(buffer: bytes, position: int, end: int, name: str) -> tuple[int, int]:
    decoded = decode_remaining_length(buffer, position)
    if decoded is None or decoded[1] > end:
        raise RemoteProtocolError(f"{name} is cut short")
    if encode_remaining_length(decoded[0]) != buffer[position : decoded[1]]:
        # [MQTT-1.5.5-1]: the shortest form, so that equal packets are equal bytes.
        raise RemoteProtocolError(f"{name} is not encoded in its shortest form")
    return decoded


def encode_properties(properties: Iterable[tuple[int, PropertyValue | None]]) -> bytes:
    """Write properties with their length; ``None`` and empty ones are left out.

    Raises:
        LocalProtocolError: A value that the property can't have.
    """
    encoded: list[bytes] = []
    for identifier, value in properties:
        if value is None:
            continue
        name, kind = KINDS[identifier]
        if kind is _PAIR:
            if not _are_pairs(value):
                raise LocalProtocolError(f"{name} is not {kind.value}")
            encoded += [b"\x26" + encode_text(key, name) + encode_text(text, name) for key, text in value]
        elif isinstance(value, tuple):
            encoded += [bytes((identifier,)) + _encode_value(each, name, kind) for each in value]
        else:
            encoded.append(bytes((identifier,)) + _encode_value(value, name, kind))
    block = b"".join(encoded)
    return encode_remaining_length(len(block)) + block


def _are_pairs(value: object) -> TypeGuard[UserProperties]:
    return isinstance(value, tuple) and all(isinstance(each, tuple) for each in value)


def _encode_value(value: object, name: str, kind: Kind) -> bytes:
    if isinstance(value, str) and kind is _TEXT:
        return encode_text(value, name)
    if isinstance(value, bytes) and kind is _BINARY:
        return encode_binary(value, name)
    if isinstance(value, int):
        if kind is _VARIABLE and 0 < value <= MAX_REMAINING_LENGTH:
            return encode_remaining_length(value)
        width = _WIDTHS.get(kind, 0)
        most = 1 if kind is _FLAG else (1 << 8 * width) - 1
        if width and (kind in _POSITIVE) <= value <= most:
            return int(value).to_bytes(width, "big")
    raise LocalProtocolError(f"{name} of {value!r} is not {kind.value}")
