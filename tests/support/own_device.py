"""A device that says what a test has it say, over a connection that lasts as long as a ``with``."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from cryptography.hazmat.primitives import hashes
from journey import Platform
from mqtt_device import SERVER_UNAVAILABLE

from vedette.kernel import SystemClock
from vedette.simulation import Cut, DeviceConnection, Endpoint, Factory, Refused

_PATIENCE_S = 60.0
_TRIED_S = 20.0
_TICK_S = 0.02


class OwnDevice:
    """Registered with a certificate of its own making, and connected.

    Args:
        client: What it calls itself.
        more: Of its registration, such as ``site`` or ``tags``.
    """

    def __init__(self, platform: Platform, folder: Path, name: str, *, client: str = "test", **more: Any) -> None:
        self.name = name
        identity = Factory("Own Works", SystemClock()).make_device(name)
        self._certificate, self._key = identity.write(folder, "own")
        thumbprint = identity.chain[0].fingerprint(hashes.SHA256()).hex()
        authentication = {"type": "self_signed", "primary_thumbprint": thumbprint}
        platform.call("POST", "/v1/devices", {"device_id": name, "authentication": authentication, **more})
        self._endpoint = Endpoint(platform.address, 8883, platform.data / "public" / "root.pem")
        self._user = f"{platform.address}/{name}/?api-version=2021-04-12&DeviceClientType={quote(client, safe='')}"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"device {name}", daemon=True)
        self._reading: asyncio.Task[None] | None = None
        self._stream: asyncio.Task[None] | None = None
        self._connection: DeviceConnection | None = None
        self.sent = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._connect())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._do(self._leave())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def send(self, body: bytes | dict[str, Any]) -> None:
        """Send one message; it is stored when this returns."""
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        self._do(self._online.publish(self._topic, payload))

    def stream(self, per_second: int) -> None:
        """Send numbers from now on, so many a second, until it leaves."""

        async def send() -> None:
            began, loop = self._loop.time(), self._loop
            while True:
                while self.sent < (loop.time() - began) * per_second:
                    self.sent += 1
                    body = {"value": self.sent % 100, "level": self.sent % 7, "count": self.sent}
                    await self._online.send(self._topic, json.dumps(body).encode())
                await asyncio.sleep(_TICK_S)

        async def start() -> None:
            self._stream = asyncio.create_task(send())

        self._do(start())

    @property
    def _online(self) -> DeviceConnection:
        assert self._connection is not None
        return self._connection

    @property
    def _topic(self) -> str:
        return f"devices/{self.name}/messages/events/%24.ct=application%2Fjson&%24.ce=utf-8"

    async def _connect(self) -> None:
        context = self._endpoint.context(self._certificate, self._key)
        # Whoever is disabled is told to come again as well: it is not tried for ever.
        end_s = self._loop.time() + _TRIED_S
        while self._connection is None:
            try:
                self._connection = await DeviceConnection.open(
                    self._endpoint, context, client_id=self.name, user_name=self._user
                )
            except Refused as refused:
                if refused.return_code != SERVER_UNAVAILABLE or self._loop.time() > end_s:
                    raise
                await asyncio.sleep(0.1)
        self._reading = asyncio.create_task(self._read(self._connection))

    async def _read(self, connection: DeviceConnection) -> None:
        with contextlib.suppress(Cut):
            await connection.run()

    async def _leave(self) -> None:
        for task in (self._stream, self._reading):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Cut):
                    await task
        if self._connection is not None:
            await self._connection.close()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE_S)
