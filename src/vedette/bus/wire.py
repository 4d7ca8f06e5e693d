"""The NATS client protocol, sans-io: bytes in, events out, and the frames a client sends.

Source:
    https://docs.nats.io/reference/reference-protocols/nats-protocol; ADR-4 (headers).
"""

from __future__ import annotations

from typing import Final

import msgspec

from vedette.bus.errors import InvalidSubject, RemoteProtocolError

CRLF: Final = b"\r\n"
HEADER_LINE: Final = b"NATS/1.0"
SUBJECT_MAX_BYTES: Final = 1024
# A size has at most this many digits: int() of a longer run would be work for nothing.
_MAX_DIGITS: Final = 10
_MAX_TOKEN_DIGITS: Final = 20
_MSG_FIELDS: Final = (4, 5)
# What msgspec raises on hostile bytes: UTF-8 and depth have errors of their own.
UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class ServerInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What the server says of itself, first thing on a connection and again when its cluster changes."""

    server_id: str = ""
    version: str = ""
    max_payload: int = 1_048_576
    nonce: str = ""
    auth_required: bool = False
    tls_required: bool = False
    headers: bool = False
    ldm: bool = False


class Message(msgspec.Struct, frozen=True, gc=False):
    """A message that arrived on a subscription.

    ``headers`` is the raw block, empty without headers; ``reply`` is empty when no answer is awaited.
    """

    subject: str
    sid: int
    reply: str
    headers: bytes
    payload: bytes

    @property
    def status(self) -> int:
        """The status code in the header block (503: no responders), 0 without one."""
        if not self.headers:
            return 0
        digits = self.headers[len(HEADER_LINE) : len(HEADER_LINE) + 4].strip()
        return int(digits) if digits.isdigit() else 0

    def header(self, name: str) -> str | None:
        """Return the first value of a header, its name compared without case; ``None`` without one."""
        if not self.headers:
            return None
        wanted = name.lower()
        return next((value for key, value in parse_headers(self.headers) if key.lower() == wanted), None)


class Ping(msgspec.Struct, frozen=True, gc=False):
    """The server asks for a sign of life."""


class Pong(msgspec.Struct, frozen=True, gc=False):
    """The server answers our PING: everything sent before it has been processed."""


class Ok(msgspec.Struct, frozen=True, gc=False):
    """The server confirms, in verbose mode only."""


class ServerError(msgspec.Struct, frozen=True, gc=False):
    """The server complains; after most complaints it closes the connection."""

    text: str


Event = Message | ServerInfo | Ping | Pong | Ok | ServerError

_PING, _PONG, _OK = Ping(), Pong(), Ok()
_INFO_DECODER = msgspec.json.Decoder(ServerInfo)


class Parser:
    """Turns the server's bytes into events; holds at most one incomplete line or message.

    Args:
        max_line_bytes: Longest control line taken; INFO of a large cluster is the longest.
        max_payload_bytes: Largest message taken, headers included.
    """

    def __init__(self, *, max_line_bytes: int = 32_768, max_payload_bytes: int = 8_388_608) -> None:
        self._max_line_bytes = max_line_bytes
        self._max_payload_bytes = max_payload_bytes
        self._held = bytearray()
        self._needed_bytes = 0  # size of the incomplete message, 0 while its control line is incomplete
        self._failure: RemoteProtocolError | None = None

    @property
    def held_bytes(self) -> int:
        """Bytes of an incomplete line or message that wait for the rest."""
        return len(self._held)

    def receive(self, data: bytes) -> list[Event]:
        """Take bytes as they came and return the events they complete.

        Raises:
            RemoteProtocolError: Not the protocol or over a limit; every later call raises the same, and events that
                came in the same bytes are dropped with the connection.
        """
        if self._failure is not None:
            raise self._failure
        if self._held:
            if self._must_wait_for_more(data):
                self._held += data
                return []
            self._held += data
            data = bytes(self._held)
            self._held.clear()
        try:
            return self._parse(data)
        except RemoteProtocolError as failure:
            self._failure = failure
            raise

    def _must_wait_for_more(self, data: bytes) -> bool:
        size = len(self._held) + len(data)
        if self._needed_bytes:
            return size < self._needed_bytes
        return b"\n" not in data and size <= self._max_line_bytes

    def _parse(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        position, size = 0, len(data)
        self._needed_bytes = 0
        while position < size:
            line_end = data.find(CRLF, position, position + self._max_line_bytes + 2)
            if line_end < 0:
                if size - position > self._max_line_bytes + 1:
                    raise RemoteProtocolError(f"control line over {self._max_line_bytes} bytes")
                break
            line = data[position:line_end]
            if line.startswith((b"MSG ", b"HMSG ")):
                body = line_end + 2
                fields, header_size, total_size = self._sizes(line)
                body_end = body + total_size
                if body_end + 2 > size:
                    self._needed_bytes = body_end + 2 - position
                    break
                if data[body_end : body_end + 2] != CRLF:
                    raise RemoteProtocolError("a message does not end where its size says")
                events.append(_message(fields, data[body : body + header_size], data[body + header_size : body_end]))
                position = body_end + 2
            else:
                events.append(_control_event(line))
                position = line_end + 2
        if position < size:
            self._held += data[position:]
        return events

    def _sizes(self, line: bytes) -> tuple[list[bytes], int, int]:
        """Split the control line of a message into subject, sid, reply; header size; total size."""
        fields = line.split()
        has_headers = line[0:1] == b"H"
        sizes = 2 if has_headers else 1
        if len(fields) - sizes + 1 not in _MSG_FIELDS:
            raise RemoteProtocolError("malformed message line")
        total_size = _number(fields[-1])
        header_size = _number(fields[-2]) if has_headers else 0
        if header_size > total_size:
            raise RemoteProtocolError("a header block larger than its message")
        if total_size > self._max_payload_bytes:
            raise RemoteProtocolError(f"a message of {total_size} bytes is over {self._max_payload_bytes}")
        return fields[1:-sizes], header_size, total_size


def _number(digits: bytes) -> int:
    if not digits.isdigit() or len(digits) > _MAX_DIGITS:
        raise RemoteProtocolError("malformed number in a message line")
    return int(digits)


def _message(fields: list[bytes], headers: bytes, payload: bytes) -> Message:
    if headers and not (headers.startswith(HEADER_LINE) and headers.endswith(b"\r\n\r\n")):
        raise RemoteProtocolError("malformed header block")
    try:
        subject = fields[0].decode()
        reply = fields[2].decode() if len(fields) > 2 else ""  # noqa: PLR2004 - subject, sid, reply
    except UnicodeDecodeError:
        raise RemoteProtocolError("a subject is not UTF-8") from None
    return Message(subject, _number(fields[1]), reply, headers, payload)


def _control_event(line: bytes) -> Event:
    operation, _, rest = line.partition(b" ")
    match operation.upper():
        case b"PING":
            return _PING
        case b"PONG":
            return _PONG
        case b"+OK":
            return _OK
        case b"-ERR":
            return ServerError(rest.strip().strip(b"'").decode(errors="replace"))
        case b"INFO":
            try:
                return _INFO_DECODER.decode(rest)
            except UNREADABLE as error:
                raise RemoteProtocolError("malformed INFO") from error
        case _:
            raise RemoteProtocolError("unknown operation")


def read_number(text: str) -> int | None:
    """Read the digits of a subject's token; ``None`` when it is no number of a sensible size."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MAX_TOKEN_DIGITS else None


