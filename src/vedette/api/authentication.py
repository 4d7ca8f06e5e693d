"""Who asks: the operator's token, or a browser that is logged in."""

from __future__ import annotations

import binascii
import hmac
from base64 import b64decode
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from vedette.api.errors import RecheckNeeded, TooManyFailures, Unauthenticated
from vedette.api.problems import problem_response
from vedette.api.same_origin import check_own_page, check_own_script, check_reading
from vedette.api.session_cookies import SessionCookies
from vedette.api.stream_guard import StreamGuard
from vedette.kernel import Clock, OrganizationId, Problem
from vedette.ledger import Actor
from vedette.operators import (
    CLI_PREFIX,
    Client,
    PersonId,
    Scopes,
    ServiceToken,
    ServiceTokenService,
    Session,
    SessionKind,
    SessionService,
    TokenRefused,
    client_of,
    digest_of,
    is_service_token,
)

TOKEN_ACTOR: Final = Actor("operator", "operator-token")
# What our own page sends with requests that no person has asked for: they keep no session alive.
UNATTENDED: Final = "x-vedette-unattended"
_MINUTE_S: Final = 60.0
_PAGE_PREFIX: Final = "/login/"
_SOURCES_MAX: Final = 4_096
_SAFE_METHODS: Final = ("GET", "HEAD", "OPTIONS")
# Nothing but a service token is taken that way, and nowhere else: a browser asks people for Basic credentials.
_BASIC_PREFIX: Final = "/hooks/"
_BASIC_MAX_CHARS: Final = 512
_PROGRAM_HINT: Final = "the host's token stands in secrets/operator.token; service tokens: vedette token list"


