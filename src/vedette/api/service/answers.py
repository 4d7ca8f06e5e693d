"""Answers as the hub's service API writes them: JSON, entity tags, and errors of its own shape."""

from __future__ import annotations

import base64
import hashlib
import http
import logging
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from starlette.responses import Response

from vedette.kernel import Clock, IdSource, Problem, to_rfc3339
from vedette.messaging import HubProblem

log = logging.getLogger(__name__)

ERROR_HEADER: Final = "iothub-errorcode"
JSON: Final = "application/json; charset=utf-8"
_TWIN_TAG_BYTES: Final = 8
_IDENTITY_TAG_BYTES: Final = 12
_MESSAGE_MAX_CHARS: Final = 2_000
_sorted: Final = msgspec.json.Encoder(order="sorted")
_RETRY_AFTER_S: Final = {429: "10", 503: "2"}
_SERVER_ERROR: Final = 500

_NAMES: Final[Mapping[str, tuple[int, str]]] = {
    "registry.device_not_found": (404, "DeviceNotFound"),
    "registry.identity_not_found": (404, "DeviceNotFound"),
    "registry.module_not_found": (404, "ModuleNotFound"),
    "registry.device_exists": (409, "DeviceAlreadyExists"),
    "registry.module_exists": (409, "ModuleAlreadyExistsOnDevice"),
    "registry.too_many_modules": (403, "TooManyModulesOnDevice"),
    "registry.revision_mismatch": (412, "PreconditionFailed"),
    "messaging.feedback_lock_lost": (412, "DeviceMessageLockLost"),
    "messaging.device_not_online": (404, "DeviceNotOnline"),
    "messaging.device_connection_closed": (404, "DeviceConnectionClosedRemotely"),
    "messaging.identity_not_found": (404, "DeviceNotFound"),
    "messaging.method_timed_out": (504, "GatewayTimeout"),
    "pki.symmetric_keys_off": (400, "ArgumentInvalid"),
    "api.not_found": (404, "NotFound"),
}
_BY_STATUS: Final[Mapping[int, tuple[int, str]]] = {
    400: (400, "ArgumentInvalid"),
    401: (401, "IotHubUnauthorized"),
    403: (403, "OperationNotAllowedInCurrentState"),
    404: (404, "NotFound"),
    405: (405, "InvalidOperation"),
    408: (408, "RequestTimedOut"),
    409: (409, "OperationNotAllowedInCurrentState"),
    412: (412, "PreconditionFailed"),
    413: (413, "MessageTooLarge"),
    422: (400, "ArgumentInvalid"),
    429: (429, "ThrottlingException"),
    501: (501, "NotSupported"),
    502: (502, "BadGateway"),
    503: (503, "ServiceUnavailable"),
    504: (504, "GatewayTimeout"),
    507: (503, "ServiceUnavailable"),
}


def error_of(problem: Problem) -> tuple[int, str]:
    """Return a problem's HTTP status, and the name that the hub's clients know it by."""
    return _NAMES.get(problem.code) or _BY_STATUS.get(problem.status) or (_SERVER_ERROR, "ServerError")


def message_of(problem: Problem) -> str:
    """Return what is said of a problem, on one line: the hub's number for it where it has one."""
    number = f" [{problem.contract_code}]" if isinstance(problem, HubProblem) else ""
    text = f"{problem.detail}{number}" + (f" ({problem.hint})" if problem.hint else "")
    return " ".join(text.split())[:_MESSAGE_MAX_CHARS]


def error_answer(problem: Problem, *, clock: Clock, ids: IdSource) -> Response:
    """Return the answer to a call that was refused or failed."""
    status, name = error_of(problem)
    tracking_id = ids.new("trk")
    if status >= _SERVER_ERROR:
        log.warning("service call failed", extra={"cause": problem.code, "tracking_id": tracking_id})
    body = {
        "Message": f"ErrorCode:{name};{message_of(problem)}",
        "ExceptionMessage": f"Tracking ID:{tracking_id}-TimeStamp:{to_rfc3339(clock.now())}",
    }
    headers = {ERROR_HEADER: name}
    if status == http.HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "SharedAccessSignature"
    if retry := _RETRY_AFTER_S.get(status):
        headers["Retry-After"] = retry
    return Response(msgspec.json.encode(body), status, headers=headers, media_type=JSON)


def json_answer(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:  # Any: JSON
    """Return a document, with its entity tag where it has one."""
    sent = dict(headers or {})
    if isinstance(document, dict) and isinstance(document.get("etag"), str):
        sent["ETag"] = f'"{document["etag"]}"'
    return Response(msgspec.json.encode(document), status, headers=sent, media_type=JSON)


def empty_answer() -> Response:
    """Return that it is done and there is nothing to say."""
    return Response(status_code=204)


def identity_tag(document: Mapping[str, Any]) -> str:
    """Return the tag of a device or module: of its registration alone, so that tags of its twin do not change it.

    Args:
        document: The identity, or its twin, as the hub writes it.
    """
    authentication = document.get("authentication", document)
    thumbprints = authentication["x509Thumbprint"]
    parts = (
        document["generationId"],
        document["status"],
        document.get("statusReason") or "",
        document.get("managedBy") or "",
        authentication.get("type") or authentication["authenticationType"],
        (thumbprints["primaryThumbprint"] or "").lower(),
        (thumbprints["secondaryThumbprint"] or "").lower(),
    )
    return _tag_of(parts, _IDENTITY_TAG_BYTES)


def twin_tag(generation_id: str, tags: Mapping[str, Any], desired_version: int) -> str:
    """Return the tag of a twin: of what a caller can write there, not of what its device does."""
    return _tag_of((generation_id, tags, desired_version), _TWIN_TAG_BYTES)


def read_tag(tag: str | None) -> str | None:
    """Return an entity tag without quotes; ``None`` where any will do."""
    text = "" if tag is None else tag.strip().removeprefix("W/").strip('"')
    return None if text in {"", "*"} else text


def _tag_of(parts: tuple[object, ...], size: int) -> str:
    return base64.b64encode(hashlib.sha256(_sorted.encode(parts)).digest()[:size]).decode()
