"""Server-sent events: a bounded number of streams, each kept alive and ended in time.

Source:
    WHATWG HTML, "Server-sent events".
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import msgspec
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from vedette.api.errors import TooManyStreams
from vedette.kernel import Clock

log = logging.getLogger(__name__)

STREAMS_MAX: Final = 100
KEEP_ALIVE_S: Final = 15.0
# A stream ends after this time and the client, which comes back by itself, proves anew who it is.
LIFETIME_S: Final = 3600.0
_KEEP_ALIVE: Final = b": still here\n\n"
_HELLO: Final = b"retry: 2000\n\n"


def encode_event(name: str, data: object, *, event_id: str = "") -> bytes:
    """Return one event; JSON has no line breaks, so one data line is enough."""
    head = f"id: {event_id}\n" if event_id else ""
    return f"{head}event: {name}\ndata: ".encode() + msgspec.json.encode(data) + b"\n\n"


class StreamLimit:
    """Counts the open streams of this process."""

    def __init__(self, clock: Clock, *, most: int = STREAMS_MAX) -> None:
        self._clock = clock
        self._most = most
        self._open = 0

    def respond(self, events: AsyncIterator[bytes | None]) -> StreamingResponse:
        """Answer with a stream.

        Args:
            events: Encoded events; ``None`` when nothing came for a while.

        Raises:
            TooManyStreams: The limit is reached.
        """
        if self._open >= self._most:
            raise TooManyStreams(f"{self._most} event streams are open", hint="close one, or try again later")
        self._open += 1
        return _Stream(self._bounded(events), self._ended)

    def _ended(self) -> None:
        self._open -= 1

    async def _bounded(self, events: AsyncIterator[bytes | None]) -> AsyncIterator[bytes]:
        ends_s = self._clock.monotonic_s() + LIFETIME_S
        yield _HELLO
        async for event in events:
            yield _KEEP_ALIVE if event is None else event
            if self._clock.monotonic_s() >= ends_s:
                return


class _Stream(StreamingResponse):
    """A response that gives its place back however it ends, even before its first byte, and though nobody reads."""

    def __init__(self, content: AsyncIterator[bytes], on_end: Callable[[], None]) -> None:
        super().__init__(content, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
        self._on_end = on_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(LIFETIME_S + KEEP_ALIVE_S):
                await super().__call__(scope, receive, send)
        except TimeoutError:
            log.debug("a stream that nobody read was ended")
        finally:
            self._on_end()


class Bell:
    """Wakes every waiting stream; who is not waiting misses nothing, since each reads on from its own position."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def ring(self) -> None:
        """Wake them."""
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    async def wait(self, timeout_s: float) -> bool:
        """Wait for the next ring; answer whether it came in time."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            async with asyncio.timeout(timeout_s):
                await future
        except TimeoutError:
            return False
        else:
            return True
        finally:
            self._waiting.discard(future)


EVENT_STREAM: Final[dict[str, Any]] = {"content": {"text/event-stream": {"schema": {"type": "string"}}}}
