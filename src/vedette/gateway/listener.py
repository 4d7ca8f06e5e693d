"""The device port: TLS in front, MQTT behind, and the clockwork that ends what is over time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

from vedette.gateway.tls import TlsFront

log = logging.getLogger(__name__)

_ADMISSION_SWEEP_S: Final = 0.25
_SWEEP_S: Final = 1.0


class Listener:
    """Sockets on the device port.

    Args:
        front: Makes a TLS stage per connection.
        bind: Addresses.
        port: TCP port; 0 takes a free one.
        shares_port: Whether other processes listen on the same port.
    """

    def __init__(self, front: TlsFront, bind: tuple[str, ...], port: int, *, shares_port: bool) -> None:
        self._front = front
        self._bind = bind
        self._port = port
        self._shares_port = shares_port
        self._servers: list[asyncio.Server] = []
        self.port = port

    async def open(self) -> None:
        """Listen on every address.

        Raises:
            OSError: The port is taken or not allowed.
        """
        loop = asyncio.get_running_loop()
        for address in self._bind:
            server = await loop.create_server(
                self._front,
                address,
                self.port,
                backlog=self._front.settings.backlog,
                reuse_port=self._shares_port or None,
            )
            self.port = server.sockets[0].getsockname()[1]
            self._servers.append(server)
        log.info("listening for devices", extra={"port": self.port})

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


async def sweep_every_second(*sweeps: Callable[[], None]) -> None:
    """Call each sweep once a second; one that fails is logged and called again."""
    while True:
        await asyncio.sleep(_SWEEP_S)
        for sweep in sweeps:
            try:
                sweep()
            except Exception:  # the clockwork must go on whatever one session makes go wrong
                log.exception("a sweep failed")
