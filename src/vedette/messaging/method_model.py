"""Direct methods: what a call may hold, and what comes back. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import msgspec

from vedette.messaging.errors import InvalidMethodAnswer, InvalidMethodCall, MethodPayloadTooLarge
from vedette.messaging.settings import MethodSettings

RESPONSE_TIMEOUT_S: Final = 30
CONNECT_TIMEOUT_S: Final = 0
_RESPONSE_TIMEOUTS: Final = range(5, 301)
_CONNECT_TIMEOUTS: Final = range(301)
NULL: Final = b"null"
# A name becomes one level of a topic: protocols escape the rest, but no client expects these.
_UNSPEAKABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff/#+]")
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True, slots=True)
class MethodResult:
    """What a device answered.

    Attributes:
        status: The device's own.
        payload: JSON; ``null`` if the device sent none.
    """

    status: int
    payload: bytes


def check_call(
    method: str, payload: bytes, *, response_timeout_s: int, connect_timeout_s: int, settings: MethodSettings
) -> bytes:
    """Check a call and return its payload as the device gets it; an empty one is ``null``.

    Raises:
        InvalidMethodCall: The name, a timeout or the JSON is outside the limits.
        MethodPayloadTooLarge: The payload is over the limit.
    """
    if not 1 <= len(method) <= settings.name_chars or _UNSPEAKABLE.search(method):
        raise InvalidMethodCall(
            f"{method[:100]!r} cannot name a method",
            hint=f"1 to {settings.name_chars} characters, without control characters and / # +",
        )
    if response_timeout_s not in _RESPONSE_TIMEOUTS:
        raise InvalidMethodCall(f"the response timeout is 5 to 300 s, not {response_timeout_s}")
    if connect_timeout_s not in _CONNECT_TIMEOUTS:
        raise InvalidMethodCall(f"the connect timeout is 0 to 300 s, not {connect_timeout_s}")
    if len(payload) > settings.payload_bytes:
        raise MethodPayloadTooLarge(
            f"a payload of {len(payload)} bytes is over the limit of {settings.payload_bytes}",
            limit=settings.payload_bytes,
        )
    if not payload:
        return NULL
    if not is_json(payload):
        raise InvalidMethodCall("the payload is not JSON", hint='text needs quotes: "on"')
    return payload


def check_answer(status: int, payload: bytes, settings: MethodSettings) -> MethodResult:
    """Check what a device answered.

    Raises:
        InvalidMethodAnswer: It is no JSON, or over the limit.
    """
    if len(payload) > settings.payload_bytes:
        raise InvalidMethodAnswer(
            f"the device answered with {len(payload)} bytes, {settings.payload_bytes} are allowed",
            limit=settings.payload_bytes,
        )
    if not payload:
        return MethodResult(status, NULL)
    if not is_json(payload):
        raise InvalidMethodAnswer(
            f"the device answered status {status} with something that is not JSON",
            hint="have the device's program encode its answer as JSON: text needs quotes",
        )
    return MethodResult(status, payload)


def is_json(payload: bytes) -> bool:
    """Tell whether bytes are one JSON value in UTF-8."""
    try:
        payload.decode()
        msgspec.json.decode(payload)
    except _UNREADABLE:
        return False
    return True
