"""What all packets have in common, in every version: first bytes, names, flags, packet ids."""

from __future__ import annotations

from typing import Final

from vedette.protocols.errors import LocalProtocolError, RemoteProtocolError
from vedette.protocols.mqtt.reasons import ReasonCode
from vedette.protocols.mqtt.wire import MAX_U16, encode_remaining_length

# First bytes: packet type in the high half, the flags that the standard fixes in the low half (§2.2.2).
CONNECT: Final = 0x10
CONNACK: Final = 0x20
PUBLISH: Final = 0x30
PUBACK: Final = 0x40
SUBSCRIBE: Final = 0x82
SUBACK: Final = 0x90
UNSUBSCRIBE: Final = 0xA2
UNSUBACK: Final = 0xB0
PINGREQ: Final = 0xC0
PINGRESP: Final = 0xD0
DISCONNECT: Final = 0xE0
AUTH: Final = 0xF0

PACKET_NAMES: Final = (
    "reserved type 0",
    "CONNECT",
    "CONNACK",
    "PUBLISH",
    "PUBACK",
    "PUBREC",
    "PUBREL",
    "PUBCOMP",
    "SUBSCRIBE",
    "SUBACK",
    "UNSUBSCRIBE",
    "UNSUBACK",
    "PINGREQ",
    "PINGRESP",
    "DISCONNECT",
    "AUTH",
)
FIRST_BYTES: Final = frozenset(
    {CONNECT, CONNACK, PUBACK, SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT, AUTH}
)

PINGREQ_PACKET: Final = b"\xc0\x00"
PINGRESP_PACKET: Final = b"\xd0\x00"
DISCONNECT_PACKET: Final = b"\xe0\x00"

MAX_QOS: Final = 2
_EXACTLY_ONCE: Final = 2
_EXACTLY_ONCE_PACKETS: Final = frozenset({"PUBREC", "PUBREL", "PUBCOMP"})

# First byte of PUBLISH → (qos, dup, retain); absent: QoS 2, QoS 3, or DUP at QoS 0 ([MQTT-3.3.1-2], [MQTT-3.3.1-4]).
PUBLISH_FLAGS: Final = {
    0x30: (0, False, False),
    0x31: (0, False, True),
    0x32: (1, False, False),
    0x33: (1, False, True),
    0x3A: (1, True, False),
    0x3B: (1, True, True),
}


def wrong_publish_flags(first: int) -> RemoteProtocolError:
    """Say what is wrong with the first byte of a PUBLISH."""
    qos = first >> 1 & 3
    if qos == _EXACTLY_ONCE:
        return RemoteProtocolError(
            "PUBLISH at QoS 2, which the hub does not serve", reason_code=ReasonCode.QOS_NOT_SUPPORTED
        )
    return RemoteProtocolError("PUBLISH at QoS 3" if qos else "PUBLISH at QoS 0 with DUP")


def check_empty(start: int, stop: int, name: str) -> None:
    """Check the body of PINGREQ, PINGRESP or DISCONNECT, which have none.

    Raises:
        RemoteProtocolError: There is one.
    """
    if start != stop:
        raise RemoteProtocolError(f"{name} has a body")


def unexpected_packet(first: int, situation: str) -> RemoteProtocolError:
    """Say why a packet with this first byte can't be read in this situation."""
    packet_type = first >> 4
    name = PACKET_NAMES[packet_type]
    if packet_type == PUBLISH >> 4 and first not in PUBLISH_FLAGS:
        return wrong_publish_flags(first)
    if name in _EXACTLY_ONCE_PACKETS:
        return RemoteProtocolError(
            f"{name} belongs to QoS 2, which the hub does not serve", reason_code=ReasonCode.PROTOCOL_ERROR
        )
    if packet_type != PUBLISH >> 4 and first not in FIRST_BYTES:
        return RemoteProtocolError(f"{name} with flags {first & 15:#x}, which are reserved")
    return RemoteProtocolError(f"{name} {situation}", reason_code=ReasonCode.PROTOCOL_ERROR)


def read_packet_id(buffer: bytes, start: int, stop: int, name: str) -> int:
    """Read the packet id that a body begins with.

    Raises:
        RemoteProtocolError: It is cut short or 0.
    """
    if stop - start < 2:  # noqa: PLR2004 - two bytes
        raise RemoteProtocolError(f"{name} is cut short")
    packet_id = buffer[start] << 8 | buffer[start + 1]
    if not packet_id:
        raise RemoteProtocolError(f"{name} has packet id 0")
    return packet_id


def encode_packet_id(packet_id: int) -> bytes:
    """Write a packet id.

    Raises:
        LocalProtocolError: It is outside 1 to 65,535.
    """
    if not 0 < packet_id <= MAX_U16:
        raise LocalProtocolError(f"{packet_id} is no packet id")
    return packet_id.to_bytes(2, "big")


def build(first: int, *fields: bytes) -> bytes:
    """Put a packet together.

    Raises:
        LocalProtocolError: It is longer than MQTT allows.
    """
    body = b"".join(fields)
    return bytes((first,)) + encode_remaining_length(len(body)) + body
