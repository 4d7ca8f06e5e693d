"""CONNECT, CONNACK and DISCONNECT of MQTT 5: how a connection begins and ends.

Source:
    OASIS MQTT 5.0 §3.1, §3.2, §3.14.
"""

from __future__ import annotations

from typing import Final

from vedette.protocols.errors import LocalProtocolError, RemoteProtocolError
from vedette.protocols.mqtt import packet_types, packets
from vedette.protocols.mqtt import properties as p
from vedette.protocols.mqtt.events import MQTT_5, Connack, Connect, Disconnect, ServerOffer, Will
from vedette.protocols.mqtt.limits import Limits
from vedette.protocols.mqtt.messages5 import message_properties, read_message_properties
from vedette.protocols.mqtt.properties import encode_properties, get_number, get_text, read_properties
from vedette.protocols.mqtt.reasons import (
    CLIENT_DISCONNECT_CODES,
    CONNACK_CODES,
    SERVER_DISCONNECT_CODES,
    ReasonCode,
)
from vedette.protocols.mqtt.wire import (
    MAX_U16,
    decode_text,
    decode_topic_name,
    encode_binary,
    encode_text,
    encode_topic_name,
    read_binary,
    read_text,
)

PROTOCOL_NAME: Final = b"\x00\x04MQTT"
_PROTOCOL: Final = PROTOCOL_NAME + bytes((MQTT_5,))


def is_newer_protocol(buffer: bytes, start: int, stop: int) -> bool:
    """Tell whether the body of a CONNECT is of MQTT 5 or a later version, which would read our MQTT 5."""
    level_at = start + len(PROTOCOL_NAME)
    return level_at < stop and buffer[level_at] >= MQTT_5 and buffer.startswith(PROTOCOL_NAME, start)


def decode_connect(buffer: bytes, start: int, stop: int, limits: Limits) -> Connect:
    """Read the body of a CONNECT for which ``is_newer_protocol`` holds.

    Raises:
        RemoteProtocolError: With the reason code that CONNACK is to carry.

    Source:
        MQTT 5.0 §3.1.
    """
    flags_at = start + len(_PROTOCOL)
    if buffer[flags_at - 1] != MQTT_5:
        raise RemoteProtocolError(
            f"protocol level {buffer[flags_at - 1]} is not served", reason_code=ReasonCode.UNSUPPORTED_PROTOCOL_VERSION
        )
    if stop < flags_at + 3:
        raise RemoteProtocolError("CONNECT is cut short")
    flags = buffer[flags_at]
    _check_connect_flags(flags)
    keep_alive_s = buffer[flags_at + 1] << 8 | buffer[flags_at + 2]
    given, position = read_properties(buffer, flags_at + 3, stop, p.IN_CONNECT, limits)
    _check_authentication(given)
    client_id, position = _read_client_id(buffer, position, stop, limits)
    will: Will | None = None
    user_name: str | None = None
    password: bytes | None = None
    if flags & 0x04:
        will, position = _read_will(buffer, position, stop, flags, limits)
    if flags & 0x80:
        user_name, position = read_text(buffer, position, stop, limits.max_user_name_bytes, "user name")
    if flags & 0x40:
        password, position = read_binary(buffer, position, stop, limits.max_password_bytes, "password")
    if position != stop:
        raise RemoteProtocolError("CONNECT is longer than its fields")
    return Connect(
        client_id,
        clean_session=bool(flags & 0x02),
        keep_alive_s=keep_alive_s,
        user_name=user_name,
        password=password,
        will=will,
        protocol_level=MQTT_5,
        session_expiry_s=get_number(given, p.SESSION_EXPIRY) or 0,
        receive_maximum=get_number(given, p.RECEIVE_MAXIMUM) or MAX_U16,
        maximum_packet_bytes=get_number(given, p.MAXIMUM_PACKET_SIZE),
        topic_alias_maximum=get_number(given, p.TOPIC_ALIAS_MAXIMUM) or 0,
        wants_problem_information=get_number(given, p.REQUEST_PROBLEM_INFORMATION) != 0,
    )


def _check_connect_flags(flags: int) -> None:
    if flags & 0x01:
        raise RemoteProtocolError("CONNECT sets its reserved flag")
    if not flags & 0x04:
        if flags & 0x38:
            raise RemoteProtocolError("CONNECT describes a will it does not have")
        return
    qos = flags >> 3 & 3
    if qos > packet_types.MAX_QOS:
        raise RemoteProtocolError("the will's QoS is 3")
    if qos > 1:
        raise RemoteProtocolError("the will's QoS is above 1", reason_code=ReasonCode.QOS_NOT_SUPPORTED)
    if flags & 0x20:
        # [MQTT-3.2.2-13] leaves no choice here, while the retain flag of a PUBLISH is no more than a property to us.
        raise RemoteProtocolError("a retained will", reason_code=ReasonCode.RETAIN_NOT_SUPPORTED)


