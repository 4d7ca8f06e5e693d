"""The statements of OASIS MQTT 3.1.1 that the server claims; each case carries the number of its statement."""

from __future__ import annotations

import pytest

from vedette.protocols import RemoteProtocolError, mqtt
from vedette.protocols.mqtt import packet_types

CONNECT = bytes.fromhex("10 10 0004 4D515454 04 02 003C 0004 64657631")  # client id dev1, clean, 60 s


def connect(flags: int, rest: bytes = b"", *, client_id: bytes = b"dev1", keep_alive: int = 60) -> bytes:
    body = b"\x00\x04MQTT\x04" + bytes((flags,)) + keep_alive.to_bytes(2, "big")
    body += len(client_id).to_bytes(2, "big") + client_id + rest
    return bytes((0x10, len(body))) + body


def packet(first: int, body: bytes) -> bytes:
    return bytes((first, len(body))) + body


def connected(limits: mqtt.Limits | None = None) -> mqtt.ServerConnection:
    connection = mqtt.ServerConnection(limits or mqtt.Limits())
    connection.receive(CONNECT, 0.0)
    connection.accept(session_present=False)
    connection.bytes_to_send()
    return connection


BROKEN_CONNECTS = {
    "[MQTT-1.5.3-1] client id with a surrogate": (connect(2, client_id=b"\xed\xa0\x80"), None),
    "[MQTT-1.5.3-1] client id that is not UTF-8": (connect(2, client_id=b"\xff"), None),
    "[MQTT-1.5.3-2] client id with U+0000": (connect(2, client_id=b"a\0b"), None),
    "[MQTT-2.2.2-2] reserved flags of CONNECT": (b"\x11" + CONNECT[1:], None),
    "[MQTT-3.1.0-1] PINGREQ before CONNECT": (packet_types.PINGREQ_PACKET, None),
    "[MQTT-3.1.0-1] PUBLISH before CONNECT": (packet(0x30, b"\x00\x01a"), None),
    "[MQTT-3.1.2-1] another protocol name": (packet(0x10, b"\x00\x06MQIsdp\x03\x02\x00\x3c\x00\x01a"), 1),
    "[MQTT-3.1.2-2] protocol level 3": (packet(0x10, b"\x00\x04MQTT\x03\x02\x00\x3c\x00\x01a"), 1),
    "[MQTT-3.1.2-3] the reserved connect flag": (connect(0x03), None),
    "[MQTT-3.1.2-9] a will flag without a will": (connect(0x06), None),
    "[MQTT-3.1.2-11] a will without its flag": (connect(0x02, b"\x00\x01t\x00\x01p"), None),
    "[MQTT-3.1.2-13] will QoS without a will": (connect(0x0A), None),
    "[MQTT-3.1.2-14] will QoS 3": (connect(0x1E, b"\x00\x01t\x00\x01p"), None),
    "[MQTT-3.1.2-15] will retain without a will": (connect(0x22), None),
    "[MQTT-3.1.2-18] a user name without its flag": (connect(0x02, b"\x00\x01u"), None),
    "[MQTT-3.1.2-19] a user name flag without a user name": (connect(0x82), None),
    "[MQTT-3.1.2-21] a password flag without a password": (connect(0xC2, b"\x00\x01u"), None),
    "[MQTT-3.1.2-22] a password without a user name": (connect(0x42, b"\x00\x01p"), None),
    "[MQTT-3.1.3-8] an empty client id with a kept session": (connect(0x00, client_id=b""), 2),
    "[MQTT-3.1.3-9] an empty client id with a clean session": (connect(0x02, client_id=b""), 2),
    "[MQTT-3.1.3-10] a will topic that is not UTF-8": (connect(0x06, b"\x00\x01\xff\x00\x01p"), None),
    "[MQTT-3.1.3-11] a user name that is not UTF-8": (connect(0x82, b"\x00\x01\xff"), None),
    "[MQTT-3.3.2-2] a wildcard in the will topic": (connect(0x06, b"\x00\x01#\x00\x01p"), None),
    "a will at QoS 2": (connect(0x16, b"\x00\x01t\x00\x01p"), None),
    "a field cut short": (packet(0x10, CONNECT[2:-1]), None),
    "a body that ends before the flags": (packet(0x10, b"\x00\x04MQTT\x04"), None),
    "a body that ends before the level": (packet(0x10, b"\x00\x04MQTT"), None),
    "an empty body": (packet(0x10, b""), None),
}