Method = Literal["token", "link", "passkey", "recovery", "oidc", "totp", "cli", "service-token"]


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever made a request, and the facts about how they proved it.

    Attributes:
        session: A browser's; None for every kind of token.
        method: What proved who it is: `token` (the host's own), `link`, `passkey`, `recovery`, `oidc`, `totp`,
            `cli` (a person's command line) or `service-token`.
        person_id: Who it is, or None: the host's token, a link, a program.
        roles: What the credential itself grants: a service token's, or those of an OIDC login's groups. Roles that
            are bound to the person come on top.
        scopes: What the credential is limited to.
        stepped_up_at: When the person last proved with a passkey that they are there; None if never in this session.
        is_multi_factor: Two factors were shown, by a passkey with user verification or as the provider says.
        acr: What the provider said of the login (OIDC Core §2), empty otherwise.
        amr: Its methods (RFC 8176), empty otherwise.
        address: Where the request comes from.
        owner_id: Who answers for a program.
    """

    actor: Actor
    session: Session | None = None
    method: Method = "token"
    person_id: PersonId | None = None
    roles: frozenset[str] = frozenset()
    scopes: Scopes = field(default_factory=Scopes)
    stepped_up_at: datetime | None = None
    is_multi_factor: bool = False
    acr: str = ""
    amr: tuple[str, ...] = ()
    address: str = ""
    owner_id: PersonId | None = None

    @property
    def is_host(self) -> bool:
        """Whether it is the host's administrator, by the operator's token."""
        return self.method == "token"

    @property
    def may_let_in(self) -> bool:
        """Whether they may let others in: the host's administrator, and a person with a passkey."""
        return self.is_host or self.method == SessionKind.PASSKEY.value


class FailureLimit:
    """Counts wrong credentials from each address: after so many in a minute the next ones hear to wait.

    Right ones are still taken: whoever shares an address with an attacker is not locked out.
    """

    def __init__(self, clock: Clock, *, per_minute: int) -> None:
        self._clock = clock
        self._limit = per_minute
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    def count(self, scope: Scope, problem: Problem) -> Problem:
        """Count a failure; return what is answered to it."""
        client = scope.get("client")
        source = str(client[0]) if client else "?"
        now_s = self._clock.monotonic_s()
        recent = [at for at in self._failures.pop(source, []) if now_s - at < _MINUTE_S]
        if len(recent) >= self._limit:
            self._failures[source] = recent
            return TooManyFailures("too many wrong credentials from this address", hint="wait a minute")
        self._failures[source] = [*recent, now_s]
        while len(self._failures) > _SOURCES_MAX:
            self._failures.popitem(last=False)
        return problem


class Authenticator:
    """Judges the credentials of a request.

    Args:
        token_sha256: Of the operator's token.
        sessions: Knows who is logged in.
        organization_id: Whose operators come here.
        clock: For the limit on failures.
        failures_per_minute: Wrong credentials from one address answered as such; further ones hear to wait.
        is_tls: Whether cookies go over TLS only.
        service_tokens: Knows the programs that come by a token of their own; without it none does.
    """

    def __init__(
        self,
        token_sha256: bytes,
        sessions: SessionService,
        organization_id: OrganizationId,
        *,
        clock: Clock,
        failures_per_minute: int,
        is_tls: bool,
        service_tokens: ServiceTokenService | None = None,
    ) -> None:
        self._service_tokens = service_tokens
        self._token_sha256 = token_sha256
        self._sessions = sessions
        self._organization_id = organization_id
        self.clock = clock
        self.failures = FailureLimit(clock, per_minute=failures_per_minute)
        self.cookies = SessionCookies(is_tls=is_tls)

    @property
    def is_tls(self) -> bool:
        """Whether the door speaks TLS."""
        return self.cookies.is_tls

    async def authenticate(self, scope: Scope) -> Principal:
        """Return who makes a request.

        Raises:
            Unauthenticated: There are no credentials, or wrong ones.
            TooManyFailures: Wrong ones, again and again.
            RecheckNeeded: The session is used from elsewhere than it was begun.
            CrossSiteRequest: A browser's request does not come from a page of ours.
        """
        headers = Headers(scope=scope)
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme:
            return await self._by_token(scope, _token_in(scheme.lower(), token.strip(), scope["path"]))
        return await self.by_cookie(scope)

    async def by_cookie(self, scope: Scope) -> Principal:
        """Return whose browser makes a request.

        Raises:
            Unauthenticated: It has no session that lasts.
            RecheckNeeded: The session is used from elsewhere than it was begun.
            CrossSiteRequest: The request does not come from a page of ours.
        """
        headers = Headers(scope=scope)
        cookie = self.cookies.session_in(headers)
        if not cookie:
            raise Unauthenticated(
                "no credentials", hint="send Authorization: Bearer and the token of secrets/operator.token"
            )
        if scope["method"] in _SAFE_METHODS:
            check_reading(headers)
        elif scope["path"].startswith(_PAGE_PREFIX):
            check_own_page(headers, is_tls=self.is_tls)  # a plain form sends no header of its own
        else:
            check_own_script(headers, is_tls=self.is_tls)
        session = await self._sessions.find(self._organization_id, cookie)
        if session is None or session.kind is SessionKind.CLI:  # a command line's secret is no cookie
            raise Unauthenticated("the session has ended", hint="log in again")
        return await self._by_session(scope, session)

    async def lasts(self, principal: Principal) -> bool:
        """Tell whether what a request came with still opens something: a session, or a service token."""
        session = principal.session
        if session is not None:
            found = await self._sessions.find_by_id(session.organization_id, session.session_id)
            return found is not None and not found.is_recheck_due
        if principal.method == "service-token" and self._service_tokens is not None:
            return await self._service_tokens.lasts(self._organization_id, principal.actor.id)
        return True

    async def _by_token(self, scope: Scope, token: str) -> Principal:
        address = _address_in(scope)
        if hmac.compare_digest(digest_of(token), self._token_sha256):
            return Principal(TOKEN_ACTOR, address=address)
        if token.startswith(CLI_PREFIX):
            session = await self._sessions.find(self._organization_id, token)
            if session is not None and session.kind is SessionKind.CLI:
                return await self._by_session(scope, session)
        elif self._service_tokens is not None:
            try:
                found = await self._service_tokens.judge(self._organization_id, token, address=address)
            except TokenRefused as problem:
                raise self.failures.count(scope, problem) from None
            if found is not None:
                return _principal_of_program(found, address)
        hint = "log in again: vedette login" if token.startswith(CLI_PREFIX) else _PROGRAM_HINT
        raise self.failures.count(scope, Unauthenticated("these credentials are not valid", hint=hint))

    async def _by_session(self, scope: Scope, session: Session) -> Principal:
        """Take a session, unless it is used from elsewhere: who copied its secret is not its person."""
        client = client_in(scope)
        if not session.is_recheck_due and self._sessions.settings.is_elsewhere(session, client):
            await self._sessions.demand_recheck(session, client)
            session = replace(session, is_recheck_due=True)
        if session.is_recheck_due:
            raise RecheckNeeded(
                "this session is used from another network or by another browser",
                hint="log in again" if session.kind is not SessionKind.CLI else "log in again: vedette login",
            )
        if UNATTENDED not in Headers(scope=scope):
            await self._sessions.note_use(session)
        return principal_of_session(session, address=client.address)


class AuthenticatedRoutes:
    """Lets requests below a prefix pass only with valid credentials, whatever stands at the path."""

    def __init__(self, app: ASGIApp, *, authenticator: Authenticator, prefix: str | tuple[str, ...] = "/v1") -> None:
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
            if not principal.is_host:
                authenticator = self._authenticator
                send = StreamGuard(send, lambda: authenticator.lasts(principal), clock=authenticator.clock).send
        await self._app(scope, receive, send)


def principal_of_session(session: Session, *, address: str = "") -> Principal:
    """Return who works with a session."""
    facts = session.facts
    return Principal(
        session.actor,
        session,
        method=session.kind.value,
        person_id=session.person_id,
        roles=facts.roles,
        stepped_up_at=facts.stepped_up_at,
        is_multi_factor=facts.is_multi_factor,
        acr=facts.acr,
        amr=facts.amr,
        address=address or session.client.address,
    )


def _principal_of_program(token: ServiceToken, address: str) -> Principal:
    return Principal(
        token.actor,
        method="service-token",
        roles=frozenset(token.roles),
        scopes=token.scopes,
        address=address,
        owner_id=token.owner_id,
    )


def _token_in(scheme: str, text: str, path: str) -> str:
    """Return the token of a header; a broker that can send no header of its own has it in the hook's address.

    Source:
        RFC 6750 §2.1 (Bearer); RFC 7617 (Basic), which clients make of ``http://name:token@host``.
    """
    if scheme == "bearer":
        return text
    if scheme == "basic" and path.startswith(_BASIC_PREFIX) and len(text) <= _BASIC_MAX_CHARS:
        try:
            token = b64decode(text, validate=True).decode("ascii").partition(":")[2]
        except (binascii.Error, ValueError):
            return ""
        return token if is_service_token(token) else ""
    return ""


def _address_in(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def client_in(scope: Scope) -> Client:
    """Return where a request comes from, as it is kept with a session."""
    return client_of(Headers(scope=scope).get("user-agent", ""), _address_in(scope))