def _check_authentication(given: p.Properties) -> None:
    if p.AUTHENTICATION_METHOD in given:
        raise RemoteProtocolError(
            "extended authentication is not offered", reason_code=ReasonCode.BAD_AUTHENTICATION_METHOD
        )
    if p.AUTHENTICATION_DATA in given:
        raise RemoteProtocolError("authentication data without a method", reason_code=ReasonCode.PROTOCOL_ERROR)


def _read_client_id(buffer: bytes, position: int, stop: int, limits: Limits) -> tuple[str, int]:
    raw, position = read_binary(buffer, position, stop, MAX_U16, "client id")
    if len(raw) > limits.max_client_id_bytes:
        raise RemoteProtocolError(
            f"client id of {len(raw)} bytes exceeds the limit of {limits.max_client_id_bytes}",
            packets.IDENTIFIER_REJECTED,
        )
    return decode_text(raw, "client id"), position


def _read_will(buffer: bytes, position: int, stop: int, flags: int, limits: Limits) -> tuple[Will, int]:
    given, position = read_properties(buffer, position, stop, p.IN_WILL, limits)
    raw_topic, position = read_binary(buffer, position, stop, limits.max_topic_bytes, "will topic")
    payload, position = read_binary(buffer, position, stop, limits.max_will_payload_bytes, "will message")
    will = Will(
        decode_topic_name(raw_topic, "will topic"),
        payload,
        qos=flags >> 3 & 3,
        retain=False,
        properties=read_message_properties(given),
        delay_s=get_number(given, p.WILL_DELAY) or 0,
    )
    return will, position


def encode_connect(connect: Connect) -> bytes:
    """Write CONNECT.

    Raises:
        LocalProtocolError: A field that MQTT can't carry.
    """
    flags = 0x02 if connect.clean_session else 0
    payload = [encode_text(connect.client_id, "client id")]
    will = connect.will
    if will is not None:
        if will.qos not in {0, 1} or will.retain:
            raise LocalProtocolError("a will is not retained, and its QoS is 0 or 1")
        flags |= 0x04 | will.qos << 3
        properties = [(p.WILL_DELAY, will.delay_s or None), *message_properties(will.properties)]
        payload += [encode_properties(properties), encode_topic_name(will.topic)]
        payload.append(encode_binary(will.payload, "will message"))
    if connect.user_name is not None:
        flags |= 0x80
        payload.append(encode_text(connect.user_name, "user name"))
    if connect.password is not None:
        flags |= 0x40
        payload.append(encode_binary(connect.password, "password"))
    if not 0 <= connect.keep_alive_s <= MAX_U16:
        raise LocalProtocolError(f"a keep alive of {connect.keep_alive_s} s does not fit into two bytes")
    asked = encode_properties(
        [
            (p.SESSION_EXPIRY, connect.session_expiry_s or None),
            (p.RECEIVE_MAXIMUM, None if connect.receive_maximum == MAX_U16 else connect.receive_maximum),
            (p.MAXIMUM_PACKET_SIZE, connect.maximum_packet_bytes),
            (p.TOPIC_ALIAS_MAXIMUM, connect.topic_alias_maximum or None),
            (p.REQUEST_PROBLEM_INFORMATION, None if connect.wants_problem_information else 0),
        ]
    )
    keep_alive = connect.keep_alive_s.to_bytes(2, "big")
    return packet_types.build(packet_types.CONNECT, _PROTOCOL, bytes((flags,)), keep_alive, asked, *payload)


def decode_connack(buffer: bytes, start: int, stop: int, limits: Limits) -> Connack:
    """Read the body of CONNACK.

    Raises:
        RemoteProtocolError: Malformed, or a refusal that claims a session.
    """
    if stop - start < 2 or buffer[start] > 1 or buffer[start + 1] not in CONNACK_CODES:  # noqa: PLR2004 - two bytes
        raise RemoteProtocolError("CONNACK is malformed")
    session_present, code = bool(buffer[start]), buffer[start + 1]
    if session_present and code:
        raise RemoteProtocolError("CONNACK refuses and claims a session")
    given, position = read_properties(buffer, start + 2, stop, p.IN_CONNACK, limits)
    if position != stop:
        raise RemoteProtocolError("CONNACK is longer than its fields")
    maximum_qos = get_number(given, p.MAXIMUM_QOS)
    return Connack(
        session_present,
        code,
        ServerOffer(
            session_expiry_s=get_number(given, p.SESSION_EXPIRY),
            receive_maximum=get_number(given, p.RECEIVE_MAXIMUM) or MAX_U16,
            maximum_qos=packet_types.MAX_QOS if maximum_qos is None else maximum_qos,
            is_retain_available=get_number(given, p.RETAIN_AVAILABLE) != 0,
            maximum_packet_bytes=get_number(given, p.MAXIMUM_PACKET_SIZE),
            assigned_client_id=get_text(given, p.ASSIGNED_CLIENT_IDENTIFIER),
            topic_alias_maximum=get_number(given, p.TOPIC_ALIAS_MAXIMUM) or 0,
            reason_string=get_text(given, p.REASON_STRING),
            are_wildcards_available=get_number(given, p.WILDCARD_SUBSCRIPTION_AVAILABLE) != 0,
            are_subscription_ids_available=get_number(given, p.SUBSCRIPTION_IDENTIFIER_AVAILABLE) != 0,
            are_shared_subscriptions_available=get_number(given, p.SHARED_SUBSCRIPTION_AVAILABLE) != 0,
            server_keep_alive_s=get_number(given, p.SERVER_KEEP_ALIVE),
        ),
    )


