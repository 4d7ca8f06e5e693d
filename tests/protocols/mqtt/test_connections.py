"""What our own side may ask of a connection, and when."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vedette.protocols import LocalProtocolError, RemoteProtocolError, mqtt
from vedette.protocols.mqtt import packet_types, packets

CONNECT = packets.encode_connect(mqtt.Connect("dev1", clean_session=True, keep_alive_s=60))

CALLS: dict[str, tuple[Callable[[mqtt.ServerConnection], object], mqtt.ServerState]] = {
    "accept": (lambda c: c.accept(session_present=False), mqtt.ServerState.DECIDING),
    "refuse": (lambda c: c.refuse(3), mqtt.ServerState.DECIDING),
    "suback": (lambda c: c.suback(1, [0]), mqtt.ServerState.CONNECTED),
    "unsuback": (lambda c: c.unsuback(1), mqtt.ServerState.CONNECTED),
    "pingresp": (lambda c: c.pingresp(), mqtt.ServerState.CONNECTED),
    "publish": (lambda c: c.publish("t", b""), mqtt.ServerState.CONNECTED),
    "puback": (lambda c: c.puback(1), mqtt.ServerState.CONNECTED),
}


def server_in(state: mqtt.ServerState) -> mqtt.ServerConnection:
    connection = mqtt.ServerConnection(mqtt.Limits())
    if state is not mqtt.ServerState.AWAITING_CONNECT:
        connection.receive(CONNECT, 0.0)
    if state is mqtt.ServerState.CONNECTED:
        connection.accept(session_present=False)
        connection.receive(b"\x32\x05\x00\x01t\x00\x01", 0.0)
    if state is mqtt.ServerState.CLOSED:
        connection.refuse(3)
    connection.bytes_to_send()
    assert connection.state is state
    return connection


@pytest.mark.parametrize("state", list(mqtt.ServerState))
@pytest.mark.parametrize("call", CALLS)
def test_call_is_allowed_in_its_state_only(call: str, state: mqtt.ServerState) -> None:
    act, allowed = CALLS[call]
    connection = server_in(state)
    if state is allowed:
        act(connection)
        assert connection.bytes_to_send()
    elif state is mqtt.ServerState.CLOSED and call != "accept":
        act(connection)
        assert connection.bytes_to_send() == b"", "the peer may leave while an answer is prepared: that is no error"
    else:
        with pytest.raises(LocalProtocolError):
            act(connection)
        assert connection.bytes_to_send() == b""
        assert connection.state is state


WRONG_CALLS: dict[str, Callable[[mqtt.ServerConnection], object]] = {
    "PUBACK for packet id 0": lambda c: c.puback(0),
    "PUBACK for a packet id beyond two bytes": lambda c: c.puback(65_536),
    "SUBACK without a code": lambda c: c.suback(1, []),
    "SUBACK with an unknown code": lambda c: c.suback(1, [3]),
    "UNSUBACK for packet id 0": lambda c: c.unsuback(0),
    "a topic with a wildcard": lambda c: c.publish("a/#", b""),
    "an empty topic": lambda c: c.publish("", b""),
    "a topic with U+0000": lambda c: c.publish("a\0", b""),
    "a topic with a surrogate": lambda c: c.publish("\ud800", b""),
    "a topic beyond two bytes of length": lambda c: c.publish("t" * 65_536, b""),
    "QoS 2": lambda c: c.publish("t", b"", qos=2, packet_id=1),
    "QoS 1 without a packet id": lambda c: c.publish("t", b"", qos=1),
    "DUP at QoS 0": lambda c: c.publish("t", b"", dup=True),
}


@pytest.mark.parametrize("act", WRONG_CALLS.values(), ids=WRONG_CALLS.keys())
def test_what_mqtt_cannot_carry_is_our_error_and_writes_nothing(act: Callable[[mqtt.ServerConnection], object]) -> None:
    connection = server_in(mqtt.ServerState.CONNECTED)
    with pytest.raises(LocalProtocolError):
        act(connection)
    assert connection.bytes_to_send() == b""


@pytest.mark.parametrize("code", [0, -1, 6])
def test_refusing_needs_a_refusing_code(code: int) -> None:
    connection = server_in(mqtt.ServerState.DECIDING)
    with pytest.raises(LocalProtocolError):
        connection.refuse(code)
    assert connection.state is mqtt.ServerState.DECIDING


def test_answers_to_what_came_before_disconnect_are_dropped() -> None:
    connection = server_in(mqtt.ServerState.CONNECTED)
    assert len(connection.receive(b"\x82\x06\x00\x01\x00\x01a\x00" + packet_types.DISCONNECT_PACKET, 0.0)) == 2
    connection.puback(1)
    connection.suback(1, [0])
    assert connection.bytes_to_send() == b""


def test_connection_that_ended_while_we_decided_is_not_accepted() -> None:
    connection = server_in(mqtt.ServerState.DECIDING)
    with pytest.raises(RemoteProtocolError):
        connection.receive(bytes(20_000), 0.0)
    with pytest.raises(LocalProtocolError):
        connection.accept(session_present=False)
    connection.refuse(3)
    assert connection.bytes_to_send() == b""


def test_more_acknowledgements_than_messages_is_our_error() -> None:
    connection = server_in(mqtt.ServerState.CONNECTED)
    connection.puback(1)
    with pytest.raises(LocalProtocolError):
        connection.puback(1)


def test_message_is_sent_again_with_dup() -> None:
    connection = server_in(mqtt.ServerState.CONNECTED)
    connection.publish("t", b"x", qos=1, packet_id=7, dup=True)
    assert connection.bytes_to_send() == b"\x3a\x06\x00\x01t\x00\x07x"
    with pytest.raises(LocalProtocolError):
        connection.publish("t", b"y", qos=1, packet_id=7)
    assert connection.receive(packets.encode_puback(7), 0.0) == [mqtt.Puback(7)]
    connection.publish("t", b"y", qos=1, packet_id=7)


def test_bytes_to_send_are_handed_out_once_and_in_order() -> None:
    connection = server_in(mqtt.ServerState.CONNECTED)
    connection.puback(1)
    connection.pingresp()
    assert connection.bytes_to_send() == b"\x40\x02\x00\x01\xd0\x00"
    assert connection.bytes_to_send() == b""


def test_client_and_server_talk_to_each_other() -> None:
    client, server = mqtt.ClientConnection(mqtt.Limits()), mqtt.ServerConnection(mqtt.Limits())
    client.connect(mqtt.Connect("dev1", clean_session=False, keep_alive_s=60, user_name="u", password=b"p"))
    server.receive(client.bytes_to_send(), 0.0)
    server.accept(session_present=True)
    assert client.receive(server.bytes_to_send()) == [mqtt.Connack(session_present=True, return_code=0)]
    assert (client.subscribe([("f/#", 1)]), client.publish("t", b"x", qos=1), client.publish("t", b"y")) == (1, 2, 0)
    client.pingreq()
    assert server.receive(client.bytes_to_send(), 0.0) == [
        mqtt.Subscribe(1, (("f/#", 1),)),
        mqtt.Publish("t", b"x", 1, 2),
        mqtt.Publish("t", b"y"),
        mqtt.Pingreq(),
    ]
    server.suback(1, [1])
    server.puback(2)
    server.pingresp()
    server.publish("f/1", b"z", qos=1, packet_id=9)
    assert client.inflight == 2
    assert client.receive(server.bytes_to_send()) == [
        mqtt.Suback(1, (1,)),
        mqtt.Puback(2),
        mqtt.Pingresp(),
        mqtt.Publish("f/1", b"z", 1, 9),
    ]
    assert client.inflight == 0
    client.puback(9)
    client.unsubscribe(["f/#"])
    client.disconnect()
    assert server.receive(client.bytes_to_send(), 0.0) == [
        mqtt.Puback(9),
        mqtt.Unsubscribe(3, ("f/#",)),
        mqtt.Disconnect(),
    ]


def test_client_closes_when_it_is_refused() -> None:
    client = mqtt.ClientConnection(mqtt.Limits())
    client.connect(mqtt.Connect("d", clean_session=True, keep_alive_s=0))
    assert client.receive(b"\x20\x02\x00\x05") == [mqtt.Connack(session_present=False, return_code=5)]
    assert client.state is mqtt.ClientState.CLOSED
    with pytest.raises(LocalProtocolError):
        client.publish("t", b"")


@pytest.mark.parametrize(
    "data", [b"\xd0\x00", b"\x20\x02\x00\x06", b"\x20\x02\x01\x05", b"\x20\x02\x02\x00", b"\x20\x00"]
)
def test_client_takes_nothing_but_a_proper_connack_first(data: bytes) -> None:
    client = mqtt.ClientConnection(mqtt.Limits())
    client.connect(mqtt.Connect("d", clean_session=True, keep_alive_s=0))
    with pytest.raises(RemoteProtocolError):
        client.receive(data)


@pytest.mark.parametrize(
    "data", [b"\x20\x02\x00\x00", b"\xc0\x00", b"\x90\x02\x00\x01", b"\x90\x03\x00\x01\x03", b"\xd0\x01a"]
)
def test_client_refuses_what_servers_do_not_send(data: bytes) -> None:
    client = mqtt.ClientConnection(mqtt.Limits())
    client.connect(mqtt.Connect("d", clean_session=True, keep_alive_s=0))
    client.receive(b"\x20\x02\x00\x00")
    with pytest.raises(RemoteProtocolError):
        client.receive(data)


def test_packet_ids_wrap_and_skip_those_in_flight() -> None:
    client = mqtt.ClientConnection(mqtt.Limits(max_outgoing_inflight=65_535))
    client.connect(mqtt.Connect("d", clean_session=True, keep_alive_s=0))
    client.receive(b"\x20\x02\x00\x00")
    assert client.publish("t", b"", qos=1) == 1
    for expected in range(2, 65_536):
        assert client.publish("t", b"", qos=1) == expected
        client.receive(packets.encode_puback(expected))
    assert client.publish("t", b"", qos=1) == 2, "1 is still in flight"


BAD_CONNECTS = {
    "a password without a user name": mqtt.Connect("d", clean_session=True, keep_alive_s=0, password=b"p"),
    "a keep alive beyond two bytes": mqtt.Connect("d", clean_session=True, keep_alive_s=65_536),
    "a will at QoS 2": mqtt.Connect("d", clean_session=True, keep_alive_s=0, will=mqtt.Will("t", b"", 2, False)),
    "a client id with U+0000": mqtt.Connect("\0", clean_session=True, keep_alive_s=0),
}


@pytest.mark.parametrize("connect", BAD_CONNECTS.values(), ids=BAD_CONNECTS.keys())
def test_connect_that_mqtt_cannot_carry_is_our_error(connect: mqtt.Connect) -> None:
    with pytest.raises(LocalProtocolError):
        mqtt.ClientConnection(mqtt.Limits()).connect(connect)
