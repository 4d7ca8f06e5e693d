"""Forms that strangers post: parsed within limits, each member once."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from vedette.api.errors import InvalidBody

FORM: Final = "application/x-www-form-urlencoded"
FIELDS_MAX: Final = 16
VALUE_MAX_CHARS: Final = 16_384


def form_of(request: Request) -> dict[str, str]:
    """Return the members of the form that a request brings.

    Raises:
        InvalidBody: It is none, has too many members, one of them twice, or is no UTF-8.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != FORM:
        raise InvalidBody("the body is not a form", hint=f"send it as {FORM}")
    return parse_form(getattr(request.state, "body", b""))


def parse_form(body: bytes) -> dict[str, str]:
    """Parse a form.

    Raises:
        InvalidBody: As ``form_of``.
    """
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict")
    except (UnicodeDecodeError, ValueError) as error:
        raise InvalidBody("the body is not a form of at most 16 members") from error
    found = dict(pairs)
    if len(found) != len(pairs) or any(len(value) > VALUE_MAX_CHARS for value in found.values()):
        raise InvalidBody("a member of the form is there twice, or is too long")
    return found