@pytest.mark.parametrize("case", BROKEN_CONNECTS.values(), ids=BROKEN_CONNECTS.keys())
def test_broken_connect_closes_the_connection(case: tuple[bytes, int | None]) -> None:
    data, code = case
    connection = mqtt.ServerConnection(mqtt.Limits())
    with pytest.raises(RemoteProtocolError) as caught:
        connection.receive(data, 0.0)
    assert caught.value.connack_code == code
    assert connection.is_closed
    assert connection.bytes_to_send() == (b"" if code is None else bytes((0x20, 2, 0, code)))
    assert connection.receive(CONNECT, 0.0) == []


BROKEN_PACKETS = {
    "[MQTT-1.5.3-1] a topic that is not UTF-8": packet(0x30, b"\x00\x02\xc3\x28"),
    "[MQTT-1.5.3-1] a topic with a surrogate": packet(0x30, b"\x00\x03\xed\xbf\xbf"),
    "[MQTT-1.5.3-2] a topic with U+0000": packet(0x30, b"\x00\x03a\0b"),
    "[MQTT-2.2.2-2] reserved flags of PUBACK": packet(0x41, b"\x00\x01"),
    "[MQTT-2.2.2-2] reserved flags of PINGREQ": b"\xc1\x00",
    "[MQTT-2.2.2-2] reserved flags of DISCONNECT": b"\xe8\x00",
    "[MQTT-2.3.1-1] PUBLISH with packet id 0": packet(0x32, b"\x00\x01a\x00\x00"),
    "[MQTT-2.3.1-1] SUBSCRIBE with packet id 0": packet(0x82, b"\x00\x00\x00\x01a\x00"),
    "[MQTT-2.3.1-1] UNSUBSCRIBE with packet id 0": packet(0xA2, b"\x00\x00\x00\x01a"),
    "[MQTT-3.1.0-2] a second CONNECT": CONNECT,
    "[MQTT-3.3.1-2] DUP at QoS 0": packet(0x38, b"\x00\x01a"),
    "[MQTT-3.3.1-4] QoS 3": packet(0x36, b"\x00\x01a\x00\x01"),
    "[MQTT-3.3.2-1] PUBLISH without a topic": packet(0x30, b""),
    "[MQTT-3.3.2-2] # in a topic": packet(0x30, b"\x00\x03a/#"),
    "[MQTT-3.3.2-2] + in a topic": packet(0x30, b"\x00\x03+/a"),
    "[MQTT-3.8.1-1] reserved flags of SUBSCRIBE": packet(0x80, b"\x00\x01\x00\x01a\x00"),
    "[MQTT-3.8.3-1] a filter that is not UTF-8": packet(0x82, b"\x00\x01\x00\x01\xff\x00"),
    "[MQTT-3.8.3-3] SUBSCRIBE without a filter": packet(0x82, b"\x00\x01"),
    "[MQTT-3-8.3-4] SUBSCRIBE for QoS 3": packet(0x82, b"\x00\x01\x00\x01a\x03"),
    "[MQTT-3-8.3-4] SUBSCRIBE with reserved QoS bits": packet(0x82, b"\x00\x01\x00\x01a\x81"),
    "[MQTT-3.10.1-1] reserved flags of UNSUBSCRIBE": packet(0xA0, b"\x00\x01\x00\x01a"),
    "[MQTT-3.10.3-1] an unsubscribed filter that is not UTF-8": packet(0xA2, b"\x00\x01\x00\x01\xff"),
    "[MQTT-3.10.3-2] UNSUBSCRIBE without a filter": packet(0xA2, b"\x00\x01"),
    "[MQTT-3.14.1-1] reserved flags of DISCONNECT": b"\xe1\x00",
    "[MQTT-4.7.1-2] # within a filter": packet(0x82, b"\x00\x01\x00\x03#/a\x00"),
    "[MQTT-4.7.1-2] # beside other characters": packet(0x82, b"\x00\x01\x00\x02a#\x00"),
    "[MQTT-4.7.1-2] two #": packet(0x82, b"\x00\x01\x00\x03#/#\x00"),
    "[MQTT-4.7.1-3] + beside other characters": packet(0x82, b"\x00\x01\x00\x03a+/\x00"),
    "[MQTT-4.7.3-1] an empty topic": packet(0x30, b"\x00\x00"),
    "[MQTT-4.7.3-1] an empty filter": packet(0x82, b"\x00\x01\x00\x00\x00"),
    "[MQTT-4.7.3-2] a filter with U+0000": packet(0x82, b"\x00\x01\x00\x01\x00\x00"),
    "QoS 2, which the hub does not serve": packet(0x34, b"\x00\x01a\x00\x01"),
    "PUBREL of QoS 2": packet(0x62, b"\x00\x01"),
    "a packet only servers send": packet(0x20, b"\x00\x00"),
    "a reserved packet type 0": b"\x00\x00",
    "a reserved packet type 15": b"\xf0\x00",
    "PUBLISH whose topic is longer than the packet": packet(0x30, b"\x00\x05abc"),
    "PUBLISH without its packet id": packet(0x32, b"\x00\x01a\x00"),
    "PUBACK that is too long": packet(0x40, b"\x00\x01\x00"),
    "PUBACK with packet id 0": packet(0x40, b"\x00\x00"),
    "PINGREQ with a body": packet(0xC0, b"\x00"),
    "DISCONNECT with a body": packet(0xE0, b"\x00"),
    "SUBSCRIBE without a QoS": packet(0x82, b"\x00\x01\x00\x01a"),
    "SUBSCRIBE with half a packet id": packet(0x82, b"\x00"),
    "UNSUBSCRIBE cut short": packet(0xA2, b"\x00\x01\x00\x05a"),
    "a remaining length of five bytes": b"\x30\xff\xff\xff\xff\x01",
}


