"""HTTP/1: who asks whom for what, with which software; of bodies, only where devices describe themselves is read.

Source:
    RFC 9110 and RFC 9112; RFC 7617 (basic authentication).
"""

from __future__ import annotations

import base64
import binascii
from collections import deque
from typing import ClassVar, Final, NamedTuple

from vedette.sensor.dissect.http_pages import Page, page_of, told_by
from vedette.sensor.dissect.interface import (
    INCOMPLETE,
    NO,
    NOT_A_MESSAGE,
    SURE,
    WEAK,
    Malformed,
    StreamDissector,
    ZeekRow,
)
from vedette.sensor.dissect.wording import MASK, text_of
from vedette.sensor.flows import Flow
from vedette.sensor.model import PROBABLE, AnomalyKind, Attribute, Direction, OpKind, OtOp, Sink, Values

_MAX_HEAD_BYTES: Final = 32_768
_MAX_WAITING: Final = 64
_MAX_HEADERS: Final = 128
_MAX_LENGTH_DIGITS: Final = 18
_KINDS: Final = {
    b"GET": OpKind.READ, b"HEAD": OpKind.READ, b"OPTIONS": OpKind.IDENTIFY, b"TRACE": OpKind.DIAGNOSE,
    b"POST": OpKind.WRITE, b"PUT": OpKind.WRITE, b"PATCH": OpKind.WRITE, b"DELETE": OpKind.WRITE,
    b"CONNECT": OpKind.SESSION, b"PROPFIND": OpKind.READ, b"PROPPATCH": OpKind.WRITE, b"MKCOL": OpKind.WRITE,
    b"COPY": OpKind.WRITE, b"MOVE": OpKind.WRITE, b"LOCK": OpKind.WRITE, b"UNLOCK": OpKind.WRITE,
    b"SUBSCRIBE": OpKind.SESSION, b"UNSUBSCRIBE": OpKind.SESSION, b"NOTIFY": OpKind.REPORT, b"REPORT": OpKind.READ,
}  # fmt: skip
_VERSION: Final = b" HTTP/1."
_ANSWERS: Final = (b"HTTP/1.1 ", b"HTTP/1.0 ")
_DEFAULTS: Final = frozenset({"admin:admin", "admin:password", "admin:", "root:root", "admin:1234", "user:user"})

_HEAD: Final = 0
_BODY: Final = 1
_CHUNK: Final = 2
_TRAILER: Final = 3
_OPAQUE: Final = 4
_IN_CHUNK: Final = 5


class Asked(NamedTuple):
    """What an answer needs to know of its request."""

    method: bytes
    uri: str
    host: str
    agent: str
    has_login: bool
    at_ns: int


