"""Who asks: an operator's token, or a session of the status page, which may look and not act."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta
from http.cookies import CookieError, SimpleCookie
from typing import Final, Literal

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from vedette.api import repository
from vedette.api.errors import ReadOnlySession, TooManyFailures, Unauthenticated
from vedette.api.problems import problem_response
from vedette.kernel import Clock, IdSource, OrganizationId, Problem
from vedette.ledger import Actor
from vedette.store import Store, Transaction

LINK_LIFETIME: Final = timedelta(hours=1)
_TOKEN_BYTES: Final = 32
_TOKEN_MAX_CHARS: Final = 256
_MINUTE_S: Final = 60.0
_SOURCES_MAX: Final = 4_096
_SAFE_METHODS: Final = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever made a request.

    Attributes:
        name: Stands in the ledger.
    """

    kind: Literal["token", "session"]
    name: str

    @property
    def actor(self) -> Actor:
        """As the ledger names it."""
        return Actor("operator", self.name)


class Sessions:
    """One-time links and the sessions they begin; only digests of tokens are stored."""

    def __init__(
        self, store: Store, organization_id: OrganizationId, *, clock: Clock, ids: IdSource, lifetime: timedelta
    ) -> None:
        self._store = store
        self._organization_id = organization_id
        self._clock = clock
        self._ids = ids
        self.lifetime = lifetime

    async def make_link(self) -> tuple[str, timedelta]:
        """Make a one-time token; return it and how long it is good for."""
        token = self._new_token()
        expires_at = self._clock.now() + LINK_LIFETIME
        await self._store.write(
            lambda tx: repository.insert_link(tx, self._organization_id, digest_of(token), expires_at)
        )
        return token, LINK_LIFETIME

    async def begin(self, link_token: str) -> str | None:
        """Use up a one-time token and begin a session; return the session's token, None for a bad link."""
        if not 0 < len(link_token) <= _TOKEN_MAX_CHARS:
            return None
        link = digest_of(link_token)
        if not await self._store.read(lambda connection: repository.find_link(connection, self._organization_id, link)):
            return None
        token = self._new_token()
        now = self._clock.now()

        def exchange(tx: Transaction) -> bool:
            if not repository.take_link(tx, self._organization_id, link, now):
                return False
            repository.insert_session(tx, self._organization_id, digest_of(token), now, now + self.lifetime)
            return True

        return token if await self._store.write(exchange) else None

    async def lasts(self, token: str) -> bool:
        """Answer whether a session's token is valid."""
        if not 0 < len(token) <= _TOKEN_MAX_CHARS:
            return False
        now = self._clock.now()
        return await self._store.read(
            lambda connection: repository.find_session(connection, self._organization_id, digest_of(token), now)
        )

    async def end(self, token: str) -> None:
        """End a session."""
        await self._store.write(lambda tx: repository.delete_session(tx, self._organization_id, digest_of(token)))

    def _new_token(self) -> str:
        return urlsafe_b64encode(self._ids.random_bytes(_TOKEN_BYTES)).rstrip(b"=").decode("ascii")


class Authenticator:
    """Judges the credentials of a request.

    Args:
        token_sha256: Of the operator's token.
        sessions: Of the status page.
        clock: For the limit on failures.
        failures_per_minute: Wrong credentials from one address answered as such; further ones hear to wait.
        is_tls: Whether cookies go over TLS only.
    """

    def __init__(
        self, token_sha256: bytes, sessions: Sessions, *, clock: Clock, failures_per_minute: int, is_tls: bool
    ) -> None:
        self._token_sha256 = token_sha256
        self.sessions = sessions
        self._clock = clock
        self._limit = failures_per_minute
        self._failures: OrderedDict[str, list[float]] = OrderedDict()
        self.is_tls = is_tls

    @property
    def cookie_name(self) -> str:
        """The name under which browsers keep the session."""
        return "__Host-vedette" if self.is_tls else "vedette"

    async def authenticate(self, scope: Scope) -> Principal:
        """Return who makes a request.

        Raises:
            Unauthenticated: There are no credentials, or wrong ones.
            TooManyFailures: Wrong ones, again and again.
            ReadOnlySession: A session tries to change something.
        """
        headers = Headers(scope=scope)
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme:
            if scheme.lower() == "bearer" and hmac.compare_digest(digest_of(token.strip()), self._token_sha256):
                return Principal("token", "operator-token")
            raise self._failure(scope)
        cookie = self.session_cookie(headers)
        if cookie:
            if not await self.sessions.lasts(cookie):
                raise self._failure(scope)
            if scope["method"] not in _SAFE_METHODS:
                raise ReadOnlySession(
                    "a session of the status page can only look", hint="use the vedette command, or a token"
                )
            return Principal("session", "status-page")
        raise Unauthenticated(
            "no credentials", hint="send Authorization: Bearer and the token of secrets/operator.token"
        )

    def session_cookie(self, headers: Headers) -> str:
        """Return the session's token that a browser sent, empty if none."""
        jar: SimpleCookie = SimpleCookie()
        try:
            jar.load(headers.get("cookie", "")[:4096])
        except CookieError:
            return ""
        return jar[self.cookie_name].value if self.cookie_name in jar else ""

    def _failure(self, scope: Scope) -> Problem:
        client = scope.get("client")
        source = str(client[0]) if client else "?"
        now_s = self._clock.monotonic_s()
        recent = [at for at in self._failures.pop(source, []) if now_s - at < _MINUTE_S]
        if len(recent) >= self._limit:
            self._failures[source] = recent
            return TooManyFailures("too many wrong tokens from this address", hint="wait a minute")
        self._failures[source] = [*recent, now_s]
        while len(self._failures) > _SOURCES_MAX:
            self._failures.popitem(last=False)
        return Unauthenticated("these credentials are not valid", hint="the token stands in secrets/operator.token")


class AuthenticatedRoutes:
    """Lets requests below a prefix pass only with valid credentials, whatever stands at the path."""

    def __init__(self, app: ASGIApp, *, authenticator: Authenticator, prefix: str = "/v1") -> None:
        self._app = app
        self._authenticator = authenticator
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http" and scope["path"].startswith(self._prefix):
            try:
                principal = await self._authenticator.authenticate(scope)
            except Problem as problem:
                await problem_response(problem)(scope, receive, send)
                return
            scope.setdefault("state", {})["principal"] = principal
        await self._app(scope, receive, send)


def digest_of(token: str) -> bytes:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
