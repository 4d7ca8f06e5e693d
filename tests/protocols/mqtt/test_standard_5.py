"""The statements of OASIS MQTT 5.0 that the server claims; each case carries the number of its statement or section."""

from __future__ import annotations

import pytest

from vedette.protocols import RemoteProtocolError, mqtt
from vedette.protocols.mqtt import ReasonCode, connect5, messages5, packet_types

CONNECT = bytes.fromhex("10 11 0004 4D515454 05 02 003C 00 0004 64657631")  # client id dev1, clean start, 60 s


def packet(first: int, body: bytes) -> bytes:
    return packet_types.build(first, body)


def connect(flags: int = 2, properties: bytes = b"", rest: bytes = b"", *, client_id: bytes = b"dev1") -> bytes:
    body = b"\x00\x04MQTT\x05" + bytes((flags,)) + b"\x00\x3c" + bytes((len(properties),)) + properties
    return packet(0x10, body + len(client_id).to_bytes(2, "big") + client_id + rest)


def connected(limits: mqtt.Limits | None = None, opening: bytes = CONNECT) -> mqtt.ServerConnection:
    connection = mqtt.ServerConnection(limits or mqtt.Limits())
    connection.receive(opening, 0.0)
    connection.accept(session_present=False)
    connection.bytes_to_send()
    return connection


def answer(data: bytes) -> mqtt.Connack | mqtt.Disconnect:
    """Read the packet that ended a connection."""
    if data[0] == packet_types.CONNACK:
        return connect5.decode_connack(data, 2, len(data), mqtt.Limits())
    assert data[0] == packet_types.DISCONNECT
    return connect5.decode_disconnect(data, 2, len(data), mqtt.Limits(), by_client=False)


def test_connect_of_the_standards_figure_is_read() -> None:
    # §3.1.2.12, figure 3-6: flags 0xCE, keep alive 10, session expiry 10; with a payload of that shape.
    body = bytes.fromhex("0004 4D515454 05 CE 000A 05 11 0000000A")
    fields = b"\x00\x04dev1" + b"\x00\x00\x05topic\x00\x04gone" + b"\x00\x04user" + b"\x00\x06secret"
    (event,) = mqtt.ServerConnection(mqtt.Limits()).receive(packet(0x10, body + fields), 0.0)
    assert isinstance(event, mqtt.Connect)
    assert event == mqtt.Connect(
        "dev1",
        clean_session=True,
        keep_alive_s=10,
        user_name="user",
        password=b"secret",
        will=mqtt.Will("topic", b"gone", 1, retain=False, properties=mqtt.NO_PROPERTIES),
        protocol_level=5,
        session_expiry_s=10,
    )
    assert event.keeps_session
    assert "secret" not in repr(event)


def test_publish_of_the_standards_figure_is_read() -> None:
    # §3.3.2.4, figure 3-8: topic a/b, packet id 10, no properties; here at QoS 1 with a payload.
    (event,) = connected().receive(packet(0x32, bytes.fromhex("0003 612F62 000A 00") + b"hi"), 0.0)
    assert event == mqtt.Publish("a/b", b"hi", 1, 10, properties=mqtt.NO_PROPERTIES)


def test_subscribe_of_the_standards_figure_is_read() -> None:
    # §3.8.3, figure 3-19: a/b at QoS 1 and c/d at QoS 2; here with packet id 10 and no properties.
    (event,) = connected().receive(packet(0x82, bytes.fromhex("000A 00 0003 612F62 01 0003 632F64 02")), 0.0)
    assert event == mqtt.Subscribe(10, (("a/b", 1), ("c/d", 2)))


def test_unsubscribe_of_the_standards_figure_is_read() -> None:
    # §3.10.3, figure 3-30: a/b and c/d.
    (event,) = connected().receive(packet(0xA2, bytes.fromhex("000A 00 0003 612F62 0003 632F64")), 0.0)
    assert event == mqtt.Unsubscribe(10, ("a/b", "c/d"))


