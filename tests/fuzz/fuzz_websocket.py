"""Fuzz WebSocket frames, whole and cut into pieces, as a server and as a client."""

from __future__ import annotations

from typing import Final

from vedette.protocols import RemoteProtocolError
from vedette.protocols.websocket import Data, Limits, Role, WebSocketConnection

_LIMITS: Final = Limits(max_frame_bytes=65_536)

SEEDS: Final = (
    bytes.fromhex("82 85 37fa213d 7f9f4d5158"),
    bytes.fromhex("02 83 00000000 48656c 89 80 00000000 80 82 00000000 6c6f 88 82 00000000 03e8"),
    bytes.fromhex("82 fe 0080 00000000") + b"x" * 128,
    bytes.fromhex("82 ff 0000000000010000 00000000") + b"x" * 40,
    bytes.fromhex("82 03 48656c 8a 00 88 02 03e8"),
    bytes.fromhex("02 03 48656c 80 02 6c6f"),
    bytes.fromhex("88 85 00000000 03e8 627965"),
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes; however they are cut, the stream and the outcome are the same."""
    for role in Role:
        size = len(data) % 7 + 1
        whole = _read(role, [data])
        in_pieces = _read(role, [data[start : start + size] for start in range(0, len(data), size)])
        assert in_pieces[0] == whole[0]
        assert in_pieces[1].startswith(whole[1])
        assert not whole[0] or in_pieces[1] == whole[1]


def _read(role: Role, pieces: list[bytes]) -> tuple[bool, bytes]:
    side = WebSocketConnection(role, _LIMITS, new_mask=lambda: b"mask")
    stream = b""
    try:
        for piece in pieces:
            for event in side.receive(piece):
                if isinstance(event, Data):
                    stream += event.payload
            assert side.held_bytes <= 14 + 125
            side.bytes_to_send()
    except RemoteProtocolError:
        assert side.is_closed
        side.bytes_to_send()
        side.close()
        assert side.bytes_to_send()[0] == 0x88
        return False, stream
    return True, stream
