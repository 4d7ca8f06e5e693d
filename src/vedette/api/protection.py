"""What stands before every route: strict headers, our own hosts only, bounded bodies, well-formed JSON."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vedette.api.errors import BodyTooLarge, BodyTooSlow, InvalidBody, MisdirectedRequest, UnsupportedMediaType
from vedette.api.problems import problem_response
from vedette.kernel import Problem

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_BODY_WITHIN_S: Final = 30.0
# Where anybody may send something: to log in, or a security event token that speaks for itself.
_OPEN_PREFIXES: Final = ("/login/", "/ssf/events/")
# Where other systems' protocols say what a body is, and how one that is not so is refused: their routes see to it.
_JUDGED_BY_ROUTE: Final = ("/access/v1/", "/hooks/")
_OPEN_MAX_BYTES: Final = 16_384
_OPEN_BODY_WITHIN_S: Final = 5.0
# Where a body is a part of a file: of any form, and with a limit of its own.
_PART: Final = re.compile(r"/v1/captures/[^/]{1,64}/content")
PART_MAX_BYTES: Final = 1_048_576
PART_TYPE: Final = "application/octet-stream"
# What comes with these is not read: a route that has no such method says so.
_WITHOUT_BODY: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_HSTS: Final = "max-age=31536000"
_JSON: Final = re.compile(r"application/([!#$&^_.+a-z0-9-]{1,100}\+)?json", re.ASCII)
_NOT_JSON: Final = frozenset({"application/x-www-form-urlencoded", "multipart/form-data", "application/secevent+jwt"})


class StrictHeaders:
    """Puts the security headers on every response; nothing is stored by anybody unless a route says otherwise."""

    def __init__(self, app: ASGIApp, *, is_tls: bool) -> None:
        self._app = app
        self._headers = _HEADERS | ({"Strict-Transport-Security": _HSTS} if is_tls else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_strictly(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                own_policy = headers.get("content-security-policy")
                for name, value in self._headers.items():
                    headers[name] = value
                if own_policy is not None:  # a page of ours that runs scripts says which
                    headers["Content-Security-Policy"] = own_policy
                headers.setdefault("Cache-Control", "no-store")
                message["headers"] = headers.raw
            await send(message)

        await self._app(scope, receive, send_strictly)


class OwnHosts:
    """Refuses requests for any other host: a page elsewhere cannot reach us under a name of its own."""

    def __init__(self, app: ASGIApp, *, hostnames: Iterable[str]) -> None:
        self._app = app
        self._hostnames = frozenset(name.lower() for name in hostnames)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            if host_name(headers) not in self._hostnames:
                host = headers.get("host", "")
                problem = MisdirectedRequest(
                    f"{host[:100]!r} is not a name of this server", hint="add it to api.alternative_hostnames"
                )
                await problem_response(problem)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def host_name(headers: Headers) -> str:
    """Return the host name that a request was made to, without port, in small letters."""
    host = headers.get("host", "")
    name = host.rpartition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
    return name.lower().rstrip(".")


class BoundedBody:
    """Reads the whole body up to a limit, and refuses JSON that is not well-formed.

    Well-formed means RFC 8259 and storable: no NaN, no lone surrogate, no absurd depth. Where anybody may log in,
    little is read and not for long; elsewhere outside the prefix bodies are not read at all.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int, prefix: str | tuple[str, ...]) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["method"] in _WITHOUT_BODY:
            await self._app(scope, receive, send)
            return
        try:
            body = await self._read_of(scope, receive)
        except Problem as problem:
            await problem_response(problem, headers={"Connection": "close"})(scope, receive, send)
            return
        if body is None:
            return
        is_told = False

        async def replay() -> Message:
            nonlocal is_told
            if is_told:
                return await receive()
            is_told = True
            return {"type": "http.request", "body": body, "more_body": False}

        scope.setdefault("state", {})["body"] = body
        await self._app(scope, replay, send)

    async def _read_of(self, scope: Scope, receive: Receive) -> bytes | None:
        if _PART.fullmatch(scope["path"]):
            return await self._read_in_time(scope, receive, PART_MAX_BYTES, _BODY_WITHIN_S, form=PART_TYPE)
        if scope["path"].startswith(self._prefix):
            return await self._read_in_time(scope, receive, self._max_bytes, _BODY_WITHIN_S)
        if scope["path"].startswith(_OPEN_PREFIXES):
            return await self._read_in_time(scope, receive, _OPEN_MAX_BYTES, _OPEN_BODY_WITHIN_S)
        return b""

    async def _read_in_time(
        self, scope: Scope, receive: Receive, max_bytes: int, within_s: float, *, form: str = ""
    ) -> bytes | None:
        try:
            async with asyncio.timeout(within_s):
                return await self._read(scope, receive, max_bytes, form=form)
        except TimeoutError:
            raise BodyTooSlow(f"the body did not come within {within_s:.0f} s") from None

    async def _read(self, scope: Scope, receive: Receive, max_bytes: int, *, form: str) -> bytes | None:
        headers = Headers(scope=scope)
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length[:20]) > max_bytes:
            raise _too_large(max_bytes)
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            chunk: bytes = message.get("body", b"")
            size += len(chunk)
            if size > max_bytes:
                raise _too_large(max_bytes)
            chunks.append(chunk)
            if not message.get("more_body", False):
                break
        body = b"".join(chunks)
        if body and not scope["path"].startswith(_JUDGED_BY_ROUTE):
            media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
            is_right = media_type == form if form else _JSON.fullmatch(media_type)
            if scope["path"].startswith(self._prefix) and not is_right:
                raise UnsupportedMediaType(
                    f"the body comes as {media_type[:80]!r}" if media_type else "the body comes without its type",
                    hint=f"send {form or 'JSON'}, with Content-Type: {form or 'application/json'}",
                )
            if form:
                return body
            if media_type not in _NOT_JSON:
                check_json(body)
        return body


def check_json(body: bytes) -> None:
    """Check that a body is JSON that can be stored.

    Raises:
        InvalidBody: It is not.
    """
    try:
        text = body.decode("utf-8")
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidBody(f"the body is not JSON: {str(error)[:200]}") from error
    if "\\u0000" in text and _holds_nul(value):
        raise InvalidBody("the body holds a NUL character", hint="leave it out")


def _too_large(max_bytes: int) -> Problem:
    return BodyTooLarge(f"the body is over {max_bytes} bytes", hint="see api.max_body_bytes in the configuration")


def _holds_nul(value: object) -> bool:
    waiting: list[object] = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str) and "\0" in each:
            return True
        if isinstance(each, dict):
            waiting += [*each.keys(), *each.values()]
        elif isinstance(each, Sequence) and not isinstance(each, str):
            waiting += each
    return False