BROKEN_CONNECTS = {
    "§3.1.2.2 protocol level 6": (packet(0x10, b"\x00\x04MQTT\x06\x02\x00\x3c\x00\x00\x01a"), 0x84),
    "[MQTT-3.1.2-3] the reserved connect flag": (connect(0x03), 0x81),
    "[MQTT-3.1.2-11] will QoS without a will": (connect(0x0A), 0x81),
    "[MQTT-3.1.2-12] will QoS 3": (connect(0x1E, rest=b"\x00\x00\x01t\x00\x01p"), 0x81),
    "[MQTT-3.2.2-12] will QoS 2": (connect(0x16, rest=b"\x00\x00\x01t\x00\x01p"), 0x9B),
    "[MQTT-3.2.2-13] a retained will": (connect(0x26, rest=b"\x00\x00\x01t\x00\x01p"), 0x9A),
    "[MQTT-3.1.3-4] a client id that is not UTF-8": (connect(client_id=b"\xff"), 0x81),
    "[MQTT-1.5.4-2] a client id with U+0000": (connect(client_id=b"a\0b"), 0x81),
    "[MQTT-3.1.3-8] a client id that is too long": (connect(client_id=b"d" * 258), 0x85),
    "§3.1.2.11.2 session expiry twice": (connect(properties=b"\x11\0\0\0\1\x11\0\0\0\1"), 0x82),
    "§3.1.2.11.3 receive maximum 0": (connect(properties=b"\x21\0\0"), 0x82),
    "§3.1.2.11.4 maximum packet size 0": (connect(properties=b"\x27\0\0\0\0"), 0x82),
    "§3.1.2.11.6 request response information 2": (connect(properties=b"\x19\2"), 0x82),
    "§3.1.2.11.7 request problem information 2": (connect(properties=b"\x17\2"), 0x82),
    "§3.1.2.11.9 an authentication method": (connect(properties=b"\x15\x00\x05SCRAM"), 0x8C),
    "§3.1.2.11.10 authentication data alone": (connect(properties=b"\x16\x00\x01x"), 0x82),
    "§2.2.2.2 a property of another packet": (connect(properties=b"\x23\0\1"), 0x81),
    "§2.2.2.2 an unknown property": (connect(properties=b"\x7f\1"), 0x81),
    "§2.2.2 a property cut short": (connect(properties=b"\x11\0\0"), 0x81),
    "§2.2.2 properties longer than the packet": (packet(0x10, b"\x00\x04MQTT\x05\x02\x00\x3c\x7f\x00\x01a"), 0x81),
    "[MQTT-1.5.5-1] a property length in two bytes": (
        packet(0x10, b"\x00\x04MQTT\x05\x02\x00\x3c\x83\x00\x21\0\1\x00\x01a"),
        0x81,
    ),
    "[MQTT-1.5.7-1] a user property that is not UTF-8": (connect(properties=b"\x26\x00\x01\xff\x00\x01v"), 0x81),
    "a field cut short": (packet(0x10, CONNECT[2:-1]), 0x81),
    "more than its fields": (packet(0x10, CONNECT[2:] + b"x"), 0x81),
    "a wildcard in the will topic": (connect(0x06, rest=b"\x00\x00\x01#\x00\x01p"), 0x90),
    "a will with a topic alias": (connect(0x06, rest=b"\x03\x23\0\1\x00\x01t\x00\x01p"), 0x81),
}


@pytest.mark.parametrize("case", BROKEN_CONNECTS.values(), ids=BROKEN_CONNECTS.keys())
def test_broken_connect_is_refused_with_its_reason(case: tuple[bytes, int]) -> None:
    data, code = case
    connection = mqtt.ServerConnection(mqtt.Limits())
    with pytest.raises(RemoteProtocolError) as caught:
        connection.receive(data, 0.0)
    assert connection.is_closed
    connack = answer(connection.bytes_to_send())
    assert isinstance(connack, mqtt.Connack)
    assert connack.return_code == code
    assert connack.offer is not None
    assert connack.offer.reason_string == caught.value.reason
    assert connection.receive(CONNECT, 0.0) == []


