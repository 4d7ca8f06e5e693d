"""The hub's topics: what a device may publish and subscribe to, and what the hub publishes to it.

Everything is literal comparison with strings made once per identity; there is no wildcard engine, since ids may contain
characters that MQTT gives a meaning.
"""

from __future__ import annotations

import enum
import re
from typing import Final
from urllib.parse import quote

import msgspec

from vedette.protocols.errors import LocalProtocolError

MAX_REQUEST_ID_CHARS: Final = 256

_TWIN_GET: Final = "$iothub/twin/GET/?"
_TWIN_PATCH_REPORTED: Final = "$iothub/twin/PATCH/properties/reported/?"
_METHOD_RESPONSE: Final = "$iothub/methods/res/"
_ISSUE_CERTIFICATE: Final = "$iothub/credentials/POST/issueCertificate/?"

_RID_KEY: Final = "$rid="
_METHOD_STATUS: Final = re.compile(r"-?[0-9]{1,9}")
_CREDENTIAL_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9-]{4,36}")
_HTTP_STATUS: Final = range(100, 600)


class Telemetry(msgspec.Struct, frozen=True, gc=False):
    """A device-to-cloud message; ``bag`` is its property bag, unparsed."""

    bag: str


class TwinGet(msgspec.Struct, frozen=True, gc=False):
    """The device asks for its twin."""

    request_id: str


class TwinPatchReported(msgspec.Struct, frozen=True, gc=False):
    """The device reports properties: a JSON merge patch."""

    request_id: str


class MethodResponse(msgspec.Struct, frozen=True, gc=False):
    """The device answers a direct method with a status of its own."""

    status: int
    request_id: str


class IssueCertificate(msgspec.Struct, frozen=True, gc=False):
    """The device asks for a new certificate."""

    request_id: str


class Foreign(msgspec.Struct, frozen=True, gc=False):
    """A topic that is not this identity's to use: the connection is to be closed."""

    reason: str


DeviceMessage = Telemetry | TwinGet | TwinPatchReported | MethodResponse | IssueCertificate | Foreign

_FOREIGN_TOPIC: Final = Foreign("topic is none of this identity's")
_NO_REQUEST_ID: Final = Foreign(f"topic has no $rid of 1 to {MAX_REQUEST_ID_CHARS} characters")
_BAD_STATUS: Final = Foreign("method response has no integer status")
_BAD_CREDENTIAL_REQUEST_ID: Final = Foreign("certificate request id is not 4 to 36 letters, digits or dashes")


class Subscription(enum.Enum):
    """What a device can subscribe to."""

    DEVICEBOUND = "devicebound"
    MODULE_INPUTS = "module_inputs"
    METHODS = "methods"
    TWIN_RESPONSES = "twin_responses"
    DESIRED_PROPERTIES = "desired_properties"
    CREDENTIAL_RESPONSES = "credential_responses"


_COMMON_FILTERS: Final = {
    "$iothub/methods/POST/#": Subscription.METHODS,
    "$iothub/twin/res/#": Subscription.TWIN_RESPONSES,
    "$iothub/twin/PATCH/properties/desired/#": Subscription.DESIRED_PROPERTIES,
    "$iothub/credentials/res/#": Subscription.CREDENTIAL_RESPONSES,
}


class IdentityTopics:
    """The topics of one identity, made once per session."""

    __slots__ = ("_filters", "_telemetry", "_telemetry_level", "_telemetry_level_chars", "telemetry_topic")

    def __init__(self, device_id: str, module_id: str | None = None) -> None:
        base = f"devices/{device_id}" if module_id is None else f"devices/{device_id}/modules/{module_id}"
        self.telemetry_topic: Final = f"{base}/messages/events"
        self._telemetry_level = self.telemetry_topic + "/"
        self._telemetry_level_chars = len(self._telemetry_level)
        if module_id is None:
            self._filters = {f"{base}/messages/devicebound/#": Subscription.DEVICEBOUND}
        else:
            self._filters = {
                f"{base}/inputs/#": Subscription.MODULE_INPUTS,
                f"{base}/#": Subscription.MODULE_INPUTS,
            }

    def parse(self, topic: str) -> DeviceMessage:
        """Say what a PUBLISH from this identity means.

        The last level of a telemetry topic may be missing, empty or a property bag; exactly one stray ``/`` behind the
        bag is dropped, because the Node SDK appends one to module outputs.
        """
        if topic.startswith(self._telemetry_level):
            bag = topic[self._telemetry_level_chars :]
            return Telemetry(bag.removesuffix("/"))
        if topic.startswith("$iothub/"):
            return _parse_hub_topic(topic)
        return Telemetry("") if topic == self.telemetry_topic else _FOREIGN_TOPIC

    def parse_filter(self, topic_filter: str) -> Subscription | None:
        """Say what a topic filter subscribes to; ``None`` is not this identity's: the connection is to be closed."""
        return self._filters.get(topic_filter) or _COMMON_FILTERS.get(topic_filter)


