"""TPKT and COTP class 0: the envelope of S7comm, S7comm-plus and other ISO protocols over TCP.

Source:
    RFC 1006; ITU-T X.224 §13.
"""

from __future__ import annotations

from struct import Struct
from typing import ClassVar, Final

from vedette.sensor.dissect.interface import NOT_A_MESSAGE, Malformed, StreamDissector
from vedette.sensor.flows import Flow
from vedette.sensor.model import Sink

CONNECT: Final = 0xE0
CONFIRM: Final = 0xD0
DATA: Final = 0xF0
_LAST: Final = 0x80
_CALLED: Final = 0xC2
_MAX_WHOLE_BYTES: Final = 65_536

_HEADER: Final = Struct(">BBHBB").unpack_from


class Tpkt(StreamDissector):
    """Cuts a stream into what COTP carries; a subclass reads that."""

    __slots__ = ("_parts",)

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._parts: Final = {True: b"", False: b""}

    max_message_bytes: ClassVar[int] = 65_535

    def measure(self, data: bytes, start: int, is_from_client: bool) -> int:  # noqa: ARG002 - same both ways
        """Return the length that the header tells."""
        length: int
        version, reserved, length, size, kind = _HEADER(data, start)
        if version != 3 or reserved or length < 7 or size + 5 > length or kind & 0xF0 < 0x50:
            return NOT_A_MESSAGE
        return length

    def find(self, data: bytes, start: int, is_from_client: bool) -> int:  # noqa: ARG002 - same both ways
        """Look for the version."""
        return data.find(b"\x03\x00", start)

    def message(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one packet: content that is whole goes on, pieces wait for the last."""
        kind = data[5] & 0xF0
        if kind == DATA:
            content = data[5 + data[4] :]
            parts = self._parts
            if parts[is_from_client]:
                content = parts[is_from_client] + content
                parts[is_from_client] = b""
            if data[6] & _LAST:
                if content:
                    self.content(content, is_from_client, at_ns)
            elif len(content) > _MAX_WHOLE_BYTES:
                raise Malformed(f"{len(content)} bytes of COTP data without an end")
            else:
                parts[is_from_client] = content
        elif kind in {CONNECT, CONFIRM}:
            self.connection(kind == CONNECT, called_selector(data), at_ns)

    def connection(self, is_request: bool, called: bytes, at_ns: int) -> None:
        """Read the called selector of a connection that is asked for or confirmed."""

    def content(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read what one or more data packets carry."""
        raise NotImplementedError


def called_selector(data: bytes) -> bytes:
    """Return the called transport selector of a connection request or confirmation."""
    position, end = 11, 5 + data[4]
    while position + 2 <= end:
        size = data[position + 1]
        if data[position] == _CALLED:
            return data[position + 2 : position + 2 + size]
        position += 2 + size
    return b""


def first_content(payload: bytes) -> tuple[bytes, bytes]:
    """Return the called selector and the first content among a payload's packets, for checks; empty where absent."""
    position, called = 0, b""
    while position + 7 <= len(payload):
        version, reserved, length, size, kind = _HEADER(payload, position)
        if version != 3 or reserved or length < 7 or size + 5 > length:
            raise Malformed(f"TPKT version {version}, length {length}")
        if kind & 0xF0 == DATA:
            return called, payload[position + 5 + size : position + length]
        if kind & 0xF0 in {CONNECT, CONFIRM}:
            called = called_selector(payload[position:])
        position += length
    return called, b""
