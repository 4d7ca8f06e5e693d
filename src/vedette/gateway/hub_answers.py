"""Error bodies on the hub's topics: the Node SDK ignores a topic's status and looks for ``errorCode``."""

from __future__ import annotations

from typing import Final, TypedDict

import msgspec

from vedette.gateway.reception import Reception
from vedette.kernel import to_rfc3339

# The hub contract's error codes: HTTP status times 1000 and a number.
BAD_REQUEST: Final = 400004
UNAUTHORIZED: Final = 401002
DEVICE_NOT_FOUND: Final = 404001
MODULE_NOT_FOUND: Final = 404010
TOO_LARGE: Final = 413001
THROTTLED: Final = 429001
SERVER_ERROR: Final = 500001
UNAVAILABLE: Final = 503001


class _ErrorBody(TypedDict, total=False):
    errorCode: int
    trackingId: str
    message: str
    timestampUtc: str
    info: dict[str, str]
    retryAfter: int


def error_body(
    reception: Reception,
    error_code: int,
    message: str,
    *,
    information: dict[str, str] | None = None,
    retry_after_s: int | None = None,
) -> bytes:
    """Write the body of an answer that says no."""
    body: _ErrorBody = {
        "errorCode": error_code,
        "trackingId": reception.ids.new("op"),
        "message": message,
        "timestampUtc": to_rfc3339(reception.clock.now()),
    }
    if information is not None:
        body["info"] = information
    if retry_after_s is not None:
        body["retryAfter"] = retry_after_s
    return msgspec.json.encode(body)
