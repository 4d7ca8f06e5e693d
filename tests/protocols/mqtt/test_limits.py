"""Every limit, at the limit and one beyond."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vedette.protocols import LocalProtocolError, RemoteProtocolError, mqtt
from vedette.protocols.mqtt import packets, wire


def connect_packet(**fields: object) -> bytes:
    defaults: dict[str, object] = {"client_id": "d", "clean_session": True, "keep_alive_s": 0}
    return packets.encode_connect(mqtt.Connect(**{**defaults, **fields}))  # type: ignore[arg-type] # a test table


def connected(limits: mqtt.Limits) -> mqtt.ServerConnection:
    connection = mqtt.ServerConnection(limits)
    connection.receive(connect_packet(), 0.0)
    connection.accept(session_present=False)
    connection.bytes_to_send()
    return connection


def publish_packet(topic: str, payload: bytes = b"", packet_id: int = 0) -> bytes:
    return packets.encode_publish(
        wire.encode_topic_name(topic), payload, qos=int(packet_id > 0), packet_id=packet_id, dup=False, retain=False
    )


CONNECT_LIMITS: dict[str, tuple[str, Callable[[int], bytes], int | None]] = {
    "client id": ("max_client_id_bytes", lambda n: connect_packet(client_id="d" * n), 2),
    "client id counted in bytes": ("max_client_id_bytes", lambda n: connect_packet(client_id="é" + "d" * (n - 2)), 2),
    "user name": ("max_user_name_bytes", lambda n: connect_packet(user_name="u" * n), None),
    "password": ("max_password_bytes", lambda n: connect_packet(user_name="u", password=b"p" * n), None),
    "will topic": ("max_topic_bytes", lambda n: connect_packet(will=mqtt.Will("t" * n, b"", 0, False)), None),
    "will message": ("max_will_payload_bytes", lambda n: connect_packet(will=mqtt.Will("t", b"p" * n, 0, False)), None),
    "packet": ("max_packet_bytes_before_accept", lambda n: connect_packet(client_id="d" * (n - 14)), None),
}


@pytest.mark.parametrize("case", CONNECT_LIMITS.values(), ids=CONNECT_LIMITS.keys())
def test_connect_at_a_limit_passes_and_beyond_is_refused(case: tuple[str, Callable[[int], bytes], int | None]) -> None:
    limit, build, code = case
    limits = mqtt.Limits(**{limit: 40})
    (event,) = mqtt.ServerConnection(limits).receive(build(40), 0.0)
    assert isinstance(event, mqtt.Connect)
    with pytest.raises(RemoteProtocolError, match="limit of 40") as caught:
        mqtt.ServerConnection(limits).receive(build(41), 0.0)
    assert caught.value.connack_code == code


PACKET_LIMITS: dict[str, tuple[str, Callable[[int], bytes]]] = {
    "packet": ("max_packet_bytes", lambda n: publish_packet("t", b"p" * (n - 5))),
    "topic": ("max_topic_bytes", lambda n: publish_packet("t" * n)),
    "subscribed filter": ("max_topic_bytes", lambda n: packets.encode_subscribe(mqtt.Subscribe(1, (("f" * n, 0),)))),
    "unsubscribed filter": ("max_topic_bytes", lambda n: packets.encode_unsubscribe(mqtt.Unsubscribe(1, ("f" * n,)))),
    "filters to subscribe": (
        "max_filters_per_packet",
        lambda n: packets.encode_subscribe(mqtt.Subscribe(1, (("f", 0),) * n)),
    ),
    "filters to unsubscribe": (
        "max_filters_per_packet",
        lambda n: packets.encode_unsubscribe(mqtt.Unsubscribe(1, ("f",) * n)),
    ),
    "messages in flight": (
        "max_inflight",
        lambda n: b"".join(publish_packet("t", b"", packet_id) for packet_id in range(1, n + 1)),
    ),
}


@pytest.mark.parametrize("case", PACKET_LIMITS.values(), ids=PACKET_LIMITS.keys())
def test_packet_at_a_limit_passes_and_beyond_closes(case: tuple[str, Callable[[int], bytes]]) -> None:
    limit, build = case
    limits = mqtt.Limits(**{limit: 30})
    assert connected(limits).receive(build(30), 0.0)
    connection = connected(limits)
    with pytest.raises(RemoteProtocolError, match="30"):
        connection.receive(build(31), 0.0)
    assert connection.is_closed


def test_packet_over_the_limit_is_refused_from_its_header() -> None:
    connection = connected(mqtt.Limits(max_packet_bytes=100))
    with pytest.raises(RemoteProtocolError):
        connection.receive(b"\x30\x63", 0.0)
    assert connected(mqtt.Limits(max_packet_bytes=100)).receive(b"\x30\x62", 0.0) == []


def test_larger_packet_limit_holds_only_after_accept() -> None:
    limits = mqtt.Limits(max_packet_bytes_before_accept=100, max_packet_bytes=1_000)
    big = publish_packet("t", b"p" * 500)
    connection = connected(limits)
    assert len(connection.receive(big, 0.0)) == 1
    connection = mqtt.ServerConnection(limits)
    with pytest.raises(RemoteProtocolError):
        connection.receive(connect_packet() + big, 0.0)
    assert connection.is_closed


def test_bytes_waiting_for_the_decision_are_limited() -> None:
    limits = mqtt.Limits(max_packet_bytes_before_accept=100)
    connection = mqtt.ServerConnection(limits)
    connection.receive(connect_packet(), 0.0)
    connection.receive(b"\xc0\x00" * 50, 0.0)
    assert connection.held_bytes == 100
    with pytest.raises(RemoteProtocolError):
        connection.receive(b"\xc0", 0.0)
    assert connection.is_closed
    assert connection.held_bytes == 0


def test_acknowledging_makes_room_for_more() -> None:
    connection = connected(mqtt.Limits(max_inflight=1))
    for packet_id in (1, 2, 3):
        connection.receive(publish_packet("t", b"", packet_id), 0.0)
        assert connection.unacknowledged == 1
        connection.puback(packet_id)
    assert connection.unacknowledged == 0


def test_messages_to_the_device_in_flight_are_limited() -> None:
    connection = connected(mqtt.Limits(max_outgoing_inflight=2))
    connection.publish("t", b"", qos=1, packet_id=1)
    connection.publish("t", b"", qos=1, packet_id=2)
    with pytest.raises(LocalProtocolError):
        connection.publish("t", b"", qos=1, packet_id=3)
    connection.receive(packets.encode_puback(1), 0.0)
    connection.publish("t", b"", qos=1, packet_id=3)


def test_client_in_flight_is_limited() -> None:
    client = mqtt.ClientConnection(mqtt.Limits(max_outgoing_inflight=2))
    client.connect(mqtt.Connect("d", clean_session=True, keep_alive_s=0))
    client.receive(b"\x20\x02\x00\x00")
    assert [client.publish("t", b"", qos=1), client.subscribe([("f", 0)])] == [1, 2]
    with pytest.raises(LocalProtocolError):
        client.unsubscribe(["f"])
    client.receive(packets.encode_puback(1))
    assert client.unsubscribe(["f"]) == 3


@pytest.mark.parametrize("max_entries", [0, 1, 4])
def test_remembered_topics_are_bounded(max_entries: int) -> None:
    topics = wire.TopicDecoder(max_entries=max_entries, max_topic_bytes=1_000)
    for number in range(50):
        assert topics[f"t/{number}".encode()] == f"t/{number}"
        assert topics[b"x" * 600] == "x" * 600
        assert len(topics) <= max_entries
    assert b"x" * 600 not in topics
