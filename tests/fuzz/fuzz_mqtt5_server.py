"""Fuzz the server's half of MQTT 5, whole and cut into pieces, before and after CONNECT."""

from __future__ import annotations

import contextlib
from typing import Final

from vedette.protocols import RemoteProtocolError, mqtt


def _packet(first: int, body: str) -> bytes:
    raw = bytes.fromhex(body)
    return bytes((first, len(raw))) + raw


_CONNECT: Final = _packet(0x10, "0004 4D515454 05 02 003C 00 0004 64657631")
_CONNECT_WITH_ALL: Final = _packet(
    0x10,
    "0004 4D515454 05 CE 003C 14 11 0000003C 21 0010 27 00000400 22 0004 19 01 17 00"
    "0004 64657631 10 18 00000005 01 01 02 0000003C 03 0001 63 0001 74 0002 FF00 0001 75 0003 736173",
)
_PUBLISH: Final = _packet(0x32, "0005 612F622F63 1234 15 01 01 02 0000003C 03 0001 63 26 0001 6B 0001 76 23 0001 7B7D")
_BY_ALIAS: Final = _packet(0x30, "0000 03 23 0001")
_SUBSCRIBE: Final = _packet(0x82, "0007 07 26 0001 6B 0001 76 0001 61 02 0001 62 2C")
_UNSUBSCRIBE: Final = _packet(0xA2, "0008 00 0001 61")
_PUBACK: Final = _packet(0x40, "0001 99 05 1F 0002 6E6F")
_DISCONNECT: Final = _packet(0xE0, "04 0A 11 0000003C 1F 0002 6E6F")
_LIMITS: Final = mqtt.Limits(
    max_packet_bytes_before_accept=8_192,
    max_packet_bytes=1_024,
    max_inflight=4_096,
    max_user_properties=16,
    max_properties_bytes=512,
)

SEEDS: Final = (
    _CONNECT,
    _CONNECT_WITH_ALL,
    _CONNECT + _PUBLISH + _BY_ALIAS * 3,
    _CONNECT_WITH_ALL + _SUBSCRIBE + _UNSUBSCRIBE + _PUBACK + b"\xc0\x00" + _DISCONNECT,
    _PUBLISH,
    _BY_ALIAS,
    _SUBSCRIBE,
    _UNSUBSCRIBE,
    _PUBACK,
    _DISCONNECT,
    b"\xe0\x00",
    b"\xf0\x02\x18\x00",
    b"\x30\xff\xff\xff\x7f",
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as a new client's and as a connected one's; however they are cut, the outcome is the same."""
    for prefix in (b"", _CONNECT):
        stream = prefix + data
        is_whole, events = _read([stream])
        size = len(data) % 7 + 1
        is_whole_in_pieces, more = _read([stream[start : start + size] for start in range(0, len(stream), size)])
        has_left = any(isinstance(event, mqtt.Disconnect) for event in more)
        assert is_whole_in_pieces == is_whole or has_left
        assert more[: len(events)] == events
        assert not is_whole or more == events


def _read(pieces: list[bytes]) -> tuple[bool, list[mqtt.ServerEvent]]:
    connection = mqtt.ServerConnection(_LIMITS)
    client = mqtt.ClientConnection(mqtt.Limits())
    client.connect(mqtt.Connect("d", clean_session=True, keep_alive_s=0, protocol_level=5))
    events: list[mqtt.ServerEvent] = []
    is_whole = False
    answered = b""
    with contextlib.suppress(RemoteProtocolError):
        for piece in pieces:
            for data in (piece, b""):
                received = connection.receive(data, 0.0)
                events += received
                for event in received:
                    _answer(connection, event)
                assert connection.held_bytes <= _LIMITS.max_packet_bytes_before_accept
                answered += connection.bytes_to_send()
        is_whole = True
    answered += connection.bytes_to_send()
    if connection.is_v5:
        client.receive(answered)  # whatever we answer is MQTT 5
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
