"""MQTT 5: whatever one side writes the other reads, however the bytes are cut; other bytes are refused in order."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.protocols import RemoteProtocolError, mqtt
from vedette.protocols.mqtt import connect5, messages5, packet_types
from vedette.protocols.mqtt import properties as p
from vedette.protocols.mqtt.reasons import (
    CLIENT_DISCONNECT_CODES,
    CONNACK_CODES,
    PUBACK_CODES,
    SERVER_DISCONNECT_CODES,
    SUBACK_CODES,
    UNSUBACK_CODES,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
TOPIC = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0#+"), min_size=1, max_size=20)
FILTER = st.one_of(TOPIC, TOPIC.map(lambda topic: topic + "/#"), st.just("#"), TOPIC.map(lambda topic: "+/" + topic))
PACKET_ID = st.integers(1, 65_535)
PAYLOAD = st.binary(max_size=300)
U32 = st.integers(0, 0xFFFF_FFFF)
REASON = st.none() | TEXT


def message_properties(subscriptions: st.SearchStrategy[tuple[int, ...]]) -> st.SearchStrategy[mqtt.PublishProperties]:
    return st.builds(
        mqtt.PublishProperties,
        payload_format=st.integers(0, 1),
        message_expiry_s=st.none() | U32,
        response_topic=st.none() | TOPIC,
        correlation_data=st.none() | st.binary(max_size=20),
        content_type=st.none() | TEXT,
        user=st.lists(st.tuples(TEXT, TEXT), max_size=4).map(tuple),
        subscriptions=subscriptions,
    )


FROM_CLIENT_PROPERTIES = message_properties(st.just(()))
FROM_SERVER_PROPERTIES = message_properties(st.lists(st.integers(1, 268_435_455), max_size=3).map(tuple))
WILL = st.builds(
    mqtt.Will, TOPIC, PAYLOAD, st.integers(0, 1), retain=st.just(False), properties=FROM_CLIENT_PROPERTIES, delay_s=U32
)
CONNECT = st.builds(
    mqtt.Connect,
    TEXT,
    st.booleans(),
    st.integers(0, 65_535),
    st.none() | TEXT,
    st.none() | st.binary(max_size=20),
    st.none() | WILL,
    protocol_level=st.just(5),
    session_expiry_s=U32,
    receive_maximum=st.integers(1, 65_535),
    maximum_packet_bytes=st.none() | st.integers(1_000, 0xFFFF_FFFF),
    topic_alias_maximum=st.integers(0, 65_535),
    wants_problem_information=st.booleans(),
)
OFFER = st.builds(
    mqtt.ServerOffer,
    session_expiry_s=st.none() | U32,
    receive_maximum=st.integers(1, 65_535),
    maximum_qos=st.integers(0, 2),
    is_retain_available=st.booleans(),
    maximum_packet_bytes=st.none() | st.integers(1, 0xFFFF_FFFF),
    assigned_client_id=st.none() | TEXT,
    topic_alias_maximum=st.integers(0, 65_535),
    reason_string=REASON,
    are_wildcards_available=st.booleans(),
    are_subscription_ids_available=st.booleans(),
    are_shared_subscriptions_available=st.booleans(),
    server_keep_alive_s=st.none() | st.integers(0, 65_535),
)
PUBACK = st.builds(mqtt.Puback, PACKET_ID, st.sampled_from(sorted(PUBACK_CODES)), REASON)
SUBSCRIBE = st.builds(
    mqtt.Subscribe, PACKET_ID, st.lists(st.tuples(FILTER, st.integers(0, 2)), min_size=1, max_size=5).map(tuple)
)
UNSUBSCRIBE = st.builds(mqtt.Unsubscribe, PACKET_ID, st.lists(FILTER, min_size=1, max_size=5).map(tuple))


def publish(properties: st.SearchStrategy[mqtt.PublishProperties]) -> st.SearchStrategy[mqtt.Publish]:
    return st.one_of(
        st.builds(mqtt.Publish, TOPIC, PAYLOAD, st.just(0), st.just(0), st.just(False), st.booleans(), properties),
        st.builds(mqtt.Publish, TOPIC, PAYLOAD, st.just(1), PACKET_ID, st.booleans(), st.booleans(), properties),
    )


def codes(allowed: frozenset[Any]) -> st.SearchStrategy[tuple[int, ...]]:
    return st.lists(st.sampled_from(sorted(allowed)), min_size=1, max_size=5).map(tuple)


FROM_CLIENT = st.one_of(
    publish(FROM_CLIENT_PROPERTIES), SUBSCRIBE, UNSUBSCRIBE, PUBACK, st.just(mqtt.Pingreq()), st.just(mqtt.Pingreq())
)
FROM_SERVER = st.one_of(
    publish(FROM_SERVER_PROPERTIES),
    PUBACK,
    st.builds(mqtt.Suback, PACKET_ID, codes(SUBACK_CODES), REASON),
    st.builds(mqtt.Unsuback, PACKET_ID, codes(UNSUBACK_CODES), REASON),
    st.just(mqtt.Pingresp()),
)

# Any: each encoder takes the events of its key.
ENCODERS: dict[type, Callable[[Any], bytes]] = {
    mqtt.Connect: connect5.encode_connect,
    mqtt.Connack: lambda event: connect5.encode_connack(
        event.return_code, event.offer, session_present=event.session_present
    ),
    mqtt.Publish: messages5.encode_publish,
    mqtt.Puback: messages5.encode_puback,
    mqtt.Subscribe: messages5.encode_subscribe,
    mqtt.Suback: messages5.encode_suback,
    mqtt.Unsubscribe: messages5.encode_unsubscribe,
    mqtt.Unsuback: messages5.encode_unsuback,
    mqtt.Disconnect: connect5.encode_disconnect,
    mqtt.Pingreq: lambda _: packet_types.PINGREQ_PACKET,
    mqtt.Pingresp: lambda _: packet_types.PINGRESP_PACKET,
}
OPENING = connect5.encode_connect(mqtt.Connect("d", clean_session=True, keep_alive_s=0, protocol_level=5))


def encode(event: mqtt.ServerEvent | mqtt.ClientEvent) -> bytes:
    return ENCODERS[type(event)](event)


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(edge % (len(data) + 1) for edge in cuts), len(data)]
    return [data[start:stop] for start, stop in pairwise(edges)]


@given(CONNECT, st.lists(FROM_CLIENT, max_size=8), st.lists(st.integers(0, 10_000), max_size=12))
def test_server_reads_what_clients_write_however_it_is_cut(
    connect: mqtt.Connect, sent: list[mqtt.ServerEvent], cuts: list[int]
) -> None:
    connection = mqtt.ServerConnection(mqtt.Limits())
    received: list[mqtt.ServerEvent] = []
    for piece in cut(encode(connect) + b"".join(map(encode, sent)), cuts):
        received += connection.receive(piece, 0.0)
        if connection.state is mqtt.ServerState.DECIDING:
            connection.accept(session_present=False)
            received += connection.receive(b"", 0.0)
    assert received == [connect, *sent]
    assert connection.held_bytes == 0


@given(OFFER, st.lists(FROM_SERVER, max_size=8), st.lists(st.integers(0, 10_000), max_size=12))
def test_client_reads_what_servers_write_however_it_is_cut(
    offer: mqtt.ServerOffer, sent: list[mqtt.ClientEvent], cuts: list[int]
) -> None:
    client = mqtt.ClientConnection(mqtt.Limits())
    client.connect(mqtt.Connect("d", clean_session=True, keep_alive_s=0, protocol_level=5))
    connack = mqtt.Connack(session_present=True, return_code=0, offer=offer)
    received: list[mqtt.ClientEvent] = []
    for piece in cut(encode(connack) + b"".join(map(encode, sent)), cuts):
        received += client.receive(piece)
    assert received == [connack, *sent]
    assert client.offer == offer


@given(st.sampled_from(sorted(CONNACK_CODES - {0})), OFFER)
def test_refusal_survives_the_round_trip(code: int, offer: mqtt.ServerOffer) -> None:
    client = mqtt.ClientConnection(mqtt.Limits())
    client.connect(mqtt.Connect("d", clean_session=True, keep_alive_s=0, protocol_level=5))
    refusal = mqtt.Connack(session_present=False, return_code=code, offer=offer)
    assert client.receive(encode(refusal)) == [refusal]
    assert client.state is mqtt.ClientState.CLOSED


@given(st.sampled_from(sorted(SERVER_DISCONNECT_CODES)), REASON, REASON)
def test_disconnect_of_a_server_survives_the_round_trip(code: int, reason: str | None, server: str | None) -> None:
    disconnect = mqtt.Disconnect(code, reason, None, server)
    client = mqtt.ClientConnection(mqtt.Limits())
    client.connect(mqtt.Connect("d", clean_session=True, keep_alive_s=0, protocol_level=5))
    assert client.receive(b"\x20\x03\x00\x00\x00" + encode(disconnect))[1:] == [disconnect]
    assert client.state is mqtt.ClientState.CLOSED


@given(st.sampled_from(sorted(CLIENT_DISCONNECT_CODES)), REASON, st.none() | U32)
def test_disconnect_of_a_client_survives_the_round_trip(code: int, reason: str | None, expiry: int | None) -> None:
    disconnect = mqtt.Disconnect(code, reason, expiry)
    opening = mqtt.Connect("d", clean_session=True, keep_alive_s=0, protocol_level=5, session_expiry_s=9)
    connection = mqtt.ServerConnection(mqtt.Limits())
    connection.receive(encode(opening), 0.0)
    connection.accept(session_present=False)
    client = mqtt.ClientConnection(mqtt.Limits())
    client.connect(opening)
    client.receive(connection.bytes_to_send())
    client.bytes_to_send()
    client.disconnect(disconnect)
    assert connection.receive(client.bytes_to_send(), 0.0) == [disconnect]


@given(data=st.binary(max_size=400), cuts=st.lists(st.integers(0, 400), max_size=4))
@settings(max_examples=500)
def test_any_bytes_are_events_or_the_peers_error(data: bytes, cuts: list[int]) -> None:
    connection = mqtt.ServerConnection(mqtt.Limits())
    connection.receive(OPENING, 0.0)
    connection.accept(session_present=False)
    connection.bytes_to_send()
    try:
        for piece in cut(data, cuts):
            connection.receive(piece, 0.0)
    except RemoteProtocolError:
        assert connection.is_closed
        last = connection.bytes_to_send()
        event = connect5.decode_disconnect(last, 2, len(last), mqtt.Limits(), by_client=False)
        assert event.reason_code >= 0x80


@given(st.sampled_from(sorted(packet_types.FIRST_BYTES - {packet_types.CONNECT})), st.binary(max_size=60))
@settings(max_examples=500)
def test_any_body_is_an_event_or_the_peers_error(first: int, body: bytes) -> None:
    connection = mqtt.ServerConnection(mqtt.Limits())
    connection.receive(OPENING, 0.0)
    connection.accept(session_present=False)
    client = mqtt.ClientConnection(mqtt.Limits())
    client.connect(mqtt.Connect("d", clean_session=True, keep_alive_s=0, protocol_level=5))
    client.receive(b"\x20\x03\x00\x00\x00")
    data = packet_types.build(first, body)
    for receive in (lambda: connection.receive(data, 0.0), lambda: client.receive(data)):
        try:
            receive()
        except RemoteProtocolError:
            continue


@given(st.integers(0, 0x3F), st.binary(max_size=12))
def test_every_property_has_a_type_and_a_reader(identifier: int, value: bytes) -> None:
    block = bytes((identifier,)) + value
    place = p.Place("a test", frozenset(p.KINDS))
    try:
        given_properties, position = p.read_properties(
            bytes((len(block),)) + block, 0, len(block) + 1, place, mqtt.Limits()
        )
    except RemoteProtocolError:
        return
    assert position == len(block) + 1
    assert p.encode_properties(given_properties.items())[1:] == block or len(given_properties) > 1
