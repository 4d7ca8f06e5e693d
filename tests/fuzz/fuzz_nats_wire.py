"""Fuzz entry of the NATS parser: any bytes, split anywhere, give events or one kind of error, within the bounds."""

from __future__ import annotations

import contextlib
from typing import Final

from vedette.bus.errors import RemoteProtocolError
from vedette.bus.wire import Event, Message, Parser, parse_headers

_LINE_BYTES, _PAYLOAD_BYTES = 256, 512

SEEDS: Final = (
    b'\x05INFO {"server_id":"X","version":"2.15.1","max_payload":1048576,"nonce":"n"}\r\nPONG\r\nPING\r\n',
    b"\x00MSG FOO.BAR 9 GREETING.34 11\r\nHello World\r\n+OK\r\nMSG a 1 0\r\n\r\n",
    b"\xffHMSG FOO.BAR 9 34 45\r\nNATS/1.0\r\nFoodGroup: vegetable\r\n\r\nHello World\r\nPING\r\n",
    b"\x07HMSG _INBOX.1 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n-ERR 'Slow Consumer'\r\n",
    b"\x30MSG a 1 600\r\n",
)


def fuzz_one(data: bytes) -> None:
    """Parse ``data`` whole and in pieces whose size its first byte sets; both must agree."""
    if not data:
        return
    step, stream = data[0] + 1, data[1:]
    whole, whole_failed = _parse(stream, len(stream) or 1)
    pieces, pieces_failed = _parse(stream, step)
    assert whole_failed == pieces_failed
    if not whole_failed:
        assert whole == pieces
    for event in pieces:
        if isinstance(event, Message):
            assert event.status >= 0
            with contextlib.suppress(RemoteProtocolError):
                parse_headers(event.headers)


def _parse(stream: bytes, step: int) -> tuple[list[Event], bool]:
    parser = Parser(max_line_bytes=_LINE_BYTES, max_payload_bytes=_PAYLOAD_BYTES)
    events: list[Event] = []
    try:
        for start in range(0, len(stream), step):
            events += parser.receive(stream[start : start + step])
            assert parser.held_bytes <= _LINE_BYTES + 2 + _PAYLOAD_BYTES + 2 + step
    except RemoteProtocolError:
        return events, True
    return events, False