class Http(StreamDissector):
    """Reads HTTP/1 over TCP."""

    __slots__ = ("_left", "_page", "_state", "_waiting")

    name: ClassVar[str] = "http"
    max_message_bytes: ClassVar[int] = _MAX_HEAD_BYTES

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._state: Final = [_HEAD, _HEAD]
        self._left: Final = [0, 0]
        self._waiting: Final[deque[Asked]] = deque(maxlen=_MAX_WAITING)
        self._page: Page | None = None

    def measure(self, data: bytes, start: int, is_from_client: bool) -> int:
        """Return the length of a head, of a chunk's first line, or as much of a body as there is."""
        state = self._state[is_from_client]
        if state == _BODY and not is_from_client and data.startswith(_ANSWERS, start):
            state = self._state[is_from_client] = _HEAD  # a part of the body was lost
        if state in {_BODY, _IN_CHUNK}:
            return min(self._left[is_from_client], len(data) - start, _MAX_HEAD_BYTES)
        if state == _OPAQUE:
            return min(len(data) - start, _MAX_HEAD_BYTES)
        if state in {_CHUNK, _TRAILER}:
            end = data.find(b"\n", start, start + 4096)
            if end < 0:
                return INCOMPLETE if len(data) - start < 4096 else NOT_A_MESSAGE
            return end + 1 - start
        if data[start] in b"\r\n":
            blank = data[start : start + _MAX_HEAD_BYTES]
            return len(blank) - len(blank.lstrip(b"\r\n"))
        line = data.find(b"\n", start, start + 8192)
        if line < 0:
            return INCOMPLETE if len(data) - start < 8192 else NOT_A_MESSAGE
        if not _is_first_line(data[start:line], is_from_client):
            return NOT_A_MESSAGE
        end = data.find(b"\n\r\n", line)
        if end < 0:
            end = data.find(b"\n\n", line)
            return end + 2 - start if end >= 0 else INCOMPLETE
        return end + 3 - start

    def message(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one head; pass over what else there is."""
        state = self._state[is_from_client]
        if self._page is not None and not is_from_client and state in {_BODY, _IN_CHUNK, _OPAQUE}:
            of_page = data[: max(self._left[0] - 2, 0)] if state == _IN_CHUNK else data  # its line's end is none
            self._read_page(self._page, of_page, at_ns)
        if state == _HEAD:
            if data[0] not in b"\r\n":
                self._head(data, is_from_client, at_ns)
        elif state in {_BODY, _IN_CHUNK}:
            self._left[is_from_client] -= len(data)
            if self._left[is_from_client] <= 0:
                self._state[is_from_client] = _HEAD if state == _BODY else _CHUNK
        elif state == _CHUNK:
            self._chunk(data, is_from_client)
        elif state == _TRAILER and data in {b"\r\n", b"\n"}:
            self._state[is_from_client] = _HEAD

    def find(self, data: bytes, start: int, is_from_client: bool) -> int:
        """Find the next first line; whatever body was awaited, its place is lost."""
        self._state[is_from_client] = _HEAD
        if not is_from_client:
            self._page = None
            return data.find(b"HTTP/1.", start)
        found = data.find(_VERSION, start)
        return data.rfind(b"\n", start, found) + 1 if found >= 0 else -1

    def _chunk(self, data: bytes, is_from_client: bool) -> None:
        digits = data.strip().partition(b";")[0].strip()
        if not digits:
            return
        try:
            size = int(digits[:16], 16)
        except ValueError:
            self._state[is_from_client] = _HEAD
            raise Malformed("a chunk without a size") from None
        if size:
            self._left[is_from_client] = size + 2  # to the next chunk's line
            self._state[is_from_client] = _IN_CHUNK
        else:
            self._state[is_from_client] = _TRAILER

    def _head(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        lines = data.split(b"\n", _MAX_HEADERS + 1)
        headers: dict[bytes, bytes] = {}
        for line in lines[1 : _MAX_HEADERS + 1]:
            name, _, value = line.partition(b":")
            headers.setdefault(name.strip().lower(), value.strip())
        if is_from_client:
            self._request(lines[0].strip(), headers, at_ns)
        else:
            self._response(lines[0].strip(), headers, at_ns)

    def _request(self, line: bytes, headers: dict[bytes, bytes], at_ns: int) -> None:
        method, _, rest = line.partition(b" ")
        uri = text_of(without_secrets(rest.rpartition(b" ")[0]), 1024)
        host = text_of(headers.get(b"host", b""))
        agent = text_of(headers.get(b"user-agent", b""))
        has_login = b"authorization" in headers
        asked = Asked(method, uri, host, agent, has_login, at_ns)
        self._waiting.append(asked)
        self._body(headers, is_from_client=True, may_be_endless=False)
        user = self._login(headers.get(b"authorization", b""), at_ns) if has_login else ""
        if agent:
            self.tell(
                at_ns, Attribute.SOFTWARE, agent, is_of_client=True, confidence=PROBABLE, source="http user-agent"
            )
        detail: dict[str, Values] = {"host": host, "user_agent": agent}
        if user:
            detail["username"], detail["password"] = user, MASK
        self.emit(
            OtOp(
                at_ns, self.flow, True, self.name, method.decode("latin-1").lower(), 0,
                _KINDS.get(method, OpKind.OTHER), Direction.REQUEST, host or None, "uri", None,
                _length(headers), uri, None, "", None, None, detail,
            )
        )  # fmt: skip

    def _response(self, line: bytes, headers: dict[bytes, bytes], at_ns: int) -> None:
        parts = line.split(b" ", 2)
        status = int(parts[1]) if len(parts) > 1 and parts[1].isdigit() and len(parts[1]) == 3 else 0
        if not status:
            raise Malformed("a status line without a status")
        is_interim = 100 <= status < 200 and status != 101
        if is_interim or not self._waiting:
            asked = self._waiting[0] if self._waiting else None
        else:
            asked = self._waiting.popleft()
        if status == 101 or (asked is not None and asked.method == b"CONNECT" and 200 <= status < 300):
            self._state[0] = self._state[1] = _OPAQUE
        elif not (is_interim or status in {204, 304} or (asked is not None and asked.method == b"HEAD")):
            self._body(headers, is_from_client=False, may_be_endless=True)
            self._page = page_of(headers) if status == 200 else None
        if server := headers.get(b"server"):
            self.tell(at_ns, Attribute.SOFTWARE, text_of(server), confidence=PROBABLE, source="http server")
        if realm := headers.get(b"www-authenticate"):
            self._realm(realm, at_ns)
        if status == 401 and asked is not None and asked.has_login:
            self.complain(at_ns, False, AnomalyKind.LOGIN_FAILED, "HTTP status 401 to a login", status)
        self.emit(
            OtOp(
                at_ns, self.flow, False, self.name, asked.method.decode("latin-1").lower() if asked else "response",
                status, _KINDS.get(asked.method, OpKind.OTHER) if asked else OpKind.OTHER, Direction.RESPONSE,
                asked.host or None if asked else None, "uri", None, _length(headers), asked.uri if asked else "",
                status, "ok" if status < 400 else f"status_{status}", None, at_ns - asked.at_ns if asked else None,
                self._columns(asked, status, parts, headers),
            )
        )  # fmt: skip

    def _columns(
        self, asked: Asked | None, status: int, parts: list[bytes], headers: dict[bytes, bytes]
    ) -> dict[str, Values]:
        columns: dict[str, Values] = {"status_code": status, "version": text_of(parts[0][5:8])}
        if len(parts) > 2:
            columns["status_msg"] = text_of(parts[2])
        if asked is not None:
            columns["method"] = text_of(asked.method)
            columns["host"], columns["uri"], columns["user_agent"] = asked.host, asked.uri, asked.agent
        if (length := _length(headers)) is not None:
            columns["response_body_len"] = length
        if kind := headers.get(b"content-type"):
            columns["resp_mime_types"] = (text_of(kind.partition(b";")[0]),)
        return columns

    def _login(self, value: bytes, at_ns: int) -> str:
        scheme, _, secret = value.partition(b" ")
        if scheme.lower() != b"basic":
            return ""
        try:
            user, _, password = base64.b64decode(secret[:512].strip(), validate=True).partition(b":")
        except binascii.Error:
            raise Malformed("basic authentication that is no base64") from None
        name = text_of(user)
        self.complain(at_ns, True, AnomalyKind.CLEAR_TEXT_CREDENTIAL, "HTTP basic")
        if f"{name}:{text_of(password)}".lower() in _DEFAULTS:
            self.complain(at_ns, True, AnomalyKind.DEFAULT_CREDENTIAL, "HTTP basic, a maker's usual password")
        self.tell(at_ns, Attribute.USER, name, is_of_client=True, confidence=PROBABLE, source="http basic")
        return name

    def _read_page(self, page: Page, data: bytes, at_ns: int) -> None:
        content = page.feed(data)
        if content is None:
            return
        self._page = None
        for attribute, value, confidence, source in told_by(content):
            self.tell(at_ns, attribute, value, confidence=confidence, source=source)

    def _realm(self, value: bytes, at_ns: int) -> None:
        _, found, rest = value.partition(b'realm="')
        if found:
            self.tell(
                at_ns, Attribute.DESCRIPTION, text_of(rest.partition(b'"')[0]), confidence=PROBABLE, source="http realm"
            )

    def _body(self, headers: dict[bytes, bytes], *, is_from_client: bool, may_be_endless: bool) -> None:
        if b"chunked" in headers.get(b"transfer-encoding", b"").lower():
            self._state[is_from_client] = _CHUNK
            return
        length = _length(headers)
        if length is None:
            if may_be_endless:
                self._state[is_from_client] = _OPAQUE
        elif length:
            self._left[is_from_client] = length
            self._state[is_from_client] = _BODY


def zeek(op: OtOp) -> list[ZeekRow]:
    """Return the row of ``http.log``: one for each answer, which has its request's facts."""
    return [("http", dict(op.detail))] if op.detail is not None and op.direction is Direction.RESPONSE else []


def without_secrets(uri: bytes) -> bytes:
    """Mask what stands for a password in a URI: user information, and parameters with telling names."""
    head, found, query = uri.partition(b"?")
    if b"@" in head and b"://" in head:
        scheme, _, rest = head.partition(b"://")
        user, at, host = rest.partition(b"@")
        if at and b"/" not in user:
            head = scheme + b"://" + user.partition(b":")[0] + b":***@" + host
    if not found:
        return head
    parts = []
    for part in query.split(b"&", 64):
        name, equals, _ = part.partition(b"=")
        low = name.lower()
        is_secret = equals and any(word in low for word in (b"pass", b"pwd", b"secret", b"token", b"key", b"auth"))
        parts.append(name + b"=***" if is_secret else part)
    return head + b"?" + b"&".join(parts)


def check(payload: bytes, is_from_client: bool) -> int:
    """Tell HTTP/1 by its first line; see ``interface.Check``."""
    end = payload.find(b"\r\n", 0, 8192)
    if end >= 0:
        return SURE if _is_first_line(payload[:end], is_from_client) else NO
    if not is_from_client:
        return WEAK if payload.startswith(_ANSWERS) else NO
    return WEAK if payload.partition(b" ")[0] in _KINDS else NO


def _is_first_line(line: bytes, is_from_client: bool) -> bool:
    if not is_from_client:
        return line.startswith(_ANSWERS) and line[9:12].isdigit()
    method, _, rest = line.partition(b" ")
    uri, _, version = rest.rstrip().rpartition(b" ")
    return method in _KINDS and version in {b"HTTP/1.1", b"HTTP/1.0"} and bool(uri)


def _length(headers: dict[bytes, bytes]) -> int | None:
    value = headers.get(b"content-length")
    if value is None:
        return None
    if not value.isdigit() or len(value) > _MAX_LENGTH_DIGITS:
        raise Malformed("a content length that is no number")
    return int(value)
