"""What dissectors of text and of small records share: rows of logs, masks, and the cost of long bodies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from vedette.sensor.dissect.interface import ZeekRow
from vedette.sensor.model import OtOp

MASK: Final = "***"
"""Stands for a secret that was seen in clear; the secret itself is never kept."""

MAX_TEXT_CHARS: Final = 256


def text_of(raw: bytes, limit: int = MAX_TEXT_CHARS) -> str:
    """Read text from the wire: UTF-8 where it is, Latin-1 where it isn't, cut and without what can't be printed."""
    raw = raw[:limit]
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " for c in text).strip()


def logged_as(log: str) -> Callable[[OtOp], list[ZeekRow]]:
    """Return a ``Protocol.zeek`` for operations whose ``detail`` has the log's own columns; others get no row."""

    def zeek(op: OtOp) -> list[ZeekRow]:
        return [(log, dict(op.detail))] if op.detail is not None else []

    return zeek
