"""Serve an ASGI application in the loop of a process: bounded, patient with nobody, ended in order."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from vedette.kernel import NetworkList

log = logging.getLogger(__name__)

CONNECTIONS_MAX: Final = 512
HEAD_WITHIN_S: Final = 10.0
KEEP_ALIVE_S: Final = 30
STOP_WITHIN_S: Final = 3
_BACKLOG: Final = 256
_HANDSHAKES_MAX: Final = 256
_ACCEPT_AGAIN_S: Final = 0.1


class _Protocol(H11Protocol):
    """HTTP/1.1 that waits for nobody: each head comes in time, and at the limit the longest idle peer makes room.

    Anybody on the machine can open connections: whoever only holds them must not keep an operator out. h11 bounds the
    size of a head.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Begin to wait, in the place of somebody idle if there is none free."""
        if len(self.connections) >= CONNECTIONS_MAX - 1:
            self._make_room()
        super().connection_made(transport)
        self.idle_since_s = self.loop.time()
        self._head_timer: asyncio.TimerHandle | None = self.loop.call_later(HEAD_WITHIN_S, self._give_up)

    def data_received(self, data: bytes) -> None:
        """Take bytes; those of a head, or of a body that nobody wants any more, have to end soon."""
        super().data_received(data)
        if not self.is_idle():
            self._stop_waiting()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_WITHIN_S, self._give_up)

    def on_response_complete(self) -> None:
        """Be idle again."""
        super().on_response_complete()
        self.idle_since_s = self.loop.time()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def is_idle(self) -> bool:
        """Tell whether no request is under way."""
        cycle: RequestResponseCycle | None = self.cycle  # uvicorn declares it as if it were always there
        return cycle is None or cycle.response_complete

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        if self.is_idle():
            self.transport.close()

    def _make_room(self) -> None:
        idle = [each for each in self.connections if isinstance(each, _Protocol) and each.is_idle()]
        if idle:
            longest = min(idle, key=lambda each: each.idle_since_s)
            self.connections.discard(longest)
            longest.transport.abort()


class _Server(uvicorn.Server):
    """Leaves the signals to the process it is part of, and tells when it listens."""

    def __init__(self, config: uvicorn.Config, on_listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_listening = on_listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell."""
        await super().startup(sockets)
        if self.started:
            self._on_listening()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Who may connect at all.

    Attributes:
        allowed: Addresses of others are closed before a byte, or a TLS hello, is read from them.
        on_refused: Told the address of each that was closed.
    """

    allowed: NetworkList
    on_refused: Callable[[str], None]


async def serve_http(
    app: ASGIApp,
    *,
    host: str,
    port: int,
    tls: ssl.SSLContext | None,
    on_listening: Callable[[], None],
    gate: Gate | None = None,
) -> None:
    """Serve until cancelled; then requests under way get a moment to end.

    Args:
        app: What answers.
        host: IP address to listen on.
        port: TCP port.
        tls: ``None`` speaks plain HTTP.
        on_listening: Called once connections are accepted.
        gate: Who may connect; not given: everybody.

    Raises:
        OSError: The address cannot be listened on.
    """
    config = uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS_MAX,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=STOP_WITHIN_S,
        h11_max_incomplete_event_size=65_536,
    )
    config.load()
    config.ssl = tls
    server = _Server(config, on_listening)
    listener = _listen(host, port)
    log.info("API is listening", extra={"host": host, "port": port, "tls": tls is not None})
    is_gated = gate is not None and not gate.allowed.is_open
    try:
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(server.serve(sockets=[] if is_gated else [listener]), name="http server")
            if gate is not None and is_gated:
                letting_in = group.create_task(_let_in(listener, gate, server, tls), name="gate")
                serving.add_done_callback(lambda _: letting_in.cancel())
            try:
                await asyncio.wait([serving])
            except asyncio.CancelledError:
                server.should_exit = True
                await asyncio.wait([serving], timeout=STOP_WITHIN_S + 2)
                raise
    finally:
        listener.close()


async def _let_in(listener: socket.socket, gate: Gate, server: _Server, tls: ssl.SSLContext | None) -> None:
    """Accept connections ourselves, and hand on those that may come; a handshake holds up no other connection."""
    loop = asyncio.get_running_loop()
    config = server.config

    def speak() -> asyncio.Protocol:
        return _Protocol(config=config, server_state=server.server_state, app_state={}, _loop=loop)

    async def hand_on(connection: socket.socket) -> None:
        timeout_s = None if tls is None else HEAD_WITHIN_S
        try:
            await loop.connect_accepted_socket(speak, connection, ssl=tls, ssl_handshake_timeout=timeout_s)
        except OSError:  # no TLS, or gone again
            connection.close()
        finally:
            places.release()

    places = asyncio.Semaphore(_HANDSHAKES_MAX)
    async with asyncio.TaskGroup() as group:
        while True:
            await places.acquire()
            try:
                connection, peer = await loop.sock_accept(listener)
            except OSError as error:
                places.release()
                log.warning("a connection could not be accepted", extra={"cause": str(error)})
                await asyncio.sleep(_ACCEPT_AGAIN_S)
                continue
            address = str(peer[0])
            if gate.allowed.holds(address):
                group.create_task(hand_on(connection), name="handshake")
            else:
                connection.close()
                places.release()
                gate.on_refused(address)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ip_address(host).version == 6 else socket.AF_INET  # noqa: PLR2004 - IPv6
    listener = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def tls_context() -> ssl.SSLContext:
    """Return a server's TLS context without a certificate yet: TLS 1.2 at least, no renegotiation, no tickets."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols(["http/1.1"])
    return context
