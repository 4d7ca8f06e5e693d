"""The device ports: TLS in front, MQTT or WebSocket behind, and the clockwork that ends what is over time."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Coroutine
from typing import Any, Final

from vedette.gateway.tls import TlsFront

log = logging.getLogger(__name__)

_ADMISSION_SWEEP_S: Final = 0.25
_SWEEP_S: Final = 1.0
# Idle seconds before the first probe, between probes, and probes that may stay unanswered.
_TCP_KEEP_ALIVE: Final = ((socket.TCP_KEEPIDLE, 120), (socket.TCP_KEEPINTVL, 30), (socket.TCP_KEEPCNT, 4))


class Listener:
    """Sockets on the device ports.

    Args:
        front: What all connections share, whichever port they came in by.
        bind: Addresses.
        shares_port: Whether other processes listen on the same ports.
    """

    def __init__(self, front: TlsFront, bind: tuple[str, ...], *, shares_port: bool) -> None:
        self._front = front
        self._bind = bind
        self._shares_port = shares_port
        self._servers: list[asyncio.Server] = []

    async def open(self, port: int, inner: Callable[[], asyncio.Protocol]) -> int:
        """Listen on a port of every address.

        Args:
            port: TCP port; 0 takes a free one.
            inner: Makes what a connection speaks behind TLS.

        Returns:
            The port.

        Raises:
            OSError: The port is taken or not allowed.
        """
        loop = asyncio.get_running_loop()
        stages = self._front.stages(inner)
        for address in self._bind:
            listening = self._listening_socket(address, port)
            server = await loop.create_server(stages, sock=listening, backlog=self._front.settings.backlog)
            self._servers.append(server)
            port = listening.getsockname()[1]
        log.info("listening for devices", extra={"port": port})
        return port

    def _listening_socket(self, address: str, port: int) -> socket.socket:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if self._shares_port:
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            # Connections inherit these from the listening socket.
            # A peer that vanished without a word is noticed even where MQTT's keep alive is 0.
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            # An answer leaves at once, and not when the peer has acknowledged the one before.
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for option, value in _TCP_KEEP_ALIVE:
                listening.setsockopt(socket.IPPROTO_TCP, option, value)
            for direction in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                listening.setsockopt(socket.SOL_SOCKET, direction, self._front.settings.socket_buffer_bytes)
            listening.setblocking(False)
            listening.bind((address, port))
        except OSError:
            listening.close()
            raise
        return listening

    def close(self) -> None:
        """Accept nothing more; open connections stay."""
        for server in self._servers:
            server.close()
        self._servers.clear()

    async def sweep_admission(self) -> None:
        """End strangers that are over time; never ends."""
        while True:
            await asyncio.sleep(_ADMISSION_SWEEP_S)
            self._front.sweep()


async def guard(work: Coroutine[Any, Any, None]) -> None:
    """Do the work for one connection; what goes wrong in it is logged and reaches no other."""
    try:
        await work
    except Exception:  # a listener outlives whatever a peer makes go wrong
        log.exception("work for a connection failed")


def start_guarded(tasks: asyncio.TaskGroup, work: Coroutine[Any, Any, None], name: str) -> None:
    """Begin work beside others; while the group shuts down, as when the bus comes back just then, nothing is begun."""
    guarded = guard(work)
    try:
        tasks.create_task(guarded, name=name)
    except RuntimeError:  # of a group that is shutting down
        guarded.close()
        work.close()


async def sweep_every_second(*sweeps: Callable[[], None]) -> None:
    """Call each sweep once a second; one that fails is logged and called again."""
    while True:
        await asyncio.sleep(_SWEEP_S)
        for sweep in sweeps:
            try:
                sweep()
            except Exception:  # the clockwork must go on whatever one session makes go wrong
                log.exception("a sweep failed")
