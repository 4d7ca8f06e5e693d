"""Fuzz the request that opens a WebSocket, whole and cut into pieces."""

from __future__ import annotations

from typing import Final

from vedette.gateway.websocket_handshake import MAX_HEAD_BYTES, Answer, Handshake

_REQUEST: Final = (
    b"GET /$iothub/websocket?a=b HTTP/1.1\r\nHost: localhost:443\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n"
)

SEEDS: Final = (
    _REQUEST,
    _REQUEST + b"\x82\x80abcd",
    _REQUEST.replace(b"\r\n\r\n", b"\r\nContent-Length: 5\r\n\r\nhello"),
    _REQUEST.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /$iothub/websocket HTTP/1.0\r\n\r\n",
    b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04dev1",
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes; however they are cut, the answer is the same, and it is HTTP."""
    if len(data) > MAX_HEAD_BYTES:
        return
    size = len(data) % 7 + 1
    whole = _read([data])
    in_pieces = _read([data[start : start + size] for start in range(0, len(data), size)])
    if whole is None or in_pieces is None:
        assert in_pieces is None or not in_pieces.is_accepted
        return
    assert whole.response.startswith(b"HTTP/1.1 ")
    assert whole.is_accepted == in_pieces.is_accepted
    if whole.is_accepted:
        assert whole.response == in_pieces.response
        assert data.endswith(whole.rest)


def _read(pieces: list[bytes]) -> Answer | None:
    handshake = Handshake()
    for piece in pieces:
        answer = handshake.receive(piece)
        if answer is not None:
            return answer
    return None
