"""One side of a WebSocket connection once the handshake is done."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Final

from vedette.protocols.errors import LocalProtocolError, RemoteProtocolError
from vedette.protocols.websocket import frames
from vedette.protocols.websocket.events import Close, CloseCode, Data, Event, Ping, Pong

_FIRST_OWN_CODE: Final = 3_000
_LAST_CODE: Final = 4_999
# What a peer may give as its code: those of the registry that are not reserved for the API, and the ranges for use.
_WIRE_CODES: Final = frozenset({*range(1_000, 1_004), *range(1_007, 1_015), *range(_FIRST_OWN_CODE, _LAST_CODE + 1)})
_CODE_BYTES: Final = 2


class Role(enum.Enum):
    """Which side this is: a client masks what it sends, a server does not (RFC 6455 §5.1)."""

    CLIENT = "client"
    SERVER = "server"


class WebSocketConnection:
    """Reads frames into a stream of bytes, and writes bytes into frames.

    Write ``bytes_to_send`` to the transport after each call; drop the transport when ``is_closed``. After a
    ``RemoteProtocolError`` call ``close``: it tells the peer which rule it broke.

    Args:
        role: Which side this is.
        limits: Ceilings.
        new_mask: Makes the four bytes of a client's mask; not used by a server.
    """

    __slots__ = (
        "_close_code",
        "_has_closed",
        "_header",
        "_held",
        "_is_closed",
        "_is_in_message",
        "_limits",
        "_new_mask",
        "_outgoing",
        "_payload",
        "_position",
        "_role",
    )

    def __init__(self, role: Role, limits: frames.Limits, *, new_mask: Callable[[], bytes] | None = None) -> None:
        if role is Role.CLIENT and new_mask is None:
            raise LocalProtocolError("a client needs masks")
        self._role = role
        self._limits = limits
        self._new_mask = new_mask
        self._held = bytearray()
        self._header: frames.Header | None = None
        self._position = 0
        self._payload = bytearray()
        self._outgoing: list[bytes] = []
        self._is_in_message = False
        self._has_closed = False
        self._is_closed = False
        self._close_code = CloseCode.NORMAL

    @property
    def is_closed(self) -> bool:
        """Whether nothing more comes or goes: the peer closed, or broke the protocol."""
        return self._is_closed

    @property
    def held_bytes(self) -> int:
        """Bytes of a header or control frame that is not complete."""
        return len(self._held) + len(self._payload)

    def receive(self, data: bytes) -> list[Event]:
        """Read bytes from the peer.

        Returns:
            The events in them; data as far as it has come. Once closed, every byte is dropped.

        Raises:
            RemoteProtocolError: The peer broke the protocol or a limit. What came before it in the same call is not
                reported.
        """
        if self._is_closed:
            return []
        events: list[Event] = []
        try:
            self._read(data, events)
        except RemoteProtocolError as error:
            self._fail(CloseCode.MESSAGE_TOO_BIG if isinstance(error, frames.FrameTooLargeError) else self._close_code)
            raise
        return events

    def send(self, payload: bytes) -> None:
        """Send bytes of the stream; after ``close`` they are dropped."""
        if not self._has_closed and payload:
            self._write(frames.BINARY, payload)

    def ping(self, payload: bytes = b"") -> None:
        """Ask whether the peer is there.

        Raises:
            LocalProtocolError: More than 125 bytes.
        """
        if not self._has_closed:
            self._write(frames.PING, payload)

    def close(self) -> None:
        """Say that this side closes: in order, or for what the peer broke."""
        if not self._has_closed:
            self._has_closed = True
            self._write(frames.CLOSE, self._close_code.to_bytes(_CODE_BYTES, "big"))

    def bytes_to_send(self) -> bytes:
        """Return what is to be written to the transport, once."""
        data = b"".join(self._outgoing)
        self._outgoing.clear()
        return data

    # --- reading ------------------------------------------------------------------------------------------------

    def _read(self, data: bytes, events: list[Event]) -> None:
        position = 0
        while not self._is_closed:
            if self._header is None:
                position = self._read_header(data, position)
                if self._header is None:
                    return
            header = self._header
            part = data[position : position + header.length - self._position]
            if not part and header.length:
                return
            position += len(part)
            plain = frames.apply_mask(part, header.mask, self._position) if header.mask else part
            self._position += len(part)
            is_whole = self._position == header.length
            if is_whole:
                self._header = None
                self._position = 0
            if header.is_control:
                self._payload += plain
                if is_whole:
                    payload = bytes(self._payload)
                    self._payload.clear()
                    events.append(self._read_control(header.opcode, payload))
            elif plain:
                events.append(Data(plain))

    def _read_header(self, data: bytes, position: int) -> int:
        """Read the next header, some of which may be held; return the position behind it."""
        held = self._held
        if held:
            before = len(held)
            held += data[position : position + frames.MAX_HEADER_BYTES - before]
            header = frames.decode_header(held, 0, limits=self._limits)
            if header is None:
                return len(data)
            position += header.size - before
            held.clear()
        else:
            header = frames.decode_header(data, position, limits=self._limits)
            if header is None:
                held += data[position:]
                return len(data)
            position += header.size
        self._begin(header)
        return position

    def _begin(self, header: frames.Header) -> None:
        if bool(header.mask) != (self._role is Role.SERVER):
            raise RemoteProtocolError(
                "WebSocket frame is not masked" if self._role is Role.SERVER else "WebSocket frame is masked"
            )
        if not header.is_control:
            if header.opcode == frames.TEXT:
                self._close_code = CloseCode.UNSUPPORTED_DATA
                raise RemoteProtocolError("WebSocket message is text; MQTT is binary")  # [MQTT-6.0.0-1]
            if (header.opcode == frames.CONTINUATION) != self._is_in_message:
                raise RemoteProtocolError("WebSocket message begins within another, or goes on without a beginning")
            self._is_in_message = not header.is_final
        self._header = header

    def _read_control(self, opcode: int, payload: bytes) -> Event:
        if opcode == frames.PING:
            if not self._has_closed:
                self._write(frames.PONG, payload)
            return Ping(payload)
        if opcode == frames.PONG:
            return Pong(payload)
        close = _decode_close(payload)
        self._is_closed = True
        if not self._has_closed:
            self._has_closed = True
            self._write(frames.CLOSE, payload[:_CODE_BYTES])
        return close

    def _fail(self, code: CloseCode) -> None:
        self._close_code = CloseCode.PROTOCOL_ERROR if code is CloseCode.NORMAL else code
        self._is_closed = True
        self._held.clear()
        self._payload.clear()

    # --- writing ------------------------------------------------------------------------------------------------

    def _write(self, opcode: int, payload: bytes) -> None:
        if self._role is Role.CLIENT and self._new_mask is not None:
            mask = self._new_mask()
            self._outgoing += [frames.encode_header(opcode, len(payload), mask), frames.apply_mask(payload, mask)]
        else:
            self._outgoing += [frames.encode_header(opcode, len(payload)), payload]


def _decode_close(payload: bytes) -> Close:
    if not payload:
        return Close(CloseCode.NO_STATUS, "")
    code = int.from_bytes(payload[:_CODE_BYTES], "big")
    if len(payload) < _CODE_BYTES or code not in _WIRE_CODES:
        raise RemoteProtocolError("WebSocket close without a code that may be sent")
    try:
        return Close(code, payload[_CODE_BYTES:].decode("utf-8"))
    except UnicodeDecodeError:
        raise RemoteProtocolError("WebSocket close with a reason that is not UTF-8") from None
