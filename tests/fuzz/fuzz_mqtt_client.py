"""Fuzz the client's half of MQTT, before and after CONNACK."""

from __future__ import annotations

from typing import Final

from vedette.protocols import RemoteProtocolError, mqtt

_CONNACK: Final = b"\x20\x02\x00\x00"
_LIMITS: Final = mqtt.Limits(max_packet_bytes=1_024)

SEEDS: Final = (
    _CONNACK,
    b"\x20\x02\x00\x05",
    _CONNACK + bytes.fromhex("90 04 0007 01 80 40 02 0001 B0 02 0002 D000 3206 0001 74 0009 78"),
    b"\x40\x02\x00\x01",
    b"\x90\x03\x00\x01\x80",
    b"\xd0\x00",
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as a server's: events, or its error."""
    for prefix in (b"", _CONNACK):
        client = mqtt.ClientConnection(_LIMITS)
        client.connect(mqtt.Connect("dev1", clean_session=True, keep_alive_s=60))
        try:
            for event in client.receive(prefix + data):
                assert isinstance(event, mqtt.ClientEvent)
        except RemoteProtocolError:
            assert client.state is mqtt.ClientState.CLOSED