BROKEN_PACKETS = {
    "[MQTT-3.1.0-2] a second CONNECT": (CONNECT, 0x82),
    "[MQTT-3.3.1-2] DUP at QoS 0": (packet(0x38, b"\x00\x01a\x00"), 0x81),
    "[MQTT-3.3.1-4] QoS 3": (packet(0x36, b"\x00\x01a\x00\x01\x00"), 0x81),
    "[MQTT-3.2.2-11] QoS 2": (packet(0x34, b"\x00\x01a\x00\x01\x00"), 0x9B),
    "[MQTT-2.2.1-3] PUBLISH with packet id 0": (packet(0x32, b"\x00\x01a\x00\x00\x00"), 0x81),
    "[MQTT-3.3.2-2] # in a topic": (packet(0x30, b"\x00\x03a/#\x00"), 0x90),
    "[MQTT-3.3.2-14] a wildcard in the response topic": (packet(0x30, b"\x00\x01a\x04\x08\x00\x01+"), 0x82),
    "[MQTT-3.3.4-6] a subscription identifier from a client": (packet(0x30, b"\x00\x01a\x02\x0b\x01"), 0x81),
    "§3.3.2.1 no topic and no alias": (packet(0x30, b"\x00\x00\x00"), 0x82),
    "§3.3.2.3.2 payload format 2": (packet(0x30, b"\x00\x01a\x02\x01\x02"), 0x82),
    "§3.3.2.3.2 payload format twice": (packet(0x30, b"\x00\x01a\x04\x01\x01\x01\x01"), 0x82),
    "[MQTT-3.3.2-8] topic alias 0": (packet(0x30, b"\x00\x01a\x03\x23\x00\x00"), 0x94),
    "[MQTT-3.3.2-9] topic alias above the maximum": (packet(0x30, b"\x00\x01a\x03\x23\x00\x09"), 0x94),
    "§3.3.2.3.4 an alias that stands for nothing": (packet(0x30, b"\x00\x00\x03\x23\x00\x01"), 0x82),
    "PUBLISH without properties": (packet(0x30, b"\x00\x01a"), 0x81),
    "PUBLISH without its packet id": (packet(0x32, b"\x00\x01a\x00"), 0x81),
    "PUBLISH whose topic is longer than the packet": (packet(0x30, b"\x00\x05abc"), 0x81),
    "§3.4.2.1 PUBACK with a code of another packet": (packet(0x40, b"\x00\x01\x04"), 0x81),
    "PUBACK that is too long": (packet(0x40, b"\x00\x01\x00\x00x"), 0x81),
    "[MQTT-3.8.1-1] reserved flags of SUBSCRIBE": (packet(0x80, b"\x00\x01\x00\x00\x01a\x00"), 0x81),
    "[MQTT-3.8.3-2] SUBSCRIBE without a filter": (packet(0x82, b"\x00\x01\x00"), 0x82),
    "[MQTT-3.8.3-4] no local on a shared subscription": (packet(0x82, b"\x00\x01\x00\x00\x0a$share/g/a\x05"), 0x82),
    "[MQTT-3.8.3-5] reserved option bits": (packet(0x82, b"\x00\x01\x00\x00\x01a\x41"), 0x81),
    "§3.8.3.1 QoS 3": (packet(0x82, b"\x00\x01\x00\x00\x01a\x03"), 0x82),
    "§3.8.3.1 retain handling 3": (packet(0x82, b"\x00\x01\x00\x00\x01a\x30"), 0x82),
    "§3.2.2.3.12 a subscription identifier": (packet(0x82, b"\x00\x01\x02\x0b\x01\x00\x01a\x00"), 0xA1),
    "§3.8.2.1.2 subscription identifier 0": (packet(0x82, b"\x00\x01\x02\x0b\x00\x00\x01a\x00"), 0x82),
    "[MQTT-4.7.1-1] # within a filter": (packet(0x82, b"\x00\x01\x00\x00\x03#/a\x00"), 0x8F),
    "[MQTT-4.7.3-1] an empty filter": (packet(0x82, b"\x00\x01\x00\x00\x00\x00"), 0x8F),
    "[MQTT-3.10.3-2] UNSUBSCRIBE without a filter": (packet(0xA2, b"\x00\x01\x00"), 0x82),
    "[MQTT-3.14.1-1] reserved flags of DISCONNECT": (packet(0xE1, b""), 0x81),
    "[MQTT-3.14.2-1] a code that only servers send": (packet(0xE0, b"\x8b"), 0x81),
    "§3.14.2.2.2 a session kept only when leaving": (packet(0xE0, b"\x00\x05\x11\0\0\0\1"), 0x82),
    "§3.14.2.2.5 a server reference from a client": (packet(0xE0, b"\x00\x05\x1c\x00\x02ab"), 0x82),
    "[MQTT-4.12.0-6] AUTH without a method": (packet(0xF0, b""), 0x82),
    "[MQTT-3.15.1-1] reserved flags of AUTH": (packet(0xF1, b""), 0x81),
    "PUBREL of QoS 2": (packet(0x62, b"\x00\x01"), 0x82),
    "a packet only servers send": (packet(0x20, b"\x00\x00\x00"), 0x82),
    "a reserved packet type 0": (b"\x00\x00", 0x81),
}


