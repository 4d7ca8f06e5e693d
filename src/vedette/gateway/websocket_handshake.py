"""The HTTP request that opens a WebSocket: one request, one answer, and nothing else of HTTP.

h11 reads the request's head. Whatever is not an upgrade to MQTT on the hub's path gets a short answer after which the
connection is closed, so there is no second request, and no body whose length two readers could disagree on.

Source:
    RFC 6455 §4.2; MQTT 5.0 §6; the hub's wire contract §1.1.
"""

from __future__ import annotations

import base64
import binascii
import http
from typing import Final, NamedTuple
from urllib.parse import unquote

import h11

from vedette.protocols.websocket import accept_token

PATH: Final = "/$iothub/websocket"
SUBPROTOCOL: Final = "mqtt"
MAX_HEAD_BYTES: Final = 8_192
_MAX_HEADERS: Final = 64
_KEY_BYTES: Final = 16
_VERSION: Final = b"13"
# Each at most once: which of two values counts is a question that must not arise.
_SINGLE: Final = frozenset({b"host", b"sec-websocket-key", b"sec-websocket-version", b"upgrade", b"content-length"})


class Answer(NamedTuple):
    """What to write, and what follows.

    Attributes:
        is_accepted: Frames follow; otherwise close.
        response: Bytes to write.
        rest: What the client sent behind its request.
        detail: Why it was refused, for the record.
    """

    is_accepted: bool
    response: bytes
    rest: bytes = b""
    detail: str = ""


class _Refused(Exception):  # noqa: N818 - an answer, not an error
    def __init__(self, status: int, detail: str, *headers: bytes) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers


class Handshake:
    """Reads the request that opens a WebSocket; discard it after its answer."""

    def __init__(self) -> None:
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._room = MAX_HEAD_BYTES

    def receive(self, data: bytes) -> Answer | None:
        """Read bytes of the request; ``None`` until it is complete."""
        head, rest = data[: self._room], data[self._room :]
        self._room -= len(head)
        try:
            request = self._read(head)
            if request is None:
                return None
            response = _accept(request)
        except _Refused as refused:
            return Answer(is_accepted=False, response=_response(refused), detail=refused.detail)
        return Answer(is_accepted=True, response=response, rest=self._http.trailing_data[0] + rest)

    def _read(self, head: bytes) -> h11.Request | None:
        try:
            self._http.receive_data(head)
            event = self._http.next_event()
        except h11.RemoteProtocolError as error:
            raise _Refused(error.error_status_hint, "not an HTTP/1.1 request") from None
        if event is h11.NEED_DATA:
            if not self._room:
                raise _Refused(431, f"more than {MAX_HEAD_BYTES} bytes of headers")
            return None
        if not isinstance(event, h11.Request):
            raise _Refused(400, "not an HTTP/1.1 request")
        return event


def _accept(request: h11.Request) -> bytes:
    """Judge a request.

    Returns:
        The response that accepts it.

    Raises:
        _Refused: It is none for us.
    """
    headers: dict[bytes, bytes] = {}
    for name, value in request.headers:  # names are in lower case
        if name in headers and name in _SINGLE:
            raise _Refused(400, "a header that may stand once is repeated")
        headers[name] = headers[name] + b"," + value if name in headers else value
    if len(request.headers) > _MAX_HEADERS:
        raise _Refused(431, f"more than {_MAX_HEADERS} headers")
    if b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0":
        raise _Refused(400, "a request to upgrade has no body")
    if unquote(request.target.partition(b"?")[0].decode("ascii", "replace")) != PATH:
        raise _Refused(404, "another path than the WebSocket's")
    if request.method != b"GET":
        raise _Refused(405, "another method than GET", b"Allow: GET")
    if "websocket" not in _tokens(headers, b"upgrade") or "upgrade" not in _tokens(headers, b"connection"):
        raise _Refused(426, "not a request to upgrade", b"Upgrade: websocket")
    if request.http_version != b"1.1":
        raise _Refused(400, "an upgrade needs HTTP/1.1")
    if headers.get(b"sec-websocket-version") != _VERSION:
        raise _Refused(426, "another version of WebSocket than 13", b"Sec-WebSocket-Version: " + _VERSION)
    key = headers.get(b"sec-websocket-key", b"")
    if not _is_key(key):
        raise _Refused(400, "the WebSocket key is not 16 bytes in base64")
    if SUBPROTOCOL not in _tokens(headers, b"sec-websocket-protocol"):
        raise _Refused(400, "the subprotocol mqtt is not offered")
    # No Sec-WebSocket-Extensions: permessage-deflate would let 1 KB of a stranger's become 1 MB of ours.
    return b"\r\n".join(
        (
            b"HTTP/1.1 101 Switching Protocols",
            b"Upgrade: websocket",
            b"Connection: Upgrade",
            b"Sec-WebSocket-Accept: " + accept_token(key),
            b"Sec-WebSocket-Protocol: " + SUBPROTOCOL.encode(),
            b"",
            b"",
        )
    )


def _tokens(headers: dict[bytes, bytes], name: bytes) -> set[str]:
    """Return the words of a list header in lower case; what is not ASCII is none of ours."""
    text = headers.get(name, b"").decode("ascii", "replace")
    return {token.strip().lower() for token in text.split(",")}


def _is_key(key: bytes) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == _KEY_BYTES
    except binascii.Error:
        return False


def _response(refused: _Refused) -> bytes:
    """Write a short answer; it says nothing of what stands behind."""
    phrase = http.HTTPStatus(refused.status).phrase.encode()
    lines = (
        b"HTTP/1.1 %d %s" % (refused.status, phrase),
        b"Content-Type: text/plain",
        b"Content-Length: %d" % (len(phrase) + 1),
        b"Connection: close",
        *refused.headers,
        b"",
        phrase + b"\n",
    )
    return b"\r\n".join(lines)