@pytest.mark.parametrize("data", BROKEN_PACKETS.values(), ids=BROKEN_PACKETS.keys())
def test_broken_packet_closes_the_connection_in_silence(data: bytes) -> None:
    connection = connected()
    with pytest.raises(RemoteProtocolError) as caught:
        connection.receive(data, 1.0)
    assert caught.value.reason
    assert caught.value.connack_code is None
    assert connection.is_closed
    assert connection.bytes_to_send() == b""
    assert connection.held_bytes == 0


def test_byte_order_mark_is_kept__mqtt_1_5_3_3() -> None:
    (event,) = connected().receive(packet(0x30, b"\x00\x04\xef\xbb\xbfa"), 1.0)
    assert event == mqtt.Publish("\ufeffa", b"")


def accepted(keep_alive: int, at: float) -> mqtt.ServerConnection:
    connection = mqtt.ServerConnection(mqtt.Limits())
    connection.receive(connect(2, keep_alive=keep_alive), at)
    connection.accept(session_present=False)
    return connection


def test_keep_alive_closes_after_one_and_a_half_times__mqtt_3_1_2_24() -> None:
    connection = accepted(60, 1000.0)
    assert connection.deadline_s == 1090.0
    connection.receive(packet_types.PINGREQ_PACKET, 1050.0)
    assert connection.deadline_s == 1140.0, "the deadline moves with each packet"


def test_nobody_is_closed_for_silence_while_we_decide() -> None:
    connection = mqtt.ServerConnection(mqtt.Limits())
    connection.receive(CONNECT, 1000.0)
    assert connection.deadline_s is None


def test_keep_alive_of_zero_never_closes__mqtt_3_1_2_10() -> None:
    assert accepted(0, 1000.0).deadline_s is None


@pytest.mark.parametrize(("keep_alive", "grace"), [(1766, 2649.0), (1767, 2650.5), (1768, 2650.5), (65535, 2650.5)])
def test_long_keep_alive_counts_as_1767_seconds(keep_alive: int, grace: float) -> None:
    assert accepted(keep_alive, 0.0).deadline_s == grace


def test_dripping_bytes_do_not_extend_the_deadline() -> None:
    connection = connected()
    deadline = connection.deadline_s
    for moment, byte in enumerate(packet(0x30, b"\x00\x01abcdef")[:-1]):
        assert connection.receive(bytes((byte,)), 10.0 + moment) == []
    assert connection.deadline_s == deadline
    connection.receive(b"f", 50.0)
    assert connection.deadline_s == 140.0


def test_nothing_behind_connect_is_read_when_it_is_refused__mqtt_3_1_4_5() -> None:
    connection = mqtt.ServerConnection(mqtt.Limits())
    events = connection.receive(CONNECT + packet(0x30, b"\x00\x01a"), 0.0)
    assert [type(event) for event in events] == [mqtt.Connect]
    assert connection.receive(packet(0x30, b"\x00\x01b"), 0.0) == []
    connection.refuse(mqtt.NOT_AUTHORIZED)
    assert connection.receive(b"", 0.0) == []
    assert connection.bytes_to_send() == b"\x20\x02\x00\x05"


