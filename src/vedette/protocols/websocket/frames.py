"""Frames on the wire: headers, masks, limits.

Source:
    RFC 6455 §5.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
from typing import Final, NamedTuple

from vedette.protocols.errors import LocalProtocolError, RemoteProtocolError

CONTINUATION: Final = 0x0
TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA

MAX_CONTROL_BYTES: Final = 125
MASK_BYTES: Final = 4
MAX_HEADER_BYTES: Final = 14

_OPCODES: Final = frozenset({CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG})
_FIN: Final = 0x80
_RESERVED: Final = 0x70
_OPCODE: Final = 0x0F
_MASKED: Final = 0x80
_LENGTH: Final = 0x7F
_TWO_BYTES: Final = 126
_EIGHT_BYTES: Final = 127
_MAX_U16: Final = 0xFFFF
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Ceilings of one connection; a value equal to the limit passes, one more does not.

    Attributes:
        max_frame_bytes: Payload of one frame. It is not held in memory; a larger one is no MQTT.
    """

    max_frame_bytes: int = 16_777_216


class Header(NamedTuple):
    """A frame's header.

    Attributes:
        is_final: The last frame of its message.
        mask: Empty for none.
        size: Bytes of the header itself.
    """

    is_final: bool
    opcode: int
    length: int
    mask: bytes
    size: int

    @property
    def is_control(self) -> bool:
        """Whether it is a control frame."""
        return self.opcode >= CLOSE


def decode_header(buffer: bytes | bytearray, position: int, *, limits: Limits) -> Header | None:
    """Read a frame's header.

    Returns:
        The header, or ``None`` if the buffer ends within it.

    Raises:
        RemoteProtocolError: Reserved bits or opcodes, a length that is not in its shortest form or over the limit, or
            a control frame that is too long or in parts.
    """
    if len(buffer) - position < 2:  # noqa: PLR2004 - the shortest header
        return None
    first, second = buffer[position], buffer[position + 1]
    opcode = first & _OPCODE
    if first & _RESERVED:
        raise RemoteProtocolError("WebSocket frame sets reserved bits")
    if opcode not in _OPCODES:
        raise RemoteProtocolError(f"WebSocket frame with the reserved opcode {opcode:#x}")
    is_final, length, start = bool(first & _FIN), second & _LENGTH, position + 2
    if opcode >= CLOSE and (length > MAX_CONTROL_BYTES or not is_final):
        raise RemoteProtocolError("WebSocket control frame is too long or in parts")
    if length >= _TWO_BYTES:
        width = 2 if length == _TWO_BYTES else 8
        if len(buffer) - start < width:
            return None
        length = int.from_bytes(buffer[start : start + width], "big")
        if length < (_TWO_BYTES if width == 2 else _MAX_U16 + 1):  # noqa: PLR2004 - two bytes
            raise RemoteProtocolError("WebSocket frame length is not in its shortest form")
        start += width
    if length > limits.max_frame_bytes:
        raise FrameTooLargeError(f"a WebSocket frame of {length} bytes exceeds the limit of {limits.max_frame_bytes}")
    mask = b""
    if second & _MASKED:
        if len(buffer) - start < MASK_BYTES:
            return None
        mask = bytes(buffer[start : start + MASK_BYTES])
        start += MASK_BYTES
    return Header(is_final, opcode, length, mask, start - position)


class FrameTooLargeError(RemoteProtocolError):
    """A frame is over the limit: close with code 1009."""


def encode_header(opcode: int, length: int, mask: bytes = b"") -> bytes:
    """Write the header of a frame that is a whole message.

    Raises:
        LocalProtocolError: A control frame that is too long, or a mask that is not four bytes.
    """
    if opcode >= CLOSE and length > MAX_CONTROL_BYTES:
        raise LocalProtocolError(f"a control frame of {length} bytes")
    if mask and len(mask) != MASK_BYTES:
        raise LocalProtocolError("a mask has four bytes")
    masked = _MASKED if mask else 0
    if length < _TWO_BYTES:
        return bytes((_FIN | opcode, masked | length)) + mask
    if length <= _MAX_U16:
        return bytes((_FIN | opcode, masked | _TWO_BYTES)) + length.to_bytes(2, "big") + mask
    return bytes((_FIN | opcode, masked | _EIGHT_BYTES)) + length.to_bytes(8, "big") + mask


def apply_mask(payload: bytes | bytearray | memoryview, mask: bytes, offset: int = 0) -> bytes:
    """Mask or unmask a part of a frame's payload.

    Args:
        payload: The part.
        mask: Four bytes.
        offset: Where in the payload the part begins.
    """
    size = len(payload)
    if not size:
        return b""
    shift = offset % MASK_BYTES
    key = (mask[shift:] + mask[:shift]) * (size // MASK_BYTES + 1)
    # One exclusive-or of two long numbers: 0.3 µs for a message of 150 bytes, where a loop over them takes 8.
    return (int.from_bytes(payload, "little") ^ int.from_bytes(key[:size], "little")).to_bytes(size, "little")


def accept_token(key: bytes) -> bytes:
    """Return the ``Sec-WebSocket-Accept`` for a client's ``Sec-WebSocket-Key``.

    Source:
        RFC 6455 §4.2.2, which fixes SHA-1: it proves that WebSocket is understood, and protects nothing.
    """
    return base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
