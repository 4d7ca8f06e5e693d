"""Whatever one side writes the other reads, however the bytes are cut; whatever else arrives is refused in order."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.protocols import LocalProtocolError, RemoteProtocolError, mqtt
from vedette.protocols.mqtt import packet_types, packets, wire

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
TOPIC = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0#+"), min_size=1, max_size=20)
FILTER = st.one_of(TOPIC, TOPIC.map(lambda topic: topic + "/#"), st.just("#"), TOPIC.map(lambda topic: "+/" + topic))
PACKET_ID = st.integers(1, 65_535)
PAYLOAD = st.binary(max_size=300)
WILL = st.builds(mqtt.Will, TOPIC, PAYLOAD, st.integers(0, 1), st.booleans())
CONNECT = st.builds(
    mqtt.Connect,
    TEXT.filter(bool),
    st.booleans(),
    st.integers(0, 65_535),
    TEXT,
    st.none() | st.binary(max_size=20),
    st.none() | WILL,
)
PUBLISH = st.one_of(
    st.builds(mqtt.Publish, TOPIC, PAYLOAD, st.just(0), st.just(0), st.just(False), st.booleans()),
    st.builds(mqtt.Publish, TOPIC, PAYLOAD, st.just(1), PACKET_ID, st.booleans(), st.booleans()),
)
SUBSCRIBE = st.builds(
    mqtt.Subscribe, PACKET_ID, st.lists(st.tuples(FILTER, st.integers(0, 2)), min_size=1, max_size=5).map(tuple)
)
UNSUBSCRIBE = st.builds(mqtt.Unsubscribe, PACKET_ID, st.lists(FILTER, min_size=1, max_size=5).map(tuple))
PUBACK = st.builds(mqtt.Puback, PACKET_ID)
FROM_CLIENT = st.one_of(PUBLISH, SUBSCRIBE, UNSUBSCRIBE, PUBACK, st.just(mqtt.Pingreq()))
FROM_SERVER = st.one_of(
    PUBLISH,
    PUBACK,
    st.builds(mqtt.Suback, PACKET_ID, st.lists(st.sampled_from([0, 1, 2, 0x80]), min_size=1, max_size=5).map(tuple)),
    st.builds(mqtt.Unsuback, PACKET_ID),
    st.just(mqtt.Pingresp()),
)


def encode_publish(event: mqtt.Publish) -> bytes:
    return packets.encode_publish(
        wire.encode_topic_name(event.topic),
        event.payload,
        qos=event.qos,
        packet_id=event.packet_id,
        dup=event.dup,
        retain=event.retain,
    )


# Any: each encoder takes the events of its key.
ENCODERS: dict[type, Callable[[Any], bytes]] = {
    mqtt.Connect: packets.encode_connect,
    mqtt.Connack: lambda event: packets.encode_connack(event.return_code, session_present=event.session_present),
    mqtt.Publish: encode_publish,
    mqtt.Puback: lambda event: packets.encode_puback(event.packet_id),
    mqtt.Subscribe: packets.encode_subscribe,
    mqtt.Suback: lambda event: packets.encode_suback(event.packet_id, event.return_codes),
    mqtt.Unsubscribe: packets.encode_unsubscribe,
    mqtt.Unsuback: lambda event: packets.encode_unsuback(event.packet_id),
    mqtt.Pingreq: lambda _: packet_types.PINGREQ_PACKET,
    mqtt.Pingresp: lambda _: packet_types.PINGRESP_PACKET,
}


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


@given(st.lists(FROM_SERVER, max_size=8), st.lists(st.integers(0, 10_000), max_size=12))
def test_client_reads_what_servers_write_however_it_is_cut(sent: list[mqtt.ClientEvent], cuts: list[int]) -> None:
    client = mqtt.ClientConnection(mqtt.Limits())
    client.connect(mqtt.Connect("d", clean_session=True, keep_alive_s=0))
    connack = mqtt.Connack(session_present=True, return_code=0)
    received: list[mqtt.ClientEvent] = []
    for piece in cut(encode(connack) + b"".join(map(encode, sent)), cuts):
        received += client.receive(piece)
    assert received == [connack, *sent]


@given(st.integers(0, wire.MAX_REMAINING_LENGTH))
def test_remaining_length_survives_the_round_trip(length: int) -> None:
    encoded = wire.encode_remaining_length(length)
    assert wire.decode_remaining_length(b"x" + encoded + b"y", 1) == (length, 1 + len(encoded))
    assert all(wire.decode_remaining_length(encoded[:size], 0) is None for size in range(len(encoded)))


@pytest.mark.parametrize(
    ("length", "encoded"),
    [
        (0, "00"),
        (127, "7F"),
        (128, "8001"),
        (16_383, "FF7F"),
        (16_384, "808001"),
        (2_097_151, "FFFF7F"),
        (2_097_152, "80808001"),
        (268_435_455, "FFFFFF7F"),
    ],
)
def test_remaining_length_is_the_standards_table(length: int, encoded: str) -> None:
    assert wire.encode_remaining_length(length) == bytes.fromhex(encoded)


def test_remaining_length_beyond_four_bytes_is_not_written() -> None:
    with pytest.raises(LocalProtocolError):
        wire.encode_remaining_length(wire.MAX_REMAINING_LENGTH + 1)


@given(data=st.binary(max_size=400), cuts=st.lists(st.integers(0, 400), max_size=4), is_connected=st.booleans())
@settings(max_examples=500)
def test_any_bytes_are_events_or_the_peers_error(data: bytes, cuts: list[int], *, is_connected: bool) -> None:
    connection = mqtt.ServerConnection(mqtt.Limits())
    if is_connected:
        connection.receive(encode(mqtt.Connect("d", clean_session=True, keep_alive_s=0)), 0.0)
        connection.accept(session_present=False)
    try:
        for piece in cut(data, cuts):
            connection.receive(piece, 0.0)
    except RemoteProtocolError:
        assert connection.is_closed


@given(data=st.binary(max_size=200), is_connected=st.booleans())
def test_any_bytes_from_a_server_are_events_or_its_error(data: bytes, *, is_connected: bool) -> None:
    client = mqtt.ClientConnection(mqtt.Limits())
    client.connect(mqtt.Connect("d", clean_session=True, keep_alive_s=0))
    if is_connected:
        client.receive(b"\x20\x02\x00\x00")
    try:
        client.receive(data)
    except RemoteProtocolError:
        assert client.state is mqtt.ClientState.CLOSED


def _connected() -> mqtt.ServerConnection:
    connection = mqtt.ServerConnection(mqtt.Limits())
    connection.receive(encode(mqtt.Connect("d", clean_session=True, keep_alive_s=0)), 0.0)
    connection.accept(session_present=False)
    return connection


def test_large_packet_in_single_bytes_costs_linear_time() -> None:
    data = encode(mqtt.Publish("t", b"x" * 250_000))
    connection = _connected()
    began = time.process_time()
    received = [event for byte in memoryview(data) for event in connection.receive(bytes((byte,)), 0.0)]
    assert len(received) == 1
    assert time.process_time() - began < 5.0, "250,000 pieces; quadratic behavior would take minutes"


def test_incomplete_packets_keep_no_more_than_their_bytes() -> None:
    data = encode(mqtt.Publish("t", b"x" * 200_000))[:-1]
    connection = _connected()
    tracemalloc.start()
    try:
        for position in range(0, len(data), 3):
            connection.receive(data[position : position + 3], 0.0)
        current, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert connection.held_bytes == len(data)
    assert current < 2 * len(data)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_kind_of_buffer_is_read_and_not_kept(kind: type[bytes | bytearray | memoryview]) -> None:
    data = bytearray(encode(mqtt.Publish("t", b"payload", 1, 7)))
    (event,) = _connected().receive(kind(data), 0.0)
    data[:] = bytes(len(data))
    assert event == mqtt.Publish("t", b"payload", 1, 7)
    assert isinstance(event, mqtt.Publish)
    assert type(event.payload) is bytes
