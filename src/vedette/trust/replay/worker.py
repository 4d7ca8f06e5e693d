"""The process that replays: two bundles, the same questions, and where the answers differ.

It reads frames from standard input and answers each on standard output: a length (4 bytes, big-endian) and MessagePack.
The first frame is the two bundles. Evaluating holds the interpreter's lock, so it is done outside of control, at a
lower priority than anything that serves devices. It loads nothing but what decides.
"""

from __future__ import annotations

import os
import sys
from typing import BinaryIO, Final

import msgspec

from vedette.trust.bundle import decode_bundle
from vedette.trust.replay.model import Bundles, Chunk
from vedette.trust.replay.replayer import Replayer

FRAME_MAX_BYTES: Final = 64 * 1024 * 1024
_NICENESS: Final = 10
_LENGTH_BYTES: Final = 4


def read_frame(source: BinaryIO) -> bytes | None:
    """Return the next frame; ``None`` at the end."""
    head = source.read(_LENGTH_BYTES)
    if len(head) < _LENGTH_BYTES:
        return None
    size = int.from_bytes(head, "big")
    if size > FRAME_MAX_BYTES:
        return None
    body = source.read(size)
    return body if len(body) == size else None


def frame(body: bytes) -> bytes:
    """Return a body with its length before it."""
    return len(body).to_bytes(_LENGTH_BYTES, "big") + body


def serve(source: BinaryIO, answers: BinaryIO) -> None:
    """Answer frames until they end."""
    first = read_frame(source)
    if first is None:
        return
    bundles = msgspec.msgpack.decode(first, type=Bundles)
    replayer = Replayer(decode_bundle(bundles.before), decode_bundle(bundles.after))
    decoder = msgspec.msgpack.Decoder(Chunk)
    while (body := read_frame(source)) is not None:
        answers.write(frame(msgspec.msgpack.encode(replayer.replay(decoder.decode(body)))))
        answers.flush()


def main() -> None:
    """Serve standard input and output, at a low priority."""
    os.nice(_NICENESS)
    serve(sys.stdin.buffer, sys.stdout.buffer)
