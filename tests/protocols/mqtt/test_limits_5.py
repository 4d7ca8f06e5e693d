"""Every limit of MQTT 5, at the limit and one beyond, ours and the client's."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vedette.protocols import LocalProtocolError, RemoteProtocolError, mqtt
from vedette.protocols.mqtt import ReasonCode, connect5, messages5


def opening(**fields: object) -> bytes:
    defaults: dict[str, object] = {"client_id": "d", "clean_session": True, "keep_alive_s": 0, "protocol_level": 5}
    return connect5.encode_connect(mqtt.Connect(**{**defaults, **fields}))  # type: ignore[arg-type] # a test table


def connected(limits: mqtt.Limits | None = None, **fields: object) -> mqtt.ServerConnection:
    connection = mqtt.ServerConnection(limits or mqtt.Limits())
    connection.receive(opening(**fields), 0.0)
    connection.accept(session_present=False)
    connection.bytes_to_send()
    return connection


def publish(topic: str = "t", alias: int | None = None, packet_id: int = 0, **properties: object) -> bytes:
    given = mqtt.PublishProperties(**properties)  # type: ignore[arg-type] # a test table
    return messages5.encode_publish(
        mqtt.Publish(topic, b"", int(packet_id > 0), packet_id, properties=given), topic_alias=alias
    )


def last_code(connection: mqtt.ServerConnection) -> int:
    data = connection.bytes_to_send()
    return connect5.decode_disconnect(data, 2, len(data), mqtt.Limits(), by_client=False).reason_code


LIMITS: dict[str, tuple[str, Callable[[int], bytes], int]] = {
    "properties": ("max_properties_bytes", lambda n: publish(content_type="c" * (n - 3)), 0x97),
    "user properties": ("max_user_properties", lambda n: publish(user=(("k", "v"),) * n), 0x97),
    "aliases": ("max_topic_aliases", lambda n: publish(alias=n), 0x94),
    "a topic with an alias": ("max_alias_bytes", lambda n: publish("t" * n, alias=1), 0x97),
    "topics with an alias": (
        "max_alias_bytes",
        lambda n: publish("t" * 10, alias=1) + publish("é" * 10, alias=2) + publish("u" * (n - 30), alias=3),
        0x97,
    ),
    "messages in flight": (
        "max_inflight",
        lambda n: b"".join(publish(packet_id=packet_id) for packet_id in range(1, n + 1)),
        0x93,
    ),
    "UNSUBSCRIBE packets not answered": (
        "max_unanswered",
        lambda n: b"".join(messages5.encode_unsubscribe(mqtt.Unsubscribe(each, ("f",))) for each in range(1, n + 1)),
        0x97,
    ),
    "filters": (
        "max_filters_per_packet",
        lambda n: messages5.encode_subscribe(mqtt.Subscribe(1, (("f", 0),) * n)),
        0x97,
    ),
    "topic": ("max_topic_bytes", lambda n: publish("t" * n), 0x90),
    "packet": ("max_packet_bytes", lambda n: publish("t" * (n - 5)), 0x95),
}


@pytest.mark.parametrize("case", LIMITS.values(), ids=LIMITS.keys())
def test_packet_at_a_limit_passes_and_beyond_ends_with_its_reason(
    case: tuple[str, Callable[[int], bytes], int],
) -> None:
    limit, build, code = case
    limits = mqtt.Limits(**{limit: 50})
    assert connected(limits).receive(build(50), 0.0)
    connection = connected(limits)
    with pytest.raises(RemoteProtocolError, match="50"):
        connection.receive(build(51), 0.0)
    assert last_code(connection) == code


def test_alias_that_is_set_anew_gives_its_room_back() -> None:
    connection = connected(mqtt.Limits(max_alias_bytes=50))
    for letter in "abcdef":
        connection.receive(publish(letter * 50, alias=1), 0.0)
    assert not connection.is_closed


def test_answered_unsubscribes_make_room_for_more() -> None:
    connection = connected(mqtt.Limits(max_unanswered=1))
    for packet_id in (1, 2, 3):
        connection.receive(messages5.encode_unsubscribe(mqtt.Unsubscribe(packet_id, ("f",))), 0.0)
        connection.unsuback(packet_id)


def test_receive_maximum_of_the_client_is_kept_to() -> None:
    connection = connected(receive_maximum=2)
    assert connection.send_quota == 2
    connection.publish("t", b"", qos=1, packet_id=1)
    connection.publish("t", b"", qos=1, packet_id=2)
    connection.publish("t", b"")
    assert connection.send_quota == 0
    with pytest.raises(LocalProtocolError):
        connection.publish("t", b"", qos=1, packet_id=3)
    connection.receive(b"\x40\x02\x00\x01", 0.0)
    assert connection.send_quota == 1
    connection.publish("t", b"", qos=1, packet_id=3)


def test_send_quota_of_3_1_1_is_our_own_limit() -> None:
    connection = mqtt.ServerConnection(mqtt.Limits(max_outgoing_inflight=3))
    connection.receive(bytes.fromhex("10 10 0004 4D515454 04 02 003C 0004 64657631"), 0.0)
    connection.accept(session_present=False)
    connection.publish("t", b"", qos=1, packet_id=1)
    assert connection.send_quota == 2


def test_maximum_packet_size_of_the_client_is_kept_to() -> None:
    connection = connected(maximum_packet_bytes=40)
    assert connection.publish("t", b"x" * 34)
    assert len(connection.bytes_to_send()) == 40
    assert not connection.publish("t", b"x" * 35, qos=0)
    assert not connection.publish("t", b"x" * 33, qos=1, packet_id=1)
    assert connection.bytes_to_send() == b""
    assert connection.publish("t", b"x" * 32, qos=1, packet_id=1)
    connection.bytes_to_send()
    connection.receive(publish(packet_id=7), 0.0)
    connection.puback(7, reason_code=ReasonCode.QUOTA_EXCEEDED, reason_string="x" * 100)
    assert connection.bytes_to_send() == b"\x40\x03\x00\x07\x97"
    connection.suback(8, [0x87], reason_string="x" * 100)
    assert connection.bytes_to_send() == b"\x90\x04\x00\x08\x00\x87"
    connection.disconnect(ReasonCode.SERVER_BUSY, reason_string="x" * 100)
    assert connection.bytes_to_send() == b"\xe0\x01\x89"


def test_refusal_loses_its_reason_string_before_it_is_too_large() -> None:
    for most, expected in ((20, b"\x20\x03\x00\x87\x00"), (4, b"")):
        connection = mqtt.ServerConnection(mqtt.Limits())
        connection.receive(opening(maximum_packet_bytes=most), 0.0)
        connection.refuse(5, reason_string="x" * 100)
        assert connection.bytes_to_send() == expected
        assert connection.is_closed


def test_client_that_takes_no_connack_is_not_served() -> None:
    connection = mqtt.ServerConnection(mqtt.Limits())
    connection.receive(opening(maximum_packet_bytes=8), 0.0)
    connection.accept(session_present=False)
    assert connection.is_closed
    assert connection.bytes_to_send() == b""


def test_reason_string_is_cut_and_made_fit_for_mqtt() -> None:
    connection = connected()
    connection.disconnect(ReasonCode.SERVER_BUSY, reason_string="a\0\ud800" + "x" * 10_000)
    data = connection.bytes_to_send()
    event = connect5.decode_disconnect(data, 3, len(data), mqtt.Limits(), by_client=False)
    assert event.reason_string == "a?" + "x" * 509


def test_bytes_waiting_for_the_decision_are_limited() -> None:
    connection = mqtt.ServerConnection(mqtt.Limits(max_packet_bytes_before_accept=100))
    connection.receive(opening(), 0.0)
    connection.receive(b"\xc0\x00" * 50, 0.0)
    with pytest.raises(RemoteProtocolError):
        connection.receive(b"\xc0", 0.0)
    data = connection.bytes_to_send()
    assert connect5.decode_connack(data, 2, len(data), mqtt.Limits()).return_code == ReasonCode.QUOTA_EXCEEDED


def test_calls_that_make_no_sense_are_our_own_error() -> None:
    connection = connected()
    connection.receive(publish(packet_id=7), 0.0)
    calls: list[Callable[[], object]] = [
        lambda: connection.puback(7, reason_code=0x8B),
        lambda: connection.suback(1, [0x8B]),
        lambda: connection.suback(1, []),
        lambda: connection.unsuback(1, [0, 0]),
        lambda: connection.disconnect(0x84),
        lambda: connection.refuse(5),
        lambda: connection.publish("t", b"", properties=mqtt.PublishProperties(message_expiry_s=-1)),
        lambda: connection.publish("t", b"", properties=mqtt.PublishProperties(content_type="\0")),
    ]
    for call in calls:
        with pytest.raises(LocalProtocolError):
            call()
    connection = mqtt.ServerConnection(mqtt.Limits())
    connection.receive(opening(), 0.0)
    early: list[Callable[[], object]] = [
        lambda: connection.disconnect(ReasonCode.SERVER_BUSY),
        lambda: connection.refuse(0),
        lambda: connection.refuse(5, reason_code=0),
        lambda: connection.refuse(5, reason_code=0x8D),
    ]
    for call in early:
        with pytest.raises(LocalProtocolError):
            call()


def test_3_1_1_can_not_refuse_a_message() -> None:
    connection = mqtt.ServerConnection(mqtt.Limits())
    connection.receive(bytes.fromhex("10 10 0004 4D515454 04 02 003C 0004 64657631"), 0.0)
    connection.accept(session_present=False)
    connection.receive(b"\x32\x05\x00\x01t\x00\x07", 0.0)
    with pytest.raises(LocalProtocolError):
        connection.puback(7, reason_code=ReasonCode.QUOTA_EXCEEDED)


def test_client_keeps_to_what_the_server_offers() -> None:
    client = mqtt.ClientConnection(mqtt.Limits())
    client.connect(mqtt.Connect("d", clean_session=True, keep_alive_s=0, protocol_level=5))
    offer = mqtt.ServerOffer(receive_maximum=2, maximum_packet_bytes=30, topic_alias_maximum=1)
    client.receive(connect5.encode_connack(0, offer, session_present=False))
    with pytest.raises(LocalProtocolError):
        client.publish("t", b"x" * 30, qos=1)
    assert client.inflight == 0
    with pytest.raises(LocalProtocolError):
        client.publish("t", b"", topic_alias=2)
    client.publish("t", b"", qos=1, topic_alias=1)
    client.publish("", b"", qos=1, topic_alias=1)
    with pytest.raises(LocalProtocolError):
        client.publish("t", b"", qos=1)
    connection = connected(mqtt.Limits(max_topic_aliases=1))
    client_data = client.bytes_to_send()
    connect_size = client_data[1] + 2
    events = connection.receive(client_data[connect_size:], 0.0)
    assert [event.topic for event in events if isinstance(event, mqtt.Publish)] == ["t", "t"]


def test_client_of_3_1_1_can_not_say_what_only_mqtt_5_says() -> None:
    client = mqtt.ClientConnection(mqtt.Limits())
    client.connect(mqtt.Connect("d", clean_session=True, keep_alive_s=0))
    client.receive(b"\x20\x02\x00\x00")
    calls: list[Callable[[], object]] = [
        lambda: client.publish("t", b"", properties=mqtt.NO_PROPERTIES),
        lambda: client.publish("t", b"", topic_alias=1),
        lambda: client.puback(1, reason_code=0x80),
        lambda: client.disconnect(mqtt.Disconnect(4)),
    ]
    for call in calls:
        with pytest.raises(LocalProtocolError):
            call()


def test_client_understands_a_server_that_knows_no_mqtt_5() -> None:
    client = mqtt.ClientConnection(mqtt.Limits())
    client.connect(mqtt.Connect("d", clean_session=True, keep_alive_s=0, protocol_level=5))
    assert client.receive(b"\x20\x02\x00\x01") == [mqtt.Connack(session_present=False, return_code=1)]
    client = mqtt.ClientConnection(mqtt.Limits())
    client.connect(mqtt.Connect("d", clean_session=True, keep_alive_s=0, protocol_level=5))
    with pytest.raises(RemoteProtocolError):
        client.receive(b"\x20\x02\x00\x00")


BROKEN_ANSWERS = {
    "CONNACK that is too long": b"\x20\x04\x00\x00\x00x",
    "CONNACK with reserved flags": b"\x20\x03\x02\x00\x00",
    "CONNACK that refuses and claims a session": b"\x20\x03\x01\x87\x00",
    "CONNACK with a code of DISCONNECT": b"\x20\x03\x00\x8d\x00",
    "DISCONNECT that is too long": b"\x20\x03\x00\x00\x00" + b"\xe0\x03\x8d\x00x",
    "DISCONNECT with a client's property": b"\x20\x03\x00\x00\x00" + b"\xe0\x07\x8d\x05\x11\0\0\0\1",
    "SUBACK without a code": b"\x20\x03\x00\x00\x00" + b"\x90\x03\x00\x01\x00",
    "SUBACK with a code of CONNACK": b"\x20\x03\x00\x00\x00" + b"\x90\x04\x00\x01\x00\x81",
    "UNSUBACK without a code": b"\x20\x03\x00\x00\x00" + b"\xb0\x03\x00\x01\x00",
    "UNSUBACK with a QoS": b"\x20\x03\x00\x00\x00" + b"\xb0\x04\x00\x01\x00\x01",
}


@pytest.mark.parametrize("data", BROKEN_ANSWERS.values(), ids=BROKEN_ANSWERS.keys())
def test_broken_answer_closes_the_client(data: bytes) -> None:
    client = mqtt.ClientConnection(mqtt.Limits())
    client.connect(mqtt.Connect("d", clean_session=True, keep_alive_s=0, protocol_level=5))
    with pytest.raises(RemoteProtocolError):
        client.receive(data)
    assert client.state is mqtt.ClientState.CLOSED