def parse_headers(block: bytes, *, max_fields: int = 64) -> list[tuple[str, str]]:
    """Split a header block into names and values, in order.

    Raises:
        RemoteProtocolError: A line without a colon or a name, not UTF-8, or more than ``max_fields`` fields.
    """
    lines = block.split(CRLF)[1:]
    fields: list[tuple[str, str]] = []
    for line in lines:
        if not line:
            continue
        name, colon, value = line.partition(b":")
        if not colon or not name.strip() or len(fields) == max_fields:
            raise RemoteProtocolError("malformed header block")
        try:
            fields.append((name.decode(), value.strip().decode()))
        except UnicodeDecodeError:
            raise RemoteProtocolError("a header is not UTF-8") from None
    return fields


def encode_headers(fields: dict[str, str]) -> bytes:
    """Encode header lines for ``publish``; names and values are printable ASCII.

    Raises:
        InvalidSubject: A name or value that would break the block.
    """
    lines: list[bytes] = []
    for name, value in fields.items():
        line = f"{name}: {value}"
        if not name or ":" in name or " " in name or not line.isascii() or not line.isprintable():
            raise InvalidSubject("header names and values are printable ASCII", header=name[:64])
        lines.append(line.encode() + CRLF)
    return b"".join(lines)


def check_subject(subject: str | bytes, *, is_pattern: bool = False) -> bytes:
    """Return a subject's bytes, certain that it cannot break out of a control line.

    Args:
        subject: Tokens parted by dots.
        is_pattern: Whether ``*`` and ``>`` may stand as tokens, as in a subscription.

    Raises:
        InvalidSubject: Empty, over 1,024 bytes, an empty token, or a character outside printable ASCII.
    """
    text = subject.decode("latin-1") if isinstance(subject, bytes) else subject
    if (
        not text.isascii()
        or not text.isprintable()
        or " " in text
        or ".." in text
        or not 0 < len(text) <= SUBJECT_MAX_BYTES
        or text[0] == "."
        or text[-1] == "."
        or (not is_pattern and ("*" in text or ">" in text))
    ):
        raise InvalidSubject(f"{text[:80]!r} is not a subject", hint="tokens of printable ASCII, parted by dots")
    return text.encode()


def encode_publish(subject: bytes, payload: bytes, *, reply: bytes = b"", headers: bytes = b"") -> bytes:
    """Frame a message; ``subject`` and ``reply`` have passed ``check_subject``, ``headers`` are encoded lines."""
    space = b" " if reply else b""
    if not headers:
        return b"PUB %b %b%b%d\r\n%b\r\n" % (subject, reply, space, len(payload), payload)
    header_size = len(headers) + 12  # NATS/1.0, its line end and the empty line
    return b"HPUB %b %b%b%d %d\r\nNATS/1.0\r\n%b\r\n%b\r\n" % (
        subject,
        reply,
        space,
        header_size,
        header_size + len(payload),
        headers,
        payload,
    )


def encode_subscribe(subject: bytes, sid: int, *, queue: bytes = b"") -> bytes:
    """Frame a subscription."""
    return b"SUB %b %b%d\r\n" % (subject, queue + b" " if queue else b"", sid)


def encode_unsubscribe(sid: int) -> bytes:
    """Frame the end of a subscription."""
    return b"UNSUB %d\r\n" % sid


def encode_connect(options: dict[str, object]) -> bytes:
    """Frame the client's half of the handshake."""
    return b"CONNECT " + msgspec.json.encode(options) + CRLF
