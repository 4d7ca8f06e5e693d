"""Error bodies on the hub's topics: the Node SDK ignores a topic's status and looks for ``errorCode``."""

from __future__ import annotations

from typing import Final, TypedDict

import msgspec

from vedette.gateway.reception import Reception
from vedette.kernel import to_rfc3339

NOT_OFFERED: Final = 501001


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


def not_offered(reception: Reception, what: str) -> bytes:
    """Say that this release does not serve something."""
    return error_body(reception, NOT_OFFERED, f"this platform does not serve {what} yet")
