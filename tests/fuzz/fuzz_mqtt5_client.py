"""Fuzz the client's half of MQTT 5, before and after CONNACK."""

from __future__ import annotations

import contextlib
from typing import Final

from vedette.protocols import RemoteProtocolError, mqtt

_CONNACK: Final = bytes.fromhex("20 03 00 00 00")
_OFFER: Final = bytes.fromhex("20 19 01 00 16 21 0040 24 01 25 00 27 00044000 22 0008 29 00 2A 00 13 003C")
_REFUSAL: Final = bytes.fromhex("20 08 00 87 05 1F 0002 6E6F")
_LIMITS: Final = mqtt.Limits(max_packet_bytes=1_024, max_user_properties=16, max_properties_bytes=512)

SEEDS: Final = (
    _CONNACK,
    _OFFER,
    _REFUSAL,
    bytes.fromhex("30 0E 0001 61 08 0B 01 0B 8001 23 0001 7879"),
    bytes.fromhex("32 09 0001 61 0001 00 787878"),
    bytes.fromhex("40 03 0001 97"),
    bytes.fromhex("90 05 0001 00 00 87"),
    bytes.fromhex("B0 05 0001 00 00 11"),
    bytes.fromhex("E0 07 8E 05 1F 0002 6E6F"),
    b"\xd0\x00",
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as a server's first ones, and as those behind CONNACK."""
    for prefix in (b"", _CONNACK, _OFFER):
        client = mqtt.ClientConnection(_LIMITS)
        client.connect(mqtt.Connect("d", clean_session=True, keep_alive_s=0, protocol_level=5))
        try:
            events = client.receive(prefix + data)
        except RemoteProtocolError:
            assert client.state is mqtt.ClientState.CLOSED
            continue
        for event in events:
            assert isinstance(event, mqtt.ClientEvent)
        with contextlib.suppress(RemoteProtocolError):
            client.receive(b"\xd0\x00")
