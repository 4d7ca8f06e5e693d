"""``Idempotency-Key``: a POST that is repeated with its key is answered as the first time, and done once.

Source:
    draft-ietf-httpapi-idempotency-key-header-07.
"""

from __future__ import annotations

import hashlib
import logging
import re
from datetime import timedelta
from typing import Final

import msgspec
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vedette.api import repository
from vedette.api.errors import IdempotentRequestInProgress, InvalidIdempotencyKey
from vedette.api.problems import problem_response
from vedette.api.repository import AnswerKey, StoredAnswer
from vedette.kernel import Clock, OrganizationId, Problem
from vedette.store import Store, StoreUnavailable, Transaction

log = logging.getLogger(__name__)

KEPT_FOR: Final = timedelta(hours=24)
# A request that takes longer was cut off by a crash: its key may be used again.
ABANDONED_AFTER: Final = timedelta(minutes=2)
# A call waits up to five minutes for the device to come, and as long for its answer: it must not be made twice.
CALL_ABANDONED_AFTER: Final = timedelta(minutes=11)
BODY_MAX_BYTES: Final = 1_048_576
_KEY: Final = re.compile(r'"?[\x21\x23-\x7e]{1,200}"?')
_KEPT_HEADERS: Final = frozenset({b"content-type", b"etag", b"location"})
_SERVER_ERROR: Final = 500
# To do these twice is to do them once, and they must not fail because an answer cannot be kept.
_RESTRICTING: Final = re.compile(
    r"/v1/(devices/[^/]+/(disable|retire|revoke|lifecycle|certificates/[^/]+/revoke)"
    r"|devices/[^/]+/modules/[^/]+/disable|bulk/devices|access-lists|(enrollments|authorities)/[^/]+/disable"
    r"|pending-registrations/[^/]+/reject)"
)
_CALL: Final = re.compile(r"/v1/devices/[^/]+/(modules/[^/]+/)?methods/[^/]+")
# One-time secrets are not kept, nor are long answers to what changes nothing: they would fill the disk. What another
# system asks outside ``/v1`` about an access is told as it is now.
_NEVER_KEPT: Final = frozenset({"/v1/login-links", "/v1/query"})


class IdempotentPosts:
    """Keeps the answers of POSTs that carry a key, for a day."""

    def __init__(self, app: ASGIApp, *, store: Store, organization_id: OrganizationId, clock: Clock) -> None:
        self._app = app
        self._store = store
        self._organization_id = organization_id
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        key = Headers(scope=scope).get("idempotency-key") if scope["type"] == "http" else None
        principal = scope.get("state", {}).get("principal")
        if key is None or principal is None or scope["method"] != "POST" or not scope["path"].startswith("/v1/"):
            await self._app(scope, receive, send)
            return
        if not _KEY.fullmatch(key):
            problem = InvalidIdempotencyKey(
                "the Idempotency-Key is not 1 to 200 printable characters", hint="use a UUID"
            )
            await problem_response(problem)(scope, receive, send)
            return
        if scope["path"] in _NEVER_KEPT:
            await self._app(scope, receive, send)
            return
        kept_as = AnswerKey(self._organization_id, principal.actor.id, key)
        try:
            stored = await self._begin(kept_as, scope)
        except StoreUnavailable as problem:
            if _RESTRICTING.fullmatch(scope["path"]):
                log.warning("an answer is not kept", extra={"cause": problem.code})
                await self._app(scope, receive, send)
            else:
                await problem_response(problem)(scope, receive, send)
            return
        except Problem as problem:
            await problem_response(problem)(scope, receive, send)
            return
        if stored is not None:
            await _replay(stored)(scope, receive, send)
            return
        await self._keep(kept_as, scope, receive, send)

    async def _begin(self, key: AnswerKey, scope: Scope) -> StoredAnswer | None:
        """Return the answer that is kept, or None when this request is the first."""
        now = self._clock.now()
        digest = hashlib.sha256()
        for part in (scope["path"].encode("utf-8"), scope.get("query_string", b""), scope["state"].get("body", b"")):
            digest.update(len(part).to_bytes(8, "big") + part)
        request_sha256 = digest.digest()
        abandoned_after = CALL_ABANDONED_AFTER if _CALL.fullmatch(scope["path"]) else ABANDONED_AFTER

        def claim(tx: Transaction) -> StoredAnswer | None:
            found = repository.find_answer(tx.connection, key)
            if found is not None and found.began_at > now - KEPT_FOR:
                if found.request_sha256 != request_sha256:
                    raise InvalidIdempotencyKey(
                        "this Idempotency-Key was used for another request", hint="use a new key for a new request"
                    )
                if found.status is not None:
                    return found
                if found.began_at > now - abandoned_after:
                    raise IdempotentRequestInProgress("the same request is being worked on", hint="try again soon")
            repository.delete_old_answers(tx, self._organization_id, now - KEPT_FOR)
            repository.begin_answer(tx, key, request_sha256, now)
            return None

        return await self._store.write(claim)

    async def _keep(self, key: AnswerKey, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request, and keep its answer unless it failed on our side."""
        status = _SERVER_ERROR
        headers: list[tuple[bytes, bytes]] = []
        body = bytearray()

        async def listen(message: Message) -> None:
            nonlocal status, headers
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [each for each in message["headers"] if each[0].lower() in _KEPT_HEADERS]
            elif message["type"] == "http.response.body":
                body.extend(message.get("body", b"")[: BODY_MAX_BYTES + 1 - len(body)])
            await send(message)

        try:
            await self._app(scope, receive, listen)
        finally:
            # One-time secrets are not kept: who never got the answer asks for new ones.
            is_kept = not scope.get("state", {}).get("has_secret", False)
            try:
                await self._finish(key, status if is_kept else _SERVER_ERROR, headers, bytes(body))
            except StoreUnavailable as problem:  # it is answered already; the key is free again after a while
                log.warning("an answer is not kept", extra={"cause": problem.code})

    async def _finish(self, key: AnswerKey, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        if status >= _SERVER_ERROR or len(body) > BODY_MAX_BYTES:
            await self._store.write(lambda tx: repository.delete_answer(tx, key))
            return
        encoded = msgspec.json.encode([[name.decode("latin-1"), value.decode("latin-1")] for name, value in headers])
        await self._store.write(lambda tx: repository.save_answer(tx, key, status, encoded, body))


def _replay(stored: StoredAnswer) -> Response:
    headers = dict(msgspec.json.decode(stored.headers or b"[]", type=list[tuple[str, str]]))
    return Response(stored.body, stored.status or 200, headers={**headers, "Idempotent-Replayed": "true"})