def _parse_hub_topic(topic: str) -> DeviceMessage:
    if topic.startswith(_TWIN_PATCH_REPORTED):
        request_id = _request_id(topic[len(_TWIN_PATCH_REPORTED) :])
        return TwinPatchReported(request_id) if request_id else _NO_REQUEST_ID
    if topic.startswith(_TWIN_GET):
        request_id = _request_id(topic[len(_TWIN_GET) :])
        return TwinGet(request_id) if request_id else _NO_REQUEST_ID
    if topic.startswith(_METHOD_RESPONSE):
        return _parse_method_response(topic[len(_METHOD_RESPONSE) :])
    if topic.startswith(_ISSUE_CERTIFICATE):
        request_id = _request_id(topic[len(_ISSUE_CERTIFICATE) :])
        if not _CREDENTIAL_REQUEST_ID.fullmatch(request_id):
            return _BAD_CREDENTIAL_REQUEST_ID
        return IssueCertificate(request_id)
    return _FOREIGN_TOPIC


def _parse_method_response(rest: str) -> DeviceMessage:
    status, separator, query = rest.partition("/?")
    if not separator or not _METHOD_STATUS.fullmatch(status):
        return _BAD_STATUS
    request_id = _request_id(query)
    return MethodResponse(int(status), request_id) if request_id else _NO_REQUEST_ID


def _request_id(query: str) -> str:
    """Return ``$rid`` exactly as sent, or nothing if it is absent or too long."""
    if not query.startswith(_RID_KEY):
        _, _, query = query.partition("&" + _RID_KEY)
        value = query.partition("&")[0]
    else:
        value = query[len(_RID_KEY) :].partition("&")[0]
    return value if len(value) <= MAX_REQUEST_ID_CHARS else ""


def devicebound_topic(device_id: str, bag: str) -> str:
    """Build the topic of a cloud-to-device message; ``bag`` is what ``build_bag`` returns."""
    return f"devices/{device_id}/messages/devicebound/{bag}"


def input_topic(device_id: str, module_id: str, input_name: str, bag: str) -> str:
    """Build the topic of a message to a module's input; the name is percent-encoded."""
    return f"devices/{device_id}/modules/{module_id}/inputs/{_level(input_name)}/{bag}"


def method_request_topic(method_name: str, request_id: str) -> str:
    """Build the topic that calls a direct method; the name is percent-encoded."""
    return f"$iothub/methods/POST/{_level(method_name)}/?$rid={_checked_request_id(request_id)}"


def twin_response_topic(status: int, request_id: str, *, version: int | None = None) -> str:
    """Build the topic that answers a twin request; the request id is echoed as it came."""
    topic = f"$iothub/twin/res/{_checked_status(status)}/?$rid={_checked_request_id(request_id)}"
    return topic if version is None else f"{topic}&$version={version}"


def desired_properties_topic(version: int) -> str:
    """Build the topic of a desired-properties patch."""
    return f"$iothub/twin/PATCH/properties/desired/?$version={version}"


def credential_response_topic(status: int, request_id: str) -> str:
    """Build the topic that answers a certificate request."""
    return f"$iothub/credentials/res/{_checked_status(status)}/?$rid={_checked_request_id(request_id)}"


def _level(name: str) -> str:
    if not name:
        raise LocalProtocolError("a topic level for a name can't be empty")
    return quote(name, safe="")


def _checked_status(status: int) -> int:
    if status not in _HTTP_STATUS:
        raise LocalProtocolError(f"{status} is no status of an answer")
    return status


def _checked_request_id(request_id: str) -> str:
    if not 0 < len(request_id) <= MAX_REQUEST_ID_CHARS or "&" in request_id:
        raise LocalProtocolError("a request id is empty, too long or holds &")
    return request_id
