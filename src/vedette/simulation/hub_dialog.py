"""A device's side of the hub: twin, direct methods, commands and certificate requests over one connection."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from typing import Any, Final, Protocol

import msgspec

from vedette.protocols import mqtt
from vedette.simulation.connection import DEADLINE_S, DeviceConnection

_METHOD: Final = "$iothub/methods/POST/"
_TWIN_RESPONSE: Final = "$iothub/twin/res/"
_DESIRED: Final = "$iothub/twin/PATCH/properties/desired/"
_CREDENTIAL_RESPONSE: Final = "$iothub/credentials/res/"
_ACCEPTED: Final = 202
_ERROR: Final = 300


class HubRefused(Exception):  # noqa: N818 - what happened
    """The hub answered a request with an error."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"{status}: {body.decode(errors='replace')[:200]}")
        self.status = status


class Behaviour(Protocol):
    """What a device does with what the hub sends."""

    def desired(self, patch: Mapping[str, Any]) -> Mapping[str, Any]:  # Any: JSON
        """Act on desired properties; returns what to report of it, possibly nothing."""
        ...

    def method(self, name: str, payload: Any) -> tuple[int, Any]:  # Any: JSON
        """Carry out a direct method; returns the device's status and answer."""
        ...

    def command(self, body: bytes, bag: str, *, is_again: bool) -> None:
        """Take a command; ``is_again``: the hub has tried to deliver it before."""
        ...


class HubDialog:
    """Routes what comes over a connection; ``run`` beside the connection's own ``run``.

    Args:
        connection: Open.
        name: ``device`` or ``device/module``.
        behaviour: What the device does.
    """

    def __init__(self, connection: DeviceConnection, name: str, behaviour: Behaviour) -> None:
        self._connection = connection
        self._behaviour = behaviour
        device_id, _, module_id = name.partition("/")
        own = (
            f"devices/{device_id}/modules/{module_id}/#" if module_id else f"devices/{device_id}/messages/devicebound/#"
        )
        self._commands = own.removesuffix("#")
        self._filters = (own, f"{_METHOD}#", f"{_TWIN_RESPONSE}#", f"{_DESIRED}#", f"{_CREDENTIAL_RESPONSE}#")
        self._waiting: dict[str, asyncio.Future[tuple[int, bytes]]] = {}
        self._numbers = itertools.count(1)

    async def subscribe(self) -> None:
        """Ask for everything the hub may send.

        Raises:
            Cut: The connection ended first.
        """
        await self._connection.subscribe(*self._filters)

    async def run(self) -> None:
        """Take what the hub sends, until cancelled."""
        while True:
            message = await self._connection.next_message(None)
            await self._take(message)

    async def twin(self) -> dict[str, Any]:  # Any: JSON
        """Read the own twin.

        Raises:
            HubRefused: The hub said no.
            Cut: The connection ended first.
        """
        _, body = await self._ask("$iothub/twin/GET/", b" ")
        twin: dict[str, Any] = msgspec.json.decode(body)
        return twin

    async def report(self, patch: Mapping[str, Any]) -> None:  # Any: JSON
        """Report properties.

        Raises:
            HubRefused: The hub said no.
            Cut: The connection ended first.
        """
        await self._ask("$iothub/twin/PATCH/properties/reported/", msgspec.json.encode(patch))

    async def renew(self, body: bytes) -> list[str]:
        """Ask for a new certificate; returns the chain, base64 of DER, leaf first.

        Raises:
            HubRefused: The hub said no.
            Cut: The connection ended first.
        """
        _, answer = await self._ask("$iothub/credentials/POST/issueCertificate/", body)
        chain: list[str] = msgspec.json.decode(answer)["certificates"]
        return chain

    async def _ask(self, topic: str, payload: bytes) -> tuple[int, bytes]:
        request_id = f"ask-{next(self._numbers)}"
        future: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = future
        try:
            await self._connection.publish(f"{topic}?$rid={request_id}", payload)
            async with asyncio.timeout(DEADLINE_S):
                status, body = await future
        finally:
            del self._waiting[request_id]
        if status >= _ERROR:
            raise HubRefused(status, body)
        return status, body

    async def _take(self, message: mqtt.Publish) -> None:
        topic = message.topic
        if topic.startswith((_TWIN_RESPONSE, _CREDENTIAL_RESPONSE)):
            self._answered(topic, message.payload)
        elif topic.startswith(_METHOD):
            await self._called(topic, message.payload)
        elif topic.startswith(_DESIRED):
            patch = msgspec.json.decode(message.payload)
            told = self._behaviour.desired({key: value for key, value in patch.items() if not key.startswith("$")})
            if told:
                # Not awaited: the answer comes through this very task.
                request = f"$iothub/twin/PATCH/properties/reported/?$rid=told-{next(self._numbers)}"
                await self._connection.send(request, msgspec.json.encode(told))
        elif topic.startswith(self._commands):
            self._behaviour.command(message.payload, topic[len(self._commands) :], is_again=message.dup)

    def _answered(self, topic: str, payload: bytes) -> None:
        path, _, query = topic.partition("?")
        request_id = query.removeprefix("$rid=").partition("&")[0]
        status = int(path.split("/")[3])
        future = self._waiting.get(request_id)
        if future is not None and not future.done() and status != _ACCEPTED:
            future.set_result((status, payload))

    async def _called(self, topic: str, payload: bytes) -> None:
        path, _, query = topic.partition("/?")
        name = path[len(_METHOD) :]
        status, answer = self._behaviour.method(name, msgspec.json.decode(payload or b"null"))
        await self._connection.send(f"$iothub/methods/res/{status}/?{query}", msgspec.json.encode(answer))