def test_what_a_hasty_client_sent_is_read_after_accept__mqtt_3_1_4_5() -> None:
    connection = mqtt.ServerConnection(mqtt.Limits())
    connection.receive(CONNECT + packet(0x30, b"\x00\x01a"), 0.0)
    assert connection.receive(packet(0x30, b"\x00\x01b")[:3], 0.0) == []
    connection.accept(session_present=False)
    assert connection.receive(b"", 1.0) == [mqtt.Publish("a", b"")]
    assert connection.receive(packet(0x30, b"\x00\x01b")[3:], 1.0) == [mqtt.Publish("b", b"")]


def test_connack_is_the_first_packet__mqtt_3_2_0_1() -> None:
    connection = mqtt.ServerConnection(mqtt.Limits())
    connection.receive(CONNECT, 0.0)
    assert connection.bytes_to_send() == b""
    connection.accept(session_present=True)
    connection.publish("a", b"x")
    assert connection.bytes_to_send() == b"\x20\x02\x01\x00" + b"\x30\x04\x00\x01ax"


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5])
def test_refusal_claims_no_session_and_closes__mqtt_3_2_2_4__mqtt_3_2_2_5(code: int) -> None:
    connection = mqtt.ServerConnection(mqtt.Limits())
    connection.receive(CONNECT, 0.0)
    connection.refuse(code)
    assert connection.is_closed
    assert connection.bytes_to_send() == bytes((0x20, 2, 0, code))


def test_puback_carries_the_packet_id_of_its_publish__mqtt_2_3_1_6() -> None:
    connection = connected()
    (event,) = connection.receive(packet(0x32, b"\x00\x01a\x12\x34x"), 0.0)
    assert event == mqtt.Publish("a", b"x", 1, 0x1234)
    connection.puback(0x1234)
    assert connection.bytes_to_send() == b"\x40\x02\x12\x34"


def test_suback_carries_packet_id_and_a_code_per_filter__mqtt_3_8_4_2__mqtt_3_8_4_5() -> None:
    connection = connected()
    (event,) = connection.receive(packet(0x82, b"\x00\x07\x00\x01a\x02\x00\x03b/#\x00"), 0.0)
    assert event == mqtt.Subscribe(7, (("a", 2), ("b/#", 0)))
    connection.suback(7, [1, 0x80])
    assert connection.bytes_to_send() == b"\x90\x04\x00\x07\x01\x80"


def test_unsuback_carries_packet_id__mqtt_3_10_4_4() -> None:
    connection = connected()
    (event,) = connection.receive(packet(0xA2, b"\x00\x07\x00\x01a\x00\x01+"), 0.0)
    assert event == mqtt.Unsubscribe(7, ("a", "+"))
    connection.unsuback(7)
    assert connection.bytes_to_send() == b"\xb0\x02\x00\x07"


def test_pingreq_is_answered__mqtt_3_12_4_1() -> None:
    connection = connected()
    assert connection.receive(packet_types.PINGREQ_PACKET, 0.0) == [mqtt.Pingreq()]
    connection.pingresp()
    assert connection.bytes_to_send() == b"\xd0\x00"


def test_nothing_is_read_behind_disconnect__mqtt_3_14_4_2() -> None:
    connection = connected()
    events = connection.receive(packet_types.DISCONNECT_PACKET + packet(0x30, b"\x00\x01a"), 0.0)
    assert events == [mqtt.Disconnect()]
    assert connection.is_closed
    assert connection.receive(packet_types.PINGREQ_PACKET, 0.0) == []


def test_will_is_reported_with_its_flags__mqtt_3_1_2_9() -> None:
    connection = mqtt.ServerConnection(mqtt.Limits())
    (event,) = connection.receive(connect(0x2E, b"\x00\x01t\x00\x02\xff\x00"), 0.0)
    assert event == mqtt.Connect("dev1", clean_session=True, keep_alive_s=60, will=mqtt.Will("t", b"\xff\x00", 1, True))


def test_topics_are_case_sensitive_and_not_normalized__mqtt_4_7_3_4() -> None:
    connection = connected()
    data = packet(0x30, b"\x00\x01A") + packet(0x30, b"\x00\x01a") + packet(0x30, b"\x00\x02/a")
    assert [event.topic for event in connection.receive(data, 0.0) if isinstance(event, mqtt.Publish)] == [
        "A",
        "a",
        "/a",
    ]
