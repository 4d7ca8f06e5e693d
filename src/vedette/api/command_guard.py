"""Commands are checked against what devices may be told, whichever door they come by."""

from __future__ import annotations

import base64
import json
from typing import Any, Final

import msgspec

from vedette.api.operation_actions import Operation
from vedette.kernel import OrganizationId
from vedette.operators import CommandKind, CommandSchemaService
from vedette.registry import PlaceService

_NO_PAYLOAD: Final = b"null"


class _MethodBody(msgspec.Struct):
    """What is read of a call."""

    payload: msgspec.Raw = msgspec.Raw(_NO_PAYLOAD)


class CommandGuard:
    """Asks the listed commands of one organization."""

    def __init__(self, organization_id: OrganizationId, schemas: CommandSchemaService, places: PlaceService) -> None:
        self._organization_id = organization_id
        self._schemas = schemas
        self._places = places

    async def check(self, device_id: str, kind: CommandKind, command: str, payload: bytes) -> None:
        """Check what a device is to be told.

        Raises:
            CommandNotListed: It takes listed commands only, and this is none.
        """
        if not await self._schemas.has_any(self._organization_id, kind):
            return
        place = await self._places.find(self._organization_id, device_id)
        await self._schemas.check(self._organization_id, place, kind, command, payload)

    async def check_request(self, operation: Operation, device_id: str, name: str, body: bytes) -> None:
        """Check an operation of the API before it is carried out; what is malformed is refused by its route.

        Raises:
            CommandNotListed: As ``check``.
        """
        if operation.carries == "method":
            await self.check(device_id, "method", name, _payload_of(body))
        elif operation.carries == "command":
            await self.check(device_id, "command", "*", _message_of(body))


def _payload_of(body: bytes) -> bytes:
    """Return what a method is given, byte by byte; nothing if it is not plain which member counts."""
    if not body:
        return _NO_PAYLOAD
    try:
        return bytes(msgspec.json.decode(body, type=_MethodBody).payload) if _names_each_once(body) else b""
    except (msgspec.MsgspecError, RecursionError):
        return b""


def _message_of(body: bytes) -> bytes:
    try:
        found = msgspec.json.decode(body) if _names_each_once(body) else None
    except (msgspec.MsgspecError, RecursionError):
        return b""
    if not isinstance(found, dict) or not isinstance(found.get("body"), str):
        return b""
    text: str = found["body"]
    if found.get("encoding") != "base64":
        return text.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def _names_each_once(body: bytes) -> bool:
    is_once = True

    def look(members: list[tuple[str, Any]]) -> None:  # Any: JSON
        nonlocal is_once
        is_once = is_once and len(dict(members)) == len(members)

    try:
        json.loads(body, object_pairs_hook=look)
    except (ValueError, RecursionError):
        return False
    return is_once
