"""The provisioning service's topics, both directions."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, unquote

import msgspec

from vedette.protocols.errors import LocalProtocolError, RemoteProtocolError

RESPONSE_FILTER: Final = "$dps/registrations/res/#"
MAX_REQUEST_ID_CHARS: Final = 256
MAX_OPERATION_ID_CHARS: Final = 128

_REGISTER: Final = "$dps/registrations/PUT/iotdps-register/?"
_POLL: Final = "$dps/registrations/GET/iotdps-get-operationstatus/?"
_RESPONSE: Final = "$dps/registrations/res/"
_MAX_PARAMETERS: Final = 8
_RESPONSE_STATUS: Final = re.compile(r"[1-5][0-9]{2}")
_SECONDS: Final = re.compile(r"[0-9]{1,6}")


class RegisterRequest(msgspec.Struct, frozen=True, gc=False):
    """The device asks to be registered; the payload is the request's body."""

    request_id: str


class PollRequest(msgspec.Struct, frozen=True, gc=False):
    """The device asks how its registration stands."""

    request_id: str
    operation_id: str


class ForeignRequest(msgspec.Struct, frozen=True, gc=False):
    """A topic the provisioning service does not serve: the connection is to be closed."""

    reason: str


ProvisioningRequest = RegisterRequest | PollRequest | ForeignRequest


class ResponseTopic(msgspec.Struct, frozen=True, gc=False):
    """What a response's topic tells the device."""

    status: int
    request_id: str
    retry_after_s: int | None = None


_UNKNOWN: Final = ForeignRequest("topic is not the provisioning service's")
_NO_REQUEST_ID: Final = ForeignRequest(f"topic has no $rid of 1 to {MAX_REQUEST_ID_CHARS} characters")
_NO_OPERATION_ID: Final = ForeignRequest(f"topic has no operationId of 1 to {MAX_OPERATION_ID_CHARS} characters")


def parse_request_topic(topic: str) -> ProvisioningRequest:
    """Say what a PUBLISH to the provisioning service means; the request id stays exactly as sent."""
    is_poll = topic.startswith(_POLL)
    if not is_poll and not topic.startswith(_REGISTER):
        return _UNKNOWN
    parameters = _parameters(topic.partition("?")[2])
    request_id = parameters.get("$rid", "")
    if not 0 < len(request_id) <= MAX_REQUEST_ID_CHARS:
        return _NO_REQUEST_ID
    if not is_poll:
        return RegisterRequest(request_id)
    operation_id = unquote(parameters.get("operationId", ""))
    if not 0 < len(operation_id) <= MAX_OPERATION_ID_CHARS:
        return _NO_OPERATION_ID
    return PollRequest(request_id, operation_id)


def response_topic(status: int, request_id: str, *, retry_after_s: int | None = None) -> str:
    """Build the topic of an answer; the request id is echoed as it came.

    Raises:
        LocalProtocolError: A status outside 100 to 599, or a request id that would end early.
    """
    if not _RESPONSE_STATUS.fullmatch(str(status)):
        raise LocalProtocolError(f"{status} is no status of an answer")
    if not 0 < len(request_id) <= MAX_REQUEST_ID_CHARS or "&" in request_id:
        raise LocalProtocolError("a request id is empty, too long or holds &")
    topic = f"{_RESPONSE}{status}/?$rid={request_id}"
    return topic if retry_after_s is None else f"{topic}&retry-after={retry_after_s}"


def register_topic(request_id: str) -> str:
    """Build the topic a device registers on."""
    return f"{_REGISTER}$rid={quote(request_id, safe='')}"


def poll_topic(request_id: str, operation_id: str) -> str:
    """Build the topic a device polls on."""
    return f"{_POLL}$rid={quote(request_id, safe='')}&operationId={quote(operation_id, safe='')}"


def parse_response_topic(topic: str) -> ResponseTopic:
    """Parse the topic of an answer, for a device.

    Raises:
        RemoteProtocolError: It is not one.
    """
    status, separator, query = topic.removeprefix(_RESPONSE).partition("/?")
    parameters = _parameters(query)
    retry_after = parameters.get("retry-after")
    if (
        not topic.startswith(_RESPONSE)
        or not separator
        or not _RESPONSE_STATUS.fullmatch(status)
        or not parameters.get("$rid")
        or (retry_after is not None and not _SECONDS.fullmatch(retry_after))
    ):
        raise RemoteProtocolError("topic is not a provisioning response")
    return ResponseTopic(int(status), parameters["$rid"], None if retry_after is None else int(retry_after))


def _parameters(query: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in query.split("&", _MAX_PARAMETERS)[:_MAX_PARAMETERS])
    return {key: value for key, _, value in pairs}
