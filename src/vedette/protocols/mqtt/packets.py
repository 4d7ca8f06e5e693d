"""The control packets of MQTT 3.1.1, both directions: bodies to events, arguments to bytes.

``connect5`` and ``messages5`` have the same functions for MQTT 5; what both versions write alike stands here.

Source:
    OASIS MQTT 3.1.1 §3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from vedette.protocols.errors import LocalProtocolError, RemoteProtocolError
from vedette.protocols.mqtt.events import (
    Connack,
    Connect,
    Puback,
    Publish,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
    Will,
)
from vedette.protocols.mqtt.limits import Limits
from vedette.protocols.mqtt.packet_types import (
    CONNACK,
    CONNECT,
    MAX_QOS,
    PUBLISH_FLAGS,
    SUBACK,
    SUBSCRIBE,
    UNSUBSCRIBE,
    build,
    encode_packet_id,
    read_packet_id,
    wrong_publish_flags,
)
from vedette.protocols.mqtt.reasons import ReasonCode
from vedette.protocols.mqtt.wire import (
    MAX_U16,
    TopicDecoder,
    decode_text,
    decode_topic_filter,
    decode_topic_name,
    encode_binary,
    encode_remaining_length,
    encode_text,
    encode_topic_name,
    read_binary,
    read_text,
)

# CONNACK return codes (§3.2.2.3).
ACCEPTED: Final = 0
UNACCEPTABLE_PROTOCOL_VERSION: Final = 1
IDENTIFIER_REJECTED: Final = 2
SERVER_UNAVAILABLE: Final = 3
BAD_USER_NAME_OR_PASSWORD: Final = 4
NOT_AUTHORIZED: Final = 5

SUBSCRIPTION_FAILURE: Final = 0x80

_PROTOCOL: Final = b"\x00\x04MQTT\x04"


def decode_connect(buffer: bytes, start: int, stop: int, limits: Limits) -> Connect:
    """Read the body of CONNECT.

    Raises:
        RemoteProtocolError: With CONNACK code 1 for another protocol, 2 for a client id that is empty or too long;
            without one for anything malformed.

    Source:
        MQTT 3.1.1 §3.1.
    """
    flags_at = start + len(_PROTOCOL)
    if not buffer.startswith(_PROTOCOL, start, stop):
        raise _wrong_protocol(buffer, start, stop)
    if stop < flags_at + 3:
        raise RemoteProtocolError("CONNECT is cut short")
    flags = buffer[flags_at]
    _check_connect_flags(flags)
    keep_alive_s = buffer[flags_at + 1] << 8 | buffer[flags_at + 2]
    raw_id, position = read_binary(buffer, flags_at + 3, stop, MAX_U16, "client id")
    if not raw_id:
        raise RemoteProtocolError("client id is empty", IDENTIFIER_REJECTED)
    if len(raw_id) > limits.max_client_id_bytes:
        raise RemoteProtocolError(
            f"client id of {len(raw_id)} bytes exceeds the limit of {limits.max_client_id_bytes}", IDENTIFIER_REJECTED
        )
    client_id = decode_text(raw_id, "client id")
    will: Will | None = None
    user_name: str | None = None
    password: bytes | None = None
    if flags & 0x04:
        raw_topic, position = read_binary(buffer, position, stop, limits.max_topic_bytes, "will topic")
        payload, position = read_binary(buffer, position, stop, limits.max_will_payload_bytes, "will message")
        will = Will(decode_topic_name(raw_topic, "will topic"), payload, flags >> 3 & 3, bool(flags & 0x20))
    if flags & 0x80:
        user_name, position = read_text(buffer, position, stop, limits.max_user_name_bytes, "user name")
    if flags & 0x40:
        password, position = read_binary(buffer, position, stop, limits.max_password_bytes, "password")
    if position != stop:
        raise RemoteProtocolError("CONNECT is longer than its fields")
    return Connect(client_id, bool(flags & 0x02), keep_alive_s, user_name, password, will)


def _wrong_protocol(buffer: bytes, start: int, stop: int) -> RemoteProtocolError:
    name, end = read_binary(buffer, start, stop, MAX_U16, "protocol name")
    if end >= stop:
        return RemoteProtocolError("CONNECT is cut short")
    return RemoteProtocolError(
        f"protocol level {buffer[end]} is not served" if name == b"MQTT" else "protocol name is not MQTT",
        UNACCEPTABLE_PROTOCOL_VERSION,
    )


def _check_connect_flags(flags: int) -> None:
    if flags & 0x01:
        raise RemoteProtocolError("CONNECT sets its reserved flag")
    if not flags & 0x04 and flags & 0x38:
        raise RemoteProtocolError("CONNECT describes a will it does not have")
    if flags >> 3 & 3 > 1:
        raise RemoteProtocolError("the will's QoS is above 1")
    if flags & 0xC0 == 0x40:  # noqa: PLR2004 - the password flag without the user name flag
        raise RemoteProtocolError("CONNECT has a password without a user name")


def encode_connect(connect: Connect) -> bytes:
    """Write CONNECT.

    Raises:
        LocalProtocolError: A field that MQTT can't carry, or a password without a user name.
    """
    flags = 0x02 if connect.clean_session else 0
    payload = [encode_text(connect.client_id, "client id")]
    if connect.will is not None:
        flags |= 0x04 | _checked_qos(connect.will.qos) << 3 | (0x20 if connect.will.retain else 0)
        payload += [encode_topic_name(connect.will.topic), encode_binary(connect.will.payload, "will message")]
    if connect.user_name is not None:
        flags |= 0x80
        payload.append(encode_text(connect.user_name, "user name"))
    if connect.password is not None:
        if connect.user_name is None:
            raise LocalProtocolError("a password needs a user name")
        flags |= 0x40
        payload.append(encode_binary(connect.password, "password"))
    if not 0 <= connect.keep_alive_s <= MAX_U16:
        raise LocalProtocolError(f"a keep alive of {connect.keep_alive_s} s does not fit into two bytes")
    return build(CONNECT, _PROTOCOL, bytes((flags,)), connect.keep_alive_s.to_bytes(2, "big"), *payload)


def decode_connack(buffer: bytes, start: int, stop: int) -> Connack:
    """Read the body of CONNACK.

    Raises:
        RemoteProtocolError: Malformed, or a refusal that claims a session.
    """
    if stop - start != 2 or buffer[start] > 1 or buffer[start + 1] > NOT_AUTHORIZED:  # noqa: PLR2004 - two bytes
        raise RemoteProtocolError("CONNACK is malformed")
    if buffer[start] and buffer[start + 1]:
        raise RemoteProtocolError("CONNACK refuses and claims a session")
    return Connack(bool(buffer[start]), buffer[start + 1])


def encode_connack(return_code: int, *, session_present: bool) -> bytes:
    """Write CONNACK.

    Raises:
        LocalProtocolError: An unknown code, or a refusal that claims a session.
    """
    if not ACCEPTED <= return_code <= NOT_AUTHORIZED:
        raise LocalProtocolError(f"{return_code} is no CONNACK return code")
    if return_code and session_present:
        raise LocalProtocolError("a refusal has no session")
    return bytes((CONNACK, 2, session_present, return_code))


def decode_publish(first: int, buffer: bytes, start: int, stop: int, topics: TopicDecoder) -> Publish:
    """Read PUBLISH; the payload is copied once, here.

    Raises:
        RemoteProtocolError: Flags, topic or packet id break the standard, or QoS 2, which the hub does not do.

    Source:
        MQTT 3.1.1 §3.3.
    """
    flags = PUBLISH_FLAGS.get(first)
    if flags is None:
        raise wrong_publish_flags(first)
    qos, dup, retain = flags
    position = start + 2
    if position > stop:
        raise RemoteProtocolError("PUBLISH is cut short")
    position += buffer[start] << 8 | buffer[start + 1]
    if position > stop:
        raise RemoteProtocolError("PUBLISH is cut short")
    topic = topics[buffer[start + 2 : position]]
    if not qos:
        return Publish(topic, buffer[position:stop], 0, 0, dup, retain)
    if position + 2 > stop:
        raise RemoteProtocolError("PUBLISH is cut short")
    packet_id = buffer[position] << 8 | buffer[position + 1]
    if not packet_id:
        raise RemoteProtocolError("PUBLISH has packet id 0")
    return Publish(topic, buffer[position + 2 : stop], qos, packet_id, dup, retain)


def encode_publish(
    topic: bytes, payload: bytes, *, qos: int, packet_id: int, dup: bool, retain: bool, properties: bytes = b""
) -> bytes:
    """Write PUBLISH.

    Args:
        topic: As ``encode_topic_name`` returns it.
        payload: Any bytes.
        qos: 0 or 1.
        packet_id: Not 0 at QoS 1; not used at QoS 0.
        dup: Sent before; only at QoS 1.
        retain: The retain flag.
        properties: Encoded; MQTT 5.

    Raises:
        LocalProtocolError: QoS, packet id and DUP do not fit together.
    """
    if qos == 1:
        if not 0 < packet_id <= MAX_U16:
            raise LocalProtocolError(f"{packet_id} is no packet id")
        length = len(topic) + 2 + len(properties) + len(payload)
        first = bytes(((0x3A if dup else 0x32) | retain,))
        return b"".join(
            (first, encode_remaining_length(length), topic, packet_id.to_bytes(2, "big"), properties, payload)
        )
    if qos or dup:
        raise LocalProtocolError(f"QoS {qos} with DUP={dup} can't be sent")
    length = len(topic) + len(properties) + len(payload)
    return b"".join((b"\x31" if retain else b"\x30", encode_remaining_length(length), topic, properties, payload))


def decode_packet_id(buffer: bytes, start: int, stop: int, name: str) -> int:
    """Read a body that is nothing but a packet id: PUBACK, UNSUBACK.

    Raises:
        RemoteProtocolError: Another length, or packet id 0.
    """
    if stop - start != 2:  # noqa: PLR2004 - two bytes
        raise RemoteProtocolError(f"{name} is malformed")
    return read_packet_id(buffer, start, stop, name)


def decode_puback(buffer: bytes, start: int, stop: int) -> Puback:
    """Read the body of PUBACK; see ``decode_packet_id``."""
    return Puback(decode_packet_id(buffer, start, stop, "PUBACK"))


def encode_puback(packet_id: int) -> bytes:
    """Write PUBACK.

    Raises:
        LocalProtocolError: ``packet_id`` is outside 1 to 65,535.
    """
    return b"\x40\x02" + encode_packet_id(packet_id)


def decode_subscribe(buffer: bytes, start: int, stop: int, limits: Limits) -> Subscribe:
    """Read the body of SUBSCRIBE.

    Raises:
        RemoteProtocolError: No filter, too many, a malformed one, or QoS 3.
    """
    packet_id = read_packet_id(buffer, start, stop, "SUBSCRIBE")
    position = start + 2
    filters: list[tuple[str, int]] = []
    while position < stop:
        check_filter_count(len(filters), limits)
        raw, position = read_binary(buffer, position, stop, limits.max_topic_bytes, "topic filter")
        if position >= stop:
            raise RemoteProtocolError("SUBSCRIBE is cut short")
        qos = buffer[position]
        if qos > MAX_QOS:
            raise RemoteProtocolError("SUBSCRIBE asks for a QoS above 2")
        filters.append((decode_topic_filter(raw), qos))
        position += 1
    if not filters:
        raise RemoteProtocolError("SUBSCRIBE has no topic filter")
    return Subscribe(packet_id, tuple(filters))


def check_filter_count(count: int, limits: Limits) -> None:
    """Check that one filter more is allowed.

    Raises:
        RemoteProtocolError: It is not.
    """
    if count >= limits.max_filters_per_packet:
        raise RemoteProtocolError(
            f"more than {limits.max_filters_per_packet} topic filters in one packet",
            reason_code=ReasonCode.QUOTA_EXCEEDED,
        )


def encode_subscribe(subscribe: Subscribe, properties: bytes = b"") -> bytes:
    """Write SUBSCRIBE, in MQTT 5 with encoded properties.

    Raises:
        LocalProtocolError: No filter, or a field that MQTT can't carry.
    """
    if not subscribe.filters:
        raise LocalProtocolError("SUBSCRIBE needs a topic filter")
    fields = [encode_packet_id(subscribe.packet_id), properties]
    for topic_filter, qos in subscribe.filters:
        if not 0 <= qos <= MAX_QOS:
            raise LocalProtocolError(f"QoS {qos} can't be asked for")
        fields += [encode_text(topic_filter, "topic filter"), bytes((qos,))]
    return build(SUBSCRIBE, *fields)


def decode_suback(buffer: bytes, start: int, stop: int) -> Suback:
    """Read the body of SUBACK.

    Raises:
        RemoteProtocolError: No return code, or an unknown one.
    """
    packet_id = read_packet_id(buffer, start, stop, "SUBACK")
    codes = tuple(buffer[start + 2 : stop])
    if not codes or any(code > MAX_QOS and code != SUBSCRIPTION_FAILURE for code in codes):
        raise RemoteProtocolError("SUBACK is malformed")
    return Suback(packet_id, codes)


def encode_suback(packet_id: int, return_codes: Sequence[int]) -> bytes:
    """Write SUBACK.

    Raises:
        LocalProtocolError: No return code, or one that is neither a QoS nor 0x80.
    """
    if not return_codes or any(not 0 <= code <= MAX_QOS and code != SUBSCRIPTION_FAILURE for code in return_codes):
        raise LocalProtocolError("SUBACK needs return codes of 0, 1, 2 or 0x80")
    return build(SUBACK, encode_packet_id(packet_id), bytes(return_codes))


def decode_unsubscribe(buffer: bytes, start: int, stop: int, limits: Limits) -> Unsubscribe:
    """Read the body of UNSUBSCRIBE.

    Raises:
        RemoteProtocolError: No filter, too many, or a malformed one.
    """
    packet_id = read_packet_id(buffer, start, stop, "UNSUBSCRIBE")
    return Unsubscribe(packet_id, read_filters(buffer, start + 2, stop, limits))


def read_filters(buffer: bytes, position: int, stop: int, limits: Limits) -> tuple[str, ...]:
    """Read the filters of UNSUBSCRIBE, to its end.

    Raises:
        RemoteProtocolError: No filter, too many, or a malformed one.
    """
    filters: list[str] = []
    while position < stop:
        check_filter_count(len(filters), limits)
        raw, position = read_binary(buffer, position, stop, limits.max_topic_bytes, "topic filter")
        filters.append(decode_topic_filter(raw))
    if not filters:
        raise RemoteProtocolError("UNSUBSCRIBE has no topic filter", reason_code=ReasonCode.PROTOCOL_ERROR)
    return tuple(filters)


def encode_unsubscribe(unsubscribe: Unsubscribe, properties: bytes = b"") -> bytes:
    """Write UNSUBSCRIBE, in MQTT 5 with encoded properties.

    Raises:
        LocalProtocolError: No filter, or a field that MQTT can't carry.
    """
    if not unsubscribe.filters:
        raise LocalProtocolError("UNSUBSCRIBE needs a topic filter")
    filters = [encode_text(topic_filter, "topic filter") for topic_filter in unsubscribe.filters]
    return build(UNSUBSCRIBE, encode_packet_id(unsubscribe.packet_id), properties, *filters)


def decode_unsuback(buffer: bytes, start: int, stop: int) -> Unsuback:
    """Read the body of UNSUBACK; see ``decode_packet_id``."""
    return Unsuback(decode_packet_id(buffer, start, stop, "UNSUBACK"))


def encode_unsuback(packet_id: int) -> bytes:
    """Write UNSUBACK.

    Raises:
        LocalProtocolError: ``packet_id`` is outside 1 to 65,535.
    """
    return b"\xb0\x02" + encode_packet_id(packet_id)


def _checked_qos(qos: int) -> int:
    if qos not in {0, 1}:
        raise LocalProtocolError(f"QoS {qos} is not spoken here")
    return qos
