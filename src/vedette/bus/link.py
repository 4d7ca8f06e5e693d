"""One TCP connection to the server: bytes out once per loop tick, events in, probes in between."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import Callable
from typing import Final

from vedette.bus.errors import BusRefused, BusTimeout, BusUnavailable, RemoteProtocolError
from vedette.bus.wire import CRLF, Message, Parser, Ping, Pong, ServerError, ServerInfo
from vedette.kernel import Problem

log = logging.getLogger(__name__)

_PING: Final = b"PING" + CRLF
_PONG: Final = b"PONG" + CRLF
# One write to the transport copies at most this much, so that a long backlog is not copied whole.
_WRITE_BYTES: Final = 1_048_576
_MAX_PROBES: Final = 1024
# What nobody waits for leaves with the next frame that somebody does, or so much later: a write costs more than what it
# carries.
_PATIENCE_S: Final = 0.002
_PATIENCE_BYTES: Final = 65_536


class Link(asyncio.Protocol):
    """A connection's protocol object; made once per attempt, never re-used.

    Args:
        parser: Fresh parser for this connection.
        on_message: Called for each message, in order.
        on_error: Called with the server's complaint.
        on_info: Called with every INFO after the first.
        max_pending_bytes: Bound of ``write``.
    """

    def __init__(
        self,
        *,
        parser: Parser,
        on_message: Callable[[Message], None],
        on_error: Callable[[str], None],
        on_info: Callable[[ServerInfo], None],
        max_pending_bytes: int,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._parser = parser
        self._on_message = on_message
        self._on_error = on_error
        self._on_info = on_info
        self._max_pending_bytes = max_pending_bytes
        self._transport: asyncio.Transport | None = None
        self._out: deque[bytes] = deque()
        self._out_bytes = 0
        self._is_flush_due = False
        self._is_patience_running = False
        self._is_paused = False
        self._probes: deque[Callable[[], None]] = deque()
        self._probe_timer: asyncio.TimerHandle | None = None
        self._first_info: asyncio.Future[ServerInfo] = self._loop.create_future()
        self._failure: Problem | None = None
        self.info = ServerInfo()
        self.closed: asyncio.Future[None] = self._loop.create_future()

    @property
    def pending_bytes(self) -> int:
        """Bytes that wait to be handed to the transport."""
        return self._out_bytes

    @property
    def failure(self) -> Problem:
        """Why the connection ended."""
        return self._failure or BusUnavailable("the bus closed the connection")

    # --- towards the server -------------------------------------------------------------------------------------

    def write(self, frame: bytes, *, may_wait: bool = False) -> None:
        """Queue a frame for the end of this loop tick, or, where it may wait, for whatever leaves in the next 2 ms.

        Raises:
            BusUnavailable: The bounded buffer is full.
        """
        if self._out_bytes + len(frame) > self._max_pending_bytes:
            raise BusUnavailable(
                f"over {self._max_pending_bytes} bytes wait to be written to the bus",
                hint="the bus is slower than what is sent to it; try again later",
            )
        self.write_accounted(frame, may_wait=may_wait)

    def write_accounted(self, frame: bytes, *, may_wait: bool = False) -> None:
        """Queue a frame whose memory another bound accounts for already."""
        self._out.append(frame)
        self._out_bytes += len(frame)
        if self._is_flush_due or self._is_paused:
            return
        if may_wait and self._out_bytes < _PATIENCE_BYTES:
            if not self._is_patience_running:
                self._is_patience_running = True
                self._loop.call_later(_PATIENCE_S, self._lose_patience)
            return
        self._is_flush_due = True
        self._loop.call_soon(self._flush)

    def probe(self, on_pong: Callable[[], None]) -> None:
        """Send a PING; ``on_pong`` is called when the server has processed everything sent before.

        Raises:
            BusUnavailable: Too many probes wait already.
        """
        if len(self._probes) >= _MAX_PROBES:
            raise BusUnavailable("too many probes of the bus are under way")
        self._probes.append(on_pong)
        self.write_accounted(_PING)

    def keep_probing(self, *, interval_s: float, timeout_s: float) -> None:
        """Probe from now on; drop the connection when an answer is late."""
        self._probe_timer = self._loop.call_later(interval_s, self._probe_health, interval_s, timeout_s)

    def abort(self, failure: Problem) -> None:
        """Drop the connection without ceremony."""
        self._failure = self._failure or failure
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Write what is queued and close."""
        self._failure = self._failure or BusUnavailable("the connection to the bus was closed")
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(self._out))
            self._out.clear()
            self._transport.close()

    async def receive_first_info(self) -> ServerInfo:
        """Wait for the server's first INFO; the caller sets the deadline."""
        return await self._first_info

    async def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """Continue in TLS; the caller sets the deadline.

        Raises:
            RemoteProtocolError: Bytes came in clear text behind INFO: somebody in between injected them.
        """
        if self._parser.held_bytes or self._transport is None:
            raise RemoteProtocolError("clear text between INFO and the TLS handshake")
        transport = await self._loop.start_tls(self._transport, self, context, server_hostname=host)
        if transport is None:
            raise BusUnavailable("the bus closed the connection during the TLS handshake")
        self._transport = transport

    def _flush(self) -> None:
        self._is_flush_due = False
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        while self._out and not self._is_paused:
            if self._out_bytes <= _WRITE_BYTES:
                chunk = b"".join(self._out)
                self._out.clear()
            else:
                chunk = self._take(_WRITE_BYTES)
            self._out_bytes -= len(chunk)
            transport.write(chunk)

    def _lose_patience(self) -> None:
        self._is_patience_running = False
        if self._out and not self._is_flush_due:
            self._flush()

    def _take(self, size: int) -> bytes:
        taken: list[bytes] = []
        while self._out and size > 0:
            frame = self._out.popleft()
            size -= len(frame)
            taken.append(frame)
        return b"".join(taken)

    def _probe_health(self, interval_s: float, timeout_s: float) -> None:
        def answered() -> None:
            self._cancel_probe_timer()
            self.keep_probing(interval_s=interval_s, timeout_s=timeout_s)

        self._probes.append(answered)
        self.write_accounted(_PING)
        late = BusTimeout(f"the bus left a PING unanswered for {timeout_s} s")
        self._probe_timer = self._loop.call_later(timeout_s, self.abort, late)

    def _cancel_probe_timer(self) -> None:
        if self._probe_timer is not None:
            self._probe_timer.cancel()
            self._probe_timer = None

    # --- asyncio.Protocol ---------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport  # type: ignore[assignment]  # asyncio types the callback for every transport

    def data_received(self, data: bytes) -> None:
        """Parse and dispatch; what is not the protocol ends the connection."""
        try:
            events = self._parser.receive(data)
        except RemoteProtocolError as failure:
            log.error("bus sent what is not the NATS protocol", extra={"reason": failure.detail})  # noqa: TRY400
            self.abort(failure)
            return
        for event in events:
            if type(event) is Message:
                self._on_message(event)
            else:
                self._control(event)

    def pause_writing(self) -> None:
        """Stop flushing: the server reads more slowly than we write."""
        self._is_paused = True

    def resume_writing(self) -> None:
        """Flush again."""
        self._is_paused = False
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everyone who waits."""
        self._cancel_probe_timer()
        self._probes.clear()
        self._out.clear()
        self._out_bytes = 0
        if exc is not None and self._failure is None:
            self._failure = BusUnavailable(f"the connection to the bus broke: {type(exc).__name__}")
        if not self._first_info.done():
            self._first_info.set_exception(self.failure)
            self._first_info.exception()  # retrieved: nobody may be waiting
        if not self.closed.done():
            self.closed.set_result(None)

    def _control(self, event: object) -> None:
        match event:
            case Ping():
                self.write_accounted(_PONG)
            case Pong():
                if self._probes:
                    self._probes.popleft()()
            case ServerInfo():
                self._take_info(event)
            case ServerError(text):
                if "Authorization" in text or "Authentication" in text:
                    self._failure = BusRefused(f"the bus refused the connection: {text}", hint="check the bus nkey")
                self._on_error(text)

    def _take_info(self, info: ServerInfo) -> None:
        self.info = info
        if self._first_info.done():
            self._on_info(info)
        else:
            self._first_info.set_result(info)