def encode_connack(code: int, offer: ServerOffer, *, session_present: bool) -> bytes:
    """Write CONNACK; what an absent property means is left out.

    Raises:
        LocalProtocolError: A code that CONNACK can't carry, or a refusal that claims a session.
    """
    if code not in CONNACK_CODES:
        raise LocalProtocolError(f"{code:#04x} is no reason code of CONNACK")
    if code and session_present:
        raise LocalProtocolError("a refusal has no session")
    properties = encode_properties(
        [
            (p.SESSION_EXPIRY, offer.session_expiry_s),
            (p.RECEIVE_MAXIMUM, None if offer.receive_maximum == MAX_U16 else offer.receive_maximum),
            (p.MAXIMUM_QOS, None if offer.maximum_qos == packet_types.MAX_QOS else offer.maximum_qos),
            (p.RETAIN_AVAILABLE, None if offer.is_retain_available else 0),
            (p.MAXIMUM_PACKET_SIZE, offer.maximum_packet_bytes),
            (p.ASSIGNED_CLIENT_IDENTIFIER, offer.assigned_client_id),
            (p.TOPIC_ALIAS_MAXIMUM, offer.topic_alias_maximum or None),
            (p.REASON_STRING, offer.reason_string),
            (p.WILDCARD_SUBSCRIPTION_AVAILABLE, None if offer.are_wildcards_available else 0),
            (p.SUBSCRIPTION_IDENTIFIER_AVAILABLE, None if offer.are_subscription_ids_available else 0),
            (p.SHARED_SUBSCRIPTION_AVAILABLE, None if offer.are_shared_subscriptions_available else 0),
            (p.SERVER_KEEP_ALIVE, offer.server_keep_alive_s),
        ]
    )
    return packet_types.build(packet_types.CONNACK, bytes((session_present, code)), properties)


def decode_disconnect(buffer: bytes, start: int, stop: int, limits: Limits, *, by_client: bool) -> Disconnect:
    """Read the body of DISCONNECT; an absent code is *normal disconnection*.

    Raises:
        RemoteProtocolError: Malformed, or a code that this side can't send.
    """
    if start == stop:
        return Disconnect()
    code = buffer[start]
    if code not in (CLIENT_DISCONNECT_CODES if by_client else SERVER_DISCONNECT_CODES):
        raise RemoteProtocolError(f"DISCONNECT with reason code {code:#04x}")
    if start + 1 == stop:
        return Disconnect(code)
    given, position = read_properties(buffer, start + 1, stop, p.IN_DISCONNECT, limits)
    if position != stop:
        raise RemoteProtocolError("DISCONNECT is longer than its fields")
    if (p.SERVER_REFERENCE if by_client else p.SESSION_EXPIRY) in given:
        raise RemoteProtocolError(
            "DISCONNECT has a property of the other side's", reason_code=ReasonCode.PROTOCOL_ERROR
        )
    return Disconnect(
        code,
        get_text(given, p.REASON_STRING),
        get_number(given, p.SESSION_EXPIRY),
        get_text(given, p.SERVER_REFERENCE),
    )


def encode_disconnect(disconnect: Disconnect) -> bytes:
    """Write DISCONNECT as short as it can be.

    Raises:
        LocalProtocolError: A code that DISCONNECT can't carry.
    """
    code = disconnect.reason_code
    if code not in CLIENT_DISCONNECT_CODES and code not in SERVER_DISCONNECT_CODES:
        raise LocalProtocolError(f"{code:#04x} is no reason code of DISCONNECT")
    properties = encode_properties(
        [
            (p.SESSION_EXPIRY, disconnect.session_expiry_s),
            (p.REASON_STRING, disconnect.reason_string),
            (p.SERVER_REFERENCE, disconnect.server_reference),
        ]
    )
    if properties != b"\0":
        return packet_types.build(packet_types.DISCONNECT, bytes((code,)), properties)
    return packet_types.build(packet_types.DISCONNECT, bytes((code,)) if code else b"")