@pytest.mark.parametrize("case", BROKEN_PACKETS.values(), ids=BROKEN_PACKETS.keys())
def test_broken_packet_ends_the_connection_with_its_reason(case: tuple[bytes, int]) -> None:
    data, code = case
    connection = connected()
    with pytest.raises(RemoteProtocolError) as caught:
        connection.receive(data, 0.0)
    assert connection.is_closed
    disconnect = answer(connection.bytes_to_send())
    assert isinstance(disconnect, mqtt.Disconnect)
    assert disconnect.reason_code == code
    assert disconnect.reason_string == caught.value.reason
    assert connection.receive(packet_types.PINGREQ_PACKET, 0.0) == []


@pytest.mark.parametrize("options", [0x00, 0x04, 0x08, 0x10, 0x20, 0x2C])
def test_subscription_options_are_accepted(options: int) -> None:
    (event,) = connected().receive(packet(0x82, b"\x00\x01\x00\x00\x01a" + bytes((options | 1,))), 0.0)
    assert event == mqtt.Subscribe(1, (("a", 1),))


def test_retain_flag_of_a_message_is_tolerated_although_retaining_is_not_offered() -> None:
    (event,) = connected().receive(packet(0x31, b"\x00\x01a\x00x"), 0.0)
    assert event == mqtt.Publish("a", b"x", retain=True, properties=mqtt.NO_PROPERTIES)


def test_connack_tells_what_is_offered() -> None:
    connection = mqtt.ServerConnection(mqtt.Limits(max_inflight=100, max_packet_bytes=5_000, max_topic_aliases=3))
    connection.receive(connect(properties=b"\x11\0\0\0\x3c"), 0.0)
    connection.accept(session_present=True, session_expiry_s=mqtt.NEVER_EXPIRES, assigned_client_id="d")
    assert answer(connection.bytes_to_send()) == mqtt.Connack(
        session_present=True,
        return_code=0,
        offer=mqtt.ServerOffer(
            session_expiry_s=mqtt.NEVER_EXPIRES,
            receive_maximum=100,
            maximum_qos=1,
            is_retain_available=False,
            maximum_packet_bytes=5_000,
            assigned_client_id="d",
            topic_alias_maximum=3,
            are_subscription_ids_available=False,
            are_shared_subscriptions_available=False,
        ),
    )


