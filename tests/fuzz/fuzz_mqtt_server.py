"""Fuzz the server's half of MQTT, whole and cut into pieces, before and after CONNECT."""

from __future__ import annotations

import contextlib
from typing import Final

from vedette.protocols import RemoteProtocolError, mqtt

_CONNECT: Final = bytes.fromhex("10 10 0004 4D515454 04 02 003C 0004 64657631")
_CONNECT_WITH_ALL: Final = bytes.fromhex(
    "10 1F 0004 4D515454 04 EE 003C 0004 64657631 0001 74 0002 FF00 0001 75 0003 736173"
)
_PUBLISH: Final = bytes.fromhex("32 0C 0005 612F622F63 1234 7B7D20")
_SUBSCRIBE: Final = bytes.fromhex("82 0B 0007 0001 61 02 0002 622F 00")
_LIMITS: Final = mqtt.Limits(max_packet_bytes_before_accept=8_192, max_packet_bytes=1_024, max_inflight=4_096)

SEEDS: Final = (
    _CONNECT,
    _CONNECT_WITH_ALL,
    _CONNECT + _PUBLISH,
    _CONNECT + _SUBSCRIBE + _PUBLISH * 3 + b"\xc0\x00\x40\x02\x00\x01\xa2\x05\x00\x01\x00\x01a\xe0\x00",
    _PUBLISH,
    b"\x30\x03\x00\x01a",
    _SUBSCRIBE,
    b"\xc0\x00",
    b"\xe0\x00",
    b"\x30\xff\xff\xff\x7f",
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as a new client's and as a connected one's; however they are cut, the outcome is the same."""
    for prefix in (b"", _CONNECT):
        stream = prefix + data
        is_whole, events = _read([stream])
        size = len(data) % 7 + 1
        is_whole_in_pieces, more = _read([stream[start : start + size] for start in range(0, len(stream), size)])
        # Packets before an offending one are dropped in a single call and reported in pieces, DISCONNECT among them.
        assert is_whole_in_pieces == is_whole or mqtt.Disconnect() in more
        assert more[: len(events)] == events
        assert not is_whole or more == events


def _read(pieces: list[bytes]) -> tuple[bool, list[mqtt.ServerEvent]]:
    connection = mqtt.ServerConnection(_LIMITS)
    events: list[mqtt.ServerEvent] = []
    is_whole = False
    with contextlib.suppress(RemoteProtocolError):
        for piece in pieces:
            for data in (piece, b""):
                received = connection.receive(data, 0.0)
                events += received
                for event in received:
                    _answer(connection, event)
                assert connection.held_bytes <= _LIMITS.max_packet_bytes_before_accept
                connection.bytes_to_send()
        is_whole = True
    assert is_whole or connection.is_closed
    assert not connection.is_closed or connection.held_bytes == 0
    return is_whole, events


def _answer(connection: mqtt.ServerConnection, event: mqtt.ServerEvent) -> None:
    match event:
        case mqtt.Connect():
            connection.accept(session_present=False)
        case mqtt.Subscribe(packet_id=packet_id, filters=filters):
            connection.suback(packet_id, [0] * len(filters))
        case mqtt.Unsubscribe(packet_id=packet_id):
            connection.unsuback(packet_id)
        case mqtt.Publish(qos=1, packet_id=packet_id):
            connection.puback(packet_id)
        case _:
            assert isinstance(event, mqtt.ServerEvent)
