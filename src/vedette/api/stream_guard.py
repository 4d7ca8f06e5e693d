"""Ends a stream once what opened it is no more: what may not be asked for any more is not told any more either."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.datastructures import Headers
from starlette.types import Message, Send

from vedette.kernel import Clock, Problem

# A stream is cut before the first event that comes so long after its right has ended, or at its next keep-alive.
CHECKED_EVERY_S: Final = 1.0


class StreamGuard:
    """Stands between an answer and its asker; answers that are no stream pass.

    Args:
        send: Where messages go.
        is_open: Asked now and then while a stream lasts.
        clock: Tells when.
    """

    def __init__(self, send: Send, is_open: Callable[[], Awaitable[bool]], *, clock: Clock) -> None:
        self._send = send
        self._is_open = is_open
        self._clock = clock
        self._is_stream = False
        self._is_over = False
        self._checked_s = clock.monotonic_s()

    async def send(self, message: Message) -> None:
        """Send what comes while it may."""
        if self._is_over:
            return
        if message["type"] == "http.response.start":
            self._is_stream = Headers(raw=message["headers"]).get("content-type", "").startswith("text/event-stream")
        elif self._is_stream and await self._has_ended():
            self._is_over = True
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)

    async def _has_ended(self) -> bool:
        now_s = self._clock.monotonic_s()
        if now_s - self._checked_s < CHECKED_EVERY_S:
            return False
        self._checked_s = now_s
        try:
            return not await self._is_open()
        except Problem:
            return True  # who cannot be asked about is told nothing; they come back and are judged anew