def test_keep_alive_is_told_only_where_it_is_capped() -> None:
    for keep_alive, told in ((100, None), (101, 100)):
        connection = mqtt.ServerConnection(mqtt.Limits(max_keep_alive_s=100))
        connection.receive(CONNECT.replace(b"\x00\x3c", keep_alive.to_bytes(2, "big")), 0.0)
        connection.accept(session_present=False)
        connack = answer(connection.bytes_to_send())
        assert isinstance(connack, mqtt.Connack)
        assert connack.offer is not None
        assert connack.offer.server_keep_alive_s == told
        assert connection.deadline_s == 150.0


REFUSALS = {1: 0x84, 2: 0x85, 3: 0x88, 4: 0x86, 5: 0x87}


@pytest.mark.parametrize("code", REFUSALS)
def test_refusal_has_the_reason_code_of_the_same_meaning(code: int) -> None:
    connection = mqtt.ServerConnection(mqtt.Limits())
    connection.receive(CONNECT, 0.0)
    connection.refuse(code, reason_string="because")
    assert connection.is_closed
    assert answer(connection.bytes_to_send()) == mqtt.Connack(
        session_present=False, return_code=REFUSALS[code], offer=mqtt.ServerOffer(reason_string="because")
    )


def test_refusal_may_have_a_reason_code_of_its_own() -> None:
    connection = mqtt.ServerConnection(mqtt.Limits())
    connection.receive(CONNECT, 0.0)
    connection.refuse(3, reason_code=ReasonCode.BANNED)
    assert connection.bytes_to_send() == b"\x20\x03\x00\x8a\x00"


def test_disconnect_says_why() -> None:
    connection = connected()
    connection.disconnect(ReasonCode.SESSION_TAKEN_OVER, reason_string="another one came")
    assert connection.is_closed
    assert answer(connection.bytes_to_send()) == mqtt.Disconnect(0x8E, "another one came")


def test_leaving_client_may_keep_its_will_and_forget_its_session() -> None:
    (event,) = connected().receive(b"\xe0\x00", 0.0)
    assert event == mqtt.Disconnect()
    assert isinstance(event, mqtt.Disconnect)
    assert event.voids_will
    connection = connected(opening=connect(properties=b"\x11\0\0\0\x3c"))
    (event,) = connection.receive(packet(0xE0, b"\x04\x05\x11\0\0\0\0"), 0.0)
    assert event == mqtt.Disconnect(4, session_expiry_s=0)
    assert isinstance(event, mqtt.Disconnect)
    assert not event.voids_will
    assert connection.is_closed
    assert connection.bytes_to_send() == b""


def test_alias_stands_for_its_topic_until_it_is_set_anew() -> None:
    connection = connected()

    def topic_of(name: bytes, alias: int) -> str:
        body = len(name).to_bytes(2, "big") + name + b"\x03\x23" + alias.to_bytes(2, "big")
        (event,) = connection.receive(packet(0x30, body), 0.0)
        assert isinstance(event, mqtt.Publish)
        return event.topic

    assert [topic_of(b"one", 1), topic_of(b"", 1), topic_of(b"two", 8), topic_of(b"", 1)] == [
        "one",
        "one",
        "two",
        "one",
    ]
    assert [topic_of(b"three", 1), topic_of(b"", 1), topic_of(b"", 8)] == ["three", "three", "two"]


def test_properties_of_a_message_reach_the_reader() -> None:
    properties = (
        b"\x01\x01\x02\0\0\0\x3c\x03\x00\x01c\x08\x00\x01r\x09\x00\x02\xff\0\x26\x00\x01k\x00\x01v\x26\x00\x01k\x00\x00"
    )
    (event,) = connected().receive(packet(0x30, b"\x00\x01a" + bytes((len(properties),)) + properties + b"body"), 0.0)
    assert event == mqtt.Publish(
        "a",
        b"body",
        properties=mqtt.PublishProperties(
            payload_format=1,
            message_expiry_s=60,
            content_type="c",
            response_topic="r",
            correlation_data=b"\xff\0",
            user=(("k", "v"), ("k", "")),
        ),
    )


