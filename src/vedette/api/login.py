"""What strangers may ask for: to log in by link, passkey or recovery code. And to log out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from vedette.api.authentication import Authenticator, client_in, principal_of_session
from vedette.api.login_oidc import logged_out_page
from vedette.api.page import refused_page
from vedette.api.plain_pages import LOGIN_HINT
from vedette.api.protection import host_name
from vedette.api.same_origin import check_own_page, check_own_script
from vedette.api.schema import refusals
from vedette.api.session_views import CurrentSessionView, PasskeyLogin, PasskeyOptionsView, RecoveryLogin
from vedette.api.sessions import CurrentSession
from vedette.kernel import IdSource, OrganizationId, Problem, escape_html
from vedette.operators import (
    TOKEN_MAX_CHARS,
    LoginFailed,
    NewSession,
    PasskeyService,
    PasskeySuspected,
    PeopleService,
    PersonDisabled,
    Session,
    SessionService,
    digest_of,
)

_SEE_OTHER: Final = 303
_COOKIE_BYTES: Final = 32
_REFUSED: Final = (LoginFailed, PersonDisabled, PasskeySuspected)


class LoginRoutes:
    """What the routes below do, for one organization; failures count against the address they come from.

    Args:
        provider_logout_of: Says where a session's browser logs out of its identity provider too; empty if nowhere.
    """

    def __init__(
        self,
        organization_id: OrganizationId,
        sessions: SessionService,
        passkeys: PasskeyService,
        people: PeopleService,
        *,
        current: CurrentSession,
        authenticator: Authenticator,
        ids: IdSource,
        provider_logout_of: Callable[[Session], Awaitable[str]],
    ) -> None:
        self._organization_id = organization_id
        self._sessions = sessions
        self._passkeys = passkeys
        self._people = people
        self._current = current
        self._authenticator = authenticator
        self._cookies = authenticator.cookies
        self._ids = ids
        self._provider_logout_of = provider_logout_of

    def build(self) -> APIRouter:
        """Return what the console's page calls before anybody is logged in."""
        router = APIRouter(prefix="/login", tags=["logging in"], dependencies=[Depends(self._only_own_page)])
        add = router.add_api_route
        add(
            "/passkey/options",
            self.ask,
            methods=["POST"],
            summary="Ask for a passkey to log in with",
            responses=refusals(409, is_change=True),
        )
        add(
            "/passkey",
            self.log_in_by_passkey,
            methods=["POST"],
            summary="Log in by passkey",
            responses=refusals(422, is_change=True),
        )
        add(
            "/recovery",
            self.log_in_by_code,
            methods=["POST"],
            summary="Log in by recovery code",
            responses=refusals(422, is_change=True),
        )
        return router

    def build_pages(self) -> APIRouter:
        """Return what browsers open or post a plain form to."""
        pages = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
        pages.add_api_route("/login", self.log_in_by_link, methods=["GET"])
        pages.add_api_route("/logout", self.log_out, methods=["POST"])
        return pages

    async def log_in_by_link(
        self, request: Request, token: Annotated[str, Query(max_length=TOKEN_MAX_CHARS)] = ""
    ) -> Response:
        """Use up a link and begin a session."""
        if "prefetch" in request.headers.get("sec-purpose", request.headers.get("purpose", "")):
            return HTMLResponse(refused_page("Open the link itself.", ""), 403)  # looking ahead uses up nothing
        try:
            begun = await self._sessions.begin_by_link(
                self._organization_id,
                token,
                client=client_in(request.scope),
                former_token=self._cookies.session_in(request.headers),
            )
        except LoginFailed as problem:
            told = self._authenticator.failures.count(request.scope, problem)
            message = f"{told.detail[:1].upper()}{told.detail[1:]}."
            return HTMLResponse(refused_page(escape_html(message), LOGIN_HINT), told.status)
        response = RedirectResponse("/", _SEE_OTHER)
        self._cookies.give_session(response, begun)
        return response

    async def log_out(self, request: Request) -> Response:
        """End the session of a page without a script."""
        try:
            check_own_page(request.headers, is_tls=self._authenticator.is_tls)
        except Problem as problem:
            return HTMLResponse(refused_page(escape_html(problem.detail), ""), problem.status)
        session = await self._sessions.find(self._organization_id, self._cookies.session_in(request.headers))
        provider_url = ""
        if session is not None:
            provider_url = await self._provider_logout_of(session)
            await self._sessions.log_out(session)
        page = logged_out_page(provider_url) if provider_url else refused_page("You are logged out.", LOGIN_HINT)
        response = HTMLResponse(page)
        self._cookies.take_session(response)
        return response

    async def ask(self, request: Request, response: Response) -> PasskeyOptionsView:
        """What a browser gives to `navigator.credentials.get`, good for five minutes and for this browser."""
        token = self._ids.random_bytes(_COOKIE_BYTES).hex()
        options = self._passkeys.ask_to_log_in(digest_of(token), host=host_name(request.headers))
        self._cookies.give_login(response, token)
        return PasskeyOptionsView(options=options)

    async def log_in_by_passkey(self, body: PasskeyLogin, request: Request, response: Response) -> CurrentSessionView:
        """Sets the session's cookie."""
        try:
            begun = await self._passkeys.log_in(
                self._organization_id,
                digest_of(self._cookies.login_in(request.headers)),
                body.credential.as_json(),
                client=client_in(request.scope),
                former_token=self._cookies.session_in(request.headers),
            )
        except _REFUSED as problem:
            raise self._authenticator.failures.count(request.scope, problem) from problem
        self._cookies.take_login(response)
        return await self._begin(begun, request, response)

    async def log_in_by_code(self, body: RecoveryLogin, request: Request, response: Response) -> CurrentSessionView:
        """Sets the session's cookie; the code is used up."""
        try:
            begun = await self._people.log_in_by_code(
                self._organization_id,
                body.code,
                client=client_in(request.scope),
                former_token=self._cookies.session_in(request.headers),
            )
        except _REFUSED as problem:
            raise self._authenticator.failures.count(request.scope, problem) from problem
        return await self._begin(begun, request, response)

    async def _begin(self, begun: NewSession, request: Request, response: Response) -> CurrentSessionView:
        self._cookies.give_session(response, begun)
        return await self._current.show(principal_of_session(begun.session), request.headers)

    def _only_own_page(self, request: Request) -> None:
        """Let no page elsewhere log somebody's browser in."""
        check_own_script(request.headers, is_tls=self._authenticator.is_tls)