def test_message_to_the_device_carries_properties() -> None:
    connection = connected()
    properties = mqtt.PublishProperties(content_type="text/plain", user=(("a", "b"),), message_expiry_s=5)
    assert connection.publish("t", b"x", properties=properties)
    data = connection.bytes_to_send()
    client = mqtt.ClientConnection(mqtt.Limits())
    client.connect(mqtt.Connect("d", clean_session=True, keep_alive_s=0, protocol_level=5))
    (_, event) = client.receive(b"\x20\x03\x00\x00\x00" + data)
    assert event == mqtt.Publish("t", b"x", properties=properties)


def test_answers_are_as_short_as_they_can_be() -> None:
    connection = connected()
    connection.receive(packet(0x32, b"\x00\x01a\x00\x07\x00") * 2, 0.0)
    connection.puback(7)
    connection.puback(7, reason_code=ReasonCode.QUOTA_EXCEEDED)
    connection.suback(8, [1, ReasonCode.NOT_AUTHORIZED])
    assert connection.bytes_to_send() == b"\x40\x02\x00\x07" + b"\x40\x03\x00\x07\x97" + b"\x90\x05\x00\x08\x00\x01\x87"


def test_unsuback_has_a_code_for_each_filter() -> None:
    connection = connected()
    connection.receive(packet(0xA2, b"\x00\x05\x00\x00\x01a\x00\x01b\x00\x01c"), 0.0)
    connection.unsuback(5)
    assert connection.bytes_to_send() == b"\xb0\x06\x00\x05\x00\x00\x00\x00"


def test_reason_strings_are_left_out_of_answers_for_who_does_not_want_them() -> None:
    # [MQTT-3.1.2-29]
    connection = connected(opening=connect(properties=b"\x17\x00"))
    connection.receive(packet(0x32, b"\x00\x01a\x00\x07\x00"), 0.0)
    connection.puback(7, reason_code=ReasonCode.QUOTA_EXCEEDED, reason_string="too many")
    connection.suback(8, [0x87], reason_string="not yours")
    assert connection.bytes_to_send() == b"\x40\x03\x00\x07\x97" + b"\x90\x04\x00\x08\x00\x87"
    connection.disconnect(ReasonCode.SERVER_BUSY, reason_string="busy")
    assert answer(connection.bytes_to_send()) == mqtt.Disconnect(0x89, "busy")


def test_puback_of_a_client_may_refuse() -> None:
    connection = connected()
    connection.publish("t", b"", qos=1, packet_id=3)
    (event,) = connection.receive(packet(0x40, b"\x00\x03\x99\x07\x1f\x00\x04nope"), 0.0)
    assert event == mqtt.Puback(3, 0x99, "nope")
    assert connection.publish("t", b"", qos=1, packet_id=3)


def test_a_version_is_what_connect_says() -> None:
    assert connected().is_v5
    connection = mqtt.ServerConnection(mqtt.Limits())
    connection.receive(bytes.fromhex("10 10 0004 4D515454 04 02 003C 0004 64657631"), 0.0)
    assert not connection.is_v5
    connection.accept(session_present=False, assigned_client_id="d", reason_string="hello")
    assert connection.bytes_to_send() == b"\x20\x02\x00\x00"
    connection.publish("t", b"x", properties=mqtt.PublishProperties(content_type="c"))
    assert connection.bytes_to_send() == b"\x30\x04\x00\x01tx"
    connection.disconnect(ReasonCode.SESSION_TAKEN_OVER)
    assert connection.is_closed
    assert connection.bytes_to_send() == b""


def test_messages_of_both_versions_differ_in_nothing_but_properties() -> None:
    publish = mqtt.Publish("a", b"x", 1, 7, properties=mqtt.NO_PROPERTIES)
    assert messages5.encode_publish(publish) == b"\x32\x07\x00\x01a\x00\x07\x00x"
